/*
 * A table of the offsets that cannot be told as they are; see dir_offset.h.
 * Knows nothing of entries.
 */
#include "dir_offset.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

/* Where the offset is, or the free slot that it would take.  Half of them are free. */
static uint32_t *find(const struct pt_offsets *offsets, uint64_t offset)
{
	size_t mask = 2 * offsets->room - 1;
	size_t at = (size_t)(offset * UINT64_C(0x9e3779b97f4a7c15) >> 32) & mask;

	while (offsets->slots[at] && offsets->odd[offsets->slots[at] - 1] != offset)
		at = (at + 1) & mask;
	return &offsets->slots[at];
}

static bool grow(struct pt_offsets *offsets)
{
	size_t room = offsets->room ? offsets->room * 2 : 16;
	uint32_t *slots = room <= UINT32_MAX ? calloc(2 * room, sizeof(*slots)) : NULL;
	uint64_t *odd = slots ? reallocarray(offsets->odd, room, sizeof(*odd)) : NULL;

	if (!odd) {
		free(slots);
		return false;
	}
	free(offsets->slots);
	offsets->odd = odd;
	offsets->slots = slots;
	offsets->room = room;
	for (size_t i = 0; i < offsets->count; i++)
		*find(offsets, odd[i]) = (uint32_t)i + 1;
	return true;
}

uint64_t pt_offset_tell(struct pt_offsets *offsets, uint64_t offset)
{
	uint32_t *slot;

	if (offset > 0 && offset < PT_OFFSET_ODD)
		return offset;
	if (offsets->room == 0 && !grow(offsets))
		return 0;
	slot = find(offsets, offset);
	if (*slot)
		return PT_OFFSET_ODD + *slot - 1;
	if (offsets->count == offsets->room) {
		if (!grow(offsets))
			return 0;
		slot = find(offsets, offset);
	}
	offsets->odd[offsets->count++] = offset;
	*slot = (uint32_t)offsets->count;
	return PT_OFFSET_ODD + offsets->count - 1;
}

int pt_offset_real(const struct pt_offsets *offsets, uint64_t told, uint64_t *offset)
{
	*offset = told;
	if (told < PT_OFFSET_ODD)
		return 0;
	if (told - PT_OFFSET_ODD >= offsets->count)
		return -EINVAL;
	*offset = offsets->odd[told - PT_OFFSET_ODD];
	return 0;
}

void pt_offset_free(struct pt_offsets *offsets)
{
	free(offsets->odd);
	free(offsets->slots);
	*offsets = (struct pt_offsets){.odd = NULL};
}
