/*
 * The one backend of this process and its instance, through the moments of its life: each of them
 * once, in order, whatever fails in between.
 */
#ifndef DAEMON_INSTANCE_H
#define DAEMON_INSTANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <llfused/backend.h>

#include "err.h"
#include "lock.h"
#include "options.h"
#include "plugin.h"

struct instance {
	struct plugin plugin; /* its `backend` is the table to use, with what wish() changed */
	uint32_t stack_depth; /* wished for kernel passthrough: 1 or 2 */
	void *fs;             /* what load() made */
	bool loaded;          /* destroy() is due */
	struct lock *lock;    /* held around init and destroy */
};

/* Takes a plugin over: closed by instance_close(). */
void instance_open(struct instance *in, const struct plugin *plugin, struct lock *lock);

/* load(), configure() for each pair, ready(), wish(). */
int instance_start(struct instance *in, const struct options_pair *pairs, size_t npairs,
		   struct err *err);

/* init(), with the lock held. */
int instance_init(struct instance *in, const struct llfused_conn *conn, struct err *err);

/*
 * destroy(), with the lock held, if load() has succeeded and it was not called yet.  Waits for the
 * lock at most `timeout` ns; -ETIMEDOUT: somebody is stuck with it, destroy() was not called.
 */
int instance_destroy(struct instance *in, uint64_t timeout);

/* unload(), and the plugin's code is unmapped. */
void instance_close(struct instance *in);

#endif
