/*
 * The backend's life: what is called when, with which lock, and how its failures are told.
 * It must not know requests, nor how the file system is mounted.
 */
#include "instance.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "log.h"

#define WHAT_SIZE 256

/*
 * What a function of the backend answered, as 0 or a negative errno.  The error line is the
 * backend's own words; one that failed without a word still gets some, after `what` (may be empty).
 */
static int judge(const struct instance *in, int ret, struct llfused_error *error, const char *what,
		 struct err *err)
{
	const char *name = in->plugin.backend.name;

	if (ret == 0)
		return 0;
	if (ret > 0)
		ret = -EIO; /* it should have been an errno */
	error->text[sizeof error->text - 1] = '\0';
	if (*error->text)
		return err_set(err, ret, "backend %s: %s", name, error->text);
	return err_set(err, ret, "backend %s: %s%s%s", name, what, *what ? ": " : "",
		       strerror(-ret));
}

void instance_open(struct instance *in, const struct plugin *plugin, struct lock *lock)
{
	*in = (struct instance){.plugin = *plugin, .stack_depth = 1, .lock = lock};
	/* The table points into the plugin's own copy. */
	in->plugin.backend.ops = &in->plugin.ops;
}

static int configure(struct instance *in, const struct options_pair *pair, struct err *err)
{
	struct llfused_error error = {""};
	char what[WHAT_SIZE];
	int ret = in->plugin.backend.configure(in->fs, pair->key, pair->value, &error);

	snprintf(what, sizeof what, "option %s%s%s", pair->key, pair->value ? "=" : "",
		 pair->value ? pair->value : "");
	return judge(in, ret, &error, what, err);
}

/* What it asks for, now that it knows its options, replaces what its tables say. */
static int ask_wishes(struct instance *in, struct err *err)
{
	struct llfused_backend *backend = &in->plugin.backend;
	struct llfused_wishes wishes = {
		.wants = backend->wants,
		.stack_depth = 1,
		.ops = in->plugin.given,
	};
	char what[WHAT_SIZE];

	snprintf(what, sizeof what, "backend %s after wish()", backend->name);
	backend->wish(in->fs, &wishes);
	if (wishes.stack_depth < 1 || wishes.stack_depth > 2)
		return err_set(err, -EINVAL,
			       "backend %s: wish() set stack_depth to %u: 1 and 2 are possible",
			       backend->name, wishes.stack_depth);
	backend->wants = wishes.wants;
	in->stack_depth = wishes.stack_depth;
	return wishes.ops == in->plugin.given
		       ? 0
		       : plugin_adopt_ops(&in->plugin, wishes.ops, what, err);
}

int instance_start(struct instance *in, const struct options_pair *pairs, size_t npairs,
		   struct err *err)
{
	const struct llfused_backend *backend = &in->plugin.backend;
	struct llfused_error error = {""};
	int ret = judge(in, backend->load(&in->fs, &error), &error, "", err);

	if (ret < 0)
		return ret;
	in->loaded = true;
	for (size_t i = 0; ret == 0 && backend->configure && i < npairs; i++)
		ret = configure(in, &pairs[i], err);
	error = (struct llfused_error){""};
	if (ret == 0 && backend->ready)
		ret = judge(in, backend->ready(in->fs, &error), &error, "", err);
	if (ret == 0 && backend->wish)
		ret = ask_wishes(in, err);
	return ret;
}

/* After a call with the lock held.  One that released the lock had to take it again. */
static void leave(struct instance *in, const char *what)
{
	if (lock_release(in->lock) < 0)
		log_warn("backend %s: %s returned without the global lock", in->plugin.backend.name,
			 what);
}

int instance_init(struct instance *in, const struct llfused_conn *conn, struct err *err)
{
	const struct llfused_backend *backend = &in->plugin.backend;
	struct llfused_error no_words = {""};
	int ret;

	if (!backend->init)
		return 0;
	/* Who has it already has kept it since load(), configure() or ready(): it is held. */
	lock_acquire(in->lock, LLFUSED_FOREVER);
	ret = backend->init(in->fs, conn);
	leave(in, "init");
	return judge(in, ret, &no_words, "init failed", err);
}

int instance_destroy(struct instance *in, uint64_t timeout)
{
	const struct llfused_backend *backend = &in->plugin.backend;

	if (in->loaded && backend->destroy) {
		if (lock_acquire(in->lock, timeout) == -ETIMEDOUT)
			return -ETIMEDOUT;
		backend->destroy(in->fs);
		leave(in, "destroy");
	}
	in->loaded = false;
	return 0;
}

void instance_close(struct instance *in)
{
	plugin_close(&in->plugin);
	in->fs = NULL;
}
