/*
 * What regular files hold: the narrow interface to the store of file data.  This store keeps pages
 * in the arena, and small files in less than a page; another one can stand behind the same
 * functions.  Knows no requests and no times.
 */
#ifndef MEMFS_DATA_H
#define MEMFS_DATA_H

#include "blank.h"
#include "fs.h"

/* In a file's index a page stands as its number plus one, with this bit while it is all zeros that
 * nobody wrote (fallocate): then its memory holds anything. */
#define DATA_UNWRITTEN (UINT32_C(1) << 31)
#define DATA_MAX_PAGES ((UINT32_C(1) << 31) - 2)

/* All want the inode's lock: shared for read and seek, exclusive for the rest. */

/* Bytes copied; fewer than `size` only at the end of the file.  *blank gets a range that holds all
 * pages that read as zeros because nobody wrote them. */
size_t data_read(const struct memfs *fs, const struct inode *inode, uint64_t offset, void *buffer,
		 size_t size, struct blank_range *blank);
/* Grows the file.  Bytes stored: fewer than `size` (even 0) when space ran out. */
size_t data_write(struct memfs *fs, struct inode *inode, uint64_t offset, const void *bytes,
		  size_t size);
/* Frees whatever is behind the new end, space that was allocated behind the old one included. */
void data_truncate(struct memfs *fs, struct inode *inode, uint64_t size);
void data_punch(struct memfs *fs, struct inode *inode, uint64_t offset, uint64_t size);
/* Space for a range; st_size stays.  0, or -ENOSPC with nothing allocated. */
int data_allocate(struct memfs *fs, struct inode *inode, uint64_t offset, uint64_t size);
/* Makes a range read as zeros and keeps its space; it must be allocated. */
void data_zero(struct memfs *fs, struct inode *inode, uint64_t offset, uint64_t size);
/* whence is SEEK_DATA or SEEK_HOLE.  0 or -ENXIO. */
int data_seek(const struct memfs *fs, const struct inode *inode, uint64_t offset, int whence,
	      uint64_t *found);
/* The bytes at `offset` as they lie in memory (zeros for a hole): at most *size, at least one. */
const char *data_peek(const struct memfs *fs, const struct inode *inode, uint64_t offset,
		      size_t *size);
/* Frees everything.  The inode is dead or locked. */
void data_free(struct memfs *fs, struct inode *inode);

#endif
