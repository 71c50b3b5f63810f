/*
 * What is done for requests that stand in the pool's queue behind a handler that hangs: whoever is
 * killed is let go, and the root can be looked at, so that fuse_stacktrace comes through.
 */
#ifndef DAEMON_STALL_H
#define DAEMON_STALL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "proto/reply.h"

struct session;
struct slot;

struct stall {
	pthread_mutex_t mutex;
	unsigned char root[PROTO_BODY_MAX]; /* the last answer to GETATTR of the root, timeout 0 */
	size_t root_len;                    /* 0: there was none */
	int timer_fd;                       /* readable when stall_relieve() is due */
	atomic_bool armed;
	_Atomic uint64_t finished; /* jobs of the pool when it was armed */
};

int stall_init(struct stall *st, struct err *err);
void stall_free(struct stall *st);

/* Is its request GETATTR of the root? */
bool stall_looks_at_root(const struct slot *slot);

/* The slot holds a reply to GETATTR of the root that is about to be sent.  Any thread. */
void stall_keep_root(struct stall *st, const unsigned char *body, size_t len);

/* A GETATTR of the root goes to the queue: if nothing has moved there after a second, it will be
 * answered with what was kept.  Reading threads. */
void stall_watch(struct session *s);
/* The main thread, when timer_fd is readable. */
void stall_relieve(struct session *s);

/* The request `unique`, last seen in `slot`, was interrupted: if it still stands in the queue and
 * its caller is being killed, it is answered EINTR.  Reading threads. */
void stall_interrupt(struct session *s, struct slot *slot, uint64_t unique);

#endif
