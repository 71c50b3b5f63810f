/*
 * Passthrough with locks=source: locks of the mount's users and of those who work on the source
 * directly exclude each other.  The test's own process may hold one on each side: they are of
 * different owners.
 */
#include "pt.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "callers.h"
#include "files.h"

/* A daemon with one file `f` on its source. */
static void start(struct pt *p, enum pt_kind kind)
{
	p->kind = kind;
	pt_make_source(p);
	pt_put(pt_src(p, "f"), "0123456789");
	pt_start(p, "-olocks=source", NULL);
}

static int range(int fd, int cmd, short type, off_t first, off_t count)
{
	struct flock lock = {.l_type = type, .l_start = first, .l_len = count};

	return fcntl(fd, cmd, &lock) < 0 ? errno : 0;
}

static int try_flock(int fd, int operation)
{
	return flock(fd, operation | LOCK_NB) < 0 ? errno : 0;
}

/* The same in a process of its own, as a user with no lock has it; errno. */
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
	return try_flock(open(path, O_RDONLY | O_CLOEXEC), LOCK_EX);
}

static int other_flocks(const char *path)
{
	return harness_as(0, try_exclusive, (void *)(uintptr_t)path);
}

static int other_reads(const char *path)
{
	return harness_as(0, try_read, (void *)(uintptr_t)path);
}

static int other_writes(const char *path)
{
	return harness_as(0, try_write, (void *)(uintptr_t)path);
}

static int wait_for_flock(void *path)
{
	callers_catch(SIGUSR1);
	return flock(open(path, O_RDWR | O_CLOEXEC), LOCK_EX) < 0 ? errno : 0;
}

/* Another process that has taken a lock, and keeps it until it is killed. */
static pid_t holder(const char *path, int cmd, short type)
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

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	cr_assert_eq(harness_reap(pid, 5000), 128 + SIGKILL);
}

/* ---- who excludes whom ---- */

PT_FACT(pt_lock, record_locks_of_the_mount_and_of_the_source_exclude_each_other)
{
	struct pt p = {0};
	int here, there;

	start(&p, kind);
	here = pt_open(pt_mnt(&p, "f"), O_RDWR);
	there = pt_open(pt_src(&p, "f"), O_RDWR);
	cr_assert_eq(callers_lock(here, F_SETLK, F_WRLCK), 0);
	cr_assert_eq(callers_lock(there, F_SETLK, F_RDLCK), EAGAIN);
	cr_assert_eq(callers_lock(there, F_OFD_SETLK, F_RDLCK), EAGAIN);
	cr_assert_eq(callers_lock(here, F_SETLK, F_UNLCK), 0);
	cr_assert_eq(callers_lock(there, F_SETLK, F_WRLCK), 0);
	cr_assert_eq(callers_lock(here, F_SETLK, F_RDLCK), EAGAIN);
	cr_assert_eq(callers_lock(there, F_SETLK, F_RDLCK), 0);
	cr_assert_eq(callers_lock(here, F_SETLK, F_WRLCK), EAGAIN);
	cr_assert_eq(callers_lock(here, F_SETLK, F_RDLCK), 0);
	cr_assert_eq(callers_lock(there, F_SETLK, F_WRLCK), EAGAIN);
	cr_assert_eq(other_reads(pt_mnt(&p, "f")), 0);
	cr_assert_eq(other_writes(pt_mnt(&p, "f")), EAGAIN);
	close(here);
	cr_assert_eq(callers_lock(there, F_SETLK, F_WRLCK), 0, "kept after the close");
	close(there);
	pt_stop(&p);
}

