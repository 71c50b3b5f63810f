/*
 * The end of a pool: what is queued, what runs, who waits, and a start that fails.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include "daemon_pool_fixture.h"

TestSuite(pool_end, .timeout = 60);

static void at_gate(struct task *task)
{
	sem_wait(&task->gate);
}

Test(pool_end, stopping_one_that_never_ran_is_harmless)
{
	static struct pool fresh;

	cr_expect_eq(pool_stop(&fresh, 0), 0);
}

Test(pool_end, stopping_it_twice_is_harmless)
{
	pf_start(true, 4);
	pf_submit(NULL);
	cr_expect_eq(pool_stop(&pf.pool, LONG), 0);
	cr_expect_eq(pool_stop(&pf.pool, 0), 0);
	pf_end();
}

Test(pool_end, idle_threads_need_no_time_to_stop)
{
	pf_start(true, 4);
	cr_expect_eq(pool_stop(&pf.pool, 0), 0);
	pf_end();
}

Test(pool_end, who_waits_for_a_job_is_told_of_the_end)
{
	struct pool_job *got[2] = {&pf.tasks[0].job, &pf.tasks[0].job};
	pthread_t threads[2];

	pf_start(true, 1);
	pf_take_all();
	for (unsigned i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, pf_get_one, &got[i]);
	pf_pause_ms(20);
	cr_expect_eq(pool_stop(&pf.pool, LONG), 0);
	for (unsigned i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
		cr_expect_null(got[i]);
	}
	pool_put(&pf.pool, &pf.tasks[0].job);
	cr_expect_null(pool_get(&pf.pool), "also when there are free ones");
	pf_end();
}

static void stop_with_queued_jobs(bool serialized)
{
	struct task *running;

	pf_start(serialized, 1);
	running = pf_submit(at_gate);
	pf_wait_busy();
	for (unsigned i = 0; i < 3; i++)
		pf_submit(NULL);
	cr_expect_eq(pf_count_spare(), NJOBS - 4);
	cr_expect_eq(pool_stop(&pf.pool, 20 * MS), -ETIMEDOUT);
	cr_expect_eq(pf_count_spare(), NJOBS - 1);
	cr_expect_eq(pf.pool.queued, 0);
	sem_post(&running->gate);
	cr_expect_eq(pool_stop(&pf.pool, LONG), 0);
	cr_expect_eq(pf_count_spare(), NJOBS);
	cr_expect_eq(pf.ran, 1);
	pf_end();
}

Test(pool_end, stopping_it_gives_back_queued_jobs)
{
	stop_with_queued_jobs(true);
}

Test(pool_end, stopping_a_concurrent_one_gives_back_queued_jobs)
{
	stop_with_queued_jobs(false);
}

struct stop {
	pthread_t thread;
	uint64_t timeout;
	int ret;
};

static void *stop_it(void *arg)
{
	struct stop *stop = arg;

	stop->ret = pool_stop(&pf.pool, stop->timeout);
	return NULL;
}

/* In another thread; returns when it waits for the queue. */
static void begin_stop(struct stop *stop)
{
	bool draining = false;

	pthread_create(&stop->thread, NULL, stop_it, stop);
	while (!draining) {
		pthread_mutex_lock(&pf.lock.mutex);
		draining = pf.pool.draining;
		pthread_mutex_unlock(&pf.lock.mutex);
		pf_pause_ms(1);
	}
}

static void stop_and_run_the_queue(bool serialized)
{
	struct stop stop = {.timeout = LONG};
	struct task *running, *late;

	pf_start(serialized, 1);
	running = pf_submit(at_gate);
	pf_wait_busy();
	late = pf_get(NULL);
	for (unsigned i = 0; i < 3; i++)
		pf_submit(NULL);
	begin_stop(&stop);
	cr_expect_eq(pf.ran, 0);
	pool_submit(&pf.pool, &late->job);
	sem_post(&running->gate);
	pthread_join(stop.thread, NULL);
	cr_expect_eq(stop.ret, 0);
	cr_expect_eq(pf.ran, 5, "with what came while it was stopping");
	cr_expect_eq(pf_count_spare(), NJOBS);
	pf_end();
}

Test(pool_end, within_its_time_the_queue_is_run)
{
	stop_and_run_the_queue(true);
}

Test(pool_end, within_its_time_the_queue_of_a_concurrent_one_is_run)
{
	stop_and_run_the_queue(false);
}

