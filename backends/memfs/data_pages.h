/*
 * The pages beneath file data: getting, freeing and counting them.
 * Only data*.c include this.
 */
#ifndef MEMFS_DATA_PAGES_H
#define MEMFS_DATA_PAGES_H

#include "data.h"

static inline int data_is_written(uint32_t slot)
{
	return slot && !(slot & DATA_UNWRITTEN);
}

/* The memory behind a slot that is not 0. */
static inline char *data_page(const struct memfs *fs, uint32_t slot)
{
	return pages_at(&fs->data, (slot & ~DATA_UNWRITTEN) - 1);
}

/*
 * Puts unwritten pages where `count` slots from `i` on have none.  Returns how many of the slots,
 * counted from the first, have a page now.  With `populate` they are about to be written.  The
 * inode's lock is held exclusively.
 */
uint64_t data_add_pages(struct memfs *fs, struct inode *inode, const struct radix_span *span,
			uint64_t i, uint64_t count, int populate);

#endif
