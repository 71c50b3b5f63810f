/*
 * memfs: files small enough to be kept in less than a page: they behave as if they had the page,
 * and all ways from the one form to the other keep what was written.
 */
#include "memfs_fixture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <linux/falloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEEP  FALLOC_FL_KEEP_SIZE
#define PUNCH (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)
#define ZERO  FALLOC_FL_ZERO_RANGE

#define PAGE   4096u
#define BORDER 2048u /* more than that is a page */

static struct fx fx;
static uint64_t file;

static void restart(const char *options)
{
	fx_start(&fx, options);
	file = (uint64_t)fx_file(&fx, ROOT, "file");
}

static void start(void)
{
	restart("size=1m");
}

static void stop(void)
{
	cr_expect_eq(fx_unlink(&fx, ROOT, "file"), 0);
	fx_expect_empty(&fx);
	fx_stop(&fx);
}

TestSuite(memfs_small, .init = start, .fini = stop, .timeout = 120);

static char pattern(uint64_t at)
{
	return (char)(1 + at % 251);
}

static void put(uint64_t nodeid, uint64_t at, size_t size)
{
	char bytes[3 * PAGE];

	for (size_t i = 0; i < size; i++)
		bytes[i] = pattern(at + i);
	cr_assert_eq(fx_write(&fx, nodeid, at, bytes, size), (ssize_t)size);
}

/* The file has `size` bytes: the pattern from `from` up to `to`, and zeros. */
static void expect_content(uint64_t nodeid, uint64_t size, uint64_t from, uint64_t to)
{
	char bytes[4 * PAGE];

	cr_assert_eq(fx_stat(&fx, nodeid).size, size);
	memset(bytes, 'j', sizeof(bytes));
	cr_assert_eq(fx_read(&fx, nodeid, 0, bytes, sizeof(bytes)), (ssize_t)size);
	for (uint64_t i = 0; i < size; i++)
		cr_assert_eq(bytes[i], i >= from && i < to ? pattern(i) : 0, "byte %d", (int)i);
}

/* Pages of the arena that file data has. */
static uint64_t pages_used(void)
{
	return fx_pages_used(&fx.fs->data);
}

static uint64_t blocks(uint64_t nodeid)
{
	return fx_stat(&fx, nodeid).blocks;
}

/* Objects and pages that come next hold junk, so that what is not zeroed shows. */
static void leave_junk(void)
{
	char junk[2 * PAGE];
	uint64_t nodeid = (uint64_t)fx_file(&fx, ROOT, "junk");

	memset(junk, 'J', sizeof(junk));
	fx_write(&fx, nodeid, 0, junk, sizeof(junk));
	for (size_t size = 1; size <= BORDER; size *= 2) {
		cr_assert_eq(fx_truncate(&fx, nodeid, 0), 0);
		cr_assert_eq(fx_write(&fx, nodeid, 0, junk, size), (ssize_t)size);
	}
	cr_assert_eq(fx_unlink(&fx, ROOT, "junk"), 0);
}

Test(memfs_small, takes_no_page_but_counts_as_one)
{
	uint64_t free_before = fx_statfs(&fx).bfree;

	for (size_t size = 1; size <= BORDER; size += 89) {
		cr_assert_eq(fx_truncate(&fx, file, 0), 0);
		put(file, 0, size);
		cr_assert_eq(pages_used(), 0);
		cr_assert_eq(blocks(file), 8);
		cr_assert_eq(fx_statfs(&fx).bfree, free_before - 1);
		expect_content(file, size, 0, size);
	}
	cr_expect_eq(fx_truncate(&fx, file, 0), 0);
	cr_expect_eq(blocks(file), 0);
	cr_expect_eq(fx_statfs(&fx).bfree, free_before);
}

Test(memfs_small, becomes_a_page_one_byte_behind_the_border)
{
	put(file, 0, BORDER);
	cr_expect_eq(pages_used(), 0);
	put(file, BORDER, 1);
	cr_expect_eq(pages_used(), 1);
	cr_expect_eq(blocks(file), 8);
	expect_content(file, BORDER + 1, 0, BORDER + 1);
}

Test(memfs_small, grows_byte_by_byte)
{
	leave_junk();
	for (uint64_t at = 0; at < BORDER + 200; at++) {
		put(file, at, 1);
		if (at % 61 == 0)
			expect_content(file, at + 1, 0, at + 1);
	}
	expect_content(file, BORDER + 200, 0, BORDER + 200);
	cr_expect_eq(blocks(file), 8);
}

