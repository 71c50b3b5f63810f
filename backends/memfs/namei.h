/*
 * The ops that work on names: finding, making, removing, renaming, linking.
 * Each takes the locks it needs itself.
 */
#ifndef MEMFS_NAMEI_H
#define MEMFS_NAMEI_H

#include "fs.h"

int namei_lookup(struct llfused_ctx *ctx, uint64_t parent, const char *name,
		 struct llfused_entry *out);
void namei_forget(struct llfused_ctx *ctx, const struct llfused_forget *list, size_t count);
int namei_symlink(struct llfused_ctx *ctx, uint64_t parent, const char *name, const char *target,
		  struct llfused_entry *out);
int namei_mknod(struct llfused_ctx *ctx, uint64_t parent, const char *name, uint32_t mode,
		uint64_t rdev, struct llfused_entry *out);
int namei_mkdir(struct llfused_ctx *ctx, uint64_t parent, const char *name, uint32_t mode,
		struct llfused_entry *out);
int namei_unlink(struct llfused_ctx *ctx, uint64_t parent, const char *name);
int namei_rmdir(struct llfused_ctx *ctx, uint64_t parent, const char *name);
int namei_rename(struct llfused_ctx *ctx, uint64_t parent, const char *name, uint64_t newparent,
		 const char *newname, uint32_t flags);
int namei_link(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t newparent, const char *newname,
	       struct llfused_entry *out);
int namei_tmpfile(struct llfused_ctx *ctx, uint64_t parent, uint32_t mode, uint32_t flags,
		  struct llfused_entry *entry, struct llfused_open *out);
int namei_readdir(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		  struct llfused_dirents *dirents);

#endif
