/*
 * FUSE over io_uring where something is scarce or forbidden: descriptors, processors, io_uring
 * itself, entries, the patience of who ends the daemon.
 */
#include "callers.h"
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RING "--transport=uring"
#define AUTO "--transport=auto"

#define DENY(...) \
	.deny = (const struct deny[]){__VA_ARGS__}, \
	.ndeny = sizeof((const struct deny[]){__VA_ARGS__}) / sizeof(struct deny)

#define NO_IO_URING \
	{ \
		SYS_io_uring_setup, 0, EPERM \
	}
#define NO_AFFINITY \
	{ \
		SYS_sched_setaffinity, 0, EPERM \
	}

static void stay_on(int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	cr_assert_eq(sched_setaffinity(0, sizeof one, &one), 0);
}

static int work(void *mnt)
{
	for (int i = 0; i < 40; i++) {
		char path[200];
		int fd;

		stay_on(i % get_nprocs());
		snprintf(path, sizeof path, "%s/f%d", (char *)mnt, i);
		fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
		if (fd < 0 || write(fd, path, 8) != 8 || close(fd) < 0 || unlink(path) < 0)
			return errno;
	}
	return 0;
}

static void check_works(const struct daemon *d)
{
	pid_t pid = harness_fork(work, (void *)(uintptr_t)d->mnt);

	cr_assert_eq(harness_reap(pid, 10000), 0, "%s", daemon_log(d, 0));
}

static unsigned long count_of(const struct daemon *d, const char *op)
{
	struct counters c;

	counters_read(d, &c);
	return counters_of(&c, op);
}

/* ---- too few descriptors ---- */

enum outcome { REFUSED, ON_DEV, ON_RING };

/* With so many descriptors. */
static enum outcome try_with(unsigned descriptors, const char *transport)
{
	struct daemon d = {.descriptors = descriptors};
	enum outcome outcome = REFUSED;

	daemon_spawn(&d, transport, NULL);
	cr_assert(eventually(daemon_log_size(&d) > 0));
	/* a warning may come first */
	eventually_within(1000, daemon_log_has(&d, 0, " transport="));
	if (!daemon_log_has(&d, 0, " transport=")) {
		cr_assert_eq(daemon_wait(&d), 2, "%s", daemon_log(&d, 0));
		cr_assert(!daemon_mounted(&d));
		return outcome;
	}
	outcome = daemon_on_ring(&d) ? ON_RING : ON_DEV;
	if (outcome == ON_DEV) {
		cr_assert(eventually(daemon_log_has(&d, 0, "; no uring: ")), "%s",
			  daemon_log(&d, 0));
		cr_assert(daemon_log_has(&d, 0, strerror(EMFILE)), "%s", daemon_log(&d, 0));
		cr_assert(!daemon_log_has(&d, 0, "over_io_uring,"), "%s", daemon_log(&d, 0));
	}
	check_works(&d);
	cr_assert_eq(daemon_unmount(&d), 0, "%s", daemon_log(&d, 0));
	return outcome;
}

/* At some number the rings cannot be made any more after INIT was answered for them. */
FACT_WITHIN(uring_limits, with_fewer_and_fewer_descriptors_it_takes_dev_and_serves, 60)
{
	unsigned on_dev = 0, n = 40;

	for (; n > 6; n--) {
		enum outcome outcome = try_with(n, AUTO);

		on_dev += outcome == ON_DEV;
		if (outcome == REFUSED)
			break;
	}
	cr_assert_gt(n, 6);
	cr_assert_gt(on_dev, 0);
}

