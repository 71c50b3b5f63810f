/*
 * passthrough: attributes as they are told, and changed.
 */
#include "pt_ops.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "passthrough/attr.h"

#define YEAR INT64_C(31557600)

TestSuite(pt_attr, .timeout = 60, .fini = pt_ops_end);

static struct llfused_attr_out out;

static int set(uint64_t nodeid, const struct llfused_setattr *change)
{
	out = (struct llfused_attr_out){.timeout = 0};
	return pt_ops->setattr(&pt_ops_pool, nodeid, change, &out);
}

static bool is_same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* ---- what is told ---- */

static void expect_like_source(const char *path)
{
	struct stat st = pt_ops_stat(path);
	struct llfused_attr attr = pt_ops_attr(pt_ops_find(path));

	cr_expect_eq(attr.ino, st.st_ino);
	cr_expect_eq(attr.mode, st.st_mode, "%s: %o", path, attr.mode);
	cr_expect_eq(attr.nlink, st.st_nlink);
	cr_expect_eq(attr.uid, st.st_uid);
	cr_expect_eq(attr.gid, st.st_gid);
	cr_expect_eq(attr.rdev, st.st_rdev);
	cr_expect_eq(attr.size, (uint64_t)st.st_size);
	cr_expect_eq(attr.blocks, (uint64_t)st.st_blocks);
	cr_expect_eq(attr.blksize, (uint32_t)st.st_blksize);
	cr_expect(is_same_time(&attr.atime, &st.st_atim), "%s", path);
	cr_expect(is_same_time(&attr.mtime, &st.st_mtim), "%s", path);
	cr_expect(is_same_time(&attr.ctime, &st.st_ctim), "%s", path);
	cr_expect(attr.has_btime);
	cr_expect_gt(attr.btime.tv_sec, 1600000000);
}

Test(pt_attr, every_sort_of_inode_is_told_as_it_is)
{
	struct timespec times[2] = {{.tv_sec = -300000000, .tv_nsec = 1},
				    {.tv_sec = INT64_C(7258118400), .tv_nsec = 999999999}};

	pt_ops_begin("");
	pt_ops_write("file", "hello");
	cr_assert_eq(link("file", "other"), 0);
	cr_assert_eq(chown("file", 12, 34), 0);
	cr_assert_eq(chmod("file", 06751), 0);
	cr_assert_eq(utimensat(AT_FDCWD, "file", times, 0), 0);
	cr_assert_eq(mkdir("dir", 01777), 0);
	cr_assert_eq(symlink("nowhere", "link"), 0);
	cr_assert_eq(mkfifo("fifo", 0600), 0);
	cr_assert_eq(mknod("chr", S_IFCHR | 0600, makedev(1, 3)), 0);
	cr_assert_eq(mknod("blk", S_IFBLK | 0600, makedev(2748, 703710)), 0);
	expect_like_source("file");
	expect_like_source("dir");
	expect_like_source("link");
	expect_like_source("fifo");
	expect_like_source("chr");
	expect_like_source("blk");
}

/* A source and two mounts beneath it, made by hand. */
static void three_devices(struct pt *fs, struct pt_mount *mounts)
{
	*fs = (struct pt){.source = {.mounts = mounts}};
	mounts[0].dev = makedev(8, 1);
	mounts[1].dev = makedev(0, 50);
	mounts[2].dev = makedev(0, 51);
}

Test(pt_attr, equal_inode_numbers_of_several_devices_are_told_apart, .fini = NULL)
{
	struct pt_mount mounts[3] = {{.id = 0}};
	struct pt fs;

	three_devices(&fs, mounts);
	cr_expect_eq(pt_attr_ino(&fs, 0, 77), 77, "the source's own stay as they are");
	cr_expect_neq(pt_attr_ino(&fs, 1, 77), 77);
	cr_expect_neq(pt_attr_ino(&fs, 2, 77), 77);
	cr_expect_neq(pt_attr_ino(&fs, 1, 77), pt_attr_ino(&fs, 2, 77));
	cr_expect_neq(pt_attr_ino(&fs, 1, 77), pt_attr_ino(&fs, 1, 78));
}

Test(pt_attr, a_device_met_in_another_order_keeps_its_inode_numbers, .fini = NULL)
{
	struct pt_mount mounts[3] = {{.id = 0}}, others[3] = {{.id = 0}};
	struct pt fs, later;

	three_devices(&fs, mounts);
	three_devices(&later, others);
	others[1].dev = mounts[2].dev;
	others[2].dev = mounts[1].dev;
	cr_expect_eq(pt_attr_ino(&fs, 1, 5), pt_attr_ino(&later, 2, 5));
	cr_expect_eq(pt_attr_ino(&fs, 2, 5), pt_attr_ino(&later, 1, 5));
}

