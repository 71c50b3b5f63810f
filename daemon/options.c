/*
 * The command line: the one table of its options, and the walk through argv.
 * It must not act on what it finds: no file is opened and nothing is printed.
 */
#include "options_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "builtin.h"

#define WORKERS_MAX        1024
#define STOP_TIMEOUT_NS    UINT64_C(5000000000)
#define BUILTIN_NAMES_SIZE 256

static void builtin_names(char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	for (const struct builtin *row = builtins; row->name && len < size; row++)
		len += (size_t)snprintf(buf + len, size - len, "%s%s", len ? ", " : "", row->name);
}

static int set_backend(struct options *options, const char *value, struct err *err)
{
	char names[BUILTIN_NAMES_SIZE];

	options->backend = builtin_find(value);
	if (options->backend)
		return 0;
	builtin_names(names, sizeof names);
	return err_set(err, -EINVAL, "unknown backend '%s': there are %s", value, names);
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
	if (chosen == TRANSPORT_URING)
		return err_set(err, -EINVAL,
			       "transport uring is not built in yet: use --transport=dev or auto");
	options->transport = (enum transport_choice)chosen;
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

static int set_stop_timeout(struct options *options, const char *value, struct err *err)
{
	if (options_seconds(value, &options->stop_timeout) < 0)
		return err_set(err, -EINVAL, "--stop-timeout=%s: give seconds, as 5 or 0.5", value);
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
	{"backend", 0, "NAME", "the file system to serve", set_backend},
	{"source", 0, "DIR", "what it shows, for backends that have a source", set_source},
	{"options", 'o', "KEY[=VALUE],...",
	 "mount and backend options; \\, stands for a comma in a value", options_add_list},
	{"workers", 0, "N", "threads that serve requests, 1 to 1024 (default: chosen)",
	 set_workers},
	{"transport", 0, "WAY", "auto, dev or uring (default: auto)", set_transport},
	{"io", 0, "WAY", "how /dev/fuse is driven: auto, uring or plain (default: auto)", set_io},
	{"pin", 0, "WHEN",
	 "keep each worker on a processor of its own: auto, on or off (default: auto, where there "
	 "is a worker for each)",
	 set_pin},
	{"stop-timeout", 0, "SECONDS",
	 "how long a busy file system is served after a signal to stop (default: 5)",
	 set_stop_timeout},
	{"foreground", 'f', NULL, "stay in the foreground", set_foreground},
	{"debug", 'd', NULL, "log each request and reply; stays in the foreground", set_debug},
	{"log-level", 0, "LEVEL", "error, warning, info or debug (default: info)", set_log_level},
	{"version", 'V', NULL, "show versions", set_version},
	{"help", 'h', NULL, "show this; with --backend, its options too", set_help},
	{NULL, 0, NULL, NULL, NULL},
};

struct walk {
	char **argv; /* the next argument */
	struct options *options;
	struct err *err;
};

/* "--name=value", "--name value" or "--name"; `text` is behind the dashes. */
static int take_long(struct walk *walk, const char *text)
{
	size_t len = strcspn(text, "=");
	const char *value = text[len] ? text + len + 1 : NULL;
	const struct option_row *row = options_table;

	while (row->name && (strncmp(row->name, text, len) != 0 || row->name[len]))
		row++;
	if (!row->name)
		return err_set(walk->err, -EINVAL, "unknown option '--%.*s': see llfused --help",
			       (int)len, text);
	if (!row->arg && value)
		return err_set(walk->err, -EINVAL, "option --%s takes no value", row->name);
	if (row->arg && !value) {
		value = *walk->argv;
		if (!value)
			return err_set(walk->err, -EINVAL, "option --%s needs a value: --%s=%s",
				       row->name, row->name, row->arg);
		walk->argv++;
	}
	return row->set(walk->options, value, walk->err);
}

/* "-fd", "-oVALUE" or "-o VALUE"; `text` is behind the dash. */
static int take_short(struct walk *walk, const char *text)
{
	const struct option_row *row;
	int ret;

	for (; *text; text++) {
		row = options_table;
		while (row->name && row->letter != *text)
			row++;
		if (!row->name)
			return err_set(walk->err, -EINVAL,
				       "unknown option '-%c': see llfused --help", *text);
		if (row->arg)
			break;
		ret = row->set(walk->options, NULL, walk->err);
		if (ret < 0)
			return ret;
	}
	if (!*text)
		return 0;
	if (text[1])
		return row->set(walk->options, text + 1, walk->err);
	if (!*walk->argv)
		return err_set(walk->err, -EINVAL, "option -%c needs a value: -%c %s", *text, *text,
			       row->arg);
	return row->set(walk->options, *walk->argv++, walk->err);
}

static int take_place(struct walk *walk, const char *text)
{
	struct options *options = walk->options;

	if (options->mountpoint)
		return err_set(walk->err, -EINVAL,
			       "'%s' is one argument too many: the mount point is '%s'", text,
			       options->mountpoint);
	options->mountpoint = strdup(text);
	return options->mountpoint ? 0 : err_set(walk->err, -ENOMEM, "out of memory");
}

static int take_all(struct walk *walk)
{
	bool only_places = false;
	int ret = 0;

	while (ret == 0 && *walk->argv) {
		const char *text = *walk->argv++;

		if (only_places || text[0] != '-' || !text[1])
			ret = take_place(walk, text);
		else if (strcmp(text, "--") == 0)
			only_places = true;
		else if (text[1] == '-')
			ret = take_long(walk, text + 2);
		else
			ret = take_short(walk, text + 1);
	}
	return ret;
}

/* What can be judged only once everything was read. */
static int settle(struct options *options, struct err *err)
{
	char names[BUILTIN_NAMES_SIZE];

	if (options->debug) {
		options->foreground = true;
		options->log_level = LLFUSED_LOG_DEBUG;
	}
	if (options->help || options->version)
		return 0;
	if (!options->backend) {
		builtin_names(names, sizeof names);
		return err_set(err, -EINVAL, "no backend given: use --backend=NAME, one of %s",
			       names);
	}
	if (!options->mountpoint)
		return err_set(
			err, -EINVAL,
			"no mount point given: llfused --backend=NAME [OPTION]... MOUNTPOINT");
	return options_fit_backend(options, err);
}

int options_parse(int argc, char **argv, struct options *out, struct err *err)
{
	struct walk walk = {.argv = argv + (argc > 0), .options = out, .err = err};
	int ret;

	*out = (struct options){
		.log_level = LLFUSED_LOG_INFO,
		.stop_timeout = STOP_TIMEOUT_NS,
		.mount = {.allow_other = MOUNT_DEFAULT},
	};
	ret = take_all(&walk);
	return ret < 0 ? ret : settle(out, err);
}

void options_free(struct options *options)
{
	for (size_t i = 0; i < options->nbackend_options; i++) {
		free(options->backend_options[i].key);
		free(options->backend_options[i].value);
	}
	free(options->backend_options);
	free(options->mount.fsname);
	free(options->mount.subtype);
	free(options->mountpoint);
	*options = (struct options){.backend = NULL};
}
