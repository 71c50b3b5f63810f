/*
 * Large numbers: a directory of 100,000 names that changes while it is read, and what the daemon
 * keeps after many requests: memory, threads, descriptors, and no allocation on the way.
 */
#include "daemon.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define MANY 100000

/* Makes and removes names until it is killed. */
static int churn(void *arg)
{
	int dir = open(arg, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char name[32];

	for (unsigned i = 0;; i++) {
		snprintf(name, sizeof name, "churn%u", i);
		if (mknodat(dir, name, S_IFREG | 0600, 0) < 0)
			return errno;
		if (i >= 50) {
			snprintf(name, sizeof name, "churn%u", i - 50);
			if (unlinkat(dir, name, 0) < 0)
				return errno;
		}
	}
}

static void check_listing(const char *path)
{
	unsigned char *seen = calloc(MANY, 1);
	const struct dirent *entry;
	DIR *dir = opendir(path);
	unsigned n;

	cr_assert_not_null(dir);
	for (errno = 0; (entry = readdir(dir)); errno = 0)
		if (sscanf(entry->d_name, "constant%u", &n) == 1) {
			cr_assert(n < MANY);
			cr_assert_eq(seen[n]++, 0, "%s came twice", entry->d_name);
		}
	cr_assert_eq(errno, 0);
	closedir(dir);
	for (n = 0; n < MANY; n++)
		cr_assert_eq(seen[n], 1, "constant%u did not come", n);
	free(seen);
}

FACT_WITHIN(many, a_directory_of_100000_is_listed_right_while_it_changes, 120)
{
	struct daemon d = {0};
	char name[32];
	pid_t pid;
	int dir;

	daemon_start(&d, NULL);
	dir = open(d.mnt, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(name, sizeof name, "constant%u", i);
		cr_assert_eq(mknodat(dir, name, S_IFREG | 0600, 0), 0, "%s", strerror(errno));
	}
	close(dir);
	pid = harness_fork(churn, (void *)d.mnt);
	check_listing(d.mnt);
	check_listing(d.mnt);
	cr_assert_eq(harness_reap(pid, 0), -1, "the other process has ended");
	kill(pid, SIGKILL);
	harness_reap(pid, 5000);
	cr_assert_eq(daemon_stop(&d), 0);
}

FACT(many, an_idle_daemon_stays_below_8_mib)
{
	struct daemon d = {0};
	struct stat st;
	long kib;

	if (daemon_is_sanitized())
		harness_skip("a sanitizer needs memory of its own");
	daemon_start(&d, NULL);
	cr_assert_eq(stat(d.mnt, &st), 0);
	nap(100);
	kib = daemon_status_of(&d, "VmRSS:");
	cr_assert(kib > 0 && kib < 8192, "%ld KiB resident", kib);
	cr_assert_eq(daemon_stop(&d), 0);
}

/* One round of requests of many sorts; `n` names the files. */
static void mixed_requests(const char *mnt, unsigned n)
{
	char path[256], other[256], buf[4096];
	struct stat st;
	int fd;

	snprintf(path, sizeof path, "%s/file%u", mnt, n);
	snprintf(other, sizeof other, "%s/other%u", mnt, n);
	memset(buf, (int)n, sizeof buf);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	cr_assert(fd >= 0, "%s: %s", path, strerror(errno));
	cr_assert_eq(write(fd, buf, sizeof buf), (ssize_t)sizeof buf);
	cr_assert_eq(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
	cr_assert_eq(pread(fd, buf, sizeof buf, 0), (ssize_t)sizeof buf);
	cr_assert_eq(fchmod(fd, 0600), 0);
	cr_assert_eq(fsetxattr(fd, "user.name", "value", 5, 0), 0, "%s", strerror(errno));
	cr_assert_eq(fgetxattr(fd, "user.name", buf, sizeof buf), 5);
	cr_assert_eq(ftruncate(fd, 100), 0);
	close(fd);
	cr_assert_eq(link(path, other), 0);
	cr_assert_eq(rename(other, path), 0);
	cr_assert_eq(unlink(other), 0);
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(symlink("target", path), 0);
	cr_assert_eq(readlink(path, buf, sizeof buf), 6);
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(mkdir(path, 0755), 0);
	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(rmdir(path), 0);
}

static void *many_requests(void *mnt)
{
	static unsigned next;
	unsigned base = __atomic_fetch_add(&next, 1000, __ATOMIC_RELAXED);

	for (unsigned i = 0; i < 100; i++)
		mixed_requests(mnt, base + i);
	return NULL;
}

static void eight_clients(const struct daemon *d)
{
	pthread_t thread[8];

	for (int i = 0; i < 8; i++)
		cr_assert_eq(pthread_create(&thread[i], NULL, many_requests, (void *)d->mnt), 0);
	for (int i = 0; i < 8; i++)
		pthread_join(thread[i], NULL);
}

FACT(many, threads_descriptors_and_children_stay_as_they_were)
{
	struct daemon d = {0};
	char path[64], children[64] = "";
	unsigned fds;
	long threads;
	FILE *file;

	daemon_start(&d, NULL);
	/* every worker has made what it needs */
	eight_clients(&d);
	fds = daemon_count_fds(&d);
	threads = daemon_status_of(&d, "Threads:");
	cr_assert_gt(threads, 0);
	eight_clients(&d);
	cr_assert_eq(daemon_count_fds(&d), fds);
	cr_assert_eq(daemon_status_of(&d, "Threads:"), threads);
	snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)d.pid, (int)d.pid);
	file = fopen(path, "re");
	cr_assert_not_null(file);
	cr_assert_null(fgets(children, sizeof children, file), "children: %s", children);
	fclose(file);
	cr_assert_eq(daemon_stop(&d), 0);
}

