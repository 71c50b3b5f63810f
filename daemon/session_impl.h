/*
 * The insides of a session, for the files that make it up: session, transports, dispatch, host.
 */
#ifndef DAEMON_SESSION_IMPL_H
#define DAEMON_SESSION_IMPL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "fault.h"
#include "handlers.h"
#include "inflight.h"
#include "instance.h"
#include "lock.h"
#include "notifyq.h"
#include "nudge.h"
#include "pending.h"
#include "proto/conn.h"
#include "proto/init.h"
#include "ring.h"
#include "session.h"
#include "slot.h"
#include "stall.h"
#include "stats.h"
#include "transport.h"
#include "worker_ring.h"

struct session {
	struct session_config config;
	const struct llfused_backend *backend;
	const struct llfused_ops *ops;
	bool serialized; /* ops are called with the global lock held */
	bool pooled;     /* ops may block: they run in the pool, the workers only read */
	bool split;      /* pooled, but the workers try each op first */
	bool has_locks;  /* the backend keeps the locks: open and flush must reach us */
	void *fs;        /* the backend's instance */

	struct proto_conn conn;
	struct proto_answer answer; /* of INIT: limits, features with reasons */
	bool initialised;           /* INIT is answered */
	int fuse_fd;                /* the caller's; -1 before start */
	dev_t dev;                  /* st_dev of the mount */

	const struct transport *transport;
	unsigned nworkers;
	struct worker *workers;
	struct slot *slots; /* one a worker, unless the pool has them all */
	/* transport uring: worker i serves queues[i] */
	struct ring_queue *queues;
	unsigned nqueues;
	struct rings rings;
	struct nudge *nudge;
	bool ring_ready;           /* each queue is served */
	atomic_bool ring_refusing; /* what finds no slot is answered with EIO */
	int ring_error;            /* of making an io_uring for it, or 0 */
	struct handlers handlers;
	struct inflight inflight;
	struct pending pending;
	struct notifyq notifyq;
	struct stall stall;

	int stop_fd;     /* eventfd: workers leave when it is readable */
	int end_fd;      /* eventfd: readable once the first worker has found the end */
	_Atomic int end; /* enum session_end */
	char how[128];   /* words of the transport for the start line */
	char why[512];   /* the reason for not having transport uring; empty: nobody asks */
	bool use_uring;  /* /dev/fuse is driven by io_uring */
	atomic_bool started;
	atomic_bool stopped;
	int stop_result;          /* of session_stop() */
	atomic_bool broken;       /* llfused_fatal() was called: no handler is called any more */
	struct faults faults;     /* of the backend, that were logged */
	atomic_bool reachable;    /* notifications may be sent at once: from init() to the stop */
	pthread_rwlock_t sending; /* shared: who is sending one */
};

/* Notes a mistake of the backend in a request of this kind; returns -EIO, for the caller. */
int session_fault(struct session *s, const struct proto_opcode *op, enum fault fault);

/* Sends a reply that stands in no slot; any thread.  `len` bytes of body, 0 with an error.  As
 * transport->commit(). */
int session_reply(struct session *s, int fd, uint64_t unique, int error, const void *body,
		  size_t len);

/* The handler has returned, or will not be called: the request's data are needed no more. */
void session_release(struct slot *slot);

/* Room that a message, and the body of a reply, may need: bytes.  After INIT. */
size_t session_message_size(const struct session *s);
size_t session_body_size(const struct session *s);

/* LLFUSED_WANT_*: which of the backend's wishes came true.  After INIT. */
uint32_t session_wants(const struct session *s);

/* The in-flight list looks at the slots that requests are in: once these are made. */
void session_watch_slots(struct session *s);

/* Serving is over; the first reason counts.  Wakes whoever waits for the end, and ends the workers
 * unless the reason is SESSION_FAILED. */
void session_finish(struct session *s, enum session_end end);

/* Answers all pending requests with EIO and lets no new ones be: nobody will complete them. */
void session_fail_pending(struct session *s);

#endif
