/*
 * passthrough: extended attributes of all sorts of inodes, and ACLs.
 */
#include "pt_names_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

TestSuite(pt_xattr, .init = src_start, .fini = src_stop, .timeout = 60);

static int set(int64_t node, const char *name, const char *value, uint32_t flags)
{
	return pt_ops->setxattr(&pt_ops_worker, (uint64_t)node, name, value, strlen(value), flags,
				0);
}

/* The length, or a negative errno. */
static ssize_t get(int64_t node, const char *name, char *value, size_t cap)
{
	struct llfused_buf buf = {.data = value, .cap = cap};
	int error = pt_ops->getxattr(&pt_ops_worker, (uint64_t)node, name, &buf);

	return error ? error : (ssize_t)buf.len;
}

static ssize_t list_as(struct llfused_ctx *ctx, int64_t node, char *names, size_t cap)
{
	struct llfused_buf buf = {.data = names, .cap = cap};
	int error = pt_ops->listxattr(ctx, (uint64_t)node, &buf);

	return error ? error : (ssize_t)buf.len;
}

static ssize_t list(int64_t node, char *names, size_t cap)
{
	return list_as(&pt_ops_worker, node, names, cap);
}

Test(pt_xattr, every_sort_of_inode_has_them)
{
	static const uint32_t types[] = {S_IFREG, S_IFIFO, S_IFSOCK, S_IFCHR, S_IFBLK};
	char path[64], value[8];

	src_dir("d");
	cr_assert_eq(symlinkat("d", src_fd, "l"), 0);
	for (size_t i = 0; i < 7; i++) {
		const char *name = i == 5 ? "d" : i == 6 ? "l" : "n";
		int64_t node;

		if (i < 5)
			cr_assert_eq(mknodat(src_fd, "n", types[i] | 0600, 0), 0);
		node = src_look(ROOT, name);
		cr_expect_eq(set(node, "trusted.x", "val", 0), 0, "%zu", i);
		cr_expect_eq(get(node, "trusted.x", value, sizeof(value)), 3);
		cr_expect_arr_eq(value, "val", 3);
		snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", src_fd, name);
		cr_expect_eq(lgetxattr(path, "trusted.x", value, sizeof(value)), 3,
			     "of %s itself: %m", name);
		cr_expect_eq(pt_ops->removexattr(&pt_ops_worker, (uint64_t)node, "trusted.x"), 0);
		cr_expect_eq(lgetxattr(path, "trusted.x", value, sizeof(value)), -1);
		if (i < 5)
			cr_assert_eq(unlinkat(src_fd, "n", 0), 0);
	}
}

Test(pt_xattr, all_namespaces_pass)
{
	static const char *const names[] = {"user.a", "trusted.a", "security.a"};
	char value[8];
	int64_t node;

	src_file("f");
	node = src_look(ROOT, "f");
	for (size_t i = 0; i < 3; i++) {
		cr_expect_eq(set(node, names[i], names[i], 0), 0);
		cr_expect_eq(get(node, names[i], value, 1), -ERANGE);
		cr_expect_eq(get(node, names[i], NULL, 0), (ssize_t)strlen(names[i]));
	}
	cr_expect_eq(set(node, "other.a", "x", 0), -EOPNOTSUPP);
	cr_assert_eq(symlinkat("f", src_fd, "l"), 0);
	cr_expect_eq(set(src_look(ROOT, "l"), "user.a", "x", 0), -EPERM);
}

Test(pt_xattr, flags_and_errors_are_those_of_the_source)
{
	char value[8];
	int64_t node;

	src_file("f");
	node = src_look(ROOT, "f");
	cr_expect_eq(set(node, "user.a", "x", XATTR_REPLACE), -ENODATA);
	cr_expect_eq(set(node, "user.a", "x", XATTR_CREATE), 0);
	cr_expect_eq(set(node, "user.a", "y", XATTR_CREATE), -EEXIST);
	cr_expect_eq(set(node, "user.a", "z", XATTR_REPLACE), 0);
	cr_expect_eq(get(node, "user.a", value, sizeof(value)), 1);
	cr_expect_eq(value[0], 'z');
	cr_expect_eq(get(node, "user.b", value, sizeof(value)), -ENODATA);
	cr_expect_eq(pt_ops->removexattr(&pt_ops_worker, (uint64_t)node, "user.b"), -ENODATA);
	cr_expect_eq(set(node, "user.a", "", 0), 0);
	cr_expect_eq(get(node, "user.a", value, sizeof(value)), 0);
	cr_expect_eq(get(12345, "user.a", value, sizeof(value)), -ESTALE);
}

