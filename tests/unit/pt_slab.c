/*
 * passthrough: records by index, and the address space beneath them.
 */
#include "passthrough/slab.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#define RECORD 96u

static struct pt_slab slab;

static void start(void)
{
	cr_assert_eq(pt_slab_open(&slab, RECORD, 1u << 20), 0);
}

static void stop(void)
{
	pt_slab_close(&slab);
}

TestSuite(pt_slab, .init = start, .fini = stop, .timeout = 60);

/* KiB that the process has in memory. */
static long resident(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	cr_assert_not_null(f);
	cr_assert_eq(fscanf(f, "%*d %ld", &pages), 1);
	fclose(f);
	return pages * 4;
}

static void fill(uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		uint32_t index = pt_slab_take(&slab);

		cr_assert_eq(index, i);
		memset(pt_slab_at(&slab, index), 0xee, RECORD);
	}
}

static bool is_zero(uint32_t index)
{
	const unsigned char *bytes = pt_slab_at(&slab, index);

	for (size_t i = 0; i < RECORD; i++)
		if (bytes[i])
			return false;
	return true;
}

Test(pt_slab, indexes_begin_at_zero_and_follow_each_other)
{
	fill(5000);
	cr_assert_eq(slab.count, 5000);
	cr_assert_eq(slab.used, 5000);
}

Test(pt_slab, a_record_is_zero_when_it_is_taken_again)
{
	fill(1000);
	pt_slab_give(&slab, 700);
	cr_assert(is_zero(700));
	cr_assert_eq(pt_slab_take(&slab), 700);
	cr_assert(is_zero(700));
}

Test(pt_slab, the_lowest_free_one_is_taken_first)
{
	fill(3000);
	pt_slab_give(&slab, 2900);
	pt_slab_give(&slab, 17);
	pt_slab_give(&slab, 1030);
	cr_assert_eq(pt_slab_take(&slab), 17);
	cr_assert_eq(pt_slab_take(&slab), 1030);
	cr_assert_eq(pt_slab_take(&slab), 2900);
	cr_assert_eq(pt_slab_take(&slab), 3000);
}

Test(pt_slab, what_is_in_use_is_told_for_any_index)
{
	fill(600);
	pt_slab_give(&slab, 599);
	pt_slab_give(&slab, 3);
	cr_assert(pt_slab_in_use(&slab, 0));
	cr_assert(pt_slab_in_use(&slab, 598));
	cr_assert_not(pt_slab_in_use(&slab, 3));
	cr_assert_not(pt_slab_in_use(&slab, 599));
	cr_assert_not(pt_slab_in_use(&slab, 600));
	cr_assert_not(pt_slab_in_use(&slab, slab.capacity));
	cr_assert_not(pt_slab_in_use(&slab, PT_SLAB_NONE));
}

Test(pt_slab, records_do_not_move_and_keep_what_they_hold)
{
	uint32_t *first = pt_slab_at(&slab, pt_slab_take(&slab));

	*first = 12345;
	for (uint32_t i = 1; i < 200000; i++)
		*(uint32_t *)pt_slab_at(&slab, pt_slab_take(&slab)) = i;
	cr_assert_eq(pt_slab_at(&slab, 0), first);
	cr_assert_eq(*first, 12345);
	for (uint32_t i = 1; i < 200000; i++)
		cr_assert_eq(*(uint32_t *)pt_slab_at(&slab, i), i);
}

Test(pt_slab, memory_goes_back_in_whatever_order_records_are_given)
{
	const uint32_t count = 200000; /* 19 MB */
	long before = resident();
	long full;

	for (unsigned step = 1; step <= 7; step += 6) {
		fill(count);
		full = resident();
		cr_assert_gt(full - before, 15000);
		for (uint32_t i = 0; i < count; i++)
			pt_slab_give(&slab, (uint32_t)((uint64_t)i * step % count));
		cr_assert_eq(slab.count, 0);
		cr_assert_lt(resident() - before, 1500, "%ld KiB of %ld are left",
			     resident() - before, full - before);
	}
}

Test(pt_slab, it_ends_at_its_capacity)
{
	struct pt_slab small;

	cr_assert_eq(pt_slab_open(&small, 8, 1000), 0);
	cr_assert_eq(small.capacity, 1024);
	for (uint32_t i = 0; i < 1024; i++)
		cr_assert_eq(pt_slab_take(&small), i);
	cr_assert_eq(pt_slab_take(&small), PT_SLAB_NONE);
	pt_slab_give(&small, 1023);
	cr_assert_eq(pt_slab_take(&small), 1023);
	cr_assert_eq(pt_slab_take(&small), PT_SLAB_NONE);
	pt_slab_close(&small);
}

Test(pt_slab, limited_address_space_makes_it_smaller_and_leaves_room_for_others)
{
	const struct rlimit limit = {.rlim_cur = 1u << 30, .rlim_max = 1u << 30};
	struct pt_slab large;
	void *other;

#if defined(__SANITIZE_ADDRESS__)
	return; /* its shadow alone is larger */
#endif
	cr_assert_eq(setrlimit(RLIMIT_AS, &limit), 0);
	cr_assert_eq(pt_slab_open(&large, RECORD, UINT32_C(1) << 28), 0);
	cr_assert_gt(large.capacity, 1u << 19);
	cr_assert_eq(pt_slab_take(&large), 0);
	other = mmap(NULL, (size_t)256 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(other, MAP_FAILED);
	munmap(other, (size_t)256 << 20);
	pt_slab_close(&large);
}

/* Against a plain array, for a while. */
Test(pt_slab, random_use_agrees_with_a_plain_array)
{
	enum { MOST = 20000 };
	char *model = calloc(1, MOST);
	uint64_t seed = 5;
	uint32_t low = 0;

	for (unsigned i = 0; i < 400000; i++) {
		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
		uint32_t pick = (uint32_t)((seed >> 33) % MOST);

		if (model[pick]) {
			pt_slab_give(&slab, pick);
			model[pick] = 0;
			low = pick < low ? pick : low;
		} else if (slab.count < MOST) {
			while (model[low])
				low++;
			cr_assert_eq(pt_slab_take(&slab), low);
			model[low] = 1;
		}
	}
	for (uint32_t i = 0; i < MOST; i++)
		cr_assert_eq(pt_slab_in_use(&slab, i), model[i]);
	free(model);
}
