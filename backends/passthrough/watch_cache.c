/*
 * Inode numbers of file handles.
 * It knows nothing of nodes.
 */
#include "watch_cache.h"

#include <string.h>

static uint32_t place_of(uint64_t fsid, const struct pt_handle *handle)
{
	uint64_t h = fsid;

	for (unsigned i = 0; i < handle->size; i++)
		h = (h ^ handle->bytes[i]) * UINT64_C(0x100000001b3);
	return (uint32_t)(h ^ h >> 29) % PT_WATCH_CACHE_PLACES;
}

bool pt_watch_cache_get(const struct pt_watch_cache *c, uint64_t fsid,
			const struct pt_handle *handle, uint64_t *ino)
{
	const struct pt_watch_place *place = &c->places[place_of(fsid, handle)];

	if (place->size == 0 || place->fsid != fsid || place->size != handle->size ||
	    place->type != handle->type || memcmp(place->bytes, handle->bytes, place->size) != 0)
		return false;
	*ino = place->ino;
	return true;
}

void pt_watch_cache_put(struct pt_watch_cache *c, uint64_t fsid, const struct pt_handle *handle,
			uint64_t ino)
{
	struct pt_watch_place *place = &c->places[place_of(fsid, handle)];

	if (handle->size > PT_WATCH_CACHE_BYTES)
		return;
	*place = (struct pt_watch_place){
		.fsid = fsid, .ino = ino, .size = handle->size, .type = handle->type};
	memcpy(place->bytes, handle->bytes, handle->size);
}
