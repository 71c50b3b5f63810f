/*
 * laterfs: ops on names, attributes and extended attributes.
 * It must not know how answers are given.
 */
#include "laterfs.h"

#include <stdlib.h>
#include <sys/stat.h>

/* ---- names ---- */

int later_lookup(struct llfused_ctx *ctx, uint64_t parent, const char *name,
		 struct llfused_entry *out)
{
	LATER_BEGIN(ctx, entry);
	struct later_name *found = later_name_find(fs, parent, name);

	(void)out;
	if (found)
		later_node_enter(fs, later_node(fs, found->nodeid), &job->entry);
	return later_job_give(ctx, job, found ? 0 : -ENOENT);
}

/* A new node of that name; NULL: `error` says why. */
static struct later_node *make(struct llfused_ctx *ctx, struct later_job *job, uint64_t parent,
			       const char *name, uint32_t mode, int *error)
{
	struct laterfs *fs = ctx->fs;
	struct later_node *node = later_node_new(fs, ctx, mode);

	*error = node ? 0 : -ENOSPC;
	if (!node)
		return NULL;
	later_node_enter(fs, node, &job->entry);
	*error = name ? later_name_add(fs, parent, name, node) : 0;
	if (*error != 0)
		later_node_forget(fs, job->entry.nodeid, 1);
	later_node_attr(fs, node, &job->entry.attr);
	return *error == 0 ? node : NULL;
}

int later_mknod(struct llfused_ctx *ctx, uint64_t parent, const char *name, uint32_t mode,
		uint64_t rdev, struct llfused_entry *out)
{
	LATER_BEGIN(ctx, entry);
	int error;

	(void)fs;
	(void)rdev;
	(void)out;
	make(ctx, job, parent, name, mode, &error);
	return later_job_give(ctx, job, error);
}

int later_mkdir(struct llfused_ctx *ctx, uint64_t parent, const char *name, uint32_t mode,
		struct llfused_entry *out)
{
	return later_mknod(ctx, parent, name, mode | S_IFDIR, 0, out);
}

int later_symlink(struct llfused_ctx *ctx, uint64_t parent, const char *name, const char *target,
		  struct llfused_entry *out)
{
	LATER_BEGIN(ctx, entry);
	struct later_node *node;
	int error;

	(void)fs;
	(void)out;
	node = make(ctx, job, parent, name, S_IFLNK | 0777, &error);
	if (node) {
		node->size = strlen(target);
		memcpy(node->data, target, node->size);
		job->entry.attr.size = node->size;
	}
	return later_job_give(ctx, job, error);
}

int later_link(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t newparent, const char *newname,
	       struct llfused_entry *out)
{
	LATER_BEGIN(ctx, entry);
	struct later_node *node = later_node(fs, nodeid);
	int error = node ? later_name_add(fs, newparent, newname, node) : -ENOENT;

	(void)out;
	if (error == 0)
		later_node_enter(fs, node, &job->entry);
	return later_job_give(ctx, job, error);
}

int later_create(struct llfused_ctx *ctx, uint64_t parent, const char *name, uint32_t mode,
		 uint32_t flags, struct llfused_entry *entry, struct llfused_open *out)
{
	LATER_BEGIN(ctx, create);
	int error;

	(void)fs;
	(void)flags;
	(void)entry;
	make(ctx, job, parent, name, mode, &error);
	job->open = *out;
	return later_job_give(ctx, job, error);
}

int later_tmpfile(struct llfused_ctx *ctx, uint64_t parent, uint32_t mode, uint32_t flags,
		  struct llfused_entry *entry, struct llfused_open *out)
{
	return later_create(ctx, parent, NULL, mode, flags, entry, out);
}

int later_unlink(struct llfused_ctx *ctx, uint64_t parent, const char *name)
{
	LATER_BEGIN(ctx, error);
	struct later_name *found = later_name_find(fs, parent, name);

	if (found)
		later_name_drop(fs, found);
	return later_job_give(ctx, job, found ? 0 : -ENOENT);
}

static bool is_empty(const struct laterfs *fs, uint64_t nodeid)
{
	for (unsigned i = 0; i < LATER_NAMES; i++)
		if (fs->name[i].parent == nodeid)
			return false;
	return true;
}

int later_rmdir(struct llfused_ctx *ctx, uint64_t parent, const char *name)
{
	LATER_BEGIN(ctx, error);
	struct later_name *found = later_name_find(fs, parent, name);
	int error = !found ? -ENOENT : is_empty(fs, found->nodeid) ? 0 : -ENOTEMPTY;

	if (error == 0)
		later_name_drop(fs, found);
	return later_job_give(ctx, job, error);
}

int later_rename(struct llfused_ctx *ctx, uint64_t parent, const char *name, uint64_t newparent,
		 const char *newname, uint32_t flags)
{
	LATER_BEGIN(ctx, error);
	struct later_name *from = later_name_find(fs, parent, name);
	struct later_name *to = later_name_find(fs, newparent, newname);
	int error = 0;

	if (!from)
		error = -ENOENT;
	else if (flags & ~1u || strlen(newname) >= LATER_NAME_MAX)
		error = -EINVAL;
	else if (to && flags & 1)
		error = -EEXIST;
	if (error == 0) {
		if (to)
			later_name_drop(fs, to);
		from->parent = newparent;
		strcpy(from->text, newname);
	}
	return later_job_give(ctx, job, error);
}

