/*
 * Starting, watching and ending daemons.
 * It must not know what they are started for.
 */
#include "daemon.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGS_MAX 32

const char *daemon_built(const char *variable, const char *name)
{
	const char *given = getenv(variable), *build = getenv("BUILD");
	char *path, *absolute;

	if (given && *given)
		path = strdup(given);
	else
		cr_assert(asprintf(&path, "%s/%s", build && *build ? build : "build", name) >= 0);
	absolute = realpath(path, NULL);
	cr_assert_not_null(absolute, "%s (see $%s): %s", path, variable, strerror(errno));
	free(path);
	return absolute;
}

/* Bound to a place that every user can reach, wherever the tree lies. */
static const char *reachable(const char *built, const char *name)
{
	char *place = harness_path("%s", name);
	struct stat st;
	int fd;

	cr_assert_eq(stat(built, &st), 0, "%s: %s", built, strerror(errno));
	if (S_ISDIR(st.st_mode)) {
		cr_assert_eq(mkdir(place, 0755), 0, "%s: %s", place, strerror(errno));
	} else {
		fd = open(place, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
		cr_assert(fd >= 0, "%s: %s", place, strerror(errno));
		close(fd);
	}
	cr_assert_eq(mount(built, place, NULL, MS_BIND, NULL), 0, "%s: %s", built, strerror(errno));
	return place;
}

const char *daemon_binary(void)
{
	static const char *binary;
	const char *built;
	char *plugins;

	if (binary)
		return binary;
	built = daemon_built("LLFUSED", "llfused");
	binary = reachable(built, "llfused");
	/* a daemon that is run from its build tree has its plugins at its side */
	cr_assert(asprintf(&plugins, "%.*s/plugins", (int)(strrchr(built, '/') - built), built) >=
		  0);
	if (access(plugins, F_OK) == 0)
		reachable(plugins, "plugins");
	free(plugins);
	return binary;
}

const char *daemon_test_plugins(void)
{
	static const char *plugins;

	if (!plugins)
		plugins = reachable(daemon_built("LLFUSED_TEST_PLUGINS", "tests/plugins"),
				    "test-plugins");
	return plugins;
}

bool daemon_is_sanitized(void)
{
	int fd = open(daemon_binary(), O_RDONLY | O_CLOEXEC);
	off_t size = lseek(fd, 0, SEEK_END);
	const char *text = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);
	bool found;

	cr_assert_neq(text, MAP_FAILED);
	found = memmem(text, (size_t)size, "__asan_init", 11) ||
		memmem(text, (size_t)size, "__tsan_init", 11);
	munmap((void *)(uintptr_t)text, (size_t)size);
	close(fd);
	return found;
}

/* ---- what a child does before it becomes the daemon ---- */

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		dprintf(STDERR_FILENO, "%s: %s\n", path, strerror(errno));
	close(fd);
}

static void enter_userns(uid_t uid)
{
	char map[32];

	/* After setuid the files below belong to root otherwise. */
	prctl(PR_SET_DUMPABLE, 1);
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) {
		dprintf(STDERR_FILENO, "unshare: %s\n", strerror(errno));
		_exit(126);
	}
	write_text("/proc/self/setgroups", "deny");
	snprintf(map, sizeof map, "0 %u 1", (unsigned)uid);
	write_text("/proc/self/uid_map", map);
	write_text("/proc/self/gid_map", map);
}

static void become_user(uid_t uid)
{
	if (uid != 0 && (setgroups(0, NULL) < 0 || setgid(uid) < 0 || setuid(uid) < 0))
		_exit(126);
}

static void limit_descriptors(unsigned n)
{
	struct rlimit limit = {n, n};

	if (n != 0 && setrlimit(RLIMIT_NOFILE, &limit) < 0)
		_exit(126);
}

static void redirect(const char *out, const char *err)
{
	int null_fd = open("/dev/null", O_RDONLY);
	int out_fd = open(out, O_WRONLY | O_CREAT | O_APPEND, 0644);
	int err_fd = open(err, O_WRONLY | O_CREAT | O_APPEND, 0644);

	if (null_fd < 0 || out_fd < 0 || err_fd < 0)
		_exit(126);
	dup2(null_fd, STDIN_FILENO);
	dup2(out_fd, STDOUT_FILENO);
	dup2(err_fd, STDERR_FILENO);
	close_range(3, ~0U, 0);
}

/* ---- starting ---- */

static void place_for(struct daemon *d)
{
	static unsigned count;
	unsigned n = count++;

	if (!d->mnt)
		d->mnt = harness_mkdir(strrchr(harness_path("mnt%u", n), '/') + 1, d->uid);
	d->log = harness_path("log%u", n);
	harness_show(d->log);
}

