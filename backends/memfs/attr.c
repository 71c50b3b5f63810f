/*
 * Attributes of inodes: getattr, setattr, and the rules of times and of clearing setuid.
 * Knows nothing of names.
 */
#include "attr.h"

#include "acl.h"
#include "backed.h"
#include "data.h"
#include "dir.h"
#include "symlink.h"
#include "xattr.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define DAY              86400
#define GROUPS_LOOKED_AT 1024 /* of a caller; who is in more is taken for no member of the rest */

static struct timespec time_of(const struct inode *inode, int which)
{
	return (struct timespec){.tv_sec = inode->sec[which], .tv_nsec = inode->nsec[which]};
}

void attr_fill(const struct memfs *fs, const struct inode *inode, struct llfused_attr *out)
{
	*out = (struct llfused_attr){
		.ino = atomic_load_explicit(&inode->ino, memory_order_relaxed),
		.atime = time_of(inode, INODE_ATIME),
		.mtime = time_of(inode, INODE_MTIME),
		.ctime = time_of(inode, INODE_CTIME),
		.btime = time_of(inode, INODE_BTIME),
		.has_btime = 1,
		.mode = inode->mode,
		.nlink = inode->nlink,
		.uid = inode->uid,
		.gid = inode->gid,
		.blksize = 4096,
	};
	if (backed_has(fs, inode)) {
		out->size = inode->backed.size;
		out->blocks = inode->backed.blocks;
		backed_fill(fs, inode, out);
	} else if (S_ISREG(inode->mode)) {
		out->size = inode->reg.size;
		out->blocks = inode->reg.npages * (PAGE_BYTES / 512);
	} else if (S_ISDIR(inode->mode)) {
		out->size = DIR_EMPTY_SIZE + (uint64_t)inode->dir.count * DIR_ENTRY_SIZE;
	} else if (S_ISLNK(inode->mode)) {
		out->size = inode->link.size;
		out->blocks = symlink_pages(inode) * (PAGE_BYTES / 512);
	} else {
		out->rdev = inode->rdev;
	}
}

static uint64_t timeout_of(const struct memfs *fs, const struct inode *inode)
{
	return backed_has(fs, inode) ? backed_timeout(inode) : LLFUSED_FOREVER;
}

void attr_count_lookup(struct inode *inode)
{
	atomic_fetch_add_explicit(&inode->nlookup, 1, memory_order_relaxed);
}

void attr_enter(const struct memfs *fs, struct inode *inode, struct llfused_entry *out)
{
	attr_entry(fs, inode, out);
	attr_count_lookup(inode);
}

void attr_entry(const struct memfs *fs, const struct inode *inode, struct llfused_entry *out)
{
	out->nodeid = inode_nodeid(&fs->inodes, inode);
	out->generation = atomic_load_explicit(&inode->ino, memory_order_relaxed);
	out->entry_timeout = LLFUSED_FOREVER;
	out->attr_timeout = timeout_of(fs, inode);
	attr_fill(fs, inode, &out->attr);
}

static int is_before(const struct inode *inode, int a, int b)
{
	if (inode->sec[a] != inode->sec[b])
		return inode->sec[a] < inode->sec[b];
	return inode->nsec[a] <= inode->nsec[b];
}

int attr_atime_is_old(const struct memfs *fs, const struct inode *inode)
{
	if (fs->noatime)
		return 0;
	return is_before(inode, INODE_ATIME, INODE_MTIME) ||
	       is_before(inode, INODE_ATIME, INODE_CTIME) ||
	       inode->sec[INODE_ATIME] <= fs_now().tv_sec - DAY;
}

void attr_set_time(struct inode *inode, int which, const struct timespec *time)
{
	inode->sec[which] = time->tv_sec;
	inode->nsec[which] = (uint32_t)time->tv_nsec;
}

