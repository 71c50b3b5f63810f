/*
 * The table of pending requests.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <time.h>

#include "daemon/pending.h"

static struct pending table;
static struct slot slot;

static void make(void)
{
	struct err err;

	cr_assert_eq(pending_init(&table, 4, &err), 0);
	slot.fd = 9;
}

static void unmake(void)
{
	pending_free(&table);
}

TestSuite(pending, .init = make, .fini = unmake, .timeout = 30);

static llfused_pending add_op(uint64_t unique, uint32_t opcode)
{
	slot.request.op = proto_opcode_find(opcode);
	slot.request.head = (struct fuse_in_header){
		.unique = unique, .nodeid = unique + 1, .pid = 3, .opcode = opcode};
	return pending_add(&table, &slot);
}

static llfused_pending add(uint64_t unique)
{
	return add_op(unique, FUSE_SETLKW);
}

static int take(llfused_pending id)
{
	struct pending_record record;
	int ret = pending_take(&table, id, &record);

	if (ret == 0)
		pending_done(&table);
	return ret;
}

Test(pending, a_record_keeps_what_its_reply_needs)
{
	struct pending_record record;
	llfused_pending id = add(20);

	cr_assert_eq(pending_take(&table, id, &record), 0);
	pending_done(&table);
	cr_expect_eq(record.unique, 20);
	cr_expect_eq(record.nodeid, 21);
	cr_expect_eq(record.fd, 9);
	cr_expect_eq(record.pid, 3);
	cr_expect_eq(record.op->number, FUSE_SETLKW);
	cr_expect_eq(record.room, 0);
}

static struct pending_record record_of(uint32_t opcode)
{
	struct pending_record record;

	pending_take(&table, add_op(2, opcode), &record);
	pending_done(&table);
	return record;
}

static uint64_t room_of(uint32_t opcode)
{
	return record_of(opcode).room;
}

Test(pending, room_is_what_the_request_asked_for)
{
	slot.body_cap = 10000;
	slot.request.in.read = (struct fuse_read_in){.size = 4000};
	cr_expect_eq(room_of(FUSE_READ), 4000);
	cr_expect_eq(room_of(FUSE_READDIR), 4000);
	cr_expect_eq(room_of(FUSE_READLINK), 4095);
	cr_expect_eq(room_of(FUSE_UNLINK), 0);
	slot.request.in.write = (struct fuse_write_in){.size = 300};
	cr_expect_eq(room_of(FUSE_WRITE), 300);
	slot.request.in.getxattr.size = 30;
	cr_expect_eq(room_of(FUSE_GETXATTR), 30);
	cr_expect_eq(room_of(FUSE_LISTXATTR), 30);
	slot.request.in.ioctl = (struct fuse_ioctl_in){.out_size = 50};
	cr_expect_eq(room_of(FUSE_IOCTL), 50);
	slot.request.in.copy = (struct fuse_copy_file_range_in){.len = UINT64_C(1) << 40};
	cr_expect_eq(room_of(FUSE_COPY_FILE_RANGE), UINT32_MAX);
	cr_expect_eq(room_of(PROTO_OP_COPY_FILE_RANGE_64), UINT64_C(1) << 40);
}

Test(pending, listings_have_no_more_room_than_a_slot)
{
	slot.body_cap = 10000;
	slot.request.in.read = (struct fuse_read_in){.size = UINT32_MAX, .flags = 7};
	cr_expect_eq(room_of(FUSE_READDIR), 10000);
	cr_expect_eq(room_of(FUSE_READDIRPLUS), 10000);
	cr_expect_eq(record_of(FUSE_READDIRPLUS).flags, 7);
	cr_expect_eq(record_of(FUSE_LOOKUP).flags, 0);
}

Test(pending, looking_leaves_the_record)
{
	struct pending_record record = {.unique = 0};
	llfused_pending id = add(20);

	cr_expect_eq(pending_look(&table, id, &record), 0);
	cr_expect_eq(record.unique, 20);
	cr_expect_eq(table.count, 1);
	cr_expect_eq(table.completing, 0);
	cr_expect_eq(take(id), 0);
	cr_expect_eq(pending_look(&table, id, &record), -ENOENT);
}

Test(pending, ids_are_not_used_again)
{
	llfused_pending first = add(2), second;

	cr_expect_neq(first, 0);
	cr_expect_eq(take(first), 0);
	second = add(4);
	cr_expect_neq(second, first);
	cr_expect_eq(table.high, 1, "the record is");
	cr_expect_eq(take(first), -ENOENT);
	cr_expect_eq(take(second), 0);
	cr_expect_eq(take(second), -ENOENT);
}

Test(pending, nonsense_ids_are_not_found)
{
	cr_expect_eq(take(0), -ENOENT);
	cr_expect_eq(take(1), -ENOENT);
	cr_expect_eq(take(UINT64_MAX), -ENOENT);
	add(2);
	cr_expect_eq(take(UINT32_MAX), -ENOENT);
	cr_expect_eq(take(UINT64_C(1) << 32), -ENOENT);
}

Test(pending, a_full_table_refuses_until_one_is_taken)
{
	llfused_pending ids[4];

	for (unsigned i = 0; i < 4; i++)
		ids[i] = add(2 + 2 * i);
	cr_expect_eq(add(20), 0);
	cr_expect_eq(take(ids[2]), 0);
	cr_expect_neq(add(22), 0);
	cr_expect_eq(add(24), 0);
}

Test(pending, a_shut_table_refuses)
{
	llfused_pending id = add(2);

	pending_shut(&table);
	cr_expect_eq(add(4), 0);
	cr_expect_eq(take(id), 0);
}

Test(pending, an_interrupt_waits_for_the_handler)
{
	llfused_pending id = add(2), told;

	cr_expect_eq(pending_interrupt(&table, 2, &told), 0);
	cr_expect_eq(told, 0);
	cr_expect(pending_settle(&table, id, false));
}

Test(pending, an_interrupt_after_the_handler_is_told_at_once_and_once)
{
	llfused_pending id = add(2), told;

	cr_expect_not(pending_settle(&table, id, false));
	cr_expect_eq(pending_interrupt(&table, 2, &told), 0);
	cr_expect_eq(told, id);
	cr_expect_eq(pending_interrupt(&table, 2, &told), 0);
	cr_expect_eq(told, 0);
}

Test(pending, an_interrupt_that_the_slot_knew_is_told_once)
{
	llfused_pending id = add(2), told;

	cr_expect(pending_settle(&table, id, true));
	cr_expect_eq(pending_interrupt(&table, 2, &told), 0);
	cr_expect_eq(told, 0);
}

Test(pending, interrupts_of_others_and_of_the_taken_are_not_here)
{
	llfused_pending id = add(2), told = 5;

	cr_expect_eq(pending_interrupt(&table, 4, &told), -ENOENT);
	cr_expect_eq(told, 0);
	take(id);
	cr_expect_eq(pending_interrupt(&table, 2, &told), -ENOENT);
	cr_expect_not(pending_settle(&table, id, true));
}

#define MANY 5000u

static llfused_pending many[MANY];

static void make_many(uint64_t step)
{
	struct err err;

	pending_free(&table);
	cr_assert_eq(pending_init(&table, MANY, &err), 0);
	for (unsigned i = 0; i < MANY; i++)
		cr_assert_neq(many[i] = add(2 + step * i), 0);
}

static void expect_interrupt(uint64_t unique, llfused_pending id)
{
	llfused_pending told;

	cr_assert_eq(pending_interrupt(&table, unique, &told), id != 0 ? 0 : -ENOENT);
	cr_assert_eq(told, id, "unique %llu", (unsigned long long)unique);
}

/* Each is found by its unique, the taken ones are not, and who is found is the right one. */
static void interrupt_many(uint64_t step)
{
	make_many(step);
	for (unsigned i = 0; i < MANY; i++) {
		pending_settle(&table, many[i], false);
		if (i % 3 == 0) /* from the ends and the middles of the buckets */
			cr_assert_eq(take(many[i]), 0);
	}
	for (unsigned i = 0; i < MANY; i += 6) {
		many[i] = add(2 + step * i); /* in a record of another one */
		pending_settle(&table, many[i], false);
	}
	for (unsigned i = 0; i < MANY; i++)
		expect_interrupt(2 + step * i, i % 6 == 3 ? 0 : many[i]);
	for (unsigned i = 0; i < MANY; i++)
		take(many[i]);
	for (unsigned i = 0; i < MANY; i++)
		expect_interrupt(2 + step * i, 0);
	cr_expect_eq(table.count, 0);
}

