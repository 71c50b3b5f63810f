/*
 * One mounted in-memory file system: laying out its arena, making its root, burying dead inodes.
 * Knows nothing of requests.
 */
#include "fs.h"

#include "attr.h"
#include "backed.h"
#include "data.h"
#include "dir.h"
#include "symlink.h"
#include "xattr.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define AWAIT_TRIES 400u /* of a quarter of a millisecond: enough for FORGET on a busy machine */

/* Most that the arena is laid out for; all of it is address space only, until it is used. */
#define MOST_INODES     (UINT64_C(1) << 31)
#define MOST_DATA_PAGES ((uint64_t)DATA_MAX_PAGES)

/* Least with which it makes sense to start. */
#define LEAST 4096

/* Two more: index 0 is not used, and the root is made before it is counted. */
#define SPARE_INODES (ITABLE_SPARE + 2)

_Static_assert(LEAST / 2 > PAGES_SPARE && LEAST / 2 > SPARE_INODES, "something must be left");

#define KEEP_DATA_PAGES 4096 /* free data pages that keep their memory */

/* How much of each thing the arena has room for. */
struct plan {
	uint64_t inodes;
	uint64_t slab_pages;
	uint64_t data_pages;
};

static uint64_t round_up(uint64_t size)
{
	return (size + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
}

static uint64_t least_of(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static struct plan plan_for(const struct memfs *fs)
{
	const struct limits *limits = &fs->limits;
	struct plan plan = {MOST_INODES, SLAB_MAX_PAGES, MOST_DATA_PAGES};

	if (limits->max_inodes)
		plan.inodes = least_of(plan.inodes, limits->max_inodes + SPARE_INODES);
	if (fs->backed)
		plan.data_pages = 1;
	else if (limits->max_pages)
		plan.data_pages = least_of(plan.data_pages, limits->max_pages + PAGES_SPARE);
	return plan;
}

/* Lays the parts out in the arena, or only counts the bytes when it is not open yet. */
static uint64_t lay_out(struct memfs *fs, const struct plan *plan)
{
	char *base = fs->arena.base;
	uint64_t inodes = round_up(itable_bytes(plan->inodes));
	uint64_t slab = inodes + round_up(slab_bytes(plan->slab_pages));
	uint64_t data = slab + round_up(pages_bytes(plan->data_pages));
	uint64_t inodes_at = data;
	uint64_t slab_at = inodes_at + round_up(plan->inodes * sizeof(struct inode));
	uint64_t data_at = slab_at + plan->slab_pages * PAGE_BYTES;

	if (base) {
		itable_init(&fs->inodes, &fs->arena, base + inodes_at, plan->inodes, base);
		slab_init(&fs->slab, &fs->arena, base + slab_at, plan->slab_pages, base + inodes);
		pages_init(&fs->data, &fs->arena, base + data_at, plan->data_pages, KEEP_DATA_PAGES,
			   base + slab);
	}
	return data_at + plan->data_pages * PAGE_BYTES;
}

/* Halves the largest part that can be halved; 0 when there is none. */
static int shrink(struct plan *plan)
{
	uint64_t *parts[] = {&plan->inodes, &plan->slab_pages, &plan->data_pages};
	static const uint64_t bytes[] = {sizeof(struct inode), PAGE_BYTES, PAGE_BYTES};
	uint64_t most = 0;
	int largest = -1;

	for (int i = 0; i < 3; i++) {
		if (*parts[i] <= LEAST || *parts[i] * bytes[i] <= most)
			continue;
		most = *parts[i] * bytes[i];
		largest = i;
	}
	if (largest >= 0)
		*parts[largest] /= 2;
	return largest >= 0;
}

/* Where address space is short, less may still be enough; statfs must not promise more then. */
static int reserve(struct memfs *fs)
{
	struct plan wanted = plan_for(fs);
	struct plan plan = wanted;
	int error;

	fs->arena.base = NULL;
	while ((error = arena_open(&fs->arena, lay_out(fs, &plan))) < 0)
		if (!shrink(&plan))
			return error;
	if (plan.data_pages < wanted.data_pages)
		fs->limits.max_pages = plan.data_pages - PAGES_SPARE;
	if (plan.inodes < wanted.inodes)
		fs->limits.max_inodes = plan.inodes - SPARE_INODES;
	lay_out(fs, &plan);
	return 0;
}

static void make_root(struct memfs *fs)
{
	struct timespec now = fs_now();
	struct inode *root;

	limits_take_inode(&fs->limits);
	root = inode_new(&fs->inodes);
	root->mode = S_IFDIR | fs->root_mode;
	root->nlink = 2;
	root->uid = fs->root_uid;
	root->gid = fs->root_gid;
	for (int which = 0; which < INODE_TIMES; which++)
		attr_set_time(root, which, &now);
	dir_init(root, inode_index(&fs->inodes, root));
	inode_unlock(&fs->inodes, root);
}

/* The one place that decides what is best where nothing is asked for. */
static int wants_backed(const struct memfs *fs)
{
	return fs->store == FS_DATA_PASSTHROUGH;
}

int fs_open(struct memfs *fs, struct llfused_error *error)
{
	int result = wants_backed(fs) ? backed_start(fs, error) : 0;

	if (result)
		return result;
	result = reserve(fs);
	if (result) {
		snprintf(error->text, sizeof(error->text),
			 "no address space for the file system (%s): raise the limits on address "
			 "space and file size (ulimit -v, -f)",
			 strerror(-result));
		return result;
	}
	hash_key_make(&fs->key);
	pthread_mutex_init(&fs->moves, NULL);
	make_root(fs);
	return 0;
}

void fs_close(struct memfs *fs)
{
	backed_stop(fs);
	if (!fs->arena.base)
		return;
	pthread_mutex_destroy(&fs->moves);
	pages_destroy(&fs->data);
	slab_destroy(&fs->slab);
	itable_destroy(&fs->inodes);
	arena_close(&fs->arena);
}

void fs_orphan(struct memfs *fs, struct inode *inode, int orphan)
{
	if (orphan == !!(inode->flags & INODE_ORPHAN))
		return;
	inode->flags ^= INODE_ORPHAN;
	if (orphan)
		atomic_fetch_add(&fs->orphans, 1);
	else
		atomic_fetch_sub(&fs->orphans, 1);
}

int fs_await_space(struct memfs *fs, unsigned *tries)
{
	static const struct timespec moment = {.tv_nsec = 250000};

	if (*tries == AWAIT_TRIES)
		return 0;
	if (atomic_load(&fs->orphans) == 0) {
		/* the last one may have gone since the caller looked for space */
		*tries = AWAIT_TRIES;
		return 1;
	}
	++*tries;
	nanosleep(&moment, NULL);
	return 1;
}

void fs_bury(struct memfs *fs, struct inode *inode)
{
	uint32_t orphan = inode->flags & INODE_ORPHAN;

	if (backed_has(fs, inode))
		backed_free(fs, inode);
	else if (S_ISREG(inode->mode))
		data_free(fs, inode);
	else if (S_ISDIR(inode->mode))
		dir_free(fs, inode);
	else if (S_ISLNK(inode->mode))
		symlink_free(fs, inode);
	xattr_free(fs, inode);
	/* who is granted an inode must find a place for it */
	inode_free(&fs->inodes, inode);
	limits_give_inode(&fs->limits);
	/* last, for those who wait for the space */
	if (orphan)
		atomic_fetch_sub(&fs->orphans, 1);
}

struct timespec fs_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now;
}
