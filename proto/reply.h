/*
 * Encoding of replies: typed results to the bytes that the kernel expects, for the negotiated
 * minor. Each function writes a body to `body`, which has room for PROTO_BODY_MAX bytes, and
 * returns its length.  The header goes in front of it on /dev/fuse, and into the ring entry on the
 * ring.
 */
#ifndef PROTO_REPLY_H
#define PROTO_REPLY_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "abi.h"
#include "conn.h"

#define PROTO_BODY_MAX 320        /* the longest fixed body (STATX: 288) fits */
#define PROTO_FOREVER  UINT64_MAX /* a timeout in ns that never ends */

struct proto_attr {
	uint64_t ino;
	uint64_t size;
	uint64_t blocks; /* of 512 bytes */
	struct timespec atime;
	struct timespec mtime;
	struct timespec ctime;
	struct timespec btime; /* STATX only */
	uint32_t has_btime;
	uint32_t mode;
	uint32_t nlink;
	uint32_t uid;
	uint32_t gid;
	uint32_t blksize;
	uint64_t rdev; /* makedev(3) form; put into the kernel's 32-bit encoding here */
};

struct proto_entry {
	uint64_t nodeid; /* 0: negative */
	uint64_t generation;
	uint64_t entry_timeout; /* ns or PROTO_FOREVER */
	uint64_t attr_timeout;
	struct proto_attr attr;
};

struct proto_open {
	uint64_t fh;
	uint32_t flags; /* FOPEN_* */
	int32_t backing_id;
};

struct proto_statfs {
	uint64_t blocks, bfree, bavail, files, ffree;
	uint32_t bsize, frsize, namelen;
};

struct proto_lock {
	uint64_t start, end;
	uint32_t type, pid;
};

#define PROTO_ERRNO_MAX 511 /* the kernel takes none beyond it */

/*
 * 16 bytes.  `error` is 0 or a negative errno; anything outside -511..0 becomes -EIO, because the
 * kernel would refuse the reply and leave the caller waiting.  With an error, no body is announced.
 */
void proto_put_header(void *header, uint64_t unique, int error, size_t body_size);

size_t proto_put_entry(const struct proto_conn *conn, void *body, const struct proto_entry *entry);
size_t proto_put_attr(const struct proto_conn *conn, void *body, const struct proto_attr *attr,
		      uint64_t timeout);
size_t proto_put_statx(void *body, const struct proto_attr *attr, uint64_t timeout);
size_t proto_put_open(void *body, const struct proto_open *open);
size_t proto_put_create(const struct proto_conn *conn, void *body, const struct proto_entry *entry,
			const struct proto_open *open);
size_t proto_put_write(void *body, uint32_t written); /* also COPY_FILE_RANGE */
size_t proto_put_copy(void *body, uint64_t copied);   /* COPY_FILE_RANGE_64 */
size_t proto_put_statfs(const struct proto_conn *conn, void *body, const struct proto_statfs *st);
size_t proto_put_xattr_size(void *body, uint32_t size);
size_t proto_put_lock(void *body, const struct proto_lock *lock);
size_t proto_put_bmap(void *body, uint64_t block);
size_t proto_put_ioctl(void *body, int32_t result); /* the out data follows directly */
size_t proto_put_poll(void *body, uint32_t revents);
size_t proto_put_lseek(void *body, uint64_t offset);

#endif
