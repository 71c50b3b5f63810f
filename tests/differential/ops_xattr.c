/*
 * Operations on extended attributes and POSIX ACLs, the latter built by hand so that they can be
 * wrong. Knows nothing of the other side.
 */
#include "acl.h"
#include "allow.h"
#include "expr.h"
#include "gen.h"
#include "ops.h"
#include "worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

static const char *const names[] = {
	"user.a",
	"user.a",
	"user.a",
	"user.a",
	"user.a",
	"user.a",
	"user.b",
	"user.b",
	"user.long%{200*x}",
	"trusted.t",
	"trusted.t",
	"security.s",
	"security.s",
	"security.capability",
	"user.",
	"user.%{250*x}",
	"user.%{251*x}",
	"system.nothing",
	"nonsense",
	"",
	"user.%FF",
};
static const char *const acl_names[] = {"system.posix_acl_access", "system.posix_acl_access",
					"system.posix_acl_default"};
static const char *const values[] = {"",           "v",          "value",    "another",
				     "%{50*more}", "value",      "%{64*ab}", "%{4000*z}",
				     "%{65536*y}", "%{65537*y}", "%00%01%FF"};

/* A version 2 file capability (cap_net_raw, effective) as the kernel stores it. */
static const char capability[] = "%01%00%00%02%00%20%{14*%00}";

/* See acl.h. */
static const char *const acls[] = {
	"acl2=u:6,g:4,o:4",
	"acl2=u:7,g:0,o:0",
	"acl2=u:7,g:7,o:7",
	"acl2=u:7,u1001:7,u1002:5,g:7,m:7,o:5",
	"acl2=u:6,u1002:6,g:4,g1002:4,m:6,o:4",
	"acl2=u:7,u1001:7,g:5,m:7,o:0",
	"acl2=u:7,u1002:4,g:7,m:5,o:1",
	"acl2=u:6,g:4,g1002:6,m:6,o:0",
	"acl2=u:7,u1001:0,u1002:7,g:7,g1001:5,g1003:1,m:7,o:7",
	"acl2=u:7,u1001:7,g:5,m:0,o:0",
	"acl2=u:7,u1001:7,g:5,o:0",
	"acl2=u:7,g:5",
	"acl2=g:5,u:7,o:0",
	"acl2=u:7,u1002:4,u1001:4,g:7,m:7,o:1",
	"acl2=u:7,u1001:4,u1001:4,g:7,m:7,o:1",
	"acl2=u:9,g:4,o:4",
	"acl2=u:6,g:4,o:4,x:7",
	"acl2=",
	"acl1=u:6,g:4,o:4",
	"acl2=u:6,u4294967295:4,g:4,m:4,o:4",
	"%02%00%00%00%01",
	"",
	"abc",
};

static void pick_name(struct gen *g, char *out)
{
	snprintf(out, OP_STR_MAX, "%s",
		 rng_chance(&g->rng, 35) ? RNG_PICK(&g->rng, acl_names) : RNG_PICK(&g->rng, names));
}

/* An operation has two strings: where one is a path, name and value share the other with a blank
 * between. */
static void gen_value(struct gen *g, char *out)
{
	char name[OP_STR_MAX];
	const char *value;

	pick_name(g, name);
	if (strncmp(name, "system.posix", 12) == 0)
		value = rng_chance(&g->rng, 95) ? RNG_PICK(&g->rng, acls) : "value";
	else if (strcmp(name, "security.capability") == 0)
		value = rng_chance(&g->rng, 80) ? capability : "value";
	else
		value = RNG_PICK(&g->rng, values);
	snprintf(out, OP_STR_MAX, "%.200s %.150s", name, value);
}

/* Splits "name value" and expands both: the name into name, the value into w->value.  The value's
 * length or -1. */
