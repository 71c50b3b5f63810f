/*
 * Inodes and names of the recording file system.  The lock is held.
 * It must not know requests.
 */
#include "semfs.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static struct timespec now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t;
}

/* ---- inodes ---- */

struct sem_node *sem_node(const struct semfs *fs, uint64_t nodeid)
{
	return nodeid < fs->nnodes ? fs->nodes[nodeid] : NULL;
}

bool sem_node_is_dir(const struct sem_node *node)
{
	return S_ISDIR(node->mode);
}

static int reserve(struct semfs *fs)
{
	size_t cap = fs->nodes_cap ? fs->nodes_cap * 2 : 64;
	struct sem_node **grown;

	if (fs->nnodes < fs->nodes_cap)
		return 0;
	grown = realloc(fs->nodes, cap * sizeof *grown);
	if (!grown)
		return -ENOMEM;
	memset(grown + fs->nodes_cap, 0, (cap - fs->nodes_cap) * sizeof *grown);
	fs->nodes = grown;
	fs->nodes_cap = cap;
	return 0;
}

struct sem_node *sem_node_new(struct semfs *fs, const struct llfused_ctx *ctx, uint32_t mode)
{
	struct sem_node *node = reserve(fs) == 0 ? calloc(1, sizeof *node) : NULL;

	if (!node)
		return NULL;
	node->id = fs->nnodes;
	node->parent = node->id;
	node->mode = mode;
	node->uid = ctx ? ctx->uid : 0;
	node->gid = ctx ? ctx->gid : 0;
	node->btime = now();
	node->atime = node->mtime = node->ctime = node->btime;
	node->last_cookie = 2; /* "." and ".." */
	fs->nodes[fs->nnodes++] = node;
	return node;
}

static void node_free(struct semfs *fs, struct sem_node *node)
{
	while (node->first) {
		struct sem_name *next = node->first->next;

		free(node->first);
		node->first = next;
	}
	sem_xattr_free(node);
	fs->nodes[node->id] = NULL;
	free(node->data);
	free(node);
}

void sem_node_settle(struct semfs *fs, struct sem_node *node)
{
	if (node->names == 0 && node->opens == 0 && node->nlookup == 0 &&
	    node->id != LLFUSED_ROOT_ID)
		node_free(fs, node);
}

int sem_node_resize(struct sem_node *node, uint64_t size)
{
	char *grown;

	if (size > SEM_FILE_MAX)
		return -EFBIG;
	grown = realloc(node->data, size ? size : 1);
	if (!grown)
		return -ENOMEM;
	if (size > node->size)
		memset(grown + node->size, 0, size - node->size);
	node->data = grown;
	node->size = size;
	return 0;
}

void sem_node_touch(struct sem_node *node, bool mtime)
{
	node->ctime = now();
	if (mtime)
		node->mtime = node->ctime;
}

/* A directory has one more from each directory in it. */
static uint32_t count_links(const struct semfs *fs, const struct sem_node *node)
{
	uint32_t n = 2;

	if (!sem_node_is_dir(node))
		return node->names;
	if (node->names == 0 && node->id != LLFUSED_ROOT_ID)
		return 0;
	for (const struct sem_name *name = node->first; name; name = name->next)
		n += sem_node_is_dir(sem_node(fs, name->nodeid));
	return n;
}

void sem_node_attr(const struct semfs *fs, const struct sem_node *node, struct llfused_attr *out)
{
	*out = (struct llfused_attr){
		.ino = node->id,
		.size = node->size,
		.blocks = (node->size + 511) / 512,
		.atime = node->atime,
		.mtime = node->mtime,
		.ctime = node->ctime,
		.btime = node->btime,
		.has_btime = 1,
		.mode = node->mode,
		.nlink = count_links(fs, node),
		.uid = node->uid,
		.gid = node->gid,
		.rdev = node->rdev,
	};
}

int sem_node_enter(const struct semfs *fs, struct sem_node *node, struct llfused_entry *out)
{
	bool special = sem_is_special(node->id);

	out->nodeid = node->id;
	out->entry_timeout = special ? LLFUSED_FOREVER : fs->entry_timeout;
	out->attr_timeout = special ? LLFUSED_FOREVER : fs->attr_timeout;
	sem_node_attr(fs, node, &out->attr);
	node->nlookup++;
	return 0;
}

/* ---- names ---- */

struct sem_name *sem_name_find(const struct sem_node *dir, const char *name)
{
	for (struct sem_name *at = dir->first; at; at = at->next)
		if (strcmp(at->text, name) == 0)
			return at;
	return NULL;
}

int sem_name_add(struct sem_node *dir, const char *text, struct sem_node *node)
{
	struct sem_name **at = &dir->first, *name = malloc(sizeof *name + strlen(text) + 1);

	if (!name)
		return -ENOMEM;
	while (*at)
		at = &(*at)->next;
	*name = (struct sem_name){
		.cookie = ++dir->last_cookie, .nodeid = node->id, .len = strlen(text)};
	memcpy(name->text, text, name->len + 1);
	*at = name;
	node->names++;
	if (sem_node_is_dir(node))
		node->parent = dir->id;
	sem_node_touch(node, false);
	sem_node_touch(dir, true);
	return 0;
}

void sem_name_remove(struct semfs *fs, struct sem_node *dir, struct sem_name *name)
{
	struct sem_node *node = sem_node(fs, name->nodeid);
	struct sem_name **at = &dir->first;

	while (*at != name)
		at = &(*at)->next;
	*at = name->next;
	free(name);
	node->names--;
	sem_node_touch(node, false);
	sem_node_touch(dir, true);
	sem_node_settle(fs, node);
}

int sem_dir(const struct semfs *fs, uint64_t nodeid, struct sem_node **out)
{
	*out = sem_node(fs, nodeid);
	if (!*out)
		return -ENOENT;
	return sem_node_is_dir(*out) ? 0 : -ENOTDIR;
}

int sem_name_check(const char *name)
{
	return strlen(name) > SEM_NAME_MAX ? -ENAMETOOLONG : 0;
}

/* ---- the tree ---- */

static const char *const special_names[] = {".report", ".control", ".retrieved"};

uint64_t sem_special_named(const char *name)
{
	for (unsigned i = 0; i < SEM_FIRST - SEM_REPORT; i++)
		if (strcmp(special_names[i], name) == 0)
			return SEM_REPORT + i;
	return 0;
}

int sem_tree_open(struct semfs *fs)
{
	/* number 0 stays empty */
	if (reserve(fs) != 0)
		return -ENOMEM;
	fs->nnodes = 1;
	if (!sem_node_new(fs, NULL, S_IFDIR | 0777))
		return -ENOMEM;
	for (uint64_t id = SEM_REPORT; id < SEM_FIRST; id++) {
		struct sem_node *node = sem_node_new(fs, NULL, S_IFREG | 0666);

		if (!node)
			return -ENOMEM;
		node->names = 1;
	}
	return 0;
}

void sem_tree_close(struct semfs *fs)
{
	for (size_t i = 0; i < fs->nnodes; i++)
		if (fs->nodes[i])
			node_free(fs, fs->nodes[i]);
	free(fs->nodes);
	while (fs->opens) {
		struct sem_open *next = fs->opens->next;

		free(fs->opens);
		fs->opens = next;
	}
}
