/*
 * Proves at compile time that every struct of the wire lies as the kernel lays it out, whichever
 * <linux/fuse.h> was found.  Holds no code.
 */
#include "abi.h"

#define SIZE(tag, bytes) _Static_assert(sizeof(struct tag) == (bytes), #tag " has " #bytes " bytes")
#define AT(tag, field, offset) \
	_Static_assert(offsetof(struct tag, field) == (offset), #tag "." #field " is at " #offset)
#define FIELD(tag, field, offset, bytes) \
	AT(tag, field, offset); \
	_Static_assert(sizeof(((struct tag *)0)->field) == (bytes), \
		       #tag "." #field " has " #bytes " bytes")
#define VALUE(name, value) _Static_assert((name) == (value), #name " is " #value)

SIZE(fuse_attr, 88);
FIELD(fuse_attr, ino, 0, 8);
FIELD(fuse_attr, size, 8, 8);
FIELD(fuse_attr, blocks, 16, 8);
FIELD(fuse_attr, atime, 24, 8);
FIELD(fuse_attr, mtime, 32, 8);
FIELD(fuse_attr, ctime, 40, 8);
FIELD(fuse_attr, atimensec, 48, 4);
FIELD(fuse_attr, mtimensec, 52, 4);
FIELD(fuse_attr, ctimensec, 56, 4);
FIELD(fuse_attr, mode, 60, 4);
FIELD(fuse_attr, nlink, 64, 4);
FIELD(fuse_attr, uid, 68, 4);
FIELD(fuse_attr, gid, 72, 4);
FIELD(fuse_attr, rdev, 76, 4);
FIELD(fuse_attr, blksize, 80, 4);
FIELD(fuse_attr, flags, 84, 4);

SIZE(proto_sx_time, 16);
FIELD(proto_sx_time, tv_sec, 0, 8);
FIELD(proto_sx_time, tv_nsec, 8, 4);

SIZE(proto_statx, 256);
FIELD(proto_statx, mask, 0, 4);
FIELD(proto_statx, blksize, 4, 4);
FIELD(proto_statx, attributes, 8, 8);
FIELD(proto_statx, nlink, 16, 4);
FIELD(proto_statx, uid, 20, 4);
FIELD(proto_statx, gid, 24, 4);
FIELD(proto_statx, mode, 28, 2);
FIELD(proto_statx, ino, 32, 8);
FIELD(proto_statx, size, 40, 8);
FIELD(proto_statx, blocks, 48, 8);
FIELD(proto_statx, attributes_mask, 56, 8);
FIELD(proto_statx, atime, 64, 16);
FIELD(proto_statx, btime, 80, 16);
FIELD(proto_statx, ctime, 96, 16);
FIELD(proto_statx, mtime, 112, 16);
FIELD(proto_statx, rdev_major, 128, 4);
FIELD(proto_statx, rdev_minor, 132, 4);
FIELD(proto_statx, dev_major, 136, 4);
FIELD(proto_statx, dev_minor, 140, 4);

SIZE(fuse_kstatfs, 80);
FIELD(fuse_kstatfs, blocks, 0, 8);
FIELD(fuse_kstatfs, bfree, 8, 8);
FIELD(fuse_kstatfs, bavail, 16, 8);
FIELD(fuse_kstatfs, files, 24, 8);
FIELD(fuse_kstatfs, ffree, 32, 8);
FIELD(fuse_kstatfs, bsize, 40, 4);
FIELD(fuse_kstatfs, namelen, 44, 4);
FIELD(fuse_kstatfs, frsize, 48, 4);

SIZE(fuse_file_lock, 24);
FIELD(fuse_file_lock, start, 0, 8);
FIELD(fuse_file_lock, end, 8, 8);
FIELD(fuse_file_lock, type, 16, 4);
FIELD(fuse_file_lock, pid, 20, 4);

SIZE(fuse_entry_out, 128);
FIELD(fuse_entry_out, nodeid, 0, 8);
FIELD(fuse_entry_out, generation, 8, 8);
FIELD(fuse_entry_out, entry_valid, 16, 8);
FIELD(fuse_entry_out, attr_valid, 24, 8);
FIELD(fuse_entry_out, entry_valid_nsec, 32, 4);
FIELD(fuse_entry_out, attr_valid_nsec, 36, 4);
FIELD(fuse_entry_out, attr, 40, 88);

SIZE(fuse_forget_in, 8);
FIELD(fuse_forget_in, nlookup, 0, 8);

SIZE(fuse_forget_one, 16);
FIELD(fuse_forget_one, nodeid, 0, 8);
FIELD(fuse_forget_one, nlookup, 8, 8);

SIZE(fuse_batch_forget_in, 8);
FIELD(fuse_batch_forget_in, count, 0, 4);

SIZE(fuse_getattr_in, 16);
FIELD(fuse_getattr_in, getattr_flags, 0, 4);
FIELD(fuse_getattr_in, fh, 8, 8);

SIZE(fuse_attr_out, 104);
FIELD(fuse_attr_out, attr_valid, 0, 8);
FIELD(fuse_attr_out, attr_valid_nsec, 8, 4);
FIELD(fuse_attr_out, attr, 16, 88);

SIZE(proto_statx_in, 24);
FIELD(proto_statx_in, getattr_flags, 0, 4);
FIELD(proto_statx_in, fh, 8, 8);
FIELD(proto_statx_in, sx_flags, 16, 4);
FIELD(proto_statx_in, sx_mask, 20, 4);

SIZE(proto_statx_out, 288);
FIELD(proto_statx_out, attr_valid, 0, 8);
FIELD(proto_statx_out, attr_valid_nsec, 8, 4);
FIELD(proto_statx_out, flags, 12, 4);
FIELD(proto_statx_out, stat, 32, 256);

SIZE(fuse_mknod_in, 16);
FIELD(fuse_mknod_in, mode, 0, 4);
FIELD(fuse_mknod_in, rdev, 4, 4);
FIELD(fuse_mknod_in, umask, 8, 4);

SIZE(fuse_mkdir_in, 8);
FIELD(fuse_mkdir_in, mode, 0, 4);
FIELD(fuse_mkdir_in, umask, 4, 4);

SIZE(fuse_rename_in, 8);
FIELD(fuse_rename_in, newdir, 0, 8);

SIZE(fuse_rename2_in, 16);
FIELD(fuse_rename2_in, newdir, 0, 8);
FIELD(fuse_rename2_in, flags, 8, 4);

SIZE(fuse_link_in, 8);
FIELD(fuse_link_in, oldnodeid, 0, 8);

SIZE(fuse_setattr_in, 88);
FIELD(fuse_setattr_in, valid, 0, 4);
FIELD(fuse_setattr_in, fh, 8, 8);
FIELD(fuse_setattr_in, size, 16, 8);
FIELD(fuse_setattr_in, lock_owner, 24, 8);
FIELD(fuse_setattr_in, atime, 32, 8);
FIELD(fuse_setattr_in, mtime, 40, 8);
FIELD(fuse_setattr_in, ctime, 48, 8);
FIELD(fuse_setattr_in, atimensec, 56, 4);
FIELD(fuse_setattr_in, mtimensec, 60, 4);
FIELD(fuse_setattr_in, ctimensec, 64, 4);
FIELD(fuse_setattr_in, mode, 68, 4);
FIELD(fuse_setattr_in, uid, 76, 4);
FIELD(fuse_setattr_in, gid, 80, 4);

SIZE(fuse_open_in, 8);
FIELD(fuse_open_in, flags, 0, 4);
FIELD(fuse_open_in, open_flags, 4, 4);

SIZE(fuse_create_in, 16);
FIELD(fuse_create_in, flags, 0, 4);
FIELD(fuse_create_in, mode, 4, 4);
FIELD(fuse_create_in, umask, 8, 4);
FIELD(fuse_create_in, open_flags, 12, 4);

SIZE(proto_open_out, 16);
FIELD(proto_open_out, fh, 0, 8);
FIELD(proto_open_out, open_flags, 8, 4);
FIELD(proto_open_out, backing_id, 12, 4);

SIZE(fuse_release_in, 24);
FIELD(fuse_release_in, fh, 0, 8);
FIELD(fuse_release_in, flags, 8, 4);
FIELD(fuse_release_in, release_flags, 12, 4);
FIELD(fuse_release_in, lock_owner, 16, 8);

SIZE(fuse_flush_in, 24);
FIELD(fuse_flush_in, fh, 0, 8);
FIELD(fuse_flush_in, lock_owner, 16, 8);

SIZE(fuse_read_in, 40);
FIELD(fuse_read_in, fh, 0, 8);
FIELD(fuse_read_in, offset, 8, 8);
FIELD(fuse_read_in, size, 16, 4);
FIELD(fuse_read_in, read_flags, 20, 4);
FIELD(fuse_read_in, lock_owner, 24, 8);
FIELD(fuse_read_in, flags, 32, 4);

SIZE(fuse_write_in, 40);
FIELD(fuse_write_in, fh, 0, 8);
FIELD(fuse_write_in, offset, 8, 8);
FIELD(fuse_write_in, size, 16, 4);
FIELD(fuse_write_in, write_flags, 20, 4);
FIELD(fuse_write_in, lock_owner, 24, 8);
FIELD(fuse_write_in, flags, 32, 4);

SIZE(fuse_write_out, 8);
FIELD(fuse_write_out, size, 0, 4);

SIZE(fuse_statfs_out, 80);
FIELD(fuse_statfs_out, st, 0, 80);

SIZE(fuse_fsync_in, 16);
FIELD(fuse_fsync_in, fh, 0, 8);
FIELD(fuse_fsync_in, fsync_flags, 8, 4);

SIZE(fuse_setxattr_in, 16);
FIELD(fuse_setxattr_in, size, 0, 4);
FIELD(fuse_setxattr_in, flags, 4, 4);
FIELD(fuse_setxattr_in, setxattr_flags, 8, 4);

SIZE(fuse_getxattr_in, 8);
FIELD(fuse_getxattr_in, size, 0, 4);

SIZE(fuse_getxattr_out, 8);
FIELD(fuse_getxattr_out, size, 0, 4);

SIZE(fuse_lk_in, 48);
FIELD(fuse_lk_in, fh, 0, 8);
FIELD(fuse_lk_in, owner, 8, 8);
FIELD(fuse_lk_in, lk, 16, 24);
FIELD(fuse_lk_in, lk_flags, 40, 4);

SIZE(fuse_lk_out, 24);
FIELD(fuse_lk_out, lk, 0, 24);

SIZE(fuse_access_in, 8);
FIELD(fuse_access_in, mask, 0, 4);

SIZE(fuse_init_in, 64);
FIELD(fuse_init_in, major, 0, 4);
FIELD(fuse_init_in, minor, 4, 4);
FIELD(fuse_init_in, max_readahead, 8, 4);
FIELD(fuse_init_in, flags, 12, 4);
FIELD(fuse_init_in, flags2, 16, 4);

SIZE(proto_init_out, 64);
FIELD(proto_init_out, major, 0, 4);
FIELD(proto_init_out, minor, 4, 4);
FIELD(proto_init_out, max_readahead, 8, 4);
FIELD(proto_init_out, flags, 12, 4);
FIELD(proto_init_out, max_background, 16, 2);
FIELD(proto_init_out, congestion_threshold, 18, 2);
FIELD(proto_init_out, max_write, 20, 4);
FIELD(proto_init_out, time_gran, 24, 4);
FIELD(proto_init_out, max_pages, 28, 2);
FIELD(proto_init_out, map_alignment, 30, 2);
FIELD(proto_init_out, flags2, 32, 4);
FIELD(proto_init_out, max_stack_depth, 36, 4);
FIELD(proto_init_out, request_timeout, 40, 2);

SIZE(fuse_interrupt_in, 8);
FIELD(fuse_interrupt_in, unique, 0, 8);

SIZE(fuse_bmap_in, 16);
FIELD(fuse_bmap_in, block, 0, 8);
FIELD(fuse_bmap_in, blocksize, 8, 4);

SIZE(fuse_bmap_out, 8);
FIELD(fuse_bmap_out, block, 0, 8);

SIZE(fuse_ioctl_in, 32);
FIELD(fuse_ioctl_in, fh, 0, 8);
FIELD(fuse_ioctl_in, flags, 8, 4);
FIELD(fuse_ioctl_in, cmd, 12, 4);
FIELD(fuse_ioctl_in, arg, 16, 8);
FIELD(fuse_ioctl_in, in_size, 24, 4);
FIELD(fuse_ioctl_in, out_size, 28, 4);

SIZE(fuse_ioctl_iovec, 16);
FIELD(fuse_ioctl_iovec, base, 0, 8);
FIELD(fuse_ioctl_iovec, len, 8, 8);

SIZE(fuse_ioctl_out, 16);
FIELD(fuse_ioctl_out, result, 0, 4);
FIELD(fuse_ioctl_out, flags, 4, 4);
FIELD(fuse_ioctl_out, in_iovs, 8, 4);
FIELD(fuse_ioctl_out, out_iovs, 12, 4);

SIZE(fuse_poll_in, 24);
FIELD(fuse_poll_in, fh, 0, 8);
FIELD(fuse_poll_in, kh, 8, 8);
FIELD(fuse_poll_in, flags, 16, 4);
FIELD(fuse_poll_in, events, 20, 4);

SIZE(fuse_poll_out, 8);
FIELD(fuse_poll_out, revents, 0, 4);

SIZE(fuse_notify_poll_wakeup_out, 8);
FIELD(fuse_notify_poll_wakeup_out, kh, 0, 8);

SIZE(fuse_fallocate_in, 32);
FIELD(fuse_fallocate_in, fh, 0, 8);
FIELD(fuse_fallocate_in, offset, 8, 8);
FIELD(fuse_fallocate_in, length, 16, 8);
FIELD(fuse_fallocate_in, mode, 24, 4);

SIZE(fuse_in_header, 40);
FIELD(fuse_in_header, len, 0, 4);
FIELD(fuse_in_header, opcode, 4, 4);
FIELD(fuse_in_header, unique, 8, 8);
FIELD(fuse_in_header, nodeid, 16, 8);
FIELD(fuse_in_header, uid, 24, 4);
FIELD(fuse_in_header, gid, 28, 4);
FIELD(fuse_in_header, pid, 32, 4);
FIELD(fuse_in_header, total_extlen, 36, 2);

SIZE(fuse_out_header, 16);
FIELD(fuse_out_header, len, 0, 4);
FIELD(fuse_out_header, error, 4, 4);
FIELD(fuse_out_header, unique, 8, 8);

SIZE(fuse_dirent, 24);
FIELD(fuse_dirent, ino, 0, 8);
FIELD(fuse_dirent, off, 8, 8);
FIELD(fuse_dirent, namelen, 16, 4);
FIELD(fuse_dirent, type, 20, 4);
AT(fuse_dirent, name, 24);

SIZE(fuse_direntplus, 152);
FIELD(fuse_direntplus, entry_out, 0, 128);
FIELD(fuse_direntplus, dirent, 128, 24);

SIZE(fuse_notify_inval_inode_out, 24);
FIELD(fuse_notify_inval_inode_out, ino, 0, 8);
FIELD(fuse_notify_inval_inode_out, off, 8, 8);
FIELD(fuse_notify_inval_inode_out, len, 16, 8);

SIZE(fuse_notify_inval_entry_out, 16);
FIELD(fuse_notify_inval_entry_out, parent, 0, 8);
FIELD(fuse_notify_inval_entry_out, namelen, 8, 4);
FIELD(fuse_notify_inval_entry_out, flags, 12, 4);

SIZE(fuse_notify_delete_out, 24);
FIELD(fuse_notify_delete_out, parent, 0, 8);
FIELD(fuse_notify_delete_out, child, 8, 8);
FIELD(fuse_notify_delete_out, namelen, 16, 4);

SIZE(fuse_notify_store_out, 24);
FIELD(fuse_notify_store_out, nodeid, 0, 8);
FIELD(fuse_notify_store_out, offset, 8, 8);
FIELD(fuse_notify_store_out, size, 16, 4);

SIZE(fuse_notify_retrieve_out, 32);
FIELD(fuse_notify_retrieve_out, notify_unique, 0, 8);
FIELD(fuse_notify_retrieve_out, nodeid, 8, 8);
FIELD(fuse_notify_retrieve_out, offset, 16, 8);
FIELD(fuse_notify_retrieve_out, size, 24, 4);

SIZE(fuse_notify_retrieve_in, 40);
FIELD(fuse_notify_retrieve_in, offset, 8, 8);
FIELD(fuse_notify_retrieve_in, size, 16, 4);

SIZE(proto_notify_prune_out, 16);
FIELD(proto_notify_prune_out, count, 0, 4);

SIZE(proto_backing_map, 16);
FIELD(proto_backing_map, fd, 0, 4);
FIELD(proto_backing_map, flags, 4, 4);

SIZE(fuse_lseek_in, 24);
FIELD(fuse_lseek_in, fh, 0, 8);
FIELD(fuse_lseek_in, offset, 8, 8);
FIELD(fuse_lseek_in, whence, 16, 4);

SIZE(fuse_lseek_out, 8);
FIELD(fuse_lseek_out, offset, 0, 8);

SIZE(fuse_copy_file_range_in, 56);
FIELD(fuse_copy_file_range_in, fh_in, 0, 8);
FIELD(fuse_copy_file_range_in, off_in, 8, 8);
FIELD(fuse_copy_file_range_in, nodeid_out, 16, 8);
FIELD(fuse_copy_file_range_in, fh_out, 24, 8);
FIELD(fuse_copy_file_range_in, off_out, 32, 8);
FIELD(fuse_copy_file_range_in, len, 40, 8);
FIELD(fuse_copy_file_range_in, flags, 48, 8);

SIZE(proto_copy_file_range_out, 8);
FIELD(proto_copy_file_range_out, bytes_copied, 0, 8);

SIZE(fuse_syncfs_in, 8);

SIZE(fuse_secctx, 8);
FIELD(fuse_secctx, size, 0, 4);

SIZE(fuse_secctx_header, 8);
FIELD(fuse_secctx_header, size, 0, 4);
FIELD(fuse_secctx_header, nr_secctx, 4, 4);

SIZE(fuse_ext_header, 8);
FIELD(fuse_ext_header, size, 0, 4);
FIELD(fuse_ext_header, type, 4, 4);

SIZE(proto_supp_groups, 4);
FIELD(proto_supp_groups, nr_groups, 0, 4);
AT(proto_supp_groups, groups, 4);

SIZE(proto_uring_ent_in_out, 32);
FIELD(proto_uring_ent_in_out, flags, 0, 8);
FIELD(proto_uring_ent_in_out, commit_id, 8, 8);
FIELD(proto_uring_ent_in_out, payload_sz, 16, 4);

SIZE(proto_uring_req_header, 288);
FIELD(proto_uring_req_header, in_out, 0, 128);
FIELD(proto_uring_req_header, op_in, 128, 128);
FIELD(proto_uring_req_header, ring_ent_in_out, 256, 32);

SIZE(proto_uring_cmd_req, 24);
FIELD(proto_uring_cmd_req, flags, 0, 8);
FIELD(proto_uring_cmd_req, commit_id, 8, 8);
FIELD(proto_uring_cmd_req, qid, 16, 2);

VALUE(FUSE_CREATE_SUPP_GROUP, 1ULL << 34);
VALUE(FUSE_HAS_EXPIRE_ONLY, 1ULL << 35);
VALUE(FUSE_DIRECT_IO_ALLOW_MMAP, 1ULL << 36);
VALUE(FUSE_PASSTHROUGH, 1ULL << 37);
VALUE(FUSE_NO_EXPORT_SUPPORT, 1ULL << 38);
VALUE(FUSE_HAS_RESEND, 1ULL << 39);
VALUE(FUSE_ALLOW_IDMAP, 1ULL << 40);
VALUE(FUSE_OVER_IO_URING, 1ULL << 41);
VALUE(FUSE_REQUEST_TIMEOUT, 1ULL << 42);
VALUE(FOPEN_PASSTHROUGH, 0x80);
VALUE(FUSE_INVALID_UIDGID, 0xffffffffu);
VALUE(FUSE_MAX_NR_SECCTX, 31);
VALUE(FUSE_DEV_IOC_CLONE, 0x8004e500u);
VALUE(FUSE_DEV_IOC_BACKING_OPEN, 0x4010e501u);
VALUE(FUSE_DEV_IOC_BACKING_CLOSE, 0x4004e502u);
VALUE(FUSE_DEV_IOC_SYNC_INIT, 0x0000e503u);
