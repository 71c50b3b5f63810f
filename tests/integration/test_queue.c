/*
 * The invalidation queue on a mount: why it is one, order, limits, and the end with messages that
 * the kernel holds up.  See testfs/invalfs.c for what the scripts say.
 */
#include "files.h"
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CONCURRENT "INVALFS=concurrent"

static void start(struct daemon *d, const char *variant, const char *option)
{
	*d = (struct daemon){.testfs = true, .backend = "invalfs", .env = variant};
	daemon_start(d, option, NULL);
}

static void script(const struct daemon *d, const char *text)
{
	int fd = open(daemon_path(d, "control"), O_WRONLY | O_CLOEXEC);

	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text), "%s", strerror(errno));
	close(fd);
}

/* The line that SIGUSR1 shows; until the next call. */
static const char *notifications(const struct daemon *d)
{
	static char line[512];
	size_t from = daemon_log_size(d);
	char *log, *at;

	cr_assert_eq(kill(d->pid, SIGUSR1), 0);
	/* the end of the line, too */
	cr_assert(eventually(daemon_log_has(d, from, " longest_lag_us=")));
	cr_assert(eventually(daemon_log_has(d, from, ": thread ")));
	log = daemon_log(d, from);
	at = strstr(log, "notifications: ");
	cr_assert_not_null(at);
	snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "\n"), at);
	free(log);
	return line;
}

/* Has the kernel got so many by now? */
static bool are_sent(const struct daemon *d, unsigned long n)
{
	return report_value(notifications(d), "sent") == n;
}

static double seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- calls that end in a handler; they take a path and return an errno value ---- */

static int call_lookup(void *path)
{
	return files_stat_errno(path);
}

static int call_mkdir(void *path)
{
	return mkdir(path, 0755) < 0 ? errno : 0;
}

static int call_unlink(void *path)
{
	return unlink(path) < 0 ? errno : 0;
}

static int call_read(void *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), ret;
	char byte;

	ret = read(fd, &byte, 1) < 0 ? errno : 0;
	close(fd);
	return ret;
}

static const struct call {
	const char *op;
	char letter; /* its names in d1 begin with it; each name is used once */
	int (*call)(void *);
} calls[] = {
	{"lookup", 'l', call_lookup},
	{"mkdir", 'm', call_mkdir},
	{"unlink", 'u', call_unlink},
};

#define NCALLS (sizeof calls / sizeof calls[0])

/* Does it with a script for its handler. */
static int call_with(const struct daemon *d, const struct call *call, const char *commands)
{
	static unsigned number;
	char *path = daemon_path(d, "d1/%c%u", call->letter, number++), text[512];

	snprintf(text, sizeof text, "%s:%s", call->op, commands);
	/* what comes first in the path must not meet it */
	if (call->call == call_unlink)
		cr_assert_eq(call_lookup(path), 0);
	script(d, text);
	return call->call(path);
}

/* The same in a process of its own; returns when it is in the handler. */
static pid_t call_aside(const struct daemon *d, int (*call)(void *), const char *path,
			const char *text)
{
	size_t from = daemon_log_size(d);
	pid_t pid;

	script(d, text);
	pid = harness_fork(call, daemon_path(d, "%s", path));
	cr_assert(eventually(daemon_log_has(d, from, "invalfs: inside")));
	return pid;
}

/* Known to the kernel, which does not ask again. */
static void make_known(const struct daemon *d, const char *path, const char *key)
{
	unsigned long n;

	cr_assert_eq(call_lookup(daemon_path(d, "%s", path)), 0);
	n = report_of(d, key);
	cr_assert_eq(call_lookup(daemon_path(d, "%s", path)), 0);
	cr_assert_eq(report_of(d, key), n, "%s is not cached", path);
}

/* Has it been asked for `n` times, now that somebody wants it? */
static bool is_asked(const struct daemon *d, const char *path, const char *key, unsigned long n)
{
	call_lookup(daemon_path(d, "%s", path));
	return report_of(d, key) == n;
}

/* ---- the deadlock ---- */

