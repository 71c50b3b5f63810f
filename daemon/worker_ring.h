/*
 * A worker's share of FUSE over io_uring: the queues that it serves.
 */
#ifndef DAEMON_WORKER_RING_H
#define DAEMON_WORKER_RING_H

#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>

#include "ring.h"

struct worker;

/* A queue with fewer entries for new requests gets more: those that are taken may wait for each
 * other (a lock for its unlock). */
#define RING_SPARE 2u

/* One queue of the kernel's, of a processor. */
struct ring_lane {
	uint16_t qid;
	unsigned entries; /* all of them */
	unsigned idle;    /* those that wait for a request */
	unsigned spare;   /* with fewer idle ones it gets more */
	unsigned refused; /* commands that the kernel did not take */
	bool full;        /* the kernel takes no more entries */
	bool nudge;       /* requests may wait in the kernel, though entries are idle */
	char apart[64];   /* no cache line in common with another thread's */
};

struct ring_queue {
	sem_t go; /* posted when all threads are there: the kernel may have the entries */
	struct ring_inbox inbox;
	struct ring_lane *lanes;
	unsigned nlanes;
	unsigned depth; /* entries of each at the start */
};

/* The loop; worker i serves s->queues[i].  It starts in two steps, with `go` between them: once
 * each queue has an entry, there is no way back to /dev/fuse. */
int worker_loop_ring(struct worker *w);

#endif
