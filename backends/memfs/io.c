/*
 * The ops on the data of regular files, and statfs.
 * Knows nothing of names and of how data is stored.
 */
#include "io.h"

#include "attr.h"
#include "data.h"
#include "xattr.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/stat.h>
#include <unistd.h>

#define LARGEST ((uint64_t)INT64_MAX) /* st_size at most */

/* One copy_file_range copies no more, so that it does not hold a worker and a lock for long. */
#define COPY_MOST (UINT64_C(256) << 20)

static int check_regular(const struct inode *inode)
{
	if (S_ISREG(inode->mode))
		return 0;
	return S_ISDIR(inode->mode) ? -EISDIR : -EINVAL;
}

static void note_blank(struct memfs *fs, uint64_t nodeid, const struct blank_range *blank)
{
	struct inode *inode = inode_get(&fs->inodes, nodeid);

	if (!inode)
		return;
	blank_add(fs, inode, blank);
	inode_unlock(&fs->inodes, inode);
}

int io_read(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset, uint32_t flags,
	    struct llfused_buf *buf)
{
	struct memfs *fs = ctx->fs;
	struct inode *inode = inode_get_shared(&fs->inodes, nodeid);
	struct blank_range blank = {0, 0};
	int old = 0;
	int error;

	(void)fh;
	if (!inode)
		return -ESTALE;
	error = check_regular(inode);
	if (!error) {
		buf->len = data_read(fs, inode, offset, buf->data, buf->cap, &blank);
		if (flags & O_DIRECT || blank_has(fs, inode, &blank))
			blank.to = blank.from;
		old = !(flags & O_NOATIME) && attr_atime_is_old(fs, inode);
	}
	inode_unlock_shared(&fs->inodes, inode);
	if (old)
		attr_accessed(fs, nodeid);
	if (blank.from != blank.to)
		note_blank(fs, nodeid, &blank);
	return error;
}

static int write_inode(const struct llfused_ctx *ctx, struct inode *inode, uint64_t offset,
		       const void *data, size_t size, uint32_t flags, size_t *written)
{
	struct memfs *fs = ctx->fs;
	int error = check_regular(inode);

	*written = 0;
	if (error || !size)
		return error;
	if (offset >= LARGEST)
		return -EFBIG;
	if (size > LARGEST - offset)
		size = LARGEST - offset;
	if (flags & LLFUSED_WRITE_KILL_SUIDGID)
		attr_kill_suidgid(ctx, inode);
	/* A store to mapped memory takes no capability away. */
	if (!(flags & LLFUSED_WRITE_CACHE))
		xattr_kill_capability(fs, inode);
	/* As tmpfs: the times move even if there is no space then. */
	attr_stamp(inode, 1);
	*written = data_write(fs, inode, offset, data, size);
	return *written ? 0 : -ENOSPC;
}

int io_write(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
	     const void *data, size_t size, uint32_t flags, size_t *written)
{
	struct memfs *fs = ctx->fs;
	unsigned tries = 0;
	size_t done = 0;
	int error;

	(void)fh;
	do {
		struct inode *inode = inode_get(&fs->inodes, nodeid);
		size_t part;

		if (!inode)
			return -ESTALE;
		error = write_inode(ctx, inode, offset + done, (const char *)data + done,
				    size - done, flags, &part);
		inode_unlock(&fs->inodes, inode);
		done += part;
	} while ((error == -ENOSPC || (!error && done < size)) && fs_await_space(fs, &tries));
	*written = done;
	return done ? 0 : error;
}

/*
 * The kernel asks for this before fallocate and copy_file_range by the mode that it knows, which
 * may be that of before an ACL was set; these requests have no flag for it, as WRITE has.
 */
static void modified(const struct llfused_ctx *ctx, struct inode *inode)
{
	if (ctx->uid != 0)
		attr_kill_suidgid(ctx, inode);
	xattr_kill_capability(ctx->fs, inode);
	attr_stamp(inode, 1);
}

static int fallocate_inode(const struct llfused_ctx *ctx, struct inode *inode, uint64_t offset,
			   uint64_t length, uint32_t mode)
{
	struct memfs *fs = ctx->fs;
	int error = check_regular(inode);

	if (error)
		return error;
	if (mode & FALLOC_FL_PUNCH_HOLE) {
		data_punch(fs, inode, offset, length);
	} else {
		error = data_allocate(fs, inode, offset, length);
		if (error)
			return error;
		if (mode & FALLOC_FL_ZERO_RANGE)
			data_zero(fs, inode, offset, length);
		if (!(mode & FALLOC_FL_KEEP_SIZE) && inode->reg.size < offset + length)
			inode->reg.size = offset + length;
	}
	modified(ctx, inode);
	return 0;
}

int io_fallocate(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		 uint64_t length, uint32_t mode)
{
	struct memfs *fs = ctx->fs;
	uint32_t what = mode & ~(uint32_t)FALLOC_FL_KEEP_SIZE;
	unsigned tries = 0;
	int error;

	(void)fh;
	if ((what && what != FALLOC_FL_PUNCH_HOLE && what != FALLOC_FL_ZERO_RANGE) ||
	    mode == FALLOC_FL_PUNCH_HOLE)
		return -EOPNOTSUPP;
	if (!length)
		return -EINVAL;
	if (offset > LARGEST || length > LARGEST - offset)
		return -EFBIG;
	do {
		struct inode *inode = inode_get(&fs->inodes, nodeid);

		if (!inode)
			return -ESTALE;
		error = fallocate_inode(ctx, inode, offset, length, mode);
		inode_unlock(&fs->inodes, inode);
	} while (error == -ENOSPC && fs_await_space(fs, &tries));
	return error;
}

