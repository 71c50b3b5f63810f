/*
 * Reads, writes and syncs by io_uring: submitted from any thread, finished by one of the engine's.
 * Each runs on a thread of the kernel's from the start, so that to submit it never sleeps.
 * Knows nothing of open files.
 */
#include "engine.h"

#include <errno.h>
#include <liburing.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>

#include "creds.h"
#include "passthrough.h"

#define SUBMIT_ENTRIES 64u   /* each is submitted at once */
#define REQUESTS_MAX   1024u /* under way */
#define BYTES_MAX      (UINT64_C(256) << 20)
#define RETRIES_MAX    8u
#define STOP_SECONDS   5

enum kind { KIND_READ, KIND_WRITE, KIND_SYNC };

struct request {
	llfused_pending pending;
	uint64_t offset;
	size_t size;
	size_t done;
	enum kind kind;
	int fd;
	int flags; /* RWF_*, or IORING_FSYNC_* */
	bool as_user;
	unsigned retries;
	unsigned char data[];
};

struct pt_engine {
	struct io_uring ring; /* the submission side under the lock, the other the thread's */
	pthread_mutex_t lock;
	pthread_t thread;
	uint16_t user; /* personality of writes for users; 0: there is none */
	unsigned under_way;
	uint64_t bytes; /* of requests under way */
	bool stopping;
};

/* ---- requests ---- */

/* NULL: too many, or no memory. */
static struct request *take_request(struct pt_engine *e, size_t size)
{
	struct request *r = NULL;

	pthread_mutex_lock(&e->lock);
	if (!e->stopping && e->under_way < REQUESTS_MAX && e->bytes + size <= BYTES_MAX)
		r = malloc(sizeof(*r) + size);
	if (r) {
		e->under_way++;
		e->bytes += size;
	}
	pthread_mutex_unlock(&e->lock);
	if (r)
		*r = (struct request){.size = size};
	return r;
}

static void give_request(struct pt_engine *e, struct request *r)
{
	pthread_mutex_lock(&e->lock);
	e->under_way--;
	e->bytes -= r->size;
	pthread_mutex_unlock(&e->lock);
	free(r);
}

/* ---- submitting ---- */

static void fill(const struct pt_engine *e, struct io_uring_sqe *sqe, struct request *r)
{
	unsigned char *data = r->data + r->done;
	unsigned size = (unsigned)(r->size - r->done);

	switch (r->kind) {
	case KIND_READ:
		io_uring_prep_read(sqe, r->fd, data, size, r->offset + r->done);
		break;
	case KIND_WRITE:
		io_uring_prep_write(sqe, r->fd, data, size, r->offset + r->done);
		sqe->rw_flags = r->flags;
		break;
	case KIND_SYNC:
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
	unsigned threads[2] = {REQUESTS_MAX, 0};

	if (!lifted)
		io_uring_register_iowq_max_workers(&e->ring, threads);
	lifted = true;
}

/* Without a request: to wake the thread.  0 or a negative errno. */
static int submit(struct pt_engine *e, struct request *r)
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
static int begin(struct pt_engine *e, struct llfused_ctx *ctx, struct request *r)
{
	int ret;

	r->pending = llfused_pend(ctx);
	if (r->pending == 0) {
		give_request(e, r);
		return -EAGAIN;
	}
	ret = submit(e, r);
	if (ret) {
		llfused_complete(r->pending, ret);
		give_request(e, r);
	}
	return LLFUSED_PENDING;
}

int pt_engine_read(struct pt *fs, struct llfused_ctx *ctx, int fd, uint64_t offset, size_t size)
{
	struct request *r = take_request(fs->engine, size);

	if (!r)
		return -EAGAIN;
	r->kind = KIND_READ;
	r->fd = fd;
	r->offset = offset;
	return begin(fs->engine, ctx, r);
}

int pt_engine_write(struct pt *fs, struct llfused_ctx *ctx, int fd, uint64_t offset,
		    const void *data, size_t size, int rw_flags, bool as_user)
{
	struct request *r;

	if (as_user && !fs->engine->user)
		return -EAGAIN;
	r = take_request(fs->engine, size);
	if (!r)
		return -EAGAIN;
	r->kind = KIND_WRITE;
	r->fd = fd;
	r->offset = offset;
	r->flags = rw_flags;
	r->as_user = as_user;
	memcpy(r->data, data, size);
	return begin(fs->engine, ctx, r);
}

int pt_engine_fsync(struct pt *fs, struct llfused_ctx *ctx, int fd, bool datasync)
{
	struct request *r = take_request(fs->engine, 0);

	if (!r)
		return -EAGAIN;
	r->kind = KIND_SYNC;
	r->fd = fd;
	r->flags = datasync ? IORING_FSYNC_DATASYNC : 0;
	return begin(fs->engine, ctx, r);
}

/* ---- finishing ---- */

static void complete(const struct request *r, int error)
{
	if (error)
		llfused_complete(r->pending, error);
	else if (r->kind == KIND_READ)
		llfused_complete_data(r->pending, r->data, r->done);
	else if (r->kind == KIND_WRITE)
		llfused_complete_write(r->pending, r->done);
	else
		llfused_complete(r->pending, 0);
}

/* Nothing was done: its thread has ended, or the kernel was out of something. */
static bool may_retry(struct request *r, int error)
{
	return (error == -EAGAIN || error == -EINTR || error == -ECANCELED) &&
	       r->retries++ < RETRIES_MAX;
}

/* Nothing more is there.  Asked only of what needs no waiting; else it is not known. */
static bool is_at_end(const struct request *r)
{
	char byte;
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};

	return preadv2(r->fd, &iov, 1, (off_t)(r->offset + r->done), RWF_NOWAIT) == 0;
}

