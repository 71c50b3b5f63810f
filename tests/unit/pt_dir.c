/*
 * passthrough: open directories and their listings.
 */
#include "pt_ops.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "passthrough/dir.h"
#include "passthrough/dir_offset.h"

TestSuite(pt_dir, .timeout = 60, .fini = pt_ops_end);

#define MOST 6000

/* Takes `room` entries, and keeps what it was told. */
struct taker {
	struct llfused_dirents public;
	size_t room, count;
	uint64_t last; /* offset behind the last one */
	struct {
		char name[64];
		uint64_t ino, next, nodeid;
		uint32_t mode;
	} entries[MOST];
};

static struct taker taker;

static int take(struct llfused_dirents *dirents, const char *name, size_t namelen, uint64_t ino,
		uint32_t mode, uint64_t next, const struct llfused_entry *entry)
{
	struct taker *t = (struct taker *)dirents;

	if (t->count == t->room)
		return 0;
	cr_assert(next > 0 && next <= INT64_MAX);
	cr_assert_lt(namelen, 64);
	memcpy(t->entries[t->count].name, name, namelen);
	t->entries[t->count].name[namelen] = '\0';
	t->entries[t->count].ino = ino;
	t->entries[t->count].mode = mode;
	t->entries[t->count].next = t->last = next;
	t->entries[t->count++].nodeid = entry ? entry->nodeid : 0;
	return 1;
}

static uint64_t open_dir(uint64_t nodeid)
{
	struct llfused_open open = {.fh = 0};

	cr_assert_eq(pt_ops->opendir(&pt_ops_pool, nodeid, O_RDONLY | O_DIRECTORY, &open), 0);
	return open.fh;
}

static void close_dir(uint64_t nodeid, uint64_t fh)
{
	cr_assert_eq(pt_ops->releasedir(&pt_ops_pool, nodeid, fh, O_RDONLY), 0);
}

/* One call, for at most `room` entries; they stand in `taker`. */
static int read_some(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		     size_t room, uint32_t plus)
{
	taker.public = (struct llfused_dirents){.plus = plus, .add = take};
	taker.count = 0;
	taker.room = room;
	taker.last = offset;
	return pt_ops->readdir(ctx, nodeid, fh, offset, &taker.public);
}

/* From `offset` to the end, `step` entries at a time; how often each number of "fN" was told. */
static unsigned told[MOST];

static size_t read_all(uint64_t nodeid, uint64_t fh, uint64_t offset, size_t step, uint32_t plus)
{
	size_t count = 0;

	memset(told, 0, sizeof told);
	for (;;) {
		cr_assert_eq(read_some(&pt_ops_pool, nodeid, fh, offset, step, plus), 0);
		if (taker.count == 0)
			return count;
		for (size_t i = 0; i < taker.count; i++)
			if (taker.entries[i].name[0] == 'f')
				told[atoi(taker.entries[i].name + 1)]++;
		count += taker.count;
		offset = taker.last;
	}
}

static void make_files(unsigned from, unsigned to)
{
	char name[16];

	for (unsigned i = from; i < to; i++) {
		snprintf(name, sizeof name, "f%u", i);
		pt_ops_write(name, "");
	}
}

static void expect_each_once(unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++)
		cr_expect_eq(told[i], 1, "f%u: %u times", i, told[i]);
}

static int find_told(const char *name)
{
	for (size_t i = 0; i < taker.count; i++)
		if (strcmp(taker.entries[i].name, name) == 0)
			return (int)i;
	return -1;
}

/* ---- what is told ---- */

Test(pt_dir, names_types_and_inode_numbers_are_the_sources)
{
	struct dirent *entry;
	uint64_t fh;
	size_t count = 0;
	DIR *dir;

	pt_ops_begin("");
	make_files(0, 1);
	cr_assert_eq(mkdir("dir", 0700), 0);
	cr_assert_eq(symlink("x", "link"), 0);
	cr_assert_eq(mkfifo("fifo", 0600), 0);
	fh = open_dir(LLFUSED_ROOT_ID);
	cr_assert_eq(read_some(&pt_ops_pool, LLFUSED_ROOT_ID, fh, 0, MOST, 0), 0);
	dir = opendir(".");
	while ((entry = readdir(dir))) {
		int at = find_told(entry->d_name);

		count++;
		cr_assert_geq(at, 0, "%s", entry->d_name);
		cr_expect_eq(taker.entries[at].mode, (uint32_t)DTTOIF(entry->d_type));
		if (strcmp(entry->d_name, "..") != 0)
			cr_expect_eq(taker.entries[at].ino, entry->d_ino);
		cr_expect_eq(taker.entries[at].next, (uint64_t)entry->d_off);
	}
	closedir(dir);
	cr_expect_eq(taker.count, count);
	cr_expect_eq(count, 6);
	close_dir(LLFUSED_ROOT_ID, fh);
}

