/*
 * Decodes requests, checked against the opcode table.  The two transports differ only in where the
 * op's struct and the rest lie; behind that, one path serves both.
 */
#include "request.h"

#include <errno.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "cursor.h"
#include "extension.h"

/* INIT comes before anything is settled, so there its length is the only thing to go by. */
static size_t init_size(size_t left)
{
	if (left >= sizeof(struct fuse_init_in))
		return sizeof(struct fuse_init_in);
	return left >= 16 ? 16 : 8;
}

/* Bytes that the op's struct has on this connection. */
static size_t fixed_size(const struct proto_conn *conn, const struct proto_opcode *op, size_t left)
{
	switch (op->number) {
	case FUSE_INIT:
		return init_size(left);
	case FUSE_SETXATTR:
		return conn->features & FUSE_SETXATTR_EXT ? op->in_size : op->in_size_min;
	default:
		return conn->minor >= op->full_minor ? op->in_size : op->in_size_min;
	}
}

static bool name_ok(const struct proto_opcode *op, const struct proto_bytes *name)
{
	switch (op->number) {
	case FUSE_SETXATTR:
	case FUSE_GETXATTR:
	case FUSE_REMOVEXATTR:
		return true;
	case FUSE_TMPFILE: /* a file without a name: the kernel sends "/" */
		if (name->size == 1 && name->data[0] == '/')
			return true;
		break;
	default:
		break;
	}
	return memchr(name->data, '/', name->size) == NULL;
}

static bool take_name(struct cursor *c, const struct proto_opcode *op, struct proto_bytes *out)
{
	return cursor_string(c, out) && name_ok(op, out);
}

static bool take_second(struct cursor *c, const struct proto_opcode *op, struct proto_bytes *out)
{
	if (op->number == FUSE_SYMLINK)
		return cursor_string(c, out);
	return take_name(c, op, out);
}

/* Bytes of data that the op's struct announces. */
static uint64_t data_size(const struct proto_request *r)
{
	switch (r->op->number) {
	case FUSE_WRITE:
		return r->in.write.size;
	case FUSE_SETXATTR:
		return r->in.setxattr.size;
	case FUSE_NOTIFY_REPLY:
		return r->in.retrieve.size;
	case FUSE_IOCTL:
		return r->in.ioctl.in_size;
	case FUSE_BATCH_FORGET:
		return (uint64_t)r->in.batch_forget.count * sizeof(struct fuse_forget_one);
	default:
		return 0;
	}
}

/* What follows the struct; the caller sees to it that nothing is left over. */
static bool decode_rest(struct cursor *c, struct proto_request *out)
{
	switch (out->op->layout) {
	case PROTO_NAME:
		return take_name(c, out->op, &out->name);
	case PROTO_NAME_NAME:
		return take_name(c, out->op, &out->name) && take_second(c, out->op, &out->name2);
	case PROTO_NAME_VALUE:
		return take_name(c, out->op, &out->name) &&
		       cursor_take(c, data_size(out), &out->data);
	case PROTO_DATA:
	case PROTO_IOCTL_DATA:
	case PROTO_FORGETS:
		return cursor_take(c, data_size(out), &out->data);
	case PROTO_OPAQUE:
		return cursor_take(c, c->left, &out->data);
	default:
		return true;
	}
}

/* The struct comes from `fixed`, everything else from `rest`; they may be the same cursor. */
static int decode_body(const struct proto_conn *conn, struct cursor *fixed, struct cursor *rest,
		       struct proto_request *out)
{
	size_t extlen = (size_t)out->head.total_extlen * 8;
	struct cursor ext;

	if (!cursor_copy(fixed, &out->in, fixed_size(conn, out->op, fixed->left)))
		return -EINVAL;
	if (extlen > 0 && !(out->op->flags & PROTO_OP_EXT))
		return -EINVAL;
	if (!cursor_split(rest, extlen, &ext))
		return -EINVAL;
	if (!decode_rest(rest, out) || rest->left != 0)
		return -EINVAL;
	return extension_decode(conn, &ext, out);
}

/* The arrays behind are covered by their counts, so clearing them would be waste. */
static void request_clear(struct proto_request *out)
{
	memset(out, 0, offsetof(struct proto_request, secctx));
}

int proto_decode(const struct proto_conn *conn, const void *message, size_t size,
		 struct proto_request *out)
{
	struct cursor c = cursor_over(message, size);

	request_clear(out);
	if (!cursor_copy(&c, &out->head, sizeof(out->head)) || out->head.len != size)
		return -EBADMSG;
	out->op = proto_opcode_find(out->head.opcode);
	if (!out->op)
		return -ENOSYS;
	return decode_body(conn, &c, &c, out);
}

/* The kernel's total tells how long op_in was meant to be, which nothing else on the ring does. */
static bool ring_length_ok(const struct proto_conn *conn, const struct proto_request *r,
			   const struct cursor *op_in, const struct cursor *payload)
{
	uint64_t total = sizeof(r->head) + (uint64_t)payload->left;

	if (!(r->op->flags & PROTO_OP_INLINE))
		total += fixed_size(conn, r->op, op_in->left);
	return r->head.len == total;
}

int proto_decode_ring(const struct proto_conn *conn, const void *header, const void *payload,
		      size_t payload_cap, struct proto_request *out, uint64_t *commit_id)
{
	const char *at = header;
	struct cursor op_in = cursor_over(at + offsetof(struct proto_uring_req_header, op_in),
					  FUSE_URING_OP_IN_OUT_SZ);
	struct proto_uring_ent_in_out entry;
	struct cursor rest;

	memcpy(&entry, at + offsetof(struct proto_uring_req_header, ring_ent_in_out),
	       sizeof(entry));
	request_clear(out);
	memcpy(&out->head, at, sizeof(out->head));
	*commit_id = entry.commit_id;
	out->op = proto_opcode_find(out->head.opcode);
	if (!out->op)
		return -ENOSYS;
	if (entry.payload_sz > payload_cap)
		return -EINVAL;
	rest = cursor_over(payload, entry.payload_sz);
	if (!ring_length_ok(conn, out, &op_in, &rest))
		return -EINVAL;
	return decode_body(conn, out->op->flags & PROTO_OP_INLINE ? &rest : &op_in, &rest, out);
}

uint64_t proto_forget_count(const struct proto_request *request)
{
	if (!request->op)
		return 0;
	switch (request->op->number) {
	case FUSE_FORGET:
		return 1;
	case FUSE_BATCH_FORGET:
		return request->in.batch_forget.count;
	default:
		return 0;
	}
}

struct fuse_forget_one proto_forget_get(const struct proto_request *request, uint64_t i)
{
	struct fuse_forget_one one;

	if (request->op->number == FUSE_FORGET)
		return (struct fuse_forget_one){.nodeid = request->head.nodeid,
						.nlookup = request->in.forget.nlookup};
	memcpy(&one, request->data.data + i * sizeof(one), sizeof(one));
	return one;
}

uint64_t proto_rdev_decode(uint32_t rdev)
{
	return makedev((rdev >> 8) & 0xfff, (rdev & 0xff) | ((rdev >> 12) & 0xfff00));
}
