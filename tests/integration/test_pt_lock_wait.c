/*
 * Passthrough with locks=source: locks that are waited for.
 */
#include "pt_lock.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "callers.h"

/* ---- granted, and given up ---- */

static void wait_is_granted(const char *holds, const char *waits, const struct pt *p,
			    int (*fn)(void *), int cmd)
{
	pid_t has = pt_lock_holder(holds, cmd, F_WRLCK);
	pid_t waiter = harness_fork(fn, (void *)(uintptr_t)waits);

	if (waits[strlen(p->d.mnt)] == '/' && strncmp(waits, p->d.mnt, strlen(p->d.mnt)) == 0)
		callers_wait_until_waiting(&p->d, "SETLKW");
	cr_assert_eq(harness_reap(waiter, 100), -1, "granted while it was held");
	pt_lock_end(has);
	cr_assert_eq(harness_reap(waiter, 5000), 0);
}

PT_FACT(pt_lock_wait, who_waits_gets_the_lock_when_it_is_given_up_on_either_side)
{
	struct pt p = {0};

	pt_lock_start(&p, kind);
	for (int i = 0; i < 3; i++) {
		const char *holds = i == 0 ? pt_mnt(&p, "f") : pt_src(&p, "f");
		const char *waits = i == 1 ? pt_mnt(&p, "f") : pt_src(&p, "f");

		if (i == 2)
			holds = waits = pt_mnt(&p, "f");
		wait_is_granted(holds, waits, &p, callers_wait_for_lock, F_SETLKW);
		wait_is_granted(holds, waits, &p, callers_wait_for_lock, F_OFD_SETLKW);
		wait_is_granted(holds, waits, &p, pt_lock_wait_for_flock, 0);
	}
	pt_stop(&p);
}

static void check_signal(const struct pt *p, int (*fn)(void *), int cmd)
{
	pid_t has = pt_lock_holder(pt_src(p, "f"), cmd, F_WRLCK);
	pid_t waiter = harness_fork(fn, pt_mnt(p, "f"));

	callers_wait_until_waiting(&p->d, "SETLKW");
	PT_OK(kill(waiter, SIGUSR1));
	cr_assert_eq(harness_reap(waiter, 5000), EINTR);
	waiter = harness_fork(fn, pt_mnt(p, "f"));
	callers_wait_until_waiting(&p->d, "SETLKW");
	PT_OK(kill(waiter, SIGKILL));
	cr_assert_eq(harness_reap(waiter, 5000), 128 + SIGKILL);
	cr_assert(!callers_dump_has(&p->d, "in flight: SETLKW"));
	pt_lock_end(has);
	cr_assert_eq(pt_lock_other_writes(pt_src(p, "f")), 0, "taken by one who gave up");
	cr_assert_eq(pt_lock_other_flocks(pt_src(p, "f")), 0);
}

FACT(pt_lock_wait, a_signal_ends_the_wait_and_nothing_is_held)
{
	struct pt p = {0};

	pt_lock_start(&p, PT_TMPFS);
	check_signal(&p, callers_wait_for_lock, F_SETLKW);
	check_signal(&p, pt_lock_wait_for_flock, 0);
	pt_stop(&p);
}

static int wait_through_signals(void *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	struct sigaction action;

	callers_catch(SIGUSR1);
	sigaction(SIGUSR1, NULL, &action);
	action.sa_flags = SA_RESTART;
	sigaction(SIGUSR1, &action, NULL);
	return callers_lock(fd, F_SETLKW, F_WRLCK);
}

FACT(pt_lock_wait, a_signal_that_restarts_calls_does_not_end_the_wait)
{
	struct pt p = {0};
	pid_t has, waiter;

	pt_lock_start(&p, PT_TMPFS);
	has = pt_lock_holder(pt_src(&p, "f"), F_SETLKW, F_WRLCK);
	waiter = harness_fork(wait_through_signals, pt_mnt(&p, "f"));
	callers_wait_until_waiting(&p.d, "SETLKW");
	for (int i = 0; i < 50; i++) {
		PT_OK(kill(waiter, SIGUSR1));
		nap(2);
	}
	cr_assert_eq(harness_reap(waiter, 50), -1, "it gave up");
	pt_lock_end(has);
	cr_assert_eq(harness_reap(waiter, 5000), 0);
	cr_assert_eq(pt_lock_other_writes(pt_src(&p, "f")), 0);
	pt_stop(&p);
}

