/*
 * Backend, session and mount put together: started in order, taken down in the order read
 * backwards. It must not know the insides of any of them.
 */
#include "serve.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "mount.h"
#include "sdnotify.h"
#include "session.h"

#define EXIT_SETUP 2

struct serve {
	const struct options *options;
	void *fs; /* the session's, once there is one */
	struct session *session;
	struct mount mount;
};

/* The backend's own words; one that failed without a word still gets some. */
static int backend_failed(int ret, const struct llfused_error *error, const char *name,
			  const char *what, struct err *err)
{
	if (*error->text)
		return err_set(err, ret, "backend %s: %s", name, error->text);
	return err_set(err, ret, "backend %s: %s%s%s", name, what, *what ? ": " : "",
		       strerror(-ret));
}

static int configure_backend(struct serve *s, struct err *err)
{
	const struct llfused_backend *backend = s->options->backend;
	struct llfused_error error = {""};
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < s->options->nbackend_options; i++) {
		const struct options_pair *pair = &s->options->backend_options[i];
		char what[256];

		if (!backend->configure)
			break;
		ret = backend->configure(s->fs, pair->key, pair->value, &error);
		snprintf(what, sizeof what, "option %s%s%s", pair->key, pair->value ? "=" : "",
			 pair->value ? pair->value : "");
		if (ret < 0)
			backend_failed(ret, &error, backend->name, what, err);
	}
	if (ret == 0 && backend->ready) {
		ret = backend->ready(s->fs, &error);
		if (ret < 0)
			backend_failed(ret, &error, backend->name, "", err);
	}
	return ret;
}

static void destroy_backend(struct serve *s)
{
	if (s->options->backend->destroy)
		s->options->backend->destroy(s->fs);
}

static int make_session(struct serve *s, struct err *err)
{
	const struct llfused_backend *backend = s->options->backend;
	struct llfused_error error = {""};
	int ret = backend->load(&s->fs, &error);

	if (ret < 0)
		return backend_failed(ret, &error, backend->name, "", err);
	ret = configure_backend(s, err);
	if (ret == 0) {
		struct session_config config = {
			.backend = backend,
			.fs = s->fs,
			.workers = s->options->workers,
			.io = s->options->io,
			.pin = s->options->pin,
			.default_permissions = mount_default_permissions(&s->options->mount),
			.mount_flags = s->options->mount.noatime ? LLFUSED_MOUNT_NOATIME : 0,
			.trace = s->options->debug,
		};

		ret = session_new(&s->session, &config, err);
	}
	if (ret < 0)
		destroy_backend(s);
	return ret;
}

static int start(struct serve *s, struct err *err)
{
	int ret = make_session(s, err);

	if (ret < 0)
		return ret;
	ret = mount_open(&s->mount, s->options->mountpoint, &s->options->mount,
			 s->options->backend->name, session_handshake, s->session, err);
	if (ret < 0) {
		session_free(s->session);
		return ret;
	}
	ret = session_start(s->session, s->mount.fuse_fd, err);
	if (ret < 0) {
		session_free(s->session);
		mount_close(&s->mount);
	}
	return ret;
}

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

int serve_run(const struct options *options, struct lifecycle *lifecycle, struct background *bg,
	      struct err *err)
{
	struct serve s = {.options = options};
	int status = 0;

	if (start(&s, err) < 0)
		return EXIT_SETUP;
	/* The directory that we were started in must not be held busy. */
	if (chdir("/") < 0)
		log_warn("cannot change to the root directory");
	if (bg && background_ready(bg, s.mount.dev) < 0) {
		log_warn("whoever started us has gone: ending");
		mount_detach(&s.mount);
	} else {
		tell(&s);
		status = lifecycle_run(lifecycle, s.session, &s.mount, options->stop_timeout);
	}
	session_stop(s.session);
	session_free(s.session);
	mount_close(&s.mount);
	return status;
}
