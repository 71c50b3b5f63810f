/*
 * The table of backing ids.
 * Knows nothing of the kernel and of when an id is given up.
 */
#include "backing_table.h"

#include <stddef.h>

#include "node.h"

static struct pt_backing_id **bucket_of(struct pt_backing_table *t, uint32_t node)
{
	return &t->buckets[node % PT_BACKING_BUCKETS];
}

void pt_backing_table_add(struct pt_backing_table *t, struct pt_backing_id *e)
{
	struct pt_backing_id **bucket = bucket_of(t, e->node);

	e->next = *bucket;
	*bucket = e;
}

struct pt_backing_id *pt_backing_table_find(const struct pt_backing_table *t,
					    const struct pt_node *node)
{
	struct pt_backing_id *e = t->buckets[node->index % PT_BACKING_BUCKETS];

	while (e && e->node != node->index)
		e = e->next;
	return e;
}

void pt_backing_table_remove(struct pt_backing_table *t, struct pt_backing_id *e)
{
	struct pt_backing_id **at = bucket_of(t, e->node);

	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	if (e->idle)
		pt_backing_table_use(t, e);
}

void pt_backing_table_idle(struct pt_backing_table *t, struct pt_backing_id *e, uint64_t now)
{
	e->idle = true;
	e->since = now;
	e->newer = NULL;
	e->older = t->newest;
	*(t->newest ? &t->newest->newer : &t->oldest) = e;
	t->newest = e;
	t->nidle++;
}

void pt_backing_table_use(struct pt_backing_table *t, struct pt_backing_id *e)
{
	*(e->older ? &e->older->newer : &t->oldest) = e->newer;
	*(e->newer ? &e->newer->older : &t->newest) = e->older;
	e->idle = false;
	t->nidle--;
}
