/*
 * Dispatch: one table from opcode to handler, what an absent op is answered with, the lock policy,
 * counters and the trace.  It knows nothing of how messages travel.
 */
#include "dispatch_impl.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "lock.h"
#include "log.h"
#include "ops.h"
#include "proto/dirent.h"
#include "proto/format.h"
#include "proto/reply.h"
#include "session_impl.h"

/* Absent ops: an errno that the kernel may remember (ENOSYS), one that it must not, or success. */
enum { ABSENT_OK = 0, ABSENT_ZEROS = 1 };

struct row {
	op_handler *handle;
	size_t op;  /* offset of the backend's function in struct llfused_ops */
	int absent; /* negative errno, ABSENT_OK, or ABSENT_ZEROS: a fixed body of zeros */
};

#define OP(handler, member, if_absent) \
	{ \
		.handle = (handler), .op = offsetof(struct llfused_ops, member), \
		.absent = (if_absent) \
	}

/* By opcode number.  Opcodes that are not here are answered below, or ENOSYS. */
static const struct row rows[] = {
	[FUSE_LOOKUP] = OP(op_lookup, lookup, -EOPNOTSUPP),
	[FUSE_GETATTR] = OP(op_getattr, getattr, -EOPNOTSUPP),
	[FUSE_SETATTR] = OP(op_setattr, setattr, -EOPNOTSUPP),
	[FUSE_READLINK] = OP(op_readlink, readlink, -EOPNOTSUPP),
	[FUSE_SYMLINK] = OP(op_symlink, symlink, -EOPNOTSUPP),
	[FUSE_MKNOD] = OP(op_mknod, mknod, -EOPNOTSUPP),
	[FUSE_MKDIR] = OP(op_mkdir, mkdir, -EOPNOTSUPP),
	[FUSE_UNLINK] = OP(op_unlink, unlink, -EOPNOTSUPP),
	[FUSE_RMDIR] = OP(op_rmdir, rmdir, -EOPNOTSUPP),
	[FUSE_RENAME] = OP(op_rename, rename, -EOPNOTSUPP),
	[FUSE_RENAME2] = OP(op_rename2, rename, -ENOSYS),
	[FUSE_LINK] = OP(op_link, link, -ENOSYS),
	[FUSE_OPEN] = OP(op_open, open, -ENOSYS),
	[FUSE_CREATE] = OP(op_create, create, -ENOSYS),
	[FUSE_TMPFILE] = OP(op_tmpfile, tmpfile, -ENOSYS),
	[FUSE_READ] = OP(op_read, read, -EOPNOTSUPP),
	[FUSE_WRITE] = OP(op_write, write, -EOPNOTSUPP),
	[FUSE_FLUSH] = OP(op_flush, flush, -ENOSYS),
	[FUSE_RELEASE] = OP(op_release, release, ABSENT_OK),
	[FUSE_FSYNC] = OP(op_fsync, fsync, -ENOSYS),
	[FUSE_OPENDIR] = OP(op_opendir, opendir, -ENOSYS),
	[FUSE_READDIR] = OP(op_readdir, readdir, -EOPNOTSUPP),
	[FUSE_READDIRPLUS] = OP(op_readdir, readdir, -EOPNOTSUPP),
	[FUSE_RELEASEDIR] = OP(op_releasedir, releasedir, ABSENT_OK),
	[FUSE_FSYNCDIR] = OP(op_fsyncdir, fsyncdir, -ENOSYS),
	[FUSE_STATFS] = OP(op_statfs, statfs, ABSENT_ZEROS),
	/* never ENOSYS: the kernel would send no SETXATTR any more */
	[FUSE_SETXATTR] = OP(op_setxattr, setxattr, -EOPNOTSUPP),
	[FUSE_GETXATTR] = OP(op_getxattr, getxattr, -ENOSYS),
	[FUSE_LISTXATTR] = OP(op_listxattr, listxattr, -ENOSYS),
	[FUSE_REMOVEXATTR] = OP(op_removexattr, removexattr, -ENOSYS),
	[FUSE_ACCESS] = OP(op_access, access, -ENOSYS),
	[FUSE_GETLK] = OP(op_getlk, getlk, -EOPNOTSUPP),
	[FUSE_SETLK] = OP(op_setlk, setlk, -EOPNOTSUPP),
	[FUSE_SETLKW] = OP(op_setlkw, setlk, -EOPNOTSUPP),
	[FUSE_BMAP] = OP(op_bmap, bmap, -ENOSYS),
	[FUSE_IOCTL] = OP(op_ioctl, ioctl, -ENOTTY),
	[FUSE_POLL] = OP(op_poll, poll, -ENOSYS),
	[FUSE_FALLOCATE] = OP(op_fallocate, fallocate, -ENOSYS),
	[FUSE_LSEEK] = OP(op_lseek, lseek, -ENOSYS),
	[FUSE_COPY_FILE_RANGE] = OP(op_copy_file_range, copy_file_range, -ENOSYS),
	[PROTO_OP_COPY_FILE_RANGE_64] = OP(op_copy_file_range_64, copy_file_range, -ENOSYS),
	[PROTO_OP_STATX] = OP(op_statx, getattr, -ENOSYS),
};

