/*
 * The recording file system's ops on names.
 */
#include "semfs.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define NOREPLACE 1
#define EXCHANGE  2

/* "." and "..", which the kernel asks for to open a file handle. */
static struct sem_node *look_around(const struct semfs *fs, uint64_t nodeid, const char *name)
{
	struct sem_node *node = sem_node(fs, nodeid);

	if (!node || strcmp(name, ".") == 0)
		return node;
	return sem_node(fs, node->parent);
}

static int look_in(struct semfs *fs, uint64_t parent, const char *text, struct sem_node **out)
{
	const struct sem_name *name;
	struct sem_node *dir;
	int ret;

	if (strcmp(text, ".") == 0 || strcmp(text, "..") == 0) {
		*out = look_around(fs, parent, text);
		return *out ? 0 : -ESTALE;
	}
	ret = sem_dir(fs, parent, &dir);
	if (ret == 0)
		ret = sem_name_check(text);
	if (ret != 0)
		return ret;
	name = sem_name_find(dir, text);
	*out = name ? sem_node(fs, name->nodeid) : NULL;
	return name ? 0 : -ENOENT;
}

int sem_lookup(struct llfused_ctx *ctx, uint64_t parent, const char *name,
	       struct llfused_entry *out)
{
	uint64_t special = parent == LLFUSED_ROOT_ID ? sem_special_named(name) : 0;
	SEM_BEGIN(ctx, lookup, special);
	struct sem_node *node = sem_node(fs, special);
	int ret = special ? 0 : look_in(fs, parent, name, &node);

	if (ret == 0)
		return sem_node_enter(fs, node, out);
	if (ret != -ENOENT || fs->negative_timeout == 0)
		return ret;
	out->nodeid = 0;
	out->entry_timeout = fs->negative_timeout;
	return 0;
}

/* ---- making ---- */

static int make(struct semfs *fs, const struct llfused_ctx *ctx, uint64_t parent, const char *name,
		uint32_t mode, struct sem_node **out)
{
	struct sem_node *dir;
	int ret = sem_dir(fs, parent, &dir);

	if (ret == 0)
		ret = sem_name_check(name);
	if (ret != 0)
		return ret;
	if (sem_name_find(dir, name) || (parent == LLFUSED_ROOT_ID && sem_special_named(name)))
		return -EEXIST;
	*out = sem_node_new(fs, ctx, mode);
	if (!*out)
		return -ENOMEM;
	ret = sem_name_add(dir, name, *out);
	if (ret != 0)
		sem_node_settle(fs, *out);
	return ret;
}

int sem_symlink(struct llfused_ctx *ctx, uint64_t parent, const char *name, const char *target,
		struct llfused_entry *out)
{
	SEM_BEGIN(ctx, symlink, parent);
	struct sem_node *node;
	int ret = make(fs, ctx, parent, name, S_IFLNK | 0777, &node);

	if (ret != 0)
		return ret;
	ret = sem_node_resize(node, strlen(target));
	if (ret != 0)
		return ret;
	memcpy(node->data, target, node->size);
	return sem_node_enter(fs, node, out);
}

int sem_mknod(struct llfused_ctx *ctx, uint64_t parent, const char *name, uint32_t mode,
	      uint64_t rdev, struct llfused_entry *out)
{
	SEM_BEGIN(ctx, mknod, parent);
	struct sem_node *node;
	int ret = make(fs, ctx, parent, name, mode, &node);

	if (ret != 0)
		return ret;
	node->rdev = rdev;
	sem_note(fs, ctx, SEM_op_mknod, "mode=%o rdev=%llx", mode, (unsigned long long)rdev);
	return sem_node_enter(fs, node, out);
}

int sem_mkdir(struct llfused_ctx *ctx, uint64_t parent, const char *name, uint32_t mode,
	      struct llfused_entry *out)
{
	SEM_BEGIN(ctx, mkdir, parent);
	struct sem_node *node;
	int ret = make(fs, ctx, parent, name, S_IFDIR | mode, &node);

	if (ret != 0)
		return ret;
	sem_note(fs, ctx, SEM_op_mkdir, "mode=%o", mode);
	return sem_node_enter(fs, node, out);
}

int sem_create(struct llfused_ctx *ctx, uint64_t parent, const char *name, uint32_t mode,
	       uint32_t flags, struct llfused_entry *entry, struct llfused_open *out)
{
	SEM_BEGIN(ctx, create, parent);
	struct sem_node *node;
	int ret = make(fs, ctx, parent, name, mode, &node);

	if (ret != 0)
		return ret;
	sem_note(fs, ctx, SEM_op_create, "mode=%o access=%o append=%d excl=%d", mode,
		 flags & O_ACCMODE, (flags & O_APPEND) != 0, (flags & O_EXCL) != 0);
	ret = sem_open_new(fs, node, out);
	return ret != 0 ? ret : sem_node_enter(fs, node, entry);
}

