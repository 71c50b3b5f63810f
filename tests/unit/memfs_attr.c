/*
 * memfs: setattr and the rules of times and of clearing setuid.
 */
#include "memfs_fixture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static struct fx fx;
static uint64_t file;

static void start(void)
{
	fx_start(&fx, NULL);
	file = (uint64_t)fx_file(&fx, ROOT, "file");
}

static void stop(void)
{
	fx_stop(&fx);
}

TestSuite(memfs_attr, .init = start, .fini = stop, .timeout = 60);

enum { ATIME = 1, MTIME = 2, CTIME = 4 };

static struct llfused_attr before;

static int differs(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec || a->tv_nsec != b->tv_nsec;
}

/* Which times have moved since the last call. */
static int moved(void)
{
	struct llfused_attr now = fx_stat(&fx, file);
	int result = (differs(&now.atime, &before.atime) ? ATIME : 0) |
		     (differs(&now.mtime, &before.mtime) ? MTIME : 0) |
		     (differs(&now.ctime, &before.ctime) ? CTIME : 0);

	before = now;
	return result;
}

/* As truncate(2): without a handle. */
static int truncate_path(uint64_t size)
{
	struct llfused_setattr set = {.valid = LLFUSED_SET_SIZE | LLFUSED_SET_LOCKOWNER,
				      .size = size};

	return fx_setattr(&fx, file, &set);
}

Test(memfs_attr, data_operations_move_the_times_of_tmpfs)
{
	char byte;

	moved();
	fx_write(&fx, file, 0, "x", 1);
	cr_expect_eq(moved(), MTIME | CTIME);
	fx_write(&fx, file, 0, "", 0);
	cr_expect_eq(moved(), 0);
	fx_read(&fx, file, 0, &byte, 1);
	cr_expect_eq(moved(), ATIME);
	fx_read(&fx, file, 0, &byte, 1);
	cr_expect_eq(moved(), 0);
	fx_fallocate(&fx, file, 0, 100, FALLOC_FL_KEEP_SIZE);
	cr_expect_eq(moved(), MTIME | CTIME);
	fx_fallocate(&fx, file, 9000, 100, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE);
	cr_expect_eq(moved(), MTIME | CTIME);
	fx_truncate(&fx, file, 1);
	cr_expect_eq(moved(), MTIME | CTIME);
	fx_setxattr(&fx, file, "user.a", "b", 1, 0);
	cr_expect_eq(moved(), CTIME);
	fx_chmod(&fx, file, 0600);
	cr_expect_eq(moved(), CTIME);
}

Test(memfs_attr, o_noatime_leaves_atime)
{
	char byte;
	struct llfused_buf buf = {.data = &byte, .cap = 1};

	moved();
	fx.ops->read(&fx.ctx, file, 0, 0, O_NOATIME, &buf);
	cr_expect_eq(moved(), 0);
}

Test(memfs_attr, truncate_that_changes_nothing_moves_no_time)
{
	truncate_path(9000);
	moved();
	/* All hole: nothing is freed. */
	truncate_path(9000);
	cr_expect_eq(moved(), 0);
	fx_write(&fx, file, 0, "x", 1);
	moved();
	truncate_path(9000);
	cr_expect_eq(moved(), MTIME | CTIME);
	/* To nothing, that is how O_TRUNC looks. */
	truncate_path(0);
	moved();
	truncate_path(0);
	cr_expect_eq(moved(), MTIME | CTIME);
}

Test(memfs_attr, times_are_kept_to_the_nanosecond)
{
	static const struct timespec times[] = {{0, 0},
						{-1, 999999999},
						{INT64_C(1) << 33, 999999501},
						{INT64_MIN, 1},
						{INT64_MAX, 7}};

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		struct llfused_setattr set = {.valid = LLFUSED_SET_ATIME | LLFUSED_SET_MTIME,
					      .atime = times[i],
					      .mtime = times[i]};
		struct llfused_attr attr;

		cr_expect_eq(fx_setattr(&fx, file, &set), 0);
		attr = fx_stat(&fx, file);
		cr_expect_not(differs(&attr.atime, &times[i]));
		cr_expect_not(differs(&attr.mtime, &times[i]));
		cr_expect(differs(&attr.ctime, &times[i]));
	}
}

Test(memfs_attr, now_is_now_whatever_time_came_with_it)
{
	struct llfused_setattr set = {.valid = LLFUSED_SET_ATIME | LLFUSED_SET_ATIME_NOW,
				      .atime = {5, 5}};
	struct timespec now;

	moved();
	cr_expect_eq(fx_setattr(&fx, file, &set), 0);
	clock_gettime(CLOCK_REALTIME, &now);
	cr_expect_leq(now.tv_sec - fx_stat(&fx, file).atime.tv_sec, 5);
	cr_expect_eq(moved(), ATIME | CTIME);
}

Test(memfs_attr, nonsense_is_refused_and_changes_nothing)
{
	struct llfused_setattr set = {.valid = LLFUSED_SET_MTIME | LLFUSED_SET_MODE,
				      .mode = 0777,
				      .mtime = {0, 1000000000}};

	moved();
	cr_expect_eq(fx_setattr(&fx, file, &set), -EINVAL);
	set.mtime.tv_nsec = -1;
	cr_expect_eq(fx_setattr(&fx, file, &set), -EINVAL);
	cr_expect_eq(moved(), 0);
	cr_expect_eq(fx_stat(&fx, file).mode, S_IFREG | 0644);
}

Test(memfs_attr, mode_cannot_change_the_type)
{
	cr_expect_eq(fx_chmod(&fx, file, S_IFDIR | 07123), 0);
	cr_expect_eq(fx_stat(&fx, file).mode, S_IFREG | 07123);
}

