/*
 * passthrough: the source directory, the mounts beneath it, and what may be done where.
 */
#include "pt_node_fixture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

static struct nfx fx;

static void start(void)
{
	nfx_prepare(&fx, 0);
}

static void stop(void)
{
	nfx_stop(&fx);
}

TestSuite(pt_source, .init = start, .fini = stop, .timeout = 60);

static const char *path_of(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/source/%s", fx.dir, name);
	return path;
}

/* What is said of a bad source. */
static const char *refusal(const char *name, int expected)
{
	static struct llfused_error error;

	memset(&error, 0, sizeof(error));
	cr_expect_eq(pt_source_open(&fx.fs, path_of(name), &error), expected, "%s: %s", name,
		     error.text);
	cr_expect_not_null(strstr(error.text, path_of(name)), "%s", error.text);
	return error.text;
}

static void mount_tmpfs(const char *name)
{
	nfx_make_dir(&fx, name);
	cr_assert_eq(mount("unit", path_of(name), "tmpfs", 0, NULL), 0, "%s", strerror(errno));
}

/* The mount of what lies there, as it is met; or an errno. */
static int meet(const char *name)
{
	struct statx stx;
	int fd = pt_sys_open(fx.source, name, O_PATH, 0);
	int result;

	cr_assert_geq(fd, 0);
	cr_assert_eq(pt_sys_stat(fd, "", &stx), 0);
	result = pt_source_mount(&fx.fs, fd, &stx);
	if (result >= 0)
		cr_expect_eq(pt_source_known(&fx.fs, &stx), result);
	close(fd);
	return result;
}

static int known(const char *name)
{
	struct statx stx;

	cr_assert_eq(pt_sys_peek(fx.source, name, &stx), 0);
	return pt_source_known(&fx.fs, &stx);
}

Test(pt_source, a_source_that_is_not_there_says_so)
{
	cr_assert_not_null(strstr(refusal("none", -ENOENT), "no such directory"));
}

Test(pt_source, a_file_as_source_says_so)
{
	nfx_make(&fx, "file");
	cr_assert_not_null(strstr(refusal("file", -ENOTDIR), "not a directory"));
}

Test(pt_source, a_circle_of_links_says_so)
{
	cr_assert_eq(symlinkat("b", fx.source, "a"), 0);
	cr_assert_eq(symlinkat("a", fx.source, "b"), 0);
	cr_assert_not_null(strstr(refusal("a", -ELOOP), "links"));
}

