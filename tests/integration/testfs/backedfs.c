/*
 * Files that the kernel reads and writes by itself, and what it cannot do so:
 *   f       read and written in an unnamed file
 *   later   the same, its open is answered later
 *   keep    opened with a flag that excludes it
 *   noid    opened without a backing id
 *   report  what was seen: " open=ERRNO fifo=ERRNO dir=ERRNO close=ERRNO gone=ERRNO want=N dev=N"
 * -o wants=MASK and -o depth=N are what wish() asks for; -o table=plain takes the ops without open,
 * -o table=bare one that lacks getattr, -o table=none none at all.
 */
#include "testfs.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum file { F = 2, LATER, KEEP, NOID, REPORT };

static const char *const names[] = {"f", "later", "keep", "noid", "report", NULL};
static const struct flat flat = {names, 4096};

static const struct llfused_ops plain_ops, bare_ops;

static struct backedfs {
	int fd; /* what is behind each file but the report */
	uint32_t wants, depth;
	const char *table;
	uint32_t id; /* 0: none could be had */
	struct llfused_conn conn;
	int opened, fifo, dir, closed, gone; /* what the calls returned */
} fs = {.fd = -1};

static int backedfs_getattr(struct llfused_ctx *ctx, uint64_t nodeid, const uint64_t *fh,
			    struct llfused_attr_out *out)
{
	struct stat st;
	int ret = flat_getattr(&flat, nodeid, out);

	(void)ctx;
	(void)fh;
	if (ret == 0 && S_ISREG(out->attr.mode) && nodeid != REPORT && fstat(fs.fd, &st) == 0)
		out->attr.size = (uint64_t)st.st_size;
	return ret;
}

static int backedfs_lookup(struct llfused_ctx *ctx, uint64_t parent, const char *name,
			   struct llfused_entry *out)
{
	struct llfused_attr_out attr;
	int ret = flat_lookup(&flat, parent, name, out);

	if (ret == 0)
		ret = backedfs_getattr(ctx, out->nodeid, NULL, &attr);
	if (ret == 0)
		out->attr = attr.attr;
	return ret;
}

static int backedfs_setattr(struct llfused_ctx *ctx, uint64_t nodeid,
			    const struct llfused_setattr *set, struct llfused_attr_out *out)
{
	if (set->valid & LLFUSED_SET_SIZE && ftruncate(fs.fd, (off_t)set->size) < 0)
		return -errno;
	return backedfs_getattr(ctx, nodeid, NULL, out);
}

static int backedfs_open(struct llfused_ctx *ctx, uint64_t nodeid, uint32_t flags,
			 struct llfused_open *out)
{
	(void)flags;
	out->flags = LLFUSED_OPEN_DIRECT_IO;
	if (nodeid == REPORT || (fs.id == 0 && nodeid != NOID))
		return 0;
	out->flags = LLFUSED_OPEN_PASSTHROUGH | LLFUSED_OPEN_NOFLUSH;
	out->backing_id = nodeid == NOID ? 0 : fs.id;
	if (nodeid == KEEP)
		out->flags |= LLFUSED_OPEN_KEEP_CACHE;
	if (nodeid == LATER) {
		llfused_complete_open(llfused_pend(ctx), out);
		return LLFUSED_PENDING;
	}
	return 0;
}

static int backedfs_read(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
			 uint32_t flags, struct llfused_buf *buf)
{
	char text[256];
	ssize_t n;

	(void)ctx;
	(void)fh;
	(void)flags;
	if (nodeid != REPORT) {
		n = pread(fs.fd, buf->data, buf->cap, (off_t)offset);
		buf->len = n > 0 ? (size_t)n : 0;
		return n < 0 ? -errno : 0;
	}
	n = snprintf(text, sizeof text,
		     " open=%d fifo=%d dir=%d close=%d gone=%d want=%u dev=%llu\n", -fs.opened,
		     -fs.fifo, -fs.dir, -fs.closed, -fs.gone, fs.conn.want,
		     (unsigned long long)fs.conn.dev);
	llfused_buf_read(buf, text, (size_t)n, offset);
	return 0;
}

