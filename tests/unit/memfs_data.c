/*
 * memfs: file data, sparse and full, against a plain buffer; space, holes and limits.
 */
#include "memfs_fixture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEEP  FALLOC_FL_KEEP_SIZE
#define PUNCH (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)
#define ZERO  FALLOC_FL_ZERO_RANGE

static struct fx fx;
static uint64_t file;

static void restart(const char *options)
{
	fx_start(&fx, options);
	file = (uint64_t)fx_file(&fx, ROOT, "file");
}

static void start(void)
{
	restart(NULL);
}

static void stop(void)
{
	cr_expect_eq(fx_unlink(&fx, ROOT, "file"), 0);
	fx_expect_empty(&fx);
	fx_stop(&fx);
}

TestSuite(memfs_data, .init = start, .fini = stop, .timeout = 120);

static uint64_t blocks(void)
{
	return fx_stat(&fx, file).blocks;
}

Test(memfs_data, hole_reads_as_zeros_and_takes_no_space)
{
	char bytes[9000];

	cr_assert_eq(fx_write(&fx, file, 100000, "x", 1), 1);
	cr_expect_eq(fx_stat(&fx, file).size, 100001);
	cr_expect_eq(blocks(), 8);
	cr_expect_eq(fx_read(&fx, file, 92000, bytes, sizeof(bytes)), 8001);
	cr_expect_eq(bytes[8000], 'x');
	for (int i = 0; i < 8000; i++)
		cr_assert_eq(bytes[i], 0);
	cr_expect_eq(blocks(), 8);
	cr_expect_eq(fx_read(&fx, file, 100001, bytes, 10), 0);
	cr_expect_eq(fx_read(&fx, file, UINT64_MAX, bytes, 10), 0);
}

Test(memfs_data, sparse_up_to_the_largest_offset)
{
	uint64_t last = INT64_MAX - 1;
	char bytes[10] = "";

	cr_expect_eq(fx_write(&fx, file, last, "z", 1), 1);
	cr_expect_eq(fx_stat(&fx, file).size, INT64_MAX);
	cr_expect_eq(fx_write(&fx, file, last + 1, "z", 1), -EFBIG);
	cr_expect_eq(fx_write(&fx, file, last, "zz", 2), 1);
	cr_expect_eq(fx_read(&fx, file, last - 5, bytes, 10), 6);
	cr_expect_eq(bytes[5], 'z');
	cr_expect_eq(fx_write(&fx, file, 0, "a", 1), 1);
	cr_expect_eq(blocks(), 16);
	cr_expect_eq(fx_seek(&fx, file, 1, SEEK_HOLE), 4096);
	cr_expect_eq(fx_seek(&fx, file, 4096, SEEK_DATA), (int64_t)(last / 4096 * 4096));
	cr_expect_eq(fx_seek(&fx, file, last, SEEK_HOLE), INT64_MAX);
	cr_expect_eq(fx_fallocate(&fx, file, last - 5000, 5000, PUNCH), 0);
	/* The range ends within the last page, so that is only zeroed. */
	cr_expect_eq(fx_fallocate(&fx, file, 4096, INT64_MAX - 4096, PUNCH), 0);
	cr_expect_eq(blocks(), 16);
	cr_expect_eq(fx_read(&fx, file, last - 5, bytes, 10), 6);
	cr_expect_eq(bytes[5], 0);
	cr_expect_eq(fx_fallocate(&fx, file, 4096, INT64_MAX, 0), -EFBIG);
	cr_expect_eq(fx_truncate(&fx, file, 1), 0);
	cr_expect_eq(fx_stat(&fx, file).size, 1);
	cr_expect_eq(blocks(), 8);
	cr_expect_eq(fx_truncate(&fx, file, (uint64_t)INT64_MAX + 1), -EFBIG);
}

Test(memfs_data, what_was_cut_off_never_comes_back)
{
	char bytes[10000];

	memset(bytes, 'x', sizeof(bytes));
	fx_write(&fx, file, 0, bytes, sizeof(bytes));
	cr_expect_eq(fx_truncate(&fx, file, 5000), 0);
	cr_expect_eq(blocks(), 16);
	cr_expect_eq(fx_truncate(&fx, file, 10000), 0);
	cr_expect_eq(fx_read(&fx, file, 0, bytes, sizeof(bytes)), 10000);
	cr_expect_eq(bytes[4999], 'x');
	for (int i = 5000; i < 10000; i++)
		cr_assert_eq(bytes[i], 0);
}

