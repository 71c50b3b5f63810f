/*
 * Two sparse files, `one` and `two`, of at most 64 blocks of 4096 bytes, of which each is there or
 * a hole.  `report` tells what the last calls of lseek, fallocate and copy_file_range were; a copy
 * moves at most COPY_MAX bytes, as a backend may.
 */
#include "testfs.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK    4096u
#define BLOCKS   64u
#define COPY_MAX 50000u

enum file { ONE = 2, TWO, REPORT };

static const char *const names[] = {"one", "two", "report", NULL};
static const struct flat flat = {names, 0};

struct sparse {
	uint64_t size;
	bool there[BLOCKS];
	char data[BLOCKS * BLOCK]; /* zeros in holes and behind the end */
};

static struct rangefs {
	struct sparse file[2];
	char last[3][128]; /* lseek, fallocate, copy */
	unsigned long reads;
	uint64_t handles; /* each open has its own */
} fs;

static struct sparse *sparse_of(uint64_t nodeid)
{
	return nodeid == ONE || nodeid == TWO ? &fs.file[nodeid - ONE] : NULL;
}

/* Blocks that the range touches become there. */
static void fill(struct sparse *s, uint64_t offset, uint64_t length)
{
	for (uint64_t i = offset / BLOCK; length > 0 && i <= (offset + length - 1) / BLOCK; i++)
		s->there[i] = true;
}

/* Whole blocks become holes, the rest zeros. */
static void punch(struct sparse *s, uint64_t offset, uint64_t length)
{
	memset(s->data + offset, 0, length);
	for (uint64_t i = (offset + BLOCK - 1) / BLOCK; i < (offset + length) / BLOCK; i++)
		s->there[i] = false;
}

static void grow(struct sparse *s, uint64_t size)
{
	if (size > s->size)
		s->size = size;
}

static bool fits(uint64_t offset, uint64_t length)
{
	return offset <= BLOCKS * BLOCK && length <= BLOCKS * BLOCK - offset;
}

/* ---- ops ---- */

static int range_lseek(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		       uint32_t whence, uint64_t *result)
{
	const struct sparse *s = sparse_of(nodeid);
	uint64_t block = offset / BLOCK;

	(void)ctx;
	snprintf(fs.last[0], sizeof fs.last[0], "lseek node=%lu fh=%d offset=%lu whence=%u",
		 (unsigned long)nodeid, fh != 0, (unsigned long)offset, whence);
	if (!s || offset >= s->size)
		return -ENXIO;
	while (block * BLOCK < s->size && s->there[block] != (whence == SEEK_DATA))
		block++;
	if (block * BLOCK >= s->size) {
		*result = s->size;
		return whence == SEEK_DATA ? -ENXIO : 0;
	}
	*result = block * BLOCK > offset ? block * BLOCK : offset;
	return 0;
}

