/*
 * passthrough: system calls that stay beneath the directory that they are given.
 */
#include "pt_node_fixture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static struct nfx fx;

static void start(void)
{
	nfx_start(&fx);
}

static void stop(void)
{
	nfx_stop(&fx);
}

TestSuite(pt_system, .init = start, .fini = stop, .timeout = 60);

static int open_and_close(const char *name, uint32_t flags)
{
	int fd = pt_sys_open(fx.source, name, flags, 0);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

Test(pt_system, nothing_above_is_reached)
{
	cr_assert_eq(open_and_close("..", O_PATH), -EXDEV);
	cr_assert_eq(open_and_close("/", O_PATH), -EXDEV);
	cr_assert_eq(open_and_close("/etc", O_PATH), -EXDEV);
	cr_assert_eq(open_and_close(".", O_PATH), 0);
}

Test(pt_system, links_are_not_followed)
{
	struct statx stx;

	nfx_make(&fx, "file");
	cr_assert_eq(symlinkat("file", fx.source, "link"), 0);
	cr_assert_eq(open_and_close("link", O_RDONLY), -ELOOP);
	cr_assert_eq(open_and_close("link", O_PATH), 0);
	cr_assert_eq(pt_sys_stat(fx.source, "link", &stx), 0);
	cr_assert(S_ISLNK(stx.stx_mode));
	cr_assert_eq(pt_sys_peek(fx.source, "link", &stx), 0);
	cr_assert(S_ISLNK(stx.stx_mode));
}

Test(pt_system, flags_unknown_to_openat2_are_no_error)
{
	nfx_make(&fx, "file");
	/* 0x20 is the kernel's mark of an exec, 0100000 O_LARGEFILE. */
	cr_assert_eq(open_and_close("file", O_RDONLY | 0x20 | 0100000), 0);
	cr_assert_eq(open_and_close("file", O_PATH | O_APPEND | O_CREAT), 0);
}

Test(pt_system, descriptors_do_not_survive_exec)
{
	int fd = pt_sys_open(fx.source, ".", O_PATH, 0);
	int again = pt_sys_reopen(&fx.fs, fd, O_RDONLY);

	cr_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	cr_assert(fcntl(again, F_GETFD) & FD_CLOEXEC);
	close(again);
	close(fd);
}

Test(pt_system, files_are_made_with_their_mode)
{
	struct statx stx;
	int fd;

	umask(0);
	fd = pt_sys_open(fx.source, "new", O_CREAT | O_EXCL | O_RDWR, S_IFREG | 04751);
	cr_assert_geq(fd, 0);
	cr_assert_eq(pt_sys_stat(fd, "", &stx), 0);
	cr_assert_eq(stx.stx_mode, S_IFREG | 04751);
	close(fd);
	fd = pt_sys_open(fx.source, ".", O_TMPFILE | O_RDWR, 0640);
	cr_assert_geq(fd, 0);
	cr_assert_eq(pt_sys_stat(fd, "", &stx), 0);
	cr_assert_eq(stx.stx_mode, S_IFREG | 0640);
	cr_assert_eq(stx.stx_nlink, 0);
	close(fd);
}

Test(pt_system, an_inode_is_opened_anew_whatever_its_name_is)
{
	char byte;
	int path = -1;
	int fd;

	nfx_make(&fx, "file");
	path = pt_sys_open(fx.source, "file", O_PATH, 0);
	nfx_remove(&fx, "file");
	fd = pt_sys_reopen(&fx.fs, path, O_RDWR | O_NOFOLLOW);
	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, "x", 1), 1);
	cr_assert_eq(pread(fd, &byte, 1, 0), 1);
	close(fd);
	close(path);
}

Test(pt_system, a_link_is_not_opened_anew)
{
	int path;

	cr_assert_eq(symlinkat("file", fx.source, "link"), 0);
	nfx_make(&fx, "file");
	path = pt_sys_open(fx.source, "link", O_PATH, 0);
	cr_assert_eq(pt_sys_reopen(&fx.fs, path, O_RDONLY), -ELOOP);
	close(path);
}

Test(pt_system, statx_tells_birth_time_and_mount)
{
	struct statx stx;

	nfx_make(&fx, "file");
	cr_assert_eq(pt_sys_stat(fx.source, "file", &stx), 0);
	cr_assert(stx.stx_mask & STATX_BTIME);
	cr_assert(stx.stx_mask & 0x1000 /* STATX_MNT_ID */);
	cr_assert_eq(stx.stx_mnt_id, fx.fs.source.mounts[0].id);
	cr_assert_eq(pt_sys_stat(fx.source, "none", &stx), -ENOENT);
	cr_assert_eq(pt_sys_stat(fx.fs.source.root_fd, "", &stx), 0);
	cr_assert_eq(stx.stx_ino, (uint64_t)nfx_ino_of(&fx, "."));
}

Test(pt_system, the_directory_above_is_opened_by_its_own_call_only)
{
	struct statx above, dir;
	int fd = pt_sys_parent(fx.source);

	cr_assert_geq(fd, 0);
	cr_assert_eq(pt_sys_stat(fd, "", &above), 0);
	cr_assert_eq(pt_sys_stat(fd, "source", &dir), 0);
	cr_assert_eq(dir.stx_ino, (uint64_t)nfx_ino_of(&fx, "."));
	cr_assert_neq(above.stx_ino, dir.stx_ino);
	close(fd);
}
