/*
 * A thread that closes descriptors whose close may take long: of unlinked files, whose blocks are
 * freed then, and of slow file systems.  It does other slow work of the node table, too.
 */
#ifndef PASSTHROUGH_REAPER_H
#define PASSTHROUGH_REAPER_H

#include <stdbool.h>
#include <stdint.h>

#include "source.h"

struct pt;

#define PT_BLOCKS_QUICK 8192u /* of 512 bytes: what memory gives back in no time */

/* May the last close of an inode on such a file system take long?  It frees the blocks of one that
 * has no name any more; a server is told of any.  `blocks` counts in memory only. */
static inline bool pt_close_is_slow(enum pt_pace pace, bool nameless, uint64_t blocks)
{
	if (pace == PT_PACE_SLOW)
		return true;
	return nameless && (pace != PT_PACE_MEMORY || blocks > PT_BLOCKS_QUICK);
}

int pt_reaper_start(struct pt *fs);
/* Closes what is left and ends; or fs->stuck is set, and nothing is freed. */
void pt_reaper_stop(struct pt *fs);
/* Takes the descriptor over; closes it here when there is no reaper or no memory. */
void pt_reaper_close(struct pt *fs, int fd);
/* Has pt_prune_by_name() called. */
void pt_reaper_prune(struct pt *fs);

#endif
