/*
 * How it ends: the reason that is told, fatal errors, handlers that are stuck, the moments of a
 * backend's life.  Most of it with endfs, see testfs/endfs.c.
 */
#include "files.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define LINES_MAX   400
#define NONBLOCKING "ENDFS=nonblocking"

/* ---- the log, line by line ---- */

struct lines {
	char *line[LINES_MAX];
	unsigned count;
};

static struct lines lines_of(const struct daemon *d)
{
	struct lines all = {.count = 0};
	char *save = NULL, *text = daemon_log(d, 0);

	for (char *at = strtok_r(text, "\n", &save); at; at = strtok_r(NULL, "\n", &save)) {
		cr_assert(all.count < LINES_MAX);
		all.line[all.count++] = at;
	}
	return all;
}

static unsigned lines_with(const struct lines *all, const char *text)
{
	unsigned n = 0;

	for (unsigned i = 0; i < all->count; i++)
		n += strstr(all->line[i], text) != NULL;
	return n;
}

static int last_with(const struct lines *all, const char *text)
{
	int found = -1;

	for (unsigned i = 0; i < all->count; i++)
		if (strstr(all->line[i], text))
			found = (int)i;
	return found;
}

/* The last line of all says why there is no file system any more. */
static void check_last_line(const struct daemon *d, const char *text)
{
	struct lines all = lines_of(d);

	cr_assert(all.count > 0);
	cr_assert_str_eq(all.line[all.count - 1], text, "%s", daemon_log(d, 0));
}

/* What endfs says of one of its calls. */
struct call {
	int tid;
	char lock[8];
};

static struct call parse_call(const char *line, const char *name)
{
	struct call call = {.tid = -1};
	char found[32];

	line = strstr(line, "endfs: ");
	cr_assert_not_null(line);
	cr_assert_eq(sscanf(line, "endfs: %31s tid=%d lock=%7s", found, &call.tid, call.lock), 3,
		     "%s", line);
	cr_assert_str_eq(found, name);
	return call;
}

/* The only call of that name. */
static struct call only_call(const struct lines *all, const char *name)
{
	char text[64];

	snprintf(text, sizeof text, "endfs: %s ", name);
	cr_assert_eq(lines_with(all, text), 1, "%s: %u times", name, lines_with(all, text));
	return parse_call(all->line[last_with(all, text)], name);
}

/* init and destroy have the lock, all of it happens in the main thread, and unload comes last. */
static void check_life(const struct daemon *d, bool initialised)
{
	struct lines all = lines_of(d);
	struct call destroy = only_call(&all, "destroy");
	int at = last_with(&all, "endfs: destroy ");

	cr_assert_eq(only_call(&all, "load").tid, d->pid);
	cr_assert_eq(destroy.tid, d->pid);
	cr_assert_str_eq(destroy.lock, "mine", "destroy without the lock");
	if (initialised) {
		cr_assert_eq(only_call(&all, "ready").tid, d->pid);
		cr_assert_str_eq(only_call(&all, "init").lock, "mine", "init without the lock");
		cr_assert(last_with(&all, "endfs: load ") < last_with(&all, "endfs: ready "));
		cr_assert(last_with(&all, "endfs: ready ") < last_with(&all, "endfs: init "));
		cr_assert(last_with(&all, "endfs: init ") < at);
	}
	cr_assert_eq(only_call(&all, "unload").tid, d->pid);
	cr_assert_eq(last_with(&all, "llfused: endfs: "), last_with(&all, "endfs: unload "));
	cr_assert_eq(last_with(&all, "endfs: unload "), at + 1, "destroy was not the last but one");
	cr_assert_eq(last_with(&all, "endfs is unmapped"), at + 2);
}

/* ---- callers ---- */

static int read_file(void *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), ret;
	char byte[8];

	if (fd < 0)
		return errno;
	ret = pread(fd, byte, sizeof byte, 0) < 0 ? errno : 0;
	close(fd);
	return ret;
}

static double seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A process that reads a file of endfs, once the read has reached the backend. */
static pid_t read_aside(const struct daemon *d, const char *name)
{
	size_t from = daemon_log_size(d);
	pid_t pid = harness_fork(read_file, daemon_path(d, "%s", name));

	cr_assert(eventually(daemon_log_has(d, from, "endfs: read ")));
	return pid;
}

/* The kernel may close the last descriptor a moment after the daemon did, and aborts then what
 * waits in it: ask until it is settled. */
