/*
 * A plugin as an older header would have made it: both tables end early.  Behind their ends lies
 * what would crash a daemon that reads it as functions.
 */
#define CONTENT "older\n"
#include "onefile.h"

#define SAME(table, member) __typeof__(((struct table *)0)->member) member

/* struct llfused_ops as far as statfs. */
struct older_ops {
	size_t size;
	SAME(llfused_ops, lookup);
	SAME(llfused_ops, forget);
	SAME(llfused_ops, getattr);
	SAME(llfused_ops, setattr);
	SAME(llfused_ops, readlink);
	SAME(llfused_ops, symlink);
	SAME(llfused_ops, mknod);
	SAME(llfused_ops, mkdir);
	SAME(llfused_ops, unlink);
	SAME(llfused_ops, rmdir);
	SAME(llfused_ops, rename);
	SAME(llfused_ops, link);
	SAME(llfused_ops, open);
	SAME(llfused_ops, create);
	SAME(llfused_ops, tmpfile);
	SAME(llfused_ops, read);
	SAME(llfused_ops, write);
	SAME(llfused_ops, flush);
	SAME(llfused_ops, release);
	SAME(llfused_ops, fsync);
	SAME(llfused_ops, opendir);
	SAME(llfused_ops, readdir);
	SAME(llfused_ops, releasedir);
	SAME(llfused_ops, fsyncdir);
	SAME(llfused_ops, statfs);
};

/* struct llfused_backend as far as load. */
struct older_backend {
	size_t size;
	uint32_t api_major;
	uint32_t api_minor;
	const char *name;
	const char *summary;
	uint32_t declares;
	uint32_t wants;
	const struct llfused_option *options;
	const void *ops;
	SAME(llfused_backend, load);
};

_Static_assert(offsetof(struct older_ops, statfs) == offsetof(struct llfused_ops, statfs),
	       "the same layout");
_Static_assert(offsetof(struct older_backend, load) == offsetof(struct llfused_backend, load),
	       "the same layout");

#define GARBAGE 0xa5a5a5a5a5a5a5a5

static const struct {
	struct older_ops ops;
	uint64_t garbage[64];
} ops = {
	.ops =
		{
			.size = sizeof(struct older_ops),
			.lookup = onefile_lookup,
			.getattr = onefile_getattr,
			.read = onefile_read,
			.readdir = onefile_readdir,
			.statfs = onefile_statfs,
		},
	.garbage = {[0 ... 63] = GARBAGE},
};

static const struct {
	struct older_backend backend;
	uint64_t garbage[64];
} older = {
	.backend =
		{
			.size = sizeof(struct older_backend),
			.api_major = 1,
			.api_minor = 0,
			.name = "older",
			.summary = "one file, by shorter tables",
			.ops = &ops,
			.load = onefile_load,
		},
	.garbage = {[0 ... 63] = GARBAGE},
};

const struct llfused_backend *llfused_plugin(void)
{
	return (const struct llfused_backend *)(const void *)&older;
}
