/*
 * What is to be told to the kernel next.
 * It knows nothing of where it comes from, nor how it is sent.
 */
#include "watch_batch.h"

#include <string.h>

static uint32_t hash_of(uint64_t nodeid, const char *name)
{
	uint64_t h = nodeid * UINT64_C(0x9e3779b97f4a7c15);

	for (; name && *name; name++)
		h = (h ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
	return (uint32_t)(h ^ h >> 32);
}

const char *pt_batch_name(const struct pt_batch *b, const struct pt_batch_entry *entry)
{
	return entry->name > 0 ? &b->names[entry->name] : NULL;
}

static bool is_of(const struct pt_batch *b, const struct pt_batch_entry *entry,
		  const struct pt_batch_entry *wanted, const char *name)
{
	const char *own = pt_batch_name(b, entry);

	if (entry->nodeid != wanted->nodeid || entry->place != wanted->place || !own != !name)
		return false;
	return !name || strcmp(own, name) == 0;
}

/* The slot that the entry has, or is to have. */
static uint16_t *slot_of(struct pt_batch *b, const struct pt_batch_entry *wanted, const char *name)
{
	uint32_t at = hash_of(wanted->nodeid, name) % PT_BATCH_SLOTS;

	while (b->slots[at] > 0 && !is_of(b, &b->entries[b->slots[at] - 1], wanted, name))
		at = (at + 1) % PT_BATCH_SLOTS;
	return &b->slots[at];
}

static bool add(struct pt_batch *b, const struct pt_batch_entry *wanted, const char *name)
{
	size_t size = name ? strlen(name) + 1 : 0;
	uint16_t *slot = slot_of(b, wanted, name);
	struct pt_batch_entry *entry;

	if (*slot > 0) {
		entry = &b->entries[*slot - 1];
		entry->what = name ? wanted->what : (uint8_t)(entry->what | wanted->what);
		return true;
	}
	/* the first byte is nobody's: 0 is no name */
	if (b->used == 0)
		b->used = 1;
	if (b->count == PT_BATCH_MAX || b->used + size > PT_BATCH_NAMES)
		return false;
	entry = &b->entries[b->count++];
	*entry = *wanted;
	if (name) {
		entry->name = b->used;
		memcpy(&b->names[b->used], name, size);
		b->used += (uint32_t)size;
	}
	*slot = (uint16_t)b->count;
	return true;
}

bool pt_batch_add(struct pt_batch *b, uint64_t nodeid, const char *name, uint8_t what)
{
	return add(b, &(struct pt_batch_entry){.nodeid = nodeid, .what = what}, name);
}

bool pt_batch_add_inode(struct pt_batch *b, uint32_t mount, uint64_t ino, uint8_t what)
{
	return add(b, &(struct pt_batch_entry){.nodeid = ino, .place = mount + 1, .what = what},
		   NULL);
}

void pt_batch_clear(struct pt_batch *b)
{
	b->count = 0;
	b->used = 0;
	memset(b->slots, 0, sizeof(b->slots));
}