Test(pt_attr, a_file_system_without_birth_times_tells_none, .fini = NULL)
{
	struct pt_mount mounts[3] = {{.id = 0}};
	struct statx stx = {.stx_mask = STATX_BASIC_STATS, .stx_btime = {.tv_sec = 99}};
	struct llfused_attr attr = {.ino = 0};
	struct pt fs;

	three_devices(&fs, mounts);
	pt_attr_fill(&fs, 0, &stx, &attr);
	cr_expect_eq(attr.has_btime, 0);
	cr_expect_eq(attr.btime.tv_sec, 0);
}

Test(pt_attr, timeouts_are_those_of_the_options)
{
	struct llfused_entry entry = {.nodeid = 0};

	pt_ops_begin("attr_timeout=7,entry_timeout=0.25");
	pt_ops_write("file", "");
	cr_assert_eq(pt_ops->lookup(&pt_ops_pool, LLFUSED_ROOT_ID, "file", &entry), 0);
	cr_expect_eq(entry.attr_timeout, UINT64_C(7000000000));
	cr_expect_eq(entry.entry_timeout, UINT64_C(250000000));
	cr_assert_eq(pt_ops->getattr(&pt_ops_pool, entry.nodeid, NULL, &out), 0);
	cr_expect_eq(out.timeout, UINT64_C(7000000000));
	cr_assert_eq(set(entry.nodeid, &(struct llfused_setattr){.valid = LLFUSED_SET_MODE}), 0);
	cr_expect_eq(out.timeout, UINT64_C(7000000000));
}

Test(pt_attr, forced_owners_are_shown_and_cannot_be_changed)
{
	struct llfused_setattr change = {.valid = LLFUSED_SET_UID, .uid = 1};
	uint64_t file;

	pt_ops_begin("force-user=1000,force-group=2000");
	pt_ops_write("file", "");
	cr_assert_eq(chown("file", 5, 6), 0);
	file = pt_ops_find("file");
	cr_expect_eq(pt_ops_attr(file).uid, 1000);
	cr_expect_eq(pt_ops_attr(file).gid, 2000);
	cr_expect_eq(pt_ops_attr(LLFUSED_ROOT_ID).uid, 1000);
	cr_expect_eq(set(file, &change), -EPERM);
	change = (struct llfused_setattr){.valid = LLFUSED_SET_GID, .gid = 1};
	cr_expect_eq(set(file, &change), -EPERM);
	cr_expect_eq(pt_ops_stat("file").st_uid, 5);
	cr_expect_eq(pt_ops_stat("file").st_gid, 6);
	change = (struct llfused_setattr){.valid = LLFUSED_SET_MODE, .mode = 0640};
	cr_expect_eq(set(file, &change), 0);
	cr_expect_eq(out.attr.uid, 1000);
}

Test(pt_attr, one_forced_owner_leaves_the_other_but_neither_can_be_changed)
{
	struct llfused_setattr change = {.valid = LLFUSED_SET_UID, .uid = 1};

	pt_ops_begin("force-group=2000");
	pt_ops_write("file", "");
	cr_assert_eq(chown("file", 5, 6), 0);
	cr_expect_eq(pt_ops_attr(pt_ops_find("file")).uid, 5);
	cr_expect_eq(pt_ops_attr(pt_ops_find("file")).gid, 2000);
	cr_expect_eq(set(pt_ops_find("file"), &change), -EPERM);
	pt_ops_end();
	pt_ops_begin("force-user=1000");
	pt_ops_write("file", "");
	cr_expect_eq(pt_ops_attr(pt_ops_find("file")).gid, 0);
	cr_expect_eq(set(pt_ops_find("file"), &change), -EPERM);
}

Test(pt_attr, statfs_is_the_sources)
{
	struct llfused_statfs told = {.blocks = 0};
	struct statfs sfs;

	pt_ops_begin("");
	cr_assert_eq(statfs(".", &sfs), 0);
	cr_assert_eq(pt_ops->statfs(&pt_ops_pool, LLFUSED_ROOT_ID, &told), 0);
	cr_expect_gt(told.blocks, 0);
	cr_expect_eq(told.blocks, sfs.f_blocks);
	cr_expect_eq(told.files, sfs.f_files);
	cr_expect_eq(told.ffree, sfs.f_ffree);
	cr_expect_eq(told.bsize, (uint32_t)sfs.f_bsize);
	cr_expect_eq(told.frsize, (uint32_t)sfs.f_frsize);
	cr_expect_eq(told.namelen, (uint32_t)sfs.f_namelen);
}

