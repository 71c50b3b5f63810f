/*
 * The loop of a worker on queues of FUSE over io_uring: one system call sends the replies and waits
 * for more requests.  It knows nothing of how many queues there are, nor of /dev/fuse's messages.
 */
#include "worker_ring.h"

#include <errno.h>
#include <liburing.h>
#include <string.h>

#include "log.h"
#include "ring.h"
#include "ring_setup.h"
#include "worker_ring_impl.h"

/* What the kernel need not look up each time; where it cannot be told, it does. */
static void register_files(struct seat *seat)
{
	const int fd = seat->w->session->fuse_fd;

	io_uring_register_ring_fd(&seat->ring);
	seat->file = fd;
	if (io_uring_register_files(&seat->ring, &fd, 1) != 0)
		return;
	seat->file = 0;
	seat->file_flags = IOSQE_FIXED_FILE;
}

/* ---- completions ---- */

/* The kernel does not take this new entry: those that are there have to do. */
static int on_unwanted(struct ring_lane *lane, int error)
{
	lane->full = true;
	if (--lane->entries == 0)
		return error;
	log_warn("the kernel refuses an entry of queue %u, which has %u now: %s", lane->qid,
		 lane->entries, strerror(-error));
	return 0;
}

/* The kernel gave the entry back with an error: the command was not taken. */
static int on_refused(struct seat *seat, struct ring_entry *e, int error)
{
	struct ring_lane *lane = seat_lane(seat->q, e->qid);

	lane->idle--;
	if (error == -ENOTCONN || error == -ECONNABORTED || error == -ENODEV)
		return 1;
	if (!e->registered)
		return on_unwanted(lane, error);
	if (++lane->refused > seat->q->depth)
		return error;
	/* what it was to answer has gone; the entry can be used again */
	log_debug("ring entry refused: errno=%d queue=%u", -error, e->qid);
	e->registered = false;
	lane->idle++;
	seat_command(seat, e);
	return 0;
}

static int on_entry(struct seat *seat, struct ring_entry *e, int res)
{
	if (res != 0)
		return on_refused(seat, e, res);
	seat_lane(seat->q, e->qid)->idle--;
	seat_request(seat, e);
	return 0;
}

/* Without it answers of other threads would lie here for ever. */
static int on_event(struct seat *seat, int res)
{
	if (res < 0 && res != -EINTR && res != -EAGAIN)
		return res;
	seat_arm_event(seat);
	return 0;
}

static int on_completion(struct seat *seat, const struct io_uring_cqe *cqe)
{
	uint64_t tag = io_uring_cqe_get_data64(cqe);

	if (tag == TAG_EVENT)
		return on_event(seat, cqe->res);
	return on_entry(seat, &seat->rings->entries[tag], cqe->res);
}

static int reap(struct seat *seat)
{
	struct io_uring_cqe *cqe;
	unsigned head, n = 0;
	int ret = 0;

	io_uring_for_each_cqe(&seat->ring, head, cqe)
	{
		n++;
		ret = on_completion(seat, cqe);
		if (ret != 0)
			break;
	}
	io_uring_cq_advance(&seat->ring, n);
	return ret;
}

/* What others have answered. */
static void collect(struct seat *seat)
{
	struct ring_entry *e;

	while ((e = ring_collect(seat->rings, &seat->q->inbox)))
		seat_send(seat, e);
}

/* ---- the loop ---- */

/* Every queue needs one; a refusal comes at once. */
static int register_all(struct seat *seat)
{
	int ret;

	for (unsigned i = 0; i < seat->q->nlanes; i++) {
		struct ring_lane *lane = &seat->q->lanes[i];

		lane->spare = RING_SPARE;
		while (lane->entries < seat->q->depth && seat_add_entry(seat, lane))
			;
		if (lane->entries == 0)
			return -ENOMEM;
	}
	ret = io_uring_submit(&seat->ring);
	return ret < 0 ? ret : reap(seat);
}

/* A slot may come free at any time: nobody tells. */
static int wait_for_more(struct seat *seat)
{
	struct __kernel_timespec soon = {.tv_nsec = 1000000};
	struct io_uring_cqe *cqe;

	if (seat->first_parked != 0)
		return io_uring_submit_and_wait_timeout(&seat->ring, &cqe, 1, &soon, NULL);
	return io_uring_submit_and_wait(&seat->ring, 1);
}

/* Until the connection has ended, or the transport is stopped: the pool's answers are sent to the
 * last one. */
static int serve_queues(struct seat *seat)
{
	int ret = 0;

	while (ret == 0 && !atomic_load(&seat->w->quit)) {
		collect(seat);
		seat_serve_parked(seat);
		if (seat->nudge)
			seat_nudge(seat);
		ret = wait_for_more(seat);
		if (ret >= 0 || ret == -EINTR || ret == -EAGAIN || ret == -EBUSY || ret == -ETIME)
			ret = reap(seat);
	}
	collect(seat);
	io_uring_submit(&seat->ring);
	return ret;
}

/* ---- the end ---- */

/* What the kernel has to give back when the connection has ended; it does so within a moment. */
#define LAST_NS 200000000

static unsigned in_flight(const struct ring_queue *q)
{
	unsigned n = 0;

	for (unsigned i = 0; i < q->nlanes; i++)
		n += q->lanes[i].idle;
	return n;
}

/*
 * A command that is still armed and a registered file hold /dev/fuse, and the files behind the
 * mount, until some time after this process has ended: the source could not be unmounted meanwhile.
 */
static void let_go_of_device(struct seat *seat, bool ended)
{
	struct __kernel_timespec most = {.tv_nsec = LAST_NS};
	struct io_uring_cqe *cqe;

	while (ended && in_flight(seat->q) > 0 &&
	       io_uring_wait_cqe_timeout(&seat->ring, &cqe, &most) == 0) {
		if (io_uring_cqe_get_data64(cqe) != TAG_EVENT)
			seat_lane(seat->q, seat->rings->entries[io_uring_cqe_get_data64(cqe)].qid)
				->idle--;
		io_uring_cqe_seen(&seat->ring, cqe);
	}
	if (seat->file_flags != 0)
		io_uring_unregister_files(&seat->ring);
}

/* false: the start has failed elsewhere. */
static bool may_go(struct seat *seat)
{
	while (!atomic_load(&seat->w->quit))
		if (sem_wait(&seat->q->go) == 0)
			return true;
	return false;
}

int worker_loop_ring(struct worker *w)
{
	struct seat seat = {.w = w,
			    .q = &w->session->queues[w - w->session->workers],
			    .rings = &w->session->rings};
	int ret = ring_setup_make(&seat.ring);

	worker_started(w, ret);
	if (ret != 0)
		return ret;
	register_files(&seat);
	if (may_go(&seat)) {
		seat_arm_event(&seat);
		ret = register_all(&seat);
		worker_started(w, ret < 0 ? ret : 0);
		if (ret == 0)
			ret = serve_queues(&seat);
	}
	let_go_of_device(&seat, ret > 0 || session_ended(w->session) == SESSION_UNMOUNTED);
	io_uring_queue_exit(&seat.ring);
	return ret < 0 ? ret : 0;
}
