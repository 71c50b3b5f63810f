/*
 * Locks on both sides of a passthrough mount, by this process and by others.
 */
#ifndef INTEGRATION_PT_LOCK_H
#define INTEGRATION_PT_LOCK_H

#include "pt.h"

/* A daemon with locks=source and one file `f` on its source. */
void pt_lock_start(struct pt *p, enum pt_kind kind);

/* fcntl(2) with a lock of `count` bytes (0: to the end), and flock(2) without waiting: 0 or an
 * errno value.  A lock on the whole file: callers_lock(). */
int pt_lock_range(int fd, int cmd, short type, off_t first, off_t count);
int pt_lock_flock(int fd, int operation);

/* What a process without any lock gets that tries a lock and ends at once: flock(2) LOCK_EX,
 * F_RDLCK, F_WRLCK. */
int pt_lock_other_flocks(const char *path);
int pt_lock_other_reads(const char *path);
int pt_lock_other_writes(const char *path);

/* Waits for flock(2) LOCK_EX (SIGUSR1 interrupts), and exits with it; fits harness_fork(). */
int pt_lock_wait_for_flock(void *path);

/* Another process that has taken a lock (cmd of fcntl(2), or 0 for flock) and keeps it. */
pid_t pt_lock_holder(const char *path, int cmd, short type);
/* It is killed. */
void pt_lock_end(pid_t pid);

/* How many descriptors of a file on the source the daemon has. */
unsigned pt_lock_count_fds(const struct pt *p, const char *file);

#endif
