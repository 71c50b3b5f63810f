/*
 * Operations on modes, owners, times, and questions about attributes.
 * Knows nothing of the other side.
 */
#include "allow.h"
#include "gen.h"
#include "ops.h"
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

static void gen_chmod(struct gen *g, struct op *op)
{
	op->num[0] = gen_mode(g);
	op->num[1] = rng_chance(&g->rng, 10) ? AT_SYMLINK_NOFOLLOW : 0;
	gen_path(g, op, 0, WANT_ANY);
}

static void exec_chmod(struct worker *w, const struct op *op, struct result *r)
{
	worker_done(r, syscall(SYS_fchmodat2, worker_base(w, op, 0), w->path[0],
			       (unsigned)op->num[0], (unsigned)op->num[1]));
}

static void gen_fchmod(struct gen *g, struct op *op)
{
	op->num[0] = gen_handle(g, WANT_ANY);
	op->num[1] = gen_mode(g);
}

static void exec_fchmod(struct worker *w, const struct op *op, struct result *r)
{
	worker_done(r, fchmod(worker_fd(w, op->num[0]), (mode_t)op->num[1]));
}

static void gen_chown(struct gen *g, struct op *op)
{
	op->num[0] = gen_id(g);
	op->num[1] = gen_id(g);
	op->num[2] = rng_chance(&g->rng, 40) ? AT_SYMLINK_NOFOLLOW : 0;
	gen_path(g, op, 0, WANT_ANY);
}

/* Whether a file may have file capabilities; asked by root. */
static bool has_capability(int base, const char *path, const struct stat *st)
{
	int fd = -1;
	bool has;

	if (!S_ISREG(st->st_mode))
		return true;
	if (*path)
		base = fd = openat(base, path, O_RDONLY | O_CLOEXEC);
	has = fgetxattr(base, "security.capability", NULL, 0) >= 0;
	if (fd >= 0)
		close(fd);
	return has;
}

/* A chown of a file with bits that it should clear: those that the rules chown-nothing (of no id)
 * and setgid-member leave out. */
static bool chown_left_out(int base, const char *path, int flags, int64_t uid, int64_t gid)
{
	struct stat st;

	if (fstatat(base, path, &st, flags) < 0 || S_ISDIR(st.st_mode) ||
	    !(st.st_mode & (S_ISUID | S_ISGID)))
		return false;
	if ((st.st_mode & (S_ISGID | S_IXGRP)) == S_ISGID && allow_is_on("setgid-member"))
		return true;
	if (uid != -1 || gid != -1 || !allow_is_on("chown-nothing"))
		return false;
	return geteuid() == 0 ? has_capability(base, path, &st) : st.st_uid != geteuid();
}

static void exec_chown(struct worker *w, const struct op *op, struct result *r)
{
	if (chown_left_out(worker_base(w, op, 0), w->path[0], (int)op->num[2], op->num[0],
			   op->num[1])) {
		worker_done(r, 0);
		return;
	}
	worker_done(r, fchownat(worker_base(w, op, 0), w->path[0], (uid_t)op->num[0],
				(gid_t)op->num[1], (int)op->num[2]));
}

static void gen_fchown(struct gen *g, struct op *op)
{
	op->num[0] = gen_handle(g, WANT_ANY);
	op->num[1] = gen_id(g);
	op->num[2] = gen_id(g);
}

static void exec_fchown(struct worker *w, const struct op *op, struct result *r)
{
	if (chown_left_out(worker_fd(w, op->num[0]), "", AT_EMPTY_PATH, op->num[1], op->num[2])) {
		worker_done(r, 0);
		return;
	}
	worker_done(r, fchown(worker_fd(w, op->num[0]), (uid_t)op->num[1], (gid_t)op->num[2]));
}

/* ---- times; every explicit one is far from now, so that compare.c can tell them apart ---- */

static void gen_times(struct gen *g, int64_t *num)
{
	static const int64_t secs[] = {0,
				       1,
				       -1,
				       -86400,
				       1000000000,
				       INT32_MIN,
				       INT32_MIN - INT64_C(1),
				       INT32_MAX,
				       INT64_C(1) << 31,
				       INT64_C(1) << 32,
				       INT64_C(15032385535),
				       INT64_C(15032385536),
				       INT64_C(1) << 36,
				       -62135596800,
				       INT64_MAX,
				       INT64_MIN};
	static const int64_t nsecs[] = {0,         1,         999999999, 500000000,  999999500,
					123456789, UTIME_NOW, UTIME_NOW, UTIME_OMIT, UTIME_OMIT};

	for (int i = 0; i < 2; i++) {
		num[2 * i] = RNG_PICK(&g->rng, secs);
		num[2 * i + 1] = RNG_PICK(&g->rng, nsecs);
	}
	if (rng_chance(&g->rng, 2))
		num[1] = 1000000000;
}

static void gen_utimens(struct gen *g, struct op *op)
{
	gen_times(g, op->num);
	op->num[4] = rng_chance(&g->rng, 40) ? AT_SYMLINK_NOFOLLOW : 0;
	gen_path(g, op, 0, WANT_ANY);
}