/* ---- allocations ---- */

static const _Atomic uint64_t *map_counter(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	void *p;

	cr_assert(fd >= 0 && ftruncate(fd, sizeof(uint64_t)) == 0);
	p = mmap(NULL, sizeof(uint64_t), PROT_READ, MAP_SHARED, fd, 0);
	cr_assert_neq(p, MAP_FAILED);
	close(fd);
	return p;
}

/* The daemon reads its environment's two words: the library and the counter. */
static void preload(const char *counter)
{
	const char *library = daemon_built("LLFUSED_COUNT_ALLOC", "tests/count_alloc.so");

	setenv("LLFUSED_ALLOC_COUNTER", counter, 1);
	setenv("LD_PRELOAD", library, 1);
}

static void check_no_allocation(const char *option)
{
	const char *path = harness_path("counter");
	const _Atomic uint64_t *counter = map_counter(path);
	struct counters before, after;
	struct daemon d = {0};
	uint64_t count;

	if (daemon_is_sanitized())
		harness_skip("a sanitizer allocates as it likes");
	preload(path);
	daemon_start(&d, option, NULL);
	unsetenv("LD_PRELOAD");
	cr_assert_gt(*counter, 0, "the library counts nothing");
	for (unsigned i = 0; i < 20; i++)
		mixed_requests(d.mnt, i);
	counters_read(&d, &before);
	count = *counter;
	for (unsigned i = 0; i < 500; i++)
		mixed_requests(d.mnt, i);
	cr_assert_eq(*counter, count, "%lu allocations", (unsigned long)(*counter - count));
	counters_read(&d, &after);
	cr_assert_geq(counters_of(&after, "LOOKUP") - counters_of(&before, "LOOKUP"), 500);
	cr_assert_geq(counters_of(&after, "UNLINK") - counters_of(&before, "UNLINK"), 1000);
	cr_assert_eq(daemon_stop(&d), 0);
}

FACT(many, ten_thousand_requests_allocate_nothing)
{
	check_no_allocation("--io=uring");
}

FACT(many, ten_thousand_requests_by_plain_io_allocate_nothing)
{
	check_no_allocation("--io=plain");
}
