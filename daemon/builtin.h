/*
 * The backends that are part of the daemon.  The only place that names them.
 */
#ifndef DAEMON_BUILTIN_H
#define DAEMON_BUILTIN_H

#include <llfused/backend.h>

struct builtin {
	const char *name;
	const struct llfused_backend *backend;
};

/* Ends with name NULL. */
extern const struct builtin builtins[];

/* NULL: there is none of this name. */
const struct llfused_backend *builtin_find(const char *name);

#endif