Test(pending, interrupts_find_theirs_among_thousands)
{
	interrupt_many(2);
}

/* All in one bucket: uniques that differ by a multiple of the number of buckets. */
Test(pending, interrupts_find_theirs_in_a_bucket_of_many)
{
	make_many(2);
	interrupt_many(2 * (uint64_t)table.nbuckets);
}

Test(pending, a_free_record_is_used_before_a_new_one_and_has_a_new_id)
{
	llfused_pending last, old;

	make_many(2);
	for (unsigned i = 0; i < MANY; i++)
		cr_assert_eq(take(many[i]), 0);
	for (unsigned i = 0; i < MANY; i++) {
		last = add(2);
		for (unsigned j = 0; j < 3; j++) {
			old = last;
			cr_assert_eq(take(old), 0);
			last = add(2);
			cr_assert_neq(last, old);
			cr_assert_eq(take(old), -ENOENT);
		}
		cr_assert_eq(take(last), 0);
	}
	for (unsigned i = 0; i < MANY; i++)
		cr_assert_eq(take(many[i]), -ENOENT);
	cr_expect_eq(table.high, MANY);
}

/* The index is in the low bits, the number of the use above it. */
Test(pending, of_an_id_both_index_and_generation_must_fit)
{
	llfused_pending first = add(2), second = add(4);
	uint64_t generation = UINT64_C(1) << 25;

	cr_expect_eq(second, first + 1, "the next record, in its first use");
	cr_expect_eq(take(first + generation), -ENOENT, "not yet");
	cr_expect_eq(take(first - generation), -ENOENT);
	cr_expect_eq(take(first), 0);
	cr_expect_eq(add(6), first + generation);
	cr_expect_eq(take(first), -ENOENT);
	cr_expect_eq(take(first + generation), 0);
	cr_expect_eq(take(second), 0);
}

