/*
 * The entries of a queue's thread: commands to the kernel, their number, and nudges for what waits
 * though entries are idle.  It knows nothing of requests.
 */
#include "worker_ring_impl.h"

#include <string.h>

#include "proto/abi.h"

/* The same as RING_SPARE, where a nudge cannot come to the queue. */
#define SPARE_BLIND 16u

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

void seat_command(struct seat *seat, struct ring_entry *e)
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

void seat_arm_event(struct seat *seat)
{
	struct io_uring_sqe *sqe = get_sqe(seat);

	io_uring_prep_read(sqe, seat->q->inbox.event_fd, &seat->event, sizeof(seat->event), 0);
	io_uring_sqe_set_data64(sqe, TAG_EVENT);
}

/* ---- entries ---- */

struct ring_lane *seat_lane(struct ring_queue *q, uint16_t qid)
{
	for (unsigned i = 0; i < q->nlanes; i++)
		if (q->lanes[i].qid == qid)
			return &q->lanes[i];
	return NULL;
}

/* One entry more for the queue, if that can be had. */
bool seat_add_entry(struct seat *seat, struct ring_lane *lane)
{
	struct ring_entry *e = NULL;

	if (!lane->full)
		e = ring_entry_new(seat->rings, &seat->q->inbox, lane->qid);
	if (!e)
		return false;
	lane->entries++;
	lane->idle++;
	seat_command(seat, e);
	return true;
}

/*
 * An entry was taken, and few are left: the kernel may have run out of them.  Then requests wait
 * there, and new entries are no help to them (see nudge.h).
 */
void seat_grow(struct seat *seat, struct ring_lane *lane)
{
	if (lane->idle >= lane->spare)
		return;
	while (lane->idle < lane->spare && seat_add_entry(seat, lane))
		;
	if (lane->idle > 0) {
		lane->nudge = true;
		seat->nudge = true;
	}
}

/* Once the new entries are the kernel's. */
void seat_nudge(struct seat *seat)
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

void seat_send(struct seat *seat, struct ring_entry *e)
{
	ring_settle(seat->rings, e);
	seat_command(seat, e);
	seat_lane(seat->q, e->qid)->idle++;
}
