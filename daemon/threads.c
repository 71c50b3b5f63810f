/*
 * Reader of /proc/self/task: which threads there are, and what they are said to do.
 * It must not know why somebody asks, nor what code they run.
 */
#include "threads.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lines.h"

/* ---- the list ------------------------------------------------------------------------------- */

int threads_open(struct threads *t)
{
	t->fd = open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	t->at = t->end = 0;
	return t->fd < 0 ? -errno : 0;
}

pid_t threads_next(struct threads *t)
{
	for (;;) {
		const struct dirent64 *entry;
		long tid;

		if (t->at == t->end) {
			ssize_t n = getdents64(t->fd, t->buf, sizeof t->buf);

			if (n <= 0)
				return 0;
			t->at = 0;
			t->end = (size_t)n;
		}
		entry = (const struct dirent64 *)(t->buf + t->at);
		t->at += entry->d_reclen;
		tid = strtol(entry->d_name, NULL, 10);
		if (tid > 0) /* not "." and ".." */
			return (pid_t)tid;
	}
}

void threads_close(struct threads *t)
{
	close(t->fd);
	t->fd = -1;
}

/* ---- one of them ---------------------------------------------------------------------------- */

static int open_file(struct lines *l, pid_t tid, const char *name)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/self/task/%d/%s", (int)tid, name);
	return lines_open(l, path);
}

/* The rest of a line that begins with `key`; NULL: it does not. */
static const char *value(const char *line, const char *key)
{
	size_t len = strlen(key);

	return strncmp(line, key, len) == 0 ? line + len : NULL;
}

static void copy(char *to, size_t size, const char *from)
{
	size_t len = strnlen(from, size - 1);

	for (size_t i = 0; i < len; i++)
		to[i] = (char)((unsigned char)from[i] < 0x20 || from[i] == 0x7f ? '?' : from[i]);
	to[len] = '\0';
}

bool threads_read(pid_t tid, struct thread_info *info)
{
	const char *line, *v;
	struct lines lines;
	bool found = false;

	*info = (struct thread_info){.name = "?", .state = "?"};
	if (open_file(&lines, tid, "status") < 0)
		return false;
	while ((line = lines_next(&lines))) {
		if ((v = value(line, "Name:\t"))) {
			copy(info->name, sizeof info->name, v);
			found = true;
		} else if ((v = value(line, "State:\t"))) {
			copy(info->state, sizeof info->state, v);
		} else if ((v = value(line, "SigPnd:\t"))) {
			info->pending = strtoull(v, NULL, 16);
		} else if ((v = value(line, "SigBlk:\t"))) {
			info->blocked = strtoull(v, NULL, 16);
			break;
		}
	}
	lines_close(&lines);
	return found;
}

/* The last blank-separated word is the program counter; the first one may be the call's number. */
static void take_syscall(const char *line, char *buf, size_t size, const void **pc)
{
	const char *last = strrchr(line, ' ');
	char *end;
	long number = strtol(line, &end, 10);

	if (!last || end == line) /* "running" */
		return;
	if (number >= 0)
		snprintf(buf, size, ", system call %ld", number);
	*pc = (const void *)(uintptr_t)strtoull(last + 1, NULL, 16);
}

void threads_where(pid_t tid, char *buf, size_t size, const void **pc)
{
	char place[64] = "", call[40] = "";
	struct lines lines;
	const char *line;

	*pc = NULL;
	if (open_file(&lines, tid, "wchan") == 0) {
		if ((line = lines_next(&lines)) && strcmp(line, "0") != 0)
			copy(place, sizeof place, line);
		lines_close(&lines);
	}
	if (open_file(&lines, tid, "syscall") == 0) {
		if ((line = lines_next(&lines)))
			take_syscall(line, call, sizeof call, pc);
		lines_close(&lines);
	}
	snprintf(buf, size, "%s%s%s", place[0] ? ", in " : "", place, call);
}
