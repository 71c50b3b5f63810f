/*
 * Encodes notifications.  When and from which thread they may be written is not known here.
 */
#include "notify.h"

#include <errno.h>
#include <string.h>

#include "abi.h"

/* A message made of up to two parts behind its header. */
struct message {
	uint32_t code;
	const void *body;
	size_t body_size;
	const void *tail;
	size_t tail_size;
	size_t nul;     /* 1 behind a name */
	uint32_t extra; /* bytes that the caller writes behind */
};

static ssize_t message_write(const struct message *m, void *buf, size_t cap)
{
	struct fuse_out_header head = {.error = (int32_t)m->code};
	size_t size = sizeof(head) + m->body_size + m->tail_size + m->nul;
	char *at = buf;

	if (size > cap || size > UINT32_MAX - (size_t)m->extra)
		return -EMSGSIZE;
	head.len = (uint32_t)size + m->extra;
	memcpy(at, &head, sizeof(head));
	at += sizeof(head);
	if (m->body_size > 0)
		memcpy(at, m->body, m->body_size);
	at += m->body_size;
	if (m->tail_size > 0)
		memcpy(at, m->tail, m->tail_size);
	if (m->nul)
		at[m->tail_size] = '\0';
	return (ssize_t)size;
}

static ssize_t plain(void *buf, size_t cap, uint32_t code, const void *body, size_t size)
{
	struct message m = {.code = code, .body = body, .body_size = size};

	return message_write(&m, buf, cap);
}

static ssize_t named(void *buf, size_t cap, uint32_t code, const void *body, size_t size,
		     const char *name, size_t namelen)
{
	struct message m = {.code = code,
			    .body = body,
			    .body_size = size,
			    .tail = name,
			    .tail_size = namelen,
			    .nul = 1};

	if (namelen == 0)
		return -EINVAL;
	if (namelen > PROTO_NAME_LIMIT)
		return -ENAMETOOLONG;
	return message_write(&m, buf, cap);
}

ssize_t proto_notify_poll(void *buf, size_t cap, uint64_t kh)
{
	struct fuse_notify_poll_wakeup_out out = {.kh = kh};

	return plain(buf, cap, FUSE_NOTIFY_POLL, &out, sizeof(out));
}

ssize_t proto_notify_inval_inode(void *buf, size_t cap, uint64_t nodeid, int64_t off, int64_t len)
{
	struct fuse_notify_inval_inode_out out = {.ino = nodeid, .off = off, .len = len};

	return plain(buf, cap, FUSE_NOTIFY_INVAL_INODE, &out, sizeof(out));
}

ssize_t proto_notify_inval_entry(void *buf, size_t cap, uint64_t parent, const char *name,
				 size_t namelen, int expire_only)
{
	struct fuse_notify_inval_entry_out out = {
		.parent = parent,
		.namelen = (uint32_t)namelen,
		.flags = expire_only ? FUSE_EXPIRE_ONLY : 0,
	};

	return named(buf, cap, FUSE_NOTIFY_INVAL_ENTRY, &out, sizeof(out), name, namelen);
}

ssize_t proto_notify_delete(void *buf, size_t cap, uint64_t parent, uint64_t child,
			    const char *name, size_t namelen)
{
	struct fuse_notify_delete_out out = {
		.parent = parent,
		.child = child,
		.namelen = (uint32_t)namelen,
	};

	return named(buf, cap, FUSE_NOTIFY_DELETE, &out, sizeof(out), name, namelen);
}

ssize_t proto_notify_store(void *buf, size_t cap, uint64_t nodeid, uint64_t offset, uint32_t size)
{
	struct fuse_notify_store_out out = {.nodeid = nodeid, .offset = offset, .size = size};
	struct message m = {
		.code = FUSE_NOTIFY_STORE, .body = &out, .body_size = sizeof(out), .extra = size};

	return message_write(&m, buf, cap);
}

ssize_t proto_notify_retrieve(void *buf, size_t cap, uint64_t notify_unique, uint64_t nodeid,
			      uint64_t offset, uint32_t size)
{
	struct fuse_notify_retrieve_out out = {
		.notify_unique = notify_unique,
		.nodeid = nodeid,
		.offset = offset,
		.size = size,
	};

	return plain(buf, cap, FUSE_NOTIFY_RETRIEVE, &out, sizeof(out));
}

ssize_t proto_notify_resend(void *buf, size_t cap)
{
	return plain(buf, cap, PROTO_NOTIFY_RESEND, NULL, 0);
}

ssize_t proto_notify_inc_epoch(void *buf, size_t cap)
{
	return plain(buf, cap, PROTO_NOTIFY_INC_EPOCH, NULL, 0);
}

ssize_t proto_notify_prune(void *buf, size_t cap, const uint64_t *nodeids, uint32_t count)
{
	struct proto_notify_prune_out out = {.count = count};
	struct message m = {.code = PROTO_NOTIFY_PRUNE,
			    .body = &out,
			    .body_size = sizeof(out),
			    .tail = nodeids,
			    .tail_size = (size_t)count * sizeof(*nodeids)};

	return message_write(&m, buf, cap);
}

const char *proto_notify_name(uint32_t code)
{
	static const char *const names[] = {
		[FUSE_NOTIFY_POLL] = "poll",
		[FUSE_NOTIFY_INVAL_INODE] = "inval_inode",
		[FUSE_NOTIFY_INVAL_ENTRY] = "inval_entry",
		[FUSE_NOTIFY_STORE] = "store",
		[FUSE_NOTIFY_RETRIEVE] = "retrieve",
		[FUSE_NOTIFY_DELETE] = "delete",
		[PROTO_NOTIFY_RESEND] = "resend",
		[PROTO_NOTIFY_INC_EPOCH] = "inc_epoch",
		[PROTO_NOTIFY_PRUNE] = "prune",
	};

	return code < sizeof(names) / sizeof(names[0]) ? names[code] : NULL;
}
