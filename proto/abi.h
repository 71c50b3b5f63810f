/*
 * The kernel's ABI up to protocol 7.45: <linux/fuse.h> and what an older one (7.38 at least) lacks.
 * Declarations only.  Names of ours (PROTO_, proto_) stand for what newer headers declare as
 * enumerators or structs, so that this compiles the same with any of them.
 */
#ifndef PROTO_ABI_H
#define PROTO_ABI_H

#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>

#include <linux/fuse.h>

#if FUSE_KERNEL_MINOR_VERSION < 38
#error "<linux/fuse.h> of protocol 7.38 or newer is needed"
#endif

#define PROTO_MAJOR        7
#define PROTO_MINOR        45 /* newest minor that we speak */
#define PROTO_MINOR_OLDEST 3  /* oldest one whose layouts we know */

/* ---- INIT flags -------------------------------------------------------------------------- */

#ifndef FUSE_CREATE_SUPP_GROUP
#define FUSE_CREATE_SUPP_GROUP (1ULL << 34)
#endif
#ifndef FUSE_HAS_EXPIRE_ONLY
#define FUSE_HAS_EXPIRE_ONLY (1ULL << 35)
#endif
#ifndef FUSE_DIRECT_IO_ALLOW_MMAP
#define FUSE_DIRECT_IO_ALLOW_MMAP (1ULL << 36)
#endif
#ifndef FUSE_PASSTHROUGH
#define FUSE_PASSTHROUGH (1ULL << 37)
#endif
#ifndef FUSE_NO_EXPORT_SUPPORT
#define FUSE_NO_EXPORT_SUPPORT (1ULL << 38)
#endif
#ifndef FUSE_HAS_RESEND
#define FUSE_HAS_RESEND (1ULL << 39)
#endif
#ifndef FUSE_ALLOW_IDMAP
#define FUSE_ALLOW_IDMAP (1ULL << 40)
#endif
#ifndef FUSE_OVER_IO_URING
#define FUSE_OVER_IO_URING (1ULL << 41)
#endif
#ifndef FUSE_REQUEST_TIMEOUT
#define FUSE_REQUEST_TIMEOUT (1ULL << 42)
#endif

/* The header's FUSE_INIT_RESERVED is a negative int: unfit for 64-bit masks. */
#define PROTO_INIT_RESERVED (1ULL << 31)

/* ---- other bits and constants ------------------------------------------------------------ */

#ifndef FOPEN_PASSTHROUGH
#define FOPEN_PASSTHROUGH (1 << 7)
#endif
#ifndef FUSE_UNIQUE_RESEND
#define FUSE_UNIQUE_RESEND (1ULL << 63) /* in a request's id: it was sent before */
#endif
#ifndef FUSE_INVALID_UIDGID
#define FUSE_INVALID_UIDGID ((uint32_t)(-1))
#endif
#ifndef FUSE_URING_IN_OUT_HEADER_SZ
#define FUSE_URING_IN_OUT_HEADER_SZ 128
#endif
#ifndef FUSE_URING_OP_IN_OUT_SZ
#define FUSE_URING_OP_IN_OUT_SZ 128
#endif

#define PROTO_NAME_LIMIT 4095 /* bytes of one name in a reply or notification */

enum proto_new_opcode {
	PROTO_OP_STATX = 52,
	PROTO_OP_COPY_FILE_RANGE_64 = 53,
};

enum proto_new_notify {
	PROTO_NOTIFY_RESEND = 7,
	PROTO_NOTIFY_INC_EPOCH = 8,
	PROTO_NOTIFY_PRUNE = 9,
};

enum proto_new_ext {
	PROTO_EXT_GROUPS = 32, /* lower values count security contexts */
};

enum proto_uring_cmd {
	PROTO_URING_CMD_REGISTER = 1,
	PROTO_URING_CMD_COMMIT_AND_FETCH = 2,
};

/* ---- structs that are missing, or whose fields newer headers name anew ---------------------- */

struct proto_open_out {
	uint64_t fh;
	uint32_t open_flags;
	int32_t backing_id;
};

struct proto_init_out {
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

struct proto_sx_time {
	int64_t tv_sec;
	uint32_t tv_nsec;
	int32_t reserved;
};

struct proto_statx {
	uint32_t mask;
	uint32_t blksize;
	uint64_t attributes;
	uint32_t nlink;
	uint32_t uid;
	uint32_t gid;
	uint16_t mode;
	uint16_t spare0;
	uint64_t ino;
	uint64_t size;
	uint64_t blocks;
	uint64_t attributes_mask;
	struct proto_sx_time atime;
	struct proto_sx_time btime;
	struct proto_sx_time ctime;
	struct proto_sx_time mtime;
	uint32_t rdev_major;
	uint32_t rdev_minor;
	uint32_t dev_major;
	uint32_t dev_minor;
	uint64_t spare2[14];
};

struct proto_statx_in {
	uint32_t getattr_flags;
	uint32_t reserved;
	uint64_t fh;
	uint32_t sx_flags;
	uint32_t sx_mask;
};

struct proto_statx_out {
	uint64_t attr_valid;
	uint32_t attr_valid_nsec;
	uint32_t flags;
	uint64_t spare[2];
	struct proto_statx stat;
};

#define PROTO_STATX_BASIC 0x7ffu /* all that GETATTR knows too */
#define PROTO_STATX_BTIME 0x800u

struct proto_copy_file_range_out {
	uint64_t bytes_copied;
};

struct proto_supp_groups {
	uint32_t nr_groups;
	uint32_t groups[];
};

struct proto_notify_prune_out {
	uint32_t count;
	uint32_t padding;
	uint64_t spare;
};

struct proto_backing_map {
	int32_t fd;
	uint32_t flags;
	uint64_t padding;
};

struct proto_uring_ent_in_out {
	uint64_t flags;
	uint64_t commit_id;
	uint32_t payload_sz; /* bytes */
	uint32_t padding;
	uint64_t reserved;
};

struct proto_uring_req_header {
	char in_out[FUSE_URING_IN_OUT_HEADER_SZ];
	char op_in[FUSE_URING_OP_IN_OUT_SZ];
	struct proto_uring_ent_in_out ring_ent_in_out;
};

/* The command area of an SQE. */
struct proto_uring_cmd_req {
	uint64_t flags;
	uint64_t commit_id;
	uint16_t qid;
	uint8_t padding[6];
};

/* ---- ioctls on /dev/fuse ------------------------------------------------------------------- */

#ifndef FUSE_DEV_IOC_BACKING_OPEN
#define FUSE_DEV_IOC_BACKING_OPEN _IOW(FUSE_DEV_IOC_MAGIC, 1, struct proto_backing_map)
#endif
#ifndef FUSE_DEV_IOC_BACKING_CLOSE
#define FUSE_DEV_IOC_BACKING_CLOSE _IOW(FUSE_DEV_IOC_MAGIC, 2, uint32_t)
#endif
#ifndef FUSE_DEV_IOC_SYNC_INIT
#define FUSE_DEV_IOC_SYNC_INIT _IO(FUSE_DEV_IOC_MAGIC, 3)
#endif

#endif
