/*
 * Supplementary groups of a request's caller, which the protocol does not carry: from /proc.
 * It knows nothing of sessions.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <llfused/backend.h>

/* The whole of a status file: a process in many groups has a long line. */
#define STATUS_MAX 65536

/* Reads /proc/PID/status into `text`; its length or a negative errno. */
static ssize_t read_status(uint32_t pid, char *text, size_t size)
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
	return (ssize_t)len;
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
	ssize_t n;

	if (ctx->pid == 0 || ctx->flags & LLFUSED_CTX_NOCREDS)
		return -ESRCH;
	n = read_status(ctx->pid, text, sizeof(text));
	if (n < 0)
		return n == -ENOENT ? -ESRCH : (int)n;
	line = strstr(text, "\nGroups:");
	return line ? parse_groups(line + strlen("\nGroups:"), list, max) : 0;
}
