/*
 * Renaming: plain, without replacing, exchanging, leaving a whiteout.
 * Knows nothing of data and of how entries are stored.
 */
#include "attr.h"
#include "namei.h"
#include "namei_steps.h"

#include <errno.h>
#include <sys/stat.h>

#define NOREPLACE 1u
#define EXCHANGE  2u
#define WHITEOUT  4u

/* One end of a rename. */
struct end {
	uint64_t nodeid; /* of the directory */
	struct inode *dir;
	struct name name;
	uint32_t ref; /* the entry; 0: there is none */
};

struct job {
	struct end from;
	struct end to;
	const struct llfused_ctx *ctx;
	uint32_t flags;
};

/*
 * 1 when `inode` is `dir` or above it.  `dir` is locked and not removed, and so nothing above it
 * is; with memfs.moves held it all stays where it is, too.
 */
static int is_above(const struct memfs *fs, const struct inode *inode, const struct inode *dir)
{
	while (dir != inode && inode_index(&fs->inodes, dir) != INODE_ROOT)
		dir = inode_at(&fs->inodes, dir->dir.parent);
	return dir == inode;
}

/* 1 when the end's entry is a directory that is above the other end, or is it. */
static int is_around(const struct memfs *fs, const struct end *end, const struct end *other)
{
	/* in the same directory it is below, and `moves` is not held then */
	return end->dir != other->dir && namei_is_dir(fs, end->ref) &&
	       is_above(fs, dir_target(fs, end->ref), other->dir);
}

/*
 * Whether two existing entries, or an entry and a free name, may trade places.  After this no
 * directory that they mean is above one that is held: they may be locked.
 */
static int check(const struct memfs *fs, const struct job *job)
{
	if (!job->from.ref)
		return -ENOENT;
	if (!job->to.ref && (job->flags & EXCHANGE))
		return -ENOENT;
	if (job->to.ref && (job->flags & NOREPLACE))
		return -EEXIST;
	if (is_around(fs, &job->from, &job->to))
		return -EINVAL;
	if (!job->to.ref)
		return 0;
	if (job->flags & EXCHANGE)
		return is_around(fs, &job->to, &job->from) ? -EINVAL : 0;
	if (namei_is_dir(fs, job->from.ref) != namei_is_dir(fs, job->to.ref))
		return namei_is_dir(fs, job->to.ref) ? -EISDIR : -ENOTDIR;
	return is_around(fs, &job->to, &job->from) ? -ENOTEMPTY : 0;
}

/*
 * An inode hangs in this directory now.  No other one is locked that may be a file: two of them are
 * taken by index only.
 */
static void settle(const struct memfs *fs, struct inode *inode, const struct inode *dir)
{
	inode_lock(&fs->inodes, inode);
	/* written only under `moves`, which is not held when both names are in one directory */
	if (S_ISDIR(inode->mode) && inode_at(&fs->inodes, inode->dir.parent) != dir)
		inode->dir.parent = inode_index(&fs->inodes, dir);
	attr_touch(fs, inode);
	inode_unlock(&fs->inodes, inode);
}

static void exchange(struct memfs *fs, const struct job *job)
{
	struct inode *a = dir_target(fs, job->from.ref);
	struct inode *b = dir_target(fs, job->to.ref);
	struct pointee what_a = dir_pointee_of(fs, job->from.ref);
	struct pointee what_b = dir_pointee_of(fs, job->to.ref);
	int dirs = namei_is_dir(fs, job->to.ref) - namei_is_dir(fs, job->from.ref);

	dir_point(fs, job->from.dir, job->from.ref, &what_b);
	dir_point(fs, job->to.dir, job->to.ref, &what_a);
	namei_dir_changed(job->from.dir, 0, dirs);
	namei_dir_changed(job->to.dir, 0, -dirs);
	settle(fs, a, job->to.dir);
	settle(fs, b, job->from.dir);
}

/* What is to stand at the old name: nothing (NULL), or a whiteout.  It is locked. */
static int make_whiteout(struct memfs *fs, const struct job *job, struct inode **whiteout)
{
	struct namei_make make = {.ctx = job->ctx, .mode = S_IFCHR, .nlink = 1};

	*whiteout = NULL;
	return job->flags & WHITEOUT ? namei_make(fs, job->from.dir, &make, whiteout) : 0;
}

/*
 * Puts the moved inode under the new name, and frees the old one.  A replaced entry keeps its place
 * in the directory, and so does one that only gets another name: nobody who reads the directory
 * meanwhile sees it twice.
 */
static int move_entry(struct memfs *fs, const struct job *job, const struct inode *whiteout)
{
	const struct end *from = &job->from;
	const struct end *to = &job->to;
	struct pointee moved = dir_pointee_of(fs, from->ref);
	struct pointee left;
	int error;

	if (to->ref) {
		dir_point(fs, to->dir, to->ref, &moved);
	} else if (from->dir == to->dir && !whiteout) {
		return dir_rename(fs, to->dir, from->ref, &to->name);
	} else {
		error = dir_add(fs, to->dir, &to->name, &moved);
		if (error)
			return error;
	}
	if (whiteout) {
		left = dir_pointee(fs, whiteout);
		dir_point(fs, from->dir, from->ref, &left);
	} else {
		dir_remove(fs, from->dir, from->ref);
	}
	return 0;
}

