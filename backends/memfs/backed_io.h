/*
 * Ops on the data of regular files in the second store, and its statfs.
 * Each takes the locks it needs itself.
 */
#ifndef MEMFS_BACKED_IO_H
#define MEMFS_BACKED_IO_H

#include "fs.h"

int backed_read(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		uint32_t flags, struct llfused_buf *buf);
int backed_write(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		 const void *data, size_t size, uint32_t flags, size_t *written);
int backed_fallocate(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		     uint64_t length, uint32_t mode);
int backed_lseek(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		 uint32_t whence, uint64_t *result);
int backed_copy_file_range(struct llfused_ctx *ctx, uint64_t nodeid_in, uint64_t fh_in,
			   uint64_t off_in, uint64_t nodeid_out, uint64_t fh_out, uint64_t off_out,
			   uint64_t length, uint32_t flags, uint64_t *copied);
int backed_statfs(struct llfused_ctx *ctx, uint64_t nodeid, struct llfused_statfs *out);

#endif
