/*
 * Directories that anybody may make in a root that is open to all, for mounts whose users are
 * mapped: each belongs to the caller that mkdir() was told. report  what was seen: " want=N uid=N
 * gid=N hidden=N told=N"
 */
#include "testfs.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define REPORT (LLFUSED_ROOT_ID + 1)
#define FIRST  (REPORT + 1)
#define MAX    16

static struct {
	char names[MAX][32];
	uint32_t uid[MAX], gid[MAX];
	atomic_uint count;
	uint32_t want;
	atomic_ulong hidden, told; /* requests without and with a caller, but for mkdir */
} fs;

static void count(const struct llfused_ctx *ctx)
{
	atomic_fetch_add(ctx->flags & LLFUSED_CTX_NOCREDS ? &fs.hidden : &fs.told, 1);
}

static int fill_attr(uint64_t nodeid, struct llfused_attr *attr)
{
	uint64_t i = nodeid - FIRST;

	*attr = (struct llfused_attr){.ino = nodeid, .nlink = 2, .mode = S_IFDIR | 0755};
	if (nodeid == LLFUSED_ROOT_ID) {
		attr->mode = S_IFDIR | 0777;
	} else if (nodeid == REPORT) {
		attr->mode = S_IFREG | 0444;
		attr->nlink = 1;
		attr->size = 4096;
	} else if (i < fs.count) {
		attr->uid = fs.uid[i];
		attr->gid = fs.gid[i];
	} else {
		return -ENOENT;
	}
	return 0;
}

static int fill_entry(uint64_t nodeid, struct llfused_entry *out)
{
	out->nodeid = nodeid;
	return fill_attr(nodeid, &out->attr);
}

static int idmapfs_lookup(struct llfused_ctx *ctx, uint64_t parent, const char *name,
			  struct llfused_entry *out)
{
	count(ctx);
	if (parent != LLFUSED_ROOT_ID)
		return -ENOENT;
	if (strcmp(name, "report") == 0)
		return fill_entry(REPORT, out);
	for (unsigned i = 0; i < fs.count; i++)
		if (strcmp(name, fs.names[i]) == 0)
			return fill_entry(FIRST + i, out);
	return -ENOENT;
}

static int idmapfs_getattr(struct llfused_ctx *ctx, uint64_t nodeid, const uint64_t *fh,
			   struct llfused_attr_out *out)
{
	(void)fh;
	count(ctx);
	return fill_attr(nodeid, &out->attr);
}

static int idmapfs_mkdir(struct llfused_ctx *ctx, uint64_t parent, const char *name, uint32_t mode,
			 struct llfused_entry *out)
{
	unsigned i = fs.count;

	(void)mode;
	if (parent != LLFUSED_ROOT_ID || strlen(name) >= sizeof fs.names[0] || i == MAX)
		return -ENOSPC;
	if (ctx->flags & LLFUSED_CTX_NOCREDS)
		return -EIO;
	strcpy(fs.names[i], name);
	fs.uid[i] = ctx->uid;
	fs.gid[i] = ctx->gid;
	fs.count = i + 1;
	return fill_entry(FIRST + i, out);
}

static int idmapfs_read(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
			uint32_t flags, struct llfused_buf *buf)
{
	char text[256];
	int len;

	(void)ctx;
	(void)nodeid;
	(void)fh;
	(void)flags;
	len = snprintf(text, sizeof text, " want=%u uid=%u gid=%u hidden=%lu told=%lu\n", fs.want,
		       fs.count > 0 ? fs.uid[fs.count - 1] : 0,
		       fs.count > 0 ? fs.gid[fs.count - 1] : 0, atomic_load(&fs.hidden),
		       atomic_load(&fs.told));
	llfused_buf_read(buf, text, (size_t)len, offset);
	return 0;
}

static int idmapfs_open(struct llfused_ctx *ctx, uint64_t nodeid, uint32_t flags,
			struct llfused_open *out)
{
	(void)ctx;
	(void)nodeid;
	(void)flags;
	out->flags = LLFUSED_OPEN_DIRECT_IO;
	return 0;
}

static int idmapfs_load(void **out, struct llfused_error *error)
{
	(void)error;
	*out = &fs;
	return 0;
}

static int idmapfs_init(void *arg, const struct llfused_conn *conn)
{
	(void)arg;
	fs.want = conn->want;
	return 0;
}

static const struct llfused_ops ops = {
	LLFUSED_OPS_STAMP,      .lookup = idmapfs_lookup, .getattr = idmapfs_getattr,
	.mkdir = idmapfs_mkdir, .open = idmapfs_open,     .read = idmapfs_read,
};

static const struct llfused_backend idmapfs_backend = {
	LLFUSED_BACKEND_STAMP,       .name = "idmapfs", .summary = "directories of mapped users",
	.wants = LLFUSED_WANT_IDMAP, .ops = &ops,       .load = idmapfs_load,
	.init = idmapfs_init,
};

LLFUSED_PLUGIN(idmapfs_backend)
