/*
 * passthrough: the options of the mount, their values and what is refused.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "passthrough/options.h"

#define SECOND UINT64_C(1000000000)

TestSuite(pt_options, .timeout = 60);

static struct pt_options o;
static struct llfused_error error;

static void begin(void)
{
	pt_options_defaults(&o);
	error = (struct llfused_error){""};
}

static void set(const char *key, const char *value)
{
	cr_assert_eq(pt_options_set(&o, key, value, &error), 0, "%s=%s: %s", key, value,
		     error.text);
}

static void settle(void)
{
	cr_assert_eq(pt_options_settle(&o, &error), 0, "%s", error.text);
}

Test(pt_options, without_any_the_source_is_asked_again_after_a_second, .init = begin)
{
	settle();
	cr_expect_eq(o.cache, PT_CACHE_AUTO);
	cr_expect_eq(o.attr_timeout, SECOND);
	cr_expect_eq(o.entry_timeout, SECOND);
	cr_expect(o.passthrough && o.submounts);
	cr_expect(!o.export && !o.watch && !o.locks_source);
	cr_expect(!o.has_force_user && !o.has_force_group && !o.has_create_mode);
	cr_expect_eq(o.umask, 0);
}

Test(pt_options, cache_decides_on_both_timeouts, .init = begin)
{
	set("cache", "none");
	settle();
	cr_expect_eq(o.attr_timeout, 0);
	cr_expect_eq(o.entry_timeout, 0);
	begin();
	set("cache", "always");
	settle();
	cr_expect_eq(o.attr_timeout, LLFUSED_FOREVER);
	cr_expect_eq(o.entry_timeout, LLFUSED_FOREVER);
}

Test(pt_options, a_timeout_that_is_given_counts_more_than_cache, .init = begin)
{
	set("attr_timeout", "5");
	set("cache", "always");
	settle();
	cr_expect_eq(o.attr_timeout, 5 * SECOND);
	cr_expect_eq(o.entry_timeout, LLFUSED_FOREVER);
	begin();
	set("cache", "always");
	set("entry_timeout", "0");
	settle();
	cr_expect_eq(o.attr_timeout, LLFUSED_FOREVER);
	cr_expect_eq(o.entry_timeout, 0);
}

Test(pt_options, seconds_may_have_a_fraction, .init = begin)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} rows[] = {
		{"0", 0},
		{"0.0", 0},
		{"1", SECOND},
		{"0.5", SECOND / 2},
		{"1.25", SECOND + SECOND / 4},
		{"0.000000001", 1},
		{"0.0000000019", 1},
		{"007.100", 7 * SECOND + SECOND / 10},
		{"86400", 86400 * SECOND},
		{"18446744072.999999999", 18446744072 * SECOND + SECOND - 1},
		{"18446744073", LLFUSED_FOREVER},
		{"99999999999", LLFUSED_FOREVER},
		{"9999999999999999999999999999999.5", LLFUSED_FOREVER},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		set("attr_timeout", rows[i].text);
		set("entry_timeout", rows[i].text);
		settle();
		cr_expect_eq(o.attr_timeout, rows[i].ns, "%s", rows[i].text);
		cr_expect_eq(o.entry_timeout, rows[i].ns, "%s", rows[i].text);
	}
}

Test(pt_options, words_choose, .init = begin)
{
	set("passthrough", "off");
	set("submounts", "stop");
	set("locks", "source");
	set("export", NULL);
	set("watch", NULL);
	settle();
	cr_expect(!o.passthrough && !o.submounts && o.locks_source && o.export && o.watch);
	set("passthrough", "auto");
	set("submounts", "show");
	set("locks", "mount");
	cr_expect(o.passthrough && o.submounts && !o.locks_source);
}

Test(pt_options, owners_are_names_or_numbers, .init = begin)
{
	set("force-user", "root");
	set("force-group", "root");
	cr_expect(o.has_force_user && o.has_force_group);
	cr_expect_eq(o.force_user, 0);
	cr_expect_eq(o.force_group, 0);
	set("force-user", "4294967294");
	set("force-group", "1000");
	cr_expect_eq(o.force_user, 4294967294);
	cr_expect_eq(o.force_group, 1000);
}

Test(pt_options, modes_are_octal, .init = begin)
{
	set("umask", "027");
	cr_expect_eq(o.umask, 027);
	settle();
	set("umask", "0");
	set("create-mode", "640");
	settle();
	cr_expect(o.has_create_mode);
	cr_expect_eq(o.create_mode, 0640);
}

Test(pt_options, umask_and_create_mode_exclude_each_other, .init = begin)
{
	set("umask", "022");
	set("create-mode", "0");
	cr_expect_eq(pt_options_settle(&o, &error), -EINVAL);
	cr_expect_not_null(strstr(error.text, "umask"));
	cr_expect_not_null(strstr(error.text, "create-mode"));
}

Test(pt_options, the_last_source_counts, .init = begin)
{
	set("source", "/a");
	set("source", "/b c");
	cr_expect_str_eq(o.source, "/b c");
	pt_options_free(&o);
	pt_options_free(&o);
	cr_expect_null(o.source);
}

Test(pt_options, bad_values_are_named_with_what_is_allowed, .init = begin)
{
	static const struct {
		const char *key, *value, *hint;
	} bad[] = {
		{"cache", "", "always"},
		{"cache", "Auto", "always"},
		{"cache", "autox", "none"},
		{"attr_timeout", "", "seconds"},
		{"attr_timeout", "-1", "seconds"},
		{"attr_timeout", "1.", "seconds"},
		{"attr_timeout", ".5", "seconds"},
		{"attr_timeout", "1s", "seconds"},
		{"attr_timeout", "1.5.5", "seconds"},
		{"attr_timeout", " 1", "seconds"},
		{"entry_timeout", "1e3", "seconds"},
		{"entry_timeout", "inf", "seconds"},
		{"passthrough", "on", "auto or off"},
		{"submounts", "hide", "show or stop"},
		{"locks", "both", "mount or source"},
		{"force-user", "", "user"},
		{"force-user", "no-such-user!", "user"},
		{"force-user", "5x", "user"},
		{"force-user", "-1", "user"},
		{"force-user", "4294967295", "user"},
		{"force-user", "18446744073709551616", "user"},
		{"force-group", "4294967295", "group"},
		{"force-group", "no-such-group!", "group"},
		{"umask", "", "octal"},
		{"umask", "8", "octal"},
		{"umask", "1777", "777"},
		{"umask", "u=rw", "octal"},
		{"create-mode", "0x1ff", "octal"},
		{"create-mode", "4755", "777"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		error = (struct llfused_error){""};
		cr_expect_eq(pt_options_set(&o, bad[i].key, bad[i].value, &error), -EINVAL, "%s=%s",
			     bad[i].key, bad[i].value);
		cr_expect_not_null(strstr(error.text, bad[i].key), "%s", error.text);
		cr_expect_not_null(strstr(error.text, bad[i].value), "%s", error.text);
		cr_expect_not_null(strstr(error.text, bad[i].hint), "%s", error.text);
		cr_expect_null(strchr(error.text, '\n'));
	}
}

Test(pt_options, a_long_bad_value_still_leaves_room_for_the_hint, .init = begin)
{
	char value[400];

	memset(value, 'x', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	cr_expect_eq(pt_options_set(&o, "create-mode", value, &error), -EINVAL);
	cr_expect_not_null(strstr(error.text, "octal"));
}

Test(pt_options, every_option_that_the_table_offers_is_known, .init = begin)
{
	for (const struct llfused_option *row = pt_options_list; row->key; row++) {
		error = (struct llfused_error){""};
		pt_options_set(&o, row->key, row->arg ? "?" : NULL, &error);
		cr_expect_null(strstr(error.text, "unknown"), "%s", row->key);
		cr_expect_not_null(row->help);
	}
	cr_expect_eq(pt_options_set(&o, "sauce", "x", &error), -EINVAL);
	cr_expect_not_null(strstr(error.text, "sauce"));
}
