/*
 * The in-flight list and the interrupts that come too early or too late.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>

#include "daemon/inflight.h"

static struct slot slots[3];
static struct inflight in;

static void start(void)
{
	inflight_init(&in, slots, 3);
}

static void end(void)
{
	inflight_free(&in);
}

TestSuite(inflight, .init = start, .fini = end, .timeout = 30);

static void enter(unsigned slot, uint64_t unique)
{
	slots[slot].request.head = (struct fuse_in_header){
		.unique = unique, .nodeid = 5, .opcode = FUSE_READ, .pid = 6};
	inflight_enter(&in, &slots[slot]);
}

Test(inflight, a_request_shows_while_it_is_handled)
{
	uint64_t before = inflight_now();

	enter(1, 20);
	cr_expect_eq(slots[1].unique, 20);
	cr_expect_eq(slots[1].nodeid, 5);
	cr_expect_eq(slots[1].opcode, FUSE_READ);
	cr_expect_eq(slots[1].pid, 6);
	cr_expect_geq(slots[1].since, before);
	inflight_leave(&slots[1]);
	cr_expect_eq(slots[1].unique, 0);
}

Test(inflight, an_interrupt_finds_its_slot_and_no_other)
{
	enter(0, 20);
	enter(2, 24);
	cr_expect(inflight_interrupt(&in, 24));
	cr_expect_eq(slots[2].interrupted, 24);
	cr_expect_neq(slots[0].interrupted, 20);
	cr_expect_eq(in.norphans, 0);
}

Test(inflight, an_early_interrupt_waits_for_its_request)
{
	cr_expect_not(inflight_interrupt(&in, 20));
	cr_expect_eq(in.norphans, 1);
	enter(0, 22);
	cr_expect_neq(slots[0].interrupted, 22);
	enter(1, 20);
	cr_expect_eq(slots[1].interrupted, 20);
	cr_expect_eq(in.norphans, 0);
}

Test(inflight, an_orphan_found_elsewhere_is_forgotten)
{
	inflight_interrupt(&in, 20);
	inflight_forget_orphan(&in, 20);
	cr_expect_eq(in.norphans, 0);
	enter(0, 20);
	cr_expect_neq(slots[0].interrupted, 20);
}

Test(inflight, the_same_orphan_twice_is_taken_whole)
{
	inflight_interrupt(&in, 20);
	inflight_interrupt(&in, 20);
	enter(0, 20);
	cr_expect_eq(slots[0].interrupted, 20);
	cr_expect_eq(in.norphans, 0);
}

Test(inflight, old_orphans_go)
{
	inflight_interrupt(&in, 20);
	in.orphan[0].since -= UINT64_C(2000000000);
	enter(0, 22);
	cr_expect_eq(in.norphans, 0);
	enter(1, 20);
	cr_expect_neq(slots[1].interrupted, 20);
}

Test(inflight, a_full_table_gives_up_its_oldest)
{
	inflight_interrupt(&in, 2);
	in.orphan[0].since -= 1000;
	for (uint64_t i = 1; i < INFLIGHT_ORPHANS; i++)
		inflight_interrupt(&in, 2 + 2 * i);
	cr_expect_eq(in.norphans, INFLIGHT_ORPHANS);
	inflight_interrupt(&in, 10000);
	cr_expect_eq(in.norphans, INFLIGHT_ORPHANS);
	enter(0, 2);
	cr_expect_neq(slots[0].interrupted, 2);
	enter(1, 10000);
	cr_expect_eq(slots[1].interrupted, 10000);
}

/* An idle slot and a free place are marked by 0 as well. */
Test(inflight, zero_interrupts_nothing)
{
	cr_expect_not(inflight_interrupt(&in, 0));
	cr_expect_eq(in.norphans, 0);
}

#define ROUNDS 20000

static _Atomic uint64_t wanted;

static void *interrupt_each(void *arg)
{
	for (uint64_t unique = 2; unique <= 2 * ROUNDS; unique += 2) {
		while (wanted < unique)
			sched_yield();
		inflight_interrupt(&in, unique);
		wanted = unique + 1; /* done */
	}
	return arg;
}

/* Request and interrupt come at the same time: one of the two sees the other. */
Test(inflight, no_interrupt_passes_its_request_unseen, .timeout = 120)
{
	pthread_t thread;

	cr_assert_eq(pthread_create(&thread, NULL, interrupt_each, NULL), 0);
	for (uint64_t unique = 2; unique <= 2 * ROUNDS; unique += 2) {
		wanted = unique;
		enter(0, unique);
		while (wanted == unique)
			sched_yield();
		cr_assert_eq(slots[0].interrupted, unique);
		inflight_leave(&slots[0]);
	}
	pthread_join(thread, NULL);
	cr_expect_eq(in.norphans, 0);
}
