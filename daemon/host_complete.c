/*
 * Answers to pending requests, from any thread.  When one is refused, by the kernel or because it
 * does not fit its request, the caller got nothing of it and the backend is told so.
 * When requests become pending, and what else happens to them, is not known here.
 */
#include "host.h"

#include <errno.h>
#include <stdlib.h>

#include "convert.h"
#include "dirents.h"
#include "log.h"
#include "proto/reply.h"
#include "session_impl.h"

/* A request that was taken to be answered, and the body of its reply. */
struct completion {
	struct session *session;
	struct pending_record record;
	unsigned char head[PROTO_BODY_MAX]; /* the encoded part, head_size bytes */
	size_t head_size;
	const void *data; /* what follows it; the backend's */
	size_t data_size;
};

/* After success one of the end functions must follow. */
static int begin(struct completion *c, llfused_pending pending)
{
	c->session = host_session();
	c->head_size = 0;
	c->data = NULL;
	c->data_size = 0;
	return c->session ? pending_take(&c->session->pending, pending, &c->record) : -ENOENT;
}

static void trace(const struct completion *c, int error)
{
	if (c->session->config.trace)
		log_debug("reply: pending %s unique=%llu error=%d size=%zu", c->record.op->name,
			  (unsigned long long)c->record.unique, error, c->head_size + c->data_size);
}

/* With an error no body goes out. */
static int end(struct completion *c, int error)
{
	struct fuse_out_header header;
	struct iovec iov[3] = {{.iov_base = &header, .iov_len = sizeof(header)}};
	int ret, n = 1;

	if (error == 0 && c->head_size > 0)
		iov[n++] = (struct iovec){.iov_base = c->head, .iov_len = c->head_size};
	if (error == 0 && c->data_size > 0)
		iov[n++] = (struct iovec){.iov_base = (void *)(uintptr_t)c->data,
					  .iov_len = c->data_size};
	proto_put_header(&header, c->record.unique, error, c->head_size + c->data_size);
	trace(c, error);
	ret = c->session->transport->commit(c->session, c->record.fd, iov, n);
	pending_done(&c->session->pending);
	return ret;
}

/* The reply does not fit the request, which is the backend's fault. */
static int end_wrong(struct completion *c, int error, enum fault fault)
{
	session_fault(c->session, c->record.op, fault);
	end(c, error);
	return -EINVAL;
}

/* The body is right for requests whose reply is of this kind. */
static int end_as(struct completion *c, enum proto_reply_kind kind)
{
	return c->record.op->reply == kind ? end(c, 0) : end_wrong(c, -EIO, FAULT_COMPLETION);
}

LLFUSED_EXPORT int llfused_complete(llfused_pending pending, int error)
{
	struct completion c;
	int ret = begin(&c, pending);

	if (ret != 0)
		return ret;
	if (error == 0)
		return end_as(&c, PROTO_REPLY_EMPTY);
	if (error > 0 || error < -PROTO_ERRNO_MAX)
		return end_wrong(&c, -EIO, FAULT_RESULT);
	/* only dispatch may switch a request off */
	return end(&c, error == -ENOSYS ? -EOPNOTSUPP : error);
}

/* ---- inodes ---- */

/* A lookup may have asked for "." and "..". */
static bool is_possible(const struct completion *c, const struct llfused_entry *entry)
{
	bool lookup = c->record.op->number == FUSE_LOOKUP;

	if (entry->nodeid == 0)
		return lookup;
	if (entry->nodeid == LLFUSED_ROOT_ID && !lookup)
		return false;
	return convert_inode_possible(entry->nodeid, &entry->attr);
}

LLFUSED_EXPORT int llfused_complete_entry(llfused_pending pending,
					  const struct llfused_entry *entry)
{
	struct proto_entry wire;
	struct completion c;
	int ret = begin(&c, pending);

	if (ret != 0)
		return ret;
	if (!is_possible(&c, entry))
		return end_wrong(&c, -EIO, FAULT_INODE);
	convert_entry(entry, &wire);
	c.head_size = proto_put_entry(&c.session->conn, c.head, &wire);
	return end_as(&c, PROTO_REPLY_ENTRY);
}

