/*
 * Locks on both sides of a passthrough mount.
 * It must not know what is tested.
 */
#include "pt_lock.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "callers.h"

void pt_lock_start(struct pt *p, enum pt_kind kind)
{
	p->kind = kind;
	pt_make_source(p);
	pt_put(pt_src(p, "f"), "0123456789");
	pt_start(p, "-olocks=source", NULL);
}

int pt_lock_range(int fd, int cmd, short type, off_t first, off_t count)
{
	struct flock lock = {.l_type = type, .l_start = first, .l_len = count};

	return fcntl(fd, cmd, &lock) < 0 ? errno : 0;
}

int pt_lock_flock(int fd, int operation)
{
	return flock(fd, operation | LOCK_NB) < 0 ? errno : 0;
}

static int try_read(void *path)
{
	return callers_lock(open(path, O_RDONLY | O_CLOEXEC), F_SETLK, F_RDLCK);
}

static int try_write(void *path)
{
	return callers_try_lock(path);
}

static int try_exclusive(void *path)
{
	return pt_lock_flock(open(path, O_RDONLY | O_CLOEXEC), LOCK_EX);
}

int pt_lock_other_flocks(const char *path)
{
	return harness_as(0, try_exclusive, (void *)(uintptr_t)path);
}

int pt_lock_other_reads(const char *path)
{
	return harness_as(0, try_read, (void *)(uintptr_t)path);
}

int pt_lock_other_writes(const char *path)
{
	return harness_as(0, try_write, (void *)(uintptr_t)path);
}

int pt_lock_wait_for_flock(void *path)
{
	callers_catch(SIGUSR1);
	return flock(open(path, O_RDWR | O_CLOEXEC), LOCK_EX) < 0 ? errno : 0;
}

pid_t pt_lock_holder(const char *path, int cmd, short type)
{
	int ready[2];
	char byte;
	pid_t pid;

	PT_OK(pipe2(ready, O_CLOEXEC));
	pid = fork();
	cr_assert(pid >= 0);
	if (pid == 0) {
		int fd = open(path, O_RDWR | O_CLOEXEC);

		if ((cmd ? callers_lock(fd, cmd, type) : flock(fd, LOCK_EX)) != 0)
			_exit(1);
		if (write(ready[1], "", 1) == 1)
			for (;;)
				pause();
		_exit(1);
	}
	close(ready[1]);
	harness_track(pid);
	cr_assert_eq(read(ready[0], &byte, 1), 1, "%s: not locked", path);
	close(ready[0]);
	return pid;
}

void pt_lock_end(pid_t pid)
{
	kill(pid, SIGKILL);
	cr_assert_eq(harness_reap(pid, 5000), 128 + SIGKILL);
}

unsigned pt_lock_count_fds(const struct pt *p, const char *file)
{
	const struct dirent *entry;
	char dir[64], target[512];
	unsigned n = 0;
	DIR *fds;

	snprintf(dir, sizeof dir, "/proc/%d/fd", (int)p->d.pid);
	fds = opendir(dir);
	cr_assert_not_null(fds);
	while ((entry = readdir(fds))) {
		ssize_t len = readlinkat(dirfd(fds), entry->d_name, target, sizeof target - 1);

		target[len > 0 ? len : 0] = '\0';
		n += strcmp(target, file) == 0;
	}
	closedir(fds);
	return n;
}
