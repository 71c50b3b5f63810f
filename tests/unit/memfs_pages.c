/*
 * memfs: whoever may have a page or a place for an inode gets it, even the last one, while another
 * thread gives the memory of free ones back to the system.
 */
#include "memfs/inode.h"
#include "memfs/pages.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

TestSuite(memfs_pages, .timeout = 60);

#define ROUNDS 300

/* What this thread uses, and what the other one frees meanwhile: both together are a little more
 * than may keep its memory. */
#define MINE   2000u
#define OTHERS 128u
#define KEEP   2048u
/* What the stocks of two processors may hold. */
#define STOCKS (2 * PAGES_STOCK)

struct both {
	struct arena arena;
	struct pages pages;
	struct itable table;
	void *bookkeeping;
	_Atomic unsigned round; /* what the other thread is to do */
	_Atomic unsigned done;
	struct page_run runs[OTHERS];
	unsigned nruns;
	struct inode *inodes[OTHERS];
};

static struct both *make(size_t size, size_t bookkeeping)
{
	struct both *both = calloc(1, sizeof(*both));

	both->bookkeeping = calloc(1, bookkeeping);
	cr_assert_eq(arena_open(&both->arena, size), 0);
	return both;
}

static void unmake(struct both *both)
{
	arena_close(&both->arena);
	free(both->bookkeeping);
	free(both);
}

static void await(const _Atomic unsigned *what, unsigned round)
{
	while (atomic_load(what) != round)
		;
}

/* ---- pages ---- */

/* Takes `want` pages; how many runs they are. */
static unsigned take(struct pages *pages, struct page_run *runs, unsigned want)
{
	unsigned count = 0;

	while (want) {
		struct page_run run = pages_alloc(pages, want < PAGES_STOCK ? want : PAGES_STOCK);

		cr_assert_gt(run.count, 0, "%u pages were not to be had", want);
		want -= run.count;
		runs[count++] = run;
	}
	return count;
}

/* What is given back has memory. */
static void give(struct pages *pages, const struct page_run *runs, unsigned count)
{
	while (count--) {
		memset(pages_at(pages, runs[count].first), 1, runs[count].count * PAGE_BYTES);
		pages_free(pages, runs[count].first, runs[count].count);
	}
}

/* Until some are on their way to the system, or were. */
static void await_release(struct both *both, unsigned round)
{
	uint64_t kept;

	do {
		pthread_mutex_lock(&both->pages.lock);
		kept = both->pages.nkept;
		pthread_mutex_unlock(&both->pages.lock);
	} while (kept >= MINE && atomic_load(&both->done) != round);
}

static void *free_pages(void *arg)
{
	struct both *both = arg;

	for (unsigned i = 1; i <= ROUNDS; i++) {
		await(&both->round, i);
		give(&both->pages, both->runs, both->nruns);
		atomic_store(&both->done, i);
	}
	return NULL;
}

Test(memfs_pages, are_to_be_had_while_others_are_given_back)
{
	static struct page_run runs[MINE];
	const uint64_t limit = MINE + OTHERS + PAGES_SPARE;
	struct both *both = make(limit * PAGE_BYTES, pages_bytes(limit));
	pthread_t thread;
	unsigned count;

	pages_init(&both->pages, &both->arena, both->arena.base, limit, KEEP, both->bookkeeping);
	pthread_create(&thread, NULL, free_pages, both);
	for (uint64_t i = STOCKS; i < PAGES_SPARE; i += PAGES_STOCK)
		pages_alloc(&both->pages, PAGES_STOCK);
	for (unsigned i = 1; i <= ROUNDS; i++) {
		both->nruns = take(&both->pages, both->runs, OTHERS);
		count = take(&both->pages, runs, MINE);
		give(&both->pages, runs, count);
		atomic_store(&both->round, i);
		await_release(both, i);
		count = take(&both->pages, runs, MINE);
		await(&both->done, i);
		give(&both->pages, runs, count);
	}
	pthread_join(thread, NULL);
	pages_destroy(&both->pages);
	unmake(both);
}

/* ---- inodes ---- */

/* One page of inodes more than may keep its memory. */
#define MY_INODES (64u * ITABLE_STOCK)

static void *free_inodes(void *arg)
{
	struct both *both = arg;

	for (unsigned i = 1; i <= ROUNDS; i++) {
		await(&both->round, i);
		for (unsigned k = 0; k < OTHERS; k++)
			inode_free(&both->table, both->inodes[k]);
		atomic_store(&both->done, i);
	}
	return NULL;
}

static void take_inodes(struct itable *table, struct inode **inodes, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		inodes[i] = inode_new(table);
		cr_assert_not_null(inodes[i], "%u places were not to be had", count - i);
		inode_unlock(table, inodes[i]);
	}
}

static void give_inodes(struct itable *table, struct inode **inodes, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		inode_free(table, inodes[i]);
}

Test(memfs_pages, of_inodes_are_to_be_had_while_others_are_given_back)
{
	static struct inode *inodes[MY_INODES];
	const uint64_t limit = 1 + MY_INODES + OTHERS + 2 * ITABLE_STOCK;
	struct both *both = make(limit * sizeof(struct inode), itable_bytes(limit));
	pthread_t thread;

	itable_init(&both->table, &both->arena, both->arena.base, limit, both->bookkeeping);
	pthread_create(&thread, NULL, free_inodes, both);
	for (unsigned i = 1; i <= ROUNDS; i++) {
		take_inodes(&both->table, both->inodes, OTHERS);
		take_inodes(&both->table, inodes, MY_INODES);
		give_inodes(&both->table, inodes, MY_INODES);
		atomic_store(&both->round, i);
		take_inodes(&both->table, inodes, MY_INODES);
		await(&both->done, i);
		give_inodes(&both->table, inodes, MY_INODES);
	}
	pthread_join(thread, NULL);
	itable_destroy(&both->table);
	unmake(both);
}
