/*
 * The store of file data that keeps pages in the arena: reading, writing and seeking.
 * Knows nothing of requests, times and modes.
 */
#include "data.h"

#include "data_pages.h"
#include "data_small.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* The last page of the largest file. */
#define DATA_LAST_PAGE ((uint64_t)INT64_MAX / PAGE_BYTES)

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* How many pages from slot `i` on lie one after the other in memory, at most `most`. */
static uint64_t contiguous(const struct radix_span *span, uint64_t i, uint64_t most)
{
	uint64_t run = 1;

	while (run < most && span->slots[i + run] == span->slots[i] + run)
		run++;
	return run;
}

/* How many slots from `i` on read as zeros, at most `most`. */
static uint64_t blank(const struct radix_span *span, uint64_t i, uint64_t most)
{
	uint64_t run = 0;

	while (run < most && !data_is_written(span->slots[i + run]))
		run++;
	return run;
}

/*
 * The next stretch of a file that is all zeros or lies in one piece of memory.  Returns how many
 * bytes of `size` it covers; *memory is NULL for zeros.
 */
static size_t next_piece(const struct memfs *fs, const struct inode *inode, uint64_t offset,
			 size_t size, const char **memory)
{
	uint64_t index = offset / PAGE_BYTES;
	uint64_t last = (offset + size - 1) / PAGE_BYTES;
	struct radix_span span = radix_look(&fs->slab, &inode->reg.pages, index);
	uint64_t i = index - span.first;
	uint64_t most = last - index + 1;
	uint64_t run;
	uint64_t bytes;

	if (inode->reg.small && !index)
		return data_small_piece(fs, inode, offset, size, memory);
	if (most > span.count - i)
		most = span.count - i;
	*memory = NULL;
	if (!span.slots) {
		run = most;
	} else if (data_is_written(span.slots[i])) {
		run = contiguous(&span, i, most);
		*memory = data_page(fs, span.slots[i]) + offset % PAGE_BYTES;
	} else {
		run = blank(&span, i, most);
	}
	bytes = run * PAGE_BYTES - offset % PAGE_BYTES;
	return bytes < size ? bytes : size;
}

static void extend(struct blank_range *range, uint64_t from, uint64_t to)
{
	if (range->from == range->to)
		range->from = from;
	range->to = to;
}

size_t data_read(const struct memfs *fs, const struct inode *inode, uint64_t offset, void *buffer,
		 size_t size, struct blank_range *blank)
{
	char *to = buffer;
	size_t done = 0;

	*blank = (struct blank_range){0, 0};
	if (offset >= inode->reg.size)
		return 0;
	if (size > inode->reg.size - offset)
		size = inode->reg.size - offset;
	while (done < size) {
		const char *memory;
		size_t piece = next_piece(fs, inode, offset + done, size - done, &memory);

		if (memory) {
			memcpy(to + done, memory, piece);
		} else {
			memset(to + done, 0, piece);
			extend(blank, (offset + done) / PAGE_BYTES,
			       (offset + done + piece - 1) / PAGE_BYTES + 1);
		}
		done += piece;
	}
	return done;
}

const char *data_peek(const struct memfs *fs, const struct inode *inode, uint64_t offset,
		      size_t *size)
{
	const char *memory;

	*size = next_piece(fs, inode, offset, *size, &memory);
	if (memory)
		return memory;
	*size = least(*size, sizeof(data_zeros));
	return data_zeros;
}

/*
 * Makes one page ready to be overwritten from `start` up to `end`: what is around reads as zeros if
 * it was never written.  Returns its memory.
 */
static char *open_page(const struct memfs *fs, uint32_t *slot, size_t start, size_t end)
{
	char *memory;

	if (data_is_written(*slot))
		return data_page(fs, *slot);
	*slot &= ~DATA_UNWRITTEN;
	memory = data_page(fs, *slot);
	memset(memory, 0, start);
	memset(memory + end, 0, PAGE_BYTES - end);
	return memory;
}

/* Copies into pages that are all there, beginning at slot i; size is not 0. */
static void fill(const struct memfs *fs, const struct radix_span *span, uint64_t i, size_t start,
		 const char *from, size_t size)
{
	while (size) {
		size_t end = start + size;
		char *memory = open_page(fs, &span->slots[i++], start, least(end, PAGE_BYTES));
		size_t room = PAGE_BYTES;
		size_t part;

		/* Opening clears marks, so only then it shows what lies together. */
		while (room < end && open_page(fs, &span->slots[i], 0,
					       least(end - room, PAGE_BYTES)) == memory + room) {
			room += PAGE_BYTES;
			i++;
		}
		part = least(end, room) - start;
		memcpy(memory + start, from, part);
		from += part;
		size -= part;
		start = 0;
	}
}

