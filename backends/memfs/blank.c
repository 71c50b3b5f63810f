/*
 * The noted ranges of a file: a short sorted list in the slab, only for files that have any.
 * Knows pages by number only.
 */
#include "blank.h"

#include <string.h>

/* Ranges of a list at first, and at most; a list has room for one more while one is put in. */
#define FEW  3u
#define MOST ((SLAB_MAX - sizeof(struct blanks)) / sizeof(struct blank_range) - 1)

struct blanks {
	uint64_t count;
	struct blank_range range[];
};

/* When there was no memory for the list: all pages count as noted. */
static const struct blanks everything = {.count = 1, .range = {{0, UINT64_MAX}}};
static const struct blanks nothing;

#define REF_EVERYTHING UINT32_MAX

static const struct blanks *look(const struct memfs *fs, const struct inode *inode)
{
	if (!inode->reg.blanks)
		return &nothing;
	if (inode->reg.blanks == REF_EVERYTHING)
		return &everything;
	return slab_at(&fs->slab, inode->reg.blanks);
}

static size_t bytes_for(uint64_t ranges)
{
	return sizeof(struct blanks) + (ranges + 1) * sizeof(struct blank_range);
}

/* The list to be changed; NULL when it is, and stays, everything. */
static struct blanks *open_list(struct memfs *fs, struct inode *inode)
{
	struct blanks *list;

	if (inode->reg.blanks == REF_EVERYTHING)
		return NULL;
	if (!inode->reg.blanks) {
		inode->reg.blanks = slab_alloc(&fs->slab, bytes_for(FEW));
		if (!inode->reg.blanks) {
			inode->reg.blanks = REF_EVERYTHING;
			return NULL;
		}
		list = slab_at(&fs->slab, inode->reg.blanks);
		list->count = 0;
	}
	return slab_at(&fs->slab, inode->reg.blanks);
}

static void remove_at(struct blanks *list, uint64_t i, uint64_t count)
{
	memmove(&list->range[i], &list->range[i + count],
		(list->count - i - count) * sizeof(list->range[0]));
	list->count -= count;
}

/* Makes one of the two neighbours between which the fewest pages lie. */
static void join_nearest(struct blanks *list)
{
	uint64_t best = 0;

	for (uint64_t i = 1; i + 1 < list->count; i++)
		if (list->range[i + 1].from - list->range[i].to <
		    list->range[best + 1].from - list->range[best].to)
			best = i;
	list->range[best].to = list->range[best + 1].to;
	remove_at(list, best + 1, 1);
}

/* For a list that has one range more than it may keep. */
static void make_room(struct memfs *fs, struct inode *inode, struct blanks *list)
{
	uint64_t want = list->count * 2 < MOST ? list->count * 2 : MOST;
	uint32_t ref = list->count <= MOST ? slab_alloc(&fs->slab, bytes_for(want)) : 0;

	if (!ref) {
		join_nearest(list);
		return;
	}
	memcpy(slab_at(&fs->slab, ref), list, bytes_for(list->count - 1));
	slab_free(&fs->slab, inode->reg.blanks);
	inode->reg.blanks = ref;
}

void blank_add(struct memfs *fs, struct inode *inode, const struct blank_range *range)
{
	struct blanks *list = open_list(fs, inode);
	struct blank_range all = *range;
	uint64_t at = 0;
	uint64_t met = 0;

	if (!list)
		return;
	while (at < list->count && list->range[at].to < all.from)
		at++;
	for (; at + met < list->count && list->range[at + met].from <= all.to; met++) {
		if (list->range[at + met].from < all.from)
			all.from = list->range[at + met].from;
		if (list->range[at + met].to > all.to)
			all.to = list->range[at + met].to;
	}
	if (met) {
		list->range[at] = all;
		remove_at(list, at + 1, met - 1);
		return;
	}
	memmove(&list->range[at + 1], &list->range[at],
		(list->count - at) * sizeof(list->range[0]));
	list->range[at] = all;
	list->count++;
	if (bytes_for(list->count) > slab_room(&fs->slab, inode->reg.blanks))
		make_room(fs, inode, list);
}

void blank_drop(struct memfs *fs, struct inode *inode, uint64_t from, uint64_t to)
{
	struct blanks *list;
	uint64_t i = 0;

	if (!inode->reg.blanks || from >= to)
		return;
	list = open_list(fs, inode);
	while (list && i < list->count) {
		struct blank_range *range = &list->range[i];

		if (from <= range->from && to >= range->to) {
			remove_at(list, i, 1);
			continue;
		}
		/* what would be cut in two stays whole: that is noted too much, never too little */
		if (from <= range->from && to > range->from)
			range->from = to;
		else if (to >= range->to && from < range->to)
			range->to = from;
		i++;
	}
	if (list && !list->count)
		blank_free(fs, inode);
}

void blank_free(struct memfs *fs, struct inode *inode)
{
	if (inode->reg.blanks && inode->reg.blanks != REF_EVERYTHING)
		slab_free(&fs->slab, inode->reg.blanks);
	inode->reg.blanks = 0;
}

uint64_t blank_at(const struct memfs *fs, const struct inode *inode, uint64_t index)
{
	const struct blanks *list = look(fs, inode);

	for (uint64_t i = 0; i < list->count; i++)
		if (index >= list->range[i].from && index < list->range[i].to)
			return list->range[i].to;
	return 0;
}

int blank_has(const struct memfs *fs, const struct inode *inode, const struct blank_range *range)
{
	return range->from == range->to || blank_at(fs, inode, range->from) >= range->to;
}

uint64_t blank_next(const struct memfs *fs, const struct inode *inode, uint64_t index)
{
	const struct blanks *list = look(fs, inode);

	for (uint64_t i = 0; i < list->count; i++)
		if (index < list->range[i].to)
			return index > list->range[i].from ? index : list->range[i].from;
	return UINT64_MAX;
}
