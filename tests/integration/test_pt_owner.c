/*
 * Passthrough: users on one mount: closed directories with warm caches, and the options that change
 * owners and modes; idmapped mounts.
 */
#include "pt.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "files.h"

#define USER  HARNESS_USER
#define OTHER 3

static int open_errno(void *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int create_errno(void *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int tmpfile_errno(void *dir)
{
	int fd = open(dir, O_RDWR | O_TMPFILE | O_CLOEXEC, 0666);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int whiteout_errno(void *dir)
{
	if (chdir(dir) < 0)
		return errno;
	return renameat2(AT_FDCWD, "old", AT_FDCWD, "new", RENAME_WHITEOUT) < 0 ? errno : 0;
}

static int mkdir_errno(void *path)
{
	return mkdir(path, 0777) < 0 ? errno : 0;
}

static int chown_errno(void *path)
{
	return chown(path, 2, 2) < 0 ? errno : 0;
}

/* Both while the entries are valid and where each is looked up anew. */
static void closed_directory(const char *options)
{
	struct pt p = {0};
	char *file;

	pt_start(&p, options, NULL);
	PT_OK(mkdir(pt_mnt(&p, "closed"), 0700));
	PT_OK(mkdir(pt_mnt(&p, "closed/open"), 0777));
	pt_put(file = pt_mnt(&p, "closed/open/f"), "hello");
	PT_OK(chmod(file, 0666));
	PT_OK(chown(pt_mnt(&p, "closed"), USER, USER));
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(harness_as(USER, open_errno, file), 0);
		cr_assert_eq(harness_as(OTHER, open_errno, file), EACCES);
		cr_assert_eq(harness_as(OTHER, files_stat_errno, file), EACCES);
		cr_assert_eq(harness_as(OTHER, create_errno, pt_mnt(&p, "closed/open/new")),
			     EACCES);
	}
	/* opened on the source: seen once the attributes are old */
	PT_OK(chmod(pt_src(&p, "closed"), 0711));
	cr_assert(eventually(harness_as(OTHER, open_errno, file) == 0));
	PT_OK(chmod(pt_mnt(&p, "closed"), 0700));
	cr_assert_eq(harness_as(OTHER, open_errno, file), EACCES);
	pt_stop(&p);
}

FACT(pt_owner, who_may_not_pass_a_directory_does_not_pass_it_with_warm_caches)
{
	closed_directory("-oentry_timeout=0.3,attr_timeout=0.3");
}

FACT(pt_owner, who_may_not_pass_a_directory_does_not_pass_it_without_caches)
{
	closed_directory("-ocache=none");
}

static int hold_directory(void *path)
{
	if (chdir(path) < 0)
		return errno;
	nap(300);
	return open_errno((char[]){"f"});
}

/* As natively: who is inside stays inside, but finds nothing there any more. */
FACT(pt_owner, a_directory_that_is_closed_shuts_out_who_sits_in_it)
{
	struct pt p = {0};
	pid_t pid;

	pt_start(&p, NULL);
	PT_OK(mkdir(pt_mnt(&p, "dir"), 0755));
	pt_put(pt_mnt(&p, "dir/f"), "");
	pid = fork();
	if (pid == 0) {
		if (setgid(OTHER) < 0 || setuid(OTHER) < 0)
			_exit(255);
		_exit(hold_directory(pt_mnt(&p, "dir")));
	}
	nap(100);
	PT_OK(chmod(pt_mnt(&p, "dir"), 0700));
	cr_assert_eq(harness_reap(pid, 5000), EACCES);
	pt_stop(&p);
}

/* ---- options ---- */

FACT(pt_owner, force_user_and_force_group_show_one_owner)
{
	struct pt p = {0};
	struct stat st;

	pt_make_source(&p);
	pt_put(pt_src(&p, "roots"), "");
	PT_OK(mkdir(pt_src(&p, "dir"), 0777));
	PT_OK(chmod(pt_src(&p, "dir"), 0777));
	pt_start(&p, "-oforce-user=bin,force-group=4000", NULL);
	st = pt_stat(pt_mnt(&p, "roots"));
	cr_assert_eq(st.st_uid, 2, "bin is 2 everywhere");
	cr_assert_eq(st.st_gid, 4000);
	cr_assert_eq(pt_stat(p.d.mnt).st_uid, 2);
	/* what is new belongs on the source to who made it */
	cr_assert_eq(harness_as(USER, create_errno, pt_mnt(&p, "dir/f")), 0);
	cr_assert_eq(harness_as(USER, mkdir_errno, pt_mnt(&p, "dir/d")), 0);
	PT_OK(mkdir(pt_mnt(&p, "dir/mine"), 0755));
	cr_assert_eq(pt_stat(pt_src(&p, "dir/f")).st_uid, USER);
	cr_assert_eq(pt_stat(pt_src(&p, "dir/d")).st_gid, USER);
	cr_assert_eq(pt_stat(pt_src(&p, "dir/mine")).st_uid, 0);
	cr_assert_eq(pt_stat(pt_mnt(&p, "dir/mine")).st_uid, 2);
	/* nobody can change an owner that is not the real one */
	PT_FAILS(chown(pt_mnt(&p, "dir/f"), 5, 5), EPERM);
	cr_assert_eq(harness_as(USER, chown_errno, pt_mnt(&p, "dir/f")), EPERM);
	cr_assert_eq(pt_stat(pt_src(&p, "dir/f")).st_uid, USER);
	pt_stop(&p);
}

FACT(pt_owner, umask_takes_bits_from_all_that_is_new)
{
	struct pt p = {0};

	umask(0);
	pt_start(&p, "-oumask=027", NULL);
	PT_OK(chmod(p.d.mnt, 0777));
	cr_assert_eq(harness_as(USER, create_errno, pt_mnt(&p, "f")), 0);
	cr_assert_eq(harness_as(USER, mkdir_errno, pt_mnt(&p, "d")), 0);
	PT_OK(mkfifo(pt_mnt(&p, "fifo"), 0666));
	cr_assert_eq(pt_stat(pt_src(&p, "f")).st_mode, S_IFREG | 0640);
	cr_assert_eq(pt_stat(pt_mnt(&p, "f")).st_mode, S_IFREG | 0640);
	cr_assert_eq(pt_stat(pt_src(&p, "d")).st_mode, S_IFDIR | 0750);
	cr_assert_eq(pt_stat(pt_src(&p, "fifo")).st_mode, S_IFIFO | 0640);
	/* on top of the caller's own */
	umask(0700);
	PT_OK(mkdir(pt_mnt(&p, "own"), 0777));
	cr_assert_eq(pt_stat(pt_src(&p, "own")).st_mode, S_IFDIR | 0050);
	umask(022);
	/* what exists is left alone */
	PT_OK(chmod(pt_mnt(&p, "f"), 0777));
	cr_assert_eq(pt_stat(pt_src(&p, "f")).st_mode, S_IFREG | 0777);
	pt_stop(&p);
}

FACT(pt_owner, create_mode_gives_all_that_is_new_these_bits)
{
	struct pt p = {0};
	int fd;

	pt_start(&p, "-ocreate-mode=0640", NULL);
	PT_OK(chmod(p.d.mnt, 0777));
	cr_assert_eq(harness_as(USER, create_errno, pt_mnt(&p, "f")), 0);
	cr_assert_eq(pt_stat(pt_src(&p, "f")).st_mode, S_IFREG | 0640);
	cr_assert_eq(pt_stat(pt_src(&p, "f")).st_uid, USER);
	umask(077);
	PT_OK(mkdir(pt_mnt(&p, "d"), 0700));
	fd = open(pt_mnt(&p, "g"), O_WRONLY | O_CREAT | O_CLOEXEC, 0777);
	PT_OK(fd);
	close(fd);
	umask(022);
	cr_assert_eq(pt_stat(pt_src(&p, "d")).st_mode, S_IFDIR | 0750);
	cr_assert_eq(pt_stat(pt_mnt(&p, "g")).st_mode, S_IFREG | 0640);
	PT_OK(chmod(pt_mnt(&p, "g"), 0600));
	cr_assert_eq(pt_stat(pt_src(&p, "g")).st_mode, S_IFREG | 0600);
	pt_stop(&p);
}

FACT(pt_owner, ro_lets_nobody_change_anything)
{
	struct pt p = {0};

	pt_make_source(&p);
	pt_put(pt_src(&p, "f"), "hello");
	PT_OK(mkdir(pt_src(&p, "dir"), 0777));
	pt_start(&p, "-oro", NULL);
	cr_assert_str_eq(pt_get(pt_mnt(&p, "f")), "hello");
	PT_FAILS(open(pt_mnt(&p, "f"), O_WRONLY), EROFS);
	PT_FAILS(open(pt_mnt(&p, "new"), O_WRONLY | O_CREAT, 0644), EROFS);
	PT_FAILS(mkdir(pt_mnt(&p, "dir/sub"), 0755), EROFS);
	PT_FAILS(unlink(pt_mnt(&p, "f")), EROFS);
	PT_FAILS(rename(pt_mnt(&p, "f"), pt_mnt(&p, "g")), EROFS);
	PT_FAILS(chmod(pt_mnt(&p, "f"), 0600), EROFS);
	PT_FAILS(truncate(pt_mnt(&p, "f"), 0), EROFS);
	cr_assert_str_eq(pt_list(p.src), "dir f");
	pt_stop(&p);
}

/* ---- idmapped mounts ---- */

static int pause_in_userns(void *arg)
{
	(void)arg;
	if (unshare(CLONE_NEWUSER) < 0)
		return errno;
	for (;;)
		pause();
}

static void write_map(pid_t pid, const char *name, const char *map)
{
	char path[64];
	int fd;

	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
	fd = pt_open(path, O_WRONLY);
	cr_assert_eq(write(fd, map, strlen(map)), (ssize_t)strlen(map), "%s: %s", path,
		     strerror(errno));
	close(fd);
}

static bool has_own_userns(pid_t pid)
{
	char path[64], theirs[64] = "", ours[64] = "";

	snprintf(path, sizeof path, "/proc/%d/ns/user", (int)pid);
	PT_OK(readlink(path, theirs, sizeof theirs - 1));
	PT_OK(readlink("/proc/self/ns/user", ours, sizeof ours - 1));
	return strcmp(theirs, ours) != 0;
}

/* A user namespace in which the ids of `map` mean what it says: a descriptor of it. */
static int userns_of(const char *map)
{
	pid_t pid = harness_fork(pause_in_userns, NULL);
	char path[64];
	int fd;

	cr_assert(eventually(has_own_userns(pid)));
	write_map(pid, "uid_map", map);
	write_map(pid, "gid_map", map);
	snprintf(path, sizeof path, "/proc/%d/ns/user", (int)pid);
	fd = pt_open(path, O_RDONLY);
	kill(pid, SIGKILL);
	harness_reap(pid, 5000);
	return fd;
}

FACT(pt_owner, an_idmapped_mount_maps_owners_both_ways)
{
	/* who is 2 and 3 on the source is 1002 and 1003 here */
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_IDMAP,
		.userns_fd = (unsigned)userns_of("2 1002 2"),
	};
	char *mapped = harness_mkdir("mapped", 0);
	struct pt p = {0};
	int tree;

	pt_start(&p, NULL);
	pt_put(pt_mnt(&p, "twos"), "hello");
	PT_OK(chown(pt_mnt(&p, "twos"), 2, 2));
	PT_OK(chmod(pt_mnt(&p, "twos"), 0600));
	/* in a directory of somebody unknown nobody may write */
	PT_OK(chown(p.d.mnt, 2, 2));
	PT_OK(chmod(p.d.mnt, 0777));
	tree = open_tree(AT_FDCWD, p.d.mnt, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	PT_OK(tree);
	PT_OK(mount_setattr(tree, "", AT_EMPTY_PATH, &attr, sizeof attr));
	PT_OK(move_mount(tree, "", AT_FDCWD, mapped, MOVE_MOUNT_F_EMPTY_PATH));
	cr_assert_eq(pt_stat(harness_path("mapped/twos")).st_uid, 1002);
	cr_assert_eq(pt_stat(harness_path("mapped/twos")).st_gid, 1002);
	cr_assert_eq(harness_as(1002, open_errno, harness_path("mapped/twos")), 0);
	cr_assert_eq(harness_as(2, open_errno, harness_path("mapped/twos")), EACCES);
	cr_assert_eq(harness_as(1003, create_errno, harness_path("mapped/new")), 0);
	cr_assert_eq(harness_as(1003, mkdir_errno, harness_path("mapped/dir")), 0);
	cr_assert_eq(pt_stat(pt_src(&p, "new")).st_uid, 3);
	cr_assert_eq(pt_stat(pt_src(&p, "dir")).st_gid, 3);
	cr_assert_eq(pt_stat(harness_path("mapped/new")).st_uid, 1003);
	PT_OK(chown(harness_path("mapped/new"), 1002, 1002));
	cr_assert_eq(pt_stat(pt_src(&p, "new")).st_uid, 2);
	/* nobody on the source is meant by this one */
	cr_assert_eq(harness_as(5000, create_errno, harness_path("mapped/none")), EOVERFLOW);
	cr_assert_eq(harness_as(1003, tmpfile_errno, mapped), 0);
	cr_assert_eq(harness_as(5000, tmpfile_errno, mapped), EOVERFLOW);
	/* a whiteout: the kernel asks only where it takes the place of nothing */
	pt_put(pt_mnt(&p, "old"), "hello");
	PT_OK(chown(pt_mnt(&p, "old"), 2, 2));
	cr_assert_eq(harness_as(5000, whiteout_errno, mapped), EOVERFLOW);
	close(tree);
	PT_OK(umount2(mapped, 0));
	close((int)attr.userns_fd);
	pt_stop(&p);
}
