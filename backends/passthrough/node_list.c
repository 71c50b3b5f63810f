/*
 * The parts of a node: its place in a list, its descriptor, its handle.
 * Knows nothing of why they change.
 */
#include "node_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct pt_node *linked(const struct pt_nodes *nodes, uint32_t link)
{
	return pt_nodes_at(nodes, link - 1);
}

void pt_list_append(struct pt_nodes *nodes, struct pt_node_list *list, struct pt_node *node)
{
	uint32_t link = node->index + 1;

	node->list_prev = list->tail;
	node->list_next = 0;
	if (list->tail)
		linked(nodes, list->tail)->list_next = link;
	else
		list->head = link;
	list->tail = link;
	list->count++;
}

void pt_list_remove(struct pt_nodes *nodes, struct pt_node_list *list, struct pt_node *node)
{
	if (node->list_prev)
		linked(nodes, node->list_prev)->list_next = node->list_next;
	else
		list->head = node->list_next;
	if (node->list_next)
		linked(nodes, node->list_next)->list_prev = node->list_prev;
	else
		list->tail = node->list_prev;
	node->list_prev = node->list_next = 0;
	list->count--;
}

static struct pt_node_list *list_of(struct pt_nodes *nodes, const struct pt_node *node)
{
	return node->flags & NODE_STUCK ? &nodes->stuck : &nodes->warm;
}

void pt_node_attach(struct pt_nodes *nodes, struct pt_node *node, int fd)
{
	if (node->flags & NODE_KEPT) {
		pt_list_remove(nodes, &nodes->kept, node);
		node->flags &= (uint8_t)~NODE_KEPT;
	}
	node->fd = fd;
	pt_list_append(nodes, list_of(nodes, node), node);
}

int pt_node_detach(struct pt_nodes *nodes, struct pt_node *node)
{
	int fd = node->fd;

	pt_list_remove(nodes, list_of(nodes, node), node);
	node->fd = -1;
	nodes->hopeless = false;
	if (nodes->waiting > 0)
		pthread_cond_broadcast(&nodes->freed);
	return fd;
}

int pt_node_keep_handle(struct pt_node *node, const struct pt_handle *handle)
{
	unsigned char *more;

	node->handle_type = handle->type;
	if (handle->size <= sizeof(node->handle)) {
		memcpy(node->handle, handle->bytes, handle->size);
	} else {
		more = malloc(handle->size);
		if (!more)
			return -ENOMEM;
		memcpy(more, handle->bytes, handle->size);
		memcpy(node->handle, &more, sizeof(more));
	}
	node->handle_size = handle->size;
	return 0;
}

static unsigned char *more_of(const struct pt_node *node)
{
	unsigned char *more;

	memcpy(&more, node->handle, sizeof(more));
	return more;
}

void pt_node_read_handle(const struct pt_node *node, struct pt_handle *handle)
{
	handle->type = node->handle_type;
	handle->size = node->handle_size;
	memcpy(handle->bytes, handle->size > sizeof(node->handle) ? more_of(node) : node->handle,
	       handle->size);
}

void pt_node_free_handle(struct pt_node *node)
{
	if (node->handle_size > sizeof(node->handle))
		free(more_of(node));
	node->handle_size = 0;
}
