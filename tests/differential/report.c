/*
 * What the user gets to read about a run's end.
 * Knows nothing of how operations are made.
 */
#include "report.h"

#include "allow.h"
#include "shrink.h"

enum { OP_LINE = 2 * OP_STR_MAX + 300, TAIL = 30 };

void report_diff(const struct diff *d, unsigned long number, const struct options *o)
{
	char line[OP_LINE];

	op_print(d->op, line, sizeof(line));
	printf("\nDIFFERENCE in %s of %s%s%s%s\n"
	       "  seed %llu, operation %lu: %s\n"
	       "  A: %s\n  B: %s\n"
	       "  the call: A %lld, errno %d; B %lld, errno %d\n",
	       diff_field_name(d->field), d->where, d->name[0] ? " \"" : "", d->name,
	       d->name[0] ? "\"" : "", (unsigned long long)o->seed, number, line, d->a, d->b,
	       (long long)d->ra->ret, d->ra->err, (long long)d->rb->ret, d->rb->err);
}

static void print_ops(const struct op *ops, size_t n)
{
	char line[OP_LINE];

	for (size_t i = 0; i < n; i++) {
		op_print(&ops[i], line, sizeof(line));
		puts(line);
	}
}

/* The case behind a difference: shrunk if that is wanted and works, else its last operations. */
void report_case(struct run *run, const struct options *o, struct op *ops, size_t n,
		 const struct diff *d)
{
	struct diff last = *d;
	size_t at, left;

	if (o->shrink) {
		printf("shrinking %zu operations ...\n", n);
		fflush(stdout);
		left = shrink(run, ops, n, d, (int)o->shrink_time);
		if (left && run_list(run, ops, left, &at, &last) == RUN_DIFFERENT) {
			report_diff(&last, at, o);
			printf("# shrunk to %zu operations; the lines from here can be given to "
			       "--replay\n",
			       left);
			print_ops(ops, left);
			return;
		}
		puts("a fresh start does not show it again");
	}
	printf("# the last operations of %zu since the last fresh start\n", n);
	print_ops(ops + (n > TAIL ? n - TAIL : 0), n > TAIL ? TAIL : n);
}

void report_failure(const struct run *run, const struct op *ops, size_t n, enum outcome outcome,
		    unsigned long number, const struct options *o)
{
	printf("\n%s, seed %llu, operation %lu\n%s\n# under way and before:\n",
	       outcome == RUN_HUNG ? "HUNG" : "BROKEN", (unsigned long long)o->seed, number,
	       run->team.failure);
	print_ops(ops + (n > TAIL ? n - TAIL : 0), n > TAIL ? TAIL : n);
}

int report_end(struct run *run, unsigned long ops, int differences)
{
	allow_report(stdout);
	printf("differential: %lu operations, %d difference%s\n", ops, differences,
	       differences == 1 ? "" : "s");
	fflush(stdout);
	team_stop(&run->team);
	return differences ? 1 : 0;
}
