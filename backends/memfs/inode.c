/*
 * The table of inodes: finding by nodeid, locks, new places and freed ones.
 * Knows nothing of names, data or attributes.
 */
#include "inode.h"

#include <string.h>

#define PER_PAGE   (PAGE_BYTES / sizeof(struct inode))
#define KEEP_PAGES 64 /* empty pages that keep their memory */

_Static_assert(PER_PAGE == ITABLE_STOCK, "a stock is a page of inodes");

#define INOS 1024u /* numbers that a lane takes at once */

/* How much of st_ino goes into the nodeid, above the index. */
#define INO_IN_NODEID UINT64_C(0x7fffffff)

/* Of the locks; what follows them is read in words. */
static size_t lock_bytes(uint64_t limit)
{
	return (limit * sizeof(rwlock) + sizeof(uint64_t) - 1) & ~(sizeof(uint64_t) - 1);
}

size_t itable_bytes(uint64_t limit)
{
	return lock_bytes(limit) + bits_bytes(limit) + bits_bytes(limit / PER_PAGE + 1);
}

void itable_init(struct itable *table, const struct arena *arena, char *inodes, uint64_t limit,
		 void *bookkeeping)
{
	char *next = bookkeeping;

	pthread_mutex_init(&table->lock, NULL);
	pthread_cond_init(&table->back, NULL);
	for (unsigned i = 0; i < LANES; i++) {
		table->lanes[i] = (struct itable_lane){.next = 0};
		pthread_mutex_init(&table->lanes[i].lock, NULL);
	}
	table->arena = arena;
	table->inodes = (struct inode *)inodes;
	/* first, so that the locks of a page of inodes have cache lines of their own */
	table->locks = (rwlock *)next;
	next += lock_bytes(limit);
	bits_init(&table->free, limit, next);
	next += bits_bytes(limit);
	bits_init(&table->empty, limit / PER_PAGE + 1, next);
	table->nempty = 0;
	table->releasing = 0;
	table->limit = limit;
	table->used = 0;
	atomic_init(&table->top, INODE_ROOT);
	table->next_ino = 1;
}

void itable_destroy(struct itable *table)
{
	for (unsigned i = 0; i < LANES; i++)
		pthread_mutex_destroy(&table->lanes[i].lock);
	pthread_cond_destroy(&table->back);
	pthread_mutex_destroy(&table->lock);
}

static rwlock *lock_of(const struct itable *table, const struct inode *inode)
{
	return &table->locks[inode_index(table, inode)];
}

void inode_lock(const struct itable *table, struct inode *inode)
{
	rwlock_exclusive(lock_of(table, inode));
}

void inode_unlock(const struct itable *table, struct inode *inode)
{
	rwlock_unexclusive(lock_of(table, inode));
}

void inode_lock_shared(const struct itable *table, struct inode *inode)
{
	rwlock_shared(lock_of(table, inode));
}

void inode_unlock_shared(const struct itable *table, struct inode *inode)
{
	rwlock_unshared(lock_of(table, inode));
}

uint64_t inode_nodeid(const struct itable *table, const struct inode *inode)
{
	uint32_t index = inode_index(table, inode);
	uint64_t ino = atomic_load_explicit(&inode->ino, memory_order_relaxed);

	return index == INODE_ROOT ? LLFUSED_ROOT_ID : (ino & INO_IN_NODEID) << 32 | index;
}

/* The place that a nodeid means, if one was ever used; what lives there is for the lock to say. */
static struct inode *place_of(const struct itable *table, uint64_t nodeid)
{
	uint32_t index = (uint32_t)nodeid;

	if (!index || index >= atomic_load_explicit(&table->top, memory_order_acquire))
		return NULL;
	return inode_at(table, index);
}

static int is_alive(const struct itable *table, const struct inode *inode, uint64_t nodeid)
{
	return atomic_load_explicit(&inode->ino, memory_order_relaxed) &&
	       inode_nodeid(table, inode) == nodeid;
}

struct inode *inode_get(const struct itable *table, uint64_t nodeid)
{
	struct inode *inode = place_of(table, nodeid);

	if (!inode)
		return NULL;
	inode_lock(table, inode);
	if (is_alive(table, inode, nodeid))
		return inode;
	inode_unlock(table, inode);
	return NULL;
}

struct inode *inode_get_shared(const struct itable *table, uint64_t nodeid)
{
	struct inode *inode = place_of(table, nodeid);

	if (!inode)
		return NULL;
	inode_lock_shared(table, inode);
	if (is_alive(table, inode, nodeid))
		return inode;
	inode_unlock_shared(table, inode);
	return NULL;
}