PT_FACT(pt_lock, flocks_of_the_mount_and_of_the_source_exclude_each_other)
{
	struct pt p = {0};
	int here, again, there;

	start(&p, kind);
	here = pt_open(pt_mnt(&p, "f"), O_RDWR);
	again = pt_open(pt_mnt(&p, "f"), O_RDONLY);
	there = pt_open(pt_src(&p, "f"), O_RDONLY);
	cr_assert_eq(try_flock(here, LOCK_EX), 0);
	cr_assert_eq(try_flock(again, LOCK_SH), EAGAIN);
	cr_assert_eq(try_flock(there, LOCK_SH), EAGAIN);
	cr_assert_eq(try_flock(here, LOCK_SH), 0);
	cr_assert_eq(try_flock(again, LOCK_SH), 0);
	cr_assert_eq(try_flock(there, LOCK_SH), 0);
	cr_assert_eq(try_flock(again, LOCK_UN), 0);
	cr_assert_eq(try_flock(here, LOCK_UN), 0);
	cr_assert_eq(try_flock(there, LOCK_EX), 0);
	cr_assert_eq(try_flock(again, LOCK_SH), EAGAIN);
	cr_assert_eq(try_flock(there, LOCK_UN), 0);
	cr_assert_eq(try_flock(again, LOCK_EX), 0);
	close(again);
	cr_assert(eventually(try_flock(there, LOCK_EX) == 0), "kept after the close");
	close(here);
	close(there);
	pt_stop(&p);
}

FACT(pt_lock, flock_and_record_locks_are_two_different_things)
{
	struct pt p = {0};
	int here, again, there;

	start(&p, PT_TMPFS);
	here = pt_open(pt_mnt(&p, "f"), O_RDWR);
	again = pt_open(pt_mnt(&p, "f"), O_RDWR);
	there = pt_open(pt_src(&p, "f"), O_RDWR);
	cr_assert_eq(try_flock(here, LOCK_EX), 0);
	cr_assert_eq(callers_lock(there, F_SETLK, F_WRLCK), 0);
	cr_assert_eq(callers_lock(there, F_SETLK, F_UNLCK), 0);
	cr_assert_eq(callers_lock(again, F_SETLK, F_WRLCK), 0);
	cr_assert_eq(try_flock(there, LOCK_SH), EAGAIN);
	/* takes the process's record locks along, and not the flock of another descriptor */
	close(again);
	cr_assert_eq(callers_lock(there, F_SETLK, F_WRLCK), 0);
	cr_assert_eq(try_flock(there, LOCK_SH), EAGAIN);
	close(here);
	close(there);
	pt_stop(&p);
}

FACT(pt_lock, without_the_option_locks_stay_among_the_users_of_the_mount)
{
	struct pt p = {0};
	int here, there;

	pt_start(&p, NULL);
	pt_put(pt_src(&p, "f"), "");
	here = pt_open(pt_mnt(&p, "f"), O_RDWR);
	there = pt_open(pt_src(&p, "f"), O_RDWR);
	cr_assert_eq(callers_lock(here, F_SETLK, F_WRLCK), 0);
	cr_assert_eq(other_writes(pt_mnt(&p, "f")), EAGAIN);
	cr_assert_eq(callers_lock(there, F_SETLK, F_WRLCK), 0);
	close(here);
	close(there);
	pt_stop(&p);
}

/* ---- ranges ---- */

