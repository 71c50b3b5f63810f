/*
 * Encodes replies.  Knows the wire's structs and their older, shorter forms; not what an answer
 * means.
 */
#include "reply.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define NS_PER_S        1000000000ull
#define BLKSIZE_DEFAULT 4096
#define ATTR_FULL_MINOR 9 /* first minor with blksize and flags in struct fuse_attr */

struct timeout {
	uint64_t s;
	uint32_t ns;
};

static struct timeout timeout_split(uint64_t ns)
{
	/* The kernel takes a number of seconds that large for the longest time it knows. */
	if (ns == PROTO_FOREVER)
		return (struct timeout){.s = UINT64_MAX};
	return (struct timeout){.s = ns / NS_PER_S, .ns = (uint32_t)(ns % NS_PER_S)};
}

/* The kernel's 32-bit form: 8 low bits of the minor, 12 of the major, 12 more of the minor. */
static uint32_t rdev_encode(uint64_t rdev)
{
	uint32_t low = minor(rdev) & 0xff;
	uint32_t high = (minor(rdev) >> 8) & 0xfff;

	return low | (major(rdev) & 0xfff) << 8 | high << 20;
}

static uint32_t blksize_or_default(uint32_t blksize)
{
	return blksize ? blksize : BLKSIZE_DEFAULT;
}

static struct fuse_attr attr_encode(const struct proto_attr *a)
{
	return (struct fuse_attr){
		.ino = a->ino,
		.size = a->size,
		.blocks = a->blocks,
		.atime = (uint64_t)a->atime.tv_sec, /* before 1970: two's complement */
		.mtime = (uint64_t)a->mtime.tv_sec,
		.ctime = (uint64_t)a->ctime.tv_sec,
		.atimensec = (uint32_t)a->atime.tv_nsec,
		.mtimensec = (uint32_t)a->mtime.tv_nsec,
		.ctimensec = (uint32_t)a->ctime.tv_nsec,
		.mode = a->mode,
		.nlink = a->nlink,
		.uid = a->uid,
		.gid = a->gid,
		.rdev = rdev_encode(a->rdev),
		.blksize = blksize_or_default(a->blksize),
	};
}

static struct proto_sx_time sx_time(const struct timespec *t)
{
	return (struct proto_sx_time){.tv_sec = t->tv_sec, .tv_nsec = (uint32_t)t->tv_nsec};
}

/* Copies the first `size` bytes of a finished struct; `body` may have any alignment. */
static size_t body_copy(void *body, const void *from, size_t size)
{
	memcpy(body, from, size);
	return size;
}

void proto_put_header(void *header, uint64_t unique, int error, size_t body_size)
{
	struct fuse_out_header out = {.unique = unique};

	if (error > 0 || error < -PROTO_ERRNO_MAX)
		error = -EIO;
	out.error = error;
	out.len = (uint32_t)(sizeof(out) + (error ? 0 : body_size));
	memcpy(header, &out, sizeof(out));
}

size_t proto_put_entry(const struct proto_conn *conn, void *body, const struct proto_entry *entry)
{
	struct timeout name = timeout_split(entry->entry_timeout);
	struct timeout attr = timeout_split(entry->attr_timeout);
	struct fuse_entry_out out = {
		.nodeid = entry->nodeid,
		.generation = entry->generation,
		.entry_valid = name.s,
		.attr_valid = attr.s,
		.entry_valid_nsec = name.ns,
		.attr_valid_nsec = attr.ns,
		.attr = attr_encode(&entry->attr),
	};

	return body_copy(body, &out,
			 conn->minor < ATTR_FULL_MINOR ? FUSE_COMPAT_ENTRY_OUT_SIZE : sizeof(out));
}

size_t proto_put_attr(const struct proto_conn *conn, void *body, const struct proto_attr *attr,
		      uint64_t timeout)
{
	struct timeout valid = timeout_split(timeout);
	struct fuse_attr_out out = {
		.attr_valid = valid.s,
		.attr_valid_nsec = valid.ns,
		.attr = attr_encode(attr),
	};

	return body_copy(body, &out,
			 conn->minor < ATTR_FULL_MINOR ? FUSE_COMPAT_ATTR_OUT_SIZE : sizeof(out));
}

