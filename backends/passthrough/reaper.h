/*
 * A thread that closes descriptors whose close may take long: of unlinked files, whose blocks are
 * freed then, and of slow file systems.  It does other slow work of the node table, too.
 */
#ifndef PASSTHROUGH_REAPER_H
#define PASSTHROUGH_REAPER_H

struct pt;

int pt_reaper_start(struct pt *fs);
/* Closes what is left and ends; or fs->stuck is set, and nothing is freed. */
void pt_reaper_stop(struct pt *fs);
/* Takes the descriptor over; closes it here when there is no reaper or no memory. */
void pt_reaper_close(struct pt *fs, int fd);
/* Has pt_prune_by_name() called. */
void pt_reaper_prune(struct pt *fs);

#endif
