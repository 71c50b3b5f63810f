/*
 * The stacks of all threads as they come out in the log: named, in order, of threads that wait, of
 * threads that do not answer, of many, and by several callers at once.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daemon/log.h"
#include "daemon/stacks.h"
#include "daemon/threads.h"

#define ASK_SIGNAL (SIGRTMIN + 1)

/* ---- the log ---- */

static char *text;
static int file;

static void set_up(void)
{
	char name[] = "/tmp/llfused-unit-XXXXXX";
	struct err err = {""};

	alarm(120); /* a watchdog only */
	file = mkstemp(name);
	cr_assert_geq(file, 0);
	unlink(name);
	unsetenv("JOURNAL_STREAM");
	dup2(file, STDERR_FILENO);
	lseek(STDERR_FILENO, 0, SEEK_SET);
	log_set_level(LLFUSED_LOG_INFO);
	cr_assert_eq(stacks_open(&err), 0, "%s", err.text);
}

TestSuite(stacks, .init = set_up);

/* What was logged since the last call. */
static const char *caught(void)
{
	off_t size = lseek(file, 0, SEEK_END);

	free(text);
	text = calloc(1, (size_t)size + 1);
	cr_assert_eq(pread(file, text, (size_t)size, 0), size);
	cr_assert_eq(ftruncate(file, 0), 0);
	lseek(file, 0, SEEK_SET);
	return text;
}

/* The head and the frames of one thread, a copy; "" if it is not listed. */
static char *part_of(const char *log, pid_t tid)
{
	char head[64];
	const char *start, *end;

	snprintf(head, sizeof head, "llfused: thread %d ", (int)tid);
	start = strstr(log, head);
	if (!start)
		return strdup("");
	end = strstr(start + 1, "llfused: thread ");
	return end ? strndup(start, (size_t)(end - start)) : strdup(start);
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* ---- threads that wait ---- */

struct waiter {
	pthread_t thread;
	_Atomic pid_t tid; /* 0: not there yet */
	sem_t go;
	pthread_mutex_t *hold; /* held while it waits */
	bool block;            /* the signal */
};

static atomic_uint after;

/* Each of them has work left when it comes back, so none jumps instead of calling. */
__attribute__((noinline)) static void chain_inner(struct waiter *w)
{
	atomic_store(&w->tid, gettid());
	while (sem_wait(&w->go) < 0)
		;
	after++;
}

__attribute__((noinline)) static void chain_middle(struct waiter *w)
{
	chain_inner(w);
	after++;
}

__attribute__((noinline)) static void chain_outer(struct waiter *w)
{
	chain_middle(w);
	after++;
}

static void set_blocked(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, ASK_SIGNAL);
	pthread_sigmask(how, &set, NULL);
}

static void *wait_in_chain(void *arg)
{
	struct waiter *w = arg;

	pthread_setname_np(pthread_self(), "handler/3");
	if (w->block)
		set_blocked(SIG_BLOCK);
	if (w->hold)
		pthread_mutex_lock(w->hold);
	chain_outer(w);
	if (w->hold)
		pthread_mutex_unlock(w->hold);
	return NULL;
}

static void until_there(const _Atomic pid_t *tid)
{
	while (atomic_load(tid) == 0)
		usleep(1000);
	usleep(20000); /* and it sleeps */
}

static void begin(struct waiter *w)
{
	sem_init(&w->go, 0, 0);
	cr_assert_eq(pthread_create(&w->thread, NULL, wait_in_chain, w), 0);
	until_there(&w->tid);
}

static void finish(struct waiter *w)
{
	sem_post(&w->go);
	cr_assert_eq(pthread_join(w->thread, NULL), 0);
}

/* Do these functions follow each other, from frame to frame? */
static void expect_chain(const char *part)
{
	static const char *const names[] = {"chain_inner", "chain_middle", "chain_outer"};
	const char *at = strstr(part, " chain_inner+0x");
	int number;

	cr_assert_not_null(at, "%s", part);
	while (*at != '#')
		at--;
	number = atoi(at + 1);
	for (int i = 0; i < 3; i++) {
		char expected[64];

		snprintf(expected, sizeof expected, "#%d %s+0x", number + i, names[i]);
		cr_assert_eq(strncmp(at, expected, strlen(expected)), 0, "%s: %s", expected, part);
		at = strchr(at, '\n') + strlen("\nllfused:   ");
	}
}

