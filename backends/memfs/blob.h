/*
 * Byte strings of any length, kept in chained small objects.
 * Knows nothing of what they mean; the owner brings the lock and remembers the length.
 */
#ifndef MEMFS_BLOB_H
#define MEMFS_BLOB_H

#include "slab.h"

/* Stores a copy: 0 and *ref (0 when size is 0), or -ENOSPC. */
int blob_make(struct slab *slab, const void *bytes, size_t size, uint32_t *ref);
void blob_free(struct slab *slab, uint32_t ref);
/* The first `size` bytes; the blob must have them.  Writing replaces them in place. */
void blob_read(const struct slab *slab, uint32_t ref, void *bytes, size_t size);
void blob_write(struct slab *slab, uint32_t ref, const void *bytes, size_t size);

#endif
