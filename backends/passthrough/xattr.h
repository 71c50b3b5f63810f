/*
 * Extended attributes, of all namespaces, ACLs among them.
 */
#ifndef PASSTHROUGH_XATTR_H
#define PASSTHROUGH_XATTR_H

#include <llfused/backend.h>

int pt_xattr_set(struct llfused_ctx *ctx, uint64_t nodeid, const char *name, const void *value,
		 size_t size, uint32_t flags, uint32_t xflags);
int pt_xattr_get(struct llfused_ctx *ctx, uint64_t nodeid, const char *name,
		 struct llfused_buf *value);
int pt_xattr_list(struct llfused_ctx *ctx, uint64_t nodeid, struct llfused_buf *names);
int pt_xattr_remove(struct llfused_ctx *ctx, uint64_t nodeid, const char *name);

#endif
