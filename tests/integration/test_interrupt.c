/*
 * Signals that reach callers whose request waits: before, during and after the answer.
 */
#include "callers.h"
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int read_some(void *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char buf[64] = "";
	ssize_t n;

	callers_catch(SIGUSR1);
	n = read(fd, buf, sizeof buf);
	if (n < 0)
		return errno;
	return strcmp(buf, "answered") == 0 ? 0 : EIO;
}

static void start_lockfs(struct daemon *d, const char *option)
{
	*d = (struct daemon){.testfs = true, .backend = "lockfs"};
	if (option)
		daemon_start(d, option, NULL);
	else
		daemon_start(d, NULL);
}

static void start_slowfs(struct daemon *d, const char *option)
{
	*d = (struct daemon){.testfs = true, .backend = "slowfs"};
	daemon_start(d, "--workers=4", option, NULL);
}

/* What slowfs saw; -1 for a word that it does not say. */
static long report_of(const struct daemon *d, const char *word)
{
	int fd = open(daemon_path(d, "report"), O_RDONLY | O_CLOEXEC);
	char text[256] = "", *at;

	cr_assert(read(fd, text, sizeof text - 1) > 0);
	close(fd);
	at = strstr(text, word);
	return at ? strtol(at + strlen(word), NULL, 10) : -1;
}

/* ---- slow answers ---- */

FACT(interrupt, a_handler_that_sleeps_sees_its_interrupt)
{
	struct daemon d;
	pid_t caller;

	start_slowfs(&d, "-odelay=10000");
	caller = harness_fork(read_some, daemon_path(&d, "sleep"));
	callers_wait_until_waiting(&d, "READ");
	cr_assert_eq(kill(caller, SIGUSR1), 0);
	cr_assert_eq(harness_reap(caller, 5000), EINTR);
	cr_assert_eq(report_of(&d, "interrupts="), 1);
	cr_assert_eq(daemon_stop(&d), 0);
}

FACT(interrupt, a_pending_read_may_end_at_once)
{
	struct daemon d;
	pid_t caller;

	start_slowfs(&d, "-odelay=10000");
	caller = harness_fork(read_some, daemon_path(&d, "early"));
	callers_wait_until_waiting(&d, "READ");
	cr_assert_eq(kill(caller, SIGUSR1), 0);
	cr_assert_eq(harness_reap(caller, 5000), EINTR);
	cr_assert_eq(report_of(&d, "eintr="), 1);
	cr_assert_eq(daemon_stop(&d), 0);
}

FACT(interrupt, a_pending_read_may_ignore_it_and_answer_late)
{
	struct daemon d;
	pid_t caller;

	start_slowfs(&d, "-odelay=600");
	caller = harness_fork(read_some, daemon_path(&d, "pend"));
	callers_wait_until_waiting(&d, "READ");
	cr_assert_eq(kill(caller, SIGUSR1), 0);
	cr_assert_eq(harness_reap(caller, 5000), 0);
	cr_assert_eq(report_of(&d, "interrupts="), 1);
	cr_assert_eq(report_of(&d, "answers="), 1);
	cr_assert_eq(daemon_stop(&d), 0);
}

FACT(interrupt, attributes_may_come_from_another_thread)
{
	struct daemon d;

	start_slowfs(&d, "-odelay=20");
	for (int i = 0; i < 10; i++)
		cr_assert_eq(harness_as(0, files_stat_errno, daemon_path(&d, "attr")), 0);
	cr_assert(report_of(&d, "answers=") >= 10);
	cr_assert_eq(report_of(&d, "lost="), 0);
	cr_assert_eq(daemon_stop(&d), 0);
}

/* ---- races ---- */

#define RACERS 4
#define RACES  800

struct race {
	const char *path;
	int (*once)(int fd, unsigned n);
	atomic_ulong ok, eintr, other;
	atomic_uint done;
};

static void *run_races(void *arg)
{
	struct race *race = arg;
	int fd = open(race->path, O_RDWR | O_CLOEXEC);

	for (unsigned n = 0; n < RACES; n++) {
		int error = race->once(fd, n);

		atomic_fetch_add(error == 0       ? &race->ok
				 : error == EINTR ? &race->eintr
						  : &race->other,
				 1);
	}
	close(fd);
	atomic_fetch_add(&race->done, 1);
	return NULL;
}

