/*
 * The rules on getattr and setattr: which fields come, with which handle, and what "now" is.
 */
#include "sem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "files.h"

#define T1 \
	{ \
		.tv_sec = 1111111111, .tv_nsec = 111111111 \
	}
#define T2 \
	{ \
		.tv_sec = 1222222222, .tv_nsec = 222222222 \
	}

static const struct timespec both[2] = {T1, T2};
static const struct timespec only_atime[2] = {T1, {.tv_nsec = UTIME_OMIT}};
static const struct timespec only_mtime[2] = {{.tv_nsec = UTIME_OMIT}, T2};
static const struct timespec atime_now[2] = {{.tv_nsec = UTIME_NOW}, {.tv_nsec = UTIME_OMIT}};
static const struct timespec mtime_now[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_nsec = UTIME_NOW}};

static int do_chmod(const char *path, int fd)
{
	(void)fd;
	return chmod(path, 0604);
}

static int do_chown_uid(const char *path, int fd)
{
	(void)fd;
	return chown(path, 71, (gid_t)-1);
}

static int do_chown_gid(const char *path, int fd)
{
	(void)fd;
	return chown(path, (uid_t)-1, 72);
}

static int do_chown_both(const char *path, int fd)
{
	(void)fd;
	return chown(path, 73, 74);
}

static int do_truncate(const char *path, int fd)
{
	(void)fd;
	return truncate(path, 5);
}

static int do_ftruncate(const char *path, int fd)
{
	(void)path;
	return ftruncate(fd, 9);
}

static int do_utimens_both(const char *path, int fd)
{
	(void)fd;
	return utimensat(AT_FDCWD, path, both, 0);
}

static int do_utimens_atime(const char *path, int fd)
{
	(void)fd;
	return utimensat(AT_FDCWD, path, only_atime, 0);
}

static int do_utimens_mtime(const char *path, int fd)
{
	(void)fd;
	return utimensat(AT_FDCWD, path, only_mtime, 0);
}

static int do_utimens_atime_now(const char *path, int fd)
{
	(void)fd;
	return utimensat(AT_FDCWD, path, atime_now, 0);
}

static int do_utimens_mtime_now(const char *path, int fd)
{
	(void)fd;
	return utimensat(AT_FDCWD, path, mtime_now, 0);
}

static int do_utimens_now(const char *path, int fd)
{
	(void)fd;
	return utimensat(AT_FDCWD, path, NULL, 0);
}

static int do_futimens(const char *path, int fd)
{
	(void)path;
	return futimens(fd, both);
}

/* The kernel hands the open file on for ftruncate only; what it does not tell, nobody can know. */
SEM_FACT(setattr, carries_exactly_the_valid_fields_and_the_handle_if_there_is_one)
{
	static const struct {
		int (*call)(const char *path, int fd);
		const char *valid, *fh;
	} rows[] = {
		{do_chmod, "mode", "none"},
		{do_chown_uid, "uid", "none"},
		{do_chown_gid, "gid", "none"},
		{do_chown_both, "uid,gid", "none"},
		{do_truncate, "size", "none"},
		{do_ftruncate, "size", "given"},
		{do_utimens_both, "atime,mtime", "none"},
		{do_utimens_atime, "atime", "none"},
		{do_utimens_mtime, "mtime", "none"},
		{do_utimens_atime_now, "atime,atime_now", "none"},
		{do_utimens_mtime_now, "mtime,mtime_now", "none"},
		{do_utimens_now, "atime,mtime,atime_now,mtime_now", "none"},
		{do_futimens, "atime,mtime", "none"},
	};
	struct daemon d;
	char *path;
	int fd;

	sem_start(&d, backend, NULL);
	path = daemon_path(&d, "f");
	fd = files_create(path);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		unsigned long calls = sem_value("calls.setattr");

		cr_assert_eq(rows[i].call(path, fd), 0, "row %zu: %s", i, strerror(errno));
		cr_assert_eq(sem_value("calls.setattr") - calls, 1, "row %zu", i);
		cr_assert_str_eq(sem_noted("setattr", "valid"), rows[i].valid, "row %zu", i);
		cr_assert_str_eq(sem_noted("setattr", "fh"), rows[i].fh, "row %zu", i);
	}
	close(fd);
	sem_stop(&d);
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

