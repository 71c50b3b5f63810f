/*
 * The table of requests and its lookup by number.  Nothing but facts of the protocol: how a row is
 * used is not known here.
 */
#include "opcode.h"

#include "abi.h"

#define SIZE(type) sizeof(struct fuse_##type)
#define EXT        PROTO_OP_EXT
#define NOCREDS    PROTO_OP_NOCREDS
#define FOREIGN    PROTO_OP_FOREIGN
#define INLINE     PROTO_OP_INLINE

/* clang-format off */

/* name, number, since 7.x, struct, older struct, newest form since 7.x, layout, reply, flags */
#define ROWS(X) \
	X(LOOKUP, FUSE_LOOKUP, 1, 0, 0, 0, NAME, ENTRY, 0) \
	X(FORGET, FUSE_FORGET, 1, SIZE(forget_in), SIZE(forget_in), 0, NOTHING, NEVER, NOCREDS) \
	X(GETATTR, FUSE_GETATTR, 1, SIZE(getattr_in), 0, 9, NOTHING, ATTR, 0) \
	X(SETATTR, FUSE_SETATTR, 1, SIZE(setattr_in), SIZE(setattr_in), 0, NOTHING, ATTR, 0) \
	X(READLINK, FUSE_READLINK, 1, 0, 0, 0, NOTHING, LINK, 0) \
	X(SYMLINK, FUSE_SYMLINK, 1, 0, 0, 0, NAME_NAME, ENTRY, EXT) \
	X(MKNOD, FUSE_MKNOD, 1, SIZE(mknod_in), FUSE_COMPAT_MKNOD_IN_SIZE, 12, NAME, ENTRY, EXT) \
	X(MKDIR, FUSE_MKDIR, 1, SIZE(mkdir_in), SIZE(mkdir_in), 0, NAME, ENTRY, EXT) \
	X(UNLINK, FUSE_UNLINK, 1, 0, 0, 0, NAME, EMPTY, 0) \
	X(RMDIR, FUSE_RMDIR, 1, 0, 0, 0, NAME, EMPTY, 0) \
	X(RENAME, FUSE_RENAME, 1, SIZE(rename_in), SIZE(rename_in), 0, NAME_NAME, EMPTY, 0) \
	X(LINK, FUSE_LINK, 1, SIZE(link_in), SIZE(link_in), 0, NAME, ENTRY, 0) \
	X(OPEN, FUSE_OPEN, 1, SIZE(open_in), SIZE(open_in), 0, NOTHING, OPEN, 0) \
	X(READ, FUSE_READ, 1, SIZE(read_in), 24, 9, NOTHING, DATA, 0) \
	X(WRITE, FUSE_WRITE, 1, SIZE(write_in), FUSE_COMPAT_WRITE_IN_SIZE, 9, DATA, WRITE, 0) \
	X(STATFS, FUSE_STATFS, 1, 0, 0, 0, NOTHING, STATFS, 0) \
	X(RELEASE, FUSE_RELEASE, 1, SIZE(release_in), 16, 8, NOTHING, EMPTY, NOCREDS) \
	X(FSYNC, FUSE_FSYNC, 1, SIZE(fsync_in), SIZE(fsync_in), 0, NOTHING, EMPTY, 0) \
	X(SETXATTR, FUSE_SETXATTR, 1, SIZE(setxattr_in), FUSE_COMPAT_SETXATTR_IN_SIZE, 0, \
	  NAME_VALUE, EMPTY, 0) \
	X(GETXATTR, FUSE_GETXATTR, 1, SIZE(getxattr_in), SIZE(getxattr_in), 0, NAME, XATTR, 0) \
	X(LISTXATTR, FUSE_LISTXATTR, 1, SIZE(getxattr_in), SIZE(getxattr_in), 0, NOTHING, XATTR, 0) \
	X(REMOVEXATTR, FUSE_REMOVEXATTR, 1, 0, 0, 0, NAME, EMPTY, 0) \
	X(FLUSH, FUSE_FLUSH, 1, SIZE(flush_in), 16, 7, NOTHING, EMPTY, 0) \
	X(INIT, FUSE_INIT, 1, SIZE(init_in), 8, 0, NOTHING, INIT, NOCREDS) \
	X(OPENDIR, FUSE_OPENDIR, 1, SIZE(open_in), SIZE(open_in), 0, NOTHING, OPEN, 0) \
	X(READDIR, FUSE_READDIR, 1, SIZE(read_in), 24, 9, NOTHING, DIRENTS, 0) \
	X(RELEASEDIR, FUSE_RELEASEDIR, 1, SIZE(release_in), 16, 8, NOTHING, EMPTY, NOCREDS) \
	X(FSYNCDIR, FUSE_FSYNCDIR, 2, SIZE(fsync_in), SIZE(fsync_in), 0, NOTHING, EMPTY, 0) \
	X(GETLK, FUSE_GETLK, 7, SIZE(lk_in), 40, 9, NOTHING, LOCK, 0) \
	X(SETLK, FUSE_SETLK, 7, SIZE(lk_in), 40, 9, NOTHING, EMPTY, 0) \
	X(SETLKW, FUSE_SETLKW, 7, SIZE(lk_in), 40, 9, NOTHING, EMPTY, 0) \
	X(ACCESS, FUSE_ACCESS, 3, SIZE(access_in), SIZE(access_in), 0, NOTHING, EMPTY, 0) \
	X(CREATE, FUSE_CREATE, 3, SIZE(create_in), SIZE(open_in), 12, NAME, CREATE, EXT) \
	X(INTERRUPT, FUSE_INTERRUPT, 7, SIZE(interrupt_in), SIZE(interrupt_in), 0, NOTHING, EMPTY, \
	  NOCREDS) \
	X(BMAP, FUSE_BMAP, 8, SIZE(bmap_in), SIZE(bmap_in), 0, NOTHING, BMAP, FOREIGN) \
	X(DESTROY, FUSE_DESTROY, 8, 0, 0, 0, NOTHING, EMPTY, NOCREDS | FOREIGN) \
	X(IOCTL, FUSE_IOCTL, 11, SIZE(ioctl_in), SIZE(ioctl_in), 0, IOCTL_DATA, IOCTL, 0) \
	X(POLL, FUSE_POLL, 11, SIZE(poll_in), SIZE(poll_in), 0, NOTHING, POLL, 0) \
	X(NOTIFY_REPLY, FUSE_NOTIFY_REPLY, 15, SIZE(notify_retrieve_in), SIZE(notify_retrieve_in), 0, \
	  DATA, NEVER, INLINE) \
	X(BATCH_FORGET, FUSE_BATCH_FORGET, 16, SIZE(batch_forget_in), SIZE(batch_forget_in), 0, \
	  FORGETS, NEVER, NOCREDS) \
	X(FALLOCATE, FUSE_FALLOCATE, 19, SIZE(fallocate_in), SIZE(fallocate_in), 0, NOTHING, EMPTY, 0) \
	X(READDIRPLUS, FUSE_READDIRPLUS, 21, SIZE(read_in), SIZE(read_in), 0, NOTHING, DIRENTS_PLUS, 0) \
	X(RENAME2, FUSE_RENAME2, 23, SIZE(rename2_in), SIZE(rename2_in), 0, NAME_NAME, EMPTY, 0) \
	X(LSEEK, FUSE_LSEEK, 24, SIZE(lseek_in), SIZE(lseek_in), 0, NOTHING, LSEEK, 0) \
	X(COPY_FILE_RANGE, FUSE_COPY_FILE_RANGE, 28, SIZE(copy_file_range_in), \
	  SIZE(copy_file_range_in), 0, NOTHING, WRITE, 0) \
	X(SETUPMAPPING, FUSE_SETUPMAPPING, 31, 0, 0, 0, OPAQUE, EMPTY, FOREIGN) \
	X(REMOVEMAPPING, FUSE_REMOVEMAPPING, 31, 0, 0, 0, OPAQUE, EMPTY, FOREIGN) \
	X(SYNCFS, FUSE_SYNCFS, 34, SIZE(syncfs_in), SIZE(syncfs_in), 0, NOTHING, EMPTY, FOREIGN) \
	X(TMPFILE, FUSE_TMPFILE, 37, SIZE(create_in), SIZE(create_in), 0, NAME, CREATE, EXT) \
	X(STATX, PROTO_OP_STATX, 39, sizeof(struct proto_statx_in), sizeof(struct proto_statx_in), 0, \
	  NOTHING, STATX, 0) \
	X(COPY_FILE_RANGE_64, PROTO_OP_COPY_FILE_RANGE_64, 45, SIZE(copy_file_range_in), \
	  SIZE(copy_file_range_in), 0, NOTHING, COPY, 0)

