/*
 * FUSE over io_uring on mounts: queues that are too short, too few threads, every way to end, what
 * still comes by /dev/fuse, large data.  Each daemon is asked for the transport by name, and
 * daemon_start() sees to it that it has it.
 */
#include "callers.h"
#include "files.h"
#include "report.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define RING "--transport=uring"

static double seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* False: there is no such processor for us. */
static bool stay_on(int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	return sched_setaffinity(0, sizeof one, &one) == 0;
}

static unsigned count_threads(const struct daemon *d, const char *name)
{
	char path[300], comm[32];
	const struct dirent *entry;
	unsigned n = 0;
	DIR *dir;

	snprintf(path, sizeof path, "/proc/%d/task", (int)d->pid);
	dir = opendir(path);
	cr_assert_not_null(dir);
	while ((entry = readdir(dir))) {
		FILE *file;

		snprintf(path, sizeof path, "/proc/%d/task/%s/comm", (int)d->pid, entry->d_name);
		file = fopen(path, "re");
		if (file && fgets(comm, sizeof comm, file))
			n += strncmp(comm, name, strlen(name)) == 0;
		if (file)
			fclose(file);
	}
	closedir(dir);
	return n;
}

/* ---- a queue that is too short ---- */

#define CROWD 150

struct crowd {
	const struct daemon *d;
	atomic_uint absent;
};

static void *look_up(void *arg)
{
	static atomic_uint number;
	struct crowd *crowd = arg;
	char path[200];

	snprintf(path, sizeof path, "%s/absent%u", crowd->d->mnt, atomic_fetch_add(&number, 1));
	if (files_stat_errno(path) == ENOENT)
		atomic_fetch_add(&crowd->absent, 1);
	return NULL;
}

/* Each answer takes 400 ms: one after the other they would take a minute. */
static void check_crowd(const char *depth, const char *workers)
{
	struct daemon d = {.testfs = true, .backend = "laterfs"};
	struct crowd crowd = {.d = &d};
	pthread_t thread[CROWD];
	double begin;

	daemon_start(&d, RING, "-odelay=400000", depth, workers, NULL);
	cr_assert(stay_on(0));
	begin = seconds_now();
	for (int i = 0; i < CROWD; i++)
		cr_assert_eq(pthread_create(&thread[i], NULL, look_up, &crowd), 0);
	for (int i = 0; i < CROWD; i++)
		pthread_join(thread[i], NULL);
	cr_assert_lt(seconds_now() - begin, 15);
	cr_assert_eq(atomic_load(&crowd.absent), CROWD);
	cr_assert_eq(daemon_unmount(&d), 0);
}

FACT(uring, more_lookups_wait_on_one_processor_than_its_queue_is_deep)
{
	check_crowd("--queue-depth=1", NULL);
}

FACT(uring, more_lookups_wait_than_the_queue_is_deep_with_one_thread_for_all_queues)
{
	check_crowd("--queue-depth=2", "--workers=1");
}

FACT(uring, more_lookups_wait_than_the_queue_is_deep_at_its_usual_depth)
{
	check_crowd(NULL, NULL);
}

/* ---- threads and queues ---- */

static int work_on_each_processor(void *mnt)
{
	char path[200];

	for (int cpu = 0; cpu < get_nprocs(); cpu++) {
		if (!stay_on(cpu))
			return EINVAL;
		for (int i = 0; i < 50; i++) {
			int fd;

			snprintf(path, sizeof path, "%s/f%d.%d", (char *)mnt, cpu, i);
			fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
			if (fd < 0 || write(fd, path, 8) != 8 || close(fd) < 0 || unlink(path) < 0)
				return errno;
		}
	}
	return 0;
}

FACT(uring, a_thread_for_each_processor_serves_it)
{
	struct daemon d = {0};

	/* not what the environment may ask for */
	daemon_start(&d, RING, "--workers=1024", NULL);
	cr_assert_eq(count_threads(&d, "queue/"), (unsigned)get_nprocs_conf());
	cr_assert_eq(count_threads(&d, "reader/"), 1);
	cr_assert(daemon_log_has(&d, 0, ", pinned)"), "%s", daemon_log(&d, 0));
	cr_assert_eq(harness_as(0, work_on_each_processor, (void *)d.mnt), 0);
	cr_assert_eq(daemon_unmount(&d), 0);
}