Test(memfs_small, gap_in_front_of_a_write_is_zeros)
{
	leave_junk();
	put(file, 700, 10);
	expect_content(file, 710, 700, 710);
	put(file, 1990, 10);
	cr_expect_eq(fx_truncate(&fx, file, 1990), 0);
	expect_content(file, 1990, 700, 710);
	cr_expect_eq(pages_used(), 0);
}

Test(memfs_small, write_in_a_later_page_keeps_the_first)
{
	leave_junk();
	put(file, 0, 100);
	put(file, 2 * PAGE, 100);
	cr_expect_eq(pages_used(), 2);
	cr_expect_eq(blocks(file), 16);
	cr_expect_eq(fx_seek(&fx, file, 0, SEEK_HOLE), PAGE);
	cr_expect_eq(fx_seek(&fx, file, PAGE, SEEK_DATA), 2 * PAGE);
	cr_expect_eq(fx_truncate(&fx, file, PAGE), 0);
	expect_content(file, PAGE, 0, 100);
}

Test(memfs_small, write_across_everything_replaces_it)
{
	put(file, 50, 100);
	put(file, 0, 2 * PAGE + 5);
	expect_content(file, 2 * PAGE + 5, 0, 2 * PAGE + 5);
	cr_expect_eq(blocks(file), 24);
}

Test(memfs_small, what_was_cut_off_never_comes_back)
{
	put(file, 0, 1000);
	cr_expect_eq(fx_truncate(&fx, file, 300), 0);
	cr_expect_eq(fx_truncate(&fx, file, 3 * PAGE), 0);
	expect_content(file, 3 * PAGE, 0, 300);
	cr_expect_eq(blocks(file), 8);
	cr_expect_eq(pages_used(), 0);
	/* the cut of the last page is behind the object */
	cr_expect_eq(fx_truncate(&fx, file, PAGE - 1), 0);
	expect_content(file, PAGE - 1, 0, 300);
	cr_expect_eq(fx_truncate(&fx, file, 0), 0);
	cr_expect_eq(fx_truncate(&fx, file, 1000), 0);
	expect_content(file, 1000, 0, 0);
	cr_expect_eq(blocks(file), 0);
}

Test(memfs_small, shrinks_and_grows_across_the_border)
{
	leave_junk();
	put(file, 0, 3 * PAGE);
	cr_expect_eq(fx_truncate(&fx, file, 100), 0);
	expect_content(file, 100, 0, 100);
	put(file, 100, 1500);
	expect_content(file, 1600, 0, 1600);
	cr_expect_eq(fx_truncate(&fx, file, 0), 0);
	cr_expect_eq(pages_used(), 0);
	put(file, 0, 1600);
	cr_expect_eq(pages_used(), 0);
	put(file, 1600, 2 * PAGE);
	expect_content(file, 1600 + 2 * PAGE, 0, 1600 + 2 * PAGE);
}

Test(memfs_small, holes_behind_it_are_holes_and_its_page_is_data)
{
	char bytes[PAGE];

	put(file, 0, 100);
	cr_expect_eq(fx_truncate(&fx, file, 5 * PAGE), 0);
	cr_expect_eq(fx_seek(&fx, file, 0, SEEK_DATA), 0);
	cr_expect_eq(fx_seek(&fx, file, 4000, SEEK_DATA), 4000);
	cr_expect_eq(fx_seek(&fx, file, 0, SEEK_HOLE), PAGE);
	cr_expect_eq(fx_seek(&fx, file, 4000, SEEK_HOLE), PAGE);
	cr_expect_eq(fx_seek(&fx, file, PAGE, SEEK_DATA), -ENXIO);
	cr_expect_eq(fx_seek(&fx, file, PAGE + 5, SEEK_HOLE), PAGE + 5);
	/* its zeros behind the object are no hole that was read; the next page is */
	fx_read(&fx, file, 0, bytes, PAGE);
	cr_expect_eq(fx_seek(&fx, file, 0, SEEK_HOLE), PAGE);
	fx_read(&fx, file, PAGE, bytes, 1);
	cr_expect_eq(fx_seek(&fx, file, 0, SEEK_HOLE), 2 * PAGE);
	cr_expect_eq(fx_truncate(&fx, file, 100), 0);
	cr_expect_eq(fx_seek(&fx, file, 0, SEEK_HOLE), 100);
	cr_expect_eq(fx_seek(&fx, file, 100, SEEK_DATA), -ENXIO);
}

