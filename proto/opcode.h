/*
 * The one table of requests: number, name, layout, reply, since when.  Decoding, names, tracing and
 * statistics derive from it.  It knows nothing of transports or backends.
 */
#ifndef PROTO_OPCODE_H
#define PROTO_OPCODE_H

#include <stdint.h>

/* What follows the fixed struct of a request. */
enum proto_layout {
	PROTO_NOTHING,    /* no more bytes */
	PROTO_NAME,       /* one name with its NUL */
	PROTO_NAME_NAME,  /* two names: SYMLINK (name, target), RENAME (old, new) */
	PROTO_NAME_VALUE, /* a name and in.size bytes: SETXATTR */
	PROTO_DATA,       /* in.size bytes: WRITE, NOTIFY_REPLY */
	PROTO_IOCTL_DATA, /* in.in_size bytes */
	PROTO_FORGETS,    /* in.count records of struct fuse_forget_one */
	PROTO_OPAQUE      /* any bytes: requests that are known by name only */
};

/* The body of a successful reply. */
enum proto_reply_kind {
	PROTO_REPLY_NEVER, /* no reply at all */
	PROTO_REPLY_EMPTY, /* header only */
	PROTO_REPLY_ENTRY,
	PROTO_REPLY_ATTR,
	PROTO_REPLY_DATA, /* 0 to in.size bytes */
	PROTO_REPLY_LINK, /* target bytes */
	PROTO_REPLY_DIRENTS,
	PROTO_REPLY_DIRENTS_PLUS,
	PROTO_REPLY_OPEN,
	PROTO_REPLY_CREATE, /* entry and open */
	PROTO_REPLY_WRITE,
	PROTO_REPLY_STATFS,
	PROTO_REPLY_XATTR, /* a length when in.size is 0, else bytes */
	PROTO_REPLY_LOCK,
	PROTO_REPLY_INIT,
	PROTO_REPLY_BMAP,
	PROTO_REPLY_IOCTL,
	PROTO_REPLY_POLL,
	PROTO_REPLY_LSEEK,
	PROTO_REPLY_STATX,
	PROTO_REPLY_COPY /* bytes copied, 64 bits */
};

#define PROTO_OP_EXT     (1u << 0) /* may carry extensions */
#define PROTO_OP_NOCREDS (1u << 1) /* the kernel fills in no caller */
#define PROTO_OP_FOREIGN (1u << 2) /* never sent to us: for virtiofs, fuseblk or CUSE servers */
#define PROTO_OP_INLINE  (1u << 3) /* on the ring, its struct comes in the payload, not in op_in */

struct proto_opcode {
	uint32_t number;
	uint32_t since_minor; /* protocol 7.x that brought it */
	const char *name;
	uint16_t in_size;     /* fixed struct of a request, newest form; 0 with PROTO_OPAQUE */
	uint16_t in_size_min; /* its form in older minors; the rest then reads as zero */
	uint16_t full_minor;  /* first minor with the newest form (INIT, SETXATTR: another rule) */
	uint8_t layout;       /* enum proto_layout */
	uint8_t reply;        /* enum proto_reply_kind */
	uint16_t flags;       /* PROTO_OP_* */
};

/* Rows are numbered densely from 0: the index of counters and of dispatch. */
extern const struct proto_opcode proto_opcodes[];
extern const unsigned proto_opcode_count;

#define PROTO_OPCODE_ROWS_MAX 64 /* proto_opcode_count never exceeds it (asserted) */

/* The row of an opcode, or NULL where there is none. */
const struct proto_opcode *proto_opcode_find(uint32_t number);

/* Index of a row. */
static inline unsigned proto_opcode_index(const struct proto_opcode *op)
{
	return (unsigned)(op - proto_opcodes);
}

#endif
