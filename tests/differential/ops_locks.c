/*
 * Operations on locks of all three kinds, never waiting, and on leases.
 * Knows nothing of the other side.
 */
#include "gen.h"
#include "ops.h"
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

static void gen_lock(struct gen *g, struct op *op)
{
	static const int types[] = {F_RDLCK, F_RDLCK, F_WRLCK, F_WRLCK, F_UNLCK};

	op->num[0] = gen_handle(g, WANT_FILE);
	op->num[1] = rng_chance(&g->rng, 98) ? types[rng_below(&g->rng, 5)] : 7;
	op->num[2] = rng_chance(&g->rng, 80) ? SEEK_SET : (int64_t)rng_below(&g->rng, 3);
	op->num[3] = rng_chance(&g->rng, 80) ? (int64_t)rng_below(&g->rng, 50)
					     : gen_offset(g, op->num[0]);
	op->num[4] = (int64_t)rng_below(&g->rng, 30) - (rng_chance(&g->rng, 10) ? 20 : 0);
	op->num[5] = rng_chance(&g->rng, 40); /* OFD */
}

/* A directory's position is its file system's own, so nothing may be counted from there. */
static bool position_is_private(int fd, int64_t whence)
{
	struct stat st;

	return whence == SEEK_CUR && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
}

static struct flock lock_of(int fd, const struct op *op)
{
	return (struct flock){.l_type = (short)op->num[1],
			      .l_whence = position_is_private(fd, op->num[2]) ? SEEK_SET
									      : (short)op->num[2],
			      .l_start = op->num[3],
			      .l_len = op->num[4]};
}

static void exec_setlk(struct worker *w, const struct op *op, struct result *r)
{
	int fd = worker_fd(w, op->num[0]);
	struct flock fl = lock_of(fd, op);

	worker_done(r, fcntl(fd, op->num[5] ? F_OFD_SETLK : F_SETLK, &fl));
}

/* The holder's pid differs between the sides: what counts is which of our processes it is. */
static int holder(const struct worker *w, pid_t pid)
{
	for (int p = 0; p < PROCS_MAX; p++)
		if (pid > 0 && w->shm->pid[p][w->side] == pid)
			return p;
	return (int)pid;
}

static void exec_getlk(struct worker *w, const struct op *op, struct result *r)
{
	int fd = worker_fd(w, op->num[0]);
	struct flock fl = lock_of(fd, op);

	worker_done(r, fcntl(fd, op->num[5] ? F_OFD_GETLK : F_GETLK, &fl));
	if (r->err)
		return;
	if (fl.l_type == F_UNLCK)
		worker_say(w, r, "unlocked");
	else
		worker_say(w, r, "type=%d start=%lld len=%lld holder=%d", fl.l_type,
			   (long long)fl.l_start, (long long)fl.l_len, holder(w, fl.l_pid));
}

static void gen_flock(struct gen *g, struct op *op)
{
	static const int how[] = {LOCK_SH, LOCK_EX, LOCK_EX, LOCK_UN, LOCK_UN};

	op->num[0] = gen_handle(g, WANT_ANY);
	op->num[1] = RNG_PICK(&g->rng, how);
}

static void exec_flock(struct worker *w, const struct op *op, struct result *r)
{
	worker_done(r, flock(worker_fd(w, op->num[0]), (int)op->num[1] | LOCK_NB));
}

static void gen_lease(struct gen *g, struct op *op)
{
	op->num[0] = gen_handle(g, WANT_FILE);
	op->num[1] = rng_chance(&g->rng, 50) ? F_RDLCK : F_WRLCK;
}

/* Taken and given back at once: a kept lease would make the next open wait. */
static void exec_lease(struct worker *w, const struct op *op, struct result *r)
{
	int fd = worker_fd(w, op->num[0]);

	worker_done(r, fcntl(fd, F_SETLEASE, (int)op->num[1]));
	if (r->err == 0)
		worker_say(w, r, "lease=%d", fcntl(fd, F_GETLEASE));
	fcntl(fd, F_SETLEASE, F_UNLCK);
}

static const struct op_row rows[] = {
	{"setlk", "locks", 24, 0, "hddddd", gen_lock, exec_setlk},
	{"getlk", "locks", 14, 0, "hddddd", gen_lock, exec_getlk},
	{"flock", "locks", 12, 0, "hd", gen_flock, exec_flock},
	{"lease", "locks", 3, 0, "hd", gen_lease, exec_lease},
};

const struct op_table ops_locks = OP_TABLE(rows);