Test(pt_attr, an_inode_that_is_not_known_is_stale)
{
	struct llfused_setattr change = {.valid = LLFUSED_SET_MODE, .mode = 0640};
	struct llfused_statfs told;

	pt_ops_begin("");
	cr_expect_eq(pt_ops->getattr(&pt_ops_pool, 12345, NULL, &out), -ESTALE);
	cr_expect_eq(set(12345, &change), -ESTALE);
	cr_expect_eq(pt_ops->statfs(&pt_ops_pool, 12345, &told), -ESTALE);
}

/* ---- mode and owner ---- */

static uint64_t file_with_mode(mode_t mode)
{
	pt_ops_write("file", "hello");
	cr_assert_eq(chmod("file", mode), 0);
	return pt_ops_find("file");
}

Test(pt_attr, chmod_sets_all_twelve_bits_and_no_type)
{
	struct llfused_setattr change = {.valid = LLFUSED_SET_MODE, .mode = S_IFDIR | 07654};
	uint64_t file;

	pt_ops_begin("");
	file = file_with_mode(0600);
	cr_assert_eq(set(file, &change), 0);
	cr_expect_eq(pt_ops_stat("file").st_mode, S_IFREG | 07654);
	cr_expect_eq(out.attr.mode, S_IFREG | 07654);
}

Test(pt_attr, chown_changes_what_is_given_and_clears_setuid)
{
	struct llfused_setattr change = {.valid = LLFUSED_SET_UID, .uid = 70, .gid = 71};
	uint64_t file;

	pt_ops_begin("");
	file = file_with_mode(06755);
	cr_assert_eq(set(file, &change), 0);
	cr_expect_eq(pt_ops_stat("file").st_uid, 70);
	cr_expect_eq(pt_ops_stat("file").st_gid, 0);
	cr_expect_eq(out.attr.uid, 70);
	cr_expect_eq(out.attr.mode, S_IFREG | 0755);
	change.valid = LLFUSED_SET_GID;
	cr_assert_eq(set(file, &change), 0);
	cr_expect_eq(pt_ops_stat("file").st_gid, 71);
}

Test(pt_attr, a_link_is_changed_itself_and_not_its_target)
{
	struct llfused_setattr owner = {.valid = LLFUSED_SET_UID, .uid = 70};
	struct llfused_setattr times = {.valid = LLFUSED_SET_MTIME, .mtime = {.tv_sec = 5}};
	uint64_t node;

	pt_ops_begin("");
	file_with_mode(0600);
	cr_assert_eq(symlink("file", "link"), 0);
	node = pt_ops_find("link");
	cr_assert_eq(set(node, &owner), 0);
	cr_assert_eq(set(node, &times), 0);
	cr_expect_eq(pt_ops_stat("link").st_uid, 70);
	cr_expect_eq(pt_ops_stat("link").st_mtime, 5);
	cr_expect_eq(pt_ops_stat("file").st_uid, 0);
	cr_expect_neq(pt_ops_stat("file").st_mtime, 5);
}

Test(pt_attr, a_request_that_sets_nothing_clears_setuid)
{
	struct llfused_setattr change = {.valid = 0};
	uint64_t file;

	pt_ops_begin("");
	file = file_with_mode(06755);
	cr_assert_eq(set(file, &change), 0);
	cr_expect_eq(out.attr.mode, S_IFREG | 0755);
}

/* ---- times ---- */

Test(pt_attr, times_are_set_to_the_nanosecond_from_1900_to_2400)
{
	static const int64_t seconds[] = {-70 * YEAR, -1, 0, 1, 430 * YEAR};
	uint64_t file;

	pt_ops_begin("");
	file = file_with_mode(0600);
	for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
		struct llfused_setattr change = {
			.valid = LLFUSED_SET_ATIME | LLFUSED_SET_MTIME,
			.atime = {.tv_sec = seconds[i], .tv_nsec = 123456789},
			.mtime = {.tv_sec = seconds[i] + 7, .tv_nsec = 999999999},
		};
		struct stat st;

		cr_assert_eq(set(file, &change), 0);
		st = pt_ops_stat("file");
		cr_expect(is_same_time(&st.st_atim, &change.atime), "%ld", (long)seconds[i]);
		cr_expect(is_same_time(&st.st_mtim, &change.mtime), "%ld", (long)seconds[i]);
		cr_expect(is_same_time(&out.attr.atime, &change.atime));
		cr_expect(is_same_time(&out.attr.mtime, &change.mtime));
	}
}