Test(pt_dir, above_the_root_is_the_root)
{
	uint64_t fh;
	int at;

	pt_ops_begin("");
	cr_assert_eq(mkdir("dir", 0700), 0);
	cr_assert_eq(mkdir("dir/sub", 0700), 0);
	pt_ops_end();
	/* a source whose ".." is visible on the same file system */
	pt_ops_begin("");
	cr_assert_eq(mkdir("dir", 0700), 0);
	cr_assert_eq(mkdir("dir/sub", 0700), 0);
	pt_backend.destroy(pt_ops_fs);
	pt_ops_serve("dir", "");
	fh = open_dir(LLFUSED_ROOT_ID);
	cr_assert_eq(read_some(&pt_ops_pool, LLFUSED_ROOT_ID, fh, 0, MOST, 0), 0);
	at = find_told("..");
	cr_assert_geq(at, 0);
	cr_expect_eq(taker.entries[at].ino, pt_ops_stat("dir").st_ino);
	close_dir(LLFUSED_ROOT_ID, fh);
	fh = open_dir(pt_ops_find("sub"));
	cr_assert_eq(read_some(&pt_ops_pool, pt_ops_find("sub"), fh, 0, MOST, 0), 0);
	at = find_told("..");
	cr_assert_geq(at, 0);
	cr_expect_eq(taker.entries[at].ino, pt_ops_stat("dir").st_ino);
}

Test(pt_dir, a_large_directory_is_told_whole_in_steps_of_any_size)
{
	static const size_t steps[] = {1, 7, 1000, MOST};
	uint64_t fh;

	pt_ops_begin("");
	make_files(0, 3000);
	fh = open_dir(LLFUSED_ROOT_ID);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		cr_expect_eq(read_all(LLFUSED_ROOT_ID, fh, 0, steps[i], 0), 3002);
		expect_each_once(0, 3000);
	}
	close_dir(LLFUSED_ROOT_ID, fh);
}

Test(pt_dir, a_listing_goes_on_from_any_offset_that_was_told)
{
	static struct taker first;
	uint64_t fh;

	pt_ops_begin("");
	make_files(0, 40);
	fh = open_dir(LLFUSED_ROOT_ID);
	cr_assert_eq(read_some(&pt_ops_pool, LLFUSED_ROOT_ID, fh, 0, MOST, 0), 0);
	first = taker;
	for (size_t i = first.count; i-- > 0;) {
		cr_assert_eq(read_some(&pt_ops_pool, LLFUSED_ROOT_ID, fh, first.entries[i].next,
				       MOST, 0),
			     0);
		cr_expect_eq(taker.count, first.count - i - 1);
		if (taker.count > 0)
			cr_expect_str_eq(taker.entries[0].name, first.entries[i + 1].name);
	}
	close_dir(LLFUSED_ROOT_ID, fh);
}

Test(pt_dir, two_listings_of_a_directory_do_not_disturb_each_other)
{
	uint64_t a, b, offset;

	pt_ops_begin("");
	make_files(0, 100);
	a = open_dir(LLFUSED_ROOT_ID);
	b = open_dir(LLFUSED_ROOT_ID);
	cr_assert_neq(a, b);
	cr_assert_eq(read_some(&pt_ops_pool, LLFUSED_ROOT_ID, a, 0, 30, 0), 0);
	offset = taker.last;
	cr_expect_eq(read_all(LLFUSED_ROOT_ID, b, 0, 9, 0), 102);
	cr_expect_eq(read_all(LLFUSED_ROOT_ID, a, offset, MOST, 0), 72);
	close_dir(LLFUSED_ROOT_ID, a);
	close_dir(LLFUSED_ROOT_ID, b);
}