/* Signals the threads again and again at changing moments, until all have done their number. */
static void race_against_signals(struct race *race)
{
	pthread_t thread[RACERS];
	unsigned seed = 1;

	callers_catch(SIGUSR2);
	for (int i = 0; i < RACERS; i++)
		cr_assert_eq(pthread_create(&thread[i], NULL, run_races, race), 0);
	while (atomic_load(&race->done) < RACERS) {
		struct timespec wait = {.tv_nsec = rand_r(&seed) % 300000};

		nanosleep(&wait, NULL);
		if (atomic_load(&race->done) == 0)
			for (int i = 0; i < RACERS; i++)
				pthread_kill(thread[i], SIGUSR2);
	}
	for (int i = 0; i < RACERS; i++)
		pthread_join(thread[i], NULL);
}

static int race_read(int fd, unsigned n)
{
	char buf[64];

	(void)n;
	return pread(fd, buf, sizeof buf, 0) < 0 ? errno : 0;
}

/* The counts of a child; harness_fork() hands back one byte only. */
static struct race *shared_race(const char *path, int (*once)(int, unsigned))
{
	struct race *race =
		mmap(NULL, sizeof *race, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	cr_assert_neq(race, MAP_FAILED);
	race->path = path;
	race->once = once;
	return race;
}

static int race_child(void *race)
{
	race_against_signals(race);
	return 0;
}

FACT(interrupt, answers_and_interrupts_race_and_every_request_ends)
{
	struct daemon d;
	struct race *race;

	start_slowfs(&d, "-odelay=1");
	race = shared_race(daemon_path(&d, "race"), race_read);
	cr_assert_eq(harness_reap(harness_fork(race_child, race), 25000), 0);
	cr_assert_eq(atomic_load(&race->ok) + atomic_load(&race->eintr), RACERS * RACES);
	cr_assert_eq(atomic_load(&race->other), 0);
	cr_assert(atomic_load(&race->eintr) > 50, "%lu were interrupted", race->eintr);
	cr_assert(atomic_load(&race->ok) > 50, "%lu were answered", race->ok);
	cr_assert(!callers_dump_has(&d, "READ unique"), "a request is left");
	cr_assert_eq(daemon_stop(&d), 0);
}

/* Open-file locks, so that the threads wait for each other. */
static int race_lock(int fd, unsigned n)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
	int error;

	error = fcntl(fd, F_OFD_SETLKW, &lock) < 0 ? errno : 0;
	if (error == 0) {
		struct timespec wait = {.tv_nsec = n % 7 * 20000};

		nanosleep(&wait, NULL);
		lock.l_type = F_UNLCK;
		/* this one must not fail, or nobody gets it any more */
		while (fcntl(fd, F_OFD_SETLK, &lock) < 0)
			if (errno != EINTR)
				return errno;
	}
	return error;
}

static void check_lock_races(const char *option)
{
	struct daemon d;
	struct race *race;

	start_lockfs(&d, option);
	race = shared_race(daemon_path(&d, "l0"), race_lock);
	cr_assert_eq(harness_reap(harness_fork(race_child, race), 25000), 0);
	cr_assert_eq(atomic_load(&race->ok) + atomic_load(&race->eintr), RACERS * RACES);
	cr_assert_eq(atomic_load(&race->other), 0);
	cr_assert(atomic_load(&race->eintr) > 50, "%lu were interrupted", race->eintr);
	cr_assert(!callers_dump_has(&d, "SETLKW unique"), "a request is left");
	cr_assert_eq(harness_as(0, callers_try_lock, daemon_path(&d, "l0")), 0, "a lock is left");
	cr_assert_eq(daemon_stop(&d), 0);
}

FACT(interrupt, locks_and_interrupts_race_and_no_lock_is_left)
{
	check_lock_races(NULL);
}

FACT(interrupt, locks_granted_by_a_thread_and_interrupts_race)
{
	check_lock_races("-ogranter");
}