Test(memfs_small, punch_frees_it_only_when_all_of_the_page_goes)
{
	put(file, 0, 1000);
	cr_expect_eq(fx_fallocate(&fx, file, 0, 500, PUNCH), 0);
	expect_content(file, 1000, 500, 1000);
	cr_expect_eq(fx_fallocate(&fx, file, 900, 3000, PUNCH), 0);
	expect_content(file, 1000, 500, 900);
	cr_expect_eq(fx_fallocate(&fx, file, 3000, 2 * PAGE, PUNCH), 0);
	expect_content(file, 1000, 500, 900);
	cr_expect_eq(blocks(file), 8);
	cr_expect_eq(fx_fallocate(&fx, file, 0, PAGE, PUNCH), 0);
	expect_content(file, 1000, 0, 0);
	cr_expect_eq(blocks(file), 0);
	put(file, 10, 20);
	expect_content(file, 1000, 10, 30);
	cr_expect_eq(pages_used(), 0);
}

Test(memfs_small, fallocate_keeps_what_it_has)
{
	leave_junk();
	put(file, 0, 100);
	cr_expect_eq(fx_fallocate(&fx, file, 50, 20, 0), 0);
	expect_content(file, 100, 0, 100);
	cr_expect_eq(blocks(file), 8);
	cr_expect_eq(fx_seek(&fx, file, 0, SEEK_DATA), 0);
	cr_expect_eq(fx_truncate(&fx, file, 0), 0);
	put(file, 0, 100);
	cr_expect_eq(fx_fallocate(&fx, file, 0, 3 * PAGE, KEEP), 0);
	expect_content(file, 100, 0, 100);
	cr_expect_eq(blocks(file), 24);
	cr_expect_eq(fx_truncate(&fx, file, 0), 0);
	put(file, 0, 100);
	cr_expect_eq(fx_fallocate(&fx, file, PAGE, PAGE, 0), 0);
	cr_expect_eq(fx_seek(&fx, file, 0, SEEK_HOLE), PAGE);
	cr_expect_eq(fx_seek(&fx, file, PAGE, SEEK_DATA), -ENXIO);
	expect_content(file, 2 * PAGE, 0, 100);
}

Test(memfs_small, zero_range_zeros_a_part_or_all)
{
	leave_junk();
	put(file, 0, 1000);
	cr_expect_eq(fx_fallocate(&fx, file, 200, PAGE, ZERO | KEEP), 0);
	expect_content(file, 1000, 0, 200);
	cr_expect_eq(blocks(file), 16);
	cr_expect_eq(fx_seek(&fx, file, 0, SEEK_DATA), 0);
	cr_expect_eq(fx_truncate(&fx, file, 0), 0);
	put(file, 0, 1000);
	cr_expect_eq(fx_fallocate(&fx, file, 0, PAGE, ZERO), 0);
	expect_content(file, PAGE, 0, 0);
	cr_expect_eq(blocks(file), 8);
}

static void copy(uint64_t from, uint64_t at, uint64_t to, uint64_t into, uint64_t size)
{
	uint64_t copied = 0;

	cr_assert_eq(fx.ops->copy_file_range(&fx.ctx, from, 0, at, to, 0, into, size, 0, &copied),
		     0);
	cr_assert_eq(copied, size);
}

Test(memfs_small, copies_between_small_and_large_files)
{
	uint64_t other = (uint64_t)fx_file(&fx, ROOT, "other");

	leave_junk();
	put(file, 0, 1500);
	copy(file, 0, other, 0, 1500);
	expect_content(other, 1500, 0, 1500);
	cr_expect_eq(pages_used(), 0);
	/* the source has a hole behind its page */
	cr_expect_eq(fx_truncate(&fx, file, 2 * PAGE), 0);
	copy(file, 0, other, 0, 2 * PAGE);
	expect_content(other, 2 * PAGE, 0, 1500);
	cr_expect_eq(blocks(other), 16);
	/* from a large one into a small one */
	put(other, 0, 2 * PAGE);
	cr_expect_eq(fx_truncate(&fx, file, 0), 0);
	put(file, 0, 10);
	copy(other, 10, file, 10, 2 * PAGE - 10);
	expect_content(file, 2 * PAGE, 0, 2 * PAGE);
	cr_expect_eq(fx_unlink(&fx, ROOT, "other"), 0);
}

