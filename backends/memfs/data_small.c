/*
 * The first page of a file in a small object: writing, growing, becoming a page.
 * Knows nothing of requests, and of other pages only that there are none.
 */
#include "data_small.h"

#include <errno.h>
#include <string.h>

const char data_zeros[PAGE_BYTES];

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* An object that reaches up to `end`, with what was there and zeros behind; 1 when there is one. */
static int make_room(struct memfs *fs, struct inode *inode, size_t end, uint32_t *spare)
{
	uint32_t old = inode->reg.small;
	size_t have = old ? slab_room(&fs->slab, old) : 0;
	uint32_t new;
	char *bytes;

	if (end <= have)
		return 1;
	if (!old && !limits_take_pages(&fs->limits, 1))
		return 0;
	new = slab_alloc(&fs->slab, end);
	if (!new) {
		limits_give_pages(&fs->limits, !old);
		return 0;
	}
	bytes = slab_at(&fs->slab, new);
	memcpy(bytes, slab_at(&fs->slab, old), have);
	memset(bytes + have, 0, slab_room(&fs->slab, new) - have);
	inode->reg.small = new;
	inode->reg.npages = 1;
	*spare = old;
	return 1;
}

int data_small_write(struct memfs *fs, struct inode *inode, uint64_t offset, const char *from,
		     size_t size, uint32_t *spare)
{
	*spare = 0;
	if (offset + size > DATA_SMALL_MAX || (inode->reg.npages && !inode->reg.small))
		return 0;
	if (!make_room(fs, inode, offset + size, spare))
		return 0;
	memcpy((char *)slab_at(&fs->slab, inode->reg.small) + offset, from, size);
	return 1;
}

int data_small_to_page(struct memfs *fs, struct inode *inode, uint32_t *spare)
{
	size_t room = slab_room(&fs->slab, inode->reg.small);
	struct page_run run = pages_alloc(&fs->data, 1);
	struct radix_span span;
	char *page;

	*spare = 0;
	if (!run.count)
		return -ENOSPC;
	if (radix_make(&fs->slab, &inode->reg.pages, 0, 0, &span) < 0) {
		pages_free(&fs->data, run.first, 1);
		return -ENOSPC;
	}
	page = pages_at(&fs->data, run.first);
	memcpy(page, slab_at(&fs->slab, inode->reg.small), room);
	memset(page + room, 0, PAGE_BYTES - room);
	span.slots[0] = run.first + 1;
	*spare = inode->reg.small;
	inode->reg.small = 0;
	return 0;
}

size_t data_small_piece(const struct memfs *fs, const struct inode *inode, size_t offset,
			size_t size, const char **memory)
{
	size_t room = slab_room(&fs->slab, inode->reg.small);

	if (offset >= room) {
		*memory = data_zeros;
		return least(size, PAGE_BYTES - offset);
	}
	*memory = (char *)slab_at(&fs->slab, inode->reg.small) + offset;
	return least(size, room - offset);
}

void data_small_wipe(struct memfs *fs, struct inode *inode, size_t start, size_t end)
{
	size_t room = slab_room(&fs->slab, inode->reg.small);

	if (start < room)
		memset((char *)slab_at(&fs->slab, inode->reg.small) + start, 0,
		       least(end, room) - start);
}

void data_small_free(struct memfs *fs, struct inode *inode)
{
	slab_free(&fs->slab, inode->reg.small);
	inode->reg.small = 0;
	inode->reg.npages = 0;
	limits_give_pages(&fs->limits, 1);
}
