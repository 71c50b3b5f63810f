/*
 * Passthrough with locks=source: locks of the mount's users and of those who work on the source
 * directly exclude each other.  The test's own process may hold one on each side: they are of
 * different owners.
 */
#include "pt_lock.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "callers.h"

/* ---- who excludes whom ---- */

PT_FACT(pt_lock, record_locks_of_the_mount_and_of_the_source_exclude_each_other)
{
	struct pt p = {0};
	int here, there;

	pt_lock_start(&p, kind);
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
	cr_assert_eq(pt_lock_other_reads(pt_mnt(&p, "f")), 0);
	cr_assert_eq(pt_lock_other_writes(pt_mnt(&p, "f")), EAGAIN);
	close(here);
	cr_assert_eq(callers_lock(there, F_SETLK, F_WRLCK), 0, "kept after the close");
	close(there);
	pt_stop(&p);
}

PT_FACT(pt_lock, flocks_of_the_mount_and_of_the_source_exclude_each_other)
{
	struct pt p = {0};
	int here, again, there;

	pt_lock_start(&p, kind);
	here = pt_open(pt_mnt(&p, "f"), O_RDWR);
	again = pt_open(pt_mnt(&p, "f"), O_RDONLY);
	there = pt_open(pt_src(&p, "f"), O_RDONLY);
	cr_assert_eq(pt_lock_flock(here, LOCK_EX), 0);
	cr_assert_eq(pt_lock_flock(again, LOCK_SH), EAGAIN);
	cr_assert_eq(pt_lock_flock(there, LOCK_SH), EAGAIN);
	cr_assert_eq(pt_lock_flock(here, LOCK_SH), 0);
	cr_assert_eq(pt_lock_flock(again, LOCK_SH), 0);
	cr_assert_eq(pt_lock_flock(there, LOCK_SH), 0);
	cr_assert_eq(pt_lock_flock(again, LOCK_UN), 0);
	cr_assert_eq(pt_lock_flock(here, LOCK_UN), 0);
	cr_assert_eq(pt_lock_flock(there, LOCK_EX), 0);
	cr_assert_eq(pt_lock_flock(again, LOCK_SH), EAGAIN);
	cr_assert_eq(pt_lock_flock(there, LOCK_UN), 0);
	cr_assert_eq(pt_lock_flock(again, LOCK_EX), 0);
	close(again);
	cr_assert(eventually(pt_lock_flock(there, LOCK_EX) == 0), "kept after the close");
	close(here);
	close(there);
	pt_stop(&p);
}

