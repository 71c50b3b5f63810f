/*
 * The functions of the public header that a backend calls: pending requests and their completion,
 * notifications.  One process serves one session; this file holds the pointer to it.
 */
#include "host.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "convert.h"
#include "dispatch.h"
#include "log.h"
#include "proto/notify.h"
#include "proto/reply.h"
#include "session_impl.h"

#define PUBLIC __attribute__((visibility("default")))

static struct session *_Atomic bound;

void host_bind(struct session *s)
{
	atomic_store(&bound, s);
}

PUBLIC llfused_pending llfused_pend(struct llfused_ctx *ctx)
{
	struct slot *slot = slot_of(ctx);

	/* forget() and its like are not answered, so there is nothing to wait for */
	if (!slot->request.op || !dispatch_wants_reply(slot->request.op))
		return 0;
	if (slot->pending == 0)
		slot->pending = pending_add(&slot->session->pending, slot);
	return slot->pending;
}

PUBLIC int llfused_interrupted(const struct llfused_ctx *ctx)
{
	struct slot *slot = slot_of(ctx);
	uint64_t unique = atomic_load(&slot->interrupted);

	return unique != 0 && unique == slot->request.head.unique;
}

/* ---- completion ---- */

static int send_reply(struct session *s, const struct pending_record *record, int error,
		      const void *body, size_t size)
{
	struct fuse_out_header header;
	struct iovec iov[2] = {
		{.iov_base = &header, .iov_len = sizeof(header)},
		{.iov_base = (void *)(uintptr_t)body, .iov_len = size},
	};

	proto_put_header(&header, record->unique, error, size);
	if (s->config.trace)
		log_debug("reply: pending %s unique=%llu error=%d size=%zu", record->op->name,
			  (unsigned long long)record->unique, error, size);
	return s->transport->commit(record->fd, iov, size > 0 ? 2 : 1);
}

/* Takes the record; `kind` is what its reply must be for a body of this sort, or else EIO goes out.
 */
struct completion {
	struct session *session;
	struct pending_record record;
};

static int begin(struct completion *c, llfused_pending pending)
{
	c->session = atomic_load(&bound);
	return c->session ? pending_take(&c->session->pending, pending, &c->record) : -ENOENT;
}

static int end(struct completion *c, int error, const void *body, size_t size)
{
	int ret = send_reply(c->session, &c->record, error, body, error == 0 ? size : 0);

	pending_done(&c->session->pending);
	return ret;
}

/* A body of the wrong sort for the request is the backend's fault: the caller gets EIO. */
static int end_as(struct completion *c, enum proto_reply_kind kind, const void *body, size_t size)
{
	if (c->record.op->reply == kind)
		return end(c, 0, body, size);
	end(c, -EIO, NULL, 0);
	return -EINVAL;
}

PUBLIC int llfused_complete(llfused_pending pending, int error)
{
	struct completion c;
	int ret = begin(&c, pending);

	if (ret != 0)
		return ret;
	if (error == 0 && c.record.op->reply != PROTO_REPLY_EMPTY)
		return end_as(&c, PROTO_REPLY_EMPTY, NULL, 0);
	return end(&c, error == -ENOSYS ? -EOPNOTSUPP : error, NULL, 0);
}

/* The kernel did not want the entry any more: its lookup count goes back. */
static void undo_lookup(struct session *s, uint64_t nodeid)
{
	struct slot none = {.session = s}; /* a context belongs to a slot, and this is no request */
	struct llfused_forget one = {.nodeid = nodeid, .nlookup = 1};

	none.ctx = (struct llfused_ctx){.fs = s->config.fs, .flags = LLFUSED_CTX_NOCREDS};
	if (nodeid != 0 && s->ops->forget)
		s->ops->forget(&none.ctx, &one, 1);
}

PUBLIC int llfused_complete_entry(llfused_pending pending, const struct llfused_entry *entry)
{
	unsigned char body[PROTO_BODY_MAX];
	struct proto_entry wire;
	struct completion c;
	size_t size;
	int ret = begin(&c, pending);

	if (ret != 0)
		return ret;
	convert_entry(entry, &wire);
	size = proto_put_entry(&c.session->conn, body, &wire);
	ret = end_as(&c, PROTO_REPLY_ENTRY, body, size);
	if (ret != 0)
		undo_lookup(c.session, entry->nodeid);
	return ret;
}

PUBLIC int llfused_complete_attr(llfused_pending pending, const struct llfused_attr_out *attr)
{
	unsigned char body[PROTO_BODY_MAX];
	struct proto_attr wire;
	struct completion c;
	int ret = begin(&c, pending);

	if (ret != 0)
		return ret;
	convert_attr(&attr->attr, &wire);
	if (c.record.op->reply == PROTO_REPLY_STATX)
		return end(&c, 0, body, proto_put_statx(body, &wire, attr->timeout));
	return end_as(&c, PROTO_REPLY_ATTR, body,
		      proto_put_attr(&c.session->conn, body, &wire, attr->timeout));
}

PUBLIC int llfused_complete_open(llfused_pending pending, const struct llfused_open *open)
{
	unsigned char body[PROTO_BODY_MAX];
	struct proto_open wire = convert_open(open);
	struct completion c;
	int ret = begin(&c, pending);

	if (ret != 0)
		return ret;
	return end_as(&c, PROTO_REPLY_OPEN, body, proto_put_open(body, &wire));
}

