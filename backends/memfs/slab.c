/*
 * Allocator of small objects: pages of equal places, a lane's lowest page with a free place first.
 * Knows nothing of what the objects hold.
 */
#include "slab.h"

#define REFS_PER_PAGE (PAGE_BYTES / SLAB_GRAIN)
#define KEEP_PAGES    64 /* empty pages that keep their memory */

static const uint16_t class_size[SLAB_CLASSES] = {
	32, 48, 64, 80, 96, 112, 128, 160, 192, 256, 320, 384, 512, 672, 816, 1024, 1360, SLAB_MAX};

static unsigned class_of(size_t size)
{
	unsigned class = 0;

	while (class_size[class] < size)
		class ++;
	return class;
}

size_t slab_bytes(uint64_t npages)
{
	return pages_bytes(npages) + (size_t)LANES * SLAB_CLASSES * bits_bytes(npages) +
	       npages * sizeof(struct slab_page);
}

void slab_init(struct slab *slab, const struct arena *arena, char *base, uint64_t npages,
	       void *bookkeeping)
{
	char *next = bookkeeping;

	pages_init(&slab->pages, arena, base, npages, KEEP_PAGES, next);
	next += pages_bytes(npages);
	for (unsigned lane = 0; lane < LANES; lane++) {
		pthread_mutex_init(&slab->lanes[lane].lock, NULL);
		for (unsigned i = 0; i < SLAB_CLASSES; i++, next += bits_bytes(npages))
			bits_init(&slab->lanes[lane].partial[i], npages, next);
	}
	slab->info = (struct slab_page *)next;
	/* Page 0 stays unused, so that 0 is no reference. */
	pages_alloc(&slab->pages, 1);
}

void slab_destroy(struct slab *slab)
{
	pages_destroy(&slab->pages);
	for (unsigned i = 0; i < LANES; i++)
		pthread_mutex_destroy(&slab->lanes[i].lock);
}

/* A fresh page for a class; BITS_NONE when there is none.  The lane's lock is held. */
static uint64_t add_page(struct slab *slab, unsigned lane, unsigned class)
{
	unsigned places = (unsigned)(PAGE_BYTES / class_size[class]);
	struct page_run run = pages_alloc(&slab->pages, 1);
	uint32_t page = run.first;
	struct slab_page *info;

	if (!run.count)
		return BITS_NONE;
	info = &slab->info[page];
	info->free[0] = places >= 64 ? UINT64_MAX : (UINT64_C(1) << places) - 1;
	info->free[1] = places == 128 ? UINT64_MAX
			: places > 64 ? (UINT64_C(1) << (places - 64)) - 1
				      : 0;
	info->live = 0;
	info->class = (uint16_t) class;
	info->lane = (uint16_t)lane;
	bits_set(&slab->lanes[lane].partial[class], page, 1);
	return page;
}

uint32_t slab_alloc(struct slab *slab, size_t size)
{
	unsigned class = class_of(size);
	unsigned here = lane_here();
	struct slab_lane *lane = &slab->lanes[here];
	struct slab_page *info;
	unsigned half;
	unsigned place;
	uint64_t page;

	pthread_mutex_lock(&lane->lock);
	page = bits_find(&lane->partial[class], 0);
	if (page == BITS_NONE && (page = add_page(slab, here, class)) == BITS_NONE) {
		pthread_mutex_unlock(&lane->lock);
		return 0;
	}
	info = &slab->info[page];
	half = info->free[0] == 0;
	place = (unsigned)__builtin_ctzll(info->free[half]);
	info->free[half] &= info->free[half] - 1;
	info->live++;
	if (!info->free[0] && !info->free[1])
		bits_clear(&lane->partial[class], page, 1);
	pthread_mutex_unlock(&lane->lock);
	place += half * 64;
	return (uint32_t)(page * REFS_PER_PAGE + place * class_size[class] / SLAB_GRAIN);
}

size_t slab_room(const struct slab *slab, uint32_t ref)
{
	return class_size[slab->info[ref / REFS_PER_PAGE].class];
}

void slab_free(struct slab *slab, uint32_t ref)
{
	uint32_t page = ref / REFS_PER_PAGE;
	struct slab_page *info = &slab->info[page];
	struct slab_lane *lane = &slab->lanes[info->lane];
	unsigned place;
	int empty = 0;

	pthread_mutex_lock(&lane->lock);
	place = ref % REFS_PER_PAGE * SLAB_GRAIN / class_size[info->class];
	if (!info->free[0] && !info->free[1])
		bits_set(&lane->partial[info->class], page, 1);
	info->free[place / 64] |= UINT64_C(1) << (place % 64);
	if (--info->live == 0) {
		bits_clear(&lane->partial[info->class], page, 1);
		empty = 1;
	}
	pthread_mutex_unlock(&lane->lock);
	/* unlocked, since it may take a while */
	if (empty)
		pages_free(&slab->pages, page, 1);
}
