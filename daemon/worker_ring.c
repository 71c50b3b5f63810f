/*
 * The loop of a worker on queues of FUSE over io_uring: one system call sends the replies and waits
 * for more requests.  It knows nothing of how many queues there are, nor of /dev/fuse's messages.
 */
#include "worker_ring.h"

#include <errno.h>
#include <liburing.h>
#include <string.h>

#include "dispatch.h"
#include "log.h"
#include "proto/abi.h"
#include "proto/reply.h"
#include "ring.h"
#include "ring_setup.h"
#include "worker.h"

/* The same as RING_SPARE, where a nudge cannot come to the queue. */
#define SPARE_BLIND 16u

/* user_data below this is the index of an entry */
#define TAG_EVENT (UINT64_C(1) << 32)

struct seat {
	struct io_uring ring;
	struct worker *w;
	struct ring_queue *q;
	struct rings *rings;
	int file; /* /dev/fuse: a descriptor, or the number of a registered one */
	unsigned char file_flags;
	uint64_t event; /* read from the inbox's eventfd */
	bool nudge;     /* some lane wants one */
	/* Entries whose requests wait for a free slot: index + 1, linked by `next`. */
	uint32_t first_parked, last_parked;
};

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

/* ---- commands ---- */

/* A full submission queue is sent first: the kernel takes all of it. */
static struct io_uring_sqe *get_sqe(struct seat *seat)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&seat->ring);

	while (!sqe) {
		io_uring_submit(&seat->ring);
		sqe = io_uring_get_sqe(&seat->ring);
	}
	return sqe;
}

static void command(struct seat *seat, struct ring_entry *e)
{
	struct io_uring_sqe *sqe = get_sqe(seat);
	struct proto_uring_cmd_req req = {.qid = e->qid};

	memset(sqe, 0, 2 * sizeof(*sqe));
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->fd = seat->file;
	sqe->flags = seat->file_flags;
	sqe->user_data = ring_entry_index(seat->rings, e);
	if (e->registered) {
		sqe->cmd_op = PROTO_URING_CMD_COMMIT_AND_FETCH;
		req.commit_id = e->commit_id;
	} else {
		sqe->cmd_op = PROTO_URING_CMD_REGISTER;
		sqe->addr = (uintptr_t)e->iov;
		sqe->len = 2;
	}
	memcpy(sqe->cmd, &req, sizeof(req));
}

static void arm_event(struct seat *seat)
{
	struct io_uring_sqe *sqe = get_sqe(seat);

	io_uring_prep_read(sqe, seat->q->inbox.event_fd, &seat->event, sizeof(seat->event), 0);
	io_uring_sqe_set_data64(sqe, TAG_EVENT);
}

/* ---- entries ---- */

static struct ring_lane *lane_of(struct ring_queue *q, uint16_t qid)
{
	for (unsigned i = 0; i < q->nlanes; i++)
		if (q->lanes[i].qid == qid)
			return &q->lanes[i];
	return NULL;
}

/* One entry more for the queue, if that can be had. */
static bool add_entry(struct seat *seat, struct ring_lane *lane)
{
	struct ring_entry *e = NULL;

	if (!lane->full)
		e = ring_entry_new(seat->rings, &seat->q->inbox, lane->qid);
	if (!e)
		return false;
	lane->entries++;
	lane->idle++;
	command(seat, e);
	return true;
}

/*
 * An entry was taken, and few are left: the kernel may have run out of them.  Then requests wait
 * there, and new entries are no help to them (see nudge.h).
 */
static void grow(struct seat *seat, struct ring_lane *lane)
{
	if (lane->idle >= lane->spare)
		return;
	while (lane->idle < lane->spare && add_entry(seat, lane))
		;
	if (lane->idle > 0) {
		lane->nudge = true;
		seat->nudge = true;
	}
}

/* Once the new entries are the kernel's. */
static void nudge(struct seat *seat)
{
	if (io_uring_submit(&seat->ring) < 0 || io_uring_sq_ready(&seat->ring) > 0)
		return;
	seat->nudge = false;
	for (unsigned i = 0; i < seat->q->nlanes; i++) {
		struct ring_lane *lane = &seat->q->lanes[i];

		if (lane->nudge)
			lane->spare = nudge_ask(seat->w->session->nudge, lane->qid) ? RING_SPARE
										    : SPARE_BLIND;
		lane->nudge = false;
	}
}

static void send_answer(struct seat *seat, struct ring_entry *e)
{
	ring_settle(seat->rings, e);
	command(seat, e);
	lane_of(seat->q, e->qid)->idle++;
}

/* ---- requests ---- */

static uint32_t payload_size(const struct ring_entry *e)
{
	const struct proto_uring_req_header *header = e->iov[0].iov_base;

	return header->ring_ent_in_out.payload_sz;
}

static struct fuse_in_header head_of(const struct ring_entry *e)
{
	const struct proto_uring_req_header *header = e->iov[0].iov_base;
	struct fuse_in_header in;

	memcpy(&in, header->in_out, sizeof(in));
	return in;
}

/* Names share the payload with the reply, so they are copied out first; large data stays. */
static const void *place_payload(struct slot *slot, struct ring_entry *e)
{
	uint32_t opcode = head_of(e).opcode, size = payload_size(e);

	if (opcode == FUSE_WRITE || opcode == FUSE_NOTIFY_REPLY || size > slot->message_cap) {
		slot->holds = true;
		ring_hold(e);
		return e->iov[1].iov_base;
	}
	memcpy(slot->message, e->iov[1].iov_base, size);
	return slot->message;
}