static bool is_dead(const struct daemon *d)
{
	return eventually(files_stat_errno((void *)d->mnt) == ENOTCONN);
}

/* ---- why it ended ---- */

static const char *const worker_counts[] = {"--workers=1", "--workers=4", NULL};

FACT(end, the_result_says_unmounted)
{
	for (int i = 0; worker_counts[i]; i++) {
		struct daemon memory = {0}, pooled = {.testfs = true, .backend = "endfs"};

		daemon_start(&memory, worker_counts[i], NULL);
		cr_assert_eq(daemon_unmount(&memory), 0);
		check_last_line(&memory, "llfused: ended: unmounted");
		daemon_start(&pooled, worker_counts[i], NULL);
		cr_assert_eq(daemon_unmount(&pooled), 0);
		cr_assert(daemon_log_has(&pooled, 0, "llfused: ended: unmounted\n"));
	}
}

static void check_signal(int number, const char *backend, const char *workers)
{
	struct daemon d = {.testfs = true, .backend = backend};
	char text[64];

	snprintf(text, sizeof text, "llfused: ended: SIG%s\n", sigabbrev_np(number));
	daemon_start(&d, workers, NULL);
	cr_assert_eq(kill(d.pid, number), 0);
	cr_assert_eq(daemon_wait(&d), 0, "%s %s %s", backend, workers, text);
	cr_assert(daemon_log_has(&d, 0, text), "%s", daemon_log(&d, 0));
	cr_assert(!daemon_log_has(&d, 0, "ended: unmounted"));
	cr_assert(!daemon_mounted(&d));
}

FACT(end, the_result_says_which_signal)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP};

	for (int i = 0; worker_counts[i]; i++)
		for (size_t s = 0; s < sizeof signals / sizeof signals[0]; s++) {
			check_signal(signals[s], "tmpfs", worker_counts[i]);
			check_signal(signals[s], "endfs", worker_counts[i]);
		}
}

/* What the service manager hears until a datagram has `text` in it. */
static bool hears(int fd, const char *text)
{
	char state[1024];
	ssize_t n;

	while ((n = recv(fd, state, sizeof state - 1, MSG_DONTWAIT)) > 0) {
		state[n] = '\0';
		if (strstr(state, text))
			return true;
	}
	return false;
}

FACT(end, the_service_manager_hears_the_result)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct daemon d = {0};
	char *env;

	snprintf(address.sun_path, sizeof address.sun_path, "%s", harness_path("notify"));
	cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	cr_assert(asprintf(&env, "NOTIFY_SOCKET=%s", address.sun_path) > 0);
	d.env = env;
	daemon_start(&d, NULL);
	cr_assert(eventually(hears(fd, "READY=1\nSTATUS=serving: ")));
	cr_assert_eq(kill(d.pid, SIGINT), 0);
	cr_assert(eventually(hears(fd, "STOPPING=1")));
	cr_assert(eventually(hears(fd, "STATUS=ended: SIGINT")));
	cr_assert_eq(daemon_wait(&d), 0);
	close(fd);
}

/* ---- signals ---- */

FACT(end, a_log_that_nobody_reads_does_not_end_it)
{
	struct daemon d = {.mnt = harness_mkdir("mnt", 0)};
	const char *binary = daemon_binary();
	int fds[2];

	cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
	d.pid = fork();
	if (d.pid == 0) {
		signal(SIGPIPE, SIG_DFL);
		dup2(fds[1], STDERR_FILENO);
		execl(binary, binary, "-f", "--backend=tmpfs", d.mnt, NULL);
		_exit(127);
	}
	harness_track(d.pid);
	cr_assert(eventually(daemon_mounted(&d)));
	close(fds[0]);
	close(fds[1]);
	cr_assert_eq(kill(d.pid, SIGUSR1), 0); /* there is something to write now */
	cr_assert_eq(kill(d.pid, SIGPIPE), 0);
	nap(100);
	cr_assert_eq(mkdir(daemon_path(&d, "dir"), 0755), 0, "%s", strerror(errno));
	cr_assert_eq(daemon_stop(&d), 0);
}

/* A mask of signals from /proc/PID/status. */
static unsigned long long signals_of(const struct daemon *d, const char *key)
{
	unsigned long long mask = 0;
	char path[64], line[256];
	FILE *file;

	snprintf(path, sizeof path, "/proc/%d/status", (int)d->pid);
	file = fopen(path, "re");
	cr_assert_not_null(file);
	while (fgets(line, sizeof line, file))
		if (strncmp(line, key, strlen(key)) == 0)
			mask = strtoull(line + strlen(key), NULL, 16);
	fclose(file);
	return mask;
}

