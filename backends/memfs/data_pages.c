/*
 * The pages beneath file data: truncating, punching, allocating ahead.
 * Knows nothing of requests, times and modes.
 */
#include "data_pages.h"

#include "data_small.h"

#include <errno.h>
#include <string.h>

uint64_t data_add_pages(struct memfs *fs, struct inode *inode, const struct radix_span *span,
			uint64_t i, uint64_t count, int populate)
{
	uint64_t have = 0;

	while (have < count) {
		uint64_t missing = 0;
		uint64_t granted;
		struct page_run run;

		if (span->slots[i + have]) {
			have++;
			continue;
		}
		while (have + missing < count && !span->slots[i + have + missing])
			missing++;
		granted = limits_take_pages(&fs->limits, missing);
		run = granted ? pages_alloc(&fs->data, (uint32_t)granted) : (struct page_run){0};
		limits_give_pages(&fs->limits, granted - run.count);
		if (!run.count)
			break;
		for (uint32_t k = 0; k < run.count; k++)
			span->slots[i + have + k] = (run.first + k + 1) | DATA_UNWRITTEN;
		if (populate && run.bare && run.count > 1)
			arena_populate(&fs->arena, pages_at(&fs->data, run.first),
				       run.count * PAGE_BYTES);
		inode->reg.npages += run.count;
		have += run.count;
	}
	return have;
}

/* Frees the pages of `count` slots, those that lie together in one go. */
static void free_slots(struct memfs *fs, struct inode *inode, uint32_t *slots, uint64_t count)
{
	uint32_t first = 0;
	uint32_t run = 0;
	uint64_t freed = 0;

	for (uint64_t i = 0; i < count; i++) {
		uint32_t page = slots[i] & ~DATA_UNWRITTEN;

		if (!page)
			continue;
		if (run && page == first + run) {
			run++;
		} else {
			if (run)
				pages_free(&fs->data, first - 1, run);
			first = page;
			run = 1;
		}
		slots[i] = 0;
		freed++;
	}
	if (run)
		pages_free(&fs->data, first - 1, run);
	inode->reg.npages -= freed;
	limits_give_pages(&fs->limits, freed);
}

/* Frees all pages from index `first` up to and including `last`. */
static void free_range(struct memfs *fs, struct inode *inode, uint64_t first, uint64_t last)
{
	struct radix *pages = &inode->reg.pages;
	uint64_t index = first;

	if (inode->reg.small && !first)
		data_small_free(fs, inode);
	while (index <= last && radix_next(&fs->slab, pages, &index) && index <= last) {
		struct radix_span span = radix_look(&fs->slab, pages, index);
		uint64_t i = index - span.first;
		uint64_t count = span.count - i;

		if (count > last - index + 1)
			count = last - index + 1;
		free_slots(fs, inode, span.slots + i, count);
		radix_prune(&fs->slab, pages, index);
		index += count;
	}
}

/* Zeros a part of one page, if it has anything written. */
static void wipe(struct memfs *fs, struct inode *inode, uint64_t index, size_t start, size_t end)
{
	uint32_t slot = radix_get(&fs->slab, &inode->reg.pages, index);

	if (inode->reg.small && !index)
		data_small_wipe(fs, inode, start, end);
	else if (data_is_written(slot))
		memset(data_page(fs, slot) + start, 0, end - start);
}

/*
 * Wipes what a range covers of its first and last page where it does not cover them wholly.  The
 * pages that it covers wholly become *first up to but not including *end.
 */
static void wipe_edges(struct memfs *fs, struct inode *inode, uint64_t offset, uint64_t size,
		       uint64_t *first, uint64_t *end)
{
	uint64_t stop = offset + size;
	size_t head = offset % PAGE_BYTES;
	size_t tail = stop % PAGE_BYTES;

	*first = (offset + PAGE_BYTES - 1) / PAGE_BYTES;
	*end = stop / PAGE_BYTES;
	if (head && offset / PAGE_BYTES == stop / PAGE_BYTES) {
		wipe(fs, inode, offset / PAGE_BYTES, head, tail);
		return;
	}
	if (head)
		wipe(fs, inode, offset / PAGE_BYTES, head, PAGE_BYTES);
	if (tail)
		wipe(fs, inode, *end, 0, tail);
}

void data_truncate(struct memfs *fs, struct inode *inode, uint64_t size)
{
	if (size <= inode->reg.size) {
		if (size % PAGE_BYTES)
			wipe(fs, inode, size / PAGE_BYTES, size % PAGE_BYTES, PAGE_BYTES);
		free_range(fs, inode, (size + PAGE_BYTES - 1) / PAGE_BYTES, UINT64_MAX - 1);
		blank_drop(fs, inode, (size + PAGE_BYTES - 1) / PAGE_BYTES, UINT64_MAX);
	}
	inode->reg.size = size;
}

