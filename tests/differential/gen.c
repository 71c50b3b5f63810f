/*
 * Choosing arguments that are likely to be interesting (see gen.h).
 * Knows what the model believes; knows nothing of execution.
 */
#include "gen.h"

#include <stdio.h>
#include <string.h>

enum { MANY_PATHS = 220, DEEP = 4 };

static const char *const names[] = {"f0", "f1", "f2", "f3", "f4", "f5", "f6", "f7",
				    "d0", "d1", "d2", "d3", "d4", "d5", "l0", "l1"};
static const char *const odd_names[] = {"%FF%FE", "%{255*n}",   "%C3%28", "a b%0Ac",   ".hidden",
					"...",    "%{127*xy}z", "%22\\",  "..%{200*q}"};

/* Paths that are odd as a whole. */
static const char *const odd_paths[] = {
	"",
	".",
	"..",
	"/",
	"//",
	"./.",
	"%{256*n}",
	"d0/%{256*n}",
	"/d0",
	"/f0",
	"d0/../f0",
	"d0//f1",
	"./f2",
	"%{2046*./}f0",
	"%{2047*./}f0",
	"%{2048*./}",
	"%{4095*/}",
	"%{4096*/}",
	"%{4097*a}",
	"%{50*../}f3",
	"l0/l0/l0/l0",
	"d0/d0/d0/d0/d0/d0/d0/d0",
};

static bool wanted(mode_t mode, enum want want)
{
	switch (want) {
	case WANT_FILE:
		return S_ISREG(mode);
	case WANT_DIR:
		return S_ISDIR(mode);
	case WANT_LINK:
		return S_ISLNK(mode);
	default:
		return true;
	}
}

/* A path that is believed to exist; NULL if a few tries find none. */
static const struct model_path *existing(struct gen *g, enum want want)
{
	for (int tries = 0; g->model.n && tries < 8; tries++) {
		const struct model_path *p =
			&g->model.path[rng_below(&g->rng, (uint64_t)g->model.n)];

		if (wanted(p->mode, want))
			return p;
	}
	return NULL;
}

static int depth_of(const char *expr)
{
	int n = 0;

	for (; *expr; expr++)
		n += *expr == '/';
	return n;
}

static const char *some_name(struct gen *g)
{
	return rng_chance(&g->rng, 4) ? RNG_PICK(&g->rng, odd_names) : RNG_PICK(&g->rng, names);
}

/* A name, known or not, in the root or in a directory that is believed to exist. */
static void path_in_dir(struct gen *g, char *out)
{
	const struct model_path *dir = rng_chance(&g->rng, 65) ? existing(g, WANT_DIR) : NULL;

	if (dir && depth_of(dir->expr) < DEEP)
		snprintf(out, OP_STR_MAX, "%.*s/%s", MODEL_PATH_MAX, dir->expr, some_name(g));
	else
		snprintf(out, OP_STR_MAX, "%s", some_name(g));
}

void gen_path(struct gen *g, struct op *op, int i, enum want want)
{
	static const char *const tails[] = {"/", "/", "/.", "/..", "/x", "//"};
	char *out = op->str[i];
	const struct model_path *p = NULL;

	op->base[i] = -1;
	if (rng_chance(&g->rng, 3)) {
		snprintf(out, OP_STR_MAX, "%s", RNG_PICK(&g->rng, odd_paths));
		return;
	}
	if (rng_chance(&g->rng, want == WANT_NEW ? 15 : 85))
		p = existing(g, rng_chance(&g->rng, 90) ? want : WANT_ANY);
	if (p)
		snprintf(out, OP_STR_MAX, "%.*s", MODEL_PATH_MAX, p->expr);
	else
		path_in_dir(g, out);
	if (rng_chance(&g->rng, 4))
		strncat(out, RNG_PICK(&g->rng, tails), OP_STR_MAX - strlen(out) - 1);
	if (op_row(op->kind)->flags & ROW_AT && rng_chance(&g->rng, 8)) {
		op->base[i] = (int8_t)gen_handle(g, WANT_DIR);
		if (rng_chance(&g->rng, 80))
			snprintf(out, OP_STR_MAX, "%s", some_name(g));
	}
}

static bool handle_wanted(const struct model_handle *h, enum want want)
{
	if (want == WANT_MAPPED)
		return h->open && h->mapped;
	return h->open && wanted(h->mode, want) && (!h->path_only || want == WANT_DIR);
}

int64_t gen_handle(struct gen *g, enum want want)
{
	const struct model_handle *own = g->model.handle[g->proc];
	uint64_t from = rng_below(&g->rng, HANDLES);

	if (rng_chance(&g->rng, 4))
		return (int64_t)from;
	for (uint64_t i = 0; i < HANDLES; i++) {
		uint64_t h = (from + i) % HANDLES;

		if (handle_wanted(&own[h], want))
			return (int64_t)h;
	}
	g->wish = want;
	return (int64_t)from;
}

int64_t gen_new_handle(struct gen *g)
{
	const struct model_handle *own = g->model.handle[g->proc];

	for (int tries = 0; tries < 6; tries++) {
		uint64_t h = rng_below(&g->rng, HANDLES);

		if (!own[h].open)
			return (int64_t)h;
	}
	return (int64_t)rng_below(&g->rng, HANDLES);
}

