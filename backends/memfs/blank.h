/*
 * Which pages of a file were read where nothing was written.  Such a page may lie in the kernel's
 * page cache, and a store through a mapping makes it data long before it is written back.  So
 * data_seek() takes these pages for data: who copies a file that others have mapped must not lose
 * what they stored.  Knows pages by number only.
 */
#ifndef MEMFS_BLANK_H
#define MEMFS_BLANK_H

#include "fs.h"

/* Pages from `from` up to `to`; none when they are equal. */
struct blank_range {
	uint64_t from;
	uint64_t to;
};

/* All want the inode's lock: shared for has, at and next, exclusive for the rest. */

/* Notes at least these pages: a file has room for a few ranges, and the nearest become one. */
void blank_add(struct memfs *fs, struct inode *inode, const struct blank_range *range);
/* The kernel drops what it cached of these pages. */
void blank_drop(struct memfs *fs, struct inode *inode, uint64_t from, uint64_t to);
void blank_free(struct memfs *fs, struct inode *inode);

/* 1 when nothing is new in the range. */
int blank_has(const struct memfs *fs, const struct inode *inode, const struct blank_range *range);
/* Where the noted pages end among which `index` is; 0 when it is not noted. */
uint64_t blank_at(const struct memfs *fs, const struct inode *inode, uint64_t index);
/* The first noted page from `index` on; UINT64_MAX when there is none. */
uint64_t blank_next(const struct memfs *fs, const struct inode *inode, uint64_t index);

#endif
