/*
 * Attributes: from statx to what the kernel is told, with squashing and timeouts; getattr, setattr,
 * statfs.
 */
#ifndef PASSTHROUGH_ATTR_H
#define PASSTHROUGH_ATTR_H

#include <stdint.h>
#include <sys/stat.h>

#include <llfused/backend.h>

struct pt;
struct pt_node;

/* Squashed; inode numbers of other devices beneath the source are made different from its own. */
void pt_attr_fill(const struct pt *fs, uint32_t mount, const struct statx *stx,
		  struct llfused_attr *out);

/* Attributes and timeouts of an entry whose nodeid is set already. */
void pt_attr_entry(struct pt *fs, uint32_t mount, const struct statx *stx,
		   struct llfused_entry *out);

/* st_ino as it is shown, for listings. */
uint64_t pt_attr_ino(const struct pt *fs, uint32_t mount, uint64_t ino);

/* How long attributes of the inode may be taken for granted; ns. */
uint64_t pt_attr_timeout(struct pt *fs, const struct pt_node *node);

/* Attributes as they are now, of the node's inode behind any sort of descriptor: 0 or a negative
 * errno. */
int pt_attr_answer(struct pt *fs, const struct pt_node *node, int fd, struct llfused_attr_out *out);

int pt_attr_getattr(struct llfused_ctx *ctx, uint64_t nodeid, const uint64_t *fh,
		    struct llfused_attr_out *out);
int pt_attr_setattr(struct llfused_ctx *ctx, uint64_t nodeid, const struct llfused_setattr *set,
		    struct llfused_attr_out *out);
int pt_attr_statfs(struct llfused_ctx *ctx, uint64_t nodeid, struct llfused_statfs *out);

#endif
