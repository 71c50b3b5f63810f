/*
 * memfs: renames of every kind, and what they refuse.
 */
#include "memfs_fixture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <sys/stat.h>

#define NOREPLACE 1u
#define EXCHANGE  2u
#define WHITEOUT  4u

static struct fx fx;
static int64_t dir; /* "dir", holds "sub", which is a directory */
static int64_t sub;
static int64_t file;  /* "file" */
static int64_t other; /* "other" */

static void start(void)
{
	fx_start(&fx, NULL);
	dir = fx_mkdir(&fx, ROOT, "dir", 0755);
	sub = fx_mkdir(&fx, (uint64_t)dir, "sub", 0755);
	file = fx_file(&fx, ROOT, "file");
	other = fx_file(&fx, ROOT, "other");
}

static void stop(void)
{
	fx_stop(&fx);
}

TestSuite(memfs_rename, .init = start, .fini = stop, .timeout = 60);

Test(memfs_rename, errors_of_every_combination)
{
	uint64_t d = (uint64_t)dir;

	fx_mkdir(&fx, ROOT, "empty", 0755);
	cr_expect_eq(fx_rename(&fx, ROOT, "none", ROOT, "x", 0), -ENOENT);
	cr_expect_eq(fx_rename(&fx, ROOT, "file", ROOT, "dir", 0), -EISDIR);
	cr_expect_eq(fx_rename(&fx, ROOT, "dir", ROOT, "file", 0), -ENOTDIR);
	cr_expect_eq(fx_rename(&fx, ROOT, "empty", ROOT, "dir", 0), -ENOTEMPTY);
	cr_expect_eq(fx_rename(&fx, d, "sub", ROOT, "dir", 0), -ENOTEMPTY);
	cr_expect_eq(fx_rename(&fx, ROOT, "dir", d, "x", 0), -EINVAL);
	cr_expect_eq(fx_rename(&fx, ROOT, "dir", (uint64_t)sub, "x", 0), -EINVAL);
	cr_expect_eq(fx_rename(&fx, ROOT, "file", ROOT, "other", NOREPLACE), -EEXIST);
	cr_expect_eq(fx_rename(&fx, ROOT, "file", ROOT, "file", NOREPLACE), -EEXIST);
	cr_expect_eq(fx_rename(&fx, ROOT, "file", ROOT, "none", EXCHANGE), -ENOENT);
	cr_expect_eq(fx_rename(&fx, ROOT, "dir", d, "sub", EXCHANGE), -EINVAL);
	cr_expect_eq(fx_rename(&fx, d, "sub", ROOT, "dir", EXCHANGE), -EINVAL);
	cr_expect_eq(fx_rename(&fx, ROOT, "file", ROOT, "x", 8), -EINVAL);
	cr_expect_eq(fx_rename(&fx, ROOT, "file", ROOT, "other", EXCHANGE | NOREPLACE), -EINVAL);
	cr_expect_eq(fx_rename(&fx, ROOT, "file", ROOT, "other", EXCHANGE | WHITEOUT), -EINVAL);
	cr_expect_eq(fx_rename(&fx, ROOT, ".", ROOT, "x", 0), -EBUSY);
	cr_expect_eq(fx_rename(&fx, ROOT, "file", (uint64_t)file, "x", 0), -ENOTDIR);
	cr_expect_eq(fx_lookup(&fx, ROOT, "file"), file);
	cr_expect_eq(fx_stat(&fx, ROOT).size, 40 + 4 * 20);
	cr_expect_eq(fx_stat(&fx, ROOT).nlink, 4);
}

Test(memfs_rename, replaced_file_loses_its_link)
{
	fx_lookup_held(&fx, ROOT, "other");
	cr_expect_eq(fx_rename(&fx, ROOT, "file", ROOT, "other", 0), 0);
	cr_expect_eq(fx_lookup(&fx, ROOT, "other"), file);
	cr_expect_eq(fx_lookup(&fx, ROOT, "file"), -ENOENT);
	cr_expect_eq(fx_stat(&fx, (uint64_t)other).nlink, 0);
	cr_expect_eq(fx_stat(&fx, ROOT).size, 40 + 2 * 20);
	fx_forget(&fx, (uint64_t)other, 1);
	fx_unlink(&fx, ROOT, "other");
	fx_rmdir(&fx, (uint64_t)dir, "sub");
	fx_rmdir(&fx, ROOT, "dir");
	fx_expect_empty(&fx);
}