Test(pending, next_walks_over_all)
{
	llfused_pending ids[4];
	uint32_t at = 0;

	for (unsigned i = 0; i < 4; i++)
		ids[i] = add(2 + 2 * i);
	take(ids[0]);
	take(ids[2]);
	cr_expect_eq(pending_next(&table, &at), ids[1]);
	cr_expect_eq(pending_next(&table, &at), ids[3]);
	cr_expect_eq(pending_next(&table, &at), 0);
	cr_expect_eq(pending_next(&table, &at), 0);
}

static void sum(const struct pending_record *record, void *arg)
{
	*(uint64_t *)arg += record->unique;
}

Test(pending, each_visits_the_living)
{
	uint64_t total = 0;
	llfused_pending id = add(2);

	add(40);
	add(600);
	take(id);
	pending_each(&table, sum, &total);
	cr_expect_eq(total, 640);
}

static _Atomic bool written;

static void *finish_late(void *arg)
{
	nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
	written = true;
	pending_done(&table);
	return arg;
}

Test(pending, idle_waits_for_those_who_still_answer)
{
	struct pending_record record;
	pthread_t thread;

	pending_wait_idle(&table);
	cr_assert_eq(pending_take(&table, add(2), &record), 0);
	cr_assert_eq(pthread_create(&thread, NULL, finish_late, NULL), 0);
	pending_wait_idle(&table);
	cr_expect(written);
	pthread_join(thread, NULL);
}

#define TAKERS 3
#define ROUNDS 1000

static _Atomic llfused_pending offered;
static atomic_uint taken;

static void *take_what_is_offered(void *arg)
{
	llfused_pending id;

	while ((id = offered) != UINT64_MAX)
		if (take(id) == 0)
			taken++;
		else
			sched_yield();
	return arg;
}

Test(pending, of_many_takers_one_gets_it, .timeout = 60)
{
	pthread_t threads[TAKERS];

	for (unsigned i = 0; i < TAKERS; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, take_what_is_offered, NULL), 0);
	for (unsigned i = 0; i < ROUNDS; i++) {
		offered = add(2 + 2 * i);
		while (taken == i)
			sched_yield();
		cr_assert_eq(taken, i + 1);
	}
	offered = UINT64_MAX;
	for (unsigned i = 0; i < TAKERS; i++)
		pthread_join(threads[i], NULL);
	cr_expect_eq(taken, ROUNDS);
	cr_expect_eq(table.count, 0);
}
