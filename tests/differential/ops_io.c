/*
 * Operations that read and write through handles, and move their positions.
 * Knows nothing of the other side.
 */
#include "fill.h"
#include "gen.h"
#include "ops.h"
#include "spare.h"
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

enum { IO_MAX = 512 << 10, PAGE = 4096 };

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

/* Whether this one is left out, as if it had moved nothing: off is where, -1 for the position. */
static bool read_spared(struct worker *w, const struct op *op, int64_t off, struct result *r)
{
	if (!spare_read(worker_fd(w, op->num[0]), off, (int64_t)io_len(op->num[1])))
		return false;
	worker_done(r, 0);
	return true;
}

static bool write_spared(struct worker *w, const struct op *op, int64_t off, struct result *r)
{
	if (!spare_write(worker_fd(w, op->num[0]), off, (int64_t)io_len(op->num[1])))
		return false;
	worker_done(r, 0);
	return true;
}

/* A directory's positions are its file system's own, and belong to its stream. */
static bool is_dir(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
}

static void exec_read(struct worker *w, const struct op *op, struct result *r)
{
	int fd = worker_fd(w, op->num[0]);
	size_t len = io_len(op->num[1]);

	if (read_spared(w, op, -1, r))
		return;
	worker_done(r,
		    is_dir(fd) ? pread(fd, worker_data(w), len, 0) : read(fd, worker_data(w), len));
	keep_read(r);
}

static void exec_pread(struct worker *w, const struct op *op, struct result *r)
{
	if (read_spared(w, op, op->num[2], r))
		return;
	worker_done(
		r, pread(worker_fd(w, op->num[0]), worker_data(w), io_len(op->num[1]), op->num[2]));
	keep_read(r);
}

/* About an n-th of len; where len is whole pages, which direct I/O needs, so is this. */
static size_t piece(size_t len, size_t n)
{
	return len % PAGE ? len / n : len / PAGE / n * PAGE;
}

static void exec_preadv(struct worker *w, const struct op *op, struct result *r)
{
	size_t len = io_len(op->num[1]), third = piece(len, 3);
	unsigned char *d = worker_data(w);
	struct iovec v[3] = {{d, third}, {d + third, third}, {d + 2 * third, len - 2 * third}};

	if (read_spared(w, op, op->num[2], r))
		return;
	worker_done(r, preadv(worker_fd(w, op->num[0]), v, 3, op->num[2]));
	keep_read(r);
}

static void exec_write(struct worker *w, const struct op *op, struct result *r)
{
	size_t len = io_len(op->num[1]);

	if (write_spared(w, op, -1, r))
		return;
	fill_bytes(worker_data(w), len, op->num[3]);
	worker_done(r, write(worker_fd(w, op->num[0]), worker_data(w), len));
}

static void exec_pwrite(struct worker *w, const struct op *op, struct result *r)
{
	size_t len = io_len(op->num[1]);

	if (write_spared(w, op, op->num[2], r))
		return;
	fill_bytes(worker_data(w), len, op->num[3]);
	worker_done(r, pwrite(worker_fd(w, op->num[0]), worker_data(w), len, op->num[2]));
}

static void exec_writev(struct worker *w, const struct op *op, struct result *r)
{
	size_t len = io_len(op->num[1]), part = piece(len, 4);
	unsigned char *d = worker_data(w);
	struct iovec v[3] = {{d, part}, {d, 0}, {d + part, len - part}};

	if (write_spared(w, op, op->num[2] ? op->num[2] : -1, r))
		return;
	fill_bytes(d, len, op->num[3]);
	worker_done(r, op->num[2] ? pwritev(worker_fd(w, op->num[0]), v, 3, op->num[2])
				  : writev(worker_fd(w, op->num[0]), v, 3));
}

/* ---- writes with flags of their own; those that every file system of the kernel serves ---- */

static void gen_flagged(struct gen *g, struct op *op)
{
	static const int flags[] = {RWF_APPEND, RWF_APPEND, RWF_APPEND,
				    RWF_DSYNC,  RWF_SYNC,   RWF_APPEND | RWF_SYNC,
				    0x4000};

	gen_transfer(g, op);
	op->num[4] = RNG_PICK(&g->rng, flags);
	if (rng_chance(&g->rng, 20))
		op->num[2] = -1;
}

static void exec_flagged(struct worker *w, const struct op *op, struct result *r)
{
	size_t len = io_len(op->num[1]);
	struct iovec v = {worker_data(w), len};

	if (write_spared(w, op, 1, r)) /* nothing direct: where it goes is its flags' affair */
		return;
	fill_bytes(worker_data(w), len, op->num[3]);
	worker_done(r, pwritev2(worker_fd(w, op->num[0]), &v, 1, op->num[2], (int)op->num[4]));
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
	if (fd >= 0 && spare_write(fd, op->num[1], (int64_t)io_len(op->num[0])))
		worker_done(r, 0);
	else
		worker_done(r, fd < 0 ? -1
				      : pwrite(fd, worker_data(w), io_len(op->num[0]), op->num[1]));
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

/* Whether lseek would lead behind the end of the largest possible file: see the list of allowed
 * differences. */
static bool leads_too_far(int fd, const struct op *op)
{
	int64_t from = 0, to;
	struct stat st;

	if (op->num[2] > SEEK_END)
		return false;
	if (op->num[2] == SEEK_CUR)
		from = lseek(fd, 0, SEEK_CUR);
	else if (op->num[2] == SEEK_END && fstat(fd, &st) == 0)
		from = st.st_size;
	return !__builtin_add_overflow(from, op->num[1], &to) && spare_far(to);
}

static void exec_lseek(struct worker *w, const struct op *op, struct result *r)
{
	int fd = worker_fd(w, op->num[0]);

	if (is_dir(fd) || leads_too_far(fd, op))
		worker_done(r, 0);
	else
		worker_done(r, lseek(fd, op->num[1], (int)op->num[2]));
}

/* The position is put back: where maps of holes may differ, what is read next must not. */
static void exec_seekmap(struct worker *w, const struct op *op, struct result *r)
{
	int fd = worker_fd(w, op->num[0]);
	off_t was = lseek(fd, 0, SEEK_CUR);

	/* just below the largest offset the end of a tmpfs page is beyond it: its answer is no
	 * offset */
	if (op->num[1] > INT64_MAX - (1 << 20)) {
		worker_done(r, 0);
		return;
	}
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
	{"flagged", "io", 10, 0, "hdddx", gen_flagged, exec_flagged},
	{"dread", "io", 6, ROW_READS, "ddp", gen_direct, exec_dread},
	{"dwrite", "io", 6, 0, "dddp", gen_direct, exec_dwrite},
	{"lseek", "io", 14, 0, "hdd", gen_lseek, exec_lseek},
	{"seekmap", "io", 12, ROW_SEEKS, "hdd", gen_seekmap, exec_seekmap},
	{"sync", "io", 6, 0, "hd", gen_sync, exec_sync},
};

const struct op_table ops_io = OP_TABLE(rows);
