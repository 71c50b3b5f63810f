/*
 * Steps that the ops on names share.  Only namei*.c and rename.c include this.
 * What they want locked stands at each.
 */
#ifndef MEMFS_NAMEI_STEPS_H
#define MEMFS_NAMEI_STEPS_H

#include "dir.h"

/* 0, -ENAMETOOLONG, or `dots` for "." and "..", -EINVAL for no name. */
int namei_check(const char *name, int dots);

/*
 * Locks the directory with this nodeid that still has a name.  NULL, and nothing is locked, with
 * *error -ESTALE, -ENOTDIR or -ENOENT.
 */
struct inode *namei_dir(const struct memfs *fs, uint64_t nodeid, int *error);
struct inode *namei_dir_shared(const struct memfs *fs, uint64_t nodeid, int *error);

/* What a new inode is to be. */
struct namei_make {
	const struct llfused_ctx *ctx;
	const char *target; /* symbolic links */
	uint64_t rdev;      /* devices */
	uint32_t mode;      /* whole */
	uint32_t nlink;
};

/*
 * A new inode as a child of `dir`, which is locked, with no entry yet.  0 or a negative errno.  It
 * is locked; after inode_unlock() others can find it, before that namei_undo() takes it back.
 */
int namei_make(struct memfs *fs, const struct inode *dir, const struct namei_make *make,
	       struct inode **inode);
void namei_undo(struct memfs *fs, struct inode *inode);

/* After entries came or went: st_size, nlink and times of a directory, which is locked. */
void namei_dir_changed(struct inode *dir, int entries, int links);
/*
 * An inode lost a name (a directory: its only one).  It is locked, and unlocked here.  Returns the
 * inode if it died; fs_bury() it when the directory is unlocked.  Else NULL.
 */
struct inode *namei_drop(struct memfs *fs, struct inode *inode);

static inline int namei_is_dir(const struct memfs *fs, uint32_t ref)
{
	return dir_node(fs, ref)->type == 4;
}

#endif
