/*
 * The one table of the command line's options, and what each of them sets.
 * It must not know how a line is taken apart, nor what needs several options to judge.
 */
#include "options_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WORKERS_MAX     1024
#define MAX_PENDING_MAX 16777216
#define QUEUE_DEPTH_MAX 1024

static int set_backend(struct options *options, const char *value, struct err *err)
{
	char *copy;

	if (!*value)
		return options_no_backend("the backend's name is empty", err);
	copy = strdup(value);
	if (!copy)
		return err_set(err, -ENOMEM, "out of memory");
	free(options->backend);
	options->backend = copy;
	return 0;
}

static int set_source(struct options *options, const char *value, struct err *err)
{
	return options_add_pair(options, "source", value, err);
}

static int set_workers(struct options *options, const char *value, struct err *err)
{
	uint64_t n;

	if (options_number(value, 1, WORKERS_MAX, &n) < 0)
		return err_set(err, -EINVAL, "--workers=%s: give a number from 1 to %d", value,
			       WORKERS_MAX);
	options->workers = (unsigned)n;
	return 0;
}

/* The index of `value` in `names`, which ends with NULL. */
static int choose(const char *option, const char *const *names, const char *value, struct err *err)
{
	char known[128] = "";
	size_t len = 0;

	for (int i = 0; names[i]; i++) {
		if (strcmp(names[i], value) == 0)
			return i;
		len += (size_t)snprintf(known + len, sizeof known - len, "%s%s", len ? ", " : "",
					names[i]);
	}
	return err_set(err, -EINVAL, "--%s=%s: give one of %s", option, value, known);
}

static int set_transport(struct options *options, const char *value, struct err *err)
{
	static const char *const names[] = {
		[TRANSPORT_AUTO] = "auto",
		[TRANSPORT_DEV] = "dev",
		[TRANSPORT_URING] = "uring",
		NULL,
	};
	int chosen = choose("transport", names, value, err);

	if (chosen < 0)
		return chosen;
	options->transport = (enum transport_choice)chosen;
	return 0;
}

static int set_queue_depth(struct options *options, const char *value, struct err *err)
{
	uint64_t n;

	if (options_number(value, 1, QUEUE_DEPTH_MAX, &n) < 0)
		return err_set(err, -EINVAL, "--queue-depth=%s: give a number from 1 to %d", value,
			       QUEUE_DEPTH_MAX);
	options->queue_depth = (unsigned)n;
	return 0;
}

static int set_io(struct options *options, const char *value, struct err *err)
{
	static const char *const names[] = {
		[IO_AUTO] = "auto",
		[IO_URING] = "uring",
		[IO_PLAIN] = "plain",
		NULL,
	};
	int chosen = choose("io", names, value, err);

	if (chosen < 0)
		return chosen;
	options->io = (enum io_choice)chosen;
	return 0;
}

static int set_pin(struct options *options, const char *value, struct err *err)
{
	static const char *const names[] = {
		[PIN_AUTO] = "auto",
		[PIN_ON] = "on",
		[PIN_OFF] = "off",
		NULL,
	};
	int chosen = choose("pin", names, value, err);

	if (chosen < 0)
		return chosen;
	options->pin = (enum pin_choice)chosen;
	return 0;
}

static int set_log_level(struct options *options, const char *value, struct err *err)
{
	static const char *const names[] = {
		[LLFUSED_LOG_ERROR] = "error",
		[LLFUSED_LOG_WARNING] = "warning",
		[LLFUSED_LOG_INFO] = "info",
		[LLFUSED_LOG_DEBUG] = "debug",
		NULL,
	};
	int chosen = choose("log-level", names, value, err);

	if (chosen < 0)
		return chosen;
	options->log_level = (enum llfused_log_level)chosen;
	return 0;
}

static int set_on_fatal(struct options *options, const char *value, struct err *err)
{
	static const char *const names[] = {
		[ON_FATAL_UNMOUNT] = "unmount",
		[ON_FATAL_ABANDON] = "abandon",
		NULL,
	};
	int chosen = choose("on-fatal", names, value, err);

	if (chosen < 0)
		return chosen;
	options->on_fatal = (enum on_fatal)chosen;
	return 0;
}

static int set_max_pending(struct options *options, const char *value, struct err *err)
{
	uint64_t n;

	if (options_number(value, 1, MAX_PENDING_MAX, &n) < 0)
		return err_set(err, -EINVAL, "--max-pending=%s: give a number from 1 to %d", value,
			       MAX_PENDING_MAX);
	options->max_pending = (uint32_t)n;
	return 0;
}

static int set_stop_timeout(struct options *options, const char *value, struct err *err)
{
	if (options_seconds(value, &options->stop_timeout) < 0)
		return err_set(err, -EINVAL, "--stop-timeout=%s: give seconds, as 5 or 0.5", value);
	return 0;
}

static int set_no_signal_handlers(struct options *options, const char *value, struct err *err)
{
	(void)value;
	(void)err;
	options->no_signal_handlers = true;
	return 0;
}

static int set_foreground(struct options *options, const char *value, struct err *err)
{
	(void)value;
	(void)err;
	options->foreground = true;
	return 0;
}

static int set_debug(struct options *options, const char *value, struct err *err)
{
	(void)value;
	(void)err;
	options->debug = true;
	return 0;
}

static int set_version(struct options *options, const char *value, struct err *err)
{
	(void)value;
	(void)err;
	options->version = true;
	return 0;
}

static int set_help(struct options *options, const char *value, struct err *err)
{
	(void)value;
	(void)err;
	options->help = true;
	return 0;
}

const struct option_row options_table[] = {
	{"backend", 0, "NAME",
	 "the file system to serve: a built-in one, a plugin's name, or the path of its .so",
	 set_backend},
	{"source", 0, "DIR", "what it shows, for backends that have a source", set_source},
	{"options", 'o', "KEY[=VALUE],...",
	 "mount and backend options; \\, stands for a comma in a value", options_add_list},
	{"workers", 0, "N", "threads that run the backend, 1 to 1024 (default: chosen)",
	 set_workers},
	{"transport", 0, "WAY", "how requests travel: auto, dev or uring (default: auto)",
	 set_transport},
	{"queue-depth", 0, "N",
	 "uring: requests taken at once from a processor at first, 1 to 1024 (default: 4)",
	 set_queue_depth},
	{"io", 0, "WAY", "how /dev/fuse is driven: auto, uring or plain (default: auto)", set_io},
	{"pin", 0, "WHEN",
	 "keep each worker on a processor: auto (where each has one), on or off (default: auto)",
	 set_pin},
	{"stop-timeout", 0, "SECONDS",
	 "how long a busy file system is served after a signal to stop (default: 5)",
	 set_stop_timeout},
	{"no-signal-handlers", 0, NULL, "leave signals alone: serve until it is unmounted",
	 set_no_signal_handlers},
	{"on-fatal", 0, "WHAT",
	 "when the file system breaks: unmount, or abandon, where it is (default: unmount)",
	 set_on_fatal},
	{"max-pending", 0, "N",
	 "requests that a backend may answer later, at once (default: 65536)", set_max_pending},
	{"foreground", 'f', NULL, "stay in the foreground", set_foreground},
	{"debug", 'd', NULL, "log each request and reply; stays in the foreground", set_debug},
	{"log-level", 0, "LEVEL", "error, warning, info or debug (default: info)", set_log_level},
	{"version", 'V', NULL, "show versions", set_version},
	{"help", 'h', NULL, "show this; with --backend, its options too", set_help},
	{NULL, 0, NULL, NULL, NULL},
};
