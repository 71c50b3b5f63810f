/*
 * A directory's entries, read through a fresh open of it and sorted by name.
 * Knows nothing of operations or streams.
 */
#ifndef DIFF_DIRLIST_H
#define DIFF_DIRLIST_H

#include <stddef.h>
#include <stdint.h>

struct dirlist_entry {
	char *name; /* owned by the list */
	uint64_t ino;
	unsigned char type;
};

struct dirlist {
	struct dirlist_entry *entry; /* owned */
	size_t n, room;
};

/* Lists the directory that fd is open on, opened with the additional flags how; 0, or -1 with errno
 * and nothing to free. */
int dirlist_read(struct dirlist *l, int fd, int how);
void dirlist_free(struct dirlist *l);

#endif
