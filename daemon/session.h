/*
 * A mounted file system being served: INIT, the workers, the pending requests, the end.
 * It knows neither the command line nor how the mount was made.
 */
#ifndef DAEMON_SESSION_H
#define DAEMON_SESSION_H

#include <stdbool.h>
#include <sys/types.h>

#include <llfused/backend.h>

#include "err.h"
#include "options.h"

struct instance;
struct lock;
struct session;

enum session_end {
	SESSION_RUNNING,
	SESSION_UNMOUNTED, /* the kernel ended the connection: umount, or an abort */
	SESSION_STOPPED,   /* session_stop() */
	SESSION_FAILED,    /* serving failed */
	SESSION_FATAL      /* the backend said so: llfused_fatal() */
};

struct session_config {
	struct instance *instance; /* started, not yet init()ed; the caller's */
	struct lock *lock;         /* the global lock; the caller's */
	unsigned workers;          /* threads that run handlers; 0: chosen here */
	enum transport_choice transport;
	unsigned queue_depth; /* transport uring: entries of a queue at the start; 0: chosen here */
	enum io_choice io;
	enum pin_choice pin;
	bool default_permissions; /* the mount has (or will have) that option */
	uint32_t mount_flags;     /* LLFUSED_MOUNT_*, for the backend */
	uint32_t max_read;        /* of the mount, bytes; 0: not limited */
	uint32_t max_pending;     /* requests */
	uint32_t owner;           /* uid that may ask for stack traces, besides root */
	bool trace;               /* one log line a request and reply */
};

int session_new(struct session **out, const struct session_config *config, struct err *err);

/* Answers INIT; fits mount_handshake.  `arg` is the session. */
int session_handshake(int fuse_fd, void *arg, struct err *err);

/* Calls the backend's init() and starts the threads on a mounted descriptor, which stays the
 * caller's, and open until session_stop() has returned 0.  `dev`: of the mount, for the backend.
 * Signals must be blocked. */
int session_start(struct session *s, int fuse_fd, dev_t dev, struct err *err);

/* A descriptor that becomes readable when the serving has ended. */
int session_end_fd(const struct session *s);
/* A descriptor that becomes readable when session_relieve() is to be called, by the main thread. */
int session_stall_fd(const struct session *s);
void session_relieve(struct session *s);
enum session_end session_ended(const struct session *s);

/* One line: transport, workers, features on and off with the reason. */
void session_describe(const struct session *s, char *buf, size_t size);

/* Logs counters, and the requests that are in flight.  Any thread but a worker. */
void session_dump(struct session *s);

/*
 * Ends the threads whatever is still open.  Once every descriptor of it is closed the kernel aborts
 * the connection.  0: no thread of the session runs any more.  -ETIMEDOUT: a handler did not come
 * back within about `grace` ns, even after its caller was answered with EIO; then the session must
 * not be freed.  A second call does nothing and returns the same.
 */
int session_stop(struct session *s, uint64_t grace);

/* After session_stop() has returned 0. */
void session_free(struct session *s);

#endif
