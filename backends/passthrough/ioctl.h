/*
 * File attributes by ioctl: FS_IOC_GETFLAGS, SETFLAGS, FSGETXATTR, FSSETXATTR, GETVERSION.
 */
#ifndef PASSTHROUGH_IOCTL_H
#define PASSTHROUGH_IOCTL_H

#include <llfused/backend.h>

/* -ENOTTY for all others. */
int pt_ioctl(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, struct llfused_ioctl *io,
	     struct llfused_buf *out);

#endif
