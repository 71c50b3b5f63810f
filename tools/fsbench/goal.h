/*
 * A goal: a ratio of medians that must be reached, and how it is written.  Must not know phases.
 */
#ifndef FSBENCH_GOAL_H
#define FSBENCH_GOAL_H

#include <stdbool.h>
#include <stddef.h>

#define NAME_SIZE 32

/* "PHASE:SYSTEM/BASE>=RATIO" */
struct goal {
	char phase[NAME_SIZE];
	char system[NAME_SIZE];
	char base[NAME_SIZE];
	double ratio; /* above 0 */
};

/* False when the text is no goal; *goal is then undefined. */
bool goal_parse(struct goal *goal, const char *text);

/* Copy the first `length` bytes; false if that is no name: empty or too long. */
bool name_copy(char name[static NAME_SIZE], const char *text, size_t length);

/* The client threads that a system's name ends with, as 2 in "memfs@2": 0 if there is no '@', -1 if
 * what follows it is no number from 1 to `most`. */
int name_threads(const char *name, unsigned most);

#endif