/* ---- listing ---- */

Test(pt_xattr, list_tells_its_length_and_wants_room_for_all)
{
	char names[64];
	int64_t node;

	src_file("f");
	node = src_look(ROOT, "f");
	cr_expect_eq(list(node, names, sizeof(names)), 0);
	cr_expect_eq(list(node, NULL, 0), 0);
	cr_assert_eq(set(node, "user.name", "x", 0), 0);
	cr_expect_eq(list(node, NULL, 0), 10);
	cr_expect_eq(list(node, names, 9), -ERANGE);
	cr_expect_eq(list(node, names, 10), 10);
	cr_expect_arr_eq(names, "user.name", 10);
}

Test(pt_xattr, long_list_is_whole)
{
	static char names[65536];
	char name[256], *at = name;
	int64_t node;

	src_file("f");
	node = src_look(ROOT, "f");
	at += sprintf(at, "user.");
	memset(at, 'x', 200);
	for (int i = 0; i < 40; i++) {
		sprintf(at + 200, "%02d", i);
		cr_assert_eq(set(node, name, "", 0), 0);
	}
	cr_expect_eq(list(node, NULL, 0), 40 * 208);
	cr_expect_eq(list(node, names, 40 * 208 - 1), -ERANGE);
	cr_expect_eq(list(node, names, sizeof(names)), 40 * 208);
}

/* Another user, with or without the capability that root has. */
static int become(uid_t uid, bool admin)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct caps[2] = {{0}};

	if (prctl(PR_SET_KEEPCAPS, 1) < 0 || setresuid(uid, uid, uid) < 0)
		return -1;
	if (admin)
		caps[0].effective = caps[0].permitted = 1u << CAP_SYS_ADMIN;
	return (int)syscall(SYS_capset, &head, caps);
}

/* The process that asks, until the pipe is closed. */
static pid_t start_caller(uid_t uid, bool admin, int until[2])
{
	int ready[2];
	char byte;
	pid_t pid;

	cr_assert_eq(pipe(ready), 0);
	cr_assert_eq(pipe(until), 0);
	pid = fork();
	if (pid == 0) {
		close(until[1]);
		if (become(uid, admin) < 0 || write(ready[1], "x", 1) != 1)
			_exit(1);
		_exit((int)read(until[0], &byte, 1));
	}
	cr_assert_eq(read(ready[0], &byte, 1), 1);
	return pid;
}

static void end_caller(pid_t pid, const int until[2])
{
	int status;

	close(until[1]);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_expect_eq(status, 0);
}

/* What a caller is told of names that take 7, 10 (trusted) and 11 bytes. */
static void expect_listed(int64_t node, uid_t uid, bool admin, bool all)
{
	struct llfused_ctx ctx = pt_ops_worker;
	char names[64];
	int until[2];
	pid_t pid = start_caller(uid, admin, until);

	ctx.pid = (uint32_t)pid;
	cr_expect_eq(list_as(&ctx, node, NULL, 0), all ? 7 + 10 + 11 : 7 + 11);
	cr_expect_eq(list_as(&ctx, node, names, 7 + 11), all ? -ERANGE : 7 + 11);
	if (!all) {
		cr_expect_not_null(memmem(names, 18, "user.a", 7));
		cr_expect_not_null(memmem(names, 18, "security.c", 11));
	}
	end_caller(pid, until);
}

Test(pt_xattr, trusted_names_are_listed_to_root_only)
{
	int64_t node;

	src_file("f");
	node = src_look(ROOT, "f");
	cr_assert_eq(set(node, "user.a", "x", 0), 0);
	cr_assert_eq(set(node, "trusted.b", "x", 0), 0);
	cr_assert_eq(set(node, "security.c", "x", 0), 0);
	cr_expect_eq(list(node, NULL, 0), 7 + 11, "nobody is to be seen");
	expect_listed(node, 0, true, true);
	expect_listed(node, 0, false, false);
	expect_listed(node, 1, true, false); /* as the root of another user namespace */
	expect_listed(node, 1, false, false);
}

/* ---- ACLs ---- */

#define ACL_ACCESS  "system.posix_acl_access"
#define ACL_DEFAULT "system.posix_acl_default"

