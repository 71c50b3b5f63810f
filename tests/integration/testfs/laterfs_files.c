/*
 * laterfs: ops on open files, and what few file systems have.
 * It must not know how answers are given.
 */
#include "laterfs.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static void touch(struct later_node *node)
{
	clock_gettime(CLOCK_REALTIME, &node->mtime);
}

/* ---- open files ---- */

int later_open(struct llfused_ctx *ctx, uint64_t nodeid, uint32_t flags, struct llfused_open *out)
{
	LATER_BEGIN(ctx, open);

	(void)fs;
	(void)flags;
	job->open = *out;
	job->open.fh = nodeid + 1000;
	return later_job_give(ctx, job, 0);
}

/* Those that have nothing to do but to succeed. */
static int succeed(struct llfused_ctx *ctx)
{
	LATER_BEGIN(ctx, error);

	(void)fs;
	return later_job_give(ctx, job, 0);
}

int later_flush(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t lock_owner)
{
	struct laterfs *fs = ctx->fs;

	(void)nodeid;
	(void)fh;
	if (fs->lock_owner == lock_owner)
		fs->lock_owner = 0;
	return succeed(ctx);
}

int later_release(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint32_t flags,
		  uint64_t lock_owner)
{
	(void)nodeid;
	(void)fh;
	(void)flags;
	(void)lock_owner;
	return succeed(ctx);
}

int later_releasedir(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint32_t flags)
{
	return later_release(ctx, nodeid, fh, flags, 0);
}

int later_fsync(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, int datasync)
{
	(void)nodeid;
	(void)fh;
	(void)datasync;
	return succeed(ctx);
}

int later_read(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
	       uint32_t flags, struct llfused_buf *buf)
{
	LATER_BEGIN(ctx, data);
	const struct later_node *node = later_node(fs, nodeid);
	size_t left = offset < node->size ? node->size - offset : 0;

	(void)fh;
	(void)flags;
	if (left > buf->cap)
		left = buf->cap;
	return later_job_give(ctx, job,
			      later_job_data(job, node->data + (left ? offset : 0), left));
}

int later_write(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		const void *data, size_t size, uint32_t flags, size_t *written)
{
	LATER_BEGIN(ctx, write);
	struct later_node *node = later_node(fs, nodeid);

	(void)fh;
	(void)flags;
	(void)written;
	if (offset > LATER_FILE_MAX || size > LATER_FILE_MAX - offset)
		return later_job_give(ctx, job, -EFBIG);
	memcpy(node->data + offset, data, size);
	if (offset + size > node->size)
		node->size = offset + size;
	touch(node);
	job->number = size;
	return later_job_give(ctx, job, 0);
}

int later_readdir(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		  struct llfused_dirents *dirents)
{
	LATER_BEGIN(ctx, readdir);

	(void)fs;
	(void)fh;
	(void)dirents;
	job->nodeid = nodeid;
	job->number = offset;
	return later_job_give(ctx, job, 0);
}

/* ---- the rest ---- */

int later_getlk(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, struct llfused_lock *lock)
{
	LATER_BEGIN(ctx, lock);

	(void)nodeid;
	(void)fh;
	job->lock = *lock;
	if (fs->lock_owner == 0 || fs->lock_owner == lock->owner)
		job->lock.type = F_UNLCK;
	else
		job->lock = (struct llfused_lock){.start = 7, .end = 11, .type = F_WRLCK, .pid = 1};
	return later_job_give(ctx, job, 0);
}

int later_setlk(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh,
		const struct llfused_lock *lock)
{
	LATER_BEGIN(ctx, error);
	bool mine = fs->lock_owner == 0 || fs->lock_owner == lock->owner;

	(void)nodeid;
	(void)fh;
	if (mine)
		fs->lock_owner = lock->type == F_UNLCK ? 0 : lock->owner;
	return later_job_give(ctx, job, mine ? 0 : -EAGAIN);
}

int later_ioctl(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, struct llfused_ioctl *io,
		struct llfused_buf *out)
{
	LATER_BEGIN(ctx, ioctl);
	uint32_t number;

	(void)fs;
	(void)nodeid;
	(void)fh;
	(void)out;
	if (io->cmd != _IOWR('L', 1, uint32_t) || io->in_size != sizeof number)
		return later_job_give(ctx, job, -ENOTTY);
	memcpy(&number, io->in, sizeof number);
	number++;
	job->result = 5;
	return later_job_give(ctx, job, later_job_data(job, &number, sizeof number));
}

int later_poll(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint32_t events,
	       uint64_t wakeup, uint32_t *revents)
{
	LATER_BEGIN(ctx, poll);

	(void)fs;
	(void)nodeid;
	(void)fh;
	(void)wakeup;
	(void)revents;
	job->number = events & POLLPRI;
	return later_job_give(ctx, job, 0);
}

int later_fallocate(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		    uint64_t length, uint32_t mode)
{
	LATER_BEGIN(ctx, error);
	struct later_node *node = later_node(fs, nodeid);

	(void)fh;
	if (mode != 0 || offset + length > LATER_FILE_MAX)
		return later_job_give(ctx, job, -EOPNOTSUPP);
	if (offset + length > node->size)
		node->size = offset + length;
	return later_job_give(ctx, job, 0);
}

int later_lseek(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		uint32_t whence, uint64_t *result)
{
	LATER_BEGIN(ctx, number);
	const struct later_node *node = later_node(fs, nodeid);

	(void)fh;
	(void)result;
	job->number = whence == SEEK_DATA ? offset : node->size;
	return later_job_give(ctx, job, offset < node->size ? 0 : -ENXIO);
}

int later_copy(struct llfused_ctx *ctx, uint64_t nodeid_in, uint64_t fh_in, uint64_t off_in,
	       uint64_t nodeid_out, uint64_t fh_out, uint64_t off_out, uint64_t length,
	       uint32_t flags, uint64_t *copied)
{
	LATER_BEGIN(ctx, write);
	struct later_node *in = later_node(fs, nodeid_in), *out = later_node(fs, nodeid_out);

	(void)fh_in;
	(void)fh_out;
	(void)flags;
	(void)copied;
	if (off_in > in->size || length > in->size - off_in)
		length = off_in > in->size ? 0 : in->size - off_in;
	if (off_out > LATER_FILE_MAX || length > LATER_FILE_MAX - off_out)
		return later_job_give(ctx, job, -EFBIG);
	memmove(out->data + off_out, in->data + off_in, length);
	if (off_out + length > out->size)
		out->size = off_out + length;
	job->number = length;
	return later_job_give(ctx, job, 0);
}
