/*
 * Operations that make, copy and close handles, and give an unnamed file a name.
 * Knows nothing of the other side.
 */
#include "allow.h"
#include "gen.h"
#include "ops.h"
#include "spare.h"
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* Fifos and devices must not make a process wait. */
static const int always = O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

static int random_flags(struct gen *g)
{
	static const int likely[] = {O_CREAT,          O_CREAT, O_CREAT,
				     O_CREAT | O_EXCL, O_TRUNC, O_APPEND};
	static const int rare[] = {O_NOFOLLOW, O_DIRECTORY, O_PATH, O_SYNC,  O_DSYNC,
				   O_DIRECT,   O_NOATIME,   O_EXCL, O_TRUNC, O_CREAT};
	int flags = (int)rng_below(&g->rng, 3);

	if (rng_chance(&g->rng, 40))
		flags = O_RDWR;
	if (rng_chance(&g->rng, 1))
		flags = O_ACCMODE;
	if (rng_chance(&g->rng, 70))
		flags |= RNG_PICK(&g->rng, likely);
	for (int i = 0; i < 2; i++)
		if (rng_chance(&g->rng, 15))
			flags |= RNG_PICK(&g->rng, rare);
	return flags;
}

static void gen_open(struct gen *g, struct op *op)
{
	op->num[0] = gen_new_handle(g);
	op->num[1] = random_flags(g);
	op->num[2] = op->num[1] & O_CREAT ? gen_mode(g) : 0;
	gen_path(g, op, 0, op->num[1] & O_CREAT && rng_chance(&g->rng, 60) ? WANT_NEW : WANT_FILE);
}

static void gen_opendir(struct gen *g, struct op *op)
{
	op->num[0] = gen_new_handle(g);
	op->num[1] = O_RDONLY | O_DIRECTORY | (rng_chance(&g->rng, 10) ? O_PATH : 0);
	gen_path(g, op, 0, WANT_DIR);
	if (rng_chance(&g->rng, 15))
		snprintf(op->str[0], OP_STR_MAX, ".");
}

static void gen_tmpfile(struct gen *g, struct op *op)
{
	op->num[0] = gen_new_handle(g);
	op->num[1] = O_TMPFILE | (rng_chance(&g->rng, 90) ? O_RDWR : (int)rng_below(&g->rng, 3)) |
		     (rng_chance(&g->rng, 15) ? O_EXCL : 0);
	op->num[2] = gen_mode(g);
	gen_path(g, op, 0, WANT_DIR);
}

static void exec_open(struct worker *w, const struct op *op, struct result *r)
{
	int base = worker_base(w, op, 0);

	if (op->num[1] & O_TRUNC && spare_resize_at(base, w->path[0]))
		worker_done(r, 0);
	else
		worker_install(
			w, op->num[0],
			openat(base, w->path[0], (int)op->num[1] | always, (mode_t)op->num[2]), r);
}

static void gen_close(struct gen *g, struct op *op)
{
	op->num[0] = gen_handle(g, WANT_ANY);
}

static void exec_close(struct worker *w, const struct op *op, struct result *r)
{
	worker_done(r, worker_close(w, op->num[0]));
}

static void gen_dup(struct gen *g, struct op *op)
{
	op->num[0] = gen_handle(g, WANT_ANY);
	op->num[1] = gen_new_handle(g);
}

static void exec_dup(struct worker *w, const struct op *op, struct result *r)
{
	int fd = dup(worker_fd(w, op->num[0]));

	worker_install(w, op->num[1], fd, r);
	w->handle[op->num[0]].stream.untracked = 1; /* two handles now move one position */
	w->handle[op->num[1]].stream.untracked = 1;
}

static void gen_reopen(struct gen *g, struct op *op)
{
	gen_dup(g, op);
	op->num[0] = gen_handle(g, WANT_DIR);
}

static void exec_reopen(struct worker *w, const struct op *op, struct result *r)
{
	worker_install(w, op->num[1],
		       openat(worker_fd(w, op->num[0]), ".", O_RDONLY | O_DIRECTORY | always), r);
}

static void gen_getfl(struct gen *g, struct op *op)
{
	op->num[0] = gen_handle(g, WANT_ANY);
}

static void exec_getfl(struct worker *w, const struct op *op, struct result *r)
{
	worker_done(r, fcntl(worker_fd(w, op->num[0]), F_GETFL));
}

