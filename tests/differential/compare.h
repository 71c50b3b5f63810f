/*
 * Compares what the two sides gave back.
 * Knows nothing of processes.
 */
#ifndef DIFF_COMPARE_H
#define DIFF_COMPARE_H

#include "diff.h"
#include "worker.h"

enum { MAPPED_MAX = 1024 };

struct compare {
	int64_t begun;               /* seconds: times from here to now are "now" */
	uint64_t mapped[MAPPED_MAX]; /* inode numbers on side A */
	size_t n_mapped;
};

/* At the start of an epoch. */
void compare_reset(struct compare *c);
/* True if there is a difference that is not allowed: the first one goes to *d. */
bool compare_results(struct compare *c, const struct shared *shm, struct diff *d);

#endif
