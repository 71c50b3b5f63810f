/*
 * From start to end: background and foreground, signals, unmounting while files are open.
 */
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static dev_t device_of(const char *path)
{
	struct stat st;

	cr_assert_eq(stat(path, &st), 0, "%s: %s", path, strerror(errno));
	return st.st_dev;
}

static double seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The child that the test process inherited (it is a subreaper): the daemon in the background. */
static pid_t background_child(const char *binary_name)
{
	struct dirent *entry;
	DIR *proc = opendir("/proc");
	pid_t found = -1;

	while ((entry = readdir(proc))) {
		char path[300], line[512] = "", name[64], state;
		int pid, parent, fd;

		if (sscanf(entry->d_name, "%d", &pid) != 1)
			continue;
		snprintf(path, sizeof path, "/proc/%d/stat", pid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (read(fd, line, sizeof line - 1) > 0 &&
		    sscanf(line, "%*d (%63[^)]) %c %d", name, &state, &parent) == 3 &&
		    state != 'Z' && parent == getpid() && strcmp(name, binary_name) == 0)
			found = pid;
		close(fd);
	}
	closedir(proc);
	return found;
}

/* Starts without -f; the parent has ended when this returns. */
static void start_in_background(struct daemon *d, struct run *run)
{
	d->mnt = harness_mkdir("back", 0);
	run_daemon(run, "--backend=tmpfs", d->mnt, NULL);
	d->pid = background_child("llfused");
	if (d->pid > 0)
		harness_track(d->pid);
}

FACT(life, background_start_returns_0_when_the_mount_works)
{
	struct daemon d = {0};
	dev_t before = device_of(harness_dir);
	struct run run;

	start_in_background(&d, &run);
	cr_assert_eq(run.status, 0, "%s", run.err);
	cr_assert_neq(device_of(d.mnt), before, "returned before the mount was there");
	cr_assert(d.pid > 0);
	cr_assert_eq(mkdir(daemon_path(&d, "dir"), 0755), 0);
	cr_assert_eq(daemon_unmount(&d), 0);
}

FACT(life, a_daemon_in_the_background_has_left_terminal_session_and_directory)
{
	struct daemon d = {0};
	char path[64], to[256] = "";
	struct run run;

	start_in_background(&d, &run);
	cr_assert_eq(run.status, 0, "%s", run.err);
	cr_assert(d.pid > 0);
	for (int fd = 0; fd <= 2; fd++) {
		ssize_t n;

		snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)d.pid, fd);
		n = readlink(path, to, sizeof to - 1);
		to[n > 0 ? n : 0] = '\0';
		cr_assert_str_eq(to, "/dev/null");
	}
	cr_assert_neq(getsid(d.pid), getsid(0));
	snprintf(path, sizeof path, "/proc/%d/cwd", (int)d.pid);
	memset(to, 0, sizeof to);
	cr_assert(readlink(path, to, sizeof to - 1) > 0);
	cr_assert_str_eq(to, "/");
	cr_assert_eq(daemon_stop(&d), 0);
}

FACT(life, sigterm_sigint_and_sighup_unmount_with_status_0)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP};

	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
		struct daemon d = {0};

		daemon_start(&d, NULL);
		cr_assert_eq(kill(d.pid, signals[i]), 0);
		cr_assert_eq(daemon_wait(&d), 0, "%s", strsignal(signals[i]));
		cr_assert(!daemon_mounted(&d), "%s", strsignal(signals[i]));
	}
}

FACT(life, a_signal_at_any_moment_of_the_start_ends_it_cleanly)
{
	for (unsigned i = 0; i < 12; i++) {
		struct daemon d = {0};
		struct timespec wait = {.tv_nsec = (long)i * 700000};
		int status;

		daemon_spawn(&d, NULL);
		nanosleep(&wait, NULL);
		kill(d.pid, SIGTERM);
		status = daemon_wait(&d);
		/* before main() has blocked it, it kills */
		cr_assert(status == 0 || status == 128 + SIGTERM, "status %d", status);
		cr_assert(!daemon_mounted(&d));
	}
}