/* Is it to go on?  A read that gave less than was asked for may have met the end, or not. */
static bool is_unfinished(struct request *r, int result)
{
	if (result < 0)
		return may_retry(r, result);
	return r->kind == KIND_READ && result > 0 && r->done < r->size && !is_at_end(r);
}

/* A read that fails half-way is an error: less than was asked for means the end of the file. */
static void on_done(struct pt_engine *e, struct request *r, int result)
{
	int error = result < 0 ? result : 0;

	if (result > 0)
		r->done += (size_t)result;
	if (is_unfinished(r, result)) {
		error = submit(e, r);
		if (!error)
			return;
	}
	complete(r, error);
	give_request(e, r);
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
static struct request *wait_for_one(struct pt_engine *e, int *result)
{
	struct io_uring_cqe *cqe;
	struct request *r;

	if (io_uring_wait_cqe(&e->ring, &cqe) != 0)
		return NULL; /* a signal */
	r = io_uring_cqe_get_data(cqe);
	*result = cqe->res;
	io_uring_cqe_seen(&e->ring, cqe);
	/* It may be done before its submitter has left submit(). */
	pthread_mutex_lock(&e->lock);
	pthread_mutex_unlock(&e->lock);
	return r;
}

static void *run(void *arg)
{
	struct pt_engine *e = arg;

	while (!has_ended(e)) {
		int result;
		struct request *r = wait_for_one(e, &result);

		if (r)
			on_done(e, r, result);
	}
	return NULL;
}

/* ---- life ---- */

static int open_ring(struct io_uring *ring)
{
	struct io_uring_params params = {
		.flags = IORING_SETUP_CQSIZE,
		/* room for all that are under way and what wakes the thread */
		.cq_entries = 2 * REQUESTS_MAX,
	};

	return io_uring_queue_init_params(SUBMIT_ENTRIES, ring, &params);
}

/* The kernel keeps a copy of what this thread is for the moment. */
static void *register_user(void *arg)
{
	struct pt_engine *e = arg;
	struct pt_creds creds;
	int id;

	if (pt_creds_drop(&creds) != 0)
		return NULL;
	id = io_uring_register_personality(&e->ring);
	pt_creds_end(&creds);
	if (id > 0)
		e->user = (uint16_t)id;
	return NULL;
}

/* On a thread of its own, which ends: the caller keeps its groups, umask and working directory. */
static void make_user(struct pt_engine *e)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, register_user, e) == 0)
		pthread_join(thread, NULL);
	if (!e->user)
		llfused_log(LLFUSED_LOG_INFO, "slow writes of users hold a thread each");
}

static int open_engine(struct pt_engine *e)
{
	int ret = open_ring(&e->ring);

	if (ret)
		return ret;
	make_user(e);
	pthread_mutex_init(&e->lock, NULL);
	ret = -pthread_create(&e->thread, NULL, run, e);
	if (ret) {
		pthread_mutex_destroy(&e->lock);
		io_uring_queue_exit(&e->ring);
	}
	return ret;
}

int pt_engine_start(struct pt *fs)
{
	struct pt_engine *e = calloc(1, sizeof(*e));
	int ret;

	if (!e)
		return -ENOMEM;
	ret = open_engine(e);
	if (ret) {
		llfused_log(LLFUSED_LOG_INFO,
			    "no io_uring for slow reads and writes (%s): they hold a thread each",
			    strerror(-ret));
		free(e);
		e = NULL;
	}
	fs->engine = e;
	return 0;
}

/* The requests are answered by now; what is left of them may be with a server that does not
 * answer, and is not waited for long. */
static bool join_thread(struct pt_engine *e)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += STOP_SECONDS;
	return pthread_timedjoin_np(e->thread, NULL, &until) == 0;
}

void pt_engine_stop(struct pt *fs)
{
	struct pt_engine *e = fs->engine;

	if (!e)
		return;
	fs->engine = NULL;
	pthread_mutex_lock(&e->lock);
	e->stopping = true;
	pthread_mutex_unlock(&e->lock);
	submit(e, NULL);
	if (!join_thread(e)) {
		llfused_log(LLFUSED_LOG_WARNING, "reads or writes of the source do not end");
		pthread_detach(e->thread);
		return;
	}
	io_uring_queue_exit(&e->ring);
	pthread_mutex_destroy(&e->lock);
	free(e);
}
