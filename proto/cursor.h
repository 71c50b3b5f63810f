/*
 * A cursor over foreign bytes: every take is checked against what is left, and moves past what it
 * took only when that was there.  Private to proto/.
 */
#ifndef PROTO_CURSOR_H
#define PROTO_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "request.h"

struct cursor {
	const char *next;
	size_t left;
};

static inline struct cursor cursor_over(const void *data, size_t size)
{
	return (struct cursor){.next = data, .left = size};
}

/* `size` raw bytes, not copied. */
static inline bool cursor_take(struct cursor *c, size_t size, struct proto_bytes *out)
{
	if (size > c->left)
		return false;
	out->data = c->next;
	out->size = size;
	c->left -= size;
	if (size > 0)
		c->next += size;
	return true;
}

/* `size` bytes into a struct: the source may have any alignment. */
static inline bool cursor_copy(struct cursor *c, void *to, size_t size)
{
	struct proto_bytes bytes;

	if (!cursor_take(c, size, &bytes))
		return false;
	if (size > 0)
		memcpy(to, bytes.data, size);
	return true;
}

/* A string with its NUL; false as well when it is empty. */
static inline bool cursor_string(struct cursor *c, struct proto_bytes *out)
{
	const char *nul = c->left > 0 ? memchr(c->next, '\0', c->left) : NULL;

	if (!nul || nul == c->next)
		return false;
	out->data = c->next;
	out->size = (size_t)(nul - c->next);
	c->left -= out->size + 1;
	c->next = nul + 1;
	return true;
}

/* Splits the last `size` bytes off into `end`. */
static inline bool cursor_split(struct cursor *c, size_t size, struct cursor *end)
{
	if (size > c->left)
		return false;
	c->left -= size;
	*end = cursor_over(c->left > 0 ? c->next + c->left : c->next, size);
	return true;
}

#endif