Test(memfs_attr, kill_suidgid_spares_setgid_without_group_execute)
{
	struct llfused_setattr set = {.valid = LLFUSED_SET_UID | LLFUSED_SET_KILL_SUIDGID,
				      .uid = 5};
	size_t written;

	fx_chmod(&fx, file, 06775);
	fx_setattr(&fx, file, &set);
	cr_expect_eq(fx_stat(&fx, file).mode, S_IFREG | 0775);
	cr_expect_eq(fx_stat(&fx, file).uid, 5);
	fx_chmod(&fx, file, 06765);
	fx_setattr(&fx, file, &set);
	cr_expect_eq(fx_stat(&fx, file).mode, S_IFREG | 02765);
	fx_chmod(&fx, file, 06775);
	fx.ops->write(&fx.ctx, file, 0, 0, "x", 1, 0, &written);
	cr_expect_eq(fx_stat(&fx, file).mode, S_IFREG | 06775);
	fx.ops->write(&fx.ctx, file, 0, 0, "x", 1, LLFUSED_WRITE_KILL_SUIDGID, &written);
	cr_expect_eq(fx_stat(&fx, file).mode, S_IFREG | 0775);
}

/* Without being asked to: these requests have no flag for it. */
Test(memfs_attr, fallocate_and_copy_by_others_than_root_kill_suidgid)
{
	uint64_t from = (uint64_t)fx_file(&fx, ROOT, "from");
	uint64_t copied;

	fx_write(&fx, from, 0, "x", 1);
	fx_chmod(&fx, file, 06775);
	cr_expect_eq(fx_fallocate(&fx, file, 0, 1, 0), 0);
	cr_expect_eq(fx.ops->copy_file_range(&fx.ctx, from, 0, 0, file, 0, 0, 1, 0, &copied), 0);
	cr_expect_eq(fx_stat(&fx, file).mode, S_IFREG | 06775);
	fx.ctx.uid = 5;
	cr_expect_eq(fx_fallocate(&fx, file, 0, 1, 0), 0);
	cr_expect_eq(fx_stat(&fx, file).mode, S_IFREG | 0775);
	fx_chmod(&fx, file, 06775);
	cr_expect_eq(fx.ops->copy_file_range(&fx.ctx, from, 0, 0, file, 0, 0, 1, 0, &copied), 0);
	cr_expect_eq(copied, 1);
	cr_expect_eq(fx_stat(&fx, file).mode, S_IFREG | 0775);
}

Test(memfs_attr, empty_setattr_kills_suidgid)
{
	struct llfused_setattr set = {.valid = 0};

	fx_chmod(&fx, file, 06775);
	cr_expect_eq(fx_setattr(&fx, file, &set), 0);
	cr_expect_eq(fx_stat(&fx, file).mode, S_IFREG | 0775);
}

/* What the kernel sends when root writes to a file with capabilities. */
Test(memfs_attr, empty_setattr_behind_a_removed_capability_spares_roots_suidgid_once)
{
	struct llfused_setattr set = {.valid = 0};

	fx_chmod(&fx, file, 06775);
	fx_setxattr(&fx, file, "security.capability", "c", 1, 0);
	cr_expect_eq(fx_removexattr(&fx, file, "security.capability"), 0);
	cr_expect_eq(fx_setattr(&fx, file, &set), 0);
	cr_expect_eq(fx_stat(&fx, file).mode, S_IFREG | 06775);
	cr_expect_eq(fx_setattr(&fx, file, &set), 0);
	cr_expect_eq(fx_stat(&fx, file).mode, S_IFREG | 0775);
}

Test(memfs_attr, removed_capability_spares_nothing_for_others_or_behind_another_setattr)
{
	struct llfused_setattr set = {.valid = 0};

	fx_chmod(&fx, file, 06775);
	/* There was none: nothing is removed. */
	cr_expect_eq(fx_removexattr(&fx, file, "security.capability"), -ENODATA);
	fx_setattr(&fx, file, &set);
	cr_expect_eq(fx_stat(&fx, file).mode, S_IFREG | 0775);
	fx_setxattr(&fx, file, "security.capability", "c", 1, 0);
	fx_removexattr(&fx, file, "security.capability");
	fx_chmod(&fx, file, 06775);
	fx_setattr(&fx, file, &set);
	cr_expect_eq(fx_stat(&fx, file).mode, S_IFREG | 0775);
	fx_chmod(&fx, file, 06775);
	fx_setxattr(&fx, file, "security.capability", "c", 1, 0);
	fx_removexattr(&fx, file, "security.capability");
	fx.ctx.uid = 5;
	fx_setattr(&fx, file, &set);
	cr_expect_eq(fx_stat(&fx, file).mode, S_IFREG | 0775);
}

Test(memfs_attr, writes_take_the_file_capabilities_away)
{
	size_t written;

	fx_setxattr(&fx, file, "security.capability", "c", 1, 0);
	fx.ops->write(&fx.ctx, file, 0, 0, "x", 1, LLFUSED_WRITE_CACHE, &written);
	cr_expect_eq(fx_getxattr(&fx, file, "security.capability", NULL, 0), 1);
	fx.ops->write(&fx.ctx, file, 0, 0, "x", 1, 0, &written);
	cr_expect_eq(fx_getxattr(&fx, file, "security.capability", NULL, 0), -ENODATA);
	fx_setxattr(&fx, file, "security.capability", "c", 1, 0);
	fx_truncate(&fx, file, 0);
	cr_expect_eq(fx_getxattr(&fx, file, "security.capability", NULL, 0), -ENODATA);
}