Test(memfs_small, copies_within_one_file_while_that_grows)
{
	char bytes[251];

	/* the pattern repeats after 251 bytes: the copies continue it */
	put(file, 0, sizeof(bytes));
	for (uint64_t at = sizeof(bytes); at < 3 * PAGE; at += sizeof(bytes)) {
		copy(file, at - sizeof(bytes), file, at, sizeof(bytes));
		expect_content(file, at + sizeof(bytes), 0, at + sizeof(bytes));
	}
}

Test(memfs_small, full_means_enospc_and_the_old_content_stays)
{
	uint64_t other;

	stop();
	restart("size=8k");
	other = (uint64_t)fx_file(&fx, ROOT, "other");
	put(file, 0, 100);
	put(other, 0, PAGE);
	cr_expect_eq(fx_statfs(&fx).bfree, 0);
	cr_expect_eq(fx_write(&fx, file, PAGE, "x", 1), -ENOSPC);
	expect_content(file, 100, 0, 100);
	cr_expect_eq(fx_fallocate(&fx, file, 0, 2 * PAGE, 0), -ENOSPC);
	expect_content(file, 100, 0, 100);
	cr_expect_eq(blocks(file), 8);
	/* the page that it counts as is enough for all that the page can take */
	put(file, 100, PAGE - 100);
	expect_content(file, PAGE, 0, PAGE);
	cr_expect_eq(fx_truncate(&fx, file, 0), 0);
	put(file, 0, 100);
	cr_expect_eq(fx_fallocate(&fx, file, 0, PAGE, 0), 0);
	expect_content(file, PAGE, 0, 100);
	cr_expect_eq(fx_truncate(&fx, file, 0), 0);
	put(other, 0, 2 * PAGE);
	cr_expect_eq(fx_write(&fx, file, 0, "x", 1), -ENOSPC);
	expect_content(file, 0, 0, 0);
	cr_expect_eq(blocks(file), 0);
	cr_expect_eq(fx_unlink(&fx, ROOT, "other"), 0);
}

Test(memfs_small, without_a_page_to_become_it_stays_what_it_is)
{
	uint64_t limit = fx.fs->data.limit;

	put(file, 0, 100);
	fx.fs->data.limit = 0;
	cr_expect_eq(fx_write(&fx, file, 0, (char[PAGE]){"x"}, PAGE), -ENOSPC);
	expect_content(file, 100, 0, 100);
	cr_expect_eq(fx_fallocate(&fx, file, 0, 100, 0), -ENOSPC);
	fx.fs->data.limit = limit;
	expect_content(file, 100, 0, 100);
	cr_expect_eq(blocks(file), 8);
}

Test(memfs_small, without_an_object_it_is_a_page)
{
	struct pages *pages = &fx.fs->slab.pages;
	struct page_run stock[LANES];
	uint64_t limit = pages->limit;

	put(file, 0, 100);
	pages->limit = pages->top;
	for (unsigned i = 0; i < LANES; i++) {
		stock[i] = pages->lanes[i].stock;
		pages->lanes[i].stock.count = 0;
	}
	put(file, 100, 1900);
	expect_content(file, 2000, 0, 2000);
	cr_expect_eq(pages_used(), 1);
	cr_expect_eq(fx_truncate(&fx, file, 0), 0);
	put(file, 0, 2000);
	expect_content(file, 2000, 0, 2000);
	cr_expect_eq(blocks(file), 8);
	pages->limit = limit;
	for (unsigned i = 0; i < LANES; i++)
		pages->lanes[i].stock = stock[i];
}

static atomic_int written; /* what the reader waits for */
static atomic_int over;

/* Reads until all is written: what is there is always the pattern, and never shrinks. */
static void *read_on(void *unused)
{
	char bytes[2 * PAGE];
	struct fx mine = fx;
	ssize_t last = 0;

	(void)unused;
	while (!atomic_load(&written)) {
		ssize_t got = fx_read(&mine, file, 0, bytes, sizeof(bytes));

		cr_assert_geq(got, last);
		for (ssize_t i = 0; i < got; i++)
			cr_assert_eq(bytes[i], pattern((uint64_t)i));
		last = got;
	}
	return NULL;
}

