/*
 * The guard: waits until its test has ended or its time is over.  Then it aborts connections, kills
 * daemons, shows logs if the test has failed, and removes the directory.
 * It must not touch a mount in a way that could block.
 */
#include "guard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

#define PIDS_MAX  64
#define FILES_MAX 32
#define LOG_SHOWN 20000 /* bytes of each log, from its end */

char guard_dir[128];

/* What the test tells its guard. */
static struct shared {
	atomic_bool quiet;
	atomic_uint npids;
	atomic_uint nfiles;
	pid_t pid[PIDS_MAX];
	char file[FILES_MAX][128];
} * shared;

static int alive_fd = -1; /* the test's end of a pipe */
static pid_t guard_pid;

void harness_track(pid_t pid)
{
	unsigned n = atomic_load(&shared->npids);

	cr_assert(n < PIDS_MAX, "too many daemons for one test");
	shared->pid[n] = pid;
	atomic_store(&shared->npids, n + 1);
}

void harness_show(const char *path)
{
	unsigned n = atomic_load(&shared->nfiles);

	if (n == FILES_MAX)
		return;
	snprintf(shared->file[n], sizeof shared->file[n], "%s", path);
	atomic_store(&shared->nfiles, n + 1);
}

static void write_abort(unsigned connection)
{
	char path[192];
	int fd;

	snprintf(path, sizeof path, "%s/fusectl/%u/abort", guard_dir, connection);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && write(fd, "1", 1) < 0)
		fprintf(stderr, "guard: %s: %s\n", path, strerror(errno));
	if (fd >= 0)
		close(fd);
}

/* Does something for each FUSE mount of a process that lies at `path`, or anywhere below it. */
static void each_mount(const char *mountinfo, const char *path, bool below,
		       void (*visit)(unsigned minor, const char *point))
{
	FILE *file = fopen(mountinfo, "re");
	size_t len = strlen(path), size = 0;
	char *line = NULL, point[512];
	unsigned minor_number;

	while (file && getline(&line, &size, file) > 0) {
		if (!strstr(line, " - fuse") || strstr(line, " - fusectl") ||
		    sscanf(line, "%*d %*d %*u:%u %*s %511s", &minor_number, point) != 2 ||
		    strncmp(point, path, len) != 0 || (!below && point[len]))
			continue;
		visit(minor_number, point);
	}
	free(line);
	if (file)
		fclose(file);
}

static void visit_abort(unsigned minor_number, const char *point)
{
	(void)point;
	write_abort(minor_number);
}

static void visit_detach(unsigned minor_number, const char *point)
{
	(void)minor_number;
	umount2(point, MNT_DETACH);
}

void harness_abort(const char *path)
{
	each_mount("/proc/self/mountinfo", path, false, visit_abort);
}

static void abort_all(void)
{
	char path[64];

	each_mount("/proc/self/mountinfo", guard_dir, true, visit_abort);
	for (unsigned i = 0; i < atomic_load(&shared->npids); i++) {
		snprintf(path, sizeof path, "/proc/%d/mountinfo", (int)shared->pid[i]);
		each_mount(path, guard_dir, true, visit_abort);
	}
}

static void copy_file(const char *path, bool tail)
{
	char buf[4096];
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	fprintf(stderr, "---- %s\n", path);
	if (tail && lseek(fd, 0, SEEK_END) > LOG_SHOWN)
		lseek(fd, -LOG_SHOWN, SEEK_END);
	else
		lseek(fd, 0, SEEK_SET);
	while ((n = read(fd, buf, sizeof buf)) > 0)
		if (write(STDERR_FILENO, buf, (size_t)n) < 0)
			break;
	close(fd);
}

static void show_stack(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/stack", (int)pid);
	copy_file(path, false);
}

static void time_is_over(pid_t test, unsigned seconds)
{
	fprintf(stderr, "guard: %s has not ended after %u s: aborting its mounts\n", guard_dir,
		seconds);
	show_stack(test);
	for (unsigned i = 0; i < atomic_load(&shared->npids); i++)
		show_stack(shared->pid[i]);
	abort_all();
}

static void clean_up(void)
{
	abort_all();
	for (unsigned i = 0; i < atomic_load(&shared->npids); i++)
		kill(shared->pid[i], SIGKILL);
	each_mount("/proc/self/mountinfo", guard_dir, true, visit_detach);
	if (!atomic_load(&shared->quiet)) {
		fprintf(stderr, "guard: a test has failed; logs of its daemons:\n");
		for (unsigned i = 0; i < atomic_load(&shared->nfiles); i++)
			copy_file(shared->file[i], true);
	}
	umount2(guard_dir, MNT_DETACH);
	rmdir(guard_dir);
}

static void guard(int test_end, pid_t test, unsigned seconds)
{
	struct pollfd wait = {.fd = test_end, .events = POLLIN};

	if (poll(&wait, 1, (int)seconds * 1000) == 0) {
		time_is_over(test, seconds);
		/* Now its system calls return and it can fail by itself. */
		if (poll(&wait, 1, 10000) == 0)
			kill(test, SIGKILL);
	}
	clean_up();
}

void guard_start(unsigned seconds)
{
	pid_t test = getpid();
	int fds[2];

	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	cr_assert_neq(shared, MAP_FAILED);
	cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
	guard_pid = fork();
	cr_assert(guard_pid >= 0);
	if (guard_pid == 0) {
		setsid();
		/* The test's other descriptors must not stay open because of us. */
		dup2(fds[0], 3);
		close_range(4, ~0U, 0);
		guard(3, test, seconds);
		_exit(0);
	}
	close(fds[0]);
	alive_fd = fds[1];
}

void guard_keep_quiet(void)
{
	if (shared)
		atomic_store(&shared->quiet, true);
}

void guard_finish(void)
{
	close(alive_fd);
	cr_assert_eq(harness_reap(guard_pid, 20000), 0, "the guard could not clean up");
}
