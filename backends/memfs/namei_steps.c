/*
 * Steps that the ops on names share: checking names, making inodes, dropping links.
 * Knows nothing of any single op.
 */
#include "namei_steps.h"

#include "attr.h"
#include "backed.h"
#include "symlink.h"
#include "xattr.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

int namei_check(const char *name, int dots)
{
	if (!*name)
		return -EINVAL;
	if (name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2])))
		return dots;
	return strlen(name) > NAME_BYTES ? -ENAMETOOLONG : 0;
}

/* 0 when names can be made and found in it. */
static int check_dir(const struct inode *inode)
{
	if (!S_ISDIR(inode->mode))
		return -ENOTDIR;
	return inode->nlink ? 0 : -ENOENT;
}

struct inode *namei_dir(const struct memfs *fs, uint64_t nodeid, int *error)
{
	struct inode *inode = inode_get(&fs->inodes, nodeid);

	*error = inode ? check_dir(inode) : -ESTALE;
	if (!*error)
		return inode;
	if (inode)
		inode_unlock(&fs->inodes, inode);
	return NULL;
}

struct inode *namei_dir_shared(const struct memfs *fs, uint64_t nodeid, int *error)
{
	struct inode *inode = inode_get_shared(&fs->inodes, nodeid);

	*error = inode ? check_dir(inode) : -ESTALE;
	if (!*error)
		return inode;
	if (inode)
		inode_unlock_shared(&fs->inodes, inode);
	return NULL;
}

/* What a child takes over from its directory. */
struct heritage {
	uint32_t mode; /* of the directory */
	uint32_t gid;
	struct acl acl;
};

static void inherit(const struct memfs *fs, const struct inode *dir, struct heritage *heritage)
{
	heritage->mode = dir->mode;
	heritage->gid = dir->gid;
	xattr_load_default(fs, dir, &heritage->acl);
}

static void fill(struct inode *inode, const struct namei_make *make,
		 const struct heritage *heritage)
{
	struct timespec now = fs_now();

	inode->mode = make->mode;
	inode->nlink = make->nlink;
	inode->uid = make->ctx->uid;
	inode->gid = make->ctx->gid;
	if (heritage->mode & S_ISGID) {
		inode->gid = heritage->gid;
		if (S_ISDIR(inode->mode))
			inode->mode |= S_ISGID;
	}
	for (int which = 0; which < INODE_TIMES; which++)
		attr_set_time(inode, which, &now);
}

static int equip(struct memfs *fs, struct inode *inode, const struct inode *dir,
		 const struct namei_make *make, struct heritage *heritage)
{
	int error = 0;

	if (S_ISDIR(inode->mode))
		dir_init(inode, inode_index(&fs->inodes, dir));
	else if (S_ISLNK(inode->mode))
		error = symlink_set(fs, inode, make->target);
	else if (backed_has(fs, inode))
		error = backed_make(fs, inode);
	else if (!S_ISREG(inode->mode))
		inode->rdev = make->rdev;
	if (!error)
		error = xattr_inherit(fs, inode, &heritage->acl, make->ctx->umask);
	if (!error)
		error = xattr_label(fs, inode, make->ctx);
	return error;
}

int namei_make(struct memfs *fs, const struct inode *dir, const struct namei_make *make,
	       struct inode **inode)
{
	struct heritage heritage;
	int error = limits_take_inode(&fs->limits);

	if (error)
		return error;
	inherit(fs, dir, &heritage);
	*inode = inode_new(&fs->inodes);
	if (!*inode) {
		limits_give_inode(&fs->limits);
		return -ENOSPC;
	}
	fill(*inode, make, &heritage);
	error = equip(fs, *inode, dir, make, &heritage);
	if (error)
		namei_undo(fs, *inode);
	return error;
}

void namei_undo(struct memfs *fs, struct inode *inode)
{
	inode->nlink = 0;
	inode_expire(&fs->inodes, inode);
	inode_unlock(&fs->inodes, inode);
	fs_bury(fs, inode);
}

void namei_dir_changed(struct inode *dir, int entries, int links)
{
	dir->dir.count += (uint32_t)entries;
	dir->nlink += (uint32_t)links;
	attr_stamp(dir, 1);
}

struct inode *namei_drop(struct memfs *fs, struct inode *inode)
{
	int died;

	if (S_ISDIR(inode->mode)) {
		inode->nlink = 0;
	} else if (--inode->nlink) {
		/* Each further link had been counted like an inode. */
		limits_give_inode(&fs->limits);
	}
	attr_touch(fs, inode);
	died = inode_expire(&fs->inodes, inode);
	if (!died && !inode->nlink) {
		fs_orphan(fs, inode, 1);
		if (backed_has(fs, inode))
			backed_judge(fs, inode);
	}
	inode_unlock(&fs->inodes, inode);
	return died ? inode : NULL;
}