Test(pool_end, what_is_behind_a_stuck_handler_is_dropped_and_the_rest_was_run)
{
	struct task *first, *stuck;

	pf_start(true, 1);
	first = pf_submit(at_gate);
	pf_wait_busy();
	pf_submit(NULL);
	stuck = pf_submit(at_gate);
	for (unsigned i = 0; i < 2; i++)
		pf_submit(NULL);
	sem_post(&first->gate);
	cr_expect_eq(pool_stop(&pf.pool, 100 * MS), -ETIMEDOUT);
	cr_expect_eq(pf.ran, 2);
	cr_expect_eq(pf_count_spare(), NJOBS - 1);
	sem_post(&stuck->gate);
	cr_expect_eq(pool_stop(&pf.pool, LONG), 0);
	cr_expect_eq(pf.ran, 3);
	pf_end();
}

struct taker {
	pthread_t thread;
	_Atomic(struct pool_job *) job;
};

static void *take_one(void *arg)
{
	struct taker *taker = arg;

	taker->job = pool_get(&pf.pool);
	return NULL;
}

/* Else those who go on filling the queue would keep it from running empty. */
Test(pool_end, no_job_is_given_out_while_the_queue_is_run)
{
	struct stop stop = {.timeout = LONG};
	struct taker taker = {.job = &pf.tasks[0].job};
	struct task *first, *last;

	pf_start(true, 1);
	first = pf_submit(at_gate);
	pf_wait_busy();
	for (unsigned i = 0; i < NJOBS - 2; i++)
		pf_submit(NULL);
	last = pf_submit(at_gate);
	pthread_create(&taker.thread, NULL, take_one, &taker);
	pf_pause_ms(20);
	begin_stop(&stop);
	pthread_join(taker.thread, NULL);
	cr_expect_null(taker.job);
	sem_post(&first->gate);
	sem_post(&last->gate);
	pthread_join(stop.thread, NULL);
	cr_expect_eq(stop.ret, 0);
	cr_expect_eq(pf.ran, NJOBS);
	cr_expect_null(pool_get(&pf.pool));
	pf_end();
}

Test(pool_end, a_stopped_one_runs_nothing)
{
	struct task *task;

	pf_start(true, 2);
	task = pf_get(NULL);
	cr_expect_eq(pool_stop(&pf.pool, LONG), 0);
	pool_submit(&pf.pool, &task->job);
	pf_pause_ms(10);
	cr_expect_eq(pf.ran, 0);
	cr_expect_eq(pf_count_spare(), NJOBS);
	pf_end();
}

Test(pool_end, a_stuck_handler_may_come_back_after_the_end)
{
	struct task *stuck[2];

	pf_start(true, 2);
	stuck[0] = pf_submit_slow();
	stuck[1] = pf_submit_slow();
	cr_expect_eq(pool_stop(&pf.pool, 0), -ETIMEDOUT);
	sem_post(&stuck[0]->gate);
	sem_post(&stuck[1]->gate);
	while (pf_count_spare() < NJOBS)
		pf_pause_ms(1);
	cr_expect_eq(pf.ran, 2);
	cr_expect_not(pf.lock.held);
	pf_end();
}

Test(pool_end, jobs_have_no_claim_on_the_lock_of_a_stopped_one)
{
	pf_start(true, 1);
	pf_wait_idle();
	lock_acquire(&pf.lock, FOREVER);
	pf_submit(NULL);
	cr_expect_eq(pool_stop(&pf.pool, 20 * MS), 0);
	lock_release(&pf.lock);
	cr_expect_not(pf.lock.held);
	cr_expect_null(pf.lock.heir.ticket);
	cr_expect_eq(pf.ran, 0);
	pf_end();
}

#define STACK ((size_t)1 << 30)

static void *reserve(size_t size)
{
	return mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

/* The address space has room for the stacks of a few threads only. */
static void make_it_narrow(void)
{
	void *room = reserve(STACK * 5 / 2);
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	cr_assert_eq(pthread_attr_setstacksize(&attr, STACK), 0);
	cr_assert_eq(pthread_setattr_default_np(&attr), 0);
	pthread_attr_destroy(&attr);
	cr_assert_neq(room, MAP_FAILED);
	for (size_t size = (size_t)1 << 46; size >= STACK / 2; size /= 2)
		while (reserve(size) != MAP_FAILED)
			;
	munmap(room, STACK * 5 / 2);
}

Test(pool_end, one_that_cannot_have_all_its_threads_does_not_start)
{
	struct pool_config config = {
		.lock = &pf.lock,
		.serialized = true,
		.nthreads = 16,
		.name = "handler",
		.run = pf_run,
	};
	struct pool_job *job = &pf.tasks[0].job;
	struct err err = {""};

	lock_init(&pf.lock);
	make_it_narrow();
	cr_expect_eq(pool_start(&pf.pool, &config, &job, 1, &err), -EAGAIN);
	cr_expect_not_null(strstr(err.text, "thread 3 of 16"), "%s", err.text);
	cr_expect_eq(pool_stop(&pf.pool, 0), 0);
	cr_expect_null(pf.lock.heir.ticket);
	lock_destroy(&pf.lock);
}
