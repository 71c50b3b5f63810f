/*
 * Passthrough: what it cannot serve, and options that mean nothing: status 2, one clear line, and
 * nothing is mounted or changed.
 */
#include "pt.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define SOURCE harness_path("src")

static bool is_mounted(const char *path)
{
	struct daemon d = {.mnt = path};

	return daemon_mounted(&d);
}

/* Neither directory has changed, and both can be used. */
static void check_unhurt(const char *mnt)
{
	cr_assert(!is_mounted(mnt), "something is mounted");
	cr_assert_str_eq(pt_get(harness_path("src/dir/f")), "hello");
	cr_assert_str_eq(pt_list(SOURCE), "dir file");
	cr_assert_str_eq(pt_list(harness_path("src/dir")), "f");
}

static void make(void)
{
	harness_mkdir("src", 0);
	harness_mkdir("mnt", 0);
	PT_OK(mkdir(harness_path("src/dir"), 0755));
	pt_put(harness_path("src/dir/f"), "hello");
	pt_put(harness_path("src/file"), "hello");
}

/* One line that has both words. */
static void check_refused(const char *source, const char *option, const char *mnt, const char *word,
			  const char *other)
{
	const char *path = harness_path("%s", source);
	struct run run;
	char *arg;

	cr_assert(asprintf(&arg, "--source=%s", path) >= 0);
	run_daemon(&run, "--backend=passthrough", arg, option, harness_path("%s", mnt), NULL);
	cr_assert_eq(run.status, 2, "%s %s: status %d: %s", arg, option, run.status, run.err);
	cr_assert_str_eq(run.out, "");
	cr_assert_eq(strchr(run.err, '\n'), run.err + strlen(run.err) - 1, "not one line: %s",
		     run.err);
	cr_assert_not_null(strstr(run.err, word), "no '%s' in: %s", word, run.err);
	cr_assert_not_null(strstr(run.err, other), "no '%s' in: %s", other, run.err);
	check_unhurt(harness_path("%s", mnt));
}

FACT(pt_bad_input, no_source)
{
	struct run run;

	make();
	run_daemon(&run, "--backend=passthrough", harness_path("mnt"), NULL);
	cr_assert_eq(run.status, 2);
	cr_assert_not_null(strstr(run.err, "--source"), "%s", run.err);
	cr_assert_eq(strchr(run.err, '\n'), run.err + strlen(run.err) - 1, "%s", run.err);
	run_daemon(&run, "--backend=passthrough", "--source=", harness_path("mnt"), NULL);
	cr_assert_eq(run.status, 2, "%s", run.err);
	cr_assert_not_null(strstr(run.err, "source"), "%s", run.err);
	check_unhurt(harness_path("mnt"));
}

FACT(pt_bad_input, a_source_that_is_no_directory)
{
	make();
	check_refused("absent", "-oro", "mnt", "absent", "no such directory");
	check_refused("src/file", "-oro", "mnt", "src/file", "not a directory");
	check_refused("src/file/x", "-oro", "mnt", "src/file/x", "not a directory");
	PT_OK(symlink("nowhere", harness_path("dangling")));
	check_refused("dangling", "-oro", "mnt", "dangling", "no such directory");
	PT_OK(symlink("round", harness_path("round")));
	check_refused("round", "-oro", "mnt", "round", "symbolic links");
	PT_OK(mknod(harness_path("fifo"), S_IFIFO | 0644, 0));
	check_refused("fifo", "-oro", "mnt", "fifo", "not a directory");
}

FACT(pt_bad_input, a_source_within_the_mount_point)
{
	make();
	PT_OK(symlink("src", harness_path("link")));
	PT_OK(symlink("src/dir", harness_path("inner")));
	check_refused("src/dir", "-oro", "src", "src/dir", "mount point");
	check_refused("src/dir/", "-oro", "src/./", "src/dir", "mount point");
	check_refused("inner", "-oro", "src", "inner", "mount point");
	check_refused("src/dir", "-oro", "link", "src/dir", "mount point");
	check_refused("link/dir/../dir", "-oro", "src", "link/dir/../dir", "mount point");
}

FACT(pt_bad_input, a_mount_point_within_the_source)
{
	make();
	PT_OK(symlink("src", harness_path("link")));
	PT_OK(symlink("src/dir", harness_path("inner")));
	check_refused("src", "-oro", "src/dir", "src/dir", "source");
	check_refused("src/.", "-oro", "src/dir/", "src/dir", "source");
	check_refused("link", "-oro", "src/dir", "src/dir", "source");
	check_refused("src", "-oro", "inner", "src/dir", "source");
	check_refused("src", "-oro", "link/dir", "src/dir", "source");
}