PT_FACT(pt_lock, ranges_are_cut_upgraded_and_downgraded_as_on_the_source)
{
	struct pt p = {0};
	int here, there;

	start(&p, kind);
	here = pt_open(pt_mnt(&p, "f"), O_RDWR);
	there = pt_open(pt_src(&p, "f"), O_RDWR);
	cr_assert_eq(range(here, F_SETLK, F_WRLCK, 0, 100), 0);
	cr_assert_eq(range(here, F_SETLK, F_UNLCK, 40, 20), 0);
	cr_assert_eq(range(there, F_SETLK, F_WRLCK, 40, 20), 0);
	cr_assert_eq(range(there, F_SETLK, F_RDLCK, 39, 1), EAGAIN);
	cr_assert_eq(range(there, F_SETLK, F_RDLCK, 60, 1), EAGAIN);
	cr_assert_eq(range(there, F_SETLK, F_UNLCK, 0, 0), 0);
	cr_assert_eq(range(here, F_SETLK, F_RDLCK, 0, 20), 0);
	cr_assert_eq(range(there, F_SETLK, F_RDLCK, 0, 20), 0);
	cr_assert_eq(range(there, F_SETLK, F_RDLCK, 0, 21), EAGAIN);
	cr_assert_eq(range(here, F_SETLK, F_WRLCK, 10, 20), EAGAIN);
	cr_assert_eq(range(there, F_SETLK, F_UNLCK, 10, 10), 0);
	cr_assert_eq(range(here, F_SETLK, F_WRLCK, 10, 20), 0);
	cr_assert_eq(range(there, F_SETLK, F_RDLCK, 10, 1), EAGAIN);
	/* from here to the end, wherever that is */
	cr_assert_eq(range(here, F_SETLK, F_WRLCK, 1000, 0), 0);
	cr_assert_eq(range(there, F_SETLK, F_RDLCK, INT64_MAX, 1), EAGAIN);
	cr_assert_eq(range(there, F_SETLK, F_RDLCK, 999, 1), 0);
	cr_assert_eq(range(here, F_SETLK, F_UNLCK, 0, 0), 0);
	cr_assert_eq(range(there, F_SETLK, F_WRLCK, 0, 0), 0);
	close(here);
	close(there);
	pt_stop(&p);
}

FACT(pt_lock, getlk_tells_who_is_in_the_way)
{
	struct flock lock = {.l_type = F_WRLCK};
	struct pt p = {0};
	pid_t pid;
	int fd;

	start(&p, PT_TMPFS);
	fd = pt_open(pt_mnt(&p, "f"), O_RDWR);
	PT_OK(fcntl(fd, F_GETLK, &lock));
	cr_assert_eq(lock.l_type, F_UNLCK);
	cr_assert_eq(range(fd, F_SETLK, F_WRLCK, 50, 10), 0);
	lock = (struct flock){.l_type = F_WRLCK};
	PT_OK(fcntl(fd, F_GETLK, &lock));
	cr_assert_eq(lock.l_type, F_UNLCK, "its own lock is in its way");
	cr_assert_eq(range(fd, F_SETLK, F_UNLCK, 0, 0), 0);
	/* a process on the source; then one on the mount */
	for (int side = 0; side < 2; side++) {
		pid = holder(side ? pt_mnt(&p, "f") : pt_src(&p, "f"), F_SETLKW, F_RDLCK);
		lock = (struct flock){.l_type = F_WRLCK, .l_start = 5, .l_len = 1};
		PT_OK(fcntl(fd, F_GETLK, &lock));
		cr_assert_eq(lock.l_type, F_RDLCK);
		cr_assert_eq(lock.l_start, 0);
		cr_assert_eq(lock.l_len, 0);
		cr_assert_eq(lock.l_pid, pid);
		end(pid);
	}
	/* nobody may say so of the locks of open files */
	pid = holder(pt_src(&p, "f"), F_OFD_SETLKW, F_WRLCK);
	lock = (struct flock){.l_type = F_RDLCK};
	PT_OK(fcntl(fd, F_GETLK, &lock));
	cr_assert_eq(lock.l_type, F_WRLCK);
	cr_assert(lock.l_pid <= 0, "pid %d", (int)lock.l_pid);
	end(pid);
	close(fd);
	pt_stop(&p);
}

/* ---- owners ---- */

FACT(pt_lock, any_close_of_its_process_gives_a_record_lock_up)
{
	struct pt p = {0};
	int a, b, there;

	start(&p, PT_TMPFS);
	there = pt_open(pt_src(&p, "f"), O_RDWR);
	a = pt_open(pt_mnt(&p, "f"), O_RDWR);
	cr_assert_eq(callers_lock(a, F_SETLK, F_WRLCK), 0);
	b = pt_open(pt_mnt(&p, "f"), O_RDONLY);
	cr_assert_eq(callers_lock(there, F_SETLK, F_WRLCK), EAGAIN);
	close(b);
	cr_assert_eq(callers_lock(there, F_SETLK, F_WRLCK), 0);
	close(a);
	close(there);
	pt_stop(&p);
}