static long split(struct worker *w, const char *text, char *name)
{
	char word[OP_STR_MAX];
	size_t len = strcspn(text, " ");
	const char *value = text[len] ? text + len + 1 : "";

	memcpy(word, text, len);
	word[len] = '\0';
	if (expr_expand(word, name, OP_STR_MAX) < 0)
		return -1;
	return strncmp(value, "acl", 3) == 0 ? acl_build(value, w->value) : worker_value(w, value);
}

static void gen_flags(struct gen *g, int64_t *flags)
{
	static const int some[] = {
		0, 0, 0, 0, 0, XATTR_CREATE, XATTR_REPLACE, XATTR_CREATE | XATTR_REPLACE, 4};

	*flags = RNG_PICK(&g->rng, some);
}

static void gen_set(struct gen *g, struct op *op)
{
	gen_flags(g, &op->num[0]);
	gen_value(g, op->str[0]);
	gen_path(g, op, 1, WANT_ANY);
}

/* The rule acl-remove. */
static bool is_setgid_loss(const char *name, const struct stat *st)
{
	return strcmp(name, "system.posix_acl_access") == 0 && allow_is_on("acl-remove") &&
	       geteuid() != 0 && st->st_mode & S_ISGID;
}

/* The rule mmap-caps. */
static bool is_late_loss(const char *name)
{
	return strcmp(name, "security.capability") == 0 && allow_is_on("mmap-caps");
}

/* An ACL without entries is none. */
static bool is_left_out(const char *name, long len, const struct stat *st)
{
	return is_late_loss(name) || (len <= 4 && is_setgid_loss(name, st));
}

static void exec_set(struct worker *w, const struct op *op, struct result *r)
{
	char name[OP_STR_MAX];
	long len = split(w, op->str[0], name);
	struct stat st;

	if (len >= 0 && lstat(w->path[1], &st) == 0 && is_left_out(name, len, &st))
		worker_done(r, 0);
	else
		worker_done(r, len < 0 ? -1
				       : lsetxattr(w->path[1], name, w->value, (size_t)len,
						   (int)op->num[0]));
}

static void gen_fset(struct gen *g, struct op *op)
{
	op->num[0] = gen_handle(g, WANT_ANY);
	gen_flags(g, &op->num[1]);
	gen_value(g, op->str[0]);
}

static void exec_fset(struct worker *w, const struct op *op, struct result *r)
{
	int fd = worker_fd(w, op->num[0]);
	char name[OP_STR_MAX];
	long len = split(w, op->str[0], name);
	struct stat st;

	if (len >= 0 && fstat(fd, &st) == 0 && is_left_out(name, len, &st))
		worker_done(r, 0);
	else
		worker_done(r,
			    len < 0 ? -1
				    : fsetxattr(fd, name, w->value, (size_t)len, (int)op->num[1]));
}

static int64_t pick_size(struct gen *g)
{
	static const int64_t sizes[] = {0, 1, 10, 300, 65536, 65536, 65536, 100000};

	return RNG_PICK(&g->rng, sizes);
}

/* A name and a path for it; mostly ones that were set. */
static void pick_set(struct gen *g, struct op *op)
{
	const struct model *m = &g->model;
	unsigned n = m->n_attrs < MODEL_ATTRS ? m->n_attrs : MODEL_ATTRS;
	const struct model_attr *a = &m->attr[rng_below(&g->rng, MODEL_ATTRS) % (n ? n : 1)];

	pick_name(g, op->str[0]);
	gen_path(g, op, 1, WANT_ANY);
	if (!n || rng_chance(&g->rng, 30))
		return;
	snprintf(op->str[0], OP_STR_MAX, "%s", a->name);
	snprintf(op->str[1], OP_STR_MAX, "%s", a->path);
}

static void gen_get(struct gen *g, struct op *op)
{
	op->num[0] = pick_size(g);
	pick_set(g, op);
}

/* With room for nothing the answer is a size, not bytes. */
static void got(struct result *r, ssize_t ret, int64_t size)
{
	worker_done(r, ret);
	r->data_len = ret > 0 && size > 0 ? (uint32_t)ret : 0;
}

