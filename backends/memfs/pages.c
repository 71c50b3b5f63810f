/*
 * Allocator of 4 KiB pages in one region of the arena: stocks of the lanes, and all others.
 * Knows nothing of what is stored in them.
 */
#include "pages.h"

/* Longest run that is given back in one call, so that the call stays short. */
#define RELEASE_RUN 2048

size_t pages_bytes(uint64_t limit)
{
	return 2 * bits_bytes(limit);
}

void pages_init(struct pages *pages, const struct arena *arena, char *base, uint64_t limit,
		uint64_t keep, void *bookkeeping)
{
	pthread_mutex_init(&pages->lock, NULL);
	pthread_cond_init(&pages->back, NULL);
	pages->arena = arena;
	pages->base = base;
	bits_init(&pages->kept, limit, bookkeeping);
	bits_init(&pages->released, limit, (char *)bookkeeping + bits_bytes(limit));
	pages->nkept = 0;
	pages->releasing = 0;
	pages->top = 0;
	pages->limit = limit;
	pages->used = 0;
	pages->keep = keep;
	for (unsigned i = 0; i < LANES; i++) {
		pthread_mutex_init(&pages->lanes[i].lock, NULL);
		pages->lanes[i].stock = (struct page_run){.count = 0};
	}
}

void pages_destroy(struct pages *pages)
{
	for (unsigned i = 0; i < LANES; i++)
		pthread_mutex_destroy(&pages->lanes[i].lock);
	pthread_cond_destroy(&pages->back);
	pthread_mutex_destroy(&pages->lock);
}

/*
 * Waits until a page is free that is on its way to the system, if there is no other: who may have
 * pages gets them, even the last ones.  The lock is held.
 */
static void await_release(struct pages *pages)
{
	while (pages->releasing && !pages->nkept && pages->top == pages->limit &&
	       bits_find(&pages->released, 0) == BITS_NONE)
		pthread_cond_wait(&pages->back, &pages->lock);
}

/* A run of at most `want` pages, the lowest that are free, those with memory first. */
static struct page_run take(struct pages *pages, uint32_t want)
{
	struct page_run got = {.bare = 1};
	uint64_t found;
	uint64_t run;

	pthread_mutex_lock(&pages->lock);
	await_release(pages);
	if ((found = bits_find(&pages->kept, 0)) != BITS_NONE) {
		run = bits_run(&pages->kept, found, want);
		bits_clear(&pages->kept, found, run);
		pages->nkept -= run;
		got.bare = 0;
	} else if ((found = bits_find(&pages->released, 0)) != BITS_NONE) {
		run = bits_run(&pages->released, found, want);
		bits_clear(&pages->released, found, run);
	} else {
		found = pages->top;
		run = pages->limit - found < want ? pages->limit - found : want;
		pages->top += run;
	}
	pages->used += run;
	pthread_mutex_unlock(&pages->lock);
	got.first = (uint32_t)found;
	got.count = (uint32_t)run;
	return got;
}

struct page_run pages_alloc(struct pages *pages, uint32_t want)
{
	struct pages_lane *lane = &pages->lanes[lane_here()];
	struct page_run got;

	if (want >= PAGES_STOCK)
		return take(pages, want);
	pthread_mutex_lock(&lane->lock);
	if (!lane->stock.count)
		lane->stock = take(pages, PAGES_STOCK);
	got = lane->stock;
	if (got.count > want)
		got.count = want;
	lane->stock.first += got.count;
	lane->stock.count -= got.count;
	pthread_mutex_unlock(&lane->lock);
	return got;
}

/* Gives runs back until only half of what may be kept is left.  The lock is held on entry. */
static void release_surplus(struct pages *pages)
{
	uint64_t from = 0;

	while (pages->nkept > pages->keep / 2) {
		uint64_t most = pages->nkept - pages->keep / 2;
		uint64_t first = bits_find(&pages->kept, from);
		uint64_t run;

		if (first == BITS_NONE)
			break;
		run = bits_run(&pages->kept, first, most < RELEASE_RUN ? most : RELEASE_RUN);
		bits_clear(&pages->kept, first, run);
		pages->nkept -= run;
		pages->releasing += run;
		/* In neither set now, so nobody gets these pages while they are given back. */
		pthread_mutex_unlock(&pages->lock);
		arena_release(pages->arena, pages_at(pages, (uint32_t)first), run * PAGE_BYTES);
		pthread_mutex_lock(&pages->lock);
		bits_set(&pages->released, first, run);
		pages->releasing -= run;
		pthread_cond_broadcast(&pages->back);
		from = first + run;
	}
}

void pages_free(struct pages *pages, uint32_t first, uint32_t count)
{
	pthread_mutex_lock(&pages->lock);
	bits_set(&pages->kept, first, count);
	pages->nkept += count;
	pages->used -= count;
	if (pages->nkept > pages->keep + pages->used / 16)
		release_surplus(pages);
	pthread_mutex_unlock(&pages->lock);
}
