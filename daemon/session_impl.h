/*
 * The insides of a session, for the files that make it up: session, transports, dispatch, host.
 */
#ifndef DAEMON_SESSION_IMPL_H
#define DAEMON_SESSION_IMPL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "inflight.h"
#include "notifyq.h"
#include "pending.h"
#include "proto/conn.h"
#include "proto/init.h"
#include "session.h"
#include "slot.h"
#include "stats.h"
#include "transport.h"

struct session {
	struct session_config config;
	const struct llfused_backend *backend;
	const struct llfused_ops *ops; /* a copy, with what an older header lacks set to NULL */
	struct llfused_ops ops_copy;
	bool serialized;        /* one op at a time */
	bool has_locks;         /* the backend keeps the locks: open and flush must reach us */
	pthread_mutex_t serial; /* held around ops when serialized */

	struct proto_conn conn;
	struct proto_answer answer; /* of INIT: limits, features with reasons */
	bool initialised;           /* INIT is answered */
	int fuse_fd;                /* the caller's; -1 before start */

	const struct transport *transport;
	unsigned nworkers;
	struct worker *workers;
	struct slot *slots; /* one a worker */
	struct inflight inflight;
	struct pending pending;
	struct notifyq notifyq;

	int stop_fd;     /* eventfd: workers leave when it is readable */
	int end_fd;      /* eventfd: readable once the first worker has found the end */
	_Atomic int end; /* enum session_end */
	char how[64];    /* words of the transport for the start line */
	bool use_uring;  /* /dev/fuse is driven by io_uring */
	atomic_bool started;
	atomic_bool stopped;
	pthread_rwlock_t sending; /* shared: who sends a notification at once */
};

/* Serving is over; the first reason counts.  Wakes whoever waits for the end, and ends the workers
 * unless the reason is SESSION_FAILED. */
void session_finish(struct session *s, enum session_end end);

/* Answers all pending requests with EIO and lets no new ones be: nobody will complete them. */
void session_fail_pending(struct session *s);

#endif
