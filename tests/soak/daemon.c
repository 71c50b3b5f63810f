/*
 * Starts and ends daemons (see daemon.h).
 * Knows nothing of clients but that they go where the epoch says.
 */
#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

/* The minor number of what is mounted on the mount point, or -1; by the list, not by looking there.
 */
static long mounted_minor(const struct soak *s)
{
	char line[8192], point[4096];
	FILE *f = fopen("/proc/self/mountinfo", "re");
	unsigned minor_number;
	long found = -1;

	if (!f)
		return -1;
	while (fgets(line, sizeof line, f))
		if (sscanf(line, "%*u %*u %*u:%u %*s %4095s", &minor_number, point) == 2 &&
		    strcmp(point, s->o.mount) == 0)
			found = (long)minor_number;
	fclose(f);
	return found;
}

/* Whether some line of the log has this. */
static bool log_has(const struct daemon *d, const char *text)
{
	FILE *f = fopen(d->log, "re");
	bool found = false;
	char line[4096];

	if (!f)
		return false;
	while (!found && fgets(line, sizeof line, f))
		found = strstr(line, text) != NULL;
	fclose(f);
	return found;
}

static void __attribute__((noreturn)) become_daemon(const struct soak *s, const struct daemon *d)
{
	int fd = open(d->log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	char **argv = calloc((size_t)s->o.words + 2, sizeof *argv);
	char *mount_point = strdup(s->o.mount);

	if (fd < 0 || !argv || !mount_point)
		_exit(127);
	dup2(fd, STDERR_FILENO);
	dup2(fd, STDOUT_FILENO);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < s->o.words; i++)
		argv[i] = s->o.command[i];
	argv[s->o.words] = mount_point;
	execv(argv[0], argv);
	_exit(127);
}

static bool await_mount(struct soak *s, struct daemon *d)
{
	uint64_t until = now_ms() + UINT64_C(1000) * s->o.limit;
	char wanted[64];

	snprintf(wanted, sizeof wanted, " transport=%s (", s->o.transport);
	while (mounted_minor(s) < 0 || !log_has(d, " transport=")) {
		if (!watch_tick(s))
			return false;
		if (now_ms() > until)
			return complain(s, "the daemon (pid %d) has not mounted",
					(int)d->child.pid);
	}
	return log_has(d, wanted) || complain(s, "not on transport %s", s->o.transport);
}

static bool make_place(struct soak *s, const struct daemon *d)
{
	char path[4096];
	char *argv[] = {(char[]){"mkdir"}, path, NULL};

	snprintf(path, sizeof path, "%s/e%u", s->o.mount, d->epoch);
	return watch_run(s, argv) || complain(s, "mkdir %s failed", path);
}

bool daemon_start(struct soak *s)
{
	struct daemon *d = &s->now;
	unsigned epoch = s->counts.mounts + 1;

	*d = (struct daemon){.epoch = epoch};
	snprintf(d->log, sizeof d->log, "%s/daemon.%u", s->o.logs, epoch);
	fflush(NULL);
	d->child.pid = fork();
	if (d->child.pid == 0)
		become_daemon(s, d);
	if (d->child.pid < 0 || epoch >= EPOCHS)
		return complain(s, "no daemon of epoch %u can be started", epoch);
	s->counts.mounts = epoch;
	if (!await_mount(s, d) || !make_place(s, d))
		return false;
	d->fds = fds_of(d->child.pid);
	atomic_store(&s->shm->epoch, epoch);
	return true;
}

static bool is_usual(const char *line, bool told)
{
	if (strstr(line, ": serving ") || strstr(line, ": ended: "))
		return true;
	return told && (strstr(line, ": SIGTERM: unmounting; ") ||
			strstr(line, ": the file system is still in use"));
}

/* Everything in the log but how it began and ended. */
static bool log_is_quiet(struct soak *s, const struct daemon *d, bool told)
{
	FILE *f = fopen(d->log, "re");
	bool quiet = true;
	char line[4096];

	if (!f)
		return complain(s, "no log of epoch %u", d->epoch);
	while (fgets(line, sizeof line, f))
		if (!is_usual(line, told)) {
			fprintf(stderr, "%s", line);
			quiet = false;
		}
	fclose(f);
	return quiet || complain(s, "the daemon of epoch %u said more than it should", d->epoch);
}

bool daemon_end(struct soak *s, struct daemon *d, int status, bool told)
{
	bool quiet;

	d->child.awaited = true;
	if (!watch_end(s, &d->child, "daemon"))
		return false;
	quiet = log_is_quiet(s, d, told);
	if (d->child.status != status)
		return complain(s, "the daemon of epoch %u ended with status %#x, not %#x",
				d->epoch, (unsigned)d->child.status, (unsigned)status);
	unlink(d->log);
	return quiet;
}

bool daemon_clean(struct soak *s, const struct daemon *d)
{
	char path[4096];
	char *argv[] = {(char[]){"rm"}, (char[]){"-rf"}, path, NULL};

	if (!s->o.source)
		return true;
	snprintf(path, sizeof path, "%s/e%u", s->o.source, d->epoch);
	return watch_run(s, argv) || complain(s, "rm -rf %s failed", path);
}

bool daemon_abort(struct soak *s)
{
	long connection = mounted_minor(s);
	char path[128];
	bool done;
	int fd;

	snprintf(path, sizeof path, "/sys/fs/fuse/connections/%ld/abort", connection);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	done = fd >= 0 && write(fd, "1", 1) == 1;
	if (fd >= 0)
		close(fd);
	return done;
}

void daemon_detach(struct soak *s)
{
	while (mounted_minor(s) >= 0 && umount2(s->o.mount, MNT_DETACH) == 0)
		;
}
