/*
 * Data of open files: done here where it is quick, by the engine where it may take long, on the
 * pool what neither can.  Knows nothing of opens and of io_uring.
 */
#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/uio.h>
#include <unistd.h>

#include "creds.h"
#include "engine.h"
#include "file.h"
#include "passthrough.h"

/* One copy_file_range copies no more, so that it does not hold a thread for ever. */
#define COPY_MOST (UINT64_C(64) << 20)

/* Space of so many bytes is quickly had in memory. */
#define ALLOCATE_QUICKLY (UINT64_C(1) << 20)

static enum pt_pace pace_of(const struct pt *fs, const struct pt_file *file)
{
	return pt_mount_at(&fs->source, file->node->mount)->pace;
}

static bool may_sleep(const struct llfused_ctx *ctx)
{
	return ctx->flags & LLFUSED_CTX_MAY_SLEEP;
}

/* Where the op goes when it must not wait here. */
static bool goes_to_engine(const struct pt *fs, const struct llfused_ctx *ctx)
{
	return fs->engine && !may_sleep(ctx);
}

/* The engine took it, or it is asked for again on the pool. */
static int handed_over(int ret)
{
	return ret == LLFUSED_PENDING ? ret : LLFUSED_AGAIN;
}

/* ---- read ---- */

/* Reads until the end of the file or of the buffer.  Less than was asked for means the end, so an
 * error half-way is an error. */
static int read_here(int fd, uint64_t offset, struct llfused_buf *buf, int flags)
{
	while (buf->len < buf->cap) {
		struct iovec iov = {
			.iov_base = (char *)buf->data + buf->len,
			.iov_len = buf->cap - buf->len,
		};
		ssize_t n = preadv2(fd, &iov, 1, (off_t)(offset + buf->len), flags);

		if (n == 0)
			break;
		if (n > 0)
			buf->len += (size_t)n;
		else if (errno != EINTR)
			return -errno;
	}
	return 0;
}

/* What the kernel has in memory.  LLFUSED_AGAIN: not all of it. */
static int read_cached(int fd, uint64_t offset, struct llfused_buf *buf)
{
	int ret = read_here(fd, offset, buf, RWF_NOWAIT);

	if (ret != -EAGAIN && ret != -EOPNOTSUPP)
		return ret;
	buf->len = 0;
	return LLFUSED_AGAIN;
}

int pt_io_read(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
	       uint32_t flags, struct llfused_buf *buf)
{
	struct pt *fs = pt_of(ctx);
	const struct pt_file *file = pt_file_at(fs, fh);
	enum pt_pace pace;

	(void)nodeid;
	(void)flags;
	if (!file)
		return -EBADF;
	buf->len = 0;
	pace = pace_of(fs, file);
	if (pace == PT_PACE_MEMORY || may_sleep(ctx))
		return read_here(file->fd, offset, buf, 0);
	if (pace == PT_PACE_DISK) {
		int ret = read_cached(file->fd, offset, buf);

		if (ret != LLFUSED_AGAIN)
			return ret;
	}
	if (!goes_to_engine(fs, ctx))
		return LLFUSED_AGAIN;
	return handed_over(pt_engine_read(fs, ctx, file->fd, offset, buf->cap));
}

/* ---- write ---- */

/* The kernel syncs by itself what goes through its cache, and appends to what it knows of. */
static int write_flags(const struct pt_file *file, uint32_t flags)
{
	int rw = 0;

	if (flags & LLFUSED_WRITE_CACHE)
		return 0;
	if (flags & O_APPEND)
		rw |= RWF_APPEND;
	if (file->mode == PT_FILE_DIRECT && flags & O_DSYNC)
		rw |= (flags & O_SYNC) == O_SYNC ? RWF_SYNC : RWF_DSYNC;
	return rw;
}

static int write_here(int fd, uint64_t offset, const void *data, size_t size, int rw_flags,
		      size_t *written)
{
	struct iovec iov = {.iov_base = (void *)(uintptr_t)data, .iov_len = size};
	ssize_t n;

	do
		n = pwritev2(fd, &iov, 1, (off_t)offset, rw_flags);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	*written = (size_t)n;
	return 0;
}

/* As a caller without the right to keep setuid and setgid bits. */
static int write_killing(int fd, uint64_t offset, const void *data, size_t size, int rw_flags,
			 size_t *written)
{
	struct pt_creds creds;
	int ret = pt_creds_limit(&creds);

	if (ret)
		return ret;
	ret = write_here(fd, offset, data, size, rw_flags, written);
	pt_creds_end(&creds);
	return ret;
}