Test(memfs_data, seek_tells_data_from_holes_like_tmpfs)
{
	cr_expect_eq(fx_fallocate(&fx, file, 0, 20000, 0), 0);
	cr_expect_eq(fx_seek(&fx, file, 0, SEEK_DATA), -ENXIO);
	cr_expect_eq(fx_seek(&fx, file, 0, SEEK_HOLE), 0);
	fx_write(&fx, file, 9000, "x", 1);
	cr_expect_eq(fx_seek(&fx, file, 0, SEEK_DATA), 8192);
	cr_expect_eq(fx_seek(&fx, file, 9000, SEEK_DATA), 9000);
	cr_expect_eq(fx_seek(&fx, file, 9000, SEEK_HOLE), 12288);
	cr_expect_eq(fx_seek(&fx, file, 12288, SEEK_DATA), -ENXIO);
	cr_expect_eq(fx_seek(&fx, file, 19999, SEEK_HOLE), 19999);
	cr_expect_eq(fx_seek(&fx, file, 20000, SEEK_HOLE), -ENXIO);
	cr_expect_eq(fx_seek(&fx, file, 0, SEEK_END), -EINVAL);
	cr_expect_eq(fx_truncate(&fx, file, 9500), 0);
	cr_expect_eq(fx_seek(&fx, file, 9000, SEEK_HOLE), 9500);
}

Test(memfs_data, space_behind_the_end_goes_with_a_truncate_to_the_same_size)
{
	cr_expect_eq(fx_fallocate(&fx, file, 0, 40000, KEEP), 0);
	cr_expect_eq(fx_stat(&fx, file).size, 0);
	cr_expect_eq(blocks(), 80);
	cr_expect_eq(fx_truncate(&fx, file, 30000), 0);
	cr_expect_eq(blocks(), 80);
	cr_expect_eq(fx_truncate(&fx, file, 30000), 0);
	cr_expect_eq(blocks(), 64);
}

Test(memfs_data, fallocate_modes)
{
	char bytes[8192];

	cr_expect_eq(fx_fallocate(&fx, file, 0, 0, 0), -EINVAL);
	cr_expect_eq(fx_fallocate(&fx, file, 0, 1, FALLOC_FL_PUNCH_HOLE), -EOPNOTSUPP);
	cr_expect_eq(fx_fallocate(&fx, file, 0, 1, FALLOC_FL_COLLAPSE_RANGE), -EOPNOTSUPP);
	cr_expect_eq(fx_fallocate(&fx, file, 0, 1, PUNCH | ZERO), -EOPNOTSUPP);
	memset(bytes, 'x', sizeof(bytes));
	fx_write(&fx, file, 0, bytes, sizeof(bytes));
	cr_expect_eq(fx_fallocate(&fx, file, 100, 5000, ZERO), 0);
	fx_read(&fx, file, 0, bytes, sizeof(bytes));
	for (int i = 0; i < 8192; i++)
		cr_assert_eq(bytes[i], i < 100 || i >= 5100 ? 'x' : 0, "byte %d", i);
	cr_expect_eq(blocks(), 16);
	cr_expect_eq(fx_fallocate(&fx, file, 8000, 5000, ZERO | KEEP), 0);
	cr_expect_eq(fx_stat(&fx, file).size, 8192);
	cr_expect_eq(blocks(), 32);
	cr_expect_eq(fx_fallocate(&fx, file, 8000, 5000, ZERO), 0);
	cr_expect_eq(fx_stat(&fx, file).size, 13000);
}

