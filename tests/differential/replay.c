/*
 * Replay: the operations written in a file, as reports print them.
 * Knows nothing of single operations.
 */
#include "replay.h"

#include "report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { OP_LINE = 4 * OP_STR_MAX };

struct op *replay_read(const char *path, size_t *n)
{
	FILE *f = fopen(path, "re");
	char line[OP_LINE];
	struct op op, *ops = NULL;

	*n = 0;
	if (!f) {
		usage_error("--replay: %s: %s", path, strerror(errno));
		return NULL;
	}
	while (fgets(line, sizeof(line), f)) {
		if (op_parse(line, &op) < 0)
			continue;
		void *more = realloc(ops, (*n + 1) * sizeof(*ops));

		if (!more)
			break;
		ops = more;
		ops[(*n)++] = op;
	}
	fclose(f);
	if (!ops)
		usage_error("--replay: %s: no operation in it", path);
	return ops;
}

int replay_run(struct run *run, const struct options *o, struct op *ops, size_t n)
{
	struct diff d;
	size_t at;
	enum outcome out = run_list(run, ops, n, &at, &d);

	if (out == RUN_DIFFERENT) {
		report_diff(&d, at, o);
		report_case(run, o, ops, at + 1, &d);
	} else if (out != RUN_SAME) {
		report_failure(run, ops, at + 1, out, at, o);
	}
	return report_end(run, out == RUN_SAME ? n : at + 1, out != RUN_SAME);
}
