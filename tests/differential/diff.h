/*
 * One difference between the sides, as found and as shown.
 * Knows nothing of which are allowed.
 */
#ifndef DIFF_DIFF_H
#define DIFF_DIFF_H

#include "op.h"

enum field {
	FIELD_NONE,
	FIELD_RET,
	FIELD_ERRNO,
	FIELD_DATA,
	FIELD_STAT, /* whether there is something to stat */
	FIELD_MODE,
	FIELD_NLINK,
	FIELD_UID,
	FIELD_GID,
	FIELD_SIZE,
	FIELD_BLOCKS,
	FIELD_RDEV,
	FIELD_BLKSIZE,
	FIELD_ATIME,
	FIELD_MTIME,
	FIELD_CTIME,
	FIELD_BTIME,
	FIELD_ATIME_MOVED,
	FIELD_MTIME_MOVED,
	FIELD_CTIME_MOVED,
	FIELD_TREE,
	FIELD_CONTENT,
	FIELD_XATTRS,
	FIELD_DIRENT,
	FIELD_LINKS,
	FIELDS,
};

struct diff {
	enum field field;
	const char *where;   /* static text: what was looked at */
	char name[300];      /* the path, for entries of a walked tree */
	char a[400], b[400]; /* the two sides, printable */
	const struct op *op;
	const struct op_row *row;
	const struct statx *sa, *sb;   /* the stats, where the difference is in them */
	const struct statx *sa0, *sb0; /* before the operation, for a time's move */
	const struct result *ra, *rb;
	bool mapped;       /* the file was mapped at some time */
	bool suid;         /* it had a set-uid or set-gid bit at some time */
	bool a_moved;      /* for a time's move: it was on side A */
	bool a_now, b_now; /* for a time: it is about now, not one that was set */
};

const char *diff_field_name(enum field field);

#endif
