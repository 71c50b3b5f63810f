/*
 * The notification queue over a socket pair: order, bounds, duplicates, what it tells of itself,
 * and its end.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/notifyq.h"
#include "daemon_held.h"

#define SECOND UINT64_C(1000000000)
#define MS     UINT64_C(1000000)

static struct notifyq queue;
static int ends[2]; /* the queue's, the reader's */

static void make(void)
{
	struct err err;

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	cr_assert_eq(notifyq_start(&queue, ends[0], &err), 0);
}

static void unmake(void)
{
	shutdown(ends[0], SHUT_RDWR);
	signal(SIGPIPE, SIG_IGN);
	cr_expect_eq(notifyq_stop(&queue, 5 * SECOND), 0);
	close(ends[0]);
	close(ends[1]);
}

TestSuite(notifyq, .init = make, .fini = unmake, .timeout = 30);

static unsigned receive(void)
{
	unsigned number = 0;

	cr_assert_eq(receive_message(ends[1], &number, sizeof(number)), sizeof(number));
	return number;
}

static int put(unsigned number)
{
	return notifyq_put(&queue, &number, sizeof(number), NULL, 0);
}

static int put_covered(unsigned number, unsigned cover)
{
	return notifyq_put(&queue, &number, sizeof(number), &cover, sizeof(cover));
}

/* The thread sends this one for as long as nobody reads. */
static void put_held(unsigned number)
{
	hold_up(ends[0]);
	cr_assert_eq(put(number), 0);
	wait_sending(&queue);
}

static struct notifyq_stats stats(void)
{
	struct notifyq_stats now;

	notifyq_stats(&queue, &now);
	return now;
}

static void wait_done(uint64_t count)
{
	for (unsigned i = 0; i < 5000 && stats().sent + stats().refused < count; i++)
		sleep_ms(1);
	cr_assert_eq(stats().sent + stats().refused, count);
}

/* ---- what goes through ---- */

Test(notifyq, sends_in_order)
{
	for (unsigned i = 0; i < 3000; i++) {
		cr_assert_eq(put(i), 0);
		if (i >= 10)
			cr_assert_eq(receive(), i - 10);
	}
}

Test(notifyq, keeps_each_message_whole)
{
	unsigned char in[NOTIFYQ_MESSAGE_MAX], out[NOTIFYQ_MESSAGE_MAX + 1];

	for (unsigned i = 0; i < sizeof(in); i++)
		in[i] = (unsigned char)(i * 7);
	cr_assert_eq(notifyq_put(&queue, in, sizeof(in), NULL, 0), 0);
	cr_assert_eq(recv(ends[1], out, sizeof(out), 0), sizeof(in));
	cr_expect_arr_eq(in, out, sizeof(in));
}

Test(notifyq, what_is_too_long_or_nothing_is_refused)
{
	unsigned char in[NOTIFYQ_MESSAGE_MAX + 1] = {0};

	cr_expect_eq(notifyq_put(&queue, in, sizeof(in), NULL, 0), -EMSGSIZE);
	cr_expect_eq(notifyq_put(&queue, in, 0, NULL, 0), -EMSGSIZE);
	cr_expect_eq(stats().queued, 0);
}

/* Nobody reads: the sender is held up, and what cannot be kept is said. */
Test(notifyq, a_full_queue_says_so_and_loses_nothing_else)
{
	put_held(0);
	for (unsigned i = 1; i < MSGRING_LENGTH; i++)
		cr_assert_eq(put(i), 0);
	for (unsigned i = 0; i < 5; i++)
		cr_assert_eq(put(MSGRING_LENGTH + i), -EAGAIN);
	cr_expect_eq(stats().dropped, 5);
	cr_expect_eq(stats().queued, MSGRING_LENGTH);
	for (unsigned i = 0; i < MSGRING_LENGTH; i++)
		cr_assert_eq(receive(), i);
	cr_expect_eq(put(7), 0);
	cr_expect_eq(receive(), 7);
}

Test(notifyq, long_messages_fill_it_earlier)
{
	unsigned char bytes[NOTIFYQ_MESSAGE_MAX] = {0}, got[NOTIFYQ_MESSAGE_MAX];
	unsigned accepted = 0;

	put_held(12345);
	for (;; accepted++) {
		memcpy(bytes, &accepted, sizeof(accepted));
		if (notifyq_put(&queue, bytes, sizeof(bytes), NULL, 0) != 0)
			break;
		cr_assert_lt(accepted, MSGRING_LENGTH);
	}
	cr_expect_gt(accepted, 200);
	cr_expect_eq(stats().dropped, 1);
	cr_expect_eq(receive(), 12345);
	for (unsigned i = 0; i < accepted; i++) {
		cr_assert_eq(receive_message(ends[1], got, sizeof(got)), sizeof(got));
		cr_assert_eq(memcmp(got, &i, sizeof(i)), 0);
	}
}

