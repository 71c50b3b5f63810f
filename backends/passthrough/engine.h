/*
 * An io_uring of the backend's own, for reads, writes and syncs that would sleep: any number can be
 * under way, and none holds a thread.  Where io_uring is forbidden the ops run on the pool.
 */
#ifndef PASSTHROUGH_ENGINE_H
#define PASSTHROUGH_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <llfused/backend.h>

struct pt;

/* 0 with fs->engine set, or NULL when io_uring is not to be had (logged). */
int pt_engine_start(struct pt *fs);
void pt_engine_stop(struct pt *fs);

/* Each pends the request, and completes it later: LLFUSED_PENDING.  -EAGAIN: not begun, too much is
 * under way or there is no memory.  `fd` must stay open until then: a file handle's does.  Any
 * thread; never sleeps.  `as_user`: as by pt_creds_drop(), for the write alone; -EAGAIN where the
 * kernel does not let the engine do so. */
int pt_engine_read(struct pt *fs, struct llfused_ctx *ctx, int fd, uint64_t offset, size_t size);
int pt_engine_write(struct pt *fs, struct llfused_ctx *ctx, int fd, uint64_t offset,
		    const void *data, size_t size, int rw_flags, bool as_user);
int pt_engine_fsync(struct pt *fs, struct llfused_ctx *ctx, int fd, bool datasync);

#endif
