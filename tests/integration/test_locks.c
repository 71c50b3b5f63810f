/*
 * Locks that the backend keeps: waiting ones are pending requests that hold no worker.
 * Who blocks a lock is always another process than the one that waits for it.
 */
#include "callers.h"
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_rw(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	cr_assert(fd >= 0, "%s: %s", path, strerror(errno));
	return fd;
}

static int wait_for_flock(void *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	callers_catch(SIGUSR1);
	return flock(fd, LOCK_EX) < 0 ? errno : 0;
}

static void start_lockfs(struct daemon *d, const char *option)
{
	*d = (struct daemon){.testfs = true, .backend = "lockfs"};
	if (option)
		daemon_start(d, option, NULL);
	else
		daemon_start(d, NULL);
}

FACT(locks, a_waiting_lock_is_granted_by_the_unlock)
{
	struct daemon d;
	pid_t waiter;
	int fd;

	start_lockfs(&d, NULL);
	fd = open_rw(daemon_path(&d, "l0"));
	cr_assert_eq(callers_lock(fd, F_SETLK, F_WRLCK), 0);
	cr_assert_eq(harness_as(0, callers_try_lock, daemon_path(&d, "l0")), EAGAIN);
	waiter = harness_fork(callers_wait_for_lock, daemon_path(&d, "l0"));
	callers_wait_until_waiting(&d, "SETLKW");
	cr_assert_eq(harness_reap(waiter, 50), -1, "granted while it was held");
	cr_assert_eq(callers_lock(fd, F_SETLK, F_UNLCK), 0);
	cr_assert_eq(harness_reap(waiter, 5000), 0);
	/* it died and its lock with it */
	cr_assert_eq(callers_lock(fd, F_SETLK, F_WRLCK), 0);
	close(fd);
	cr_assert_eq(daemon_stop(&d), 0);
}

FACT(locks, a_waiting_lock_is_granted_from_another_thread)
{
	struct daemon d;
	pid_t waiter;
	int fd;

	start_lockfs(&d, "-ogranter");
	fd = open_rw(daemon_path(&d, "l0"));
	cr_assert_eq(callers_lock(fd, F_SETLK, F_WRLCK), 0);
	waiter = harness_fork(callers_wait_for_lock, daemon_path(&d, "l0"));
	callers_wait_until_waiting(&d, "SETLKW");
	/* closing gives the locks up, too */
	close(fd);
	cr_assert_eq(harness_reap(waiter, 5000), 0);
	cr_assert_eq(daemon_stop(&d), 0);
}

FACT(locks, a_waiting_flock_is_granted_by_the_unlock)
{
	struct daemon d;
	pid_t waiter;
	int fd;

	start_lockfs(&d, NULL);
	fd = open_rw(daemon_path(&d, "l0"));
	cr_assert_eq(flock(fd, LOCK_EX | LOCK_NB), 0);
	waiter = harness_fork(wait_for_flock, daemon_path(&d, "l0"));
	callers_wait_until_waiting(&d, "SETLKW");
	cr_assert_eq(flock(fd, LOCK_UN), 0);
	cr_assert_eq(harness_reap(waiter, 5000), 0);
	close(fd);
	cr_assert_eq(daemon_stop(&d), 0);
}

FACT(locks, a_signal_ends_a_waiting_lock_with_eintr_and_it_is_not_held)
{
	struct daemon d;
	pid_t waiter;
	int fd;

	start_lockfs(&d, NULL);
	fd = open_rw(daemon_path(&d, "l0"));
	cr_assert_eq(callers_lock(fd, F_SETLK, F_WRLCK), 0);
	waiter = harness_fork(callers_wait_for_lock, daemon_path(&d, "l0"));
	callers_wait_until_waiting(&d, "SETLKW");
	cr_assert_eq(kill(waiter, SIGUSR1), 0);
	cr_assert_eq(harness_reap(waiter, 5000), EINTR);
	cr_assert_eq(callers_lock(fd, F_SETLK, F_UNLCK), 0);
	cr_assert_eq(harness_as(0, callers_try_lock, daemon_path(&d, "l0")), 0, "it was taken");
	cr_assert(!callers_dump_has(&d, "SETLKW unique"), "it is still in flight");
	close(fd);
	cr_assert_eq(daemon_stop(&d), 0);
}

