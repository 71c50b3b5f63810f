/*
 * Handlers that get stuck, and all that waits behind them: nothing of it may keep a daemon from
 * ending, a caller from dying, or who looks for the reason from finding it.  See testfs/stuckfs.c.
 */
#include "callers.h"
#include "files.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define MIB       (1024L * 1024)
#define CROWD     230 /* more than the pool and the queue in front of it hold */
#define CROWD_IN  185 /* what they hold in any case */
#define WRITERS   200
#define QUEUED    20
#define RELEASES  60
#define STUCK     "stuckfs_read" /* in the stack of who is stuck */
#define LOOKUP    "stuckfs: calls lookup "
#define LET_GO_MS 5000

static double seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- the daemon ---- */

/* One more argument, or NULL.  Without allow_other a lookup does not wait for the root's
 * attributes: it is sent at once, and the kernel holds the root's lock until it is answered. */
static void start(struct daemon *d, const char *option)
{
	char *flags;

	*d = (struct daemon){.testfs = true, .backend = "stuckfs"};
	cr_assert(asprintf(&flags, "-oflags=%s", harness_mkdir("flags", 0)) > 0);
	daemon_start(d, flags, "-ono_allow_other", option, NULL);
}

static void set_flag(const char *name)
{
	close(files_create(harness_path("flags/%s", name)));
}

static unsigned long received(const struct daemon *d, const char *op)
{
	struct counters c;

	nap(50);
	counters_read(d, &c);
	return counters_of(&c, op);
}

/* The connection of the mount, in fusectl. */
static char *connection_of(const struct daemon *d)
{
	char *line = daemon_mountinfo(d);
	unsigned number;

	cr_assert_eq(sscanf(line, "%*d %*d %*u:%u", &number), 1, "%s", line);
	free(line);
	return harness_path("fusectl/%u", number);
}

static void check_connection_has_gone(const char *connection)
{
	cr_assert(eventually(access(connection, F_OK) < 0), "the connection is still there");
}

/* Threads of the daemon in that state. */
static unsigned threads_in_state(const struct daemon *d, char wanted)
{
	char path[300], state;
	const struct dirent *entry;
	unsigned n = 0;
	DIR *dir;

	snprintf(path, sizeof path, "/proc/%d/task", (int)d->pid);
	dir = opendir(path);
	cr_assert_not_null(dir);
	while ((entry = readdir(dir))) {
		FILE *file;

		snprintf(path, sizeof path, "/proc/%d/task/%s/stat", (int)d->pid, entry->d_name);
		file = fopen(path, "re");
		if (!file)
			continue;
		n += fscanf(file, "%*d %*s %c", &state) == 1 && state == wanted;
		fclose(file);
	}
	closedir(dir);
	return n;
}

/* Our children of this name, dead or alive: daemons in the background are among them. */
static unsigned count_children(const char *name)
{
	DIR *dir = opendir("/proc");
	const struct dirent *entry;
	unsigned n = 0;

	cr_assert_not_null(dir);
	while ((entry = readdir(dir))) {
		char path[300], found[64] = "";
		int parent = -1;
		FILE *file;

		snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
		file = isdigit((unsigned char)entry->d_name[0]) ? fopen(path, "re") : NULL;
		if (!file)
			continue;
		n += fscanf(file, "%*d (%63[^)]) %*c %d", found, &parent) == 2 &&
		     parent == getpid() && strcmp(found, name) == 0;
		fclose(file);
	}
	closedir(dir);
	return n;
}

static bool all_have_ended(void)
{
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	return count_children("llfused") == 0;
}

/* ---- callers ---- */

static int read_file(void *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char byte;

	return fd < 0 || read(fd, &byte, 1) < 0 ? errno : 0;
}

static int ask_for_stacks(void *path)
{
	return setxattr(path, "fuse_stacktrace", "1", 1, 0) < 0 ? errno : 0;
}

