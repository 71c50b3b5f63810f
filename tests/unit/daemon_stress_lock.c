/*
 * Stress of the lock alone: exclusion, hand-over, fairness, timeouts.
 */
#include "daemon_stress.h"

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>

#include "daemon/lock.h"

#define THREADS 8

static struct lock lock;
static unsigned inside;       /* guarded by the lock alone, so that the sanitizer watches it */
static unsigned long changes; /* so is this: raised by whoever gets the lock */

static void begin(void)
{
	lock_init(&lock);
	inside = 0;
	changes = 0;
}

static void end(void)
{
	stress_expect(!lock.held, "the lock is free at the end");
	stress_expect(!lock.first && !lock.last, "nobody is left in the queue");
	stress_expect(lock_acquire(&lock, 0) == 0, "the lock can be had at the end");
	stress_expect(lock_release(&lock) == 0, "and given back");
	lock_destroy(&lock);
}

static void have_it(struct stress_thread *t)
{
	stress_expect(inside++ == 0, "one thread at a time has the lock");
	changes++;
	t->count++;
	if (stress_random(&t->random, 4) == 0)
		sched_yield();
	inside--;
}

static uint64_t any_timeout(struct stress_thread *t)
{
	switch (stress_random(&t->random, 4)) {
	case 0:
		return 0;
	case 1:
		return stress_random(&t->random, 300000);
	default:
		return FOREVER;
	}
}

/* Releases the new lock when `n` threads stand in the queue. */
static void release_to(unsigned n)
{
	for (bool all = false; !all; stress_sleep_us(1000)) {
		pthread_mutex_lock(&lock.mutex);
		all = lock.next_ticket >= n;
		pthread_mutex_unlock(&lock.mutex);
	}
	lock_release(&lock);
}

/* ---- everything at once ------------------------------------------------------------------- */

static void do_anything(struct stress_thread *t)
{
	for (unsigned i = 0; i < t->rounds; i++) {
		uint64_t timeout = any_timeout(t);
		int ret = lock_acquire(&lock, timeout);

		if (ret != 0) {
			stress_expect(ret == -ETIMEDOUT && timeout != FOREVER, "it timed out");
			stress_expect(lock_release(&lock) == -EPERM, "then it has no lock");
			stress_expect(lock_yield(&lock, 1) == -EPERM, "nor one to yield");
			continue;
		}
		have_it(t);
		if (stress_random(&t->random, 3) == 0) {
			unsigned times = stress_random(&t->random, 4);

			stress_expect(lock_yield(&lock, times) == 0, "its owner may yield it");
			have_it(t);
		}
		stress_expect(lock_acquire(&lock, timeout) == -EDEADLK, "no second time");
		stress_expect(lock_release(&lock) == 0, "its owner may release it");
	}
}

static void exclusion(unsigned scale)
{
	struct stress_team team;

	begin();
	stress_begin(&team, THREADS, do_anything, 3000 * scale);
	stress_expect(stress_end(&team) == changes, "no change was lost");
	end();
}

/* ---- yield -------------------------------------------------------------------------------- */

static bool somebody_waits(void)
{
	bool waits;

	pthread_mutex_lock(&lock.mutex);
	waits = lock.first != NULL;
	pthread_mutex_unlock(&lock.mutex);
	return waits;
}

/* Counts the yields that met a waiter.  Nobody gives up here, so a waiter seen stays one. */
static void yield_often(struct stress_thread *t)
{
	lock_acquire(&lock, FOREVER);
	for (unsigned i = 0; i < t->rounds; i++) {
		unsigned long before = ++changes;
		bool waits = somebody_waits();

		stress_expect(lock_yield(&lock, 1) == 0, "its owner may yield it");
		if (!waits)
			continue;
		t->count++;
		stress_expect(changes != before, "a yield with waiters lets another thread run");
	}
	lock_release(&lock);
}

static void come_and_go(struct stress_thread *t)
{
	for (unsigned i = 0; i < t->rounds; i++) {
		lock_acquire(&lock, FOREVER);
		changes++;
		lock_release(&lock);
	}
}

static void yields(unsigned scale)
{
	struct stress_team team, others;
	unsigned rounds = 4000 * scale;

	begin();
	lock_acquire(&lock, FOREVER);
	stress_begin(&team, 4, yield_often, rounds);
	stress_begin(&others, 3, come_and_go, rounds);
	release_to(team.n + others.n);
	stress_expect(stress_end(&team) > 3 * rounds, "most yields meet a waiter");
	stress_end(&others);
	end();
}