Test(memfs_data, zero_range_makes_data_of_what_it_covers_in_part)
{
	char bytes[4096];

	stop();
	restart("size=1m");
	/* Pages with other content behind them come first. */
	memset(bytes, 'x', sizeof(bytes));
	fx_write(&fx, file, 0, bytes, sizeof(bytes));
	fx_truncate(&fx, file, 0);
	/* One whole page between two halves. */
	cr_expect_eq(fx_fallocate(&fx, file, 2048, 8192, ZERO), 0);
	cr_expect_eq(fx_seek(&fx, file, 0, SEEK_HOLE), 4096);
	cr_expect_eq(fx_seek(&fx, file, 4096, SEEK_DATA), 8192);
	cr_expect_eq(fx_seek(&fx, file, 8192, SEEK_HOLE), 10240);
	for (uint64_t at = 0; at < 8192; at += sizeof(bytes)) {
		cr_expect_eq(fx_read(&fx, file, at, bytes, sizeof(bytes)), 4096);
		for (size_t i = 0; i < sizeof(bytes); i++)
			cr_assert_eq(bytes[i], 0);
	}
	cr_expect_eq(fx_fallocate(&fx, file, 0, 12288, ZERO), 0);
	cr_expect_eq(fx_seek(&fx, file, 0, SEEK_DATA), -ENXIO);
	cr_expect_eq(blocks(), 24);
}

/* Bytes that a program copies which goes by SEEK_DATA and SEEK_HOLE. */
static int64_t bytes_of_data(void)
{
	int64_t sum = 0;
	int64_t hole = 0;
	int64_t data;

	while ((data = fx_seek(&fx, file, (uint64_t)hole, SEEK_DATA)) >= 0) {
		hole = fx_seek(&fx, file, (uint64_t)data, SEEK_HOLE);
		sum += hole - data;
	}
	return sum;
}

Test(memfs_data, of_holes_that_were_read_here_and_there_only_those_count_as_data)
{
	const uint64_t apart = UINT64_C(8) << 30;
	char bytes[4096];

	fx_truncate(&fx, file, UINT64_C(1) << 40);
	/* neither in order nor in reverse */
	for (uint64_t i = 0; i < 126; i++)
		fx_read(&fx, file, i * 53 % 127 * apart, bytes, sizeof(bytes));
	cr_expect_eq(bytes_of_data(), 126 * 4096);
	/* more than that becomes one with its neighbour */
	fx_read(&fx, file, UINT64_C(127) * apart, bytes, sizeof(bytes));
	cr_expect_eq(bytes_of_data(), (int64_t)(125 * 4096 + apart + 4096));
	fx_truncate(&fx, file, 0);
	cr_expect_eq(bytes_of_data(), 0);
}

Test(memfs_data, a_hole_that_was_read_counts_as_data)
{
	char bytes[4096];

	stop();
	restart("size=1m");
	fx_truncate(&fx, file, 10 * 4096);
	cr_expect_eq(fx_seek(&fx, file, 0, SEEK_DATA), -ENXIO);
	fx_read(&fx, file, 3 * 4096, bytes, sizeof(bytes));
	fx_read(&fx, file, 5 * 4096, bytes, sizeof(bytes));
	cr_expect_eq(fx_seek(&fx, file, 0, SEEK_DATA), 3 * 4096);
	cr_expect_eq(fx_seek(&fx, file, 3 * 4096 + 1, SEEK_DATA), 3 * 4096 + 1);
	cr_expect_eq(fx_seek(&fx, file, 0, SEEK_HOLE), 0);
	cr_expect_eq(fx_seek(&fx, file, 3 * 4096, SEEK_HOLE), 4 * 4096);
	cr_expect_eq(fx_seek(&fx, file, 4 * 4096, SEEK_DATA), 5 * 4096);
	fx_read(&fx, file, 4 * 4096, bytes, sizeof(bytes));
	cr_expect_eq(fx_seek(&fx, file, 3 * 4096, SEEK_HOLE), 6 * 4096);
	cr_expect_eq(fx_seek(&fx, file, 6 * 4096, SEEK_DATA), -ENXIO);
	/* data behind it is found, and so is the hole in front of that */
	fx_write(&fx, file, 8 * 4096, bytes, sizeof(bytes));
	cr_expect_eq(fx_seek(&fx, file, 6 * 4096, SEEK_DATA), 8 * 4096);
	/* what the kernel drops from its cache is a hole again */
	cr_expect_eq(fx_fallocate(&fx, file, 0, 4 * 4096, PUNCH), 0);
	cr_expect_eq(fx_seek(&fx, file, 0, SEEK_DATA), 4 * 4096);
	fx_truncate(&fx, file, 5 * 4096);
	fx_truncate(&fx, file, 10 * 4096);
	cr_expect_eq(fx_seek(&fx, file, 4 * 4096, SEEK_HOLE), 5 * 4096);
	fx_truncate(&fx, file, 0);
	fx_truncate(&fx, file, 10 * 4096);
	cr_expect_eq(fx_seek(&fx, file, 0, SEEK_DATA), -ENXIO);
}

