/*
 * The backends that are part of the daemon: the only file that names them.
 * It must not know their insides.
 */
#include "builtin.h"

#include <string.h>

extern const struct llfused_backend memfs_backend;

const struct builtin builtins[] = {
	{"tmpfs", &memfs_backend},
	{"memfs", &memfs_backend},
	{NULL, NULL},
};

const struct llfused_backend *builtin_find(const char *name)
{
	for (const struct builtin *row = builtins; row->name; row++)
		if (strcmp(row->name, name) == 0)
			return row->backend;
	return NULL;
}