/* ---- duplicates ---- */

Test(notifyq, what_is_still_queued_is_not_queued_twice)
{
	put_held(1);
	cr_expect_eq(put(2), 0);
	cr_expect_eq(put(3), 0);
	cr_expect_eq(put(2), 0);
	cr_expect_eq(put(3), 0);
	cr_expect_eq(stats().merged, 2);
	cr_expect_eq(stats().queued, 3);
	cr_expect_eq(receive(), 1);
	cr_expect_eq(receive(), 2);
	cr_expect_eq(receive(), 3);
	put(4);
	cr_expect_eq(receive(), 4, "nothing came in between");
}

Test(notifyq, what_is_being_sent_covers_nothing)
{
	put_held(1);
	cr_expect_eq(put(1), 0);
	cr_expect_eq(put(1), 0);
	cr_expect_eq(stats().merged, 1);
	cr_expect_eq(receive(), 1);
	cr_expect_eq(receive(), 1);
	wait_done(2);
}

Test(notifyq, a_greater_one_covers_a_smaller_one_and_not_the_other_way)
{
	put_held(1);
	cr_expect_eq(put_covered(2, 3), 0);
	cr_expect_eq(put(3), 0);
	cr_expect_eq(stats().merged, 0, "the smaller one was first");
	cr_expect_eq(put_covered(4, 3), 0);
	cr_expect_eq(stats().merged, 1);
	cr_expect_eq(receive(), 1);
	cr_expect_eq(receive(), 2);
	cr_expect_eq(receive(), 3);
	cr_expect_eq(put_covered(4, 3), 0);
	cr_expect_eq(receive(), 4);
}

Test(notifyq, a_full_queue_takes_what_it_has)
{
	put_held(0);
	for (unsigned i = 1; i < MSGRING_LENGTH; i++)
		cr_assert_eq(put(i), 0);
	cr_expect_eq(put(MSGRING_LENGTH), -EAGAIN);
	cr_expect_eq(put(500), 0);
	cr_expect_eq(stats().merged, 1);
	cr_expect_eq(stats().dropped, 1);
}

#define SUBJECTS 8
#define CHANGES  20000

static _Atomic unsigned changed[SUBJECTS];
static unsigned seen[SUBJECTS];

/* Each changes a subject and then says so. */
static void *change(void *arg)
{
	unsigned number = *(unsigned *)arg;

	for (unsigned i = 0; i < CHANGES; i++) {
		unsigned subject = (i * 7 + number) % SUBJECTS;

		changed[subject]++;
		while (put(subject) == -EAGAIN)
			sched_yield();
	}
	return NULL;
}

/* Looks at a subject whenever it is told to, and not otherwise. */
static void *look(void *arg)
{
	unsigned subject = 0;

	while (recv(ends[1], &subject, sizeof(subject), 0) == sizeof(subject))
		seen[subject] = changed[subject];
	return arg;
}

Test(notifyq, after_the_last_message_nothing_old_is_believed)
{
	unsigned numbers[3] = {0, 1, 2};
	pthread_t threads[3], looker;

	cr_assert_eq(pthread_create(&looker, NULL, look, NULL), 0);
	for (unsigned i = 0; i < 3; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, change, &numbers[i]), 0);
	for (unsigned i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	while (stats().queued > 0)
		sleep_ms(1);
	shutdown(ends[0], SHUT_WR);
	pthread_join(looker, NULL);
	for (unsigned i = 0; i < SUBJECTS; i++)
		cr_expect_eq(seen[i], changed[i], "%u: %u %u", i, seen[i], changed[i]);
	cr_expect_eq(stats().sent + stats().merged, 3 * CHANGES);
}

/* ---- what it tells ---- */

Test(notifyq, counts_what_it_sent)
{
	put(1);
	put(2);
	receive();
	receive();
	wait_done(2);
	cr_expect_eq(stats().sent, 2);
	cr_expect_eq(stats().dropped, 0);
	cr_expect_eq(stats().queued, 0);
	cr_expect_eq(stats().lag, 0);
}

Test(notifyq, lag_is_the_age_of_the_oldest)
{
	put_held(1);
	sleep_ms(30);
	put(2);
	cr_expect_geq(stats().lag, 30 * MS);
	cr_expect_geq(stats().longest, 30 * MS);
	receive();
	receive();
	wait_done(2);
	cr_expect_eq(stats().lag, 0);
	cr_expect_geq(stats().longest, 30 * MS);
	cr_expect_lt(stats().longest, 20 * SECOND);
}

Test(notifyq, goes_on_after_a_refused_message)
{
	signal(SIGPIPE, SIG_IGN);
	shutdown(ends[1], SHUT_RD);
	put(1);
	put(2);
	wait_done(2);
	cr_expect_eq(stats().refused, 2);
	cr_expect_eq(stats().sent, 0);
}