/* A process that reads a file, once its handler runs, with the lock. */
static pid_t read_aside(const struct daemon *d, const char *name)
{
	pid_t pid = harness_fork(read_file, daemon_path(d, "%s", name));
	char text[64];

	snprintf(text, sizeof text, "stuckfs: calls read %s\n", name);
	cr_assert(eventually(daemon_log_has(d, 0, text)));
	return pid;
}

static void check_let_go(pid_t pid)
{
	int ret = harness_reap(pid, LET_GO_MS);

	cr_assert(ret > 0 && ret < 128, "the caller was not let go: %d", ret);
}

static const struct daemon *crowd_daemon;
static alignas(4096) char mebibyte[MIB];

static void *stat_mine(void *arg)
{
	return files_stat_errno(daemon_path(crowd_daemon, "x%d", (int)(intptr_t)arg)) ? arg : NULL;
}

static int written_file[WRITERS + 1];

static void *write_mine(void *arg)
{
	int fd = written_file[(intptr_t)arg];

	return pwrite(fd, mebibyte, sizeof mebibyte, 0) == (ssize_t)sizeof mebibyte ? arg : NULL;
}

/* So many threads, numbered from 1; 0 when each has returned its number. */
static int crowd(unsigned n, void *(*run)(void *))
{
	pthread_t thread[CROWD];
	void *result;
	int ret = 0;

	for (unsigned i = 0; i < n; i++)
		if (pthread_create(&thread[i], NULL, run, (void *)(intptr_t)(i + 1)) != 0)
			return EAGAIN;
	for (unsigned i = 0; i < n; i++)
		if (pthread_join(thread[i], &result) != 0 || result != (void *)(intptr_t)(i + 1))
			ret = ENOMSG;
	return ret;
}

static int stat_as_a_crowd(void *d)
{
	crowd_daemon = d;
	return crowd(CROWD, stat_mine);
}

static int stat_as_a_few(void *d)
{
	crowd_daemon = d;
	return crowd(QUEUED, stat_mine);
}

/* Nobody can open a file any more once some of them write. */
static int write_as_a_crowd(void *d)
{
	for (int i = 1; i <= WRITERS; i++) {
		written_file[i] = open(daemon_path(d, "w%d", i), O_WRONLY | O_CLOEXEC);
		if (written_file[i] < 0)
			return errno;
	}
	return crowd(WRITERS, write_mine);
}

/* ---- the end ---- */

/* The notification waits for the root's lock, which the kernel holds for the lookups. */
FACT_WITHIN(stuck, a_crowd_and_a_notification_behind_a_handler_do_not_keep_sigterm_from_ending_it,
	    60)
{
	struct daemon d;
	char *connection;
	pid_t reader, others;
	double begin;
	size_t from;

	start(&d, "--stop-timeout=1");
	connection = connection_of(&d);
	reader = read_aside(&d, "hang");
	others = harness_fork(stat_as_a_crowd, &d);
	cr_assert(eventually(received(&d, "LOOKUP") >= CROWD_IN));
	set_flag("notify");
	cr_assert(eventually(daemon_log_has(&d, 0, "stuckfs: notified 0\n")));
	cr_assert(eventually(threads_in_state(&d, 'D') > 0), "the notification does not wait");
	from = daemon_log_size(&d);
	begin = seconds_now();
	cr_assert_eq(daemon_stop(&d), 1);
	cr_assert(seconds_now() - begin < 10, "it took %.1f s", seconds_now() - begin);
	cr_assert(daemon_log_has(&d, from, "llfused: ended: SIGTERM\n"));
	cr_assert(daemon_log_has(&d, from, STUCK), "no stack of the stuck handler");
	cr_assert(daemon_log_has(&d, from, "a handler does not end"));
	check_let_go(reader);
	cr_assert_eq(harness_reap(others, LET_GO_MS), 0, "not all callers were let go");
	cr_assert(!daemon_mounted(&d));
	check_connection_has_gone(connection);
	cr_assert_eq(count_children("llfused"), 0);
}

