/*
 * Allocator of 4 KiB pages in one region of the arena: each lane has a run of neighbours in stock,
 * taken where pages are lowest, so that what one processor allocates is given back in long runs.
 * Free pages keep their memory for a while, then runs of them go back to the system at once.
 */
#ifndef MEMFS_PAGES_H
#define MEMFS_PAGES_H

#include "arena.h"
#include "bits.h"
#include "lane.h"

#include <pthread.h>

/* Neighbouring pages. */
struct page_run {
	uint32_t first;
	uint32_t count;
	int bare; /* they have no memory yet */
};

struct pages_lane {
	pthread_mutex_t lock; /* taken before pages.lock */
	struct page_run stock;
	char apart[LANE_APART];
};

#define PAGES_STOCK 64u /* most in stock in a lane */
/* What a region must have more than is wanted, so that stocks keep nobody from the rest. */
#define PAGES_SPARE (LANES * PAGES_STOCK)

struct pages {
	pthread_mutex_t lock;
	pthread_cond_t back; /* pages are in `released` that were on their way there */
	const struct arena *arena;
	char *base;
	struct bits kept;     /* free, still with memory */
	struct bits released; /* free, without memory */
	uint64_t nkept;
	uint64_t releasing; /* free, but in neither set while their memory is given back */
	uint64_t top;       /* pages from here on were never used */
	uint64_t limit;     /* number of pages in the region */
	uint64_t used;      /* with the stocks */
	uint64_t keep;      /* free pages that may always keep their memory */
	struct pages_lane lanes[LANES];
};

/* Zeroed bytes that the bookkeeping of `limit` pages needs. */
size_t pages_bytes(uint64_t limit);
void pages_init(struct pages *pages, const struct arena *arena, char *base, uint64_t limit,
		uint64_t keep, void *bookkeeping);
void pages_destroy(struct pages *pages);

/*
 * Any thread; both take locks for a moment.  alloc returns a run of at most `want` pages, of
 * none when none is left; their content is anything.
 */
struct page_run pages_alloc(struct pages *pages, uint32_t want);
void pages_free(struct pages *pages, uint32_t first, uint32_t count);

static inline char *pages_at(const struct pages *pages, uint32_t page)
{
	return pages->base + (size_t)page * PAGE_BYTES;
}

#endif
