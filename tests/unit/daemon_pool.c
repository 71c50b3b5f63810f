/*
 * The pool: who runs a job, when and with which lock; free jobs.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#include "daemon_pool_fixture.h"

TestSuite(pool, .timeout = 60);

/* ---- running ------------------------------------------------------------------------------ */

Test(pool, a_job_of_a_serialized_pool_runs_with_the_lock)
{
	struct task *task;

	pf_start(true, 3);
	task = pf_submit(NULL);
	pf_settle();
	cr_expect_eq(pf.ran, 1);
	cr_expect(task->owner);
	cr_expect_eq(pf_count_spare(), NJOBS);
	pf_end();
}

Test(pool, a_job_of_a_concurrent_pool_runs_without_the_lock)
{
	struct task *task;

	pf_start(false, 3);
	lock_acquire(&pf.lock, FOREVER);
	task = pf_submit(NULL);
	pf_settle();
	cr_expect_eq(pf.ran, 1);
	cr_expect_not(task->owner);
	cr_expect(lock_is_mine(&pf.lock));
	lock_release(&pf.lock);
	pf_end();
}

static pthread_barrier_t meeting;

static void meet(struct task *task)
{
	(void)task;
	pthread_barrier_wait(&meeting);
}

Test(pool, threads_bear_the_name_and_their_seat)
{
	bool seen[3] = {false};
	struct task *at[3];
	char name[32];

	pthread_barrier_init(&meeting, NULL, 3);
	pf_start(false, 3);
	for (unsigned i = 0; i < 3; i++)
		at[i] = pf_submit(meet);
	pf_settle();
	for (unsigned i = 0; i < 3; i++) {
		cr_assert_lt(at[i]->seat, 3);
		snprintf(name, sizeof(name), "handler/%u", at[i]->seat);
		cr_expect_str_eq(at[i]->name, name);
		seen[at[i]->seat] = true;
	}
	cr_expect(seen[0] && seen[1] && seen[2]);
	pf_end();
}

static void note_mask(struct task *task)
{
	sigset_t set;

	pthread_sigmask(SIG_BLOCK, NULL, &set);
	task->number = sigismember(&set, SIGTERM) && sigismember(&set, SIGHUP) ? 1 : 0;
}

Test(pool, threads_block_the_signals_that_the_starter_blocks)
{
	struct task *task;
	sigset_t set;

	sigfillset(&set);
	pthread_sigmask(SIG_SETMASK, &set, NULL);
	pf_start(false, 1);
	sigemptyset(&set);
	pthread_sigmask(SIG_SETMASK, &set, NULL);
	task = pf_submit(note_mask);
	pf_settle();
	cr_expect_eq(task->number, 1);
	pf_end();
}

Test(pool, one_thread_runs_the_jobs_in_order)
{
	unsigned expected[NJOBS];

	pf_start(true, 1);
	lock_acquire(&pf.lock, FOREVER);
	for (unsigned i = 0; i < NJOBS; i++)
		expected[i] = pf_submit(NULL)->number;
	lock_release(&pf.lock);
	pf_settle();
	cr_assert_eq(pf.ran, NJOBS);
	cr_expect_arr_eq(pf.order, expected, sizeof(expected));
	pf_end();
}

Test(pool, the_thread_that_was_used_last_is_used_first)
{
	struct task *task;
	unsigned seat;

	pf_start(true, 4);
	pf_wait_all_idle();
	task = pf_submit(NULL);
	pf_settle();
	seat = task->seat;
	for (unsigned i = 0; i < 20; i++) {
		task = pf_submit(NULL);
		pf_settle();
		cr_expect_eq(task->seat, seat);
	}
	pf_end();
}

static atomic_int inside, most_inside;

static void linger(struct task *task)
{
	int n = atomic_fetch_add(&inside, 1) + 1;

	(void)task;
	if (n > atomic_load(&most_inside))
		atomic_store(&most_inside, n);
	pf_pause_ms(10);
	atomic_fetch_sub(&inside, 1);
}