static void exec_utimens(struct worker *w, const struct op *op, struct result *r)
{
	struct timespec ts[2] = {{op->num[0], op->num[1]}, {op->num[2], op->num[3]}};

	worker_done(r, utimensat(worker_base(w, op, 0), w->path[0], ts, (int)op->num[4]));
}

static void gen_futimens(struct gen *g, struct op *op)
{
	op->num[0] = gen_handle(g, WANT_ANY);
	gen_times(g, op->num + 1);
}

static void exec_futimens(struct worker *w, const struct op *op, struct result *r)
{
	struct timespec ts[2] = {{op->num[1], op->num[2]}, {op->num[3], op->num[4]}};

	worker_done(r, futimens(worker_fd(w, op->num[0]), ts));
}

/* Both times "now" without saying so: write permission is enough for this one. */
static void exec_utimenull(struct worker *w, const struct op *op, struct result *r)
{
	worker_done(r, utimensat(worker_base(w, op, 0), w->path[0], NULL, 0));
}

/* ---- questions ---- */

static void gen_any_path(struct gen *g, struct op *op)
{
	gen_path(g, op, 0, WANT_ANY);
}

static void gen_access(struct gen *g, struct op *op)
{
	op->num[0] = (int64_t)rng_below(&g->rng, 8);
	op->num[1] = (rng_chance(&g->rng, 50) ? AT_EACCESS : 0) |
		     (rng_chance(&g->rng, 20) ? AT_SYMLINK_NOFOLLOW : 0);
	if (rng_chance(&g->rng, 2))
		op->num[0] = 8;
	gen_path(g, op, 0, WANT_ANY);
}

static void exec_access(struct worker *w, const struct op *op, struct result *r)
{
	worker_done(r, syscall(SYS_faccessat2, worker_base(w, op, 0), w->path[0], (int)op->num[0],
			       (int)op->num[1]));
}

static void exec_statfs(struct worker *w, const struct op *op, struct result *r)
{
	struct statfs s;

	(void)op;
	worker_done(r, statfs(w->path[0], &s));
	if (r->err == 0)
		worker_say(w, r, "bsize=%ld frsize=%ld namelen=%ld", (long)s.f_bsize,
			   (long)s.f_frsize, (long)s.f_namelen);
}

static void gen_statx(struct gen *g, struct op *op)
{
	static const int flags[] = {0,
				    0,
				    AT_SYMLINK_NOFOLLOW,
				    AT_STATX_FORCE_SYNC,
				    AT_STATX_DONT_SYNC,
				    AT_STATX_FORCE_SYNC | AT_STATX_DONT_SYNC};

	op->num[0] = RNG_PICK(&g->rng, flags);
	gen_path(g, op, 0, WANT_ANY);
}

static bool ts_before(const struct statx_timestamp *a, const struct statx_timestamp *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

/* The birth time: there, not after the last change, and a valid number. */
static void exec_statx(struct worker *w, const struct op *op, struct result *r)
{
	unsigned mask = STATX_BASIC_STATS;
	struct statx st;

	/* With DONT_SYNC a file system may leave out what it does not cache; FUSE never caches
	 * this. */
	if (!(op->num[0] & AT_STATX_DONT_SYNC))
		mask |= STATX_BTIME;
	worker_done(r, statx(worker_base(w, op, 0), w->path[0], (int)op->num[0], mask, &st));
	if (r->err)
		return;
	worker_say(w, r, "mask=%#x", st.stx_mask & mask);
	if (!allow_is_on("statx-attributes"))
		worker_say(w, r, " attributes=%#llx", (unsigned long long)st.stx_attributes);
	if (mask & STATX_BTIME)
		worker_say(w, r, " btime_valid=%d btime_after_ctime=%d",
			   st.stx_btime.tv_sec > 1600000000 && st.stx_btime.tv_nsec < 1000000000,
			   ts_before(&st.stx_ctime, &st.stx_btime));
}

static const struct op_row rows[] = {
	{"chmod", "attr", 24, ROW_AT, "pox", gen_chmod, exec_chmod},
	{"fchmod", "attr", 10, 0, "ho", gen_fchmod, exec_fchmod},
	{"chown", "attr", 20, ROW_AT, "pddx", gen_chown, exec_chown},
	{"fchown", "attr", 8, 0, "hdd", gen_fchown, exec_fchown},
	{"utimens", "attr", 24, ROW_AT, "pddddx", gen_utimens, exec_utimens},
	{"futimens", "attr", 10, 0, "hdddd", gen_futimens, exec_futimens},
	{"utimenull", "attr", 4, ROW_AT, "p", gen_any_path, exec_utimenull},
	{"access", "attr", 20, ROW_AT, "pxx", gen_access, exec_access},
	{"statfs", "attr", 3, 0, "p", gen_any_path, exec_statfs},
	{"statx", "attr", 15, ROW_AT, "px", gen_statx, exec_statx},
};

const struct op_table ops_attr = OP_TABLE(rows);
