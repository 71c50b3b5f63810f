/*
 * Records found by a 32-bit index, which never move: nodes, handles of open files and directories.
 * Freed ones are used again, the lowest first, and their memory is given back where many in a row
 * are free.  The caller locks, but pt_slab_at() is safe at any time for a record that is in use.
 */
#ifndef PASSTHROUGH_SLAB_H
#define PASSTHROUGH_SLAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "room.h"

#define PT_SLAB_NONE UINT32_MAX

struct pt_slab {
	unsigned char *base; /* address space reserved for `capacity` records */
	size_t record;       /* bytes; a multiple of 8, at least 8 */
	uint32_t capacity;
	uint32_t used; /* high-water mark: every record ever taken lies below */
	uint32_t count;
	/* slab.c's own */
	uint32_t lowest; /* no block below it has a free record */
	uint32_t spare;  /* empty blocks that keep their memory */
	struct pt_room records;
	struct pt_room blocks;
};

/* 0 or -ENOMEM: no address space.  `capacity` is rounded up to a multiple of 512; where address
 * space is limited it may become less. */
int pt_slab_open(struct pt_slab *slab, size_t record, uint32_t capacity);
void pt_slab_close(struct pt_slab *slab);

/* A record of zeros, or PT_SLAB_NONE: all are in use, or no memory. */
uint32_t pt_slab_take(struct pt_slab *slab);
void pt_slab_give(struct pt_slab *slab, uint32_t index);

/* Is it taken?  For any index. */
bool pt_slab_in_use(const struct pt_slab *slab, uint32_t index);

static inline void *pt_slab_at(const struct pt_slab *slab, uint32_t index)
{
	return slab->base + (size_t)index * slab->record;
}

#endif
