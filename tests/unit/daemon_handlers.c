/*
 * The memory of messages: what is given back, and which slots of the pool keep theirs.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "daemon/buffers.h"
#include "daemon/handlers.h"
#include "daemon_fake.h"
#include "daemon_fixture.h"

#define SLIM  65536u /* bytes that any slot may keep */
#define KEPT  4u     /* slots that may keep more */
#define SLOTS 7u
#define LONG  UINT64_C(20000000000) /* ns */

static struct fixture f;
static struct slot *slots[SLOTS];

static bool is_zero(const unsigned char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i] != 0)
			return false;
	return true;
}

Test(handlers, a_trimmed_message_keeps_its_beginning, .timeout = 30)
{
	size_t size = 1 << 20;
	unsigned char *message = buffers_reserve(size);

	cr_assert_not_null(message);
	cr_expect(is_zero(message, size));
	memset(message, 'x', size);
	buffers_trim(message, size, size);
	cr_expect_eq(message[size - 1], 'x', "nothing to trim");
	buffers_trim(message, size, SLIM);
	cr_expect_eq(message[0], 'x');
	cr_expect_eq(message[SLIM - 1], 'x');
	cr_expect(is_zero(message + SLIM, size - SLIM));
	message[size - 1] = 'y';
	cr_expect_eq(message[size - 1], 'y', "there is room as before");
	buffers_release(message, size);
	buffers_release(NULL, size);
}

static void start_for(unsigned readers)
{
	struct err err;

	fixture_open(&f, &fake_backend);
	cr_assert_eq(handlers_start(f.s, 1, readers, &err), 0, "%s", err.text);
}

static void start(void)
{
	start_for(0);
}

static void stop(void)
{
	cr_expect_eq(handlers_stop(f.s, LONG), 0);
	fixture_close(&f);
}

/* A WRITE of so many bytes goes to the queue, out of memory that is full of it. */
static void submit_write(struct slot *slot, uint32_t bytes)
{
	static char data[FIXTURE_BODY];
	struct fuse_write_in in = {.size = bytes};
	struct message_in m = {.opcode = FUSE_WRITE,
			       .unique = fixture_unique() + 2,
			       .fixed = &in,
			       .fixed_size = sizeof(in),
			       .tail = memset(data, 'x', sizeof(data)),
			       .tail_size = bytes};
	size_t size = message_encode(&m, slot->message), len;

	cr_assert_leq(size, slot->message_cap);
	slot->stats = &f.stats[0];
	cr_assert_eq(dispatch_receive(slot, slot->message, size, &len), DISPATCH_RUN);
	handlers_submit(slot, size);
}

/* All of them stand in the queue before the first is run. */
static void write_with_all(unsigned n, uint32_t bytes)
{
	unsigned replies = committed_count();

	cr_assert_eq(lock_acquire(&f.lock, LLFUSED_FOREVER), 0);
	for (unsigned i = 0; i < n; i++)
		cr_assert_not_null(slots[i] = handlers_slot(f.s));
	for (unsigned i = 0; i < n; i++)
		submit_write(slots[i], bytes);
	lock_release(&f.lock);
	cr_assert_not_null(committed_wait(replies + n));
	while (pool_finished(&f.s->handlers.pool) < replies + n)
		;
}

static unsigned count_fat(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < f.s->handlers.nslots; i++) {
		const struct slot *slot = &f.s->handlers.slots[i];
		bool has = !is_zero(slot->message + SLIM, slot->message_cap - SLIM);

		cr_expect_eq(has, slot->fat);
		n += has;
	}
	return n;
}

Test(handlers, a_few_slots_keep_the_memory_of_large_messages, .timeout = 60)
{
	start();
	write_with_all(SLOTS, 100000);
	cr_expect_eq(count_fat(), KEPT);
	cr_expect_eq(f.s->handlers.fat, KEPT);
	write_with_all(SLOTS, 100000);
	cr_expect_eq(count_fat(), KEPT);
	write_with_all(1, 100000);
	cr_expect_eq(count_fat(), KEPT, "the ones that have it are used first");
	stop();
}

Test(handlers, small_messages_are_kept_in_any_slot, .timeout = 60)
{
	start();
	write_with_all(SLOTS, 60000);
	cr_expect_eq(count_fat(), 0);
	for (unsigned i = 0; i < SLOTS; i++)
		cr_expect_eq(slots[i]->message[59999], 'x');
	write_with_all(2, 100000);
	cr_expect_eq(count_fat(), 2);
	stop();
}

/* On a machine with many processors: their readers alone would have taken all. */
Test(handlers, readers_that_keep_a_slot_each_leave_room_for_requests, .timeout = 60)
{
	unsigned readers = 1000, n = 0;

	start_for(readers);
	while (handlers_try_slot(f.s))
		n++;
	cr_expect_geq(n, readers + 100);
	stop();
}