Test(memfs_data, many_holes_that_were_read_are_all_taken_for_data)
{
	char byte;

	stop();
	restart("size=1m");
	fx_truncate(&fx, file, 1000 * 4096);
	for (uint64_t i = 0; i < 100; i++)
		fx_read(&fx, file, (i * 37 % 100) * 40960, &byte, 1);
	for (uint64_t i = 0; i < 100; i++)
		cr_assert_eq(fx_seek(&fx, file, i * 40960, SEEK_DATA), (int64_t)i * 40960);
	/* behind the last one nothing was read */
	cr_expect_eq(fx_seek(&fx, file, 991 * 4096, SEEK_DATA), -ENXIO);
	fx_truncate(&fx, file, 500 * 4096);
	fx_truncate(&fx, file, 1000 * 4096);
	cr_expect_eq(fx_seek(&fx, file, 500 * 4096, SEEK_DATA), -ENXIO);
	cr_expect_eq(fx_seek(&fx, file, 40960, SEEK_DATA), 40960);
}

Test(memfs_data, full_means_enospc_and_nothing_lost)
{
	char bytes[20000];

	stop();
	restart("size=64k");
	memset(bytes, 'x', sizeof(bytes));
	cr_expect_eq(fx_statfs(&fx).blocks, 16);
	cr_expect_eq(fx_fallocate(&fx, file, 0, 65537, 0), -ENOSPC);
	cr_expect_eq(blocks(), 0);
	cr_expect_eq(fx_fallocate(&fx, file, 0, 13 * 4096, 0), 0);
	cr_expect_eq(fx_statfs(&fx).bfree, 3);
	/* Room for a part of it. */
	cr_expect_eq(fx_write(&fx, file, 14 * 4096 + 100, bytes, 20000), 3 * 4096 - 100);
	cr_expect_eq(fx_stat(&fx, file).size, 17 * 4096);
	cr_expect_eq(fx_write(&fx, file, 20 * 4096, "x", 1), -ENOSPC);
	cr_expect_eq(fx_stat(&fx, file).size, 17 * 4096);
	cr_expect_eq(fx_fallocate(&fx, file, 0, 14 * 4096, 0), -ENOSPC);
	cr_expect_eq(fx_symlink(&fx, ROOT, "l", (char[]){[0 ... 199] = 'l', '\0'}), -ENOSPC);
	cr_expect_eq(fx_statfs(&fx).bfree, 0);
	/* What is there can be overwritten. */
	cr_expect_eq(fx_write(&fx, file, 0, bytes, 20000), 20000);
	cr_expect_eq(fx_fallocate(&fx, file, 4096, 4096, PUNCH), 0);
	cr_expect_eq(fx_statfs(&fx).bfree, 1);
	cr_expect_eq(fx_truncate(&fx, file, 0), 0);
	cr_expect_eq(fx_statfs(&fx).bfree, 16);
}

Test(memfs_data, absurd_allocation_is_refused_at_once)
{
	stop();
	restart("size=0");
	cr_expect_eq(fx_fallocate(&fx, file, 0, INT64_MAX, 0), -ENOSPC);
	cr_expect_eq(blocks(), 0);
	cr_expect_eq(fx_statfs(&fx).blocks, 0);
	cr_expect_eq(fx_fallocate(&fx, file, 0, UINT64_C(1) << 30, 0), 0);
	cr_expect_eq(blocks(), UINT64_C(1) << 21);
}

