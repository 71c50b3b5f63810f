/*
 * What of the data in the second store comes to us after all: all of a file that the kernel does
 * not pass through, and of the others what it leaves to its server.  Knows nothing of opens.
 */
#include "backed_io.h"

#include "attr.h"
#include "backed.h"
#include "xattr.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/uio.h>
#include <unistd.h>

/* One copy_file_range copies no more, so that it does not hold a worker for long. */
#define COPY_MOST (UINT64_C(256) << 20)

static int open_locked(const struct memfs *fs, const struct inode *inode, int flags)
{
	if (S_ISREG(inode->mode))
		return backed_descriptor(fs, inode, flags);
	return S_ISDIR(inode->mode) ? -EISDIR : -EINVAL;
}

/* A descriptor to look at data, or a negative errno. */
static int open_to_look(struct memfs *fs, uint64_t nodeid, int flags)
{
	struct inode *inode = inode_get_shared(&fs->inodes, nodeid);
	int fd;

	if (!inode)
		return -ESTALE;
	fd = open_locked(fs, inode, O_RDONLY | flags);
	inode_unlock_shared(&fs->inodes, inode);
	return fd;
}

static int open_to_change(struct memfs *fs, uint64_t nodeid)
{
	struct inode *inode = inode_get_shared(&fs->inodes, nodeid);
	int fd;

	if (!inode)
		return -ESTALE;
	fd = open_locked(fs, inode, O_RDWR);
	inode_unlock_shared(&fs->inodes, inode);
	return fd;
}

static int end(int fd, ssize_t result)
{
	int error = result < 0 ? -errno : 0;

	close(fd);
	return error;
}

/* ---- read and write ---- */

/* Less than was asked for means the end of the file. */
static ssize_t read_all(int fd, uint64_t offset, struct llfused_buf *buf)
{
	buf->len = 0;
	while (buf->len < buf->cap) {
		ssize_t got = pread(fd, (char *)buf->data + buf->len, buf->cap - buf->len,
				    (off_t)(offset + buf->len));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got;
		buf->len += (size_t)got;
	}
	return 0;
}

int backed_read(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		uint32_t flags, struct llfused_buf *buf)
{
	int fd = open_to_look(ctx->fs, nodeid, (int)(flags & O_NOATIME));

	(void)fh;
	return fd < 0 ? fd : end(fd, read_all(fd, offset, buf));
}

/* Takes away what a change of data takes away. */
static void kill_privileges(const struct llfused_ctx *ctx, uint64_t nodeid, int suidgid)
{
	struct memfs *fs = ctx->fs;
	struct inode *inode = inode_get(&fs->inodes, nodeid);

	if (!inode)
		return;
	if (suidgid)
		attr_kill_suidgid(ctx, inode);
	xattr_kill_capability(fs, inode);
	inode_unlock(&fs->inodes, inode);
}

int backed_write(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		 const void *data, size_t size, uint32_t flags, size_t *written)
{
	struct iovec iov = {.iov_base = (void *)(uintptr_t)data, .iov_len = size};
	int append = flags & O_APPEND && !(flags & LLFUSED_WRITE_CACHE);
	int fd = open_to_change(ctx->fs, nodeid);
	ssize_t done;

	(void)fh;
	if (fd < 0)
		return fd;
	/* A store to mapped memory takes no capability away. */
	if (!(flags & LLFUSED_WRITE_CACHE))
		kill_privileges(ctx, nodeid, (flags & LLFUSED_WRITE_KILL_SUIDGID) != 0);
	do
		done = pwritev2(fd, &iov, 1, (off_t)offset, append ? RWF_APPEND : 0);
	while (done < 0 && errno == EINTR);
	*written = done < 0 ? 0 : (size_t)done;
	return end(fd, done);
}

/* ---- fallocate, lseek ---- */

/*
 * A tmpfs does not know it: first the space, for which there may be no room, then zeros, by giving
 * the pages back and taking them anew.
 */
static int zero_range(int fd, uint32_t mode, off_t offset, off_t length)
{
	int keep = (int)(mode & FALLOC_FL_KEEP_SIZE);

	if (fallocate(fd, keep, offset, length) < 0 ||
	    fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length) < 0)
		return -1;
	return fallocate(fd, keep, offset, length);
}

static int allocate(int fd, uint32_t mode, uint64_t offset, uint64_t length)
{
	int result;

	do
		result = mode & FALLOC_FL_ZERO_RANGE
				 ? zero_range(fd, mode, (off_t)offset, (off_t)length)
				 : fallocate(fd, (int)mode, (off_t)offset, (off_t)length);
	while (result < 0 && errno == EINTR);
	return result;
}

int backed_fallocate(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		     uint64_t length, uint32_t mode)
{
	int fd = open_to_change(ctx->fs, nodeid);
	int error;

	(void)fh;
	if (fd < 0)
		return fd;
	error = end(fd, allocate(fd, mode, offset, length));
	if (!error)
		kill_privileges(ctx, nodeid, ctx->uid != 0);
	return error;
}

int backed_lseek(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		 uint32_t whence, uint64_t *result)
{
	off_t at;
	int fd;

	(void)fh;
	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return -EINVAL;
	fd = open_to_look(ctx->fs, nodeid, 0);
	if (fd < 0)
		return fd;
	errno = EINVAL; /* stays where the kernel answers what is no offset */
	at = lseek(fd, (off_t)offset, (int)whence);
	*result = at < 0 ? 0 : (uint64_t)at;
	return end(fd, at);
}

/* ---- copy ---- */

static ssize_t copy(int from, uint64_t off_in, int to, uint64_t off_out, uint64_t length)
{
	off_t in = (off_t)off_in;
	off_t out = (off_t)off_out;
	ssize_t done;

	do
		done = copy_file_range(from, &in, to, &out, length < COPY_MOST ? length : COPY_MOST,
				       0);
	while (done < 0 && errno == EINTR);
	return done;
}

int backed_copy_file_range(struct llfused_ctx *ctx, uint64_t nodeid_in, uint64_t fh_in,
			   uint64_t off_in, uint64_t nodeid_out, uint64_t fh_out, uint64_t off_out,
			   uint64_t length, uint32_t flags, uint64_t *copied)
{
	struct memfs *fs = ctx->fs;
	ssize_t done;
	int from, to, error;

	(void)fh_in;
	(void)fh_out;
	if (flags)
		return -EINVAL;
	from = open_to_look(fs, nodeid_in, 0);
	if (from < 0)
		return from;
	to = open_to_change(fs, nodeid_out);
	if (to < 0) {
		close(from);
		return to;
	}
	done = copy(from, off_in, to, off_out, length);
	*copied = done < 0 ? 0 : (uint64_t)done;
	error = end(to, done);
	close(from);
	if (done > 0)
		kill_privileges(ctx, nodeid_out, ctx->uid != 0);
	return error;
}

/* ---- statfs ---- */

int backed_statfs(struct llfused_ctx *ctx, uint64_t nodeid, struct llfused_statfs *out)
{
	struct memfs *fs = ctx->fs;

	(void)nodeid;
	limits_statfs(&fs->limits, out);
	return backed_space(fs, out);
}
