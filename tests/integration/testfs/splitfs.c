/*
 * Files whose reads say on which thread they were answered, and wrong answers about that, from a
 * backend that splits its work between reading threads and the pool:
 *   here    answered in the first call
 *   there   answered in the second call
 *   slow    asks for the second call, which sleeps; when interrupted it ends with EINTR
 *   again   asks for a third call
 *   pended  becomes pending in the first call
 *   later   becomes pending in the second call
 *   both    becomes pending, and asks for a second call all the same
 *   lag     takes its time in the first call, and asks for the second
 *   hidden  asks for the second call, and takes the mark away by which that is known
 *   report  what was seen: " first=N second=N inside=N interrupts=N differ=N"
 * -o delay=MS sets how long `slow` takes; -o roots asks for a second call to look at the root.
 */
#include "testfs.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum file { HERE = 2, THERE, SLOW, AGAIN, PENDED, LATER, BOTH, HIDDEN, LAG, REPORT };

static const char *const names[] = {"here", "there",  "slow", "again",  "pended", "later",
				    "both", "hidden", "lag",  "report", NULL};
static const struct flat flat = {names, 4096};

static struct splitfs {
	unsigned delay; /* ms */
	bool roots;
	atomic_ulong first, second; /* reads, but of `report` */
	atomic_ulong inside;        /* that sleep */
	atomic_ulong interrupts;
	atomic_ulong differ; /* second calls whose arguments were not as in the first */
} fs;

static bool may_sleep(const struct llfused_ctx *ctx)
{
	return ctx->flags & LLFUSED_CTX_MAY_SLEEP;
}

static void nap(unsigned ms)
{
	nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L}, NULL);
}

/* The name of the thread, without its number. */
static size_t thread_name(char *name, size_t size)
{
	pthread_getname_np(pthread_self(), name, size);
	return strcspn(name, "/");
}

static int put_thread(struct llfused_buf *buf)
{
	char name[16];

	return llfused_buf_put(buf, name, thread_name(name, sizeof name));
}

static int complete_with_thread(llfused_pending id)
{
	char name[16];

	if (id == 0)
		return -EAGAIN;
	llfused_complete_data(id, name, thread_name(name, sizeof name));
	return LLFUSED_PENDING;
}

static int sleep_in(const struct llfused_ctx *ctx, struct llfused_buf *buf)
{
	int ret = 0;

	atomic_fetch_add(&fs.inside, 1);
	for (unsigned ms = 0; ms < fs.delay && ret == 0; ms++) {
		nap(1);
		if (llfused_interrupted(ctx))
			ret = -EINTR;
	}
	atomic_fetch_sub(&fs.inside, 1);
	if (ret == 0)
		return put_thread(buf);
	atomic_fetch_add(&fs.interrupts, 1);
	return ret;
}

static int read_report(uint64_t offset, struct llfused_buf *buf)
{
	char text[256];
	int len = snprintf(text, sizeof text,
			   " first=%lu second=%lu inside=%lu interrupts=%lu differ=%lu\n",
			   atomic_load(&fs.first), atomic_load(&fs.second), atomic_load(&fs.inside),
			   atomic_load(&fs.interrupts), atomic_load(&fs.differ));

	llfused_buf_read(buf, text, (size_t)len, offset);
	return 0;
}

static int read_first(struct llfused_ctx *ctx, uint64_t nodeid, struct llfused_buf *buf)
{
	atomic_fetch_add(&fs.first, 1);
	/* what is written here must not be seen in the second call */
	memset(buf->data, 'x', buf->cap);
	switch (nodeid) {
	case HERE:
		return put_thread(buf);
	case PENDED:
		return complete_with_thread(llfused_pend(ctx));
	case BOTH:
		return llfused_pend(ctx) ? LLFUSED_AGAIN : -EAGAIN;
	case LAG:
		nap(300);
		return LLFUSED_AGAIN;
	default:
		buf->len = 100;
		return LLFUSED_AGAIN;
	}
}

