/*
 * The ring of messages against a plain array of what must be in it.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/msgring.h"

#define LONG 4136

static struct msgring ring;

static void make(void)
{
	struct err err;

	cr_assert_eq(msgring_init(&ring, &err), 0);
}

static void unmake(void)
{
	msgring_free(&ring);
}

TestSuite(msgring, .init = make, .fini = unmake, .timeout = 60);

static bool add(const void *bytes, size_t size, uint64_t since)
{
	struct msgring_message message = msgring_message(bytes, size);

	return msgring_add(&ring, &message, since);
}

static bool has(const void *bytes, size_t size)
{
	struct msgring_message message = msgring_message(bytes, size);

	return msgring_has(&ring, &message);
}

/* A message made from its number alone, so that it can be told again. */
static size_t make_message(unsigned number, unsigned char *bytes)
{
	unsigned seed = number * 2654435761u;
	bool is_long = number % 3 == 0 || number / 3000 % 2;
	size_t size = 4 + (seed >> 8) % (is_long ? LONG - 3 : 60);

	memset(bytes, (int)(number * 31 + 7), size);
	memcpy(bytes, &number, sizeof(number));
	return size;
}

static void expect_first(unsigned number)
{
	unsigned char bytes[LONG];
	size_t size = make_message(number, bytes);
	uint64_t since;
	struct msgring_message first = msgring_first(&ring, &since);

	cr_assert_eq(first.size, size);
	cr_assert_arr_eq(first.bytes, bytes, size);
	cr_assert_eq(since, number);
}

/* Through both rings' ends many times, nearly empty and quite full. */
Test(msgring, first_in_first_out_whatever_the_sizes)
{
	unsigned char bytes[LONG];
	unsigned in = 0, out = 0, refused = 0;

	for (unsigned step = 0; step < 60000; step++) {
		bool fill = step / 5000 % 2 == 0;

		if ((unsigned)rand() % 10 < (fill ? 7u : 3u)) {
			size_t size = make_message(in, bytes);

			cr_assert_not(has(bytes, size));
			if (!add(bytes, size, in)) {
				refused++;
				continue;
			}
			cr_assert(has(bytes, size));
			in++;
		} else if (in > out) {
			expect_first(out);
			cr_assert(has(bytes, make_message(out, bytes)));
			msgring_drop_first(&ring);
			cr_assert_not(has(bytes, make_message(out, bytes)));
			out++;
		}
		cr_assert_eq(ring.count, in - out);
	}
	cr_expect_gt(refused, 100, "it was full at times");
	cr_expect_gt(out, 20000);
}

Test(msgring, so_many_messages_and_no_more)
{
	unsigned i = 0;

	while (i < 5000 && add(&i, sizeof(i), i))
		i++;
	cr_expect_eq(i, MSGRING_LENGTH);
	msgring_drop_first(&ring);
	cr_expect(add(&i, sizeof(i), i));
	i++;
	cr_expect_not(add(&i, sizeof(i), i));
}

Test(msgring, so_many_bytes_and_no_more)
{
	unsigned char bytes[LONG] = {0};
	unsigned i = 0;

	for (; i < 5000; i++) {
		memcpy(bytes, &i, sizeof(i));
		if (!add(bytes, sizeof(bytes), i))
			break;
	}
	cr_expect_eq(i, MSGRING_BYTES / LONG);
	for (unsigned j = 0; j < i; j++) {
		uint64_t since;

		memcpy(bytes, &j, sizeof(j));
		cr_assert_arr_eq(msgring_first(&ring, &since).bytes, bytes, sizeof(bytes));
		msgring_drop_first(&ring);
	}
}

Test(msgring, one_that_is_longer_than_the_ring_is_refused)
{
	unsigned char *bytes = calloc(1, MSGRING_BYTES + 1);

	cr_expect_not(add(bytes, MSGRING_BYTES + 1, 0));
	cr_expect(add(bytes, MSGRING_BYTES, 0));
	cr_expect_not(add("x", 1, 0));
	free(bytes);
}

Test(msgring, with_little_to_do_the_same_memory_is_used)
{
	uint64_t since;
	const void *place = NULL;

	for (unsigned i = 0; i < 100000; i++) {
		cr_assert(add(&i, sizeof(i), 0));
		if (i == 0)
			place = msgring_first(&ring, &since).bytes;
		cr_assert_eq(msgring_first(&ring, &since).bytes, place);
		msgring_drop_first(&ring);
	}
}

Test(msgring, equal_is_equal_in_every_byte_and_in_length)
{
	add("abcdefgh", 8, 0);
	cr_expect(has("abcdefgh", 8));
	cr_expect_not(has("abcdefgh", 7));
	cr_expect_not(has("abcdefgh", 9));
	cr_expect_not(has("abcdefgi", 8));
	cr_expect_not(has("bbcdefgh", 8));
}

Test(msgring, one_that_is_hidden_is_not_found_but_its_like_is)
{
	uint64_t since;

	add("abc", 3, 1);
	msgring_hide_first(&ring);
	cr_expect_not(has("abc", 3));
	cr_expect_arr_eq(msgring_first(&ring, &since).bytes, "abc", 3);
	add("abc", 3, 2);
	cr_expect(has("abc", 3));
	msgring_drop_first(&ring);
	cr_expect(has("abc", 3));
	msgring_first(&ring, &since);
	cr_expect_eq(since, 2);
	msgring_drop_first(&ring);
	cr_expect_not(has("abc", 3));
}

/* All in one bucket, and not even told apart by their hash. */
Test(msgring, hashes_that_collide_hide_nothing)
{
	struct msgring_message m[4] = {{"aaa", 3, 5}, {"bbb", 3, 5}, {"ccc", 3, 5}, {"cc", 2, 5}};

	for (unsigned i = 0; i < 3; i++)
		cr_assert(msgring_add(&ring, &m[i], i));
	for (unsigned gone = 0; gone <= 3; gone++) {
		for (unsigned i = 0; i < 4; i++)
			cr_expect_eq(msgring_has(&ring, &m[i]), i >= gone && i < 3, "%u %u", gone,
				     i);
		if (gone < 3)
			msgring_drop_first(&ring);
	}
}

Test(msgring, cut_drops_all)
{
	unsigned char bytes[LONG];

	for (unsigned i = 0; i < 100; i++)
		add(bytes, make_message(i, bytes), i);
	cr_expect_eq(msgring_cut(&ring, 0), 100);
	cr_expect_eq(ring.count, 0);
	cr_expect_not(has(bytes, make_message(50, bytes)));
	for (unsigned i = 0; i < 100; i++)
		cr_assert(add(bytes, make_message(i, bytes), i));
	expect_first(0);
}

Test(msgring, cut_keeps_a_hidden_first_one_whole)
{
	unsigned char bytes[LONG];

	for (unsigned i = 0; i < 100; i++)
		add(bytes, make_message(i, bytes), i);
	msgring_hide_first(&ring);
	cr_expect_eq(msgring_cut(&ring, 1), 99);
	for (unsigned i = 200; i < 5000 && add(bytes, make_message(i, bytes), i); i++)
		;
	expect_first(0);
	msgring_drop_first(&ring);
	expect_first(200);
}
