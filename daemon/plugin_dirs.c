/*
 * The directories of plugins: which there are, and which files lie in them.
 * It must not open a file, nor know what a plugin is inside.
 */
#include "plugin_dirs.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The Makefile knows better; this is for tools that compile a file alone. */
#ifndef LLFUSED_PLUGINDIR
#define LLFUSED_PLUGINDIR "/usr/local/lib/llfused"
#endif

#define PATH_VARIABLE "LLFUSED_PLUGIN_PATH"
/* Tells a build tree's directory from one that only happens to lie beside an installed program. */
#define BUILD_MARKER ".llfused-build"
#define SUFFIX       ".so"
#define SUFFIX_LEN   (sizeof SUFFIX - 1)

static int add_dir(struct plugin_dirs *dirs, const char *dir, size_t len)
{
	char **list = reallocarray(dirs->list, dirs->n + 1, sizeof *list);

	if (!list)
		return -ENOMEM;
	dirs->list = list;
	list[dirs->n] = strndup(dir, len);
	if (!list[dirs->n])
		return -ENOMEM;
	dirs->n++;
	return 0;
}

static int add_path(struct plugin_dirs *dirs, const char *path)
{
	int ret = 0;

	while (ret == 0 && *path) {
		size_t len = strcspn(path, ":");

		if (len > 0)
			ret = add_dir(dirs, path, len);
		path += len;
		path += *path == ':';
	}
	return ret;
}

static int add_build_tree(struct plugin_dirs *dirs, const char *program)
{
	const char *slash = strrchr(program, '/');
	char dir[PATH_MAX], marker[PATH_MAX + sizeof BUILD_MARKER];

	if (!slash)
		return 0;
	snprintf(dir, sizeof dir, "%.*s/plugins", (int)(slash - program), program);
	snprintf(marker, sizeof marker, "%s/" BUILD_MARKER, dir);
	return access(marker, F_OK) == 0 ? add_dir(dirs, dir, strlen(dir)) : 0;
}

int plugin_dirs_make(struct plugin_dirs *dirs, const struct plugin_places *places)
{
	int ret = 0;

	*dirs = (struct plugin_dirs){.n = 0};
	if (places->path)
		ret = add_path(dirs, places->path);
	if (ret == 0 && places->program)
		ret = add_build_tree(dirs, places->program);
	if (ret == 0 && places->installed)
		ret = add_dir(dirs, places->installed, strlen(places->installed));
	return ret;
}

int plugin_dirs_own(struct plugin_dirs *dirs)
{
	char program[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", program, sizeof program - 1);
	struct plugin_places places = {
		/* Whoever runs a program with more rights than he has must not load code into it.
		 */
		.path = secure_getenv(PATH_VARIABLE),
		.installed = LLFUSED_PLUGINDIR,
	};

	if (len > 0) {
		program[len] = '\0';
		places.program = program;
	}
	return plugin_dirs_make(dirs, &places);
}

void plugin_dirs_free(struct plugin_dirs *dirs)
{
	for (size_t i = 0; i < dirs->n; i++)
		free(dirs->list[i]);
	free(dirs->list);
	*dirs = (struct plugin_dirs){.n = 0};
}

int plugin_dirs_find(const struct plugin_dirs *dirs, const char *name, char **path)
{
	for (size_t i = 0; i < dirs->n; i++) {
		if (asprintf(path, "%s/%s" SUFFIX, dirs->list[i], name) < 0)
			return -ENOMEM;
		if (access(*path, F_OK) == 0)
			return 0;
		free(*path);
	}
	*path = NULL;
	return -ENOENT;
}

/* ---- listing -------------------------------------------------------------------------------- */

struct found {
	char *name;
	char *path;
	size_t order; /* of finding */
};

struct listing {
	struct found *all;
	size_t n;
};

static bool is_plugin(const char *path, const char *file)
{
	size_t len = strlen(file);
	struct stat st;

	return len > SUFFIX_LEN && strcmp(file + len - SUFFIX_LEN, SUFFIX) == 0 &&
	       stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* Takes `path` over. */
static int add_found(struct listing *l, const char *file, char *path)
{
	struct found *all = reallocarray(l->all, l->n + 1, sizeof *all);
	char *name = strndup(file, strlen(file) - SUFFIX_LEN);

	if (all)
		l->all = all;
	if (!all || !name) {
		free(name);
		free(path);
		return -ENOMEM;
	}
	all[l->n] = (struct found){.name = name, .path = path, .order = l->n};
	l->n++;
	return 0;
}

/* A directory that is not there or cannot be read holds nothing. */
static int read_dir(struct listing *l, const char *dir)
{
	DIR *stream = opendir(dir);
	const struct dirent *entry;
	int ret = 0;

	if (!stream)
		return 0;
	while (ret == 0 && (entry = readdir(stream))) {
		char *path;

		if (asprintf(&path, "%s/%s", dir, entry->d_name) < 0)
			ret = -ENOMEM;
		else if (is_plugin(path, entry->d_name))
			ret = add_found(l, entry->d_name, path);
		else
			free(path);
	}
	closedir(stream);
	return ret;
}

static int compare(const void *left, const void *right)
{
	const struct found *a = left, *b = right;
	int order = strcmp(a->name, b->name);

	return order ? order : (a->order > b->order) - (a->order < b->order);
}

int plugin_dirs_list(const struct plugin_dirs *dirs,
		     void (*visit)(void *arg, const char *name, const char *path), void *arg)
{
	struct listing l = {.n = 0};
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < dirs->n; i++)
		ret = read_dir(&l, dirs->list[i]);
	if (l.n > 0)
		qsort(l.all, l.n, sizeof *l.all, compare);
	for (size_t i = 0; ret == 0 && i < l.n; i++)
		if (i == 0 || strcmp(l.all[i].name, l.all[i - 1].name) != 0)
			visit(arg, l.all[i].name, l.all[i].path);
	for (size_t i = 0; i < l.n; i++) {
		free(l.all[i].name);
		free(l.all[i].path);
	}
	free(l.all);
	return ret;
}