FACT(stuck, an_init_that_fails_late_ends_the_start_though_callers_wait)
{
	struct daemon d = {.testfs = true, .backend = "stuckfs"};
	char *connection;
	double begin;
	pid_t caller;

	daemon_spawn(&d, "-obroken_init,no_allow_other", NULL);
	cr_assert(eventually(daemon_mounted(&d)), "%s", daemon_log(&d, 0));
	begin = seconds_now();
	connection = connection_of(&d);
	caller = harness_fork(files_stat_errno, daemon_path(&d, "zz"));
	cr_assert_eq(harness_reap(caller, 500), -1, "it did not wait");
	cr_assert_eq(daemon_wait(&d), 2, "%s", daemon_log(&d, 0));
	cr_assert(seconds_now() - begin < 8, "it took %.1f s", seconds_now() - begin);
	cr_assert(daemon_log_has(&d, 0, "backend stuckfs: init failed: Input/output error\n"));
	check_let_go(caller);
	cr_assert(!daemon_mounted(&d));
	check_connection_has_gone(connection);
}

/* More requests than there is room for are there before all threads are. */
FACT(stuck, a_start_into_a_crowd_behind_a_handler_that_hangs_can_be_ended)
{
	struct daemon d = {.testfs = true, .backend = "stuckfs"};
	pid_t others;
	double begin;

	daemon_spawn(&d, "-oslow_init,hang_lookup,no_allow_other", "--stop-timeout=1", NULL);
	cr_assert(eventually(daemon_mounted(&d)), "%s", daemon_log(&d, 0));
	others = harness_fork(stat_as_a_crowd, &d);
	cr_assert(eventually(daemon_log_has(&d, 0, LOOKUP "x")));
	nap(300);
	begin = seconds_now();
	cr_assert_eq(daemon_stop(&d), 1, "%s", daemon_log(&d, 0));
	cr_assert(seconds_now() - begin < 10, "it took %.1f s", seconds_now() - begin);
	cr_assert_eq(harness_reap(others, LET_GO_MS), 0, "not all callers were let go");
	cr_assert(!daemon_mounted(&d));
}

FACT(stuck, a_root_that_cannot_be_had_ends_a_start_in_the_background_without_signal_handlers)
{
	struct daemon d = {.mnt = harness_mkdir("mnt", 0)};
	struct run run;

	setenv("LLFUSED_PLUGIN_PATH", daemon_test_plugins(), 1);
	run_daemon(&run, "--backend=stuckfs", "-obroken_root", "--no-signal-handlers", d.mnt, NULL);
	cr_assert_eq(run.status, 1, "%d %s", run.status, run.err);
	cr_assert(!daemon_mounted(&d), "it is still mounted");
	cr_assert(eventually(all_have_ended()), "the daemon lives on");
}

FACT_WITHIN(stuck, the_releases_that_were_read_are_called_before_destroy, 40)
{
	int fd[RELEASES];
	struct daemon d;
	char text[64];

	start(&d, "--stop-timeout=20");
	for (int i = 0; i < RELEASES; i++) {
		fd[i] = open(daemon_path(&d, "slow"), O_RDONLY | O_CLOEXEC);
		cr_assert(fd[i] >= 0, "%s", strerror(errno));
	}
	for (int i = 0; i < RELEASES; i++)
		close(fd[i]);
	cr_assert(eventually(received(&d, "RELEASE") == RELEASES));
	cr_assert_eq(daemon_unmount(&d), 0, "%s", daemon_log(&d, 0));
	snprintf(text, sizeof text, "stuckfs: destroy releases=%d.", RELEASES);
	cr_assert(daemon_log_has(&d, 0, text));
}

