/*
 * Random runs: epoch after epoch of freshly made operations, until the number is reached or a
 * difference is found. Knows nothing of single operations.
 */
#include "soak.h"

#include "gen.h"
#include "report.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <time.h>

enum { REPORT_EVERY = 10 }; /* seconds */

struct soak {
	struct run *run;
	struct gen gen;
	const struct options *o;
	struct op *ops; /* of this epoch */
	size_t n, room;
	unsigned long done;
	time_t begun, said;
};

static void progress(struct soak *s)
{
	time_t now = time(NULL);

	if (now - s->said < REPORT_EVERY)
		return;
	s->said = now;
	printf("%lu operations, %ld s\n", s->done, (long)(now - s->begun));
	fflush(stdout);
}

static enum outcome soak_op(struct soak *s, const struct op *op, struct diff *d)
{
	s->ops[s->n++] = *op;
	return run_op(s->run, op, d);
}

static enum outcome soak_walk(struct soak *s, struct diff *d)
{
	const struct shared *shm = s->run->team.shm;
	enum outcome out;
	struct op op;

	op_clear(&op, op_find("walk"), JANITOR);
	out = soak_op(s, &op, d);
	if (out == RUN_SAME)
		model_rebuild(&s->gen.model, shm->data[1], shm->res[1].data_len);
	return out;
}

/* One epoch: a fresh tree, random operations, walks in between and at the end. */
static enum outcome soak_epoch(struct soak *s, struct diff *d)
{
	unsigned long todo = s->o->ops - s->done < s->o->epoch ? s->o->ops - s->done : s->o->epoch;
	int ret = team_epoch_begin(&s->run->team);
	enum outcome out = RUN_SAME;
	struct op op;

	s->n = 0;
	if (ret < 0)
		return run_failure(ret);
	compare_reset(&s->run->compare);
	model_reset(&s->gen.model);
	for (unsigned long i = 0; i < todo && out == RUN_SAME; i++) {
		gen_op(&s->gen, &op);
		s->done++;
		out = soak_op(s, &op, d);
		if (out == RUN_SAME)
			model_learn(&s->gen.model, &op, &s->run->team.shm->res[1]);
		if (out == RUN_SAME && (i % s->o->walk == s->o->walk - 1 || i == todo - 1))
			out = soak_walk(s, d);
		progress(s);
	}
	if (out == RUN_HUNG)
		return out;
	ret = team_epoch_end(&s->run->team);
	return out == RUN_SAME && ret < 0 ? run_failure(ret) : out;
}

static bool space_is_bounded(const struct options *o)
{
	struct statvfs v;

	for (int side = 0; side < 2; side++)
		if (statvfs(o->real[side], &v) < 0 || v.f_blocks == 0 ||
		    v.f_blocks > (UINT64_C(1) << 60) / v.f_frsize)
			return false;
	return true;
}

int soak_run(struct run *run, const struct options *o)
{
	static struct soak state;
	struct soak *s = &state;
	enum outcome out = RUN_SAME;
	struct diff d;

	s->run = run;
	s->o = o;
	gen_start(&s->gen, o->seed, (int)o->procs, o->groups);
	s->gen.huge_space = space_is_bounded(o);
	s->gen.time_sample = (int)o->time_sample;
	s->begun = s->said = time(NULL);
	s->room = o->epoch + o->epoch / o->walk + 2;
	s->ops = malloc(s->room * sizeof(*s->ops));
	if (!s->ops)
		return usage_error("no memory for %zu operations", s->room);
	while (s->done < o->ops && out == RUN_SAME)
		out = soak_epoch(s, &d);
	if (out == RUN_DIFFERENT) {
		report_diff(&d, s->done, o);
		report_case(s->run, o, s->ops, s->n, &d);
	} else if (out != RUN_SAME) {
		report_failure(s->run, s->ops, s->n, out, s->done, o);
	}
	free(s->ops);
	return report_end(s->run, s->done, out != RUN_SAME);
}
