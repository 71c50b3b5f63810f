/*
 * Handlers of single requests, between dispatch and the backend.  Each reads slot->request, calls
 * the backend's op, and puts the body of the reply into the slot.  They return 0, a negative errno,
 * or LLFUSED_PENDING.  Only called when the backend has the op.
 */
#ifndef DAEMON_OPS_H
#define DAEMON_OPS_H

#include <llfused/backend.h>

#include "slot.h"

typedef int op_handler(struct slot *slot, const struct llfused_ops *ops);

/* 0, or -EIO for an entry that the kernel could not live with; that is the backend's fault. */
int ops_check_entry(struct slot *slot, const struct llfused_entry *entry);

/* ops_node.c: names, inodes, attributes */
op_handler op_lookup, op_getattr, op_setattr, op_statx, op_readlink, op_symlink, op_mknod, op_mkdir,
	op_unlink, op_rmdir, op_rename, op_rename2, op_link, op_statfs, op_access;
op_handler op_setxattr, op_getxattr, op_listxattr, op_removexattr;

/* ops_file.c: open files and directories, data, locks */
op_handler op_open, op_create, op_tmpfile, op_read, op_write, op_flush, op_release, op_fsync,
	op_opendir, op_readdir, op_releasedir, op_fsyncdir, op_getlk, op_setlk, op_setlkw, op_bmap,
	op_ioctl, op_poll, op_fallocate, op_lseek, op_copy_file_range, op_copy_file_range_64;

#endif
