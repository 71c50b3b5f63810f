/*
 * Passthrough: a source that blocks: who has nothing to do with what is slow is not held up.
 */
#include "pt.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report.h"

#define DELAY_MS 2500 /* of what is slow */
#define LIMIT_MS 1000 /* for what is not: a busy machine takes its part */

/* ---- what slow clients do; their argument is the mount ---- */

static int n_of_client; /* set before the fork */

static int use(const char *mnt, const char *sort, int (*fn)(int fd, const char *path))
{
	char path[256];
	int fd, ret;

	snprintf(path, sizeof path, "%s/%s/%d", mnt, sort, n_of_client);
	fd = open(path, (strcmp(sort, "list") == 0 ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	if (fd < 0)
		return errno;
	ret = fn(fd, path);
	return ret < 0 ? errno : 0;
}

static int do_read(int fd, const char *path)
{
	char text[16];

	(void)path;
	return (int)read(fd, text, sizeof text);
}

static int do_write(int fd, const char *path)
{
	(void)path;
	return (int)write(fd, "text", 4);
}

static int do_fsync(int fd, const char *path)
{
	(void)path;
	return fsync(fd);
}

static int do_copy(int fd, const char *path)
{
	char other[300];
	int to;

	/* within the directory */
	snprintf(other, sizeof other, "%.*s/63", (int)(strrchr(path, '/') - path), path);
	to = open(other, O_RDWR | O_CLOEXEC);
	return to < 0 ? -1 : (int)copy_file_range(fd, NULL, to, NULL, 100, 0);
}

static int do_list(int fd, const char *path)
{
	DIR *dir = fdopendir(fd);

	(void)path;
	errno = 0;
	return dir && (readdir(dir) || errno == 0) ? 0 : -1;
}

static int do_lock(int fd, const char *path)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	(void)path;
	return fcntl(fd, F_SETLKW, &lock);
}

static int do_nothing(int fd, const char *path)
{
	(void)fd;
	(void)path;
	return 0;
}

static int slow_read(void *mnt)
{
	return use(mnt, "read", do_read);
}

static int slow_write(void *mnt)
{
	return use(mnt, "write", do_write);
}

/* The kernel wants setuid and setgid of the file cleared with it. */
static int slow_write_of_user(void *mnt)
{
	return harness_as(HARNESS_USER, slow_write, mnt);
}

static int slow_fsync(void *mnt)
{
	return use(mnt, "fsync", do_fsync);
}

static int slow_lookup(void *mnt)
{
	return use(mnt, "lookup", do_nothing);
}

static int slow_copy(void *mnt)
{
	return use(mnt, "copy", do_copy);
}

static int slow_list(void *mnt)
{
	return use(mnt, "list", do_list);
}

static int wait_for_lock(void *mnt)
{
	return use(mnt, "lock", do_lock);
}

static int slow_unlink(void *mnt)
{
	char path[256];

	snprintf(path, sizeof path, "%s/unlink/%d", (const char *)mnt, n_of_client);
	return unlink(path) < 0 ? errno : 0;
}

/* ---- what another one does meanwhile ---- */

static unsigned long longest;

#define TIMED(call) \
	do { \
		unsigned long start = pt_now_ms(), took; \
		cr_assert((call) >= 0, "%s: %s", #call, strerror(errno)); \
		took = pt_now_ms() - start; \
		cr_assert_lt(took, LIMIT_MS, "%s took %lu ms", #call, took); \
		longest = took > longest ? took : longest; \
	} while (0)

static void be_quick(const struct pt *p, int n)
{
	char *path = pt_mnt(p, "quick/%d", n % 60), text[16];
	struct stat st;
	int fd = -1;
	DIR *dir = NULL;

	TIMED(lstat(path, &st));
	TIMED(fd = open(path, O_RDWR | O_CLOEXEC));
	TIMED(pread(fd, text, sizeof text, 0));
	TIMED(pwrite(fd, "text", 4, 0));
	TIMED(fsync(fd));
	TIMED(close(fd));
	TIMED(chmod(path, 0600));
	TIMED((dir = opendir(pt_mnt(p, "quick"))) ? 0 : -1);
	TIMED(readdir(dir) ? 0 : -1);
	TIMED(closedir(dir));
	TIMED(unlink(path));
}

struct scene {
	struct daemon slow;
	struct pt p;
	pid_t pid[64];
	unsigned n;
};

/* With kernel passthrough the daemon would not see reads and writes. */
static void start(struct scene *s, const char *workers, const char *passthrough)
{
	char delay[32];

	*s = (struct scene){.slow = {.testfs = true, .backend = "pt_slow"}};
	snprintf(delay, sizeof delay, "-odelay=%d", DELAY_MS);
	daemon_start(&s->slow, "--workers=64", delay, NULL);
	s->p.src = s->slow.mnt;
	pt_start(&s->p, "-olocks=source", workers, passthrough, NULL);
}

static void add(struct scene *s, int (*fn)(void *))
{
	n_of_client = (int)s->n;
	s->pid[s->n++] = harness_fork(fn, (void *)s->p.d.mnt);
}

static void be_quick_while_busy(struct scene *s, unsigned long busy)
{
	unsigned long start;

	cr_assert(eventually_within(DELAY_MS, report_of(&s->slow, "busy") == busy),
		  "only %lu of %lu are at it", report_of(&s->slow, "busy"), busy);
	start = pt_now_ms();
	for (int n = 0; n < 20 && pt_now_ms() - start < DELAY_MS / 4; n++)
		be_quick(&s->p, n);
	cr_assert_eq(report_of(&s->slow, "busy"), busy, "they were done before we were: %lu ms",
		     longest);
}

static void finish(struct scene *s)
{
	for (unsigned i = 0; i < s->n; i++) {
		int ret = harness_reap(s->pid[i], 4 * DELAY_MS);

		cr_assert_eq(ret, 0, "client %u: %s", i, strerror(ret));
	}
	pt_stop(&s->p);
	cr_assert_eq(daemon_unmount(&s->slow), 0);
}

FACT(pt_blocking, eight_sorts_of_slow_work_hold_up_nobody_else)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	struct scene s;
	int fd;

	start(&s, "--workers=16", "-opassthrough=auto");
	/* the lock is held on the source */
	fd = pt_open(pt_src(&s.p, "lock/0"), O_RDWR);
	PT_OK(fcntl(fd, F_SETLKW, &lock));
	add(&s, wait_for_lock);
	add(&s, slow_read);
	add(&s, slow_write);
	add(&s, slow_fsync);
	add(&s, slow_lookup);
	add(&s, slow_unlink);
	add(&s, slow_copy);
	add(&s, slow_list);
	be_quick_while_busy(&s, 7);
	cr_assert_eq(harness_reap(s.pid[0], 0), -1, "the lock was not waited for");
	close(fd);
	finish(&s);
}

/* Far more than there are threads: data and syncs hold none while they wait. */
FACT(pt_blocking, any_number_of_slow_reads_writes_and_syncs_hold_up_nobody_else)
{
	struct scene s;

	start(&s, "--workers=16", "-opassthrough=off");
	for (unsigned i = 0; i < 48; i++)
		add(&s, i % 3 == 0 ? slow_read : i % 3 == 1 ? slow_write : slow_fsync);
	be_quick_while_busy(&s, 48);
	finish(&s);
}

FACT(pt_blocking, any_number_of_slow_writes_of_users_hold_up_nobody_else)
{
	struct scene s;

	start(&s, "--workers=16", "-opassthrough=off");
	for (unsigned i = 0; i < 48; i++)
		add(&s, slow_write_of_user);
	be_quick_while_busy(&s, 48);
	finish(&s);
}

/* A single thread for what sleeps: no more than one slow lookup at a time, but all data. */
FACT(pt_blocking, with_one_thread_slow_data_still_holds_up_nobody_else)
{
	struct scene s;

	start(&s, "--workers=1", "-opassthrough=off");
	for (unsigned i = 0; i < 9; i++)
		add(&s, i % 3 == 0 ? slow_read : i % 3 == 1 ? slow_write : slow_fsync);
	for (unsigned i = 0; i < 3; i++)
		add(&s, slow_write_of_user);
	be_quick_while_busy(&s, 12);
	finish(&s);
}
