/*
 * Runs one operation in the process of one user on one side, and takes the stats around it.
 * Knows nothing of the other side and of how the order came here.
 */
#include "worker.h"

#include "expr.h"
#include "fault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void worker_init(struct worker *w, int side, int proc, struct shared *shm)
{
	memset(w, 0, sizeof(*w));
	w->side = side;
	w->proc = proc;
	w->shm = shm;
	for (int h = 0; h < HANDLES; h++)
		w->handle[h].fd = -1;
}

int worker_fd(const struct worker *w, int64_t h)
{
	return w->handle[h].fd;
}

int worker_base(const struct worker *w, const struct op *op, int i)
{
	return op->base[i] < 0 ? AT_FDCWD : w->handle[op->base[i]].fd;
}

unsigned char *worker_data(struct worker *w)
{
	return w->shm->data[w->side];
}

void worker_done(struct result *r, int64_t ret)
{
	r->ret = ret;
	r->err = ret < 0 ? errno : 0;
}

int worker_close(struct worker *w, int64_t h)
{
	struct handle *handle = &w->handle[h];
	int fd = handle->fd;

	if (handle->map)
		munmap(handle->map, handle->map_len);
	stream_free(&handle->stream);
	*handle = (struct handle){.fd = -1};
	return close(fd);
}

void worker_install(struct worker *w, int64_t h, int fd, struct result *r)
{
	worker_done(r, fd < 0 ? -1 : 0);
	if (fd < 0)
		return;
	if (w->handle[h].fd >= 0)
		worker_close(w, h);
	w->handle[h].fd = fd;
	stream_reset(&w->handle[h].stream, &w->shm->churn);
}

void worker_say(struct worker *w, struct result *r, const char *fmt, ...)
{
	size_t room = DATA_MAX - r->data_len;
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf((char *)worker_data(w) + r->data_len, room, fmt, ap);
	va_end(ap);
	if (n > 0)
		r->data_len += (uint32_t)((size_t)n < room ? (size_t)n : room - 1);
}

long worker_value(struct worker *w, const char *expr)
{
	long len = expr_expand(expr, w->value, sizeof(w->value));

	if (len < 0)
		errno = EINVAL;
	return len;
}

/* ---- snapshots ---- */

static void snap_take(struct snap *s, int base, const char *path, int flags)
{
	s->err = statx(base, path, flags, STATX_BASIC_STATS, &s->st) < 0 ? errno : 0;
}

/* The directory part of a path, as text: never empty. */
static void parent_of(const char *path, char *out)
{
	size_t n = strlen(path);

	while (n > 1 && path[n - 1] == '/')
		n--;
	while (n > 0 && path[n - 1] != '/')
		n--;
	if (n == 0) {
		strcpy(out, ".");
		return;
	}
	memcpy(out, path, n);
	out[n] = '\0';
}

static void snap_path(struct worker *w, const struct op *op, int i, struct snap *snaps)
{
	static char parent[PATH_BYTES];
	int base = worker_base(w, op, i);
	struct snap *s = snaps + (i == 0 ? SNAP_PATH0 : SNAP_PATH1);

	snap_take(s, base, w->path[i], AT_SYMLINK_NOFOLLOW);
	if (s->err == 0 && S_ISLNK(s->st.stx_mode))
		snap_take(s + 1, base, w->path[i], 0);
	parent_of(w->path[i], parent);
	snap_take(s + 2, base, parent, 0);
}

static void worker_snap(struct worker *w, const struct op *op, struct snap *snaps)
{
	const char *sig = op_row(op->kind)->sig;
	int handles = 0;

	for (int s = 0; s < SNAP_SLOTS; s++)
		snaps[s].err = SNAP_NONE;
	for (int i = 0; sig[i]; i++) {
		int at = op_arg_index(sig, i);

		if (sig[i] == 'p')
			snap_path(w, op, at, snaps);
		else if (sig[i] == 'h' || sig[i] == 'H')
			snap_take(&snaps[SNAP_HANDLE0 + handles++], worker_fd(w, op->num[at]), "",
				  AT_EMPTY_PATH);
	}
}

static int expand_paths(struct worker *w, const struct op *op)
{
	const char *sig = op_row(op->kind)->sig;

	for (int i = 0; sig[i]; i++) {
		int at = op_arg_index(sig, i);

		if (sig[i] == 'p' && expr_expand(op->str[at], w->path[at], PATH_BYTES) < 0)
			return -1;
	}
	return 0;
}

void worker_prepare(struct worker *w, const struct op *op, struct result *r)
{
	if (expand_paths(w, op) == 0)
		worker_snap(w, op, r->before);
}

void worker_run(struct worker *w, const struct op *op, struct result *r)
{
	r->ret = -1;
	r->err = EINVAL;
	r->data_len = 0;
	for (int s = 0; s < SNAP_SLOTS; s++)
		r->after[s].err = SNAP_NONE;
	if (expand_paths(w, op) < 0)
		return;
	errno = 0;
	if (!fault_instead(w, op, r))
		op_row(op->kind)->exec(w, op, r);
	if (!(op->flags & OP_UNSEEN))
		worker_snap(w, op, r->after);
	fault_after(w, op, r);
}
