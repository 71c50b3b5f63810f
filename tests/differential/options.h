/*
 * What the command line says.
 * Knows nothing of operations.
 */
#ifndef DIFF_OPTIONS_H
#define DIFF_OPTIONS_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

struct options {
	uint64_t seed; /* where the random numbers start */
	unsigned long ops;
	unsigned long epoch; /* operations between fresh starts */
	unsigned long walk;  /* operations between walks of the tree */
	unsigned long time_sample;
	unsigned long procs;
	unsigned long timeout;
	unsigned long shrink_time;
	bool shrink;
	bool verbose;
	const char *groups;
	const char *replay;
	const char *dir[2];     /* as given */
	char real[2][PATH_MAX]; /* made absolute by the caller */
	char behind[PATH_MAX];  /* absolute; "" for none */
};

/* Fills *o with defaults and the command line.  0 to go on, -1 when all is done, 2 for wrong usage
 * (message printed). */
int options_parse(struct options *o, int argc, char **argv);
/* Prints a message; returns 2, the exit status for it. */
int usage_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
