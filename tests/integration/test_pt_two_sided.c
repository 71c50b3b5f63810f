/*
 * Passthrough: changes on one side, seen on the other, in each cache mode.
 */
#include "pt.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "files.h"

/* Much longer than the timeouts, much shorter than "for ever". */
#define SEEN(condition) cr_assert(eventually(condition), "not seen: %s", #condition)

/* Everything is in the kernel's caches before it changes on the source. */
static void warm(const struct pt *p)
{
	struct stat st;

	pt_get(pt_mnt(p, "f"));
	pt_get(pt_mnt(p, "dir/g"));
	pt_list(pt_mnt(p, "dir"));
	pt_stat(pt_mnt(p, "l"));
	(void)!lstat(pt_mnt(p, "dir/absent"), &st);
	(void)!getxattr(pt_mnt(p, "f"), "user.x", &st, 1);
}

static void fill(const struct pt *p)
{
	pt_put(pt_src(p, "f"), "one");
	PT_OK(mkdir(pt_src(p, "dir"), 0755));
	pt_put(pt_src(p, "dir/g"), "g");
	PT_OK(symlink("one", pt_src(p, "l")));
}

static void change_source(const struct pt *p)
{
	struct timespec times[2] = {{1000, 1}, {2000, 2}};
	char target[16] = "";

	warm(p);
	pt_put(pt_src(p, "f"), "two"); /* the same size */
	SEEN(pt_has(pt_mnt(p, "f"), "two"));
	warm(p);
	pt_append(pt_src(p, "f"), "+three");
	SEEN(pt_stat(pt_mnt(p, "f")).st_size == 9);
	SEEN(pt_has(pt_mnt(p, "f"), "two+three"));
	warm(p);
	PT_OK(truncate(pt_src(p, "f"), 1));
	SEEN(pt_has(pt_mnt(p, "f"), "t"));
	warm(p);
	PT_OK(chmod(pt_src(p, "f"), 0640));
	PT_OK(chown(pt_src(p, "f"), 11, 12));
	PT_OK(utimensat(AT_FDCWD, pt_src(p, "f"), times, 0));
	SEEN(pt_stat(pt_mnt(p, "f")).st_mode == (S_IFREG | 0640));
	SEEN(pt_stat(pt_mnt(p, "f")).st_uid == 11);
	SEEN(pt_stat(pt_mnt(p, "f")).st_mtim.tv_nsec == 2);
	warm(p);
	PT_OK(setxattr(pt_src(p, "f"), "user.x", "1", 1, 0));
	SEEN(getxattr(pt_mnt(p, "f"), "user.x", target, sizeof target) == 1);
	PT_OK(unlink(pt_src(p, "l")));
	PT_OK(symlink("another", pt_src(p, "l")));
	SEEN(readlink(pt_mnt(p, "l"), target, sizeof target) == 7);
}

static void change_source_names(const struct pt *p)
{
	int old;

	warm(p);
	pt_put(pt_src(p, "dir/absent"), "here");
	SEEN(pt_has(pt_mnt(p, "dir/absent"), "here"));
	SEEN(strcmp(pt_list(pt_mnt(p, "dir")), "absent g") == 0);
	PT_OK(unlink(pt_src(p, "dir/absent")));
	SEEN(!pt_exists(pt_mnt(p, "dir/absent")));
	SEEN(strcmp(pt_list(pt_mnt(p, "dir")), "g") == 0);
	PT_OK(rename(pt_src(p, "dir"), pt_src(p, "moved")));
	SEEN(!pt_exists(pt_mnt(p, "dir/g")));
	SEEN(pt_has(pt_mnt(p, "moved/g"), "g"));
	PT_OK(rename(pt_src(p, "moved"), pt_src(p, "dir")));
	SEEN(pt_has(pt_mnt(p, "dir/g"), "g"));
	/* replaced as editors do it: who has the old one open keeps it */
	old = pt_open(pt_mnt(p, "f"), O_RDONLY);
	pt_put(pt_src(p, "f.new"), "replaced");
	PT_OK(rename(pt_src(p, "f.new"), pt_src(p, "f")));
	SEEN(pt_has(pt_mnt(p, "f"), "replaced"));
	cr_assert_eq(files_stat(old).st_nlink, 0);
	close(old);
	/* a name of another sort in its place */
	PT_OK(unlink(pt_src(p, "f")));
	PT_OK(mkdir(pt_src(p, "f"), 0755));
	SEEN(S_ISDIR(pt_stat(pt_mnt(p, "f")).st_mode));
	PT_OK(rmdir(pt_src(p, "f")));
	SEEN(!pt_exists(pt_mnt(p, "f")));
}

