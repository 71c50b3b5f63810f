/*
 * The recording file system's ops on attributes.
 */
#include "semfs.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int answer(const struct semfs *fs, const struct sem_node *node, struct llfused_attr_out *out)
{
	sem_node_attr(fs, node, &out->attr);
	out->timeout = sem_is_special(node->id) ? LLFUSED_FOREVER : fs->attr_timeout;
	return 0;
}

int sem_getattr(struct llfused_ctx *ctx, uint64_t nodeid, const uint64_t *fh,
		struct llfused_attr_out *out)
{
	SEM_BEGIN(ctx, getattr, nodeid);
	const struct sem_node *node = sem_node(fs, nodeid);

	if (!node)
		return -ESTALE;
	if (fh)
		sem_open_check(fs, nodeid, *fh);
	return answer(fs, node, out);
}

/* ---- setattr ---- */

/* "valid=" with the names of the bits, then what they came with. */
static void note_setattr(struct semfs *fs, const struct llfused_ctx *ctx,
			 const struct llfused_setattr *set)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} rows[] = {
		{LLFUSED_SET_MODE, "mode"},
		{LLFUSED_SET_UID, "uid"},
		{LLFUSED_SET_GID, "gid"},
		{LLFUSED_SET_SIZE, "size"},
		{LLFUSED_SET_ATIME, "atime"},
		{LLFUSED_SET_MTIME, "mtime"},
		{LLFUSED_SET_ATIME_NOW, "atime_now"},
		{LLFUSED_SET_MTIME_NOW, "mtime_now"},
		{LLFUSED_SET_CTIME, "ctime"},
		{LLFUSED_SET_KILL_SUIDGID, "kill_suidgid"},
	};
	char valid[128] = "";

	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (set->valid & rows[i].bit)
			snprintf(valid + strlen(valid), sizeof valid - strlen(valid), "%s%s",
				 valid[0] ? "," : "", rows[i].name);
	sem_note(fs, ctx, SEM_op_setattr, "valid=%s fh=%s mode=%o to_uid=%u to_gid=%u size=%llu",
		 valid, set->valid & LLFUSED_SET_FH ? "given" : "none", set->mode, set->uid,
		 set->gid, (unsigned long long)set->size);
}

static int apply(struct sem_node *node, struct llfused_setattr *set)
{
	int ret = set->valid & LLFUSED_SET_SIZE ? sem_node_resize(node, set->size) : 0;

	if (ret != 0)
		return ret;
	if (set->valid & LLFUSED_SET_SIZE)
		sem_node_touch(node, true);
	if (set->valid & LLFUSED_SET_MODE)
		node->mode = (node->mode & S_IFMT) | (set->mode & 07777);
	if (set->valid & LLFUSED_SET_UID)
		node->uid = set->uid;
	if (set->valid & LLFUSED_SET_GID)
		node->gid = set->gid;
	/* by the daemon's helper: the bits that say "now" become times */
	llfused_setattr_now(set);
	if (set->valid & (LLFUSED_SET_ATIME_NOW | LLFUSED_SET_MTIME_NOW))
		return -EIO;
	if (set->valid & LLFUSED_SET_ATIME)
		node->atime = set->atime;
	if (set->valid & LLFUSED_SET_MTIME)
		node->mtime = set->mtime;
	sem_node_touch(node, false);
	return 0;
}

int sem_setattr(struct llfused_ctx *ctx, uint64_t nodeid, const struct llfused_setattr *set,
		struct llfused_attr_out *out)
{
	SEM_BEGIN(ctx, setattr, nodeid);
	struct sem_node *node = sem_node(fs, nodeid);
	struct llfused_setattr copy = *set;
	int ret;

	if (!node)
		return -ESTALE;
	if (set->valid & LLFUSED_SET_FH)
		sem_open_check(fs, nodeid, set->fh);
	if (!sem_is_special(nodeid))
		note_setattr(fs, ctx, set);
	ret = sem_is_special(nodeid) ? 0 : apply(node, &copy);
	return ret != 0 ? ret : answer(fs, node, out);
}

/* ---- the others ---- */

int sem_readlink(struct llfused_ctx *ctx, uint64_t nodeid, struct llfused_buf *target)
{
	SEM_BEGIN(ctx, readlink, nodeid);
	const struct sem_node *node = sem_node(fs, nodeid);

	if (!node)
		return -ESTALE;
	if (node->size > target->cap)
		return -ENAMETOOLONG;
	memcpy(target->data, node->data, node->size);
	target->len = node->size;
	return 0;
}

/* The owner's bits decide for everybody, root too, so that a test can be refused. */
int sem_access(struct llfused_ctx *ctx, uint64_t nodeid, uint32_t mask)
{
	SEM_BEGIN(ctx, access, nodeid);
	const struct sem_node *node = sem_node(fs, nodeid);

	if (!node)
		return -ESTALE;
	sem_note(fs, ctx, SEM_op_access, "mask=%u", mask);
	return (node->mode >> 6 & mask) == mask ? 0 : -EACCES;
}

int sem_statfs(struct llfused_ctx *ctx, uint64_t nodeid, struct llfused_statfs *out)
{
	SEM_BEGIN(ctx, statfs, nodeid);

	(void)fs;
	*out = (struct llfused_statfs){
		.blocks = 1000001,
		.bfree = 1000002,
		.bavail = 1000003,
		.files = 1000004,
		.ffree = 1000005,
		.bsize = 8192,
		.frsize = 512,
		.namelen = SEM_NAME_MAX,
	};
	return 0;
}
