/*
 * Operations that make, move and remove names.
 * Knows nothing of the other side.
 */
#include "allow.h"
#include "gen.h"
#include "ops.h"
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static void gen_mkdir(struct gen *g, struct op *op)
{
	op->num[0] = rng_chance(&g->rng, 70) ? 0777 : gen_mode(g);
	gen_path(g, op, 0, WANT_NEW);
}

static void exec_mkdir(struct worker *w, const struct op *op, struct result *r)
{
	worker_done(r, mkdirat(worker_base(w, op, 0), w->path[0], (mode_t)op->num[0]));
}

static void gen_rmdir(struct gen *g, struct op *op)
{
	gen_path(g, op, 0, WANT_DIR);
}

static void exec_rmdir(struct worker *w, const struct op *op, struct result *r)
{
	(void)op;
	worker_done(r, rmdir(w->path[0]));
}

static void gen_unlink(struct gen *g, struct op *op)
{
	gen_path(g, op, 0, WANT_FILE);
}

static void exec_unlink(struct worker *w, const struct op *op, struct result *r)
{
	(void)op;
	worker_done(r, unlink(w->path[0]));
}

static void gen_unlinkat(struct gen *g, struct op *op)
{
	op->num[0] = rng_chance(&g->rng, 40) ? AT_REMOVEDIR : rng_chance(&g->rng, 2) ? 0x1 : 0;
	gen_path(g, op, 0, op->num[0] == AT_REMOVEDIR ? WANT_DIR : WANT_ANY);
}

static void exec_unlinkat(struct worker *w, const struct op *op, struct result *r)
{
	worker_done(r, unlinkat(worker_base(w, op, 0), w->path[0], (int)op->num[0]));
}

static void gen_rename(struct gen *g, struct op *op)
{
	static const unsigned flags[] = {RENAME_NOREPLACE,
					 RENAME_EXCHANGE,
					 RENAME_EXCHANGE,
					 RENAME_WHITEOUT,
					 RENAME_NOREPLACE | RENAME_WHITEOUT,
					 RENAME_EXCHANGE | RENAME_NOREPLACE,
					 RENAME_EXCHANGE | RENAME_WHITEOUT,
					 8,
					 0x80000000u};

	op->num[0] = rng_chance(&g->rng, 60) ? 0 : RNG_PICK(&g->rng, flags);
	gen_path(g, op, 0, WANT_ANY);
	gen_path(g, op, 1, rng_chance(&g->rng, 50) ? WANT_NEW : WANT_ANY);
	if (rng_chance(&g->rng, 3)) /* into itself */
		snprintf(op->str[1], OP_STR_MAX, "%.300s/f1", op->str[0]);
	else if (rng_chance(&g->rng, 2)) /* onto itself */
		snprintf(op->str[1], OP_STR_MAX, "%s", op->str[0]);
}

