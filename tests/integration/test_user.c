/*
 * Mounting without privileges: through fusermount3, and in a user namespace.
 */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define USER HARNESS_USER

static void need_helper(void)
{
	if (access("/usr/bin/fusermount3", X_OK) < 0 && access("/bin/fusermount3", X_OK) < 0)
		harness_skip("fusermount3 (package fuse3) is missing");
	harness_open_fuse_to_all();
}

/* Some daily work below the directory `arg`. */
static int work(void *arg)
{
	char path[256], other[256], text[8] = "";
	struct stat st;
	int fd;

	snprintf(path, sizeof path, "%s/file", (const char *)arg);
	snprintf(other, sizeof other, "%s/renamed", (const char *)arg);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	if (fd < 0 || write(fd, "hello", 5) != 5 || close(fd) < 0 || rename(path, other) < 0)
		return errno;
	fd = open(other, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof text) != 5 || fstat(fd, &st) < 0)
		return errno;
	close(fd);
	if (strcmp(text, "hello") != 0 || st.st_uid != geteuid() || st.st_size != 5)
		return EIO;
	return unlink(other) < 0 ? errno : 0;
}

static void fusermount_u(struct run *run, const char *mnt)
{
	run_command(run, USER,
		    (char *[]){(char[]){"fusermount3"}, (char[]){"-u"}, (char *)mnt, NULL});
}

FACT(user, fusermount3_mounts_and_unmounting_ends_the_daemon)
{
	struct daemon d = {.uid = USER};
	struct run run;
	char *line;

	need_helper();
	daemon_start(&d, NULL);
	line = daemon_mountinfo(&d);
	cr_assert_not_null(strstr(line, " - fuse.llfused tmpfs "), "%s", line);
	cr_assert_not_null(strstr(line, "user_id=2,"), "%s", line);
	cr_assert_not_null(strstr(line, "nosuid"), "%s", line);
	cr_assert_null(strstr(line, "allow_other"), "%s", line);
	cr_assert_eq(harness_as(USER, work, (void *)d.mnt), 0);
	cr_assert_eq(harness_as(4321, files_stat_errno, (void *)d.mnt), EACCES);
	fusermount_u(&run, d.mnt);
	cr_assert_eq(run.status, 0, "%s", run.err);
	cr_assert_eq(daemon_wait(&d), 0);
	cr_assert(!daemon_mounted(&d));
}

FACT(user, sigterm_unmounts_through_the_helper)
{
	struct daemon d = {.uid = USER};

	need_helper();
	daemon_start(&d, NULL);
	cr_assert_eq(harness_as(USER, work, (void *)d.mnt), 0);
	cr_assert_eq(daemon_stop(&d), 0);
	cr_assert(!daemon_mounted(&d));
}

FACT(user, allow_other_is_refused_with_one_line_where_fuse_conf_does_not_allow_it)
{
	struct daemon d = {.uid = USER};
	char *text;

	need_helper();
	daemon_spawn(&d, "-oallow_other", NULL);
	cr_assert_eq(daemon_wait(&d), 2);
	text = daemon_log(&d, 0);
	cr_assert_not_null(strstr(text, "allow_other"), "%s", text);
	cr_assert_eq(strchr(text, '\n'), text + strlen(text) - 1, "not one line: %s", text);
	cr_assert(!daemon_mounted(&d));
}

FACT(user, auto_unmount_removes_the_mount_of_a_killed_daemon)
{
	struct daemon d = {.uid = USER};

	need_helper();
	daemon_start(&d, "-oauto_unmount", NULL);
	cr_assert_eq(harness_as(USER, work, (void *)d.mnt), 0);
	cr_assert_eq(kill(d.pid, SIGKILL), 0);
	cr_assert_eq(daemon_wait(&d), 128 + SIGKILL);
	cr_assert(eventually(!daemon_mounted(&d)), "the dead mount is still there");
}

FACT(user, auto_unmount_as_root_removes_the_mount_of_a_killed_daemon)
{
	struct daemon d = {0};

	daemon_start(&d, "-oauto_unmount", NULL);
	cr_assert_eq(work((void *)d.mnt), 0);
	cr_assert_eq(kill(d.pid, SIGKILL), 0);
	cr_assert_eq(daemon_wait(&d), 128 + SIGKILL);
	cr_assert(eventually(!daemon_mounted(&d)), "the dead mount is still there");
}

/* Who waits for the end must not keep open what a script reads to its end. */
FACT(user, auto_unmount_keeps_nobody_waiting_who_reads_our_output)
{
	char command[512];
	struct run run;

	need_helper();
	snprintf(command, sizeof command, "x=$(%s --backend=tmpfs -oauto_unmount %s 2>&1); echo $?",
		 daemon_binary(), harness_mkdir("mnt", USER));
	run_command(&run, USER, (char *[]){(char[]){"sh"}, (char[]){"-c"}, command, NULL});
	cr_assert_str_eq(run.out, "0\n", "%s", run.err);
	fusermount_u(&run, harness_path("mnt"));
	cr_assert_eq(run.status, 0, "%s", run.err);
}

FACT(user, auto_unmount_leaves_a_clean_end_alone)
{
	struct daemon d = {.uid = USER};

	need_helper();
	daemon_start(&d, "-oauto_unmount", NULL);
	cr_assert_eq(daemon_stop(&d), 0);
	cr_assert(!daemon_mounted(&d));
}

FACT(user, a_mount_point_of_somebody_else_is_refused_with_status_2)
{
	struct daemon d = {.uid = USER, .mnt = harness_mkdir("foreign", 0)};
	char *text;

	need_helper();
	daemon_spawn(&d, NULL);
	cr_assert_eq(daemon_wait(&d), 2);
	text = daemon_log(&d, 0);
	cr_assert_not_null(strstr(text, "foreign"), "%s", text);
	cr_assert_eq(strchr(text, '\n'), text + strlen(text) - 1, "not one line: %s", text);
}

/* In a user namespace the helper would be of no use: it is taken off the path. */
FACT(user, a_user_namespace_mounts_without_the_helper)
{
	struct daemon d = {.uid = USER, .userns = true, .env = "PATH=/nowhere"};
	char *line;

	harness_open_fuse_to_all();
	daemon_start(&d, NULL);
	line = daemon_mountinfo(&d);
	cr_assert_not_null(strstr(line, " - fuse.llfused "), "%s", line);
	cr_assert_eq(harness_inside(d.pid, work, (void *)d.mnt), 0);
	cr_assert_eq(daemon_stop(&d), 0);
}
