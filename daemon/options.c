/*
 * The command line: the walk through argv, and what can be judged only at its end.
 * It must not act on what it finds: no file is opened and nothing is printed.
 */
#include "options_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "builtin.h"

#define STOP_TIMEOUT_NS UINT64_C(5000000000)
#define MAX_PENDING     65536
#define NAMES_SIZE      256

int options_no_backend(const char *what, struct err *err)
{
	char names[NAMES_SIZE];

	builtin_names(names, sizeof names);
	return err_set(err, -EINVAL,
		       "%s: use --backend=NAME with %s, a plugin's name, or the path of its .so",
		       what, names);
}

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
	if (options->debug) {
		options->foreground = true;
		options->log_level = LLFUSED_LOG_DEBUG;
	}
	if (options->help || options->version)
		return 0;
	if (!options->backend)
		return options_no_backend("no backend given", err);
	if (!options->mountpoint)
		return err_set(
			err, -EINVAL,
			"no mount point given: llfused --backend=NAME [OPTION]... MOUNTPOINT");
	return 0;
}

int options_parse(int argc, char **argv, struct options *out, struct err *err)
{
	struct walk walk = {.argv = argv + (argc > 0), .options = out, .err = err};
	int ret;

	*out = (struct options){
		.log_level = LLFUSED_LOG_INFO,
		.stop_timeout = STOP_TIMEOUT_NS,
		.max_pending = MAX_PENDING,
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
	free(options->backend);
	*options = (struct options){.backend = NULL};
}