static void expect_stack(const char *log, pid_t tid)
{
	char *part = part_of(log, tid);

	expect_chain(part);
	free(part);
}

Test(stacks, static_functions_of_a_waiting_thread_are_listed_in_order)
{
	struct waiter w = {.tid = 0};
	char head[64], *part;

	begin(&w);
	stacks_log();
	part = part_of(caught(), w.tid);
	snprintf(head, sizeof head, "llfused: thread %d handler/3:\nllfused:   #0 ", (int)w.tid);
	cr_assert_eq(strncmp(part, head, strlen(head)), 0, "%s", part);
	expect_chain(part);
	free(part);
	finish(&w);
}

Test(stacks, neither_the_signal_handler_nor_this_file_is_listed)
{
	struct waiter w = {.tid = 0};

	begin(&w);
	stacks_log();
	caught();
	cr_assert_null(strstr(text, "on_ask"), "%s", text);
	cr_assert_null(strstr(text, "stacks_log"), "%s", text);
	cr_assert_null(strstr(text, "log_self"), "%s", text);
	finish(&w);
}

__attribute__((noinline)) static void own_function(void)
{
	stacks_log();
	after++;
}

Test(stacks, the_own_stack_begins_with_the_caller)
{
	char *part;

	own_function();
	part = part_of(caught(), gettid());
	cr_assert_not_null(strstr(part, ":\nllfused:   #0 own_function+0x"), "%s", part);
	free(part);
}

__attribute__((noinline, noreturn)) static void wait_and_end(struct waiter *w)
{
	chain_outer(w);
	pthread_exit(NULL);
}

__attribute__((noinline, noreturn)) static void ends_with_the_call(struct waiter *w)
{
	after++;
	wait_and_end(w);
}

static void *wait_and_never_return(void *arg)
{
	after++;
	ends_with_the_call(arg);
}

/* What it would return to is behind its end, and may be another function. */
Test(stacks, a_function_whose_last_instruction_is_the_call_is_named)
{
	struct waiter w = {.tid = 0};
	char *part;

	sem_init(&w.go, 0, 0);
	cr_assert_eq(pthread_create(&w.thread, NULL, wait_and_never_return, &w), 0);
	until_there(&w.tid);
	stacks_log();
	part = part_of(caught(), w.tid);
	cr_assert_not_null(strstr(part, " wait_and_end+0x"), "%s", part);
	cr_assert_not_null(strstr(part, " wait_and_never_return+0x"), "%s", part);
	free(part);
	finish(&w);
}

Test(stacks, a_mutex_that_somebody_holds_does_not_matter)
{
	pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;
	struct waiter w = {.hold = &held};

	begin(&w);
	cr_assert_eq(pthread_mutex_trylock(&held), EBUSY);
	stacks_log();
	expect_stack(caught(), w.tid);
	finish(&w);
}

/* Somebody asked for them: they come at whatever level is written. */
Test(stacks, they_are_logged_at_every_level)
{
	struct waiter w = {.tid = 0};

	begin(&w);
	for (int level = LLFUSED_LOG_ERROR; level <= LLFUSED_LOG_DEBUG; level++) {
		log_set_level((enum llfused_log_level)level);
		stacks_log();
		expect_stack(caught(), w.tid);
	}
	finish(&w);
}

Test(stacks, an_unanswered_signal_stays_pending)
{
	struct waiter w = {.block = true};
	struct thread_info info;

	begin(&w);
	stacks_log();
	cr_assert(threads_read(w.tid, &info));
	cr_assert_eq(info.pending, UINT64_C(1) << (ASK_SIGNAL - 1));
	finish(&w);
}

static int deep(struct waiter *w, int depth)
{
	int below = 0;

	if (depth == 0)
		chain_outer(w);
	else
		below = deep(w, depth - 1);
	after++;
	return below + 1;
}

static void *wait_deep(void *arg)
{
	return deep(arg, 1000) > 0 ? NULL : arg;
}