#define BIT(number) (1ULL << ((number)-1))

FACT(end, without_signal_handlers_signals_stay_as_they_were_inherited)
{
	const unsigned long long ours =
		BIT(SIGTERM) | BIT(SIGINT) | BIT(SIGHUP) | BIT(SIGUSR1) | BIT(SIGPIPE);
	struct daemon d = {0};

	signal(SIGINT, SIG_IGN);
	daemon_start(&d, "--no-signal-handlers", NULL);
	cr_assert(eventually(daemon_log_has(&d, 0, "serving ")));
	cr_assert_eq(signals_of(&d, "SigIgn:") & ours, BIT(SIGINT));
	cr_assert_eq(signals_of(&d, "SigBlk:") & ours, 0);
	cr_assert_eq(signals_of(&d, "SigCgt:") & ours, 0);
	cr_assert_eq(kill(d.pid, SIGINT), 0);
	cr_assert_eq(mkdir(daemon_path(&d, "dir"), 0755), 0);
	cr_assert_eq(daemon_unmount(&d), 0);
	check_last_line(&d, "llfused: ended: unmounted");
}

FACT(end, without_signal_handlers_sigterm_and_sigusr1_kill)
{
	static const int signals[] = {SIGTERM, SIGUSR1};

	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
		struct daemon d = {0};

		daemon_start(&d, "--no-signal-handlers", NULL);
		cr_assert(eventually(daemon_log_has(&d, 0, "serving ")));
		cr_assert_eq(kill(d.pid, signals[i]), 0);
		cr_assert_eq(daemon_wait(&d), 128 + signals[i]);
		cr_assert(is_dead(&d));
	}
}

/* ---- fatal errors ---- */

static void check_fatal(const char *file, const char *env, const char *workers,
			const char *last_line)
{
	struct daemon d = {.testfs = true, .backend = "endfs", .env = env};
	int result;

	daemon_start(&d, workers, NULL);
	result = read_file(daemon_path(&d, "%s", file));
	cr_assert_eq(result, strcmp(file, "later") == 0 ? 0 : EIO, "%s: %s", file,
		     strerror(result));
	cr_assert_eq(daemon_wait(&d), 1, "%s", file);
	cr_assert(!daemon_mounted(&d), "%s: the mount is still there", file);
	cr_assert(daemon_log_has(&d, 0, "llfused: ended: failed\n"));
	check_last_line(&d, last_line);
}

FACT(end, a_fatal_error_in_a_handler_is_eio_for_its_caller_and_status_1)
{
	static const char text[] = "llfused: backend endfs: broken in a handler";

	for (int i = 0; worker_counts[i]; i++) {
		check_fatal("fatal", NULL, worker_counts[i], text);
		check_fatal("fatal", NONBLOCKING, worker_counts[i], text);
	}
}

FACT(end, a_fatal_error_of_another_thread_ends_it_with_status_1)
{
	static const char text[] = "llfused: backend endfs: broken in a thread";

	for (int i = 0; worker_counts[i]; i++)
		check_fatal("later", NULL, worker_counts[i], text);
}

FACT(end, only_the_first_fatal_error_is_reported_the_others_are_logged)
{
	struct daemon d = {.testfs = true, .backend = "endfs"};
	struct lines all;

	daemon_start(&d, NULL);
	cr_assert_eq(read_file(daemon_path(&d, "twice")), EIO);
	cr_assert_eq(daemon_wait(&d), 1);
	check_last_line(&d, "llfused: backend endfs: broken once");
	all = lines_of(&d);
	cr_assert_eq(lines_with(&all, "broken once"), 1);
	cr_assert_eq(lines_with(&all, "broken again"), 1);
}

FACT(end, a_fatal_error_in_destroy_is_status_1)
{
	struct daemon d = {.testfs = true, .backend = "endfs"};

	daemon_start(&d, "-ofatal=destroy", NULL);
	cr_assert_eq(daemon_stop(&d), 1);
	cr_assert(daemon_log_has(&d, 0, "llfused: ended: SIGTERM\n"));
	check_last_line(&d, "llfused: backend endfs: broken in destroy");
}

