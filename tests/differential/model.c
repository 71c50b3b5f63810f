/*
 * What the generator believes is there (see model.h).
 * Knows nothing of results being right or wrong.
 */
#include "model.h"

#include "expr.h"
#include "tree.h"

#include <fcntl.h>
#include <string.h>

void model_reset(struct model *m)
{
	memset(m, 0, sizeof(*m));
}

static int model_find(const struct model *m, const char *expr)
{
	for (int i = 0; i < m->n; i++)
		if (strcmp(m->path[i].expr, expr) == 0)
			return i;
	return -1;
}

static void model_put(struct model *m, const char *expr, mode_t mode)
{
	int i = model_find(m, expr);

	if (i < 0) {
		if (m->n == MODEL_PATHS || strlen(expr) >= MODEL_PATH_MAX)
			return;
		i = m->n++;
		strcpy(m->path[i].expr, expr);
	}
	m->path[i].mode = mode;
}

/* Forgets a path and all beneath it. */
static void model_drop(struct model *m, const char *expr)
{
	size_t len = strlen(expr);

	for (int i = 0; i < m->n;) {
		const char *e = m->path[i].expr;

		if (strncmp(e, expr, len) == 0 && (e[len] == '\0' || e[len] == '/'))
			m->path[i] = m->path[--m->n];
		else
			i++;
	}
}

/* Plain enough to build other paths on: no empty parts, no dots, not absolute, not deep. */
static bool path_is_plain(const char *expr)
{
	int depth = 0;

	if (!*expr || expr[0] == '/' || expr[0] == '.' || expr[strlen(expr) - 1] == '/')
		return false;
	for (const char *p = expr; *p; p++)
		if (*p == '/' && (++depth > 5 || p[1] == '/' || p[1] == '.'))
			return false;
	return !strstr(expr, "%{");
}

static void learn_path(struct model *m, const struct op *op, int i, const struct snap *s)
{
	if (op->base[i] >= 0 || s->err == SNAP_NONE || !path_is_plain(op->str[i]))
		return;
	if (s->err == 0)
		model_put(m, op->str[i], s->st.stx_mode);
	else
		model_drop(m, op->str[i]);
}

static void learn_handle(struct model_handle *h, const struct op_row *row, const struct op *op,
			 char letter, const struct snap *s, const struct result *r)
{
	if (s->err == SNAP_NONE)
		return;
	if (letter == 'H' && r->ret >= 0) {
		*h = (struct model_handle){0};
		h->path_only = strchr(row->sig, 'f') && op->num[1] & O_PATH;
	}
	h->open = s->err == 0;
	if (h->open) {
		h->mode = s->st.stx_mode;
		h->size = (int64_t)s->st.stx_size;
	}
	if (r->ret >= 0 && row->flags & (ROW_MAPS | ROW_UNMAPS))
		h->mapped = row->flags & ROW_MAPS;
}

static void learn_attr(struct model *m, const struct op *op)
{
	struct model_attr *a = &m->attr[m->n_attrs % MODEL_ATTRS];

	if (strlen(op->str[1]) >= MODEL_PATH_MAX)
		return;
	m->n_attrs++;
	strcpy(a->path, op->str[1]);
	snprintf(a->name, sizeof(a->name), "%.*s", (int)strcspn(op->str[0], " "), op->str[0]);
}

void model_learn(struct model *m, const struct op *op, const struct result *r)
{
	const struct op_row *row = op_row(op->kind);
	int handles = 0;

	if (op->proc >= PROCS_MAX)
		return;
	if (row->flags & ROW_SETS && r->ret == 0)
		learn_attr(m, op);
	for (int i = 0; row->sig[i]; i++) {
		int at = op_arg_index(row->sig, i);

		if (row->sig[i] == 'p')
			learn_path(m, op, at, &r->after[at ? SNAP_PATH1 : SNAP_PATH0]);
		else if (row->sig[i] == 'h' || row->sig[i] == 'H')
			learn_handle(&m->handle[op->proc][op->num[at]], row, op, row->sig[i],
				     &r->after[SNAP_HANDLE0 + handles++], r);
	}
}

void model_rebuild(struct model *m, const unsigned char *data, size_t len)
{
	struct tree_view v;
	char expr[OP_STR_MAX];

	m->n = 0;
	for (size_t at = 0; tree_next(data, len, &at, &v);)
		if (v.path_len && expr_escape(v.path, v.path_len, expr, sizeof(expr)) == 0)
			model_put(m, expr, v.rec.st.stx_mode);
}