/* See the list of allowed differences. */
static bool is_whiteout_onto_dir(struct worker *w, const struct op *op)
{
	struct stat st;

	return op->num[0] == RENAME_WHITEOUT && allow_is_on("ext4-whiteout") &&
	       fstatat(worker_base(w, op, 1), w->path[1], &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISDIR(st.st_mode);
}

static void exec_rename(struct worker *w, const struct op *op, struct result *r)
{
	if (is_whiteout_onto_dir(w, op)) {
		worker_done(r, 0);
		return;
	}
	worker_done(r, renameat2(worker_base(w, op, 0), w->path[0], worker_base(w, op, 1),
				 w->path[1], (unsigned)op->num[0]));
}

static void gen_link(struct gen *g, struct op *op)
{
	op->num[0] = rng_chance(&g->rng, 25) ? AT_SYMLINK_FOLLOW : rng_chance(&g->rng, 2) ? 0x1 : 0;
	gen_path(g, op, 0, rng_chance(&g->rng, 85) ? WANT_FILE : WANT_ANY);
	gen_path(g, op, 1, WANT_NEW);
}

static void exec_link(struct worker *w, const struct op *op, struct result *r)
{
	worker_done(r, linkat(worker_base(w, op, 0), w->path[0], worker_base(w, op, 1), w->path[1],
			      (int)op->num[0]));
}

static void gen_symlink(struct gen *g, struct op *op)
{
	static const char *const targets[] = {
		"f0",          "f1",       "d0",       "d1",        "l0",           "l1",
		"../f0",       "../d0",    "..",       ".",         "/f0",          "/d0",
		"nowhere",     "d0/f1",    "d0/",      "",          "%{4095*a}",    "%{4096*a}",
		"%{120*abcd}", "%{127*t}", "%{128*t}", "%FF%01%0A", "/d0/../d1/f0", "f0/"};

	snprintf(op->str[0], OP_STR_MAX, "%s", RNG_PICK(&g->rng, targets));
	gen_path(g, op, 1, WANT_NEW);
}

static void exec_symlink(struct worker *w, const struct op *op, struct result *r)
{
	if (worker_value(w, op->str[0]) < 0)
		worker_done(r, -1);
	else
		worker_done(r, symlinkat(w->value, worker_base(w, op, 1), w->path[1]));
}

static void gen_readlink(struct gen *g, struct op *op)
{
	static const int64_t sizes[] = {8192, 8192, 8192, 1, 5, 0};

	op->num[0] = RNG_PICK(&g->rng, sizes);
	gen_path(g, op, 0, rng_chance(&g->rng, 90) ? WANT_LINK : WANT_ANY);
}

static void exec_readlink(struct worker *w, const struct op *op, struct result *r)
{
	worker_done(r, readlinkat(worker_base(w, op, 0), w->path[0], (char *)worker_data(w),
				  (size_t)op->num[0]));
	r->data_len = r->ret > 0 ? (uint32_t)r->ret : 0;
}

/* Only devices that nothing answers for, /dev/null, /dev/zero and the whiteout: a node may be
 * opened later. */
static void gen_mknod(struct gen *g, struct op *op)
{
	static const int64_t types[] = {S_IFIFO, S_IFIFO, S_IFSOCK, S_IFSOCK, S_IFCHR, S_IFCHR,
					S_IFBLK, S_IFREG, 0,        S_IFDIR,  S_IFLNK};
	static const int minors[] = {0, 3, 5};
	int64_t type = RNG_PICK(&g->rng, types);

	op->num[0] = type | gen_mode(g);
	if (type == S_IFCHR) {
		int minor_no = RNG_PICK(&g->rng, minors);

		op->num[1] = (int64_t)makedev(minor_no ? 1 : 0, minor_no);
	} else if (type == S_IFBLK || rng_chance(&g->rng, 10)) {
		op->num[1] = (int64_t)makedev(4000, 70000 + rng_below(&g->rng, 3));
	}
	gen_path(g, op, 0, WANT_NEW);
}

static void exec_mknod(struct worker *w, const struct op *op, struct result *r)
{
	if (S_ISFIFO(op->num[0]) && allow_is_on("behind-fifo")) {
		worker_done(r, 0);
		return;
	}
	worker_done(r, mknodat(worker_base(w, op, 0), w->path[0], (mode_t)op->num[0],
			       (dev_t)op->num[1]));
}

static const struct op_row rows[] = {
	{"mkdir", "dirs", 40, ROW_NAMES | ROW_AT, "po", gen_mkdir, exec_mkdir},
	{"rmdir", "dirs", 14, ROW_NAMES, "p", gen_rmdir, exec_rmdir},
	{"unlink", "names", 16, ROW_NAMES, "p", gen_unlink, exec_unlink},
	{"unlinkat", "names", 12, ROW_NAMES | ROW_AT, "px", gen_unlinkat, exec_unlinkat},
	{"rename", "names", 40, ROW_NAMES | ROW_AT, "ppx", gen_rename, exec_rename},
	{"link", "names", 20, ROW_NAMES | ROW_AT, "ppx", gen_link, exec_link},
	{"symlink", "names", 18, ROW_NAMES | ROW_AT, "sp", gen_symlink, exec_symlink},
	{"readlink", "names", 10, ROW_AT | ROW_READS, "pd", gen_readlink, exec_readlink},
	{"mknod", "names", 14, ROW_NAMES | ROW_AT, "pox", gen_mknod, exec_mknod},
};

const struct op_table ops_names = OP_TABLE(rows);
