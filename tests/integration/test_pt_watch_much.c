/*
 * Passthrough with -o watch: more changes than can be told, changes at the worst moment, and what
 * remains when all is over.
 */
#include "pt_watch.h"

#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

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

FACT(pt_watch_much, when_no_more_directories_can_be_watched_that_is_said_once)
{
	struct pt p = {.d.uid = HARNESS_USER, .d.userns = true};
	char *log, *first;

	harness_open_fuse_to_all();
	pt_watch_fill(&p);
	for (int i = 0; i < 20; i++)
		PT_OK(mkdir(pt_src(&p, "d%d", i), 0755));
	pt_start(&p, PT_WATCH_LONG, NULL);
	cr_assert_eq(harness_inside(p.d.pid, set_watch_limit, (char[]){"5"}), 0);
	cr_assert_eq(harness_inside(p.d.pid, list_all, (void *)(uintptr_t)p.d.mnt), 0);
	cr_assert(daemon_log_has(&p.d, 0, "fs.inotify.max_user_watches"));
	log = daemon_log(&p.d, 0);
	first = strstr(log, "max_user_watches");
	cr_assert_null(strstr(first + 1, "max_user_watches"));
	cr_assert_eq(daemon_stop(&p.d), 0);
}

/* More than any queue holds, while the daemon stands still. */
static void overflow(enum pt_way way)
{
	struct pt p = {0};
	int dir, old, limit = 0;
	FILE *f;

	pt_watch_choose(&p, way);
	pt_watch_fill(&p);
	for (int i = 0; i < 10; i++)
		pt_put(pt_src(&p, "many%d", i), "old");
	pt_start(&p, "-ocache=always,watch", NULL);
	pt_watch_warm(&p);
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

FACT_WITHIN(pt_watch_much, lost_events_of_fanotify_are_made_up_for, 60)
{
	overflow(PT_BY_FANOTIFY);
}

FACT_WITHIN(pt_watch_much, lost_events_of_inotify_are_made_up_for, 60)
{
	overflow(PT_BY_INOTIFY);
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

static void mix(enum pt_kind kind, enum pt_way way, const char *options)
{
	struct pt p = {.kind = kind};
	pid_t pid[4];

	pt_watch_choose(&p, way);
	pt_make_source(&p);
	for (int i = 0; i < DIRS; i++)
		PT_OK(mkdir(pt_src(&p, "d%d", i), 0755));
	pt_start(&p, options, NULL);
	for (int i = 0; i < 4; i++)
		pid[i] = harness_fork(i < 2 ? disturb : look_around,
				      (void *)(uintptr_t)(i < 2 ? p.src : p.d.mnt));
	for (int i = 0; i < 4; i++)
		cr_assert_eq(harness_reap(pid[i], 30000), 0, "%d", i);
	cr_assert(eventually(are_equal(&p)), "%s", difference);
	pt_stop(&p);
}

PT_FACT(pt_watch_much, after_many_changes_both_sides_are_the_same_by_fanotify)
{
	mix(kind, PT_BY_FANOTIFY, "-ocache=always,watch");
}

FACT_WITHIN(pt_watch_much, after_many_changes_both_sides_are_the_same_without_kernel_passthrough,
	    60)
{
	mix(PT_EXT4, PT_BY_FANOTIFY,
	    "-oattr_timeout=1000,entry_timeout=1000,passthrough=off,watch");
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
FACT_WITHIN(pt_watch_much, an_answer_that_was_on_its_way_is_not_believed_for_long, 60)
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
	pt_start(&p, PT_WATCH_LONG, NULL);
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

WATCH_FACT(pt_watch_much, it_ends_while_changes_pour_in)
{
	struct pt p = {.kind = kind};
	pid_t noise;

	pt_watch_choose(&p, way);
	pt_watch_fill(&p);
	pt_start(&p, "-ocache=always,watch", NULL);
	noise = harness_fork(make_noise, (void *)(uintptr_t)p.src);
	nap(300);
	cr_assert(pt_has(pt_mnt(&p, "f"), "one"));
	cr_assert_eq(daemon_stop(&p.d), 0);
	kill(noise, SIGKILL);
	harness_reap(noise, 5000);
}
