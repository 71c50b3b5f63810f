/*
 * Offsets in a listing as they are told.  One that the interface cannot carry (0, negative, or very
 * large) is told as a number of its own, which is good as long as the table lives.
 */
#ifndef PASSTHROUGH_DIR_OFFSET_H
#define PASSTHROUGH_DIR_OFFSET_H

#include <stddef.h>
#include <stdint.h>

/* From here on, offsets are places in the table. */
#define PT_OFFSET_ODD ((uint64_t)INT64_MAX - UINT32_MAX)

/* All zero at the start; the caller locks. */
struct pt_offsets {
	uint64_t *odd;
	size_t count, room; /* room: 0 or a power of two */
	uint32_t *slots;    /* hash of them, 2 * room: index + 1, 0: free */
};

/* How an offset of the source is told: 1 to INT64_MAX, or 0: no memory.  The same one is always
 * told the same way. */
uint64_t pt_offset_tell(struct pt_offsets *offsets, uint64_t offset);
/* Back again: 0, or -EINVAL for one that was never told. */
int pt_offset_real(const struct pt_offsets *offsets, uint64_t told, uint64_t *offset);
void pt_offset_free(struct pt_offsets *offsets);

#endif
