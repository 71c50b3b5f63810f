/*
 * Passthrough with -o watch: what others do on the source is seen at once, although the kernel may
 * keep what it knows for much longer than a test lasts.
 */
#include "pt_watch.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "files.h"

/* ---- what can happen to a file and its names ---- */

static void change_data(const struct pt *p)
{
	int fd = pt_open(pt_mnt(p, "f"), O_RDONLY);
	char text[16] = "";

	pt_watch_warm(p);
	pt_put(pt_src(p, "f"), "two"); /* the same size */
	SEEN(pt_has(pt_mnt(p, "f"), "two"));
	pt_watch_warm(p);
	pt_append(pt_src(p, "f"), "+three");
	SEEN(pt_stat(pt_mnt(p, "f")).st_size == 9);
	SEEN(pt_has(pt_mnt(p, "f"), "two+three"));
	SEEN(pread(fd, text, sizeof text, 0) == 9 && strcmp(text, "two+three") == 0);
	pt_watch_warm(p);
	PT_OK(truncate(pt_src(p, "f"), 1));
	SEEN(pt_has(pt_mnt(p, "f"), "t"));
	SEEN(files_stat(fd).st_size == 1);
	close(fd);
}

static void change_attributes(const struct pt *p)
{
	struct timespec times[2] = {{1000, 1}, {2000, 2}};
	char value[4];

	pt_watch_warm(p);
	PT_OK(chmod(pt_src(p, "f"), 0640));
	SEEN(pt_stat(pt_mnt(p, "f")).st_mode == (S_IFREG | 0640));
	PT_OK(utimensat(AT_FDCWD, pt_src(p, "f"), times, 0));
	SEEN(pt_stat(pt_mnt(p, "f")).st_mtim.tv_nsec == 2);
	PT_OK(setxattr(pt_src(p, "f"), "user.x", "1", 1, 0));
	SEEN(getxattr(pt_mnt(p, "f"), "user.x", value, sizeof value) == 1);
	pt_watch_warm(p);
	PT_OK(chmod(pt_src(p, "dir"), 0700));
	SEEN(pt_stat(pt_mnt(p, "dir")).st_mode == (S_IFDIR | 0700));
	PT_OK(chmod(p->src, 0711));
	SEEN(pt_stat(p->d.mnt).st_mode == (S_IFDIR | 0711));
}

static void change_names(const struct pt *p)
{
	pt_watch_warm(p);
	pt_put(pt_src(p, "dir/absent"), "here");
	SEEN(pt_has(pt_mnt(p, "dir/absent"), "here"));
	SEEN(strcmp(pt_list(pt_mnt(p, "dir")), "absent g") == 0);
	pt_watch_warm(p);
	PT_OK(unlink(pt_src(p, "dir/absent")));
	SEEN(!pt_exists(pt_mnt(p, "dir/absent")));
	SEEN(strcmp(pt_list(pt_mnt(p, "dir")), "g") == 0);
	pt_watch_warm(p);
	PT_OK(rename(pt_src(p, "dir"), pt_src(p, "moved")));
	SEEN(!pt_exists(pt_mnt(p, "dir/g")));
	SEEN(pt_has(pt_mnt(p, "moved/g"), "g"));
	SEEN(strcmp(pt_list(p->d.mnt), "f l moved") == 0);
	PT_OK(rename(pt_src(p, "moved"), pt_src(p, "dir")));
	SEEN(pt_has(pt_mnt(p, "dir/g"), "g"));
	pt_watch_warm(p);
	PT_OK(rename(pt_src(p, "dir/g"), pt_src(p, "g")));
	SEEN(pt_exists(pt_mnt(p, "g")));
	SEEN(!pt_exists(pt_mnt(p, "dir/g")));
	PT_OK(renameat2(AT_FDCWD, pt_src(p, "g"), AT_FDCWD, pt_src(p, "f"), RENAME_EXCHANGE));
	SEEN(pt_has(pt_mnt(p, "f"), "g"));
	PT_OK(unlink(pt_src(p, "l")));
	PT_OK(symlink("another", pt_src(p, "l")));
	SEEN(pt_stat(pt_mnt(p, "l")).st_size == 7);
}

static void replace_names(const struct pt *p)
{
	pt_watch_warm(p);
	pt_put(pt_src(p, "f.new"), "replaced");
	PT_OK(rename(pt_src(p, "f.new"), pt_src(p, "f")));
	SEEN(pt_has(pt_mnt(p, "f"), "replaced"));
	pt_watch_warm(p);
	PT_OK(unlink(pt_src(p, "f")));
	PT_OK(mkdir(pt_src(p, "f"), 0755));
	SEEN(S_ISDIR(pt_stat(pt_mnt(p, "f")).st_mode));
	pt_put(pt_src(p, "f/in"), "in");
	SEEN(pt_has(pt_mnt(p, "f/in"), "in"));
	pt_put(pt_src(p, "f/in"), "out");
	SEEN(pt_has(pt_mnt(p, "f/in"), "out"));
	PT_OK(unlink(pt_src(p, "f/in")));
	PT_OK(rmdir(pt_src(p, "f")));
	SEEN(!pt_exists(pt_mnt(p, "f")));
}

