/*
 * The end of the backend's own threads, which may be with a server that does not answer.
 */
#ifndef PASSTHROUGH_JOIN_H
#define PASSTHROUGH_JOIN_H

#include <pthread.h>
#include <stdbool.h>

struct pt;

#define PT_JOIN_SECONDS 5

/* Waits so long at most for a thread that was told to end.  false: it is left to itself, a warning
 * with `what` was logged, and fs->stuck is set: what it may use must not be freed any more.  By the
 * thread that ends the backend. */
bool pt_join_thread(struct pt *fs, pthread_t thread, const char *what);

#endif
