/*
 * Field by field from the public structs to proto's and back.  No decisions are made here.
 */
#include "convert.h"

#include <sys/stat.h>

#include "proto/abi.h"

bool convert_attr_possible(const struct llfused_attr *attr)
{
	switch (attr->mode & S_IFMT) {
	case S_IFREG:
	case S_IFDIR:
	case S_IFLNK:
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK:
		return attr->size <= INT64_MAX;
	default:
		return false;
	}
}

bool convert_inode_possible(uint64_t nodeid, const struct llfused_attr *attr)
{
	return convert_attr_possible(attr) && (nodeid != LLFUSED_ROOT_ID || S_ISDIR(attr->mode));
}

void convert_attr(const struct llfused_attr *from, struct proto_attr *to)
{
	*to = (struct proto_attr){
		.ino = from->ino,
		.size = from->size,
		.blocks = from->blocks,
		.atime = from->atime,
		.mtime = from->mtime,
		.ctime = from->ctime,
		.btime = from->btime,
		.has_btime = from->has_btime,
		.mode = from->mode,
		.nlink = from->nlink,
		.uid = from->uid,
		.gid = from->gid,
		.blksize = from->blksize,
		.rdev = from->rdev,
	};
}

void convert_entry(const struct llfused_entry *from, struct proto_entry *to)
{
	to->nodeid = from->nodeid;
	to->generation = from->generation;
	to->entry_timeout = from->entry_timeout;
	to->attr_timeout = from->attr_timeout;
	convert_attr(&from->attr, &to->attr);
}

static struct timespec timespec_of(uint64_t sec, uint32_t nsec)
{
	return (struct timespec){.tv_sec = (time_t)(int64_t)sec, .tv_nsec = (long)nsec};
}

void convert_setattr(const struct fuse_setattr_in *from, struct llfused_setattr *to)
{
	*to = (struct llfused_setattr){
		.valid = from->valid, /* the public bits have the kernel's values */
		.mode = from->mode,
		.uid = from->uid,
		.gid = from->gid,
		.fh = from->fh,
		.size = from->size,
		.lock_owner = from->lock_owner,
		.atime = timespec_of(from->atime, from->atimensec),
		.mtime = timespec_of(from->mtime, from->mtimensec),
		.ctime = timespec_of(from->ctime, from->ctimensec),
	};
}

bool convert_open_possible(const struct proto_conn *conn, uint32_t opcode,
			   const struct llfused_open *open)
{
	const uint32_t companions =
		LLFUSED_OPEN_DIRECT_IO | LLFUSED_OPEN_NOFLUSH | LLFUSED_OPEN_PARALLEL_WRITES;

	if (!(open->flags & LLFUSED_OPEN_PASSTHROUGH))
		return true;
	return conn->features & FUSE_PASSTHROUGH && opcode != FUSE_OPENDIR &&
	       open->backing_id > 0 && open->backing_id <= INT32_MAX &&
	       !(open->flags & ~(companions | LLFUSED_OPEN_PASSTHROUGH));
}

struct proto_open convert_open(const struct llfused_open *from)
{
	bool backed = from->flags & LLFUSED_OPEN_PASSTHROUGH;

	return (struct proto_open){
		.fh = from->fh,
		.flags = from->flags,
		.backing_id = backed ? (int32_t)from->backing_id : 0,
	};
}

struct proto_statfs convert_statfs(const struct llfused_statfs *from)
{
	return (struct proto_statfs){
		.blocks = from->blocks,
		.bfree = from->bfree,
		.bavail = from->bavail,
		.files = from->files,
		.ffree = from->ffree,
		.bsize = from->bsize,
		.frsize = from->frsize,
		.namelen = from->namelen,
	};
}

struct llfused_lock convert_lock_in(const struct fuse_lk_in *from, int wait)
{
	return (struct llfused_lock){
		.owner = from->owner,
		.start = from->lk.start,
		.end = from->lk.end,
		.type = from->lk.type,
		.pid = from->lk.pid,
		.flock = (from->lk_flags & FUSE_LK_FLOCK) != 0,
		.wait = (uint32_t)wait,
	};
}

struct proto_lock convert_lock_out(const struct llfused_lock *from)
{
	return (struct proto_lock){
		.start = from->start, .end = from->end, .type = from->type, .pid = from->pid};
}