static int range_fallocate(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
			   uint64_t length, uint32_t mode)
{
	struct sparse *s = sparse_of(nodeid);

	(void)ctx;
	snprintf(fs.last[1], sizeof fs.last[1], "fallocate node=%lu fh=%d mode=%u range=%lu+%lu",
		 (unsigned long)nodeid, fh != 0, mode, (unsigned long)offset,
		 (unsigned long)length);
	if (!s)
		return -EINVAL;
	if (!fits(offset, length))
		return -ENOSPC;
	if (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
		punch(s, offset, length);
	if (!(mode & FALLOC_FL_PUNCH_HOLE))
		fill(s, offset, length);
	if (!(mode & FALLOC_FL_KEEP_SIZE))
		grow(s, offset + length);
	return 0;
}

static int range_copy(struct llfused_ctx *ctx, uint64_t nodeid_in, uint64_t fh_in, uint64_t off_in,
		      uint64_t nodeid_out, uint64_t fh_out, uint64_t off_out, uint64_t length,
		      uint32_t flags, uint64_t *copied)
{
	struct sparse *from = sparse_of(nodeid_in), *to = sparse_of(nodeid_out);

	(void)ctx;
	snprintf(fs.last[2], sizeof fs.last[2],
		 "copy from=%lu@%lu to=%lu@%lu length=%lu flags=%u fhs=%d",
		 (unsigned long)nodeid_in, (unsigned long)off_in, (unsigned long)nodeid_out,
		 (unsigned long)off_out, (unsigned long)length, flags,
		 fh_in != 0 && fh_out != 0 && fh_in != fh_out);
	if (!from || !to)
		return -EINVAL;
	if (length > COPY_MAX)
		length = COPY_MAX;
	if (off_in >= from->size)
		length = 0;
	else if (length > from->size - off_in)
		length = from->size - off_in;
	if (!fits(off_out, length))
		return -EFBIG;
	memmove(to->data + off_out, from->data + off_in, length);
	fill(to, off_out, length);
	grow(to, off_out + length);
	*copied = length;
	return 0;
}

static int range_read(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		      uint32_t flags, struct llfused_buf *buf)
{
	const struct sparse *s = sparse_of(nodeid);
	char text[512];

	(void)ctx;
	(void)fh;
	(void)flags;
	if (s) {
		fs.reads++;
		llfused_buf_read(buf, s->data, s->size, offset);
		return 0;
	}
	snprintf(text, sizeof text, "%s\n%s\n%s\nreads=%lu\n", fs.last[0], fs.last[1], fs.last[2],
		 fs.reads);
	llfused_buf_read(buf, text, strlen(text), offset);
	return 0;
}

static int range_write(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		       const void *data, size_t size, uint32_t flags, size_t *written)
{
	struct sparse *s = sparse_of(nodeid);

	(void)ctx;
	(void)fh;
	(void)flags;
	if (!s || !fits(offset, size))
		return -EFBIG;
	memcpy(s->data + offset, data, size);
	fill(s, offset, size);
	grow(s, offset + size);
	*written = size;
	return 0;
}

static int fill_attr(uint64_t nodeid, struct llfused_attr *attr)
{
	const struct sparse *s = sparse_of(nodeid);

	if (!s)
		return 0;
	attr->size = s->size;
	for (unsigned i = 0; i < BLOCKS; i++)
		attr->blocks += s->there[i] ? BLOCK / 512 : 0;
	return 0;
}

static int range_lookup(struct llfused_ctx *ctx, uint64_t parent, const char *name,
			struct llfused_entry *out)
{
	int ret = flat_lookup(&flat, parent, name, out);

	(void)ctx;
	return ret == 0 ? fill_attr(out->nodeid, &out->attr) : ret;
}

static int range_getattr(struct llfused_ctx *ctx, uint64_t nodeid, const uint64_t *fh,
			 struct llfused_attr_out *out)
{
	int ret = flat_getattr(&flat, nodeid, out);

	(void)ctx;
	(void)fh;
	return ret == 0 ? fill_attr(nodeid, &out->attr) : ret;
}

static int range_setattr(struct llfused_ctx *ctx, uint64_t nodeid,
			 const struct llfused_setattr *set, struct llfused_attr_out *out)
{
	struct sparse *s = sparse_of(nodeid);

	if (s && set->valid & LLFUSED_SET_SIZE) {
		if (!fits(set->size, 0))
			return -EFBIG;
		if (set->size < s->size)
			punch(s, set->size, BLOCKS * BLOCK - set->size);
		s->size = set->size;
	}
	return range_getattr(ctx, nodeid, NULL, out);
}

static int range_open(struct llfused_ctx *ctx, uint64_t nodeid, uint32_t flags,
		      struct llfused_open *out)
{
	(void)ctx;
	(void)flags;
	out->fh = ++fs.handles;
	if (nodeid == REPORT)
		out->flags = LLFUSED_OPEN_DIRECT_IO;
	return 0;
}

static int range_load(void **out, struct llfused_error *error)
{
	(void)error;
	*out = &fs;
	return 0;
}

static const struct llfused_ops ops = {
	.size = sizeof(struct llfused_ops),
	.lookup = range_lookup,
	.getattr = range_getattr,
	.setattr = range_setattr,
	.open = range_open,
	.read = range_read,
	.write = range_write,
	.fallocate = range_fallocate,
	.lseek = range_lseek,
	.copy_file_range = range_copy,
};

static const struct llfused_backend rangefs_backend = {
	LLFUSED_BACKEND_STAMP, .name = "rangefs",  .summary = "two sparse files",
	.ops = &ops,           .load = range_load,
};

LLFUSED_PLUGIN(rangefs_backend)