FACT(end, a_failure_in_destroy_does_not_hide_an_earlier_one)
{
	struct daemon d = {.testfs = true, .backend = "endfs"};
	struct daemon unstarted = {.testfs = true, .backend = "endfs"};

	daemon_start(&d, "-ofatal=destroy", NULL);
	cr_assert_eq(read_file(daemon_path(&d, "fatal")), EIO);
	cr_assert_eq(daemon_wait(&d), 1);
	check_last_line(&d, "llfused: backend endfs: broken in a handler");
	cr_assert(daemon_log_has(&d, 0, "broken in destroy"));

	daemon_spawn(&unstarted, "-ofail=ready,fatal=destroy", NULL);
	cr_assert_eq(daemon_wait(&unstarted), 2);
	check_last_line(&unstarted, "llfused: backend endfs: no luck in ready");
	cr_assert(daemon_log_has(&unstarted, 0, "broken in destroy"));
}

FACT(end, an_abandoned_mount_stays_and_answers_enotconn)
{
	struct daemon d = {.testfs = true, .backend = "endfs"};

	daemon_start(&d, "--on-fatal=abandon", NULL);
	cr_assert_eq(read_file(daemon_path(&d, "fatal")), EIO);
	cr_assert_eq(daemon_wait(&d), 1);
	check_last_line(&d, "llfused: backend endfs: broken in a handler");
	cr_assert(daemon_mounted(&d), "the mount has gone");
	cr_assert(is_dead(&d));
	cr_assert_eq(files_stat_errno(daemon_path(&d, "ok")), ENOTCONN);
	cr_assert_eq(umount2(d.mnt, 0), 0, "%s", strerror(errno));
	cr_assert_eq(files_stat_errno((void *)d.mnt), 0);
}

FACT(end, auto_unmount_leaves_an_abandoned_mount_alone)
{
	struct daemon d = {.testfs = true, .backend = "endfs"};

	daemon_start(&d, "--on-fatal=abandon", "-oauto_unmount", NULL);
	cr_assert_eq(read_file(daemon_path(&d, "fatal")), EIO);
	cr_assert_eq(daemon_wait(&d), 1);
	cr_assert(is_dead(&d));
	nap(300);
	cr_assert(daemon_mounted(&d), "the mount was taken away");
}

FACT(end, the_next_start_clears_an_abandoned_mount)
{
	struct daemon d = {.testfs = true, .backend = "endfs"}, next = {0};

	daemon_start(&d, "--on-fatal=abandon", NULL);
	cr_assert_eq(read_file(daemon_path(&d, "fatal")), EIO);
	cr_assert_eq(daemon_wait(&d), 1);
	next.mnt = d.mnt;
	daemon_spawn(&next, NULL);
	cr_assert(eventually(daemon_log_has(&next, 0, "serving ")), "%s", daemon_log(&next, 0));
	cr_assert_eq(daemon_stop(&next), 0);
	cr_assert(!daemon_mounted(&next), "the dead mount is still below");
}

FACT(end, an_abandoned_mount_is_unmounted_by_a_signal_as_ever)
{
	struct daemon d = {.testfs = true, .backend = "endfs"};

	daemon_start(&d, "--on-fatal=abandon", NULL);
	cr_assert_eq(daemon_stop(&d), 0);
	cr_assert(!daemon_mounted(&d));
}

/* ---- at once ---- */

static bool is_running(const struct daemon *d)
{
	return harness_reap(d->pid, 0) == -1;
}

FACT(end, after_the_end_nothing_is_accessible_even_if_the_process_lives_on)
{
	struct daemon d = {.testfs = true, .backend = "endfs"};
	int fd, ret;

	daemon_start(&d, "-onap=3000", NULL);
	fd = open(daemon_path(&d, "ok"), O_RDONLY | O_CLOEXEC);
	cr_assert(fd >= 0);
	cr_assert_eq(kill(d.pid, SIGTERM), 0);
	cr_assert(eventually(!daemon_mounted(&d)));
	cr_assert_eq(kill(d.pid, SIGTERM), 0); /* the open file is not waited for */
	cr_assert(eventually(daemon_log_has(&d, 0, "endfs: destroy ")));
	ret = fchmod(fd, 0600) < 0 ? errno : 0;
	cr_assert(daemon_gone(ret), "%s", strerror(ret));
	cr_assert(is_running(&d), "it did not live on");
	cr_assert_eq(daemon_wait(&d), 0);
	close(fd);
}

