/*
 * Passthrough: the source goes away under way, or can be read only, or its disk dies: clear errors,
 * and everything else goes on.
 */
#include "pt.h"

#include <fcntl.h>
#include <linux/types.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"

/* Not in the headers of the build machine. */
#define EXT4_SHUTDOWN         _IOR('X', 125, __u32)
#define EXT4_SHUTDOWN_NOFLUSH 2u

FACT(pt_vanish, a_source_that_was_removed_is_an_empty_directory_that_takes_nothing)
{
	struct pt p = {.kind = PT_DIR};
	struct run run;
	int fd;

	pt_start(&p, "-oentry_timeout=0.05,attr_timeout=0.05", NULL);
	PT_OK(mkdir(pt_mnt(&p, "dir"), 0755));
	pt_put(pt_mnt(&p, "dir/f"), "hello");
	fd = pt_open(pt_mnt(&p, "dir/f"), O_RDWR);
	run_command(&run, 0, (char *[]){(char[]){"rm"}, (char[]){"-r"}, (char *)p.src, NULL});
	cr_assert_eq(run.status, 0, "%s", run.err);
	cr_assert(eventually(!pt_exists(pt_mnt(&p, "dir"))));
	PT_FAILS(mkdir(pt_mnt(&p, "new"), 0755), ENOENT);
	PT_FAILS(open(pt_mnt(&p, "new"), O_WRONLY | O_CREAT, 0644), ENOENT);
	cr_assert_str_eq(pt_list(p.d.mnt), "");
	cr_assert_eq(pt_stat(p.d.mnt).st_mode, S_IFDIR | 0755);
	/* who has a file open goes on with it */
	cr_assert_eq(pwrite(fd, "J", 1, 0), 1);
	PT_OK(fsync(fd));
	cr_assert_eq(files_stat(fd).st_size, 5);
	close(fd);
	/* another one in its place is not it */
	PT_OK(mkdir(p.src, 0755));
	pt_put(pt_src(&p, "f"), "another");
	PT_FAILS(open(pt_mnt(&p, "f"), O_RDONLY), ENOENT);
	pt_stop(&p);
}

PT_FACT(pt_vanish, a_source_that_was_unmounted_lazily_is_served_to_the_end)
{
	struct pt p = {.kind = kind};

	pt_start(&p, "-ocache=none", NULL);
	PT_OK(mkdir(pt_mnt(&p, "dir"), 0755));
	pt_put(pt_mnt(&p, "dir/f"), "hello");
	PT_OK(umount2(p.src, MNT_DETACH));
	cr_assert_str_eq(pt_list(p.src), "");
	cr_assert_str_eq(pt_get(pt_mnt(&p, "dir/f")), "hello");
	pt_put(pt_mnt(&p, "dir/g"), "still there");
	cr_assert_str_eq(pt_get(pt_mnt(&p, "dir/g")), "still there");
	PT_OK(rename(pt_mnt(&p, "dir/g"), pt_mnt(&p, "g")));
	cr_assert_str_eq(pt_list(p.d.mnt), "dir g");
	cr_assert_str_eq(pt_list(p.src), "");
	pt_stop(&p);
}

/* Kept backing files must not hinder it for long. */
PT_FACT(pt_vanish, a_source_that_becomes_read_only_says_erofs)
{
	struct pt p = {.kind = kind};

	pt_start(&p, NULL);
	pt_put(pt_mnt(&p, "f"), "hello");
	cr_assert(eventually(mount(NULL, p.src, NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0), "%s",
		  strerror(errno));
	PT_FAILS(open(pt_mnt(&p, "f"), O_WRONLY), EROFS);
	PT_FAILS(open(pt_mnt(&p, "f"), O_RDONLY | O_TRUNC), EROFS);
	PT_FAILS(open(pt_mnt(&p, "new"), O_WRONLY | O_CREAT, 0644), EROFS);
	PT_FAILS(unlink(pt_mnt(&p, "f")), EROFS);
	PT_FAILS(mkdir(pt_mnt(&p, "dir"), 0755), EROFS);
	PT_FAILS(chmod(pt_mnt(&p, "f"), 0600), EROFS);
	PT_FAILS(truncate(pt_mnt(&p, "f"), 0), EROFS);
	PT_FAILS(link(pt_mnt(&p, "f"), pt_mnt(&p, "g")), EROFS);
	cr_assert_str_eq(pt_get(pt_mnt(&p, "f")), "hello");
	PT_OK(mount(NULL, p.src, NULL, MS_REMOUNT, NULL));
	pt_put(pt_mnt(&p, "f"), "again");
	cr_assert_str_eq(pt_get(pt_src(&p, "f")), "again");
	pt_stop(&p);
}

/* ext4's emergency stop: from there on everything that needs the disk is EIO. */
static void dead_disk(const char *options)
{
	struct pt p = {.kind = PT_EXT4};
	__u32 how = EXT4_SHUTDOWN_NOFLUSH;
	int root, fd;

	pt_start(&p, options, NULL);
	pt_put(pt_mnt(&p, "f"), "hello");
	fd = pt_open(pt_mnt(&p, "f"), O_RDWR);
	root = pt_open(p.src, O_RDONLY | O_DIRECTORY);
	PT_OK(ioctl(root, EXT4_SHUTDOWN, &how));
	close(root);
	PT_FAILS(write(fd, "x", 1), EIO);
	PT_FAILS(fsync(fd), EIO);
	PT_FAILS(mkdir(pt_mnt(&p, "dir"), 0755), EIO);
	PT_FAILS(open(pt_mnt(&p, "new"), O_WRONLY | O_CREAT, 0644), EIO);
	PT_FAILS(chmod(pt_mnt(&p, "f"), 0600), EIO);
	close(fd);
	cr_assert_eq(pt_stat(p.d.mnt).st_mode & S_IFMT, S_IFDIR);
	pt_stop(&p);
}

FACT(pt_vanish, a_disk_that_dies_is_eio)
{
	dead_disk("-opassthrough=auto");
}

FACT(pt_vanish, a_disk_that_dies_is_eio_without_kernel_passthrough)
{
	dead_disk("-opassthrough=off");
}

/* A file system beneath the source that does not answer any more: its daemon was killed. */
FACT(pt_vanish, a_dead_mount_beneath_the_source_is_enotconn_and_disturbs_nobody)
{
	struct daemon inner = {0};
	struct pt p = {0};
	int fd;

	pt_make_source(&p);
	PT_OK(mkdir(pt_src(&p, "sub"), 0755));
	pt_put(pt_src(&p, "f"), "hello");
	inner.mnt = pt_src(&p, "sub");
	daemon_start(&inner, NULL);
	pt_start(&p, "-ocache=none", NULL);
	pt_put(pt_mnt(&p, "sub/g"), "there");
	cr_assert_str_eq(pt_get(pt_src(&p, "sub/g")), "there");
	fd = pt_open(pt_mnt(&p, "sub/g"), O_RDWR);
	kill(inner.pid, SIGKILL);
	cr_assert_eq(daemon_wait(&inner), 128 + SIGKILL);
	PT_FAILS(pwrite(fd, "x", 1, 0), ENOTCONN);
	PT_FAILS(open(pt_mnt(&p, "sub/g"), O_RDONLY), ENOTCONN);
	cr_assert_str_eq(pt_get(pt_mnt(&p, "f")), "hello");
	cr_assert_str_eq(pt_list(p.d.mnt), "f sub");
	close(fd);
	pt_stop(&p);
	PT_OK(umount2(inner.mnt, MNT_DETACH));
}
