/*
 * Counters: counted, summed, printed.
 */
#include <criterion/criterion.h>
#include <string.h>

#include <linux/fuse.h>

#include "daemon/stats.h"

static unsigned row(uint32_t opcode)
{
	return proto_opcode_index(proto_opcode_find(opcode));
}

Test(stats, sums_of_workers)
{
	struct stats one = {0}, two = {0}, sum = {0};

	stats_count(&one.requests[row(FUSE_LOOKUP)]);
	stats_count(&one.requests[row(FUSE_LOOKUP)]);
	stats_count(&two.requests[row(FUSE_LOOKUP)]);
	stats_count(&two.requests[proto_opcode_count - 1]);
	stats_count(&two.errors[row(FUSE_LOOKUP)]);
	stats_count(&one.malformed);
	stats_count(&two.refused);
	stats_add(&sum, &one);
	stats_add(&sum, &two);
	cr_expect_eq(sum.requests[row(FUSE_LOOKUP)], 3);
	cr_expect_eq(sum.requests[proto_opcode_count - 1], 1, "the last row too");
	cr_expect_eq(sum.errors[row(FUSE_LOOKUP)], 1);
	cr_expect_eq(sum.malformed, 1);
	cr_expect_eq(sum.refused, 1);
}

Test(stats, prints_what_came_and_what_failed)
{
	struct stats stats = {0};
	char line[128];
	size_t size;

	cr_expect_eq(stats_format(&stats, line, sizeof(line)), 0);
	cr_expect_str_eq(line, "");
	stats.requests[row(FUSE_LOOKUP)] = 12;
	stats.requests[row(FUSE_GETATTR)] = 3;
	stats.errors[row(FUSE_GETATTR)] = 1;
	size = stats_format(&stats, line, sizeof(line));
	cr_expect_str_eq(line, "LOOKUP=12 GETATTR=3/1");
	cr_expect_eq(size, strlen(line));
}

Test(stats, cuts_and_says_the_whole_length)
{
	struct stats stats = {0};
	char whole[4096], line[4096];
	size_t size;

	for (unsigned i = 0; i < proto_opcode_count; i++)
		stats.requests[i] = stats.errors[i] = UINT64_MAX;
	size = stats_format(&stats, whole, sizeof(whole));
	cr_assert_lt(size, sizeof(whole));
	for (size_t cap = 1; cap <= size + 1; cap += 7) {
		memset(line, '#', sizeof(line));
		cr_assert_eq(stats_format(&stats, line, cap), size, "cap %zu", cap);
		cr_assert_eq(strlen(line), cap - 1 < size ? cap - 1 : size);
		cr_assert_eq(strncmp(line, whole, cap - 1), 0);
		cr_assert_eq(line[cap], '#', "nothing behind its end");
	}
}
