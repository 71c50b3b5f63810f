/*
 * Backend, session and mount put together: started in order, taken down in the order read
 * backwards. It must not know the insides of any of them.
 */
#include "serve.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host.h"
#include "instance.h"
#include "lock.h"
#include "log.h"
#include "mount.h"
#include "plugin.h"
#include "sdnotify.h"
#include "session.h"
#include "source_check.h"
#include "stacks.h"

#define STATUS_FAILED 1
#define STATUS_SETUP  2

/* For threads of a backend whose start failed. */
#define START_GRACE UINT64_C(2000000000)

struct serve {
	struct options *options;
	struct serve_result *result;
	struct lock lock;
	struct instance instance;
	struct session *session; /* NULL: there is none */
	struct mount mount;
	bool opened; /* the instance holds a plugin */
	bool mounted;
	bool fatal_noted;
};

/* The first failure is the result; what comes later goes to the log. */
static void note_failure(struct serve *s, int status, const struct err *err)
{
	if (s->result->status != 0) {
		log_error("%s", err->text);
		return;
	}
	s->result->status = status;
	s->result->err = *err;
}

/* If the backend has called llfused_fatal(): its words are noted, once. */
static bool note_fatal(struct serve *s, int status)
{
	const char *text = host_fatal_text();
	struct err err;

	if (!text || s->fatal_noted)
		return false;
	s->fatal_noted = true;
	err_set(&err, -EIO, "backend %s: %s", s->instance.plugin.backend.name, text);
	note_failure(s, status, &err);
	return true;
}

/* ---- start ---- */

/* Before the backend opens its source, and long before the mount. */
static int check_source(const struct serve *s, struct err *err)
{
	const struct options *options = s->options;

	if (!(s->instance.plugin.backend.declares & LLFUSED_NEEDS_SOURCE))
		return 0;
	for (size_t i = 0; i < options->nbackend_options; i++)
		if (strcmp(options->backend_options[i].key, "source") == 0)
			return source_check(options->backend_options[i].value, options->mountpoint,
					    err);
	return 0;
}

static int open_backend(struct serve *s, struct err *err)
{
	struct plugin plugin;
	int ret = plugin_open(&plugin, s->options->backend, err);

	if (ret < 0)
		return ret;
	instance_open(&s->instance, &plugin, &s->lock);
	s->opened = true;
	ret = options_fit_backend(s->options, &s->instance.plugin.backend, err);
	if (ret == 0)
		ret = check_source(s, err);
	if (ret < 0)
		return ret;
	return instance_start(&s->instance, s->options->backend_options,
			      s->options->nbackend_options, err);
}

static int make_session(struct serve *s, struct err *err)
{
	const struct options *options = s->options;
	struct session_config config = {
		.instance = &s->instance,
		.lock = &s->lock,
		.workers = options->workers,
		.transport = options->transport,
		.queue_depth = options->queue_depth,
		.io = options->io,
		.pin = options->pin,
		.default_permissions = mount_default_permissions(&options->mount),
		.mount_flags = (options->mount.noatime ? LLFUSED_MOUNT_NOATIME : 0) |
			       (options->mount.ro ? LLFUSED_MOUNT_RDONLY : 0),
		.max_read = options->mount.max_read,
		.max_pending = options->max_pending,
		.owner = geteuid(),
		.trace = options->debug,
	};

	return session_new(&s->session, &config, err);
}

static int start_serving(struct serve *s, struct err *err)
{
	int ret = open_backend(s, err);

	/* A backend that broke and did not say so in its result is not mounted first. */
	if (ret == 0 && host_fatal_text())
		ret = -EIO;
	if (ret == 0)
		ret = make_session(s, err);
	if (ret < 0)
		return ret;
	ret = mount_open(&s->mount, s->options->mountpoint, &s->options->mount,
			 s->instance.plugin.backend.name, session_handshake, s->session, err);
	if (ret < 0)
		return ret;
	s->mounted = true;
	return session_start(s->session, s->mount.fuse_fd, s->mount.dev, err);
}

static int start(struct serve *s)
{
	struct err err = {""};
	int ret;

	if (stacks_open(&err) < 0)
		log_warn("there will be no stack traces: %s", err.text);
	lock_init(&s->lock);
	host_bind_lock(&s->lock);
	ret = start_serving(s, &err);
	if (ret < 0 && !note_fatal(s, STATUS_SETUP))
		note_failure(s, STATUS_SETUP, &err);
	return ret;
}

