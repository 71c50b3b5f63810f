/*
 * Reads, writes and syncs by io_uring: submitted from any thread.  Each runs on a thread of the
 * kernel's from the start, so that to submit it never sleeps.
 * Knows nothing of open files, nor how requests end.
 */
#include "engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine_impl.h"
#include "passthrough.h"

#define BYTES_MAX (UINT64_C(256) << 20) /* under way */

/* ---- requests ---- */

/* NULL: too many, or no memory. */
static struct pt_engine_request *take_request(struct pt_engine *e, size_t size)
{
	struct pt_engine_request *r = NULL;

	pthread_mutex_lock(&e->lock);
	if (!e->stopping && e->under_way < PT_ENGINE_REQUESTS && e->bytes + size <= BYTES_MAX)
		r = malloc(sizeof(*r) + size);
	if (r) {
		e->under_way++;
		e->bytes += size;
	}
	pthread_mutex_unlock(&e->lock);
	if (r)
		*r = (struct pt_engine_request){.size = size};
	return r;
}

void pt_engine_give(struct pt_engine *e, struct pt_engine_request *r)
{
	pthread_mutex_lock(&e->lock);
	e->under_way--;
	e->bytes -= r->size;
	pthread_mutex_unlock(&e->lock);
	free(r);
}

/* ---- submitting ---- */

static void fill(const struct pt_engine *e, struct io_uring_sqe *sqe, struct pt_engine_request *r)
{
	unsigned char *data = r->data + r->done;
	unsigned size = (unsigned)(r->size - r->done);

	switch (r->kind) {
	case PT_ENGINE_READ:
		io_uring_prep_read(sqe, r->fd, data, size, r->offset + r->done);
		break;
	case PT_ENGINE_WRITE:
		io_uring_prep_write(sqe, r->fd, data, size, r->offset + r->done);
		sqe->rw_flags = r->flags;
		break;
	case PT_ENGINE_SYNC:
		io_uring_prep_fsync(sqe, r->fd, (unsigned)r->flags);
		break;
	}
	if (r->as_user)
		sqe->personality = e->user;
	io_uring_sqe_set_flags(sqe, IOSQE_ASYNC);
	io_uring_sqe_set_data(sqe, r);
}

/* The kernel takes it at once; what it does not take is not to be done later either: such an entry,
 * which it will find with the next one, then means nothing.  The lock is held. */
static int push(struct io_uring *ring, struct io_uring_sqe *sqe)
{
	int ret;

	do
		ret = io_uring_submit(ring);
	while (ret > 0 && io_uring_sq_ready(ring) > 0);
	if (io_uring_sq_ready(ring) == 0)
		return 0;
	io_uring_prep_nop(sqe);
	io_uring_sqe_set_data(sqe, NULL);
	return ret < 0 ? ret : -EAGAIN;
}

/* Each sleeping request has a thread in the kernel; by default there would be few.  The kernel
 * keeps the limit for each thread that submits. */
static void lift_limit(struct pt_engine *e)
{
	static _Thread_local bool lifted;
	unsigned threads[2] = {PT_ENGINE_REQUESTS, 0};

	if (!lifted)
		io_uring_register_iowq_max_workers(&e->ring, threads);
	lifted = true;
}

int pt_engine_submit(struct pt_engine *e, struct pt_engine_request *r)
{
	struct io_uring_sqe *sqe;
	int ret = -EBUSY;

	pthread_mutex_lock(&e->lock);
	sqe = io_uring_get_sqe(&e->ring);
	if (sqe) {
		io_uring_prep_nop(sqe);
		io_uring_sqe_set_data(sqe, NULL);
		if (r)
			fill(e, sqe, r);
		ret = push(&e->ring, sqe);
		lift_limit(e);
	}
	pthread_mutex_unlock(&e->lock);
	return ret;
}

/* From here on the request has an answer in any case. */
static int begin(struct pt_engine *e, struct llfused_ctx *ctx, struct pt_engine_request *r)
{
	int ret;

	r->pending = llfused_pend(ctx);
	if (r->pending == 0) {
		pt_engine_give(e, r);
		return -EAGAIN;
	}
	ret = pt_engine_submit(e, r);
	if (ret) {
		llfused_complete(r->pending, ret);
		pt_engine_give(e, r);
	}
	return LLFUSED_PENDING;
}

int pt_engine_read(struct pt *fs, struct llfused_ctx *ctx, int fd, uint64_t offset, size_t size)
{
	struct pt_engine_request *r = take_request(fs->engine, size);

	if (!r)
		return -EAGAIN;
	r->kind = PT_ENGINE_READ;
	r->fd = fd;
	r->offset = offset;
	return begin(fs->engine, ctx, r);
}

int pt_engine_write(struct pt *fs, struct llfused_ctx *ctx, int fd, uint64_t offset,
		    const void *data, size_t size, int rw_flags, bool as_user)
{
	struct pt_engine_request *r;

	if (as_user && !fs->engine->user)
		return -EAGAIN;
	r = take_request(fs->engine, size);
	if (!r)
		return -EAGAIN;
	r->kind = PT_ENGINE_WRITE;
	r->fd = fd;
	r->offset = offset;
	r->flags = rw_flags;
	r->as_user = as_user;
	memcpy(r->data, data, size);
	return begin(fs->engine, ctx, r);
}

int pt_engine_fsync(struct pt *fs, struct llfused_ctx *ctx, int fd, bool datasync)
{
	struct pt_engine_request *r = take_request(fs->engine, 0);

	if (!r)
		return -EAGAIN;
	r->kind = PT_ENGINE_SYNC;
	r->fd = fd;
	r->flags = datasync ? IORING_FSYNC_DATASYNC : 0;
	return begin(fs->engine, ctx, r);
}
