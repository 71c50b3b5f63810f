/*
 * System calls in the shape that the others want: negative errno, retried after signals, and with
 * the flags that keep them beneath the source.
 */
#ifndef PASSTHROUGH_SYSTEM_H
#define PASSTHROUGH_SYSTEM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

struct pt;

/* One component of a directory: no link is followed, nothing above it is reached (".." is -EXDEV),
 * no automount is set off.  A descriptor (O_CLOEXEC) or a negative errno.  Flags that open(2) does
 * not know are left out; `mode` counts with O_CREAT and O_TMPFILE only. */
int pt_sys_open(int dir_fd, const char *name, uint32_t flags, uint32_t mode);

/* The directory above, wherever that is (the caller checks): an O_PATH descriptor or a negative
 * errno. */
int pt_sys_parent(int dir_fd);

/* Opens the inode behind an O_PATH descriptor with `flags` of open(2): through /proc/self/fd, so
 * that it is this inode whatever its name is now.  A symbolic link is -ELOOP. */
int pt_sys_reopen(const struct pt *fs, int fd, uint32_t flags);

/* statx of one component, or with name "" of the descriptor itself: with birth time and mount id.
 * 0 or a negative errno. */
int pt_sys_stat(int fd, const char *name, struct statx *stx);

/* The same, but no server is asked for the attributes of the inode found: those of a network or
 * FUSE file system may be outdated, but which inode and mount it is holds.  So what is mounted on
 * the name, our own mount even, cannot keep the thread waiting. */
int pt_sys_peek(int fd, const char *name, struct statx *stx);

/* "/proc/self/fd/N" for calls that take no descriptor; room for 32 bytes. */
void pt_sys_fd_path(char path[static 32], int fd);

#endif
