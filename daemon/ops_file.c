/*
 * Requests about open files and directories, their data and locks.
 */
#include "ops.h"

#include <errno.h>

#include "convert.h"
#include "dirents.h"
#include "proto/reply.h"
#include "session_impl.h"

static const struct proto_conn *conn_of(const struct slot *slot)
{
	return &slot->session->conn;
}

static uint64_t nodeid_of(const struct slot *slot)
{
	return slot->request.head.nodeid;
}

static int fault(struct slot *slot, enum fault sort)
{
	return session_fault(slot->session, slot->request.op, sort);
}

static int check_open(struct slot *slot, const struct llfused_open *open)
{
	bool possible = convert_open_possible(conn_of(slot), slot->request.op->number, open);

	return possible ? 0 : fault(slot, FAULT_OPEN);
}

static int open_reply(struct slot *slot, int error, const struct llfused_open *out)
{
	struct proto_open wire = convert_open(out);

	if (error == 0)
		error = check_open(slot, out);
	if (error == 0)
		slot->body_len = proto_put_open(slot_body(slot), &wire);
	return error;
}

int op_open(struct slot *slot, const struct llfused_ops *ops)
{
	struct llfused_open out = {.flags = LLFUSED_OPEN_KEEP_CACHE};

	return open_reply(slot,
			  ops->open(&slot->ctx, nodeid_of(slot), slot->request.in.open.flags, &out),
			  &out);
}

int op_opendir(struct slot *slot, const struct llfused_ops *ops)
{
	struct llfused_open out = {.flags = LLFUSED_OPEN_KEEP_CACHE};

	return open_reply(
		slot, ops->opendir(&slot->ctx, nodeid_of(slot), slot->request.in.open.flags, &out),
		&out);
}

static int create_reply(struct slot *slot, int error, const struct llfused_entry *entry,
			const struct llfused_open *out)
{
	struct proto_open wire = convert_open(out);
	struct proto_entry wire_entry;

	if (error == 0)
		error = ops_check_entry(slot, entry);
	if (error == 0)
		error = check_open(slot, out);
	if (error != 0)
		return error;
	convert_entry(entry, &wire_entry);
	slot->counted = entry->nodeid;
	slot->body_len = proto_put_create(conn_of(slot), slot_body(slot), &wire_entry, &wire);
	return 0;
}

int op_create(struct slot *slot, const struct llfused_ops *ops)
{
	const struct fuse_create_in *in = &slot->request.in.create;
	struct llfused_open out = {.flags = LLFUSED_OPEN_KEEP_CACHE};
	struct llfused_entry entry = {0};

	slot->ctx.umask = in->umask;
	return create_reply(slot,
			    ops->create(&slot->ctx, nodeid_of(slot), slot->request.name.data,
					in->mode, in->flags, &entry, &out),
			    &entry, &out);
}

int op_tmpfile(struct slot *slot, const struct llfused_ops *ops)
{
	const struct fuse_create_in *in = &slot->request.in.create;
	struct llfused_open out = {.flags = LLFUSED_OPEN_KEEP_CACHE};
	struct llfused_entry entry = {0};

	slot->ctx.umask = in->umask;
	return create_reply(
		slot, ops->tmpfile(&slot->ctx, nodeid_of(slot), in->mode, in->flags, &entry, &out),
		&entry, &out);
}

int op_read(struct slot *slot, const struct llfused_ops *ops)
{
	const struct fuse_read_in *in = &slot->request.in.read;
	struct llfused_buf buf = {.data = slot_body(slot),
				  .cap = in->size < slot->body_cap ? in->size : slot->body_cap};
	int ret = ops->read(&slot->ctx, nodeid_of(slot), in->fh, in->offset, in->flags, &buf);

	if (ret == 0 && buf.len > buf.cap)
		return fault(slot, FAULT_LENGTH);
	if (ret == 0)
		slot->body_len = buf.len;
	return ret;
}

