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

/* 1 when `inode` is `dir` or above it. */
static int is_above(const struct memfs *fs, const struct inode *inode, const struct inode *dir)
{
	while (dir != inode && inode_index(&fs->inodes, dir) != INODE_ROOT)
		dir = inode_at(&fs->inodes, dir->dir.parent);
	return dir == inode;
}

static int check_replace(const struct memfs *fs, const struct job *job)
{
	int moves_dir = namei_is_dir(fs, job->from.ref);

	if (moves_dir != namei_is_dir(fs, job->to.ref))
		return moves_dir ? -ENOTDIR : -EISDIR;
	return moves_dir && dir_target(fs, job->to.ref)->dir.count ? -ENOTEMPTY : 0;
}

/* Whether two existing entries, or an entry and a free name, may trade places. */
static int check(const struct memfs *fs, const struct job *job)
{
	if (!job->from.ref)
		return -ENOENT;
	if (!job->to.ref && (job->flags & EXCHANGE))
		return -ENOENT;
	if (job->to.ref && (job->flags & NOREPLACE))
		return -EEXIST;
	if (namei_is_dir(fs, job->from.ref) &&
	    is_above(fs, dir_target(fs, job->from.ref), job->to.dir))
		return -EINVAL;
	if (!job->to.ref)
		return 0;
	if (!(job->flags & EXCHANGE))
		return check_replace(fs, job);
	if (namei_is_dir(fs, job->to.ref) &&
	    is_above(fs, dir_target(fs, job->to.ref), job->from.dir))
		return -EINVAL;
	return 0;
}

static void touch(struct memfs *fs, struct inode *inode)
{
	inode_lock(&fs->inodes, inode);
	attr_touch(inode, 0);
	inode_unlock(&fs->inodes, inode);
}

static void exchange(struct memfs *fs, const struct job *job)
{
	struct inode *a = dir_target(fs, job->from.ref);
	struct inode *b = dir_target(fs, job->to.ref);
	int a_is_dir = namei_is_dir(fs, job->from.ref);
	int b_is_dir = namei_is_dir(fs, job->to.ref);

	dir_point(fs, job->from.dir, job->from.ref, b);
	dir_point(fs, job->to.dir, job->to.ref, a);
	if (a_is_dir)
		a->dir.parent = inode_index(&fs->inodes, job->to.dir);
	if (b_is_dir)
		b->dir.parent = inode_index(&fs->inodes, job->from.dir);
	namei_dir_changed(fs, job->from.dir, 0, b_is_dir - a_is_dir);
	namei_dir_changed(fs, job->to.dir, 0, a_is_dir - b_is_dir);
	touch(fs, a);
	touch(fs, b);
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
static int move_entry(struct memfs *fs, const struct job *job, const struct inode *moved,
		      const struct inode *whiteout)
{
	const struct end *from = &job->from;
	const struct end *to = &job->to;
	int error;

	if (to->ref) {
		dir_point(fs, to->dir, to->ref, moved);
	} else if (from->dir == to->dir && !whiteout) {
		return dir_rename(fs, to->dir, from->ref, &to->name);
	} else {
		error = dir_add(fs, to->dir, &to->name, moved);
		if (error)
			return error;
	}
	if (whiteout)
		dir_point(fs, from->dir, from->ref, whiteout);
	else
		dir_remove(fs, from->dir, from->ref);
	return 0;
}

static int move(struct memfs *fs, const struct job *job, struct inode **died)
{
	struct inode *moved = dir_target(fs, job->from.ref);
	struct inode *replaced = job->to.ref ? dir_target(fs, job->to.ref) : NULL;
	struct inode *whiteout;
	int is_dir = namei_is_dir(fs, job->from.ref);
	int error = make_whiteout(fs, job, &whiteout);

	if (error)
		return error;
	error = move_entry(fs, job, moved, whiteout);
	if (error) {
		if (whiteout)
			namei_undo(fs, whiteout);
		return error;
	}
	if (whiteout)
		inode_unlock(&fs->inodes, whiteout);
	if (is_dir)
		moved->dir.parent = inode_index(&fs->inodes, job->to.dir);
	namei_dir_changed(fs, job->from.dir, whiteout ? 0 : -1, -is_dir);
	namei_dir_changed(fs, job->to.dir, replaced ? 0 : 1, replaced ? 0 : is_dir);
	touch(fs, moved);
	if (replaced)
		*died = namei_drop(fs, replaced);
	return 0;
}

static int rename_in_tree(struct memfs *fs, uint64_t parent, uint64_t newparent, struct job *job,
			  struct inode **died)
{
	int error = namei_dir(fs, parent, &job->from.dir);

	if (!error)
		error = namei_dir(fs, newparent, &job->to.dir);
	if (error)
		return error;
	job->from.ref = dir_find(fs, job->from.dir, &job->from.name);
	job->to.ref = dir_find(fs, job->to.dir, &job->to.name);
	/* Two names of one file: nothing is to be done, says POSIX. */
	if (job->from.ref && job->to.ref &&
	    dir_target(fs, job->from.ref) == dir_target(fs, job->to.ref))
		return job->flags & NOREPLACE ? -EEXIST : 0;
	error = check(fs, job);
	if (error)
		return error;
	if (!(job->flags & EXCHANGE))
		return move(fs, job, died);
	exchange(fs, job);
	return 0;
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
	job.from.name = dir_name(fs, name);
	job.to.name = dir_name(fs, newname);
	pthread_rwlock_wrlock(&fs->tree);
	error = rename_in_tree(fs, parent, newparent, &job, &died);
	pthread_rwlock_unlock(&fs->tree);
	if (died)
		fs_bury(fs, died);
	return error;
}
