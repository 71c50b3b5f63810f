/*
 * The handlers' side of a session whose backend may block: slots that the transport's threads fill
 * with requests, and pool threads that run their handlers and send the replies.
 */
#ifndef DAEMON_HANDLERS_H
#define DAEMON_HANDLERS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "pool.h"

struct session;
struct slot;
struct handlers_seat;
struct stats;

struct handlers {
	struct pool pool;
	unsigned nthreads; /* 0: the session has no pool */
	struct handlers_seat *seats;
	struct slot *slots;
	unsigned nslots;
	atomic_uint fat; /* slots that hold the memory of a large message */
};

/* `nthreads` of them, and room for more requests than that, though each of `nreaders` may keep a
 * slot while it has no request.  s->conn is known. */
int handlers_start(struct session *s, unsigned nthreads, unsigned nreaders, struct err *err);

/* A free slot with an empty message; waits while all are in use; NULL: the session stops. */
struct slot *handlers_slot(struct session *s);
/* The same without waiting: NULL when all are in use, too. */
struct slot *handlers_try_slot(struct session *s);
/* Gives one back that was not used. */
void handlers_put(struct slot *slot);
/* The slot's request is to be run; the slot is not the caller's any more.  `size`: bytes of the
 * largest message that was in it since it was taken. */
void handlers_submit(struct slot *slot, size_t size);

/* Takes the first queued request that is `wanted` out of the queue; its slot is the caller's then.
 * NULL: there is none. */
struct slot *handlers_cancel(struct session *s, bool (*wanted)(const struct slot *slot));
/* The same for the request `unique` if it is in this slot and has not begun. */
bool handlers_cancel_one(struct slot *slot, uint64_t unique);
/* Is there one? */
bool handlers_queued(struct session *s, bool (*wanted)(const struct slot *slot));

/* Adds what the pool's threads have counted. */
void handlers_count(struct session *s, struct stats *sum);

/* As pool_stop(). */
int handlers_stop(struct session *s, uint64_t timeout);
/* After a stop that returned 0. */
void handlers_free(struct session *s);

#endif
