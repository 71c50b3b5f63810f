/*
 * The ops that make and remove names, one at a time.
 * Knows nothing of data and of how entries are stored.
 */
#include "namei.h"

#include "attr.h"
#include "backed.h"
#include "namei_steps.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

/* Makes an inode and its entry. */
static int add_child(struct memfs *fs, struct inode *dir, const struct name *name,
		     const struct namei_make *make, struct llfused_entry *out)
{
	struct inode *inode;
	struct pointee what;
	int error;

	if (dir_find(fs, dir, name))
		return -EEXIST;
	error = namei_make(fs, dir, make, &inode);
	if (error)
		return error;
	what = dir_pointee(fs, inode);
	error = dir_add(fs, dir, name, &what);
	if (error) {
		namei_undo(fs, inode);
		return error;
	}
	attr_enter(fs, inode, out);
	inode_unlock(&fs->inodes, inode);
	namei_dir_changed(dir, 1, S_ISDIR(make->mode));
	return 0;
}

static int try_create(struct memfs *fs, uint64_t parent, const struct name *name,
		      const struct namei_make *make, struct llfused_entry *out)
{
	int error;
	struct inode *dir = namei_dir(fs, parent, &error);

	if (!dir)
		return error;
	error = add_child(fs, dir, name, make, out);
	inode_unlock(&fs->inodes, dir);
	return error;
}

static int create(struct llfused_ctx *ctx, uint64_t parent, const char *name,
		  const struct namei_make *make, struct llfused_entry *out)
{
	struct memfs *fs = ctx->fs;
	int error = namei_check(name, -EEXIST);
	unsigned tries = 0;
	struct name key;

	if (error)
		return error;
	key = dir_name(fs, name);
	do {
		error = try_create(fs, parent, &key, make, out);
	} while (error == -ENOSPC && fs_await_space(fs, &tries));
	return error;
}

int namei_symlink(struct llfused_ctx *ctx, uint64_t parent, const char *name, const char *target,
		  struct llfused_entry *out)
{
	struct namei_make make = {.ctx = ctx, .mode = S_IFLNK | 0777, .nlink = 1, .target = target};

	return create(ctx, parent, name, &make, out);
}

int namei_mknod(struct llfused_ctx *ctx, uint64_t parent, const char *name, uint32_t mode,
		uint64_t rdev, struct llfused_entry *out)
{
	struct namei_make make = {.ctx = ctx, .mode = mode & (S_IFMT | 07777), .nlink = 1};

	switch (mode & S_IFMT) {
	case 0:
		make.mode |= S_IFREG;
		break;
	case S_IFCHR:
	case S_IFBLK:
		make.rdev = rdev;
		break;
	case S_IFREG:
	case S_IFIFO:
	case S_IFSOCK:
		break;
	case S_IFDIR:
		return -EPERM;
	default:
		return -EINVAL;
	}
	return create(ctx, parent, name, &make, out);
}

int namei_mkdir(struct llfused_ctx *ctx, uint64_t parent, const char *name, uint32_t mode,
		struct llfused_entry *out)
{
	struct namei_make make = {.ctx = ctx, .mode = S_IFDIR | (mode & 07777), .nlink = 2};

	return create(ctx, parent, name, &make, out);
}

int namei_tmpfile(struct llfused_ctx *ctx, uint64_t parent, uint32_t mode, uint32_t flags,
		  struct llfused_entry *entry, struct llfused_open *out)
{
	struct memfs *fs = ctx->fs;
	struct namei_make make = {.ctx = ctx, .mode = S_IFREG | (mode & 07777)};
	struct inode *dir;
	struct inode *inode;
	int error;

	(void)out;
	dir = namei_dir_shared(fs, parent, &error);
	if (!dir)
		return error;
	error = namei_make(fs, dir, &make, &inode);
	if (!error) {
		if (!(flags & O_EXCL))
			inode->flags |= INODE_LINKABLE;
		fs_orphan(fs, inode, 1);
		attr_enter(fs, inode, entry);
		inode_unlock(&fs->inodes, inode);
	}
	inode_unlock_shared(&fs->inodes, dir);
	return error;
}

