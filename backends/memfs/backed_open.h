/*
 * Ops on the second store that open and close files.
 * Each takes the locks it needs itself.
 */
#ifndef MEMFS_BACKED_OPEN_H
#define MEMFS_BACKED_OPEN_H

#include "fs.h"

int backed_open(struct llfused_ctx *ctx, uint64_t nodeid, uint32_t flags, struct llfused_open *out);
int backed_create(struct llfused_ctx *ctx, uint64_t parent, const char *name, uint32_t mode,
		  uint32_t flags, struct llfused_entry *entry, struct llfused_open *out);
int backed_tmpfile(struct llfused_ctx *ctx, uint64_t parent, uint32_t mode, uint32_t flags,
		   struct llfused_entry *entry, struct llfused_open *out);
int backed_release(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint32_t flags,
		   uint64_t lock_owner);

#endif
