/*
 * What one owner holds of a file: ranges, as POSIX record locks cut and merge them.
 * It knows neither files nor threads.
 */
#ifndef PASSTHROUGH_LOCK_RANGE_H
#define PASSTHROUGH_LOCK_RANGE_H

#include <stdint.h>

struct pt_range {
	uint64_t start;
	uint64_t end;  /* the last byte; INT64_MAX: to the end of the file, wherever that is */
	uint32_t type; /* F_RDLCK, F_WRLCK */
};

/* In order, none overlaps another, and neighbours are of different types.  All zero: empty. */
struct pt_ranges {
	struct pt_range *list;
	uint32_t count;
	uint32_t cap;
};

/* Room for the next pt_range_set(): 0 or -ENOMEM. */
int pt_range_reserve(struct pt_ranges *r);

/* From `start` to `end` it is `type` now; F_UNLCK: nothing.  pt_range_reserve() came before. */
void pt_range_set(struct pt_ranges *r, uint64_t start, uint64_t end, uint32_t type);

/* The first range that stands in the way of another owner who wants this; NULL: none does. */
const struct pt_range *pt_range_conflict(const struct pt_ranges *r, uint64_t start, uint64_t end,
					 uint32_t type);

/* Frees the memory; it is empty then. */
void pt_range_clear(struct pt_ranges *r);

#endif