FACT_WITHIN(uring_limits, by_name_too_few_descriptors_are_an_error_that_says_what_to_do, 60)
{
	for (unsigned n = 40; n > 6; n--) {
		struct daemon d = {.descriptors = n};
		int status;

		daemon_spawn(&d, RING, NULL);
		cr_assert(eventually(daemon_log_size(&d) > 0));
		if (daemon_log_has(&d, 0, " transport=uring (")) {
			cr_assert_eq(daemon_unmount(&d), 0);
			continue;
		}
		status = daemon_wait(&d);
		cr_assert_eq(status, 2, "%d: %s", status, daemon_log(&d, 0));
		cr_assert(daemon_log_has(&d, 0, strerror(EMFILE)), "%s", daemon_log(&d, 0));
		cr_assert(!daemon_mounted(&d));
		if (daemon_log_has(&d, 0, "--transport=auto"))
			return;
	}
	cr_assert_fail("no number of descriptors lets the start of the rings fail");
}

/* ---- what is forbidden ---- */

FACT(uring_limits, by_name_a_forbidden_io_uring_is_an_error_that_says_why)
{
	struct daemon d = {DENY(NO_IO_URING)};

	daemon_spawn(&d, RING, NULL);
	cr_assert_eq(daemon_wait(&d), 2);
	cr_assert(eventually(daemon_log_has(&d, 0, "transport uring is not to be had")), "%s",
		  daemon_log(&d, 0));
	cr_assert(daemon_log_has(&d, 0, strerror(EPERM)), "%s", daemon_log(&d, 0));
	cr_assert(eventually(daemon_log_has(&d, 0, "seccomp")), "%s", daemon_log(&d, 0));
	cr_assert(!daemon_mounted(&d));
}

FACT(uring_limits, the_start_line_says_why_there_is_no_uring)
{
	struct daemon forbidden = {DENY(NO_IO_URING)}, plain = {0};

	daemon_start(&forbidden, AUTO, NULL);
	cr_assert(
		eventually(daemon_log_has(&forbidden, 0, "; no uring: io_uring cannot be used (")),
		"%s", daemon_log(&forbidden, 0));
	cr_assert_eq(daemon_unmount(&forbidden), 0);
	daemon_start(&plain, AUTO, "--io=plain", NULL);
	cr_assert(eventually(daemon_log_has(&plain, 0, "; no uring: --io=plain)")), "%s",
		  daemon_log(&plain, 0));
	cr_assert_eq(daemon_unmount(&plain), 0);
}

FACT(uring_limits, threads_that_may_not_be_pinned_serve_unpinned_and_it_is_said)
{
	struct daemon d = {DENY(NO_AFFINITY)};
	char expected[100];

	snprintf(expected, sizeof expected, ", not pinned: %s)", strerror(EPERM));
	daemon_start(&d, RING, "--workers=1024", NULL);
	cr_assert(eventually(daemon_log_has(&d, 0, expected)), "%s", daemon_log(&d, 0));
	check_works(&d);
	cr_assert_eq(daemon_unmount(&d), 0);
}

/* The others' queues are served by the thread that there is. */
FACT(uring_limits, a_daemon_that_may_use_one_processor_serves_all)
{
	struct daemon d = {0};
	char expected[100];
	cpu_set_t before;

	snprintf(expected, sizeof expected, "(%d queues, depth 4, pinned to the 1 processors",
		 get_nprocs_conf());
	cr_assert_eq(sched_getaffinity(0, sizeof before, &before), 0);
	stay_on(get_nprocs() - 1);
	daemon_start(&d, RING, "--workers=1024", NULL);
	cr_assert_eq(sched_setaffinity(0, sizeof before, &before), 0);
	/* who reads /dev/fuse beside it is not one */
	cr_assert(daemon_log_has(&d, 0, " workers=1 "), "%s", daemon_log(&d, 0));
	cr_assert(eventually(daemon_log_has(&d, 0, expected)), "%s", daemon_log(&d, 0));
	check_works(&d);
	cr_assert_eq(daemon_unmount(&d), 0);
}

/* ---- more waiting locks than entries ---- */

#define WAITERS 24

