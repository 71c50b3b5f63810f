/*
 * A pool with eight jobs for the tests to play on: each notes who ran it, and with which lock.
 */
#ifndef TESTS_DAEMON_POOL_FIXTURE_H
#define TESTS_DAEMON_POOL_FIXTURE_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "daemon/lock.h"
#include "daemon/pool.h"

#define MS      UINT64_C(1000000)
#define FOREVER UINT64_MAX
#define LONG    (20000 * MS)
#define NJOBS   8u

struct task {
	struct pool_job job;             /* first: the pool's pointer is ours */
	void (*body)(struct task *task); /* what to do besides taking notes; NULL: nothing */
	unsigned number;
	unsigned seat;
	char name[32]; /* of the thread */
	bool owner;    /* had the lock at the start */
	sem_t gate;
};

struct pool_fixture {
	struct lock lock;
	struct pool pool;
	struct task tasks[NJOBS];
	unsigned order[NJOBS * 4]; /* numbers of the tasks as they came to their ends */
	atomic_uint ran;           /* and how many these are */
};

extern struct pool_fixture pf;

/* The `run` of the pool. */
void pf_run(void *arg, struct pool_job *job, unsigned seat);
void pf_start(bool serialized, unsigned nthreads);
/* Stops it, expects the lock to be free. */
void pf_end(void);

struct task *pf_get(void (*body)(struct task *task));
struct task *pf_submit(void (*body)(struct task *task));
/* Of a serialized pool: one that does without the lock until its gate opens; returns when it does.
 */
struct task *pf_submit_slow(void);

/* For pthread_create(): a job goes to *(struct pool_job **)arg. */
void *pf_get_one(void *arg);
void pf_take_all(void);

/* Until all jobs are done and their threads idle again. */
void pf_settle(void);
/* Until a thread is idle while nothing runs. */
void pf_wait_idle(void);
/* Until all threads of a serialized pool are. */
void pf_wait_all_idle(void);
void pf_wait_busy(void);
void pf_pause_ms(long ms);

unsigned pf_count_spare(void);
/* How many have stood in the lock's queue until now. */
uint64_t pf_tickets(void);

#endif
