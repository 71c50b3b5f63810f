/*
 * What sort of file system a mount is: how fast its answers are, and whether its file handles are
 * good for coming back to an inode.
 */
#ifndef PASSTHROUGH_KIND_H
#define PASSTHROUGH_KIND_H

#include <sys/stat.h>

struct pt_mount;

/* Fills in pace, handles, sizeless, stacked and fd of the mount in which the inode of `fd` (any
 * sort) lies; `stx` is of the same inode.  May sleep: asks the file system.  0, -EMFILE or another
 * errno. */
int pt_kind_look(int fd, const struct statx *stx, struct pt_mount *mount);

#endif