Test(pool, serialized_jobs_run_one_at_a_time)
{
	pf_start(true, 4);
	for (unsigned i = 0; i < NJOBS; i++)
		pf_submit(linger);
	pf_settle();
	cr_expect_eq(most_inside, 1);
	pf_end();
}

Test(pool, concurrent_jobs_run_side_by_side)
{
	pthread_barrier_init(&meeting, NULL, 4);
	pf_start(false, 4);
	for (unsigned i = 0; i < 4; i++)
		pf_submit(meet);
	pf_settle();
	cr_expect_eq(pf.ran, 4);
	pf_end();
}

static void lose_the_lock(struct task *task)
{
	(void)task;
	lock_release(&pf.lock);
}

Test(pool, a_handler_that_lost_the_lock_does_no_harm)
{
	pf_start(true, 2);
	pf_submit(lose_the_lock);
	pf_submit(NULL);
	pf_settle();
	cr_expect_eq(pf.ran, 2);
	pf_end();
}

/* ---- the lock's order --------------------------------------------------------------------- */

static void keep_the_lock(void *arg, struct pool_job *job, unsigned seat)
{
	(void)arg;
	(void)job;
	(void)seat;
	atomic_fetch_add(&pf.ran, 1);
}

Test(pool, a_lock_that_was_kept_is_taken_away)
{
	pf_start(true, 2);
	pf.pool.config.run = keep_the_lock;
	for (unsigned i = 0; i < 20; i++)
		pf_submit(NULL);
	pf_settle();
	cr_expect_eq(pf.ran, 20);
	cr_expect_eq(lock_acquire(&pf.lock, 0), 0);
	lock_release(&pf.lock);
	pf_end();
}

Test(pool, jobs_wait_while_a_thread_has_the_lock)
{
	pf_start(true, 2);
	pf_wait_idle();
	lock_acquire(&pf.lock, FOREVER);
	pf_submit(NULL);
	pf_submit(NULL);
	pf_pause_ms(20);
	cr_expect_eq(pf.ran, 0);
	cr_expect_eq(pf.pool.queued, 2);
	lock_release(&pf.lock);
	pf_settle();
	cr_expect_eq(pf.ran, 2);
	pf_end();
}

/* It is the job's from the moment when it is handed on, though the thread still has to wake. */
Test(pool, a_job_in_line_cannot_be_overtaken)
{
	pf_start(true, 1);
	for (unsigned i = 0; i < 200; i++) {
		pf_wait_idle();
		atomic_store(&pf.ran, 0);
		lock_acquire(&pf.lock, FOREVER);
		pf_submit(NULL);
		lock_release(&pf.lock);
		lock_acquire(&pf.lock, FOREVER);
		cr_assert_eq(pf.ran, 1, "round %u", i);
		lock_release(&pf.lock);
	}
	pf_end();
}

static void *want(void *arg)
{
	lock_acquire(&pf.lock, FOREVER);
	pf.order[atomic_fetch_add(&pf.ran, 1)] = *(unsigned *)arg;
	lock_release(&pf.lock);
	return NULL;
}

static void queue_up(pthread_t *thread, unsigned *id)
{
	uint64_t before = pf_tickets();

	cr_assert_eq(pthread_create(thread, NULL, want, id), 0);
	while (pf_tickets() == before)
		pf_pause_ms(1);
}

Test(pool, threads_and_jobs_stand_in_one_queue)
{
	unsigned ids[2] = {100, 101}, expected[5];
	pthread_t threads[2];

	/* a thread for each job: one that just released the lock may not be idle yet */
	pf_start(true, 3);
	pf_wait_all_idle();
	lock_acquire(&pf.lock, FOREVER);
	expected[0] = pf_submit(NULL)->number;
	queue_up(&threads[0], &ids[0]);
	expected[1] = 100;
	expected[2] = pf_submit(NULL)->number;
	expected[3] = pf_submit(NULL)->number;
	queue_up(&threads[1], &ids[1]);
	expected[4] = 101;
	lock_release(&pf.lock);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	pf_settle();
	cr_assert_eq(pf.ran, 5);
	cr_expect_arr_eq(pf.order, expected, sizeof(expected));
	pf_end();
}

