/*
 * What was kept for the backend against the table of a backend that exists only here.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "daemon/options_impl.h"

static const struct llfused_option table[] = {
	{.key = "size", .arg = "SIZE"},
	{.key = "fast"},
	{.key = "user", .arg = "NAME", .help = "one that mount(8) has, too"},
	{.key = NULL},
};

static const struct llfused_backend plain = {.name = "plain", .options = table};
static const struct llfused_backend bare = {.name = "bare"};
static const struct llfused_backend mirror = {
	.name = "mirror", .options = table, .declares = LLFUSED_NEEDS_SOURCE};

static struct options options;
static struct err err;

static int fit(const struct llfused_backend *backend, const char *list)
{
	options_free(&options);
	cr_assert_eq(options_add_list(&options, list, &err), 0);
	return options_fit_backend(&options, backend, &err);
}

static void refused(const struct llfused_backend *backend, const char *list, const char *words)
{
	cr_assert_eq(fit(backend, list), -EINVAL, "accepted: %s", list);
	cr_assert(strstr(err.text, words), "'%s' is not in '%s'", words, err.text);
}

static void done(void)
{
	options_free(&options);
}

TestSuite(options_backend, .fini = done);

Test(options_backend, known_options_stay)
{
	cr_assert_eq(fit(&plain, "size=1,fast"), 0, "%s", err.text);
	cr_assert_eq(options.nbackend_options, 2);
}

Test(options_backend, values_too_few_or_too_many_are_refused)
{
	refused(&plain, "size", "size=SIZE");
	refused(&plain, "fast=1", "fast of plain takes no value");
}

Test(options_backend, an_unknown_one_is_refused_with_the_known_ones)
{
	refused(&plain, "size=1,frob=2", "'frob' for plain, which knows: size= fast user=");
	refused(&plain, "frob", "mount options: fsname=");
	refused(&bare, "size=1", "knows: none");
}

Test(options_backend, what_mount_passes_to_everybody_is_forgotten)
{
	cr_assert_eq(fit(&bare, "defaults,_netdev,nofail,noauto,user=joe,x-a.b=c,X-d,comment=e"), 0,
		     "%s", err.text);
	cr_assert_eq(options.nbackend_options, 0);
	cr_assert_eq(fit(&plain, "defaults,size=3,x-y,fast"), 0, "%s", err.text);
	cr_assert_eq(options.nbackend_options, 2);
	cr_assert_str_eq(options.backend_options[0].key, "size");
	cr_assert_str_eq(options.backend_options[1].key, "fast");
}

Test(options_backend, its_own_table_goes_before_what_is_forgotten)
{
	cr_assert_eq(fit(&plain, "user=joe"), 0, "%s", err.text);
	cr_assert_eq(options.nbackend_options, 1);
	refused(&plain, "user", "user=NAME");
}

Test(options_backend, a_source_is_needed_or_refused)
{
	refused(&mirror, "size=1", "mirror needs a source: --source=DIR");
	refused(&mirror, "source=", "mirror needs a source");
	refused(&mirror, "source", "mirror needs a source");
	cr_assert_eq(fit(&mirror, "source=/srv"), 0, "%s", err.text);
	cr_assert_eq(options.nbackend_options, 1);
	refused(&plain, "source=/srv", "plain has no source: leave out --source=/srv");
	refused(&bare, "source=/srv", "bare has no source");
}
