/*
 * Requests whose handler answered "pending".  They hold no slot: each is a small record in a table
 * that is reserved once and touched as it fills.  An id is an index and a generation, so that an
 * old one is harmless.
 */
#ifndef DAEMON_PENDING_H
#define DAEMON_PENDING_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <llfused/backend.h>

#include "slot.h"
#include "err.h"

struct pending_record {
	llfused_pending id; /* 0: free */
	uint64_t unique;
	uint64_t nodeid;
	uint64_t since; /* as inflight_now() */
	const struct proto_opcode *op;
	uint64_t room; /* bytes that the reply may carry behind its struct, or may say were done */
	int fd;
	uint32_t pid;
	uint32_t flags; /* readdir: of the open directory */
	uint64_t generation;
	uint32_t next;    /* in the free list, or in the bucket of its unique: index + 1 */
	bool in_handler;  /* the handler that made it has not returned */
	bool interrupted; /* an INTERRUPT came; the backend is told once, after the handler */
};

struct pending {
	pthread_mutex_t lock;
	pthread_cond_t idle;
	struct pending_record *records; /* room for `cap`; the first `high` were in use once */
	uint32_t *buckets;              /* by unique: the first record's index + 1 */
	uint32_t nbuckets;              /* a power of two */
	uint32_t cap;
	uint32_t high;
	uint32_t free; /* head of the free list: index + 1 */
	uint32_t count;
	uint32_t completing; /* threads between take and done */
	bool shut;
};

int pending_init(struct pending *p, uint32_t cap, struct err *err);
void pending_free(struct pending *p);

/* The id of a new record for the slot's request; 0 when the table is full or shut. */
llfused_pending pending_add(struct pending *p, const struct slot *slot);

/* The handler has returned; `interrupted`: its slot was told of an INTERRUPT.  True: one came,
 * there or here, and is to be delivered now. */
bool pending_settle(struct pending *p, llfused_pending id, bool interrupted);

/* Copies the record, which stays; -ENOENT: answered already. */
int pending_look(struct pending *p, llfused_pending id, struct pending_record *out);

/*
 * Takes the record away to be answered, copied to `out`; -ENOENT: answered already.  After
 * success the taker calls pending_done() when the reply is written.
 */
int pending_take(struct pending *p, llfused_pending id, struct pending_record *out);
void pending_done(struct pending *p);

/* An INTERRUPT for `unique`.  -ENOENT: not here.  0: `*id` is to be told, or is 0 when it was told
 * already, or its handler still runs and pending_settle() will tell. */
int pending_interrupt(struct pending *p, uint64_t unique, llfused_pending *id);

/* For the end: no record can be added any more. */
void pending_shut(struct pending *p);
/* The id of the next record from `*at` on, which starts at 0 and moves; 0 when there is none. */
llfused_pending pending_next(struct pending *p, uint32_t *at);
/* Waits until nobody is between take and done. */
void pending_wait_idle(struct pending *p);

/* Calls `visit` for each record, under the table's lock. */
void pending_each(struct pending *p, void (*visit)(const struct pending_record *, void *),
		  void *arg);

#endif
