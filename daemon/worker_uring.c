/*
 * The loop of a worker with io_uring: one armed READ for the next message, one armed poll for the
 * session's end, and one system call that sends the reply and waits for more.
 */
#include "worker.h"

#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <string.h>

#include "dispatch.h"

#define RING_ENTRIES 8

enum tag { TAG_READ = 1, TAG_WRITE, TAG_READABLE, TAG_STOP };

/* Newer kernels run completions only in the thread that waits, which saves interrupting it. */
static int make_ring(struct io_uring *ring)
{
	int ret = io_uring_queue_init(RING_ENTRIES, ring,
				      IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);

	return ret == -EINVAL ? io_uring_queue_init(RING_ENTRIES, ring, 0) : ret;
}

int worker_uring_probe(void)
{
	struct io_uring ring;
	int ret = make_ring(&ring);

	if (ret == 0)
		io_uring_queue_exit(&ring);
	return ret;
}

static void arm_read(struct io_uring *ring, struct worker *w)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

	io_uring_prep_read(sqe, w->fd, w->slot->message, (unsigned)w->slot->message_cap, 0);
	io_uring_sqe_set_data64(sqe, TAG_READ);
}

/* Older kernels give EAGAIN for a descriptor that does not block; there the wait is a poll. */
static void arm_poll(struct io_uring *ring, struct worker *w)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

	io_uring_prep_poll_add(sqe, w->fd, POLLIN);
	io_uring_sqe_set_data64(sqe, TAG_READABLE);
}

static void arm_stop(struct io_uring *ring, struct worker *w)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

	io_uring_prep_poll_add(sqe, w->session->stop_fd, POLLIN);
	io_uring_sqe_set_data64(sqe, TAG_STOP);
}

/* Only a refused reply is worth a completion. */
static void send_reply(struct io_uring *ring, struct worker *w, size_t len)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

	io_uring_prep_write(sqe, w->fd, w->reply, (unsigned)len, 0);
	sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
	io_uring_sqe_set_data64(sqe, TAG_WRITE);
}

/*
 * The reply is written before the next message is read: both run in order within the one
 * submission, so one message buffer and one reply buffer are enough.
 */
static int on_read(struct io_uring *ring, struct worker *w, int res)
{
	int ret = 0;

	if (res >= 0) {
		size_t len;

		ret = worker_message(w, (size_t)res, &len);
		if (len > 0)
			send_reply(ring, w, len);
	} else if (res == -EAGAIN) {
		arm_poll(ring, w);
		return 0;
	} else {
		ret = worker_read_failed(-res);
	}
	if (ret == 0)
		arm_read(ring, w);
	return ret;
}

static int on_completion(struct io_uring *ring, struct worker *w, const struct io_uring_cqe *cqe)
{
	switch (io_uring_cqe_get_data64(cqe)) {
	case TAG_READ:
		return on_read(ring, w, cqe->res);
	case TAG_READABLE:
		arm_read(ring, w);
		return 0;
	case TAG_WRITE:
		if (cqe->res < 0)
			dispatch_sent(w->slot, cqe->res);
		return 0;
	default:
		return 1; /* the session ends */
	}
}

/* Handles one completion after the other: a refused reply's comes before that of the next read. */
static int reap(struct io_uring *ring, struct worker *w)
{
	struct io_uring_cqe *cqe;
	int ret = 0;

	while (ret == 0 && io_uring_peek_cqe(ring, &cqe) == 0) {
		struct io_uring_cqe copy = *cqe;

		io_uring_cqe_seen(ring, cqe);
		ret = on_completion(ring, w, &copy);
	}
	return ret;
}

int worker_loop_uring(struct worker *w)
{
	struct io_uring ring;
	int ret = make_ring(&ring);

	worker_started(w, ret);
	if (ret != 0)
		return ret;
	arm_stop(&ring, w);
	arm_read(&ring, w);
	while (ret == 0 && !atomic_load(&w->quit)) {
		ret = io_uring_submit_and_wait(&ring, 1);
		if (ret >= 0 || ret == -EINTR || ret == -EAGAIN || ret == -EBUSY)
			ret = reap(&ring, w);
	}
	io_uring_queue_exit(&ring);
	return ret < 0 ? ret : 0;
}
