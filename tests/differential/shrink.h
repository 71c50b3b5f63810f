/*
 * Makes a sequence of operations that shows a difference as short as it can in a given time.
 * Knows nothing of what operations mean.
 */
#ifndef DIFF_SHRINK_H
#define DIFF_SHRINK_H

#include "run.h"

/*
 * Shrinks ops[0, n) in place; the difference is the one of operation kind and field.  Returns the
 * new length, or 0 if the sequence run afresh does not show it.  seconds bounds the time.
 */
size_t shrink(struct run *run, struct op *ops, size_t n, const struct diff *d, int seconds);

#endif
