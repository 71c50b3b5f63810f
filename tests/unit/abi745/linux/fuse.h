/*
 * Stands in for a <linux/fuse.h> of protocol 7.45, to show that proto/ compiles with one: the
 * system's header, and on top what newer headers add, as they add it.  A system's header that is
 * newer than 7.38 is such a test by itself and passes unchanged.
 */
#ifndef LLFUSED_TEST_ABI745_H
#define LLFUSED_TEST_ABI745_H

#define fuse_open_out test_system_open_out
#define fuse_init_out test_system_init_out
#include_next <linux/fuse.h>

#if FUSE_KERNEL_MINOR_VERSION == 38

#undef fuse_open_out
#undef fuse_init_out
#undef FUSE_KERNEL_MINOR_VERSION
#define FUSE_KERNEL_MINOR_VERSION 45

#define FUSE_CREATE_SUPP_GROUP    (1ULL << 34)
#define FUSE_DIRECT_IO_ALLOW_MMAP (1ULL << 36)
#define FUSE_DIRECT_IO_RELAX      FUSE_DIRECT_IO_ALLOW_MMAP
#define FUSE_PASSTHROUGH          (1ULL << 37)
#define FUSE_NO_EXPORT_SUPPORT    (1ULL << 38)
#define FUSE_HAS_RESEND           (1ULL << 39)
#define FUSE_ALLOW_IDMAP          (1ULL << 40)
#define FUSE_OVER_IO_URING        (1ULL << 41)
#define FUSE_REQUEST_TIMEOUT      (1ULL << 42)

#define FOPEN_PASSTHROUGH           (1 << 7)
#define FUSE_UNIQUE_RESEND          (1ULL << 63)
#define FUSE_INVALID_UIDGID         ((uint32_t)(-1))
#define FUSE_URING_IN_OUT_HEADER_SZ 128
#define FUSE_URING_OP_IN_OUT_SZ     128

enum {
	FUSE_EXT_GROUPS = 32,
	FUSE_STATX = 52,
	FUSE_COPY_FILE_RANGE_64 = 53,
	FUSE_NOTIFY_RESEND = 7,
	FUSE_NOTIFY_INC_EPOCH = 8,
	FUSE_NOTIFY_PRUNE = 9,
};

enum fuse_uring_cmd {
	FUSE_IO_URING_CMD_INVALID = 0,
	FUSE_IO_URING_CMD_REGISTER = 1,
	FUSE_IO_URING_CMD_COMMIT_AND_FETCH = 2,
};

struct fuse_open_out {
	uint64_t fh;
	uint32_t open_flags;
	int32_t backing_id;
};

struct fuse_init_out {
	uint32_t major;
	uint32_t minor;
	uint32_t max_readahead;
	uint32_t flags;
	uint16_t max_background;
	uint16_t congestion_threshold;
	uint32_t max_write;
	uint32_t time_gran;
	uint16_t max_pages;
	uint16_t map_alignment;
	uint32_t flags2;
	uint32_t max_stack_depth;
	uint16_t request_timeout;
	uint16_t unused[11];
};

struct fuse_sx_time {
	int64_t tv_sec;
	uint32_t tv_nsec;
	int32_t __reserved;
};

struct fuse_statx {
	uint32_t mask;
	uint32_t blksize;
	uint64_t attributes;
	uint32_t nlink;
	uint32_t uid;
	uint32_t gid;
	uint16_t mode;
	uint16_t __spare0[1];
	uint64_t ino;
	uint64_t size;
	uint64_t blocks;
	uint64_t attributes_mask;
	struct fuse_sx_time atime;
	struct fuse_sx_time btime;
	struct fuse_sx_time ctime;
	struct fuse_sx_time mtime;
	uint32_t rdev_major;
	uint32_t rdev_minor;
	uint32_t dev_major;
	uint32_t dev_minor;
	uint64_t __spare2[14];
};

struct fuse_statx_in {
	uint32_t getattr_flags;
	uint32_t reserved;
	uint64_t fh;
	uint32_t sx_flags;
	uint32_t sx_mask;
};

struct fuse_statx_out {
	uint64_t attr_valid;
	uint32_t attr_valid_nsec;
	uint32_t flags;
	uint64_t spare[2];
	struct fuse_statx stat;
};

struct fuse_supp_groups {
	uint32_t nr_groups;
	uint32_t groups[];
};

struct fuse_notify_prune_out {
	uint32_t count;
	uint32_t padding;
	uint64_t spare;
};

struct fuse_backing_map {
	int32_t fd;
	uint32_t flags;
	uint64_t padding;
};

struct fuse_copy_file_range_out {
	uint64_t bytes_copied;
};

struct fuse_uring_ent_in_out {
	uint64_t flags;
	uint64_t commit_id;
	uint32_t payload_sz;
	uint32_t padding;
	uint64_t reserved;
};

struct fuse_uring_req_header {
	char in_out[FUSE_URING_IN_OUT_HEADER_SZ];
	char op_in[FUSE_URING_OP_IN_OUT_SZ];
	struct fuse_uring_ent_in_out ring_ent_in_out;
};

struct fuse_uring_cmd_req {
	uint64_t flags;
	uint64_t commit_id;
	uint16_t qid;
	uint8_t padding[6];
};

#define FUSE_DEV_IOC_BACKING_OPEN  _IOW(FUSE_DEV_IOC_MAGIC, 1, struct fuse_backing_map)
#define FUSE_DEV_IOC_BACKING_CLOSE _IOW(FUSE_DEV_IOC_MAGIC, 2, uint32_t)
#define FUSE_DEV_IOC_SYNC_INIT     _IO(FUSE_DEV_IOC_MAGIC, 3)

#endif
#endif