FACT(pt_lock, flock_and_record_locks_are_two_different_things)
{
	struct pt p = {0};
	int here, again, there;

	pt_lock_start(&p, PT_TMPFS);
	here = pt_open(pt_mnt(&p, "f"), O_RDWR);
	again = pt_open(pt_mnt(&p, "f"), O_RDWR);
	there = pt_open(pt_src(&p, "f"), O_RDWR);
	cr_assert_eq(pt_lock_flock(here, LOCK_EX), 0);
	cr_assert_eq(callers_lock(there, F_SETLK, F_WRLCK), 0);
	cr_assert_eq(callers_lock(there, F_SETLK, F_UNLCK), 0);
	cr_assert_eq(callers_lock(again, F_SETLK, F_WRLCK), 0);
	cr_assert_eq(pt_lock_flock(there, LOCK_SH), EAGAIN);
	/* takes the process's record locks along, and not the flock of another descriptor */
	close(again);
	cr_assert_eq(callers_lock(there, F_SETLK, F_WRLCK), 0);
	cr_assert_eq(pt_lock_flock(there, LOCK_SH), EAGAIN);
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
	cr_assert_eq(pt_lock_other_writes(pt_mnt(&p, "f")), EAGAIN);
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

	pt_lock_start(&p, kind);
	here = pt_open(pt_mnt(&p, "f"), O_RDWR);
	there = pt_open(pt_src(&p, "f"), O_RDWR);
	cr_assert_eq(pt_lock_range(here, F_SETLK, F_WRLCK, 0, 100), 0);
	cr_assert_eq(pt_lock_range(here, F_SETLK, F_UNLCK, 40, 20), 0);
	cr_assert_eq(pt_lock_range(there, F_SETLK, F_WRLCK, 40, 20), 0);
	cr_assert_eq(pt_lock_range(there, F_SETLK, F_RDLCK, 39, 1), EAGAIN);
	cr_assert_eq(pt_lock_range(there, F_SETLK, F_RDLCK, 60, 1), EAGAIN);
	cr_assert_eq(pt_lock_range(there, F_SETLK, F_UNLCK, 0, 0), 0);
	cr_assert_eq(pt_lock_range(here, F_SETLK, F_RDLCK, 0, 20), 0);
	cr_assert_eq(pt_lock_range(there, F_SETLK, F_RDLCK, 0, 20), 0);
	cr_assert_eq(pt_lock_range(there, F_SETLK, F_RDLCK, 0, 21), EAGAIN);
	cr_assert_eq(pt_lock_range(here, F_SETLK, F_WRLCK, 10, 20), EAGAIN);
	cr_assert_eq(pt_lock_range(there, F_SETLK, F_UNLCK, 10, 10), 0);
	cr_assert_eq(pt_lock_range(here, F_SETLK, F_WRLCK, 10, 20), 0);
	cr_assert_eq(pt_lock_range(there, F_SETLK, F_RDLCK, 10, 1), EAGAIN);
	/* from here to the end, wherever that is */
	cr_assert_eq(pt_lock_range(here, F_SETLK, F_WRLCK, 1000, 0), 0);
	cr_assert_eq(pt_lock_range(there, F_SETLK, F_RDLCK, INT64_MAX, 1), EAGAIN);
	cr_assert_eq(pt_lock_range(there, F_SETLK, F_RDLCK, 999, 1), 0);
	cr_assert_eq(pt_lock_range(here, F_SETLK, F_UNLCK, 0, 0), 0);
	cr_assert_eq(pt_lock_range(there, F_SETLK, F_WRLCK, 0, 0), 0);
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

	pt_lock_start(&p, PT_TMPFS);
	fd = pt_open(pt_mnt(&p, "f"), O_RDWR);
	PT_OK(fcntl(fd, F_GETLK, &lock));
	cr_assert_eq(lock.l_type, F_UNLCK);
	cr_assert_eq(pt_lock_range(fd, F_SETLK, F_WRLCK, 50, 10), 0);
	lock = (struct flock){.l_type = F_WRLCK};
	PT_OK(fcntl(fd, F_GETLK, &lock));
	cr_assert_eq(lock.l_type, F_UNLCK, "its own lock is in its way");
	cr_assert_eq(pt_lock_range(fd, F_SETLK, F_UNLCK, 0, 0), 0);
	/* a process on the source; then one on the mount */
	for (int side = 0; side < 2; side++) {
		pid = pt_lock_holder(side ? pt_mnt(&p, "f") : pt_src(&p, "f"), F_SETLKW, F_RDLCK);
		lock = (struct flock){.l_type = F_WRLCK, .l_start = 5, .l_len = 1};
		PT_OK(fcntl(fd, F_GETLK, &lock));
		cr_assert_eq(lock.l_type, F_RDLCK);
		cr_assert_eq(lock.l_start, 0);
		cr_assert_eq(lock.l_len, 0);
		cr_assert_eq(lock.l_pid, pid);
		pt_lock_end(pid);
	}
	/* nobody may say so of the locks of open files */
	pid = pt_lock_holder(pt_src(&p, "f"), F_OFD_SETLKW, F_WRLCK);
	lock = (struct flock){.l_type = F_RDLCK};
	PT_OK(fcntl(fd, F_GETLK, &lock));
	cr_assert_eq(lock.l_type, F_WRLCK);
	cr_assert(lock.l_pid <= 0, "pid %d", (int)lock.l_pid);
	pt_lock_end(pid);
	close(fd);
	pt_stop(&p);
}

/* ---- owners ---- */

FACT(pt_lock, any_close_of_its_process_gives_a_record_lock_up)
{
	struct pt p = {0};
	int a, b, there;

	pt_lock_start(&p, PT_TMPFS);
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

	pt_lock_start(&p, PT_TMPFS);
	fd = pt_open(pt_mnt(&p, "f"), O_RDWR);
	cr_assert_eq(callers_lock(fd, F_SETLK, F_WRLCK), 0);
	cr_assert_eq(harness_as(0, close_inherited, &fd), 0);
	cr_assert_eq(pt_lock_other_writes(pt_mnt(&p, "f")), EAGAIN);
	cr_assert_eq(pt_lock_other_writes(pt_src(&p, "f")), EAGAIN);
	close(fd);
	cr_assert_eq(pt_lock_other_writes(pt_src(&p, "f")), 0);
	pt_stop(&p);
}

FACT(pt_lock, locks_of_a_killed_process_are_free)
{
	struct pt p = {0};

	pt_lock_start(&p, PT_TMPFS);
	for (int i = 0; i < 20; i++) {
		pt_lock_end(pt_lock_holder(pt_mnt(&p, "f"), F_SETLKW, F_WRLCK));
		cr_assert_eq(pt_lock_other_writes(pt_src(&p, "f")), 0);
		pt_lock_end(pt_lock_holder(pt_mnt(&p, "f"), F_OFD_SETLKW, F_WRLCK));
		cr_assert(eventually(pt_lock_other_writes(pt_src(&p, "f")) == 0));
		pt_lock_end(pt_lock_holder(pt_mnt(&p, "f"), 0, 0));
		cr_assert(eventually(pt_lock_other_flocks(pt_src(&p, "f")) == 0));
	}
	pt_stop(&p);
}