static int close_inherited(void *fd)
{
	return close(*(int *)fd) < 0 ? errno : 0;
}

FACT(pt_lock, a_child_neither_has_nor_drops_the_locks_of_its_parent)
{
	struct pt p = {0};
	int fd;

	start(&p, PT_TMPFS);
	fd = pt_open(pt_mnt(&p, "f"), O_RDWR);
	cr_assert_eq(callers_lock(fd, F_SETLK, F_WRLCK), 0);
	cr_assert_eq(harness_as(0, close_inherited, &fd), 0);
	cr_assert_eq(other_writes(pt_mnt(&p, "f")), EAGAIN);
	cr_assert_eq(other_writes(pt_src(&p, "f")), EAGAIN);
	close(fd);
	cr_assert_eq(other_writes(pt_src(&p, "f")), 0);
	pt_stop(&p);
}

FACT(pt_lock, locks_of_a_killed_process_are_free)
{
	struct pt p = {0};

	start(&p, PT_TMPFS);
	for (int i = 0; i < 20; i++) {
		end(holder(pt_mnt(&p, "f"), F_SETLKW, F_WRLCK));
		cr_assert_eq(other_writes(pt_src(&p, "f")), 0);
		end(holder(pt_mnt(&p, "f"), F_OFD_SETLKW, F_WRLCK));
		cr_assert(eventually(other_writes(pt_src(&p, "f")) == 0));
		end(holder(pt_mnt(&p, "f"), 0, 0));
		cr_assert(eventually(other_flocks(pt_src(&p, "f")) == 0));
	}
	pt_stop(&p);
}

PT_FACT(pt_lock, locks_of_an_open_file_end_with_its_last_close)
{
	struct pt p = {0};
	int a, b, copy, there;

	start(&p, kind);
	there = pt_open(pt_src(&p, "f"), O_RDWR);
	a = pt_open(pt_mnt(&p, "f"), O_RDWR);
	b = pt_open(pt_mnt(&p, "f"), O_RDWR);
	cr_assert_eq(callers_lock(a, F_OFD_SETLK, F_WRLCK), 0);
	cr_assert_eq(callers_lock(b, F_OFD_SETLK, F_RDLCK), EAGAIN, "one process, but two files");
	cr_assert_eq(callers_lock(b, F_SETLK, F_RDLCK), EAGAIN);
	cr_assert_eq(callers_lock(there, F_SETLK, F_RDLCK), EAGAIN);
	copy = dup(a);
	close(a);
	close(b);
	nap(50);
	cr_assert_eq(callers_lock(there, F_SETLK, F_RDLCK), EAGAIN);
	close(copy);
	cr_assert(eventually(callers_lock(there, F_SETLK, F_WRLCK) == 0));
	close(there);
	pt_stop(&p);
}

FACT(pt_lock, a_file_without_a_name_is_locked_as_any_other)
{
	struct pt p = {0};
	int a, b;

	start(&p, PT_TMPFS);
	a = pt_open(pt_mnt(&p, "f"), O_RDWR);
	b = pt_open(pt_mnt(&p, "f"), O_RDWR);
	PT_OK(unlink(pt_mnt(&p, "f")));
	cr_assert_eq(callers_lock(a, F_OFD_SETLK, F_WRLCK), 0);
	cr_assert_eq(callers_lock(b, F_OFD_SETLK, F_WRLCK), EAGAIN);
	cr_assert_eq(try_flock(b, LOCK_EX), 0);
	cr_assert_eq(try_flock(a, LOCK_EX), EAGAIN);
	close(a);
	cr_assert(eventually(callers_lock(b, F_OFD_SETLK, F_WRLCK) == 0));
	close(b);
	pt_stop(&p);
}

