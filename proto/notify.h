/*
 * Encoding of notifications, header included.  Each function writes one message to `buf` of `cap`
 * bytes and returns its length, or -EMSGSIZE when it does not fit, or -ENAMETOOLONG, or -EINVAL for
 * an empty name.  Which kernel knows a notification is the caller's to check: by conn->minor, and
 * expire_only by FUSE_HAS_EXPIRE_ONLY, resend by FUSE_HAS_RESEND.
 */
#ifndef PROTO_NOTIFY_H
#define PROTO_NOTIFY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

ssize_t proto_notify_poll(void *buf, size_t cap, uint64_t kh);
ssize_t proto_notify_inval_inode(void *buf, size_t cap, uint64_t nodeid, int64_t off, int64_t len);
ssize_t proto_notify_inval_entry(void *buf, size_t cap, uint64_t parent, const char *name,
				 size_t namelen, int expire_only);
ssize_t proto_notify_delete(void *buf, size_t cap, uint64_t parent, uint64_t child,
			    const char *name, size_t namelen);
/* Header and struct only; `size` bytes of data are to be written behind them in the same writev. */
ssize_t proto_notify_store(void *buf, size_t cap, uint64_t nodeid, uint64_t offset, uint32_t size);
ssize_t proto_notify_retrieve(void *buf, size_t cap, uint64_t notify_unique, uint64_t nodeid,
			      uint64_t offset, uint32_t size);
ssize_t proto_notify_resend(void *buf, size_t cap);
ssize_t proto_notify_inc_epoch(void *buf, size_t cap);
ssize_t proto_notify_prune(void *buf, size_t cap, const uint64_t *nodeids, uint32_t count);

/* "inval_inode", ... or NULL. */
const char *proto_notify_name(uint32_t code);

#endif
