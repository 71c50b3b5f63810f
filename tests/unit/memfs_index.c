/*
 * memfs: the indexes beneath everything, sets of numbers and sparse arrays, against plain arrays.
 */
#include "memfs/bits.h"
#include "memfs/fs.h"
#include "memfs_fixture.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

TestSuite(memfs_index, .timeout = 60);

static uint64_t seed = 3;

static unsigned draw(unsigned below)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (unsigned)((seed >> 33) % below);
}

static void check_bits(const struct bits *bits, const char *model, unsigned count)
{
	unsigned from = draw(count);
	unsigned found = from;
	unsigned run = 0;

	while (found < count && !model[found])
		found++;
	cr_assert_eq(bits_find(bits, from), found < count ? found : BITS_NONE);
	while (from + run < count && run < 100 && model[from + run])
		run++;
	cr_assert_eq(bits_run(bits, from, 100), run);
	cr_assert_eq(bits_test(bits, from), model[from]);
}

static void play_bits(unsigned count)
{
	void *memory = calloc(1, bits_bytes(count));
	char *model = calloc(1, count);
	struct bits bits;

	bits_init(&bits, count, memory);
	cr_assert_eq(bits_find(&bits, 0), BITS_NONE);
	for (int i = 0; i < 3000; i++) {
		unsigned at = draw(count);
		unsigned size = draw(300) % (count - at + 1);
		int set = draw(3) == 0;

		memset(model + at, set, size);
		if (set)
			bits_set(&bits, at, size);
		else
			bits_clear(&bits, at, size);
		check_bits(&bits, model, count);
	}
	cr_expect_eq(bits_find(&bits, count), BITS_NONE);
	free(model);
	free(memory);
}

Test(memfs_index, set_of_numbers_agrees_with_an_array)
{
	static const unsigned counts[] = {1, 63, 64, 65, 4095, 4096, 4097, 300000};

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		play_bits(counts[i]);
}

#define SPAN 70000

Test(memfs_index, sparse_array_agrees_with_an_array)
{
	static uint32_t model[SPAN];
	struct radix radix = {0};
	struct radix_span span;
	struct fx fx;

	fx_start(&fx, NULL);
	for (int i = 0; i < 20000; i++) {
		uint64_t at = draw(2) ? draw(SPAN) : draw(200);
		uint64_t next;
		uint32_t value;

		if (draw(2)) {
			cr_assert_eq(radix_make(&fx.fs->slab, &radix, at, at, &span), 0);
			span.slots[at - span.first] = model[at] = (uint32_t)i + 1;
		} else if (model[at]) {
			span = radix_look(&fx.fs->slab, &radix, at);
			span.slots[at - span.first] = model[at] = 0;
			radix_prune(&fx.fs->slab, &radix, at);
		}
		next = at = draw(SPAN);
		value = radix_next(&fx.fs->slab, &radix, &next);
		while (at < SPAN && !model[at])
			at++;
		cr_assert_eq(value, at < SPAN ? model[at] : 0);
		cr_assert(!value || next == at);
		cr_assert_eq(radix_get(&fx.fs->slab, &radix, next), value);
	}
	radix_clear(&fx.fs->slab, &radix);
	fx_expect_empty(&fx);
	fx_stop(&fx);
}

Test(memfs_index, sparse_array_reaches_the_last_index)
{
	static const uint64_t indexes[] = {UINT64_MAX, INT64_MAX, 0, 64, UINT64_C(1) << 36};
	struct radix radix = {0};
	struct radix_span span;
	uint64_t next = 65;
	struct fx fx;

	fx_start(&fx, NULL);
	for (uint32_t i = 0; i < 5; i++) {
		cr_assert_eq(radix_make(&fx.fs->slab, &radix, indexes[i], indexes[i], &span), 0);
		span.slots[indexes[i] - span.first] = i + 1;
	}
	for (uint32_t i = 0; i < 5; i++)
		cr_expect_eq(radix_get(&fx.fs->slab, &radix, indexes[i]), i + 1);
	cr_expect_eq(radix_next(&fx.fs->slab, &radix, &next), 5);
	cr_expect_eq(next, UINT64_C(1) << 36);
	next = (uint64_t)INT64_MAX + 1;
	cr_expect_eq(radix_next(&fx.fs->slab, &radix, &next), 1);
	cr_expect_eq(next, UINT64_MAX);
	for (uint32_t i = 0; i < 5; i++) {
		span = radix_look(&fx.fs->slab, &radix, indexes[i]);
		span.slots[indexes[i] - span.first] = 0;
		radix_prune(&fx.fs->slab, &radix, indexes[i]);
	}
	fx_expect_empty(&fx);
	fx_stop(&fx);
}