/* ---- descriptors that allow little ---- */

FACT(pt_lock, a_read_lock_becomes_a_write_lock_by_another_descriptor)
{
	struct pt p = {0};
	int reader, writer, there;

	start(&p, PT_TMPFS);
	there = pt_open(pt_src(&p, "f"), O_RDWR);
	reader = pt_open(pt_mnt(&p, "f"), O_RDONLY);
	writer = pt_open(pt_mnt(&p, "f"), O_WRONLY);
	cr_assert_eq(range(reader, F_SETLK, F_WRLCK, 0, 1), EBADF);
	cr_assert_eq(range(reader, F_SETLK, F_RDLCK, 0, 100), 0);
	cr_assert_eq(range(reader, F_SETLK, F_RDLCK, 200, 100), 0);
	cr_assert_eq(range(writer, F_SETLK, F_WRLCK, 50, 10), 0);
	/* all is still locked, and by one owner */
	cr_assert_eq(range(there, F_SETLK, F_RDLCK, 0, 50), 0);
	cr_assert_eq(range(there, F_SETLK, F_WRLCK, 0, 1), EAGAIN);
	cr_assert_eq(range(there, F_SETLK, F_RDLCK, 50, 1), EAGAIN);
	cr_assert_eq(range(there, F_SETLK, F_WRLCK, 299, 1), EAGAIN);
	cr_assert_eq(range(writer, F_SETLK, F_UNLCK, 0, 0), 0);
	cr_assert_eq(range(there, F_SETLK, F_WRLCK, 0, 0), 0);
	cr_assert_eq(range(there, F_SETLK, F_UNLCK, 0, 0), 0);
	/* the other way round */
	cr_assert_eq(range(writer, F_SETLK, F_WRLCK, 0, 100), 0);
	cr_assert_eq(range(reader, F_SETLK, F_RDLCK, 50, 100), 0);
	cr_assert_eq(range(there, F_SETLK, F_RDLCK, 49, 1), EAGAIN);
	cr_assert_eq(range(there, F_SETLK, F_RDLCK, 50, 100), 0);
	close(reader);
	close(writer);
	close(there);
	pt_stop(&p);
}

FACT(pt_lock, files_of_a_read_only_source_take_read_locks)
{
	struct pt p = {0};
	int here, there;

	pt_make_source(&p);
	pt_put(pt_src(&p, "f"), "x");
	PT_OK(mount(NULL, p.src, NULL, MS_REMOUNT | MS_RDONLY, NULL));
	pt_start(&p, "-olocks=source", NULL);
	here = pt_open(pt_mnt(&p, "f"), O_RDONLY);
	there = pt_open(pt_src(&p, "f"), O_RDONLY);
	cr_assert_eq(callers_lock(here, F_SETLK, F_RDLCK), 0);
	cr_assert_eq(callers_lock(there, F_SETLK, F_RDLCK), 0);
	cr_assert_eq(try_flock(here, LOCK_EX), 0);
	cr_assert_eq(try_flock(there, LOCK_SH), EAGAIN);
	close(here);
	close(there);
	pt_stop(&p);
}

static int lock_what_cannot_be_opened_again(void *mnt)
{
	char path[256];
	int fd, ret;

	snprintf(path, sizeof path, "%s/once", (char *)mnt);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
	if (fd < 0)
		return errno;
	ret = callers_lock(fd, F_SETLK, F_WRLCK);
	if (ret == 0)
		ret = callers_lock(fd, F_SETLK, F_UNLCK);
	if (ret == 0)
		ret = callers_lock(fd, F_OFD_SETLK, F_WRLCK);
	return ret;
}

