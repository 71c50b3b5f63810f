/*
 * The smallest useful backend: a directory with one read-only file, `message`.
 * It declares nothing, so one op runs at a time and no lock is needed here.  All that it knows of
 * the daemon is in <llfused/backend.h>.
 */
#include <llfused/backend.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define MESSAGE_ID (LLFUSED_ROOT_ID + 1) /* any number but the root's */

static const char text[] = "hello world\n";
#define TEXT_SIZE (sizeof(text) - 1)

/* What stat(2) shows of a node; fields that are not set are 0. */
static void hello_attr(uint64_t nodeid, struct llfused_attr *attr)
{
	attr->ino = nodeid;
	attr->mode = nodeid == MESSAGE_ID ? S_IFREG | 0444 : S_IFDIR | 0555;
	attr->nlink = nodeid == MESSAGE_ID ? 1 : 2;
	attr->size = nodeid == MESSAGE_ID ? TEXT_SIZE : 0;
}

/* From a name to its node.  Nothing ever changes here, so the kernel may keep the answer. */
static int hello_lookup(struct llfused_ctx *ctx, uint64_t parent, const char *name,
			struct llfused_entry *out)
{
	(void)ctx, (void)parent;
	if (strcmp(name, "message") != 0)
		return -ENOENT;
	out->nodeid = MESSAGE_ID;
	out->entry_timeout = LLFUSED_FOREVER;
	out->attr_timeout = LLFUSED_FOREVER;
	hello_attr(MESSAGE_ID, &out->attr);
	return 0;
}

static int hello_getattr(struct llfused_ctx *ctx, uint64_t nodeid, const uint64_t *fh,
			 struct llfused_attr_out *out)
{
	(void)ctx, (void)fh;
	out->timeout = LLFUSED_FOREVER;
	hello_attr(nodeid, &out->attr);
	return 0;
}

/* Offset 0 is the start, and 1 is what follows the only entry. */
static int hello_readdir(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
			 struct llfused_dirents *dirents)
{
	(void)ctx, (void)nodeid, (void)fh;
	if (offset == 0)
		dirents->add(dirents, "message", strlen("message"), MESSAGE_ID, S_IFREG, 1, NULL);
	return 0;
}

static int hello_open(struct llfused_ctx *ctx, uint64_t nodeid, uint32_t flags,
		      struct llfused_open *out)
{
	(void)ctx, (void)nodeid, (void)out;
	return (flags & O_ACCMODE) == O_RDONLY ? 0 : -EACCES;
}

static int hello_read(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		      uint32_t flags, struct llfused_buf *buf)
{
	(void)ctx, (void)nodeid, (void)fh, (void)flags;
	llfused_buf_read(buf, text, TEXT_SIZE, offset);
	return 0;
}

static int hello_load(void **fs, struct llfused_error *error)
{
	(void)fs, (void)error; /* there is no state to make; ctx->fs stays NULL */
	return 0;
}

/* An op that is left out is absent: the header says what that means for each. */
static const struct llfused_ops ops = {
	.size = sizeof(ops),
	.lookup = hello_lookup,
	.getattr = hello_getattr,
	.readdir = hello_readdir,
	.open = hello_open,
	.read = hello_read,
};

static const struct llfused_backend hello = {
	LLFUSED_BACKEND_STAMP,
	.name = "hello",
	.summary = "one read-only file, message, that says hello world",
	.ops = &ops,
	.load = hello_load,
};
LLFUSED_PLUGIN(hello)
