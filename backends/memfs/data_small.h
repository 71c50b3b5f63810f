/*
 * A file that has only its first page, and little in it, keeps that in a small object instead.
 * Only data*.c include this.
 *
 * With inode->reg.small set, page 0 is written and not in the index, and no other page is there:
 * the page's first bytes are the object's, those behind the object are zeros.  In npages and in
 * the limits it is a page like any other, as on tmpfs.
 */
#ifndef MEMFS_DATA_SMALL_H
#define MEMFS_DATA_SMALL_H

#include "data.h"

#define DATA_SMALL_MAX SLAB_MAX /* what is written behind this needs a page */

/* All want the inode's lock: shared for piece, exclusive for the rest. */

/*
 * 1: all is stored in the small form.  0: nothing is changed, and pages have to take it.  *spare
 * gets an object that is not needed any more, or 0; `from` may lie in it, so it is for the caller
 * to free.
 */
int data_small_write(struct memfs *fs, struct inode *inode, uint64_t offset, const char *from,
		     size_t size, uint32_t *spare);
/* Makes a page of the small form; *spare as above.  0, or -ENOSPC and all is as it was. */
int data_small_to_page(struct memfs *fs, struct inode *inode, uint32_t *spare);

/* Bytes at `offset`, which is in page 0: how many of `size` lie together at *memory. */
size_t data_small_piece(const struct memfs *fs, const struct inode *inode, size_t offset,
			size_t size, const char **memory);
void data_small_wipe(struct memfs *fs, struct inode *inode, size_t start, size_t end);
void data_small_free(struct memfs *fs, struct inode *inode);

/* A page of zeros. */
extern const char data_zeros[PAGE_BYTES];

#endif
