/*
 * The address range in which the whole file system lives: one sparse mapping.
 * Knows only ranges of bytes; everything in it is addressed by index, never by pointer.
 */
#ifndef MEMFS_ARENA_H
#define MEMFS_ARENA_H

#include <stddef.h>
#include <stdint.h>

#define PAGE_BYTES ((size_t)4096)

struct arena {
	char *base; /* NULL: not open */
	size_t size;
	int fd; /* a memfd; -1: anonymous memory */
};

/*
 * Reserves `size` bytes of zeros; memory is used only where it is written.  -ENOMEM or another
 * negative errno when the system refuses: a smaller one may go.  Set-up only.
 */
int arena_open(struct arena *arena, size_t size);
/* Gives everything back.  Harmless on an arena that is not open. */
void arena_close(struct arena *arena);
/* Gives the memory of whole pages back to the system; they read as zeros after.  Any thread. */
void arena_release(const struct arena *arena, void *start, size_t size);
/* Whole pages that are about to be overwritten: get their memory in one go.  Any thread. */
void arena_populate(const struct arena *arena, void *start, size_t size);

#endif