FACT(end, an_abandoned_mount_answers_enotconn_even_if_the_process_lives_on)
{
	struct daemon d = {.testfs = true, .backend = "endfs"};

	daemon_start(&d, "--on-fatal=abandon", "-onap=3000", NULL);
	cr_assert_eq(read_file(daemon_path(&d, "fatal")), EIO);
	cr_assert(eventually(daemon_log_has(&d, 0, "endfs: destroy ")));
	cr_assert(is_dead(&d));
	cr_assert(is_running(&d), "it did not live on");
	cr_assert_eq(daemon_wait(&d), 1);
	cr_assert(daemon_mounted(&d));
}

FACT(end, a_covered_mount_is_said_to_stay)
{
	struct daemon below = {0}, above = {0};

	daemon_start(&below, "--stop-timeout=0.5", NULL);
	above.mnt = below.mnt;
	daemon_spawn(&above, NULL);
	cr_assert(eventually(daemon_log_has(&above, 0, "serving ")));
	cr_assert_eq(daemon_stop(&below), 0);
	cr_assert(daemon_log_has(&below, 0, "another file system is mounted on ours"));
	cr_assert_eq(mkdir(daemon_path(&above, "dir"), 0755), 0, "the wrong one was taken away");
	cr_assert_eq(daemon_stop(&above), 0);
	cr_assert(!daemon_log_has(&above, 0, "another file system"));
}

/* ---- handlers that are stuck ---- */

/* After the signal: it must be gone soon, with the stacks in the log and the caller let go. */
static void check_stuck(const struct daemon *d, double begin, pid_t caller)
{
	static const char last[] = "llfused: backend endfs: a handler does not end; not waiting "
				   "for it";
	int result;

	cr_assert_eq(daemon_wait(d), 1, "%s", daemon_log(d, 0));
	cr_assert(seconds_now() - begin < 9, "it took %.1f s", seconds_now() - begin);
	check_last_line(d, last);
	cr_assert(daemon_log_has(d, 0, "end_re"), "no stack of the stuck handler: %s",
		  daemon_log(d, 0));
	cr_assert(!daemon_log_has(d, 0, "endfs: destroy "), "destroyed under a running handler");
	cr_assert(!daemon_log_has(d, 0, "endfs is unmapped"), "exited under a running handler");
	cr_assert(!daemon_mounted(d));
	if (caller > 0) {
		result = harness_reap(caller, 2000);
		cr_assert(result > 0 && result < 128, "the caller was not let go: %d", result);
	}
}

FACT_WITHIN(end, a_stuck_handler_does_not_keep_sigterm_from_ending_it, 60)
{
	static const char *const files[] = {"hold", "away", NULL};

	for (int i = 0; files[i]; i++) {
		struct daemon d = {.testfs = true, .backend = "endfs"};
		pid_t caller;
		double begin;

		daemon_start(&d, "--stop-timeout=1", NULL);
		caller = read_aside(&d, files[i]);
		begin = seconds_now();
		cr_assert_eq(kill(d.pid, SIGTERM), 0);
		cr_assert(eventually_within(900, !daemon_mounted(&d)), "not taken away at once");
		check_stuck(&d, begin, caller);
		cr_assert(daemon_log_has(&d, 0, "llfused: ended: SIGTERM\n"));
	}
}

FACT(end, a_stuck_handler_on_a_worker_does_not_keep_sigterm_from_ending_it)
{
	struct daemon d = {.testfs = true, .backend = "endfs", .env = NONBLOCKING};
	double begin;
	pid_t caller;

	daemon_start(&d, "--stop-timeout=1", "--workers=2", NULL);
	caller = read_aside(&d, "hold");
	begin = seconds_now();
	cr_assert_eq(kill(d.pid, SIGTERM), 0);
	check_stuck(&d, begin, caller);
}

FACT(end, sigusr1_shows_the_stack_of_a_stuck_handler_that_holds_the_lock)
{
	struct daemon d = {.testfs = true, .backend = "endfs"};
	pid_t caller;
	size_t from;

	daemon_start(&d, NULL);
	caller = read_aside(&d, "hold");
	from = daemon_log_size(&d);
	cr_assert_eq(kill(d.pid, SIGUSR1), 0);
	cr_assert(eventually(daemon_log_has(&d, from, "end_read")), "%s", daemon_log(&d, from));
	cr_assert(daemon_log_has(&d, from, "counters: "));
	cr_assert(daemon_log_has(&d, from, "in flight: READ "));
	cr_assert_eq(kill(d.pid, SIGKILL), 0);
	cr_assert_eq(daemon_wait(&d), 128 + SIGKILL);
	cr_assert_eq(harness_reap(caller, 5000), ECONNABORTED);
}

