/*
 * The ring: a table of entries in the order of coming, their bytes in a second ring, and a hash
 * table over the entries.  It knows nothing of what messages mean or who takes them.
 */
#include "msgring.h"

#include <errno.h>
#include <string.h>

#include "buffers.h"

#define BUCKETS 2048u /* a power of two */
#define ALIGN   8u

struct entry {
	uint64_t since;
	uint64_t hash;
	uint32_t at; /* of its bytes, which are in one piece */
	uint32_t size;
	uint16_t next; /* in its bucket: index + 1 */
	bool hidden;   /* in no bucket */
};

struct msgring_store {
	struct entry entries[MSGRING_LENGTH];
	uint16_t buckets[BUCKETS]; /* index + 1 of the entry that came last */
	_Alignas(ALIGN) unsigned char bytes[MSGRING_BYTES];
};

/* FNV-1a */
static uint64_t hash_of(const unsigned char *bytes, size_t size)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
	return hash;
}

struct msgring_message msgring_message(const void *bytes, size_t size)
{
	return (struct msgring_message){.bytes = bytes, .size = size, .hash = hash_of(bytes, size)};
}

int msgring_init(struct msgring *r, struct err *err)
{
	void *store = buffers_reserve(sizeof(*r->store));

	if (!store)
		return err_set(err, -errno, "cannot reserve a queue of messages: %s",
			       strerror(errno));
	*r = (struct msgring){.store = store};
	return 0;
}

void msgring_free(struct msgring *r)
{
	buffers_release(r->store, sizeof(*r->store));
	*r = (struct msgring){.store = NULL};
}

static uint16_t *bucket_of(const struct msgring *r, uint64_t hash)
{
	/* folded: the high bits are mixed better */
	return &r->store->buckets[(hash ^ hash >> 32) & (BUCKETS - 1)];
}

bool msgring_has(const struct msgring *r, const struct msgring_message *message)
{
	const struct entry *e;

	for (uint16_t i = *bucket_of(r, message->hash); i != 0; i = e->next) {
		e = &r->store->entries[i - 1];
		if (e->hash == message->hash && e->size == message->size &&
		    memcmp(r->store->bytes + e->at, message->bytes, message->size) == 0)
			return true;
	}
	return false;
}

static uint32_t room_for(size_t size)
{
	return (uint32_t)((size + ALIGN - 1) & ~(size_t)(ALIGN - 1));
}

/* Finds a place of one piece.  The bytes in use reach from the oldest message to the tail. */
static bool find_place(const struct msgring *r, uint32_t size, uint32_t *at)
{
	uint32_t first = r->store->entries[r->head].at;

	if (r->count == 0)
		*at = 0; /* the same pages over and over as long as there is little to do */
	else if (r->tail > first && size <= MSGRING_BYTES - r->tail)
		*at = r->tail;
	else if (r->tail > first && size <= first)
		*at = 0;
	else if (r->tail <= first && size <= first - r->tail)
		*at = r->tail;
	else
		return false;
	return true;
}

bool msgring_add(struct msgring *r, const struct msgring_message *message, uint64_t since)
{
	unsigned index = (r->head + r->count) % MSGRING_LENGTH;
	struct entry *e = &r->store->entries[index];
	uint16_t *bucket = bucket_of(r, message->hash);
	uint32_t size, at;

	if (r->count == MSGRING_LENGTH || message->size > MSGRING_BYTES)
		return false;
	size = room_for(message->size);
	if (!find_place(r, size, &at))
		return false;
	*e = (struct entry){
		.since = since,
		.hash = message->hash,
		.at = at,
		.size = (uint32_t)message->size,
		.next = *bucket,
	};
	memcpy(r->store->bytes + at, message->bytes, message->size);
	*bucket = (uint16_t)(index + 1);
	r->tail = at + size;
	r->count++;
	return true;
}

struct msgring_message msgring_first(const struct msgring *r, uint64_t *since)
{
	const struct entry *e = &r->store->entries[r->head];

	*since = e->since;
	return (struct msgring_message){
		.bytes = r->store->bytes + e->at, .size = e->size, .hash = e->hash};
}

void msgring_hide_first(struct msgring *r)
{
	struct entry *e = &r->store->entries[r->head];
	uint16_t *link = bucket_of(r, e->hash);

	if (e->hidden)
		return;
	while (*link != r->head + 1)
		link = &r->store->entries[*link - 1].next;
	*link = e->next;
	e->hidden = true;
}

void msgring_drop_first(struct msgring *r)
{
	msgring_hide_first(r);
	r->head = (r->head + 1) % MSGRING_LENGTH;
	r->count--;
}

unsigned msgring_cut(struct msgring *r, unsigned keep)
{
	const struct entry *first = &r->store->entries[r->head];
	unsigned dropped = r->count - keep;

	/* none of those that stay is in a bucket */
	memset(r->store->buckets, 0, sizeof(r->store->buckets));
	r->count = keep;
	r->tail = first->at + room_for(first->size);
	return dropped;
}
