/*
 * A range of addresses that gets its memory as it is needed.
 * Knows nothing of what lies in it.
 */
#include "room.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>

#define STEP ((size_t)4 << 20) /* memory is asked for in such pieces */
#define PAGE ((size_t)4096)

static size_t round_up(size_t bytes, size_t to)
{
	return (bytes + to - 1) / to * to;
}

int pt_room_open(struct pt_room *room, size_t size)
{
	void *base;

	size = round_up(size, PAGE);
	/* Without access nothing is counted, even where the kernel allows no overcommitment. */
	base = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		return -ENOMEM;
	madvise(base, size, MADV_DONTDUMP);
	*room = (struct pt_room){.base = base, .size = size};
	return 0;
}

void pt_room_close(struct pt_room *room)
{
	if (room->base)
		munmap(room->base, room->size);
	room->base = NULL;
}

bool pt_room_reach(struct pt_room *room, size_t bytes)
{
	size_t ready;

	if (bytes <= room->ready)
		return true;
	if (bytes > room->size)
		return false;
	ready = round_up(bytes, STEP);
	if (ready > room->size)
		ready = room->size;
	if (mprotect(room->base + room->ready, ready - room->ready, PROT_READ | PROT_WRITE) < 0)
		return false;
	room->ready = ready;
	return true;
}

void pt_room_drop(struct pt_room *room, size_t from, size_t to)
{
	from = round_up(from, PAGE);
	to -= to % PAGE;
	if (from < to)
		madvise(room->base + from, to - from, MADV_DONTNEED);
}

size_t pt_room_limit(size_t wanted)
{
	struct rlimit limit;

	/* The rest is for threads, buffers, and everything else. */
	if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
	    limit.rlim_cur / 8 < wanted)
		return (size_t)(limit.rlim_cur / 8);
	return wanted;
}