FACT(end, a_second_signal_does_not_wait_for_a_stuck_handler)
{
	struct daemon d = {.testfs = true, .backend = "endfs"};
	double begin;
	pid_t caller;

	daemon_start(&d, "--stop-timeout=60", NULL);
	caller = read_aside(&d, "hold");
	begin = seconds_now();
	cr_assert_eq(kill(d.pid, SIGTERM), 0);
	cr_assert(eventually(!daemon_mounted(&d)));
	cr_assert_eq(kill(d.pid, SIGTERM), 0);
	check_stuck(&d, begin, caller);
}

FACT(end, a_stuck_release_does_not_keep_an_unmount_from_ending_it)
{
	struct daemon d = {.testfs = true, .backend = "endfs"};
	double begin;
	int fd;

	daemon_start(&d, "--stop-timeout=1", NULL);
	fd = open(daemon_path(&d, "stay"), O_RDONLY | O_CLOEXEC);
	cr_assert(fd >= 0);
	close(fd);
	cr_assert(eventually(daemon_log_has(&d, 0, "endfs: release ")));
	begin = seconds_now();
	cr_assert_eq(umount2(d.mnt, 0), 0, "%s", strerror(errno));
	check_stuck(&d, begin, -1);
	cr_assert(daemon_log_has(&d, 0, "llfused: ended: unmounted\n"));
}

FACT(end, a_slow_release_has_the_stop_timeout_to_end_after_an_unmount)
{
	struct daemon d = {.testfs = true, .backend = "endfs"};
	int fd;

	daemon_start(&d, "--stop-timeout=10", NULL);
	fd = open(daemon_path(&d, "linger"), O_RDONLY | O_CLOEXEC);
	cr_assert(fd >= 0);
	close(fd);
	cr_assert(eventually(daemon_log_has(&d, 0, "endfs: release ")));
	cr_assert_eq(daemon_unmount(&d), 0, "%s", daemon_log(&d, 0));
	check_life(&d, true);
}

FACT(end, a_kept_lock_does_not_keep_sigterm_from_ending_it)
{
	struct daemon d = {.testfs = true, .backend = "endfs"};
	double begin;

	daemon_start(&d, "--stop-timeout=1", NULL);
	cr_assert_eq(harness_reap(harness_fork(read_file, daemon_path(&d, "ok")), 5000), 0);
	harness_fork(read_file, daemon_path(&d, "keep"));
	cr_assert(eventually(daemon_log_has(&d, 0, "endfs: kept")));
	begin = seconds_now();
	cr_assert_eq(daemon_stop(&d), 1);
	cr_assert(seconds_now() - begin < 9, "it took %.1f s", seconds_now() - begin);
	check_last_line(&d, "llfused: backend endfs: somebody keeps the global lock; destroy was "
			    "not called");
	cr_assert(daemon_log_has(&d, 0, "keep_lock"), "no stack of who keeps it");
	cr_assert(!daemon_log_has(&d, 0, "endfs: destroy "));
	cr_assert(!daemon_mounted(&d));
}

/* ---- the moments of a backend's life ---- */

/* A bit of everything that endfs has. */
static void work(const struct daemon *d)
{
	const char *file = daemon_path(d, "ok");
	struct statvfs vfs;
	struct run run;
	char byte;
	int fd;

	for (int i = 0; i < 5; i++) {
		fd = open(file, O_RDWR | O_CLOEXEC);
		cr_assert(fd >= 0, "%s", strerror(errno));
		cr_assert_eq(pread(fd, &byte, 1, 0), 1);
		cr_assert_eq(pwrite(fd, "x", 1, 0), 1);
		cr_assert_eq(fchmod(fd, 0600), 0);
		close(fd);
		cr_assert_eq(getxattr(file, "user.x", &byte, 1), 1);
		cr_assert_eq(statvfs(d->mnt, &vfs), 0);
		cr_assert_eq(unlink(file), -1);
	}
	run_command(&run, 0, (char *[]){(char[]){"ls"}, (char[]){"-l"}, (char *)d->mnt, NULL});
	cr_assert_eq(run.status, 0, "%s", run.err);
}

FACT(end, each_moment_comes_once_in_order_and_destroy_has_the_lock)
{
	static const char *const envs[] = {"ENDFS=", NONBLOCKING};

	for (int i = 0; i < 2; i++) {
		struct daemon d = {.testfs = true, .backend = "endfs", .env = envs[i]};

		daemon_start(&d, NULL);
		work(&d);
		cr_assert_eq(i ? daemon_stop(&d) : daemon_unmount(&d), 0);
		check_life(&d, true);
	}
}