Test(memfs_rename, directory_moves_its_link_and_its_parent)
{
	cr_expect_eq(fx_rename(&fx, (uint64_t)dir, "sub", ROOT, "up", 0), 0);
	cr_expect_eq(fx_stat(&fx, (uint64_t)dir).nlink, 2);
	cr_expect_eq(fx_stat(&fx, (uint64_t)dir).size, 40);
	cr_expect_eq(fx_stat(&fx, ROOT).nlink, 4);
	cr_expect_eq(fx_lookup(&fx, (uint64_t)sub, ".."), 1);
	cr_expect_eq(fx_rename(&fx, ROOT, "up", ROOT, "dir", 0), 0);
	cr_expect_eq(fx_stat(&fx, ROOT).nlink, 3);
	cr_expect_eq(fx_lookup(&fx, ROOT, "dir"), sub);
}

Test(memfs_rename, names_of_one_file_both_stay)
{
	cr_assert_eq(fx_link(&fx, (uint64_t)file, ROOT, "second"), file);
	cr_expect_eq(fx_rename(&fx, ROOT, "file", ROOT, "second", 0), 0);
	cr_expect_eq(fx_lookup(&fx, ROOT, "file"), file);
	cr_expect_eq(fx_stat(&fx, (uint64_t)file).nlink, 2);
	cr_expect_eq(fx_rename(&fx, ROOT, "dir", ROOT, "dir", 0), 0);
}

Test(memfs_rename, exchange_swaps_file_and_directory)
{
	cr_expect_eq(fx_rename(&fx, ROOT, "file", (uint64_t)dir, "sub", EXCHANGE), 0);
	cr_expect_eq(fx_lookup(&fx, ROOT, "file"), sub);
	cr_expect_eq(fx_lookup(&fx, (uint64_t)dir, "sub"), file);
	cr_expect_eq(fx_stat(&fx, ROOT).nlink, 4);
	cr_expect_eq(fx_stat(&fx, (uint64_t)dir).nlink, 2);
	cr_expect_eq(fx_lookup(&fx, (uint64_t)sub, ".."), 1);
	cr_expect_eq(fx_rename(&fx, ROOT, "file", ROOT, "dir", EXCHANGE), 0);
	cr_expect_eq(fx_lookup(&fx, ROOT, "dir"), sub);
	cr_expect_eq(fx_stat(&fx, ROOT).nlink, 4);
}

Test(memfs_rename, whiteout_stays_at_the_old_name)
{
	struct llfused_attr attr;

	cr_expect_eq(fx_rename(&fx, ROOT, "file", (uint64_t)dir, "moved", WHITEOUT), 0);
	cr_expect_eq(fx_lookup(&fx, (uint64_t)dir, "moved"), file);
	attr = fx_stat(&fx, (uint64_t)fx_lookup(&fx, ROOT, "file"));
	cr_expect_eq(attr.mode, S_IFCHR);
	cr_expect_eq(attr.rdev, 0);
	cr_expect_eq(attr.nlink, 1);
	cr_expect_eq(fx_stat(&fx, ROOT).size, 40 + 3 * 20);
	cr_expect_eq(fx_stat(&fx, (uint64_t)dir).size, 40 + 2 * 20);
	/* In one directory, over an existing name. */
	cr_expect_eq(fx_rename(&fx, ROOT, "other", ROOT, "file", WHITEOUT), 0);
	cr_expect_eq(fx_lookup(&fx, ROOT, "file"), other);
	cr_expect_eq(fx_stat(&fx, (uint64_t)fx_lookup(&fx, ROOT, "other")).mode, S_IFCHR);
}

Test(memfs_rename, whiteout_without_inodes_changes_nothing)
{
	fx_stop(&fx);
	fx_start(&fx, "nr_inodes=2");
	int64_t only = fx_file(&fx, ROOT, "a");

	cr_expect_eq(fx_rename(&fx, ROOT, "a", ROOT, "b", WHITEOUT), -ENOSPC);
	cr_expect_eq(fx_lookup(&fx, ROOT, "a"), only);
	cr_expect_eq(fx_lookup(&fx, ROOT, "b"), -ENOENT);
	cr_expect_eq(fx_rename(&fx, ROOT, "a", ROOT, "b", 0), 0);
	cr_expect_eq(fx_lookup(&fx, ROOT, "b"), only);
}

Test(memfs_rename, moves_ctime_of_the_moved_inode)
{
	struct llfused_attr before = fx_stat(&fx, (uint64_t)file);
	struct llfused_attr after;

	fx_rename(&fx, ROOT, "file", ROOT, "renamed", 0);
	after = fx_stat(&fx, (uint64_t)file);
	cr_expect(after.ctime.tv_sec > before.ctime.tv_sec ||
		  after.ctime.tv_nsec > before.ctime.tv_nsec);
	cr_expect_eq(after.mtime.tv_nsec, before.mtime.tv_nsec);
}
