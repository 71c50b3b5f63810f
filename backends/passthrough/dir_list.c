/*
 * Listing a directory: entries are read ahead, and told at the source's own offsets.
 * Knows nothing of handles.
 */
#include "dir_list.h"

#include "attr.h"
#include "names.h"
#include "passthrough.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define READ_AHEAD 32768

/* What getdents64(2) gives. */
struct record {
	uint64_t ino;
	uint64_t offset; /* of the next one */
	uint16_t size;
	uint8_t type; /* DT_*: S_IFMT >> 12 */
	char name[];
};

void pt_listing_free(struct pt_listing *listing)
{
	free(listing->buffer);
	pt_offset_free(&listing->offsets);
}

/* Goes to an offset that was told, or to the start. */
static int seek(struct pt_listing *listing, int fd, uint64_t offset)
{
	uint64_t real;
	int result;

	if (offset == listing->offset && (offset > 0 || !listing->buffer))
		return 0;
	result = pt_offset_real(&listing->offsets, offset, &real);
	if (result)
		return result;
	if (lseek(fd, (off_t)real, SEEK_SET) < 0)
		return -errno;
	listing->at = listing->end = 0;
	listing->offset = offset;
	if (offset == 0)
		pt_offset_free(&listing->offsets);
	return 0;
}

static int read_ahead(struct pt_listing *listing, int fd)
{
	long size;

	if (!listing->buffer)
		listing->buffer = malloc(READ_AHEAD);
	if (!listing->buffer)
		return -ENOMEM;
	do
		size = syscall(SYS_getdents64, fd, listing->buffer, READ_AHEAD);
	while (size < 0 && errno == EINTR);
	if (size < 0)
		return -errno;
	listing->at = 0;
	listing->end = (size_t)size;
	return 0;
}

/* The next entry, or NULL at the end or with a negative errno in *result. */
static const struct record *next(struct pt_listing *listing, int fd, int *result)
{
	*result = listing->at < listing->end ? 0 : read_ahead(listing, fd);
	if (*result || listing->end == 0)
		return NULL;
	return (const struct record *)(const void *)(listing->buffer + listing->at);
}

/* What lies above the source is nobody's business. */
static uint64_t ino_to_tell(const struct pt *fs, const struct pt_node *node,
			    const struct record *record)
{
	bool is_above = pt_node_id(node) == LLFUSED_ROOT_ID && strcmp(record->name, "..") == 0;

	return pt_attr_ino(fs, node->mount, is_above ? node->ino : record->ino);
}

/* Attributes are told where they can be had; nobody looks up "." and "..". */
static bool find(const struct llfused_ctx *ctx, int fd, const struct pt_node *node,
		 const struct record *record, struct llfused_entry *entry)
{
	struct llfused_ctx quick = *ctx;

	/* A listing does not wait for another file system that is mounted on a name. */
	quick.flags &= ~LLFUSED_CTX_MAY_SLEEP;
	return pt_names_find(&quick, fd, node->mount, record->name, entry) == 0;
}

/* Was it taken? */
static bool tell(const struct llfused_ctx *ctx, int fd, const struct pt_node *node,
		 const struct record *record, uint64_t next_offset, struct llfused_dirents *dirents)
{
	uint64_t ino = ino_to_tell(pt_of(ctx), node, record);
	uint32_t mode = (uint32_t)record->type << 12;
	struct llfused_entry entry = {.nodeid = 0};
	bool has_entry = dirents->plus && find(ctx, fd, node, record, &entry);
	bool is_taken = dirents->add(dirents, record->name, strlen(record->name), ino,
				     has_entry ? entry.attr.mode : mode, next_offset,
				     has_entry ? &entry : NULL);

	if (has_entry && !is_taken)
		pt_node_unlook(pt_of(ctx), entry.nodeid);
	return is_taken;
}

/* 1: told, 0: it is the end, or does not fit; or a negative errno. */
static int tell_next(const struct llfused_ctx *ctx, struct pt_listing *listing, int fd,
		     const struct pt_node *node, struct llfused_dirents *dirents)
{
	int result;
	const struct record *record = next(listing, fd, &result);
	uint64_t offset;

	if (!record)
		return result;
	offset = pt_offset_tell(&listing->offsets, record->offset);
	if (!offset)
		return -ENOMEM;
	if (!tell(ctx, fd, node, record, offset, dirents))
		return 0;
	listing->at += record->size;
	listing->offset = offset;
	return 1;
}

/* The end was told: who keeps the directory open seldom lists it again.  At the start the buffer
 * says that something was read. */
static void free_at_end(struct pt_listing *listing)
{
	if (listing->end > 0 || listing->offset == 0)
		return;
	free(listing->buffer);
	listing->buffer = NULL;
}

int pt_listing_tell(const struct llfused_ctx *ctx, struct pt_listing *listing, int fd,
		    const struct pt_node *node, uint64_t offset, struct llfused_dirents *dirents)
{
	bool any = false;
	int result = seek(listing, fd, offset);

	if (result)
		return result;
	while ((result = tell_next(ctx, listing, fd, node, dirents)) > 0)
		any = true;
	/* what went wrong behind the first entry is told next time, if it lasts */
	if (any)
		return 0;
	if (result == 0)
		free_at_end(listing);
	return result;
}

int pt_listing_nothing(const struct pt *fs, const struct pt_node *node, uint64_t offset,
		       struct llfused_dirents *dirents)
{
	uint64_t ino = pt_attr_ino(fs, node->mount, node->ino);

	for (uint64_t i = offset; i < 2; i++)
		if (!dirents->add(dirents, "..", (size_t)i + 1, ino, S_IFDIR, i + 1, NULL))
			break;
	return 0;
}
