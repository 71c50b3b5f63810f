/*
 * Going to the background: the parent stays until the child has told how the start went.
 */
#ifndef DAEMON_BACKGROUND_H
#define DAEMON_BACKGROUND_H

#include <stdbool.h>
#include <sys/types.h>

#include "err.h"

struct background {
	pid_t child;  /* in the parent; 0 in the child */
	bool signals; /* the child ends in order when it gets SIGTERM; else hanging up is enough */
	int pipe_fd;  /* the parent's end to read from, the child's to write to */
};

/* Forks; the child leads a session of its own.  One thread.  0 in both, or a negative errno. */
int background_fork(struct background *bg, struct err *err);

/*
 * The child: gives the terminal up and says that the file system of device `dev` is served.  After
 * that its log goes to syslog.  0: the parent has seen it, and is gone.  -EPIPE: it was
 * stopped, or has not seen it; until background_hang_up() it may wait for what we do about it.
 * -ECANCELED: `end_fd` (-1: none) became readable, and the parent is still to be told why by
 * background_failed().
 */
int background_ready(struct background *bg, dev_t dev, int end_fd);

/* The child has no more to say: the parent exits. */
void background_hang_up(struct background *bg);

/* The child has failed: the parent shows `text` and exits with `status`.  -EPIPE: it does not
 * listen any more. */
int background_failed(struct background *bg, int status, const char *text);

/*
 * The parent: waits for the word, and for the file system of that device to answer at `path`.
 * Returns the exit status; if it is not 0, `err` holds the line to show.
 */
int background_wait(struct background *bg, const char *path, struct err *err);

#endif
