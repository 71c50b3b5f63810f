/*
 * The engine's thread: what the kernel has done is gone on with, or answered.
 * Knows nothing of how the ring came to be.
 */
#include "engine_impl.h"

#include <errno.h>
#include <sys/uio.h>

#define RETRIES_MAX 8u

static void complete(const struct pt_engine_request *r, int error)
{
	if (error)
		llfused_complete(r->pending, error);
	else if (r->kind == PT_ENGINE_READ)
		llfused_complete_data(r->pending, r->data, r->done);
	else if (r->kind == PT_ENGINE_WRITE)
		llfused_complete_write(r->pending, r->done);
	else
		llfused_complete(r->pending, 0);
}

/* Nothing was done: its thread has ended, or the kernel was out of something. */
static bool may_retry(struct pt_engine_request *r, int error)
{
	return (error == -EAGAIN || error == -EINTR || error == -ECANCELED) &&
	       r->retries++ < RETRIES_MAX;
}

/* Nothing more is there.  Asked only of what needs no waiting; else it is not known. */
static bool is_at_end(const struct pt_engine_request *r)
{
	char byte;
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};

	return preadv2(r->fd, &iov, 1, (off_t)(r->offset + r->done), RWF_NOWAIT) == 0;
}

/* Is it to go on?  A read that gave less than was asked for may have met the end, or not. */
static bool is_unfinished(struct pt_engine_request *r, int result)
{
	if (result < 0)
		return may_retry(r, result);
	return r->kind == PT_ENGINE_READ && result > 0 && r->done < r->size && !is_at_end(r);
}

/* A read that fails half-way is an error: less than was asked for means the end of the file. */
static void on_done(struct pt_engine *e, struct pt_engine_request *r, int result)
{
	int error = result < 0 ? result : 0;

	if (result > 0)
		r->done += (size_t)result;
	if (is_unfinished(r, result)) {
		error = pt_engine_submit(e, r);
		if (!error)
			return;
	}
	complete(r, error);
	pt_engine_give(e, r);
}

static bool has_ended(struct pt_engine *e)
{
	bool ended;

	pthread_mutex_lock(&e->lock);
	ended = e->stopping && e->under_way == 0;
	pthread_mutex_unlock(&e->lock);
	return ended;
}

/* The next one that the kernel has done, or NULL: it was not a request. */
static struct pt_engine_request *wait_for_one(struct pt_engine *e, int *result)
{
	struct io_uring_cqe *cqe;
	struct pt_engine_request *r;

	if (io_uring_wait_cqe(&e->ring, &cqe) != 0)
		return NULL; /* a signal */
	r = io_uring_cqe_get_data(cqe);
	*result = cqe->res;
	io_uring_cqe_seen(&e->ring, cqe);
	/* It may be done before its submitter has left pt_engine_submit(). */
	pthread_mutex_lock(&e->lock);
	pthread_mutex_unlock(&e->lock);
	return r;
}

void *pt_engine_run(void *arg)
{
	struct pt_engine *e = arg;

	while (!has_ended(e)) {
		int result;
		struct pt_engine_request *r = wait_for_one(e, &result);

		if (r)
			on_done(e, r, result);
	}
	return NULL;
}
