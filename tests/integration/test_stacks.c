/*
 * The call stacks of a file system that hangs: asked for by an extended attribute of the root, or
 * by SIGUSR1 where nobody can take a request any more.  See testfs/lockyield.c for who gets stuck.
 */
#include "files.h"
#include "report.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#define STUCK  "sleep_with_the_lock" /* a static function of the plugin, in its handler */
#define WAITER "wait_for_the_lock"   /* the same, in a thread that the plugin has started */

/* ---- asking; with a path, these return an errno value ---- */

static int ask_bare(void *path)
{
	return setxattr(path, "fuse_stacktrace", "1", 1, 0) < 0 ? errno : 0;
}

static int ask_user(void *path)
{
	return setxattr(path, "user.fuse_stacktrace", "1", 1, 0) < 0 ? errno : 0;
}

static int read_once(void *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char byte;

	return fd < 0 || read(fd, &byte, 1) < 0 ? errno : 0;
}

/* ---- what the log shows ---- */

/* The next thread's part of a log; NULL: there is none.  `at` starts as the log. */
static char *next_thread(char **at)
{
	char *head = strstr(*at, "llfused: thread "), *end;

	if (!head)
		return NULL;
	end = strstr(head + 1, "llfused: thread ");
	if (end)
		end[-1] = '\0';
	*at = end ? end : head + strlen(head);
	return head;
}

/* Threads that have both words in their part. */
static unsigned threads_with(const struct daemon *d, size_t from, const char *one, const char *two)
{
	char *log = daemon_log(d, from), *at = log, *part;
	unsigned n = 0;

	while ((part = next_thread(&at)))
		n += strstr(part, one) && strstr(part, two);
	free(log);
	return n;
}

static unsigned count_threads(const struct daemon *d)
{
	char path[64];
	const struct dirent *entry;
	unsigned n = 0;
	DIR *dir;

	snprintf(path, sizeof path, "/proc/%d/task", (int)d->pid);
	dir = opendir(path);
	cr_assert_not_null(dir);
	while ((entry = readdir(dir)))
		n += entry->d_name[0] != '.';
	closedir(dir);
	return n;
}

/* SIGUSR1 shows them, too, and nobody waits for an answer then. */
static void wait_for_stacks(const struct daemon *d, size_t from)
{
	cr_assert(eventually(threads_with(d, from, "", "") == count_threads(d)));
	/* the last one's frames */
	nap(50);
}

static void check_silence(const struct daemon *d, size_t from)
{
	nap(20);
	cr_assert_eq(threads_with(d, from, "", ""), 0, "stacks were shown");
}

/* ---- a handler that holds the global lock for ever ---- */

static void start(struct daemon *d, const char *workers, const char *option)
{
	*d = (struct daemon){.testfs = true, .backend = "lockyield"};
	daemon_start(d, workers, "-ocache_root", option, NULL);
}

/* Until the backend has said it so often. */
static void wait_for(const struct daemon *d, const char *words, unsigned times)
{
	unsigned n = 0;

	for (unsigned waited = 0; n < times && waited < 10000; waited += 2) {
		char *log = daemon_log(d, 0);

		n = 0;
		for (char *at = log; (at = strstr(at, words)); at++)
			n++;
		free(log);
		nap(2);
	}
	cr_assert(n >= times, "'%s' was said %u times", words, n);
}

/* The reader, once our thread stands behind the stuck handler. */
static pid_t get_stuck(const struct daemon *d)
{
	pid_t pid = harness_fork(read_once, daemon_path(d, "stuck"));

	wait_for(d, "lockyield: stuck", 1);
	nap(50);
	return pid;
}

static void end_stuck(const struct daemon *d, pid_t reader)
{
	cr_assert_eq(harness_reap(reader, 0), -1, "it was not stuck");
	cr_assert_eq(kill(d->pid, SIGKILL), 0);
	cr_assert_eq(daemon_wait(d), 128 + SIGKILL);
	cr_assert_gt(harness_reap(reader, 5000), 0);
}

static void check_stuck(const struct daemon *d, size_t from)
{
	cr_assert_eq(threads_with(d, from, " handler/", STUCK "+"), 1);
	cr_assert_eq(threads_with(d, from, STUCK, "lockyield_read"), 1, "no caller of it");
	cr_assert_eq(threads_with(d, from, WAITER "+", "lock_acquire"), 1);
	cr_assert_eq(threads_with(d, from, " notify:", "#0"), 1);
	cr_assert_eq(threads_with(d, from, "lifecycle_run", "main+"), 1, "not the main thread");
	cr_assert_eq(threads_with(d, from, "", ""), count_threads(d), "not each thread");
}

