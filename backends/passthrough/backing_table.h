/*
 * The table of backing ids: found by inode, the idle ones in order of their age.  For backing*.c
 * only.  All with the table's lock held.
 */
#ifndef PASSTHROUGH_BACKING_TABLE_H
#define PASSTHROUGH_BACKING_TABLE_H

#include <stdbool.h>
#include <stdint.h>

struct pt_node;

#define PT_BACKING_BUCKETS 8192u /* a power of two */

struct pt_backing_id {
	struct pt_backing_id *next; /* in its bucket, or in a list of the owner's */
	struct pt_backing_id *older, *newer;
	uint64_t since; /* idle since, CLOCK_MONOTONIC in ns */
	uint32_t node;  /* index */
	uint32_t id;
	bool idle;
	bool fleeting; /* not to be kept idle */
	bool slow;     /* to close its file may take long */
};

struct pt_backing_table {
	struct pt_backing_id *buckets[PT_BACKING_BUCKETS];
	struct pt_backing_id *oldest, *newest; /* of the idle ones */
	unsigned nidle;
};

void pt_backing_table_add(struct pt_backing_table *t, struct pt_backing_id *e);
/* Of the node; NULL: it has none. */
struct pt_backing_id *pt_backing_table_find(const struct pt_backing_table *t,
					    const struct pt_node *node);
void pt_backing_table_remove(struct pt_backing_table *t, struct pt_backing_id *e);

void pt_backing_table_idle(struct pt_backing_table *t, struct pt_backing_id *e, uint64_t now);
void pt_backing_table_use(struct pt_backing_table *t, struct pt_backing_id *e);

#endif
