/*
 * Signals, and the wait for the end.
 */
#ifndef DAEMON_LIFECYCLE_H
#define DAEMON_LIFECYCLE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "mount.h"
#include "session.h"

struct lifecycle_config {
	bool signals;          /* false: they do what they did when we were started */
	bool abandon_on_fatal; /* the mount of a broken backend is left in its place */
	uint64_t stop_timeout; /* ns that open files get after a signal */
};

struct lifecycle {
	struct lifecycle_config config;
	int signal_fd; /* -1: no signals */
	sigset_t old_mask;
	struct sigaction old_pipe; /* what SIGPIPE did */
	struct sigaction old_xfsz; /* what SIGXFSZ did */
};

/*
 * Blocks the signals that end us, and opens a descriptor for them; SIGPIPE is ignored.  Without
 * config->signals nothing of this is done.  Before any thread and any fork.
 */
int lifecycle_open(struct lifecycle *l, const struct lifecycle_config *config, struct err *err);

/* Closes it.  The signals stay blocked. */
void lifecycle_close(struct lifecycle *l);

/* For a parent that only waits: signals do again what they did. */
void lifecycle_unblock(const struct lifecycle *l);

/*
 * Waits until the session has ended or is to be stopped (which is left to the caller), and says why
 * in the log and to the service manager.  A signal takes the mount away first and leaves open files
 * the stop timeout; after a failure the mount is taken away, or abandoned.  Returns 0, or -EIO when
 * serving failed or the backend broke.  *grace: ns that handlers still have to return.
 */
int lifecycle_run(struct lifecycle *l, struct session *session, struct mount *m, uint64_t *grace);

#endif