static bool op_present(const struct session *s, const struct row *row)
{
	void (*op)(void);

	memcpy(&op, (const char *)s->ops + row->op, sizeof(op));
	return op != NULL;
}

void dispatch_lock(struct slot *slot)
{
	struct session *s = slot->session;

	if (s->serialized && !slot->locked)
		lock_acquire(s->config.lock, LLFUSED_FOREVER);
	slot->locked = s->serialized;
}

void dispatch_unlock(struct slot *slot)
{
	struct session *s = slot->session;

	if (!slot->locked)
		return;
	slot->locked = false;
	if (lock_release(s->config.lock) != 0)
		session_fault(s, slot->request.op, FAULT_LOCK);
}

/* With locks of the backend's own, the kernel must go on sending what releases them. */
static bool keeps_locks_alive(uint32_t opcode)
{
	return opcode == FUSE_OPEN || opcode == FUSE_OPENDIR || opcode == FUSE_FLUSH;
}

static int answer_absent(struct slot *slot, const struct row *row)
{
	uint32_t opcode = slot->request.head.opcode;

	if (row->absent == ABSENT_ZEROS) {
		struct proto_statfs zeros = {.namelen = 255, .bsize = 4096, .frsize = 4096};

		slot->body_len = proto_put_statfs(&slot->session->conn, slot_body(slot), &zeros);
		return 0;
	}
	if (slot->session->has_locks && keeps_locks_alive(opcode)) {
		struct proto_open open = {.flags = FOPEN_KEEP_CACHE};

		if (opcode != FUSE_FLUSH)
			slot->body_len = proto_put_open(slot_body(slot), &open);
		return 0;
	}
	return row->absent;
}

/* The handler answers by its result after all: takes the request back from the pending ones.
 * False: whoever completed it has replied. */
static bool take_back(struct slot *slot)
{
	struct session *s = slot->session;
	struct pending_record record;

	if (slot->pending == 0)
		return true;
	if (pending_take(&s->pending, slot->pending, &record) != 0)
		return false;
	pending_done(&s->pending);
	slot->pending = 0;
	/* an interrupt that the record was told of is the slot's again */
	if (record.interrupted)
		atomic_store(&slot->interrupted, record.unique);
	return true;
}

/* "Call me again" is an answer only where there is another place to be called in. */
static bool may_ask_again(const struct slot *slot)
{
	return slot->session->split && !slot->may_sleep;
}

