/*
 * A worker's share of FUSE over io_uring: the queues that it serves.
 */
#ifndef DAEMON_WORKER_RING_H
#define DAEMON_WORKER_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "ring.h"

struct worker;

/* One queue of the kernel's, of a processor. */
struct ring_lane {
	uint16_t qid;
	unsigned idle;    /* entries that wait for a request */
	unsigned refused; /* commands that the kernel did not take */
	bool grown;       /* has a new entry that requests in the kernel's queue know nothing of */
	char apart[64];   /* no cache line in common with another thread's */
};

struct ring_queue {
	struct ring_inbox inbox;
	struct ring_lane *lanes;
	unsigned nlanes;
	unsigned depth; /* entries of each at the start */
};

/* Can this process make such an io_uring?  0 or a negative errno. */
int worker_ring_probe(void);

/* Makes the kernel send requests to /dev/fuse after all, as long as the queues are not ready. */
void worker_ring_decline(int fuse_fd);

/* The loop; worker i serves s->queues[i]. */
int worker_loop_ring(struct worker *w);

#endif
