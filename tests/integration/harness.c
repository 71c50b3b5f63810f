/*
 * The frame of a test: namespace, directory, helpers to run as somebody else.
 * The guard is in guard.c; daemons are started in daemon.c.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "guard.h"

const char *const harness_dir = guard_dir;

/*
 * Read by the address sanitizer, if there is one: a test is a short process that frees nothing. The
 * daemons are programs of their own, with their own defaults.
 */
__attribute__((visibility("default"))) const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

char *harness_path(const char *format, ...)
{
	char *rest, *path;
	va_list args;

	va_start(args, format);
	cr_assert(vasprintf(&rest, format, args) >= 0);
	va_end(args);
	cr_assert(asprintf(&path, "%s/%s", guard_dir, rest) >= 0);
	free(rest);
	return path;
}

char *harness_mkdir(const char *name, uid_t uid)
{
	char *path = harness_path("%s", name);

	cr_assert_eq(mkdir(path, 0755), 0, "%s: %s", path, strerror(errno));
	cr_assert_eq(chown(path, uid, uid), 0);
	return path;
}

/* fusermount3 insists on it, and a minimal tree has none. */
static void need_mtab(void)
{
	if (access("/etc/mtab", F_OK) < 0 && symlink("../proc/self/mounts", "/etc/mtab") < 0)
		cr_assert_eq(errno, EEXIST, "/etc/mtab: %s", strerror(errno));
}

static void make_place(void)
{
	const char *tmp = getenv("TMPDIR");

	need_mtab();
	snprintf(guard_dir, sizeof guard_dir, "%s/llfused-test-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	cr_assert_not_null(mkdtemp(guard_dir), "%s: %s", guard_dir, strerror(errno));
	cr_assert_eq(unshare(CLONE_NEWNS), 0, "unshare: %s", strerror(errno));
	cr_assert_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	cr_assert_eq(mount("test", guard_dir, "tmpfs", 0, "mode=0755"), 0, "%s", strerror(errno));
	cr_assert_eq(mkdir(harness_path("fusectl"), 0700), 0);
	cr_assert_eq(mount("test", harness_path("fusectl"), "fusectl", 0, NULL), 0, "%s",
		     strerror(errno));
}

_Noreturn void harness_skip(const char *reason)
{
	fprintf(stderr, "skipped: %s::%s: %s\n", criterion_current_test->category,
		criterion_current_test->name, reason);
	guard_keep_quiet();
	criterion_skip_test("%s", reason);
}

void harness_run(void (*body)(void), unsigned seconds)
{
	if (geteuid() != 0)
		harness_skip("needs root: mounts and namespaces of its own");
	umask(022);
	make_place();
	/* Daemons in the background become our children. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	guard_start(seconds);
	body();
	guard_keep_quiet();
	guard_finish();
}

void harness_open_fuse_to_all(void)
{
	char *node = harness_path("fuse");

	cr_assert_eq(mknod(node, S_IFCHR | 0666, makedev(10, 229)), 0, "%s", strerror(errno));
	cr_assert_eq(chmod(node, 0666), 0);
	cr_assert_eq(mount(node, "/dev/fuse", NULL, MS_BIND, NULL), 0, "%s", strerror(errno));
}

void nap(unsigned ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

	nanosleep(&t, NULL);
}

pid_t harness_fork(int (*fn)(void *), void *arg)
{
	pid_t pid = fork();

	cr_assert(pid >= 0, "fork: %s", strerror(errno));
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(fn(arg));
	}
	return pid;
}

int harness_reap(pid_t pid, unsigned ms)
{
	int status;

	for (unsigned waited = 0;; waited += 2) {
		pid_t got = waitpid(pid, &status, WNOHANG);

		if (got == pid)
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		if (got < 0 || waited >= ms)
			return -1;
		nap(2);
	}
}

struct somebody {
	uid_t uid;
	pid_t inside; /* 0: not in a user namespace */
	int (*fn)(void *);
	void *arg;
};

static int enter(pid_t pid, const char *space, int type)
{
	char path[64];
	int fd, ret;

	snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)pid, space);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ret = fd < 0 ? -1 : setns(fd, type);
	close(fd);
	return ret;
}

/* Results that no test expects from its own function. */
enum { CANNOT_BECOME = 250, CANNOT_ENTER = 251 };

static int become(void *arg)
{
	const struct somebody *who = arg;
	int user = -1, mnt = -1;

	if (who->inside) {
		user = enter(who->inside, "user", CLONE_NEWUSER);
		mnt = enter(who->inside, "mnt", CLONE_NEWNS);
		if (user < 0 || mnt < 0)
			return CANNOT_ENTER;
	}
	if ((!who->inside && setgroups(0, NULL) < 0) ||
	    setresgid(who->uid, who->uid, who->uid) < 0 ||
	    setresuid(who->uid, who->uid, who->uid) < 0)
		return CANNOT_BECOME;
	prctl(PR_SET_DUMPABLE, 1);
	return who->fn(who->arg);
}

static int run_as(struct somebody who)
{
	return harness_reap(harness_fork(become, &who), 25000);
}

int harness_as(uid_t uid, int (*fn)(void *), void *arg)
{
	return run_as((struct somebody){.uid = uid, .fn = fn, .arg = arg});
}

int harness_inside(pid_t pid, int (*fn)(void *), void *arg)
{
	return run_as((struct somebody){.inside = pid, .fn = fn, .arg = arg});
}
