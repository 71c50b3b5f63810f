/*
 * Names: lookup, and making, moving and removing them.
 */
#ifndef PASSTHROUGH_NAMES_H
#define PASSTHROUGH_NAMES_H

#include <llfused/backend.h>

/* What lookup does for a name in an open directory, for listings with attributes, too: 0 with
 * `out` filled in and its lookup count raised; -ENOENT, ...  `dir_fd`: of the directory, any sort.
 * The caller has asked for the directory's pace; still LLFUSED_AGAIN where another file system is
 * mounted on the name (a listing gives such a name without attributes). */
int pt_names_find(const struct llfused_ctx *ctx, int dir_fd, uint32_t dir_mount, const char *name,
		  struct llfused_entry *out);

int pt_names_lookup(struct llfused_ctx *ctx, uint64_t parent, const char *name,
		    struct llfused_entry *out);
int pt_names_readlink(struct llfused_ctx *ctx, uint64_t nodeid, struct llfused_buf *target);
int pt_names_symlink(struct llfused_ctx *ctx, uint64_t parent, const char *name, const char *target,
		     struct llfused_entry *out);
int pt_names_mknod(struct llfused_ctx *ctx, uint64_t parent, const char *name, uint32_t mode,
		   uint64_t rdev, struct llfused_entry *out);
int pt_names_mkdir(struct llfused_ctx *ctx, uint64_t parent, const char *name, uint32_t mode,
		   struct llfused_entry *out);
int pt_names_unlink(struct llfused_ctx *ctx, uint64_t parent, const char *name);
int pt_names_rmdir(struct llfused_ctx *ctx, uint64_t parent, const char *name);
int pt_names_rename(struct llfused_ctx *ctx, uint64_t parent, const char *name, uint64_t newparent,
		    const char *newname, uint32_t flags);
int pt_names_link(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t newparent, const char *newname,
		  struct llfused_entry *out);
int pt_names_create(struct llfused_ctx *ctx, uint64_t parent, const char *name, uint32_t mode,
		    uint32_t flags, struct llfused_entry *entry, struct llfused_open *out);
int pt_names_tmpfile(struct llfused_ctx *ctx, uint64_t parent, uint32_t mode, uint32_t flags,
		     struct llfused_entry *entry, struct llfused_open *out);

#endif