FACT(uring, one_thread_serves_the_queues_of_all_processors)
{
	struct daemon d = {0};

	daemon_start(&d, RING, "--workers=1", NULL);
	cr_assert_eq(count_threads(&d, "queue/"), 1);
	cr_assert(daemon_log_has(&d, 0, ", not pinned: fewer threads than processors)"), "%s",
		  daemon_log(&d, 0));
	cr_assert_eq(harness_as(0, work_on_each_processor, (void *)d.mnt), 0);
	cr_assert_eq(daemon_unmount(&d), 0);
}

/* ---- ends under load ---- */

#define LOADERS 4

struct load {
	const struct daemon *d;
	unsigned number;
};

/* Until something fails; returns why. */
static int make_load(void *arg)
{
	const struct load *load = arg;
	char path[200], other[200], data[20000] = "";

	stay_on((int)load->number % get_nprocs());
	snprintf(path, sizeof path, "%s/a%u", load->d->mnt, load->number);
	snprintf(other, sizeof other, "%s/b%u", load->d->mnt, load->number);
	for (;;) {
		int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644), error;

		if (fd < 0)
			return errno;
		error = write(fd, data, sizeof data) < 0 || fsync(fd) < 0 ||
					pread(fd, data, sizeof data, 0) < 0
				? errno
				: 0;
		close(fd);
		if (error != 0 || rename(path, other) < 0 || unlink(other) < 0)
			return error ? error : errno;
	}
}

static void start_load(struct daemon *d, pid_t *pids)
{
	struct counters c;

	daemon_start(d, RING, NULL);
	for (unsigned i = 0; i < LOADERS; i++)
		pids[i] = harness_fork(make_load, &(struct load){d, i});
	nap(200);
	counters_read(d, &c);
	cr_assert_gt(counters_of(&c, "RENAME"), 20, "no load: %s", c.line);
}

/* What was below the mount has an error now, or is not there any more. */
static void end_load(const pid_t *pids)
{
	for (unsigned i = 0; i < LOADERS; i++) {
		int error = harness_reap(pids[i], 10000);

		cr_assert(error > 0 && error < 128, "loader %u: %d", i, error);
	}
}

FACT(uring, an_abort_under_load_is_an_end_with_status_0)
{
	pid_t pids[LOADERS];
	struct daemon d = {0};

	start_load(&d, pids);
	harness_abort(d.mnt);
	end_load(pids);
	cr_assert_eq(daemon_wait(&d), 0, "%s", daemon_log(&d, 0));
	cr_assert(!daemon_mounted(&d));
}

FACT(uring, a_lazy_unmount_under_load_lets_the_load_end_and_then_the_daemon)
{
	pid_t pids[LOADERS];
	struct daemon d = {0};

	start_load(&d, pids);
	cr_assert_eq(umount2(d.mnt, MNT_DETACH), 0);
	/* now they work in the directory below it */
	for (unsigned i = 0; i < LOADERS; i++)
		kill(pids[i], SIGKILL);
	for (unsigned i = 0; i < LOADERS; i++)
		cr_assert_neq(harness_reap(pids[i], 10000), -1);
	cr_assert_eq(daemon_wait(&d), 0, "%s", daemon_log(&d, 0));
}

FACT(uring, sigterm_under_load_ends_it)
{
	pid_t pids[LOADERS];
	struct daemon d = {0};

	start_load(&d, pids);
	cr_assert_eq(kill(d.pid, SIGTERM), 0);
	cr_assert_neq(daemon_wait(&d), -1, "%s", daemon_log(&d, 0));
	for (unsigned i = 0; i < LOADERS; i++)
		kill(pids[i], SIGKILL);
	for (unsigned i = 0; i < LOADERS; i++)
		cr_assert_neq(harness_reap(pids[i], 10000), -1);
}

