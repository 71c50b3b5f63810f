/*
 * A backend's tables: found, checked, and copied so that older and newer ones look alike.
 * It must not call any function of a backend but the one that hands out its table, and unload().
 */
#include "plugin.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "builtin.h"
#include "plugin_dirs.h"

#define NAMES_SIZE 256
#define WHAT_SIZE  384

#define END_OF(type, member) (offsetof(type, member) + sizeof(((type *)NULL)->member))

typedef const struct llfused_backend *(*plugin_entry)(void);

/* ---- the tables ----------------------------------------------------------------------------- */

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* The stamp, and whether the table reaches as far as a backend's must. */
static int check_stamp(const struct llfused_backend *theirs, const char *what, struct err *err)
{
	size_t size = theirs->size;

	if (size >= END_OF(struct llfused_backend, api_minor) &&
	    theirs->api_major != LLFUSED_API_MAJOR)
		return err_set(err, -EINVAL,
			       "%s was made for API %u.%u, this daemon has %d.%d: rebuild it", what,
			       theirs->api_major, theirs->api_minor, LLFUSED_API_MAJOR,
			       LLFUSED_API_MINOR);
	if (size < END_OF(struct llfused_backend, load))
		return err_set(err, -EINVAL,
			       "%s: its table is %zu bytes long, too short to hold load(): begin "
			       "it with LLFUSED_BACKEND_STAMP",
			       what, size);
	return 0;
}

static int lacks(const char *what, const char *function, struct err *err)
{
	return err_set(err, -EINVAL, "%s has no %s(): every backend must have it", what, function);
}

static int check_ops(const struct llfused_ops *ops, const char *what, struct err *err)
{
	const char *missing = NULL;

	if (!ops)
		return err_set(err, -EINVAL, "%s has no ops: set .ops", what);
	/* getattr() comes behind lookup(). */
	if (ops->size < END_OF(struct llfused_ops, getattr))
		return err_set(err, -EINVAL,
			       "%s: its table of ops is %zu bytes long, too short to hold lookup() "
			       "and getattr(): set .size = sizeof(struct llfused_ops)",
			       what, ops->size);
	if (!ops->lookup)
		missing = "lookup";
	else if (!ops->getattr)
		missing = "getattr";
	return missing ? lacks(what, missing, err) : 0;
}

/* Declarations that exclude each other. */
static int check_declares(const struct llfused_backend *theirs, const char *what, struct err *err)
{
	uint32_t both = LLFUSED_SPLIT | LLFUSED_NONBLOCKING;

	if ((theirs->declares & both) != both)
		return 0;
	return err_set(err, -EINVAL,
		       "%s declares LLFUSED_SPLIT and LLFUSED_NONBLOCKING: an op that never sleeps "
		       "needs no second call",
		       what);
}

int plugin_adopt_ops(struct plugin *p, const struct llfused_ops *theirs, const char *what,
		     struct err *err)
{
	int ret = check_ops(theirs, what, err);

	if (ret < 0)
		return ret;
	memset(&p->ops, 0, sizeof p->ops);
	memcpy(&p->ops, theirs, smaller(theirs->size, sizeof p->ops));
	p->ops.size = sizeof p->ops;
	p->given = theirs;
	return 0;
}

int plugin_adopt(struct plugin *p, const struct llfused_backend *theirs, const char *what,
		 struct err *err)
{
	int ret;

	memset(p, 0, sizeof *p);
	ret = check_stamp(theirs, what, err);
	if (ret == 0 && (!theirs->name || !*theirs->name))
		ret = err_set(err, -EINVAL, "%s has no name: set .name", what);
	if (ret == 0 && !theirs->load)
		ret = lacks(what, "load", err);
	if (ret == 0)
		ret = check_declares(theirs, what, err);
	if (ret == 0)
		ret = plugin_adopt_ops(p, theirs->ops, what, err);
	if (ret < 0)
		return ret;
	/* Behind its size there may be anything; behind ours is what this daemon cannot use. */
	memcpy(&p->backend, theirs, smaller(theirs->size, sizeof p->backend));
	p->backend.size = sizeof p->backend;
	p->backend.ops = &p->ops;
	return 0;
}

/* ---- shared objects ------------------------------------------------------------------------- */

/* The loader's own words, which often begin with the path that we say already. */
static int load_failed(const char *what, const char *path, struct err *err)
{
	const char *text = dlerror();
	size_t len = strlen(path);

	if (!text)
		text = "no reason given";
	if (strncmp(text, path, len) == 0 && strncmp(text + len, ": ", 2) == 0)
		text += len + 2;
	return err_set(err, -ELIBBAD, "%s cannot be loaded: %s%s", what, text,
		       strstr(text, "undefined symbol: llfused_") ? " (it needs a newer llfused)"
								  : "");
}

