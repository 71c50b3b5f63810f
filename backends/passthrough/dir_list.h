/*
 * The listing of an open directory: where it is, and what was read ahead.  dir.c's.
 */
#ifndef PASSTHROUGH_DIR_LIST_H
#define PASSTHROUGH_DIR_LIST_H

#include <stddef.h>
#include <stdint.h>

#include <llfused/backend.h>

#include "dir_offset.h"

struct pt;
struct pt_node;

/* All zero at the start. */
struct pt_listing {
	uint64_t offset; /* of the next entry, as we tell it */
	struct pt_offsets offsets;
	unsigned char *buffer; /* read ahead; NULL: nothing was read yet, or all */
	size_t at, end;        /* what is left of it */
};

/* Frees what it has allocated. */
void pt_listing_free(struct pt_listing *listing);

/* Entries of the directory `node`, open as `fd`, from `offset` on, until they do not fit: as
 * readdir.  One thread at a time; it may sleep as long as the directory's own file system does. */
int pt_listing_tell(const struct llfused_ctx *ctx, struct pt_listing *listing, int fd,
		    const struct pt_node *node, uint64_t offset, struct llfused_dirents *dirents);

/* The same for a directory into which nobody is to see: "." and ".." only. */
int pt_listing_nothing(const struct pt *fs, const struct pt_node *node, uint64_t offset,
		       struct llfused_dirents *dirents);

#endif
