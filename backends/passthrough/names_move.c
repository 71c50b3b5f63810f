/*
 * Names that go, or mean something else afterwards: unlink, rmdir, rename.
 * Knows nothing of how inodes are found by name.
 */
#include "names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "creds.h"
#include "names_impl.h"
#include "passthrough.h"
#include "system.h"

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE (1 << 0)
#define RENAME_EXCHANGE  (1 << 1)
#define RENAME_WHITEOUT  (1 << 2)
#endif
#define RENAME_KNOWN ((uint32_t)(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT))

/* A regular file that is about to lose its last name.  What is kept for later opens of it is given
 * up then, and its last close frees its blocks, which takes long. */
struct victim {
	int mount; /* negative: there is none, or it is not known to anybody */
	uint64_t ino;
};

/* Before the name goes: afterwards nobody can tell whose it was. */
static struct victim look_at(const struct pt *fs, int dir_fd, const char *name)
{
	struct victim none = {.mount = -ENOENT};
	struct statx stx;

	if (pt_sys_peek(dir_fd, name, &stx) || !S_ISREG(stx.stx_mode) || stx.stx_nlink > 1)
		return none;
	return (struct victim){.mount = pt_source_known(fs, &stx), .ino = stx.stx_ino};
}

static void say_gone(struct pt *fs, const struct victim *victim)
{
	if (victim->mount >= 0)
		pt_node_unlinked(fs, (uint32_t)victim->mount, victim->ino);
}

static int remove_name(struct llfused_ctx *ctx, uint64_t parent, const char *name, int flags)
{
	struct pt *fs = pt_of(ctx);
	struct victim victim = {.mount = -ENOENT};
	struct pt_ref dir;
	int result = pt_node_begin(ctx, parent, PT_WORK_CHANGE, &dir);

	if (result)
		return result;
	if (pt_source_stops_at(fs, dir.node->mount)) {
		result = -ENOENT;
	} else {
		if (!(flags & AT_REMOVEDIR))
			victim = look_at(fs, dir.fd, name);
		result = unlinkat(dir.fd, name, flags) < 0 ? -errno : 0;
	}
	pt_node_put(fs, &dir);
	if (result == 0)
		say_gone(fs, &victim);
	return result;
}

int pt_names_unlink(struct llfused_ctx *ctx, uint64_t parent, const char *name)
{
	return remove_name(ctx, parent, name, 0);
}

int pt_names_rmdir(struct llfused_ctx *ctx, uint64_t parent, const char *name)
{
	return remove_name(ctx, parent, name, AT_REMOVEDIR);
}

struct place {
	int dir_fd;
	const char *name;
	bool is_local;
};

static struct place place_of(const struct pt *fs, const struct pt_ref *dir, const char *name)
{
	return (struct place){
		.dir_fd = dir->fd,
		.name = name,
		.is_local = pt_mount_at(&fs->source, dir->node->mount)->pace != PT_PACE_SLOW,
	};
}

static int move(const struct llfused_ctx *ctx, struct place from, struct place to, uint32_t flags)
{
	struct pt_creds creds;
	int result = 0;

	/* the whiteout is a new inode */
	if (flags & RENAME_WHITEOUT)
		result = pt_creds_begin(pt_of(ctx), ctx, &creds);
	if (result)
		return result;
	if (renameat2(from.dir_fd, from.name, to.dir_fd, to.name, flags) < 0)
		result = -errno;
	if (flags & RENAME_WHITEOUT)
		pt_creds_end(&creds);
	return result;
}

static int move_and_tell(const struct llfused_ctx *ctx, struct place from, struct place to,
			 uint32_t flags)
{
	struct pt *fs = pt_of(ctx);
	struct victim victim = {.mount = -ENOENT};
	int result = -EEXIST;

	if (flags & (RENAME_NOREPLACE | RENAME_EXCHANGE))
		return move(ctx, from, to, flags);
	/* Mostly there is nothing to be replaced, and so nothing to be looked at.  Not all know the
	 * flag; what servers make of it nobody knows. */
	if (to.is_local)
		result = move(ctx, from, to, flags | RENAME_NOREPLACE);
	if (result != -EEXIST && result != -EINVAL)
		return result;
	victim = look_at(fs, to.dir_fd, to.name);
	result = move(ctx, from, to, flags);
	if (result == 0)
		say_gone(fs, &victim);
	return result;
}

int pt_names_rename(struct llfused_ctx *ctx, uint64_t parent, const char *name, uint64_t newparent,
		    const char *newname, uint32_t flags)
{
	struct pt *fs = pt_of(ctx);
	struct pt_ref from, to;
	int result;

	if (flags & ~RENAME_KNOWN)
		return -EINVAL;
	result = pt_node_begin(ctx, parent, PT_WORK_CHANGE, &from);
	if (result)
		return result;
	result = pt_names_begin(ctx, newparent, PT_WORK_CHANGE, &to);
	if (result == 0) {
		if (pt_source_stops_at(fs, from.node->mount))
			result = -ENOENT;
		else
			result = move_and_tell(ctx, place_of(fs, &from, name),
					       place_of(fs, &to, newname), flags);
		pt_node_put(fs, &to);
	}
	pt_node_put(fs, &from);
	return result;
}
