/*
 * Open directories and their listings.
 */
#ifndef PASSTHROUGH_DIR_H
#define PASSTHROUGH_DIR_H

#include <llfused/backend.h>

struct pt;

int pt_dirs_open(struct pt *fs, struct llfused_error *error);
/* Closes whatever is still open. */
void pt_dirs_close(struct pt *fs);

/* Of an open directory's handle: for ioctl; -1: there is none. */
int pt_dir_fd(const struct pt *fs, uint64_t fh);

int pt_dir_opendir(struct llfused_ctx *ctx, uint64_t nodeid, uint32_t flags,
		   struct llfused_open *out);
int pt_dir_readdir(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		   struct llfused_dirents *dirents);
int pt_dir_releasedir(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint32_t flags);
int pt_dir_fsyncdir(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, int datasync);

#endif