void attr_stamp(struct inode *inode, int mtime)
{
	struct timespec now = fs_now();

	attr_set_time(inode, INODE_CTIME, &now);
	if (mtime)
		attr_set_time(inode, INODE_MTIME, &now);
}

void attr_touch(const struct memfs *fs, struct inode *inode)
{
	if (backed_has(fs, inode))
		backed_touch(fs, inode);
	else
		attr_stamp(inode, 0);
}

static int is_member(const struct llfused_ctx *ctx, uint32_t gid)
{
	uint32_t groups[GROUPS_LOOKED_AT];
	int count;

	if (ctx->gid == gid)
		return 1;
	count = llfused_groups(ctx, groups, GROUPS_LOOKED_AT);
	for (int i = 0; i < count && i < GROUPS_LOOKED_AT; i++)
		if (groups[i] == gid)
			return 1;
	return 0;
}

int attr_may_keep_setgid(const struct llfused_ctx *ctx, const struct inode *inode)
{
	return ctx->uid == 0 || is_member(ctx, inode->gid);
}

void attr_kill_suidgid(const struct llfused_ctx *ctx, struct inode *inode)
{
	inode->mode &= ~(uint32_t)S_ISUID;
	if (!(inode->mode & S_ISGID))
		return;
	/* without group-execute it marks no program, and members of the group may keep it */
	if ((inode->mode & S_IXGRP) || !attr_may_keep_setgid(ctx, inode))
		inode->mode &= ~(uint32_t)S_ISGID;
}

void attr_accessed(const struct memfs *fs, uint64_t nodeid)
{
	struct inode *inode = inode_get(&fs->inodes, nodeid);
	struct timespec now;

	if (!inode)
		return;
	if (attr_atime_is_old(fs, inode)) {
		now = fs_now();
		attr_set_time(inode, INODE_ATIME, &now);
	}
	inode_unlock(&fs->inodes, inode);
}

int attr_getattr(struct llfused_ctx *ctx, uint64_t nodeid, const uint64_t *fh,
		 struct llfused_attr_out *out)
{
	const struct memfs *fs = ctx->fs;
	struct inode *inode = inode_get_shared(&fs->inodes, nodeid);

	(void)fh;
	if (!inode)
		return -ESTALE;
	attr_fill(fs, inode, &out->attr);
	out->timeout = timeout_of(fs, inode);
	inode_unlock_shared(&fs->inodes, inode);
	return 0;
}

/* A time that was asked for: the given one, or now. */
static int is_time_valid(const struct llfused_setattr *set, uint32_t bit, uint32_t now_bit,
			 const struct timespec *time)
{
	return !(set->valid & bit) || (set->valid & now_bit) ||
	       (time->tv_nsec >= 0 && time->tv_nsec < 1000000000);
}

static int check(const struct inode *inode, const struct llfused_setattr *set)
{
	if (!is_time_valid(set, LLFUSED_SET_ATIME, LLFUSED_SET_ATIME_NOW, &set->atime) ||
	    !is_time_valid(set, LLFUSED_SET_MTIME, LLFUSED_SET_MTIME_NOW, &set->mtime) ||
	    !is_time_valid(set, LLFUSED_SET_CTIME, 0, &set->ctime))
		return -EINVAL;
	if (!(set->valid & LLFUSED_SET_SIZE))
		return 0;
	if (S_ISDIR(inode->mode))
		return -EISDIR;
	if (!S_ISREG(inode->mode))
		return -EINVAL;
	return set->size > INT64_MAX ? -EFBIG : 0;
}

/*
 * Whether a new size moves mtime and ctime.  tmpfs leaves them when truncate(2) changes nothing at
 * all; ftruncate (has a handle) and O_TRUNC (size 0) move them always.
 */
static int size_moves_times(const struct inode *inode, const struct llfused_setattr *set)
{
	return set->size != inode->reg.size || inode->reg.npages || set->size == 0 ||
	       (set->valid & LLFUSED_SET_FH);
}