/* ---- changes meanwhile ---- */

Test(pt_dir, files_removed_as_they_are_told_are_told_once_each)
{
	uint64_t fh, offset = 0;
	unsigned removed = 0;

	pt_ops_begin("");
	make_files(0, 2500);
	fh = open_dir(LLFUSED_ROOT_ID);
	for (;;) {
		cr_assert_eq(read_some(&pt_ops_pool, LLFUSED_ROOT_ID, fh, offset, 60, 0), 0);
		if (taker.count == 0)
			break;
		for (size_t i = 0; i < taker.count; i++)
			if (taker.entries[i].name[0] == 'f') {
				cr_assert_eq(unlink(taker.entries[i].name), 0, "%s twice",
					     taker.entries[i].name);
				removed++;
			}
		offset = taker.last;
	}
	cr_expect_eq(removed, 2500);
	close_dir(LLFUSED_ROOT_ID, fh);
}

Test(pt_dir, from_the_start_again_is_as_it_is_now)
{
	uint64_t fh;

	pt_ops_begin("");
	make_files(0, 10);
	fh = open_dir(LLFUSED_ROOT_ID);
	cr_assert_eq(read_some(&pt_ops_pool, LLFUSED_ROOT_ID, fh, 0, 4, 0), 0);
	cr_assert_eq(unlink("f3"), 0);
	make_files(10, 20);
	cr_expect_eq(read_all(LLFUSED_ROOT_ID, fh, 0, MOST, 0), 21);
	expect_each_once(10, 20);
	cr_expect_eq(told[3], 0);
	/* and at once again, though nothing was taken in between */
	cr_assert_eq(read_some(&pt_ops_pool, LLFUSED_ROOT_ID, fh, 0, 0, 0), 0);
	cr_assert_eq(unlink("f4"), 0);
	cr_expect_eq(read_all(LLFUSED_ROOT_ID, fh, 0, MOST, 0), 20);
	close_dir(LLFUSED_ROOT_ID, fh);
}

Test(pt_dir, a_removed_directory_lists_as_on_the_source)
{
	uint64_t node, fh;

	pt_ops_begin("");
	cr_assert_eq(mkdir("dir", 0700), 0);
	node = pt_ops_find("dir");
	fh = open_dir(node);
	cr_assert_eq(rmdir("dir"), 0);
	cr_expect_eq(read_some(&pt_ops_pool, node, fh, 0, MOST, 0), -ENOENT);
	close_dir(node, fh);
}

/* ---- with attributes ---- */

static uint64_t count_nodes(void)
{
	uint64_t nodes, fds;

	pt_node_count(pt_ops_fs, &nodes, &fds);
	return nodes;
}

static void forget_told(void)
{
	for (size_t i = 0; i < taker.count; i++)
		if (taker.entries[i].nodeid) {
			struct llfused_forget one = {taker.entries[i].nodeid, 1};

			pt_ops->forget(&pt_ops_pool, &one, 1);
		}
}

Test(pt_dir, with_attributes_every_entry_but_the_dots_counts_a_lookup)
{
	uint64_t fh, before;

	pt_ops_begin("");
	make_files(0, 50);
	fh = open_dir(LLFUSED_ROOT_ID);
	before = count_nodes();
	cr_assert_eq(read_some(&pt_ops_pool, LLFUSED_ROOT_ID, fh, 0, MOST, 1), 0);
	cr_expect_eq(taker.count, 52);
	cr_expect_eq(count_nodes(), before + 50);
	for (size_t i = 0; i < taker.count; i++)
		cr_expect_eq(taker.entries[i].nodeid != 0, taker.entries[i].name[0] == 'f');
	cr_expect_eq(taker.entries[find_told("f7")].nodeid, pt_ops_find("f7"));
	forget_told();
	cr_expect_eq(count_nodes(), before + 1, "f7 was looked up");
	close_dir(LLFUSED_ROOT_ID, fh);
}

Test(pt_dir, an_entry_that_was_not_taken_counts_none)
{
	uint64_t fh, before;

	pt_ops_begin("");
	make_files(0, 50);
	fh = open_dir(LLFUSED_ROOT_ID);
	before = count_nodes();
	cr_assert_eq(read_some(&pt_ops_pool, LLFUSED_ROOT_ID, fh, 0, 12, 1), 0);
	cr_expect_eq(taker.count, 12);
	cr_expect_eq(count_nodes(), before + 10);
	cr_expect_eq(read_all(LLFUSED_ROOT_ID, fh, taker.last, 12, 1), 40);
	close_dir(LLFUSED_ROOT_ID, fh);
}

