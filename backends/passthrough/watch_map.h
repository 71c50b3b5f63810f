/*
 * Which directory is watched by which inotify watch.  One watch may be of several: of an inode that
 * is seen through more than one mount.  The caller locks.
 */
#ifndef PASSTHROUGH_WATCH_MAP_H
#define PASSTHROUGH_WATCH_MAP_H

#include <stdbool.h>
#include <stdint.h>

struct pt_watch_pair {
	uint64_t nodeid;
	int32_t wd;
	uint32_t next_wd, next_node; /* in their buckets: index + 1, or 0 */
};

/* All zero: empty. */
struct pt_watch_map {
	struct pt_watch_pair *pairs;
	uint32_t *wds, *nodes; /* buckets: index + 1 of the first, or 0; as many as `cap` */
	uint32_t cap;          /* a power of two */
	uint32_t high;         /* those below were in use once */
	uint32_t free;         /* list through next_wd: index + 1, or 0 */
	uint32_t count;
};

/* A pair that is in it already is not added again.  false: no memory. */
bool pt_watch_map_add(struct pt_watch_map *m, int wd, uint64_t nodeid);

/* The directory goes.  Its watch, which may be of others, or -1: it has none. */
int pt_watch_map_remove(struct pt_watch_map *m, uint64_t nodeid);

/* The n-th directory of a watch, counted from 0; 0: no more. */
uint64_t pt_watch_map_find(const struct pt_watch_map *m, int wd, unsigned n);

void pt_watch_map_free(struct pt_watch_map *m);

#endif