FACT(pt_lock, an_ordinary_user_locks_files_that_he_may_not_open_again)
{
	struct pt p = {.d.uid = HARNESS_USER};

	harness_open_fuse_to_all();
	pt_start(&p, "-olocks=source", NULL);
	cr_assert_eq(harness_as(HARNESS_USER, lock_what_cannot_be_opened_again,
				(void *)(uintptr_t)p.d.mnt),
		     0);
	cr_assert(eventually(other_writes(pt_src(&p, "once")) == 0), "a lock was left");
	pt_stop(&p);
}

/* ---- waiting ---- */

static void wait_is_granted(const char *holds, const char *waits, const struct pt *p,
			    int (*fn)(void *), int cmd)
{
	pid_t has = holder(holds, cmd, F_WRLCK);
	pid_t waiter = harness_fork(fn, (void *)(uintptr_t)waits);

	if (waits[strlen(p->d.mnt)] == '/' && strncmp(waits, p->d.mnt, strlen(p->d.mnt)) == 0)
		callers_wait_until_waiting(&p->d, "SETLKW");
	cr_assert_eq(harness_reap(waiter, 100), -1, "granted while it was held");
	end(has);
	cr_assert_eq(harness_reap(waiter, 5000), 0);
}

PT_FACT(pt_lock, who_waits_gets_the_lock_when_it_is_given_up_on_either_side)
{
	struct pt p = {0};

	start(&p, kind);
	for (int i = 0; i < 3; i++) {
		const char *holds = i == 0 ? pt_mnt(&p, "f") : pt_src(&p, "f");
		const char *waits = i == 1 ? pt_mnt(&p, "f") : pt_src(&p, "f");

		if (i == 2)
			holds = waits = pt_mnt(&p, "f");
		wait_is_granted(holds, waits, &p, callers_wait_for_lock, F_SETLKW);
		wait_is_granted(holds, waits, &p, callers_wait_for_lock, F_OFD_SETLKW);
		wait_is_granted(holds, waits, &p, wait_for_flock, 0);
	}
	pt_stop(&p);
}

static void check_signal(const struct pt *p, int (*fn)(void *), int cmd)
{
	pid_t has = holder(pt_src(p, "f"), cmd, F_WRLCK);
	pid_t waiter = harness_fork(fn, pt_mnt(p, "f"));

	callers_wait_until_waiting(&p->d, "SETLKW");
	PT_OK(kill(waiter, SIGUSR1));
	cr_assert_eq(harness_reap(waiter, 5000), EINTR);
	waiter = harness_fork(fn, pt_mnt(p, "f"));
	callers_wait_until_waiting(&p->d, "SETLKW");
	PT_OK(kill(waiter, SIGKILL));
	cr_assert_eq(harness_reap(waiter, 5000), 128 + SIGKILL);
	cr_assert(!callers_dump_has(&p->d, "in flight: SETLKW"));
	end(has);
	cr_assert_eq(other_writes(pt_src(p, "f")), 0, "taken by one who gave up");
	cr_assert_eq(other_flocks(pt_src(p, "f")), 0);
}

FACT(pt_lock, a_signal_ends_the_wait_and_nothing_is_held)
{
	struct pt p = {0};

	start(&p, PT_TMPFS);
	check_signal(&p, callers_wait_for_lock, F_SETLKW);
	check_signal(&p, wait_for_flock, 0);
	pt_stop(&p);
}

static int wait_through_signals(void *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	struct sigaction action;

	callers_catch(SIGUSR1);
	sigaction(SIGUSR1, NULL, &action);
	action.sa_flags = SA_RESTART;
	sigaction(SIGUSR1, &action, NULL);
	return callers_lock(fd, F_SETLKW, F_WRLCK);
}