Test(pt_attr, a_time_that_is_not_given_stays)
{
	struct llfused_setattr both = {.valid = LLFUSED_SET_ATIME | LLFUSED_SET_MTIME,
				       .atime = {.tv_sec = 11},
				       .mtime = {.tv_sec = 22}};
	struct llfused_setattr one = {.valid = LLFUSED_SET_ATIME, .atime = {.tv_sec = 33}};
	uint64_t file;

	pt_ops_begin("");
	file = file_with_mode(0600);
	cr_assert_eq(set(file, &both), 0);
	cr_assert_eq(set(file, &one), 0);
	cr_expect_eq(pt_ops_stat("file").st_atime, 33);
	cr_expect_eq(pt_ops_stat("file").st_mtime, 22);
	one = (struct llfused_setattr){.valid = LLFUSED_SET_MTIME, .mtime = {.tv_sec = 44}};
	cr_assert_eq(set(file, &one), 0);
	cr_expect_eq(pt_ops_stat("file").st_atime, 33);
	cr_expect_eq(pt_ops_stat("file").st_mtime, 44);
}

Test(pt_attr, now_is_the_clock_of_the_source)
{
	struct llfused_setattr change = {.valid = LLFUSED_SET_ATIME | LLFUSED_SET_ATIME_NOW |
						  LLFUSED_SET_MTIME,
					 .atime = {.tv_sec = 1},
					 .mtime = {.tv_sec = 2}};
	uint64_t file;

	pt_ops_begin("");
	file = file_with_mode(0600);
	cr_assert_eq(set(file, &change), 0);
	cr_expect_geq(pt_ops_stat("file").st_atime, time(NULL) - 30);
	cr_expect_eq(pt_ops_stat("file").st_mtime, 2);
}

/* ---- size ---- */

static const struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 2000}};

static uint64_t old_file(void)
{
	uint64_t file = file_with_mode(0644);

	cr_assert_eq(utimensat(AT_FDCWD, "file", old, 0), 0);
	return file;
}

static int set_size(uint64_t nodeid, uint64_t size)
{
	struct llfused_setattr change = {.valid = LLFUSED_SET_SIZE, .size = size};

	return set(nodeid, &change);
}

Test(pt_attr, a_file_is_cut_and_made_longer)
{
	uint64_t file;

	pt_ops_begin("");
	file = old_file();
	cr_assert_eq(set_size(file, 2), 0);
	cr_expect_eq(pt_ops_stat("file").st_size, 2);
	cr_expect_eq(out.attr.size, 2);
	cr_expect_neq(out.attr.mtime.tv_sec, 2000);
	cr_assert_eq(set_size(file, UINT64_C(1) << 40), 0);
	cr_expect_eq(out.attr.size, UINT64_C(1) << 40);
	cr_expect_eq(set_size(file, UINT64_MAX), -EFBIG);
}

Test(pt_attr, the_same_size_leaves_the_times_as_truncate_does)
{
	uint64_t file;

	pt_ops_begin("");
	/* without pages: tmpfs moves the times when it has any to look through */
	pt_ops_write("file", "");
	cr_assert_eq(truncate("file", 5), 0);
	cr_assert_eq(utimensat(AT_FDCWD, "file", old, 0), 0);
	file = pt_ops_find("file");
	cr_assert_eq(set_size(file, 5), 0);
	cr_expect_eq(pt_ops_stat("file").st_mtime, 2000);
}

Test(pt_attr, an_empty_file_truncated_by_open_gets_new_times)
{
	uint64_t file;

	pt_ops_begin("");
	pt_ops_write("file", "");
	cr_assert_eq(utimensat(AT_FDCWD, "file", old, 0), 0);
	file = pt_ops_find("file");
	cr_assert_eq(set_size(file, 0), 0);
	cr_expect_neq(pt_ops_stat("file").st_mtime, 2000);
}

Test(pt_attr, an_open_file_is_cut_by_its_handle_and_the_same_size_moves_times)
{
	struct llfused_setattr change = {.valid = LLFUSED_SET_SIZE | LLFUSED_SET_FH, .size = 5};
	struct llfused_open open = {.fh = 0};
	uint64_t file;

	pt_ops_begin("");
	file = old_file();
	cr_assert_eq(pt_ops->open(&pt_ops_pool, file, O_RDWR, &open), 0);
	/* what a name says does not count any more */
	cr_assert_eq(rename("file", "away"), 0);
	change.fh = open.fh;
	cr_assert_eq(set(file, &change), 0);
	cr_expect_neq(pt_ops_stat("away").st_mtime, 2000);
	change.size = 1;
	cr_assert_eq(set(file, &change), 0);
	cr_expect_eq(pt_ops_stat("away").st_size, 1);
	cr_assert_eq(unlink("away"), 0);
	cr_assert_eq(pt_ops->getattr(&pt_ops_pool, file, &open.fh, &out), 0);
	cr_expect_eq(out.attr.size, 1);
	cr_expect_eq(out.attr.nlink, 0);
	pt_ops->release(&pt_ops_pool, file, open.fh, O_RDWR, 0);
}