FACT(uring, a_daemon_killed_under_load_leaves_errors_and_no_hang)
{
	pid_t pids[LOADERS];
	struct daemon d = {0};

	start_load(&d, pids);
	cr_assert_eq(kill(d.pid, SIGKILL), 0);
	cr_assert_eq(daemon_wait(&d), 128 + SIGKILL);
	end_load(pids);
	cr_assert(eventually(files_stat_errno(daemon_path(&d, "other")) == ENOTCONN));
	cr_assert_eq(umount2(d.mnt, 0), 0);
}

#define CALLERS 40

static bool has_stopped(pid_t pid)
{
	siginfo_t info = {.si_pid = 0};

	return waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid == pid;
}

/* Its threads, too. */
static void stop(const struct daemon *d)
{
	cr_assert_eq(kill(d->pid, SIGSTOP), 0);
	cr_assert(eventually(has_stopped(d->pid)));
}

FACT(uring, a_stopped_daemon_keeps_callers_waiting_and_serves_them_when_it_goes_on)
{
	struct daemon d = {0};
	pid_t pids[CALLERS];

	daemon_start(&d, RING, NULL);
	stop(&d);
	for (int i = 0; i < CALLERS; i++)
		pids[i] = harness_fork(files_stat_errno, daemon_path(&d, "absent%d", i));
	nap(300);
	for (int i = 0; i < CALLERS; i++)
		cr_assert_eq(harness_reap(pids[i], 0), -1, "answered by whom?");
	cr_assert_eq(kill(d.pid, SIGCONT), 0);
	for (int i = 0; i < CALLERS; i++)
		cr_assert_eq(harness_reap(pids[i], 10000), ENOENT);
	cr_assert_eq(daemon_unmount(&d), 0);
}

/* Those who are let go; the others stay in `pids`. */
static unsigned reap_ended(pid_t *pids)
{
	unsigned n = 0;

	for (int i = 0; i < CALLERS; i++) {
		int error = pids[i] ? harness_reap(pids[i], 0) : -1;

		if (error != -1) {
			cr_assert(daemon_gone(error), "%d", error);
			pids[i] = 0;
		}
		n += pids[i] == 0;
	}
	return n;
}

/* Requests that are on their way into an entry end when its thread runs again, and no sooner. */
FACT(uring, an_abort_of_a_stopped_daemon_lets_go_who_waits_in_the_queue_and_then_the_others)
{
	struct daemon d = {0};
	pid_t pids[CALLERS];

	daemon_start(&d, RING, "--queue-depth=2", NULL);
	stop(&d);
	for (int i = 0; i < CALLERS; i++)
		pids[i] = harness_fork(files_stat_errno, daemon_path(&d, "absent%d", i));
	nap(300);
	harness_abort(d.mnt);
	cr_assert(eventually(reap_ended(pids) >= CALLERS - 2 * (unsigned)get_nprocs_conf()), "%u",
		  reap_ended(pids));
	cr_assert_eq(kill(d.pid, SIGCONT), 0);
	cr_assert(eventually(reap_ended(pids) == CALLERS), "%u", reap_ended(pids));
	cr_assert_eq(daemon_wait(&d), 0, "%s", daemon_log(&d, 0));
}

/* Two tests, since one has room for 64 daemons. */
static void mount_many(int (*end)(const struct daemon *d))
{
	const char *mnt = harness_mkdir("mnt", 0);

	for (int i = 0; i < 50; i++) {
		struct daemon d = {.mnt = mnt};

		daemon_start(&d, RING, NULL);
		cr_assert_eq(mkdir(daemon_path(&d, "dir"), 0755), 0);
		cr_assert_eq(end(&d), 0, "%s", daemon_log(&d, 0));
		cr_assert(!daemon_mounted(&d));
	}
}

FACT(uring, fifty_mounts_one_after_the_other_are_unmounted)
{
	mount_many(daemon_unmount);
}

FACT(uring, fifty_daemons_one_after_the_other_are_stopped)
{
	mount_many(daemon_stop);
}

