/*
 * The notifications of the public header: encoded here, and queued or sent at once.  Which of the
 * two is right is decided by what the kernel may wait for; see the facts at each.
 */
#include "host.h"

#include <errno.h>
#include <string.h>

#include "proto/abi.h"
#include "proto/notify.h"
#include "session_impl.h"

/* Room for a message without a name. */
#define FIXED_MAX 64

#define MINOR_PRUNE 45 /* of the protocol */

_Static_assert(NOTIFYQ_MESSAGE_MAX >= sizeof(struct fuse_out_header) +
					      sizeof(struct fuse_notify_delete_out) +
					      PROTO_NAME_LIMIT + 1,
	       "the queue takes the longest name");

/* ---- queued: the kernel may wait for the inode's or directory's lock, or for pages ---- */

static int queue(const void *message, ssize_t size, const void *cover, ssize_t cover_size)
{
	struct session *s = host_session();

	if (size < 0)
		return (int)size;
	if (cover_size < 0)
		return (int)cover_size;
	return s ? notifyq_put(&s->notifyq, message, (size_t)size, cover, (size_t)cover_size)
		 : -ENOTCONN;
}

LLFUSED_EXPORT int llfused_notify_inval_inode(uint64_t nodeid, int64_t offset, int64_t length)
{
	unsigned char message[FIXED_MAX], all[FIXED_MAX];

	/* what means the same looks the same, so that it is seen to be a duplicate */
	if (offset < 0)
		offset = -1;
	if (offset < 0 || length < 0)
		length = 0;
	/* attributes and any data: nothing is left for the others to do */
	return queue(message,
		     proto_notify_inval_inode(message, sizeof(message), nodeid, offset, length),
		     all, proto_notify_inval_inode(all, sizeof(all), nodeid, 0, 0));
}

static size_t name_length(const char *name)
{
	return strnlen(name, PROTO_NAME_LIMIT + 1);
}

LLFUSED_EXPORT int llfused_notify_inval_entry(uint64_t parent, const char *name, int expire_only)
{
	unsigned char message[NOTIFYQ_MESSAGE_MAX];
	struct session *s = host_session();
	int expire = expire_only && s && s->conn.features & FUSE_HAS_EXPIRE_ONLY;

	return queue(message,
		     proto_notify_inval_entry(message, sizeof(message), parent, name,
					      name_length(name), expire),
		     NULL, 0);
}

#define PRUNE_HEAD (sizeof(struct fuse_out_header) + sizeof(struct proto_notify_prune_out))
/* So many node ids fit in one message. */
#define PRUNE_BATCH ((NOTIFYQ_MESSAGE_MAX - PRUNE_HEAD) / sizeof(uint64_t))

LLFUSED_EXPORT int llfused_notify_prune(const uint64_t *nodeids, size_t count)
{
	unsigned char message[NOTIFYQ_MESSAGE_MAX];
	struct session *s = host_session();
	int ret = 0;

	if (s && s->conn.minor < MINOR_PRUNE)
		return -EOPNOTSUPP;
	for (size_t at = 0; at < count && ret == 0; at += PRUNE_BATCH) {
		size_t n = count - at < PRUNE_BATCH ? count - at : PRUNE_BATCH;

		ret = queue(message,
			    proto_notify_prune(message, sizeof(message), nodeids + at, (uint32_t)n),
			    NULL, 0);
	}
	return ret;
}

LLFUSED_EXPORT int llfused_notify_delete(uint64_t parent, uint64_t child, const char *name)
{
	unsigned char message[NOTIFYQ_MESSAGE_MAX];

	return queue(message,
		     proto_notify_delete(message, sizeof(message), parent, child, name,
					 name_length(name)),
		     NULL, 0);
}

/* ---- sent at once ---- */

/* What the kernel does not know is no error. */
static int send_now(const void *message, ssize_t size, const void *data, size_t data_size)
{
	struct session *s = host_session();
	struct iovec iov[2] = {
		{.iov_base = (void *)(uintptr_t)message, .iov_len = (size_t)size},
		{.iov_base = (void *)(uintptr_t)data, .iov_len = data_size},
	};
	int ret;

	if (size < 0)
		return size == -EMSGSIZE ? -EINVAL : (int)size;
	ret = host_enter(s);
	if (ret != 0)
		return ret;
	ret = s->transport->commit(s, s->fuse_fd, iov, data_size > 0 ? 2 : 1);
	host_leave(s);
	return ret == -ENOENT ? 0 : ret;
}

/* The kernel takes no lock of a file system's for this one. */
LLFUSED_EXPORT int llfused_notify_poll(uint64_t wakeup)
{
	unsigned char message[FIXED_MAX];

	return send_now(message, proto_notify_poll(message, sizeof(message), wakeup), NULL, 0);
}

/* One message whatever its size: the kernel's limit is the 32 bits of its length. */
LLFUSED_EXPORT int llfused_notify_store(uint64_t nodeid, uint64_t offset, const void *data,
					size_t size)
{
	unsigned char message[FIXED_MAX];

	if (size > UINT32_MAX || offset > INT64_MAX || size > INT64_MAX - offset)
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

LLFUSED_EXPORT int llfused_notify_retrieve(uint64_t cookie, uint64_t nodeid, uint64_t offset,
					   uint32_t size)
{
	unsigned char message[FIXED_MAX];

	if (cookie > UINT64_MAX >> 1)
		return -EINVAL;
	return send_now(message,
			proto_notify_retrieve(message, sizeof(message), retrieve_unique(cookie),
					      nodeid, offset, size),
			NULL, 0);
}
