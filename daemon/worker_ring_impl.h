/*
 * The insides of worker_loop_ring(): a queue's thread, its io_uring, and what it does with entries
 * and requests.  All functions are that thread's.
 */
#ifndef DAEMON_WORKER_RING_IMPL_H
#define DAEMON_WORKER_RING_IMPL_H

#include <liburing.h>
#include <stdbool.h>
#include <stdint.h>

#include "worker.h"
#include "worker_ring.h"

/* user_data below this is the index of an entry */
#define TAG_EVENT (UINT64_C(1) << 32)

struct seat {
	struct io_uring ring;
	struct worker *w;
	struct ring_queue *q;
	struct rings *rings;
	int file; /* /dev/fuse: a descriptor, or the number of a registered one */
	unsigned char file_flags;
	uint64_t event; /* read from the inbox's eventfd */
	bool nudge;     /* some lane wants one */
	/* Entries whose requests wait for a free slot: index + 1, linked by `next`. */
	uint32_t first_parked, last_parked;
};

/* ---- worker_ring_entries.c: commands to the kernel, and how many entries there are ---- */

/* The lane of queue `qid`, which is one of this thread's. */
struct ring_lane *seat_lane(struct ring_queue *q, uint16_t qid);

/* Give the entry to the kernel, with its answer if it has one, and wait for the inbox: both are
 * sent with the next submission. */
void seat_command(struct seat *seat, struct ring_entry *e);
void seat_arm_event(struct seat *seat);
/* The same for an entry that is filled, which becomes idle. */
void seat_send(struct seat *seat, struct ring_entry *e);

/* One entry more for the queue; false: that cannot be had. */
bool seat_add_entry(struct seat *seat, struct ring_lane *lane);
/* An entry of the lane was taken: more of them, if few are left. */
void seat_grow(struct seat *seat, struct ring_lane *lane);
/* When a lane wants it, once what was added is the kernel's. */
void seat_nudge(struct seat *seat);

/* ---- worker_ring_requests.c: what comes in an entry ---- */

/* The kernel has put a request into it: served, or parked until there is a slot. */
void seat_request(struct seat *seat, struct ring_entry *e);
/* As many of the parked ones as there are slots. */
void seat_serve_parked(struct seat *seat);

#endif
