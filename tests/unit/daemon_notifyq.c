/*
 * The notification queue over a socket pair: order, bound, end.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "daemon/notifyq.h"

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
	notifyq_stop(&queue);
	close(ends[0]);
	close(ends[1]);
}

TestSuite(notifyq, .init = make, .fini = unmake, .timeout = 30);

static unsigned receive(void)
{
	unsigned number = 0;

	cr_assert_eq(recv(ends[1], &number, sizeof(number), 0), sizeof(number));
	return number;
}

static int put(unsigned number)
{
	return notifyq_put(&queue, &number, sizeof(number));
}

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
	cr_assert_eq(notifyq_put(&queue, in, sizeof(in)), 0);
	cr_assert_eq(recv(ends[1], out, sizeof(out), 0), sizeof(in));
	cr_expect_arr_eq(in, out, sizeof(in));
}

Test(notifyq, what_is_too_long_is_refused)
{
	unsigned char in[NOTIFYQ_MESSAGE_MAX + 1] = {0};

	cr_expect_eq(notifyq_put(&queue, in, sizeof(in)), -ENAMETOOLONG);
}

/* Nobody reads: the sender is held up, and what cannot be kept is said. */
Test(notifyq, a_full_queue_says_so_and_loses_nothing_else)
{
	unsigned accepted = 0, refused = 0;

	while (refused < 5 && accepted < 100000) {
		int ret = put(accepted);

		if (ret == 0)
			accepted++;
		else
			refused++;
		if (ret != 0)
			cr_assert_eq(ret, -EAGAIN);
		if (refused == 1)
			nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
	}
	cr_assert_geq(accepted, NOTIFYQ_LENGTH);
	cr_expect_geq(queue.dropped, 5);
	for (unsigned i = 0; i < accepted; i++)
		cr_assert_eq(receive(), i);
}

Test(notifyq, counts_what_it_sent)
{
	put(1);
	put(2);
	receive();
	receive();
	cr_expect_eq(queue.sent, 2);
	cr_expect_eq(queue.dropped, 0);
}

Test(notifyq, goes_on_after_a_refused_message)
{
	signal(SIGPIPE, SIG_IGN);
	close(ends[1]);
	put(1);
	put(2);
	for (unsigned i = 0; i < 1000 && queue.sent < 2; i++)
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	cr_expect_eq(queue.sent, 2);
	ends[1] = dup(ends[0]);
}

Test(notifyq, a_stopped_queue_takes_nothing)
{
	notifyq_stop(&queue);
	cr_expect_eq(put(1), -ENOTCONN);
	notifyq_stop(&queue);
}

Test(notifyq, one_that_never_ran_takes_nothing)
{
	static struct notifyq fresh;

	cr_expect_eq(notifyq_put(&fresh, "x", 1), -ENOTCONN);
	notifyq_stop(&fresh);
}

static void *read_late(void *arg)
{
	char buf[64];

	nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
	while (recv(ends[1], buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
	return arg;
}

/* The kernel may hold a message up; the end comes when it gets through, and drops the rest. */
Test(notifyq, stop_waits_for_the_message_under_way_only)
{
	pthread_t thread;
	unsigned i = 0;

	while (put(i) == 0 && i < 100000)
		i++;
	cr_assert_eq(pthread_create(&thread, NULL, read_late, NULL), 0);
	notifyq_stop(&queue);
	pthread_join(thread, NULL);
	cr_expect_lt(queue.sent, i);
}

static void *put_many(void *arg)
{
	for (unsigned i = 0; i < 100000; i++)
		put(i);
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
	nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
	notifyq_stop(&queue);
	pthread_join(putter, NULL);
	shutdown(ends[0], SHUT_RDWR);
	pthread_join(drainer, NULL);
}
