/*
 * memfs: making, finding and removing names; what they do to link counts, sizes and owners.
 */
#include "memfs_fixture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static struct fx fx;

static void start(void)
{
	fx_start(&fx, NULL);
}

static void stop(void)
{
	fx_stop(&fx);
}

TestSuite(memfs_namei, .init = start, .fini = stop, .timeout = 60);

static int is_later(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec > b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec > b->tv_nsec);
}

Test(memfs_namei, root_is_like_that_of_tmpfs)
{
	struct llfused_attr attr = fx_stat(&fx, ROOT);

	cr_expect_eq(attr.mode, S_IFDIR | 01777);
	cr_expect_eq(attr.nlink, 2);
	cr_expect_eq(attr.size, 40);
	cr_expect_eq(attr.blocks, 0);
	cr_expect_eq(attr.ino, 1);
	cr_expect(attr.has_btime);
	fx_expect_empty(&fx);
}

Test(memfs_namei, made_name_is_found_and_counts_in_directory)
{
	int64_t file = fx_file(&fx, ROOT, "a");

	cr_assert_gt(file, 1);
	cr_expect_eq(fx_lookup(&fx, ROOT, "a"), file);
	cr_expect_eq(fx_lookup(&fx, ROOT, "b"), -ENOENT);
	cr_expect_eq(fx_stat(&fx, ROOT).size, 60);
	cr_expect_eq(fx_stat(&fx, ROOT).nlink, 2);
	cr_expect_gt(fx_mkdir(&fx, ROOT, "d", 0755), 1);
	cr_expect_eq(fx_stat(&fx, ROOT).size, 80);
	cr_expect_eq(fx_stat(&fx, ROOT).nlink, 3);
}

Test(memfs_namei, absence_is_an_answer_that_may_be_cached)
{
	struct llfused_entry entry = {.nodeid = 5};

	cr_assert_eq(fx.ops->lookup(&fx.ctx, ROOT, "none", &entry), 0);
	cr_expect_eq(entry.nodeid, 0);
	cr_expect_eq(entry.entry_timeout, LLFUSED_FOREVER);
}

Test(memfs_namei, errors_of_names)
{
	int64_t file = fx_file(&fx, ROOT, "f");
	int64_t dir = fx_mkdir(&fx, ROOT, "d", 0755);
	char name[257];

	memset(name, 'x', 256);
	name[256] = '\0';
	cr_expect_eq(fx_file(&fx, ROOT, name), -ENAMETOOLONG);
	cr_expect_eq(fx_lookup(&fx, ROOT, name), -ENAMETOOLONG);
	name[255] = '\0';
	cr_expect_eq(fx_lookup(&fx, ROOT, name), -ENOENT);
	cr_expect_gt(fx_file(&fx, ROOT, name), 0);
	cr_expect_gt(fx_lookup(&fx, ROOT, name), 0);
	cr_expect_eq(fx_file(&fx, ROOT, "f"), -EEXIST);
	cr_expect_eq(fx_mkdir(&fx, ROOT, "f", 0755), -EEXIST);
	cr_expect_eq(fx_mkdir(&fx, ROOT, ".", 0755), -EEXIST);
	cr_expect_eq(fx_file(&fx, (uint64_t)file, "x"), -ENOTDIR);
	cr_expect_eq(fx_lookup(&fx, (uint64_t)file, "x"), -ENOTDIR);
	cr_expect_eq(fx_unlink(&fx, ROOT, "none"), -ENOENT);
	cr_expect_eq(fx_unlink(&fx, ROOT, "d"), -EISDIR);
	cr_expect_eq(fx_rmdir(&fx, ROOT, "f"), -ENOTDIR);
	cr_expect_eq(fx_rmdir(&fx, ROOT, "."), -EINVAL);
	cr_expect_gt(fx_file(&fx, (uint64_t)dir, "x"), 0);
	cr_expect_eq(fx_rmdir(&fx, ROOT, "d"), -ENOTEMPTY);
	cr_expect_eq(fx_link(&fx, (uint64_t)dir, ROOT, "hard"), -EPERM);
	cr_expect_eq(fx_link(&fx, (uint64_t)file, ROOT, "d"), -EEXIST);
	cr_expect_eq(fx_mknod(&fx, ROOT, "x", S_IFDIR | 0755, 0), -EPERM);
	cr_expect_eq(fx_mknod(&fx, ROOT, "x", S_IFLNK | 0755, 0), -EINVAL);
}

