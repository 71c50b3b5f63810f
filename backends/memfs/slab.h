/*
 * Allocator of small objects in one region of the arena, addressed by 32-bit references.
 * Objects of one size share pages, and each page is one lane's; an empty page goes back.  Knows
 * nothing of what they hold.
 */
#ifndef MEMFS_SLAB_H
#define MEMFS_SLAB_H

#include "pages.h"

#define SLAB_GRAIN     16u
#define SLAB_CLASSES   18u
#define SLAB_MAX       2048u /* largest object */
#define SLAB_MAX_PAGES (UINT64_C(1) << 24)

struct slab_page {
	uint64_t free[2]; /* a bit for each free place */
	uint16_t live;
	uint16_t class;
	uint16_t lane; /* whose lock guards all this; the same as long as the page is in use */
};

struct slab_lane {
	pthread_mutex_t lock;              /* taken before those of pages */
	struct bits partial[SLAB_CLASSES]; /* its pages with a free place */
	char apart[LANE_APART];
};

struct slab {
	struct pages pages;
	struct slab_page *info; /* one for each page */
	struct slab_lane lanes[LANES];
};

/* Zeroed bytes that the bookkeeping of `npages` needs. */
size_t slab_bytes(uint64_t npages);
void slab_init(struct slab *slab, const struct arena *arena, char *base, uint64_t npages,
	       void *bookkeeping);
void slab_destroy(struct slab *slab);

/* Any thread.  Returns 0 when there is no room; the content is anything.  size <= SLAB_MAX. */
uint32_t slab_alloc(struct slab *slab, size_t size);
void slab_free(struct slab *slab, uint32_t ref);

/* Bytes that an object has, which may be more than were asked for. */
size_t slab_room(const struct slab *slab, uint32_t ref);

static inline void *slab_at(const struct slab *slab, uint32_t ref)
{
	return slab->pages.base + (size_t)ref * SLAB_GRAIN;
}

#endif
