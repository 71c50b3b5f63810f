/*
 * The recording file system's ops on open files and their contents.
 */
#include "semfs.h"

#include <stdlib.h>
#include <string.h>

/* ---- open files ---- */

int sem_open_new(struct semfs *fs, struct sem_node *node, struct llfused_open *out)
{
	struct sem_open *open = malloc(sizeof *open);

	if (!open)
		return -ENOMEM;
	*open = (struct sem_open){.next = fs->opens, .fh = ++fs->last_fh, .nodeid = node->id};
	fs->opens = open;
	node->opens++;
	out->fh = open->fh;
	return 0;
}

static struct sem_open **find_open(struct semfs *fs, uint64_t nodeid, uint64_t fh)
{
	struct sem_open **at = &fs->opens;

	while (*at && ((*at)->fh != fh || (*at)->nodeid != nodeid))
		at = &(*at)->next;
	return at;
}

void sem_open_check(struct semfs *fs, uint64_t nodeid, uint64_t fh)
{
	fs->bad_handles += *find_open(fs, nodeid, fh) == NULL;
}

void sem_open_end(struct semfs *fs, uint64_t nodeid, uint64_t fh)
{
	struct sem_open **at = find_open(fs, nodeid, fh), *open = *at;
	struct sem_node *node = sem_node(fs, nodeid);

	if (!open || !node) {
		fs->bad_handles++;
		return;
	}
	*at = open->next;
	free(open);
	node->opens--;
	sem_node_settle(fs, node);
}

int sem_open(struct llfused_ctx *ctx, uint64_t nodeid, uint32_t flags, struct llfused_open *out)
{
	SEM_BEGIN(ctx, open, nodeid);
	struct sem_node *node = sem_node(fs, nodeid);

	if (!node)
		return -ESTALE;
	if (!sem_is_special(nodeid))
		sem_note(fs, ctx, SEM_op_open, "flags=%x", flags);
	if (sem_is_special(nodeid) || node->direct)
		out->flags = LLFUSED_OPEN_DIRECT_IO;
	return sem_open_new(fs, node, out);
}

int sem_flush(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t lock_owner)
{
	SEM_BEGIN(ctx, flush, nodeid);

	(void)lock_owner;
	sem_open_check(fs, nodeid, fh);
	return 0;
}

int sem_release(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint32_t flags,
		uint64_t lock_owner)
{
	SEM_BEGIN(ctx, release, nodeid);

	(void)flags;
	(void)lock_owner;
	sem_open_end(fs, nodeid, fh);
	return 0;
}

int sem_fsync(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, int datasync)
{
	SEM_BEGIN(ctx, fsync, nodeid);

	(void)datasync;
	sem_open_check(fs, nodeid, fh);
	return 0;
}

/* ---- contents ---- */

static int read_special(const struct semfs *fs, uint64_t nodeid, uint64_t offset,
			struct llfused_buf *buf)
{
	char *text;

	if (nodeid == SEM_RETRIEVED)
		llfused_buf_read(buf, fs->retrieved.data, fs->retrieved.size, offset);
	if (nodeid != SEM_REPORT)
		return 0;
	text = malloc(SEM_REPORT_MAX);
	if (!text)
		return -ENOMEM;
	llfused_buf_read(buf, text, sem_report(fs, text, SEM_REPORT_MAX), offset);
	free(text);
	return 0;
}

int sem_read(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset, uint32_t flags,
	     struct llfused_buf *buf)
{
	SEM_BEGIN(ctx, read, nodeid);
	const struct sem_node *node = sem_node(fs, nodeid);

	(void)flags;
	if (!node)
		return -ESTALE;
	sem_open_check(fs, nodeid, fh);
	if (sem_is_special(nodeid))
		return read_special(fs, nodeid, offset, buf);
	if (fs->read_at_most != 0 && buf->cap > fs->read_at_most)
		buf->cap = fs->read_at_most;
	llfused_buf_read(buf, node->data, node->size, offset);
	return 0;
}

int sem_write(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
	      const void *data, size_t size, uint32_t flags, size_t *written)
{
	SEM_BEGIN(ctx, write, nodeid);
	struct sem_node *node = sem_node(fs, nodeid);
	int ret = 0;

	if (!node)
		return -ESTALE;
	if (!(flags & LLFUSED_WRITE_CACHE))
		sem_open_check(fs, nodeid, fh);
	if (nodeid == SEM_CONTROL)
		return sem_control(fs, ctx, data, size, written);
	if (sem_is_special(nodeid))
		return -EACCES;
	if (fs->write_at_most != 0 && size > fs->write_at_most)
		size = fs->write_at_most;
	if (offset > SEM_FILE_MAX)
		return -EFBIG;
	if (offset + size > node->size)
		ret = sem_node_resize(node, offset + size);
	if (ret != 0)
		return ret;
	memcpy(node->data + offset, data, size);
	sem_node_touch(node, true);
	*written = size;
	return 0;
}