static int adopt_object(struct plugin *p, void *handle, const char *what, struct err *err)
{
	const struct llfused_backend *theirs;
	void *symbol = dlsym(handle, LLFUSED_PLUGIN_SYMBOL);
	plugin_entry entry;

	if (!symbol)
		return err_set(
			err, -EINVAL,
			"%s is not an llfused plugin: it has no symbol " LLFUSED_PLUGIN_SYMBOL
			"; see llfused-backend(3)",
			what);
	/* C knows no other way from an object pointer to one of a function. */
	memcpy(&entry, &symbol, sizeof entry);
	theirs = entry();
	if (!theirs)
		return err_set(err, -EINVAL,
			       "%s: " LLFUSED_PLUGIN_SYMBOL "() returned NULL, not a table", what);
	return plugin_adopt(p, theirs, what, err);
}

/* `path` is absolute: it must mean the same file after a change of directory.  Taken over. */
static int open_object(struct plugin *p, char *path, const char *what, struct err *err)
{
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	int ret;

	if (!handle) {
		ret = load_failed(what, path, err);
		free(path);
		return ret;
	}
	ret = adopt_object(p, handle, what, err);
	if (ret < 0) {
		dlclose(handle);
		free(path);
		return ret;
	}
	p->handle = handle;
	p->path = path;
	return 0;
}

static int open_path(struct plugin *p, const char *name, struct err *err)
{
	char what[WHAT_SIZE], *path = realpath(name, NULL);
	struct stat st;

	snprintf(what, sizeof what, "plugin %s", name);
	if (!path || stat(path, &st) < 0) {
		int ret = -errno;

		free(path);
		return err_set(err, ret, "%s: %s", what, strerror(-ret));
	}
	/* The loader would wait for a writer of a FIFO. */
	if (!S_ISREG(st.st_mode)) {
		free(path);
		return err_set(err, -EINVAL, "%s is not a file, but a plugin is one", what);
	}
	return open_object(p, path, what, err);
}

/* ---- names ---------------------------------------------------------------------------------- */

static int not_found(const char *name, const struct plugin_dirs *dirs, struct err *err)
{
	char names[NAMES_SIZE];

	builtin_names(names, sizeof names);
	err_set(err, 0, "unknown backend '%s': built in are %s; a path needs a '/'; no %s.so", name,
		names, name);
	for (size_t i = 0; i < dirs->n; i++)
		err_set(err, 0, "%s%s%s", err->text, i == 0 ? " in " : ", ", dirs->list[i]);
	return -ENOENT;
}

static int open_name(struct plugin *p, const char *name, struct err *err)
{
	struct plugin_dirs dirs;
	char *path = NULL;
	int ret = plugin_dirs_own(&dirs);

	if (ret == 0)
		ret = plugin_dirs_find(&dirs, name, &path);
	if (ret == 0)
		ret = open_path(p, path, err);
	else if (ret == -ENOENT)
		ret = not_found(name, &dirs, err);
	else
		err_set(err, ret, "out of memory");
	plugin_dirs_free(&dirs);
	free(path);
	return ret;
}

static int open_builtin(struct plugin *p, const struct llfused_backend *builtin, const char *name,
			struct err *err)
{
	char what[WHAT_SIZE];

	snprintf(what, sizeof what, "built-in backend %s", name);
	return plugin_adopt(p, builtin, what, err);
}

int plugin_open(struct plugin *p, const char *name, struct err *err)
{
	const struct llfused_backend *builtin = builtin_find(name);

	memset(p, 0, sizeof *p);
	if (builtin)
		return open_builtin(p, builtin, name, err);
	return strchr(name, '/') ? open_path(p, name, err) : open_name(p, name, err);
}

void plugin_close(struct plugin *p)
{
	if (p->backend.unload)
		p->backend.unload();
	if (p->handle)
		dlclose(p->handle);
	free(p->path);
	memset(p, 0, sizeof *p);
}

struct list_call {
	void (*visit)(void *arg, const char *name, const char *path);
	void *arg;
};

/* By a name that is built in, a file is never found. */
static void list_one(void *arg, const char *name, const char *path)
{
	const struct list_call *call = arg;

	if (!builtin_find(name))
		call->visit(call->arg, name, path);
}

void plugin_list(void (*visit)(void *arg, const char *name, const char *path), void *arg)
{
	struct list_call call = {.visit = visit, .arg = arg};
	struct plugin_dirs dirs;

	/* Without memory the help is a few lines shorter. */
	if (plugin_dirs_own(&dirs) == 0)
		plugin_dirs_list(&dirs, list_one, &call);
	plugin_dirs_free(&dirs);
}
