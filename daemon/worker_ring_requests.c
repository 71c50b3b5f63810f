/*
 * Requests in entries: decoding, answering, and parking those that find no slot.  It knows nothing
 * of the loop.
 */
#include "worker_ring_impl.h"

#include <string.h>

#include "dispatch.h"
#include "proto/abi.h"
#include "proto/reply.h"

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
		seat_send(seat, e);
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
		seat_send(seat, e);
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

void seat_serve_parked(struct seat *seat)
{
	struct session *s = seat->w->session;

	while (seat->first_parked != 0 && s->ring_refusing)
		refuse(seat, unpark(seat));
	while (seat->first_parked != 0 && has_slot(seat->w))
		serve(seat, unpark(seat));
}

/* ---- all of them ---- */

/* Our own question, which no backend is to be bothered with. */
static bool is_nudge(struct seat *seat, const struct fuse_in_header *in)
{
	return in->opcode == FUSE_STATFS && nudge_is_ours(seat->w->session->nudge, in->pid);
}

void seat_request(struct seat *seat, struct ring_entry *e)
{
	struct fuse_in_header in = head_of(e);

	if (is_nudge(seat, &in) || ring_is_frozen(e)) {
		refuse(seat, e);
		return;
	}
	if (seat->first_parked == 0 && has_slot(seat->w))
		serve(seat, e);
	else
		park(seat, e);
	seat_grow(seat, seat_lane(seat->q, e->qid));
}
