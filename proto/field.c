/*
 * Tables of the fields that are shown in text, one row a field.  How a line is put together is not
 * known here.
 */
#include "field.h"

#include <inttypes.h>
#include <string.h>

#include "abi.h"
#include "opcode.h"

enum style { DEC, SIGNED, HEX, OCT };

struct field {
	uint16_t key; /* opcode, reply kind or notify code */
	uint8_t style;
	uint8_t offset;
	uint8_t size;
	const char *name;
};

#define FIELD(row_key, row_style, label, type, member) \
	{ \
		.key = (row_key), .style = (row_style), .offset = offsetof(struct type, member), \
		.size = sizeof(((struct type *)0)->member), .name = (label) \
	}
#define IN(op, style, type, member)       FIELD(FUSE_##op, style, #member, fuse_##type##_in, member)
#define OUT(kind, style, type, member)    FIELD(PROTO_REPLY_##kind, style, #member, type, member)
#define NOTIFY(code, style, type, member) FIELD(code, style, #member, type, member)
#define ATTR(kind, type, member) \
	FIELD(PROTO_REPLY_##kind, DEC, "ino", type, member.ino), \
		FIELD(PROTO_REPLY_##kind, OCT, "mode", type, member.mode), \
		FIELD(PROTO_REPLY_##kind, DEC, "nlink", type, member.nlink), \
		FIELD(PROTO_REPLY_##kind, DEC, "uid", type, member.uid), \
		FIELD(PROTO_REPLY_##kind, DEC, "gid", type, member.gid), \
		FIELD(PROTO_REPLY_##kind, DEC, "size", type, member.size)
#define READ_FIELDS(op) \
	IN(op, DEC, read, fh), IN(op, DEC, read, offset), IN(op, DEC, read, size), \
		IN(op, HEX, read, flags)
#define LOCK_FIELDS(op) \
	IN(op, DEC, lk, fh), IN(op, HEX, lk, owner), \
		FIELD(FUSE_##op, DEC, "start", fuse_lk_in, lk.start), \
		FIELD(FUSE_##op, DEC, "end", fuse_lk_in, lk.end), \
		FIELD(FUSE_##op, DEC, "type", fuse_lk_in, lk.type), \
		FIELD(FUSE_##op, DEC, "pid", fuse_lk_in, lk.pid), IN(op, HEX, lk, lk_flags)
#define RELEASE_FIELDS(op) \
	IN(op, DEC, release, fh), IN(op, HEX, release, flags), IN(op, HEX, release, release_flags)
#define CREATE_FIELDS(op) \
	IN(op, HEX, create, flags), IN(op, OCT, create, mode), IN(op, OCT, create, umask), \
		IN(op, HEX, create, open_flags)
#define COPY_FIELDS(op) \
	FIELD(op, DEC, "fh_in", fuse_copy_file_range_in, fh_in), \
		FIELD(op, DEC, "off_in", fuse_copy_file_range_in, off_in), \
		FIELD(op, DEC, "nodeid_out", fuse_copy_file_range_in, nodeid_out), \
		FIELD(op, DEC, "fh_out", fuse_copy_file_range_in, fh_out), \
		FIELD(op, DEC, "off_out", fuse_copy_file_range_in, off_out), \
		FIELD(op, DEC, "len", fuse_copy_file_range_in, len), \
		FIELD(op, HEX, "flags", fuse_copy_file_range_in, flags)

static const struct field requests[] = {
	IN(FORGET, DEC, forget, nlookup),
	IN(GETATTR, HEX, getattr, getattr_flags),
	IN(GETATTR, DEC, getattr, fh),
	IN(SETATTR, HEX, setattr, valid),
	IN(SETATTR, DEC, setattr, fh),
	IN(SETATTR, OCT, setattr, mode),
	IN(SETATTR, DEC, setattr, uid),
	IN(SETATTR, DEC, setattr, gid),
	IN(SETATTR, DEC, setattr, size),
	IN(SETATTR, SIGNED, setattr, atime),
	IN(SETATTR, SIGNED, setattr, mtime),
	IN(MKNOD, OCT, mknod, mode),
	IN(MKNOD, HEX, mknod, rdev),
	IN(MKNOD, OCT, mknod, umask),
	IN(MKDIR, OCT, mkdir, mode),
	IN(MKDIR, OCT, mkdir, umask),
	IN(RENAME, DEC, rename, newdir),
	IN(RENAME2, DEC, rename2, newdir),
	IN(RENAME2, HEX, rename2, flags),
	IN(LINK, DEC, link, oldnodeid),
	IN(OPEN, HEX, open, flags),
	IN(OPEN, HEX, open, open_flags),
	IN(OPENDIR, HEX, open, flags),
	READ_FIELDS(READ),
	READ_FIELDS(READDIR),
	READ_FIELDS(READDIRPLUS),
	IN(WRITE, DEC, write, fh),
	IN(WRITE, DEC, write, offset),
	IN(WRITE, DEC, write, size),
	IN(WRITE, HEX, write, write_flags),
	IN(WRITE, HEX, write, flags),
	RELEASE_FIELDS(RELEASE),
	RELEASE_FIELDS(RELEASEDIR),
	IN(FSYNC, DEC, fsync, fh),
	IN(FSYNC, HEX, fsync, fsync_flags),
	IN(FSYNCDIR, DEC, fsync, fh),
	IN(FSYNCDIR, HEX, fsync, fsync_flags),
	IN(SETXATTR, DEC, setxattr, size),
	IN(SETXATTR, HEX, setxattr, flags),
	IN(SETXATTR, HEX, setxattr, setxattr_flags),
	IN(GETXATTR, DEC, getxattr, size),
	IN(LISTXATTR, DEC, getxattr, size),
	IN(FLUSH, DEC, flush, fh),
	IN(FLUSH, HEX, flush, lock_owner),
	IN(INIT, DEC, init, major),
	IN(INIT, DEC, init, minor),
	IN(INIT, DEC, init, max_readahead),
	IN(INIT, HEX, init, flags),
	IN(INIT, HEX, init, flags2),
	LOCK_FIELDS(GETLK),
	LOCK_FIELDS(SETLK),
	LOCK_FIELDS(SETLKW),
	IN(ACCESS, OCT, access, mask),
	CREATE_FIELDS(CREATE),
	CREATE_FIELDS(TMPFILE),
	FIELD(FUSE_INTERRUPT, DEC, "target", fuse_interrupt_in, unique),
	IN(BMAP, DEC, bmap, block),
	IN(BMAP, DEC, bmap, blocksize),
	IN(IOCTL, DEC, ioctl, fh),
	IN(IOCTL, HEX, ioctl, flags),
	IN(IOCTL, HEX, ioctl, cmd),
	IN(IOCTL, HEX, ioctl, arg),
	IN(IOCTL, DEC, ioctl, in_size),
	IN(IOCTL, DEC, ioctl, out_size),
	IN(POLL, DEC, poll, fh),
	IN(POLL, DEC, poll, kh),
	IN(POLL, HEX, poll, flags),
	IN(POLL, HEX, poll, events),
	FIELD(FUSE_NOTIFY_REPLY, DEC, "offset", fuse_notify_retrieve_in, offset),
	FIELD(FUSE_NOTIFY_REPLY, DEC, "size", fuse_notify_retrieve_in, size),
	IN(BATCH_FORGET, DEC, batch_forget, count),
	IN(FALLOCATE, DEC, fallocate, fh),
	IN(FALLOCATE, DEC, fallocate, offset),
	IN(FALLOCATE, DEC, fallocate, length),
	IN(FALLOCATE, HEX, fallocate, mode),
	IN(LSEEK, DEC, lseek, fh),
	IN(LSEEK, SIGNED, lseek, offset),
	IN(LSEEK, DEC, lseek, whence),
	COPY_FIELDS(FUSE_COPY_FILE_RANGE),
	COPY_FIELDS(PROTO_OP_COPY_FILE_RANGE_64),
	FIELD(PROTO_OP_STATX, HEX, "getattr_flags", proto_statx_in, getattr_flags),
	FIELD(PROTO_OP_STATX, DEC, "fh", proto_statx_in, fh),
	FIELD(PROTO_OP_STATX, HEX, "sx_flags", proto_statx_in, sx_flags),
	FIELD(PROTO_OP_STATX, HEX, "sx_mask", proto_statx_in, sx_mask),
};

static const struct field replies[] = {
	OUT(ENTRY, DEC, fuse_entry_out, nodeid),
	OUT(ENTRY, DEC, fuse_entry_out, generation),
	OUT(ENTRY, DEC, fuse_entry_out, entry_valid),
	OUT(ENTRY, DEC, fuse_entry_out, attr_valid),
	ATTR(ENTRY, fuse_entry_out, attr),
	OUT(ATTR, DEC, fuse_attr_out, attr_valid),
	ATTR(ATTR, fuse_attr_out, attr),
	OUT(STATX, DEC, proto_statx_out, attr_valid),
	FIELD(PROTO_REPLY_STATX, HEX, "mask", proto_statx_out, stat.mask),
	ATTR(STATX, proto_statx_out, stat),
	OUT(OPEN, DEC, proto_open_out, fh),
	OUT(OPEN, HEX, proto_open_out, open_flags),
	OUT(OPEN, SIGNED, proto_open_out, backing_id),
	OUT(WRITE, DEC, fuse_write_out, size),
	OUT(STATFS, DEC, fuse_kstatfs, blocks),
	OUT(STATFS, DEC, fuse_kstatfs, bfree),
	OUT(STATFS, DEC, fuse_kstatfs, bavail),
	OUT(STATFS, DEC, fuse_kstatfs, files),
	OUT(STATFS, DEC, fuse_kstatfs, ffree),
	OUT(STATFS, DEC, fuse_kstatfs, bsize),
	OUT(STATFS, DEC, fuse_kstatfs, frsize),
	OUT(STATFS, DEC, fuse_kstatfs, namelen),
	OUT(LOCK, DEC, fuse_file_lock, start),
	OUT(LOCK, DEC, fuse_file_lock, end),
	OUT(LOCK, DEC, fuse_file_lock, type),
	OUT(LOCK, DEC, fuse_file_lock, pid),
	OUT(INIT, DEC, proto_init_out, major),
	OUT(INIT, DEC, proto_init_out, minor),
	OUT(INIT, DEC, proto_init_out, max_readahead),
	OUT(INIT, HEX, proto_init_out, flags),
	OUT(INIT, HEX, proto_init_out, flags2),
	OUT(INIT, DEC, proto_init_out, max_background),
	OUT(INIT, DEC, proto_init_out, congestion_threshold),
	OUT(INIT, DEC, proto_init_out, max_write),
	OUT(INIT, DEC, proto_init_out, max_pages),
	OUT(INIT, DEC, proto_init_out, max_stack_depth),
	OUT(INIT, DEC, proto_init_out, request_timeout),
	OUT(BMAP, DEC, fuse_bmap_out, block),
	OUT(IOCTL, SIGNED, fuse_ioctl_out, result),
	OUT(POLL, HEX, fuse_poll_out, revents),
	OUT(LSEEK, SIGNED, fuse_lseek_out, offset),
	OUT(COPY, DEC, proto_copy_file_range_out, bytes_copied),
};

static const struct field notifications[] = {
	NOTIFY(FUSE_NOTIFY_POLL, DEC, fuse_notify_poll_wakeup_out, kh),
	FIELD(FUSE_NOTIFY_INVAL_INODE, DEC, "node", fuse_notify_inval_inode_out, ino),
	NOTIFY(FUSE_NOTIFY_INVAL_INODE, SIGNED, fuse_notify_inval_inode_out, off),
	NOTIFY(FUSE_NOTIFY_INVAL_INODE, SIGNED, fuse_notify_inval_inode_out, len),
	NOTIFY(FUSE_NOTIFY_INVAL_ENTRY, DEC, fuse_notify_inval_entry_out, parent),
	NOTIFY(FUSE_NOTIFY_INVAL_ENTRY, HEX, fuse_notify_inval_entry_out, flags),
	NOTIFY(FUSE_NOTIFY_STORE, DEC, fuse_notify_store_out, nodeid),
	NOTIFY(FUSE_NOTIFY_STORE, DEC, fuse_notify_store_out, offset),
	NOTIFY(FUSE_NOTIFY_STORE, DEC, fuse_notify_store_out, size),
	NOTIFY(FUSE_NOTIFY_RETRIEVE, DEC, fuse_notify_retrieve_out, notify_unique),
	NOTIFY(FUSE_NOTIFY_RETRIEVE, DEC, fuse_notify_retrieve_out, nodeid),
	NOTIFY(FUSE_NOTIFY_RETRIEVE, DEC, fuse_notify_retrieve_out, offset),
	NOTIFY(FUSE_NOTIFY_RETRIEVE, DEC, fuse_notify_retrieve_out, size),
	NOTIFY(FUSE_NOTIFY_DELETE, DEC, fuse_notify_delete_out, parent),
	NOTIFY(FUSE_NOTIFY_DELETE, DEC, fuse_notify_delete_out, child),
	NOTIFY(PROTO_NOTIFY_PRUNE, DEC, proto_notify_prune_out, count),
};

static uint64_t field_value(const struct field *f, const char *data)
{
	uint16_t u16;
	uint32_t u32;
	uint64_t u64;

	switch (f->size) {
	case sizeof(u16):
		memcpy(&u16, data + f->offset, sizeof(u16));
		return u16;
	case sizeof(u32):
		memcpy(&u32, data + f->offset, sizeof(u32));
		return f->style == SIGNED ? (uint64_t)(int32_t)u32 : u32;
	default:
		memcpy(&u64, data + f->offset, sizeof(u64));
		return u64;
	}
}

static void field_add(struct text *t, const struct field *f, const char *data)
{
	uint64_t value = field_value(f, data);

	switch (f->style) {
	case SIGNED:
		text_add(t, " %s=%" PRId64, f->name, (int64_t)value);
		break;
	case HEX:
		text_add(t, " %s=0x%" PRIx64, f->name, value);
		break;
	case OCT:
		text_add(t, " %s=0%" PRIo64, f->name, value);
		break;
	default:
		text_add(t, " %s=%" PRIu64, f->name, value);
		break;
	}
}

static void add_all(struct text *t, const struct field *fields, size_t count, uint32_t key,
		    const void *data, size_t size)
{
	for (size_t i = 0; i < count; i++) {
		const struct field *f = &fields[i];

		if (f->key == key && (size_t)f->offset + f->size <= size)
			field_add(t, f, data);
	}
}

void field_add_request(struct text *t, uint32_t opcode, const void *data, size_t size)
{
	add_all(t, requests, sizeof(requests) / sizeof(requests[0]), opcode, data, size);
}

void field_add_reply(struct text *t, unsigned reply_kind, const void *data, size_t size)
{
	add_all(t, replies, sizeof(replies) / sizeof(replies[0]), reply_kind, data, size);
}

void field_add_notify(struct text *t, uint32_t code, const void *data, size_t size)
{
	add_all(t, notifications, sizeof(notifications) / sizeof(notifications[0]), code, data,
		size);
}