static bool carries_data(const struct pending_record *record)
{
	switch (record->op->reply) {
	case PROTO_REPLY_DATA:
	case PROTO_REPLY_LINK:
		return true;
	case PROTO_REPLY_XATTR:
		return record->room > 0;
	default:
		return false;
	}
}

PUBLIC int llfused_complete_data(llfused_pending pending, const void *data, size_t size)
{
	struct completion c;
	int ret = begin(&c, pending);

	if (ret != 0)
		return ret;
	if (carries_data(&c.record) && size <= c.record.room)
		return end(&c, 0, data, size);
	end(&c, c.record.op->reply == PROTO_REPLY_XATTR ? -ERANGE : -EIO, NULL, 0);
	return -EINVAL;
}

PUBLIC int llfused_complete_write(llfused_pending pending, size_t written)
{
	unsigned char body[PROTO_BODY_MAX];
	struct completion c;
	int ret = begin(&c, pending);

	if (ret != 0)
		return ret;
	if (c.record.op->reply == PROTO_REPLY_COPY)
		return end(&c, 0, body, proto_put_copy(body, written));
	return end_as(&c, PROTO_REPLY_WRITE, body, proto_put_write(body, (uint32_t)written));
}

PUBLIC int llfused_complete_lock(llfused_pending pending, const struct llfused_lock *lock)
{
	unsigned char body[PROTO_BODY_MAX];
	struct proto_lock wire = convert_lock_out(lock);
	struct completion c;
	int ret = begin(&c, pending);

	if (ret != 0)
		return ret;
	return end_as(&c, PROTO_REPLY_LOCK, body, proto_put_lock(body, &wire));
}

/* ---- notifications ---- */

static int queue(const void *message, ssize_t size)
{
	struct session *s = atomic_load(&bound);

	if (size < 0)
		return size == -EMSGSIZE ? -ENAMETOOLONG : (int)size;
	return s ? notifyq_put(&s->notifyq, message, (size_t)size) : -ENOTCONN;
}

PUBLIC int llfused_notify_inval_inode(uint64_t nodeid, int64_t offset, int64_t length)
{
	unsigned char message[NOTIFYQ_MESSAGE_MAX];

	return queue(message,
		     proto_notify_inval_inode(message, sizeof(message), nodeid, offset, length));
}

PUBLIC int llfused_notify_inval_entry(uint64_t parent, const char *name, int expire_only)
{
	unsigned char message[NOTIFYQ_MESSAGE_MAX];

	return queue(message, proto_notify_inval_entry(message, sizeof(message), parent, name,
						       strlen(name), expire_only));
}

PUBLIC int llfused_notify_delete(uint64_t parent, uint64_t child, const char *name)
{
	unsigned char message[NOTIFYQ_MESSAGE_MAX];

	return queue(message, proto_notify_delete(message, sizeof(message), parent, child, name,
						  strlen(name)));
}

PUBLIC int llfused_notify_poll(uint64_t wakeup)
{
	unsigned char message[NOTIFYQ_MESSAGE_MAX];

	return queue(message, proto_notify_poll(message, sizeof(message), wakeup));
}

/* Sent at once.  An inode that the kernel does not know is no error. */
static int send_now(const void *message, ssize_t size, const void *data, size_t data_size)
{
	struct session *s = atomic_load(&bound);
	struct iovec iov[2] = {
		{.iov_base = (void *)(uintptr_t)message, .iov_len = (size_t)size},
		{.iov_base = (void *)(uintptr_t)data, .iov_len = data_size},
	};
	int ret;

	if (size < 0)
		return (int)size;
	if (!s)
		return -ENOTCONN;
	pthread_rwlock_rdlock(&s->sending);
	ret = s->started && !s->stopped
		      ? s->transport->commit(s->fuse_fd, iov, data_size > 0 ? 2 : 1)
		      : -ENOTCONN;
	pthread_rwlock_unlock(&s->sending);
	return ret == -ENOENT ? 0 : ret;
}

PUBLIC int llfused_notify_store(uint64_t nodeid, uint64_t offset, const void *data, size_t size)
{
	unsigned char message[NOTIFYQ_MESSAGE_MAX];

	if (size > UINT32_MAX)
		return -EINVAL;
	return send_now(
		message,
		proto_notify_store(message, sizeof(message), nodeid, offset, (uint32_t)size), data,
		size);
}

/* Must not collide with a request's id: those are even. */
static uint64_t retrieve_unique(uint64_t cookie)
{
	return cookie << 1 | 1;
}

uint64_t host_cookie_of(uint64_t unique)
{
	return unique >> 1;
}

PUBLIC int llfused_notify_retrieve(uint64_t cookie, uint64_t nodeid, uint64_t offset, uint32_t size)
{
	unsigned char message[NOTIFYQ_MESSAGE_MAX];

	if (cookie > UINT64_MAX >> 1)
		return -EINVAL;
	return send_now(message,
			proto_notify_retrieve(message, sizeof(message), retrieve_unique(cookie),
					      nodeid, offset, size),
			NULL, 0);
}
