/*
 * Mounts whose users are mapped: who a backend is told, and who may ask for stack traces while the
 * kernel tells no one.  See testfs/idmapfs.c.
 */
#include "files.h"
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#ifndef SYS_open_tree
#define SYS_open_tree     428
#define SYS_move_mount    429
#define SYS_mount_setattr 442
#endif

#define TREE_CLONE   1u          /* OPEN_TREE_CLONE */
#define FROM_EMPTY   0x00000004u /* MOVE_MOUNT_F_EMPTY_PATH */
#define ATTR_IDMAP   0x00100000u /* MOUNT_ATTR_IDMAP */
#define FIRST_MAPPED 10000       /* on the mapped mount, user n is 10000 + n */

struct idmap_attr { /* struct mount_attr */
	uint64_t attr_set, attr_clr, propagation, userns_fd;
};

static void start(struct daemon *d, const char *option)
{
	*d = (struct daemon){.testfs = true, .backend = "idmapfs"};
	daemon_start(d, option, NULL);
}

static void write_map(pid_t pid, const char *name)
{
	char path[64], text[32];
	int fd, len = snprintf(text, sizeof text, "0 %d 1000", FIRST_MAPPED);

	snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	cr_assert_geq(fd, 0, "%s: %s", path, strerror(errno));
	cr_assert_eq(write(fd, text, (size_t)len), len, "%s: %s", path, strerror(errno));
	close(fd);
}

static int be_a_namespace(void *arg)
{
	int *ready = arg;

	if (unshare(CLONE_NEWUSER) < 0 || write(ready[1], "", 1) != 1)
		return errno;
	pause();
	return 0;
}

/* A user namespace with the map, as a descriptor. */
static int make_namespace(void)
{
	char path[64], byte;
	int ready[2], fd;
	pid_t pid;

	cr_assert_eq(pipe(ready), 0);
	pid = harness_fork(be_a_namespace, ready);
	cr_assert_eq(read(ready[0], &byte, 1), 1);
	write_map(pid, "uid_map");
	write_map(pid, "gid_map");
	snprintf(path, sizeof path, "/proc/%d/ns/user", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	cr_assert_geq(fd, 0);
	kill(pid, SIGKILL);
	close(ready[0]);
	close(ready[1]);
	return fd;
}

/* Shows the mount at `to` with its users mapped: 0 or an errno value. */
static int map_users(const struct daemon *d, const char *to)
{
	int users = make_namespace(), error = 0;
	int tree = (int)syscall(SYS_open_tree, AT_FDCWD, d->mnt, TREE_CLONE | O_CLOEXEC);
	struct idmap_attr attr = {.attr_set = ATTR_IDMAP, .userns_fd = (uint64_t)users};

	cr_assert_geq(tree, 0);
	if (syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attr, sizeof attr) < 0 ||
	    syscall(SYS_move_mount, tree, "", AT_FDCWD, to, FROM_EMPTY) < 0)
		error = errno;
	close(users);
	close(tree);
	return error;
}

static int make_dir(void *path)
{
	return mkdir(path, 0755) < 0 ? errno : 0;
}

static struct stat stat_of(const char *path)
{
	struct stat st;

	cr_assert_eq(stat(path, &st), 0, "%s: %s", path, strerror(errno));
	return st;
}

FACT(idmap, who_makes_something_is_told_and_others_are_not)
{
	struct daemon d;

	start(&d, NULL);
	cr_assert_eq(report_of(&d, "want"), 1u << 8);
	cr_assert_eq(harness_as(7, make_dir, daemon_path(&d, "dir")), 0);
	cr_assert_eq(report_of(&d, "uid"), 7);
	cr_assert_eq(report_of(&d, "told"), 0);
	cr_assert_gt(report_of(&d, "hidden"), 0);
	cr_assert_eq(daemon_unmount(&d), 0);
}

FACT(idmap, users_of_a_mapped_mount_are_mapped_both_ways)
{
	struct daemon d;
	char *mapped = harness_mkdir("mapped", 0), path[256];

	start(&d, NULL);
	cr_assert_eq(map_users(&d, mapped), 0);
	snprintf(path, sizeof path, "%s/dir", mapped);
	cr_assert_eq(harness_as(FIRST_MAPPED + 7, make_dir, path), 0);
	cr_assert_eq(report_of(&d, "uid"), 7);
	cr_assert_eq(stat_of(path).st_uid, FIRST_MAPPED + 7);
	cr_assert_eq(stat_of(daemon_path(&d, "dir")).st_uid, 7);
	cr_assert_eq(umount2(mapped, MNT_DETACH), 0);
	cr_assert_eq(daemon_unmount(&d), 0);
}

FACT(idmap, without_the_wish_users_cannot_be_mapped)
{
	struct daemon d = {.testfs = true, .backend = "nullfs"};

	daemon_start(&d, NULL);
	cr_assert_eq(map_users(&d, harness_mkdir("mapped", 0)), EINVAL);
	cr_assert_eq(daemon_unmount(&d), 0);
}

FACT(idmap, it_is_off_where_the_kernel_does_not_check_permissions)
{
	struct daemon d;

	start(&d, "-ono_allow_other");
	cr_assert_eq(report_of(&d, "want"), 0);
	cr_assert(eventually(
		daemon_log_has(&d, 0, "allow_idmap(needs default_permissions or posix_acl)")));
	cr_assert_eq(daemon_unmount(&d), 0);
}

/* ---- stack traces ---- */

static int ask_for_stacks(void *mnt)
{
	return setxattr(mnt, "user.fuse_stacktrace", "1", 1, 0) < 0 ? errno : 0;
}

FACT(idmap, stack_traces_are_for_root_and_the_owner_all_the_same)
{
	struct daemon d;
	size_t from;

	start(&d, NULL);
	from = daemon_log_size(&d);
	cr_assert_eq(harness_as(HARNESS_USER, ask_for_stacks, (void *)d.mnt), EPERM);
	cr_assert(!daemon_log_has(&d, from, ": thread "));
	cr_assert_eq(ask_for_stacks((void *)d.mnt), 0);
	cr_assert(eventually(daemon_log_has(&d, from, ": thread ")));
	cr_assert_eq(daemon_unmount(&d), 0);
}