int64_t gen_offset(struct gen *g, int64_t handle)
{
	static const int64_t far[] = {
		-1,        INT64_MAX,        INT64_MAX - 1,    INT64_MAX - 4096, INT64_MAX - 100000,
		INT32_MAX, INT64_C(1) << 31, INT64_C(1) << 32, INT64_C(1) << 40, INT64_MIN,
	};
	static const int64_t around[] = {-4096, -100, -1, 0, 0, 0, 1, 5000, 70000};
	int64_t size = handle >= 0 ? g->model.handle[g->proc][handle].size : 0;
	unsigned kind = (unsigned)rng_below(&g->rng, 100);

	if (kind < 25)
		return 0;
	if (kind < 50)
		return (int64_t)rng_below(&g->rng, 10000);
	if (kind < 70)
		return (int64_t)rng_below(&g->rng, 64) * 4096;
	if (kind < 95) {
		int64_t off = size < INT64_MAX - 70000 ? size + RNG_PICK(&g->rng, around) : size;

		return off < 0 ? 0 : off;
	}
	return RNG_PICK(&g->rng, far);
}

int64_t gen_length(struct gen *g)
{
	static const int64_t even[] = {0, 1, 512, 4095, 4096, 4097, 8192, 16384, 65536};
	unsigned kind = (unsigned)rng_below(&g->rng, 100);

	if (kind < 40)
		return (int64_t)rng_below(&g->rng, 200);
	if (kind < 70)
		return RNG_PICK(&g->rng, even);
	if (kind < 98)
		return (int64_t)rng_below(&g->rng, 20000);
	return (int64_t)rng_below(&g->rng, 300000);
}

int64_t gen_mode(struct gen *g)
{
	static const int modes[] = {0777,  0755,  0644,  0666,  0600,  0700,  0,     0444, 0222,
				    0111,  04755, 02755, 02777, 06777, 01777, 03777, 0070, 0007,
				    02644, 04644, 0664,  0750,  0777,  0777,  0666};

	return RNG_PICK(&g->rng, modes);
}

int64_t gen_id(struct gen *g)
{
	static const int64_t ids[] = {-1, -1, 0, 1001, 1001, 1002, 1002, 1003, 65534, 4294967294};

	return RNG_PICK(&g->rng, ids);
}

/* ---- choosing an operation ---- */

static bool in_groups(const struct gen *g, const struct op_row *row)
{
	const char *group = row->group;
	size_t len = strlen(group);

	if (!g->groups)
		return !(row->flags & ROW_ASKED);
	for (const char *p = g->groups; (p = strstr(p, group)); p += len)
		if ((p == g->groups || p[-1] == ',') && (p[len] == ',' || p[len] == '\0'))
			return true;
	return false;
}

void gen_start(struct gen *g, uint64_t seed, int procs, const char *groups)
{
	memset(g, 0, sizeof(*g));
	rng_seed(&g->rng, seed);
	g->procs = procs;
	g->groups = groups;
	for (int kind = 0; kind < op_kinds(); kind++)
		if (in_groups(g, op_row(kind)))
			g->total += op_row(kind)->weight;
}

static int pick_kind(struct gen *g)
{
	int at = (int)rng_below(&g->rng, (uint64_t)g->total);

	for (int kind = 0;; kind++) {
		const struct op_row *row = op_row(kind);

		if (!in_groups(g, row))
			continue;
		at -= row->weight;
		if (at < 0)
			return kind;
	}
}

/* A tree that has grown large makes everything slow: remove something instead. */
static int pick_removal(void)
{
	return op_find("unlinkat");
}

/* An operation that lacks its handle mostly gives way to one that makes such a handle. */
static const struct op_row *grant_wish(struct gen *g, struct op *op)
{
	const char *name = g->wish == WANT_DIR      ? "opendir"
			   : g->wish == WANT_MAPPED ? "mmap"
						    : "open";
	const struct op_row *row;

	op_clear(op, op_find(name), g->proc);
	row = op_row(op->kind);
	row->gen(g, op);
	return row;
}

void gen_op(struct gen *g, struct op *op)
{
	int kind;

	const struct op_row *row;

	g->proc = rng_chance(&g->rng, 40) ? 0 : (int)rng_below(&g->rng, (uint64_t)g->procs);
	kind = g->model.n > MANY_PATHS && rng_chance(&g->rng, 30) ? pick_removal() : pick_kind(g);
	op_clear(op, kind, g->proc);
	row = op_row(op->kind);
	g->wish = WANT_ANY;
	row->gen(g, op);
	if (g->wish != WANT_ANY && rng_chance(&g->rng, 80))
		row = grant_wish(g, op);
	if (g->time_sample && g->made++ % (uint64_t)g->time_sample == 0)
		op->flags |= OP_TIMED;
	else if (!strchr(row->sig, 'H') && !(row->flags & (ROW_SEEKS | ROW_MAPS)) &&
		 rng_chance(&g->rng, 25))
		op->flags |= OP_UNSEEN;
}
