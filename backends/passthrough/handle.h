/*
 * File handles: names of inodes that last while the inode does, and are never used for another.
 */
#ifndef PASSTHROUGH_HANDLE_H
#define PASSTHROUGH_HANDLE_H

#include <stdint.h>

#define PT_HANDLE_MAX 128

struct pt_handle {
	uint8_t size; /* of `bytes` */
	uint8_t type;
	unsigned char bytes[PT_HANDLE_MAX];
};

/* Of the inode behind `fd` (O_PATH too).  0, or a negative errno: -EOPNOTSUPP, -EOVERFLOW. */
int pt_handle_make(int fd, struct pt_handle *handle);

/* An O_PATH descriptor of the inode; `mount_fd` is any but an O_PATH one of the mount.  A negative
 * errno: -ESTALE when the inode is gone, -EPERM, -EMFILE, ...  May read from the disk. */
int pt_handle_open(int mount_fd, const struct pt_handle *handle);

#endif