int sem_tmpfile(struct llfused_ctx *ctx, uint64_t parent, uint32_t mode, uint32_t flags,
		struct llfused_entry *entry, struct llfused_open *out)
{
	SEM_BEGIN(ctx, tmpfile, parent);
	struct sem_node *node = sem_node_new(fs, ctx, mode);

	(void)flags;
	if (!node)
		return -ENOMEM;
	if (sem_open_new(fs, node, out) != 0) {
		sem_node_settle(fs, node);
		return -ENOMEM;
	}
	return sem_node_enter(fs, node, entry);
}

int sem_link(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t newparent, const char *newname,
	     struct llfused_entry *out)
{
	SEM_BEGIN(ctx, link, nodeid);
	struct sem_node *node = sem_node(fs, nodeid), *dir;
	int ret = sem_dir(fs, newparent, &dir);

	if (ret == 0)
		ret = node ? sem_name_check(newname) : -ENOENT;
	if (ret == 0 && sem_name_find(dir, newname))
		ret = -EEXIST;
	if (ret == 0)
		ret = sem_name_add(dir, newname, node);
	return ret != 0 ? ret : sem_node_enter(fs, node, out);
}

/* ---- taking away ---- */

static int find(struct semfs *fs, uint64_t parent, const char *name, struct sem_node **dir,
		struct sem_name **entry)
{
	int ret = sem_dir(fs, parent, dir);

	if (ret != 0)
		return ret;
	*entry = sem_name_find(*dir, name);
	return *entry ? 0 : -ENOENT;
}

/* The target's inode stays as long as anybody knows it. */
static int take_away(struct semfs *fs, struct sem_node *dir, struct sem_name *entry, bool rmdir)
{
	struct sem_node *node = sem_node(fs, entry->nodeid);

	if (rmdir != sem_node_is_dir(node))
		return rmdir ? -ENOTDIR : -EISDIR;
	if (node->first)
		return -ENOTEMPTY;
	node->parent = node->id;
	sem_name_remove(fs, dir, entry);
	return 0;
}

int sem_unlink(struct llfused_ctx *ctx, uint64_t parent, const char *name)
{
	SEM_BEGIN(ctx, unlink, parent);
	struct sem_name *entry;
	struct sem_node *dir;
	int ret = find(fs, parent, name, &dir, &entry);

	return ret != 0 ? ret : take_away(fs, dir, entry, false);
}

int sem_rmdir(struct llfused_ctx *ctx, uint64_t parent, const char *name)
{
	SEM_BEGIN(ctx, rmdir, parent);
	struct sem_name *entry;
	struct sem_node *dir;
	int ret = find(fs, parent, name, &dir, &entry);

	return ret != 0 ? ret : take_away(fs, dir, entry, true);
}

/* ---- rename ---- */

static void set_parent(struct semfs *fs, uint64_t nodeid, uint64_t parent)
{
	struct sem_node *node = sem_node(fs, nodeid);

	if (sem_node_is_dir(node))
		node->parent = parent;
}

static int exchange(struct semfs *fs, struct sem_node *dir, struct sem_name *from,
		    struct sem_node *newdir, struct sem_name *to)
{
	uint64_t nodeid = from->nodeid;

	from->nodeid = to->nodeid;
	to->nodeid = nodeid;
	set_parent(fs, from->nodeid, dir->id);
	set_parent(fs, to->nodeid, newdir->id);
	return 0;
}

int sem_rename(struct llfused_ctx *ctx, uint64_t parent, const char *name, uint64_t newparent,
	       const char *newname, uint32_t flags)
{
	SEM_BEGIN(ctx, rename, parent);
	struct sem_node *dir, *newdir, *node;
	struct sem_name *from, *to;
	int ret = find(fs, parent, name, &dir, &from);
	int missing = find(fs, newparent, newname, &newdir, &to);

	if (ret != 0)
		return ret;
	if (flags & ~(uint32_t)(NOREPLACE | EXCHANGE))
		return -EINVAL;
	if (missing == 0 && flags & NOREPLACE)
		return -EEXIST;
	if (missing != 0 && (missing != -ENOENT || flags & EXCHANGE))
		return missing;
	if (flags & EXCHANGE)
		return exchange(fs, dir, from, newdir, to);
	node = sem_node(fs, from->nodeid);
	if (missing == 0 && to->nodeid == node->id)
		return 0;
	if (missing == 0)
		ret = take_away(fs, newdir, to, sem_node_is_dir(node));
	if (ret == 0)
		ret = sem_name_add(newdir, newname, node);
	if (ret == 0)
		sem_name_remove(fs, dir, from);
	return ret;
}
