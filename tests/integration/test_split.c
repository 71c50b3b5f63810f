/*
 * Backends that answer on the threads that read the requests, and ask to be called again on those
 * of the pool where they would sleep.  See testfs/splitfs.c for the files.
 */
#include "callers.h"
#include "files.h"
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define POOL     16 /* threads that the daemon chooses */
#define SLEEPERS 40 /* more than these */
#define FOR_EVER "-odelay=60000"

static double seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

#define start(d, ...) \
	do { \
		*(d) = (struct daemon){.testfs = true, .backend = "splitfs"}; \
		daemon_start(d, ##__VA_ARGS__, NULL); \
	} while (0)

/* What reading says; until the next call.  errno when NULL. */
static const char *read_once(const char *path)
{
	static char text[64];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	int error = errno;

	if (fd >= 0)
		close(fd);
	errno = error;
	if (n < 0)
		return NULL;
	text[n] = '\0';
	return text;
}

/* Fits harness_fork(). */
static int call_read(void *path)
{
	callers_catch(SIGUSR1);
	return read_once(path) ? 0 : errno;
}

static int call_stat(void *path)
{
	return files_stat_errno(path);
}

static void expect_word(const struct daemon *d, const char *name, const char *word)
{
	const char *text = read_once(daemon_path(d, "%s", name));

	cr_assert_not_null(text, "%s: %s", name, strerror(errno));
	cr_assert_str_eq(text, word, "%s", name);
}

static void expect_eio(const struct daemon *d, const char *name)
{
	cr_assert_null(read_once(daemon_path(d, "%s", name)), "%s", name);
	cr_assert_eq(errno, EIO, "%s: %s", name, strerror(errno));
}

/* ---- where what is answered ---- */

/* The name of the threads that take requests from the kernel. */
static const char *taker(const struct daemon *d)
{
	return daemon_on_ring(d) ? "queue" : "reader";
}

FACT(split, each_op_is_answered_where_it_wants_to_be)
{
	struct daemon d;

	start(&d);
	expect_word(&d, "here", taker(&d));
	expect_word(&d, "there", "handler");
	expect_word(&d, "pended", taker(&d));
	expect_word(&d, "later", "handler");
	expect_word(&d, "both", "handler");
	cr_assert_eq(report_of(&d, "differ"), 0);
	cr_assert(!daemon_log_has(&d, 0, "fault"));
	cr_assert_eq(daemon_unmount(&d), 0);
}

FACT(split, nothing_of_the_first_call_is_in_the_answer_of_the_second)
{
	struct daemon d;
	struct run run;

	start(&d);
	run_command(&run, 0, (char *[]){(char[]){"ls"}, (char *)d.mnt, NULL});
	cr_assert_eq(run.status, 0, "%s", run.err);
	cr_assert_str_eq(run.out,
			 "again\nboth\nhere\nhidden\nlag\nlater\npended\nreport\nslow\nthere\n");
	cr_assert_eq(daemon_unmount(&d), 0);
}

FACT(split, a_third_call_is_eio_and_told_once)
{
	struct daemon d;
	char *log;

	start(&d);
	for (unsigned i = 0; i < 3; i++) {
		expect_eio(&d, "again");
		expect_eio(&d, "hidden");
	}
	log = daemon_log(&d, 0);
	log = strstr(log, "fault: READ returned LLFUSED_AGAIN");
	cr_assert_not_null(log);
	cr_assert_null(strstr(log + 1, "fault: READ"));
	expect_word(&d, "there", "handler");
	cr_assert_eq(daemon_unmount(&d), 0);
}

FACT(split, the_counters_count_each_request_once)
{
	struct counters before, after;
	struct daemon d;

	start(&d);
	expect_word(&d, "there", "handler"); /* looks it up */
	counters_read(&d, &before);
	expect_word(&d, "there", "handler");
	counters_read(&d, &after);
	cr_assert(strstr(counters_between(&before, &after), "READ+1"), "%s",
		  counters_between(&before, &after));
	cr_assert_eq(daemon_unmount(&d), 0);
}

static void write_sizes(const struct daemon *d, const char *name)
{
	static unsigned char data[3 << 20];
	int fd = open(daemon_path(d, "%s", name), O_WRONLY | O_CLOEXEC);

	cr_assert_geq(fd, 0);
	for (unsigned i = 0; i < 40; i++) {
		size_t size = i % 4 == 0 ? sizeof data - i : 1000 * (size_t)i;

		memset(data, (int)i, size);
		cr_assert_eq(write(fd, data, size), (ssize_t)size, "%s", strerror(errno));
	}
	close(fd);
}

FACT(split, data_of_any_size_arrives_in_either_place)
{
	struct daemon d;

	start(&d);
	write_sizes(&d, "here");
	write_sizes(&d, "there");
	write_sizes(&d, "here");
	cr_assert_eq(daemon_unmount(&d), 0);
}

/* ---- while the pool sleeps ---- */

static void sleep_in_all(const struct daemon *d, pid_t *pids, unsigned n, unsigned inside)
{
	for (unsigned i = 0; i < n; i++)
		pids[i] = harness_fork(call_read, daemon_path(d, "slow"));
	cr_assert(eventually(report_of(d, "inside") == inside), "%lu", report_of(d, "inside"));
}

static void reap_all(const pid_t *pids, unsigned n, int result)
{
	for (unsigned i = 0; i < n; i++)
		cr_assert_eq(harness_reap(pids[i], 15000), result);
}

FACT(split, others_are_served_at_once_while_the_whole_pool_sleeps)
{
	pid_t pids[SLEEPERS];
	const char *word;
	struct daemon d;
	double start_time;

	start(&d, FOR_EVER, "--workers=4");
	word = taker(&d);
	sleep_in_all(&d, pids, SLEEPERS, 4);
	start_time = seconds_now();
	for (unsigned i = 0; i < 200; i++)
		expect_word(&d, "here", word);
	cr_assert_lt(seconds_now() - start_time, 5);
	cr_assert(callers_dump_has(&d, "in flight: READ"), "they are seen");
	for (unsigned i = 0; i < SLEEPERS; i++)
		kill(pids[i], SIGKILL);
	reap_all(pids, SLEEPERS, 128 + SIGKILL);
	cr_assert_eq(daemon_unmount(&d), 0);
}

FACT(split, as_many_sleep_at_once_as_there_are_workers)
{
	pid_t pids[SLEEPERS];
	struct daemon d;

	start(&d, "-odelay=700", "--workers=3");
	sleep_in_all(&d, pids, 6, 3);
	reap_all(pids, 6, 0);
	cr_assert_eq(daemon_unmount(&d), 0);
	start(&d, "-odelay=700", "--workers=16");
	sleep_in_all(&d, pids, SLEEPERS, POOL);
	reap_all(pids, SLEEPERS, 0);
	cr_assert_eq(daemon_unmount(&d), 0);
}

FACT(split, who_sleeps_there_is_interrupted)
{
	struct daemon d;
	pid_t pid;

	start(&d, FOR_EVER, NULL);
	sleep_in_all(&d, &pid, 1, 1);
	kill(pid, SIGUSR1);
	cr_assert_eq(harness_reap(pid, 10000), EINTR);
	cr_assert_eq(report_of(&d, "interrupts"), 1);
	cr_assert_eq(daemon_unmount(&d), 0);
}

/* A handler that sleeps for good holds the only thread; whoever waits behind it can be killed. */
FACT(split, who_waits_for_the_second_call_can_be_killed)
{
	pid_t sleeper, waiter[3];
	struct daemon d;

	start(&d, FOR_EVER, "--workers=1");
	sleep_in_all(&d, &sleeper, 1, 1);
	for (unsigned i = 0; i < 3; i++)
		waiter[i] = harness_fork(call_read, daemon_path(&d, "there"));
	cr_assert(eventually(report_of(&d, "first") == 4));
	for (unsigned i = 0; i < 3; i++)
		kill(waiter[i], SIGKILL);
	reap_all(waiter, 3, 128 + SIGKILL);
	kill(sleeper, SIGUSR1);
	cr_assert_eq(harness_reap(sleeper, 10000), EINTR);
	cr_assert_eq(report_of(&d, "second"), 1, "what was killed is not called");
	cr_assert_eq(daemon_unmount(&d), 0);
}

/* Its interrupt comes while it is not in the queue yet. */
FACT(split, who_is_killed_during_the_first_call_needs_no_second)
{
	pid_t sleeper, waiter;
	struct daemon d;

	start(&d, FOR_EVER, "--workers=1");
	sleep_in_all(&d, &sleeper, 1, 1);
	waiter = harness_fork(call_read, daemon_path(&d, "lag"));
	cr_assert(eventually(report_of(&d, "first") == 2));
	kill(waiter, SIGKILL);
	cr_assert_eq(harness_reap(waiter, 10000), 128 + SIGKILL);
	kill(sleeper, SIGUSR1);
	cr_assert_eq(harness_reap(sleeper, 10000), EINTR);
	cr_assert_eq(daemon_unmount(&d), 0);
}

FACT(split, the_root_can_be_looked_at_behind_what_sleeps)
{
	struct daemon d;
	pid_t sleeper, looker;

	start(&d, FOR_EVER, "-oroots", "--workers=1");
	cr_assert_eq(call_stat((void *)d.mnt), 0);
	sleep_in_all(&d, &sleeper, 1, 1);
	looker = harness_fork(call_stat, (void *)d.mnt);
	cr_assert_eq(harness_reap(looker, 10000), 0);
	kill(sleeper, SIGUSR1);
	cr_assert_eq(harness_reap(sleeper, 10000), EINTR);
	cr_assert_eq(daemon_unmount(&d), 0);
}

/* ---- the end ---- */

FACT(split, the_end_does_not_wait_for_what_sleeps)
{
	pid_t pids[SLEEPERS];
	struct daemon d;
	double start_time;

	start(&d, FOR_EVER, "--workers=16", "--stop-timeout=0");
	sleep_in_all(&d, pids, SLEEPERS, POOL);
	start_time = seconds_now();
	daemon_stop(&d);
	cr_assert_lt(seconds_now() - start_time, 14);
	for (unsigned i = 0; i < SLEEPERS; i++)
		cr_assert_neq(harness_reap(pids[i], 10000), -1, "a caller hangs");
}
