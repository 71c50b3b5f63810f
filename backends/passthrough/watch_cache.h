/*
 * Inode numbers of file handles that were met lately.  A handle is never used for another inode, so
 * nothing in it is ever outdated.
 */
#ifndef PASSTHROUGH_WATCH_CACHE_H
#define PASSTHROUGH_WATCH_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "handle.h"

#define PT_WATCH_CACHE_PLACES 4096u /* a power of two */
#define PT_WATCH_CACHE_BYTES  30u   /* longer handles are not kept */

/* All zero: empty. */
struct pt_watch_cache {
	struct pt_watch_place {
		uint64_t fsid;
		uint64_t ino;
		uint8_t size; /* 0: free */
		uint8_t type;
		unsigned char bytes[PT_WATCH_CACHE_BYTES];
	} places[PT_WATCH_CACHE_PLACES];
};

bool pt_watch_cache_get(const struct pt_watch_cache *c, uint64_t fsid,
			const struct pt_handle *handle, uint64_t *ino);
void pt_watch_cache_put(struct pt_watch_cache *c, uint64_t fsid, const struct pt_handle *handle,
			uint64_t ino);

#endif
