/*
 * One file `f` of zeros, for measuring the way to here and back: every request is answered at once,
 * nothing is kept, and the kernel may cache nothing, so that each call is a message.
 */
#include <llfused/backend.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

extern const struct llfused_backend null_backend;

#define FILE_ID      (LLFUSED_ROOT_ID + 1)
#define DEFAULT_SIZE (UINT64_C(1) << 30)

struct null {
	uint64_t size; /* of the file; set before the first request */
};

static int null_attr(const struct null *fs, uint64_t nodeid, struct llfused_attr *attr)
{
	attr->ino = nodeid;
	if (nodeid == LLFUSED_ROOT_ID) {
		attr->mode = S_IFDIR | 0755;
		attr->nlink = 2;
	} else if (nodeid == FILE_ID) {
		attr->mode = S_IFREG | 0666;
		attr->nlink = 1;
		attr->size = fs->size;
	} else {
		return -ENOENT;
	}
	return 0;
}

/* The timeouts stay 0 here and below: asked again each time. */
static int null_lookup(struct llfused_ctx *ctx, uint64_t parent, const char *name,
		       struct llfused_entry *out)
{
	if (parent != LLFUSED_ROOT_ID || strcmp(name, "f") != 0)
		return -ENOENT;
	out->nodeid = FILE_ID;
	return null_attr(ctx->fs, FILE_ID, &out->attr);
}

static int null_getattr(struct llfused_ctx *ctx, uint64_t nodeid, const uint64_t *fh,
			struct llfused_attr_out *out)
{
	(void)fh;
	return null_attr(ctx->fs, nodeid, &out->attr);
}

/* So that open(O_TRUNC) and touch work; what is set is forgotten. */
static int null_setattr(struct llfused_ctx *ctx, uint64_t nodeid, const struct llfused_setattr *set,
			struct llfused_attr_out *out)
{
	(void)set;
	return null_attr(ctx->fs, nodeid, &out->attr);
}

/* Direct I/O keeps data out of the page cache. */
static int null_open(struct llfused_ctx *ctx, uint64_t nodeid, uint32_t flags,
		     struct llfused_open *out)
{
	(void)ctx;
	(void)nodeid;
	(void)flags;
	out->flags = LLFUSED_OPEN_DIRECT_IO | LLFUSED_OPEN_PARALLEL_WRITES;
	return 0;
}

/* Only to keep the kernel from caching the listing. */
static int null_opendir(struct llfused_ctx *ctx, uint64_t nodeid, uint32_t flags,
			struct llfused_open *out)
{
	(void)ctx;
	(void)nodeid;
	(void)flags;
	out->flags = 0;
	return 0;
}

static int null_readdir(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
			struct llfused_dirents *dirents)
{
	(void)ctx;
	(void)nodeid;
	(void)fh;
	if (offset == 0)
		dirents->add(dirents, "f", 1, FILE_ID, S_IFREG, 1, NULL);
	return 0;
}

static int null_read(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		     uint32_t flags, struct llfused_buf *buf)
{
	const struct null *fs = ctx->fs;
	uint64_t left = offset < fs->size ? fs->size - offset : 0;

	(void)nodeid;
	(void)fh;
	(void)flags;
	buf->len = left < buf->cap ? (size_t)left : buf->cap;
	if (buf->len > 0)
		memset(buf->data, 0, buf->len);
	return 0;
}

static int null_write(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		      const void *data, size_t size, uint32_t flags, size_t *written)
{
	(void)ctx;
	(void)nodeid;
	(void)fh;
	(void)offset;
	(void)data;
	(void)flags;
	*written = size;
	return 0;
}

/* ---- life ---- */

static int null_load(void **out, struct llfused_error *error)
{
	struct null *fs = calloc(1, sizeof(*fs));

	if (!fs) {
		snprintf(error->text, sizeof(error->text), "no memory for the file system");
		return -ENOMEM;
	}
	fs->size = DEFAULT_SIZE;
	*out = fs;
	return 0;
}

/* Digits only: strtoull would take a sign and blanks, too. */
static int null_configure(void *instance, const char *key, const char *value,
			  struct llfused_error *error)
{
	struct null *fs = instance;
	size_t digits = strspn(value, "0123456789");

	errno = 0;
	fs->size = strtoull(value, NULL, 10);
	if (digits > 0 && value[digits] == '\0' && errno == 0 && fs->size <= INT64_MAX)
		return 0;
	snprintf(error->text, sizeof(error->text), "%s=%s: not a number of bytes", key, value);
	return -EINVAL;
}

static void null_destroy(void *fs)
{
	free(fs);
}

static const struct llfused_option options[] = {
	{.key = "size", .arg = "BYTES", .help = "size of the file (default 1 GiB)"},
	{.key = NULL},
};

static const struct llfused_ops ops = {
	.size = sizeof(ops),
	.lookup = null_lookup,
	.getattr = null_getattr,
	.setattr = null_setattr,
	.open = null_open,
	.read = null_read,
	.write = null_write,
	.opendir = null_opendir,
	.readdir = null_readdir,
};

const struct llfused_backend null_backend = {
	LLFUSED_BACKEND_STAMP,
	.name = "null",
	.summary = "one file of zeros that swallows what is written, for measurements",
	.declares = LLFUSED_CONCURRENT | LLFUSED_NONBLOCKING,
	.options = options,
	.ops = &ops,
	.load = null_load,
	.configure = null_configure,
	.destroy = null_destroy,
};
