/*
 * The second store of file data (data=passthrough): each regular file of the mount has a file in a
 * private tmpfs of the kernel, which reads and writes it without us.  Knows no names of the mount.
 */
#ifndef MEMFS_BACKED_H
#define MEMFS_BACKED_H

#include "fs.h"

#include <sys/stat.h>

/*
 * The backing file's size, blocks and times are the file's.  While it is not open nothing changes
 * them but us, so the inode has a copy then.  They all come from the kernel's clock, which is not
 * to be mixed with ours: it ticks, and stands still in between.
 */

/* In ready(): 0, or a negative errno and why there can be no such store. */
int backed_start(struct memfs *fs, struct llfused_error *error);
/* In init(): 0, or a negative errno that was told by llfused_fatal(). */
int backed_init(struct memfs *fs, const struct llfused_conn *conn);
void backed_stop(struct memfs *fs);

static inline int backed_has(const struct memfs *fs, const struct inode *inode)
{
	return fs->backed && S_ISREG(inode->mode);
}

/*
 * All of these are for inodes for which backed_has() holds, and want the lock held exclusively, but
 * where they say otherwise.
 */

/* A new inode gets its file, and its times from it.  0 or a negative errno. */
int backed_make(struct memfs *fs, struct inode *inode);
/* After it lost its last name, or was opened or closed: whether the kernel is about to forget it.
 */
void backed_judge(struct memfs *fs, struct inode *inode);
/* The inode is dead. */
void backed_free(struct memfs *fs, struct inode *inode);

/* Puts size, blocks and times of an open file into `out`, which has the inode's.  Shared. */
void backed_fill(const struct memfs *fs, const struct inode *inode, struct llfused_attr *out);
/* How long the kernel may keep the attributes: what is mapped changes without a message.  Shared.
 */
uint64_t backed_timeout(const struct inode *inode);
/* Moves ctime. */
void backed_touch(const struct memfs *fs, struct inode *inode);
/* The new size and times; what is ours (owner and mode) moves ctime only.  0 or a negative errno.
 */
int backed_setattr(struct memfs *fs, struct inode *inode, const struct llfused_setattr *set);

/* A descriptor of its file, with these flags of open(2); or a negative errno.  Shared. */
int backed_descriptor(const struct memfs *fs, const struct inode *inode, int flags);
/* Brings the inode's copy up to date. */
void backed_refresh(const struct memfs *fs, struct inode *inode);

/* What is used of the private tmpfs, and what it has.  No lock.  0 or a negative errno. */
int backed_space(const struct memfs *fs, struct llfused_statfs *out);

/* One page for the `index`th thing that is not kept in the private tmpfs, but counts.  0 or
 * -ENOSPC.
 */
int backed_take_page(struct memfs *fs, uint32_t index);
void backed_give_page(struct memfs *fs, uint32_t index);

#endif
