/*
 * A text file line by line, as the files of /proc; allocates nothing.
 */
#ifndef DAEMON_LINES_H
#define DAEMON_LINES_H

#include <stdbool.h>
#include <stddef.h>

/* One per file, by one thread at a time. */
struct lines {
	int fd;
	bool cut; /* the rest of a line that was too long is due to be skipped */
	size_t at, end;
	char buf[4608]; /* a path and what stands before it */
};

/* 0 or a negative errno. */
int lines_open(struct lines *l, const char *path);

/* Without its newline, valid until the next call; the caller may write into it.  What does not fit
 * in the buffer is cut off.  NULL: the end, or the file cannot be read. */
char *lines_next(struct lines *l);

void lines_close(struct lines *l);

#endif