static int read_second(struct llfused_ctx *ctx, uint64_t nodeid, struct llfused_buf *buf)
{
	atomic_fetch_add(&fs.second, 1);
	if (buf->len != 0)
		atomic_fetch_add(&fs.differ, 1);
	switch (nodeid) {
	case SLOW:
		return sleep_in(ctx, buf);
	case AGAIN:
		return LLFUSED_AGAIN;
	case LATER:
	case BOTH:
		return complete_with_thread(llfused_pend(ctx));
	case HIDDEN:
		ctx->flags = 0;
		return LLFUSED_AGAIN;
	default:
		return put_thread(buf);
	}
}

static int splitfs_read(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
			uint32_t flags, struct llfused_buf *buf)
{
	(void)flags;
	if (fh != nodeid)
		atomic_fetch_add(&fs.differ, 1);
	if (nodeid == REPORT)
		return read_report(offset, buf);
	if (offset > 0) /* one word is all */
		return 0;
	return may_sleep(ctx) ? read_second(ctx, nodeid, buf) : read_first(ctx, nodeid, buf);
}

static int splitfs_open(struct llfused_ctx *ctx, uint64_t nodeid, uint32_t flags,
			struct llfused_open *out)
{
	(void)ctx;
	(void)flags;
	out->fh = nodeid;
	out->flags = LLFUSED_OPEN_DIRECT_IO; /* each read(2) is one request */
	return 0;
}

/* Bytes are counted; data of many sizes goes through both kinds of thread. */
static int splitfs_write(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
			 const void *data, size_t size, uint32_t flags, size_t *written)
{
	const unsigned char *bytes = data;

	(void)fh;
	(void)offset;
	(void)flags;
	if (nodeid != HERE && !may_sleep(ctx))
		return LLFUSED_AGAIN;
	/* its first and last byte tell whether it is what was written */
	if (size > 0 && bytes[0] != bytes[size - 1])
		return -EILSEQ;
	*written = size;
	return 0;
}

static int splitfs_lookup(struct llfused_ctx *ctx, uint64_t parent, const char *name,
			  struct llfused_entry *out)
{
	(void)ctx;
	return flat_lookup(&flat, parent, name, out);
}

static int splitfs_getattr(struct llfused_ctx *ctx, uint64_t nodeid, const uint64_t *fh,
			   struct llfused_attr_out *out)
{
	(void)fh;
	if (fs.roots && nodeid == LLFUSED_ROOT_ID && !may_sleep(ctx))
		return LLFUSED_AGAIN;
	return flat_getattr(&flat, nodeid, out);
}

/* Adds entries in both calls: only those of the second may be seen. */
static int splitfs_readdir(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
			   struct llfused_dirents *dirents)
{
	int ret;

	(void)fh;
	if (may_sleep(ctx))
		return flat_readdir(&flat, nodeid, offset, dirents);
	ret = flat_readdir(&flat, nodeid, 0, dirents);
	return ret == 0 ? LLFUSED_AGAIN : ret;
}

static int splitfs_load(void **out, struct llfused_error *error)
{
	(void)error;
	fs.delay = 200;
	*out = &fs;
	return 0;
}

static int splitfs_configure(void *arg, const char *key, const char *value,
			     struct llfused_error *error)
{
	(void)arg;
	(void)error;
	if (strcmp(key, "delay") == 0)
		fs.delay = (unsigned)strtoul(value, NULL, 10);
	else
		fs.roots = true;
	return 0;
}

static const struct llfused_option options[] = {
	{.key = "delay", .arg = "MS", .help = "how long the slow file takes"},
	{.key = "roots", .help = "the root is looked at where one may sleep"},
	{.key = NULL},
};

static const struct llfused_ops ops = {
	LLFUSED_OPS_STAMP,          .lookup = splitfs_lookup, .getattr = splitfs_getattr,
	.open = splitfs_open,       .read = splitfs_read,     .write = splitfs_write,
	.readdir = splitfs_readdir,
};

static const struct llfused_backend splitfs_backend = {
	LLFUSED_BACKEND_STAMP,
	.name = "splitfs",
	.summary = "files that say which thread read them",
	.declares = LLFUSED_SPLIT,
	.options = options,
	.ops = &ops,
	.load = splitfs_load,
	.configure = splitfs_configure,
};

LLFUSED_PLUGIN(splitfs_backend)