Test(stacks, an_endless_stack_is_listed_from_its_inner_end)
{
	struct waiter w = {.tid = 0};
	char *part;

	sem_init(&w.go, 0, 0);
	cr_assert_eq(pthread_create(&w.thread, NULL, wait_deep, &w), 0);
	until_there(&w.tid);
	stacks_log();
	part = part_of(caught(), w.tid);
	expect_chain(part);
	cr_assert_not_null(strstr(part, "more frames"), "%s", part);
	free(part);
	finish(&w);
}

/* ---- threads that do not answer ---- */

Test(stacks, a_thread_that_blocks_the_signal_is_told_within_a_second)
{
	struct waiter w = {.block = true};
	double began;
	char *part;

	begin(&w);
	began = seconds();
	stacks_log();
	cr_assert_lt(seconds() - began, 1.0);
	part = part_of(caught(), w.tid);
	cr_assert_not_null(
		strstr(part, " handler/3 does not answer (it blocks the signal): state S"), "%s",
		part);
	cr_assert_null(strstr(part, "chain_"), "%s", part);
	free(part);
	finish(&w);
}

Test(stacks, after_a_thread_that_does_not_answer_others_are_listed)
{
	struct waiter silent = {.block = true}, w = {.tid = 0};

	begin(&silent);
	begin(&w);
	for (int i = 0; i < 3; i++) {
		stacks_log();
		expect_stack(caught(), w.tid);
	}
	finish(&silent);
	finish(&w);
}

Test(stacks, many_silent_threads_share_the_patience)
{
	static struct waiter w[40];
	double began;

	for (size_t i = 0; i < 40; i++) {
		w[i].block = true;
		begin(&w[i]);
	}
	began = seconds();
	stacks_log();
	cr_assert_lt(seconds() - began, 5.0);
	caught();
	for (size_t i = 0; i < 40; i++) {
		char *part = part_of(text, w[i].tid);

		cr_assert_not_null(strstr(part, "does not answer"), "%s", part);
		free(part);
	}
	for (size_t i = 0; i < 40; i++)
		finish(&w[i]);
}

/* Blocks the signal until told to go, then waits in the chain. */
static void *answer_late(void *arg)
{
	struct waiter *w = arg; /* two of them */

	set_blocked(SIG_BLOCK);
	atomic_store(&w->tid, gettid());
	while (sem_wait(&w->go) < 0)
		;
	set_blocked(SIG_UNBLOCK);
	chain_outer(&w[1]);
	return NULL;
}

Test(stacks, a_late_answer_is_dropped_and_the_thread_answers_the_next_time)
{
	struct waiter w[2] = {{.tid = 0}, {.tid = 0}};
	char *part;

	sem_init(&w[0].go, 0, 0);
	sem_init(&w[1].go, 0, 0);
	cr_assert_eq(pthread_create(&w[0].thread, NULL, answer_late, w), 0);
	until_there(&w[0].tid);
	stacks_log();
	part = part_of(caught(), w[0].tid);
	cr_assert_not_null(strstr(part, "does not answer"), "%s", part);
	free(part);
	sem_post(&w[0].go);
	until_there(&w[1].tid);
	cr_assert_str_eq(caught(), "");
	stacks_log();
	expect_stack(caught(), w[0].tid);
	sem_post(&w[1].go);
	pthread_join(w[0].thread, NULL);
}

static void *log_once(void *arg)
{
	stacks_log();
	return arg;
}

Test(stacks, questions_do_not_pile_up_in_a_silent_thread)
{
	const struct timespec none = {0, 0};
	struct waiter w = {.tid = 0};
	sigset_t set;

	/* the own thread, asked by another one */
	set_blocked(SIG_BLOCK);
	begin(&w); /* and this one has the mask from us */
	for (int i = 0; i < 3; i++) {
		pthread_t thread;

		cr_assert_eq(pthread_create(&thread, NULL, log_once, NULL), 0);
		pthread_join(thread, NULL);
	}
	sigemptyset(&set);
	sigaddset(&set, ASK_SIGNAL);
	cr_assert_eq(sigtimedwait(&set, NULL, &none), ASK_SIGNAL);
	cr_assert_eq(sigtimedwait(&set, NULL, &none), -1);
	finish(&w);
}

