/*
 * A plugin as a newer header of the same major version would have made it: both tables go on, with
 * functions that a daemon must not call, since it cannot know what they are for.
 */
#define CONTENT "newer\n"
#include "onefile.h"

#include <stdlib.h>

#define MORE 8

static int unknown(void)
{
	abort();
}

struct newer_ops {
	struct llfused_ops known;
	int (*more[MORE])(void);
};

struct newer_backend {
	struct llfused_backend known;
	int (*more[MORE])(void);
};

static const struct newer_ops ops = {
	.known =
		{
			.size = sizeof(struct newer_ops),
			.lookup = onefile_lookup,
			.getattr = onefile_getattr,
			.read = onefile_read,
			.readdir = onefile_readdir,
			.statfs = onefile_statfs,
		},
	.more = {[0 ... MORE - 1] = unknown},
};

static const struct newer_backend newer = {
	.known =
		{
			.size = sizeof(struct newer_backend),
			.api_major = LLFUSED_API_MAJOR,
			.api_minor = LLFUSED_API_MINOR + 7,
			.name = "newer",
			.summary = "one file, by longer tables",
			.ops = &ops.known,
			.load = onefile_load,
		},
	.more = {[0 ... MORE - 1] = unknown},
};

LLFUSED_PLUGIN(newer.known)
