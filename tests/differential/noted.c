/*
 * Sets of files (see noted.h).
 * Knows nothing of what is remembered of them.
 */
#include "noted.h"

bool noted_has(const struct noted *n, const struct statx *a)
{
	for (size_t i = 0; i < n->n; i++)
		if (n->ino[i] == a->stx_ino)
			return true;
	return false;
}

void noted_add(struct noted *n, const struct statx *a)
{
	if (n->n < NOTED_MAX && !noted_has(n, a))
		n->ino[n->n++] = a->stx_ino;
}
