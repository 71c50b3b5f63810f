/*
 * Opening and closing files of the second store, and the ids by which the kernel knows them.
 * Knows nothing of how data is read and written when the kernel does not do it.
 */
#include "backed_open.h"

#include "attr.h"
#include "backed_impl.h"
#include "namei.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* Nothing is mapped for writing without the right to read. */
static int is_mapper(uint32_t flags)
{
	return (flags & O_ACCMODE) == O_RDWR;
}

uint64_t backed_timeout(const struct inode *inode)
{
	return inode->backed.mappers && inode->backed.id ? 0 : LLFUSED_FOREVER;
}

/* ---- ids ---- */

void backed_drop_id(struct inode *inode)
{
	if (inode->backed.id)
		llfused_backing_close(inode->backed.id);
	inode->backed.id = 0;
}

/* What the kernel does not take goes through us. */
static int get_id(struct memfs *fs, struct inode *inode)
{
	int fd;

	if (inode->backed.id)
		return 0;
	fd = backed_descriptor(fs, inode, O_RDWR);
	if (fd < 0)
		return fd;
	if (llfused_backing_open(fd, &inode->backed.id))
		inode->backed.id = 0;
	close(fd);
	return 0;
}

/* ---- open ---- */

/*
 * All that have an inode open at a time, the kernel wants open in the same way: as the first one.
 */
static int enter(struct memfs *fs, struct inode *inode, uint32_t flags, struct llfused_open *out)
{
	int error = 0;

	if (!inode->backed.opens)
		error = get_id(fs, inode);
	if (error)
		return error;
	inode->backed.opens++;
	backed_judge(fs, inode);
	inode->backed.mappers += (uint32_t)is_mapper(flags);
	out->fh = (uint64_t)is_mapper(flags);
	out->backing_id = inode->backed.id;
	out->flags = LLFUSED_OPEN_NOFLUSH;
	out->flags |= inode->backed.id ? LLFUSED_OPEN_PASSTHROUGH
				       : LLFUSED_OPEN_DIRECT_IO | LLFUSED_OPEN_PARALLEL_WRITES;
	return 0;
}

/* 1 when attributes that the kernel has may be outdated by the first store to a mapping. */
static int is_first_mapper(const struct inode *inode, uint32_t flags)
{
	return is_mapper(flags) && inode->backed.mappers == 1 && inode->backed.id;
}

int backed_open(struct llfused_ctx *ctx, uint64_t nodeid, uint32_t flags, struct llfused_open *out)
{
	struct memfs *fs = ctx->fs;
	struct inode *inode = inode_get(&fs->inodes, nodeid);
	int forget = 0;
	int error;

	if (!inode)
		return -ESTALE;
	error = S_ISREG(inode->mode) ? enter(fs, inode, flags, out) : -EINVAL;
	if (!error)
		forget = is_first_mapper(inode, flags);
	inode_unlock(&fs->inodes, inode);
	if (forget)
		llfused_notify_inval_inode(nodeid, -1, 0);
	return error;
}

/* Opens what was just made. */
static int open_new(struct llfused_ctx *ctx, uint32_t flags, struct llfused_entry *entry,
		    struct llfused_open *out)
{
	const struct llfused_forget made = {.nodeid = entry->nodeid, .nlookup = 1};
	struct memfs *fs = ctx->fs;
	struct inode *inode = inode_get(&fs->inodes, entry->nodeid);
	int error = -ESTALE;

	if (inode) {
		error = enter(fs, inode, flags, out);
		if (!error)
			entry->attr_timeout = backed_timeout(inode);
		inode_unlock(&fs->inodes, inode);
	}
	if (error)
		namei_forget(ctx, &made, 1);
	return error;
}

int backed_create(struct llfused_ctx *ctx, uint64_t parent, const char *name, uint32_t mode,
		  uint32_t flags, struct llfused_entry *entry, struct llfused_open *out)
{
	int error = namei_mknod(ctx, parent, name, S_IFREG | (mode & 07777), 0, entry);

	return error ? error : open_new(ctx, flags, entry, out);
}

int backed_tmpfile(struct llfused_ctx *ctx, uint64_t parent, uint32_t mode, uint32_t flags,
		   struct llfused_entry *entry, struct llfused_open *out)
{
	int error = namei_tmpfile(ctx, parent, mode, flags, entry, out);

	return error ? error : open_new(ctx, flags, entry, out);
}

/* ---- release ---- */

/* 1 when its id is to get in line: see backed_idle_note(). */
static int leave(struct memfs *fs, struct inode *inode, uint64_t fh)
{
	inode->backed.mappers -= (uint32_t)fh;
	if (--inode->backed.opens)
		return 0;
	backed_refresh(fs, inode);
	backed_judge(fs, inode);
	if (inode->nlink)
		return backed_idle_note(inode);
	backed_drop_id(inode);
	return 0;
}

int backed_release(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint32_t flags,
		   uint64_t lock_owner)
{
	struct memfs *fs = ctx->fs;
	struct inode *inode = inode_get(&fs->inodes, nodeid);
	uint64_t file;
	int idle;

	(void)flags;
	(void)lock_owner;
	if (!inode)
		return -ESTALE;
	idle = leave(fs, inode, fh);
	file = inode->backed.file;
	inode_unlock(&fs->inodes, inode);
	if (idle)
		backed_idle_enqueue(fs, inode_index(&fs->inodes, inode), file);
	return 0;
}