static struct proto_statx statx_encode(const struct proto_attr *a)
{
	struct proto_statx st = {
		.mask = PROTO_STATX_BASIC,
		.blksize = blksize_or_default(a->blksize),
		.nlink = a->nlink,
		.uid = a->uid,
		.gid = a->gid,
		.mode = (uint16_t)a->mode,
		.ino = a->ino,
		.size = a->size,
		.blocks = a->blocks,
		.atime = sx_time(&a->atime),
		.ctime = sx_time(&a->ctime),
		.mtime = sx_time(&a->mtime),
		.rdev_major = major(a->rdev),
		.rdev_minor = minor(a->rdev),
	};

	if (a->has_btime) {
		st.mask |= PROTO_STATX_BTIME;
		st.btime = sx_time(&a->btime);
	}
	return st;
}

size_t proto_put_statx(void *body, const struct proto_attr *attr, uint64_t timeout)
{
	struct timeout valid = timeout_split(timeout);
	struct proto_statx_out out = {
		.attr_valid = valid.s,
		.attr_valid_nsec = valid.ns,
		.stat = statx_encode(attr),
	};

	return body_copy(body, &out, sizeof(out));
}

size_t proto_put_open(void *body, const struct proto_open *open)
{
	struct proto_open_out out = {
		.fh = open->fh,
		.open_flags = open->flags,
		.backing_id = open->backing_id,
	};

	return body_copy(body, &out, sizeof(out));
}

size_t proto_put_create(const struct proto_conn *conn, void *body, const struct proto_entry *entry,
			const struct proto_open *open)
{
	size_t size = proto_put_entry(conn, body, entry);

	return size + proto_put_open((char *)body + size, open);
}

size_t proto_put_write(void *body, uint32_t written)
{
	struct fuse_write_out out = {.size = written};

	return body_copy(body, &out, sizeof(out));
}

size_t proto_put_copy(void *body, uint64_t copied)
{
	struct proto_copy_file_range_out out = {.bytes_copied = copied};

	return body_copy(body, &out, sizeof(out));
}

size_t proto_put_statfs(const struct proto_conn *conn, void *body, const struct proto_statfs *st)
{
	struct fuse_statfs_out out = {
		.st = {.blocks = st->blocks,
		       .bfree = st->bfree,
		       .bavail = st->bavail,
		       .files = st->files,
		       .ffree = st->ffree,
		       .bsize = st->bsize,
		       .namelen = st->namelen,
		       .frsize = st->frsize},
	};

	return body_copy(body, &out, conn->minor < 4 ? FUSE_COMPAT_STATFS_SIZE : sizeof(out));
}

size_t proto_put_xattr_size(void *body, uint32_t size)
{
	struct fuse_getxattr_out out = {.size = size};

	return body_copy(body, &out, sizeof(out));
}

size_t proto_put_lock(void *body, const struct proto_lock *lock)
{
	struct fuse_lk_out out = {
		.lk = {.start = lock->start,
		       .end = lock->end,
		       .type = lock->type,
		       .pid = lock->pid},
	};

	return body_copy(body, &out, sizeof(out));
}

size_t proto_put_bmap(void *body, uint64_t block)
{
	struct fuse_bmap_out out = {.block = block};

	return body_copy(body, &out, sizeof(out));
}

size_t proto_put_ioctl(void *body, int32_t result)
{
	struct fuse_ioctl_out out = {.result = result};

	return body_copy(body, &out, sizeof(out));
}

size_t proto_put_poll(void *body, uint32_t revents)
{
	struct fuse_poll_out out = {.revents = revents};

	return body_copy(body, &out, sizeof(out));
}

size_t proto_put_lseek(void *body, uint64_t offset)
{
	struct fuse_lseek_out out = {.offset = offset};

	return body_copy(body, &out, sizeof(out));
}
