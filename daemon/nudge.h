/*
 * Moves a queue of FUSE over io_uring on.  A request that finds no entry waits in the kernel's
 * queue and is taken out of it only when an entry is given back, not by a new one: so a new entry
 * gets something to give back, a STATFS that a thread of ours causes on the queue's processor,
 * without holding the mount (ustat(2) finds a file system by its device number).
 */
#ifndef DAEMON_NUDGE_H
#define DAEMON_NUDGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct nudge;

/* For the mount with this st_dev; NULL: no memory. */
struct nudge *nudge_new(dev_t dev, unsigned queues);
/* Waits a moment for those under way; what hangs in the kernel ends with the connection. */
void nudge_free(struct nudge *n);

/* Any thread; never waits.  A nudge that finds no entry itself does not stand in the way of the
 * next one: each has a thread of its own.  false: this queue was out of reach the last time, since
 * we may not run on its processor, or it has gone; or there is no memory. */
bool nudge_ask(struct nudge *n, unsigned qid);

/* Is this the STATFS of a nudge?  `pid` is its header's: of the thread, as the pid namespace sees
 * it that made the mount, which is ours. */
bool nudge_is_ours(struct nudge *n, uint32_t pid);

#endif
