/*
 * The rules on who calls: access, and the context of a request.
 */
#include "sem.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"

/* ---- access ---- */

static bool has_default_permissions(const struct daemon *d)
{
	char *line = daemon_mountinfo(d);
	bool has = strstr(line, "default_permissions") != NULL;

	free(line);
	return has;
}

SEM_FACT(access, no_is_eacces)
{
	struct daemon d;
	char *path;

	sem_start(&d, backend, "-o", "no_allow_other", NULL);
	cr_assert(!has_default_permissions(&d));
	path = daemon_path(&d, "f");
	close(files_create(path));
	cr_assert_eq(chmod(path, 0400), 0);
	cr_assert_eq(access(path, R_OK), 0, "%s", strerror(errno));
	cr_assert_str_eq(sem_noted("access", "mask"), "4");
	cr_assert_eq(access(path, R_OK | W_OK), -1);
	cr_assert_eq(errno, EACCES);
	cr_assert_str_eq(sem_noted("access", "mask"), "6");
	cr_assert_eq(access(path, X_OK), -1);
	cr_assert_eq(errno, EACCES);
	cr_assert_eq(access(path, F_OK), 0, "%s", strerror(errno));
	cr_assert_str_eq(sem_noted("access", "mask"), "0");
	cr_assert_eq(sem_value("calls.access"), 4);
	sem_stop(&d);
}

SEM_FACT(access, no_is_eacces_even_if_the_handler_says_eperm)
{
	struct daemon d;

	sem_start(&d, backend, "-o", "no_allow_other", NULL);
	close(files_create(daemon_path(&d, "f")));
	sem_control("fail access %d", EPERM);
	cr_assert_eq(access(daemon_path(&d, "f"), R_OK), -1);
	cr_assert_eq(errno, EACCES);
	sem_stop(&d);
}

static int access_as_reader(void *path)
{
	if (access(path, R_OK) < 0)
		return errno;
	return access(path, W_OK) < 0 ? errno : 0;
}

SEM_FACT(access, is_not_called_with_default_permissions)
{
	struct daemon d;

	sem_start(&d, backend, NULL);
	cr_assert(has_default_permissions(&d));
	close(files_create(daemon_path(&d, "f")));
	cr_assert_eq(harness_as(HARNESS_USER, access_as_reader, daemon_path(&d, "f")), EACCES);
	cr_assert_eq(sem_messages(&d, "ACCESS"), 0);
	cr_assert_eq(sem_value("calls.access"), 0);
	sem_stop(&d);
}

/* ---- the context ---- */

#define NGROUPS 4

static const gid_t groups[NGROUPS] = {7, 1111, 65000, 4000000000};

/* Makes a directory as somebody with groups and a umask that nobody else has. */
static int make_as_somebody(void *path)
{
	if (setgroups(NGROUPS, groups) < 0 || setgid(12) < 0 || setuid(11) < 0)
		return errno;
	umask(037);
	return mkdir(path, 0777) < 0 ? errno : 0;
}

SEM_FACT(context, tells_uid_gid_pid_and_umask)
{
	char expected[32];
	struct daemon d;
	struct stat st;
	pid_t pid;

	sem_start(&d, backend, NULL);
	pid = harness_fork(make_as_somebody, daemon_path(&d, "dir"));
	cr_assert_eq(harness_reap(pid, 10000), 0);
	cr_assert_str_eq(sem_noted("mkdir", "uid"), "11");
	cr_assert_str_eq(sem_noted("mkdir", "gid"), "12");
	snprintf(expected, sizeof expected, "%d", (int)pid);
	cr_assert_str_eq(sem_noted("mkdir", "pid"), expected);
	cr_assert_str_eq(sem_noted("mkdir", "umask"), "37");
	cr_assert_str_eq(sem_noted("mkdir", "mode"), "740", "the kernel has applied the umask");
	cr_assert_eq(stat(daemon_path(&d, "dir"), &st), 0);
	cr_assert_eq(st.st_uid, 11);
	cr_assert_eq(st.st_gid, 12);
	cr_assert_eq(st.st_mode, S_IFDIR | 0740);
	sem_stop(&d);
}

SEM_FACT(context, the_supplementary_groups_of_the_caller_can_be_asked_for)
{
	struct daemon d;
	pid_t pid;

	sem_start(&d, backend, NULL);
	pid = harness_fork(make_as_somebody, daemon_path(&d, "dir"));
	cr_assert_eq(harness_reap(pid, 10000), 0);
	cr_assert_str_eq(sem_noted("mkdir", "groups"), "7,1111,65000,4000000000");
	cr_assert_eq(setgroups(0, NULL), 0);
	cr_assert_eq(mkdir(daemon_path(&d, "none"), 0777), 0);
	cr_assert_str_eq(sem_noted("mkdir", "groups"), "");
	sem_stop(&d);
}

static int mkdir_with_umask(const struct daemon *d, const char *name, mode_t mask)
{
	mode_t old = umask(mask);
	int ret = mkdir(daemon_path(d, "%s", name), 0777);

	umask(old);
	return ret;
}

SEM_FACT(context, the_umask_is_that_of_each_call)
{
	struct daemon d;

	sem_start(&d, backend, NULL);
	cr_assert_eq(mkdir_with_umask(&d, "a", 0), 0);
	cr_assert_str_eq(sem_noted("mkdir", "umask"), "0");
	cr_assert_eq(mkdir_with_umask(&d, "b", 0777), 0);
	cr_assert_str_eq(sem_noted("mkdir", "umask"), "777");
	cr_assert_str_eq(sem_noted("mkdir", "mode"), "0");
	umask(011);
	close(files_create(daemon_path(&d, "f")));
	cr_assert_str_eq(sem_noted("create", "umask"), "11");
	cr_assert_eq(mknod(daemon_path(&d, "fifo"), S_IFIFO | 0666, 0), 0);
	cr_assert_str_eq(sem_noted("mknod", "umask"), "11");
	/* where nothing is made there is none */
	cr_assert_eq(chmod(daemon_path(&d, "f"), 0600), 0);
	cr_assert_str_eq(sem_noted("setattr", "umask"), "0");
	umask(022);
	sem_stop(&d);
}