/* A thread that only SIGKILL reaches: it has called vfork, and its child takes its time. */
struct stuck {
	pthread_t thread;
	_Atomic pid_t tid;
	_Atomic pid_t child;
};

static void *get_stuck(void *arg)
{
	struct stuck *s = arg;
	pid_t child;

	atomic_store(&s->tid, gettid());
	child = vfork();
	if (child == 0) {
		atomic_store(&s->child, getpid());
		sleep(30); /* killed before */
		_exit(0);
	}
	waitpid(child, NULL, 0);
	return NULL;
}

Test(stacks, threads_stuck_in_the_kernel_are_told_with_their_place_and_share_the_patience)
{
	struct stuck s[8] = {{.tid = 0}};
	double began, took;

	for (size_t i = 0; i < 8; i++) {
		cr_assert_eq(pthread_create(&s[i].thread, NULL, get_stuck, &s[i]), 0);
		until_there(&s[i].child);
	}
	began = seconds();
	stacks_log();
	took = seconds() - began;
	for (size_t i = 0; i < 8; i++)
		kill(s[i].child, SIGKILL);
	for (size_t i = 0; i < 8; i++)
		pthread_join(s[i].thread, NULL);
	cr_assert_lt(took, 3.0);
	caught();
	for (size_t i = 0; i < 8; i++) {
		char *part = part_of(text, s[i].tid);

		cr_assert_not_null(strstr(part, " does not answer: state D"), "%s", part);
		cr_assert_not_null(strstr(part, ", system call "), "%s", part);
		cr_assert_not_null(strstr(part, "\nllfused:   #0 "), "%s", part);
		free(part);
	}
}

static atomic_bool enough;

static void *disturb(void *arg)
{
	const struct waiter *w = arg;

	while (!atomic_load(&enough)) {
		pthread_kill(w->thread, ASK_SIGNAL);
		usleep(500);
	}
	return NULL;
}

Test(stacks, nobody_answers_for_another_thread)
{
	struct waiter w = {.tid = 0}, silent = {.block = true};
	pthread_t thread;
	char *part;

	begin(&w);
	begin(&silent);
	cr_assert_eq(pthread_create(&thread, NULL, disturb, &w), 0);
	stacks_log();
	atomic_store(&enough, true);
	pthread_join(thread, NULL);
	part = part_of(caught(), silent.tid);
	cr_assert_not_null(strstr(part, "does not answer"), "%s", part);
	cr_assert_null(strstr(part, "chain_"), "%s", part);
	free(part);
	expect_stack(text, w.tid);
	finish(&w);
	finish(&silent);
}

__attribute__((noinline)) static void toggle_function(void)
{
	set_blocked(SIG_BLOCK);
	usleep((unsigned)rand() % 2000);
	set_blocked(SIG_UNBLOCK);
}

static void *toggle(void *arg)
{
	atomic_store((_Atomic pid_t *)arg, gettid());
	while (!atomic_load(&enough))
		toggle_function();
	return NULL;
}

/* A thread that always answers late must never be found in another one's answer. */
Test(stacks, answers_never_get_mixed_up)
{
	struct waiter w = {.tid = 0};
	_Atomic pid_t late[2] = {0, 0};
	pthread_t thread[2];

	begin(&w);
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(pthread_create(&thread[i], NULL, toggle, &late[i]), 0);
		until_there(&late[i]);
	}
	for (int i = 0; i < 50; i++) {
		char *part;

		stacks_log();
		caught();
		part = part_of(text, w.tid);
		expect_chain(part);
		cr_assert_null(strstr(part, "toggle"), "%s", part);
		free(part);
		for (int k = 0; k < 2; k++) {
			part = part_of(text, late[k]);
			cr_assert_null(strstr(part, "chain_"), "%s", part);
			free(part);
		}
	}
	atomic_store(&enough, true);
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	finish(&w);
}

/* ---- what others feel of it ---- */

struct reader {
	int fd;
	_Atomic pid_t tid;
	ssize_t result;
	char byte;
};

