/*
 * A plugin as the header of API 1.0 made it, with everything in use that was there.  Where its
 * table ends, and wish() stands by now, lies what would crash a daemon that calls it.
 */
#define CONTENT "minor0\n"
#include "onefile.h"

#define SAME(member) __typeof__(((struct llfused_backend *)0)->member) member

struct minor0_backend {
	size_t size;
	uint32_t api_major;
	uint32_t api_minor;
	const char *name;
	const char *summary;
	uint32_t declares;
	uint32_t wants;
	const struct llfused_option *options;
	const struct llfused_ops *ops;
	SAME(load);
	SAME(configure);
	SAME(ready);
	SAME(init);
	SAME(destroy);
	SAME(unload);
};

_Static_assert(sizeof(struct minor0_backend) == offsetof(struct llfused_backend, wish),
	       "the same layout, and wish() came next");

/* The table of ops has not grown since. */
_Static_assert(sizeof(struct llfused_ops) ==
		       offsetof(struct llfused_ops, retrieved) + sizeof(void (*)(void)),
	       "the ops of API 1.0");

static void minor0_retrieved(struct llfused_ctx *ctx, uint64_t cookie, uint64_t nodeid,
			     uint64_t offset, const void *data, size_t size)
{
	(void)ctx;
	(void)cookie;
	(void)nodeid;
	(void)offset;
	(void)data;
	(void)size;
}

static void minor0_unload(void)
{
}

static const struct llfused_ops ops = {
	.size = sizeof(struct llfused_ops),
	.lookup = onefile_lookup,
	.getattr = onefile_getattr,
	.read = onefile_read,
	.readdir = onefile_readdir,
	.statfs = onefile_statfs,
	.retrieved = minor0_retrieved,
};

static const struct {
	struct minor0_backend backend;
	uint64_t garbage[64];
} minor0 = {
	.backend =
		{
			.size = sizeof(struct minor0_backend),
			.api_major = 1,
			.api_minor = 0,
			.name = "minor0",
			.summary = "one file, by the tables of API 1.0",
			.ops = &ops,
			.load = onefile_load,
			.unload = minor0_unload,
		},
	.garbage = {[0 ... 63] = 0xa5a5a5a5a5a5a5a5},
};

const struct llfused_backend *llfused_plugin(void)
{
	return (const struct llfused_backend *)(const void *)&minor0;
}
