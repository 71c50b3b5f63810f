/*
 * A file system of one file, `f`, that reads CONTENT (a string, defined by whoever includes this):
 * the ops of the plugins that differ in their tables only.
 */
#ifndef TESTS_PLUGINS_ONEFILE_H
#define TESTS_PLUGINS_ONEFILE_H

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include <llfused/backend.h>

#define FILE_ID (LLFUSED_ROOT_ID + 1)

static int onefile_load(void **fs, struct llfused_error *error)
{
	(void)error;
	*fs = NULL;
	return 0;
}

static int onefile_attr(uint64_t nodeid, struct llfused_attr *attr)
{
	attr->ino = nodeid;
	attr->nlink = nodeid == LLFUSED_ROOT_ID ? 2 : 1;
	attr->mode = nodeid == LLFUSED_ROOT_ID ? S_IFDIR | 0755 : S_IFREG | 0444;
	attr->size = nodeid == LLFUSED_ROOT_ID ? 0 : sizeof(CONTENT) - 1;
	return 0;
}

static int onefile_lookup(struct llfused_ctx *ctx, uint64_t parent, const char *name,
			  struct llfused_entry *out)
{
	(void)ctx;
	if (parent != LLFUSED_ROOT_ID || strcmp(name, "f") != 0)
		return -ENOENT;
	out->nodeid = FILE_ID;
	return onefile_attr(FILE_ID, &out->attr);
}

static int onefile_getattr(struct llfused_ctx *ctx, uint64_t nodeid, const uint64_t *fh,
			   struct llfused_attr_out *out)
{
	(void)ctx;
	(void)fh;
	return onefile_attr(nodeid, &out->attr);
}

static int onefile_read(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
			uint32_t flags, struct llfused_buf *buf)
{
	(void)ctx;
	(void)nodeid;
	(void)fh;
	(void)flags;
	llfused_buf_read(buf, CONTENT, sizeof(CONTENT) - 1, offset);
	return 0;
}

static int onefile_readdir(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
			   struct llfused_dirents *dirents)
{
	(void)ctx;
	(void)nodeid;
	(void)fh;
	if (offset == 0)
		dirents->add(dirents, "f", 1, FILE_ID, S_IFREG, 1, NULL);
	return 0;
}

static int onefile_statfs(struct llfused_ctx *ctx, uint64_t nodeid, struct llfused_statfs *out)
{
	(void)ctx;
	(void)nodeid;
	out->bsize = out->frsize = 4096;
	out->blocks = 1;
	out->namelen = 1;
	return 0;
}

#endif
