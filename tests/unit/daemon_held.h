/*
 * A socket pair whose sender is made to wait, as the kernel makes the sender of a notification
 * wait.
 */
#ifndef TESTS_DAEMON_HELD_H
#define TESTS_DAEMON_HELD_H

#include <criterion/criterion.h>
#include <sys/socket.h>
#include <time.h>

#include "daemon/notifyq.h"

static inline void sleep_ms(unsigned ms)
{
	nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L}, NULL);
}

/* Fills the socket with messages of one byte: who sends now waits until somebody reads. */
static inline void hold_up(int fd)
{
	while (send(fd, "", 1, MSG_DONTWAIT) == 1)
		;
}

/* Until the queue's thread is in the kernel with its first message, or may be. */
static inline void wait_sending(struct notifyq *q)
{
	for (unsigned i = 0; i < 5000; i++) {
		bool sending;

		pthread_mutex_lock(&q->lock);
		sending = q->sending;
		pthread_mutex_unlock(&q->lock);
		if (sending)
			return;
		sleep_ms(1);
	}
	cr_assert_fail("nothing is being sent");
}

/* The next message that did not only fill. */
static inline size_t receive_message(int fd, void *buf, size_t size)
{
	ssize_t n;

	do
		n = recv(fd, buf, size, 0);
	while (n == 1);
	cr_assert_gt(n, 0);
	return (size_t)n;
}

#endif
