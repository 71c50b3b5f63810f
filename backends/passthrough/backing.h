/*
 * Backing ids of kernel passthrough: one an inode, kept for a while after the last close, since
 * making one anew makes the next open dearer.
 */
#ifndef PASSTHROUGH_BACKING_H
#define PASSTHROUGH_BACKING_H

#include <stdbool.h>
#include <stdint.h>

struct pt;
struct pt_node;

/* In init(): 0 with fs->backing set, or NULL where there is no kernel passthrough. */
int pt_backing_start(struct pt *fs);
/* Gives up all ids.  Harmless without fs->backing. */
void pt_backing_stop(struct pt *fs);

/* The id of the inode, which is in use from now on; `fd` is any open descriptor of it but an O_PATH
 * one, `writable` says whether it may write, `mode` is st_mode or 0: to be asked for.  Negative
 * errno: no passthrough for this file.  The node's file lock is held. */
int pt_backing_get(struct pt *fs, struct pt_node *node, int fd, bool writable, uint32_t mode,
		   uint32_t *id);
/* The end of its use, which leaves it idle, or is its own end if the inode has no name any more.
 * The node's file lock is held. */
void pt_backing_put(struct pt *fs, struct pt_node *node, bool nameless);
/* The inode lost its last name, or its node goes: an idle id is given up soon, by another thread.
 * Any lock may be held; harmless without an id, and without fs->backing. */
void pt_backing_drop(struct pt *fs, struct pt_node *node);

#endif