static void check_source_side(const char *options)
{
	struct pt p = {0};

	pt_make_source(&p);
	fill(&p);
	pt_start(&p, options, NULL);
	change_source(&p);
	change_source_names(&p);
	pt_stop(&p);
}

FACT(pt_two_sided, changes_of_the_source_are_seen_after_the_timeouts)
{
	check_source_side("-oentry_timeout=0.2,attr_timeout=0.2,passthrough=off");
}

FACT(pt_two_sided, changes_of_the_source_are_seen_with_kernel_passthrough)
{
	check_source_side("-oentry_timeout=0.2,attr_timeout=0.2");
}

FACT(pt_two_sided, changes_of_the_source_are_seen_with_the_default_timeouts)
{
	struct pt p = {0};

	pt_make_source(&p);
	fill(&p);
	pt_start(&p, NULL);
	warm(&p);
	pt_put(pt_src(&p, "f"), "two");
	PT_OK(unlink(pt_src(&p, "dir/g")));
	pt_put(pt_src(&p, "dir/absent"), "");
	SEEN(pt_has(pt_mnt(&p, "f"), "two"));
	SEEN(strcmp(pt_list(pt_mnt(&p, "dir")), "absent") == 0);
	SEEN(pt_exists(pt_mnt(&p, "dir/absent")));
	SEEN(!pt_exists(pt_mnt(&p, "dir/g")));
	pt_stop(&p);
}

/* Nothing is waited for. */
FACT(pt_two_sided, without_a_cache_changes_of_the_source_are_seen_at_once)
{
	struct pt p = {0};
	int fd;

	pt_make_source(&p);
	fill(&p);
	pt_start(&p, "-ocache=none", NULL);
	warm(&p);
	fd = pt_open(pt_mnt(&p, "f"), O_RDONLY);
	for (int i = 0; i < 20; i++) {
		char text[16], got[16] = "";

		snprintf(text, sizeof text, "%d", i * i * i);
		pt_put(pt_src(&p, "f"), text);
		cr_assert_eq(pread(fd, got, sizeof got, 0), (ssize_t)strlen(text));
		cr_assert_str_eq(got, text);
		cr_assert_eq(pt_stat(pt_mnt(&p, "f")).st_size, (off_t)strlen(text));
		pt_put(pt_src(&p, "dir/absent"), "");
		cr_assert(pt_exists(pt_mnt(&p, "dir/absent")));
		cr_assert_str_eq(pt_list(pt_mnt(&p, "dir")), "absent g");
		PT_OK(unlink(pt_src(&p, "dir/absent")));
		cr_assert(!pt_exists(pt_mnt(&p, "dir/absent")));
		PT_OK(chmod(pt_src(&p, "dir"), i % 2 ? 0700 : 0755));
		cr_assert_eq(pt_stat(pt_mnt(&p, "dir")).st_mode & 07777, i % 2 ? 0700 : 0755);
	}
	close(fd);
	pt_stop(&p);
}

/* What cache=always is for: a source that nobody else changes.  If one does, it is told what the
 * kernel has in its caches, until that is dropped. */
FACT(pt_two_sided, cache_always_shows_what_it_has_until_it_is_told)
{
	struct pt p = {0};

	pt_make_source(&p);
	fill(&p);
	pt_start(&p, "-ocache=always,passthrough=off", NULL);
	warm(&p);
	pt_put(pt_src(&p, "f"), "two");
	PT_OK(unlink(pt_src(&p, "dir/g")));
	nap(1200); /* longer than the timeouts of cache=auto */
	cr_assert_str_eq(pt_get(pt_mnt(&p, "f")), "one");
	cr_assert(pt_exists(pt_mnt(&p, "dir/g")));
	/* what is still being released is in use */
	SEEN(({
		files_forget(&p.d);
		pt_has(pt_mnt(&p, "f"), "two");
	}));
	cr_assert(!pt_exists(pt_mnt(&p, "dir/g")));
	/* what comes through the mount it knows */
	pt_put(pt_mnt(&p, "f"), "three");
	cr_assert_str_eq(pt_get(pt_mnt(&p, "f")), "three");
	cr_assert_eq(pt_stat(pt_mnt(&p, "f")).st_size, 5);
	pt_stop(&p);
}

