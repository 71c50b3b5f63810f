/*
 * The recording file system's extended attributes.
 */
#include "semfs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CREATE  1
#define REPLACE 2

static struct sem_xattr **find(struct sem_node *node, const char *name)
{
	struct sem_xattr **at = &node->xattrs;

	while (*at && strcmp((*at)->name, name) != 0)
		at = &(*at)->next;
	return at;
}

static void xattr_free(struct sem_xattr *one)
{
	if (!one)
		return;
	free(one->name);
	free(one->value);
	free(one);
}

void sem_xattr_free(struct sem_node *node)
{
	while (node->xattrs) {
		struct sem_xattr *next = node->xattrs->next;

		xattr_free(node->xattrs);
		node->xattrs = next;
	}
}

static struct sem_xattr *xattr_new(const char *name, const void *value, size_t size)
{
	struct sem_xattr *one = calloc(1, sizeof *one);

	if (!one)
		return NULL;
	one->name = strdup(name);
	one->value = malloc(size ? size : 1);
	one->size = size;
	if (!one->name || !one->value) {
		xattr_free(one);
		return NULL;
	}
	if (size > 0)
		memcpy(one->value, value, size);
	return one;
}

int sem_setxattr(struct llfused_ctx *ctx, uint64_t nodeid, const char *name, const void *value,
		 size_t size, uint32_t flags, uint32_t xflags)
{
	SEM_BEGIN(ctx, setxattr, nodeid);
	struct sem_node *node = sem_node(fs, nodeid);
	struct sem_xattr **at, *fresh;

	(void)xflags;
	if (!node)
		return -ESTALE;
	at = find(node, name);
	if (*at && flags & CREATE)
		return -EEXIST;
	if (!*at && flags & REPLACE)
		return -ENODATA;
	fresh = xattr_new(name, value, size);
	if (!fresh)
		return -ENOMEM;
	if (*at)
		fresh->next = (*at)->next;
	xattr_free(*at);
	*at = fresh;
	sem_node_touch(node, false);
	return 0;
}

int sem_getxattr(struct llfused_ctx *ctx, uint64_t nodeid, const char *name,
		 struct llfused_buf *value)
{
	SEM_BEGIN(ctx, getxattr, nodeid);
	struct sem_node *node = sem_node(fs, nodeid);
	const struct sem_xattr *one;
	char count[32];

	if (!node)
		return -ESTALE;
	if (strcmp(name, "user.sem.nlookup") == 0) {
		snprintf(count, sizeof count, "%" PRIu64, node->nlookup);
		return llfused_buf_put(value, count, strlen(count));
	}
	one = *find(node, name);
	return one ? llfused_buf_put(value, one->value, one->size) : -ENODATA;
}

int sem_listxattr(struct llfused_ctx *ctx, uint64_t nodeid, struct llfused_buf *names)
{
	SEM_BEGIN(ctx, listxattr, nodeid);
	const struct sem_node *node = sem_node(fs, nodeid);
	size_t size = 0;

	if (!node)
		return -ESTALE;
	for (const struct sem_xattr *one = node->xattrs; one; one = one->next) {
		size_t len = strlen(one->name) + 1;

		if (size + len <= names->cap)
			memcpy((char *)names->data + size, one->name, len);
		size += len;
	}
	names->len = size;
	return names->cap != 0 && size > names->cap ? -ERANGE : 0;
}

int sem_removexattr(struct llfused_ctx *ctx, uint64_t nodeid, const char *name)
{
	SEM_BEGIN(ctx, removexattr, nodeid);
	struct sem_node *node = sem_node(fs, nodeid);
	struct sem_xattr **at, *one;

	if (!node)
		return -ESTALE;
	at = find(node, name);
	one = *at;
	if (!one)
		return -ENODATA;
	*at = one->next;
	xattr_free(one);
	return 0;
}