/* The handler has returned; its request may have become a pending one. */
static int settle(struct slot *slot, int ret)
{
	struct session *s = slot->session;

	if (ret == LLFUSED_PENDING && slot->pending != 0) {
		bool interrupted = llfused_interrupted(&slot->ctx);

		if (pending_settle(&s->pending, slot->pending, interrupted))
			special_tell_interrupt(slot, slot->pending);
		return LLFUSED_PENDING;
	}
	/* "pending" without a record would leave the caller waiting for ever */
	if (ret == LLFUSED_PENDING)
		ret = session_fault(s, slot->request.op, FAULT_PENDING);
	else if (ret == LLFUSED_AGAIN && !may_ask_again(slot))
		ret = session_fault(s, slot->request.op, FAULT_AGAIN);
	else if ((ret > 0 && ret != LLFUSED_AGAIN) || ret < -PROTO_ERRNO_MAX)
		ret = session_fault(s, slot->request.op, FAULT_RESULT);
	return take_back(slot) ? ret : LLFUSED_PENDING;
}

static int call_op(struct slot *slot, const struct row *row)
{
	struct session *s = slot->session;
	int ret;

	dispatch_lock(slot);
	ret = dispatch_is_broken(s) ? -EIO : row->handle(slot, s->ops);
	dispatch_unlock(slot);
	ret = settle(slot, ret);
	slot->again = ret == LLFUSED_AGAIN;
	if (!slot->again)
		inflight_leave(slot);
	if (ret != -ENOSYS)
		return ret;
	/* only dispatch may switch a request off, by the table above */
	session_fault(s, slot->request.op, FAULT_ENOSYS);
	return -EOPNOTSUPP;
}

/* An INTERRUPT could be answered, but only to have it sent again or never more. */
bool dispatch_wants_reply(const struct proto_opcode *op)
{
	return op->reply != PROTO_REPLY_NEVER && op->number != FUSE_INTERRUPT;
}

static const struct row *row_of(const struct slot *slot)
{
	uint32_t opcode = slot->request.head.opcode;
	bool known = opcode < sizeof(rows) / sizeof(rows[0]) && rows[opcode].handle;

	return known ? &rows[opcode] : NULL;
}

/* Is there a handler to be called?  If not, `error` is the answer. */
static bool receive(struct slot *slot, int *error)
{
	struct session *s = slot->session;
	const struct row *row = row_of(slot);

	if (special_is_stacks(slot)) {
		*error = special_stacks(slot);
		return false;
	}
	if (!row)
		return special_receive(slot, error);
	if (dispatch_is_broken(s)) {
		*error = -EIO;
		return false;
	}
	if (!op_present(s, row)) {
		*error = answer_absent(slot, row);
		return false;
	}
	inflight_enter(&s->inflight, slot);
	return true;
}

static bool has_no_caller(const struct proto_request *r)
{
	return r->op->flags & PROTO_OP_NOCREDS || r->head.uid == FUSE_INVALID_UIDGID ||
	       (r->op->number == FUSE_WRITE && r->in.write.write_flags & FUSE_WRITE_CACHE);
}

static void fill_context(struct slot *slot)
{
	const struct proto_request *r = &slot->request;

	for (uint32_t i = 0; i < r->nsecctx; i++)
		slot->secctx[i] = (struct llfused_secctx){
			.name = r->secctx[i].name.data,
			.value = r->secctx[i].value.data,
			.size = r->secctx[i].value.size,
		};
	slot->ctx = (struct llfused_ctx){
		.fs = slot->session->fs,
		.unique = r->head.unique,
		.uid = r->head.uid,
		.gid = r->head.gid,
		.pid = r->head.pid,
		.flags = has_no_caller(r) ? LLFUSED_CTX_NOCREDS : 0,
		.ngroups = r->ngroups,
		.groups = r->groups,
		.nsecctx = r->nsecctx,
		.secctx = slot->secctx,
	};
	slot->body_len = 0;
	slot->pending = 0;
	slot->tell = 0;
	slot->locked = false;
	slot->may_sleep = false;
	slot->again = false;
	slot->counted = 0;
}

static void trace_request(const struct slot *slot)
{
	char line[512];

	proto_format_request(line, sizeof(line), &slot->request);
	log_debug("request: %s", line);
}

static void trace_reply(const struct slot *slot, size_t size)
{
	char line[512];

	proto_format_reply(line, sizeof(line), slot->request.op, slot->reply, size);
	log_debug("reply: %s", line);
}

