/*
 * The self-test: makes side A lie in one chosen way, to prove that the tester can fail.
 * Knows nothing of how lies are noticed.
 */
#ifndef DIFF_FAULT_H
#define DIFF_FAULT_H

#include "worker.h"

#include <stdbool.h>
#include <stdio.h>

/* Chooses a fault by name before processes are forked; false if there is none of that name. */
bool fault_choose(const char *name);
void fault_list(FILE *out);

/* True: side A pretends to have done the operation, and r is filled. */
bool fault_instead(struct worker *w, const struct op *op, struct result *r);
/* Falsifies the result of an operation that was done. */
void fault_after(struct worker *w, const struct op *op, struct result *r);

#endif
