/*
 * The watch of passthrough: what is told once, which directory a watch is of, and what is known of
 * handles.
 */
#include "passthrough/watch_batch.h"
#include "passthrough/watch_cache.h"
#include "passthrough/watch_map.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(pt_watch, .timeout = 60);

/* ---- batch ---- */

static struct pt_batch *new_batch(void)
{
	struct pt_batch *b = calloc(1, sizeof *b);

	cr_assert_not_null(b);
	return b;
}

Test(pt_watch, what_is_told_of_a_node_adds_up)
{
	struct pt_batch *b = new_batch();

	cr_assert(pt_batch_add(b, 5, NULL, PT_TELL_ATTR));
	cr_assert(pt_batch_add(b, 6, NULL, PT_TELL_ATTR));
	cr_assert(pt_batch_add(b, 5, NULL, PT_TELL_DATA));
	cr_assert_eq(b->count, 2);
	cr_assert_eq(b->entries[0].nodeid, 5);
	cr_assert_eq(b->entries[0].what, PT_TELL_ATTR | PT_TELL_DATA);
	cr_assert_null(pt_batch_name(b, &b->entries[0]));
	free(b);
}

Test(pt_watch, of_a_name_the_last_thing_is_told)
{
	struct pt_batch *b = new_batch();

	cr_assert(pt_batch_add(b, 5, "a", PT_TELL_GONE));
	cr_assert(pt_batch_add(b, 5, "a", PT_TELL_CHANGED));
	cr_assert(pt_batch_add(b, 5, "b", PT_TELL_CHANGED));
	cr_assert(pt_batch_add(b, 5, "b", PT_TELL_GONE));
	cr_assert_eq(b->count, 2);
	cr_assert_eq(b->entries[0].what, PT_TELL_CHANGED);
	cr_assert_eq(b->entries[1].what, PT_TELL_GONE);
	cr_assert_str_eq(pt_batch_name(b, &b->entries[1]), "b");
	free(b);
}

Test(pt_watch, a_directory_its_names_and_those_of_others_are_different_things)
{
	struct pt_batch *b = new_batch();

	cr_assert(pt_batch_add(b, 5, "a", PT_TELL_CHANGED));
	cr_assert(pt_batch_add(b, 6, "a", PT_TELL_CHANGED));
	cr_assert(pt_batch_add(b, 5, NULL, PT_TELL_ATTR));
	cr_assert(pt_batch_add(b, 5, "aa", PT_TELL_CHANGED));
	cr_assert_eq(b->count, 4);
	free(b);
}

Test(pt_watch, an_inode_number_is_no_nodeid_nor_that_of_another_mount)
{
	struct pt_batch *b = new_batch();

	cr_assert(pt_batch_add(b, 5, NULL, PT_TELL_ATTR));
	cr_assert(pt_batch_add_inode(b, 0, 5, PT_TELL_ATTR));
	cr_assert(pt_batch_add_inode(b, 1, 5, PT_TELL_ATTR));
	cr_assert(pt_batch_add_inode(b, 1, 5, PT_TELL_ATTR));
	cr_assert_eq(b->count, 3);
	cr_assert_eq(b->entries[0].place, 0);
	cr_assert_eq(b->entries[1].place, 1);
	cr_assert_eq(b->entries[2].place, 2);
	free(b);
}

Test(pt_watch, a_full_batch_takes_more_when_it_was_cleared)
{
	struct pt_batch *b = new_batch();
	char name[256];

	for (int round = 0; round < 3; round++) {
		unsigned n = 0;

		for (; snprintf(name, sizeof name, "%u", n), pt_batch_add(b, 1, name, 1); n++)
			;
		cr_assert_eq(n, PT_BATCH_MAX);
		cr_assert(pt_batch_add(b, 1, "0", 2), "what is in it needs no room");
		pt_batch_clear(b);
		cr_assert_eq(b->count, 0);
	}
	memset(name, 'x', 255);
	name[255] = '\0';
	for (unsigned n = 0; n < PT_BATCH_NAMES / 256; n++) {
		name[0] = (char)('a' + n % 26);
		name[1] = (char)('a' + n / 26);
		cr_assert_eq(pt_batch_add(b, 1, name, 1), n < PT_BATCH_NAMES / 256 - 1, "%u", n);
	}
	for (unsigned n = 0; n < b->count; n++)
		cr_assert_eq(strlen(pt_batch_name(b, &b->entries[n])), 255);
	free(b);
}

/* ---- map ---- */