int op_write(struct slot *slot, const struct llfused_ops *ops)
{
	const struct fuse_write_in *in = &slot->request.in.write;
	uint32_t flags = in->flags & ~(LLFUSED_WRITE_CACHE | LLFUSED_WRITE_KILL_SUIDGID);
	size_t written = 0;
	int ret;

	if (in->write_flags & FUSE_WRITE_CACHE)
		flags |= LLFUSED_WRITE_CACHE;
	if (in->write_flags & FUSE_WRITE_KILL_SUIDGID)
		flags |= LLFUSED_WRITE_KILL_SUIDGID;
	ret = ops->write(&slot->ctx, nodeid_of(slot), in->fh, in->offset, slot->request.data.data,
			 slot->request.data.size, flags, &written);
	if (ret == 0 && written > slot->request.data.size)
		return fault(slot, FAULT_LENGTH);
	if (ret == 0)
		slot->body_len = proto_put_write(slot_body(slot), (uint32_t)written);
	return ret;
}

int op_flush(struct slot *slot, const struct llfused_ops *ops)
{
	const struct fuse_flush_in *in = &slot->request.in.flush;

	return ops->flush(&slot->ctx, nodeid_of(slot), in->fh, in->lock_owner);
}

int op_release(struct slot *slot, const struct llfused_ops *ops)
{
	const struct fuse_release_in *in = &slot->request.in.release;

	return ops->release(&slot->ctx, nodeid_of(slot), in->fh, in->flags, in->lock_owner);
}

int op_releasedir(struct slot *slot, const struct llfused_ops *ops)
{
	const struct fuse_release_in *in = &slot->request.in.release;

	return ops->releasedir(&slot->ctx, nodeid_of(slot), in->fh, in->flags);
}

int op_fsync(struct slot *slot, const struct llfused_ops *ops)
{
	const struct fuse_fsync_in *in = &slot->request.in.fsync;

	return ops->fsync(&slot->ctx, nodeid_of(slot), in->fh,
			  (in->fsync_flags & FUSE_FSYNC_FDATASYNC) != 0);
}

int op_fsyncdir(struct slot *slot, const struct llfused_ops *ops)
{
	const struct fuse_fsync_in *in = &slot->request.in.fsync;

	return ops->fsyncdir(&slot->ctx, nodeid_of(slot), in->fh,
			     (in->fsync_flags & FUSE_FSYNC_FDATASYNC) != 0);
}

int op_readdir(struct slot *slot, const struct llfused_ops *ops)
{
	const struct fuse_read_in *in = &slot->request.in.read;
	struct dirents dirents;
	int ret;

	dirents_open(&dirents, conn_of(slot), slot->request.op->reply == PROTO_REPLY_DIRENTS_PLUS,
		     in->flags, slot_body(slot),
		     in->size < slot->body_cap ? in->size : slot->body_cap);
	ret = ops->readdir(&slot->ctx, nodeid_of(slot), in->fh, in->offset, &dirents.public);
	if (dirents.faulty)
		fault(slot, FAULT_DIRENT);
	if (ret == 0)
		ret = dirents_result(&dirents);
	if (ret == 0)
		slot->body_len = dirents.packed.len;
	return ret;
}

int op_getlk(struct slot *slot, const struct llfused_ops *ops)
{
	const struct fuse_lk_in *in = &slot->request.in.lk;
	struct llfused_lock lock = convert_lock_in(in, 0);
	int ret = ops->getlk(&slot->ctx, nodeid_of(slot), in->fh, &lock);
	struct proto_lock wire = convert_lock_out(&lock);

	if (ret == 0)
		slot->body_len = proto_put_lock(slot_body(slot), &wire);
	return ret;
}

static int set_lock(struct slot *slot, const struct llfused_ops *ops, int wait)
{
	const struct fuse_lk_in *in = &slot->request.in.lk;
	struct llfused_lock lock = convert_lock_in(in, wait);

	return ops->setlk(&slot->ctx, nodeid_of(slot), in->fh, &lock);
}

int op_setlk(struct slot *slot, const struct llfused_ops *ops)
{
	return set_lock(slot, ops, 0);
}

