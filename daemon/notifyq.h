/*
 * The notification queue: messages to the kernel that leave from a thread of their own, in order,
 * because sending them from a handler can deadlock.  Bounded; a full queue is said, never waited
 * for.
 */
#ifndef DAEMON_NOTIFYQ_H
#define DAEMON_NOTIFYQ_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define NOTIFYQ_LENGTH 1024
/* header, struct and a name of 255 bytes; backends with longer names get -ENAMETOOLONG */
#define NOTIFYQ_MESSAGE_MAX 320

struct notifyq_message {
	uint16_t size;
	unsigned char bytes[NOTIFYQ_MESSAGE_MAX];
};

struct notifyq {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	pthread_t thread;
	atomic_bool running; /* what is above and below is in place */
	bool stopping;
	int fd;
	unsigned head; /* next to be sent */
	unsigned count;
	_Atomic uint64_t sent, dropped; /* written under the lock, read by anybody */
	struct notifyq_message *ring;   /* NOTIFYQ_LENGTH of them, touched as they are used */
};

int notifyq_start(struct notifyq *q, int fd, struct err *err);

/* Copies one encoded message; -EAGAIN when the queue is full, -ENOTCONN when it is not running. */
int notifyq_put(struct notifyq *q, const void *message, size_t size);

/* Drops what is left and ends the thread.  A send that the kernel holds up ends when the connection
 * does, so the caller aborts or unmounts first.  Harmless when it was never started. */
void notifyq_stop(struct notifyq *q);

#endif