FACT(stuck, after_a_fatal_error_no_queued_handler_is_called)
{
	struct daemon d;
	pid_t reader, others;
	char *log, *at;

	start(&d, NULL);
	reader = read_aside(&d, "break");
	others = harness_fork(stat_as_a_few, &d);
	/* and the one of "break" itself */
	cr_assert(eventually(received(&d, "LOOKUP") == QUEUED + 1));
	cr_assert(!daemon_log_has(&d, 0, LOOKUP "x"), "they were not queued");
	set_flag("gate");
	cr_assert_eq(harness_reap(reader, LET_GO_MS), EIO);
	cr_assert_eq(harness_reap(others, LET_GO_MS), 0, "not all callers were let go");
	cr_assert_eq(daemon_wait(&d), 1);
	log = daemon_log(&d, 0);
	at = strstr(log, "stuckfs: breaks\n");
	cr_assert_not_null(at);
	cr_assert_null(strstr(at, "stuckfs: calls "), "a handler was called: %s", at);
	cr_assert_not_null(strstr(at, "stuckfs: destroy "));
	free(log);
}

/* ---- memory ---- */

FACT_WITHIN(stuck, the_memory_of_large_requests_comes_back, 60)
{
	struct daemon d;
	pid_t writers;
	long before;

	start(&d, NULL);
	if (daemon_is_sanitized())
		harness_skip("a sanitizer keeps memory of its own");
	before = daemon_status_of(&d, "VmRSS:");
	writers = harness_fork(write_as_a_crowd, &d);
	cr_assert(eventually_within(20000, received(&d, "WRITE") >= CROWD_IN));
	cr_assert(daemon_status_of(&d, "VmRSS:") > before + 100 * 1024, "they were not in it");
	set_flag("gate");
	cr_assert_eq(harness_reap(writers, 15000), 0);
	cr_assert(eventually(daemon_status_of(&d, "VmRSS:") < before + 40 * 1024),
		  "it has %ld KiB, and had %ld", daemon_status_of(&d, "VmRSS:"), before);
	cr_assert_eq(daemon_stop(&d), 0);
}

/* ---- looking for the reason ---- */

/* As start(), but the kernel wants the root's attributes before anything else. */
static void start_for_all(struct daemon *d)
{
	char *flags;

	*d = (struct daemon){.testfs = true, .backend = "stuckfs"};
	cr_assert(asprintf(&flags, "-oflags=%s", harness_mkdir("flags", 0)) > 0);
	daemon_start(d, flags, NULL);
}

FACT(stuck, the_stacks_can_be_asked_for_though_the_root_has_no_cached_attributes)
{
	struct daemon d;
	pid_t reader;
	size_t from;

	start_for_all(&d);
	reader = read_aside(&d, "gate");
	from = daemon_log_size(&d);
	cr_assert_eq(harness_reap(harness_fork(ask_for_stacks, (void *)d.mnt), 3000), 0);
	cr_assert(daemon_log_has(&d, from, STUCK), "%s", daemon_log(&d, from));
	set_flag("gate");
	cr_assert_eq(harness_reap(reader, LET_GO_MS), 0);
	cr_assert_eq(daemon_stop(&d), 0);
}

/* Seconds of its mtime; -1: an error. */
static long asked_before(const struct daemon *d)
{
	struct stat st;

	if (stat(d->mnt, &st) < 0 || !S_ISDIR(st.st_mode) || (st.st_mode & 0777) != 0755)
		return -1;
	return (long)st.st_mtim.tv_sec;
}

static int ask_root(void *d)
{
	return (int)asked_before(d);
}

FACT(stuck, a_stat_of_the_root_gets_the_last_attributes_while_a_handler_is_stuck)
{
	struct daemon d;
	pid_t reader;
	long known, got;

	start_for_all(&d);
	known = asked_before(&d);
	cr_assert(known > 0 && known < 100, "%ld", known);
	reader = read_aside(&d, "gate");
	for (int i = 0; i < 3; i++) {
		got = harness_reap(harness_fork(ask_root, &d), 3000);
		cr_assert(got >= known && got < known + 10, "%ld, known: %ld", got, known);
		known = got;
	}
	set_flag("gate");
	cr_assert_eq(harness_reap(reader, LET_GO_MS), 0);
	cr_assert(asked_before(&d) > known, "the attributes stay old");
	cr_assert_eq(daemon_stop(&d), 0);
}