/* The mount can be seen by then, and its requests wait for queues that never come. */
FACT(uring, a_start_that_fails_after_init_lets_go_who_came_too_early)
{
	struct daemon d = {.testfs = true, .backend = "endfs", .mnt = harness_mkdir("mnt", 0)};
	pid_t caller;

	for (int i = 0; i < 10; i++) {
		daemon_spawn(&d, RING, "-ofail=init", NULL);
		cr_assert(eventually(daemon_mounted(&d) || daemon_log_size(&d) > 0));
		caller = harness_fork(files_stat_errno, daemon_path(&d, "ok"));
		cr_assert_eq(daemon_wait(&d), 2, "%s", daemon_log(&d, 0));
		cr_assert_neq(harness_reap(caller, 5000), -1);
		cr_assert(!daemon_mounted(&d));
	}
	cr_assert(daemon_log_has(&d, 0, "init failed"), "%s", daemon_log(&d, 0));
}

/* ---- what comes by /dev/fuse ---- */

FACT(uring, forgets_arrive)
{
	struct daemon d = {0};
	struct counters c;

	daemon_start(&d, RING, NULL);
	for (int i = 0; i < 50; i++) {
		cr_assert_eq(mkdir(daemon_path(&d, "dir%d", i), 0755), 0);
		cr_assert_eq(rmdir(daemon_path(&d, "dir%d", i)), 0);
	}
	for (int waited = 0; waited < 5000; waited += 20) {
		counters_read(&d, &c);
		if (counters_of(&c, "FORGET") + counters_of(&c, "BATCH_FORGET") > 0)
			break;
		nap(20);
	}
	cr_assert_gt(counters_of(&c, "FORGET") + counters_of(&c, "BATCH_FORGET"), 0, "%s", c.line);
	cr_assert_eq(daemon_unmount(&d), 0);
}

static int read_some(void *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char buf[64] = "";

	callers_catch(SIGUSR1);
	return read(fd, buf, sizeof buf) < 0 ? errno : 0;
}

static void check_interrupt(const char *name, const char *workers)
{
	struct daemon d = {.testfs = true, .backend = "slowfs"};
	pid_t caller;

	daemon_start(&d, RING, "-odelay=10000", workers, NULL);
	caller = harness_fork(read_some, daemon_path(&d, "%s", name));
	callers_wait_until_waiting(&d, "READ");
	cr_assert_eq(kill(caller, SIGUSR1), 0);
	cr_assert_eq(harness_reap(caller, 5000), EINTR);
	cr_assert_eq(daemon_stop(&d), 0);
}

FACT(uring, a_request_of_the_ring_is_interrupted)
{
	check_interrupt("sleep", "--workers=4");
	check_interrupt("early", "--workers=4");
}

FACT(uring, a_pending_request_of_the_ring_is_interrupted_with_one_worker)
{
	check_interrupt("early", "--workers=1");
}

static bool is_asked_again(const struct daemon *d, unsigned long n)
{
	files_stat_errno(daemon_path(d, "d1/a"));
	return report_of(d, "d1a") > n;
}

FACT(uring, a_notification_takes_effect)
{
	struct daemon d = {.testfs = true, .backend = "invalfs"};
	static const char script[] = "lookup:entry 1 a";
	unsigned long n;
	int fd;

	daemon_start(&d, RING, NULL);
	cr_assert_eq(files_stat_errno(daemon_path(&d, "d1/a")), 0);
	n = report_of(&d, "d1a");
	cr_assert_eq(files_stat_errno(daemon_path(&d, "d1/a")), 0);
	cr_assert_eq(report_of(&d, "d1a"), n, "it is not cached");
	fd = open(daemon_path(&d, "control"), O_WRONLY | O_CLOEXEC);
	cr_assert_eq(write(fd, script, sizeof script - 1), (ssize_t)sizeof script - 1);
	close(fd);
	cr_assert_eq(files_stat_errno(daemon_path(&d, "d1/l0")), 0);
	cr_assert(eventually(is_asked_again(&d, n)));
	cr_assert_eq(daemon_unmount(&d), 0);
}

/* ---- large data ---- */

#define MIB   ((size_t)1 << 20)
#define TOTAL (8 * MIB)

