/*
 * What the generator believes is there: paths, and each process' handles.  Only for choosing likely
 * arguments; a wrong belief costs nothing but an operation that fails on both sides.  Knows nothing
 * of results being right or wrong.
 */
#ifndef DIFF_MODEL_H
#define DIFF_MODEL_H

#include "op.h"

enum { MODEL_PATHS = 400, MODEL_PATH_MAX = 300, MODEL_ATTRS = 24 };

struct model_path {
	char expr[MODEL_PATH_MAX];
	mode_t mode;
};

struct model_handle {
	bool open;
	bool mapped;
	bool path_only;
	mode_t mode;
	int64_t size;
};

struct model_attr {
	char path[MODEL_PATH_MAX];
	char name[MODEL_PATH_MAX];
};

struct model {
	struct model_path path[MODEL_PATHS];
	int n;
	struct model_attr attr[MODEL_ATTRS]; /* the last ones that were set, in a ring */
	unsigned n_attrs;
	struct model_handle handle[PROCS_MAX][HANDLES];
};

void model_reset(struct model *m);
/* Learns from an operation's snapshots and result (side B's). */
void model_learn(struct model *m, const struct op *op, const struct result *r);
/* Replaces all paths by what a walk of side B found. */
void model_rebuild(struct model *m, const unsigned char *data, size_t len);

#endif