static void check_entry_from_handler(const char *variant, const char *option)
{
	struct daemon d;

	start(&d, variant, option);
	for (size_t i = 0; i < NCALLS; i++) {
		unsigned long n;
		double begin;

		make_known(&d, "d1/a", "d1a");
		make_known(&d, "d1/b", "d1b");
		n = report_of(&d, "d1a");
		begin = seconds_now();
		cr_assert_eq(call_with(&d, &calls[i], "entry 1 a;nap 300"), 0, "%s", calls[i].op);
		cr_assert(seconds_now() - begin >= 0.3, "%s did not wait", calls[i].op);
		cr_assert(eventually(is_asked(&d, "d1/a", "d1a", n + 1)), "%s", calls[i].op);
		make_known(&d, "d1/a", "d1a");
		cr_assert(is_asked(&d, "d1/b", "d1b", 1), "more was forgotten than was said");
	}
	cr_assert_eq(report_of(&d, "ok"), NCALLS);
	cr_assert_eq(daemon_unmount(&d), 0);
}

FACT(queue, a_handler_invalidates_a_name_of_the_directory_it_works_in)
{
	check_entry_from_handler(NULL, NULL);
}

FACT(queue, a_handler_invalidates_a_name_of_its_directory_with_one_worker)
{
	check_entry_from_handler(NULL, "--workers=1");
}

FACT(queue, a_concurrent_handler_invalidates_a_name_of_its_directory)
{
	check_entry_from_handler(CONCURRENT, "--workers=2");
}

FACT(queue, a_message_sent_at_once_waits_for_the_handler_in_that_directory)
{
	struct daemon d;

	start(&d, NULL, NULL);
	make_known(&d, "d1/a", "d1a");
	for (size_t i = 0; i < NCALLS; i++) {
		unsigned long n = report_of(&d, "d1a");

		cr_assert_eq(call_with(&d, &calls[i], "raw 1 a;nap 300"), 0, "%s", calls[i].op);
		cr_assert_eq(report_of(&d, "raw_inside"), 0,
			     "%s: had the handler sent it, it would not have waited", calls[i].op);
		cr_assert(eventually(report_of(&d, "raw_ended") == 1), "%s", calls[i].op);
		cr_assert_eq(report_of(&d, "raw_error"), 0);
		cr_assert(is_asked(&d, "d1/a", "d1a", n + 1), "%s", calls[i].op);
	}
	cr_assert_eq(daemon_unmount(&d), 0);
}

FACT(queue, a_message_sent_at_once_waits_for_nothing_else)
{
	struct daemon d;

	start(&d, NULL, NULL);
	make_known(&d, "d2/a", "d2a");
	for (size_t i = 0; i < NCALLS; i++) {
		unsigned long n = report_of(&d, "d2a");

		cr_assert_eq(call_with(&d, &calls[i], "raw 2 a;nap 300"), 0, "%s", calls[i].op);
		cr_assert_eq(report_of(&d, "raw_inside"), 1, "%s", calls[i].op);
		cr_assert_eq(report_of(&d, "raw_error"), 0);
		cr_assert(is_asked(&d, "d2/a", "d2a", n + 1), "%s", calls[i].op);
	}
	cr_assert_eq(daemon_unmount(&d), 0);
}

/* ---- data ---- */

/* Has a read of the cached file become so many READs? */
static bool is_read(const struct daemon *d, unsigned long n)
{
	call_read(daemon_path(d, "f"));
	return report_of(d, "reads") == n;
}

static void forget_data(const struct daemon *d)
{
	int fd = open(daemon_path(d, "f"), O_RDONLY | O_CLOEXEC);

	files_forget_data(fd);
	close(fd);
}

static void check_data_from_read(const char *variant, const char *option)
{
	struct daemon d;

	start(&d, variant, option);
	script(&d, "read:data;nap 300");
	cr_assert_eq(call_read(daemon_path(&d, "f")), 0);
	cr_assert(eventually(is_read(&d, 2)), "the pages were not dropped");
	cr_assert(is_read(&d, 2), "the file is not cached");
	cr_assert_eq(report_of(&d, "ok"), 1);
	cr_assert_eq(daemon_unmount(&d), 0);
}

FACT(queue, a_read_handler_invalidates_the_pages_that_it_reads)
{
	check_data_from_read(NULL, NULL);
}

FACT(queue, a_read_handler_invalidates_its_pages_with_one_worker)
{
	check_data_from_read(NULL, "--workers=1");
}