static void fill(unsigned char *data, size_t size, uint32_t seed)
{
	for (size_t i = 0; i + 4 <= size; i += 4) {
		seed = seed * 1664525u + 1013904223u;
		memcpy(data + i, &seed, 4);
	}
}

static void write_all(int fd, const unsigned char *data)
{
	for (size_t at = 0; at < TOTAL; at += MIB)
		cr_assert_eq(pwrite(fd, data + at, MIB, (off_t)at), (ssize_t)MIB, "%s",
			     strerror(errno));
}

static void expect_all(int fd, const unsigned char *data, size_t step)
{
	unsigned char *got = aligned_alloc(4096, step);

	for (size_t at = 0; at < TOTAL; at += step) {
		cr_assert_eq(pread(fd, got, step, (off_t)at), (ssize_t)step, "%s", strerror(errno));
		cr_assert_eq(memcmp(got, data + at, step), 0, "wrong bytes after %zu", at);
	}
	free(got);
}

FACT(uring, a_mebibyte_is_one_request_and_every_byte_arrives)
{
	unsigned char *data = aligned_alloc(4096, TOTAL);
	struct counters before, after;
	struct daemon d = {0};
	char expected[64];
	int fd;

	daemon_start(&d, RING, NULL);
	fd = open(daemon_path(&d, "file"), O_RDWR | O_CREAT | O_DIRECT | O_CLOEXEC, 0644);
	cr_assert(fd >= 0, "%s", strerror(errno));
	fill(data, TOTAL, 1);
	/* what is asked once only */
	write_all(fd, data);
	fill(data, TOTAL, 2);
	counters_read(&d, &before);
	write_all(fd, data);
	expect_all(fd, data, MIB);
	counters_read(&d, &after);
	snprintf(expected, sizeof expected, "READ+8 WRITE+8");
	cr_assert_str_eq(counters_between(&before, &after), expected);
	close(fd);
	cr_assert_eq(daemon_unmount(&d), 0);
}

FACT(uring, data_read_ahead_is_right)
{
	unsigned char *data = malloc(TOTAL);
	struct daemon d = {0};
	int fd;

	daemon_start(&d, RING, NULL);
	fd = open(daemon_path(&d, "file"), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	fill(data, TOTAL, 3);
	write_all(fd, data);
	files_forget_data(fd);
	expect_all(fd, data, 4096);
	files_forget_data(fd);
	expect_all(fd, data, 128 * 1024);
	close(fd);
	cr_assert_eq(daemon_unmount(&d), 0);
}

FACT(uring, an_attribute_of_64_kib_comes_and_goes)
{
	unsigned char *value = malloc(65536), *got = malloc(65536);
	struct daemon d = {0};

	daemon_start(&d, RING, NULL);
	close(open(daemon_path(&d, "file"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	for (uint32_t i = 0; i < 5; i++) {
		fill(value, 65536, i);
		cr_assert_eq(setxattr(daemon_path(&d, "file"), "user.big", value, 65536, 0), 0,
			     "%s", strerror(errno));
		cr_assert_eq(getxattr(daemon_path(&d, "file"), "user.big", got, 65536), 65536, "%s",
			     strerror(errno));
		cr_assert_eq(memcmp(value, got, 65536), 0);
	}
	cr_assert_eq(daemon_unmount(&d), 0);
}

FACT(uring, names_and_targets_as_long_as_they_may_be_arrive)
{
	char name[256], target[4096], got[4096];
	struct daemon d = {0};

	memset(name, 'n', 255);
	name[255] = '\0';
	memset(target, 't', 4095);
	target[4095] = '\0';
	daemon_start(&d, RING, NULL);
	cr_assert_eq(symlink(target, daemon_path(&d, "%s", name)), 0, "%s", strerror(errno));
	cr_assert_eq(readlink(daemon_path(&d, "%s", name), got, sizeof got), 4095);
	cr_assert_arr_eq(got, target, 4095);
	cr_assert_eq(rename(daemon_path(&d, "%s", name), daemon_path(&d, "short")), 0);
	cr_assert_eq(readlink(daemon_path(&d, "short"), got, sizeof got), 4095);
	cr_assert_eq(daemon_unmount(&d), 0);
}