Test(pt_dir, an_entry_that_has_gone_is_told_without_attributes)
{
	uint64_t fh, offset;

	pt_ops_begin("");
	make_files(0, 10);
	fh = open_dir(LLFUSED_ROOT_ID);
	cr_assert_eq(read_some(&pt_ops_pool, LLFUSED_ROOT_ID, fh, 0, 2, 1), 0);
	offset = taker.last;
	for (unsigned i = 0; i < 10; i++) {
		char name[16];

		snprintf(name, sizeof name, "f%u", i);
		cr_assert_eq(unlink(name), 0);
	}
	cr_assert_eq(read_some(&pt_ops_pool, LLFUSED_ROOT_ID, fh, offset, MOST, 1), 0);
	for (size_t i = 0; i < taker.count; i++)
		cr_expect_eq(taker.entries[i].nodeid, 0);
	close_dir(LLFUSED_ROOT_ID, fh);
}

/* ---- mounts beneath ---- */

static void mount_beneath(void)
{
	cr_assert_eq(mkdir("dir", 0700), 0);
	cr_assert_eq(mount("pt-dir", "dir", "tmpfs", 0, NULL), 0);
	pt_ops_write("dir/inside", "");
	pt_ops_write("file", "");
}

Test(pt_dir, a_mount_beneath_is_listed_with_inode_numbers_of_its_own)
{
	uint64_t fh, node;

	pt_ops_begin("");
	mount_beneath();
	node = pt_ops_find("dir");
	fh = open_dir(node);
	cr_assert_eq(read_some(&pt_ops_pool, node, fh, 0, MOST, 0), 0);
	cr_expect_eq(taker.count, 3);
	cr_assert_geq(find_told("inside"), 0);
	cr_expect_eq(taker.entries[find_told("inside")].ino,
		     pt_ops_attr(pt_ops_find("dir/inside")).ino);
	cr_expect_neq(taker.entries[find_told("inside")].ino, pt_ops_stat("dir/inside").st_ino);
	close_dir(node, fh);
}

Test(pt_dir, where_submounts_stop_there_are_only_the_dots)
{
	uint64_t fh, node;
	unsigned fds;

	pt_ops_begin("submounts=stop");
	mount_beneath();
	node = pt_ops_find("dir");
	fds = pt_ops_open_fds();
	fh = open_dir(node);
	cr_expect_eq(pt_ops_open_fds(), fds);
	cr_assert_eq(read_some(&pt_ops_worker, node, fh, 0, MOST, 1), 0);
	cr_assert_eq(taker.count, 2);
	cr_expect_str_eq(taker.entries[0].name, ".");
	cr_expect_str_eq(taker.entries[1].name, "..");
	cr_expect_eq(taker.entries[0].ino, pt_ops_attr(node).ino);
	cr_assert_eq(read_some(&pt_ops_worker, node, fh, taker.entries[0].next, MOST, 0), 0);
	cr_assert_eq(taker.count, 1);
	cr_expect_str_eq(taker.entries[0].name, "..");
	cr_assert_eq(read_some(&pt_ops_worker, node, fh, taker.entries[0].next, MOST, 0), 0);
	cr_expect_eq(taker.count, 0);
	cr_expect_eq(pt_ops->fsyncdir(&pt_ops_pool, node, fh, 0), 0);
	cr_expect_eq(pt_dir_fd(pt_ops_fs, fh), -1);
	close_dir(node, fh);
}

Test(pt_dir, a_listing_does_not_enter_a_mount_that_nobody_has_asked_for)
{
	uint64_t fh;

	pt_ops_begin("");
	mount_beneath();
	fh = open_dir(LLFUSED_ROOT_ID);
	cr_assert_eq(read_some(&pt_ops_pool, LLFUSED_ROOT_ID, fh, 0, MOST, 1), 0);
	cr_assert_geq(find_told("dir"), 0);
	cr_expect_eq(taker.entries[find_told("dir")].nodeid, 0);
	cr_expect_eq(taker.entries[find_told("dir")].mode, S_IFDIR);
	cr_expect_neq(taker.entries[find_told("file")].nodeid, 0);
	close_dir(LLFUSED_ROOT_ID, fh);
}

