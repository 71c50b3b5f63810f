/*
 * Compares what the two sides gave back.
 * Knows nothing of processes.
 */
#ifndef DIFF_COMPARE_H
#define DIFF_COMPARE_H

#include "diff.h"
#include "noted.h"
#include "worker.h"

struct compare {
	int64_t begun; /* seconds: times from here to now are "now" */
	struct noted mapped;
	struct noted suid; /* regular files that had a set-uid or set-gid bit */
};

/* At the start of an epoch. */
void compare_reset(struct compare *c);
/* True if there is a difference that is not allowed: the first one goes to *d. */
bool compare_results(struct compare *c, const struct shared *shm, struct diff *d);

#endif