/* The lowest free places of one page, at least one if there is any.  The table's lock is held. */
static void stock_places(struct itable *table, struct itable_lane *lane)
{
	uint64_t first;
	uint64_t run;
	uint64_t top;

	while ((first = bits_find(&table->free, 0)) == BITS_NONE && table->releasing &&
	       atomic_load_explicit(&table->top, memory_order_relaxed) == table->limit)
		pthread_cond_wait(&table->back, &table->lock);
	top = atomic_load_explicit(&table->top, memory_order_relaxed);
	if (first != BITS_NONE) {
		run = bits_run(&table->free, first, PER_PAGE - first % PER_PAGE);
		bits_clear(&table->free, first, run);
		if (bits_test(&table->empty, first / PER_PAGE)) {
			bits_clear(&table->empty, first / PER_PAGE, 1);
			table->nempty--;
		}
	} else {
		first = top;
		run = PER_PAGE - first % PER_PAGE;
		if (run > table->limit - first)
			run = table->limit - first;
		atomic_store_explicit(&table->top, first + run, memory_order_release);
	}
	table->used += run;
	lane->next = (uint32_t)first;
	lane->end = (uint32_t)(first + run);
}

static void restock(struct itable *table, struct itable_lane *lane)
{
	pthread_mutex_lock(&table->lock);
	if (lane->next == lane->end)
		stock_places(table, lane);
	if (lane->ino == lane->ino_end) {
		lane->ino = table->next_ino;
		table->next_ino += INOS;
		lane->ino_end = table->next_ino;
	}
	pthread_mutex_unlock(&table->lock);
}

/* A free place, or 0; and a number for what will live there. */
static uint32_t take_place(struct itable *table, uint64_t *ino)
{
	struct itable_lane *lane = &table->lanes[lane_here()];
	uint32_t index = 0;

	pthread_mutex_lock(&lane->lock);
	if (lane->next == lane->end || lane->ino == lane->ino_end)
		restock(table, lane);
	if (lane->next != lane->end) {
		index = lane->next++;
		*ino = lane->ino++;
	}
	pthread_mutex_unlock(&lane->lock);
	return index;
}

struct inode *inode_new(struct itable *table)
{
	uint64_t ino;
	uint32_t index = take_place(table, &ino);
	struct inode *inode;

	if (!index)
		return NULL;
	inode = inode_at(table, index);
	inode_lock(table, inode);
	atomic_store_explicit(&inode->nlookup, 0, memory_order_relaxed);
	memset((char *)inode + offsetof(struct inode, sec), 0,
	       sizeof(*inode) - offsetof(struct inode, sec));
	atomic_store_explicit(&inode->ino, ino, memory_order_relaxed);
	return inode;
}

int inode_expire(const struct itable *table, struct inode *inode)
{
	if (inode->nlink || atomic_load_explicit(&inode->nlookup, memory_order_relaxed) ||
	    inode_index(table, inode) == INODE_ROOT)
		return 0;
	atomic_store_explicit(&inode->ino, 0, memory_order_relaxed);
	return 1;
}

/* Gives the memory of half of the empty pages back.  The table's lock is held on entry. */
static void release_surplus(struct itable *table)
{
	uint64_t from = 0;

	while (table->nempty > KEEP_PAGES / 2) {
		uint64_t most = table->nempty - KEEP_PAGES / 2;
		uint64_t first = bits_find(&table->empty, from);
		uint64_t run;

		if (first == BITS_NONE)
			break;
		run = bits_run(&table->empty, first, most);
		bits_clear(&table->empty, first, run);
		bits_clear(&table->free, first * PER_PAGE, run * PER_PAGE);
		table->nempty -= run;
		table->releasing += run;
		/* Not free now, so nobody gets these places while their memory is given back. */
		pthread_mutex_unlock(&table->lock);
		arena_release(table->arena, &table->inodes[first * PER_PAGE], run * PAGE_BYTES);
		pthread_mutex_lock(&table->lock);
		bits_set(&table->free, first * PER_PAGE, run * PER_PAGE);
		table->releasing -= run;
		pthread_cond_broadcast(&table->back);
		from = first + run;
	}
}

/* 1 when no place of the page is in use. */
static int page_is_empty(const struct itable *table, uint64_t page)
{
	uint64_t last = (page + 1) * PER_PAGE;

	return bits_run(&table->free, page * PER_PAGE, PER_PAGE) == PER_PAGE &&
	       last <= atomic_load_explicit(&table->top, memory_order_relaxed);
}

void inode_free(struct itable *table, struct inode *inode)
{
	uint32_t index = inode_index(table, inode);
	uint64_t page = index / PER_PAGE;

	pthread_mutex_lock(&table->lock);
	bits_set(&table->free, index, 1);
	table->used--;
	if (page_is_empty(table, page)) {
		bits_set(&table->empty, page, 1);
		if (++table->nempty > KEEP_PAGES)
			release_surplus(table);
	}
	pthread_mutex_unlock(&table->lock);
}