/* The non-waiting part, too, may take its time there: another way through the daemon. */
FACT(pt_lock_wait, locks_of_a_source_that_may_be_slow_are_waited_for)
{
	struct daemon under = {0};
	struct pt p = {0};
	pid_t has, waiter;

	daemon_start(&under, NULL);
	p.src = under.mnt;
	pt_lock_start(&p, PT_TMPFS);
	has = pt_lock_holder(pt_mnt(&p, "f"), F_SETLKW, F_WRLCK);
	cr_assert_eq(pt_lock_other_reads(pt_src(&p, "f")), EAGAIN);
	pt_lock_end(has);
	check_signal(&p, callers_wait_for_lock, F_SETLKW);
	check_signal(&p, pt_lock_wait_for_flock, 0);
	has = pt_lock_holder(pt_src(&p, "f"), F_SETLKW, F_WRLCK);
	waiter = harness_fork(callers_wait_for_lock, pt_mnt(&p, "f"));
	callers_wait_until_waiting(&p.d, "SETLKW");
	pt_lock_end(has);
	cr_assert_eq(harness_reap(waiter, 5000), 0);
	pt_stop(&p);
	cr_assert_eq(daemon_stop(&under), 0);
}

/* Takes and gives up a lock, again and again, with signals at any moment. */
static int contend(void *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC), ret, got = 0;
	unsigned seed = (unsigned)getpid();

	while (got < 300) {
		off_t first = rand_r(&seed) % 4;

		ret = pt_lock_range(fd, F_SETLKW, rand_r(&seed) % 2 ? F_WRLCK : F_RDLCK, first, 2);
		if (ret != 0 && ret != EINTR)
			return ret;
		if (ret == 0 && ++got % 8 == 0)
			usleep(100);
		ret = pt_lock_range(fd, F_SETLK, F_UNLCK, 0, 0);
		if (ret != 0)
			return ret;
	}
	return 0;
}

FACT_WITHIN(pt_lock_wait, interrupts_that_meet_grants_leave_nothing_behind, 60)
{
	enum { N = 6 };
	struct pt p = {0};
	pid_t pid[N];
	bool running = true;

	pt_lock_start(&p, PT_TMPFS);
	callers_catch(SIGUSR1); /* the children, from their beginning */
	for (int i = 0; i < N; i++)
		pid[i] = harness_fork(contend, i % 3 ? pt_mnt(&p, "f") : pt_src(&p, "f"));
	while (running) {
		running = false;
		for (int i = 0; i < N; i++) {
			siginfo_t info = {.si_pid = 0};

			waitid(P_PID, (id_t)pid[i], &info, WEXITED | WNOHANG | WNOWAIT);
			if (info.si_pid != 0)
				continue;
			running = true;
			kill(pid[i], SIGUSR1);
		}
		usleep(500);
	}
	for (int i = 0; i < N; i++)
		cr_assert_eq(harness_reap(pid[i], 1000), 0, "%d", i);
	cr_assert_eq(pt_lock_other_writes(pt_src(&p, "f")), 0);
	cr_assert_eq(pt_lock_other_writes(pt_mnt(&p, "f")), 0);
	/* the node's */
	cr_assert(eventually(pt_lock_count_fds(&p, pt_src(&p, "f")) <= 1));
	pt_stop(&p);
}

/* ---- deadlock ---- */

struct pair {
	const char *path;
	off_t first, second;
};