Test(memfs_data, copy_file_range_copies_and_refuses)
{
	uint64_t other = (uint64_t)fx_file(&fx, ROOT, "other");
	struct llfused_ctx *ctx = &fx.ctx;
	char bytes[4096];
	uint64_t copied = 7;

	fx_write(&fx, file, 10000, "hello", 5);
	cr_expect_eq(fx.ops->copy_file_range(ctx, file, 0, 0, other, 0, 3, 20000, 0, &copied), 0);
	cr_expect_eq(copied, 10005);
	cr_expect_eq(fx_stat(&fx, other).size, 10008);
	cr_expect_eq(fx_read(&fx, other, 10003, bytes, 10), 5);
	cr_expect_eq(memcmp(bytes, "hello", 5), 0);
	cr_expect_eq(fx_read(&fx, other, 0, bytes, 1), 1);
	cr_expect_eq(bytes[0], 0);
	cr_expect_eq(fx.ops->copy_file_range(ctx, file, 0, 10005, other, 0, 0, 5, 0, &copied), 0);
	cr_expect_eq(copied, 0);
	cr_expect_eq(fx.ops->copy_file_range(ctx, file, 0, 0, file, 0, 5, 20, 0, &copied), -EINVAL);
	cr_expect_eq(fx.ops->copy_file_range(ctx, file, 0, 10000, file, 0, 20000, 5, 0, &copied),
		     0);
	cr_expect_eq(fx_read(&fx, file, 20000, bytes, 10), 5);
	cr_expect_eq(memcmp(bytes, "hello", 5), 0);
	cr_expect_eq(fx.ops->copy_file_range(ctx, file, 0, 0, 99, 0, 0, 5, 0, &copied), -ESTALE);
	cr_expect_eq(fx.ops->copy_file_range(ctx, file, 0, 0, ROOT, 0, 0, 5, 0, &copied), -EISDIR);
	cr_expect_eq(fx.ops->copy_file_range(ctx, file, 0, 0, other, 0, 0, 5, 1, &copied), -EINVAL);
	fx_unlink(&fx, ROOT, "other");
}

Test(memfs_data, directories_have_no_data)
{
	char byte;

	cr_expect_eq(fx_read(&fx, ROOT, 0, &byte, 1), -EISDIR);
	cr_expect_eq(fx_write(&fx, ROOT, 0, "x", 1), -EISDIR);
	cr_expect_eq(fx_truncate(&fx, ROOT, 0), -EISDIR);
	cr_expect_eq(fx_fallocate(&fx, ROOT, 0, 1, 0), -EISDIR);
	cr_expect_eq(fx_seek(&fx, ROOT, 0, SEEK_DATA), -EISDIR);
}

Test(memfs_data, space_allocated_twice_is_data_as_on_tmpfs)
{
	char bytes[4096];

	stop();
	restart("size=1m");
	/* Pages with other content behind them come first. */
	memset(bytes, 'x', sizeof(bytes));
	fx_write(&fx, file, 0, bytes, sizeof(bytes));
	fx_truncate(&fx, file, 0);
	cr_expect_eq(fx_fallocate(&fx, file, 0, 4096, 0), 0);
	cr_expect_eq(fx_seek(&fx, file, 0, SEEK_DATA), -ENXIO);
	cr_expect_eq(fx_fallocate(&fx, file, 0, 4096, 0), 0);
	cr_expect_eq(fx_seek(&fx, file, 0, SEEK_DATA), 0);
	fx_read(&fx, file, 0, bytes, sizeof(bytes));
	for (int i = 0; i < 4096; i++)
		cr_assert_eq(bytes[i], 0);
}

Test(memfs_data, freed_space_can_be_used_again_and_again)
{
	char *bytes = calloc(1, 1 << 20);

	stop();
	restart("size=16m");
	for (int round = 0; round < 10; round++) {
		for (uint64_t i = 0; i < 16; i++)
			cr_assert_eq(fx_write(&fx, file, i << 20, bytes, 1 << 20), 1 << 20);
		cr_assert_eq(fx_write(&fx, file, 16 << 20, bytes, 1), -ENOSPC);
		cr_assert_eq(fx_truncate(&fx, file, 0), 0);
		/* Most of the memory is given back to the system. */
		cr_assert_leq(fx.fs->data.nkept, fx.fs->data.keep);
	}
	free(bytes);
}