/* Root may enter everything: as somebody else, in a child. */
Test(pt_source, a_source_that_may_not_be_entered_says_so)
{
	struct llfused_error error = {""};
	int status;
	pid_t child;

	nfx_make_dir(&fx, "closed");
	cr_assert_eq(fchmodat(fx.source, "closed", 0700, 0), 0);
	child = fork();
	if (child == 0) {
		if (setgid(65534) || setuid(65534))
			_exit(3);
		if (pt_source_open(&fx.fs, path_of("closed"), &error) != -EACCES)
			_exit(1);
		_exit(strstr(error.text, "no permission") ? 0 : 2);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert_eq(status, 0, "status %x", status);
}

Test(pt_source, its_path_is_the_real_one)
{
	struct llfused_error error;

	nfx_make_dir(&fx, "dir");
	cr_assert_eq(symlinkat("./dir/", fx.source, "link"), 0);
	cr_assert_eq(pt_source_open(&fx.fs, path_of("link"), &error), 0, "%s", error.text);
	cr_assert_str_eq(fx.fs.source.path, path_of("dir"));
}

Test(pt_source, mounts_beneath_are_told_apart)
{
	nfx_open(&fx);
	nfx_make_dir(&fx, "plain");
	mount_tmpfs("one");
	mount_tmpfs("two");
	cr_assert_eq(meet("plain"), 0);
	cr_assert_eq(known("one"), -ENOENT);
	cr_assert_eq(meet("one"), 1);
	cr_assert_eq(meet("two"), 2);
	cr_assert_eq(meet("one"), 1);
	cr_assert_eq(known("two"), 2);
	cr_assert_eq(known("plain"), 0);
	cr_assert_eq(atomic_load(&fx.fs.source.nmounts), 3);
}

Test(pt_source, the_same_directory_mounted_twice_is_two_mounts)
{
	char to[256];

	nfx_open(&fx);
	nfx_make_dir(&fx, "dir");
	nfx_make_dir(&fx, "bound");
	snprintf(to, sizeof(to), "%s", path_of("bound"));
	cr_assert_eq(mount(path_of("dir"), to, NULL, MS_BIND, NULL), 0);
	cr_assert_eq(meet("dir"), 0);
	cr_assert_eq(meet("bound"), 1);
	cr_assert_eq(fx.fs.source.mounts[0].dev, fx.fs.source.mounts[1].dev);
}

Test(pt_source, our_own_mount_is_never_entered)
{
	struct statx stx;

	nfx_open(&fx);
	mount_tmpfs("own");
	cr_assert_eq(pt_sys_peek(fx.source, "own", &stx), 0);
	fx.fs.own_dev = makedev(stx.stx_dev_major, stx.stx_dev_minor);
	cr_assert_eq(known("own"), -ELOOP);
	cr_assert_eq(meet("own"), -ELOOP);
	cr_assert_eq(atomic_load(&fx.fs.source.nmounts), 1);
}

Test(pt_source, very_many_mounts_are_found)
{
	char name[16];

	nfx_open(&fx);
	for (int i = 1; i <= 300; i++) {
		snprintf(name, sizeof(name), "m%d", i);
		mount_tmpfs(name);
		cr_assert_eq(meet(name), i);
	}
	for (int i = 1; i <= 300; i++) {
		snprintf(name, sizeof(name), "m%d", i);
		cr_assert_eq(known(name), i);
	}
	nfx_expect_closed(&fx);
}

/* As if the file system had many subvolumes, or were mounted many times. */
static struct statx as_if(unsigned number)
{
	struct statx stx;

	cr_assert_eq(pt_sys_stat(fx.source, "", &stx), 0);
	if (number % 2)
		stx.stx_dev_minor = 1000000 + number;
	else
		stx.stx_mnt_id = 1000000 + number;
	return stx;
}

Test(pt_source, more_mounts_than_there_is_room_for_are_refused)
{
	struct statx stx;
	unsigned fds;

	nfx_open(&fx);
	for (unsigned i = 1; i < PT_MOUNTS_MAX; i++) {
		stx = as_if(i);
		cr_assert_eq(pt_source_mount(&fx.fs, fx.source, &stx), (int)i);
	}
	fds = nfx_open_fds();
	stx = as_if(PT_MOUNTS_MAX);
	cr_assert_eq(pt_source_mount(&fx.fs, fx.source, &stx), -ENFILE);
	cr_assert_eq(nfx_open_fds(), fds);
	for (unsigned i = 1; i < PT_MOUNTS_MAX; i++) {
		stx = as_if(i);
		cr_assert_eq(pt_source_known(&fx.fs, &stx), (int)i);
	}
}

Test(pt_source, a_tmpfs_is_memory_with_handles)
{
	nfx_open(&fx);
	cr_assert_eq(fx.fs.source.mounts[0].pace, PT_PACE_MEMORY);
	cr_assert(fx.fs.source.mounts[0].handles);
}

Test(pt_source, who_may_not_open_by_handle_has_none)
{
	struct llfused_error error;
	int status;
	pid_t child = fork();

	if (child == 0) {
		if (setgid(65534) || setuid(65534))
			_exit(3);
		if (pt_source_open(&fx.fs, path_of("."), &error))
			_exit(2);
		_exit(fx.fs.source.mounts[0].handles);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert_eq(status, 0, "status %x", status);
}

Test(pt_source, what_is_not_known_is_slow)
{
	struct statx stx;
	int fd, mount_index;

	nfx_open(&fx);
	nfx_make_dir(&fx, "proc");
	cr_assert_eq(mount("unit", path_of("proc"), "proc", 0, NULL), 0);
	fd = pt_sys_open(fx.source, "proc", O_PATH, 0);
	cr_assert_eq(pt_sys_stat(fd, "", &stx), 0);
	mount_index = pt_source_mount(&fx.fs, fd, &stx);
	close(fd);
	cr_assert_eq(mount_index, 1);
	cr_assert_eq(fx.fs.source.mounts[1].pace, PT_PACE_SLOW);
	cr_assert_not(fx.fs.source.mounts[1].handles);
}

Test(pt_source, a_mounted_file_is_a_mount_of_its_own)
{
	char to[256];

	nfx_open(&fx);
	nfx_make(&fx, "file");
	nfx_make(&fx, "bound");
	snprintf(to, sizeof(to), "%s", path_of("bound"));
	cr_assert_eq(mount(path_of("file"), to, NULL, MS_BIND, NULL), 0);
	cr_assert_eq(meet("bound"), 1);
	cr_assert_eq(fx.fs.source.mounts[1].pace, PT_PACE_MEMORY);
	cr_assert_not(fx.fs.source.mounts[1].handles);
}

Test(pt_source, what_may_be_done_depends_on_pace_work_and_thread)
{
	static const struct {
		enum pt_pace pace;
		int inode, look, change, longer;
	} table[] = {
		{PT_PACE_MEMORY, 0, 0, 0, LLFUSED_AGAIN},
		{PT_PACE_DISK, 0, LLFUSED_AGAIN, LLFUSED_AGAIN, LLFUSED_AGAIN},
		{PT_PACE_SLOW, LLFUSED_AGAIN, LLFUSED_AGAIN, LLFUSED_AGAIN, LLFUSED_AGAIN},
	};
	struct llfused_ctx reader = {.fs = &fx.fs};

	nfx_open(&fx);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		fx.fs.source.mounts[0].pace = table[i].pace;
		cr_expect_eq(pt_source_pace(&fx.fs, &reader, 0, PT_WORK_INODE), table[i].inode);
		cr_expect_eq(pt_source_pace(&fx.fs, &reader, 0, PT_WORK_LOOK), table[i].look);
		cr_expect_eq(pt_source_pace(&fx.fs, &reader, 0, PT_WORK_CHANGE), table[i].change);
		cr_expect_eq(pt_source_pace(&fx.fs, &reader, 0, PT_WORK_LONG), table[i].longer);
		cr_expect_eq(pt_source_pace(&fx.fs, &fx.ctx, 0, PT_WORK_LONG), 0);
	}
}

Test(pt_source, submounts_are_stopped_at_where_that_is_wanted)
{
	nfx_open(&fx);
	mount_tmpfs("sub");
	cr_assert_eq(meet("sub"), 1);
	cr_assert_not(pt_source_stops_at(&fx.fs, 1));
	fx.fs.options.submounts = false;
	cr_assert(pt_source_stops_at(&fx.fs, 1));
	cr_assert_not(pt_source_stops_at(&fx.fs, 0));
}
