/*
 * The global lock: who has it, who waits, and whose turn it is.
 * It must not know requests: to it they are tickets of the heir.
 *
 * While the lock is free nobody waits who could run: it is handed over at the moment when it
 * becomes free, and again when the heir becomes able to run (lock_hand_on).  So a thread that finds
 * it free may take it without looking at the queue, and overtakes nobody.
 */
#include "lock.h"

#include <errno.h>
#include <stddef.h>

#include "clock.h"

/* A waiting thread, on its own stack. */
struct lock_waiter {
	struct lock_waiter *prev, *next;
	uint64_t ticket;
	pthread_t thread;
	pthread_cond_t wake;
	bool granted; /* out of the queue, and the owner */
};

void lock_init(struct lock *l)
{
	*l = (struct lock){.held = false};
	pthread_mutex_init(&l->mutex, NULL);
}

void lock_destroy(struct lock *l)
{
	pthread_mutex_destroy(&l->mutex);
}

void lock_set_heir(struct lock *l, const struct lock_heir *heir)
{
	pthread_mutex_lock(&l->mutex);
	l->heir = heir ? *heir : (struct lock_heir){NULL, NULL, NULL};
	pthread_mutex_unlock(&l->mutex);
}

int lock_cond_wait(struct lock *l, pthread_cond_t *cond, const struct timespec *until)
{
	if (until)
		return -pthread_cond_timedwait(cond, &l->mutex, until);
	return -pthread_cond_wait(cond, &l->mutex);
}

/* ---- with l->mutex held ------------------------------------------------------------------- */

static bool is_mine(const struct lock *l)
{
	return l->held && pthread_equal(l->owner, pthread_self());
}

static uint64_t heir_ticket(const struct lock *l)
{
	return l->heir.ticket ? l->heir.ticket(l->heir.arg) : UINT64_MAX;
}

uint64_t lock_take_ticket(struct lock *l)
{
	return l->next_ticket++;
}

static void enter_queue(struct lock *l, struct lock_waiter *w)
{
	*w = (struct lock_waiter){
		.prev = l->last,
		.ticket = lock_take_ticket(l),
		.thread = pthread_self(),
	};
	clock_cond_init(&w->wake);
	if (l->last)
		l->last->next = w;
	else
		l->first = w;
	l->last = w;
}

static void leave_queue(struct lock *l, struct lock_waiter *w)
{
	if (w->prev)
		w->prev->next = w->next;
	else
		l->first = w->next;
	if (w->next)
		w->next->prev = w->prev;
	else
		l->last = w->prev;
}

static void grant(struct lock *l, struct lock_waiter *w)
{
	leave_queue(l, w);
	l->held = true;
	l->owner = w->thread;
	w->granted = true;
	pthread_cond_signal(&w->wake);
}

void lock_hand_on(struct lock *l)
{
	uint64_t ticket;

	if (l->held)
		return;
	ticket = heir_ticket(l);
	if (l->first && l->first->ticket < ticket) {
		grant(l, l->first);
	} else if (ticket != UINT64_MAX) {
		l->held = true;
		l->owner = l->heir.give(l->heir.arg);
	}
}

static void hand_over(struct lock *l)
{
	l->held = false;
	lock_hand_on(l);
}

/* Whether it was granted counts, not how the wait ended: a grant that meets the timeout stands. */
static int wait_granted(struct lock *l, struct lock_waiter *w, const struct timespec *until)
{
	int ret = 0;

	while (!w->granted && ret != -ETIMEDOUT)
		ret = lock_cond_wait(l, &w->wake, until);
	if (!w->granted)
		leave_queue(l, w);
	pthread_cond_destroy(&w->wake);
	return w->granted ? 0 : -ETIMEDOUT;
}

static int wait_in_queue(struct lock *l, uint64_t timeout)
{
	struct timespec until;
	struct lock_waiter w;

	if (timeout != UINT64_MAX)
		until = clock_deadline(timeout);
	enter_queue(l, &w);
	return wait_granted(l, &w, timeout != UINT64_MAX ? &until : NULL);
}

/* At the end of the queue it comes after everybody who waits now; at least one of them runs. */
static void yield_once(struct lock *l)
{
	struct lock_waiter w;

	enter_queue(l, &w);
	hand_over(l);
	wait_granted(l, &w, NULL);
}

/* ---- for everybody ------------------------------------------------------------------------ */

int lock_acquire(struct lock *l, uint64_t timeout)
{
	int ret = 0;

	pthread_mutex_lock(&l->mutex);
	if (!l->held) {
		l->held = true;
		l->owner = pthread_self();
	} else if (is_mine(l)) {
		ret = -EDEADLK;
	} else if (timeout == 0) {
		ret = -ETIMEDOUT;
	} else {
		ret = wait_in_queue(l, timeout);
	}
	pthread_mutex_unlock(&l->mutex);
	return ret;
}

int lock_release(struct lock *l)
{
	int ret = -EPERM;

	pthread_mutex_lock(&l->mutex);
	if (is_mine(l)) {
		hand_over(l);
		ret = 0;
	}
	pthread_mutex_unlock(&l->mutex);
	return ret;
}

int lock_yield(struct lock *l, unsigned count)
{
	int ret = -EPERM;

	pthread_mutex_lock(&l->mutex);
	if (is_mine(l)) {
		while (count-- > 0 && (l->first || heir_ticket(l) != UINT64_MAX))
			yield_once(l);
		ret = 0;
	}
	pthread_mutex_unlock(&l->mutex);
	return ret;
}

bool lock_is_mine(struct lock *l)
{
	bool mine;

	pthread_mutex_lock(&l->mutex);
	mine = is_mine(l);
	pthread_mutex_unlock(&l->mutex);
	return mine;
}
