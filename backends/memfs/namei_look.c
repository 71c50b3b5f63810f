/*
 * The ops that look at names: lookup, readdir, and forget, which undoes what they count.
 * Knows nothing of how entries are stored; changes no name.
 */
#include "namei.h"

#include "attr.h"
#include "namei_steps.h"

#include <errno.h>
#include <fcntl.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* For "." of an export: any living inode, whether it has a name or not. */
static int look_itself(const struct memfs *fs, uint64_t nodeid, struct llfused_entry *out)
{
	struct inode *inode = inode_get_shared(&fs->inodes, nodeid);

	if (!inode)
		return -ESTALE;
	attr_enter(fs, inode, out);
	inode_unlock_shared(&fs->inodes, inode);
	return 0;
}

/* An inode with a name in a directory that is locked. */
static void enter(const struct memfs *fs, struct inode *inode, struct llfused_entry *out)
{
	inode_lock_shared(&fs->inodes, inode);
	attr_enter(fs, inode, out);
	inode_unlock_shared(&fs->inodes, inode);
}

/*
 * For ".." of an export.  What is above is locked only when the directory is not any more: if that
 * was moved meanwhile and what was above it removed, it is asked again.
 */
static int look_above(const struct memfs *fs, uint64_t nodeid, struct llfused_entry *out)
{
	uint64_t above;
	int error;

	do {
		struct inode *dir = namei_dir_shared(fs, nodeid, &error);

		if (!dir)
			return error;
		above = inode_nodeid(&fs->inodes, inode_at(&fs->inodes, dir->dir.parent));
		inode_unlock_shared(&fs->inodes, dir);
	} while (look_itself(fs, above, out) == -ESTALE);
	return 0;
}

static int look(const struct memfs *fs, uint64_t parent, const char *name,
		struct llfused_entry *out)
{
	struct name key = dir_name(fs, name);
	int error;
	struct inode *dir = namei_dir_shared(fs, parent, &error);
	uint32_t ref;

	if (!dir)
		return error;
	ref = dir_find(fs, dir, &key);
	if (ref)
		enter(fs, dir_target(fs, ref), out);
	else
		*out = (struct llfused_entry){.entry_timeout = LLFUSED_FOREVER};
	inode_unlock_shared(&fs->inodes, dir);
	return 0;
}

int namei_lookup(struct llfused_ctx *ctx, uint64_t parent, const char *name,
		 struct llfused_entry *out)
{
	struct memfs *fs = ctx->fs;
	int error = namei_check(name, 0);

	if (error)
		return error;
	if (strcmp(name, ".") == 0)
		return look_itself(fs, parent, out);
	if (strcmp(name, "..") == 0)
		return look_above(fs, parent, out);
	return look(fs, parent, name, out);
}

static void forget(struct memfs *fs, const struct llfused_forget *what)
{
	struct inode *inode = inode_get(&fs->inodes, what->nodeid);
	uint64_t known;
	int died;

	if (!inode)
		return;
	/* Who holds the lock shared may raise it, but not now. */
	known = atomic_load_explicit(&inode->nlookup, memory_order_relaxed);
	atomic_store_explicit(&inode->nlookup, what->nlookup < known ? known - what->nlookup : 0,
			      memory_order_relaxed);
	died = inode_expire(&fs->inodes, inode);
	inode_unlock(&fs->inodes, inode);
	if (died)
		fs_bury(fs, inode);
}

void namei_forget(struct llfused_ctx *ctx, const struct llfused_forget *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		forget(ctx->fs, &list[i]);
}

/* Gives one entry to the caller; 0 when it was not taken. */
static int give(const struct memfs *fs, const struct inode *dir, const struct dirent_node *node,
		struct llfused_dirents *dirents)
{
	uint64_t next = dir_offset(dir, node->cookie);
	struct inode *inode = inode_at(&fs->inodes, node->inode);
	uint32_t mode = (uint32_t)node->type << 12;
	struct llfused_entry entry;
	int taken;

	if (!dirents->plus)
		return dirents->add(dirents, node->name, node->size,
				    atomic_load_explicit(&inode->ino, memory_order_relaxed), mode,
				    next, NULL);
	inode_lock_shared(&fs->inodes, inode);
	attr_entry(fs, inode, &entry);
	taken = dirents->add(dirents, node->name, node->size, entry.attr.ino, mode, next, &entry);
	if (taken)
		attr_count_lookup(inode);
	inode_unlock_shared(&fs->inodes, inode);
	return taken;
}

static int give_dots(const struct memfs *fs, const struct inode *dir, uint64_t cookie,
		     struct llfused_dirents *dirents)
{
	const struct inode *above = inode_at(&fs->inodes, dir->dir.parent);

	if (cookie < 1 && !dirents->add(dirents, ".", 1, atomic_load(&dir->ino), S_IFDIR,
					dir_offset(dir, 1), NULL))
		return 0;
	return cookie >= 2 || dirents->add(dirents, "..", 2, atomic_load(&above->ino), S_IFDIR,
					   dir_offset(dir, DIR_FIRST_COOKIE - 1), NULL);
}

static void list(const struct memfs *fs, const struct inode *dir, uint64_t cookie,
		 struct llfused_dirents *dirents)
{
	const struct dirent_node *node;

	if (!give_dots(fs, dir, cookie, dirents))
		return;
	while ((node = dir_after(fs, dir, cookie)) && give(fs, dir, node, dirents))
		cookie = node->cookie;
}

int namei_readdir(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		  struct llfused_dirents *dirents)
{
	const struct memfs *fs = ctx->fs;
	int error;
	struct inode *dir = namei_dir_shared(fs, nodeid, &error);
	int old;

	(void)fh;
	/* A directory that was removed while open is empty. */
	if (!dir)
		return error == -ENOENT ? 0 : error;
	old = !(dirents->flags & O_NOATIME) && attr_atime_is_old(fs, dir);
	list(fs, dir, dir_cookie(offset), dirents);
	inode_unlock_shared(&fs->inodes, dir);
	if (old)
		attr_accessed(fs, nodeid);
	return 0;
}
