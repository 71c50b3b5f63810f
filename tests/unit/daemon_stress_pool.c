/*
 * Stress of the pool and its lock: every job runs once, handlers that let go of the lock get it
 * back, and the end loses nothing.
 */
#include "daemon_stress.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>

#include "daemon/lock.h"
#include "daemon/pool.h"

#define NJOBS 32u
#define LONG  UINT64_C(60000000000)

/* What a handler does, besides counting. */
enum manner { PLAIN, SLOW, YIELDING, IMPATIENT, FORGETFUL, MANNERS };

struct work {
	struct pool_job job; /* first: the pool's pointer is ours */
	enum manner manner;
	uint32_t random;
	atomic_uint under_way; /* between submit and run */
	bool counted;          /* seen in the list of free jobs */
};

static struct lock lock;
static struct pool pool;
static struct work works[NJOBS];
static unsigned inside;       /* guarded by the lock alone, so that the sanitizer watches it */
static unsigned long changes; /* so is this: raised by whoever gets the lock */
static atomic_ulong ran;
static atomic_bool fed;      /* nothing more will be submitted */
static uint64_t last_ticket; /* of the jobs that one thread has run */
static bool patient;         /* all handlers are SLOW: nobody gives up waiting */

static void have_it(void)
{
	stress_expect(inside++ == 0, "one thread at a time has the lock");
	changes++;
	inside--;
}

/* ---- handlers ----------------------------------------------------------------------------- */

static void work_slowly(struct work *w)
{
	stress_expect(lock_release(&lock) == 0, "a handler may release the lock");
	stress_sleep_us(stress_random(&w->random, 200));
	stress_expect(lock_acquire(&lock, FOREVER) == 0, "and gets it back");
	have_it();
}

static void insist(struct work *w)
{
	lock_release(&lock);
	while (lock_acquire(&lock, stress_random(&w->random, 100000)) == -ETIMEDOUT)
		;
	have_it();
}

static void behave(struct work *w)
{
	have_it();
	switch (w->manner) {
	case SLOW:
		work_slowly(w);
		break;
	case YIELDING:
		stress_expect(lock_yield(&lock, 2) == 0, "a handler may yield the lock");
		have_it();
		break;
	case IMPATIENT:
		insist(w);
		break;
	default:
		break;
	}
}

static void note_run(struct work *w)
{
	stress_expect(atomic_exchange(&w->under_way, 0) == 1, "a job runs once");
	atomic_fetch_add(&ran, 1);
}

static void run_serialized(void *arg, struct pool_job *job, unsigned seat)
{
	struct work *w = (struct work *)job;

	(void)arg;
	(void)seat;
	stress_expect(lock_is_mine(&lock), "a job comes with the lock");
	note_run(w);
	behave(w);
	if (w->manner != FORGETFUL)
		stress_expect(lock_release(&lock) == 0, "a handler still has the lock");
}

static void run_concurrent(void *arg, struct pool_job *job, unsigned seat)
{
	struct work *w = (struct work *)job;

	(void)arg;
	(void)seat;
	stress_expect(!lock_is_mine(&lock), "a job comes without the lock");
	note_run(w);
	lock_acquire(&lock, FOREVER);
	behave(w);
	lock_release(&lock);
}

static void run_in_order(void *arg, struct pool_job *job, unsigned seat)
{
	stress_expect(job->ticket >= last_ticket, "jobs run in the order of submission");
	last_ticket = job->ticket + 1;
	run_serialized(arg, job, seat);
}

/* ---- the pool, who feeds it, and who wants the lock besides -------------------------------- */

static void begin(bool serialized, unsigned nthreads,
		  void (*run)(void *arg, struct pool_job *job, unsigned seat))
{
	struct pool_config config = {
		.lock = &lock,
		.serialized = serialized,
		.nthreads = nthreads,
		.name = "stress",
		.run = run,
	};
	struct pool_job *jobs[NJOBS];
	struct err err;

	lock_init(&lock);
	inside = 0;
	changes = 0;
	last_ticket = 0;
	patient = false;
	atomic_store(&ran, 0);
	atomic_store(&fed, false);
	for (unsigned i = 0; i < NJOBS; i++) {
		works[i].random = i + 1;
		works[i].counted = false;
		atomic_store(&works[i].under_way, 0);
		jobs[i] = &works[i].job;
	}
	stress_expect(pool_start(&pool, &config, jobs, NJOBS, &err) == 0, "the pool starts");
}

/* After the last stop. */
static void end(void)
{
	unsigned n = 0;

	for (struct pool_job *job = pool.spare; job && n <= NJOBS; job = job->next, n++) {
		struct work *w = (struct work *)job;

		stress_expect(!w->counted, "no job came back twice");
		w->counted = true;
	}
	stress_expect(n == NJOBS, "all jobs came back");
	stress_expect(pool.queued == 0 && pool.busy == 0, "nothing is left to do");
	stress_expect(!lock.held && !lock.first, "the lock is free at the end");
	lock_destroy(&lock);
}