int op_setlkw(struct slot *slot, const struct llfused_ops *ops)
{
	return set_lock(slot, ops, 1);
}

int op_bmap(struct slot *slot, const struct llfused_ops *ops)
{
	const struct fuse_bmap_in *in = &slot->request.in.bmap;
	uint64_t block = in->block;
	int ret = ops->bmap(&slot->ctx, nodeid_of(slot), in->blocksize, &block);

	if (ret == 0)
		slot->body_len = proto_put_bmap(slot_body(slot), block);
	return ret;
}

int op_ioctl(struct slot *slot, const struct llfused_ops *ops)
{
	const struct fuse_ioctl_in *in = &slot->request.in.ioctl;
	size_t head = sizeof(struct fuse_ioctl_out);
	size_t room = slot->body_cap - head;
	struct llfused_ioctl io = {
		.cmd = in->cmd,
		.flags = in->flags,
		.arg = in->arg,
		.in = slot->request.data.data,
		.in_size = slot->request.data.size,
	};
	struct llfused_buf out = {.data = slot_body(slot) + head,
				  .cap = in->out_size < room ? in->out_size : room};
	int ret = ops->ioctl(&slot->ctx, nodeid_of(slot), in->fh, &io, &out);

	if (ret != 0)
		return ret;
	if (out.len > out.cap)
		return fault(slot, FAULT_LENGTH);
	slot->body_len = proto_put_ioctl(slot_body(slot), io.result) + out.len;
	return 0;
}

int op_poll(struct slot *slot, const struct llfused_ops *ops)
{
	const struct fuse_poll_in *in = &slot->request.in.poll;
	uint32_t revents = 0;
	int ret = ops->poll(&slot->ctx, nodeid_of(slot), in->fh, in->events,
			    in->flags & FUSE_POLL_SCHEDULE_NOTIFY ? in->kh : 0, &revents);

	if (ret == 0)
		slot->body_len = proto_put_poll(slot_body(slot), revents);
	return ret;
}

int op_fallocate(struct slot *slot, const struct llfused_ops *ops)
{
	const struct fuse_fallocate_in *in = &slot->request.in.fallocate;

	return ops->fallocate(&slot->ctx, nodeid_of(slot), in->fh, in->offset, in->length,
			      in->mode);
}

int op_lseek(struct slot *slot, const struct llfused_ops *ops)
{
	const struct fuse_lseek_in *in = &slot->request.in.lseek;
	uint64_t result = 0;
	int ret = ops->lseek(&slot->ctx, nodeid_of(slot), in->fh, in->offset, in->whence, &result);

	if (ret == 0)
		slot->body_len = proto_put_lseek(slot_body(slot), result);
	return ret;
}

/* The older opcode's reply has 32 bits: no more than this can be said to be copied. */
#define COPY_MAX_32 UINT64_C(0xfffff000)

static int copy_range(struct slot *slot, const struct llfused_ops *ops, uint64_t limit,
		      uint64_t *copied)
{
	const struct fuse_copy_file_range_in *in = &slot->request.in.copy;
	uint64_t len = in->len < limit ? in->len : limit;
	int ret = ops->copy_file_range(&slot->ctx, nodeid_of(slot), in->fh_in, in->off_in,
				       in->nodeid_out, in->fh_out, in->off_out, len,
				       (uint32_t)in->flags, copied);

	return ret == 0 && *copied > len ? fault(slot, FAULT_LENGTH) : ret;
}

int op_copy_file_range(struct slot *slot, const struct llfused_ops *ops)
{
	uint64_t copied = 0;
	int ret = copy_range(slot, ops, COPY_MAX_32, &copied);

	if (ret == 0)
		slot->body_len = proto_put_write(slot_body(slot), (uint32_t)copied);
	return ret;
}

int op_copy_file_range_64(struct slot *slot, const struct llfused_ops *ops)
{
	uint64_t copied = 0;
	int ret = copy_range(slot, ops, UINT64_MAX, &copied);

	if (ret == 0)
		slot->body_len = proto_put_copy(slot_body(slot), copied);
	return ret;
}