static bool can_be_open(const struct completion *c, const struct llfused_open *open)
{
	return convert_open_possible(&c->session->conn, c->record.op->number, open);
}

LLFUSED_EXPORT int llfused_complete_create(llfused_pending pending,
					   const struct llfused_entry *entry,
					   const struct llfused_open *open)
{
	struct proto_open wire_open = convert_open(open);
	struct proto_entry wire;
	struct completion c;
	int ret = begin(&c, pending);

	if (ret != 0)
		return ret;
	if (!is_possible(&c, entry))
		return end_wrong(&c, -EIO, FAULT_INODE);
	if (!can_be_open(&c, open))
		return end_wrong(&c, -EIO, FAULT_OPEN);
	convert_entry(entry, &wire);
	c.head_size = proto_put_create(&c.session->conn, c.head, &wire, &wire_open);
	return end_as(&c, PROTO_REPLY_CREATE);
}

LLFUSED_EXPORT int llfused_complete_attr(llfused_pending pending,
					 const struct llfused_attr_out *attr)
{
	struct proto_attr wire;
	struct completion c;
	int ret = begin(&c, pending);

	if (ret != 0)
		return ret;
	if (!convert_inode_possible(c.record.nodeid, &attr->attr))
		return end_wrong(&c, -EIO, FAULT_INODE);
	convert_attr(&attr->attr, &wire);
	if (c.record.op->reply == PROTO_REPLY_STATX) {
		c.head_size = proto_put_statx(c.head, &wire, attr->timeout);
		return end(&c, 0);
	}
	c.head_size = proto_put_attr(&c.session->conn, c.head, &wire, attr->timeout);
	return end_as(&c, PROTO_REPLY_ATTR);
}

LLFUSED_EXPORT int llfused_complete_statfs(llfused_pending pending,
					   const struct llfused_statfs *statfs)
{
	struct proto_statfs wire = convert_statfs(statfs);
	struct completion c;
	int ret = begin(&c, pending);

	if (ret != 0)
		return ret;
	c.head_size = proto_put_statfs(&c.session->conn, c.head, &wire);
	return end_as(&c, PROTO_REPLY_STATFS);
}

/* ---- open files ---- */

LLFUSED_EXPORT int llfused_complete_open(llfused_pending pending, const struct llfused_open *open)
{
	struct proto_open wire = convert_open(open);
	struct completion c;
	int ret = begin(&c, pending);

	if (ret != 0)
		return ret;
	if (!can_be_open(&c, open))
		return end_wrong(&c, -EIO, FAULT_OPEN);
	c.head_size = proto_put_open(c.head, &wire);
	return end_as(&c, PROTO_REPLY_OPEN);
}

LLFUSED_EXPORT int llfused_complete_write(llfused_pending pending, size_t written)
{
	struct completion c;
	int ret = begin(&c, pending);

	if (ret != 0)
		return ret;
	if (written > c.record.room)
		return end_wrong(&c, -EIO, FAULT_LENGTH);
	if (c.record.op->reply == PROTO_REPLY_COPY) {
		c.head_size = proto_put_copy(c.head, written);
		return end(&c, 0);
	}
	c.head_size = proto_put_write(c.head, (uint32_t)written);
	return end_as(&c, PROTO_REPLY_WRITE);
}

LLFUSED_EXPORT int llfused_complete_lock(llfused_pending pending, const struct llfused_lock *lock)
{
	struct proto_lock wire = convert_lock_out(lock);
	struct completion c;
	int ret = begin(&c, pending);

	if (ret != 0)
		return ret;
	c.head_size = proto_put_lock(c.head, &wire);
	return end_as(&c, PROTO_REPLY_LOCK);
}

LLFUSED_EXPORT int llfused_complete_poll(llfused_pending pending, uint32_t revents)
{
	struct completion c;
	int ret = begin(&c, pending);

	if (ret != 0)
		return ret;
	c.head_size = proto_put_poll(c.head, revents);
	return end_as(&c, PROTO_REPLY_POLL);
}