Test(memfs_namei, names_are_any_bytes)
{
	for (int c = 1; c < 256; c++) {
		char name[3] = {(char)c, 'n', '\0'};

		if (c != '/')
			cr_expect_gt(fx_file(&fx, ROOT, name), 0);
	}
	for (int c = 1; c < 256; c++) {
		char name[3] = {(char)c, 'n', '\0'};

		if (c != '/')
			cr_expect_eq(fx_unlink(&fx, ROOT, name), 0);
	}
	fx_expect_empty(&fx);
}

Test(memfs_namei, special_files_keep_type_and_device)
{
	uint64_t rdev = makedev(259, 70000);
	int64_t node = fx_mknod(&fx, ROOT, "b", S_IFBLK | 0660, rdev);

	cr_expect_eq(fx_stat(&fx, (uint64_t)node).rdev, rdev);
	cr_expect_eq(fx_stat(&fx, (uint64_t)node).mode, S_IFBLK | 0660);
	node = fx_mknod(&fx, ROOT, "p", S_IFIFO | 0600, 7);
	cr_expect_eq(fx_stat(&fx, (uint64_t)node).rdev, 0);
	cr_expect_eq(fx_stat(&fx, (uint64_t)node).mode, S_IFIFO | 0600);
	node = fx_mknod(&fx, ROOT, "r", 0640, 0);
	cr_expect_eq(fx_stat(&fx, (uint64_t)node).mode, S_IFREG | 0640);
}

Test(memfs_namei, owner_group_and_umask_of_new_inodes)
{
	int64_t node;

	fx.ctx.uid = 1000;
	fx.ctx.gid = 100;
	fx.ctx.umask = 027;
	node = fx_mknod(&fx, ROOT, "f", S_IFREG | 0666, 0);
	cr_expect_eq(fx_stat(&fx, (uint64_t)node).mode, S_IFREG | 0640);
	cr_expect_eq(fx_stat(&fx, (uint64_t)node).uid, 1000);
	cr_expect_eq(fx_stat(&fx, (uint64_t)node).gid, 100);
	node = fx_symlink(&fx, ROOT, "l", "target");
	cr_expect_eq(fx_stat(&fx, (uint64_t)node).mode, S_IFLNK | 0777);
}

Test(memfs_namei, setgid_directory_gives_its_group)
{
	int64_t dir = fx_mkdir(&fx, ROOT, "d", 0777);
	struct llfused_setattr set = {
		.valid = LLFUSED_SET_MODE | LLFUSED_SET_GID, .mode = 02777, .gid = 5};
	int64_t node;

	cr_assert_eq(fx_setattr(&fx, (uint64_t)dir, &set), 0);
	node = fx_file(&fx, (uint64_t)dir, "f");
	cr_expect_eq(fx_stat(&fx, (uint64_t)node).gid, 5);
	cr_expect_eq(fx_stat(&fx, (uint64_t)node).mode, S_IFREG | 0644);
	node = fx_mkdir(&fx, (uint64_t)dir, "d", 0755);
	cr_expect_eq(fx_stat(&fx, (uint64_t)node).gid, 5);
	cr_expect_eq(fx_stat(&fx, (uint64_t)node).mode, S_IFDIR | 02755);
}

Test(memfs_namei, names_move_times_of_directory_and_inode)
{
	int64_t file = fx_file(&fx, ROOT, "f");
	struct llfused_attr made = fx_stat(&fx, (uint64_t)file);
	struct llfused_attr before = fx_stat(&fx, ROOT);
	struct llfused_attr after;

	cr_expect_eq(memcmp(&made.atime, &made.ctime, sizeof(made.atime)), 0);
	cr_expect_eq(memcmp(&made.mtime, &made.btime, sizeof(made.atime)), 0);
	cr_assert_gt(fx_link(&fx, (uint64_t)file, ROOT, "g"), 0);
	after = fx_stat(&fx, ROOT);
	cr_expect(is_later(&after.mtime, &before.mtime));
	cr_expect(is_later(&after.ctime, &before.ctime));
	cr_expect_eq(memcmp(&after.atime, &before.atime, sizeof(after.atime)), 0);
	after = fx_stat(&fx, (uint64_t)file);
	cr_expect_eq(after.nlink, 2);
	cr_expect(is_later(&after.ctime, &made.ctime));
	cr_expect_eq(memcmp(&after.mtime, &made.mtime, sizeof(after.mtime)), 0);
	made = after;
	cr_assert_eq(fx_unlink(&fx, ROOT, "f"), 0);
	after = fx_stat(&fx, (uint64_t)file);
	cr_expect_eq(after.nlink, 1);
	cr_expect(is_later(&after.ctime, &made.ctime));
}

