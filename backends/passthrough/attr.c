/*
 * What the kernel is told of an inode: from statx to attributes and timeouts; getattr and statfs.
 * Knows nothing of names, nor of how attributes are changed.
 */
#include "attr.h"

#include "file.h"
#include "passthrough.h"
#include "system.h"

#include <errno.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

static struct timespec time_of(const struct statx_timestamp *time)
{
	return (struct timespec){.tv_sec = time->tv_sec, .tv_nsec = time->tv_nsec};
}

/*
 * What inode numbers of a device get in their upper half, no two devices the same: a device number
 * has 32 bits, and multiplying by an odd number loses none of them.  It is the same at each mount
 * as long as the device numbers are.
 */
static uint64_t mark_of(uint64_t dev)
{
	uint32_t number = ((uint32_t)major(dev) << 20) + (uint32_t)minor(dev);

	return (uint64_t)(number * 2654435761u) << 32;
}

uint64_t pt_attr_ino(const struct pt *fs, uint32_t mount, uint64_t ino)
{
	uint64_t own = pt_mount_at(&fs->source, 0)->dev;
	uint64_t dev = pt_mount_at(&fs->source, mount)->dev;

	return dev == own ? ino : ino ^ mark_of(dev);
}

void pt_attr_fill(const struct pt *fs, uint32_t mount, const struct statx *stx,
		  struct llfused_attr *out)
{
	const struct pt_options *options = &fs->options;

	out->ino = pt_attr_ino(fs, mount, stx->stx_ino);
	out->size = stx->stx_size;
	out->blocks = stx->stx_blocks;
	out->atime = time_of(&stx->stx_atime);
	out->mtime = time_of(&stx->stx_mtime);
	out->ctime = time_of(&stx->stx_ctime);
	out->has_btime = (stx->stx_mask & STATX_BTIME) != 0;
	if (out->has_btime)
		out->btime = time_of(&stx->stx_btime);
	out->mode = stx->stx_mode;
	out->nlink = stx->stx_nlink;
	out->uid = options->has_force_user ? options->force_user : stx->stx_uid;
	out->gid = options->has_force_group ? options->force_group : stx->stx_gid;
	out->blksize = stx->stx_blksize;
	out->rdev = makedev(stx->stx_rdev_major, stx->stx_rdev_minor);
}

uint64_t pt_attr_timeout(struct pt *fs, const struct pt_node *node)
{
	return node && pt_file_changes_unseen(fs, node) ? 0 : fs->options.attr_timeout;
}

void pt_attr_entry(struct pt *fs, uint32_t mount, const struct statx *stx,
		   struct llfused_entry *out)
{
	const struct pt_node *node = S_ISREG(stx->stx_mode) ? pt_node_at(fs, out->nodeid) : NULL;

	pt_attr_fill(fs, mount, stx, &out->attr);
	out->entry_timeout = fs->options.entry_timeout;
	out->attr_timeout = pt_attr_timeout(fs, node);
}

int pt_attr_answer(struct pt *fs, const struct pt_node *node, int fd, struct llfused_attr_out *out)
{
	struct statx stx;
	int error;

	/* before statx: what is written after it must not be taken for granted */
	out->timeout = pt_attr_timeout(fs, node);
	error = pt_sys_stat(fd, "", &stx);
	if (!error)
		pt_attr_fill(fs, node->mount, &stx, &out->attr);
	return error;
}

static int getattr_open(struct llfused_ctx *ctx, uint64_t fh, struct llfused_attr_out *out)
{
	struct pt *fs = pt_of(ctx);
	const struct pt_file *file = pt_file_at(fs, fh);
	int result = file ? pt_source_pace(fs, ctx, file->node->mount, PT_WORK_INODE) : -EBADF;

	return result ? result : pt_attr_answer(fs, file->node, file->fd, out);
}

int pt_attr_getattr(struct llfused_ctx *ctx, uint64_t nodeid, const uint64_t *fh,
		    struct llfused_attr_out *out)
{
	struct pt_ref ref;
	int result;

	if (fh)
		return getattr_open(ctx, *fh, out);
	result = pt_node_begin(ctx, nodeid, PT_WORK_INODE, &ref);
	if (result)
		return result;
	result = pt_attr_answer(pt_of(ctx), ref.node, ref.fd, out);
	pt_node_put(pt_of(ctx), &ref);
	return result;
}

int pt_attr_statfs(struct llfused_ctx *ctx, uint64_t nodeid, struct llfused_statfs *out)
{
	struct pt_ref ref;
	struct statfs sfs;
	int result = pt_node_begin(ctx, nodeid, PT_WORK_LOOK, &ref);

	if (result)
		return result;
	result = fstatfs(ref.fd, &sfs) < 0 ? -errno : 0;
	pt_node_put(pt_of(ctx), &ref);
	if (result)
		return result;
	*out = (struct llfused_statfs){
		.blocks = sfs.f_blocks,
		.bfree = sfs.f_bfree,
		.bavail = sfs.f_bavail,
		.files = sfs.f_files,
		.ffree = sfs.f_ffree,
		.bsize = (uint32_t)sfs.f_bsize,
		.frsize = (uint32_t)(sfs.f_frsize ? sfs.f_frsize : sfs.f_bsize),
		.namelen = (uint32_t)sfs.f_namelen,
	};
	return 0;
}