/* ---- fairness ----------------------------------------------------------------------------- */

static unsigned turns[THREADS]; /* guarded by the lock */

static bool turns_are_even(void)
{
	unsigned least = turns[0], most = turns[0];

	for (unsigned i = 1; i < THREADS; i++) {
		least = turns[i] < least ? turns[i] : least;
		most = turns[i] > most ? turns[i] : most;
	}
	return most - least <= 1;
}

static void take_turns(struct stress_thread *t)
{
	lock_acquire(&lock, FOREVER);
	for (unsigned i = 0; i < t->rounds; i++) {
		turns[t->id]++;
		stress_expect(turns_are_even(), "nobody has a second turn before all had one");
		lock_yield(&lock, 1);
	}
	lock_release(&lock);
}

/* They start when all stand in the queue, and nobody leaves it but to run. */
static void round_robin(unsigned scale)
{
	struct stress_team team;

	begin();
	for (unsigned i = 0; i < THREADS; i++)
		turns[i] = 0;
	lock_acquire(&lock, FOREVER);
	stress_begin(&team, THREADS, take_turns, 2000 * scale);
	release_to(team.n);
	stress_end(&team);
	end();
}

static atomic_bool time_is_up;

static void grab(struct stress_thread *t)
{
	while (!atomic_load(&time_is_up)) {
		lock_acquire(&lock, FOREVER);
		have_it(t);
		lock_release(&lock);
	}
}

/* Here the scheduler has a say, too: a thread that it keeps from asking misses turns. */
static void shares(unsigned scale)
{
	unsigned long sum, least = UINT64_MAX;
	struct stress_team team;

	begin();
	atomic_store(&time_is_up, false);
	stress_begin(&team, THREADS, grab, 0);
	for (unsigned i = 0; i < 500 * scale; i++)
		stress_sleep_us(1000);
	atomic_store(&time_is_up, true);
	sum = stress_end(&team);
	for (unsigned i = 0; i < team.n; i++)
		if (team.threads[i].count < least)
			least = team.threads[i].count;
	stress_expect(least >= sum / THREADS / 10, "everybody gets its share");
	end();
}

/* ---- timeouts ----------------------------------------------------------------------------- */

static atomic_ulong timed_out;

static void hold_for_long(struct stress_thread *t)
{
	for (unsigned i = 0; i < t->rounds; i++) {
		lock_acquire(&lock, FOREVER);
		have_it(t);
		stress_sleep_us(stress_random(&t->random, 500));
		lock_release(&lock);
	}
}

/* The timeouts lie around the times for which others hold it, so grants and timeouts meet. */
static void ask_in_vain(struct stress_thread *t)
{
	for (unsigned i = 0; i < t->rounds; i++) {
		uint64_t timeout = stress_random(&t->random, 1000000), start = stress_now();
		int ret = lock_acquire(&lock, timeout);

		if (ret == 0) {
			have_it(t);
			stress_expect(lock_release(&lock) == 0, "it had the lock");
			continue;
		}
		stress_expect(ret == -ETIMEDOUT, "it timed out");
		stress_expect(stress_now() - start >= timeout, "not before its time");
		stress_expect(!lock_is_mine(&lock), "without the lock");
		atomic_fetch_add(&timed_out, 1);
	}
}

static void timeouts(unsigned scale)
{
	struct stress_team holders, askers;
	unsigned long got;

	begin();
	atomic_store(&timed_out, 0);
	stress_begin(&holders, 3, hold_for_long, 500 * scale);
	stress_begin(&askers, 6, ask_in_vain, 500 * scale);
	got = stress_end(&askers);
	stress_expect(got > 0, "some get it in time");
	stress_expect(atomic_load(&timed_out) > 0, "and some do not");
	stress_expect(stress_end(&holders) + got == changes, "no change was lost");
	end();
}

const struct stress stress_lock[] = {
	{"one thread at a time has the lock", exclusion},
	{"a yield with waiters lets another thread run", yields},
	{"yielding threads take turns", round_robin},
	{"nobody starves", shares},
	{"timeouts leave no trace", timeouts},
	{NULL, NULL},
};
