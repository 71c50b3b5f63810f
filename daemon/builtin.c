/*
 * The backends that are part of the daemon: the only file that names them.
 * It must not know their insides.
 */
#include "builtin.h"

#include <stdio.h>
#include <string.h>

extern const struct llfused_backend memfs_backend;
extern const struct llfused_backend null_backend;
extern const struct llfused_backend pt_backend;

const struct builtin builtins[] = {
	{"tmpfs", &memfs_backend},
	{"memfs", &memfs_backend},
	{"passthrough", &pt_backend},
	{"null", &null_backend},
	{NULL, NULL},
};

const struct llfused_backend *builtin_find(const char *name)
{
	for (const struct builtin *row = builtins; row->name; row++)
		if (strcmp(row->name, name) == 0)
			return row->backend;
	return NULL;
}

void builtin_names(char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	for (const struct builtin *row = builtins; row->name && len < size; row++)
		len += (size_t)snprintf(buf + len, size - len, "%s%s", len ? ", " : "", row->name);
}
