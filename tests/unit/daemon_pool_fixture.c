/*
 * The pool of the tests, and the ways to wait until it has come to a certain point.
 */
#include "daemon_pool_fixture.h"

#include <criterion/criterion.h>
#include <string.h>
#include <time.h>

struct pool_fixture pf;

void pf_run(void *arg, struct pool_job *job, unsigned seat)
{
	struct task *task = (struct task *)job;

	(void)arg;
	task->seat = seat;
	pthread_getname_np(pthread_self(), task->name, sizeof(task->name));
	task->owner = lock_is_mine(&pf.lock);
	if (task->body)
		task->body(task);
	pf.order[atomic_fetch_add(&pf.ran, 1)] = task->number;
	lock_release(&pf.lock);
}

void pf_start(bool serialized, unsigned nthreads)
{
	struct pool_config config = {
		.lock = &pf.lock,
		.serialized = serialized,
		.nthreads = nthreads,
		.name = "handler",
		.run = pf_run,
	};
	struct pool_job *jobs[NJOBS];
	struct err err;

	lock_init(&pf.lock);
	for (unsigned i = 0; i < NJOBS; i++) {
		pf.tasks[i].number = i;
		sem_init(&pf.tasks[i].gate, 0, 0);
		jobs[i] = &pf.tasks[i].job;
	}
	cr_assert_eq(pool_start(&pf.pool, &config, jobs, NJOBS, &err), 0);
	memset(jobs, 0, sizeof(jobs)); /* they were copied */
}

void pf_end(void)
{
	cr_expect_eq(pool_stop(&pf.pool, LONG), 0);
	cr_expect_not(pf.lock.held);
	cr_expect_null(pf.lock.first);
	lock_destroy(&pf.lock);
}

void pf_pause_ms(long ms)
{
	nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

struct task *pf_get(void (*body)(struct task *task))
{
	struct task *task = (struct task *)pool_get(&pf.pool);

	cr_assert_not_null(task);
	task->body = body;
	return task;
}

struct task *pf_submit(void (*body)(struct task *task))
{
	struct task *task = pf_get(body);

	pool_submit(&pf.pool, &task->job);
	return task;
}

void *pf_get_one(void *arg)
{
	*(struct pool_job **)arg = pool_get(&pf.pool);
	return NULL;
}

void pf_take_all(void)
{
	for (unsigned i = 0; i < NJOBS; i++)
		cr_assert_not_null(pool_get(&pf.pool));
}

static unsigned slow; /* how many are without the lock */

static bool at_rest(void)
{
	return pf.pool.busy == 0 && pf.pool.queued == 0;
}

static bool idle(void)
{
	return pf.pool.busy == 0 && pf.pool.idle;
}

static bool busy(void)
{
	return pf.pool.busy > 0;
}

static bool off_the_lock(void)
{
	return pf.pool.busy > slow && !pf.lock.held;
}

static void wait_until(bool (*condition)(void))
{
	for (bool met = false; !met;) {
		pthread_mutex_lock(&pf.lock.mutex);
		met = condition();
		pthread_mutex_unlock(&pf.lock.mutex);
		if (!met)
			pf_pause_ms(1);
	}
}

void pf_settle(void)
{
	wait_until(at_rest);
}

void pf_wait_idle(void)
{
	wait_until(idle);
}

void pf_wait_busy(void)
{
	wait_until(busy);
}

static void do_without(struct task *task)
{
	lock_release(&pf.lock);
	sem_wait(&task->gate);
	lock_acquire(&pf.lock, FOREVER);
}

struct task *pf_submit_slow(void)
{
	struct task *task;

	pthread_mutex_lock(&pf.lock.mutex);
	slow = pf.pool.busy;
	pthread_mutex_unlock(&pf.lock.mutex);
	task = pf_submit(do_without);
	wait_until(off_the_lock);
	return task;
}

/* One that has run a job is idle after it. */
void pf_wait_all_idle(void)
{
	struct task *tasks[NJOBS];

	for (unsigned i = 0; i < pf.pool.config.nthreads; i++)
		tasks[i] = pf_submit_slow();
	for (unsigned i = 0; i < pf.pool.config.nthreads; i++)
		sem_post(&tasks[i]->gate);
	pf_settle();
	atomic_store(&pf.ran, 0);
}

unsigned pf_count_spare(void)
{
	unsigned n = 0;

	pthread_mutex_lock(&pf.lock.mutex);
	for (struct pool_job *job = pf.pool.spare; job; job = job->next)
		n++;
	pthread_mutex_unlock(&pf.lock.mutex);
	return n;
}

uint64_t pf_tickets(void)
{
	uint64_t n;

	pthread_mutex_lock(&pf.lock.mutex);
	n = pf.lock.next_ticket;
	pthread_mutex_unlock(&pf.lock.mutex);
	return n;
}