FACT(end, destroy_comes_once_after_a_fatal_error)
{
	struct daemon d = {.testfs = true, .backend = "endfs"};

	daemon_start(&d, NULL);
	cr_assert_eq(read_file(daemon_path(&d, "fatal")), EIO);
	cr_assert_eq(daemon_wait(&d), 1);
	check_life(&d, true);
}

/* ---- starts that fail ---- */

static void check_failed_start(const char *option, const char *env, const char *last_line)
{
	struct daemon d = {.testfs = true, .backend = "endfs", .env = env};

	daemon_spawn(&d, option, NULL);
	cr_assert_eq(daemon_wait(&d), 2, "%s%s: %s", option, env ? env : "", daemon_log(&d, 0));
	check_last_line(&d, last_line);
	cr_assert(!daemon_mounted(&d), "%s: it is mounted", option);
	if (!env)
		check_life(&d, false);
}

FACT(end, a_start_that_fails_after_load_destroys_once_with_the_lock)
{
	static const struct deny no_mount = {SYS_fsopen, 0, EINVAL};
	struct daemon d = {.testfs = true, .backend = "endfs", .deny = &no_mount, .ndeny = 1};

	check_failed_start("-ofail=configure", NULL,
			   "llfused: backend endfs: no luck in configure");
	check_failed_start("-ofail=ready", NULL, "llfused: backend endfs: no luck in ready");
	check_failed_start("-ofail=init", NULL,
			   "llfused: backend endfs: init failed: Input/output error");
	daemon_spawn(&d, NULL);
	cr_assert_eq(daemon_wait(&d), 2, "%s", daemon_log(&d, 0));
	cr_assert(daemon_log_has(&d, 0, "fsopen"), "%s", daemon_log(&d, 0));
	check_life(&d, false);
}

FACT(end, a_load_that_fails_is_not_destroyed)
{
	struct daemon d = {.testfs = true, .backend = "endfs", .env = "ENDFS=fail-load"};
	struct lines all;

	daemon_spawn(&d, NULL);
	cr_assert_eq(daemon_wait(&d), 2);
	check_last_line(&d, "llfused: backend endfs: no luck in load");
	all = lines_of(&d);
	cr_assert_eq(lines_with(&all, "endfs: destroy"), 0);
	cr_assert_eq(lines_with(&all, "endfs: unload"), 1);
}

FACT(end, a_fatal_error_before_the_mount_is_a_failed_start)
{
	check_failed_start("-onap=0", "ENDFS=fatal-load", "llfused: backend endfs: broken in load");
	check_failed_start("-ofatal=configure", NULL,
			   "llfused: backend endfs: broken in configure");
	check_failed_start("-ofatal=ready", NULL, "llfused: backend endfs: broken in ready");
	check_failed_start("-ofatal=silent", NULL, "llfused: backend endfs: broken in silence");
	check_failed_start("-ofatal=init", NULL, "llfused: backend endfs: broken in init");
}

/* Status and the one line, with -f and in the background. */
static void check_refused(int status, const char *backend, const char *option, const char *line)
{
	static const char *const ways[] = {"-f", "--stop-timeout=5"};
	static unsigned count;
	char place[32];

	snprintf(place, sizeof place, "refused%u", count++);
	harness_mkdir(place, 0);
	setenv("LLFUSED_PLUGIN_PATH", daemon_test_plugins(), 1);
	for (int i = 0; i < 2; i++) {
		struct daemon d = {.mnt = harness_path("%s", place)};
		struct run run;

		run_daemon(&run, ways[i], backend, option, "--log-level=error", d.mnt, NULL);
		cr_assert_eq(run.status, status, "%s %s %s: %d %s", ways[i], backend, option,
			     run.status, run.err);
		cr_assert_str_eq(run.err, line, "%s", ways[i]);
		cr_assert_str_empty(run.out);
		cr_assert(!daemon_mounted(&d));
	}
}

FACT(end, a_set_up_error_is_one_line_and_status_2_in_the_background_too)
{
	check_refused(2, "--backend=endfs", "-ofail=configure",
		      "llfused: backend endfs: no luck in configure\n");
	check_refused(2, "--backend=endfs", "-ofail=ready",
		      "llfused: backend endfs: no luck in ready\n");
	check_refused(2, "--backend=endfs", "-ofail=init",
		      "llfused: backend endfs: init failed: Input/output error\n");
	check_refused(2, "--backend=endfs", "-ofatal=init",
		      "llfused: backend endfs: broken in init\n");
	check_refused(2, "--backend=endfs", "-onap",
		      "llfused: option nap of endfs needs a value: nap=MS\n");
}

