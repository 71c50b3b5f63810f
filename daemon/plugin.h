/*
 * From what --backend names to a backend's tables: built in, found in the plugin directories, or a
 * path.
 */
#ifndef DAEMON_PLUGIN_H
#define DAEMON_PLUGIN_H

#include <stddef.h>

#include <llfused/backend.h>

#include "err.h"

struct plugin {
	/* Copies of the backend's tables at the smaller of its size and ours; what an older backend
	 * lacks is NULL.  backend.ops points to `ops`. */
	struct llfused_backend backend;
	struct llfused_ops ops;
	const struct llfused_ops *given; /* the backend's own table, for its wish() */
	void *handle;                    /* of dlopen; NULL: built in */
	char *path;                      /* the file; NULL: built in */
};

/*
 * `name` is a path if it has a '/'; else a built-in backend, or NAME.so in a directory of
 * LLFUSED_PLUGIN_PATH, of the build tree that we run from, or of the installation.  0, or a
 * negative errno and one line that says what is wrong and where was looked.
 * The backend's code runs for the first time here (constructors): after the fork.
 */
int plugin_open(struct plugin *p, const char *name, struct err *err);

/* Checks and copies tables: what plugin_open() does for each kind.  `what` names it in errors; on
 * failure `p` is all zero.  A copy of `p` needs its backend.ops set to its own `ops`. */
int plugin_adopt(struct plugin *p, const struct llfused_backend *theirs, const char *what,
		 struct err *err);

/* Checks another table of ops, from the backend's wish(), and copies it over the first; on failure
 * `p` is as it was. */
int plugin_adopt_ops(struct plugin *p, const struct llfused_ops *theirs, const char *what,
		     struct err *err);

/* unload(), then the code is unmapped; the backend's threads have ended.  `p` is all zero then: a
 * second call does nothing, as after a failed plugin_open(). */
void plugin_close(struct plugin *p);

/* Calls `visit` for the name and path of each plugin file in the directories, for the help. */
void plugin_list(void (*visit)(void *arg, const char *name, const char *path), void *arg);

#endif
