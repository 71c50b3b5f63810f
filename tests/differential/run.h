/*
 * Runs operations one by one on both sides and compares: freshly made ones, and lists of given
 * ones. Knows nothing of the command line or of shrinking.
 */
#ifndef DIFF_RUN_H
#define DIFF_RUN_H

#include "compare.h"
#include "team.h"

enum outcome {
	RUN_SAME,
	RUN_DIFFERENT,
	RUN_UNCLEAN, /* the tree could not be made or removed, or a process died: team.failure says
			what */
	RUN_HUNG,    /* team.failure says where */
};

struct run {
	struct team team;
	struct compare compare;
	bool verbose;
};

/* One operation inside an epoch.  RUN_DIFFERENT fills *d, which points into shared memory until the
 * next operation. */
enum outcome run_op(struct run *run, const struct op *op, struct diff *d);
/* A whole epoch of n operations; *at is the one that made the outcome. */
enum outcome run_list(struct run *run, const struct op *ops, size_t n, size_t *at, struct diff *d);
/* The outcome that a negative result of a team_ function means. */
enum outcome run_failure(int ret);

#endif
