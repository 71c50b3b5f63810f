/*
 * The global lock: owned by a thread, handed over in the order of asking.  Threads wait for it, and
 * so do queued requests, which are no threads: the pool is told when it is their turn.
 */
#ifndef DAEMON_LOCK_H
#define DAEMON_LOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct lock;
struct lock_waiter;

/*
 * Who may get the lock besides waiting threads.  Both are called with lock->mutex held.
 * ticket: of the first request that a thread could run at once; UINT64_MAX: there is none.
 * give: that request now has the lock; returns the thread that will run it.
 */
struct lock_heir {
	uint64_t (*ticket)(void *arg);
	pthread_t (*give)(void *arg);
	void *arg;
};

struct lock {
	pthread_mutex_t mutex; /* of all below, and of the heir's queue; held for moments */
	bool held;
	pthread_t owner;      /* while held */
	uint64_t next_ticket; /* counts whoever has asked */
	struct lock_waiter *first, *last;
	struct lock_heir heir; /* all NULL: there is none */
};

void lock_init(struct lock *l);
void lock_destroy(struct lock *l);

/* From here on `heir` (copied; NULL: nobody) gets its turn, too. */
void lock_set_heir(struct lock *l, const struct lock_heir *heir);

/* As llfused_lock_acquire(), _release() and _yield() of the public header. */
int lock_acquire(struct lock *l, uint64_t timeout);
int lock_release(struct lock *l);
int lock_yield(struct lock *l, unsigned count);

/* Does the calling thread have it? */
bool lock_is_mine(struct lock *l);

/* For the heir, with l->mutex held. */
uint64_t lock_take_ticket(struct lock *l); /* the place in the order of asking */
void lock_hand_on(struct lock *l); /* if it is free: to whom it is due, if anybody can run */

/*
 * Waiting under l->mutex, for conditions made by clock_cond_init().  until: from clock_deadline();
 * NULL: as long as it takes.  0 (also for no reason, as conditions do) or -ETIMEDOUT.
 */
int lock_cond_wait(struct lock *l, pthread_cond_t *cond, const struct timespec *until);

#endif
