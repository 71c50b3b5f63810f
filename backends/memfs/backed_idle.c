/*
 * Ids that stay with the kernel although their files are closed: the next open is much cheaper with
 * one.  There is a most of them; those that were used least go first.  Knows nothing of opens.
 */
#include "backed_impl.h"

#include <errno.h>
#include <stdlib.h>

#define MOST  8192u /* each keeps a file open in the kernel: a few hundred bytes */
#define TRIES 8     /* to find one that was not used again */

/* An inode that may be dead by now, and its place taken: then `file` is another. */
struct idle {
	uint64_t file;
	uint32_t index;
};

/* A queue in a ring. */
struct backed_idle {
	pthread_mutex_t lock;
	unsigned first;
	unsigned count;
	struct idle ring[MOST];
};

int backed_idle_start(struct backed *backed)
{
	backed->idle = calloc(1, sizeof(*backed->idle));
	if (!backed->idle)
		return -ENOMEM;
	pthread_mutex_init(&backed->idle->lock, NULL);
	return 0;
}

void backed_idle_stop(struct backed *backed)
{
	if (backed->idle)
		pthread_mutex_destroy(&backed->idle->lock);
	free(backed->idle);
}

/* Puts `in` at the end of the queue; if that was full, *out was its first: 1. */
static int push(struct backed_idle *idle, const struct idle *in, struct idle *out)
{
	int full;

	pthread_mutex_lock(&idle->lock);
	full = idle->count == MOST;
	if (full)
		*out = idle->ring[idle->first++ % MOST];
	else
		idle->count++;
	idle->ring[(idle->first + idle->count - 1) % MOST] = *in;
	pthread_mutex_unlock(&idle->lock);
	return full;
}

/* 1 when its turn has come; 0 when it was used since it got in line, and is to get in line again.
 * The lock is held. */
static int give_up(struct inode *inode, int last_try)
{
	int used = inode->backed.state & BACKED_USED && !inode->backed.opens && !last_try;

	inode->backed.state &= ~BACKED_USED;
	if (used)
		return 0;
	inode->backed.state &= ~BACKED_QUEUED;
	/* one that is open gets in line when it is closed */
	if (!inode->backed.opens)
		backed_drop_id(inode);
	return 1;
}

static int judge(struct memfs *fs, const struct idle *who, int last_try)
{
	struct inode *inode = inode_at(&fs->inodes, who->index);
	int gone = 1;

	inode_lock(&fs->inodes, inode);
	if (atomic_load_explicit(&inode->ino, memory_order_relaxed) == who->file)
		gone = give_up(inode, last_try);
	inode_unlock(&fs->inodes, inode);
	return gone;
}

int backed_idle_note(struct inode *inode)
{
	if (!inode->backed.id)
		return 0;
	if (inode->backed.state & BACKED_QUEUED) {
		inode->backed.state |= BACKED_USED;
		return 0;
	}
	inode->backed.state |= BACKED_QUEUED;
	return 1;
}

void backed_idle_enqueue(struct memfs *fs, uint32_t index, uint64_t file)
{
	struct idle in = {.file = file, .index = index};
	struct idle out;

	for (int tries = 1; push(fs->backed->idle, &in, &out); tries++) {
		if (judge(fs, &out, tries == TRIES))
			return;
		in = out;
	}
}