/* ---- serving ---- */

static const char *way_name(const struct mount *m)
{
	static const char *const names[] = {
		[MOUNT_BY_FSMOUNT] = "fsmount",
		[MOUNT_BY_MOUNT] = "mount",
		[MOUNT_BY_HELPER] = "fusermount3",
	};

	return names[m->way];
}

static void tell(const struct serve *s)
{
	char line[3072], status[256];
	int len;

	session_describe(s->session, line, sizeof line);
	log_info("serving %s: mount=%s sync_init=%d allow_other=%d %s", s->mount.path,
		 way_name(&s->mount), s->mount.sync_init, s->mount.allow_other, line);
	/* The lists of features are too long for a status line. */
	len = (int)(strstr(line, " on=") ? strstr(line, " on=") - line : (ptrdiff_t)strlen(line));
	snprintf(status, sizeof status, "READY=1\nSTATUS=serving: %.*s", len, line);
	if (sdnotify_send(status) < 0)
		log_warn("cannot tell the service manager that we are ready");
}

/* Is there still somebody who wants it?  If the serving has ended already, the wait will tell. */
static bool is_wanted(struct serve *s, struct background *bg)
{
	int ret = bg ? background_ready(bg, s->mount.dev, session_end_fd(s->session)) : 0;

	if (ret == 0 || ret == -ECANCELED)
		return true;
	log_warn("whoever started us has gone: ending");
	mount_detach(&s->mount);
	/* whoever has started us in vain finds no mount */
	background_hang_up(bg);
	return false;
}

/* Returns the time that handlers have to end, in ns. */
static uint64_t serve(struct serve *s, struct lifecycle *lifecycle, struct background *bg)
{
	uint64_t grace = START_GRACE;
	struct err err;
	bool failed;

	/* The directory that we were started in must not be held busy. */
	if (chdir("/") < 0)
		log_warn("cannot change to the root directory");
	if (!is_wanted(s, bg))
		return grace;
	tell(s);
	failed = lifecycle_run(lifecycle, s->session, &s->mount, &grace) < 0;
	if (!note_fatal(s, STATUS_FAILED) && failed) {
		err_set(&err, -EIO, "serving %s failed", s->mount.path);
		note_failure(s, STATUS_FAILED, &err);
	}
	return grace;
}

/* ---- end ---- */

/* A thread of the backend does not come back.  What it may use stays as it is, to the end of the
 * process. */
static void give_up(struct serve *s, const char *what)
{
	struct err err;

	if (s->mounted)
		mount_detach(&s->mount);
	err_set(&err, -ETIMEDOUT, "backend %s: %s", s->instance.plugin.backend.name, what);
	stacks_log();
	note_failure(s, STATUS_FAILED, &err);
	s->result->stuck = true;
}

static void take_down(struct serve *s, uint64_t grace)
{
	int ret = s->session ? session_stop(s->session, grace) : 0;

	note_fatal(s, STATUS_FAILED);
	if (ret < 0) {
		give_up(s, "a handler does not end; not waiting for it");
		return;
	}
	/* At once, and before destroy(), which may take its time: who still has a file open gets
	 * ENOTCONN. */
	if (s->mounted)
		mount_close(&s->mount);
	s->mounted = false;
	ret = instance_destroy(&s->instance, grace);
	note_fatal(s, STATUS_FAILED);
	if (ret < 0) {
		give_up(s, "somebody keeps the global lock; destroy was not called");
		return;
	}
	if (s->session)
		session_free(s->session);
	if (s->opened)
		instance_close(&s->instance);
	host_bind_lock(NULL);
	lock_destroy(&s->lock);
}

void serve_run(struct options *options, struct lifecycle *lifecycle, struct background *bg,
	       struct serve_result *result)
{
	/* Not on the stack: a thread that is stuck may still look at it. */
	struct serve *s = calloc(1, sizeof *s);

	*result = (struct serve_result){.status = 0};
	if (!s) {
		result->status = STATUS_SETUP;
		err_set(&result->err, -ENOMEM, "out of memory");
		return;
	}
	s->options = options;
	s->result = result;
	take_down(s, start(s) < 0 ? START_GRACE : serve(s, lifecycle, bg));
	if (!result->stuck)
		free(s);
}