Test(memfs_namei, unlinked_inode_lives_while_it_is_looked_up)
{
	int64_t file = fx_file_held(&fx, ROOT, "f");
	char byte = 0;

	cr_assert_eq(fx_lookup_held(&fx, ROOT, "f"), file);
	cr_assert_eq(fx_write(&fx, (uint64_t)file, 0, "x", 1), 1);
	cr_assert_eq(fx_unlink(&fx, ROOT, "f"), 0);
	cr_expect_eq(fx_stat(&fx, (uint64_t)file).nlink, 0);
	fx_forget(&fx, (uint64_t)file, 1);
	cr_expect_eq(fx_read(&fx, (uint64_t)file, 0, &byte, 1), 1);
	cr_expect_eq(byte, 'x');
	cr_expect_eq(fx_link(&fx, (uint64_t)file, ROOT, "again"), -ENOENT);
	fx_forget(&fx, (uint64_t)file, 1);
	cr_expect_eq(fx_read(&fx, (uint64_t)file, 0, &byte, 1), -ESTALE);
	fx_expect_empty(&fx);
}

Test(memfs_namei, removed_directory_takes_no_names)
{
	struct llfused_entry entry;
	uint64_t dir;

	cr_assert_eq(fx.ops->mkdir(&fx.ctx, ROOT, "d", 0755, &entry), 0);
	dir = entry.nodeid;
	cr_assert_eq(fx_rmdir(&fx, ROOT, "d"), 0);
	cr_expect_eq(fx_stat(&fx, dir).nlink, 0);
	cr_expect_eq(fx_file(&fx, dir, "x"), -ENOENT);
	cr_expect_eq(fx_lookup(&fx, dir, "x"), -ENOENT);
	cr_expect_eq(fx_stat(&fx, ROOT).nlink, 2);
	fx_forget(&fx, dir, 1);
	cr_expect_eq(fx_lookup(&fx, dir, "."), -ESTALE);
	fx_expect_empty(&fx);
}

Test(memfs_namei, nodeid_of_a_dead_inode_stays_stale)
{
	int64_t first = fx_file(&fx, ROOT, "f");
	struct llfused_attr_out out;
	struct llfused_entry entry;
	int64_t second;

	cr_assert_eq(fx_unlink(&fx, ROOT, "f"), 0);
	second = fx_file(&fx, ROOT, "f");
	cr_expect_neq(first, second);
	cr_expect_eq(fx.ops->getattr(&fx.ctx, (uint64_t)first, NULL, &out), -ESTALE);
	cr_expect_eq(fx.ops->lookup(&fx.ctx, (uint64_t)first, ".", &entry), -ESTALE);
	cr_expect_eq(fx.ops->getattr(&fx.ctx, 0, NULL, &out), -ESTALE);
	cr_expect_eq(fx.ops->getattr(&fx.ctx, UINT64_MAX, NULL, &out), -ESTALE);
	cr_expect_eq(fx.ops->getattr(&fx.ctx, 77, NULL, &out), -ESTALE);
	cr_expect_eq(fx.ops->getattr(&fx.ctx, UINT64_C(1) << 32 | 1, NULL, &out), -ESTALE);
	cr_expect_eq(fx_rename(&fx, (uint64_t)first, "a", ROOT, "b", 0), -ESTALE);
	fx_forget(&fx, (uint64_t)first, 5);
	fx_forget(&fx, ROOT, 5);
	cr_expect_eq(fx_stat(&fx, ROOT).nlink, 2);
}

Test(memfs_namei, dots_are_found_for_export)
{
	int64_t dir = fx_mkdir(&fx, ROOT, "d", 0755);
	int64_t sub = fx_mkdir(&fx, (uint64_t)dir, "s", 0755);
	int64_t file = fx_file(&fx, ROOT, "f");

	cr_expect_eq(fx_lookup(&fx, (uint64_t)sub, "."), sub);
	cr_expect_eq(fx_lookup(&fx, (uint64_t)sub, ".."), dir);
	cr_expect_eq(fx_lookup(&fx, ROOT, ".."), 1);
	cr_expect_eq(fx_lookup(&fx, (uint64_t)file, "."), file);
	cr_assert_eq(fx_rename(&fx, (uint64_t)dir, "s", ROOT, "s", 0), 0);
	cr_expect_eq(fx_lookup(&fx, (uint64_t)sub, ".."), 1);
}

Test(memfs_namei, tmpfile_can_be_linked_once_unless_exclusive)
{
	int64_t file = fx_tmpfile_held(&fx, ROOT, O_RDWR);
	int64_t never = fx_tmpfile_held(&fx, ROOT, O_RDWR | O_EXCL);

	cr_expect_eq(fx_stat(&fx, (uint64_t)file).nlink, 0);
	cr_expect_eq(fx_stat(&fx, ROOT).size, 40);
	cr_expect_eq(fx_link(&fx, (uint64_t)never, ROOT, "n"), -ENOENT);
	cr_expect_eq(fx_link(&fx, (uint64_t)file, ROOT, "f"), file);
	cr_expect_eq(fx_stat(&fx, (uint64_t)file).nlink, 1);
	cr_expect_eq(fx_unlink(&fx, ROOT, "f"), 0);
	cr_expect_eq(fx_link(&fx, (uint64_t)file, ROOT, "f"), -ENOENT);
	fx_forget(&fx, (uint64_t)file, 1);
	fx_forget(&fx, (uint64_t)never, 1);
	fx_expect_empty(&fx);
}

