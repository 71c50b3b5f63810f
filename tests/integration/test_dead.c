/*
 * Mounts whose daemon died, and connections that the administrator aborts.
 */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* Errors that last. */
static bool has_died(const struct daemon *d)
{
	int error = files_stat_errno((void *)d->mnt);

	return error != 0 && error != ECANCELED;
}

static void kill_daemon(const struct daemon *d)
{
	cr_assert_eq(kill(d->pid, SIGKILL), 0);
	cr_assert_eq(daemon_wait(d), 128 + SIGKILL);
	/* the last descriptor may be closed a little later than the process is reaped; requests of
	 * a ring are cancelled until then */
	cr_assert(eventually(has_died(d)));
}

/* The next daemon on the same mount point refuses, in one line that says how to clear it. */
static void check_explained(const char *mnt)
{
	struct daemon next = {.mnt = mnt};
	int before = files_stat_errno((void *)mnt);
	char *text;

	daemon_spawn(&next, NULL);
	cr_assert_eq(daemon_wait(&next), 2, "%s", daemon_log(&next, 0));
	text = daemon_log(&next, 0);
	cr_assert_not_null(strstr(text, "dead"), "%s", text);
	cr_assert_not_null(strstr(text, "umount"), "%s", text);
	cr_assert_not_null(strstr(text, mnt), "%s", text);
	cr_assert_eq(strchr(text, '\n'), text + strlen(text) - 1, "not one line: %s", text);
	cr_assert_neq(before, 0);
	cr_assert_eq(files_stat_errno((void *)mnt), before, "it was touched");
}

FACT(dead, a_killed_daemon_leaves_enotconn)
{
	struct daemon d = {0};
	int fd;

	daemon_start(&d, NULL);
	fd = open(daemon_path(&d, "file"), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	kill_daemon(&d);
	cr_assert_eq(files_stat_errno((void *)d.mnt), ENOTCONN);
	cr_assert_eq(files_stat_errno(daemon_path(&d, "other")), ENOTCONN);
	cr_assert_eq(fchmod(fd, 0600), -1);
	cr_assert_eq(errno, ENOTCONN);
	close(fd);
	cr_assert_eq(umount2(d.mnt, 0), 0);
}

FACT(dead, the_next_start_clears_our_own_dead_mount)
{
	struct daemon first = {0}, next = {0};

	daemon_start(&first, NULL);
	kill_daemon(&first);
	next.mnt = first.mnt;
	daemon_spawn(&next, NULL);
	cr_assert(eventually(daemon_log_has(&next, 0, "serving")), "%s", daemon_log(&next, 0));
	cr_assert(daemon_log_has(&next, 0, "dead"), "not said in the log");
	cr_assert_eq(mkdir(daemon_path(&next, "dir"), 0755), 0);
	cr_assert_eq(daemon_stop(&next), 0);
	cr_assert(!daemon_mounted(&next), "the dead mount is still below");
}

FACT(dead, several_dead_mounts_of_ours_on_one_place_are_cleared)
{
	struct daemon below = {0}, above = {0}, next = {0};

	daemon_start(&below, NULL);
	above.mnt = below.mnt;
	daemon_spawn(&above, NULL);
	cr_assert(eventually(daemon_log_has(&above, 0, "serving")));
	kill_daemon(&above);
	kill_daemon(&below);
	next.mnt = below.mnt;
	daemon_spawn(&next, NULL);
	cr_assert(eventually(daemon_log_has(&next, 0, "serving")), "%s", daemon_log(&next, 0));
	cr_assert_eq(daemon_stop(&next), 0);
	cr_assert(!daemon_mounted(&next));
}

FACT(dead, a_dead_mount_of_another_type_is_explained)
{
	struct daemon d = {0};

	daemon_start(&d, "-osubtype=other", NULL);
	kill_daemon(&d);
	check_explained(d.mnt);
}

FACT(dead, a_dead_mount_of_another_owner_is_explained)
{
	struct daemon d = {.uid = HARNESS_USER};

	harness_open_fuse_to_all();
	daemon_start(&d, NULL);
	kill_daemon(&d);
	check_explained(d.mnt);
}

FACT(dead, a_living_mount_is_mounted_over_and_comes_back)
{
	struct daemon below = {0}, above = {0};

	daemon_start(&below, NULL);
	cr_assert_eq(mkdir(daemon_path(&below, "below"), 0755), 0);
	above.mnt = below.mnt;
	daemon_spawn(&above, NULL);
	cr_assert(eventually(files_stat_errno(daemon_path(&above, "below")) == ENOENT));
	cr_assert_eq(daemon_stop(&above), 0);
	cr_assert_eq(files_stat_errno(daemon_path(&below, "below")), 0);
	cr_assert_eq(daemon_stop(&below), 0);
}

FACT(dead, an_abort_through_fusectl_is_an_end_with_status_0)
{
	struct daemon d = {0};
	int fd;

	daemon_start(&d, NULL);
	fd = open(daemon_path(&d, "file"), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	harness_abort(d.mnt);
	cr_assert_eq(daemon_wait(&d), 0, "%s", daemon_log(&d, 0));
	cr_assert_eq(fchmod(fd, 0600), -1);
	cr_assert(daemon_gone(errno), "%s", strerror(errno));
	close(fd);
	cr_assert(!daemon_mounted(&d), "the aborted mount is still there");
}

FACT(dead, an_abort_ends_requests_that_wait)
{
	struct daemon d = {.testfs = true, .backend = "slowfs"};
	pid_t caller;

	daemon_start(&d, "-odelay=60000", NULL);
	caller = harness_fork(files_stat_errno, daemon_path(&d, "attr"));
	nap(100);
	harness_abort(d.mnt);
	cr_assert_neq(harness_reap(caller, 5000), -1);
	cr_assert_eq(daemon_wait(&d), 0, "%s", daemon_log(&d, 0));
}