/* What is replaced, if anything is, is locked. */
static int move(struct memfs *fs, const struct job *job, int replaces)
{
	struct inode *whiteout;
	int is_dir = namei_is_dir(fs, job->from.ref);
	int error = make_whiteout(fs, job, &whiteout);

	if (error)
		return error;
	error = move_entry(fs, job, whiteout);
	if (error) {
		if (whiteout)
			namei_undo(fs, whiteout);
		return error;
	}
	if (whiteout)
		inode_unlock(&fs->inodes, whiteout);
	namei_dir_changed(job->from.dir, whiteout ? 0 : -1, -is_dir);
	namei_dir_changed(job->to.dir, !replaces, replaces ? 0 : is_dir);
	return 0;
}

/* Takes the name away from what had it before. */
static int replace(struct memfs *fs, const struct job *job, struct inode **died)
{
	struct inode *replaced = dir_target(fs, job->to.ref);
	int error;

	inode_lock(&fs->inodes, replaced);
	error = S_ISDIR(replaced->mode) && replaced->dir.count ? -ENOTEMPTY : move(fs, job, 1);
	if (error)
		inode_unlock(&fs->inodes, replaced);
	else
		*died = namei_drop(fs, replaced);
	return error;
}

/* Both directories are locked; `moves` is, when they are two. */
static int rename_locked(struct memfs *fs, struct job *job, struct inode **died)
{
	struct inode *moved;
	int error;

	job->from.ref = dir_find(fs, job->from.dir, &job->from.name);
	job->to.ref = dir_find(fs, job->to.dir, &job->to.name);
	/* Two names of one file: nothing is to be done, says POSIX. */
	if (job->from.ref && job->to.ref &&
	    dir_target(fs, job->from.ref) == dir_target(fs, job->to.ref))
		return job->flags & NOREPLACE ? -EEXIST : 0;
	error = check(fs, job);
	if (error)
		return error;
	if (job->flags & EXCHANGE) {
		exchange(fs, job);
		return 0;
	}
	moved = dir_target(fs, job->from.ref);
	error = job->to.ref ? replace(fs, job, died) : move(fs, job, 0);
	if (!error)
		settle(fs, moved, job->to.dir);
	return error;
}

static int rename_within(struct memfs *fs, struct job *job, struct inode **died)
{
	int error;
	struct inode *dir = namei_dir(fs, job->from.nodeid, &error);

	if (!dir)
		return error;
	job->from.dir = dir;
	job->to.dir = dir;
	error = rename_locked(fs, job, died);
	inode_unlock(&fs->inodes, dir);
	return error;
}

/* 1 when the source directory is above the other one; 0 too when that one is gone. */
static int from_is_above(const struct memfs *fs, const struct job *job)
{
	int error;
	struct inode *dir = namei_dir_shared(fs, job->to.nodeid, &error);
	int above;

	if (!dir)
		return 0;
	above = is_above(fs, inode_at(&fs->inodes, (uint32_t)job->from.nodeid), dir);
	inode_unlock_shared(&fs->inodes, dir);
	return above;
}

/* `moves` is held. */
static int rename_across(struct memfs *fs, struct job *job, struct inode **died)
{
	int down = from_is_above(fs, job);
	struct end *first = down ? &job->from : &job->to;
	struct end *second = down ? &job->to : &job->from;
	int error;

	first->dir = namei_dir(fs, first->nodeid, &error);
	if (!first->dir)
		return error;
	second->dir = namei_dir(fs, second->nodeid, &error);
	if (second->dir) {
		error = rename_locked(fs, job, died);
		inode_unlock(&fs->inodes, second->dir);
	}
	inode_unlock(&fs->inodes, first->dir);
	return error;
}

int namei_rename(struct llfused_ctx *ctx, uint64_t parent, const char *name, uint64_t newparent,
		 const char *newname, uint32_t flags)
{
	struct memfs *fs = ctx->fs;
	struct job job = {.ctx = ctx, .flags = flags};
	struct inode *died = NULL;
	int error;

	if ((flags & ~(NOREPLACE | EXCHANGE | WHITEOUT)) ||
	    ((flags & EXCHANGE) && (flags & (NOREPLACE | WHITEOUT))))
		return -EINVAL;
	error = namei_check(name, -EBUSY);
	if (!error)
		error = namei_check(newname, flags & NOREPLACE ? -EEXIST : -EBUSY);
	if (error)
		return error;
	job.from.nodeid = parent;
	job.from.name = dir_name(fs, name);
	job.to.nodeid = newparent;
	job.to.name = dir_name(fs, newname);
	if (parent == newparent) {
		error = rename_within(fs, &job, &died);
	} else {
		pthread_mutex_lock(&fs->moves);
		error = rename_across(fs, &job, &died);
		pthread_mutex_unlock(&fs->moves);
	}
	if (died)
		fs_bury(fs, died);
	return error;
}
