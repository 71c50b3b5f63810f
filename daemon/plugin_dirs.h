/*
 * The directories of plugins, in the order in which they are searched.
 */
#ifndef DAEMON_PLUGIN_DIRS_H
#define DAEMON_PLUGIN_DIRS_H

#include <stddef.h>

struct plugin_dirs {
	char **list;
	size_t n;
};

/* What the directories are made from.  Any of them may be NULL. */
struct plugin_places {
	const char *path;      /* directories with ':' between; empty ones are skipped */
	const char *program;   /* our own file: "plugins" beside it, if that is of a build tree */
	const char *installed; /* one directory */
};

/* 0 or -ENOMEM; plugin_dirs_free() in both cases. */
int plugin_dirs_make(struct plugin_dirs *dirs, const struct plugin_places *places);
/* The same for the places of this process: its environment, its file, its installation. */
int plugin_dirs_own(struct plugin_dirs *dirs);
void plugin_dirs_free(struct plugin_dirs *dirs);

/* Path of the first NAME.so, to be freed; 0, -ENOENT or -ENOMEM. */
int plugin_dirs_find(const struct plugin_dirs *dirs, const char *name, char **path);

/* Calls `visit` for each plugin file, sorted by name; of one name only the first one found.  0 or
 * -ENOMEM, and then for none. */
int plugin_dirs_list(const struct plugin_dirs *dirs,
		     void (*visit)(void *arg, const char *name, const char *path), void *arg);

#endif
