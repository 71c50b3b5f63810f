/*
 * passthrough: removing and moving names, and who is told that an inode lost its last one.
 */
#include "pt_names_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <unistd.h>

TestSuite(pt_names_move, .init = src_start, .fini = src_stop, .timeout = 60);

static int unlink_name(const char *name)
{
	return pt_ops->unlink(&pt_ops_worker, ROOT, name);
}

static int move(const char *from, const char *to, uint32_t flags)
{
	return pt_ops->rename(&pt_ops_worker, ROOT, from, ROOT, to, flags);
}

/* Is the inode known to have lost its last name? */
static bool is_unlinked(int64_t nodeid)
{
	return pt_node_at(pt_ops_fs, (uint64_t)nodeid)->flags & PT_NODE_UNLINKED;
}

static bool is_there(const char *name)
{
	return faccessat(src_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

Test(pt_names_move, file_is_unlinked_with_its_last_name)
{
	int64_t node;

	src_file("a");
	cr_assert_eq(linkat(src_fd, "a", src_fd, "b", 0), 0);
	node = src_look(ROOT, "a");
	cr_assert_eq(unlink_name("a"), 0);
	cr_expect_not(is_there("a"));
	cr_expect_not(is_unlinked(node));
	cr_assert_eq(unlink_name("b"), 0);
	cr_expect_not(is_there("b"));
	cr_expect(is_unlinked(node));
}

Test(pt_names_move, errors_of_removing)
{
	int64_t file;

	src_dir("d");
	src_dir("d/sub");
	src_file("f");
	file = src_look(ROOT, "f");
	cr_expect_eq(unlink_name("d"), -EISDIR);
	cr_expect_eq(unlink_name("none"), -ENOENT);
	cr_expect_eq(pt_ops->rmdir(&pt_ops_worker, ROOT, "f"), -ENOTDIR);
	cr_expect_eq(pt_ops->rmdir(&pt_ops_worker, ROOT, "d"), -ENOTEMPTY);
	cr_expect_eq(pt_ops->rmdir(&pt_ops_worker, ROOT, "."), -EINVAL);
	cr_expect_eq(pt_ops->rmdir(&pt_ops_worker, ROOT, ".."), -ENOTEMPTY);
	cr_expect_eq(pt_ops->unlink(&pt_ops_worker, 12345, "f"), -ESTALE);
	cr_expect_not(is_unlinked(file));
	cr_expect_eq(pt_ops->rmdir(&pt_ops_worker, (uint64_t)src_look(ROOT, "d"), "sub"), 0);
	cr_expect_eq(pt_ops->rmdir(&pt_ops_worker, ROOT, "d"), 0);
	cr_expect_not(is_there("d"));
	cr_expect(is_there("f"));
}

Test(pt_names_move, rename_moves_between_directories_and_replaces)
{
	int64_t moved, replaced, dir;

	src_file("a");
	src_dir("d");
	src_file("d/b");
	moved = src_look(ROOT, "a");
	dir = src_look(ROOT, "d");
	replaced = src_look((uint64_t)dir, "b");
	cr_assert_eq(pt_ops->rename(&pt_ops_worker, ROOT, "a", (uint64_t)dir, "b", 0), 0);
	cr_expect_not(is_there("a"));
	cr_expect_eq(src_look((uint64_t)dir, "b"), moved);
	cr_expect(is_unlinked(replaced));
	cr_expect_not(is_unlinked(moved));
}

Test(pt_names_move, rename_replaces_where_a_server_has_the_names)
{
	int64_t replaced;

	src_file("a");
	src_file("b");
	replaced = src_look(ROOT, "b");
	pt_ops_fs->source.mounts[0].pace = PT_PACE_SLOW;
	cr_assert_eq(pt_ops->rename(&pt_ops_pool, ROOT, "a", ROOT, "b", 0), 0);
	cr_expect_not(is_there("a"));
	cr_expect(is_there("b"));
	cr_expect(is_unlinked(replaced));
}

Test(pt_names_move, what_is_not_replaced_keeps_its_name)
{
	int64_t a, b;

	src_file("a");
	src_file("b");
	a = src_look(ROOT, "a");
	b = src_look(ROOT, "b");
	cr_expect_eq(move("a", "b", RENAME_NOREPLACE), -EEXIST);
	cr_expect_eq(move("a", "b", RENAME_EXCHANGE), 0);
	cr_expect_eq(src_look(ROOT, "a"), b);
	cr_expect_eq(move("none", "b", 0), -ENOENT);
	cr_expect_not(is_unlinked(a));
	cr_expect_not(is_unlinked(b));
	cr_expect_eq(move("a", "c", RENAME_NOREPLACE), 0);
	cr_expect_eq(src_look(ROOT, "c"), b);
}

Test(pt_names_move, flags_that_are_not_known_or_contradict_are_refused)
{
	src_file("a");
	cr_expect_eq(move("a", "b", 8), -EINVAL);
	cr_expect_eq(move("a", "b", 1u << 31), -EINVAL);
	cr_expect_eq(move("a", "b", RENAME_EXCHANGE | RENAME_NOREPLACE), -EINVAL);
	cr_expect(is_there("a"));
}

Test(pt_names_move, whiteout_belongs_to_the_caller)
{
	struct llfused_ctx alice = pt_ops_worker;
	struct stat st;

	alice.uid = 12345;
	alice.gid = 23456;
	src_file("a");
	cr_assert_eq(pt_ops->rename(&alice, ROOT, "a", ROOT, "b", RENAME_WHITEOUT), 0);
	st = src_stat("a");
	cr_expect(S_ISCHR(st.st_mode));
	cr_expect_eq(st.st_rdev, makedev(0, 0));
	cr_expect_eq(st.st_uid, 12345);
	cr_expect_eq(st.st_gid, 23456);
	cr_expect_eq(src_stat("b").st_uid, 0);
}

Test(pt_names_move, not_across_mounts)
{
	src_file("f");
	src_dir("m");
	src_mount("m", "tmpfs");
	cr_expect_eq(pt_ops->rename(&pt_ops_pool, ROOT, "f", (uint64_t)src_look(ROOT, "m"), "f", 0),
		     -EXDEV);
	cr_expect_eq(pt_ops->rmdir(&pt_ops_pool, ROOT, "m"), -EBUSY);
}

Test(pt_names_move, what_could_not_be_removed_has_its_name)
{
	int64_t m, file;

	src_dir("m");
	src_mount("m", "tmpfs");
	src_file("m/f");
	src_file("m/g");
	m = src_look(ROOT, "m");
	file = src_look((uint64_t)m, "f");
	cr_assert_eq(mount(NULL, "m", NULL, MS_REMOUNT | MS_RDONLY, NULL), 0, "%m");
	cr_expect_eq(pt_ops->unlink(&pt_ops_worker, (uint64_t)m, "f"), -EROFS);
	cr_expect_eq(pt_ops->rename(&pt_ops_worker, (uint64_t)m, "g", (uint64_t)m, "f", 0), -EROFS);
	cr_expect_not(is_unlinked(file));
}

Test(pt_names_move, moves_keep_no_descriptor_and_no_directory)
{
	unsigned before = pt_ops_open_fds();
	uint64_t nodes, fds, a, b;

	src_dir("a");
	src_dir("b");
	a = (uint64_t)src_look(ROOT, "a");
	b = (uint64_t)src_look(ROOT, "b");
	for (int i = 0; i < 100; i++) {
		src_file("a/f");
		src_file("b/f");
		cr_expect_eq(pt_ops->rename(&pt_ops_worker, a, "f", b, "f", 0), 0);
		cr_expect_eq(pt_ops->rename(&pt_ops_worker, a, "f", b, "f", 0), -ENOENT);
		cr_expect_eq(pt_ops->unlink(&pt_ops_worker, b, "f"), 0);
		cr_expect_eq(pt_ops->unlink(&pt_ops_worker, b, "f"), -ENOENT);
	}
	src_forget((int64_t)a);
	src_forget((int64_t)b);
	pt_node_count(pt_ops_fs, &nodes, &fds);
	cr_expect_eq(nodes, 1);
	cr_expect_eq(pt_ops_open_fds(), before);
}
