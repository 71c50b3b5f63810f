/*
 * States of ring entries, and the way of an answer to the thread that sends it.  It must not know
 * io_uring.
 */
#include "ring.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "buffers.h"
#include "log.h"
#include "proto/abi.h"
#include "proto/ring.h"

_Static_assert(sizeof(struct proto_uring_req_header) <= RING_HEADER, "a header has room");

int rings_open(struct rings *r, uint32_t cap, size_t payload, struct err *err)
{
	*r = (struct rings){.cap = cap, .payload = payload};
	pthread_mutex_init(&r->lock, NULL);
	r->entries = buffers_reserve(cap * sizeof(r->entries[0]));
	r->headers = buffers_reserve((size_t)cap * RING_HEADER);
	return r->entries && r->headers
		       ? 0
		       : err_set(err, -ENOMEM, "no address space for %u ring entries", cap);
}

void rings_close(struct rings *r)
{
	for (uint32_t i = 0; r->entries && i < atomic_load(&r->count); i++)
		buffers_reply_free(r->entries[i].reply, r->payload);
	buffers_release(r->entries, r->cap * sizeof(r->entries[0]));
	buffers_release(r->headers, (size_t)r->cap * RING_HEADER);
	if (r->cap > 0)
		pthread_mutex_destroy(&r->lock);
	*r = (struct rings){.cap = 0};
}

int ring_inbox_open(struct ring_inbox *inbox)
{
	inbox->first = 0;
	pthread_mutex_init(&inbox->lock, NULL);
	inbox->event_fd = eventfd(0, EFD_CLOEXEC);
	return inbox->event_fd < 0 ? -errno : 0;
}

void ring_inbox_close(struct ring_inbox *inbox)
{
	if (inbox->event_fd >= 0)
		close(inbox->event_fd);
	pthread_mutex_destroy(&inbox->lock);
}

struct ring_entry *ring_entry_new(struct rings *r, struct ring_inbox *inbox, uint16_t qid)
{
	struct ring_entry *e = NULL;
	uint32_t i;

	pthread_mutex_lock(&r->lock);
	i = atomic_load(&r->count);
	if (i < r->cap) {
		unsigned char *reply = buffers_reply(r->payload);

		e = reply ? &r->entries[i] : NULL;
		if (e) {
			*e = (struct ring_entry){.reply = reply, .inbox = inbox, .qid = qid};
			e->iov[0] = (struct iovec){r->headers + (size_t)i * RING_HEADER,
						   sizeof(struct proto_uring_req_header)};
			e->iov[1] =
				(struct iovec){reply + sizeof(struct fuse_out_header), r->payload};
			atomic_store(&r->count, i + 1);
		}
	}
	pthread_mutex_unlock(&r->lock);
	return e;
}

/* Memory for large data costs more to get anew than to keep, but not everywhere. */
#define SLIM     65536u
#define FAT_KEPT 8u

static void weigh(struct rings *r, struct ring_entry *e, size_t size)
{
	if (size <= SLIM || e->fat)
		return;
	e->fat = true;
	atomic_fetch_add(&r->fat, 1);
}

/* What it holds now is small. */
static void slim(struct rings *r, struct ring_entry *e)
{
	if (!e->fat || atomic_load(&r->fat) <= FAT_KEPT || ring_is_frozen(e))
		return;
	buffers_trim(e->iov[1].iov_base, r->payload, SLIM);
	e->fat = false;
	atomic_fetch_sub(&r->fat, 1);
}

void ring_settle(struct rings *r, struct ring_entry *e)
{
	const struct proto_uring_req_header *header = e->iov[0].iov_base;
	uint32_t size = header->ring_ent_in_out.payload_sz;

	if (size > SLIM)
		weigh(r, e, size);
	else
		slim(r, e);
}

void ring_take(struct rings *r, struct ring_entry *e, uint64_t unique, size_t size)
{
	weigh(r, e, size);
	e->registered = true;
	atomic_store_explicit(&e->unique, unique, memory_order_release);
}

/* Ids of requests are not used again, so an entry that was used again is never claimed for an old
 * one. */
static bool claim(struct ring_entry *e, uint64_t unique)
{
	return unique != 0 && atomic_compare_exchange_strong(&e->unique, &unique, 0);
}