FACT(pt_lock, a_signal_that_restarts_calls_does_not_end_the_wait)
{
	struct pt p = {0};
	pid_t has, waiter;

	start(&p, PT_TMPFS);
	has = holder(pt_src(&p, "f"), F_SETLKW, F_WRLCK);
	waiter = harness_fork(wait_through_signals, pt_mnt(&p, "f"));
	callers_wait_until_waiting(&p.d, "SETLKW");
	for (int i = 0; i < 50; i++) {
		PT_OK(kill(waiter, SIGUSR1));
		nap(2);
	}
	cr_assert_eq(harness_reap(waiter, 50), -1, "it gave up");
	end(has);
	cr_assert_eq(harness_reap(waiter, 5000), 0);
	cr_assert_eq(other_writes(pt_src(&p, "f")), 0);
	pt_stop(&p);
}

/* Takes and gives up a lock, again and again, with signals at any moment. */
static int contend(void *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC), ret, got = 0;
	unsigned seed = (unsigned)getpid();

	while (got < 300) {
		off_t first = rand_r(&seed) % 4;

		ret = range(fd, F_SETLKW, rand_r(&seed) % 2 ? F_WRLCK : F_RDLCK, first, 2);
		if (ret != 0 && ret != EINTR)
			return ret;
		if (ret == 0 && ++got % 8 == 0)
			usleep(100);
		ret = range(fd, F_SETLK, F_UNLCK, 0, 0);
		if (ret != 0)
			return ret;
	}
	return 0;
}

FACT_WITHIN(pt_lock, interrupts_that_meet_grants_leave_nothing_behind, 60)
{
	enum { N = 6 };
	struct pt p = {0};
	pid_t pid[N];
	bool running = true;
	unsigned fds;

	start(&p, PT_TMPFS);
	cr_assert_eq(other_writes(pt_mnt(&p, "f")), 0);
	fds = daemon_count_fds(&p.d);
	callers_catch(SIGUSR1); /* the children, from their beginning */
	for (int i = 0; i < N; i++)
		pid[i] = harness_fork(contend, i % 3 ? pt_mnt(&p, "f") : pt_src(&p, "f"));
	while (running) {
		running = false;
		for (int i = 0; i < N; i++) {
			siginfo_t info = {.si_pid = 0};

			waitid(P_PID, (id_t)pid[i], &info, WEXITED | WNOHANG | WNOWAIT);
			if (info.si_pid != 0)
				continue;
			running = true;
			kill(pid[i], SIGUSR1);
		}
		usleep(500);
	}
	for (int i = 0; i < N; i++)
		cr_assert_eq(harness_reap(pid[i], 1000), 0, "%d", i);
	cr_assert_eq(other_writes(pt_src(&p, "f")), 0);
	cr_assert_eq(other_writes(pt_mnt(&p, "f")), 0);
	cr_assert(eventually(daemon_count_fds(&p.d) <= fds), "%u descriptors, then %u", fds,
		  daemon_count_fds(&p.d));
	pt_stop(&p);
}

/* ---- deadlock ---- */

struct pair {
	const char *path;
	off_t first, second;
};

static int take_both(void *arg)
{
	const struct pair *pair = arg;
	int fd = open(pair->path, O_RDWR | O_CLOEXEC), ret;

	ret = range(fd, F_SETLKW, F_WRLCK, pair->first, 1);
	nap(200);
	return ret ? ret : range(fd, F_SETLKW, F_WRLCK, pair->second, 1);
}

FACT(pt_lock, two_who_wait_for_each_other_are_told)
{
	struct pt p = {0};
	struct pair ab = {.first = 0, .second = 1}, ba = {.first = 1, .second = 0};
	int a, b;
	pid_t pid[2];

	start(&p, PT_TMPFS);
	ab.path = ba.path = pt_mnt(&p, "f");
	pid[0] = harness_fork(take_both, &ab);
	pid[1] = harness_fork(take_both, &ba);
	a = harness_reap(pid[0], 10000);
	b = harness_reap(pid[1], 10000);
	cr_assert((a == 0 && b == EDEADLK) || (a == EDEADLK && b == 0), "%d and %d", a, b);
	pt_stop(&p);
}

