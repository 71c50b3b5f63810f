/*
 * Which transport a session uses, and why.
 */
#ifndef DAEMON_TRANSPORT_CHOICE_H
#define DAEMON_TRANSPORT_CHOICE_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

struct session;

/* Before INIT is answered: is the kernel to be asked for FUSE over io_uring? */
bool transport_wants_uring(struct session *s);

/* After INIT: sets s->transport.  An error when the one that was asked for by name is not to be
 * had: it says why, and what to do; s->why says it where it is done without. */
int transport_choose(struct session *s, struct err *err);

/* Starts it.  Where that fails and it was not asked for by name, the other one, and s->why says the
 * reason. */
int transport_start(struct session *s, struct err *err);

#endif