static void check(struct pt *p, const char *options)
{
	pt_watch_fill(p);
	pt_start(p, options, NULL);
	change_data(p);
	change_attributes(p);
	change_names(p);
	replace_names(p);
	pt_stop(p);
}

WATCH_FACT(pt_watch, changes_are_seen_with_long_timeouts)
{
	struct pt p = {.kind = kind};

	pt_watch_choose(&p, way);
	check(&p, PT_WATCH_LONG);
}

WATCH_FACT(pt_watch, changes_are_seen_with_endless_timeouts)
{
	struct pt p = {.kind = kind};

	pt_watch_choose(&p, way);
	check(&p, "-ocache=always,watch");
}

WATCH_FACT(pt_watch, changes_are_seen_without_kernel_passthrough)
{
	struct pt p = {.kind = kind};

	pt_watch_choose(&p, way);
	check(&p, "-ocache=always,passthrough=off,watch");
}

/* For those who alone may enter their mount: both see what a file has, the second time what it has
 * become. */
static int look_at_first(void *mnt)
{
	char path[512];

	snprintf(path, sizeof path, "%s/f", (char *)mnt);
	return pt_has(path, "one") ? 0 : 1;
}

static int see_the_change(void *mnt)
{
	char path[512];

	snprintf(path, sizeof path, "%s/f", (char *)mnt);
	return eventually(pt_has(path, "two")) ? 0 : 1;
}

FACT(pt_watch, changes_are_seen_in_the_mount_of_an_ordinary_user)
{
	struct pt p = {.d.uid = HARNESS_USER};
	void *mnt;

	harness_open_fuse_to_all();
	pt_watch_fill(&p);
	pt_start(&p, PT_WATCH_LONG, NULL);
	mnt = (void *)(uintptr_t)p.d.mnt;
	cr_assert_eq(harness_as(HARNESS_USER, look_at_first, mnt), 0);
	pt_put(pt_src(&p, "f"), "two");
	cr_assert_eq(harness_as(HARNESS_USER, see_the_change, mnt), 0);
	pt_stop(&p);
}

FACT(pt_watch, changes_are_seen_in_a_user_namespace)
{
	struct pt p = {.d.uid = HARNESS_USER, .d.userns = true};
	void *mnt;

	harness_open_fuse_to_all();
	pt_watch_fill(&p);
	pt_start(&p, PT_WATCH_LONG, NULL);
	mnt = (void *)(uintptr_t)p.d.mnt;
	cr_assert_eq(harness_inside(p.d.pid, look_at_first, mnt), 0);
	pt_put(pt_src(&p, "f"), "two");
	cr_assert_eq(harness_inside(p.d.pid, see_the_change, mnt), 0);
	cr_assert_eq(daemon_stop(&p.d), 0);
}

/* Without it nothing would be seen for a quarter of an hour: the tests above prove something. */
FACT(pt_watch, without_the_option_changes_are_not_seen)
{
	struct pt p = {0};

	pt_watch_fill(&p);
	pt_start(&p, "-oattr_timeout=1000,entry_timeout=1000,passthrough=off", NULL);
	pt_watch_warm(&p);
	PT_OK(chmod(pt_src(&p, "f"), 0600));
	PT_OK(unlink(pt_src(&p, "dir/g")));
	nap(1500);
	cr_assert_eq(pt_stat(pt_mnt(&p, "f")).st_mode, S_IFREG | 0644);
	cr_assert(pt_exists(pt_mnt(&p, "dir/g")));
	pt_stop(&p);
}

/* ---- several names, several mounts ---- */

WATCH_FACT(pt_watch, a_change_by_one_name_is_seen_by_another)
{
	struct pt p = {.kind = kind};

	pt_watch_choose(&p, way);
	pt_watch_fill(&p);
	PT_OK(link(pt_src(&p, "f"), pt_src(&p, "dir/f2")));
	pt_start(&p, "-ocache=always,watch", NULL);
	pt_get(pt_mnt(&p, "dir/f2"));
	pt_get(pt_mnt(&p, "f"));
	pt_put(pt_src(&p, "f"), "changed");
	SEEN(pt_has(pt_mnt(&p, "dir/f2"), "changed"));
	PT_OK(link(pt_src(&p, "f"), pt_src(&p, "dir/f3")));
	SEEN(pt_stat(pt_mnt(&p, "f")).st_nlink == 3);
	pt_stop(&p);
}

/* Who did it, and where the name lies, does not matter to fanotify. */
PT_FACT(pt_watch, a_change_by_a_name_outside_the_source_is_seen)
{
	struct pt p = {.kind = kind};
	const char *whole;
	char *inside;

	pt_watch_fill(&p);
	whole = p.src;
	inside = pt_src(&p, "inside");
	PT_OK(mkdir(inside, 0755));
	PT_OK(link(pt_src(&p, "f"), pt_src(&p, "inside/f")));
	p.src = inside;
	pt_start(&p, "-ocache=always,watch", NULL);
	pt_get(pt_mnt(&p, "f"));
	p.src = whole;
	pt_put(pt_src(&p, "f"), "changed outside");
	SEEN(pt_has(pt_mnt(&p, "f"), "changed outside"));
	PT_OK(unlink(pt_src(&p, "f")));
	SEEN(pt_stat(pt_mnt(&p, "f")).st_nlink == 1);
	pt_stop(&p);
}

