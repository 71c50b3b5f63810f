/*
 * passthrough: the hash of nodes, which grows and shrinks by a bucket at a time.
 */
#include "passthrough/node_index.h"
#include "passthrough/node.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct pt_slab slab;
static struct pt_node_index table;

static void start(void)
{
	cr_assert_eq(pt_slab_open(&slab, sizeof(struct pt_node), 1u << 20), 0);
	cr_assert_eq(pt_node_index_open(&table, &slab), 0);
}

static void stop(void)
{
	pt_node_index_close(&table);
	pt_slab_close(&slab);
}

TestSuite(pt_node_index, .init = start, .fini = stop, .timeout = 60);

static struct pt_node *add(uint32_t mount, uint64_t ino)
{
	uint32_t index = pt_slab_take(&slab);
	struct pt_node *node = pt_slab_at(&slab, index);

	node->index = index;
	node->mount = (uint16_t)mount;
	node->ino = ino;
	pt_node_index_add(&table, node);
	return node;
}

static void take_out(uint32_t mount, uint64_t ino)
{
	struct pt_node *node = pt_node_index_find(&table, mount, ino);

	cr_assert_not_null(node);
	pt_node_index_remove(&table, node);
	pt_slab_give(&slab, node->index);
}

static void expect_span(void)
{
	cr_assert_geq(table.buckets, table.span / 2);
	cr_assert_lt(table.buckets, table.span);
}

static unsigned longest_chain(void)
{
	const uint32_t *buckets = (const uint32_t *)(const void *)table.room.base;
	unsigned longest = 0;

	for (uint32_t i = 0; i < table.buckets; i++) {
		unsigned length = 0;

		for (uint32_t link = buckets[i]; link; length++)
			link = ((struct pt_node *)pt_slab_at(&slab, link - 1))->hash_next;
		longest = length > longest ? length : longest;
	}
	return longest;
}

Test(pt_node_index, numbers_of_several_mounts_are_told_apart)
{
	struct pt_node *a = add(0, 7);
	struct pt_node *b = add(1, 7);

	cr_assert_eq(pt_node_index_find(&table, 0, 7), a);
	cr_assert_eq(pt_node_index_find(&table, 1, 7), b);
	cr_assert_null(pt_node_index_find(&table, 2, 7));
	cr_assert_null(pt_node_index_find(&table, 0, 8));
	take_out(0, 7);
	cr_assert_null(pt_node_index_find(&table, 0, 7));
	cr_assert_eq(pt_node_index_find(&table, 1, 7), b);
	/* More than there are buckets at the beginning. */
	for (uint32_t mount = 2; mount < 4000; mount++) {
		cr_assert_null(pt_node_index_find(&table, mount, 7));
		add(mount, 7);
	}
}

Test(pt_node_index, all_are_found_while_it_grows_and_shrinks)
{
	const uint64_t count = 50000;

	for (uint64_t i = 0; i < count; i++) {
		add(0, i * 64);
		expect_span();
	}
	cr_assert_eq(table.buckets, count);
	for (uint64_t i = 0; i < count; i++)
		cr_assert_not_null(pt_node_index_find(&table, 0, i * 64));
	for (uint64_t i = 0; i < count; i++) {
		take_out(0, i * 64);
		expect_span();
		if (i % 97 == 0)
			for (uint64_t j = i + 1; j < count; j += 503)
				cr_assert_not_null(pt_node_index_find(&table, 0, j * 64));
		cr_assert_null(pt_node_index_find(&table, 0, i * 64));
	}
	cr_assert_eq(table.count, 0);
	cr_assert_eq(table.buckets, 1024);
}

Test(pt_node_index, chains_stay_short_for_numbers_as_file_systems_give_them)
{
	static const uint64_t steps[] = {1, 8, 32, 128, 4096, UINT64_C(1) << 32};

	for (size_t s = 0; s < sizeof(steps) / sizeof(steps[0]); s++) {
		for (uint64_t i = 0; i < 30000; i++)
			add((uint32_t)s, i * steps[s]);
		cr_expect_leq(longest_chain(), 14, "steps of %#lx: %u", (long)steps[s],
			      longest_chain());
		for (uint64_t i = 0; i < 30000; i++)
			take_out((uint32_t)s, i * steps[s]);
	}
}
