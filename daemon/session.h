/*
 * A mounted file system being served: INIT, the workers, the pending requests, the end.
 * It knows neither the command line nor how the mount was made.
 */
#ifndef DAEMON_SESSION_H
#define DAEMON_SESSION_H

#include <stdbool.h>

#include <llfused/backend.h>

#include "err.h"
#include "options.h"

struct session;

enum session_end {
	SESSION_RUNNING,
	SESSION_UNMOUNTED, /* the kernel ended the connection: umount, or an abort */
	SESSION_STOPPED,   /* session_stop() */
	SESSION_FAILED     /* serving failed */
};

struct session_config {
	const struct llfused_backend *backend;
	void *fs; /* made by backend->load(), ready; destroyed by session_free(), once there is one
		   */
	unsigned workers; /* 0: chosen here */
	enum io_choice io;
	enum pin_choice pin;
	bool default_permissions; /* the mount has (or will have) that option */
	uint32_t mount_flags;     /* LLFUSED_MOUNT_*, for the backend */
	bool trace;               /* one log line a request and reply */
};

int session_new(struct session **out, const struct session_config *config, struct err *err);

/* Answers INIT; fits mount_handshake.  `arg` is the session. */
int session_handshake(int fuse_fd, void *arg, struct err *err);

/* Starts the workers on a mounted descriptor, which stays the caller's, and open until
 * session_free().  Signals must be blocked. */
int session_start(struct session *s, int fuse_fd, struct err *err);

/* A descriptor that becomes readable when the serving has ended. */
int session_end_fd(const struct session *s);
enum session_end session_ended(const struct session *s);

/* One line: transport, workers, features on and off with the reason. */
void session_describe(const struct session *s, char *buf, size_t size);

/* Logs counters, and the requests that are in flight.  Any thread but a worker. */
void session_dump(struct session *s);

/* Ends the workers whatever is still open.  Once every descriptor of it is closed the kernel aborts
 * the connection.  Returns when no thread of the session runs any more. */
void session_stop(struct session *s);

/* destroy()s the backend's instance; the threads have ended. */
void session_free(struct session *s);

#endif