/* All on one processor: who unlocks needs an entry of the same queue. */
static void check_locks(const char *depth, const char *workers, const char *granter)
{
	struct daemon d = {.testfs = true, .backend = "lockfs"};
	pid_t waiter[WAITERS];
	int fd;

	daemon_start(&d, RING, depth, workers, granter, NULL);
	stay_on(0);
	fd = open(daemon_path(&d, "l0"), O_RDWR | O_CLOEXEC);
	cr_assert_eq(callers_lock(fd, F_SETLK, F_WRLCK), 0);
	for (int i = 0; i < WAITERS; i++)
		waiter[i] = harness_fork(callers_wait_for_lock, daemon_path(&d, "l0"));
	nap(300);
	for (int i = 0; i < WAITERS; i++)
		cr_assert_eq(harness_reap(waiter[i], 0), -1, "granted while it was held");
	cr_assert_eq(callers_lock(fd, F_SETLK, F_UNLCK), 0);
	for (int i = 0; i < WAITERS; i++)
		cr_assert_eq(harness_reap(waiter[i], 10000), 0);
	close(fd);
	cr_assert_eq(daemon_unmount(&d), 0);
}

FACT(uring_limits, an_unlock_gets_past_more_waiting_locks_than_the_queue_is_deep)
{
	check_locks("--queue-depth=1", "--workers=1", NULL);
	check_locks("--queue-depth=2", "--workers=2", "-ogranter");
	check_locks("--queue-depth=4", NULL, NULL);
}

/* ---- data of a stuck handler ---- */

#define WRITERS 40

struct writer {
	int fd;
	unsigned char first;
};

/* Each time other bytes, until there is no connection any more. */
static int write_on_and_on(void *arg)
{
	const struct writer *me = arg;
	static unsigned char data[100000];

	for (unsigned i = 0;; i++) {
		memset(data, (int)(me->first + i), sizeof data);
		if (pwrite(me->fd, data, sizeof data, 0) < 0 &&
		    (errno == ENOTCONN || errno == ECONNABORTED || errno == ENODEV))
			return errno;
	}
}

/* At the end the callers of stuck handlers are answered, and write again: not into the bytes that
 * these handlers still have. */
FACT_WITHIN(uring_limits, the_data_of_a_stuck_write_stay_as_they_are_until_the_end, 60)
{
	struct daemon d = {.testfs = true, .backend = "stuckfs"};
	struct writer writer[WRITERS];
	pid_t pids[WRITERS];
	char *flags;

	cr_assert(asprintf(&flags, "-oflags=%s", harness_mkdir("flags", 0)) > 0);
	daemon_start(&d, flags, "-ono_allow_other", RING, "--stop-timeout=1", NULL);
	/* nobody can open a file any more once some of them write */
	for (unsigned i = 0; i < WRITERS; i++) {
		int fd = open(daemon_path(&d, "w%u", i), O_WRONLY | O_CLOEXEC);

		cr_assert(fd >= 0, "%s", strerror(errno));
		writer[i] = (struct writer){fd, (unsigned char)(i * 5)};
	}
	for (unsigned i = 0; i < WRITERS; i++)
		pids[i] = harness_fork(write_on_and_on, &writer[i]);
	cr_assert(eventually(count_of(&d, "WRITE") >= WRITERS));
	cr_assert_eq(daemon_stop(&d), 1, "%s", daemon_log(&d, 0));
	cr_assert(!daemon_log_has(&d, 0, "the data have changed"));
	for (unsigned i = 0; i < WRITERS; i++) {
		int error = harness_reap(pids[i], 10000);

		cr_assert(error > 0 && error < 128, "%d", error);
	}
}

/* ---- an unmount that waits ---- */

#define RELEASES 100 /* of 100 ms each, one after the other */

