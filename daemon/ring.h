/*
 * The entries of FUSE over io_uring: each is a header and a payload buffer that the kernel fills
 * with a request and takes the reply from.  Their states, and answers from any thread; the commands
 * to the kernel are worker_ring.c's.
 *
 * An entry is with the kernel and waits for a request; then it is taken: the request is handled, or
 * its answer comes later; whoever has an answer claims it, so that the first one counts, fills it,
 * and the thread of its queue gives it back to the kernel.
 *
 * A thread that is not the queue's may read the request's data where they stand in the payload:
 * then the entry is held, and the answer waits until it is released.
 */
#ifndef DAEMON_RING_H
#define DAEMON_RING_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "err.h"

struct session;

struct ring_inbox;

enum ring_hold {
	RING_FREE,
	RING_HELD,     /* somebody reads the data */
	RING_ANSWERED, /* the same, and the answer waits */
	RING_FROZEN    /* answered, and nobody may write to its payload any more */
};

/* The only answer with a body to a request whose data are read in place is that of WRITE. */
#define RING_ASIDE 16u

struct ring_entry {
	/* header, payload: as they are registered; no cache line in common with another entry */
	_Alignas(64) struct iovec iov[2];
	unsigned char *reply; /* the payload with room for an out header in front of it */
	struct ring_inbox *inbox;
	uint64_t commit_id;
	_Atomic uint64_t unique; /* of the request that is not yet answered; 0: none */
	uint16_t qid;            /* its queue */
	uint32_t next;           /* in the inbox: index + 1 */
	bool registered;         /* the kernel knows it: it is committed, not registered */
	bool fat;                /* large data was in it, whose memory it still has */
	atomic_int hold;         /* enum ring_hold */
	/* the body of an answer that came while it was held */
	uint32_t aside_size;
	unsigned char aside[RING_ASIDE];
};

/* The entries whose answers a queue's thread is to send. */
struct ring_inbox {
	pthread_mutex_t lock;
	atomic_uint first; /* index + 1; 0: none; changed with the lock held */
	int event_fd;      /* written when the first one comes */
};

struct rings {
	struct ring_entry *entries; /* room for `cap`; the first `count` are made */
	unsigned char *headers;     /* RING_HEADER bytes each */
	uint32_t cap;
	atomic_uint count;
	pthread_mutex_t lock; /* for making one */
	size_t payload;       /* bytes */
	atomic_uint fat;      /* entries that are */
};

#define RING_HEADER 320u

int rings_open(struct rings *r, uint32_t cap, size_t payload, struct err *err);
void rings_close(struct rings *r);

int ring_inbox_open(struct ring_inbox *inbox);
void ring_inbox_close(struct ring_inbox *inbox);

/* A new entry of queue `qid`, not yet registered; NULL: no more, or no address space.  Any thread.
 */
struct ring_entry *ring_entry_new(struct rings *r, struct ring_inbox *inbox, uint16_t qid);
static inline uint32_t ring_entry_index(const struct rings *r, const struct ring_entry *e)
{
	return (uint32_t)(e - r->entries);
}

/* Where a request of the ring is answered, in the place of a descriptor. */
static inline int ring_route(uint32_t index)
{
	return -2 - (int)index;
}
static inline uint32_t ring_index(int route)
{
	return (uint32_t)(-2 - route);
}
static inline bool ring_is_route(int fd)
{
	return fd <= -2;
}

/* The kernel has put this request into it, with `size` bytes of payload. */
void ring_take(struct rings *r, struct ring_entry *e, uint64_t unique, size_t size);

/*
 * The answer to the request `unique`: `iov` holds the out header and the body, which may stand in
 * e->reply already.  -ENOENT: it is answered already, or has gone.  -EINVAL: too long, and not
 * answered.
 */
int ring_fill(struct rings *r, struct ring_entry *e, const struct iovec *iov, int iovcnt);

/* What has no reply is given back with an error, which the kernel does not look at: it would
 * complain about an odd id.  -ENOENT as above. */
int ring_fill_empty(struct ring_entry *e, uint64_t unique);

/* From any thread: an entry that was filled goes to its queue's thread, as soon as nobody holds it.
 */
void ring_post(struct rings *r, struct ring_entry *e);

/* The queue's thread, before it shows the request's data to another one. */
void ring_hold(struct ring_entry *e);
/* The data are not read any more.  Any thread, once. */
void ring_release(struct rings *r, struct ring_entry *e);

/*
 * At the end, for handlers that do not come back: answers that wait for them go to the kernel, with
 * an error.  Their data stay as they are, since the payload becomes read-only: the kernel can put
 * only requests without a payload there, and these are to be refused.
 */
void ring_freeze(struct rings *r);
static inline bool ring_is_frozen(const struct ring_entry *e)
{
	return atomic_load_explicit(&e->hold, memory_order_relaxed) == RING_FROZEN;
}
/* The queue's thread, before it gives an answer to the kernel: large data that are needed no more
 * may leave memory. */
void ring_settle(struct rings *r, struct ring_entry *e);
/* The queue's thread: the next one to be sent, or NULL. */
struct ring_entry *ring_collect(struct rings *r, struct ring_inbox *inbox);

#endif
