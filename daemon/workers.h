/*
 * The workers of a session: their memory and threads, from start to end.  What drives each of them
 * is the transport's choice.
 */
#ifndef DAEMON_WORKERS_H
#define DAEMON_WORKERS_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"

struct session;
struct stats;
struct worker;

/* The processors that we may run on; how many they are. */
unsigned workers_processors(cpu_set_t *set);

/* Room for `n` workers, to be filled in by workers_make(). */
int workers_allocate(struct session *s, unsigned n, struct err *err);

/* Worker `i` with its slot and room for replies.  With `own_fd` it gets a clone of /dev/fuse, where
 * that can be had. */
int workers_make(struct session *s, unsigned i, int (*loop)(struct worker *w), const char *name,
		 bool own_fd, struct err *err);

/* Starts the threads and waits until each of them serves. */
int workers_start(struct session *s, struct err *err);

/* Until the first `n` have said once more whether they serve. */
int workers_wait(struct session *s, unsigned n, struct err *err);

/* As the functions of struct transport. */
int workers_stop(struct session *s, uint64_t timeout);
void workers_refuse(struct session *s);
void workers_count(struct session *s, struct stats *sum);

#endif