FACT(locks, a_killed_waiter_dies_at_once_and_holds_nothing)
{
	struct daemon d;
	pid_t waiter;
	int fd;

	start_lockfs(&d, NULL);
	fd = open_rw(daemon_path(&d, "l0"));
	cr_assert_eq(callers_lock(fd, F_SETLK, F_WRLCK), 0);
	waiter = harness_fork(callers_wait_for_lock, daemon_path(&d, "l0"));
	callers_wait_until_waiting(&d, "SETLKW");
	cr_assert_eq(kill(waiter, SIGKILL), 0);
	cr_assert_eq(harness_reap(waiter, 5000), 128 + SIGKILL);
	cr_assert_eq(callers_lock(fd, F_SETLK, F_UNLCK), 0);
	cr_assert_eq(harness_as(0, callers_try_lock, daemon_path(&d, "l0")), 0);
	close(fd);
	cr_assert_eq(daemon_stop(&d), 0);
}

#define MANY 40

FACT(locks, more_waiting_locks_than_workers_do_not_hinder_others)
{
	pid_t waiter[MANY];
	struct daemon d;
	int fd;

	start_lockfs(&d, NULL);
	fd = open_rw(daemon_path(&d, "l0"));
	cr_assert_eq(callers_lock(fd, F_SETLK, F_WRLCK), 0);
	for (int i = 0; i < MANY; i++)
		waiter[i] = harness_fork(callers_wait_for_lock, daemon_path(&d, "l0"));
	nap(200);
	callers_wait_until_waiting(&d, "SETLKW");
	for (int i = 0; i < 100; i++)
		cr_assert_eq(harness_as(0, callers_try_lock, daemon_path(&d, "l1")), 0);
	cr_assert_eq(harness_as(0, files_stat_errno, daemon_path(&d, "absent")), ENOENT);
	cr_assert_eq(callers_lock(fd, F_SETLK, F_UNLCK), 0);
	for (int i = 0; i < MANY; i++)
		cr_assert_eq(harness_reap(waiter[i], 10000), 0, "waiter %d", i);
	close(fd);
	cr_assert_eq(daemon_stop(&d), 0);
}

FACT(locks, waiting_requests_do_not_hinder_the_end)
{
	struct daemon d;
	pid_t waiter;
	int fd;

	start_lockfs(&d, NULL);
	fd = open_rw(daemon_path(&d, "l0"));
	cr_assert_eq(callers_lock(fd, F_SETLK, F_WRLCK), 0);
	waiter = harness_fork(callers_wait_for_lock, daemon_path(&d, "l0"));
	callers_wait_until_waiting(&d, "SETLKW");
	cr_assert_eq(kill(d.pid, SIGTERM), 0);
	nap(50);
	kill(d.pid, SIGTERM);
	cr_assert_eq(daemon_wait(&d), 0);
	cr_assert_gt(harness_reap(waiter, 5000), 0, "it got no error");
	close(fd);
}

FACT(locks, the_list_of_requests_in_flight_shows_op_ids_pid_and_age)
{
	struct daemon d;
	char *log, *line = NULL, pid[32];
	pid_t waiter;
	long age;
	int fd;

	start_lockfs(&d, NULL);
	fd = open_rw(daemon_path(&d, "l3"));
	cr_assert_eq(callers_lock(fd, F_SETLK, F_WRLCK), 0);
	waiter = harness_fork(callers_wait_for_lock, daemon_path(&d, "l3"));
	callers_wait_until_waiting(&d, "SETLKW");
	nap(300);
	cr_assert(callers_dump_has(&d, "in flight: SETLKW "));
	log = daemon_log(&d, 0);
	for (char *at = log; (at = strstr(at, "in flight: SETLKW ")); at++)
		line = at;
	cr_assert_not_null(line);
	line[strcspn(line, "\n")] = '\0';
	cr_assert_not_null(strstr(line, " unique="), "%s", line);
	cr_assert_not_null(strstr(line, " nodeid=5 "), "%s", line);
	snprintf(pid, sizeof pid, " pid=%d ", (int)waiter);
	cr_assert_not_null(strstr(line, pid), "%s", line);
	cr_assert_eq(sscanf(strstr(line, "age_ms="), "age_ms=%ld", &age), 1, "%s", line);
	cr_assert(age >= 280 && age < 20000, "%s", line);
	close(fd);
	cr_assert_eq(harness_reap(waiter, 5000), 0);
	cr_assert_eq(daemon_stop(&d), 0);
}
