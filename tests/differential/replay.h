/*
 * Replay of operations written in a file.
 * Knows nothing of single operations.
 */
#ifndef DIFF_REPLAY_H
#define DIFF_REPLAY_H

#include "options.h"
#include "run.h"

/* The operations of a file, whatever else it holds; the caller's to free.  NULL, with a message, if
 * there are none. */
struct op *replay_read(const char *path, size_t *n);
/* Runs and reports; the exit status. */
int replay_run(struct run *run, const struct options *o, struct op *ops, size_t n);

#endif