static int answer(struct seat *seat, struct ring_entry *e, const void *reply, size_t len)
{
	struct iovec iov = {.iov_base = (void *)(uintptr_t)reply, .iov_len = len};
	int ret = ring_fill(seat->rings, e, &iov, 1);

	if (ret == 0)
		send_answer(seat, e);
	return ret;
}

/* Nobody will handle it. */
static void refuse(struct seat *seat, struct ring_entry *e)
{
	const struct proto_uring_req_header *header = e->iov[0].iov_base;
	struct fuse_in_header in = head_of(e);

	e->commit_id = header->ring_ent_in_out.commit_id;
	ring_take(seat->rings, e, in.unique, payload_size(e));
	if (ring_fill_empty(e, in.unique) == 0)
		send_answer(seat, e);
}

/* The kernel waits for no reply, but the entry has to be given back: once it is released. */
static void answer_unasked(struct seat *seat, struct ring_entry *e, uint64_t unique)
{
	if (ring_fill_empty(e, unique) == 0)
		ring_post(seat->rings, e);
}

/* There is a slot for it. */
static void serve(struct seat *seat, struct ring_entry *e)
{
	struct worker *w = seat->w;
	struct slot *slot = w->slot;
	struct proto_request *r = &slot->request;
	size_t len;
	int ret;

	slot->fd = ring_route(ring_entry_index(seat->rings, e));
	slot->stats = &w->stats;
	slot->reply = e->reply;
	ret = proto_decode_ring(&w->session->conn, e->iov[0].iov_base, place_payload(slot, e),
				seat->rings->payload, r, &e->commit_id);
	ring_take(seat->rings, e, r->head.unique, payload_size(e));
	if (r->op && !dispatch_wants_reply(r->op))
		answer_unasked(seat, e, r->head.unique);
	if (dispatch_decoded(slot, ret, &len) == DISPATCH_RUN && !worker_run(w, &len))
		return;
	session_release(slot);
	if (len > 0)
		dispatch_sent(slot, answer(seat, e, e->reply, len));
}

/* ---- requests without a slot ---- */

static void park(struct seat *seat, struct ring_entry *e)
{
	uint32_t at = ring_entry_index(seat->rings, e) + 1;

	e->next = 0;
	if (seat->last_parked != 0)
		seat->rings->entries[seat->last_parked - 1].next = at;
	else
		seat->first_parked = at;
	seat->last_parked = at;
}

static struct ring_entry *unpark(struct seat *seat)
{
	struct ring_entry *e = &seat->rings->entries[seat->first_parked - 1];

	seat->first_parked = e->next;
	if (e->next == 0)
		seat->last_parked = 0;
	return e;
}

/* This thread never waits for a slot: answers of others go through it. */
static bool has_slot(struct worker *w)
{
	if (!w->slot)
		w->slot = handlers_try_slot(w->session);
	return w->slot != NULL;
}

static void serve_parked(struct seat *seat)
{
	struct session *s = seat->w->session;

	while (seat->first_parked != 0 && s->ring_refusing)
		refuse(seat, unpark(seat));
	while (seat->first_parked != 0 && has_slot(seat->w))
		serve(seat, unpark(seat));
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
	struct ring_lane *lane = lane_of(seat->q, e->qid);

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
	command(seat, e);
	return 0;
}

/* Our own question, which no backend is to be bothered with. */
static bool is_nudge(struct seat *seat, const struct fuse_in_header *in)
{
	return in->opcode == FUSE_STATFS && nudge_is_ours(seat->w->session->nudge, in->pid);
}

static int on_entry(struct seat *seat, struct ring_entry *e, int res)
{
	struct ring_lane *lane = lane_of(seat->q, e->qid);
	struct fuse_in_header in;

	if (res != 0)
		return on_refused(seat, e, res);
	lane->idle--;
	in = head_of(e);
	if (is_nudge(seat, &in) || ring_is_frozen(e)) {
		refuse(seat, e);
		return 0;
	}
	if (seat->first_parked == 0 && has_slot(seat->w))
		serve(seat, e);
	else
		park(seat, e);
	grow(seat, lane);
	return 0;
}

/* Without it answers of other threads would lie here for ever. */
static int on_event(struct seat *seat, int res)
{
	if (res < 0 && res != -EINTR && res != -EAGAIN)
		return res;
	arm_event(seat);
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
		send_answer(seat, e);
}

/* ---- the loop ---- */

/* Every queue needs one; a refusal comes at once. */
static int register_all(struct seat *seat)
{
	int ret;

	for (unsigned i = 0; i < seat->q->nlanes; i++) {
		struct ring_lane *lane = &seat->q->lanes[i];

		lane->spare = RING_SPARE;
		while (lane->entries < seat->q->depth && add_entry(seat, lane))
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
		serve_parked(seat);
		if (seat->nudge)
			nudge(seat);
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
			lane_of(seat->q, seat->rings->entries[io_uring_cqe_get_data64(cqe)].qid)
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
		arm_event(&seat);
		ret = register_all(&seat);
		worker_started(w, ret < 0 ? ret : 0);
		if (ret == 0)
			ret = serve_queues(&seat);
	}
	let_go_of_device(&seat, ret > 0 || session_ended(w->session) == SESSION_UNMOUNTED);
	io_uring_queue_exit(&seat.ring);
	return ret < 0 ? ret : 0;
}