int io_lseek(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
	     uint32_t whence, uint64_t *result)
{
	const struct memfs *fs = ctx->fs;
	struct inode *inode;
	int error;

	(void)fh;
	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return -EINVAL;
	inode = inode_get_shared(&fs->inodes, nodeid);
	if (!inode)
		return -ESTALE;
	error = check_regular(inode);
	if (!error)
		error = data_seek(fs, inode, offset, (int)whence, result);
	inode_unlock_shared(&fs->inodes, inode);
	return error;
}

/* Two files, or one that is both. */
struct pair {
	struct inode *in;
	struct inode *out;
};

static void unlock_pair(const struct memfs *fs, const struct pair *pair)
{
	inode_unlock(&fs->inodes, pair->out);
	if (pair->in != pair->out)
		inode_unlock_shared(&fs->inodes, pair->in);
}

/* 0 for a file: what it is never changes, and of others not any two may be locked together. */
static int may_pair(const struct memfs *fs, uint64_t nodeid)
{
	struct inode *inode = inode_get_shared(&fs->inodes, nodeid);
	int error;

	if (!inode)
		return -ESTALE;
	error = check_regular(inode);
	inode_unlock_shared(&fs->inodes, inode);
	return error;
}

/* Locks both files, the lower index first.  0 or -ESTALE. */
static int lock_pair(const struct memfs *fs, uint64_t in, uint64_t out, struct pair *pair)
{
	const struct itable *table = &fs->inodes;

	if (in == out) {
		pair->in = pair->out = inode_get(table, out);
		return pair->in ? 0 : -ESTALE;
	}
	if ((uint32_t)in == (uint32_t)out)
		return -ESTALE; /* one of them must be dead, and its place taken */
	pair->in = pair->out = NULL;
	if ((uint32_t)in < (uint32_t)out)
		pair->in = inode_get_shared(table, in);
	pair->out = inode_get(table, out);
	if ((uint32_t)in > (uint32_t)out)
		pair->in = inode_get_shared(table, in);
	if (pair->in && pair->out)
		return 0;
	if (pair->in)
		inode_unlock_shared(table, pair->in);
	if (pair->out)
		inode_unlock(table, pair->out);
	return -ESTALE;
}

/* Bytes that a copy may take: what the source has and the target may have. */
static int clip_copy(const struct pair *pair, uint64_t off_in, uint64_t off_out, uint64_t *length)
{
	uint64_t size = pair->in->reg.size;

	if (off_out >= LARGEST && *length)
		return -EFBIG;
	if (*length > LARGEST - off_out)
		*length = LARGEST - off_out;
	if (off_in >= size)
		*length = 0;
	else if (*length > size - off_in)
		*length = size - off_in;
	if (*length > COPY_MOST)
		*length = COPY_MOST;
	if (pair->in == pair->out && off_in < off_out + *length && off_out < off_in + *length)
		return -EINVAL;
	return 0;
}

/* Holes become written zeros, as on tmpfs. */
static uint64_t copy_bytes(struct memfs *fs, const struct pair *pair, uint64_t off_in,
			   uint64_t off_out, uint64_t length)
{
	uint64_t done = 0;

	while (done < length) {
		size_t part = length - done;
		const char *from = data_peek(fs, pair->in, off_in + done, &part);
		size_t wrote = data_write(fs, pair->out, off_out + done, from, part);

		done += wrote;
		if (wrote < part)
			break;
	}
	return done;
}

static int copy_pair(const struct llfused_ctx *ctx, const struct pair *pair, uint64_t off_in,
		     uint64_t off_out, uint64_t length, uint64_t *copied)
{
	int error = clip_copy(pair, off_in, off_out, &length);

	*copied = 0;
	if (error || !length)
		return error;
	modified(ctx, pair->out);
	*copied = copy_bytes(ctx->fs, pair, off_in, off_out, length);
	return *copied ? 0 : -ENOSPC;
}

int io_copy_file_range(struct llfused_ctx *ctx, uint64_t nodeid_in, uint64_t fh_in, uint64_t off_in,
		       uint64_t nodeid_out, uint64_t fh_out, uint64_t off_out, uint64_t length,
		       uint32_t flags, uint64_t *copied)
{
	struct memfs *fs = ctx->fs;
	struct pair pair;
	int error;

	(void)fh_in;
	(void)fh_out;
	if (flags)
		return -EINVAL;
	error = may_pair(fs, nodeid_in);
	if (!error)
		error = may_pair(fs, nodeid_out);
	if (!error)
		error = lock_pair(fs, nodeid_in, nodeid_out, &pair);
	if (error)
		return error;
	error = copy_pair(ctx, &pair, off_in, off_out, length, copied);
	unlock_pair(fs, &pair);
	if (!error && *copied)
		attr_accessed(fs, nodeid_in);
	return error;
}

int io_statfs(struct llfused_ctx *ctx, uint64_t nodeid, struct llfused_statfs *out)
{
	struct memfs *fs = ctx->fs;

	(void)nodeid;
	limits_statfs(&fs->limits, out);
	return 0;
}
