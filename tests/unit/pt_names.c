/*
 * passthrough: finding names, on a source whose other side the tests change as they like.
 */
#include "pt_names_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

TestSuite(pt_names, .init = src_start, .fini = src_stop, .timeout = 60);
TestSuite(pt_names_with, .fini = src_stop, .timeout = 60); /* options of the test's own */

/* ---- what is found ---- */

Test(pt_names, inodes_of_all_sorts_are_found_as_they_are)
{
	static const uint32_t modes[] = {S_IFREG | 0640, S_IFIFO | 0600, S_IFSOCK | 0755,
					 S_IFCHR | 0606, S_IFBLK | 0660};
	struct llfused_entry entry;

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		struct stat st;

		cr_assert_eq(mknodat(src_fd, "n", modes[i], makedev(259, 70000)), 0, "%m");
		cr_assert_eq(fchownat(src_fd, "n", 5, 6, 0), 0);
		st = src_stat("n");
		cr_assert_eq(src_look_as(&pt_ops_worker, ROOT, "n", &entry), 0);
		cr_expect_eq(entry.attr.mode, modes[i]);
		cr_expect_eq(entry.attr.ino, st.st_ino);
		cr_expect_eq(entry.attr.rdev, st.st_rdev);
		cr_expect_eq(entry.attr.uid, 5);
		cr_expect_eq(entry.attr.gid, 6);
		cr_assert_eq(unlinkat(src_fd, "n", 0), 0);
	}
	src_dir("d");
	cr_assert_eq(src_look_as(&pt_ops_worker, ROOT, "d", &entry), 0);
	cr_expect_eq(entry.attr.mode, S_IFDIR | 0755);
}

Test(pt_names, symbolic_link_is_found_and_not_followed)
{
	struct llfused_entry entry;

	cr_assert_eq(symlinkat("/", src_fd, "l"), 0);
	cr_assert_eq(src_look_as(&pt_ops_worker, ROOT, "l", &entry), 0);
	cr_expect_eq(entry.attr.mode, S_IFLNK | 0777);
	cr_expect_eq(src_look(entry.nodeid, "etc"), -ENOTDIR);
}

Test(pt_names, names_of_one_inode_lead_to_one_node)
{
	src_file("a");
	cr_assert_eq(linkat(src_fd, "a", src_fd, "b", 0), 0);
	cr_expect_gt(src_look(ROOT, "a"), 1);
	cr_expect_eq(src_look(ROOT, "a"), src_look(ROOT, "b"));
}

Test(pt_names, file_put_in_place_of_another_is_another_node)
{
	int64_t old, new;

	src_file("a");
	src_file("b");
	old = src_look(ROOT, "a");
	cr_assert_eq(renameat(src_fd, "b", src_fd, "a"), 0);
	new = src_look(ROOT, "a");
	cr_expect_gt(new, 1);
	cr_expect_neq(new, old);
}

Test(pt_names, errors_of_lookup)
{
	char name[257];

	src_file("f");
	memset(name, 'x', 256);
	name[256] = '\0';
	cr_expect_eq(src_look(ROOT, name), -ENAMETOOLONG);
	cr_expect_eq(src_look(ROOT, "none"), -ENOENT);
	cr_expect_eq(src_look((uint64_t)src_look(ROOT, "f"), "x"), -ENOTDIR);
	cr_expect_eq(src_look(12345, "x"), -ESTALE);
}

Test(pt_names, dots_are_no_names)
{
	src_dir("d");
	for (int i = 0; i < 2; i++) {
		uint64_t dir = i ? (uint64_t)src_look(ROOT, "d") : ROOT;

		cr_expect_eq(src_look(dir, "."), -EINVAL);
		cr_expect_eq(src_look(dir, ".."), -EINVAL);
		cr_expect_eq(src_look(dir, "..."), -ENOENT);
	}
}

Test(pt_names, lookups_that_are_forgotten_leave_nothing)
{
	unsigned before = pt_ops_open_fds();
	struct llfused_forget forget = {.nlookup = 1000};
	uint64_t nodes, fds;

	src_dir("d");
	for (int i = 0; i < 1000; i++)
		forget.nodeid = (uint64_t)src_look(ROOT, "d");
	cr_expect_eq(src_look(ROOT, "none"), -ENOENT);
	pt_node_count(pt_ops_fs, &nodes, &fds);
	cr_expect_eq(nodes, 2);
	pt_ops->forget(&pt_ops_worker, &forget, 1);
	pt_node_count(pt_ops_fs, &nodes, &fds);
	cr_expect_eq(nodes, 1);
	cr_expect_eq(pt_ops_open_fds(), before);
}

