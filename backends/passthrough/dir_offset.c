/*
 * A table of the offsets that cannot be told as they are; see dir_offset.h.
 * Knows nothing of entries.
 */
#include "dir_offset.h"

#include <errno.h>
#include <stdlib.h>

uint64_t pt_offset_tell(struct pt_offsets *offsets, uint64_t offset)
{
	if (offset > 0 && offset < PT_OFFSET_ODD)
		return offset;
	if (offsets->count == offsets->room) {
		size_t room = offsets->room ? offsets->room * 2 : 16;
		uint64_t *odd =
			room <= UINT32_MAX ? reallocarray(offsets->odd, room, sizeof(*odd)) : NULL;

		if (!odd)
			return 0;
		offsets->odd = odd;
		offsets->room = room;
	}
	offsets->odd[offsets->count] = offset;
	return PT_OFFSET_ODD + offsets->count++;
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
	*offsets = (struct pt_offsets){.odd = NULL};
}