FACT(life, umount_ends_the_daemon_with_status_0)
{
	struct daemon d = {0};

	daemon_start(&d, NULL);
	cr_assert_eq(daemon_unmount(&d), 0);
	cr_assert(daemon_log_has(&d, 0, "unmounted"));
}

FACT(life, sigpipe_is_ignored)
{
	struct daemon d = {0};

	daemon_start(&d, NULL);
	cr_assert_eq(kill(d.pid, SIGPIPE), 0);
	cr_assert_eq(mkdir(daemon_path(&d, "dir"), 0755), 0);
	cr_assert_eq(daemon_stop(&d), 0);
}

static void check_file_is_served(int fd)
{
	char text[4] = "";

	cr_assert_eq(pwrite(fd, "abc", 3, 0), 3, "%s", strerror(errno));
	cr_assert_eq(fsync(fd), 0, "%s", strerror(errno));
	cr_assert_eq(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
	cr_assert_eq(pread(fd, text, 3, 0), 3, "%s", strerror(errno));
	cr_assert_str_eq(text, "abc");
	cr_assert_eq(fchmod(fd, 0600), 0, "%s", strerror(errno));
}

FACT(life, a_busy_mount_goes_at_once_its_open_file_is_served_until_stop_timeout)
{
	struct daemon d = {0};
	double begin;
	int fd;

	daemon_start(&d, "--stop-timeout=1.5", NULL);
	fd = open(daemon_path(&d, "file"), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	cr_assert(fd >= 0);
	begin = seconds_now();
	cr_assert_eq(kill(d.pid, SIGTERM), 0);
	cr_assert(eventually_within(700, !daemon_mounted(&d)), "the mount was not taken away");
	check_file_is_served(fd);
	nap(500);
	check_file_is_served(fd);
	cr_assert_eq(daemon_wait(&d), 0);
	cr_assert(seconds_now() - begin >= 1.4, "it did not wait");
	cr_assert_eq(fchmod(fd, 0644), -1);
	cr_assert(daemon_gone(errno), "%s", strerror(errno));
	close(fd);
}

FACT(life, a_busy_daemon_ends_when_the_last_file_is_closed)
{
	struct daemon d = {0};
	int fd;

	daemon_start(&d, "--stop-timeout=20", NULL);
	fd = open(daemon_path(&d, "file"), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	cr_assert_eq(kill(d.pid, SIGTERM), 0);
	cr_assert(eventually(!daemon_mounted(&d)));
	check_file_is_served(fd);
	close(fd);
	cr_assert_eq(harness_reap(d.pid, 5000), 0);
}

FACT(life, a_second_signal_stops_a_busy_daemon_now)
{
	struct daemon d = {0};
	double begin;
	int fd;

	daemon_start(&d, "--stop-timeout=20", NULL);
	fd = open(daemon_path(&d, "file"), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	begin = seconds_now();
	cr_assert_eq(kill(d.pid, SIGTERM), 0);
	cr_assert(eventually(!daemon_mounted(&d)));
	cr_assert_eq(kill(d.pid, SIGTERM), 0);
	cr_assert_eq(daemon_wait(&d), 0);
	cr_assert(seconds_now() - begin < 5);
	close(fd);
}

FACT(life, lazy_unmount_keeps_serving_open_files)
{
	struct daemon d = {0};
	int fd;

	daemon_start(&d, NULL);
	fd = open(daemon_path(&d, "file"), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	cr_assert_eq(umount2(d.mnt, MNT_DETACH), 0);
	check_file_is_served(fd);
	close(fd);
	cr_assert_eq(daemon_wait(&d), 0);
}

FACT(life, a_stopped_daemon_makes_callers_wait_and_goes_on)
{
	struct daemon d = {0};
	pid_t caller;

	daemon_start(&d, NULL);
	cr_assert_eq(kill(d.pid, SIGSTOP), 0);
	caller = harness_fork(files_stat_errno, daemon_path(&d, "absent"));
	cr_assert_eq(harness_reap(caller, 300), -1, "answered by a stopped daemon");
	cr_assert_eq(kill(d.pid, SIGCONT), 0);
	cr_assert_eq(harness_reap(caller, 10000), ENOENT);
	cr_assert_eq(daemon_stop(&d), 0);
}

/* Calls `visit` for each descriptor of a process that is a FUSE device. */
static unsigned count_fuse_fds(pid_t pid, bool only_inherited)
{
	struct dirent *entry;
	char path[300];
	unsigned n = 0;
	DIR *dir;

	snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	cr_assert_not_null(dir);
	while ((entry = readdir(dir))) {
		char to[64] = "", line[128];
		unsigned long flags = 0;
		FILE *info;

		snprintf(path, sizeof path, "/proc/%d/fd/%s", (int)pid, entry->d_name);
		if (readlink(path, to, sizeof to - 1) < 0 || strcmp(to, "/dev/fuse") != 0)
			continue;
		snprintf(path, sizeof path, "/proc/%d/fdinfo/%s", (int)pid, entry->d_name);
		info = fopen(path, "re");
		while (info && fgets(line, sizeof line, info))
			sscanf(line, "flags: %lo", &flags);
		if (info)
			fclose(info);
		n += !only_inherited || !(flags & O_CLOEXEC);
	}
	closedir(dir);
	return n;
}

FACT(life, no_child_inherits_the_fuse_descriptors)
{
	struct daemon d = {0};
	char path[64], children[256] = "";
	FILE *file;
	int child;

	/* with a process that waits for the daemon's end */
	daemon_start(&d, "-oauto_unmount", NULL);
	cr_assert(eventually(daemon_log_has(&d, 0, "serving")));
	cr_assert(count_fuse_fds(d.pid, false) >= 1);
	cr_assert_eq(count_fuse_fds(d.pid, true), 0, "without O_CLOEXEC");
	snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)d.pid, (int)d.pid);
	file = fopen(path, "re");
	cr_assert_not_null(file);
	cr_assert_not_null(fgets(children, sizeof children, file), "no watching process");
	fclose(file);
	for (char *at = children; sscanf(at, "%d", &child) == 1; at += strcspn(at, " ") + 1)
		cr_assert(eventually(count_fuse_fds(child, false) == 0),
			  "process %d holds /dev/fuse", child);
	cr_assert_eq(daemon_stop(&d), 0);
}

FACT(life, twenty_quick_mounts_and_unmounts)
{
	const char *mnt = harness_mkdir("again", 0);

	for (int i = 0; i < 20; i++) {
		struct daemon d = {.mnt = mnt};

		daemon_start(&d, NULL);
		cr_assert_eq(mkdir(daemon_path(&d, "dir"), 0755), 0, "%s", strerror(errno));
		cr_assert_eq(i % 2 ? daemon_unmount(&d) : daemon_stop(&d), 0, "round %d", i);
		cr_assert(!daemon_mounted(&d), "round %d", i);
	}
}

FACT(life, twenty_daemons_at_once)
{
	struct daemon d[20];

	memset(d, 0, sizeof d);
	for (int i = 0; i < 20; i++)
		daemon_spawn(&d[i], NULL);
	for (int i = 0; i < 20; i++)
		cr_assert(eventually(daemon_mounted(&d[i])), "daemon %d", i);
	for (int i = 0; i < 20; i++)
		cr_assert_eq(mkdir(daemon_path(&d[i], "dir%d", i), 0755), 0);
	for (int i = 0; i < 20; i++)
		cr_assert_eq(files_stat_errno(daemon_path(&d[i], "dir%d", (i + 1) % 20)), ENOENT);
	for (int i = 0; i < 20; i++)
		cr_assert_eq(kill(d[i].pid, SIGTERM), 0);
	for (int i = 0; i < 20; i++)
		cr_assert_eq(daemon_wait(&d[i]), 0);
}