int pt_io_write(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		const void *data, size_t size, uint32_t flags, size_t *written)
{
	struct pt *fs = pt_of(ctx);
	const struct pt_file *file = pt_file_at(fs, fh);
	bool kill = flags & LLFUSED_WRITE_KILL_SUIDGID;
	int rw_flags;

	(void)nodeid;
	if (!file)
		return -EBADF;
	rw_flags = write_flags(file, flags);
	if (!kill)
		pt_creds_restore();
	if (pace_of(fs, file) == PT_PACE_MEMORY || may_sleep(ctx))
		return kill ? write_killing(file->fd, offset, data, size, rw_flags, written)
			    : write_here(file->fd, offset, data, size, rw_flags, written);
	if (!goes_to_engine(fs, ctx))
		return LLFUSED_AGAIN;
	return handed_over(pt_engine_write(fs, ctx, file->fd, offset, data, size, rw_flags, kill));
}

/* ---- fsync, fallocate, lseek ---- */

int pt_io_fsync(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, int datasync)
{
	struct pt *fs = pt_of(ctx);
	const struct pt_file *file = pt_file_at(fs, fh);

	(void)nodeid;
	if (!file)
		return -EBADF;
	if (pace_of(fs, file) == PT_PACE_MEMORY || may_sleep(ctx))
		return (datasync ? fdatasync(file->fd) : fsync(file->fd)) < 0 ? -errno : 0;
	if (!goes_to_engine(fs, ctx))
		return LLFUSED_AGAIN;
	return handed_over(pt_engine_fsync(fs, ctx, file->fd, datasync != 0));
}

/* Whether setuid and setgid go, the kernel says by a request of its own before.  Where callers are
 * not told, quotas hold for all of them. */
static int begin_change(const struct llfused_ctx *ctx, struct pt_creds *creds)
{
	if (ctx->uid == 0 && !(ctx->flags & LLFUSED_CTX_NOCREDS)) {
		*creds = (struct pt_creds){0};
		return 0;
	}
	return pt_creds_heed_quotas(creds);
}

static int allocate(int fd, uint64_t offset, uint64_t length, uint32_t mode)
{
	int ret;

	do
		ret = fallocate(fd, (int)mode, (off_t)offset, (off_t)length);
	while (ret < 0 && errno == EINTR);
	return ret < 0 ? -errno : 0;
}

int pt_io_fallocate(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		    uint64_t length, uint32_t mode)
{
	struct pt *fs = pt_of(ctx);
	const struct pt_file *file = pt_file_at(fs, fh);
	struct pt_creds creds;
	int ret;

	(void)nodeid;
	if (!file)
		return -EBADF;
	ret = pt_source_pace(fs, ctx, file->node->mount,
			     length <= ALLOCATE_QUICKLY ? PT_WORK_CHANGE : PT_WORK_LONG);
	if (!ret)
		ret = begin_change(ctx, &creds);
	if (ret)
		return ret;
	ret = allocate(file->fd, offset, length, mode);
	pt_creds_end(&creds);
	return ret;
}

int pt_io_lseek(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		uint32_t whence, uint64_t *result)
{
	struct pt *fs = pt_of(ctx);
	const struct pt_file *file = pt_file_at(fs, fh);
	off_t at;
	int ret;

	(void)nodeid;
	if (!file)
		return -EBADF;
	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return -EINVAL;
	/* On a disk the extents may have to be read. */
	ret = pt_source_pace(fs, ctx, file->node->mount, PT_WORK_LOOK);
	if (ret)
		return ret;
	errno = EINVAL; /* stays where a file system answers what is no offset */
	at = lseek(file->fd, (off_t)offset, (int)whence);
	if (at < 0)
		return -errno;
	*result = (uint64_t)at;
	return 0;
}

/* ---- copying ---- */

static int copy_here(int fd_in, uint64_t off_in, int fd_out, uint64_t off_out, uint64_t length,
		     uint64_t *copied)
{
	off_t in = (off_t)off_in;
	off_t out = (off_t)off_out;
	ssize_t n;

	do
		n = copy_file_range(fd_in, &in, fd_out, &out, (size_t)length, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	*copied = (uint64_t)n;
	return 0;
}

int pt_io_copy_file_range(struct llfused_ctx *ctx, uint64_t nodeid_in, uint64_t fh_in,
			  uint64_t off_in, uint64_t nodeid_out, uint64_t fh_out, uint64_t off_out,
			  uint64_t length, uint32_t flags, uint64_t *copied)
{
	struct pt *fs = pt_of(ctx);
	const struct pt_file *in = pt_file_at(fs, fh_in);
	const struct pt_file *out = pt_file_at(fs, fh_out);
	struct pt_creds creds;
	int ret;

	(void)nodeid_in;
	(void)nodeid_out;
	if (!in || !out)
		return -EBADF;
	if (flags)
		return -EINVAL;
	ret = pt_source_pace(fs, ctx, out->node->mount, PT_WORK_LONG);
	if (!ret)
		ret = begin_change(ctx, &creds);
	if (ret)
		return ret;
	ret = copy_here(in->fd, off_in, out->fd, off_out, length < COPY_MOST ? length : COPY_MOST,
			copied);
	pt_creds_end(&creds);
	return ret;
}
