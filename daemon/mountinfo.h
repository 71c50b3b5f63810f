/*
 * What /proc/self/mountinfo says of a place.
 */
#ifndef DAEMON_MOUNTINFO_H
#define DAEMON_MOUNTINFO_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

/* One line; the strings point into the line's buffer. */
struct mountinfo {
	int id;
	int parent;
	dev_t dev;
	const char *point;   /* without escapes */
	const char *flags;   /* of this mount */
	const char *type;    /* as "fuse.llfused" */
	const char *source;  /* without escapes */
	const char *options; /* of the file system */
};

/* Takes `line` apart (it is written to).  0, or -EINVAL for a line that is none. */
int mountinfo_parse(char *line, struct mountinfo *out);

/* The value of a decimal option "key=N" of the file system: 0, or -ENOENT. */
int mountinfo_option(const struct mountinfo *info, const char *key, unsigned long *value);

struct mountinfo_entry {
	struct mountinfo info;
	char *buffer; /* owns the strings; free() it */
};

/*
 * The mount that is on top at `path` (absolute, resolved) among the lines of `from`; -ENOENT when
 * nothing is mounted there.  The second one reads /proc/self/mountinfo.
 */
int mountinfo_search(FILE *from, const char *path, struct mountinfo_entry *out);
int mountinfo_find(const char *path, struct mountinfo_entry *out);

/* Is the file system of device `dev` mounted at `path`, on top or below others?  As far as
 * /proc/self/mountinfo tells. */
bool mountinfo_has(const char *path, dev_t dev);

#endif
