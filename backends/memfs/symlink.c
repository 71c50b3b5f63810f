/*
 * Targets of symbolic links.
 * Knows nothing of names.
 */
#include "symlink.h"

#include "attr.h"
#include "backed.h"
#include "blob.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define LONGEST       4095
#define LONGEST_SMALL 127 /* longer ones count as a page of data */

uint64_t symlink_pages(const struct inode *inode)
{
	return inode->link.size > LONGEST_SMALL;
}

/* They count among the data, wherever these are. */
static int take_pages(struct memfs *fs, const struct inode *inode, uint64_t pages)
{
	if (fs->backed)
		return pages ? backed_take_page(fs, inode_index(&fs->inodes, inode)) : 0;
	return limits_take_pages(&fs->limits, pages) < pages ? -ENOSPC : 0;
}

static void give_pages(struct memfs *fs, const struct inode *inode, uint64_t pages)
{
	if (!fs->backed)
		limits_give_pages(&fs->limits, pages);
	else if (pages)
		backed_give_page(fs, inode_index(&fs->inodes, inode));
}

int symlink_set(struct memfs *fs, struct inode *inode, const char *target)
{
	size_t size = strlen(target);
	uint64_t pages = size > LONGEST_SMALL;

	if (size > LONGEST)
		return -ENAMETOOLONG;
	if (take_pages(fs, inode, pages))
		return -ENOSPC;
	if (blob_make(&fs->slab, target, size, &inode->link.target) < 0) {
		give_pages(fs, inode, pages);
		return -ENOSPC;
	}
	inode->link.size = (uint32_t)size;
	return 0;
}

void symlink_free(struct memfs *fs, struct inode *inode)
{
	give_pages(fs, inode, symlink_pages(inode));
	blob_free(&fs->slab, inode->link.target);
}

int symlink_readlink(struct llfused_ctx *ctx, uint64_t nodeid, struct llfused_buf *target)
{
	const struct memfs *fs = ctx->fs;
	struct inode *inode = inode_get_shared(&fs->inodes, nodeid);
	int old;

	if (!inode)
		return -ESTALE;
	if (!S_ISLNK(inode->mode)) {
		inode_unlock_shared(&fs->inodes, inode);
		return -EINVAL;
	}
	target->len = inode->link.size < target->cap ? inode->link.size : target->cap;
	blob_read(&fs->slab, inode->link.target, target->data, target->len);
	old = attr_atime_is_old(fs, inode);
	inode_unlock_shared(&fs->inodes, inode);
	if (old)
		attr_accessed(fs, nodeid);
	return 0;
}