FACT(queue, an_invalidation_of_data_sent_at_once_waits_for_the_read_of_these_pages)
{
	struct daemon d;

	start(&d, NULL, NULL);
	script(&d, "read:rawdata;nap 300");
	cr_assert_eq(call_read(daemon_path(&d, "f")), 0);
	cr_assert_eq(report_of(&d, "raw_inside"), 0, "it would not have waited for its handler");
	cr_assert(eventually(report_of(&d, "raw_ended") == 1));
	cr_assert(is_read(&d, 2), "it came to nothing");
	/* attributes alone wait for nobody */
	forget_data(&d);
	script(&d, "read:rawattr;nap 300");
	cr_assert_eq(call_read(daemon_path(&d, "f")), 0);
	cr_assert_eq(report_of(&d, "raw_inside"), 1);
	/* nor does data that nobody is reading */
	cr_assert_eq(call_with(&d, &calls[1], "rawdata;nap 300"), 0);
	cr_assert_eq(report_of(&d, "raw_inside"), 1);
	cr_assert_eq(daemon_unmount(&d), 0);
}

/* ---- order ---- */

FACT(queue, invalidations_arrive_in_the_order_in_which_they_were_queued)
{
	unsigned long reads;
	struct daemon d;
	pid_t pid;

	start(&d, CONCURRENT, "--workers=4");
	make_known(&d, "d1/a", "d1a");
	make_known(&d, "d2/b", "d2b");
	/* the second of the three is held up by the read */
	pid = call_aside(&d, call_read, "f", "read:entry 1 a;data;entry 2 b;nap 2500");
	reads = report_of(&d, "reads");
	cr_assert(eventually_within(2000, is_asked(&d, "d1/a", "d1a", 2)),
		  "the first has not come");
	nap(100);
	cr_assert(is_asked(&d, "d2/b", "d2b", 1), "the third has come before the second");
	cr_assert_eq(report_of(&d, "inside"), 1, "the read is over, so nothing was seen");
	cr_assert_eq(harness_reap(pid, 5000), 0);
	cr_assert(eventually(is_asked(&d, "d2/b", "d2b", 2)), "the third has not come");
	cr_assert(is_read(&d, reads + 1), "the third has come, and the second has not");
	cr_assert_eq(daemon_unmount(&d), 0);
}

FACT(queue, the_second_waits_for_the_first)
{
	struct daemon d;
	pid_t pid;

	start(&d, CONCURRENT, "--workers=4");
	make_known(&d, "d1/a", "d1a");
	make_known(&d, "d2/b", "d2b");
	pid = call_aside(&d, call_mkdir, "d1/m", "mkdir:entry 1 a;entry 2 b;nap 400");
	nap(100);
	cr_assert(is_asked(&d, "d2/b", "d2b", 1), "it has come before the first");
	cr_assert_eq(report_of(&d, "inside"), 1, "nothing was seen");
	cr_assert_eq(harness_reap(pid, 5000), 0);
	cr_assert(eventually(is_asked(&d, "d2/b", "d2b", 2)));
	cr_assert(is_asked(&d, "d1/a", "d1a", 2));
	cr_assert_eq(daemon_unmount(&d), 0);
}

/* ---- limits ---- */

FACT(queue, equal_invalidations_become_one_and_none_is_dropped)
{
	const char *line;
	struct daemon d;
	pid_t pid;

	start(&d, CONCURRENT, "--workers=4");
	make_known(&d, "d1/a", "d1a");
	make_known(&d, "d1/b", "d1b");
	pid = call_aside(&d, call_mkdir, "d1/m", "mkdir:entry 1 a;same 10000 1 b;nap 700");
	/* (a second look would come too late: the thread that is held up shows no stack) */
	nap(300);
	line = notifications(&d);
	cr_assert_eq(report_value(line, "sent"), 0, "nothing holds it up: %s", line);
	cr_assert_eq(report_value(line, "merged"), 9999, "%s", line);
	cr_assert_eq(report_value(line, "queued"), 2, "%s", line);
	cr_assert(report_value(line, "lag_us") >= 100000, "%s", line);
	cr_assert_eq(harness_reap(pid, 5000), 0);
	cr_assert(eventually(are_sent(&d, 2)));
	line = notifications(&d);
	cr_assert(report_value(line, "longest_lag_us") >= 690000, "%s", line);
	cr_assert_not_null(strstr(line, " merged=9999 dropped=0 refused=0 queued=0 lag_us=0 "),
			   "%s", line);
	cr_assert_eq(report_of(&d, "ok"), 10001);
	cr_assert(is_asked(&d, "d1/b", "d1b", 2));
	cr_assert_eq(daemon_unmount(&d), 0);
}