FACT(end, an_error_after_the_mount_reaches_who_started_it_in_the_background)
{
	struct daemon d = {.mnt = harness_mkdir("mnt", 0)};
	struct run run;

	setenv("LLFUSED_PLUGIN_PATH", daemon_test_plugins(), 1);
	run_daemon(&run, "--backend=endfs", "-ofatal=getattr", "--log-level=error", d.mnt, NULL);
	cr_assert_eq(run.status, 1, "%d", run.status);
	cr_assert_str_eq(run.err, "llfused: backend endfs: broken in getattr\n");
	cr_assert(!daemon_mounted(&d));
}

FACT(end, the_help_of_an_unknown_backend_is_a_set_up_error)
{
	struct run run;

	run_daemon(&run, "--backend=nosuch", "--help", NULL);
	cr_assert_eq(run.status, 2);
	cr_assert_str_empty(run.out);
	cr_assert_not_null(strstr(run.err, "nosuch"), "%s", run.err);
	cr_assert_eq(strchr(run.err, '\n'), run.err + strlen(run.err) - 1, "not one line: %s",
		     run.err);
}

FACT(end, the_help_of_a_plugin_shows_its_options)
{
	struct run run;

	setenv("LLFUSED_PLUGIN_PATH", daemon_test_plugins(), 1);
	run_daemon(&run, "--backend=endfs", "--help", NULL);
	cr_assert_eq(run.status, 0, "%s", run.err);
	cr_assert_not_null(strstr(run.out, "fatal=MOMENT"), "%s", run.out);
	cr_assert_not_null(strstr(run.out, "how long destroy takes"), "%s", run.out);
}

/* ---- workers ---- */

/* In how many threads the handlers ran; those of the backend's life are left out. */
static unsigned count_handler_threads(const struct daemon *d)
{
	struct lines all = lines_of(d);
	int seen[64];
	unsigned n = 0;

	for (unsigned i = 0; i < all.count; i++) {
		const char *at = strstr(all.line[i], "endfs: ");
		unsigned j = 0;
		char name[32];
		int tid;

		if (!at || sscanf(at, "endfs: %31s tid=%d", name, &tid) != 2 || tid == d->pid)
			continue;
		while (j < n && seen[j] != tid)
			j++;
		cr_assert(j < 64);
		if (j == n)
			seen[n++] = tid;
	}
	return n;
}

struct reader {
	int cpu;
	const char *path;
};

/* Transport uring serves each processor by a thread of its own. */
static int read_on_processor(void *arg)
{
	const struct reader *reader = arg;
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(reader->cpu, &one);
	sched_setaffinity(0, sizeof one, &one);
	return read_file((void *)(uintptr_t)reader->path);
}

/* Two callers at once, each of whom keeps a thread for a while, if there is one. */
static unsigned threads_used(const char *env, const char *workers)
{
	struct daemon d = {.testfs = true, .backend = "endfs", .env = env};
	pid_t readers[2];

	daemon_start(&d, workers, NULL);
	for (int i = 0; i < 2; i++) {
		struct reader reader = {i, daemon_path(&d, "slow")};

		readers[i] = harness_fork(read_on_processor, &reader);
	}
	work(&d);
	for (int i = 0; i < 2; i++)
		cr_assert_eq(harness_reap(readers[i], 5000), 0);
	cr_assert_eq(daemon_stop(&d), 0);
	return count_handler_threads(&d);
}

FACT(end, with_one_worker_every_handler_runs_in_the_same_thread)
{
	cr_assert_eq(threads_used("ENDFS=", "--workers=1"), 1);
	cr_assert_eq(threads_used(NONBLOCKING, "--workers=1"), 1);
}

FACT(end, with_several_workers_handlers_run_in_several_threads)
{
	cr_assert_gt(threads_used("ENDFS=", "--workers=4"), 1);
	cr_assert_gt(threads_used(NONBLOCKING, "--workers=4"), 1);
}

FACT(end, no_workers_are_a_set_up_error)
{
	check_refused(2, "--backend=endfs", "--workers=0",
		      "llfused: --workers=0: give a number from 1 to 1024\n");
}