/* 0 when the inode may get one more name, which is paid for then. */
static int prepare_link(struct memfs *fs, const struct inode *inode)
{
	if (!inode->nlink)
		return inode->flags & INODE_LINKABLE ? 0 : -ENOENT;
	return inode->nlink == UINT32_MAX ? -EMLINK : limits_take_inode(&fs->limits);
}

static int link_inode(struct memfs *fs, struct inode *inode, struct inode *dir,
		      const struct name *name, struct llfused_entry *out)
{
	struct pointee what = dir_pointee(fs, inode);
	int error = prepare_link(fs, inode);

	if (error)
		return error;
	error = dir_add(fs, dir, name, &what);
	if (error) {
		if (inode->nlink)
			limits_give_inode(&fs->limits);
		return error;
	}
	inode->nlink++;
	inode->flags &= ~INODE_LINKABLE;
	fs_orphan(fs, inode, 0);
	if (backed_has(fs, inode))
		backed_judge(fs, inode);
	attr_touch(fs, inode);
	attr_enter(fs, inode, out);
	return 0;
}

static int add_link(struct memfs *fs, uint64_t nodeid, struct inode *dir, const struct name *name,
		    struct llfused_entry *out)
{
	struct inode *inode;
	int error;

	if (dir_find(fs, dir, name))
		return -EEXIST;
	inode = inode_get(&fs->inodes, nodeid);
	if (!inode)
		return -ESTALE;
	error = link_inode(fs, inode, dir, name, out);
	inode_unlock(&fs->inodes, inode);
	if (!error)
		namei_dir_changed(dir, 1, 0);
	return error;
}

/* 0, or why no link can be made to what has this nodeid, whatever becomes of it. */
static int may_link(const struct memfs *fs, uint64_t nodeid)
{
	struct inode *inode = inode_get_shared(&fs->inodes, nodeid);
	int error;

	if (!inode)
		return -ESTALE;
	error = S_ISDIR(inode->mode) ? -EPERM : 0;
	inode_unlock_shared(&fs->inodes, inode);
	return error;
}

int namei_link(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t newparent, const char *newname,
	       struct llfused_entry *out)
{
	struct memfs *fs = ctx->fs;
	int error = namei_check(newname, -EEXIST);
	struct inode *dir;
	struct name key;

	/* a directory must not be waited for while another one is held */
	if (!error)
		error = may_link(fs, nodeid);
	if (error)
		return error;
	key = dir_name(fs, newname);
	dir = namei_dir(fs, newparent, &error);
	if (!dir)
		return error;
	error = add_link(fs, nodeid, dir, &key, out);
	inode_unlock(&fs->inodes, dir);
	return error;
}

/* rmdir (want_dir) or unlink. */
static int remove_child(struct memfs *fs, struct inode *dir, const struct name *name, int want_dir,
			struct inode **died)
{
	uint32_t ref = dir_find(fs, dir, name);
	struct inode *inode;

	if (!ref)
		return -ENOENT;
	if (namei_is_dir(fs, ref) != want_dir)
		return want_dir ? -ENOTDIR : -EISDIR;
	inode = dir_target(fs, ref);
	inode_lock(&fs->inodes, inode);
	if (want_dir && inode->dir.count) {
		inode_unlock(&fs->inodes, inode);
		return -ENOTEMPTY;
	}
	dir_remove(fs, dir, ref);
	namei_dir_changed(dir, -1, -want_dir);
	*died = namei_drop(fs, inode);
	return 0;
}

static int remove_name(struct llfused_ctx *ctx, uint64_t parent, const char *name, int want_dir)
{
	struct memfs *fs = ctx->fs;
	struct inode *died = NULL;
	int error = namei_check(name, want_dir ? -EINVAL : -EISDIR);
	struct inode *dir;
	struct name key;

	if (error)
		return error;
	key = dir_name(fs, name);
	dir = namei_dir(fs, parent, &error);
	if (!dir)
		return error;
	error = remove_child(fs, dir, &key, want_dir, &died);
	inode_unlock(&fs->inodes, dir);
	if (died)
		fs_bury(fs, died);
	return error;
}

int namei_unlink(struct llfused_ctx *ctx, uint64_t parent, const char *name)
{
	return remove_name(ctx, parent, name, 0);
}

int namei_rmdir(struct llfused_ctx *ctx, uint64_t parent, const char *name)
{
	return remove_name(ctx, parent, name, 1);
}
