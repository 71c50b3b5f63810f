/*
 * Eight empty files `l0` to `l7` whose fcntl and flock locks are kept here.  A lock that must wait
 * becomes a pending request; it is granted by the unlock, or with -o granter by another thread;
 * INTERRUPT ends it with -EINTR.
 */
#include "testfs.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FILES       8
#define HELD_MAX    512
#define WAITERS_MAX 512

static const char *const names[FILES + 1] = {"l0", "l1", "l2", "l3", "l4", "l5", "l6", "l7", NULL};
static const struct flat flat = {names, 0};

struct held {
	uint64_t nodeid;
	struct llfused_lock lock;
};

struct waiter {
	llfused_pending pending; /* 0: free */
	bool granted;            /* holds its lock; the granter has yet to say so */
	struct held want;
};

struct lockfs {
	pthread_mutex_t lock;
	pthread_cond_t work;
	pthread_t granter;
	bool use_granter;
	bool stop;
	unsigned nheld;
	struct held held[HELD_MAX];
	struct waiter waiter[WAITERS_MAX];
};

/* ---- ranges; the mutex is held ---- */

static bool overlap(const struct held *a, const struct held *b)
{
	return a->nodeid == b->nodeid && a->lock.flock == b->lock.flock &&
	       a->lock.start <= b->lock.end && b->lock.start <= a->lock.end;
}

static const struct held *find_conflict(const struct lockfs *fs, const struct held *want)
{
	for (unsigned i = 0; i < fs->nheld; i++) {
		const struct held *h = &fs->held[i];

		if (overlap(h, want) && h->lock.owner != want->lock.owner &&
		    (h->lock.type == F_WRLCK || want->lock.type == F_WRLCK))
			return h;
	}
	return NULL;
}

static int add_held(struct lockfs *fs, const struct held *one)
{
	if (fs->nheld == HELD_MAX)
		return -ENOLCK;
	fs->held[fs->nheld++] = *one;
	return 0;
}

/* Takes the owner's locks out of a range; what stands out on either side stays. */
static int cut(struct lockfs *fs, const struct held *range)
{
	int ret = 0;

	for (unsigned i = fs->nheld; i-- > 0;) {
		struct held old = fs->held[i], left = old, right = old;

		if (!overlap(&old, range) || old.lock.owner != range->lock.owner)
			continue;
		fs->held[i] = fs->held[--fs->nheld];
		left.lock.end = range->lock.start - 1;
		right.lock.start = range->lock.end + 1;
		if (old.lock.start < range->lock.start)
			ret = add_held(fs, &left);
		if (ret == 0 && old.lock.end > range->lock.end)
			ret = add_held(fs, &right);
	}
	return ret;
}

static int take(struct lockfs *fs, const struct held *want)
{
	int ret = cut(fs, want);

	return ret == 0 ? add_held(fs, want) : ret;
}

/* Gives free ranges to those who wait for them. */
static void grant(struct lockfs *fs)
{
	for (unsigned i = 0; i < WAITERS_MAX; i++) {
		struct waiter *w = &fs->waiter[i];

		if (w->pending == 0 || w->granted || find_conflict(fs, &w->want))
			continue;
		if (take(fs, &w->want) != 0)
			continue;
		w->granted = true;
		if (fs->use_granter) {
			pthread_cond_signal(&fs->work);
			continue;
		}
		llfused_complete(w->pending, 0);
		w->pending = 0;
	}
}

static void drop(struct lockfs *fs, uint64_t nodeid, uint64_t owner, uint32_t flock)
{
	struct held all = {
		.nodeid = nodeid,
		.lock = {.owner = owner, .end = INT64_MAX, .type = F_UNLCK, .flock = flock},
	};

	pthread_mutex_lock(&fs->lock);
	cut(fs, &all);
	grant(fs);
	pthread_mutex_unlock(&fs->lock);
}

/* ---- the other thread ---- */

static void *run_granter(void *arg)
{
	struct lockfs *fs = arg;

	pthread_mutex_lock(&fs->lock);
	while (!fs->stop) {
		for (unsigned i = 0; i < WAITERS_MAX; i++) {
			struct waiter *w = &fs->waiter[i];

			if (w->pending == 0 || !w->granted)
				continue;
			llfused_complete(w->pending, 0);
			w->pending = 0;
		}
		pthread_cond_wait(&fs->work, &fs->lock);
	}
	pthread_mutex_unlock(&fs->lock);
	return NULL;
}

/* ---- ops ---- */

static int wait_for(struct lockfs *fs, struct llfused_ctx *ctx, const struct held *want)
{
	for (unsigned i = 0; i < WAITERS_MAX; i++) {
		struct waiter *w = &fs->waiter[i];

		if (w->pending != 0)
			continue;
		*w = (struct waiter){.pending = llfused_pend(ctx), .want = *want};
		return w->pending == 0 ? -ENOLCK : LLFUSED_PENDING;
	}
	return -ENOLCK;
}