/* What a test does not say itself may be said for all of them by the environment: run the suite
 * with one worker or with several, on this transport or that. */
static const char *option_for(const char *const *argv, const char *option, const char *variable)
{
	const char *value = getenv(variable);
	char *arg;

	if (!value || !*value)
		return NULL;
	for (; *argv; argv++)
		if (strncmp(*argv, option, strlen(option)) == 0)
			return NULL;
	cr_assert(asprintf(&arg, "%s=%s", option, value) >= 0);
	return arg;
}

/* "uring" or "dev"; "auto" is no transport.  NULL where the log says too little to see which it is.
 */
static const char *named_transport(const char *const *argv)
{
	static const char option[] = "--transport=";
	const char *name = NULL;

	for (; *argv; argv++) {
		if (strncmp(*argv, "--log-level=", 12) == 0)
			return NULL;
		if (strncmp(*argv, option, sizeof option - 1) == 0)
			name = *argv + sizeof option - 1;
	}
	return name && strcmp(name, "auto") != 0 ? name : NULL;
}

static void fill_arguments(struct daemon *d, const char **argv, va_list rest)
{
	const char *said;
	char *backend;
	int n = 0;

	cr_assert(asprintf(&backend, "--backend=%s", d->backend ? d->backend : "tmpfs") >= 0);
	argv[n++] = daemon_binary();
	argv[n++] = "-f";
	argv[n++] = backend;
	while ((argv[n] = va_arg(rest, const char *)))
		cr_assert(++n < ARGS_MAX - 4);
	said = option_for(argv, "--workers", "LLFUSED_TEST_WORKERS");
	if (said)
		argv[n++] = said;
	argv[n] = NULL;
	/* how /dev/fuse is driven is a question of the dev transport only */
	said = option_for(argv, "--io", "LLFUSED_TEST_TRANSPORT")
		       ? option_for(argv, "--transport", "LLFUSED_TEST_TRANSPORT")
		       : NULL;
	if (said)
		argv[n++] = said;
	argv[n++] = d->mnt;
	argv[n] = NULL;
	d->transport = named_transport(argv);
}

static void spawn(struct daemon *d, va_list rest)
{
	const char *plugins = d->testfs ? daemon_test_plugins() : NULL;
	const char *argv[ARGS_MAX];

	place_for(d);
	fill_arguments(d, argv, rest);
	d->pid = fork();
	cr_assert(d->pid >= 0);
	if (d->pid == 0) {
		redirect(d->log, d->log);
		limit_descriptors(d->descriptors);
		if (plugins)
			setenv("LLFUSED_PLUGIN_PATH", plugins, 1);
		if (d->env)
			putenv(strdup(d->env));
		become_user(d->uid);
		if (d->userns)
			enter_userns(d->uid);
		if (d->ndeny && deny_calls(d->deny, d->ndeny) < 0)
			_exit(126);
		execv(argv[0], (char *const *)argv);
		_exit(127);
	}
	harness_track(d->pid);
}

void daemon_spawn(struct daemon *d, ...)
{
	va_list args;

	va_start(args, d);
	spawn(d, args);
	va_end(args);
}

static bool has_ended(pid_t pid)
{
	siginfo_t info = {.si_pid = 0};

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid != 0;
}

static bool is_dead(const char *mnt)
{
	return access(mnt, F_OK) < 0 && daemon_gone(errno);
}

void daemon_start(struct daemon *d, ...)
{
	/* one that the start clears away is not what we wait for; only there we look inside */
	bool was_dead = d->mnt && is_dead(d->mnt);
	va_list args;

	va_start(args, d);
	spawn(d, args);
	va_end(args);
	cr_assert(eventually((!(was_dead && is_dead(d->mnt)) && daemon_mounted(d)) ||
			     has_ended(d->pid)),
		  "no mount after 10 s");
	cr_assert(daemon_mounted(d), "the daemon ended: %s", daemon_log(d, 0));
	if (d->transport)
		cr_assert_eq(daemon_on_ring(d), strcmp(d->transport, "uring") == 0,
			     "not on transport %s: %s", d->transport, daemon_log(d, 0));
}

bool daemon_on_ring(const struct daemon *d)
{
	cr_assert(eventually(daemon_log_has(d, 0, " transport=")), "no start line: %s",
		  daemon_log(d, 0));
	return daemon_log_has(d, 0, " transport=uring (");
}