Test(pt_attr, truncation_clears_setuid_when_told_and_only_then)
{
	struct llfused_setattr change = {.valid = LLFUSED_SET_SIZE, .size = 3};
	uint64_t file;

	pt_ops_begin("");
	file = file_with_mode(06755);
	cr_assert_eq(set(file, &change), 0);
	cr_expect_eq(out.attr.mode, S_IFREG | 06755);
	change = (struct llfused_setattr){.valid = LLFUSED_SET_SIZE | LLFUSED_SET_KILL_SUIDGID};
	cr_assert_eq(set(file, &change), 0);
	cr_expect_eq(out.attr.mode, S_IFREG | 0755);
	/* and the thread is as it was before */
	pt_ops_come_back();
	cr_assert_eq(chmod("file", 06755), 0);
	cr_assert_eq(truncate("file", 9), 0);
	cr_expect_eq(pt_ops_stat("file").st_mode, S_IFREG | 06755);
}

Test(pt_attr, only_files_have_a_size_to_be_set)
{
	pt_ops_begin("");
	cr_assert_eq(mkdir("dir", 0700), 0);
	cr_assert_eq(mkfifo("fifo", 0600), 0);
	cr_expect_eq(set_size(pt_ops_find("dir"), 0), -EINVAL);
	cr_expect_eq(set_size(pt_ops_find("fifo"), 0), -EINVAL);
}

Test(pt_attr, much_is_not_freed_on_a_thread_that_must_not_sleep)
{
	struct llfused_setattr change = {.valid = LLFUSED_SET_SIZE, .size = 0};
	uint64_t file;

	pt_ops_begin("");
	file = file_with_mode(0600);
	cr_assert_eq(pt_ops->setattr(&pt_ops_worker, file, &change, &out), 0);
	cr_assert_eq(truncate("file", 64 << 20), 0);
	cr_assert_eq(pt_ops->setattr(&pt_ops_worker, file, &change, &out), LLFUSED_AGAIN);
	cr_expect_eq(pt_ops_stat("file").st_size, 64 << 20);
	cr_assert_eq(set(file, &change), 0);
	cr_expect_eq(pt_ops_stat("file").st_size, 0);
}

Test(pt_attr, a_lease_is_not_waited_for_on_a_thread_that_must_not_sleep)
{
	struct llfused_setattr change = {.valid = LLFUSED_SET_SIZE, .size = 0};
	uint64_t file;
	int fd;

	pt_ops_begin("");
	file = file_with_mode(0600);
	fd = open("file", O_RDONLY | O_CLOEXEC);
	signal(SIGIO, SIG_IGN);
	cr_assert_eq(fcntl(fd, F_SETLEASE, F_RDLCK), 0);
	cr_assert_eq(pt_ops->setattr(&pt_ops_worker, file, &change, &out), LLFUSED_AGAIN);
	close(fd);
	cr_assert_eq(pt_ops->setattr(&pt_ops_worker, file, &change, &out), 0);
}

/* ---- several at once ---- */

Test(pt_attr, of_all_together_none_undoes_another)
{
	struct llfused_setattr change = {
		.valid = LLFUSED_SET_SIZE | LLFUSED_SET_UID | LLFUSED_SET_GID | LLFUSED_SET_MODE |
			 LLFUSED_SET_ATIME | LLFUSED_SET_MTIME,
		.size = 100,
		.uid = 8,
		.gid = 9,
		.mode = 06711,
		.atime = {.tv_sec = 5, .tv_nsec = 6},
		.mtime = {.tv_sec = 7, .tv_nsec = 8},
	};
	struct stat st;
	uint64_t file;

	pt_ops_begin("");
	file = file_with_mode(0600);
	cr_assert_eq(set(file, &change), 0);
	st = pt_ops_stat("file");
	cr_expect_eq(st.st_size, 100);
	cr_expect_eq(st.st_uid, 8);
	cr_expect_eq(st.st_gid, 9);
	cr_expect_eq(st.st_mode, S_IFREG | 06711);
	cr_expect(is_same_time(&st.st_atim, &change.atime));
	cr_expect(is_same_time(&st.st_mtim, &change.mtime));
}