static size_t finish(struct slot *slot, int error)
{
	const struct proto_request *r = &slot->request;
	size_t size;

	if (error == 0) {
		size = sizeof(struct fuse_out_header) + slot->body_len;
	} else {
		size = sizeof(struct fuse_out_header);
		slot->body_len = 0;
		slot->counted = 0;
	}
	proto_put_header(slot->reply, r->head.unique, error, slot->body_len);
	if (slot->session->config.trace)
		trace_reply(slot, size);
	return size;
}

/* The answer to what the decoder refused. */
static size_t refuse(struct slot *slot, int error)
{
	const struct proto_opcode *op = slot->request.op;

	return !op || dispatch_wants_reply(op) ? finish(slot, error) : 0;
}

/* The handler or dispatch itself has answered with `ret`. */
static size_t answer(struct slot *slot, int ret)
{
	if (ret < 0)
		stats_count(&slot->stats->errors[proto_opcode_index(slot->request.op)]);
	if (ret == LLFUSED_PENDING || !dispatch_wants_reply(slot->request.op))
		return 0;
	return finish(slot, ret);
}

enum dispatch_step dispatch_decoded(struct slot *slot, int error, size_t *len)
{
	struct session *s = slot->session;
	int ret = error;

	*len = 0;
	if (ret != 0) {
		stats_count(&slot->stats->malformed);
		log_debug("request refused: errno=%d opcode=%u", -ret,
			  ret == -EBADMSG ? 0 : slot->request.head.opcode);
		if (ret != -EBADMSG)
			*len = refuse(slot, ret);
		return DISPATCH_DONE;
	}
	stats_count(&slot->stats->requests[proto_opcode_index(slot->request.op)]);
	if (s->config.trace)
		trace_request(slot);
	fill_context(slot);
	if (receive(slot, &ret))
		return DISPATCH_RUN;
	*len = answer(slot, ret);
	return DISPATCH_DONE;
}

enum dispatch_step dispatch_receive(struct slot *slot, const void *message, size_t size,
				    size_t *len)
{
	return dispatch_decoded(
		slot, proto_decode(&slot->session->conn, message, size, &slot->request), len);
}

size_t dispatch_run(struct slot *slot)
{
	const struct row *row = row_of(slot);
	int ret;

	if (!row) {
		special_run(slot);
		return 0;
	}
	ret = call_op(slot, row);
	if (slot->again)
		return 0;
	if (ret == 0 && slot->session->pooled && stall_looks_at_root(slot))
		stall_keep_root(&slot->session->stall, slot_body(slot), slot->body_len);
	return answer(slot, ret);
}

static void give_back(struct slot *slot, const struct llfused_forget *list, size_t n)
{
	if (n == 0)
		return;
	dispatch_lock(slot);
	if (!dispatch_is_broken(slot->session))
		slot->session->ops->forget(&slot->ctx, list, n);
	dispatch_unlock(slot);
}

/* Each entry of a listing has raised a count. */
static void give_back_listing(struct slot *slot)
{
	struct llfused_forget list[64];
	uint64_t nodeid;
	size_t at = 0, n = 0;

	while (proto_dirent_next_plus(slot_body(slot), slot->body_len, &at, &nodeid)) {
		if (nodeid != 0)
			list[n++] = (struct llfused_forget){.nodeid = nodeid, .nlookup = 1};
		if (n == sizeof(list) / sizeof(list[0])) {
			give_back(slot, list, n);
			n = 0;
		}
	}
	give_back(slot, list, n);
}

void dispatch_sent(struct slot *slot, int error)
{
	struct llfused_forget one = {.nodeid = slot->counted, .nlookup = 1};

	if (error == 0)
		return;
	stats_count(&slot->stats->refused);
	log_debug("reply refused: errno=%d unique=%llu", -error,
		  (unsigned long long)slot->request.head.unique);
	if (!slot->session->ops->forget)
		return;
	give_back(slot, &one, slot->counted != 0);
	slot->counted = 0;
	if (slot->request.op && slot->request.op->reply == PROTO_REPLY_DIRENTS_PLUS)
		give_back_listing(slot);
}
