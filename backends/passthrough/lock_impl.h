/*
 * What the parts of locks=source share: who holds record locks, and who waits for any lock.  Used
 * by lock*.c only.
 *
 * locks->mutex guards the table and what holders hold; nothing that could sleep is called under it.
 * A holder's `busy` is taken before it, around the system calls that change what it holds.
 */
#ifndef PASSTHROUGH_LOCK_IMPL_H
#define PASSTHROUGH_LOCK_IMPL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <llfused/backend.h>

#include "lock_range.h"

#define PT_LOCK_BUCKETS 1024u /* a power of two */

struct pt;
struct pt_file;

/* An owner with record locks on an inode: a process, or an open file of the mount (F_OFD_SETLK). */
struct pt_holder {
	struct pt_holder *next; /* in its bucket */
	uint64_t nodeid;
	uint64_t owner;
	const struct pt_file *file; /* that it used last: it goes with it at the latest */
	uint32_t pid;               /* for F_GETLK */
	uint32_t users;             /* ops and waits at work with it */
	uint32_t waits;             /* of these, so many wait on `fd`, which stays for them */
	struct pt_ranges held;

	pthread_mutex_t busy;
	int fd;        /* its locks are this description's; -1: none yet */
	bool readable; /* what may be locked by it */
	bool writable;
	const struct pt_file *lender; /* whose description it is; NULL: its own */
};

/* A lock that is waited for, by a thread of its own. */
struct pt_wait {
	struct pt_wait *next;
	struct pt *fs;
	llfused_pending pending;
	struct llfused_lock lock;
	const struct pt_file *file; /* stays open: its user waits */
	struct pt_holder *holder;   /* of record locks; NULL for flock */
	pthread_t thread;
	atomic_bool cancelled;
	bool over;  /* it waits no more: granted, or failed */
	bool ended; /* to be joined */
	/* of the search for a deadlock */
	bool visited;
	struct pt_wait *todo;
};

struct pt_locks {
	pthread_mutex_t mutex;
	pthread_cond_t wake; /* of the tender */
	struct pt_holder *buckets[PT_LOCK_BUCKETS];
	atomic_uint nholders;

	struct pt_wait *waits;
	unsigned nwaits;
	bool stopping;
	bool left;        /* stopped without the threads: they touch nothing any more */
	pthread_t tender; /* joins ended threads, and wakes those that are to give up */
};

static inline struct pt_holder **pt_holder_bucket(struct pt_locks *locks, uint64_t nodeid)
{
	return &locks->buckets[(nodeid * UINT64_C(0x9e3779b97f4a7c15) >> 32) &
			       (PT_LOCK_BUCKETS - 1)];
}

/* ---- lock_holder.c ---- */

/* The holder, with one more user, or NULL: it holds nothing. */
struct pt_holder *pt_holder_find(struct pt_locks *locks, uint64_t nodeid, uint64_t owner);
/* The same, made where there is none; NULL: no memory. */
struct pt_holder *pt_holder_obtain(struct pt_locks *locks, uint64_t nodeid, uint64_t owner);
/* A user less; one that holds nothing and has no user goes. */
void pt_holder_put(struct pt *fs, struct pt_holder *holder);

/* Takes or gives up a record lock without waiting: 0, -EAGAIN (taken by another), or what else
 * fcntl(2) says; -ENOLCK, -ENOMEM.  `file`: that the request came by. */
int pt_holder_set(struct pt *fs, struct pt_holder *holder, const struct pt_file *file,
		  const struct llfused_lock *lock);
/* Everything that it holds. */
void pt_holder_unlock(struct pt *fs, struct pt_holder *holder);
/* The same for each whose last lock came by this file. */
void pt_holder_unlock_file(struct pt *fs, uint64_t nodeid, const struct pt_file *file);

/* Frees all; nobody uses them any more. */
void pt_holder_free_all(struct pt *fs);

/* ---- lock_open.c ---- */

/* Sees to a descriptor by which a lock of this type can be taken; `file` is that of the request.
 * The holder is busy.  0 or -ENOLCK. */
int pt_holder_open(struct pt *fs, struct pt_holder *holder, const struct pt_file *file,
		   uint32_t type);
/* Its locks go with it, but for a lent one. */
void pt_holder_close(struct pt *fs, struct pt_holder *holder);

extern const struct llfused_lock pt_lock_everything; /* to be unlocked */

/* ---- lock_conflict.c ---- */

/* Is a lock of another owner of ours in the way of this one?  It is told in its place then. */
bool pt_holder_conflict(struct pt_locks *locks, uint64_t nodeid, struct llfused_lock *lock);

/* Would `wait` wait for its own owner?  The mutex is held. */
bool pt_lock_deadlocks(struct pt_locks *locks, struct pt_wait *wait);

/* ---- lock_wait.c ---- */

/* Has the lock waited for: LLFUSED_PENDING, or -ENOLCK, -EDEADLK.  The wait has a use of its own of
 * `holder`, which is NULL for flock. */
int pt_wait_begin(struct llfused_ctx *ctx, struct pt_holder *holder, const struct pt_file *file,
		  const struct llfused_lock *lock);
void pt_wait_interrupt(struct pt_locks *locks, llfused_pending pending);
int pt_wait_start(struct pt_locks *locks);
/* All waits end.  false: one did not, and fs->stuck is set; what waits use stays. */
bool pt_wait_stop(struct pt *fs);

/* ---- lock.c ---- */

/* fcntl(2) with F_OFD_SETLK or F_OFD_SETLKW, and flock(2) with LOCK_NB or 0: 0 or a negative errno.
 */
int pt_lock_fcntl(int fd, int cmd, const struct llfused_lock *lock);
int pt_lock_flock(int fd, int flags, const struct llfused_lock *lock);

#endif