/* ---- many, and the end ---- */

#define MANY 100

FACT_WITHIN(pt_lock, waits_hold_no_thread_that_others_need, 60)
{
	struct pt p = {0};
	pid_t pid[MANY];
	unsigned long from;
	int fd;

	start(&p, PT_TMPFS);
	pt_put(pt_src(&p, "g"), "");
	fd = pt_open(pt_src(&p, "f"), O_RDWR);
	cr_assert_eq(callers_lock(fd, F_SETLK, F_WRLCK), 0);
	cr_assert_eq(try_flock(fd, LOCK_EX), 0);
	for (int i = 0; i < MANY; i++)
		pid[i] = harness_fork(i % 2 ? callers_wait_for_lock : wait_for_flock,
				      pt_mnt(&p, "f"));
	/* the threads that wait are those that are more than before */
	cr_assert(eventually(daemon_status_of(&p.d, "Threads:") > MANY));
	from = pt_now_ms();
	for (int i = 0; i < 50; i++) {
		cr_assert_eq(other_writes(pt_mnt(&p, "g")), 0);
		pt_put(pt_mnt(&p, "h"), "text");
		cr_assert(pt_has(pt_mnt(&p, "h"), "text"));
		PT_OK(unlink(pt_mnt(&p, "h")));
	}
	cr_assert_lt(pt_now_ms() - from, 10000);
	cr_assert_eq(try_flock(fd, LOCK_UN), 0);
	close(fd);
	for (int i = 0; i < MANY; i++)
		cr_assert_eq(harness_reap(pid[i], 20000), 0, "waiter %d", i);
	cr_assert(eventually(daemon_status_of(&p.d, "Threads:") < MANY), "threads were left");
	pt_stop(&p);
}

FACT(pt_lock, locks_that_are_given_up_cost_nothing_more)
{
	struct pt p = {0};
	unsigned fds;
	int fd;

	start(&p, PT_TMPFS);
	fd = pt_open(pt_mnt(&p, "f"), O_RDWR);
	cr_assert_eq(callers_lock(fd, F_SETLK, F_WRLCK), 0);
	cr_assert_eq(callers_lock(fd, F_SETLK, F_UNLCK), 0);
	fds = daemon_count_fds(&p.d);
	for (int i = 0; i < 100; i++) {
		cr_assert_eq(other_reads(pt_mnt(&p, "f")), 0);
		cr_assert_eq(callers_lock(fd, F_SETLK, F_RDLCK), 0);
		cr_assert_eq(callers_lock(fd, F_SETLK, F_UNLCK), 0);
	}
	cr_assert(eventually(daemon_count_fds(&p.d) <= fds), "%u descriptors, then %u", fds,
		  daemon_count_fds(&p.d));
	close(fd);
	pt_stop(&p);
}

FACT(pt_lock, waits_do_not_hinder_the_end)
{
	struct pt p = {0};
	pid_t waiters[3];
	int fd, i;

	start(&p, PT_TMPFS);
	fd = pt_open(pt_src(&p, "f"), O_RDWR);
	cr_assert_eq(callers_lock(fd, F_SETLK, F_WRLCK), 0);
	cr_assert_eq(try_flock(fd, LOCK_EX), 0);
	for (i = 0; i < 3; i++)
		waiters[i] =
			harness_fork(i ? callers_wait_for_lock : wait_for_flock, pt_mnt(&p, "f"));
	callers_wait_until_waiting(&p.d, "SETLKW");
	nap(100);
	PT_OK(kill(p.d.pid, SIGTERM));
	nap(50);
	kill(p.d.pid, SIGTERM);
	cr_assert_eq(daemon_wait(&p.d), 0);
	for (i = 0; i < 3; i++)
		cr_assert_gt(harness_reap(waiters[i], 5000), 0, "it got no error");
	cr_assert_not(daemon_log_has(&p.d, 0, "given up"));
	close(fd);
}