/* Writes as much as lies in one leaf of the index; what it could store. */
static size_t write_leaf(struct memfs *fs, struct inode *inode, uint64_t offset, const char *from,
			 size_t size)
{
	uint64_t index = offset / PAGE_BYTES;
	uint64_t last = (offset + size - 1) / PAGE_BYTES;
	size_t start = offset % PAGE_BYTES;
	struct radix_span span;
	uint64_t want;
	uint64_t got;

	if (radix_make(&fs->slab, &inode->reg.pages, index, last, &span) < 0)
		return 0;
	want = last - index + 1;
	if (want > span.count - (index - span.first))
		want = span.count - (index - span.first);
	got = data_add_pages(fs, inode, &span, index - span.first, want, 1);
	if (!got) {
		radix_prune(&fs->slab, &inode->reg.pages, index);
		return 0;
	}
	if (size > got * PAGE_BYTES - start)
		size = got * PAGE_BYTES - start;
	fill(fs, &span, index - span.first, start, from, size);
	return size;
}

static size_t write_pages(struct memfs *fs, struct inode *inode, uint64_t offset, const char *from,
			  size_t size)
{
	size_t done = 0;

	while (done < size) {
		size_t part = write_leaf(fs, inode, offset + done, from + done, size - done);

		if (!part)
			break;
		done += part;
	}
	return done;
}

size_t data_write(struct memfs *fs, struct inode *inode, uint64_t offset, const void *bytes,
		  size_t size)
{
	uint32_t spare;
	size_t done = 0;

	if (data_small_write(fs, inode, offset, bytes, size, &spare))
		done = size;
	else if (!inode->reg.small || data_small_to_page(fs, inode, &spare) == 0)
		done = write_pages(fs, inode, offset, bytes, size);
	if (spare)
		slab_free(&fs->slab, spare);
	if (done && inode->reg.size < offset + done)
		inode->reg.size = offset + done;
	return done;
}

/* The first page from *index on that was written; 0 when there is none. */
static int next_written(const struct memfs *fs, const struct inode *inode, uint64_t *index)
{
	uint32_t slot;

	if (inode->reg.small && !*index)
		return 1;
	while ((slot = radix_next(&fs->slab, &inode->reg.pages, index)) != 0) {
		if (data_is_written(slot))
			return 1;
		++*index;
	}
	return 0;
}

/* Moves *index to the first page from there on that was not written. */
static void next_unwritten(const struct memfs *fs, const struct inode *inode, uint64_t *index)
{
	if (inode->reg.small && !*index)
		++*index;
	for (;;) {
		struct radix_span span = radix_look(&fs->slab, &inode->reg.pages, *index);

		for (; *index < span.first + span.count; ++*index)
			if (!span.slots || !data_is_written(span.slots[*index - span.first]))
				return;
	}
}

/* Pages that were read blank may have been stored to since. */
static int next_data(const struct memfs *fs, const struct inode *inode, uint64_t *index)
{
	uint64_t noted = blank_next(fs, inode, *index);

	if (noted == *index)
		return 1;
	if (!next_written(fs, inode, index) || *index > noted)
		*index = noted;
	return *index != UINT64_MAX;
}

static void next_hole(const struct memfs *fs, const struct inode *inode, uint64_t *index)
{
	uint64_t end;

	next_unwritten(fs, inode, index);
	while ((end = blank_at(fs, inode, *index)) != 0 && *index < DATA_LAST_PAGE) {
		*index = end;
		if (end <= DATA_LAST_PAGE)
			next_unwritten(fs, inode, index);
	}
}

int data_seek(const struct memfs *fs, const struct inode *inode, uint64_t offset, int whence,
	      uint64_t *found)
{
	uint64_t size = inode->reg.size;
	uint64_t index = offset / PAGE_BYTES;
	uint64_t first = index;

	if (offset >= size)
		return -ENXIO;
	if (whence == SEEK_HOLE)
		next_hole(fs, inode, &index);
	else if (!next_data(fs, inode, &index))
		return -ENXIO;
	if (index > DATA_LAST_PAGE)
		index = DATA_LAST_PAGE + 1;
	*found = index == first ? offset : index * PAGE_BYTES;
	if (*found < size)
		return 0;
	*found = size;
	return whence == SEEK_HOLE ? 0 : -ENXIO;
}