Test(pt_names_with, absence_may_be_cached_where_nobody_else_changes_the_source)
{
	struct llfused_entry entry;

	src_start_with("cache=always");
	cr_assert_eq(src_look_as(&pt_ops_worker, ROOT, "none", &entry), 0);
	cr_expect_eq(entry.nodeid, 0);
	cr_expect_eq(entry.entry_timeout, LLFUSED_FOREVER);
	src_file("f");
	cr_expect_eq(src_look((uint64_t)src_look(ROOT, "f"), "x"), -ENOTDIR, "an error is none");
}

/* ---- what is mounted beneath the source ---- */

Test(pt_names, unknown_mount_is_looked_into_where_that_may_sleep)
{
	struct llfused_entry entry, again;

	src_dir("m");
	src_mount("m", "tmpfs");
	cr_expect_eq(src_look_as(&pt_ops_worker, ROOT, "m", &entry), LLFUSED_AGAIN);
	cr_assert_eq(src_look_as(&pt_ops_pool, ROOT, "m", &entry), 0);
	cr_expect_eq(entry.attr.mode, S_IFDIR | 01777, "its root, not what is beneath it");
	cr_assert_eq(src_look_as(&pt_ops_worker, ROOT, "m", &again), 0, "it is memory, too");
	cr_expect_eq(again.nodeid, entry.nodeid);
}

Test(pt_names, mount_too_many_is_refused_and_keeps_no_descriptor)
{
	struct llfused_entry entry;
	unsigned before;

	src_dir("m");
	src_mount("m", "tmpfs");
	before = pt_ops_open_fds();
	pt_ops_fs->source.nmounts = PT_MOUNTS_MAX;
	cr_expect_eq(src_look_as(&pt_ops_pool, ROOT, "m", &entry), -ENFILE);
	pt_ops_fs->source.nmounts = 1;
	cr_expect_eq(pt_ops_open_fds(), before);
}

/* As if the mount was one of a network. */
static void slow_down(const char *name)
{
	struct llfused_entry entry;
	struct pt_mount *mounts = pt_ops_fs->source.mounts;

	cr_assert_eq(src_look_as(&pt_ops_pool, ROOT, name, &entry), 0);
	mounts[pt_node_at(pt_ops_fs, entry.nodeid)->mount].pace = PT_PACE_SLOW;
}

Test(pt_names, slow_mount_is_never_asked_where_that_must_not_sleep)
{
	struct llfused_entry entry;
	int64_t node;

	src_dir("m");
	src_mount("m", "tmpfs");
	slow_down("m");
	node = src_look(ROOT, "m");
	cr_expect_gt(node, 1);
	cr_expect_eq(src_look(ROOT, "m"), node, "on the pool it is found, each time");
	cr_expect_eq(src_look_as(&pt_ops_worker, ROOT, "m", &entry), LLFUSED_AGAIN);
	cr_expect_eq(src_look_as(&pt_ops_worker, (uint64_t)node, "x", &entry), LLFUSED_AGAIN);
}

Test(pt_names, ops_wait_for_a_disk_where_that_may_be_done_and_have_done_nothing_before)
{
	struct llfused_ctx *ctx = &pt_ops_worker;
	struct llfused_entry entry;
	struct llfused_open out;
	struct llfused_buf buf = {.cap = 0};
	uint64_t f;

	src_file("f");
	src_dir("d");
	f = (uint64_t)src_look(ROOT, "f");
	pt_ops_fs->source.mounts[0].pace = PT_PACE_DISK;
	cr_expect_eq(src_look_as(ctx, ROOT, "f", &entry), LLFUSED_AGAIN);
	cr_expect_eq(pt_ops->readlink(ctx, f, &buf), LLFUSED_AGAIN);
	cr_expect_eq(pt_ops->mknod(ctx, ROOT, "x", S_IFREG | 0600, 0, &entry), LLFUSED_AGAIN);
	cr_expect_eq(pt_ops->mkdir(ctx, ROOT, "x", 0700, &entry), LLFUSED_AGAIN);
	cr_expect_eq(pt_ops->symlink(ctx, ROOT, "x", "y", &entry), LLFUSED_AGAIN);
	cr_expect_eq(pt_ops->create(ctx, ROOT, "x", 0600, O_RDWR, &entry, &out), LLFUSED_AGAIN);
	cr_expect_eq(pt_ops->tmpfile(ctx, ROOT, 0600, O_RDWR, &entry, &out), LLFUSED_AGAIN);
	cr_expect_eq(pt_ops->link(ctx, f, ROOT, "x", &entry), LLFUSED_AGAIN);
	cr_expect_eq(pt_ops->rename(ctx, ROOT, "f", ROOT, "x", 0), LLFUSED_AGAIN);
	cr_expect_eq(pt_ops->unlink(ctx, ROOT, "f"), LLFUSED_AGAIN);
	cr_expect_eq(pt_ops->rmdir(ctx, ROOT, "d"), LLFUSED_AGAIN);
	cr_expect_eq(faccessat(src_fd, "x", F_OK, 0), -1);
	cr_expect_eq(src_stat("f").st_nlink, 1);
	cr_expect_eq(src_stat("d").st_nlink, 2);
}

