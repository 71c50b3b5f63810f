/*
 * The help text: every option, what can be served, and the options of one backend.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/options_impl.h"

static const struct llfused_option table[] = {
	{.key = "size", .arg = "SIZE", .help = "room for everything"},
	{.key = "mute"},
	{.key = NULL},
};

static const struct llfused_backend described = {
	.name = "described",
	.summary = "a backend with words",
	.declares = LLFUSED_NEEDS_SOURCE,
	.options = table,
};
static const struct llfused_backend wordless = {.name = "wordless", .options = table};
static const struct llfused_backend bare = {.name = "bare"};

/* To be freed. */
static char *help(const struct llfused_backend *backend)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	cr_assert_not_null(to);
	options_help(to, backend);
	fclose(to);
	return text;
}

static void has(const char *text, const char *words)
{
	cr_assert(strstr(text, words), "'%s' is not in:\n%s", words, text);
}

Test(options_help, every_option_is_in_it)
{
	char *text = help(NULL), words[64];

	for (const struct option_row *row = options_table; row->name; row++) {
		snprintf(words, sizeof words, "--%s%s%s", row->name, row->arg ? "=" : "",
			 row->arg ? row->arg : "");
		has(text, words);
		has(text, row->help);
	}
	for (const struct option_mount_row *row = options_mount_table; row->key; row++)
		has(text, row->help);
	has(text, "threads that run the backend, 1 to 1024 (default: chosen)");
	has(text, "\n  tmpfs ");
	has(text, "\n  null ");
	cr_assert_null(strstr(text, "Options of"));
	free(text);
}

Test(options_help, plugins_are_listed_by_name_and_file_but_not_opened)
{
	char dir[] = "/tmp/llfused-help-XXXXXX", file[64], words[128], *text;

	cr_assert_not_null(mkdtemp(dir));
	snprintf(file, sizeof file, "%s/not-even-an-object.so", dir);
	close(open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	setenv("LLFUSED_PLUGIN_PATH", dir, 1);
	text = help(NULL);
	unlink(file);
	rmdir(dir);
	snprintf(words, sizeof words, "\n  not-even-an-object ");
	has(text, words);
	has(text, file);
	free(text);
}

Test(options_help, a_backend_s_own_options_follow)
{
	char *text = help(&described);

	has(text, "\nOptions of described, with -o (a backend with words):\n");
	has(text, "\n  source=DIR ");
	has(text, "\n  size=SIZE ");
	has(text, "room for everything");
	has(text, "\n  mute ");
	free(text);
}

Test(options_help, what_a_backend_does_not_say_is_left_out)
{
	char *text = help(&wordless);

	has(text, "\nOptions of wordless, with -o:\n");
	cr_assert_null(strstr(text, "null)"));
	cr_assert_null(strstr(text, "\n  source=DIR "));
	free(text);
}

Test(options_help, a_backend_without_options_has_none)
{
	char *text = help(&bare);

	has(text, "\nOptions of bare, with -o:\n  none\n");
	free(text);
	text = help(&wordless);
	cr_assert_null(strstr(text, "\n  none\n"));
	free(text);
}