/* All entries get taken by releases, whose files nobody has open any more. */
static void stop_among_releases(void)
{
	struct daemon d = {.testfs = true, .backend = "stuckfs"};
	struct timespec began, ended;
	int fd[RELEASES];

	daemon_start(&d, RING, "--queue-depth=1", "--max-pending=1", "--stop-timeout=0.5", NULL);
	stay_on(0);
	for (int i = 0; i < RELEASES; i++) {
		fd[i] = open(daemon_path(&d, "slow"), O_RDONLY | O_CLOEXEC);
		cr_assert(fd[i] >= 0, "%s", strerror(errno));
	}
	for (int i = 0; i < RELEASES; i++)
		if (close(fd[i]) == 0)
			sched_yield(); /* to the queue's thread, and to its nudge */
	nap(200);
	clock_gettime(CLOCK_MONOTONIC, &began);
	cr_assert_eq(daemon_stop(&d), 0);
	clock_gettime(CLOCK_MONOTONIC, &ended);
	/* the stop timeout, and what handlers get to end in any case */
	cr_assert_leq(ended.tv_sec - began.tv_sec, 6, "%s", daemon_log(&d, 0));
}

/* The nudge may come when all entries are taken.  It holds what the unmount needs, and waits for
 * the handlers; SIGTERM must not. */
FACT_WITHIN(uring_limits, sigterm_does_not_wait_for_what_a_nudge_waits_for, 60)
{
	for (int i = 0; i < 3; i++)
		stop_among_releases();
}

/* ---- ends and a new start ---- */

struct loader {
	const char *mnt;
	unsigned number;
};

static int make_load(void *arg)
{
	const struct loader *l = arg;
	char path[200];

	stay_on((int)l->number % get_nprocs());
	snprintf(path, sizeof path, "%s/file%u", l->mnt, l->number);
	for (;;) {
		int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

		if (fd < 0 || write(fd, path, 8) < 0)
			return errno;
		close(fd);
		if (unlink(path) < 0)
			return errno;
	}
}

#define LOADERS 4

static void start_load(const struct daemon *d, pid_t *pids)
{
	static struct loader loader[LOADERS];

	for (unsigned i = 0; i < LOADERS; i++) {
		loader[i] = (struct loader){d->mnt, i};
		pids[i] = harness_fork(make_load, &loader[i]);
	}
	nap(100);
}

FACT(uring_limits, a_daemon_stopped_and_continued_under_load_serves_on)
{
	struct daemon d = {0};
	pid_t pids[LOADERS];
	unsigned long before;

	daemon_start(&d, RING, NULL);
	start_load(&d, pids);
	for (int i = 0; i < 10; i++) {
		before = count_of(&d, "UNLINK");
		cr_assert_eq(kill(d.pid, SIGSTOP), 0);
		nap(50);
		cr_assert_eq(kill(d.pid, SIGCONT), 0);
		cr_assert(eventually(count_of(&d, "UNLINK") > before + 10 * LOADERS),
			  "no load any more");
	}
	for (int i = 0; i < LOADERS; i++) {
		cr_assert_eq(kill(pids[i], SIGKILL), 0, "loader %d has ended", i);
		cr_assert_eq(harness_reap(pids[i], 10000), 128 + SIGKILL);
	}
	cr_assert_eq(daemon_unmount(&d), 0);
}

FACT(uring_limits, after_a_kill_under_load_the_same_place_is_mounted_again)
{
	const char *mnt = harness_mkdir("mnt", 0);
	pid_t pids[LOADERS];

	for (int i = 0; i < 5; i++) {
		struct daemon d = {.mnt = mnt};

		daemon_start(&d, RING, NULL);
		start_load(&d, pids);
		cr_assert_eq(kill(d.pid, SIGKILL), 0);
		cr_assert_eq(daemon_wait(&d), 128 + SIGKILL);
		/* the next start clears the dead mount */
		for (int k = 0; k < LOADERS; k++) {
			int error = harness_reap(pids[k], 10000);

			cr_assert(error > 0 && error < 128, "%d", error);
		}
	}
	cr_assert_eq(umount2(mnt, 0), 0);
}