static void exec_get(struct worker *w, const struct op *op, struct result *r)
{
	worker_value(w, op->str[0]);
	got(r, lgetxattr(w->path[1], w->value, worker_data(w), (size_t)op->num[0]), op->num[0]);
}

static void gen_fget(struct gen *g, struct op *op)
{
	op->num[0] = gen_handle(g, WANT_ANY);
	op->num[1] = pick_size(g);
	pick_name(g, op->str[0]);
}

static void exec_fget(struct worker *w, const struct op *op, struct result *r)
{
	worker_value(w, op->str[0]);
	got(r, fgetxattr(worker_fd(w, op->num[0]), w->value, worker_data(w), (size_t)op->num[1]),
	    op->num[1]);
}

static void gen_remove(struct gen *g, struct op *op)
{
	pick_set(g, op);
}

static void exec_remove(struct worker *w, const struct op *op, struct result *r)
{
	struct stat st;

	worker_value(w, op->str[0]);
	if (lstat(w->path[1], &st) == 0 && is_setgid_loss(w->value, &st))
		worker_done(r, 0);
	else
		worker_done(r, lremovexattr(w->path[1], w->value));
}

static void gen_fremove(struct gen *g, struct op *op)
{
	op->num[0] = gen_handle(g, WANT_ANY);
	pick_name(g, op->str[0]);
}

static void exec_fremove(struct worker *w, const struct op *op, struct result *r)
{
	int fd = worker_fd(w, op->num[0]);
	struct stat st;

	worker_value(w, op->str[0]);
	if (fstat(fd, &st) == 0 && is_setgid_loss(w->value, &st))
		worker_done(r, 0);
	else
		worker_done(r, fremovexattr(fd, w->value));
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The order of a list is free: it is compared sorted, one name a line. */
static void say_sorted(struct worker *w, struct result *r, char *list, ssize_t len)
{
	char *name[256];
	size_t n = 0;

	for (char *p = list; p < list + len && n < 256; p += strlen(p) + 1)
		name[n++] = p;
	qsort(name, n, sizeof(*name), by_text);
	for (size_t i = 0; i < n; i++)
		worker_say(w, r, "%s\n", name[i]);
}

static void gen_listx(struct gen *g, struct op *op)
{
	op->num[0] = pick_size(g);
	gen_path(g, op, 0, WANT_ANY);
}

static void exec_listx(struct worker *w, const struct op *op, struct result *r)
{
	size_t size = op->num[0] < 60000 ? (size_t)op->num[0] : 60000;

	worker_done(r, llistxattr(w->path[0], w->value, size));
	if (size)
		say_sorted(w, r, w->value, r->ret);
}

static void gen_flistx(struct gen *g, struct op *op)
{
	op->num[0] = gen_handle(g, WANT_ANY);
	op->num[1] = pick_size(g);
}

static void exec_flistx(struct worker *w, const struct op *op, struct result *r)
{
	size_t size = op->num[1] < 60000 ? (size_t)op->num[1] : 60000;

	worker_done(r, flistxattr(worker_fd(w, op->num[0]), w->value, size));
	if (size)
		say_sorted(w, r, w->value, r->ret);
}

static const struct op_row rows[] = {
	{"setxattr", "xattr", 34, ROW_SETS, "spx", gen_set, exec_set},
	{"fsetxattr", "xattr", 10, 0, "hsx", gen_fset, exec_fset},
	{"getxattr", "xattr", 18, 0, "spd", gen_get, exec_get},
	{"fgetxattr", "xattr", 6, 0, "hsd", gen_fget, exec_fget},
	{"removexattr", "xattr", 8, 0, "sp", gen_remove, exec_remove},
	{"fremovexattr", "xattr", 4, 0, "hs", gen_fremove, exec_fremove},
	{"listxattr", "xattr", 8, 0, "pd", gen_listx, exec_listx},
	{"flistxattr", "xattr", 4, 0, "hd", gen_flistx, exec_flistx},
};

const struct op_table ops_xattr = OP_TABLE(rows);