PT_FACT(pt_lock, locks_of_an_open_file_end_with_its_last_close)
{
	struct pt p = {0};
	int a, b, copy, there;

	pt_lock_start(&p, kind);
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

	pt_lock_start(&p, PT_TMPFS);
	a = pt_open(pt_mnt(&p, "f"), O_RDWR);
	b = pt_open(pt_mnt(&p, "f"), O_RDWR);
	PT_OK(unlink(pt_mnt(&p, "f")));
	cr_assert_eq(callers_lock(a, F_OFD_SETLK, F_WRLCK), 0);
	cr_assert_eq(callers_lock(b, F_OFD_SETLK, F_WRLCK), EAGAIN);
	cr_assert_eq(pt_lock_flock(b, LOCK_EX), 0);
	cr_assert_eq(pt_lock_flock(a, LOCK_EX), EAGAIN);
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

	pt_lock_start(&p, PT_TMPFS);
	there = pt_open(pt_src(&p, "f"), O_RDWR);
	reader = pt_open(pt_mnt(&p, "f"), O_RDONLY);
	writer = pt_open(pt_mnt(&p, "f"), O_WRONLY);
	cr_assert_eq(pt_lock_range(reader, F_SETLK, F_WRLCK, 0, 1), EBADF);
	cr_assert_eq(pt_lock_range(reader, F_SETLK, F_RDLCK, 0, 100), 0);
	cr_assert_eq(pt_lock_range(reader, F_SETLK, F_RDLCK, 200, 100), 0);
	cr_assert_eq(pt_lock_range(writer, F_SETLK, F_WRLCK, 50, 10), 0);
	/* all is still locked, and by one owner */
	cr_assert_eq(pt_lock_range(there, F_SETLK, F_RDLCK, 0, 50), 0);
	cr_assert_eq(pt_lock_range(there, F_SETLK, F_WRLCK, 0, 1), EAGAIN);
	cr_assert_eq(pt_lock_range(there, F_SETLK, F_RDLCK, 50, 1), EAGAIN);
	cr_assert_eq(pt_lock_range(there, F_SETLK, F_WRLCK, 299, 1), EAGAIN);
	cr_assert_eq(pt_lock_range(writer, F_SETLK, F_UNLCK, 0, 0), 0);
	cr_assert_eq(pt_lock_range(there, F_SETLK, F_WRLCK, 0, 0), 0);
	cr_assert_eq(pt_lock_range(there, F_SETLK, F_UNLCK, 0, 0), 0);
	/* the other way round */
	cr_assert_eq(pt_lock_range(writer, F_SETLK, F_WRLCK, 0, 100), 0);
	cr_assert_eq(pt_lock_range(reader, F_SETLK, F_RDLCK, 50, 100), 0);
	cr_assert_eq(pt_lock_range(there, F_SETLK, F_RDLCK, 49, 1), EAGAIN);
	cr_assert_eq(pt_lock_range(there, F_SETLK, F_RDLCK, 50, 100), 0);
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
	cr_assert_eq(pt_lock_flock(here, LOCK_EX), 0);
	cr_assert_eq(pt_lock_flock(there, LOCK_SH), EAGAIN);
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
	cr_assert(eventually(pt_lock_other_writes(pt_src(&p, "once")) == 0), "a lock was left");
	pt_stop(&p);
}

/* ---- what they cost ---- */

FACT(pt_lock, locks_that_are_given_up_cost_nothing_more)
{
	struct pt p = {0};
	int fd;

	pt_lock_start(&p, PT_TMPFS);
	fd = pt_open(pt_mnt(&p, "f"), O_RDWR);
	cr_assert_eq(callers_lock(fd, F_SETLK, F_WRLCK), 0);
	cr_assert_eq(pt_lock_count_fds(&p, pt_src(&p, "f")), 3);
	cr_assert_eq(callers_lock(fd, F_SETLK, F_UNLCK), 0);
	for (int i = 0; i < 100; i++) {
		cr_assert_eq(pt_lock_other_reads(pt_mnt(&p, "f")), 0);
		cr_assert_eq(callers_lock(fd, F_SETLK, F_RDLCK), 0);
		cr_assert_eq(callers_lock(fd, F_SETLK, F_UNLCK), 0);
	}
	/* the node's, and the open file's */
	cr_assert(eventually(pt_lock_count_fds(&p, pt_src(&p, "f")) == 2), "%u",
		  pt_lock_count_fds(&p, pt_src(&p, "f")));
	close(fd);
	pt_stop(&p);
}
