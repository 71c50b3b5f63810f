/*
 * The help text, made from the option tables.
 * It must not hold a word about any single option.
 */
#include "options_impl.h"

#include "builtin.h"
#include "plugin.h"

#define COLUMN    30  /* where the explanations begin */
#define LEFT_SIZE 300 /* holds the name of any file */

/* "  -o, --options KEY" and the like, then the explanation; on a line of its own if it is long. */
static void print_row(FILE *to, const char *left, const char *help)
{
	fprintf(to, "  %-*s", COLUMN - 2, left);
	if (snprintf(NULL, 0, "%s", left) > COLUMN - 3)
		fprintf(to, "\n%*s", COLUMN, "");
	fprintf(to, "%s\n", help);
}

static void print_command_line(FILE *to)
{
	char left[LEFT_SIZE];

	for (const struct option_row *row = options_table; row->name; row++) {
		char letter[8] = "    ";

		if (row->letter)
			snprintf(letter, sizeof letter, "-%c, ", row->letter);
		snprintf(left, sizeof left, "%s--%s%s%s", letter, row->name, row->arg ? "=" : "",
			 row->arg ? row->arg : "");
		print_row(to, left, row->help);
	}
}

static void print_key(FILE *to, const char *key, const char *arg, const char *help)
{
	char left[LEFT_SIZE];

	snprintf(left, sizeof left, "%s%s%s", key, arg ? "=" : "", arg ? arg : "");
	print_row(to, left, help);
}

static void print_backend(FILE *to, const struct llfused_backend *backend)
{
	fprintf(to, "\nOptions of %s, with -o", backend->name);
	if (backend->summary)
		fprintf(to, " (%s)", backend->summary);
	fputs(":\n", to);
	if (backend->declares & LLFUSED_NEEDS_SOURCE)
		print_key(to, "source", "DIR", "needed; the same as --source=DIR");
	for (const struct llfused_option *row = backend->options; row && row->key; row++)
		print_key(to, row->key, row->arg, row->help ? row->help : "");
	if (!(backend->declares & LLFUSED_NEEDS_SOURCE) &&
	    (!backend->options || !backend->options->key))
		fputs("  none\n", to);
}

static void print_plugin(void *to, const char *name, const char *path)
{
	print_key(to, name, NULL, path);
}

void options_help(FILE *to, const struct llfused_backend *backend)
{
	fputs("Usage: llfused --backend=NAME [OPTION]... MOUNTPOINT\n"
	      "Serves a file system at MOUNTPOINT until it is unmounted.\n\nOptions:\n",
	      to);
	print_command_line(to);
	fputs("\nMount options, with -o:\n", to);
	for (const struct option_mount_row *row = options_mount_table; row->key; row++)
		print_key(to, row->key, row->arg, row->help);
	fputs("\nBackends:\n", to);
	for (const struct builtin *row = builtins; row->name; row++)
		print_key(to, row->name, NULL, row->backend->summary);
	plugin_list(print_plugin, to);
	if (backend)
		print_backend(to, backend);
}
