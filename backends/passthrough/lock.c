/*
 * The lock ops of locks=source, and what becomes of locks when a file is closed.
 * How holders and waits are kept is not known here.
 */
#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>

#include "file.h"
#include "lock_impl.h"
#include "passthrough.h"

/* The system's form; as the kernel counts, the end of the file is without end. */
static struct flock flock_of(const struct llfused_lock *lock)
{
	return (struct flock){
		.l_type = (short)lock->type,
		.l_whence = SEEK_SET,
		.l_start = (off_t)lock->start,
		.l_len = lock->end >= INT64_MAX ? 0 : (off_t)(lock->end - lock->start + 1),
	};
}

int pt_lock_fcntl(int fd, int cmd, const struct llfused_lock *lock)
{
	struct flock flock = flock_of(lock);

	return fcntl(fd, cmd, &flock) < 0 ? -errno : 0;
}

int pt_lock_flock(int fd, int flags, const struct llfused_lock *lock)
{
	int operation = lock->type == F_RDLCK ? LOCK_SH : lock->type == F_WRLCK ? LOCK_EX : LOCK_UN;

	return flock(fd, operation | flags) < 0 ? -errno : 0;
}

static bool is_sound(const struct llfused_lock *lock)
{
	return lock->start <= lock->end && lock->end <= INT64_MAX &&
	       (lock->type == F_RDLCK || lock->type == F_WRLCK || lock->type == F_UNLCK);
}

/* What does not wait for another's lock needs memory only, or another machine. */
static int begin(const struct llfused_ctx *ctx, uint64_t fh, const struct llfused_lock *lock,
		 struct pt_file **file)
{
	if (!is_sound(lock))
		return -EINVAL;
	*file = pt_file_at(pt_of(ctx), fh);
	if (!*file)
		return -EBADF;
	return pt_source_pace(pt_of(ctx), ctx, (*file)->node->mount, PT_WORK_INODE);
}

/* ---- F_GETLK ---- */

/* Locks of other programs on the source, and none of ours. */
static int ask_source(int fd, struct llfused_lock *lock)
{
	struct flock flock = flock_of(lock);

	if (fcntl(fd, F_OFD_GETLK, &flock) < 0)
		return -errno;
	lock->type = (uint32_t)flock.l_type;
	if (flock.l_type == F_UNLCK)
		return 0;
	lock->start = (uint64_t)flock.l_start;
	lock->end =
		flock.l_len == 0 ? INT64_MAX : (uint64_t)flock.l_start + (uint64_t)flock.l_len - 1;
	/* a lock of an open file has no process */
	lock->pid = flock.l_pid > 0 ? (uint32_t)flock.l_pid : 0;
	return 0;
}

int pt_lock_get(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, struct llfused_lock *lock)
{
	struct pt_locks *locks = pt_of(ctx)->locks;
	struct pt_holder *holder;
	struct pt_file *file;
	int ret = begin(ctx, fh, lock, &file);

	if (ret != 0 || pt_holder_conflict(locks, nodeid, lock))
		return ret;
	holder = pt_holder_find(locks, nodeid, lock->owner);
	if (!holder)
		return ask_source(file->fd, lock);
	/* its own locks are not in its way */
	pthread_mutex_lock(&holder->busy);
	ret = ask_source(holder->fd >= 0 ? holder->fd : file->fd, lock);
	pthread_mutex_unlock(&holder->busy);
	pt_holder_put(pt_of(ctx), holder);
	return ret;
}

/* ---- F_SETLK, F_SETLKW, flock ---- */

static int set_flock(struct llfused_ctx *ctx, struct pt_file *file, const struct llfused_lock *lock)
{
	int ret = pt_lock_flock(file->fd, LOCK_NB, lock);

	return ret == -EAGAIN && lock->wait ? pt_wait_begin(ctx, NULL, file, lock) : ret;
}

static int set_record(struct llfused_ctx *ctx, uint64_t nodeid, struct pt_file *file,
		      const struct llfused_lock *lock)
{
	struct pt *fs = pt_of(ctx);
	struct pt_holder *holder;
	int ret;

	if (lock->type == F_UNLCK) {
		holder = pt_holder_find(fs->locks, nodeid, lock->owner);
		if (!holder)
			return 0;
	} else {
		holder = pt_holder_obtain(fs->locks, nodeid, lock->owner);
		if (!holder)
			return -ENOLCK;
	}
	ret = pt_holder_set(fs, holder, file, lock);
	if (ret == -EAGAIN && lock->wait)
		ret = pt_wait_begin(ctx, holder, file, lock);
	pt_holder_put(fs, holder);
	return ret;
}

int pt_lock_set(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh,
		const struct llfused_lock *lock)
{
	struct pt_file *file;
	int ret = begin(ctx, fh, lock, &file);

	if (ret != 0)
		return ret;
	return lock->flock ? set_flock(ctx, file, lock) : set_record(ctx, nodeid, file, lock);
}

void pt_lock_interrupt(struct llfused_ctx *ctx, llfused_pending pending)
{
	pt_wait_interrupt(pt_of(ctx)->locks, pending);
}

/* ---- files that are closed ---- */

void pt_lock_flush(struct pt *fs, struct pt_file *file, uint64_t owner)
{
	struct pt_holder *holder;

	if (!fs->locks || atomic_load(&fs->locks->nholders) == 0)
		return;
	holder = pt_holder_find(fs->locks, pt_node_id(file->node), owner);
	if (!holder)
		return;
	pt_holder_unlock(fs, holder);
	pt_holder_put(fs, holder);
}

void pt_lock_release(struct pt *fs, struct pt_file *file, uint64_t flock_owner)
{
	if (!fs->locks)
		return;
	if (atomic_load(&fs->locks->nholders) > 0)
		pt_holder_unlock_file(fs, pt_node_id(file->node), file);
	/* not by its close: a backing id may have the description open still */
	if (flock_owner != 0)
		flock(file->fd, LOCK_UN);
}

/* ---- life ---- */

int pt_lock_start(struct pt *fs)
{
	struct pt_locks *locks = calloc(1, sizeof(*locks));
	int ret;

	if (!locks)
		return -ENOMEM;
	pthread_mutex_init(&locks->mutex, NULL);
	ret = pt_wait_start(locks);
	if (ret != 0) {
		pthread_mutex_destroy(&locks->mutex);
		free(locks);
		return ret;
	}
	fs->locks = locks;
	return 0;
}

void pt_lock_stop(struct pt *fs)
{
	struct pt_locks *locks = fs->locks;

	if (!locks)
		return;
	if (!pt_wait_stop(fs))
		return;
	pt_holder_free_all(fs);
	pthread_mutex_destroy(&locks->mutex);
	free(locks);
	fs->locks = NULL;
}