Test(pt_watch, a_watch_may_be_of_several_directories)
{
	struct pt_watch_map m = {.cap = 0};

	cr_assert_eq(pt_watch_map_find(&m, 1, 0), 0);
	cr_assert_eq(pt_watch_map_remove(&m, 10), -1);
	cr_assert(pt_watch_map_add(&m, 1, 10));
	cr_assert(pt_watch_map_add(&m, 1, 11));
	cr_assert(pt_watch_map_add(&m, 1, 10));
	cr_assert(pt_watch_map_add(&m, 2, 12));
	cr_assert_eq(m.count, 3);
	cr_assert_eq(pt_watch_map_find(&m, 1, 0) + pt_watch_map_find(&m, 1, 1), 21);
	cr_assert_eq(pt_watch_map_find(&m, 1, 2), 0);
	cr_assert_eq(pt_watch_map_remove(&m, 10), 1);
	cr_assert_eq(pt_watch_map_find(&m, 1, 0), 11);
	cr_assert_eq(pt_watch_map_remove(&m, 10), -1);
	cr_assert_eq(pt_watch_map_remove(&m, 11), 1);
	cr_assert_eq(pt_watch_map_find(&m, 1, 0), 0);
	cr_assert_eq(pt_watch_map_remove(&m, 12), 2);
	cr_assert_eq(m.cap, 0, "memory is kept for nothing");
}

Test(pt_watch, many_directories_are_found_again)
{
	enum { DIRS = 5000 };
	struct pt_watch_map m = {.cap = 0};

	for (unsigned i = 1; i <= DIRS; i++)
		cr_assert(pt_watch_map_add(&m, (int)i, i + 100000));
	for (unsigned i = 1; i <= DIRS; i += 2)
		cr_assert_eq(pt_watch_map_remove(&m, i + 100000), (int)i);
	for (unsigned i = 1; i <= DIRS; i += 2)
		cr_assert(pt_watch_map_add(&m, (int)(i + DIRS), i + 100000));
	for (unsigned i = 1; i <= DIRS; i++) {
		int wd = (int)(i % 2 ? i + DIRS : i);

		cr_assert_eq(pt_watch_map_find(&m, wd, 0), i + 100000);
		cr_assert_eq(pt_watch_map_find(&m, wd, 1), 0);
	}
	cr_assert_eq(m.count, DIRS);
	pt_watch_map_free(&m);
}

/* ---- cache ---- */

static struct pt_handle handle_of(const char *bytes, uint8_t type)
{
	struct pt_handle h = {.size = (uint8_t)strlen(bytes), .type = type};

	memcpy(h.bytes, bytes, h.size);
	return h;
}

Test(pt_watch, a_handle_is_known_by_all_that_it_is)
{
	struct pt_watch_cache *c = calloc(1, sizeof *c);
	struct pt_handle a = handle_of("12345678", 1), other_type = handle_of("12345678", 2);
	struct pt_handle shorter = handle_of("1234567", 1);
	uint64_t ino = 0;

	cr_assert_not(pt_watch_cache_get(c, 9, &a, &ino));
	pt_watch_cache_put(c, 9, &a, 77);
	cr_assert(pt_watch_cache_get(c, 9, &a, &ino));
	cr_assert_eq(ino, 77);
	cr_assert_not(pt_watch_cache_get(c, 8, &a, &ino));
	cr_assert_not(pt_watch_cache_get(c, 9, &other_type, &ino));
	cr_assert_not(pt_watch_cache_get(c, 9, &shorter, &ino));
	free(c);
}

Test(pt_watch, a_long_handle_is_not_kept)
{
	struct pt_watch_cache *c = calloc(1, sizeof *c);
	struct pt_handle longest = {.size = PT_HANDLE_MAX, .type = 1};
	uint64_t ino = 0;

	pt_watch_cache_put(c, 1, &longest, 5);
	cr_assert_not(pt_watch_cache_get(c, 1, &longest, &ino));
	free(c);
}

Test(pt_watch, many_handles_never_answer_for_another)
{
	struct pt_watch_cache *c = calloc(1, sizeof *c);
	unsigned known = 0;
	char text[16];
	uint64_t ino;

	for (unsigned i = 0; i < 20000; i++) {
		struct pt_handle h;

		snprintf(text, sizeof text, "%u", i);
		h = handle_of(text, 1);
		pt_watch_cache_put(c, 1, &h, i);
		snprintf(text, sizeof text, "%u", i / 2);
		h = handle_of(text, 1);
		if (pt_watch_cache_get(c, 1, &h, &ino)) {
			cr_assert_eq(ino, i / 2);
			known++;
		}
	}
	cr_assert_gt(known, 0);
	free(c);
}