Test(notifyq, what_has_no_receiver_is_no_fault)
{
	struct notifyq other;
	struct err err;
	int lonely = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0); /* answers ENOTCONN */

	cr_assert_eq(notifyq_start(&other, lonely, &err), 0);
	notifyq_put(&other, "x", 1, NULL, 0);
	for (unsigned i = 0; i < 5000; i++) {
		struct notifyq_stats now;

		notifyq_stats(&other, &now);
		cr_assert_eq(now.refused, 0);
		if (now.sent == 1)
			break;
		sleep_ms(1);
		cr_assert_lt(i, 4999);
	}
	cr_expect_eq(notifyq_stop(&other, SECOND), 0);
	close(lonely);
}

Test(notifyq, its_thread_has_a_name)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *task;
	unsigned found = 0;

	put(1);
	receive(); /* so it has begun */
	while ((task = readdir(tasks))) {
		char path[300], name[32] = "";
		FILE *file;

		snprintf(path, sizeof(path), "/proc/self/task/%s/comm", task->d_name);
		file = fopen(path, "re");
		if (file && fgets(name, sizeof(name), file) && strcmp(name, "notify\n") == 0)
			found++;
		if (file)
			fclose(file);
	}
	closedir(tasks);
	cr_expect_eq(found, 1);
}

/* ---- the end ---- */

Test(notifyq, a_stopped_queue_takes_nothing_and_keeps_its_numbers)
{
	put(1);
	receive();
	wait_done(1);
	cr_expect_eq(notifyq_stop(&queue, SECOND), 0);
	cr_expect_eq(put(1), -ENOTCONN);
	cr_expect_eq(stats().sent, 1);
	cr_expect_eq(notifyq_stop(&queue, 0), 0);
}

Test(notifyq, one_that_never_ran_takes_nothing)
{
	static struct notifyq fresh;
	struct notifyq_stats zeros = {.sent = 5};

	cr_expect_eq(notifyq_put(&fresh, "x", 1, NULL, 0), -ENOTCONN);
	cr_expect_eq(notifyq_stop(&fresh, 0), 0);
	notifyq_stats(&fresh, &zeros);
	cr_expect_eq(zeros.sent, 0);
}

Test(notifyq, stop_does_not_wait_longer_than_it_may)
{
	struct timespec before, after;
	int64_t ms;

	put_held(1);
	put(2);
	put(3);
	clock_gettime(CLOCK_MONOTONIC, &before);
	cr_expect_eq(notifyq_stop(&queue, 50 * MS), -ETIMEDOUT);
	clock_gettime(CLOCK_MONOTONIC, &after);
	ms = (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000;
	cr_expect_geq(ms, 49);
	cr_expect_lt(ms, 5000);
	cr_expect_eq(notifyq_stop(&queue, 0), -ETIMEDOUT);
	cr_expect_eq(put(4), -ENOTCONN);
	cr_expect_eq(stats().dropped, 2, "those that were queued, once");
	cr_expect_eq(stats().queued, 1, "the one under way");
	cr_expect_eq(receive(), 1);
	cr_expect_eq(notifyq_stop(&queue, UINT64_MAX), 0);
	cr_expect_eq(stats().sent, 1);
	cr_expect_eq(stats().queued, 0);
	cr_expect_eq(recv(ends[1], &(int){0}, sizeof(int), MSG_DONTWAIT), -1,
		     "the rest is dropped");
}

static void *read_late(void *arg)
{
	char buf[64];

	sleep_ms(100);
	while (recv(ends[1], buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
	return arg;
}

Test(notifyq, stop_waits_for_the_message_under_way)
{
	pthread_t thread;

	put_held(1);
	put(2);
	cr_assert_eq(pthread_create(&thread, NULL, read_late, NULL), 0);
	cr_expect_eq(notifyq_stop(&queue, 20 * SECOND), 0);
	pthread_join(thread, NULL);
	cr_expect_eq(stats().sent, 1);
	cr_expect_eq(stats().dropped, 1);
}

static void *put_many(void *arg)
{
	for (unsigned i = 0; i < 100000; i++) {
		put(i);
		stats();
	}
	return arg;
}

static void *drain(void *arg)
{
	char buf[64];

	while (recv(ends[1], buf, sizeof(buf), 0) > 0)
		;
	return arg;
}

Test(notifyq, may_be_stopped_while_others_put)
{
	pthread_t putter, drainer;

	cr_assert_eq(pthread_create(&putter, NULL, put_many, NULL), 0);
	cr_assert_eq(pthread_create(&drainer, NULL, drain, NULL), 0);
	sleep_ms(5);
	cr_expect_eq(notifyq_stop(&queue, 5 * SECOND), 0);
	pthread_join(putter, NULL);
	shutdown(ends[0], SHUT_RDWR);
	pthread_join(drainer, NULL);
}
