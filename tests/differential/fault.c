/*
 * The self-test's lies (see fault.h).  Each depends only on the operation and its result, never on
 * chance or count, so that a lie comes back when a sequence is shrunk and replayed.
 */
#include "fault.h"

#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static bool is(const struct op *op, const char *name)
{
	return strcmp(op_row(op->kind)->name, name) == 0;
}

/* ---- instead of the operation ---- */

static bool lost_write(struct worker *w, const struct op *op, struct result *r)
{
	int mode;

	if (!is(op, "pwrite") || op->num[1] < 100 || op->num[2] < 4096)
		return false;
	mode = fcntl(worker_fd(w, op->num[0]), F_GETFL);
	if (mode < 0 || (mode & O_ACCMODE) == O_RDONLY)
		return false;
	r->ret = op->num[1];
	r->err = 0;
	return true;
}

static bool no_unlock(struct worker *w, const struct op *op, struct result *r)
{
	if (!is(op, "flock") || op->num[1] != LOCK_UN || worker_fd(w, op->num[0]) < 0)
		return false;
	r->ret = 0;
	r->err = 0;
	return true;
}

static bool lost_acl(struct worker *w, const struct op *op, struct result *r)
{
	(void)w;
	if (!is(op, "setxattr") || !strstr(op->str[0], "u1001:7,g:5,m:7"))
		return false;
	r->ret = 0;
	r->err = 0;
	return true;
}

static bool hang(struct worker *w, const struct op *op, struct result *r)
{
	(void)w;
	(void)r;
	while (is(op, "rename") && op->num[0] != 0)
		pause();
	return false;
}

/* ---- falsified results ---- */

static void wrong_errno(struct worker *w, const struct op *op, struct result *r)
{
	(void)w;
	(void)op;
	if (r->err == ENOTEMPTY)
		r->err = EEXIST;
}

static void wrong_byte(struct worker *w, const struct op *op, struct result *r)
{
	if (is(op, "pread") && r->data_len > 300)
		worker_data(w)[r->data_len - 1] ^= 4;
}

static void wrong_nlink(struct worker *w, const struct op *op, struct result *r)
{
	(void)w;
	(void)op;
	for (int s = 0; s < SNAP_SLOTS; s++)
		if (r->after[s].err == 0 && S_ISREG(r->after[s].st.stx_mode) &&
		    r->after[s].st.stx_nlink > 2)
			r->after[s].st.stx_nlink--;
}

static void frozen_ctime(struct worker *w, const struct op *op, struct result *r)
{
	(void)w;
	if (op->flags & OP_TIMED && is(op, "chmod"))
		r->after[SNAP_PATH0].st.stx_ctime = r->before[SNAP_PATH0].st.stx_ctime;
}

static void rounded_time(struct worker *w, const struct op *op, struct result *r)
{
	(void)w;
	(void)op;
	for (int s = 0; s < SNAP_SLOTS; s++)
		if (r->after[s].st.stx_mtime.tv_nsec == 999999999)
			r->after[s].st.stx_mtime.tv_nsec = 999999000;
}

static void short_list(struct worker *w, const struct op *op, struct result *r)
{
	unsigned char *d = worker_data(w);

	if (!is(op, "list") || r->ret < 5)
		return;
	r->data_len--;
	while (r->data_len && d[r->data_len - 1] != '\n')
		r->data_len--;
}

static void stream_gap(struct worker *w, const struct op *op, struct result *r)
{
	struct stream *s;

	(void)r;
	if (!is(op, "readdir"))
		return;
	s = &w->handle[op->num[0]].stream;
	if (s->n > 4)
		s->seen[3].name ^= 1;
}

static void walk_content(struct worker *w, const struct op *op, struct result *r)
{
	struct tree_rec rec;
	struct tree_view v;

	if (!is(op, "walk"))
		return;
	for (size_t at = 0, was = 0; tree_next(worker_data(w), r->data_len, &at, &v); was = at) {
		if (v.rec.content == 0)
			continue;
		rec = v.rec;
		rec.content ^= 1;
		memcpy(worker_data(w) + was, &rec, sizeof(rec));
	}
}

static void wrong_verdict(struct worker *w, const struct op *op, struct result *r)
{
	if ((is(op, "fill") || is(op, "fsize") || is(op, "exec")) && r->data_len > 0)
		worker_data(w)[r->data_len - 1] ^= 1;
}

static const struct fault {
	const char *name;
	const char *what;
	bool (*instead)(struct worker *w, const struct op *op, struct result *r);
	void (*after)(struct worker *w, const struct op *op, struct result *r);
} faults[] = {
	{"errno", "ENOTEMPTY becomes EEXIST", NULL, wrong_errno},
	{"byte", "a read of some length has one bit turned", NULL, wrong_byte},
	{"nlink", "files of three or more links show one less", NULL, wrong_nlink},
	{"ctime", "chmod does not move ctime", NULL, frozen_ctime},
	{"nsec", "999999999 ns is rounded", NULL, rounded_time},
	{"listing", "listings of five or more lack the last name", NULL, short_list},
	{"stream", "a directory stream shows a wrong name", NULL, stream_gap},
	{"content", "hashes of walked files are wrong", NULL, walk_content},
	{"verdict", "what happened at a limit is told wrong", NULL, wrong_verdict},
	{"write", "some writes are only pretended", lost_write, NULL},
	{"unlock", "flock's LOCK_UN is only pretended", no_unlock, NULL},
	{"acl", "setting one ACL is only pretended", lost_acl, NULL},
	{"hang", "rename with flags never comes back", hang, NULL},
};
enum { FAULTS = sizeof(faults) / sizeof(faults[0]) };

static const struct fault *chosen;

bool fault_choose(const char *name)
{
	for (int i = 0; i < FAULTS; i++)
		if (strcmp(faults[i].name, name) == 0)
			chosen = &faults[i];
	return chosen;
}

void fault_list(FILE *out)
{
	for (int i = 0; i < FAULTS; i++)
		fprintf(out, "%-8s %s\n", faults[i].name, faults[i].what);
}

bool fault_instead(struct worker *w, const struct op *op, struct result *r)
{
	return chosen && w->side == 0 && chosen->instead && chosen->instead(w, op, r);
}

void fault_after(struct worker *w, const struct op *op, struct result *r)
{
	if (chosen && w->side == 0 && chosen->after)
		chosen->after(w, op, r);
}
