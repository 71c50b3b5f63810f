/*
 * Records found by index, in blocks of 512 with a bit for each: the lowest free one is taken, so
 * that the end of the table empties.
 * Knows nothing of what the records hold.
 */
#include "slab.h"

#include <errno.h>
#include <string.h>

#define BLOCK 512u /* records; times any multiple of 8 bytes they are whole pages */
#define WORDS (BLOCK / 64)
#define LEAST (8u * BLOCK) /* a slab that cannot have as many is not opened */
#define SPARE 2u

struct block {
	uint64_t taken[WORDS];
	uint32_t count;
	uint32_t touched; /* has memory of its own */
};

static struct block *block_at(const struct pt_slab *slab, uint32_t index)
{
	return (struct block *)(void *)slab->blocks.base + index / BLOCK;
}

static int reserve(struct pt_slab *slab, uint32_t blocks)
{
	int error = pt_room_open(&slab->records, (size_t)blocks * BLOCK * slab->record);

	if (error)
		return error;
	error = pt_room_open(&slab->blocks, (size_t)blocks * sizeof(struct block));
	if (error)
		pt_room_close(&slab->records);
	return error;
}

int pt_slab_open(struct pt_slab *slab, size_t record, uint32_t capacity)
{
	uint32_t blocks = (uint32_t)(((uint64_t)capacity + BLOCK - 1) / BLOCK);
	size_t most = pt_room_limit((size_t)blocks * BLOCK * record);
	int error;

	memset(slab, 0, sizeof(*slab));
	slab->record = record;
	if ((size_t)blocks * BLOCK * record > most)
		blocks = (uint32_t)(most / (BLOCK * record));
	while ((error = reserve(slab, blocks)) && blocks >= 2 * LEAST / BLOCK)
		blocks /= 2;
	if (error)
		return error;
	slab->base = slab->records.base;
	slab->capacity = blocks * BLOCK;
	return 0;
}

void pt_slab_close(struct pt_slab *slab)
{
	pt_room_close(&slab->records);
	pt_room_close(&slab->blocks);
	memset(slab, 0, sizeof(*slab));
}

/* The first block with a free record, made ready; NULL: there is none. */
static struct block *find_block(struct pt_slab *slab, uint32_t *first)
{
	struct block *block;
	uint32_t index = slab->lowest * BLOCK;

	for (; index < slab->used; index += BLOCK) {
		block = block_at(slab, index);
		if (block->count < BLOCK)
			break;
	}
	slab->lowest = index / BLOCK;
	if (index >= slab->capacity)
		return NULL;
	if (!pt_room_reach(&slab->blocks, (index / BLOCK + 1) * sizeof(*block)) ||
	    !pt_room_reach(&slab->records, (size_t)(index + BLOCK) * slab->record))
		return NULL;
	*first = index;
	return block_at(slab, index);
}

uint32_t pt_slab_take(struct pt_slab *slab)
{
	uint32_t index;
	struct block *block = find_block(slab, &index);
	unsigned word = 0;
	unsigned bit;

	if (!block)
		return PT_SLAB_NONE;
	while (block->taken[word] == UINT64_MAX)
		word++;
	bit = (unsigned)__builtin_ctzll(~block->taken[word]);
	block->taken[word] |= UINT64_C(1) << bit;
	if (block->count++ == 0 && block->touched)
		slab->spare--;
	block->touched = 1;
	slab->count++;
	index += word * 64 + bit;
	if (index >= slab->used)
		slab->used = index + 1;
	return index;
}

void pt_slab_give(struct pt_slab *slab, uint32_t index)
{
	struct block *block = block_at(slab, index);
	uint32_t number = index / BLOCK;
	size_t bytes = BLOCK * slab->record;

	/* Records that are not in use are zeros. */
	memset(pt_slab_at(slab, index), 0, slab->record);
	block->taken[index % BLOCK / 64] &= ~(UINT64_C(1) << index % 64);
	slab->count--;
	if (number < slab->lowest)
		slab->lowest = number;
	if (--block->count > 0)
		return;
	if (slab->spare < SPARE) {
		slab->spare++;
		return;
	}
	pt_room_drop(&slab->records, number * bytes, (number + 1) * bytes);
	block->touched = 0;
}

bool pt_slab_in_use(const struct pt_slab *slab, uint32_t index)
{
	return index < slab->used &&
	       (block_at(slab, index)->taken[index % BLOCK / 64] >> index % 64 & 1);
}
