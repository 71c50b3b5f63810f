/*
 * A range of addresses, reserved once and filled with memory from its beginning as it is needed.
 * What is in it never moves, and what was never touched costs nothing.
 */
#ifndef PASSTHROUGH_ROOM_H
#define PASSTHROUGH_ROOM_H

#include <stdbool.h>
#include <stddef.h>

struct pt_room {
	unsigned char *base;
	size_t size;
	size_t ready; /* bytes from the beginning that may be touched */
};

/* 0 or -ENOMEM: no address space. */
int pt_room_open(struct pt_room *room, size_t size);
void pt_room_close(struct pt_room *room);

/* Makes the first `bytes` usable; new ones are zero.  false: no memory, or beyond the end. */
bool pt_room_reach(struct pt_room *room, size_t bytes);
/* Gives the whole pages between the two offsets back: they read as zeros from now on. */
void pt_room_drop(struct pt_room *room, size_t from, size_t to);

/* How many bytes a room should have at most, where address space is limited (ulimit -v). */
size_t pt_room_limit(size_t wanted);

#endif
