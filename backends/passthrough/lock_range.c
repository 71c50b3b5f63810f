/*
 * Ranges of record locks.
 * It knows neither files nor threads.
 */
#include "lock_range.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define GROWTH 2u /* a hole in the middle of a range leaves two more than there were */
#define LEAST  4u

int pt_range_reserve(struct pt_ranges *r)
{
	struct pt_range *list;
	uint32_t cap = r->cap > 0 ? r->cap * 2 : LEAST;

	if (r->count + GROWTH <= r->cap)
		return 0;
	list = reallocarray(r->list, cap, sizeof(*list));
	if (!list)
		return -ENOMEM;
	r->list = list;
	r->cap = cap;
	return 0;
}

void pt_range_clear(struct pt_ranges *r)
{
	free(r->list);
	*r = (struct pt_ranges){.list = NULL};
}

/* Puts `n` ranges in the place of those from `first` to before `last`. */
static void replace(struct pt_ranges *r, uint32_t first, uint32_t last, const struct pt_range *put,
		    uint32_t n)
{
	memmove(&r->list[first + n], &r->list[last], (r->count - last) * sizeof(*put));
	if (n > 0)
		memcpy(&r->list[first], put, n * sizeof(*put));
	r->count = r->count - (last - first) + n;
}

/* Makes one of the range at `i` and the one before it, if they belong together. */
static void merge(struct pt_ranges *r, uint32_t i)
{
	struct pt_range *a, *b;

	if (i == 0 || i >= r->count)
		return;
	a = &r->list[i - 1];
	b = &r->list[i];
	if (a->type != b->type || a->end + 1 != b->start)
		return;
	a->end = b->end;
	replace(r, i, i + 1, NULL, 0);
}

void pt_range_set(struct pt_ranges *r, uint64_t start, uint64_t end, uint32_t type)
{
	uint32_t first = 0, last, n = 0;
	struct pt_range put[3];

	while (first < r->count && r->list[first].end < start)
		first++;
	last = first;
	while (last < r->count && r->list[last].start <= end)
		last++;
	/* what stands out on either side stays */
	if (last > first && r->list[first].start < start)
		put[n++] = (struct pt_range){r->list[first].start, start - 1, r->list[first].type};
	if (type != F_UNLCK)
		put[n++] = (struct pt_range){start, end, type};
	if (last > first && r->list[last - 1].end > end)
		put[n++] =
			(struct pt_range){end + 1, r->list[last - 1].end, r->list[last - 1].type};
	replace(r, first, last, put, n);
	for (uint32_t i = first + n + 1; i-- > first;)
		merge(r, i);
	if (r->count == 0)
		pt_range_clear(r);
}

const struct pt_range *pt_range_conflict(const struct pt_ranges *r, uint64_t start, uint64_t end,
					 uint32_t type)
{
	for (uint32_t i = 0; i < r->count && r->list[i].start <= end; i++)
		if (r->list[i].end >= start && (type == F_WRLCK || r->list[i].type == F_WRLCK))
			return &r->list[i];
	return NULL;
}
