/*
 * A walk over all nodes that the kernel knows, in steps.
 * Knows nothing of what is done with them.
 */
#include "node_table.h"

#include "passthrough.h"

uint64_t pt_node_next(struct pt *fs, uint64_t nodeid, mode_t *type)
{
	struct pt_nodes *nodes = fs->nodes;
	uint64_t found = 0;

	if (nodeid < LLFUSED_ROOT_ID)
		nodeid = LLFUSED_ROOT_ID - 1;
	pthread_mutex_lock(&nodes->lock);
	while (found == 0 && ++nodeid - LLFUSED_ROOT_ID < nodes->slab.used) {
		const struct pt_node *node = pt_nodes_living(nodes, nodeid);

		if (!node || node->nlookup == 0)
			continue;
		found = nodeid;
		*type = (mode_t)node->type << 12;
	}
	pthread_mutex_unlock(&nodes->lock);
	return found;
}