static void *read_pipe(void *arg)
{
	struct reader *r = arg;

	atomic_store(&r->tid, gettid());
	r->result = read(r->fd, &r->byte, 1);
	return NULL;
}

Test(stacks, an_interrupted_read_goes_on)
{
	struct reader r = {.result = -2};
	pthread_t thread;
	int fds[2];

	cr_assert_eq(pipe(fds), 0);
	r.fd = fds[0];
	cr_assert_eq(pthread_create(&thread, NULL, read_pipe, &r), 0);
	until_there(&r.tid);
	stacks_log();
	cr_assert_not_null(strstr(caught(), "read"));
	cr_assert_eq(write(fds[1], "x", 1), 1);
	pthread_join(thread, NULL);
	cr_assert_eq(r.result, 1);
	cr_assert_eq(r.byte, 'x');
}

Test(stacks, a_signal_that_nobody_asked_with_is_ignored)
{
	errno = EXDEV;
	for (int i = 0; i < 10; i++)
		raise(ASK_SIGNAL);
	cr_assert_eq(errno, EXDEV);
	cr_assert_str_eq(caught(), "");
}

Test(stacks, a_blocked_signal_is_unblocked_at_the_start)
{
	struct err err;
	sigset_t set;

	set_blocked(SIG_BLOCK);
	cr_assert_eq(stacks_open(&err), 0);
	pthread_sigmask(SIG_SETMASK, NULL, &set);
	cr_assert_eq(sigismember(&set, ASK_SIGNAL), 0);
}

static size_t count_descriptors(void)
{
	size_t n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

Test(stacks, no_descriptor_stays_open)
{
	struct waiter w = {.tid = 0};
	size_t before;

	begin(&w);
	before = count_descriptors();
	for (int i = 0; i < 5; i++)
		stacks_log();
	cr_assert_eq(count_descriptors(), before);
	finish(&w);
}

/* ---- many ---- */

Test(stacks, fifty_threads_are_listed_in_a_moment)
{
	static struct waiter w[50];
	double began;

	for (size_t i = 0; i < 50; i++)
		begin(&w[i]);
	began = seconds();
	stacks_log();
	cr_assert_lt(seconds() - began, 2.0);
	caught();
	for (size_t i = 0; i < 50; i++)
		expect_stack(text, w[i].tid);
	for (size_t i = 0; i < 50; i++)
		finish(&w[i]);
}

#define CALLERS 4
#define ROUNDS  5

static void *call(void *arg)
{
	(void)arg;
	for (int i = 0; i < ROUNDS; i++)
		stacks_log();
	return NULL;
}

/* Whole lists one after the other: the waiter's stack is complete in each of them. */
Test(stacks, callers_at_the_same_time_wait_for_each_other)
{
	pthread_t caller[CALLERS];
	struct waiter w = {.tid = 0};
	char head[64];
	size_t n = 0;

	begin(&w);
	for (size_t i = 0; i < CALLERS; i++)
		cr_assert_eq(pthread_create(&caller[i], NULL, call, NULL), 0);
	for (size_t i = 0; i < CALLERS; i++)
		cr_assert_eq(pthread_join(caller[i], NULL), 0);
	caught();
	snprintf(head, sizeof head, "llfused: thread %d ", (int)w.tid);
	for (const char *at = text; (at = strstr(at, head)); at++, n++)
		expect_stack(at, w.tid);
	cr_assert_eq(n, CALLERS * ROUNDS);
	finish(&w);
}

static void *come_and_go(void *arg)
{
	(void)arg;
	usleep(100);
	return NULL;
}

static void *start_threads(void *arg)
{
	(void)arg;
	while (!atomic_load(&enough)) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, come_and_go, NULL) == 0)
			pthread_join(thread, NULL);
	}
	return NULL;
}

Test(stacks, threads_may_come_and_go_meanwhile)
{
	struct waiter w = {.tid = 0};
	pthread_t thread;

	begin(&w);
	cr_assert_eq(pthread_create(&thread, NULL, start_threads, NULL), 0);
	for (int i = 0; i < 30; i++) {
		stacks_log();
		expect_stack(caught(), w.tid);
	}
	atomic_store(&enough, true);
	pthread_join(thread, NULL);
	finish(&w);
}
