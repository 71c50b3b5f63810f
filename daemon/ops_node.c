/*
 * Requests about names, inodes and their attributes.  Layouts are proto's, meaning is the
 * backend's.
 */
#include "ops.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "convert.h"
#include "proto/reply.h"
#include "session_impl.h"

static const struct proto_conn *conn_of(const struct slot *slot)
{
	return &slot->session->conn;
}

static size_t put_entry(struct slot *slot, const struct llfused_entry *entry)
{
	struct proto_entry wire;

	convert_entry(entry, &wire);
	slot->counted = entry->nodeid;
	return proto_put_entry(conn_of(slot), slot_body(slot), &wire);
}

static int fault(struct slot *slot, enum fault sort)
{
	return session_fault(slot->session, slot->request.op, sort);
}

static bool asks_for_dots(const struct slot *slot)
{
	const char *name = slot->request.name.data;

	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

int ops_check_entry(struct slot *slot, const struct llfused_entry *entry)
{
	bool lookup = slot->request.head.opcode == FUSE_LOOKUP;

	if (entry->nodeid == 0)
		return lookup ? 0 : fault(slot, FAULT_INODE);
	if (entry->nodeid == LLFUSED_ROOT_ID && !(lookup && asks_for_dots(slot)))
		return fault(slot, FAULT_INODE);
	return convert_inode_possible(entry->nodeid, &entry->attr) ? 0 : fault(slot, FAULT_INODE);
}

/* What most ops that name an inode end with. */
static int entry_reply(struct slot *slot, int error, const struct llfused_entry *entry)
{
	if (error == 0)
		error = ops_check_entry(slot, entry);
	if (error == 0)
		slot->body_len = put_entry(slot, entry);
	return error;
}

static int attr_reply(struct slot *slot, int error, const struct llfused_attr_out *out)
{
	struct proto_attr attr;

	if (error != 0)
		return error;
	if (!convert_inode_possible(slot->request.head.nodeid, &out->attr))
		return fault(slot, FAULT_INODE);
	convert_attr(&out->attr, &attr);
	slot->body_len = proto_put_attr(conn_of(slot), slot_body(slot), &attr, out->timeout);
	return 0;
}

int op_lookup(struct slot *slot, const struct llfused_ops *ops)
{
	struct llfused_entry entry = {0};

	return entry_reply(
		slot,
		ops->lookup(&slot->ctx, slot->request.head.nodeid, slot->request.name.data, &entry),
		&entry);
}

int op_getattr(struct slot *slot, const struct llfused_ops *ops)
{
	const struct fuse_getattr_in *in = &slot->request.in.getattr;
	struct llfused_attr_out out = {0};
	uint64_t fh = in->fh;

	return attr_reply(slot,
			  ops->getattr(&slot->ctx, slot->request.head.nodeid,
				       in->getattr_flags & FUSE_GETATTR_FH ? &fh : NULL, &out),
			  &out);
}

int op_statx(struct slot *slot, const struct llfused_ops *ops)
{
	const struct proto_statx_in *in = &slot->request.in.statx;
	struct llfused_attr_out out = {0};
	struct proto_attr attr;
	uint64_t fh = in->fh;
	int ret;

	ret = ops->getattr(&slot->ctx, slot->request.head.nodeid,
			   in->getattr_flags & FUSE_GETATTR_FH ? &fh : NULL, &out);
	if (ret != 0)
		return ret;
	if (!convert_inode_possible(slot->request.head.nodeid, &out.attr))
		return fault(slot, FAULT_INODE);
	convert_attr(&out.attr, &attr);
	slot->body_len = proto_put_statx(slot_body(slot), &attr, out.timeout);
	return 0;
}

int op_setattr(struct slot *slot, const struct llfused_ops *ops)
{
	struct llfused_attr_out out = {0};
	struct llfused_setattr set;

	convert_setattr(&slot->request.in.setattr, &set);
	return attr_reply(slot, ops->setattr(&slot->ctx, slot->request.head.nodeid, &set, &out),
			  &out);
}

int op_readlink(struct slot *slot, const struct llfused_ops *ops)
{
	/* 4095 bytes is the longest target that the kernel takes */
	struct llfused_buf target = {.data = slot_body(slot), .cap = 4095};
	int ret = ops->readlink(&slot->ctx, slot->request.head.nodeid, &target);

	if (ret != 0)
		return ret;
	if (target.len > target.cap)
		return fault(slot, FAULT_LENGTH);
	slot->body_len = target.len;
	return 0;
}

int op_symlink(struct slot *slot, const struct llfused_ops *ops)
{
	struct llfused_entry entry = {0};

	return entry_reply(slot,
			   ops->symlink(&slot->ctx, slot->request.head.nodeid,
					slot->request.name.data, slot->request.name2.data, &entry),
			   &entry);
}

int op_mknod(struct slot *slot, const struct llfused_ops *ops)
{
	const struct fuse_mknod_in *in = &slot->request.in.mknod;
	struct llfused_entry entry = {0};

	slot->ctx.umask = in->umask;
	return entry_reply(slot,
			   ops->mknod(&slot->ctx, slot->request.head.nodeid,
				      slot->request.name.data, in->mode,
				      proto_rdev_decode(in->rdev), &entry),
			   &entry);
}

int op_mkdir(struct slot *slot, const struct llfused_ops *ops)
{
	const struct fuse_mkdir_in *in = &slot->request.in.mkdir;
	struct llfused_entry entry = {0};

	slot->ctx.umask = in->umask;
	return entry_reply(slot,
			   ops->mkdir(&slot->ctx, slot->request.head.nodeid,
				      slot->request.name.data, in->mode, &entry),
			   &entry);
}

int op_unlink(struct slot *slot, const struct llfused_ops *ops)
{
	return ops->unlink(&slot->ctx, slot->request.head.nodeid, slot->request.name.data);
}

int op_rmdir(struct slot *slot, const struct llfused_ops *ops)
{
	return ops->rmdir(&slot->ctx, slot->request.head.nodeid, slot->request.name.data);
}

int op_rename(struct slot *slot, const struct llfused_ops *ops)
{
	return ops->rename(&slot->ctx, slot->request.head.nodeid, slot->request.name.data,
			   slot->request.in.rename.newdir, slot->request.name2.data, 0);
}

int op_rename2(struct slot *slot, const struct llfused_ops *ops)
{
	const struct fuse_rename2_in *in = &slot->request.in.rename2;

	return ops->rename(&slot->ctx, slot->request.head.nodeid, slot->request.name.data,
			   in->newdir, slot->request.name2.data, in->flags);
}

int op_link(struct slot *slot, const struct llfused_ops *ops)
{
	struct llfused_entry entry = {0};

	return entry_reply(slot,
			   ops->link(&slot->ctx, slot->request.in.link.oldnodeid,
				     slot->request.head.nodeid, slot->request.name.data, &entry),
			   &entry);
}

int op_statfs(struct slot *slot, const struct llfused_ops *ops)
{
	struct llfused_statfs out = {0};
	struct proto_statfs wire;
	int ret = ops->statfs(&slot->ctx, slot->request.head.nodeid, &out);

	if (ret != 0)
		return ret;
	wire = convert_statfs(&out);
	slot->body_len = proto_put_statfs(conn_of(slot), slot_body(slot), &wire);
	return 0;
}

int op_access(struct slot *slot, const struct llfused_ops *ops)
{
	int ret = ops->access(&slot->ctx, slot->request.head.nodeid, slot->request.in.access.mask);

	/* "no" has one name, whatever the backend calls it */
	return ret == -EPERM ? -EACCES : ret;
}

int op_setxattr(struct slot *slot, const struct llfused_ops *ops)
{
	const struct fuse_setxattr_in *in = &slot->request.in.setxattr;

	return ops->setxattr(
		&slot->ctx, slot->request.head.nodeid, slot->request.name.data,
		slot->request.data.data, slot->request.data.size, in->flags,
		in->setxattr_flags & FUSE_SETXATTR_ACL_KILL_SGID ? LLFUSED_XATTR_ACL_KILL_SGID : 0);
}

/* The size probe is answered with a length, everything else with bytes. */
static int xattr_reply(struct slot *slot, int error, const struct llfused_buf *buf)
{
	if (error != 0)
		return error;
	if (buf->cap == 0)
		slot->body_len = proto_put_xattr_size(
			slot_body(slot), buf->len < UINT32_MAX ? (uint32_t)buf->len : UINT32_MAX);
	else if (buf->len <= buf->cap)
		slot->body_len = buf->len;
	else
		return fault(slot, FAULT_LENGTH);
	return 0;
}

static struct llfused_buf xattr_room(struct slot *slot)
{
	size_t size = slot->request.in.getxattr.size;

	return (struct llfused_buf){.data = slot_body(slot),
				    .cap = size < slot->body_cap ? size : slot->body_cap};
}

int op_getxattr(struct slot *slot, const struct llfused_ops *ops)
{
	struct llfused_buf buf = xattr_room(slot);
	int ret =
		ops->getxattr(&slot->ctx, slot->request.head.nodeid, slot->request.name.data, &buf);

	return xattr_reply(slot, ret, &buf);
}

int op_listxattr(struct slot *slot, const struct llfused_ops *ops)
{
	struct llfused_buf buf = xattr_room(slot);
	int ret = ops->listxattr(&slot->ctx, slot->request.head.nodeid, &buf);

	return xattr_reply(slot, ret, &buf);
}

int op_removexattr(struct slot *slot, const struct llfused_ops *ops)
{
	return ops->removexattr(&slot->ctx, slot->request.head.nodeid, slot->request.name.data);
}
