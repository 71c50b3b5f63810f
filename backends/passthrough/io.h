/*
 * Data of open files: read, write, fsync, fallocate, lseek, copy_file_range.
 */
#ifndef PASSTHROUGH_IO_H
#define PASSTHROUGH_IO_H

#include <llfused/backend.h>

int pt_io_read(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
	       uint32_t flags, struct llfused_buf *buf);
int pt_io_write(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		const void *data, size_t size, uint32_t flags, size_t *written);
int pt_io_fsync(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, int datasync);
int pt_io_fallocate(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		    uint64_t length, uint32_t mode);
int pt_io_lseek(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		uint32_t whence, uint64_t *result);
int pt_io_copy_file_range(struct llfused_ctx *ctx, uint64_t nodeid_in, uint64_t fh_in,
			  uint64_t off_in, uint64_t nodeid_out, uint64_t fh_out, uint64_t off_out,
			  uint64_t length, uint32_t flags, uint64_t *copied);

#endif
