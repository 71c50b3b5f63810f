/*
 * -o lists: commas, escapes, mount options, and what is left for the backend.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "daemon/options_impl.h"

static struct options options;
static struct err err;

static int add(const char *text)
{
	return options_add_list(&options, text, &err);
}

static void refused(const char *text, const char *words)
{
	cr_assert_eq(add(text), -EINVAL, "accepted: %s", text);
	cr_assert(strstr(err.text, words), "'%s' is not in '%s'", words, err.text);
}

static void pair_is(size_t at, const char *key, const char *value)
{
	cr_assert_lt(at, options.nbackend_options);
	cr_assert_str_eq(options.backend_options[at].key, key);
	if (value)
		cr_assert_str_eq(options.backend_options[at].value, value);
	else
		cr_assert_null(options.backend_options[at].value);
}

static void done(void)
{
	options_free(&options);
}

TestSuite(options_mount, .fini = done);

Test(options_mount, every_flag_sets_its_member)
{
	cr_assert_eq(add("default_permissions,ro,nosuid,nodev,noexec,noatime,auto_unmount"), 0);
	cr_assert(options.mount.default_permissions);
	cr_assert(options.mount.ro);
	cr_assert(options.mount.nosuid);
	cr_assert(options.mount.nodev);
	cr_assert(options.mount.noexec);
	cr_assert(options.mount.noatime);
	cr_assert(options.mount.auto_unmount);
	cr_assert_eq(options.nbackend_options, 0);
}

Test(options_mount, the_last_of_two_opposites_counts)
{
	cr_assert_eq(add("ro,rw,nosuid,suid,nodev,dev,noexec,exec,noatime,relatime"), 0);
	cr_assert_not(options.mount.ro);
	cr_assert_not(options.mount.nosuid);
	cr_assert_not(options.mount.nodev);
	cr_assert_not(options.mount.noexec);
	cr_assert_not(options.mount.noatime);
	cr_assert_eq(add("noatime,atime,rw,ro"), 0);
	cr_assert_not(options.mount.noatime);
	cr_assert(options.mount.ro);
}

Test(options_mount, allow_other_has_three_states)
{
	options.mount.allow_other = MOUNT_DEFAULT;
	cr_assert_eq(add("allow_other"), 0);
	cr_assert_eq(options.mount.allow_other, MOUNT_ON);
	cr_assert_eq(add("no_allow_other"), 0);
	cr_assert_eq(options.mount.allow_other, MOUNT_OFF);
}

Test(options_mount, names_and_numbers)
{
	cr_assert_eq(add("fsname=a,fsname=b=c,subtype=x,max_read=4294967295"), 0);
	cr_assert_str_eq(options.mount.fsname, "b=c");
	cr_assert_str_eq(options.mount.subtype, "x");
	cr_assert_eq(options.mount.max_read, UINT32_MAX);
	cr_assert_eq(add("subtype="), 0);
	cr_assert_str_eq(options.mount.subtype, "");
}

Test(options_mount, a_backslash_escapes_a_comma_and_itself)
{
	cr_assert_eq(add("fsname=a\\,b\\\\,subtype=c\\d\\"), 0);
	cr_assert_str_eq(options.mount.fsname, "a,b\\");
	cr_assert_str_eq(options.mount.subtype, "c\\d\\");
}

Test(options_mount, empty_items_are_nothing)
{
	cr_assert_eq(add(""), 0);
	cr_assert_eq(add(",,ro,"), 0);
	cr_assert(options.mount.ro);
	cr_assert_eq(options.nbackend_options, 0);
}

Test(options_mount, others_are_kept_for_the_backend_in_order)
{
	cr_assert_eq(add("size=1g,ro,flag,mode=0"), 0);
	cr_assert_eq(add("empty="), 0);
	cr_assert_eq(options.nbackend_options, 4);
	pair_is(0, "size", "1g");
	pair_is(1, "flag", NULL);
	pair_is(2, "mode", "0");
	pair_is(3, "empty", "");
}

Test(options_mount, of_a_key_given_twice_the_last_value_counts)
{
	cr_assert_eq(add("size=1,mode=7,size=2"), 0);
	cr_assert_eq(options.nbackend_options, 2);
	pair_is(0, "size", "2");
	pair_is(1, "mode", "7");
	cr_assert_eq(add("mode"), 0);
	pair_is(1, "mode", NULL);
}

Test(options_mount, bad_ones_are_named)
{
	refused("ro=1", "ro takes no value");
	refused("fsname", "fsname=NAME");
	refused("fsname=", "fsname is empty");
	refused("max_read=4k", "max_read=4k");
	refused("max_read=4294967296", "max_read=4294967296");
	refused("max_read=", "max_read=");
	refused("=1", "'=1'");
}
