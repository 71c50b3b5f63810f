/*
 * Owners of record locks, each with a descriptor of its own on the source's file, and what they
 * hold.  Knows nothing of requests, and of waits only whom they wait for.
 */
#include "lock_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "file.h"
#include "passthrough.h"

/* The mutex is held; a user more. */
static struct pt_holder *find(struct pt_locks *locks, uint64_t nodeid, uint64_t owner)
{
	struct pt_holder *holder = *pt_holder_bucket(locks, nodeid);

	while (holder && (holder->nodeid != nodeid || holder->owner != owner))
		holder = holder->next;
	if (holder)
		holder->users++;
	return holder;
}

/* The mutex is held. */
static struct pt_holder *make(struct pt_locks *locks, uint64_t nodeid, uint64_t owner)
{
	struct pt_holder **bucket = pt_holder_bucket(locks, nodeid);
	struct pt_holder *holder = calloc(1, sizeof(*holder));

	if (!holder)
		return NULL;
	holder->next = *bucket;
	holder->nodeid = nodeid;
	holder->owner = owner;
	holder->users = 1;
	holder->fd = -1;
	pthread_mutex_init(&holder->busy, NULL);
	*bucket = holder;
	atomic_fetch_add(&locks->nholders, 1);
	return holder;
}

struct pt_holder *pt_holder_find(struct pt_locks *locks, uint64_t nodeid, uint64_t owner)
{
	struct pt_holder *holder;

	pthread_mutex_lock(&locks->mutex);
	holder = find(locks, nodeid, owner);
	pthread_mutex_unlock(&locks->mutex);
	return holder;
}

struct pt_holder *pt_holder_obtain(struct pt_locks *locks, uint64_t nodeid, uint64_t owner)
{
	struct pt_holder *holder;

	pthread_mutex_lock(&locks->mutex);
	holder = find(locks, nodeid, owner);
	if (!holder)
		holder = make(locks, nodeid, owner);
	pthread_mutex_unlock(&locks->mutex);
	return holder;
}

static void unlink_holder(struct pt_locks *locks, struct pt_holder *holder)
{
	struct pt_holder **at = pt_holder_bucket(locks, holder->nodeid);

	while (*at != holder)
		at = &(*at)->next;
	*at = holder->next;
	atomic_fetch_sub(&locks->nholders, 1);
}

static void free_holder(struct pt *fs, struct pt_holder *holder)
{
	pt_holder_close(fs, holder);
	pt_range_clear(&holder->held);
	pthread_mutex_destroy(&holder->busy);
	free(holder);
}

void pt_holder_put(struct pt *fs, struct pt_holder *holder)
{
	struct pt_locks *locks = fs->locks;
	bool last;

	pthread_mutex_lock(&locks->mutex);
	last = --holder->users == 0 && holder->held.count == 0;
	if (last)
		unlink_holder(locks, holder);
	pthread_mutex_unlock(&locks->mutex);
	if (last)
		free_holder(fs, holder);
}

/* ---- what they hold ---- */

static int reserve(struct pt_locks *locks, struct pt_holder *holder)
{
	int ret;

	pthread_mutex_lock(&locks->mutex);
	ret = pt_range_reserve(&holder->held);
	pthread_mutex_unlock(&locks->mutex);
	return ret == 0 ? 0 : -ENOLCK;
}

static void note(struct pt_locks *locks, struct pt_holder *holder, const struct pt_file *file,
		 const struct llfused_lock *lock)
{
	pthread_mutex_lock(&locks->mutex);
	pt_range_set(&holder->held, lock->start, lock->end, lock->type);
	if (lock->type != F_UNLCK) {
		holder->file = file;
		holder->pid = lock->pid;
	}
	pthread_mutex_unlock(&locks->mutex);
}

int pt_holder_set(struct pt *fs, struct pt_holder *holder, const struct pt_file *file,
		  const struct llfused_lock *lock)
{
	int ret = 0;

	pthread_mutex_lock(&holder->busy);
	if (lock->type != F_UNLCK)
		ret = pt_holder_open(fs, holder, file, lock->type);
	if (ret == 0)
		ret = reserve(fs->locks, holder);
	if (ret == 0 && holder->fd >= 0)
		ret = pt_lock_fcntl(holder->fd, F_OFD_SETLK, lock);
	if (ret == 0)
		note(fs->locks, holder, file, lock);
	pthread_mutex_unlock(&holder->busy);
	return ret;
}

void pt_holder_unlock(struct pt *fs, struct pt_holder *holder)
{
	pthread_mutex_lock(&holder->busy);
	if (holder->fd >= 0)
		pt_lock_fcntl(holder->fd, F_OFD_SETLK, &pt_lock_everything);
	pthread_mutex_lock(&fs->locks->mutex);
	pt_range_clear(&holder->held);
	pthread_mutex_unlock(&fs->locks->mutex);
	pthread_mutex_unlock(&holder->busy);
}

/* The next holder of the file, which is no longer its, with a user more. */
static struct pt_holder *take_from_file(struct pt_locks *locks, uint64_t nodeid,
					const struct pt_file *file)
{
	struct pt_holder *holder;

	pthread_mutex_lock(&locks->mutex);
	for (holder = *pt_holder_bucket(locks, nodeid); holder; holder = holder->next) {
		if (holder->lender == file)
			holder->lender = NULL;
		if (holder->file == file)
			break;
	}
	if (holder) {
		holder->file = NULL;
		holder->users++;
	}
	pthread_mutex_unlock(&locks->mutex);
	return holder;
}

void pt_holder_unlock_file(struct pt *fs, uint64_t nodeid, const struct pt_file *file)
{
	struct pt_holder *holder;

	while ((holder = take_from_file(fs->locks, nodeid, file))) {
		pt_holder_unlock(fs, holder);
		pt_holder_put(fs, holder);
	}
}

void pt_holder_free_all(struct pt *fs)
{
	struct pt_locks *locks = fs->locks;

	for (unsigned i = 0; i < PT_LOCK_BUCKETS; i++) {
		struct pt_holder *holder;

		while ((holder = locks->buckets[i])) {
			locks->buckets[i] = holder->next;
			free_holder(fs, holder);
		}
	}
}
