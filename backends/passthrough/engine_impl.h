/*
 * What the parts of the engine share: the ring, and the requests under way.  Used by engine*.c
 * only.
 */
#ifndef PASSTHROUGH_ENGINE_IMPL_H
#define PASSTHROUGH_ENGINE_IMPL_H

#include <liburing.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <llfused/backend.h>

#define PT_ENGINE_REQUESTS 1024u /* under way at most */

enum pt_engine_kind { PT_ENGINE_READ, PT_ENGINE_WRITE, PT_ENGINE_SYNC };

struct pt_engine_request {
	llfused_pending pending;
	uint64_t offset;
	size_t size;
	size_t done;
	enum pt_engine_kind kind;
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

/* ---- engine.c ---- */

/* Has the kernel begin what is left of the request; NULL: only wakes the engine's thread.  0, or a
 * negative errno: not begun.  Any thread; never sleeps. */
int pt_engine_submit(struct pt_engine *e, struct pt_engine_request *r);
/* Frees the request, which has been answered. */
void pt_engine_give(struct pt_engine *e, struct pt_engine_request *r);

/* ---- engine_done.c ---- */

/* What the engine's thread runs, with the engine: until it is stopping and nothing is under way. */
void *pt_engine_run(void *engine);

#endif
