/*
 * Shortens a sequence that shows a difference: removes ever smaller pieces as long as the
 * difference stays, then makes single operations simpler.  Knows nothing of what operations mean.
 */
#include "shrink.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

struct shrinker {
	struct run *run;
	struct op *ops; /* the shortest that shows it */
	size_t n;
	struct op *trial; /* room for n */
	uint16_t kind;
	enum field field;
	time_t end;
};

/* Does trial[0, n) show the same difference?  If so it becomes the shortest. */
static bool accept(struct shrinker *s, size_t n)
{
	struct diff d;
	size_t at;

	if (run_list(s->run, s->trial, n, &at, &d) != RUN_DIFFERENT || d.field != s->field ||
	    s->trial[at].kind != s->kind)
		return false;
	s->n = at + 1;
	memcpy(s->ops, s->trial, s->n * sizeof(*s->ops));
	return true;
}

static bool field_is_move(enum field field)
{
	return field == FIELD_ATIME_MOVED || field == FIELD_MTIME_MOVED ||
	       field == FIELD_CTIME_MOVED;
}

static bool out_of_time(const struct shrinker *s)
{
	return time(NULL) >= s->end;
}

static bool without(struct shrinker *s, size_t from, size_t len)
{
	memcpy(s->trial, s->ops, from * sizeof(*s->ops));
	memcpy(s->trial + from, s->ops + from + len, (s->n - from - len) * sizeof(*s->ops));
	return accept(s, s->n - len);
}

/* One pass over all pieces of a size; the last operation always stays.  True if anything went. */
static bool remove_pieces(struct shrinker *s, size_t size)
{
	bool any = false;

	for (size_t from = 0; from + 1 < s->n && !out_of_time(s);) {
		size_t len = s->n - 1 - from < size ? s->n - 1 - from : size;

		if (without(s, from, len))
			any = true;
		else
			from += len;
	}
	return any;
}

/* Waiting for the clock makes every run slow: mostly none of it is needed. */
static void drop_timing(struct shrinker *s)
{
	memcpy(s->trial, s->ops, s->n * sizeof(*s->ops));
	for (size_t i = 0; i < s->n; i++)
		if (i + 1 < s->n || !field_is_move(s->field))
			s->trial[i].flags &= (uint8_t)~OP_TIMED;
	accept(s, s->n);
}

static void simplify(struct shrinker *s)
{
	for (size_t i = 0; i < s->n && !out_of_time(s); i++) {
		if (s->ops[i].flags) {
			memcpy(s->trial, s->ops, s->n * sizeof(*s->ops));
			s->trial[i].flags = 0;
			accept(s, s->n);
		}
		if (i < s->n && s->ops[i].proc != 0 && s->ops[i].proc != JANITOR) {
			memcpy(s->trial, s->ops, s->n * sizeof(*s->ops));
			s->trial[i].proc = 0;
			accept(s, s->n);
		}
	}
}

size_t shrink(struct run *run, struct op *ops, size_t n, const struct diff *d, int seconds)
{
	struct shrinker s = {.run = run,
			     .ops = ops,
			     .n = n,
			     .trial = malloc(n * sizeof(*ops)),
			     .kind = ops[n - 1].kind,
			     .field = d->field,
			     .end = time(NULL) + seconds};

	if (!s.trial)
		return 0;
	memcpy(s.trial, ops, n * sizeof(*ops));
	if (!accept(&s, n)) {
		free(s.trial);
		return 0;
	}
	drop_timing(&s);
	for (size_t size = s.n / 2; size > 0 && !out_of_time(&s);) {
		bool any = remove_pieces(&s, size);

		if (size > 1 || !any)
			size /= 2;
	}
	simplify(&s);
	free(s.trial);
	return s.n;
}