/* ---- handles ---- */

Test(pt_dir, closing_gives_the_descriptor_back)
{
	unsigned fds;
	uint64_t fh;

	pt_ops_begin("");
	fds = pt_ops_open_fds();
	for (unsigned i = 0; i < 100; i++) {
		fh = open_dir(LLFUSED_ROOT_ID);
		cr_assert_eq(read_some(&pt_ops_pool, LLFUSED_ROOT_ID, fh, 0, MOST, 0), 0);
		close_dir(LLFUSED_ROOT_ID, fh);
	}
	cr_expect_eq(pt_ops_open_fds(), fds);
}

Test(pt_dir, what_is_still_open_at_the_end_is_closed)
{
	unsigned fds;

	fds = pt_ops_open_fds();
	pt_ops_begin("");
	for (unsigned i = 0; i < 10; i++)
		open_dir(LLFUSED_ROOT_ID);
	pt_ops_end();
	cr_expect_eq(pt_ops_open_fds(), fds);
}

Test(pt_dir, a_removed_directory_is_opened_as_long_as_it_is_known)
{
	struct llfused_open open = {.fh = 0};
	uint64_t node;

	pt_ops_begin("");
	cr_assert_eq(mkdir("dir", 0700), 0);
	node = pt_ops_find("dir");
	cr_assert_eq(rename("dir", "moved"), 0);
	make_files(0, 1);
	cr_assert_eq(pt_ops->opendir(&pt_ops_pool, node, O_RDONLY, &open), 0);
	close_dir(node, open.fh);
	cr_expect_eq(pt_ops->opendir(&pt_ops_pool, pt_ops_find("f0"), O_RDONLY, &open), -ENOTDIR);
	cr_expect_eq(pt_ops->opendir(&pt_ops_pool, 12345, O_RDONLY, &open), -ESTALE);
}

Test(pt_dir, only_who_owns_the_source_lets_listings_be_kept)
{
	struct llfused_open open = {.flags = LLFUSED_OPEN_KEEP_CACHE};

	pt_ops_begin("");
	cr_assert_eq(pt_ops->opendir(&pt_ops_pool, LLFUSED_ROOT_ID, O_RDONLY, &open), 0);
	cr_expect_eq(open.flags, 0);
	pt_ops_end();
	pt_ops_begin("cache=always");
	cr_assert_eq(pt_ops->opendir(&pt_ops_pool, LLFUSED_ROOT_ID, O_RDONLY, &open), 0);
	cr_expect_eq(open.flags, LLFUSED_OPEN_KEEP_CACHE | LLFUSED_OPEN_CACHE_DIR);
}

/* Lists the root, opened with `flags`, when its access time is old: was it moved? */
static bool listing_moves_atime(uint32_t flags)
{
	struct timespec times[2] = {{.tv_sec = 1}, {.tv_nsec = UTIME_OMIT}};
	struct llfused_open open = {.fh = 0};

	cr_assert_eq(utimensat(AT_FDCWD, ".", times, 0), 0);
	cr_assert_eq(pt_ops->opendir(&pt_ops_pool, LLFUSED_ROOT_ID, flags, &open), 0);
	cr_assert_eq(read_some(&pt_ops_pool, LLFUSED_ROOT_ID, open.fh, 0, MOST, 0), 0);
	close_dir(LLFUSED_ROOT_ID, open.fh);
	return pt_ops_stat(".").st_atime != 1;
}

Test(pt_dir, listing_moves_the_access_time_unless_the_caller_or_the_mount_forbids_it)
{
	pt_ops_begin("");
	cr_expect(listing_moves_atime(O_RDONLY));
	cr_expect(!listing_moves_atime(O_RDONLY | O_NOATIME));
	pt_ops_fs->mount_flags = LLFUSED_MOUNT_NOATIME;
	cr_expect(!listing_moves_atime(O_RDONLY));
}