static void gen_setfl(struct gen *g, struct op *op)
{
	static const int flags[] = {0,        O_APPEND,  O_APPEND,
				    O_DIRECT, O_NOATIME, O_APPEND | O_NOATIME};

	op->num[0] = gen_handle(g, WANT_FILE);
	op->num[1] = RNG_PICK(&g->rng, flags);
}

static void exec_setfl(struct worker *w, const struct op *op, struct result *r)
{
	int fd = worker_fd(w, op->num[0]), flags = (int)op->num[1], was = fcntl(fd, F_GETFL);

	if (allow_is_on("setfl-late"))
		flags = (flags & ~O_NOATIME) | (was & (O_NOATIME | O_APPEND | O_DIRECT));
	worker_done(r, fcntl(fd, F_SETFL, flags | O_NONBLOCK));
}

static void gen_linkh(struct gen *g, struct op *op)
{
	op->num[0] = gen_handle(g, WANT_FILE);
	gen_path(g, op, 0, WANT_NEW);
}

/* Names an open file: what O_TMPFILE is for, and how unlinked files must refuse it. */
static void exec_linkh(struct worker *w, const struct op *op, struct result *r)
{
	worker_done(r, linkat(worker_fd(w, op->num[0]), "", worker_base(w, op, 0), w->path[0],
			      AT_EMPTY_PATH));
}

/* The same through /proc, which needs no right to the file itself. */
static void exec_linkproc(struct worker *w, const struct op *op, struct result *r)
{
	char name[16];

	snprintf(name, sizeof(name), "%d", worker_fd(w, op->num[0]));
	worker_done(
		r, linkat(w->proc_fds, name, worker_base(w, op, 0), w->path[0], AT_SYMLINK_FOLLOW));
}

static void gen_umask(struct gen *g, struct op *op)
{
	static const int masks[] = {0, 0, 022, 002, 077, 0777, 027};

	op->num[0] = RNG_PICK(&g->rng, masks);
}

static void exec_umask(struct worker *w, const struct op *op, struct result *r)
{
	(void)w;
	worker_done(r, umask((mode_t)op->num[0]));
}

static void gen_byhandle(struct gen *g, struct op *op)
{
	op->num[0] = gen_new_handle(g);
	gen_path(g, op, 0, WANT_FILE);
}

/* The handle's bytes are the file system's own business; that it leads back to the file is ours. */
static void exec_byhandle(struct worker *w, const struct op *op, struct result *r)
{
	union {
		struct file_handle h;
		char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} u = {.h = {.handle_bytes = MAX_HANDLE_SZ}};
	int mount_id, root;

	if (name_to_handle_at(worker_base(w, op, 0), w->path[0], &u.h, &mount_id, 0) < 0) {
		worker_done(r, -1);
		return;
	}
	worker_say(w, r, "got a handle\n");
	root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	worker_install(w, op->num[0], open_by_handle_at(root, &u.h, O_RDONLY | always), r);
	if (root >= 0)
		close(root);
}

static const struct op_row rows[] = {
	{"open", "files", 90, ROW_NAMES | ROW_AT, "Hpfo", gen_open, exec_open},
	{"opendir", "dirs", 25, ROW_AT, "Hpfo", gen_opendir, exec_open},
	{"tmpfile", "files", 8, ROW_AT, "Hpfo", gen_tmpfile, exec_open},
	{"close", "files", 25, 0, "h", gen_close, exec_close},
	{"dup", "files", 4, 0, "hH", gen_dup, exec_dup},
	{"reopen", "dirs", 3, 0, "hH", gen_reopen, exec_reopen},
	{"getfl", "files", 3, 0, "h", gen_getfl, exec_getfl},
	{"setfl", "files", 3, 0, "hx", gen_setfl, exec_setfl},
	{"linkh", "names", 8, ROW_NAMES | ROW_AT, "hp", gen_linkh, exec_linkh},
	{"linkproc", "names", 8, ROW_NAMES | ROW_AT, "hp", gen_linkh, exec_linkproc},
	{"umask", "attr", 6, 0, "o", gen_umask, exec_umask},
	{"byhandle", "files", 4, ROW_AT, "Hp", gen_byhandle, exec_byhandle},
};

const struct op_table ops_open = OP_TABLE(rows);
