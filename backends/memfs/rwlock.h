/*
 * A reader-writer lock of four bytes, one for each inode.
 * Knows nothing of what it protects; a word of zero is an unlocked lock.
 */
#ifndef MEMFS_RWLOCK_H
#define MEMFS_RWLOCK_H

#include <stdatomic.h>
#include <stdint.h>

typedef _Atomic uint32_t rwlock;

/* Any thread.  Not recursive: a second shared lock by one thread can wait for a waiting writer. */
void rwlock_shared(rwlock *lock);
void rwlock_unshared(rwlock *lock);
void rwlock_exclusive(rwlock *lock);
void rwlock_unexclusive(rwlock *lock);

#endif
