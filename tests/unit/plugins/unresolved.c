/*
 * A plugin that calls a function of a daemon newer than this one.
 */
#define CONTENT "unresolved\n"
#include "onefile.h"

LLFUSED_EXPORT int llfused_of_the_future(void);

static int init(void *fs, const struct llfused_conn *conn)
{
	(void)fs;
	(void)conn;
	return llfused_of_the_future();
}

static const struct llfused_ops ops = {
	.size = sizeof ops,
	.lookup = onefile_lookup,
	.getattr = onefile_getattr,
	.read = onefile_read,
	.readdir = onefile_readdir,
	.statfs = onefile_statfs,
};

static const struct llfused_backend unresolved = {
	LLFUSED_BACKEND_STAMP, .name = "unresolved", .ops = &ops,
	.load = onefile_load,  .init = init,
};

LLFUSED_PLUGIN(unresolved)
