/*
 * laterfs: nodes and names.
 * It must not know requests.
 */
#include "laterfs.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

int later_tree_open(struct laterfs *fs)
{
	struct llfused_ctx ctx = {.uid = 0};
	struct later_node *root = later_node_new(fs, &ctx, S_IFDIR | 0777);

	if (!root)
		return -ENOMEM;
	root->links = 1; /* for ever */
	return 0;
}

void later_tree_close(struct laterfs *fs)
{
	for (unsigned i = 0; i < LATER_NODES; i++)
		free(fs->node[i].data);
}

struct later_node *later_node(struct laterfs *fs, uint64_t nodeid)
{
	if (nodeid == 0 || nodeid > LATER_NODES || fs->node[nodeid - 1].mode == 0)
		return NULL;
	return &fs->node[nodeid - 1];
}

uint64_t later_id(const struct laterfs *fs, const struct later_node *node)
{
	return (uint64_t)(node - fs->node) + 1;
}

struct later_node *later_node_new(struct laterfs *fs, const struct llfused_ctx *ctx, uint32_t mode)
{
	for (unsigned i = 0; i < LATER_NODES; i++) {
		struct later_node *node = &fs->node[i];

		if (node->mode != 0)
			continue;
		*node = (struct later_node){
			.mode = mode,
			.uid = ctx->uid,
			.gid = ctx->gid,
			.generation = i == 0 ? 0 : ++fs->last_generation,
			.data = calloc(1, LATER_FILE_MAX),
		};
		clock_gettime(CLOCK_REALTIME, &node->mtime);
		if (!node->data)
			node->mode = 0;
		return node->data ? node : NULL;
	}
	return NULL;
}

static void settle(struct later_node *node)
{
	if (node->links > 0 || node->nlookup > 0)
		return;
	free(node->data);
	*node = (struct later_node){.mode = 0};
}

void later_node_forget(struct laterfs *fs, uint64_t nodeid, uint64_t nlookup)
{
	struct later_node *node = later_node(fs, nodeid);

	if (!node || nodeid == LLFUSED_ROOT_ID)
		return;
	node->nlookup -= nlookup;
	settle(node);
}

void later_node_attr(const struct laterfs *fs, const struct later_node *node,
		     struct llfused_attr *out)
{
	*out = (struct llfused_attr){
		.ino = later_id(fs, node),
		.size = node->size,
		.blocks = (node->size + 511) / 512,
		.mtime = node->mtime,
		.mode = node->mode,
		.nlink = S_ISDIR(node->mode) ? node->links + 1 : node->links,
		.uid = node->uid,
		.gid = node->gid,
	};
}

void later_node_enter(const struct laterfs *fs, struct later_node *node, struct llfused_entry *out)
{
	*out = (struct llfused_entry){
		.nodeid = later_id(fs, node),
		.generation = node->generation,
	};
	later_node_attr(fs, node, &out->attr);
	node->nlookup++;
}

struct later_name *later_name_find(struct laterfs *fs, uint64_t parent, const char *text)
{
	for (unsigned i = 0; i < LATER_NAMES; i++)
		if (fs->name[i].parent == parent && strcmp(fs->name[i].text, text) == 0)
			return &fs->name[i];
	return NULL;
}

int later_name_add(struct laterfs *fs, uint64_t parent, const char *text, struct later_node *node)
{
	if (strlen(text) >= LATER_NAME_MAX)
		return -ENAMETOOLONG;
	if (later_name_find(fs, parent, text))
		return -EEXIST;
	for (unsigned i = 0; i < LATER_NAMES; i++) {
		if (fs->name[i].parent != 0)
			continue;
		fs->name[i].parent = parent;
		fs->name[i].nodeid = later_id(fs, node);
		strcpy(fs->name[i].text, text);
		node->links++;
		return 0;
	}
	return -ENOSPC;
}

void later_name_drop(struct laterfs *fs, struct later_name *name)
{
	struct later_node *node = later_node(fs, name->nodeid);

	name->parent = 0;
	node->links--;
	settle(node);
}

uint64_t later_lookups(const struct laterfs *fs)
{
	uint64_t sum = 0;

	for (unsigned i = 1; i < LATER_NODES; i++)
		sum += fs->node[i].nlookup;
	return sum;
}

void later_list(struct laterfs *fs, uint64_t nodeid, uint64_t offset,
		struct llfused_dirents *dirents, struct later_taken *out)
{
	for (uint64_t i = offset; i < LATER_NAMES; i++) {
		const struct later_name *name = &fs->name[i];
		struct llfused_entry entry;
		struct later_node *node;
		int taken;

		if (name->parent != nodeid)
			continue;
		node = later_node(fs, name->nodeid);
		later_node_enter(fs, node, &entry);
		taken = dirents->add(dirents, name->text, strlen(name->text), name->nodeid,
				     node->mode, i + 1, dirents->plus ? &entry : NULL);
		if (taken && dirents->plus)
			out->nodeid[out->count++] = name->nodeid;
		else
			node->nlookup--;
		if (!taken)
			return;
	}
}