char *daemon_mountinfo(const struct daemon *d)
{
	char path[64], point[512], *line = NULL, *found = NULL;
	size_t size = 0;
	FILE *file;

	/* A dead process has no mounts to show, but those of ours can be looked at from here. */
	snprintf(path, sizeof path, "/proc/%d/mountinfo", d->userns ? (int)d->pid : (int)getpid());
	file = fopen(path, "re");
	while (file && getline(&line, &size, file) > 0) {
		if (sscanf(line, "%*d %*d %*s %*s %511s", point) != 1 || strcmp(point, d->mnt) != 0)
			continue;
		free(found);
		found = strdup(line);
	}
	free(line);
	if (file)
		fclose(file);
	return found;
}

bool daemon_mounted(const struct daemon *d)
{
	char *line = daemon_mountinfo(d);

	free(line);
	return line != NULL;
}

/* ---- ending ---- */

bool daemon_gone(int error)
{
	return error == ENOTCONN || error == ECONNABORTED || error == ECANCELED;
}

int daemon_wait(const struct daemon *d)
{
	return harness_reap(d->pid, 15000);
}

int daemon_stop(const struct daemon *d)
{
	cr_assert_eq(kill(d->pid, SIGTERM), 0);
	return daemon_wait(d);
}

int daemon_unmount(const struct daemon *d)
{
	cr_assert_eq(umount2(d->mnt, 0), 0, "umount %s: %s", d->mnt, strerror(errno));
	return daemon_wait(d);
}

/* ---- looking ---- */

static char *read_whole(const char *path, size_t from)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0, cap = 65536;
	char *text = malloc(cap + 1);
	ssize_t n;

	cr_assert_not_null(text);
	if (fd >= 0)
		lseek(fd, (off_t)from, SEEK_SET);
	while (fd >= 0 && (n = read(fd, text + len, cap - len)) > 0) {
		len += (size_t)n;
		if (len == cap)
			cr_assert_not_null(text = realloc(text, (cap *= 2) + 1));
	}
	if (fd >= 0)
		close(fd);
	text[len] = '\0';
	return text;
}

char *daemon_log(const struct daemon *d, size_t from)
{
	return read_whole(d->log, from);
}

size_t daemon_log_size(const struct daemon *d)
{
	struct stat st;

	return stat(d->log, &st) == 0 ? (size_t)st.st_size : 0;
}

bool daemon_log_has(const struct daemon *d, size_t from, const char *text)
{
	char *log = daemon_log(d, from);
	bool has = strstr(log, text) != NULL;

	free(log);
	return has;
}

long daemon_status_of(const struct daemon *d, const char *key)
{
	char path[64], *text, *at;
	long value = -1;

	snprintf(path, sizeof path, "/proc/%d/status", (int)d->pid);
	text = read_whole(path, 0);
	at = strstr(text, key);
	if (at)
		value = strtol(at + strlen(key), NULL, 10);
	free(text);
	return value;
}

unsigned daemon_count_fds(const struct daemon *d)
{
	const struct dirent *entry;
	unsigned n = 0;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof path, "/proc/%d/fd", (int)d->pid);
	dir = opendir(path);
	cr_assert_not_null(dir);
	while ((entry = readdir(dir)))
		n += entry->d_name[0] != '.';
	closedir(dir);
	return n;
}

char *daemon_path(const struct daemon *d, const char *format, ...)
{
	char *rest, *path;
	va_list args;

	va_start(args, format);
	cr_assert(vasprintf(&rest, format, args) >= 0);
	va_end(args);
	cr_assert(asprintf(&path, "%s/%s", d->mnt, rest) >= 0);
	free(rest);
	return path;
}

/* ---- commands ---- */

void run_command(struct run *run, uid_t uid, char *const argv[])
{
	static unsigned count;
	char *out = harness_path("out%u", count), *err = harness_path("err%u", count);
	pid_t pid;

	count++;
	fflush(stdout);
	pid = fork();
	cr_assert(pid >= 0);
	if (pid == 0) {
		redirect(out, err);
		become_user(uid);
		execvp(argv[0], argv);
		_exit(127);
	}
	run->status = harness_reap(pid, 20000);
	if (run->status == -1)
		kill(pid, SIGKILL);
	run->out = read_whole(out, 0);
	run->err = read_whole(err, 0);
}

void run_daemon(struct run *run, ...)
{
	const char *argv[ARGS_MAX] = {daemon_binary()};
	va_list rest;
	int n = 1;

	va_start(rest, run);
	while ((argv[n] = va_arg(rest, const char *)))
		cr_assert(++n < ARGS_MAX);
	va_end(rest);
	run_command(run, 0, (char *const *)argv);
}
