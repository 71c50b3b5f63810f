/*
 * Makes and removes the directory of an epoch, in the process of root on one side.
 * Knows nothing of operations.
 */
#ifndef DIFF_JANITOR_H
#define DIFF_JANITOR_H

#include "worker.h"

/* Both return 0, or -1 with the reason in the side's note. */
int janitor_make(struct worker *w, unsigned epoch);
int janitor_remove(struct worker *w, unsigned epoch);

#endif
