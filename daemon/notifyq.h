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
#include "msgring.h"

/* Bytes of the longest message: header, struct and a name of 4095 bytes with its NUL. */
#define NOTIFYQ_MESSAGE_MAX 4136

struct notifyq_stats {
	uint64_t sent;    /* the kernel took it, or it was of something unknown to the kernel */
	uint64_t refused; /* the kernel saw a fault in it */
	uint64_t merged;  /* not queued, because what stood in the queue covered it */
	uint64_t dropped; /* the queue was full, or ended before its turn */
	unsigned queued;  /* now, with the one that is being sent */
	uint64_t lag;     /* ns that the oldest of these has waited */
	uint64_t longest; /* ns that any message ever waited until the kernel had taken it */
};

struct notifyq {
	pthread_mutex_t lock; /* of all that is below `running` */
	pthread_cond_t wake, gone;
	pthread_t thread;
	int fd;
	bool made;           /* the lock is in place, and stays so after the end */
	atomic_bool running; /* what is above and below is in place */
	bool stopping, ended;
	bool sending; /* the first message is the kernel's to read now */
	struct msgring ring;
	struct notifyq_stats stats; /* but for what is computed when it is asked for */
};

int notifyq_start(struct notifyq *q, int fd, struct err *err);

/*
 * Queues a copy of one encoded message, 1 to NOTIFYQ_MESSAGE_MAX bytes; any thread, never waits
 * for the kernel.  0: it will be sent, or one that is still queued makes it needless: an equal one,
 * or (`cover` not NULL) the message `cover`.  -EAGAIN: full.  -ENOTCONN: not running.
 * -EMSGSIZE: too long.
 */
int notifyq_put(struct notifyq *q, const void *message, size_t size, const void *cover,
		size_t cover_size);

/*
 * Drops what is queued and ends the thread.  A send may be held up in the kernel behind a request
 * whose handler does not return, so it waits at most `timeout` ns: -ETIMEDOUT then, nothing was
 * freed and it may be called again.  One caller at a time.  Harmless when it was never started (all
 * zero), and when it has ended.
 */
int notifyq_stop(struct notifyq *q, uint64_t timeout);

/* A consistent picture, at any time; zeros when it was never started. */
void notifyq_stats(struct notifyq *q, struct notifyq_stats *out);

#endif
