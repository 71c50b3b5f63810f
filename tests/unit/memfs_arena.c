/*
 * memfs: the mapping that all lives in, where the system grants it in the usual way and where not.
 */
#include "memfs/arena.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

TestSuite(memfs_arena, .timeout = 60);

#define SIZE (UINT64_C(1) << 30)

/* What is written stays, what is released has no memory and reads as zeros. */
static void expect_works(const struct arena *arena)
{
	char *last = arena->base + SIZE - PAGE_BYTES;
	unsigned char there[2];

	memset(last - PAGE_BYTES, 'x', 2 * PAGE_BYTES);
	arena_release(arena, last, PAGE_BYTES);
	cr_assert_eq(mincore(last - PAGE_BYTES, 2 * PAGE_BYTES, there), 0);
	cr_expect_eq(there[0] & 1, 1);
	cr_expect_eq(there[1] & 1, 0);
	cr_expect_eq(last[-1], 'x');
	cr_expect_eq(last[0], 0);
	arena_populate(arena, arena->base, 2 * PAGE_BYTES);
	cr_assert_eq(mincore(arena->base, 2 * PAGE_BYTES, there), 0);
	cr_expect_eq(there[0] & there[1] & 1, 1);
}

static void limit_to(int resource, rlim_t size, struct rlimit *before)
{
	struct rlimit limit;

	cr_assert_eq(getrlimit(resource, before), 0);
	limit = *before;
	limit.rlim_cur = size;
	cr_assert_eq(setrlimit(resource, &limit), 0);
}

Test(memfs_arena, is_memory_without_a_file)
{
	struct arena arena;

	cr_assert_eq(arena_open(&arena, SIZE), 0);
	cr_expect_eq(arena.fd, -1);
	expect_works(&arena);
	arena_close(&arena);
	cr_expect_null(arena.base);
	arena_close(&arena);
}

Test(memfs_arena, is_a_file_where_memory_counts_before_it_is_used)
{
	struct rlimit before;
	struct arena arena;
	int error;

	limit_to(RLIMIT_DATA, 1 << 20, &before);
	error = arena_open(&arena, SIZE);
	setrlimit(RLIMIT_DATA, &before);
	cr_assert_eq(error, 0);
	cr_expect_geq(arena.fd, 0);
	expect_works(&arena);
	arena_close(&arena);
}

Test(memfs_arena, is_refused_where_neither_is_to_be_had)
{
	struct rlimit before;
	struct arena arena;
	int error;

	limit_to(RLIMIT_AS, 1 << 20, &before);
	error = arena_open(&arena, SIZE);
	setrlimit(RLIMIT_AS, &before);
	cr_expect_eq(error, -ENOMEM);
	cr_expect_null(arena.base);
	arena_close(&arena);
}
