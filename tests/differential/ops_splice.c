/*
 * Operations that move data between files without passing through memory of ours: sendfile(2), and
 * splice(2) by way of a pipe.  Knows nothing of the other side.
 */
#include "gen.h"
#include "ops.h"
#include "spare.h"
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIPE_ROOM = 16 * 4096 /* bytes that a fresh pipe takes without waiting */ };

static void gen_splice(struct gen *g, struct op *op)
{
	op->num[0] = gen_handle(g, WANT_FILE);
	op->num[1] = rng_chance(&g->rng, 20) ? -1 : gen_offset(g, op->num[0]);
	op->num[2] = gen_handle(g, WANT_FILE);
	op->num[3] = rng_chance(&g->rng, 20) ? -1 : gen_offset(g, op->num[2]);
	op->num[4] = gen_length(g);
}

/* Left out are files onto themselves: a pipe holds their pages and not copies, so what is written
 * may change what is still to be read.  And directories, whose positions are their own. */
static bool left_out(int in, int64_t from, int out, int64_t to)
{
	struct stat a, b;

	if (fstat(in, &a) == 0 &&
	    (S_ISDIR(a.st_mode) || (fstat(out, &b) == 0 && a.st_ino == b.st_ino)))
		return true;
	return spare_splice(in, from, out, to);
}

static void exec_sendfile(struct worker *w, const struct op *op, struct result *r)
{
	int in = worker_fd(w, op->num[0]), out = worker_fd(w, op->num[2]);
	off_t from = op->num[1];

	if (left_out(in, from, out, -1)) {
		worker_done(r, 0);
		return;
	}
	worker_done(r, sendfile(out, in, from == -1 ? NULL : &from, (size_t)op->num[4]));
}

/* Puts what the pipe holds into the file; -1 if it does not take all. */
static int64_t drain(int pipe, int out, off64_t *to, int64_t held)
{
	for (int64_t done = 0; done < held;) {
		ssize_t put = splice(pipe, NULL, out, to, (size_t)(held - done), 0);

		if (put < 0)
			return -1;
		if (put == 0)
			return done;
		done += put;
	}
	return held;
}

/* How much one splice takes is the file system's own affair, so it goes on to the end. */
static int64_t by_pipe(const int pipe[2], const struct op *op, int in, int out)
{
	off64_t from = op->num[1], to = op->num[3];
	int64_t total = 0, got = 1, left = op->num[4] < PIPE_ROOM ? op->num[4] : PIPE_ROOM;

	for (; left > 0 && got > 0; left -= got, total += got) {
		got = splice(in, from == -1 ? NULL : &from, pipe[1], NULL, (size_t)left,
			     SPLICE_F_NONBLOCK);
		if (got > 0)
			got = drain(pipe[0], out, to == -1 ? NULL : &to, got);
		if (got < 0)
			return -1;
	}
	return total;
}

static void exec_splice(struct worker *w, const struct op *op, struct result *r)
{
	int in = worker_fd(w, op->num[0]), out = worker_fd(w, op->num[2]);
	int pipe[2];

	if (left_out(in, op->num[1], out, op->num[3])) {
		worker_done(r, 0);
		return;
	}
	if (pipe2(pipe, O_CLOEXEC) < 0) {
		worker_done(r, -1);
		return;
	}
	worker_done(r, by_pipe(pipe, op, in, out));
	close(pipe[0]);
	close(pipe[1]);
}

static const struct op_row rows[] = {
	{"sendfile", "io", 6, ROW_READS, "hdhdd", gen_splice, exec_sendfile},
	{"splice", "io", 6, ROW_READS, "hdhdd", gen_splice, exec_splice},
};

const struct op_table ops_splice = OP_TABLE(rows);