/* Copies what follows the first `skip` bytes of `iov`, unless it is there already. */
static void put_body(unsigned char *at, const struct iovec *iov, int iovcnt, size_t skip)
{
	for (int i = 0; i < iovcnt; i++) {
		const unsigned char *from = iov[i].iov_base;
		size_t size = iov[i].iov_len;

		if (skip >= size) {
			skip -= size;
			continue;
		}
		if (from + skip != at)
			memcpy(at, from + skip, size - skip);
		at += size - skip;
		skip = 0;
	}
}

int ring_fill(struct rings *r, struct ring_entry *e, const struct iovec *iov, int iovcnt)
{
	int hold = atomic_load(&e->hold);
	struct fuse_out_header out;
	size_t total = 0;

	for (int i = 0; i < iovcnt; i++)
		total += iov[i].iov_len;
	memcpy(&out, iov[0].iov_base, sizeof(out));
	total -= sizeof(out);
	if (total > (hold == RING_FREE ? r->payload : RING_ASIDE))
		return -EINVAL;
	if (!claim(e, out.unique))
		return -ENOENT;
	proto_ring_reply(e->iov[0].iov_base, out.unique, out.error, (uint32_t)total);
	e->aside_size = hold == RING_FREE ? 0 : (uint32_t)total;
	put_body(hold == RING_FREE ? e->iov[1].iov_base : e->aside, iov, iovcnt, sizeof(out));
	return 0;
}

int ring_fill_empty(struct ring_entry *e, uint64_t unique)
{
	if (!claim(e, unique))
		return -ENOENT;
	proto_ring_reply(e->iov[0].iov_base, unique, -EIO, 0);
	return 0;
}

static void deliver(struct rings *r, struct ring_entry *e)
{
	struct ring_inbox *inbox = e->inbox;
	uint64_t one = 1;
	bool was_empty;

	pthread_mutex_lock(&inbox->lock);
	was_empty = inbox->first == 0;
	e->next = inbox->first;
	inbox->first = ring_entry_index(r, e) + 1;
	pthread_mutex_unlock(&inbox->lock);
	if (was_empty && write(inbox->event_fd, &one, sizeof(one)) < 0)
		log_error("cannot wake a queue of the ring: %s", strerror(errno));
}

/* Nobody reads the payload any more. */
static void take_aside(struct ring_entry *e)
{
	if (e->aside_size > 0)
		memcpy(e->iov[1].iov_base, e->aside, e->aside_size);
	e->aside_size = 0;
}

/* Out of one state into another, if it is that one. */
static bool turn(struct ring_entry *e, int from, int to)
{
	return atomic_compare_exchange_strong(&e->hold, &from, to);
}

void ring_post(struct rings *r, struct ring_entry *e)
{
	if (turn(e, RING_HELD, RING_ANSWERED))
		return;
	if (!ring_is_frozen(e))
		take_aside(e);
	deliver(r, e);
}

void ring_hold(struct ring_entry *e)
{
	atomic_store(&e->hold, RING_HELD);
}

void ring_release(struct rings *r, struct ring_entry *e)
{
	if (turn(e, RING_HELD, RING_FREE) || !turn(e, RING_ANSWERED, RING_FREE))
		return;
	take_aside(e);
	deliver(r, e);
}

static void freeze(struct rings *r, struct ring_entry *e)
{
	struct fuse_out_header out;

	if (!turn(e, RING_ANSWERED, RING_FROZEN))
		return;
	if (mprotect(e->iov[1].iov_base, r->payload, PROT_READ) < 0)
		log_error("cannot keep the data of a stuck handler: %s", strerror(errno));
	memcpy(&out, e->iov[0].iov_base, sizeof(out));
	proto_ring_reply(e->iov[0].iov_base, out.unique, -EIO, 0);
	deliver(r, e);
}

void ring_freeze(struct rings *r)
{
	for (uint32_t i = 0; r->entries && i < atomic_load(&r->count); i++)
		freeze(r, &r->entries[i]);
}

struct ring_entry *ring_collect(struct rings *r, struct ring_inbox *inbox)
{
	struct ring_entry *e = NULL;

	/* most often nobody has answered for us; whoever does wakes us afterwards */
	if (atomic_load_explicit(&inbox->first, memory_order_relaxed) == 0)
		return NULL;
	pthread_mutex_lock(&inbox->lock);
	if (inbox->first != 0) {
		e = &r->entries[inbox->first - 1];
		inbox->first = e->next;
	}
	pthread_mutex_unlock(&inbox->lock);
	return e;
}