static void set_times(struct inode *inode, const struct llfused_setattr *set,
		      const struct timespec *now)
{
	if (set->valid & LLFUSED_SET_ATIME)
		attr_set_time(inode, INODE_ATIME,
			      set->valid & LLFUSED_SET_ATIME_NOW ? now : &set->atime);
	if (set->valid & LLFUSED_SET_MTIME)
		attr_set_time(inode, INODE_MTIME,
			      set->valid & LLFUSED_SET_MTIME_NOW ? now : &set->mtime);
	attr_set_time(inode, INODE_CTIME, set->valid & LLFUSED_SET_CTIME ? &set->ctime : now);
}

/*
 * A request that sets nothing comes before fallocate and copy_file_range into a setuid file by a
 * caller who must not keep the bit, and from chown(2) with neither id: tmpfs clears the bits on
 * both.
 */
static int kills_suidgid(const struct llfused_ctx *ctx, const struct inode *inode,
			 const struct llfused_setattr *set)
{
	if (set->valid & LLFUSED_SET_KILL_SUIDGID)
		return 1;
	if (set->valid != 0 || S_ISDIR(inode->mode))
		return 0;
	/* behind a capability that was removed it says only that root has written: root keeps them
	 */
	return ctx->uid != 0 || !(inode->flags & INODE_CAP_REMOVED);
}

static void set_owner_and_mode(const struct llfused_ctx *ctx, struct inode *inode,
			       const struct llfused_setattr *set)
{
	struct memfs *fs = ctx->fs;

	/* first: whether setgid may stay is a matter of the group that the file had */
	if (kills_suidgid(ctx, inode, set))
		attr_kill_suidgid(ctx, inode);
	inode->flags &= ~INODE_CAP_REMOVED;
	if (set->valid & LLFUSED_SET_UID)
		inode->uid = set->uid;
	if (set->valid & LLFUSED_SET_GID)
		inode->gid = set->gid;
	if (set->valid & LLFUSED_SET_MODE) {
		inode->mode = (inode->mode & S_IFMT) | (set->mode & 07777);
		xattr_chmod_acl(fs, inode);
	}
	if ((set->valid & (LLFUSED_SET_UID | LLFUSED_SET_GID | LLFUSED_SET_SIZE)) &&
	    !S_ISDIR(inode->mode))
		xattr_kill_capability(fs, inode);
}

static int apply(const struct llfused_ctx *ctx, struct inode *inode,
		 const struct llfused_setattr *set)
{
	struct memfs *fs = ctx->fs;
	struct timespec now = fs_now();
	int touch = 1;

	if (backed_has(fs, inode)) {
		int error = backed_setattr(fs, inode, set);

		if (!error)
			set_owner_and_mode(ctx, inode, set);
		return error;
	}
	if (set->valid & LLFUSED_SET_SIZE) {
		int moves = size_moves_times(inode, set);

		data_truncate(fs, inode, set->size);
		if (moves)
			attr_set_time(inode, INODE_MTIME, &now);
		else
			touch = (set->valid &
				 ~(uint32_t)(LLFUSED_SET_SIZE | LLFUSED_SET_LOCKOWNER)) != 0;
	}
	set_owner_and_mode(ctx, inode, set);
	if (touch)
		set_times(inode, set, &now);
	return 0;
}

int attr_setattr(struct llfused_ctx *ctx, uint64_t nodeid, const struct llfused_setattr *set,
		 struct llfused_attr_out *out)
{
	struct memfs *fs = ctx->fs;
	struct inode *inode = inode_get(&fs->inodes, nodeid);
	int error;

	if (!inode)
		return -ESTALE;
	error = check(inode, set);
	if (!error)
		error = apply(ctx, inode, set);
	if (!error) {
		attr_fill(fs, inode, &out->attr);
		out->timeout = timeout_of(fs, inode);
	}
	inode_unlock(&fs->inodes, inode);
	return error;
}
