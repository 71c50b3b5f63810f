/*
 * Dispatch from several threads at once: one op at a time for a backend that wants it so, and
 * interrupts that race with the request becoming pending.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <time.h>

#include "daemon_fake.h"
#include "daemon_fixture.h"

static struct fixture f;

static void pause_ns(long ns)
{
	nanosleep(&(struct timespec){.tv_nsec = ns}, NULL);
}

static int linger(struct llfused_ctx *ctx)
{
	(void)ctx;
	pause_ns(1000000);
	return 0;
}

static void *look_up_often(void *arg)
{
	unsigned slot = *(unsigned *)arg;
	struct message_in m = {.opcode = FUSE_LOOKUP, .tail = "name", .tail_size = 5};

	for (unsigned i = 0; i < 20; i++)
		fixture_send(&f, slot, &m);
	return NULL;
}

static void run_on_all_slots(void)
{
	static unsigned numbers[FIXTURE_SLOTS];
	pthread_t threads[FIXTURE_SLOTS];

	fake.hook = linger;
	for (unsigned i = 0; i < FIXTURE_SLOTS; i++) {
		numbers[i] = i;
		cr_assert_eq(pthread_create(&threads[i], NULL, look_up_often, &numbers[i]), 0);
	}
	for (unsigned i = 0; i < FIXTURE_SLOTS; i++)
		pthread_join(threads[i], NULL);
	cr_expect_eq(fake.calls, 20 * FIXTURE_SLOTS);
}

Test(dispatch_threads, a_plain_backend_is_called_one_op_at_a_time, .timeout = 30)
{
	fixture_open(&f, &fake_backend);
	run_on_all_slots();
	cr_expect_eq(fake.most_inside, 1);
	fixture_close(&f);
}

Test(dispatch_threads, a_concurrent_backend_is_called_at_once, .timeout = 30)
{
	fixture_open(&f, &fake_concurrent_backend);
	run_on_all_slots();
	cr_expect_gt(fake.most_inside, 1);
	fixture_close(&f);
}

/* ---- INTERRUPT against a request that comes, pends and settles ---- */

#define ROUNDS 8000

static _Atomic uint64_t current; /* the unique that is to be interrupted */
static _Atomic llfused_pending pended;

static int pend(struct llfused_ctx *ctx)
{
	pended = llfused_pend(ctx);
	return LLFUSED_PENDING;
}

static void *interrupt_each(void *arg)
{
	uint64_t last = 0;

	while (last != UINT64_MAX) {
		uint64_t unique = current;
		struct message_in m = {.opcode = FUSE_INTERRUPT,
				       .unique = unique | 1,
				       .fixed = &unique,
				       .fixed_size = sizeof(unique)};

		if (unique != last && unique != UINT64_MAX)
			fixture_send(&f, 1, &m);
		else
			sched_yield();
		last = unique;
	}
	return arg;
}

static bool was_told(unsigned count)
{
	for (unsigned i = 0; i < 5000 && fake.interrupts < count; i++)
		i < 1000 ? (void)sched_yield() : pause_ns(1000000);
	return fake.interrupts == count;
}

/* Whatever comes first, the backend hears of each interrupt, and hears of it once. */
Test(dispatch_threads, an_interrupt_is_never_lost_nor_told_twice, .timeout = 120)
{
	struct fuse_lk_in in = {.lk.type = F_WRLCK};
	struct message_in m = {.opcode = FUSE_SETLKW, .fixed = &in, .fixed_size = sizeof(in)};
	pthread_t thread;

	fixture_open(&f, &fake_concurrent_backend);
	fake.hook = pend;
	cr_assert_eq(pthread_create(&thread, NULL, interrupt_each, NULL), 0);
	for (unsigned i = 0; i < ROUNDS; i++) {
		m.unique = 2000000 + 2 * i;
		current = m.unique;
		for (volatile unsigned spin = 0; spin < i % 512; spin++)
			;
		cr_assert_eq(fixture_send(&f, 0, &m), 0);
		cr_assert(was_told(i + 1), "round %u: told %u times", i, fake.interrupts);
		cr_assert_eq(fake.told, pended);
		cr_assert_eq(llfused_complete(pended, -EINTR), 0);
	}
	current = UINT64_MAX;
	pthread_join(thread, NULL);
	fixture_close(&f);
}
