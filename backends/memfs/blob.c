/*
 * Byte strings of any length, kept in chained small objects.
 * Knows nothing of what they mean.
 */
#include "blob.h"

#include <errno.h>
#include <string.h>

struct chunk {
	uint32_t next;
	char bytes[];
};

#define CHUNK_BYTES (SLAB_MAX - offsetof(struct chunk, bytes))

static size_t part_of(size_t size)
{
	return size < CHUNK_BYTES ? size : CHUNK_BYTES;
}

int blob_make(struct slab *slab, const void *bytes, size_t size, uint32_t *ref)
{
	uint32_t first = 0;
	uint32_t *link = &first;

	for (size_t left = size; left; left -= part_of(left)) {
		uint32_t new = slab_alloc(slab, offsetof(struct chunk, bytes) + part_of(left));
		struct chunk *chunk;

		if (!new) {
			blob_free(slab, first);
			return -ENOSPC;
		}
		chunk = slab_at(slab, new);
		chunk->next = 0;
		*link = new;
		link = &chunk->next;
	}
	blob_write(slab, first, bytes, size);
	*ref = first;
	return 0;
}

void blob_free(struct slab *slab, uint32_t ref)
{
	while (ref) {
		uint32_t next = ((struct chunk *)slab_at(slab, ref))->next;

		slab_free(slab, ref);
		ref = next;
	}
}

void blob_read(const struct slab *slab, uint32_t ref, void *bytes, size_t size)
{
	char *to = bytes;

	while (size) {
		const struct chunk *chunk = slab_at(slab, ref);
		size_t part = part_of(size);

		memcpy(to, chunk->bytes, part);
		to += part;
		size -= part;
		ref = chunk->next;
	}
}

void blob_write(struct slab *slab, uint32_t ref, const void *bytes, size_t size)
{
	const char *from = bytes;

	while (size) {
		struct chunk *chunk = slab_at(slab, ref);
		size_t part = part_of(size);

		memcpy(chunk->bytes, from, part);
		from += part;
		size -= part;
		ref = chunk->next;
	}
}
