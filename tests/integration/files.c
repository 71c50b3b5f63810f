/*
 * Files of a mount.
 * It must not know which backend keeps them.
 */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

int files_create(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	cr_assert(fd >= 0, "%s: %s", path, strerror(errno));
	return fd;
}

struct stat files_stat(int fd)
{
	struct stat st;

	cr_assert_eq(fstat(fd, &st), 0, "%s", strerror(errno));
	return st;
}

int files_stat_errno(void *path)
{
	struct stat st;

	return stat(path, &st) < 0 ? errno : 0;
}

void files_forget(const struct daemon *d)
{
	cr_assert_eq(mount(NULL, d->mnt, NULL, MS_REMOUNT, NULL), 0, "%s", strerror(errno));
}

void files_forget_data(int fd)
{
	cr_assert_eq(fdatasync(fd), 0, "%s", strerror(errno));
	cr_assert_eq(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
}
