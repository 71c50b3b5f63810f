/*
 * A request's caller as /proc shows it: supplementary groups, and the user id where requests come
 * without.  It knows nothing of sessions.
 */
#include "caller.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <llfused/backend.h>

/* The whole of a status file: a process in many groups has a long line. */
#define STATUS_MAX 65536

/* Reads /proc/PID/status into `text`; 0 or a negative errno. */
static int read_status(uint32_t pid, char *text, size_t size)
{
	char path[32];
	size_t len = 0;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/status", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (len < size - 1 && (n = read(fd, text + len, size - 1 - len)) > 0)
		len += (size_t)n;
	close(fd);
	text[len] = '\0';
	return 0;
}

int caller_uid(uint32_t pid, uint32_t *uid)
{
	char text[STATUS_MAX];
	const char *line;
	int ret = pid == 0 ? -ESRCH : read_status(pid, text, sizeof(text));

	if (ret < 0)
		return ret;
	line = strstr(text, "\nUid:");
	/* real, effective, saved, of the file system */
	return line && sscanf(line, " Uid: %*u %*u %*u %" SCNu32, uid) == 1 ? 0 : -ESRCH;
}

/* Does the request tell a thread?  Its user id alone may be hidden, by idmapped mounts. */
static bool has_caller(const struct llfused_ctx *ctx)
{
	return ctx->pid != 0 && (!(ctx->flags & LLFUSED_CTX_NOCREDS) || ctx->uid == UINT32_MAX);
}

static int parse_groups(const char *at, uint32_t *list, size_t max)
{
	size_t count = 0;
	char *end;

	for (;; at = end) {
		unsigned long gid = strtoul(at, &end, 10);

		/* the line's end is white space to strtoul, so look for a digit on this line */
		if (end == at || memchr(at, '\n', (size_t)(end - at)))
			return (int)count;
		if (count < max)
			list[count] = (uint32_t)gid;
		count++;
	}
}

LLFUSED_EXPORT int llfused_groups(const struct llfused_ctx *ctx, uint32_t *list, size_t max)
{
	char text[STATUS_MAX];
	const char *line;
	int ret;

	if (!has_caller(ctx))
		return -ESRCH;
	ret = read_status(ctx->pid, text, sizeof(text));
	if (ret < 0)
		return ret == -ENOENT ? -ESRCH : ret;
	line = strstr(text, "\nGroups:");
	return line ? parse_groups(line + strlen("\nGroups:"), list, max) : 0;
}