static int take_both(void *arg)
{
	const struct pair *pair = arg;
	int fd = open(pair->path, O_RDWR | O_CLOEXEC), ret;

	ret = pt_lock_range(fd, F_SETLKW, F_WRLCK, pair->first, 1);
	nap(200);
	return ret ? ret : pt_lock_range(fd, F_SETLKW, F_WRLCK, pair->second, 1);
}

FACT(pt_lock_wait, two_who_wait_for_each_other_are_told)
{
	struct pt p = {0};
	struct pair ab = {.first = 0, .second = 1}, ba = {.first = 1, .second = 0};
	int a, b;
	pid_t pid[2];

	pt_lock_start(&p, PT_TMPFS);
	ab.path = ba.path = pt_mnt(&p, "f");
	pid[0] = harness_fork(take_both, &ab);
	pid[1] = harness_fork(take_both, &ba);
	a = harness_reap(pid[0], 10000);
	b = harness_reap(pid[1], 10000);
	cr_assert((a == 0 && b == EDEADLK) || (a == EDEADLK && b == 0), "%d and %d", a, b);
	pt_stop(&p);
}

/* ---- many, and the end ---- */

#define MANY 100

FACT_WITHIN(pt_lock_wait, waits_hold_no_thread_that_others_need, 60)
{
	struct pt p = {0};
	pid_t pid[MANY];
	unsigned long from;
	int fd;

	pt_lock_start(&p, PT_TMPFS);
	pt_put(pt_src(&p, "g"), "");
	fd = pt_open(pt_src(&p, "f"), O_RDWR);
	cr_assert_eq(callers_lock(fd, F_SETLK, F_WRLCK), 0);
	cr_assert_eq(pt_lock_flock(fd, LOCK_EX), 0);
	for (int i = 0; i < MANY; i++)
		pid[i] = harness_fork(i % 2 ? callers_wait_for_lock : pt_lock_wait_for_flock,
				      pt_mnt(&p, "f"));
	/* the threads that wait are those that are more than before */
	cr_assert(eventually(daemon_status_of(&p.d, "Threads:") > MANY));
	from = pt_now_ms();
	for (int i = 0; i < 50; i++) {
		cr_assert_eq(pt_lock_other_writes(pt_mnt(&p, "g")), 0);
		pt_put(pt_mnt(&p, "h"), "text");
		cr_assert(pt_has(pt_mnt(&p, "h"), "text"));
		PT_OK(unlink(pt_mnt(&p, "h")));
	}
	cr_assert_lt(pt_now_ms() - from, 10000);
	cr_assert_eq(pt_lock_flock(fd, LOCK_UN), 0);
	close(fd);
	for (int i = 0; i < MANY; i++)
		cr_assert_eq(harness_reap(pid[i], 20000), 0, "waiter %d", i);
	cr_assert(eventually(daemon_status_of(&p.d, "Threads:") < MANY), "threads were left");
	pt_stop(&p);
}

FACT(pt_lock_wait, waits_do_not_hinder_the_end)
{
	struct pt p = {0};
	pid_t waiters[3];
	int fd, i;

	pt_lock_start(&p, PT_TMPFS);
	fd = pt_open(pt_src(&p, "f"), O_RDWR);
	cr_assert_eq(callers_lock(fd, F_SETLK, F_WRLCK), 0);
	cr_assert_eq(pt_lock_flock(fd, LOCK_EX), 0);
	for (i = 0; i < 3; i++)
		waiters[i] = harness_fork(i ? callers_wait_for_lock : pt_lock_wait_for_flock,
					  pt_mnt(&p, "f"));
	callers_wait_until_waiting(&p.d, "SETLKW");
	nap(100);
	PT_OK(kill(p.d.pid, SIGTERM));
	nap(50);
	kill(p.d.pid, SIGTERM);
	cr_assert_eq(daemon_wait(&p.d), 0);
	for (i = 0; i < 3; i++)
		cr_assert_gt(harness_reap(waiters[i], 5000), 0, "it got no error");
	cr_assert_not(daemon_log_has(&p.d, 0, "given up"));
	close(fd);
}
