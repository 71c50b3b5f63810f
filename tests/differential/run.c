/*
 * Runs operations one by one on both sides and compares (see run.h).
 * Knows nothing of the command line or of shrinking.
 */
#include "run.h"

#include "expr.h"

#include <fcntl.h>
#include <string.h>

enum outcome run_failure(int ret)
{
	return ret == -2 ? RUN_HUNG : RUN_UNCLEAN;
}

static void churn_add(struct churn *c, const char *path)
{
	size_t end = strlen(path), start;

	while (end > 0 && path[end - 1] == '/')
		end--;
	for (start = end; start > 0 && path[start - 1] != '/';)
		start--;
	c->name[c->count++ % CHURN_MAX] = stream_hash(path + start, end - start);
}

/* Creating through a symlink makes a name that the path does not tell: no stream can be judged
 * then. */
static bool creates_elsewhere(const struct op *op, const struct op_row *row, const struct result *r)
{
	const struct snap *s = &r->after[SNAP_PATH0];

	return strchr(row->sig, 'f') && op->num[1] & O_CREAT && s->err == 0 &&
	       S_ISLNK(s->st.stx_mode);
}

/* Remembers the names that this operation may have changed. */
static void note_churn(struct shared *shm)
{
	static char path[PATH_BYTES];
	const struct op *op = &shm->op;
	const struct op_row *row = op_row(op->kind);

	bool failed = shm->res[0].ret < 0 && shm->res[1].ret < 0;

	if (!(row->flags & ROW_NAMES) || (failed && !(row->flags & ROW_LEAVES)))
		return;
	if (creates_elsewhere(op, row, &shm->res[0]))
		shm->churn.count += CHURN_MAX;
	for (int i = 0; row->sig[i]; i++)
		if (row->sig[i] == 'p' &&
		    expr_expand(op->str[op_arg_index(row->sig, i)], path, sizeof(path)) >= 0)
			churn_add(&shm->churn, path);
}

static void tell(const struct run *run)
{
	char line[2 * OP_STR_MAX + 300];
	const struct result *r = run->team.shm->res;

	op_print(&run->team.shm->op, line, sizeof(line));
	printf("%s = %lld (%d) / %lld (%d)\n", line, (long long)r[0].ret, r[0].err,
	       (long long)r[1].ret, r[1].err);
}

enum outcome run_op(struct run *run, const struct op *op, struct diff *d)
{
	struct shared *shm = run->team.shm;
	int ret;

	shm->op = *op;
	ret = team_run(&run->team);
	if (ret < 0)
		return run_failure(ret);
	note_churn(shm);
	if (run->verbose)
		tell(run);
	return compare_results(&run->compare, shm, d) ? RUN_DIFFERENT : RUN_SAME;
}

enum outcome run_list(struct run *run, const struct op *ops, size_t n, size_t *at, struct diff *d)
{
	enum outcome out = RUN_SAME;
	int ret = team_epoch_begin(&run->team);

	*at = 0;
	if (ret < 0)
		return run_failure(ret);
	compare_reset(&run->compare);
	for (size_t i = 0; i < n && out == RUN_SAME; i++) {
		*at = i;
		out = run_op(run, &ops[i], d);
	}
	if (out == RUN_HUNG)
		return out;
	ret = team_epoch_end(&run->team);
	return out == RUN_SAME && ret < 0 ? run_failure(ret) : out;
}
