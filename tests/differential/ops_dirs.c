/*
 * Operations that list directories: streams kept open across changes, positions in them, and whole
 * listings. Knows nothing of the other side.
 */
#include "allow.h"
#include "dirlist.h"
#include "gen.h"
#include "ops.h"
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static void gen_readdir(struct gen *g, struct op *op)
{
	/* Smaller buffers fail or not depending on the order of entries, which is free. */
	static const int64_t sizes[] = {300, 300, 600, 1000, 65536};

	op->num[0] = gen_handle(g, WANT_DIR);
	op->num[1] = RNG_PICK(&g->rng, sizes);
}

/* How many entries a batch holds differs between file systems, so only the verdict at the stream's
 * end is compared. */
static void exec_readdir(struct worker *w, const struct op *op, struct result *r)
{
	char complaint[256] = "";

	worker_done(r,
		    stream_read(&w->handle[op->num[0]].stream, worker_fd(w, op->num[0]),
				(size_t)op->num[1], &w->shm->churn, complaint, sizeof(complaint)));
	worker_say(w, r, "%s", complaint);
}

static void gen_seekdir(struct gen *g, struct op *op)
{
	op->num[0] = gen_handle(g, WANT_DIR);
	op->num[1] = rng_chance(&g->rng, 40) ? 0 : (int64_t)rng_below(&g->rng, 12);
}

/* See the list of allowed differences. */
static bool is_removed(int fd)
{
	struct stat st;

	return allow_is_on("ext4-removed") && fstat(fd, &st) == 0 && st.st_nlink == 0;
}

static void exec_seekdir(struct worker *w, const struct op *op, struct result *r)
{
	if (is_removed(worker_fd(w, op->num[0]))) {
		worker_done(r, 0);
		return;
	}
	worker_done(r, stream_seek(&w->handle[op->num[0]].stream, worker_fd(w, op->num[0]),
				   (size_t)op->num[1], &w->shm->churn));
}

static void gen_list(struct gen *g, struct op *op)
{
	gen_path(g, op, 0, WANT_DIR);
}

static void exec_list(struct worker *w, const struct op *op, struct result *r)
{
	int fd = openat(worker_base(w, op, 0), w->path[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirlist l;
	int err;

	worker_done(r, fd < 0 ? -1 : dirlist_read(&l, fd, 0));
	if (fd < 0)
		return;
	err = r->err;
	close(fd);
	if (err)
		return;
	r->ret = (int64_t)l.n;
	for (size_t i = 0; i < l.n; i++)
		worker_say(w, r, "%d %s\n", l.entry[i].type, l.entry[i].name);
	dirlist_free(&l);
}

static const struct op_row rows[] = {
	{"readdir", "dirs", 40, ROW_READS, "hd", gen_readdir, exec_readdir},
	{"seekdir", "dirs", 10, 0, "hd", gen_seekdir, exec_seekdir},
	{"list", "dirs", 12, ROW_READS | ROW_AT, "p", gen_list, exec_list},
};

const struct op_table ops_dirs = OP_TABLE(rows);