/* rwx for the owner and user 4711, r-x for the group, nothing for others. */
static const struct acl {
	uint32_t version;
	struct {
		uint16_t tag, perm;
		uint32_t id;
	} entries[5];
} acl = {2,
	 {{0x01, 7, UINT32_MAX},
	  {0x02, 7, 4711},
	  {0x04, 5, UINT32_MAX},
	  {0x10, 7, UINT32_MAX},
	  {0x20, 0, UINT32_MAX}}};

static int set_acl(int64_t node, const char *name, uint32_t xflags)
{
	return pt_ops->setxattr(&pt_ops_worker, (uint64_t)node, name, &acl, sizeof(acl), 0, xflags);
}

Test(pt_xattr, acl_changes_the_mode_and_is_read_back)
{
	struct acl got;
	int64_t node;

	src_file("f");
	node = src_look(ROOT, "f");
	cr_expect_eq(get(node, ACL_ACCESS, (char *)&got, sizeof(got)), -ENODATA);
	cr_assert_eq(set_acl(node, ACL_ACCESS, 0), 0);
	cr_expect_eq(src_stat("f").st_mode, S_IFREG | 0770);
	cr_expect_eq(get(node, ACL_ACCESS, (char *)&got, sizeof(got)), sizeof(acl));
	cr_expect_eq(memcmp(&got, &acl, sizeof(acl)), 0);
	cr_expect_eq(set_acl(node, ACL_DEFAULT, 0), -EACCES, "only directories have it");
}

Test(pt_xattr, setgid_goes_with_an_acl_of_one_who_is_not_in_the_group)
{
	int64_t file, dir;

	src_file("f");
	src_dir("d");
	file = src_look(ROOT, "f");
	dir = src_look(ROOT, "d");
	cr_assert_eq(fchmodat(src_fd, "f", 06755, 0), 0);
	cr_assert_eq(fchmodat(src_fd, "d", 03755, 0), 0);
	cr_assert_eq(set_acl(file, ACL_ACCESS, 0), 0);
	cr_expect_eq(src_stat("f").st_mode, S_IFREG | 06770);
	cr_assert_eq(set_acl(file, ACL_ACCESS, LLFUSED_XATTR_ACL_KILL_SGID), 0);
	cr_expect_eq(src_stat("f").st_mode, S_IFREG | 04770);
	cr_assert_eq(set_acl(file, ACL_ACCESS, LLFUSED_XATTR_ACL_KILL_SGID), 0);
	cr_expect_eq(src_stat("f").st_mode, S_IFREG | 04770);
	cr_assert_eq(set_acl(dir, ACL_ACCESS, LLFUSED_XATTR_ACL_KILL_SGID), 0);
	cr_expect_eq(src_stat("d").st_mode, S_IFDIR | 01770);
}

Test(pt_xattr, source_without_acls_has_none_where_the_kernel_asks)
{
	struct llfused_buf buf = {.cap = 0};
	uint64_t node;

	src_dir("m");
	src_mount("m", "ramfs");
	node = (uint64_t)src_look(ROOT, "m");
	cr_expect_eq(pt_ops->getxattr(&pt_ops_pool, node, ACL_ACCESS, &buf), -EOPNOTSUPP);
	pt_ops_fs->wants |= LLFUSED_WANT_ACL;
	cr_expect_eq(pt_ops->getxattr(&pt_ops_pool, node, ACL_ACCESS, &buf), -ENODATA);
	cr_expect_eq(pt_ops->getxattr(&pt_ops_pool, node, ACL_DEFAULT, &buf), -ENODATA);
	cr_expect_eq(pt_ops->getxattr(&pt_ops_pool, node, "user.x", &buf), -EOPNOTSUPP);
}

/* ---- where that may sleep ---- */

Test(pt_xattr, slow_source_is_not_asked_where_that_must_not_sleep)
{
	struct llfused_buf buf = {.cap = 0};
	struct llfused_ctx *ctx = &pt_ops_worker;
	uint64_t node;

	src_file("f");
	node = (uint64_t)src_look(ROOT, "f");
	pt_ops_fs->source.mounts[0].pace = PT_PACE_DISK;
	cr_expect_eq(pt_ops->setxattr(ctx, node, "user.a", "", 0, 0, 0), LLFUSED_AGAIN);
	cr_expect_eq(pt_ops->getxattr(ctx, node, "user.a", &buf), LLFUSED_AGAIN);
	cr_expect_eq(pt_ops->listxattr(ctx, node, &buf), LLFUSED_AGAIN);
	cr_expect_eq(pt_ops->removexattr(ctx, node, "user.a"), LLFUSED_AGAIN);
}
