/*
 * Shared by the files of the command line, and of nobody else but their tests.
 */
#ifndef DAEMON_OPTIONS_IMPL_H
#define DAEMON_OPTIONS_IMPL_H

#include "options.h"

/* A row of the command line; the table ends with name NULL. */
struct option_row {
	const char *name; /* without "--" */
	char letter;      /* 0: none */
	const char *arg;  /* what the help calls its value; NULL: takes none */
	const char *help;
	/* `value` is NULL where the row takes none.  0 or a negative errno with `err` filled. */
	int (*set)(struct options *options, const char *value, struct err *err);
};

extern const struct option_row options_table[];

/* A mount option: a row of -o.  The table ends with key NULL. */
struct option_mount_row {
	const char *key;
	const char *arg;
	const char *help;
	int (*set)(struct mount_options *mount, const struct option_mount_row *row,
		   const char *value, struct err *err);
	size_t offset; /* of the member in struct mount_options */
	int flag;      /* what a flag is set to */
};

extern const struct option_mount_row options_mount_table[];

/* Takes one -o text apart: mount options are set, others are kept for the backend. */
int options_add_list(struct options *options, const char *text, struct err *err);

/* Keeps copies for the backend; of a key that is given twice the last one counts. */
int options_add_pair(struct options *options, const char *key, const char *value, struct err *err);

/* Fills `err` with `what` and the ways to name a backend; -EINVAL. */
int options_no_backend(const char *what, struct err *err);

/* A decimal number and nothing else: 0, or -EINVAL (`out` is untouched). */
int options_number(const char *text, uint64_t min, uint64_t max, uint64_t *out);

/* Seconds, with up to nine decimals, to nanoseconds: 0 or -EINVAL. */
int options_seconds(const char *text, uint64_t *ns);

#endif
