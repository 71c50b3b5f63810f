/*
 * Talking to the recording backend: its report and its control.
 * It must not know what is tested.
 */
#include "sem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define REPORT_MAX 32768

/* Open from start to stop: opening and closing them costs messages that tests would count. */
static int report_fd = -1, control_fd = -1;

void sem_attach(const struct daemon *d)
{
	report_fd = open(daemon_path(d, ".report"), O_RDONLY | O_CLOEXEC);
	cr_assert(report_fd >= 0, "%s", strerror(errno));
	control_fd = open(daemon_path(d, ".control"), O_WRONLY | O_CLOEXEC);
	cr_assert(control_fd >= 0, "%s", strerror(errno));
}

void sem_stop(const struct daemon *d)
{
	struct counters c;
	size_t from = daemon_log_size(d);

	counters_read(d, &c);
	cr_assert(eventually(daemon_log_has(d, from, "malformed=0 refused=0")));
	cr_assert_eq(sem_value("strays"), 0, "more was forgotten than looked up");
	cr_assert_eq(sem_value("bad_handles"), 0, "a request came with the wrong fh");
	if (strcmp(d->backend, "semfs") == 0)
		cr_assert_eq(sem_value("overlaps"), 0, "handlers ran at the same time");
	close(report_fd);
	close(control_fd);
	cr_assert_eq(daemon_unmount(d), 0);
}

static const char *line_of(const char *key)
{
	static char text[REPORT_MAX];
	size_t len = strlen(key);
	ssize_t n = pread(report_fd, text, sizeof text - 1, 0);

	cr_assert(n > 0, "report: %s", strerror(errno));
	text[n] = '\0';
	for (const char *at = text; *at; at += strcspn(at, "\n") + 1)
		if (strncmp(at, key, len) == 0 && at[len] == '=')
			return at + len + 1;
	return "";
}

unsigned long sem_value(const char *key)
{
	return strtoul(line_of(key), NULL, 10);
}

const char *sem_text(const char *key)
{
	static char text[1024];
	const char *line = line_of(key);

	snprintf(text, sizeof text, "%.*s", (int)strcspn(line, "\n"), line);
	return text;
}

const char *sem_noted(const char *op, const char *key)
{
	static char value[256];
	char name[64], pattern[64];
	const char *line, *at;

	snprintf(name, sizeof name, "last.%s", op);
	snprintf(pattern, sizeof pattern, " %s=", key);
	line = sem_text(name);
	at = strstr(line, pattern);
	cr_assert_not_null(at, "no %s in '%s'", key, line);
	at += strlen(pattern);
	snprintf(value, sizeof value, "%.*s", (int)strcspn(at, " "), at);
	return value;
}

/* ---- control ---- */

__attribute__((format(printf, 1, 0))) static int send_command(const char *format, va_list args)
{
	char text[4096];
	int n = vsnprintf(text, sizeof text, format, args);

	cr_assert(n > 0 && n < (int)sizeof text);
	return write(control_fd, text, (size_t)n) == n ? 0 : errno;
}

int sem_try_control(const char *format, ...)
{
	va_list args;
	int ret;

	va_start(args, format);
	ret = send_command(format, args);
	va_end(args);
	return ret;
}

void sem_control(const char *format, ...)
{
	va_list args;
	int ret;

	va_start(args, format);
	ret = send_command(format, args);
	va_end(args);
	cr_assert_eq(ret, 0, "'%s': %s", format, strerror(ret));
}

/* ---- files ---- */

unsigned long sem_put(const struct daemon *d, const char *name, const char *text)
{
	int fd = open(daemon_path(d, "%s", name), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	struct stat st;

	cr_assert(fd >= 0, "%s: %s", name, strerror(errno));
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	cr_assert_eq(fstat(fd, &st), 0);
	close(fd);
	return st.st_ino;
}

const char *sem_get(const struct daemon *d, const char *name)
{
	static char text[65536];
	int fd = open(daemon_path(d, "%s", name), O_RDONLY | O_CLOEXEC);
	ssize_t n;

	cr_assert(fd >= 0, "%s: %s", name, strerror(errno));
	n = read(fd, text, sizeof text - 1);
	cr_assert(n >= 0, "%s: %s", name, strerror(errno));
	close(fd);
	text[n] = '\0';
	return text;
}

unsigned long sem_count(int fd)
{
	char text[32];
	ssize_t n = fgetxattr(fd, "user.sem.nlookup", text, sizeof text - 1);

	cr_assert(n > 0, "%s", strerror(errno));
	text[n] = '\0';
	return strtoul(text, NULL, 10);
}

unsigned long sem_messages(const struct daemon *d, const char *op)
{
	struct counters c;

	counters_read(d, &c);
	return counters_of(&c, op);
}
