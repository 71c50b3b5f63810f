/*
 * What the user gets to read about a run's end.
 * Knows nothing of how operations are made.
 */
#ifndef DIFF_REPORT_H
#define DIFF_REPORT_H

#include "options.h"
#include "run.h"

/* Both answers of one operation side by side. */
void report_diff(const struct diff *d, unsigned long number, const struct options *o);
/* The operations behind a difference: shrunk (in place) if that is wanted and works, else the last
 * ones. */
void report_case(struct run *run, const struct options *o, struct op *ops, size_t n,
		 const struct diff *d);
/* A hang or a broken process, with the operations that led there. */
void report_failure(const struct run *run, const struct op *ops, size_t n, enum outcome outcome,
		    unsigned long number, const struct options *o);
/* The closing lines; ends all processes.  Returns the exit status. */
int report_end(struct run *run, unsigned long ops, int differences);

#endif
