/*
 * Random runs.
 * Knows nothing of single operations.
 */
#ifndef DIFF_SOAK_H
#define DIFF_SOAK_H

#include "options.h"
#include "run.h"

/* Runs and reports; the exit status. */
int soak_run(struct run *run, const struct options *o);

#endif
