/*
 * Passthrough: the daemon is killed at any moment: what was synced is on the source, whole.
 */
#include "pt.h"

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"

#define FILES 4

/* A record tells its number, and whether it is whole. */
struct record {
	uint64_t number;
	uint64_t fill[62];
	uint64_t sum;
};

static void make_record(struct record *r, uint64_t number)
{
	uint64_t x = number * 0x9e3779b97f4a7c15u + 1;

	r->number = number;
	r->sum = number;
	for (unsigned i = 0; i < 62; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		r->fill[i] = x;
		r->sum = r->sum * 31 + x;
	}
}

/* What the writer has been promised: how many records of each file are synced, and how many times
 * "current" was replaced. */
struct promised {
	atomic_ulong records[FILES];
	atomic_ulong versions;
};

struct writer {
	const char *mnt;
	struct promised *promised;
	unsigned seed;
};

/* A file that is replaced: written, synced, renamed, the directory synced. */
static int replace_current(const struct writer *w, int dir, uint64_t version)
{
	int fd = openat(dir, "new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644), ret;
	struct record r;

	make_record(&r, version);
	ret = fd < 0 || write(fd, &r, sizeof r) != (ssize_t)sizeof r || fsync(fd) < 0 ||
	      renameat(dir, "new", dir, "current") < 0 || fsync(dir) < 0;
	if (fd >= 0)
		close(fd);
	if (!ret)
		atomic_store(&w->promised->versions, version);
	return ret ? -1 : 0;
}

/* Until the daemon dies: that is no mistake. */
static int write_records(void *arg)
{
	struct writer *w = arg;
	int dir = open(w->mnt, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd[FILES];
	struct record r;
	char name[16];

	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof name, "log%d", i);
		fd[i] = openat(dir, name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	}
	for (uint64_t n = 1;; n++) {
		unsigned i = (unsigned)rand_r(&w->seed) % FILES;
		uint64_t number = atomic_load(&w->promised->records[i]) + 1;

		make_record(&r, number);
		if (write(fd[i], &r, sizeof r) != (ssize_t)sizeof r)
			return 0;
		if ((n % 2 ? fsync(fd[i]) : fdatasync(fd[i])) < 0)
			return 0;
		atomic_store(&w->promised->records[i], number);
		if (n % 4 == 0 && replace_current(w, dir, n) < 0)
			return 0;
	}
}

static bool is_whole(const struct record *r, uint64_t number)
{
	struct record good;

	make_record(&good, number);
	return memcmp(r, &good, sizeof good) == 0;
}

/* All that was promised is there; what follows, too, is whole or was never written. */
static void check_log(const char *path, uint64_t promised)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t n = 0;
	struct record r;
	ssize_t got;

	cr_assert(fd >= 0 || promised == 0, "%s: %s", path, strerror(errno));
	while (fd >= 0 && (got = read(fd, &r, sizeof r)) == (ssize_t)sizeof r)
		cr_assert(is_whole(&r, ++n), "%s: record %lu is not what was written", path,
			  (unsigned long)n);
	cr_assert(n == promised || n == promised + 1, "%s has %lu records, %lu were synced", path,
		  (unsigned long)n, (unsigned long)promised);
	close(fd);
}

static void check_current(const char *path, uint64_t promised)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct record r;

	if (fd < 0 && promised == 0)
		return;
	cr_assert(fd >= 0, "%s: %s", path, strerror(errno));
	cr_assert_eq(read(fd, &r, sizeof r), (ssize_t)sizeof r);
	cr_assert(is_whole(&r, r.number), "%s is not whole", path);
	cr_assert(r.number == promised || r.number == promised + 4, "%lu, and %lu was promised",
		  (unsigned long)r.number, (unsigned long)promised);
	close(fd);
}

/* How many records there were. */
static unsigned long check_all(const struct pt *p, struct promised *promised)
{
	unsigned long total = 0;

	for (int i = 0; i < FILES; i++) {
		check_log(pt_src(p, "log%d", i), atomic_load(&promised->records[i]));
		total += atomic_load(&promised->records[i]);
		(void)unlink(pt_src(p, "log%d", i));
		atomic_store(&promised->records[i], 0);
	}
	check_current(pt_src(p, "current"), atomic_load(&promised->versions));
	(void)unlink(pt_src(p, "current"));
	atomic_store(&promised->versions, 0);
	return total;
}

static void crash(enum pt_kind kind, const char *options)
{
	struct promised *promised = mmap(NULL, sizeof *promised, PROT_READ | PROT_WRITE,
					 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct pt p = {.kind = kind};
	unsigned seed = (unsigned)getpid();
	unsigned long total = 0;

	for (int round = 0; round < 4; round++) {
		struct writer w = {.promised = promised, .seed = seed + (unsigned)round};
		pid_t pid;

		/* where the dead mount of the round before still is */
		if (round == 0)
			pt_start(&p, options, NULL);
		else
			pt_start_over(&p, options, NULL);
		w.mnt = p.d.mnt;
		pid = harness_fork(write_records, &w);
		nap(60 + (unsigned)rand_r(&seed) % 150);
		cr_assert_eq(kill(p.d.pid, SIGKILL), 0);
		cr_assert_eq(daemon_wait(&p.d), 128 + SIGKILL);
		cr_assert_eq(harness_reap(pid, 10000), 0);
		total += check_all(&p, promised);
	}
	cr_assert_gt(total, 20, "only %lu records were written", total);
	PT_OK(umount2(p.d.mnt, MNT_DETACH));
}

PT_FACT(pt_crash, what_was_synced_is_on_the_source)
{
	crash(kind, "-opassthrough=off");
}

PT_FACT(pt_crash, what_was_synced_is_on_the_source_with_kernel_passthrough)
{
	crash(kind, "-opassthrough=auto");
}

FACT(pt_crash, files_in_kernel_passthrough_outlive_the_daemon)
{
	struct pt p = {0};
	char got[8] = "", *map;
	struct stat st;
	int fd;

	pt_start(&p, NULL);
	pt_put(pt_mnt(&p, "f"), "hello");
	fd = pt_open(pt_mnt(&p, "f"), O_RDWR);
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	cr_assert_neq(map, MAP_FAILED);
	cr_assert_eq(kill(p.d.pid, SIGKILL), 0);
	cr_assert_eq(daemon_wait(&p.d), 128 + SIGKILL);
	cr_assert_eq(pread(fd, got, 5, 0), 5);
	cr_assert_str_eq(got, "hello");
	cr_assert_eq(pwrite(fd, "J", 1, 0), 1);
	map[1] = 'E';
	cr_assert_str_eq(pt_get(pt_src(&p, "f")), "JEllo");
	/* the first to find out may be told that it was aborted, or cancelled */
	cr_assert(fsync(fd) < 0 && daemon_gone(errno), "%s", strerror(errno));
	cr_assert(eventually(lstat(pt_mnt(&p, "f"), &st) < 0 && errno == ENOTCONN), "%s",
		  strerror(errno));
	munmap(map, 4096);
	close(fd);
	/* a new start takes the dead mount's place */
	pt_start_over(&p, NULL);
	cr_assert_str_eq(pt_get(pt_mnt(&p, "f")), "JEllo");
	pt_stop(&p);
}