/* Names that begin in the same way are others. */
FACT(pt_bad_input, a_neighbour_with_a_similar_name_is_no_relative)
{
	struct pt p = {.src = harness_mkdir("a", 0)};

	p.d.mnt = harness_mkdir("ab", 0);
	pt_start(&p, NULL);
	pt_put(pt_mnt(&p, "f"), "hello");
	cr_assert_str_eq(pt_get(pt_src(&p, "f")), "hello");
	pt_stop(&p);
	p.d.mnt = p.src;
	p.src = harness_path("ab");
	pt_start(&p, NULL);
	cr_assert_str_eq(pt_list(p.d.mnt), "");
	pt_stop(&p);
}

FACT(pt_bad_input, a_source_may_be_its_own_mount_point)
{
	const char *place = harness_mkdir("place", 0);
	struct pt p = {.src = place, .d.mnt = place};

	pt_put(harness_path("place/before"), "hello");
	pt_start(&p, NULL);
	cr_assert(is_mounted(place));
	cr_assert_str_eq(pt_get(harness_path("place/before")), "hello");
	pt_put(harness_path("place/through"), "the mount");
	cr_assert_str_eq(pt_list(place), "before through");
	pt_stop(&p);
	cr_assert(!is_mounted(place));
	cr_assert_str_eq(pt_get(harness_path("place/through")), "the mount");
}

FACT(pt_bad_input, a_source_may_be_a_link_and_relative)
{
	struct daemon d = {.backend = "passthrough"};

	make();
	PT_OK(symlink("src/dir", harness_path("link")));
	PT_OK(chdir(harness_dir));
	daemon_start(&d, "--source=link", NULL);
	cr_assert_str_eq(pt_get(daemon_path(&d, "f")), "hello");
	cr_assert_eq(daemon_unmount(&d), 0);
}

FACT(pt_bad_input, options_and_values_that_mean_nothing)
{
	static const struct {
		const char *option, *word, *other;
	} bad[] = {
		{"-onosuch", "nosuch", ""},
		{"-onosuch=1", "nosuch", ""},
		{"-ocache", "cache", ""},
		{"-ocache=", "cache", ""},
		{"-ocache=sometimes", "cache", "sometimes"},
		{"-ocache=autoo", "cache", "autoo"},
		{"-oattr_timeout=", "attr_timeout", ""},
		{"-oattr_timeout=-1", "attr_timeout", "-1"},
		{"-oattr_timeout=abc", "attr_timeout", "abc"},
		{"-oattr_timeout=1s", "attr_timeout", "1s"},
		{"-oattr_timeout=nan", "attr_timeout", "nan"},
		{"-oattr_timeout=1.2.3", "attr_timeout", "1.2.3"},
		{"-oentry_timeout= 1", "entry_timeout", ""},
		{"-oentry_timeout=1e400", "entry_timeout", "1e400"},
		{"-opassthrough=maybe", "passthrough", "maybe"},
		{"-opassthrough", "passthrough", ""},
		{"-osubmounts=hide", "submounts", "hide"},
		{"-olocks=nowhere", "locks", "nowhere"},
		{"-oexport=1", "export", ""},
		{"-owatch=1", "watch", ""},
		{"-oforce-user=nobody-at-all", "force-user", "nobody-at-all"},
		{"-oforce-user=-1", "force-user", "-1"},
		{"-oforce-user=4294967295", "force-user", "4294967295"},
		{"-oforce-user=4294967296", "force-user", "4294967296"},
		{"-oforce-group=nobody-at-all", "force-group", "nobody-at-all"},
		{"-oforce-group=", "force-group", ""},
		{"-oumask=8", "umask", "8"},
		{"-oumask=01000", "umask", "1000"},
		{"-oumask=-1", "umask", "-1"},
		{"-oumask=rwx", "umask", "rwx"},
		{"-ocreate-mode=0999", "create-mode", "0999"},
		{"-ocreate-mode=", "create-mode", ""},
		{"-ocreate-mode=17777", "create-mode", "17777"},
	};

	make();
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		check_refused("src", bad[i].option, "mnt", bad[i].word, bad[i].other);
}
