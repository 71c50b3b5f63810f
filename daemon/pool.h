/*
 * The pool: threads that run the handlers of a backend that may block, and the queue of requests in
 * front of them.  A request that needs the global lock waits in the queue, not in a thread.
 * It knows slots only as jobs, and nothing of what running one means.
 */
#ifndef DAEMON_POOL_H
#define DAEMON_POOL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "lock.h"

/* A request, embedded in its slot. */
struct pool_job {
	struct pool_job *next;
	uint64_t ticket; /* of the lock's order */
};

struct pool_thread;

struct pool_config {
	struct lock *lock; /* guards the pool, too */
	bool serialized;   /* a job runs with the lock held; `run` releases it */
	unsigned nthreads; /* at least 1 */
	const char *name;  /* of the threads, as in "handler/3" */
	/* In the pool's thread number `seat`, 0 to nthreads - 1.  When it returns the pool takes
	 * the job as a free one again, and the lock away if it was kept. */
	void (*run)(void *arg, struct pool_job *job, unsigned seat);
	void *arg;
};

struct pool {
	struct pool_config config;
	struct pool_thread *threads;
	struct pool_job *first, *last; /* submitted, not yet running */
	struct pool_job *spare;        /* free jobs, the last one used first */
	struct pool_thread *idle;      /* a list, the last one used first */
	pthread_cond_t spare_wake;     /* a job came back */
	unsigned queued, busy;
	uint64_t finished; /* jobs that were run to their end */
	bool draining;     /* no job is given out any more; the queue is run empty */
	bool stopping;
};

/* `jobs` (njobs pointers, copied) are the free ones at the start and stay the caller's. */
int pool_start(struct pool *p, const struct pool_config *config, struct pool_job **jobs,
	       unsigned njobs, struct err *err);

/* A free job; waits while there is none; NULL: the pool stops. */
struct pool_job *pool_get(struct pool *p);
/* The same without waiting: NULL when there is none, too. */
struct pool_job *pool_try(struct pool *p);
/* Gives a job back unused. */
void pool_put(struct pool *p, struct pool_job *job);
/* How many jobs were run. */
uint64_t pool_finished(struct pool *p);

/* The first queued job for which `wanted` is true, taken out of the queue (`take`) or just found;
 * or NULL.  One that is taken is the caller's, as from pool_get(). */
struct pool_job *pool_find(struct pool *p,
			   bool (*wanted)(const struct pool_job *job, const void *arg),
			   const void *arg, bool take);

/* Queues a job of pool_get().  Never waits.  After pool_stop() it just comes back to the spare
 * ones. */
void pool_submit(struct pool *p, struct pool_job *job);

/*
 * The end: pool_get() returns NULL; what is queued is run, for at most `timeout` ns, and what is
 * left then is given back unrun.  0, or -ETIMEDOUT when a handler is stuck: then the pool's memory
 * and its lock must stay.  Harmless when it was never started (all zero), and a second time.
 */
int pool_stop(struct pool *p, uint64_t timeout);

#endif