/* Counts the jobs that it submitted; `rounds` of them, or until the pool stops. */
static void feed(struct stress_thread *t)
{
	for (unsigned i = 0; i < t->rounds; i++) {
		struct work *w = (struct work *)pool_get(&pool);

		if (!w)
			return;
		if (stress_random(&t->random, 20) == 0) {
			pool_put(&pool, &w->job);
			continue;
		}
		w->manner = patient ? SLOW : stress_random(&t->random, MANNERS);
		atomic_store(&w->under_way, 1);
		t->count++;
		pool_submit(&pool, &w->job);
	}
}

static bool somebody_waits(void)
{
	bool waits;

	pthread_mutex_lock(&lock.mutex);
	waits = lock.first || (pool.first && pool.idle);
	pthread_mutex_unlock(&lock.mutex);
	return waits;
}

/* Counts the yields that met a waiter, as far as a waiter seen is sure to stay. */
static void interfere(struct stress_thread *t)
{
	while (!atomic_load(&fed)) {
		unsigned long before;
		bool waits;

		lock_acquire(&lock, FOREVER);
		have_it();
		before = changes;
		waits = patient && somebody_waits();
		lock_yield(&lock, 1);
		if (waits) {
			t->count++;
			stress_expect(changes != before, "a yield with waiters lets others run");
		}
		have_it();
		lock_release(&lock);
		if (stress_random(&t->random, 8) == 0)
			stress_sleep_us(50);
	}
}

static void drain(void)
{
	for (bool done = false; !done; stress_sleep_us(1000)) {
		pthread_mutex_lock(&lock.mutex);
		done = pool.queued == 0 && pool.busy == 0;
		pthread_mutex_unlock(&lock.mutex);
	}
	stress_expect(pool_stop(&pool, LONG) == 0, "the pool stops");
}

static void feed_and_interfere(unsigned rounds)
{
	struct stress_team feeders, others;
	unsigned long submitted, met;

	stress_begin(&feeders, 2, feed, rounds);
	stress_begin(&others, 3, interfere, 0);
	submitted = stress_end(&feeders);
	atomic_store(&fed, true);
	met = stress_end(&others);
	drain();
	stress_expect(atomic_load(&ran) == submitted, "every job was run");
	if (patient)
		stress_expect(met > 0, "some yields meet a waiter");
	end();
}

/* ---- the stresses ------------------------------------------------------------------------- */

/* More jobs than threads, all of which are off the lock most of the time. */
static void slow_handlers(unsigned scale)
{
	begin(true, 3, run_serialized);
	patient = true;
	feed_and_interfere(2000 * scale);
}

static void all_manners(unsigned scale)
{
	begin(true, 4, run_serialized);
	feed_and_interfere(3000 * scale);
}

static void concurrent(unsigned scale)
{
	begin(false, 4, run_concurrent);
	feed_and_interfere(3000 * scale);
}

static void one_thread(unsigned scale)
{
	begin(true, 1, run_in_order);
	feed_and_interfere(2000 * scale);
}

/* In the middle of the traffic; what was not run is given back. */
static void stop_once(bool serialized, uint32_t *random)
{
	struct stress_team feeders, others;
	unsigned long submitted;
	unsigned under_way = 0;

	begin(serialized, 1 + stress_random(random, 4),
	      serialized ? run_serialized : run_concurrent);
	stress_begin(&feeders, 3, feed, UINT32_MAX);
	stress_begin(&others, 2, interfere, 0);
	stress_sleep_us(stress_random(random, 3000));
	if (stress_random(random, 2))
		while (pool_stop(&pool, stress_random(random, 50000)) == -ETIMEDOUT)
			;
	else
		stress_expect(pool_stop(&pool, LONG) == 0, "the pool stops");
	submitted = stress_end(&feeders);
	atomic_store(&fed, true);
	stress_end(&others);
	for (unsigned i = 0; i < NJOBS; i++)
		under_way += atomic_load(&works[i].under_way);
	stress_expect(atomic_load(&ran) + under_way == submitted, "each job ran or came back");
	end();
}

static void stops(unsigned scale)
{
	uint32_t random = 7;

	for (unsigned i = 0; i < 100 * scale; i++)
		stop_once(i % 2, &random);
}

const struct stress stress_pool[] = {
	{"handlers off the lock get it back", slow_handlers},
	{"handlers of all manners run once", all_manners},
	{"concurrent handlers run once", concurrent},
	{"one thread runs jobs in order", one_thread},
	{"a stop gives back what was not run", stops},
	{NULL, NULL},
};