LLFUSED_EXPORT int llfused_complete_number(llfused_pending pending, uint64_t number)
{
	struct completion c;
	int ret = begin(&c, pending);

	if (ret != 0)
		return ret;
	if (c.record.op->reply == PROTO_REPLY_BMAP) {
		c.head_size = proto_put_bmap(c.head, number);
		return end(&c, 0);
	}
	c.head_size = proto_put_lseek(c.head, number);
	return end_as(&c, PROTO_REPLY_LSEEK);
}

/* ---- bytes ---- */

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

LLFUSED_EXPORT int llfused_complete_data(llfused_pending pending, const void *data, size_t size)
{
	struct completion c;
	int ret = begin(&c, pending);

	if (ret != 0)
		return ret;
	if (!carries_data(&c.record))
		return end_wrong(&c, -EIO, FAULT_COMPLETION);
	if (size > c.record.room)
		return end_wrong(&c, c.record.op->reply == PROTO_REPLY_XATTR ? -ERANGE : -EIO,
				 FAULT_LENGTH);
	c.data = data;
	c.data_size = size;
	return end(&c, 0);
}

LLFUSED_EXPORT int llfused_complete_xattr_size(llfused_pending pending, size_t size)
{
	struct completion c;
	int ret = begin(&c, pending);

	if (ret != 0)
		return ret;
	if (c.record.room > 0)
		return end_wrong(&c, -EIO, FAULT_COMPLETION);
	/* the kernel tells the caller no more than 64 KiB anyway */
	c.head_size = proto_put_xattr_size(c.head, size < UINT32_MAX ? (uint32_t)size : UINT32_MAX);
	return end_as(&c, PROTO_REPLY_XATTR);
}

LLFUSED_EXPORT int llfused_complete_ioctl(llfused_pending pending, int32_t result, const void *data,
					  size_t size)
{
	struct completion c;
	int ret = begin(&c, pending);

	if (ret != 0)
		return ret;
	if (size > c.record.room)
		return end_wrong(&c, -EIO, FAULT_LENGTH);
	c.head_size = proto_put_ioctl(c.head, result);
	c.data = data;
	c.data_size = size;
	return end_as(&c, PROTO_REPLY_IOCTL);
}

/* ---- directories ---- */

static int send_listing(llfused_pending pending, const struct dirents *dirents)
{
	struct completion c;
	int ret = begin(&c, pending);

	if (ret != 0)
		return ret;
	ret = dirents_result(dirents);
	if (dirents->faulty)
		session_fault(c.session, c.record.op, FAULT_DIRENT);
	if (ret != 0) {
		end(&c, ret);
		return -EINVAL;
	}
	c.data = dirents->packed.data;
	c.data_size = dirents->packed.len;
	return end(&c, 0);
}

static int refuse(llfused_pending pending)
{
	struct completion c;
	int ret = begin(&c, pending);

	return ret == 0 ? end_wrong(&c, -EIO, FAULT_COMPLETION) : ret;
}

/*
 * The request stays pending while it is filled: that is code of the backend, which may take its
 * time, and the end of the session must not have to wait for it.  If somebody else answers
 * meanwhile, this listing is not sent.
 */
LLFUSED_EXPORT int llfused_complete_readdir(llfused_pending pending,
					    int (*fill)(void *arg, struct llfused_dirents *dirents),
					    void *arg)
{
	struct session *s = host_session();
	struct pending_record record;
	struct dirents dirents;
	void *room;
	int ret = s ? pending_look(&s->pending, pending, &record) : -ENOENT;

	if (ret != 0)
		return ret;
	if (record.op->reply != PROTO_REPLY_DIRENTS && record.op->reply != PROTO_REPLY_DIRENTS_PLUS)
		return refuse(pending);
	room = malloc(record.room + 1); /* not 0 */
	if (!room) {
		llfused_complete(pending, -ENOMEM);
		return -ENOMEM;
	}
	dirents_open(&dirents, &s->conn, record.op->reply == PROTO_REPLY_DIRENTS_PLUS, record.flags,
		     room, record.room);
	ret = fill(arg, &dirents.public);
	ret = ret == 0 ? send_listing(pending, &dirents) : llfused_complete(pending, ret);
	free(room);
	return ret;
}