static void check_full(const char *option)
{
	unsigned long again, ok;
	const char *line;
	struct daemon d;

	start(&d, NULL, option);
	make_known(&d, "d1/a", "d1a");
	make_known(&d, "d1/z0", "d1z");
	cr_assert_eq(call_with(&d, &calls[1], "entry 1 a;different 10000 1"), 0);
	again = report_of(&d, "again");
	ok = report_of(&d, "ok");
	cr_assert_eq(ok + again, 10001);
	cr_assert(again > 0, "it was never full");
	cr_assert(ok >= 1000, "it was full after %lu", ok);
	cr_assert(report_of(&d, "queue_us") < 2000000, "the handler waited for room: %lu us",
		  report_of(&d, "queue_us"));
	cr_assert(eventually(are_sent(&d, ok)));
	line = notifications(&d);
	cr_assert_eq(report_value(line, "dropped"), again, "%s", line);
	cr_assert_eq(report_value(line, "merged"), 0, "%s", line);
	/* what was dropped is dropped, and there is room again */
	cr_assert(is_asked(&d, "d1/z0", "d1z", 1));
	cr_assert_eq(call_with(&d, &calls[1], "entry 1 z0"), 0);
	cr_assert(eventually(is_asked(&d, "d1/z0", "d1z", 2)));
	cr_assert_eq(report_of(&d, "again"), again);
	cr_assert_eq(daemon_unmount(&d), 0);
}

FACT(queue, a_full_queue_is_eagain_and_the_handler_does_not_wait)
{
	check_full(NULL);
}

FACT(queue, a_full_queue_is_eagain_with_one_worker)
{
	check_full("--workers=1");
}

/* A path of more than 4095 bytes cannot be named at once. */
static bool long_name_is_asked(const struct daemon *d, size_t len, unsigned long n)
{
	int dir = open(daemon_path(d, "d1"), O_PATH | O_CLOEXEC);
	char *name = calloc(1, len + 1);
	struct stat st;

	memset(name, 'n', len);
	cr_assert_eq(fstatat(dir, name, &st, 0), 0, "%s", strerror(errno));
	close(dir);
	free(name);
	return report_of(d, "d1n") == n;
}

FACT(queue, names_of_4000_bytes_go_through)
{
	unsigned long ok;
	struct daemon d;

	start(&d, NULL, NULL);
	cr_assert(long_name_is_asked(&d, 4000, 1));
	cr_assert(long_name_is_asked(&d, 4000, 1), "it is not cached");
	cr_assert_eq(call_with(&d, &calls[1], "long 4000 1 1"), 0);
	cr_assert(eventually(long_name_is_asked(&d, 4000, 2)));
	/* the memory for names has its limit, too */
	cr_assert_eq(call_with(&d, &calls[1], "long 4000 1500 1"), 0);
	cr_assert_eq(report_of(&d, "ok") + report_of(&d, "again"), 1501);
	cr_assert(report_of(&d, "ok") > 200);
	cr_assert(report_of(&d, "again") > 200);
	ok = report_of(&d, "ok");
	cr_assert(eventually(are_sent(&d, ok)));
	cr_assert(eventually(long_name_is_asked(&d, 4000, 3)));
	/* 4096 is one too many, 4095 is not */
	cr_assert_eq(call_with(&d, &calls[1], "long 4096 2 1"), 0);
	cr_assert_eq(report_of(&d, "too_long"), 1);
	cr_assert_eq(report_of(&d, "ok"), ok + 1);
	cr_assert_eq(report_value(notifications(&d), "refused"), 0);
	cr_assert_eq(daemon_unmount(&d), 0);
}

/* ---- the end, with messages that wait in the kernel for a handler ---- */

#define HELD "mkdir:entry 1 a;different 500 1;nap 700"

static void end_by_sigterm(const struct daemon *d)
{
	cr_assert_eq(kill(d->pid, SIGTERM), 0);
}

static void end_by_two_signals(const struct daemon *d)
{
	end_by_sigterm(d);
	nap(20);
	end_by_sigterm(d);
}

static void end_by_lazy_unmount(const struct daemon *d)
{
	cr_assert_eq(umount2(d->mnt, MNT_DETACH), 0, "%s", strerror(errno));
}