static void change_beneath(const struct pt *p, const char *sub)
{
	pt_put(pt_src(p, "%s/s", sub), "one");
	SEEN(pt_has(pt_mnt(p, "%s/s", sub), "one"));
	pt_put(pt_src(p, "%s/s", sub), "two");
	SEEN(pt_has(pt_mnt(p, "%s/s", sub), "two"));
	PT_OK(unlink(pt_src(p, "%s/s", sub)));
	SEEN(!pt_exists(pt_mnt(p, "%s/s", sub)));
}

static void check_submounts(enum pt_way way)
{
	struct pt p = {0};

	pt_watch_choose(&p, way);
	pt_watch_fill(&p);
	PT_OK(mkdir(pt_src(&p, "early"), 0755));
	PT_OK(mkdir(pt_src(&p, "twin"), 0755));
	PT_OK(mount("sub", pt_src(&p, "early"), "tmpfs", 0, NULL));
	PT_OK(mount(pt_src(&p, "early"), pt_src(&p, "twin"), NULL, MS_BIND, NULL));
	/* the daemon sees what is mounted later, too */
	PT_OK(mount(NULL, p.src, NULL, MS_SHARED, NULL));
	pt_start(&p, "-ocache=always,watch", NULL);
	change_beneath(&p, "early");
	change_beneath(&p, "twin");
	/* what comes through one of two mounts is seen by the other */
	pt_put(pt_mnt(&p, "early/both"), "1");
	SEEN(pt_has(pt_mnt(&p, "twin/both"), "1"));
	pt_put(pt_mnt(&p, "early/both"), "22");
	SEEN(pt_has(pt_mnt(&p, "twin/both"), "22"));
	PT_OK(unlink(pt_mnt(&p, "twin/both")));
	SEEN(!pt_exists(pt_mnt(&p, "early/both")));
	pt_stop(&p);
}

FACT(pt_watch, file_systems_beneath_the_source_are_watched_by_fanotify)
{
	check_submounts(PT_BY_FANOTIFY);
}

FACT(pt_watch, file_systems_beneath_the_source_are_watched_by_inotify)
{
	check_submounts(PT_BY_INOTIFY);
}

/* ---- our own doings ---- */

static int stay_in_new_directory(void *mnt)
{
	char path[512];

	if (chdir(mnt) < 0 || mkdir("stay", 0755) < 0 || chdir("stay") < 0)
		return errno;
	for (int i = 0; i < 300; i++) {
		usleep(1000);
		if (!getcwd(path, sizeof path))
			return errno;
	}
	return strcmp(strrchr(path, '/'), "/stay") == 0 ? 0 : 1;
}

WATCH_FACT(pt_watch, a_working_directory_stays_where_it_is)
{
	struct pt p = {.kind = kind};

	pt_watch_choose(&p, way);
	pt_watch_fill(&p);
	pt_start(&p, "-ocache=always,watch", NULL);
	cr_assert_eq(harness_as(0, stay_in_new_directory, (void *)(uintptr_t)p.d.mnt), 0);
	pt_stop(&p);
}

static void make_and_look(const struct pt *p, int n)
{
	for (int i = 0; i < n; i++)
		pt_put(pt_mnt(p, "own%d", i), "text");
	nap(500); /* what is told late */
	for (int i = 0; i < n; i++)
		cr_assert_eq(pt_stat(pt_mnt(p, "own%d", i)).st_size, 4);
}

FACT(pt_watch, fanotify_does_not_make_the_kernel_ask_for_what_it_did_itself)
{
	struct pt p = {0};
	struct counters before, after;
	const char *watched, *unwatched;

	for (int watch = 0; watch < 2; watch++) {
		p = (struct pt){0};
		pt_watch_fill(&p);
		pt_start(&p,
			 watch ? "-ocache=always,passthrough=off,watch"
			       : "-ocache=always,passthrough=off",
			 NULL);
		counters_read(&p.d, &before);
		make_and_look(&p, 20);
		counters_read(&p.d, &after);
		*(watch ? &watched : &unwatched) = strdup(counters_between(&before, &after));
		pt_stop(&p);
	}
	cr_assert_str_eq(watched, unwatched);
}

FACT(pt_watch, inotify_does_not_make_the_kernel_look_for_names_it_made_itself)
{
	struct pt p = {0};
	struct counters before, after;

	pt_watch_choose(&p, PT_BY_INOTIFY);
	pt_watch_fill(&p);
	pt_start(&p, "-ocache=always,watch", NULL);
	counters_read(&p.d, &before);
	make_and_look(&p, 20);
	counters_read(&p.d, &after);
	cr_assert_leq(counters_of(&after, "LOOKUP") - counters_of(&before, "LOOKUP"), 25);
	pt_stop(&p);
}