/* Far off the others' numbers, so kept out of the index below. */
#define LAST_ROW(X) X(CUSE_INIT, CUSE_INIT, 12, 0, 0, 0, OPAQUE, INIT, FOREIGN)

/* clang-format on */

#define ROW_INDEX(name, ...) ROW_##name,
enum { ROWS(ROW_INDEX) LAST_ROW(ROW_INDEX) ROW_COUNT };

_Static_assert(ROW_COUNT <= PROTO_OPCODE_ROWS_MAX, "counters have room for every row");

#define ROW(op_name, op_number, since, size, size_min, full, op_layout, op_reply, op_flags) \
	[ROW_##op_name] = {.number = (op_number), \
			   .since_minor = (since), \
			   .name = #op_name, \
			   .in_size = (size), \
			   .in_size_min = (size_min), \
			   .full_minor = (full), \
			   .layout = PROTO_##op_layout, \
			   .reply = PROTO_REPLY_##op_reply, \
			   .flags = (op_flags)},

const struct proto_opcode proto_opcodes[] = {ROWS(ROW) LAST_ROW(ROW)};
const unsigned proto_opcode_count = ROW_COUNT;

/* Row plus one by number; 0 where there is none. */
#define INDEX(name, number, ...) [number] = ROW_##name + 1,
static const uint8_t row_by_number[] = {ROWS(INDEX)};

const struct proto_opcode *proto_opcode_find(uint32_t number)
{
	if (number == CUSE_INIT)
		return &proto_opcodes[ROW_CUSE_INIT];
	if (number >= sizeof(row_by_number) || row_by_number[number] == 0)
		return NULL;
	return &proto_opcodes[row_by_number[number] - 1];
}