static int lockfs_setlk(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh,
			const struct llfused_lock *lock)
{
	struct lockfs *fs = ctx->fs;
	struct held want = {.nodeid = nodeid, .lock = *lock};
	int ret;

	(void)fh;
	pthread_mutex_lock(&fs->lock);
	if (lock->type == F_UNLCK) {
		ret = cut(fs, &want);
		grant(fs);
	} else if (!find_conflict(fs, &want)) {
		ret = take(fs, &want);
	} else {
		ret = lock->wait ? wait_for(fs, ctx, &want) : -EAGAIN;
	}
	pthread_mutex_unlock(&fs->lock);
	return ret;
}

static int lockfs_getlk(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh,
			struct llfused_lock *lock)
{
	struct lockfs *fs = ctx->fs;
	struct held want = {.nodeid = nodeid, .lock = *lock};
	const struct held *conflict;

	(void)fh;
	pthread_mutex_lock(&fs->lock);
	conflict = find_conflict(fs, &want);
	if (conflict)
		*lock = conflict->lock;
	else
		lock->type = F_UNLCK;
	pthread_mutex_unlock(&fs->lock);
	return 0;
}

static void lockfs_interrupt(struct llfused_ctx *ctx, llfused_pending pending)
{
	struct lockfs *fs = ctx->fs;

	pthread_mutex_lock(&fs->lock);
	for (unsigned i = 0; i < WAITERS_MAX; i++) {
		struct waiter *w = &fs->waiter[i];

		/* what is granted already will be said so */
		if (w->pending != pending || w->granted)
			continue;
		llfused_complete(pending, -EINTR);
		w->pending = 0;
	}
	pthread_mutex_unlock(&fs->lock);
}

static int lockfs_flush(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t lock_owner)
{
	(void)fh;
	drop(ctx->fs, nodeid, lock_owner, 0);
	return 0;
}

static int lockfs_release(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint32_t flags,
			  uint64_t lock_owner)
{
	(void)fh;
	(void)flags;
	drop(ctx->fs, nodeid, lock_owner, 1);
	return 0;
}

static int lockfs_lookup(struct llfused_ctx *ctx, uint64_t parent, const char *name,
			 struct llfused_entry *out)
{
	(void)ctx;
	return flat_lookup(&flat, parent, name, out);
}

static int lockfs_getattr(struct llfused_ctx *ctx, uint64_t nodeid, const uint64_t *fh,
			  struct llfused_attr_out *out)
{
	(void)ctx;
	(void)fh;
	return flat_getattr(&flat, nodeid, out);
}

/* ---- life ---- */

static int lockfs_load(void **out, struct llfused_error *error)
{
	struct lockfs *fs = calloc(1, sizeof *fs);

	(void)error;
	if (!fs)
		return -ENOMEM;
	pthread_mutex_init(&fs->lock, NULL);
	pthread_cond_init(&fs->work, NULL);
	*out = fs;
	return 0;
}

static int lockfs_configure(void *arg, const char *key, const char *value,
			    struct llfused_error *error)
{
	struct lockfs *fs = arg;

	(void)value;
	(void)error;
	fs->use_granter = strcmp(key, "granter") == 0;
	return 0;
}

static int lockfs_init(void *arg, const struct llfused_conn *conn)
{
	struct lockfs *fs = arg;

	(void)conn;
	return fs->use_granter ? -pthread_create(&fs->granter, NULL, run_granter, fs) : 0;
}

static void lockfs_destroy(void *arg)
{
	struct lockfs *fs = arg;

	pthread_mutex_lock(&fs->lock);
	fs->stop = true;
	pthread_cond_signal(&fs->work);
	pthread_mutex_unlock(&fs->lock);
	if (fs->granter)
		pthread_join(fs->granter, NULL);
	free(fs);
}

static const struct llfused_option options[] = {
	{.key = "granter", .help = "a thread of its own grants the locks"},
	{.key = NULL},
};

static const struct llfused_ops ops = {
	.size = sizeof ops,
	.lookup = lockfs_lookup,
	.getattr = lockfs_getattr,
	.getlk = lockfs_getlk,
	.setlk = lockfs_setlk,
	.flush = lockfs_flush,
	.release = lockfs_release,
	.interrupt = lockfs_interrupt,
};

static const struct llfused_backend lockfs_backend = {
	LLFUSED_BACKEND_STAMP,
	.name = "lockfs",
	.summary = "files to be locked",
	.declares = LLFUSED_CONCURRENT | LLFUSED_NONBLOCKING,
	.options = options,
	.ops = &ops,
	.load = lockfs_load,
	.configure = lockfs_configure,
	.init = lockfs_init,
	.destroy = lockfs_destroy,
};

LLFUSED_PLUGIN(lockfs_backend)
