/*
 * The rule on timestamps: exact to the nanosecond, whenever that is.
 */
#include "sem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "files.h"

/* Edges of rounding, of the epoch, of 31, 32 and 34 bits of seconds, and of the calendar. */
static const struct timespec edges[] = {
	{.tv_sec = 1700000000, .tv_nsec = 0},
	{.tv_sec = 1700000000, .tv_nsec = 1},
	{.tv_sec = 1700000000, .tv_nsec = 999999499},
	{.tv_sec = 1700000000, .tv_nsec = 999999500},
	{.tv_sec = 1700000000, .tv_nsec = 999999999},
	{.tv_sec = 0, .tv_nsec = 0},
	{.tv_sec = 0, .tv_nsec = 1},
	{.tv_sec = -1, .tv_nsec = 999999999},
	{.tv_sec = -1, .tv_nsec = 0},
	{.tv_sec = -2147483648, .tv_nsec = 999999500},
	{.tv_sec = -2147483649, .tv_nsec = 1},
	{.tv_sec = -11644473600, .tv_nsec = 123456789}, /* the year 1601 */
	{.tv_sec = 2147483647, .tv_nsec = 999999999},
	{.tv_sec = 2147483648, .tv_nsec = 999999999}, /* 2038 */
	{.tv_sec = 4294967295, .tv_nsec = 999999999},
	{.tv_sec = 4294967296, .tv_nsec = 1}, /* 2106 */
	{.tv_sec = 17179869184, .tv_nsec = 999999500},
	{.tv_sec = 253402300800, .tv_nsec = 987654321}, /* the year 10000 */
	{.tv_sec = INT64_C(1) << 55, .tv_nsec = 999999999},
};

#define EDGES (sizeof edges / sizeof edges[0])

static void check_times(const char *path, struct timespec atime, struct timespec mtime)
{
	struct statx stx;
	struct stat st;

	cr_assert_eq(stat(path, &st), 0, "%s", strerror(errno));
	cr_assert_eq(st.st_atim.tv_sec, atime.tv_sec);
	cr_assert_eq(st.st_atim.tv_nsec, atime.tv_nsec, "atime of %lld is off",
		     (long long)atime.tv_sec);
	cr_assert_eq(st.st_mtim.tv_sec, mtime.tv_sec);
	cr_assert_eq(st.st_mtim.tv_nsec, mtime.tv_nsec, "mtime of %lld is off",
		     (long long)mtime.tv_sec);
	cr_assert_eq(
		statx(AT_FDCWD, path, AT_STATX_FORCE_SYNC, STATX_BASIC_STATS | STATX_BTIME, &stx),
		0);
	cr_assert_eq(stx.stx_atime.tv_sec, atime.tv_sec);
	cr_assert_eq(stx.stx_atime.tv_nsec, atime.tv_nsec);
	cr_assert_eq(stx.stx_mtime.tv_sec, mtime.tv_sec);
	cr_assert_eq(stx.stx_mtime.tv_nsec, mtime.tv_nsec);
}

/* As the answer to setattr, as a new lookup tells it, and by statx. */
static void check_edges(const struct daemon *d)
{
	char *path = daemon_path(d, "f");

	close(files_create(path));
	for (size_t i = 0; i < EDGES; i++) {
		struct timespec times[2] = {edges[i], edges[(i + 1) % EDGES]};

		cr_assert_eq(utimensat(AT_FDCWD, path, times, 0), 0, "%lld: %s",
			     (long long)times[0].tv_sec, strerror(errno));
		check_times(path, times[0], times[1]);
		files_forget(d);
		check_times(path, times[0], times[1]);
	}
}

SEM_FACT(times, are_exact_to_the_nanosecond_at_every_edge)
{
	struct daemon d;

	sem_start(&d, backend, NULL);
	check_edges(&d);
	sem_stop(&d);
}

FACT(times, are_exact_to_the_nanosecond_at_every_edge_on_memfs)
{
	struct daemon d = {0};

	daemon_start(&d, NULL);
	check_edges(&d);
	cr_assert_eq(daemon_unmount(&d), 0);
}

static struct statx_timestamp birth_of(const char *path)
{
	struct statx stx;

	cr_assert_eq(statx(AT_FDCWD, path, AT_STATX_FORCE_SYNC, STATX_BTIME, &stx), 0);
	cr_assert(stx.stx_mask & STATX_BTIME, "no time of birth");
	return stx.stx_btime;
}

SEM_FACT(times, of_birth_are_exact_to_the_nanosecond_at_every_edge)
{
	unsigned long node;
	struct daemon d;

	sem_start(&d, backend, NULL);
	node = sem_put(&d, "f", "");
	for (size_t i = 0; i < EDGES; i++) {
		struct statx_timestamp birth;

		sem_control("btime %lu %lld %ld", node, (long long)edges[i].tv_sec,
			    edges[i].tv_nsec);
		birth = birth_of(daemon_path(&d, "f"));
		cr_assert_eq(birth.tv_sec, edges[i].tv_sec);
		cr_assert_eq(birth.tv_nsec, edges[i].tv_nsec);
	}
	sem_stop(&d);
}

FACT(times, of_birth_on_memfs_stay_what_they_were)
{
	struct timespec times[2] = {edges[7], edges[13]}, from, to;
	struct statx_timestamp birth, later;
	struct daemon d = {0};
	char *path;

	daemon_start(&d, NULL);
	path = daemon_path(&d, "f");
	clock_gettime(CLOCK_REALTIME_COARSE, &from);
	close(files_create(path));
	clock_gettime(CLOCK_REALTIME, &to);
	birth = birth_of(path);
	cr_assert(birth.tv_sec > from.tv_sec ||
		  (birth.tv_sec == from.tv_sec && birth.tv_nsec >= from.tv_nsec));
	cr_assert(birth.tv_sec < to.tv_sec ||
		  (birth.tv_sec == to.tv_sec && birth.tv_nsec <= to.tv_nsec));
	cr_assert_eq(utimensat(AT_FDCWD, path, times, 0), 0);
	cr_assert_eq(chmod(path, 0600), 0);
	files_forget(&d);
	later = birth_of(path);
	cr_assert_eq(later.tv_sec, birth.tv_sec);
	cr_assert_eq(later.tv_nsec, birth.tv_nsec);
	cr_assert_eq(daemon_unmount(&d), 0);
}