void data_punch(struct memfs *fs, struct inode *inode, uint64_t offset, uint64_t size)
{
	uint64_t first;
	uint64_t end;

	wipe_edges(fs, inode, offset, size, &first, &end);
	blank_drop(fs, inode, first, end);
	if (first < end)
		free_range(fs, inode, first, end - 1);
}

/* A page that was allocated before counts as data once it is allocated again, as in tmpfs. */
static void settle(const struct memfs *fs, const struct radix_span *span, uint64_t i,
		   uint64_t count)
{
	for (; count; i++, count--) {
		if (!(span->slots[i] & DATA_UNWRITTEN))
			continue;
		span->slots[i] &= ~DATA_UNWRITTEN;
		memset(data_page(fs, span->slots[i]), 0, PAGE_BYTES);
	}
}

static void settle_page(const struct memfs *fs, const struct inode *inode, uint64_t index)
{
	struct radix_span span = radix_look(&fs->slab, &inode->reg.pages, index);

	settle(fs, &span, index - span.first, 1);
}

void data_zero(struct memfs *fs, struct inode *inode, uint64_t offset, uint64_t size)
{
	uint64_t first;
	uint64_t end;

	wipe_edges(fs, inode, offset, size, &first, &end);
	blank_drop(fs, inode, first, end);
	/* What is covered in part is data then, as after a hole that is allocated again. */
	if (offset % PAGE_BYTES)
		settle_page(fs, inode, offset / PAGE_BYTES);
	if ((offset + size) % PAGE_BYTES)
		settle_page(fs, inode, (offset + size) / PAGE_BYTES);
	for (uint64_t index = first;
	     index < end && radix_next(&fs->slab, &inode->reg.pages, &index) && index < end;
	     index++) {
		struct radix_span span = radix_look(&fs->slab, &inode->reg.pages, index);

		span.slots[index - span.first] |= DATA_UNWRITTEN;
	}
}

/* How many pages the range from `first` up to and including `last` lacks. */
static uint64_t count_missing(const struct memfs *fs, const struct inode *inode, uint64_t first,
			      uint64_t last)
{
	uint64_t missing = last - first + 1;
	uint64_t index = first;

	while (index <= last && radix_next(&fs->slab, &inode->reg.pages, &index) && index <= last) {
		missing--;
		index++;
	}
	return missing;
}

/* Takes back what data_allocate() did up to index `end`. */
static void undo_allocate(struct memfs *fs, struct inode *inode, uint64_t first, uint64_t end)
{
	for (uint64_t index = first;
	     index < end && radix_next(&fs->slab, &inode->reg.pages, &index) && index < end;
	     index++) {
		struct radix_span span = radix_look(&fs->slab, &inode->reg.pages, index);

		if (span.slots[index - span.first] & DATA_UNWRITTEN) {
			free_slots(fs, inode, &span.slots[index - span.first], 1);
			radix_prune(&fs->slab, &inode->reg.pages, index);
		}
	}
}

static int allocate_pages(struct memfs *fs, struct inode *inode, uint64_t first, uint64_t last)
{
	for (uint64_t index = first; index <= last;) {
		struct radix_span span;
		uint64_t i;
		uint64_t count;
		uint64_t got;

		if (radix_make(&fs->slab, &inode->reg.pages, index, last, &span) < 0) {
			undo_allocate(fs, inode, first, index);
			return -ENOSPC;
		}
		i = index - span.first;
		count = span.count - i;
		if (count > last - index + 1)
			count = last - index + 1;
		settle(fs, &span, i, count);
		got = data_add_pages(fs, inode, &span, i, count, 0);
		if (got < count) {
			radix_prune(&fs->slab, &inode->reg.pages, index);
			undo_allocate(fs, inode, first, index + got);
			return -ENOSPC;
		}
		index += count;
	}
	return 0;
}

int data_allocate(struct memfs *fs, struct inode *inode, uint64_t offset, uint64_t size)
{
	uint64_t first = offset / PAGE_BYTES;
	uint64_t last = (offset + size - 1) / PAGE_BYTES;
	uint64_t room = fs->data.limit;
	uint32_t spare = 0;

	if (fs->limits.max_pages && fs->limits.max_pages < room)
		room = fs->limits.max_pages;
	/* Refuse at once what cannot fit, before touching a page for each part of it. */
	if (last - first + 1 > room)
		return -ENOSPC;
	if (inode->reg.small) {
		if (data_small_to_page(fs, inode, &spare) < 0)
			return -ENOSPC;
		slab_free(&fs->slab, spare);
	}
	if (count_missing(fs, inode, first, last) + atomic_load(&fs->limits.pages) > room)
		return -ENOSPC;
	return allocate_pages(fs, inode, first, last);
}

void data_free(struct memfs *fs, struct inode *inode)
{
	free_range(fs, inode, 0, UINT64_MAX - 1);
	blank_free(fs, inode);
}
