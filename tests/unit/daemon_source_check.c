/*
 * Source against mount point: neither may lie inside the other, by whatever way it is reached.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/source_check.h"

static char top[64];
static struct err err;

/* What stands beneath a fresh directory. */
static void begin(void)
{
	snprintf(top, sizeof top, "/tmp/source-check-XXXXXX");
	cr_assert_not_null(mkdtemp(top));
	cr_assert_eq(chdir(top), 0);
	cr_assert_eq(mkdir("a", 0700), 0);
	cr_assert_eq(mkdir("a/b", 0700), 0);
	cr_assert_eq(mkdir("a/b/c", 0700), 0);
	cr_assert_eq(mkdir("ab", 0700), 0);
	cr_assert_eq(symlink("a/b/c", "to-c"), 0);
}

static void end(void)
{
	char command[128];

	snprintf(command, sizeof command, "rm -rf --one-file-system %s", top);
	cr_assert_eq(chdir("/"), 0);
	cr_assert_eq(system(command), 0);
}

TestSuite(source_check, .timeout = 60, .init = begin, .fini = end);

static void allowed(const char *source, const char *mountpoint)
{
	err.text[0] = '\0';
	cr_assert_eq(source_check(source, mountpoint, &err), 0, "%s on %s: %s", source, mountpoint,
		     err.text);
	cr_assert_str_empty(err.text);
}

static void refused(const char *source, const char *mountpoint, const char *words)
{
	cr_assert_eq(source_check(source, mountpoint, &err), -EINVAL, "allowed: %s on %s", source,
		     mountpoint);
	cr_assert(strstr(err.text, words), "'%s' is not in '%s'", words, err.text);
	cr_assert(strstr(err.text, source) && strstr(err.text, mountpoint), "%s", err.text);
	cr_assert_null(strchr(err.text, '\n'));
}

Test(source_check, directories_beside_each_other_are_fine)
{
	allowed("a", "ab");
	allowed("ab", "a");
	allowed("a/b", "ab");
}

Test(source_check, a_directory_may_be_mounted_over_itself)
{
	allowed("a", "a");
	allowed("a/b", "./a/../a/b/");
	allowed("/", "/");
}

Test(source_check, a_source_inside_the_mount_point_is_refused)
{
	refused("a/b", "a", "source a/b lies inside the mount point a");
	refused("a/b/c", "a", "lies inside");
	refused("a", "/", "lies inside");
}

Test(source_check, a_mount_point_inside_the_source_is_refused)
{
	refused("a", "a/b", "mount point a/b lies inside the source a");
	refused("a", "a/b/c", "lies inside");
	refused("/", "a", "lies inside");
}

Test(source_check, symbolic_links_hide_nothing)
{
	refused("to-c", "a", "source to-c lies inside");
	refused("a", "to-c", "mount point to-c lies inside");
	allowed("to-c", "a/b/c");
}

Test(source_check, bind_mounts_hide_nothing)
{
	cr_assert_eq(unshare(CLONE_NEWNS), 0);
	cr_assert_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	cr_assert_eq(mount("a", "ab", NULL, MS_BIND, NULL), 0);
	refused("a", "ab/b", "mount point ab/b lies inside");
	refused("ab/b/c", "a", "source ab/b/c lies inside");
	allowed("a", "ab");
	cr_assert_eq(umount2("ab", MNT_DETACH), 0);
}

Test(source_check, the_walk_goes_on_beyond_a_bind_mount_of_the_directory_above)
{
	cr_assert_eq(unshare(CLONE_NEWNS), 0);
	cr_assert_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	/* a/b is a once more: the same inode one level up is no root */
	cr_assert_eq(mount("a", "a/b", NULL, MS_BIND, NULL), 0);
	refused(top, "a/b", "lies inside");
	allowed("a", "a/b");
	cr_assert_eq(umount2("a/b", MNT_DETACH), 0);
}

Test(source_check, what_cannot_be_looked_at_is_left_to_the_backend)
{
	FILE *file = fopen("file", "w");

	cr_assert_not_null(file);
	fclose(file);
	allowed("missing", "a");
	allowed("file", "a");
	allowed("", "a");
	allowed("a", "missing");
}