Test(pool, a_yield_lets_a_job_run)
{
	pf_start(true, 1);
	pf_wait_idle();
	lock_acquire(&pf.lock, FOREVER);
	pf_submit(NULL);
	cr_expect_eq(lock_yield(&pf.lock, 1), 0);
	cr_expect_eq(pf.ran, 1);
	lock_release(&pf.lock);
	pf_end();
}

/* The job came first, but the only thread that could run it is the one that waits. */
Test(pool, a_handler_gets_the_lock_back_before_a_job_without_a_thread)
{
	struct task *slow, *next;

	pf_start(true, 1);
	slow = pf_submit_slow();
	cr_expect_eq(lock_acquire(&pf.lock, 0), 0);
	next = pf_submit(NULL);
	sem_post(&slow->gate);
	while (pf_tickets() < 3)
		pf_pause_ms(1);
	lock_release(&pf.lock);
	pf_settle();
	cr_assert_eq(pf.ran, 2);
	cr_expect_eq(pf.order[0], slow->number);
	cr_expect_eq(pf.order[1], next->number);
	pf_end();
}

Test(pool, a_free_lock_may_be_taken_when_no_thread_can_run_the_jobs)
{
	struct task *slow;

	pf_start(true, 1);
	slow = pf_submit_slow();
	pf_submit(NULL);
	cr_expect_eq(lock_acquire(&pf.lock, 0), 0);
	cr_expect_eq(lock_yield(&pf.lock, 1), 0);
	cr_expect_eq(pf.ran, 0);
	lock_release(&pf.lock);
	sem_post(&slow->gate);
	pf_settle();
	cr_expect_eq(pf.ran, 2);
	pf_end();
}

Test(pool, others_run_while_a_handler_does_without_the_lock)
{
	struct task *slow;

	pf_start(true, 2);
	slow = pf_submit_slow();
	for (unsigned i = 0; i < NJOBS; i++)
		pf_submit(NULL);
	while (atomic_load(&pf.ran) < NJOBS)
		pf_pause_ms(1);
	sem_post(&slow->gate);
	pf_settle();
	cr_expect_eq(pf.ran, NJOBS + 1);
	cr_expect_eq(pf.order[NJOBS], slow->number);
	pf_end();
}

/* ---- free jobs ---------------------------------------------------------------------------- */

Test(pool, the_job_that_came_back_last_is_used_first)
{
	struct task *a, *b;

	pf_start(true, 1);
	a = pf_get(NULL);
	b = pf_get(NULL);
	cr_expect_neq(a, b);
	pool_put(&pf.pool, &b->job);
	pool_put(&pf.pool, &a->job);
	cr_expect_eq(pf_get(NULL), a);
	cr_expect_eq(pf_get(NULL), b);
	pf_end();
}

Test(pool, who_wants_a_job_waits_for_one_that_comes_back)
{
	struct pool_job *got = NULL;
	pthread_t thread;

	pf_start(true, 1);
	pf_take_all();
	pthread_create(&thread, NULL, pf_get_one, &got);
	pf_pause_ms(20);
	pool_put(&pf.pool, &pf.tasks[3].job);
	pthread_join(thread, NULL);
	cr_expect_eq(got, &pf.tasks[3].job);

	pthread_create(&thread, NULL, pf_get_one, &got);
	pf_pause_ms(20);
	pool_submit(&pf.pool, &pf.tasks[5].job);
	pthread_join(thread, NULL);
	cr_expect_eq(got, &pf.tasks[5].job);
	cr_expect_eq(pf.ran, 1);
	pf_end();
}
