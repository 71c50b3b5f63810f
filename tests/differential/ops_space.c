/*
 * Operations on a file's size and space: truncate, fallocate, copying ranges.
 * Knows nothing of the other side.
 */
#include "allow.h"
#include "gen.h"
#include "ops.h"
#include "spare.h"
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/xattr.h>
#include <unistd.h>

#define HUGE (INT64_C(1) << 60) /* bytes */
#define FAR  (INT64_C(1) << 43) /* within a file of any file system, bytes */

static void gen_truncate(struct gen *g, struct op *op)
{
	op->num[0] = gen_offset(g, -1);
	gen_path(g, op, 0, WANT_FILE);
}

/* See the list of allowed differences. */
static bool truncate_same(const char *path, int64_t size)
{
	struct stat st;

	return size == 0 && allow_is_on("truncate-same") && stat(path, &st) == 0 &&
	       S_ISREG(st.st_mode) && st.st_size == 0;
}

static void exec_truncate(struct worker *w, const struct op *op, struct result *r)
{
	if (truncate_same(w->path[0], op->num[0]) || spare_resize_at(AT_FDCWD, w->path[0]))
		worker_done(r, 0);
	else
		worker_done(r, truncate(w->path[0], op->num[0]));
}

static void gen_ftruncate(struct gen *g, struct op *op)
{
	op->num[0] = gen_handle(g, WANT_FILE);
	op->num[1] = gen_offset(g, op->num[0]);
}

static void exec_ftruncate(struct worker *w, const struct op *op, struct result *r)
{
	if (spare_resize(worker_fd(w, op->num[0])))
		worker_done(r, 0);
	else
		worker_done(r, ftruncate(worker_fd(w, op->num[0]), op->num[1]));
}

static void gen_fallocate(struct gen *g, struct op *op)
{
	static const int modes[] = {
		0,
		0,
		FALLOC_FL_KEEP_SIZE,
		FALLOC_FL_KEEP_SIZE,
		FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		FALLOC_FL_ZERO_RANGE,
		FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
		FALLOC_FL_PUNCH_HOLE,
		FALLOC_FL_COLLAPSE_RANGE,
		FALLOC_FL_INSERT_RANGE,
		FALLOC_FL_UNSHARE_RANGE,
		FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE,
		0x1000,
	};
	/* Over what any file system holds, so that it must be refused at once. */
	static const int64_t huge[] = {INT64_MAX, HUGE, -1, INT64_MIN};

	op->num[0] = gen_handle(g, WANT_FILE);
	op->num[1] = RNG_PICK(&g->rng, modes);
	op->num[2] = gen_offset(g, op->num[0]);
	op->num[3] = gen_length(g);
	if (g->huge_space && rng_chance(&g->rng, 4))
		op->num[3] = RNG_PICK(&g->rng, huge);
}

/*
 * tmpfs has no ZERO_RANGE, but a hole made and filled again is the same.  What cannot be allocated
 * must fail before anything is lost.
 */
static int zero_range_by_hand(int fd, const struct op *op)
{
	int keep = (int)op->num[1] & FALLOC_FL_KEEP_SIZE;

	if (fallocate(fd, keep, op->num[2], op->num[3]) < 0 ||
	    fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, op->num[2], op->num[3]) < 0)
		return -1;
	return fallocate(fd, keep, op->num[2], op->num[3]);
}

/* The rule fallocate-full, for what every file system refuses, and what tmpfs does. */
static bool fallocate_refused(int fd, const struct op *op)
{
	bool lacks = op->num[1] & FALLOC_FL_ZERO_RANGE && !allow_is_on("zero-range");
	struct stat st;

	return (lacks || op->num[3] >= HUGE || op->num[2] >= FAR) &&
	       allow_is_on("fallocate-full") && fstat(fd, &st) == 0 &&
	       (st.st_mode & (S_ISUID | S_ISGID) ||
		fgetxattr(fd, "security.capability", NULL, 0) >= 0);
}

/* The rule falloc-modes. */
static bool is_not_passed(int mode)
{
	const int passed = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE;

	return mode & ~passed && allow_is_on("falloc-modes");
}

static void exec_fallocate(struct worker *w, const struct op *op, struct result *r)
{
	int fd = worker_fd(w, op->num[0]), mode = (int)op->num[1];
	int ret;

	if (fallocate_refused(fd, op) || is_not_passed(mode) || spare_space(fd)) {
		worker_done(r, 0);
		return;
	}
	ret = fallocate(fd, mode, op->num[2], op->num[3]);
	if (ret < 0 && errno == EOPNOTSUPP && allow_is_on("zero-range") &&
	    (mode & ~FALLOC_FL_KEEP_SIZE) == FALLOC_FL_ZERO_RANGE)
		ret = zero_range_by_hand(fd, op);
	worker_done(r, ret);
}

static void gen_copy(struct gen *g, struct op *op)
{
	op->num[0] = gen_handle(g, WANT_FILE);
	op->num[1] = rng_chance(&g->rng, 20) ? -1 : gen_offset(g, op->num[0]);
	op->num[2] = rng_chance(&g->rng, 20) ? op->num[0] : gen_handle(g, WANT_FILE);
	op->num[3] = rng_chance(&g->rng, 20) ? -1 : gen_offset(g, op->num[2]);
	op->num[4] = gen_length(g);
	op->num[5] = rng_chance(&g->rng, 2) ? 1 : 0;
}

/* See the list of allowed differences. */
static bool copy_noatime(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && flags & O_NOATIME && allow_is_on("copy-noatime");
}

/* An offset of -1 means the handle's own position. */
static void exec_copy(struct worker *w, const struct op *op, struct result *r)
{
	int fd_in = worker_fd(w, op->num[0]), fd_out = worker_fd(w, op->num[2]);
	off64_t in = op->num[1], out = op->num[3];
	struct stat st;

	if (copy_noatime(fd_in) || spare_copy(fd_in, in, fd_out, out)) {
		worker_done(r, 0);
		return;
	}
	if (allow_is_on("behind-size"))
		fstat(fd_in, &st);
	worker_done(r,
		    copy_file_range(fd_in, in == -1 ? NULL : &in, fd_out, out == -1 ? NULL : &out,
				    (size_t)op->num[4], (unsigned)op->num[5]));
}

static const struct op_row rows[] = {
	{"truncate", "space", 12, 0, "pd", gen_truncate, exec_truncate},
	{"ftruncate", "space", 25, 0, "hd", gen_ftruncate, exec_ftruncate},
	{"fallocate", "falloc", 25, 0, "hxdd", gen_fallocate, exec_fallocate},
	{"copy", "space", 16, ROW_READS, "hdhddx", gen_copy, exec_copy},
};

const struct op_table ops_space = OP_TABLE(rows);
