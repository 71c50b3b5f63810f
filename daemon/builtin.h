/*
 * The backends that are part of the daemon.  The only place that names them.
 */
#ifndef DAEMON_BUILTIN_H
#define DAEMON_BUILTIN_H

#include <stddef.h>

#include <llfused/backend.h>

struct builtin {
	const char *name;
	const struct llfused_backend *backend;
};

/* Ends with name NULL. */
extern const struct builtin builtins[];

/* NULL: there is none of this name. */
const struct llfused_backend *builtin_find(const char *name);

/* Their names with ", " between, for error lines; cut off if `size` bytes do not hold them. */
void builtin_names(char *buf, size_t size);

#endif
