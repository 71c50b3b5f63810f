/*
 * Lines of a text file through one fixed buffer.
 * It must not know what the lines say.
 */
#include "lines.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int lines_open(struct lines *l, const char *path)
{
	l->fd = open(path, O_RDONLY | O_CLOEXEC);
	l->cut = false;
	l->at = l->end = 0;
	return l->fd < 0 ? -errno : 0;
}

void lines_close(struct lines *l)
{
	close(l->fd);
	l->fd = -1;
}

/* Reads on behind what is there; one byte stays free for a NUL.  false: there is no more. */
static bool fill(struct lines *l)
{
	ssize_t n;

	memmove(l->buf, l->buf + l->at, l->end - l->at);
	l->end -= l->at;
	l->at = 0;
	do
		n = read(l->fd, l->buf + l->end, sizeof l->buf - 1 - l->end);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return false;
	l->end += (size_t)n;
	return true;
}

/* Ends the line at `at` after `len` bytes and goes to what follows it. */
static char *take(struct lines *l, size_t len, size_t next)
{
	char *line = l->buf + l->at;

	line[len] = '\0';
	l->at = next;
	return line;
}

char *lines_next(struct lines *l)
{
	for (;;) {
		size_t have = l->end - l->at;
		const char *newline = memchr(l->buf + l->at, '\n', have);
		bool cut = l->cut;

		if (newline) {
			char *line = take(l, (size_t)(newline - l->buf) - l->at,
					  (size_t)(newline - l->buf) + 1);

			l->cut = false;
			if (!cut)
				return line;
		} else if (have == sizeof l->buf - 1) {
			l->cut = true;
			if (!cut)
				return take(l, have, l->end);
			l->at = l->end;
		} else if (!fill(l)) {
			have = l->end - l->at;
			return have && !cut ? take(l, have, l->end) : NULL;
		}
	}
}
