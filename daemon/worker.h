/*
 * A worker: a thread that takes requests and runs their handlers, or gives them to the pool.  Three
 * loops can drive it: io_uring or plain read and write on a clone of /dev/fuse, or queues of FUSE
 * over io_uring.
 */
#ifndef DAEMON_WORKER_H
#define DAEMON_WORKER_H

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stddef.h>

#include "session_impl.h"

struct worker {
	struct session *session;
	/* Runs until the connection or the session ends; 0, or a negative errno when serving
	 * failed.  Calls worker_started(). */
	int (*loop)(struct worker *w);
	const char *name;  /* of the thread, before its number */
	int cpu;           /* the thread stays there; -1: anywhere */
	int pin_error;     /* negative errno, if it could not; once it has started */
	struct slot *slot; /* its own, or the one of the pool that the next message goes to */
	pthread_t thread;
	bool running; /* the thread was started and is to be joined */
	bool rests;   /* after a FORGET, so that more of them come at once */
	bool own_fd;  /* a clone; else the session's descriptor, shared and non-blocking */
	int fd;
	atomic_bool quit;     /* leave at the next chance, which a signal gives */
	sem_t started;        /* posted with start_error said; by worker_loop_ring twice */
	int start_error;      /* 0, or the negative errno that kept the loop from starting */
	unsigned char *reply; /* room for what it answers itself */
	size_t largest;       /* message that was in the slot since it was taken, bytes */
	struct stats stats;
};

/* Can this process make an io_uring?  0 or a negative errno (forbidden: -EPERM, -ENOSYS). */
int worker_uring_probe(void);

/* The loops on /dev/fuse. */
int worker_loop_uring(struct worker *w);
int worker_loop_plain(struct worker *w);

/* A loop says that it serves now (0), or the negative errno for which it cannot. */
void worker_started(struct worker *w, int error);

/*
 * A message of `size` bytes has come into w->slot: handled, or given to the pool.  *len is the
 * length of the reply in w->reply that is to be sent, or 0.  0, or 1 when the session ends.
 */
int worker_message(struct worker *w, size_t size, size_t *len);

/* dispatch_receive() has said DISPATCH_RUN for w->slot: true when it was handled here, *len as
 * above. Else it is the pool's now, and w->slot is NULL. */
bool worker_run(struct worker *w, size_t *len);

/* What a failed read means: 0 try again, 1 the connection has ended, else the negative errno. */
int worker_read_failed(int error);

#endif