static void check_attribute(const char *workers, int (*ask)(void *))
{
	struct daemon d;
	size_t from;
	pid_t reader;

	start(&d, workers, NULL);
	reader = get_stuck(&d);
	from = daemon_log_size(&d);
	cr_assert_eq(harness_as(0, ask, (void *)d.mnt), 0);
	/* all of it was there before the answer */
	check_stuck(&d, from);
	end_stuck(&d, reader);
}

FACT(stacks, the_bare_attribute_shows_a_stuck_handler_that_holds_the_lock)
{
	check_attribute("--workers=4", ask_bare);
}

FACT(stacks, the_user_attribute_shows_a_stuck_handler_that_holds_the_lock)
{
	check_attribute("--workers=4", ask_user);
}

FACT(stacks, the_attribute_shows_the_only_worker_that_is_stuck)
{
	check_attribute("--workers=1", ask_bare);
}

FACT(stacks, the_attribute_shows_each_worker_when_all_are_stuck)
{
	pid_t reader[9];
	struct daemon d;
	size_t from;

	start(&d, "--workers=3", "-onap=3600000");
	for (int i = 0; i < 9; i++)
		reader[i] = harness_fork(read_once, daemon_path(&d, "slow"));
	wait_for(&d, "lockyield: asleep", 3);
	nap(50);
	from = daemon_log_size(&d);
	cr_assert_eq(harness_as(0, ask_bare, (void *)d.mnt), 0);
	cr_assert_eq(threads_with(&d, from, " handler/", "lockyield_read"), 3);
	cr_assert_eq(kill(d.pid, SIGKILL), 0);
	for (int i = 0; i < 9; i++)
		cr_assert_gt(harness_reap(reader[i], 5000), 0);
}

/* ---- nobody is free ---- */

#define CROWD 230 /* more than the pool and the queue in front of it hold */

static void *read_and_wait(void *fd)
{
	char byte;

	if (pread(*(int *)fd, &byte, 1, 0) < 0)
		return NULL;
	return fd;
}

static int read_as_a_crowd(void *fd)
{
	pthread_t thread[CROWD];

	for (int i = 0; i < CROWD; i++)
		if (pthread_create(&thread[i], NULL, read_and_wait, fd) != 0)
			return EAGAIN;
	for (int i = 0; i < CROWD; i++)
		pthread_join(thread[i], NULL);
	return 0;
}

static void ask_by_signal(const struct daemon *d, size_t from)
{
	cr_assert_eq(kill(d->pid, SIGUSR1), 0);
	wait_for_stacks(d, from);
}

static void check_signal(const char *workers)
{
	pid_t reader, crowd, asker;
	struct daemon d;
	size_t from;
	int fd;

	start(&d, workers, NULL);
	fd = open(daemon_path(&d, "busy"), O_RDONLY | O_CLOEXEC);
	reader = get_stuck(&d);
	crowd = harness_fork(read_as_a_crowd, &fd);
	nap(300);
	asker = harness_fork(ask_bare, (void *)d.mnt);
	cr_assert_eq(harness_reap(asker, 200), -1, "somebody was free to answer");
	from = daemon_log_size(&d);
	ask_by_signal(&d, from);
	/* a queue's thread sends the answers of others: it never waits for room */
	if (daemon_on_ring(&d))
		cr_assert_eq(threads_with(&d, from, "thread", "pool_get"), 0);
	else
		cr_assert(threads_with(&d, from, "pool_get", "") >= 2,
			  "the readers do not wait for room");
	check_stuck(&d, from);
	end_stuck(&d, reader);
	close(fd);
	cr_assert_eq(harness_reap(crowd, 5000), 0);
	cr_assert_gt(harness_reap(asker, 5000), 0);
}

FACT(stacks, sigusr1_shows_them_when_no_thread_is_free_to_take_a_request)
{
	check_signal("--workers=2");
}

FACT(stacks, sigusr1_shows_them_when_the_only_worker_is_stuck)
{
	check_signal("--workers=1");
}

/* The kernel holds the attribute back behind a request in the same directory. */
FACT(stacks, sigusr1_shows_a_lookup_that_is_stuck_in_the_root)
{
	struct daemon d;
	size_t from;
	pid_t pid;

	start(&d, "--workers=2", NULL);
	pid = harness_fork(files_stat_errno, daemon_path(&d, "lost"));
	wait_for(&d, "lockyield: stuck", 1);
	nap(50);
	from = daemon_log_size(&d);
	ask_by_signal(&d, from);
	cr_assert_eq(threads_with(&d, from, STUCK "+", "lockyield_lookup"), 1);
	end_stuck(&d, pid);
}

/* ---- who may ask ---- */

