/*
 * Checked decoding of a request into a typed form, from the layouts of both transports.
 * Nothing behind it checks lengths again.
 */
#ifndef PROTO_REQUEST_H
#define PROTO_REQUEST_H

#include <stddef.h>
#include <stdint.h>

#include "abi.h"
#include "conn.h"
#include "opcode.h"

/* Bytes inside the message that was decoded; valid as long as it is. */
struct proto_bytes {
	const char *data; /* names: NUL-terminated; `size` does not count the NUL */
	size_t size;
};

/* The newest form of each op's struct, aligned; fields that an older minor lacks are zero. */
union proto_in {
	struct fuse_forget_in forget;
	struct fuse_getattr_in getattr;
	struct fuse_setattr_in setattr;
	struct fuse_mknod_in mknod;
	struct fuse_mkdir_in mkdir;
	struct fuse_rename_in rename;
	struct fuse_rename2_in rename2;
	struct fuse_link_in link;
	struct fuse_open_in open;
	struct fuse_create_in create; /* also TMPFILE */
	struct fuse_read_in read;     /* also READDIR, READDIRPLUS */
	struct fuse_write_in write;
	struct fuse_release_in release;
	struct fuse_fsync_in fsync;
	struct fuse_setxattr_in setxattr;
	struct fuse_getxattr_in getxattr; /* also LISTXATTR */
	struct fuse_flush_in flush;
	struct fuse_init_in init;
	struct fuse_lk_in lk;
	struct fuse_access_in access;
	struct fuse_interrupt_in interrupt;
	struct fuse_bmap_in bmap;
	struct fuse_ioctl_in ioctl;
	struct fuse_poll_in poll;
	struct fuse_fallocate_in fallocate;
	struct fuse_lseek_in lseek;
	struct fuse_copy_file_range_in copy;
	struct fuse_notify_retrieve_in retrieve;
	struct fuse_batch_forget_in batch_forget;
	struct fuse_syncfs_in syncfs;
	struct proto_statx_in statx;
};

#define PROTO_MAX_SECCTX 4  /* contexts of one request that are kept; more is refused with E2BIG */
#define PROTO_MAX_GROUPS 32 /* the kernel sends one */

struct proto_secctx {
	struct proto_bytes name;
	struct proto_bytes value;
};

struct proto_request {
	const struct proto_opcode *op;
	struct fuse_in_header head; /* as sent; head.len is the length that was decoded */
	union proto_in in;
	struct proto_bytes name;  /* first name; SYMLINK: the link's name */
	struct proto_bytes name2; /* second name; SYMLINK: the target */
	struct proto_bytes
		data; /* WRITE, SETXATTR value, IOCTL in, NOTIFY_REPLY; forgets: raw records */
	uint32_t nsecctx;
	uint32_t ngroups;
	struct proto_secctx secctx[PROTO_MAX_SECCTX];
	uint32_t groups[PROTO_MAX_GROUPS];
};

/*
 * Decodes one message as read from /dev/fuse.  Returns 0 or
 *   -EBADMSG  too short for a header, or head.len is not `size`: there is nobody to answer
 *   -ENOSYS   no such opcode (out->op is NULL, out->head is filled in)
 *   -EINVAL   the request's layout is wrong: too short, too long, no NUL, empty or '/'-holding
 * name, lengths that don't add up (out->op and out->head are filled in) -E2BIG    more security
 * contexts or groups than the limits above For the last three, the caller answers the request with
 * that errno. `message` may have any alignment.
 */
int proto_decode(const struct proto_conn *conn, const void *message, size_t size,
		 struct proto_request *out);

/*
 * The same for a ring entry: `header` has sizeof(struct proto_uring_req_header) bytes, `payload` as
 * many as the entry's payload_sz says, which may not exceed `payload_cap`.  An op without a struct
 * ignores the (stale) bytes of op_in.  Also stores the commit id.  Never -EBADMSG: whatever the
 * entry holds, it is to be answered.
 */
int proto_decode_ring(const struct proto_conn *conn, const void *header, const void *payload,
		      size_t payload_cap, struct proto_request *out, uint64_t *commit_id);

/* How many records a FORGET (1) or BATCH_FORGET carries; 0 for any other request. */
uint64_t proto_forget_count(const struct proto_request *request);
/* Record i, which must be below that count; FORGET: its nodeid is the header's. */
struct fuse_forget_one proto_forget_get(const struct proto_request *request, uint64_t i);

/* MKNOD's rdev in makedev(3) form. */
uint64_t proto_rdev_decode(uint32_t rdev);

#endif