SEM_FACT(setattr, changes_what_it_was_asked_to_and_nothing_else)
{
	struct stat old, st;
	struct daemon d;
	char *path;

	sem_start(&d, backend, "-o", "attr_timeout=0", NULL);
	path = daemon_path(&d, "f");
	close(files_create(path));
	cr_assert_eq(utimensat(AT_FDCWD, path, both, 0), 0);
	cr_assert_eq(stat(path, &old), 0);
	cr_assert(same_time(old.st_atim, both[0]) && same_time(old.st_mtim, both[1]));

	cr_assert_eq(chmod(path, 0604), 0);
	cr_assert_eq(chown(path, (uid_t)-1, 72), 0);
	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(st.st_mode, S_IFREG | 0604);
	cr_assert_eq(st.st_uid, old.st_uid);
	cr_assert_eq(st.st_gid, 72);
	cr_assert_eq(st.st_size, old.st_size);
	cr_assert(same_time(st.st_atim, old.st_atim) && same_time(st.st_mtim, old.st_mtim));
	cr_assert(!same_time(st.st_ctim, old.st_ctim), "the handler sets ctime");

	cr_assert_eq(truncate(path, 5), 0);
	cr_assert_eq(utimensat(AT_FDCWD, path, only_atime, 0), 0);
	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(st.st_mode, S_IFREG | 0604);
	cr_assert_eq(st.st_size, 5);
	cr_assert(same_time(st.st_atim, only_atime[0]));
	sem_stop(&d);
}

/* ---- now ---- */

static bool between(struct timespec from, struct timespec t, struct timespec to)
{
	if (t.tv_sec < from.tv_sec || (t.tv_sec == from.tv_sec && t.tv_nsec < from.tv_nsec))
		return false;
	return t.tv_sec < to.tv_sec || (t.tv_sec == to.tv_sec && t.tv_nsec <= to.tv_nsec);
}

/* The clock, or the coarser one that a file system may take. */
static struct timespec clock_now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t;
}

SEM_FACT(setattr, now_is_the_time_of_the_clock)
{
	struct timespec from, to;
	struct daemon d;
	struct stat st;
	char *path;

	sem_start(&d, backend, NULL);
	path = daemon_path(&d, "f");
	close(files_create(path));
	cr_assert_eq(utimensat(AT_FDCWD, path, both, 0), 0);
	from = clock_now(CLOCK_REALTIME_COARSE);
	cr_assert_eq(utimensat(AT_FDCWD, path, NULL, 0), 0);
	to = clock_now(CLOCK_REALTIME);
	cr_assert_eq(stat(path, &st), 0);
	cr_assert(between(from, st.st_atim, to) && between(from, st.st_mtim, to));

	cr_assert_eq(utimensat(AT_FDCWD, path, both, 0), 0);
	from = clock_now(CLOCK_REALTIME_COARSE);
	cr_assert_eq(utimensat(AT_FDCWD, path, mtime_now, 0), 0);
	to = clock_now(CLOCK_REALTIME);
	cr_assert_eq(stat(path, &st), 0);
	cr_assert(same_time(st.st_atim, both[0]), "atime was not asked for");
	cr_assert(between(from, st.st_mtim, to));
	sem_stop(&d);
}

/* Who may only write a file may set its times to now, but not to any other time. */
static int set_times_as_a_writer(void *path)
{
	if (utimensat(AT_FDCWD, path, NULL, 0) < 0)
		return errno;
	return utimensat(AT_FDCWD, path, both, 0) < 0 ? 200 : 0;
}

SEM_FACT(setattr, now_is_a_lesser_right_than_a_time)
{
	struct daemon d;

	sem_start(&d, backend, NULL);
	close(files_create(daemon_path(&d, "f")));
	cr_assert_eq(chmod(daemon_path(&d, "f"), 0666), 0);
	cr_assert_eq(harness_as(HARNESS_USER, set_times_as_a_writer, daemon_path(&d, "f")), 200);
	cr_assert_str_eq(sem_noted("setattr", "valid"), "atime,mtime,atime_now,mtime_now");
	sem_stop(&d);
}
