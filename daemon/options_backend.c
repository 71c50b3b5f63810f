/*
 * Options for the backend: kept in order, then held against the backend's own table.
 * It must not know any backend, nor what a value means.
 */
#include "options_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What mount(8) and fstab may pass to everybody, and what means nothing to us. */
static const char *const ignored[] = {
	"defaults", "_netdev", "auto",  "noauto",  "nofail", "user", "nouser", "users",   "nousers",
	"owner",    "noowner", "group", "nogroup", "async",  "loud", "silent", "comment", NULL,
};

static bool is_ignored(const char *key)
{
	if (strncmp(key, "x-", 2) == 0 || strncmp(key, "X-", 2) == 0)
		return true;
	for (int i = 0; ignored[i]; i++)
		if (strcmp(ignored[i], key) == 0)
			return true;
	return false;
}

static struct options_pair *find_pair(struct options *options, const char *key)
{
	for (size_t i = 0; i < options->nbackend_options; i++)
		if (strcmp(options->backend_options[i].key, key) == 0)
			return &options->backend_options[i];
	return NULL;
}

static struct options_pair *append_pair(struct options *options, const char *key)
{
	size_t n = options->nbackend_options;
	struct options_pair *all = reallocarray(options->backend_options, n + 1, sizeof *all);

	if (!all)
		return NULL;
	options->backend_options = all;
	all[n] = (struct options_pair){.key = strdup(key)};
	if (!all[n].key)
		return NULL;
	options->nbackend_options++;
	return &all[n];
}

int options_add_pair(struct options *options, const char *key, const char *value, struct err *err)
{
	struct options_pair *pair = find_pair(options, key);
	char *copy = value ? strdup(value) : NULL;

	if (!pair)
		pair = append_pair(options, key);
	if (!pair || (value && !copy)) {
		free(copy);
		return err_set(err, -ENOMEM, "out of memory");
	}
	free(pair->value);
	pair->value = copy;
	return 0;
}

static void remove_pair(struct options *options, size_t at)
{
	struct options_pair *pair = &options->backend_options[at];

	free(pair->key);
	free(pair->value);
	options->nbackend_options--;
	memmove(pair, pair + 1, (options->nbackend_options - at) * sizeof *pair);
}

static const struct llfused_option *find_known(const struct llfused_backend *backend,
					       const char *key)
{
	const struct llfused_option *row = backend->options;

	while (row && row->key && strcmp(row->key, key) != 0)
		row++;
	return row && row->key ? row : NULL;
}

static size_t append_key(char *buf, size_t size, size_t len, const char *key, const char *arg)
{
	int n;

	if (len >= size)
		return len;
	n = snprintf(buf + len, size - len, "%s%s%s", len ? " " : "", key, arg ? "=" : "");
	return len + (size_t)n;
}

static int refuse_unknown(const struct llfused_backend *backend, const char *key, struct err *err)
{
	char own[256] = "", mount[256] = "";
	size_t len = 0;

	for (const struct llfused_option *row = backend->options; row && row->key; row++)
		len = append_key(own, sizeof own, len, row->key, row->arg);
	len = 0;
	for (const struct option_mount_row *row = options_mount_table; row->key; row++)
		len = append_key(mount, sizeof mount, len, row->key, row->arg);
	return err_set(err, -EINVAL,
		       "unknown option '%s' for %s, which knows: %s; mount options: %s", key,
		       backend->name, *own ? own : "none", mount);
}

static int check_source(struct options *options, const struct llfused_backend *backend,
			struct err *err)
{
	const struct options_pair *pair = find_pair(options, "source");

	if (backend->declares & LLFUSED_NEEDS_SOURCE) {
		if (!pair || !pair->value || !*pair->value)
			return err_set(err, -EINVAL, "backend %s needs a source: --source=DIR",
				       backend->name);
	} else if (pair && !find_known(backend, "source")) {
		return err_set(err, -EINVAL, "backend %s has no source: leave out --source=%s",
			       backend->name, pair->value ? pair->value : "");
	}
	return 0;
}

int options_fit_backend(struct options *options, const struct llfused_backend *backend,
			struct err *err)
{
	int ret = check_source(options, backend, err);
	size_t i = 0;

	while (ret == 0 && i < options->nbackend_options) {
		const struct options_pair *pair = &options->backend_options[i];
		const struct llfused_option *known = find_known(backend, pair->key);

		if (!known && strcmp(pair->key, "source") == 0)
			i++;
		else if (!known && is_ignored(pair->key))
			remove_pair(options, i);
		else if (!known)
			ret = refuse_unknown(backend, pair->key, err);
		else if (known->arg && !pair->value)
			ret = err_set(err, -EINVAL, "option %s of %s needs a value: %s=%s",
				      known->key, backend->name, known->key, known->arg);
		else if (!known->arg && pair->value)
			ret = err_set(err, -EINVAL, "option %s of %s takes no value", known->key,
				      backend->name);
		else
			i++;
	}
	return ret;
}