Test(memfs_namei, links_and_inodes_count_against_the_limit)
{
	fx_stop(&fx);
	fx_start(&fx, "nr_inodes=4");
	cr_expect_eq(fx_statfs(&fx).files, 4);
	cr_expect_eq(fx_statfs(&fx).ffree, 3);
	int64_t file = fx_file(&fx, ROOT, "a");

	cr_expect_eq(fx_link(&fx, (uint64_t)file, ROOT, "b"), file);
	cr_expect_eq(fx_statfs(&fx).ffree, 1);
	cr_expect_gt(fx_mkdir(&fx, ROOT, "d", 0755), 0);
	cr_expect_eq(fx_file(&fx, ROOT, "e"), -ENOSPC);
	cr_expect_eq(fx_link(&fx, (uint64_t)file, ROOT, "e"), -ENOSPC);
	cr_expect_eq(fx_tmpfile_held(&fx, ROOT, O_RDWR), -ENOSPC);
	cr_expect_eq(fx_unlink(&fx, ROOT, "a"), 0);
	cr_expect_eq(fx_statfs(&fx).ffree, 1);
	cr_expect_eq(fx_unlink(&fx, ROOT, "b"), 0);
	cr_expect_eq(fx_rmdir(&fx, ROOT, "d"), 0);
	fx_expect_empty(&fx);
}

Test(memfs_namei, symlinks_hold_their_target)
{
	char target[4097];
	char got[4096];
	struct llfused_buf buf = {.data = got, .cap = sizeof(got)};
	int64_t link;

	memset(target, 't', sizeof(target));
	for (size_t size = 1; size < 4096; size += size < 300 ? 1 : 500) {
		target[size] = '\0';
		link = fx_symlink(&fx, ROOT, "l", target);
		cr_assert_gt(link, 0);
		cr_expect_eq(fx.ops->readlink(&fx.ctx, (uint64_t)link, &buf), 0);
		cr_expect_eq(buf.len, size);
		cr_expect_eq(memcmp(got, target, size), 0);
		cr_expect_eq(fx_stat(&fx, (uint64_t)link).size, size);
		cr_expect_eq(fx_stat(&fx, (uint64_t)link).blocks, size > 127 ? 8 : 0);
		cr_assert_eq(fx_unlink(&fx, ROOT, "l"), 0);
		target[size] = 't';
	}
	target[4096] = '\0';
	cr_expect_eq(fx_symlink(&fx, ROOT, "l", target), -ENAMETOOLONG);
	fx_expect_empty(&fx);
}

Test(memfs_namei, readlink_of_a_file_is_invalid)
{
	char got[16];
	struct llfused_buf buf = {.data = got, .cap = sizeof(got)};
	int64_t file = fx_file(&fx, ROOT, "f");

	cr_expect_eq(fx.ops->readlink(&fx.ctx, (uint64_t)file, &buf), -EINVAL);
}

Test(memfs_namei, deep_tree_is_made_and_removed)
{
	uint64_t dirs[500];
	uint64_t at = ROOT;

	for (int i = 0; i < 500; i++) {
		dirs[i] = at;
		at = (uint64_t)fx_mkdir(&fx, at, "down", 0755);
	}
	cr_expect_eq(fx_rename(&fx, ROOT, "down", at, "loop", 0), -EINVAL);
	for (int i = 500; i-- > 0;)
		cr_expect_eq(fx_rmdir(&fx, dirs[i], "down"), 0);
	fx_expect_empty(&fx);
}

Test(memfs_namei, inodes_come_and_go_in_waves)
{
	char name[16];

	for (int wave = 0; wave < 6; wave++) {
		for (int i = 0; i < 4000; i++) {
			snprintf(name, sizeof(name), "f%d", i);
			cr_assert_gt(fx_file(&fx, ROOT, name), 0);
		}
		for (int i = 0; i < 4000; i++) {
			snprintf(name, sizeof(name), "f%d", wave % 2 ? i : 3999 - i);
			cr_assert_eq(fx_unlink(&fx, ROOT, name), 0);
		}
		cr_assert_leq(fx.fs->inodes.nempty, 64);
		fx_expect_empty(&fx);
	}
}
