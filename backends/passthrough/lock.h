/*
 * locks=source: locks of our mount's users are taken on the source's files, where they exclude
 * those who work there directly.  Record locks are open-file-description locks of a descriptor for
 * each owner and inode; flock(2) is taken on the open file's own.
 */
#ifndef PASSTHROUGH_LOCK_H
#define PASSTHROUGH_LOCK_H

#include <llfused/backend.h>

struct pt;
struct pt_file;

int pt_lock_get(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, struct llfused_lock *lock);
/* A lock that is waited for pends, and is taken by a thread of its own; interrupt() ends the wait.
 */
int pt_lock_set(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh,
		const struct llfused_lock *lock);
void pt_lock_interrupt(struct llfused_ctx *ctx, llfused_pending pending);

/* All record locks of the owner on the inode go: at flush.  Nothing to do without fs->locks. */
void pt_lock_flush(struct pt *fs, struct pt_file *file, uint64_t owner);
/* All locks made by this handle go: at release, while file->fd is still open.  Locks of an open
 * file description (F_OFD_SETLK) go with no flush.  `flock_owner`: 0 if flock(2) was never used on
 * it. Nothing to do without fs->locks. */
void pt_lock_release(struct pt *fs, struct pt_file *file, uint64_t flock_owner);

int pt_lock_start(struct pt *fs);
/* Ends the waits and frees everything; or fs->stuck is set, and nothing is freed. */
void pt_lock_stop(struct pt *fs);

#endif
