/*
 * Signals, and the wait for the end.
 */
#ifndef DAEMON_LIFECYCLE_H
#define DAEMON_LIFECYCLE_H

#include <signal.h>
#include <stdint.h>

#include "err.h"
#include "mount.h"
#include "session.h"

struct lifecycle {
	int signal_fd;
	sigset_t old_mask;
};

/* Blocks the signals that end us, and opens a descriptor for them.  Before any thread and any fork.
 */
int lifecycle_open(struct lifecycle *l, struct err *err);

/* Closes it.  The signals stay blocked. */
void lifecycle_close(struct lifecycle *l);

/* For a parent that only waits: signals do again what they did. */
void lifecycle_unblock(const struct lifecycle *l);

/*
 * Waits until the session has ended or is to be stopped (which is left to the caller); a signal
 * takes the mount away first and leaves open files `stop_timeout` ns.  Returns the exit status: 0
 * or 1.
 */
int lifecycle_run(struct lifecycle *l, struct session *session, struct mount *m,
		  uint64_t stop_timeout);

#endif
