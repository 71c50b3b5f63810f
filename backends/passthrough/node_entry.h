/*
 * Entries that the kernel is to forget, found by the inode that they lead to.
 */
#ifndef PASSTHROUGH_NODE_ENTRY_H
#define PASSTHROUGH_NODE_ENTRY_H

struct pt;

/* Has the kernel drop the entry of the name that the inode behind `fd` has now, or had when it was
 * removed.  It may sleep, and does nothing where the name cannot be told. */
void pt_entry_drop(struct pt *fs, int fd);

#endif