Test(pt_names, own_mount_is_never_entered)
{
	struct llfused_entry entry;

	src_dir("m");
	src_mount("m", "tmpfs");
	pt_ops_fs->own_dev = src_stat("m").st_dev;
	cr_expect_eq(src_look_as(&pt_ops_worker, ROOT, "m", &entry), -ELOOP);
	cr_expect_eq(src_look_as(&pt_ops_pool, ROOT, "m", &entry), -ELOOP);
}

Test(pt_names_with, stopped_mount_is_an_empty_directory_that_takes_no_names)
{
	struct llfused_ctx *ctx = &pt_ops_pool;
	struct llfused_entry entry;
	struct llfused_open open;
	uint64_t m, f;

	src_start_with("submounts=stop");
	src_dir("m");
	src_file("f");
	src_mount("m", "tmpfs");
	src_file("m/inside");
	m = (uint64_t)src_look(ROOT, "m");
	f = (uint64_t)src_look(ROOT, "f");
	cr_expect_eq(src_look(m, "inside"), -ENOENT);
	cr_expect_eq(pt_ops->unlink(ctx, m, "inside"), -ENOENT);
	cr_expect_eq(pt_ops->rmdir(ctx, m, "inside"), -ENOENT);
	cr_expect_eq(pt_ops->rename(ctx, m, "inside", ROOT, "x", 0), -ENOENT);
	cr_expect_eq(pt_ops->rename(ctx, ROOT, "f", m, "x", 0), -EPERM);
	cr_expect_eq(pt_ops->mkdir(ctx, m, "x", 0755, &entry), -EPERM);
	cr_expect_eq(pt_ops->mknod(ctx, m, "x", S_IFREG | 0644, 0, &entry), -EPERM);
	cr_expect_eq(pt_ops->symlink(ctx, m, "x", "y", &entry), -EPERM);
	cr_expect_eq(pt_ops->link(ctx, f, m, "x", &entry), -EPERM);
	cr_expect_eq(pt_ops->create(ctx, m, "x", 0644, O_RDWR, &entry, &open), -EPERM);
	cr_expect_eq(pt_ops->tmpfile(ctx, m, 0644, O_RDWR, &entry, &open), -EPERM);
	cr_expect_eq(src_stat("m/inside").st_nlink, 1);
	cr_expect_eq(src_stat("f").st_nlink, 1);
}

Test(pt_names_with, file_mounted_on_a_file_is_hidden_where_submounts_stop)
{
	struct llfused_entry entry;

	src_start_with("submounts=stop");
	src_file("f");
	src_file("on");
	cr_assert_eq(fchdir(src_fd), 0);
	cr_assert_eq(mount("f", "on", NULL, MS_BIND, NULL), 0, "%m");
	/* by a thread that may not sleep, too, once the mount is known */
	cr_expect_eq(src_look(ROOT, "on"), -ENOENT);
	cr_expect_eq(src_look_as(&pt_ops_worker, ROOT, "on", &entry), -ENOENT);
	cr_expect_gt(src_look(ROOT, "f"), 0);
}