static void change_mount(const char *options)
{
	struct pt p = {0};
	char text[8] = "";
	int fd, there;

	pt_make_source(&p);
	fill(&p);
	there = pt_open(pt_src(&p, "f"), O_RDONLY);
	pt_start(&p, options, NULL);
	fd = pt_open(pt_mnt(&p, "f"), O_RDWR);
	cr_assert_eq(pwrite(fd, "two", 3, 0), 3);
	cr_assert_eq(pread(there, text, sizeof text, 0), 3);
	cr_assert_str_eq(text, "two");
	PT_OK(ftruncate(fd, 1));
	cr_assert_eq(files_stat(there).st_size, 1);
	PT_OK(fchmod(fd, 0600));
	cr_assert_eq(files_stat(there).st_mode, S_IFREG | 0600);
	PT_OK(mkdir(pt_mnt(&p, "new"), 0755));
	PT_OK(rename(pt_mnt(&p, "f"), pt_mnt(&p, "new/f")));
	cr_assert(!pt_exists(pt_src(&p, "f")));
	cr_assert_eq(pt_stat(pt_src(&p, "new/f")).st_ino, files_stat(there).st_ino);
	PT_OK(unlink(pt_mnt(&p, "new/f")));
	cr_assert_eq(files_stat(there).st_nlink, 0);
	cr_assert_eq(write(fd, "gone", 4), 4);
	cr_assert_eq(pread(there, text, sizeof text, 0), 4);
	close(fd);
	close(there);
	pt_stop(&p);
}

FACT(pt_two_sided, changes_through_the_mount_are_on_the_source_at_once)
{
	static const char *const modes[] = {"-ocache=none", "-ocache=auto", "-ocache=always",
					    "-ocache=auto,passthrough=off",
					    "-ocache=always,passthrough=off"};

	for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
		change_mount(modes[i]);
}

/* ---- both at the same time ---- */

#define RECORDS 400
#define RECORD  32

static int append_records(void *path)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	char record[RECORD + 1];

	for (int i = 0; i < RECORDS; i++) {
		snprintf(record, sizeof record, "%-10d%-*d\n", (int)getpid(), RECORD - 11, i);
		if (write(fd, record, RECORD) != RECORD)
			return 1;
	}
	return 0;
}

/* Every record is there, whole. */
static void check_records(const char *path, unsigned expected)
{
	char *text = pt_get(path);
	unsigned n = 0;

	cr_assert_eq(strlen(text), (size_t)expected * RECORD);
	for (const char *at = text; *at; at += RECORD, n++)
		cr_assert_eq(at[RECORD - 1], '\n', "record %u is torn", n);
	free(text);
}

static void append_from_both_sides(const char *options)
{
	struct pt p = {0};
	pid_t pid[4];
	int fd;

	pt_start(&p, options, NULL);
	pt_put(pt_mnt(&p, "log"), "");
	for (int i = 0; i < 4; i++)
		pid[i] =
			harness_fork(append_records, i % 2 ? pt_src(&p, "log") : pt_mnt(&p, "log"));
	for (int i = 0; i < 4; i++)
		cr_assert_eq(harness_reap(pid[i], 20000), 0);
	check_records(pt_src(&p, "log"), 4 * RECORDS);
	SEEN(pt_stat(pt_mnt(&p, "log")).st_size == 4 * RECORDS * RECORD);
	check_records(pt_mnt(&p, "log"), 4 * RECORDS);
	/* in turns, with a size that the kernel believes it knows */
	pt_put(pt_mnt(&p, "turns"), "");
	fd = pt_open(pt_mnt(&p, "turns"), O_WRONLY | O_APPEND);
	for (int i = 0; i < 10; i++) {
		cr_assert_eq(write(fd, "m", 1), 1);
		pt_append(pt_src(&p, "turns"), "s");
		pt_append(pt_mnt(&p, "turns"), "m");
	}
	close(fd);
	cr_assert_str_eq(pt_get(pt_src(&p, "turns")), "msmmsmmsmmsmmsmmsmmsmmsmmsmmsm");
	pt_stop(&p);
}

FACT(pt_two_sided, appends_from_both_sides_lose_nothing)
{
	append_from_both_sides("-ocache=auto");
}

FACT(pt_two_sided, appends_from_both_sides_lose_nothing_without_kernel_passthrough)
{
	append_from_both_sides("-ocache=auto,passthrough=off");
}

FACT(pt_two_sided, appends_from_both_sides_lose_nothing_without_a_cache)
{
	append_from_both_sides("-ocache=none,passthrough=off");
}
