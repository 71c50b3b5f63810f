/*
 * The parts of the operation table, one for each ops_*.c.
 * Only op.c puts them together.
 */
#ifndef DIFF_OPS_H
#define DIFF_OPS_H

#include "op.h"

struct op_table {
	const struct op_row *rows;
	int n;
};

extern const struct op_table ops_open;
extern const struct op_table ops_names;
extern const struct op_table ops_dirs;
extern const struct op_table ops_io;
extern const struct op_table ops_space;
extern const struct op_table ops_splice;
extern const struct op_table ops_map;
extern const struct op_table ops_attr;
extern const struct op_table ops_xattr;
extern const struct op_table ops_locks;
extern const struct op_table ops_flags;
extern const struct op_table ops_limits;
extern const struct op_table ops_full;
extern const struct op_table ops_walk;

#define OP_TABLE(array) \
	{ \
		(array), (int)(sizeof(array) / sizeof((array)[0])) \
	}

#endif
