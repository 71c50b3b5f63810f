/*
 * The global lock: errors, order, hand-over, timeouts, and the heir's turns.  Whoever asks while it
 * is taken draws a ticket, so the tests know from the count of tickets who waits already.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <time.h>

#include "daemon/lock.h"

#define MS      UINT64_C(1000000)
#define FOREVER UINT64_MAX
#define MANY    8

static struct lock lock;
static unsigned order[MANY]; /* who had the lock, written with the lock held */
static unsigned had;

struct asker {
	pthread_t thread;
	unsigned id;
	uint64_t timeout;
	int result;
};

static void make(void)
{
	lock_init(&lock);
}

static void unmake(void)
{
	cr_expect_not(lock.held);
	cr_expect_null(lock.first);
	cr_expect_null(lock.last);
	lock_destroy(&lock);
}

TestSuite(lock, .init = make, .fini = unmake, .timeout = 30);

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 * MS + (uint64_t)ts.tv_nsec;
}

static void pause_ms(long ms)
{
	nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

static uint64_t tickets(void)
{
	uint64_t n;

	pthread_mutex_lock(&lock.mutex);
	n = lock.next_ticket;
	pthread_mutex_unlock(&lock.mutex);
	return n;
}

/* Takes the lock, notes that it had it, gives it away. */
static void *ask(void *arg)
{
	struct asker *a = arg;

	a->result = lock_acquire(&lock, a->timeout);
	if (a->result == 0) {
		order[had++] = a->id;
		a->result = lock_release(&lock);
	}
	return NULL;
}

/* Returns when it stands in the queue. */
static void queue_up(struct asker *a, unsigned id, uint64_t timeout)
{
	uint64_t before = tickets();

	*a = (struct asker){.id = id, .timeout = timeout};
	cr_assert_eq(pthread_create(&a->thread, NULL, ask, a), 0);
	while (tickets() == before)
		pause_ms(1);
}

static int result_of(struct asker *a)
{
	pthread_join(a->thread, NULL);
	return a->result;
}

/* What another thread gets when it asks without waiting. */
static int others_try(void)
{
	struct asker a = {.timeout = 0};
	unsigned before = had;

	cr_assert_eq(pthread_create(&a.thread, NULL, ask, &a), 0);
	pthread_join(a.thread, NULL);
	had = before;
	return a.result;
}

Test(lock, a_free_one_is_taken_at_once)
{
	cr_expect_not(lock_is_mine(&lock));
	cr_expect_eq(lock_acquire(&lock, 0), 0);
	cr_expect(lock_is_mine(&lock));
	cr_expect_eq(lock_release(&lock), 0);
	cr_expect_not(lock_is_mine(&lock));
	cr_expect_eq(lock_acquire(&lock, FOREVER), 0);
	cr_expect_eq(lock_release(&lock), 0);
}

Test(lock, acquiring_it_twice_is_edeadlk)
{
	lock_acquire(&lock, FOREVER);
	cr_expect_eq(lock_acquire(&lock, FOREVER), -EDEADLK);
	cr_expect_eq(lock_acquire(&lock, MS), -EDEADLK);
	cr_expect_eq(lock_acquire(&lock, 0), -EDEADLK);
	cr_expect_eq(lock_release(&lock), 0);
	cr_expect_not(lock_is_mine(&lock), "one release is enough");
}

static void *let_go(void *arg)
{
	int *results = arg;

	results[0] = lock_release(&lock);
	results[1] = lock_yield(&lock, 1);
	results[2] = lock_is_mine(&lock);
	return NULL;
}

Test(lock, only_its_owner_releases_and_yields_it)
{
	int results[3] = {0};
	pthread_t thread;

	cr_expect_eq(lock_release(&lock), -EPERM);
	cr_expect_eq(lock_yield(&lock, 1), -EPERM);
	cr_expect_eq(lock_yield(&lock, 0), -EPERM);
	lock_acquire(&lock, FOREVER);
	pthread_create(&thread, NULL, let_go, results);
	pthread_join(thread, NULL);
	cr_expect_eq(results[0], -EPERM);
	cr_expect_eq(results[1], -EPERM);
	cr_expect_eq(results[2], 0);
	cr_expect(lock_is_mine(&lock));
	lock_release(&lock);
	cr_expect_eq(lock_release(&lock), -EPERM);
}

Test(lock, a_try_does_not_wait)
{
	lock_acquire(&lock, FOREVER);
	cr_expect_eq(others_try(), -ETIMEDOUT);
	cr_expect_eq(lock.next_ticket, 0, "it drew no ticket");
	lock_release(&lock);
	cr_expect_eq(others_try(), 0);
}

Test(lock, a_wait_ends_after_its_timeout_and_not_before)
{
	struct asker a;
	uint64_t start = now();

	lock_acquire(&lock, FOREVER);
	queue_up(&a, 1, 50 * MS);
	cr_expect_eq(result_of(&a), -ETIMEDOUT);
	cr_expect_geq(now() - start, 50 * MS);
	cr_expect_null(lock.first);
	cr_expect(lock_is_mine(&lock));
	lock_release(&lock);
}

Test(lock, the_longest_timeouts_do_not_end_at_once)
{
	struct asker a, b;

	lock_acquire(&lock, FOREVER);
	queue_up(&a, 1, UINT64_MAX - 1);
	queue_up(&b, 2, UINT64_C(1) << 63);
	pause_ms(20);
	lock_release(&lock);
	cr_expect_eq(result_of(&a), 0);
	cr_expect_eq(result_of(&b), 0);
}

Test(lock, waiters_get_it_in_the_order_of_asking)
{
	struct asker askers[MANY];

	lock_acquire(&lock, FOREVER);
	for (unsigned i = 0; i < MANY; i++)
		queue_up(&askers[i], i, i % 2 ? FOREVER : 20000 * MS);
	lock_release(&lock);
	for (unsigned i = 0; i < MANY; i++)
		cr_expect_eq(result_of(&askers[i]), 0);
	for (unsigned i = 0; i < MANY; i++)
		cr_expect_eq(order[i], i);
}

/* First, last and in the middle of the queue. */
Test(lock, who_gives_up_leaves_no_trace)
{
	struct asker askers[5];
	static const uint64_t timeouts[5] = {20 * MS, FOREVER, 20 * MS, FOREVER, 20 * MS};

	lock_acquire(&lock, FOREVER);
	for (unsigned i = 0; i < 5; i++)
		queue_up(&askers[i], i, timeouts[i]);
	for (unsigned i = 0; i < 5; i += 2)
		cr_expect_eq(result_of(&askers[i]), -ETIMEDOUT);
	lock_release(&lock);
	cr_expect_eq(result_of(&askers[1]), 0);
	cr_expect_eq(result_of(&askers[3]), 0);
	cr_expect_eq(had, 2);
	cr_expect_eq(order[0], 1);
	cr_expect_eq(order[1], 3);
}

/* It belongs to the waiter from the moment of the release, awake or not. */
Test(lock, the_releasing_thread_cannot_overtake_a_waiter)
{
	for (unsigned i = 0; i < 200; i++) {
		struct asker a;
		int again;

		had = 0;
		lock_acquire(&lock, FOREVER);
		queue_up(&a, 1, FOREVER);
		lock_release(&lock);
		again = lock_acquire(&lock, FOREVER);
		cr_assert_eq(again, 0);
		cr_assert_eq(had, 1, "round %u: the waiter was overtaken", i);
		lock_release(&lock);
		cr_assert_eq(result_of(&a), 0);
	}
}

Test(lock, a_yield_lets_the_waiter_run_before_it_returns)
{
	struct asker a;

	lock_acquire(&lock, FOREVER);
	queue_up(&a, 7, FOREVER);
	cr_expect_eq(lock_yield(&lock, 1), 0);
	cr_expect_eq(had, 1);
	cr_expect_eq(order[0], 7);
	cr_expect(lock_is_mine(&lock));
	lock_release(&lock);
	cr_expect_eq(result_of(&a), 0);
}

Test(lock, a_yield_goes_to_the_end_of_the_queue)
{
	struct asker askers[3];

	lock_acquire(&lock, FOREVER);
	for (unsigned i = 0; i < 3; i++)
		queue_up(&askers[i], i, FOREVER);
	cr_expect_eq(lock_yield(&lock, 1), 0);
	cr_expect_eq(had, 3);
	lock_release(&lock);
	for (unsigned i = 0; i < 3; i++)
		cr_expect_eq(result_of(&askers[i]), 0);
}

Test(lock, a_yield_returns_at_once_when_nobody_waits)
{
	uint64_t start = now();

	lock_acquire(&lock, FOREVER);
	cr_expect_eq(lock_yield(&lock, 1), 0);
	cr_expect_eq(lock_yield(&lock, UINT32_MAX), 0);
	cr_expect(lock_is_mine(&lock));
	cr_expect_eq(lock.next_ticket, 0, "it queued for nobody");
	cr_expect_lt(now() - start, 1000 * MS);
	lock_release(&lock);
}

Test(lock, a_yield_of_zero_keeps_it)
{
	struct asker a;

	lock_acquire(&lock, FOREVER);
	queue_up(&a, 1, FOREVER);
	cr_expect_eq(lock_yield(&lock, 0), 0);
	pause_ms(20);
	cr_expect_eq(had, 0);
	lock_release(&lock);
	cr_expect_eq(result_of(&a), 0);
}

/* Each time it has the lock, it yields until the other has seen it. */
static void *yield_to_and_fro(void *arg)
{
	lock_acquire(&lock, FOREVER);
	had++;
	lock_yield(&lock, 1);
	had++;
	lock_yield(&lock, 1);
	had++;
	lock_release(&lock);
	return arg;
}

Test(lock, a_yield_hands_over_as_often_as_it_is_asked_to)
{
	uint64_t before = tickets();
	pthread_t thread;

	lock_acquire(&lock, FOREVER);
	cr_assert_eq(pthread_create(&thread, NULL, yield_to_and_fro, NULL), 0);
	while (tickets() == before)
		pause_ms(1);
	lock_yield(&lock, 2);
	cr_expect_eq(had, 2);
	lock_yield(&lock, 100);
	cr_expect_eq(had, 3);
	lock_release(&lock);
	pthread_join(thread, NULL);
}

/* ---- the heir: requests, here numbers that a thread of ours runs -------------------------- */

static struct {
	uint64_t waiting[MANY]; /* their tickets */
	unsigned first, last;
	bool able; /* there is a thread to run them */
	pthread_t runner;
	sem_t given;
} inheritance;

static uint64_t heir_ticket(void *arg)
{
	(void)arg;
	if (!inheritance.able || inheritance.first == inheritance.last)
		return UINT64_MAX;
	return inheritance.waiting[inheritance.first];
}

static pthread_t heir_give(void *arg)
{
	(void)arg;
	inheritance.first++;
	sem_post(&inheritance.given);
	return inheritance.runner;
}

static void *run_given(void *arg)
{
	unsigned todo = *(unsigned *)arg;

	for (unsigned i = 0; i < todo; i++) {
		sem_wait(&inheritance.given);
		cr_assert(lock_is_mine(&lock));
		order[had++] = 100 + i;
		lock_release(&lock);
	}
	return NULL;
}

static void heir_asks(void)
{
	pthread_mutex_lock(&lock.mutex);
	inheritance.waiting[inheritance.last++] = lock_take_ticket(&lock);
	lock_hand_on(&lock);
	pthread_mutex_unlock(&lock.mutex);
}

static void heir_is(bool able)
{
	pthread_mutex_lock(&lock.mutex);
	inheritance.able = able;
	lock_hand_on(&lock);
	pthread_mutex_unlock(&lock.mutex);
}

/* One that will run `todo` requests. */
static void make_heir(unsigned *todo)
{
	static const struct lock_heir heir = {.ticket = heir_ticket, .give = heir_give};

	sem_init(&inheritance.given, 0, 0);
	lock_set_heir(&lock, &heir);
	cr_assert_eq(pthread_create(&inheritance.runner, NULL, run_given, todo), 0);
}

Test(lock, threads_and_requests_stand_in_one_queue)
{
	static const unsigned expected[] = {100, 0, 101, 102, 1};
	struct asker askers[2];
	unsigned todo = 3;

	make_heir(&todo);
	lock_acquire(&lock, FOREVER);
	heir_is(true);
	heir_asks();
	queue_up(&askers[0], 0, FOREVER);
	heir_asks();
	heir_asks();
	queue_up(&askers[1], 1, FOREVER);
	lock_release(&lock);
	cr_expect_eq(result_of(&askers[0]), 0);
	cr_expect_eq(result_of(&askers[1]), 0);
	pthread_join(inheritance.runner, NULL);
	cr_assert_eq(had, 5);
	cr_expect_arr_eq(order, expected, sizeof(expected));
}

Test(lock, requests_that_nobody_can_run_are_passed_over)
{
	struct asker a;
	unsigned todo = 1;

	make_heir(&todo);
	lock_acquire(&lock, FOREVER);
	heir_asks();
	queue_up(&a, 5, FOREVER);
	lock_release(&lock);
	cr_expect_eq(result_of(&a), 0);
	cr_expect_eq(lock_acquire(&lock, 0), 0, "it is free for whoever comes");
	cr_expect_eq(lock_yield(&lock, 1), 0, "and nobody is there to yield to");
	cr_expect_eq(had, 1);
	lock_release(&lock);
	heir_is(true);
	pthread_join(inheritance.runner, NULL);
	cr_expect_eq(order[1], 100);
}

Test(lock, a_held_one_is_not_handed_on)
{
	unsigned todo = 1;

	make_heir(&todo);
	lock_acquire(&lock, FOREVER);
	heir_is(true);
	heir_asks();
	cr_expect(lock_is_mine(&lock));
	cr_expect_eq(inheritance.first, 0);
	lock_release(&lock);
	pthread_join(inheritance.runner, NULL);
	cr_expect_eq(had, 1);
}

Test(lock, a_yield_lets_a_request_run)
{
	unsigned todo = 2;

	make_heir(&todo);
	lock_acquire(&lock, FOREVER);
	heir_is(true);
	heir_asks();
	heir_asks();
	lock_yield(&lock, 1);
	cr_expect_eq(had, 2);
	cr_expect(lock_is_mine(&lock));
	lock_release(&lock);
	pthread_join(inheritance.runner, NULL);
}

Test(lock, an_heir_that_was_taken_away_gets_nothing)
{
	unsigned todo = 0;

	make_heir(&todo);
	pthread_join(inheritance.runner, NULL);
	lock_acquire(&lock, FOREVER);
	heir_is(true);
	heir_asks();
	lock_set_heir(&lock, NULL);
	lock_release(&lock);
	cr_expect_not(lock.held);
	cr_expect_eq(inheritance.first, 0);
}
