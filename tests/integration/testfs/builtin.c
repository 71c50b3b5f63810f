/*
 * The table of backends of the daemon that the tests start: small file systems that misbehave in
 * known ways.  Takes the place of the real table; the rest of the daemon is the real one.
 */
#include "daemon/builtin.h"

#include <string.h>

#include "testfs.h"

const struct builtin builtins[] = {
	{"nullfs", &nullfs_backend},
	{"lockfs", &lockfs_backend},
	{"slowfs", &slowfs_backend},
	{NULL, NULL},
};

const struct llfused_backend *builtin_find(const char *name)
{
	for (const struct builtin *row = builtins; row->name; row++)
		if (strcmp(row->name, name) == 0)
			return row->backend;
	return NULL;
}