FACT(stuck, sigusr1_shows_counters_and_stacks_even_if_only_errors_are_logged)
{
	struct daemon d;
	pid_t reader;
	size_t from;

	start(&d, "--log-level=error");
	reader = harness_fork(read_file, daemon_path(&d, "gate"));
	callers_wait_until_waiting(&d, "READ");
	nap(50);
	from = daemon_log_size(&d);
	cr_assert_eq(kill(d.pid, SIGUSR1), 0);
	cr_assert(eventually(daemon_log_has(&d, from, STUCK)), "%s", daemon_log(&d, from));
	cr_assert(eventually(daemon_log_has(&d, from, "counters: LOOKUP=")));
	cr_assert(eventually(daemon_log_has(&d, from, "in flight: READ ")));
	cr_assert(!daemon_log_has(&d, 0, "serving "), "not only what was asked for");
	set_flag("gate");
	cr_assert_eq(harness_reap(reader, LET_GO_MS), 0);
	cr_assert_eq(daemon_stop(&d), 0);
}

/* ---- signals to who waits behind a stuck handler ---- */

static int stat_in_a_thread(void *d)
{
	crowd_daemon = d;
	return crowd(1, stat_mine);
}

static int stat_free(void *d)
{
	return files_stat_errno(daemon_path(d, "free"));
}

static void check_killed(int (*call)(void *))
{
	struct daemon d;
	pid_t reader, caller;

	start(&d, NULL);
	reader = read_aside(&d, "gate");
	caller = harness_fork(call, &d);
	callers_wait_until_waiting(&d, "LOOKUP");
	cr_assert_eq(kill(caller, SIGKILL), 0);
	cr_assert_eq(harness_reap(caller, 2000), 128 + SIGKILL);
	set_flag("gate");
	cr_assert_eq(harness_reap(reader, LET_GO_MS), 0);
	cr_assert_eq(stat_free(&d), 0);
	cr_assert_eq(daemon_stop(&d), 0);
}

FACT(stuck, who_waits_behind_a_stuck_handler_dies_at_once_when_killed)
{
	check_killed(stat_free);
}

FACT(stuck, so_does_a_process_one_of_whose_threads_waits)
{
	check_killed(stat_in_a_thread);
}

static volatile sig_atomic_t alarms;

static void count_alarm(int number)
{
	(void)number;
	alarms++;
}

/* 0: it was woken and the call succeeded all the same. */
static int stat_with_alarms(void *d)
{
	const struct itimerval often = {.it_value.tv_usec = 100000, .it_interval.tv_usec = 100000};
	struct sigaction action = {.sa_handler = count_alarm};
	int ret;

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	ret = stat_free(d);
	return ret == 0 && alarms == 0 ? ENOMSG : ret;
}

FACT(stuck, a_signal_with_a_handler_does_not_end_the_wait_behind_a_stuck_handler)
{
	struct daemon d;
	pid_t reader, caller;

	start(&d, NULL);
	reader = read_aside(&d, "gate");
	caller = harness_fork(stat_with_alarms, &d);
	callers_wait_until_waiting(&d, "LOOKUP");
	cr_assert_eq(harness_reap(caller, 1000), -1, "it did not wait");
	cr_assert(received(&d, "INTERRUPT") > 0, "no signal came");
	set_flag("gate");
	cr_assert_eq(harness_reap(caller, LET_GO_MS), 0);
	cr_assert_eq(harness_reap(reader, LET_GO_MS), 0);
	cr_assert_eq(daemon_stop(&d), 0);
}
