/*
 * Operations that read and write through handles, and move their positions.
 * Knows nothing of the other side.
 */
#include "fill.h"
#include "gen.h"
#include "ops.h"
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

enum { IO_MAX = 512 << 10 };

static size_t io_len(int64_t len)
{
	return len < 0 ? 0 : len > IO_MAX ? IO_MAX : (size_t)len;
}

static void gen_transfer(struct gen *g, struct op *op)
{
	op->num[0] = gen_handle(g, WANT_FILE);
	op->num[1] = gen_length(g);
	op->num[2] = gen_offset(g, op->num[0]);
	op->num[3] = rng_chance(&g->rng, 10) ? 0 : (int64_t)rng_below(&g->rng, 1000);
}

static void keep_read(struct result *r)
{
	r->data_len = r->ret > 0 ? (uint32_t)r->ret : 0;
}

static void exec_read(struct worker *w, const struct op *op, struct result *r)
{
	worker_done(r, read(worker_fd(w, op->num[0]), worker_data(w), io_len(op->num[1])));
	keep_read(r);
}

static void exec_pread(struct worker *w, const struct op *op, struct result *r)
{
	worker_done(
		r, pread(worker_fd(w, op->num[0]), worker_data(w), io_len(op->num[1]), op->num[2]));
	keep_read(r);
}

static void exec_preadv(struct worker *w, const struct op *op, struct result *r)
{
	size_t len = io_len(op->num[1]), third = len / 3;
	unsigned char *d = worker_data(w);
	struct iovec v[3] = {{d, third}, {d + third, third}, {d + 2 * third, len - 2 * third}};

	worker_done(r, preadv(worker_fd(w, op->num[0]), v, 3, op->num[2]));
	keep_read(r);
}

static void exec_write(struct worker *w, const struct op *op, struct result *r)
{
	size_t len = io_len(op->num[1]);

	fill_bytes(worker_data(w), len, op->num[3]);
	worker_done(r, write(worker_fd(w, op->num[0]), worker_data(w), len));
}

static void exec_pwrite(struct worker *w, const struct op *op, struct result *r)
{
	size_t len = io_len(op->num[1]);

	fill_bytes(worker_data(w), len, op->num[3]);
	worker_done(r, pwrite(worker_fd(w, op->num[0]), worker_data(w), len, op->num[2]));
}

static void exec_writev(struct worker *w, const struct op *op, struct result *r)
{
	size_t len = io_len(op->num[1]), part = len / 4;
	unsigned char *d = worker_data(w);
	struct iovec v[3] = {{d, part}, {d, 0}, {d + part, len - part}};

	fill_bytes(d, len, op->num[3]);
	worker_done(r, op->num[2] ? pwritev(worker_fd(w, op->num[0]), v, 3, op->num[2])
				  : writev(worker_fd(w, op->num[0]), v, 3));
}

/* ---- direct I/O: its own open, so that it needs no handle that happens to be O_DIRECT ---- */

static void gen_direct(struct gen *g, struct op *op)
{
	op->num[0] = (int64_t)rng_below(&g->rng, 9) * 4096;
	op->num[1] = (int64_t)rng_below(&g->rng, 20) * 4096;
	op->num[2] = (int64_t)rng_below(&g->rng, 1000);
	gen_path(g, op, 0, WANT_FILE);
}

static int open_direct(struct worker *w, int flags)
{
	return open(w->path[0], flags | O_DIRECT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static void exec_dread(struct worker *w, const struct op *op, struct result *r)
{
	int fd = open_direct(w, O_RDONLY);

	worker_done(r, fd < 0 ? -1 : pread(fd, worker_data(w), io_len(op->num[0]), op->num[1]));
	keep_read(r);
	if (fd >= 0)
		close(fd);
}

static void exec_dwrite(struct worker *w, const struct op *op, struct result *r)
{
	int fd = open_direct(w, O_WRONLY);

	fill_bytes(worker_data(w), io_len(op->num[0]), op->num[2]);
	worker_done(r, fd < 0 ? -1 : pwrite(fd, worker_data(w), io_len(op->num[0]), op->num[1]));
	if (fd >= 0)
		close(fd);
}

/* ---- positions ---- */

static void gen_lseek(struct gen *g, struct op *op)
{
	static const int whence[] = {SEEK_SET, SEEK_CUR, SEEK_END, SEEK_END, SEEK_SET, 5, 17};

	op->num[0] = gen_handle(g, WANT_FILE);
	op->num[1] = gen_offset(g, op->num[0]);
	op->num[2] = RNG_PICK(&g->rng, whence);
	if (op->num[2] != SEEK_SET && rng_chance(&g->rng, 50))
		op->num[1] = -(int64_t)rng_below(&g->rng, 5000);
}

static void gen_seekmap(struct gen *g, struct op *op)
{
	op->num[0] = gen_handle(g, WANT_FILE);
	op->num[1] = gen_offset(g, op->num[0]);
	op->num[2] = rng_chance(&g->rng, 50) ? SEEK_DATA : SEEK_HOLE;
}

/* A directory's positions are its file system's own, and belong to its stream. */
static void exec_lseek(struct worker *w, const struct op *op, struct result *r)
{
	int fd = worker_fd(w, op->num[0]);
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
		worker_done(r, 0);
	else
		worker_done(r, lseek(fd, op->num[1], (int)op->num[2]));
}

/* The position is put back: where maps of holes may differ, what is read next must not. */
static void exec_seekmap(struct worker *w, const struct op *op, struct result *r)
{
	int fd = worker_fd(w, op->num[0]);
	off_t was = lseek(fd, 0, SEEK_CUR);

	exec_lseek(w, op, r);
	lseek(fd, was, SEEK_SET);
}

static void gen_sync(struct gen *g, struct op *op)
{
	op->num[0] = gen_handle(g, WANT_ANY);
	op->num[1] = (int64_t)rng_below(&g->rng, 2);
}

static void exec_sync(struct worker *w, const struct op *op, struct result *r)
{
	int fd = worker_fd(w, op->num[0]);

	worker_done(r, op->num[1] ? fdatasync(fd) : fsync(fd));
}

static const struct op_row rows[] = {
	{"read", "io", 25, ROW_READS, "hd", gen_transfer, exec_read},
	{"pread", "io", 40, ROW_READS, "hdd", gen_transfer, exec_pread},
	{"preadv", "io", 6, ROW_READS, "hdd", gen_transfer, exec_preadv},
	{"write", "io", 40, 0, "hddd", gen_transfer, exec_write},
	{"pwrite", "io", 60, 0, "hddd", gen_transfer, exec_pwrite},
	{"writev", "io", 10, 0, "hddd", gen_transfer, exec_writev},
	{"dread", "io", 6, ROW_READS, "ddp", gen_direct, exec_dread},
	{"dwrite", "io", 6, 0, "dddp", gen_direct, exec_dwrite},
	{"lseek", "io", 14, 0, "hdd", gen_lseek, exec_lseek},
	{"seekmap", "io", 12, ROW_SEEKS, "hdd", gen_seekmap, exec_seekmap},
	{"sync", "io", 6, 0, "hd", gen_sync, exec_sync},
};

const struct op_table ops_io = OP_TABLE(rows);
