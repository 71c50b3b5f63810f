/*
 * Passthrough with -o watch: what others do on the source is seen at once, although the kernel may
 * keep what it knows for much longer than a test lasts.
 */
#include "pt.h"

#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "files.h"

/* At once, that is: on a busy machine as soon as the daemon's turn comes. */
#define SEEN(condition) cr_assert(eventually_within(3000, condition), "not seen: %s", #condition)

/* The kernel would not ask again. */
#define LONG "-oattr_timeout=1000,entry_timeout=1000,watch"

static const struct deny no_fanotify[] = {{SYS_fanotify_init, 0, EPERM}};

enum way { BY_FANOTIFY, BY_INOTIFY };

static void choose(struct pt *p, enum way way)
{
	if (way == BY_INOTIFY) {
		p->d.deny = no_fanotify;
		p->d.ndeny = 1;
	}
}

/* A fact of both ways, on both sorts of sources. */
#define WATCH_FACT(name) \
	static void watch_##name(enum pt_kind kind, enum way way); \
	PT_FACT(pt_watch, name##_by_fanotify) \
	{ \
		watch_##name(kind, BY_FANOTIFY); \
	} \
	PT_FACT(pt_watch, name##_by_inotify) \
	{ \
		watch_##name(kind, BY_INOTIFY); \
	} \
	static void watch_##name(enum pt_kind kind, enum way way)

/* ---- what can happen to a file and its names ---- */

static void fill(struct pt *p)
{
	pt_make_source(p);
	pt_put(pt_src(p, "f"), "one");
	PT_OK(mkdir(pt_src(p, "dir"), 0755));
	pt_put(pt_src(p, "dir/g"), "g");
	PT_OK(symlink("one", pt_src(p, "l")));
}

/* Everything is in the kernel's caches. */
static void warm(const struct pt *p)
{
	struct stat st;

	(void)!stat(pt_mnt(p, "f"), &st);
	if (pt_exists(pt_mnt(p, "f")) && S_ISREG(pt_stat(pt_mnt(p, "f")).st_mode))
		pt_get(pt_mnt(p, "f"));
	pt_list(p->d.mnt);
	pt_list(pt_mnt(p, "dir"));
	pt_list(pt_mnt(p, "dir"));
	(void)!lstat(pt_mnt(p, "dir/g"), &st);
	(void)!lstat(pt_mnt(p, "dir/absent"), &st);
	(void)!lstat(pt_mnt(p, "l"), &st);
	(void)!getxattr(pt_mnt(p, "f"), "user.x", &st, 1);
}

static void change_data(const struct pt *p)
{
	int fd = pt_open(pt_mnt(p, "f"), O_RDONLY);
	char text[16] = "";

	warm(p);
	pt_put(pt_src(p, "f"), "two"); /* the same size */
	SEEN(pt_has(pt_mnt(p, "f"), "two"));
	warm(p);
	pt_append(pt_src(p, "f"), "+three");
	SEEN(pt_stat(pt_mnt(p, "f")).st_size == 9);
	SEEN(pt_has(pt_mnt(p, "f"), "two+three"));
	SEEN(pread(fd, text, sizeof text, 0) == 9 && strcmp(text, "two+three") == 0);
	warm(p);
	PT_OK(truncate(pt_src(p, "f"), 1));
	SEEN(pt_has(pt_mnt(p, "f"), "t"));
	SEEN(files_stat(fd).st_size == 1);
	close(fd);
}

static void change_attributes(const struct pt *p)
{
	struct timespec times[2] = {{1000, 1}, {2000, 2}};
	char value[4];

	warm(p);
	PT_OK(chmod(pt_src(p, "f"), 0640));
	SEEN(pt_stat(pt_mnt(p, "f")).st_mode == (S_IFREG | 0640));
	PT_OK(utimensat(AT_FDCWD, pt_src(p, "f"), times, 0));
	SEEN(pt_stat(pt_mnt(p, "f")).st_mtim.tv_nsec == 2);
	PT_OK(setxattr(pt_src(p, "f"), "user.x", "1", 1, 0));
	SEEN(getxattr(pt_mnt(p, "f"), "user.x", value, sizeof value) == 1);
	warm(p);
	PT_OK(chmod(pt_src(p, "dir"), 0700));
	SEEN(pt_stat(pt_mnt(p, "dir")).st_mode == (S_IFDIR | 0700));
	PT_OK(chmod(p->src, 0711));
	SEEN(pt_stat(p->d.mnt).st_mode == (S_IFDIR | 0711));
}

static void change_names(const struct pt *p)
{
	warm(p);
	pt_put(pt_src(p, "dir/absent"), "here");
	SEEN(pt_has(pt_mnt(p, "dir/absent"), "here"));
	SEEN(strcmp(pt_list(pt_mnt(p, "dir")), "absent g") == 0);
	warm(p);
	PT_OK(unlink(pt_src(p, "dir/absent")));
	SEEN(!pt_exists(pt_mnt(p, "dir/absent")));
	SEEN(strcmp(pt_list(pt_mnt(p, "dir")), "g") == 0);
	warm(p);
	PT_OK(rename(pt_src(p, "dir"), pt_src(p, "moved")));
	SEEN(!pt_exists(pt_mnt(p, "dir/g")));
	SEEN(pt_has(pt_mnt(p, "moved/g"), "g"));
	SEEN(strcmp(pt_list(p->d.mnt), "f l moved") == 0);
	PT_OK(rename(pt_src(p, "moved"), pt_src(p, "dir")));
	SEEN(pt_has(pt_mnt(p, "dir/g"), "g"));
	warm(p);
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
	warm(p);
	pt_put(pt_src(p, "f.new"), "replaced");
	PT_OK(rename(pt_src(p, "f.new"), pt_src(p, "f")));
	SEEN(pt_has(pt_mnt(p, "f"), "replaced"));
	warm(p);
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
	fill(p);
	pt_start(p, options, NULL);
	change_data(p);
	change_attributes(p);
	change_names(p);
	replace_names(p);
	pt_stop(p);
}

WATCH_FACT(changes_are_seen_with_long_timeouts)
{
	struct pt p = {.kind = kind};

	choose(&p, way);
	check(&p, LONG);
}

WATCH_FACT(changes_are_seen_with_endless_timeouts)
{
	struct pt p = {.kind = kind};

	choose(&p, way);
	check(&p, "-ocache=always,watch");
}

WATCH_FACT(changes_are_seen_without_kernel_passthrough)
{
	struct pt p = {.kind = kind};

	choose(&p, way);
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
	return eventually_within(3000, pt_has(path, "two")) ? 0 : 1;
}

FACT(pt_watch, changes_are_seen_in_the_mount_of_an_ordinary_user)
{
	struct pt p = {.d.uid = HARNESS_USER};
	void *mnt;

	harness_open_fuse_to_all();
	fill(&p);
	pt_start(&p, LONG, NULL);
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
	fill(&p);
	pt_start(&p, LONG, NULL);
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

	fill(&p);
	pt_start(&p, "-oattr_timeout=1000,entry_timeout=1000,passthrough=off", NULL);
	warm(&p);
	PT_OK(chmod(pt_src(&p, "f"), 0600));
	PT_OK(unlink(pt_src(&p, "dir/g")));
	nap(1500);
	cr_assert_eq(pt_stat(pt_mnt(&p, "f")).st_mode, S_IFREG | 0644);
	cr_assert(pt_exists(pt_mnt(&p, "dir/g")));
	pt_stop(&p);
}

/* ---- several names, several mounts ---- */

WATCH_FACT(a_change_by_one_name_is_seen_by_another)
{
	struct pt p = {.kind = kind};

	choose(&p, way);
	fill(&p);
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

	fill(&p);
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

static void check_submounts(enum way way)
{
	struct pt p = {0};

	choose(&p, way);
	fill(&p);
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
	check_submounts(BY_FANOTIFY);
}

FACT(pt_watch, file_systems_beneath_the_source_are_watched_by_inotify)
{
	check_submounts(BY_INOTIFY);
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

WATCH_FACT(a_working_directory_stays_where_it_is)
{
	struct pt p = {.kind = kind};

	choose(&p, way);
	fill(&p);
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
		fill(&p);
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

	choose(&p, BY_INOTIFY);
	fill(&p);
	pt_start(&p, "-ocache=always,watch", NULL);
	counters_read(&p.d, &before);
	make_and_look(&p, 20);
	counters_read(&p.d, &after);
	cr_assert_leq(counters_of(&after, "LOOKUP") - counters_of(&before, "LOOKUP"), 25);
	pt_stop(&p);
}

/* ---- too much ---- */

static int set_watch_limit(void *text)
{
	int fd = open("/proc/sys/user/max_inotify_watches", O_WRONLY | O_CLOEXEC);

	return fd < 0 || write(fd, text, strlen(text)) < 0 ? errno : 0;
}

static int list_all(void *mnt)
{
	char path[512];
	struct stat st;

	for (int i = 0; i < 20; i++) {
		snprintf(path, sizeof path, "%s/d%d", (char *)mnt, i);
		if (stat(path, &st) < 0)
			return errno;
	}
	return 0;
}

FACT(pt_watch, when_no_more_directories_can_be_watched_that_is_said_once)
{
	struct pt p = {.d.uid = HARNESS_USER, .d.userns = true};
	char *log, *first;

	harness_open_fuse_to_all();
	fill(&p);
	for (int i = 0; i < 20; i++)
		PT_OK(mkdir(pt_src(&p, "d%d", i), 0755));
	pt_start(&p, LONG, NULL);
	cr_assert_eq(harness_inside(p.d.pid, set_watch_limit, (char[]){"5"}), 0);
	cr_assert_eq(harness_inside(p.d.pid, list_all, (void *)(uintptr_t)p.d.mnt), 0);
	cr_assert(daemon_log_has(&p.d, 0, "fs.inotify.max_user_watches"));
	log = daemon_log(&p.d, 0);
	first = strstr(log, "max_user_watches");
	cr_assert_null(strstr(first + 1, "max_user_watches"));
	cr_assert_eq(daemon_stop(&p.d), 0);
}

/* More than any queue holds, while the daemon stands still. */
static void overflow(enum way way)
{
	struct pt p = {0};
	int dir, old, limit = 0;
	FILE *f;

	choose(&p, way);
	fill(&p);
	for (int i = 0; i < 10; i++)
		pt_put(pt_src(&p, "many%d", i), "old");
	pt_start(&p, "-ocache=always,watch", NULL);
	warm(&p);
	for (int i = 0; i < 10; i++)
		pt_get(pt_mnt(&p, "many%d", i));
	cr_assert_not(pt_exists(pt_mnt(&p, "late")));
	old = pt_open(pt_mnt(&p, "many3"), O_RDONLY);
	f = fopen("/proc/sys/fs/inotify/max_queued_events", "re");
	cr_assert(f && fscanf(f, "%d", &limit) == 1);
	PT_OK(kill(p.d.pid, SIGSTOP));
	dir = pt_open(p.src, O_RDONLY | O_DIRECTORY);
	for (int i = 0; i < limit + 100; i++) {
		char name[32];

		snprintf(name, sizeof name, "n%d", i);
		PT_OK(mknodat(dir, name, S_IFREG | 0644, 0));
		PT_OK(unlinkat(dir, name, 0));
	}
	pt_put(pt_src(&p, "many1"), "new");
	PT_OK(unlink(pt_src(&p, "many2")));
	PT_OK(unlink(pt_src(&p, "many3")));
	pt_put(pt_src(&p, "many3"), "another");
	PT_OK(chmod(pt_src(&p, "dir"), 0700));
	pt_put(pt_src(&p, "late"), "late");
	PT_OK(kill(p.d.pid, SIGCONT));
	cr_assert(eventually(daemon_log_has(&p.d, 0, "too many changes")));
	SEEN(pt_has(pt_mnt(&p, "many1"), "new"));
	SEEN(!pt_exists(pt_mnt(&p, "many2")));
	SEEN(pt_has(pt_mnt(&p, "many3"), "another"));
	SEEN(pt_stat(pt_mnt(&p, "dir")).st_mode == (S_IFDIR | 0700));
	SEEN(pt_has(pt_mnt(&p, "late"), "late"));
	/* and on it goes */
	pt_put(pt_src(&p, "many4"), "after");
	SEEN(pt_has(pt_mnt(&p, "many4"), "after"));
	close(old);
	close(dir);
	fclose(f);
	pt_stop(&p);
}

FACT_WITHIN(pt_watch, lost_events_of_fanotify_are_made_up_for, 60)
{
	overflow(BY_FANOTIFY);
}

FACT_WITHIN(pt_watch, lost_events_of_inotify_are_made_up_for, 60)
{
	overflow(BY_INOTIFY);
}

/* ---- a wild mixture ---- */

#define NAMES 6
#define DIRS  3

static void some_name(char *out, size_t size, const char *root, unsigned *seed)
{
	snprintf(out, size, "%s/d%d/n%d", root, rand_r(seed) % DIRS, rand_r(seed) % NAMES);
}

/* Whatever may be done; much of it fails. */
static int disturb(void *src)
{
	unsigned seed = (unsigned)getpid();
	char a[256], b[256];
	int fd;

	for (int i = 0; i < 4000; i++) {
		some_name(a, sizeof a, src, &seed);
		some_name(b, sizeof b, src, &seed);
		switch (rand_r(&seed) % 8) {
		case 0:
			fd = open(a, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
			dprintf(fd, "%d", i);
			close(fd);
			break;
		case 1:
			fd = open(a, O_WRONLY | O_APPEND | O_CLOEXEC);
			dprintf(fd, "+%d", i);
			close(fd);
			break;
		case 2:
			unlink(a);
			break;
		case 3:
			rename(a, b);
			break;
		case 4:
			link(a, b);
			break;
		case 5:
			chmod(a, 0600 | (unsigned)(i % 64));
			break;
		case 6:
			(void)!mkdir(a, 0755);
			break;
		default:
			rmdir(a);
			break;
		}
		if (i % 16 == 0)
			usleep(500);
	}
	return 0;
}

static int look_around(void *mnt)
{
	unsigned seed = (unsigned)getpid();
	char path[256], text[64];
	struct stat st;
	int fd;

	for (int i = 0; i < 12000; i++) {
		some_name(path, sizeof path, mnt, &seed);
		(void)!stat(path, &st);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		(void)!read(fd, text, sizeof text);
		close(fd);
		if (i % 50 == 0) {
			*strrchr(path, '/') = '\0';
			pt_list(path);
		}
	}
	return 0;
}

static const char *compared_with, *compared_from;
static char *difference; /* what was last found, or NULL */

__attribute__((format(printf, 1, 2))) static void differ(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	cr_assert(vasprintf(&difference, format, args) >= 0);
	va_end(args);
}

static void compare_stat(const char *path, const struct stat *a, const struct stat *b)
{
	if (a->st_mode != b->st_mode || a->st_nlink != b->st_nlink || a->st_ino != b->st_ino ||
	    a->st_mtim.tv_sec != b->st_mtim.tv_sec || a->st_mtim.tv_nsec != b->st_mtim.tv_nsec ||
	    (S_ISREG(a->st_mode) && a->st_size != b->st_size))
		differ("%s: mode %o/%o nlink %lu/%lu size %ld/%ld ino %lu/%lu mtime %ld/%ld", path,
		       a->st_mode, b->st_mode, (unsigned long)a->st_nlink,
		       (unsigned long)b->st_nlink, (long)a->st_size, (long)b->st_size,
		       (unsigned long)a->st_ino, (unsigned long)b->st_ino, a->st_mtim.tv_nsec,
		       b->st_mtim.tv_nsec);
}

static void compare_text(const char *path, char *a, char *b)
{
	if (strcmp(a, b) != 0)
		differ("%s: '%s'/'%s'", path, a, b);
	free(a);
	free(b);
}

/* Is it the same on the other side? */
static int compare_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	struct stat there;
	char *other;

	(void)type;
	(void)where;
	cr_assert(asprintf(&other, "%s%s", compared_with, path + strlen(compared_from)) >= 0);
	if (lstat(other, &there) < 0)
		differ("%s: %s", other, strerror(errno));
	else
		compare_stat(path, st, &there);
	if (!difference && S_ISREG(st->st_mode))
		compare_text(path, pt_get(path), pt_get(other));
	if (!difference && S_ISDIR(st->st_mode))
		compare_text(path, pt_list(path), pt_list(other));
	free(other);
	return difference != NULL;
}

static bool are_equal(const struct pt *p)
{
	compared_from = p->src;
	compared_with = p->d.mnt;
	free(difference);
	difference = NULL;
	return nftw(p->src, compare_one, 20, FTW_PHYS) == 0;
}

static void mix(enum pt_kind kind, enum way way, const char *options)
{
	struct pt p = {.kind = kind};
	pid_t pid[4];

	choose(&p, way);
	pt_make_source(&p);
	for (int i = 0; i < DIRS; i++)
		PT_OK(mkdir(pt_src(&p, "d%d", i), 0755));
	pt_start(&p, options, NULL);
	for (int i = 0; i < 4; i++)
		pid[i] = harness_fork(i < 2 ? disturb : look_around,
				      (void *)(uintptr_t)(i < 2 ? p.src : p.d.mnt));
	for (int i = 0; i < 4; i++)
		cr_assert_eq(harness_reap(pid[i], 30000), 0, "%d", i);
	cr_assert(eventually_within(3000, are_equal(&p)), "%s", difference);
	pt_stop(&p);
}

PT_FACT(pt_watch, after_many_changes_both_sides_are_the_same_by_fanotify)
{
	mix(kind, BY_FANOTIFY, "-ocache=always,watch");
}

FACT_WITHIN(pt_watch, after_many_changes_both_sides_are_the_same_without_kernel_passthrough, 60)
{
	mix(PT_EXT4, BY_FANOTIFY, "-oattr_timeout=1000,entry_timeout=1000,passthrough=off,watch");
}

/* ---- changes that meet a first look ---- */

#define FIRST_LOOKS 20000

struct turns {
	const struct pt *p;
	atomic_int now, looked; /* which file */
};

static int look_first(void *arg)
{
	struct turns *turns = arg;
	char path[512];
	struct stat st;

	for (int i = 0; i < FIRST_LOOKS; i++) {
		snprintf(path, sizeof path, "%s/x%d", turns->p->d.mnt, i);
		while (atomic_load(&turns->now) < i)
			sched_yield();
		if (stat(path, &st) < 0)
			return errno;
		atomic_store(&turns->looked, i + 1);
	}
	return 0;
}

/* The answer with the old attributes may reach the kernel after it was told that they changed. */
FACT_WITHIN(pt_watch, an_answer_that_was_on_its_way_is_not_believed_for_long, 60)
{
	struct turns *turns = mmap(NULL, sizeof *turns, PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct pt p = {0};
	pid_t looker;

	cr_assert_neq(turns, MAP_FAILED);
	turns->p = &p;
	pt_make_source(&p);
	for (int i = 0; i < FIRST_LOOKS; i++)
		PT_OK(mknod(pt_src(&p, "x%d", i), S_IFREG | 0600, 0));
	pt_start(&p, LONG, NULL);
	looker = harness_fork(look_first, turns);
	for (int i = 0; i < FIRST_LOOKS; i++) {
		char *path = pt_src(&p, "x%d", i);

		atomic_store(&turns->now, i);
		for (volatile int delay = 0; delay < i % 200 * 100; delay++)
			;
		PT_OK(chmod(path, 0640));
		while (atomic_load(&turns->looked) <= i)
			sched_yield();
		free(path);
	}
	cr_assert_eq(harness_reap(looker, 5000), 0);
	nap(300);
	for (int i = 0; i < FIRST_LOOKS; i++)
		SEEN(pt_stat(pt_mnt(&p, "x%d", i)).st_mode == (S_IFREG | 0640));
	pt_stop(&p);
}

/* ---- the end ---- */

static int make_noise(void *src)
{
	char path[256];

	for (int i = 0;; i++) {
		snprintf(path, sizeof path, "%s/noise%d", (char *)src, i % 1000);
		close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
		unlink(path);
	}
	return 0;
}

WATCH_FACT(it_ends_while_changes_pour_in)
{
	struct pt p = {.kind = kind};
	pid_t noise;

	choose(&p, way);
	fill(&p);
	pt_start(&p, "-ocache=always,watch", NULL);
	noise = harness_fork(make_noise, (void *)(uintptr_t)p.src);
	nap(300);
	cr_assert(pt_has(pt_mnt(&p, "f"), "one"));
	cr_assert_eq(daemon_stop(&p.d), 0);
	kill(noise, SIGKILL);
	harness_reap(noise, 5000);
}