/* Its objects are in nobody's way: they take the places that the grown file has left. */
static void *make_others(void *unused)
{
	struct fx mine = fx;
	uint64_t other = (uint64_t)fx_file(&mine, ROOT, "other");
	char junk[BORDER];

	(void)unused;
	memset(junk, 'J', sizeof(junk));
	for (size_t size = 1; !atomic_load(&over); size = size % BORDER + 1) {
		fx_truncate(&mine, other, 0);
		fx_write(&mine, other, 0, junk, size);
	}
	fx_unlink(&mine, ROOT, "other");
	return NULL;
}

Test(memfs_small, read_beside_a_growing_write_sees_old_or_new)
{
	pthread_t reader;
	pthread_t maker;

	atomic_store(&over, 0);
	pthread_create(&maker, NULL, make_others, NULL);
	for (int round = 0; round < 50; round++) {
		fx_truncate(&fx, file, 0);
		atomic_store(&written, 0);
		pthread_create(&reader, NULL, read_on, NULL);
		for (uint64_t at = 0; at + 97 <= 2 * PAGE; at += 97)
			put(file, at, 97);
		atomic_store(&written, 1);
		pthread_join(reader, NULL);
	}
	atomic_store(&over, 1);
	pthread_join(maker, NULL);
}

/* ---- random operations against a plain buffer ------------------------------------------------ */

#define SPAN (3 * PAGE)

static uint64_t seed = 11;

static unsigned draw(unsigned below)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (unsigned)((seed >> 33) % below);
}

struct shadow {
	unsigned char bytes[SPAN];
	unsigned char pages[SPAN / PAGE]; /* 1: has space */
	uint64_t size;
};

static void mark(struct shadow *s, uint64_t from, uint64_t size)
{
	for (uint64_t i = from / PAGE; i < (from + size + PAGE - 1) / PAGE; i++)
		s->pages[i] = 1;
}

static void random_truncate(struct shadow *s)
{
	uint64_t size = draw(4) ? draw(BORDER + 100) : draw(SPAN);

	size = draw(4) ? size : 0;
	cr_assert_eq(fx_truncate(&fx, file, size), 0);
	if (size <= s->size) {
		memset(s->bytes + size, 0, SPAN - size);
		for (uint64_t i = (size + PAGE - 1) / PAGE; i < SPAN / PAGE; i++)
			s->pages[i] = 0;
	}
	s->size = size;
}

static void random_punch(struct shadow *s, uint64_t at, uint64_t size)
{
	cr_assert_eq(fx_fallocate(&fx, file, at, size, PUNCH), 0);
	memset(s->bytes + at, 0, size);
	for (uint64_t i = (at + PAGE - 1) / PAGE; i < (at + size) / PAGE; i++)
		s->pages[i] = 0;
}

static void step(struct shadow *s)
{
	uint64_t at = draw(3) ? draw(BORDER) : draw(SPAN);
	uint64_t size = 1 + draw(draw(4) ? BORDER - (unsigned)(at % BORDER) : SPAN);

	if (size > SPAN - at)
		size = SPAN - at;
	switch (draw(10)) {
	case 0:
	case 1:
	case 2:
		random_truncate(s);
		return;
	case 3:
		random_punch(s, at, size);
		return;
	case 4:
		cr_assert_eq(fx_fallocate(&fx, file, at, size, ZERO), 0);
		memset(s->bytes + at, 0, size);
		break;
	default:
		for (uint64_t i = 0; i < size; i++)
			s->bytes[at + i] = (unsigned char)(seed >> (i % 50));
		cr_assert_eq(fx_write(&fx, file, at, s->bytes + at, size), (ssize_t)size);
	}
	mark(s, at, size);
	if (s->size < at + size)
		s->size = at + size;
}

Test(memfs_small, random_operations_read_like_a_plain_buffer)
{
	struct shadow s = {.size = 0};
	unsigned char got[SPAN];

	for (int i = 0; i < 20000; i++) {
		uint64_t pages = 0;

		step(&s);
		for (unsigned k = 0; k < SPAN / PAGE; k++)
			pages += s.pages[k];
		cr_assert_eq(blocks(file), pages * 8, "step %d", i);
		cr_assert_eq(fx_read(&fx, file, 0, got, SPAN), (ssize_t)s.size, "step %d", i);
		cr_assert_eq(memcmp(got, s.bytes, s.size), 0, "step %d", i);
	}
}
