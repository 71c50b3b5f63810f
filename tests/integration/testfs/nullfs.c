/*
 * One file `f` of zeros; every request is answered at once and nothing is cached.
 * For tests of the daemon itself.
 */
#include "testfs.h"

#include <string.h>
#include <errno.h>

static const char *const names[] = {"f", NULL};
static const struct flat flat = {names, 4096};

static int nullfs_lookup(struct llfused_ctx *ctx, uint64_t parent, const char *name,
			 struct llfused_entry *out)
{
	(void)ctx;
	return flat_lookup(&flat, parent, name, out);
}

static int nullfs_getattr(struct llfused_ctx *ctx, uint64_t nodeid, const uint64_t *fh,
			  struct llfused_attr_out *out)
{
	(void)ctx;
	(void)fh;
	return flat_getattr(&flat, nodeid, out);
}

static int nullfs_readdir(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
			  struct llfused_dirents *dirents)
{
	(void)ctx;
	(void)fh;
	return flat_readdir(&flat, nodeid, offset, dirents);
}

static int nullfs_read(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		       uint32_t flags, struct llfused_buf *buf)
{
	(void)ctx;
	(void)nodeid;
	(void)fh;
	(void)flags;
	if (offset < flat.size) {
		buf->len = flat.size - offset < buf->cap ? flat.size - offset : buf->cap;
		memset(buf->data, 0, buf->len);
	}
	return 0;
}

/* Not allowed, and the daemon must see to it that it does no harm. */
static int nullfs_getxattr(struct llfused_ctx *ctx, uint64_t nodeid, const char *name,
			   struct llfused_buf *value)
{
	(void)ctx;
	(void)nodeid;
	(void)name;
	(void)value;
	return -ENOSYS;
}

static int nullfs_load(void **fs, struct llfused_error *error)
{
	(void)error;
	*fs = NULL;
	return 0;
}

static const struct llfused_ops ops = {
	.size = sizeof ops,
	.lookup = nullfs_lookup,
	.getattr = nullfs_getattr,
	.readdir = nullfs_readdir,
	.read = nullfs_read,
	.getxattr = nullfs_getxattr,
};

static const struct llfused_backend nullfs_backend = {
	LLFUSED_BACKEND_STAMP,
	.name = "nullfs",
	.summary = "one file of zeros",
	.declares = LLFUSED_CONCURRENT | LLFUSED_NONBLOCKING,
	.ops = &ops,
	.load = nullfs_load,
};

LLFUSED_PLUGIN(nullfs_backend)