Test(pt_dir, what_is_not_open_is_refused)
{
	uint64_t fh;

	pt_ops_begin("");
	fh = open_dir(LLFUSED_ROOT_ID);
	close_dir(LLFUSED_ROOT_ID, fh);
	cr_expect_eq(read_some(&pt_ops_pool, LLFUSED_ROOT_ID, fh, 0, MOST, 0), -EBADF);
	cr_expect_eq(pt_ops->releasedir(&pt_ops_pool, LLFUSED_ROOT_ID, fh, O_RDONLY), -EBADF);
	cr_expect_eq(pt_ops->fsyncdir(&pt_ops_pool, LLFUSED_ROOT_ID, UINT64_MAX, 0), -EBADF);
	cr_expect_eq(pt_dir_fd(pt_ops_fs, fh), -1);
}

Test(pt_dir, syncing_is_for_threads_that_may_sleep)
{
	uint64_t fh;

	pt_ops_begin("");
	fh = open_dir(LLFUSED_ROOT_ID);
	cr_expect_eq(pt_ops->fsyncdir(&pt_ops_worker, LLFUSED_ROOT_ID, fh, 0), LLFUSED_AGAIN);
	cr_expect_eq(pt_ops->fsyncdir(&pt_ops_pool, LLFUSED_ROOT_ID, fh, 0), 0);
	cr_expect_eq(pt_ops->fsyncdir(&pt_ops_pool, LLFUSED_ROOT_ID, fh, 1), 0);
	close_dir(LLFUSED_ROOT_ID, fh);
}

/* ---- offsets that cannot be told as they are ---- */

Test(pt_dir, strange_offsets_come_back_as_they_were, .fini = NULL)
{
	static const uint64_t strange[] = {0,         INT64_MAX,         UINT64_MAX,
					   INT64_MIN, PT_OFFSET_ODD,     PT_OFFSET_ODD + 5,
					   1,         PT_OFFSET_ODD - 1, UINT64_C(1) << 62};
	struct pt_offsets offsets = {.count = 0};
	uint64_t tales[300], real;

	for (size_t i = 0; i < 300; i++) {
		tales[i] = pt_offset_tell(&offsets, strange[i % 9]);
		cr_assert(tales[i] > 0 && tales[i] <= INT64_MAX);
	}
	for (size_t i = 0; i < 300; i++) {
		cr_assert_eq(pt_offset_real(&offsets, tales[i], &real), 0);
		cr_expect_eq(real, strange[i % 9]);
	}
	cr_expect_eq(tales[6], 1, "plain ones are told as they are");
	cr_expect_neq(tales[0], tales[1]);
	cr_expect_eq(pt_offset_real(&offsets, INT64_MAX, &real), -EINVAL);
	pt_offset_free(&offsets);
	cr_expect_eq(pt_offset_real(&offsets, tales[0], &real), -EINVAL);
}

Test(pt_dir, a_strange_offset_told_again_takes_no_room, .fini = NULL)
{
	struct pt_offsets offsets = {.count = 0};
	uint64_t tales[1000];

	/* enough for the table to grow several times */
	for (uint64_t i = 0; i < 1000; i++)
		tales[i] = pt_offset_tell(&offsets, UINT64_MAX - i * 4096);
	for (unsigned again = 0; again < 3; again++)
		for (uint64_t i = 0; i < 1000; i++)
			cr_assert_eq(pt_offset_tell(&offsets, UINT64_MAX - i * 4096), tales[i]);
	cr_expect_eq(offsets.count, 1000);
	pt_offset_free(&offsets);
}

Test(pt_dir, a_listing_that_was_told_whole_gives_its_memory_back)
{
	static uint64_t fhs[256];
	size_t before;

	pt_ops_begin("");
	make_files(0, 3);
	for (size_t i = 0; i < 256; i++)
		fhs[i] = open_dir(LLFUSED_ROOT_ID);
	before = mallinfo2().uordblks;
	for (size_t i = 0; i < 256; i++)
		cr_assert_eq(read_all(LLFUSED_ROOT_ID, fhs[i], 0, MOST, 0), 5);
	cr_expect_lt(mallinfo2().uordblks, before + 256 * 1024);
	/* and can be had again */
	for (size_t i = 0; i < 256; i++) {
		cr_expect_eq(read_all(LLFUSED_ROOT_ID, fhs[i], 0, 2, 0), 5);
		close_dir(LLFUSED_ROOT_ID, fhs[i]);
	}
}