void later_forget(struct llfused_ctx *ctx, const struct llfused_forget *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		later_node_forget(ctx->fs, list[i].nodeid, list[i].nlookup);
}

/* ---- nodes ---- */

int later_getattr(struct llfused_ctx *ctx, uint64_t nodeid, const uint64_t *fh,
		  struct llfused_attr_out *out)
{
	LATER_BEGIN(ctx, attr);
	const struct later_node *node = later_node(fs, nodeid);

	(void)fh;
	(void)out;
	if (node)
		later_node_attr(fs, node, &job->attr.attr);
	return later_job_give(ctx, job, node ? 0 : -ENOENT);
}

int later_setattr(struct llfused_ctx *ctx, uint64_t nodeid, const struct llfused_setattr *asked,
		  struct llfused_attr_out *out)
{
	LATER_BEGIN(ctx, attr);
	struct later_node *node = later_node(fs, nodeid);
	struct llfused_setattr set = *asked;

	(void)out;
	if (!node)
		return later_job_give(ctx, job, -ENOENT);
	if (set.valid & LLFUSED_SET_SIZE && set.size > LATER_FILE_MAX)
		return later_job_give(ctx, job, -EFBIG);
	llfused_setattr_now(&set);
	if (set.valid & LLFUSED_SET_MODE)
		node->mode = (node->mode & S_IFMT) | (set.mode & 07777);
	if (set.valid & LLFUSED_SET_SIZE) {
		if (set.size < node->size)
			memset(node->data + set.size, 0, node->size - set.size);
		node->size = set.size;
	}
	if (set.valid & LLFUSED_SET_MTIME)
		node->mtime = set.mtime;
	later_node_attr(fs, node, &job->attr.attr);
	return later_job_give(ctx, job, 0);
}

int later_readlink(struct llfused_ctx *ctx, uint64_t nodeid, struct llfused_buf *target)
{
	LATER_BEGIN(ctx, data);
	const struct later_node *node = later_node(fs, nodeid);

	(void)target;
	return later_job_give(ctx, job, later_job_data(job, node->data, node->size));
}

/* The number of files is that of the lookups that count. */
int later_statfs(struct llfused_ctx *ctx, uint64_t nodeid, struct llfused_statfs *out)
{
	LATER_BEGIN(ctx, statfs);

	(void)nodeid;
	(void)out;
	job->statfs = (struct llfused_statfs){
		.blocks = 4711,
		.files = later_lookups(fs),
		.bsize = 4096,
		.frsize = 4096,
		.namelen = LATER_NAME_MAX - 1,
	};
	return later_job_give(ctx, job, 0);
}

/* ---- extended attributes: one for each node ---- */

int later_setxattr(struct llfused_ctx *ctx, uint64_t nodeid, const char *name, const void *value,
		   size_t size, uint32_t flags, uint32_t xflags)
{
	LATER_BEGIN(ctx, error);
	struct later_node *node = later_node(fs, nodeid);

	(void)flags;
	(void)xflags;
	if (strlen(name) >= sizeof node->xname || size > sizeof node->xvalue)
		return later_job_give(ctx, job, -ENOSPC);
	strcpy(node->xname, name);
	memcpy(node->xvalue, value, size);
	node->xsize = size;
	return later_job_give(ctx, job, 0);
}

/* The two questions about bytes: how many, and which. */
static int give_bytes(struct llfused_ctx *ctx, struct later_job *job, size_t cap, const void *data,
		      size_t size)
{
	if (cap == 0) {
		job->kind = LATER_xattr_size;
		job->size = size;
		return later_job_give(ctx, job, 0);
	}
	return later_job_give(ctx, job, size > cap ? -ERANGE : later_job_data(job, data, size));
}

int later_getxattr(struct llfused_ctx *ctx, uint64_t nodeid, const char *name,
		   struct llfused_buf *value)
{
	LATER_BEGIN(ctx, data);
	const struct later_node *node = later_node(fs, nodeid);

	if (strcmp(node->xname, name) != 0)
		return later_job_give(ctx, job, -ENODATA);
	return give_bytes(ctx, job, value->cap, node->xvalue, node->xsize);
}

int later_listxattr(struct llfused_ctx *ctx, uint64_t nodeid, struct llfused_buf *list)
{
	LATER_BEGIN(ctx, data);
	const struct later_node *node = later_node(fs, nodeid);

	return give_bytes(ctx, job, list->cap, node->xname,
			  node->xname[0] ? strlen(node->xname) + 1 : 0);
}

int later_removexattr(struct llfused_ctx *ctx, uint64_t nodeid, const char *name)
{
	LATER_BEGIN(ctx, error);
	struct later_node *node = later_node(fs, nodeid);
	bool found = strcmp(node->xname, name) == 0;

	if (found)
		node->xname[0] = '\0';
	return later_job_give(ctx, job, found ? 0 : -ENODATA);
}