Test(pt_names_with, root_of_a_stopped_mount_cannot_be_changed)
{
	struct llfused_setattr set = {.valid = LLFUSED_SET_MODE, .mode = 0700};
	struct llfused_ctx *ctx = &pt_ops_pool;
	struct llfused_attr_out out;
	struct llfused_entry entry;
	char text[256];
	struct llfused_buf buf = {.data = text, .cap = sizeof text};
	uint64_t m;

	src_start_with("submounts=stop");
	src_dir("m");
	src_mount("m", "tmpfs");
	cr_assert_eq(setxattr("m", "trusted.x", "val", 3, 0), 0, "%m");
	m = (uint64_t)src_look(ROOT, "m");
	cr_expect_eq(pt_ops->setattr(ctx, m, &set, &out), -EPERM);
	set = (struct llfused_setattr){.valid = LLFUSED_SET_UID, .uid = 7};
	cr_expect_eq(pt_ops->setattr(ctx, m, &set, &out), -EPERM);
	cr_expect_eq(pt_ops->setxattr(ctx, m, "trusted.y", "v", 1, 0, 0), -EPERM);
	cr_expect_eq(pt_ops->removexattr(ctx, m, "trusted.x"), -EPERM);
	cr_expect_eq(pt_ops->getxattr(ctx, m, "trusted.x", &buf), -ENODATA);
	cr_expect_eq(pt_ops->listxattr(ctx, m, &buf), 0);
	cr_expect_eq(buf.len, 0);
	cr_expect_eq(pt_ops->link(ctx, m, ROOT, "x", &entry), -EPERM);
	cr_expect_eq(src_stat("m").st_mode & 07777, 01777);
	cr_expect_eq(src_stat("m").st_uid, 0);
}

/* ---- link targets ---- */

Test(pt_names, link_targets_are_bytes_of_any_length)
{
	char target[4096], got[4096];
	struct llfused_buf buf = {.data = got, .cap = sizeof(got)};

	for (size_t i = 0; i < 4095; i++)
		target[i] = (char)(1 + i % 255);
	target[4095] = '\0';
	cr_assert_eq(symlinkat(target, src_fd, "l"), 0);
	cr_assert_eq(pt_ops->readlink(&pt_ops_worker, (uint64_t)src_look(ROOT, "l"), &buf), 0);
	cr_expect_eq(buf.len, 4095);
	cr_expect_arr_eq(got, target, 4095);
	buf = (struct llfused_buf){.data = got, .cap = 5};
	cr_assert_eq(pt_ops->readlink(&pt_ops_worker, (uint64_t)src_look(ROOT, "l"), &buf), 0);
	cr_expect_eq(buf.len, 5);
}

/* ---- file handles: "." and ".." ---- */

Test(pt_names_with, dot_is_the_inode_itself_whatever_it_is)
{
	int64_t file;

	src_start_with("export");
	src_file("f");
	file = src_look(ROOT, "f");
	cr_expect_eq(src_look((uint64_t)file, "."), file);
	cr_expect_eq(src_look(ROOT, "."), ROOT);
	cr_expect_eq(src_look((uint64_t)file, ".."), -ENOTDIR);
}

Test(pt_names_with, two_dots_lead_up_to_the_root_and_no_further)
{
	int64_t a, b, m;

	src_start_beneath("export");
	src_dir("source/a");
	src_dir("source/a/b");
	src_dir("source/a/m");
	src_mount("source/a/m", "tmpfs");
	a = src_look(ROOT, "a");
	b = src_look((uint64_t)a, "b");
	m = src_look((uint64_t)a, "m");
	cr_expect_eq(src_look((uint64_t)b, ".."), a);
	cr_expect_eq(src_look((uint64_t)m, ".."), a);
	cr_expect_eq(src_look((uint64_t)a, ".."), ROOT);
	cr_expect_eq(src_look(ROOT, ".."), ROOT);
}

Test(pt_names_with, two_dots_of_a_directory_that_left_the_source_lead_nowhere)
{
	unsigned before;
	int64_t a, b;

	src_start_beneath("export");
	src_dir("outside");
	src_dir("source/a");
	src_dir("source/a/b");
	a = src_look(ROOT, "a");
	b = src_look((uint64_t)a, "b");
	before = pt_ops_open_fds();
	cr_assert_eq(renameat(src_fd, "source/a", src_fd, "outside/a"), 0);
	cr_expect_eq(src_look((uint64_t)a, ".."), -ESTALE);
	cr_expect_eq(src_look((uint64_t)b, ".."), -ESTALE);
	cr_assert_eq(renameat(src_fd, "outside/a", src_fd, "source/a"), 0);
	cr_expect_eq(src_look((uint64_t)b, ".."), a);
	cr_expect_eq(pt_ops_open_fds(), before);
}
