/*
 * A source that blocks: a directory for each sort of operation, with files 0 to 63 that are there
 * whatever happens to them, and with these that operation takes its time:
 *   read write fsync lookup unlink copy	as they are called
 *   list				files are directories here, and listing them is slow
 *   quick lock				nothing is slow
 *   report				in the root: "busy=N", how many are taking their time now
 * -o delay=MS says how long.
 */
#include <llfused/backend.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define FILES 64

enum sort { READ, WRITE, FSYNC, LOOKUP, UNLINK, COPY, LIST, QUICK, LOCK, SORTS };

static const char *const sorts[SORTS] = {"read", "write", "fsync", "lookup", "unlink",
					 "copy", "list",  "quick", "lock"};

/* nodeids */
#define REPORT      2u
#define DIR(s)      (10u + (unsigned)(s))
#define FILE_(s, n) (100u + (unsigned)(s)*FILES + (unsigned)(n))

static unsigned delay_ms = 1500;
static atomic_uint busy;

static int is_of(uint64_t nodeid, enum sort sort)
{
	return nodeid >= FILE_(sort, 0) && nodeid < FILE_(sort + 1, 0);
}

static void take_time(int really)
{
	struct timespec until;

	if (!really)
		return;
	atomic_fetch_add(&busy, 1);
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (long)(delay_ms % 1000) * 1000000;
	until.tv_sec += delay_ms / 1000 + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	/* a dump of the stacks interrupts sleepers */
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
	atomic_fetch_sub(&busy, 1);
}

static int fill_attr(uint64_t nodeid, struct llfused_attr *attr)
{
	int dir = nodeid == LLFUSED_ROOT_ID || (nodeid >= DIR(0) && nodeid < DIR(SORTS)) ||
		  is_of(nodeid, LIST);

	if (!dir && nodeid != REPORT && (nodeid < FILE_(0, 0) || nodeid >= FILE_(SORTS, 0)))
		return -ENOENT;
	attr->ino = nodeid;
	attr->mode = dir ? S_IFDIR | 0777 : S_IFREG | 0666;
	attr->nlink = 1;
	attr->size = dir ? 0 : 4096;
	return 0;
}

static uint64_t find(uint64_t parent, const char *name)
{
	char *end;
	unsigned long n = strtoul(name, &end, 10);

	if (parent >= DIR(0) && parent < DIR(SORTS))
		return *end || n >= FILES ? 0 : FILE_(parent - DIR(0), n);
	if (parent == LLFUSED_ROOT_ID && strcmp(name, "report") == 0)
		return REPORT;
	for (unsigned s = 0; parent == LLFUSED_ROOT_ID && s < SORTS; s++)
		if (strcmp(name, sorts[s]) == 0)
			return DIR(s);
	return 0;
}

static int slow_lookup(struct llfused_ctx *ctx, uint64_t parent, const char *name,
		       struct llfused_entry *out)
{
	(void)ctx;
	take_time(parent == DIR(LOOKUP));
	out->nodeid = find(parent, name);
	return out->nodeid ? fill_attr(out->nodeid, &out->attr) : -ENOENT;
}

static int slow_getattr(struct llfused_ctx *ctx, uint64_t nodeid, const uint64_t *fh,
			struct llfused_attr_out *out)
{
	(void)ctx;
	(void)fh;
	return fill_attr(nodeid, &out->attr);
}

static int slow_setattr(struct llfused_ctx *ctx, uint64_t nodeid, const struct llfused_setattr *set,
			struct llfused_attr_out *out)
{
	(void)ctx;
	(void)set;
	return fill_attr(nodeid, &out->attr);
}

static int slow_unlink(struct llfused_ctx *ctx, uint64_t parent, const char *name)
{
	(void)ctx;
	(void)name;
	take_time(parent == DIR(UNLINK));
	return 0;
}

static int slow_open(struct llfused_ctx *ctx, uint64_t nodeid, uint32_t flags,
		     struct llfused_open *out)
{
	(void)ctx;
	(void)flags;
	/* so that what is told is what is so */
	if (nodeid == REPORT)
		out->flags = LLFUSED_OPEN_DIRECT_IO;
	return 0;
}

static int slow_read(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		     uint32_t flags, struct llfused_buf *buf)
{
	static const char zeros[4096];
	char text[32];

	(void)ctx;
	(void)fh;
	(void)flags;
	take_time(is_of(nodeid, READ));
	if (nodeid != REPORT) {
		llfused_buf_read(buf, zeros, sizeof zeros, offset);
		return 0;
	}
	snprintf(text, sizeof text, " busy=%u\n", atomic_load(&busy));
	llfused_buf_read(buf, text, strlen(text), offset);
	return 0;
}

static int slow_write(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		      const void *data, size_t size, uint32_t flags, size_t *written)
{
	(void)ctx;
	(void)fh;
	(void)offset;
	(void)data;
	(void)flags;
	take_time(is_of(nodeid, WRITE));
	*written = size;
	return 0;
}

static int slow_fsync(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, int datasync)
{
	(void)ctx;
	(void)fh;
	(void)datasync;
	take_time(is_of(nodeid, FSYNC));
	return 0;
}

static int slow_copy(struct llfused_ctx *ctx, uint64_t nodeid_in, uint64_t fh_in, uint64_t off_in,
		     uint64_t nodeid_out, uint64_t fh_out, uint64_t off_out, uint64_t length,
		     uint32_t flags, uint64_t *copied)
{
	(void)ctx;
	(void)fh_in;
	(void)off_in;
	(void)nodeid_out;
	(void)fh_out;
	(void)off_out;
	(void)flags;
	take_time(is_of(nodeid_in, COPY));
	*copied = length;
	return 0;
}

static int slow_readdir(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
			struct llfused_dirents *dirents)
{
	char name[16];

	(void)ctx;
	(void)fh;
	take_time(is_of(nodeid, LIST) && offset == 0);
	if (nodeid != DIR(QUICK))
		return 0;
	for (uint64_t n = offset; n < FILES; n++) {
		int len = snprintf(name, sizeof name, "%u", (unsigned)n);

		if (!dirents->add(dirents, name, (size_t)len, FILE_(QUICK, n), S_IFREG, n + 1,
				  NULL))
			break;
	}
	return 0;
}

static int slow_configure(void *fs, const char *key, const char *value, struct llfused_error *error)
{
	(void)fs;
	(void)key;
	(void)error;
	delay_ms = (unsigned)strtoul(value, NULL, 10);
	return 0;
}

static int slow_load(void **fs, struct llfused_error *error)
{
	(void)fs;
	(void)error;
	return 0;
}

static const struct llfused_option options[] = {
	{.key = "delay", .arg = "MS", .help = "how long slow things take"},
	{.key = NULL},
};

static const struct llfused_ops ops = {
	.size = sizeof ops,
	.lookup = slow_lookup,
	.getattr = slow_getattr,
	.setattr = slow_setattr,
	.unlink = slow_unlink,
	.open = slow_open,
	.read = slow_read,
	.write = slow_write,
	.fsync = slow_fsync,
	.copy_file_range = slow_copy,
	.readdir = slow_readdir,
};

static const struct llfused_backend backend = {
	LLFUSED_BACKEND_STAMP,
	.name = "pt_slow",
	.summary = "a source that blocks",
	.declares = LLFUSED_CONCURRENT,
	.options = options,
	.ops = &ops,
	.load = slow_load,
	.configure = slow_configure,
};

LLFUSED_PLUGIN(backend)