/* ---- random operations against a plain buffer ------------------------------------------------ */

#define SPAN (3u << 20) /* several leaves and a height of two */

static uint64_t seed = 7;

static unsigned draw(unsigned below)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (unsigned)((seed >> 33) % below);
}

struct shadow {
	unsigned char *bytes;
	unsigned char *pages; /* 1: has space */
	uint64_t size;
	unsigned char *scratch;
};

static void mark_pages(struct shadow *s, uint64_t from, uint64_t size, int whole, int value)
{
	uint64_t first = whole ? (from + 4095) / 4096 : from / 4096;
	uint64_t end = whole ? (from + size) / 4096 : (from + size + 4095) / 4096;

	for (uint64_t i = first; i < end; i++)
		s->pages[i] = (unsigned char)value;
}

static void grow_shadow(struct shadow *s, uint64_t end)
{
	if (s->size < end)
		s->size = end;
}

static void random_write(struct shadow *s, uint64_t at, uint64_t size)
{
	for (uint64_t i = 0; i < size; i++)
		s->bytes[at + i] = (unsigned char)(seed >> (i % 50));
	cr_assert_eq(fx_write(&fx, file, at, s->bytes + at, size), (ssize_t)size);
	mark_pages(s, at, size, 0, 1);
	grow_shadow(s, at + size);
}

static void random_truncate(struct shadow *s, uint64_t size)
{
	cr_assert_eq(fx_truncate(&fx, file, size), 0);
	if (size <= s->size) {
		memset(s->bytes + size, 0, SPAN - size);
		memset(s->pages + (size + 4095) / 4096, 0, SPAN / 4096 - (size + 4095) / 4096);
	}
	s->size = size;
}

static void random_allocate(struct shadow *s, uint64_t at, uint64_t size)
{
	uint32_t mode = (draw(2) ? KEEP : 0) | (draw(2) ? ZERO : 0);

	cr_assert_eq(fx_fallocate(&fx, file, at, size, mode), 0);
	if (mode & ZERO)
		memset(s->bytes + at, 0, size);
	mark_pages(s, at, size, 0, 1);
	if (!(mode & KEEP))
		grow_shadow(s, at + size);
}

static void step(struct shadow *s)
{
	uint64_t at = draw(SPAN);
	uint64_t most = SPAN - at;
	uint64_t size = 1 + draw(draw(8) ? 20000 : SPAN);

	if (size > most)
		size = most;
	switch (draw(6)) {
	case 0:
	case 1:
		random_write(s, at, size);
		break;
	case 2:
		if (draw(3) == 0)
			random_truncate(s, draw(SPAN));
		break;
	case 3:
		random_allocate(s, at, size);
		break;
	case 4:
		cr_assert_eq(fx_fallocate(&fx, file, at, size, PUNCH), 0);
		memset(s->bytes + at, 0, size);
		mark_pages(s, at, size, 1, 0);
		break;
	default: {
		uint64_t have = at < s->size ? s->size - at : 0;

		have = have < size ? have : size;
		cr_assert_eq(fx_read(&fx, file, at, s->scratch, size), (ssize_t)have);
		cr_assert_eq(memcmp(s->scratch, s->bytes + at, have), 0);
	}
	}
}

Test(memfs_data, random_operations_read_like_a_plain_buffer)
{
	struct shadow s = {.bytes = calloc(1, SPAN),
			   .pages = calloc(1, SPAN / 4096 + 1),
			   .scratch = malloc(SPAN)};

	for (int i = 0; i < 3000; i++) {
		uint64_t pages = 0;

		step(&s);
		for (unsigned k = 0; k < SPAN / 4096; k++)
			pages += s.pages[k];
		cr_assert_eq(fx_stat(&fx, file).size, s.size);
		cr_assert_eq(blocks(), pages * 8, "step %d", i);
	}
	cr_expect_eq(fx_read(&fx, file, 0, s.scratch, SPAN), (ssize_t)s.size);
	cr_expect_eq(memcmp(s.scratch, s.bytes, s.size), 0);
	free(s.bytes);
	free(s.pages);
	free(s.scratch);
}
