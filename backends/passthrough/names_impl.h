/*
 * What the files of names share: from an inode found on the source to the entry that is answered,
 * and what the options say of new files.
 */
#ifndef PASSTHROUGH_NAMES_IMPL_H
#define PASSTHROUGH_NAMES_IMPL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include <llfused/backend.h>

#include "source.h"

struct pt;
struct pt_ref;

/* The entry of the inode behind `fd` (O_PATH, taken over whatever happens) with its statx. */
int pt_names_enter(struct pt *fs, int fd, const struct statx *stx, struct llfused_entry *out);

/* The entry of a node that is held, as it is at this moment. */
int pt_names_enter_ref(struct pt *fs, const struct pt_ref *ref, struct llfused_entry *out);

/* lookup of "." and ".." for who comes by file handles; `name` is one of the two. */
int pt_names_lookup_dots(struct llfused_ctx *ctx, uint64_t nodeid, const char *name,
			 struct llfused_entry *out);

/* "." or "..": no names of a directory's own, and nothing else here ever resolves them. */
static inline bool pt_names_is_dots(const char *name)
{
	return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

/* pt_node_begin() for an inode that is to get a name, in it or of its own; -EPERM for one on a
 * mount at which `submounts=stop` stops. */
int pt_names_begin(const struct llfused_ctx *ctx, uint64_t nodeid, enum pt_work work,
		   struct pt_ref *ref);

/* The mode that the options make of the one that the caller wants. */
uint32_t pt_names_mode(const struct pt *fs, uint32_t mode, bool is_dir);

/* create-mode= says what a new file has, whatever a default ACL has taken from it: sets it behind
 * `fd` (any sort), with its statx, where they differ.  `mode` is that of pt_names_mode(). */
int pt_names_mend_mode(const struct pt *fs, int fd, uint32_t mode, struct statx *stx);

#endif