static void end_by_forced_unmount(const struct daemon *d)
{
	/* it aborts first, and may find the caller still inside then */
	if (umount2(d->mnt, MNT_FORCE) < 0)
		cr_assert_eq(errno, EBUSY, "%s", strerror(errno));
}

static void end_by_abort(const struct daemon *d)
{
	harness_abort(d->mnt);
}

static void check_end(void (*end)(const struct daemon *), const char *option)
{
	struct daemon d;
	double begin;
	pid_t pid;
	int status;

	start(&d, NULL, option);
	make_known(&d, "d1/a", "d1a");
	pid = call_aside(&d, call_mkdir, "d1/m", HELD);
	nap(50);
	begin = seconds_now();
	end(&d);
	status = daemon_wait(&d);
	cr_assert_eq(status, 0, "%d after %.1f s", status, seconds_now() - begin);
	cr_assert(seconds_now() - begin < 5, "it took %.1f s", seconds_now() - begin);
	cr_assert(harness_reap(pid, 5000) >= 0, "the caller hangs");
}

FACT(queue, sigterm_ends_it_while_a_handler_holds_it_up)
{
	check_end(end_by_sigterm, "--stop-timeout=0");
}

FACT(queue, sigterm_ends_it_while_files_are_still_served)
{
	check_end(end_by_sigterm, NULL);
}

FACT(queue, two_signals_end_it_with_one_worker)
{
	check_end(end_by_two_signals, "--workers=1");
}

FACT(queue, a_lazy_unmount_ends_it_while_a_handler_holds_it_up)
{
	check_end(end_by_lazy_unmount, NULL);
}

FACT(queue, a_forced_unmount_ends_it_while_a_handler_holds_it_up)
{
	check_end(end_by_forced_unmount, NULL);
}

FACT(queue, an_abort_ends_it_while_a_handler_holds_it_up)
{
	check_end(end_by_abort, NULL);
}

static int unmount(void *mnt)
{
	return umount2(mnt, 0) < 0 ? errno : 0;
}

/* The pages of a readahead are locked although nobody waits for them: the mount is not in use. */
FACT(queue, an_unmount_ends_it_while_a_readahead_holds_it_up)
{
	struct daemon d;
	size_t from;
	pid_t pid;
	int fd;

	start(&d, NULL, NULL);
	fd = open(daemon_path(&d, "f"), O_RDONLY | O_CLOEXEC);
	script(&d, "read:data;different 500 1;nap 700");
	from = daemon_log_size(&d);
	cr_assert_eq(posix_fadvise(fd, 0, 0, POSIX_FADV_WILLNEED), 0);
	close(fd);
	cr_assert(eventually(daemon_log_has(&d, from, "invalfs: inside")));
	nap(50);
	pid = harness_fork(unmount, (void *)d.mnt);
	cr_assert_eq(harness_reap(pid, 5000), 0, "umount hangs, or is refused");
	cr_assert_eq(daemon_wait(&d), 0);
}

/* Nobody waits for ever: the caller of the handler is let go, and with him the queue. */
FACT(queue, sigterm_ends_it_behind_a_handler_that_never_returns)
{
	struct daemon d;
	pid_t pid;

	start(&d, NULL, "--stop-timeout=0");
	pid = call_aside(&d, call_mkdir, "d1/m", "mkdir:entry 1 a;different 500 1;nap 3600000");
	nap(50);
	cr_assert_eq(daemon_stop(&d), 1);
	cr_assert_neq(harness_reap(pid, 5000), 0);
	cr_assert(daemon_log_has(&d, 0, "a handler does not end"));
}

/* The thread that sends waits in the kernel, cannot be killed, and keeps alive what it waits for:
 * after a SIGKILL or a crash at this moment it takes an abort. */
FACT(queue, a_forced_unmount_frees_what_a_killed_daemon_left_behind)
{
	struct daemon d;
	pid_t pid;

	start(&d, NULL, NULL);
	pid = call_aside(&d, call_mkdir, "d1/m", "mkdir:entry 1 a;nap 3600000");
	nap(50);
	cr_assert_eq(kill(d.pid, SIGKILL), 0);
	nap(100);
	end_by_forced_unmount(&d);
	cr_assert_gt(harness_reap(pid, 5000), 0, "the caller hangs");
	cr_assert_eq(daemon_wait(&d), 128 + SIGKILL);
}