static int backedfs_write(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
			  const void *data, size_t size, uint32_t flags, size_t *written)
{
	ssize_t n = pwrite(fs.fd, data, size, (off_t)offset);

	(void)ctx;
	(void)nodeid;
	(void)fh;
	(void)flags;
	*written = n > 0 ? (size_t)n : 0;
	return n < 0 ? -errno : 0;
}

static int backedfs_getxattr(struct llfused_ctx *ctx, uint64_t nodeid, const char *name,
			     struct llfused_buf *value)
{
	(void)ctx;
	(void)nodeid;
	(void)name;
	(void)value;
	return -ENODATA;
}

/* ---- life ---- */

static int backedfs_load(void **out, struct llfused_error *error)
{
	(void)error;
	fs.wants = LLFUSED_WANT_PASSTHROUGH | LLFUSED_WANT_KILLPRIV;
	fs.depth = 1;
	fs.fd = memfd_create("backedfs", MFD_CLOEXEC);
	*out = &fs;
	return fs.fd < 0 ? -errno : 0;
}

static int backedfs_configure(void *arg, const char *key, const char *value,
			      struct llfused_error *error)
{
	(void)arg;
	(void)error;
	if (strcmp(key, "wants") == 0)
		fs.wants = (uint32_t)strtoul(value, NULL, 0);
	else if (strcmp(key, "depth") == 0)
		fs.depth = (uint32_t)strtoul(value, NULL, 0);
	else
		fs.table = value;
	return 0;
}

static void backedfs_wish(void *arg, struct llfused_wishes *wishes)
{
	(void)arg;
	wishes->wants = fs.wants;
	wishes->stack_depth = fs.depth;
	if (!fs.table)
		return;
	if (strcmp(fs.table, "plain") == 0)
		wishes->ops = &plain_ops;
	else
		wishes->ops = strcmp(fs.table, "bare") == 0 ? &bare_ops : NULL;
}

/* What the kernel says of a file that is not a regular one. */
static int try_path(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC), ret;
	uint32_t id;

	if (fd < 0)
		return -errno;
	ret = llfused_backing_open(fd, &id);
	close(fd);
	return ret;
}

static int backedfs_init(void *arg, const struct llfused_conn *conn)
{
	uint32_t other;

	(void)arg;
	fs.conn = *conn;
	fs.fifo = try_path("/dev/null", O_RDONLY);
	fs.dir = try_path("/", O_RDONLY | O_DIRECTORY);
	if (llfused_backing_open(fs.fd, &other) == 0)
		fs.closed = llfused_backing_close(other);
	fs.gone = llfused_backing_close(12345);
	fs.opened = llfused_backing_open(fs.fd, &fs.id);
	return 0;
}

static void backedfs_destroy(void *arg)
{
	(void)arg;
	if (llfused_backing_close(fs.id) != -ENOTCONN)
		llfused_log(LLFUSED_LOG_ERROR, "backedfs: the end is not told");
	close(fs.fd);
}

#define COMMON_OPS \
	LLFUSED_OPS_STAMP, .lookup = backedfs_lookup, .getattr = backedfs_getattr, \
			   .setattr = backedfs_setattr, .read = backedfs_read, \
			   .write = backedfs_write, .getxattr = backedfs_getxattr

static const struct llfused_ops ops = {COMMON_OPS, .open = backedfs_open};
static const struct llfused_ops plain_ops = {COMMON_OPS};
static const struct llfused_ops bare_ops = {LLFUSED_OPS_STAMP, .lookup = backedfs_lookup};

static const struct llfused_option options[] = {
	{.key = "wants", .arg = "MASK", .help = "what wish() wants"},
	{.key = "depth", .arg = "N", .help = "what wish() sets stack_depth to"},
	{.key = "table", .arg = "NAME", .help = "which ops wish() chooses"},
	{.key = NULL},
};

static const struct llfused_backend backedfs_backend = {
	LLFUSED_BACKEND_STAMP,
	.name = "backedfs",
	.summary = "files that the kernel reads and writes by itself",
	.declares = LLFUSED_CONCURRENT,
	.options = options,
	.ops = &ops,
	.load = backedfs_load,
	.configure = backedfs_configure,
	.wish = backedfs_wish,
	.init = backedfs_init,
	.destroy = backedfs_destroy,
};

LLFUSED_PLUGIN(backedfs_backend)
