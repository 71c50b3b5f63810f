/*
 * System calls that resolve at most one name, and never leave the source.
 * Knows nothing of nodes or requests.
 */
#include "system.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "passthrough.h"

#ifndef STATX_MNT_ID
#define STATX_MNT_ID 0x1000u
#endif

/* openat2(2) refuses what it does not know, and kernels put marks of their own into a request. */
#define OPEN_FLAGS \
	(O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_SYNC | \
	 O_DIRECT | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC | O_PATH | O_TMPFILE)
#define PATH_FLAGS (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

int pt_sys_open(int dir_fd, const char *name, uint32_t flags, uint32_t mode)
{
	struct open_how how = {
		.flags = (flags & OPEN_FLAGS) | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	long fd;

	if (flags & O_PATH)
		how.flags &= PATH_FLAGS;
	else if ((flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE)
		how.mode = mode & 07777;
	do
		fd = syscall(SYS_openat2, dir_fd, name, &how, sizeof(how));
	while (fd < 0 && errno == EINTR);
	return fd < 0 ? -errno : (int)fd;
}

int pt_sys_parent(int dir_fd)
{
	int fd;

	do
		fd = openat(dir_fd, "..", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	while (fd < 0 && errno == EINTR);
	return fd < 0 ? -errno : fd;
}

int pt_sys_reopen(const struct pt *fs, int fd, uint32_t flags)
{
	char name[16];
	int opened;

	snprintf(name, sizeof(name), "%d", fd);
	flags = (flags & OPEN_FLAGS & ~(uint32_t)(O_NOFOLLOW | O_CREAT | O_EXCL)) | O_CLOEXEC;
	do
		opened = openat(fs->proc_fd, name, (int)flags);
	while (opened < 0 && errno == EINTR);
	return opened < 0 ? -errno : opened;
}

static int stat_with(int fd, const char *name, int flags, struct statx *stx)
{
	int result;

	flags |= AT_NO_AUTOMOUNT | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH;
	do
		result =
			statx(fd, name, flags, STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID, stx);
	while (result < 0 && errno == EINTR);
	return result < 0 ? -errno : 0;
}

int pt_sys_stat(int fd, const char *name, struct statx *stx)
{
	return stat_with(fd, name, 0, stx);
}

int pt_sys_peek(int fd, const char *name, struct statx *stx)
{
	return stat_with(fd, name, AT_STATX_DONT_SYNC, stx);
}

void pt_sys_fd_path(char path[static 32], int fd)
{
	snprintf(path, 32, "/proc/self/fd/%d", fd);
}