FACT(stacks, another_user_gets_eperm_and_sees_nothing)
{
	struct counters before, after;
	struct daemon d = {0};
	size_t from;

	daemon_start(&d, NULL);
	from = daemon_log_size(&d);
	counters_read(&d, &before);
	wait_for_stacks(&d, from);
	from = daemon_log_size(&d);
	/* memfs's root may be written by everybody: it is the daemon that says no */
	cr_assert_eq(harness_as(4321, ask_bare, (void *)d.mnt), EPERM);
	cr_assert_eq(harness_as(4321, ask_user, (void *)d.mnt), EPERM);
	check_silence(&d, from);
	counters_read(&d, &after);
	cr_assert(counters_of(&after, "SETXATTR") > counters_of(&before, "SETXATTR"),
		  "the daemon was not asked");
	cr_assert_eq(daemon_stop(&d), 0);
}

FACT(stacks, another_user_gets_eacces_where_the_root_is_not_his_to_write)
{
	struct daemon d;
	size_t from;

	start(&d, "--workers=2", NULL);
	from = daemon_log_size(&d);
	cr_assert_eq(harness_as(4321, ask_bare, (void *)d.mnt), EACCES);
	cr_assert_eq(harness_as(4321, ask_user, (void *)d.mnt), EACCES);
	check_silence(&d, from);
	cr_assert_eq(daemon_stop(&d), 0);
}

FACT(stacks, the_owner_of_an_unprivileged_mount_may_ask)
{
	struct daemon d = {.uid = HARNESS_USER};
	size_t from;

	if (access("/usr/bin/fusermount3", X_OK) < 0 && access("/bin/fusermount3", X_OK) < 0)
		harness_skip("fusermount3 (package fuse3) is missing");
	harness_open_fuse_to_all();
	daemon_start(&d, NULL);
	from = daemon_log_size(&d);
	cr_assert_eq(harness_as(4321, ask_bare, (void *)d.mnt), EACCES);
	check_silence(&d, from);
	cr_assert_eq(harness_as(HARNESS_USER, ask_bare, (void *)d.mnt), 0);
	cr_assert_eq(threads_with(&d, from, "main+", ""), 1);
	from = daemon_log_size(&d);
	cr_assert_eq(harness_as(HARNESS_USER, ask_user, (void *)d.mnt), 0);
	cr_assert_eq(threads_with(&d, from, "main+", ""), 1);
	cr_assert_eq(daemon_stop(&d), 0);
}

FACT(stacks, root_of_a_user_namespace_may_ask_in_it)
{
	struct daemon d = {.uid = HARNESS_USER, .userns = true, .env = "PATH=/nowhere"};
	size_t from;

	harness_open_fuse_to_all();
	daemon_start(&d, NULL);
	from = daemon_log_size(&d);
	cr_assert_eq(harness_inside(d.pid, ask_bare, (void *)d.mnt), 0);
	cr_assert_eq(threads_with(&d, from, "main+", ""), 1);
	cr_assert_eq(daemon_stop(&d), 0);
}

/* ---- where ---- */

FACT(stacks, memfs_shows_its_threads_and_keeps_no_such_attribute)
{
	struct daemon d = {0};
	size_t from;
	char value[8];

	daemon_start(&d, "--workers=2", NULL);
	for (int round = 0; round < 3; round++) {
		from = daemon_log_size(&d);
		cr_assert_eq((round % 2 ? ask_user : ask_bare)((void *)d.mnt), 0);
		cr_assert_eq(threads_with(&d, from, "", ""), count_threads(&d));
		cr_assert_eq(threads_with(&d, from, "dispatch_decoded", ""), 1, "not who answers");
	}
	cr_assert_eq(getxattr(d.mnt, "user.fuse_stacktrace", value, sizeof value), -1);
	cr_assert_eq(errno, ENODATA);
	cr_assert_eq(daemon_stop(&d), 0);
}

static bool backend_got(const struct daemon *d, const char *what)
{
	return strstr(report_text(d), what) != NULL;
}

FACT(stacks, on_another_inode_the_attribute_is_the_backends)
{
	struct daemon d;
	size_t from;

	start(&d, "--workers=2", NULL);
	from = daemon_log_size(&d);
	cr_assert_eq(ask_bare(daemon_path(&d, "busy")), 0);
	cr_assert(backend_got(&d, "xattrs=1 xattr=2:fuse_stacktrace\n"));
	cr_assert_eq(ask_user(daemon_path(&d, "busy")), 0);
	cr_assert(backend_got(&d, "xattrs=2 xattr=2:user.fuse_stacktrace\n"));
	cr_assert_eq(setxattr(d.mnt, "user.fuse_stacktrace2", "1", 1, 0), 0);
	cr_assert(backend_got(&d, "xattrs=3 xattr=1:user.fuse_stacktrace2\n"));
	check_silence(&d, from);
	cr_assert_eq(ask_user((void *)d.mnt), 0);
	cr_assert(backend_got(&d, "xattrs=3 "), "the backend was asked");
	cr_assert_eq(daemon_stop(&d), 0);
}
