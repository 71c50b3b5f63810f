/*
 * Compares what the two sides gave back (see compare.h).
 * Knows nothing of processes.
 */
#include "compare.h"

#include "allow.h"
#include "tree.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <time.h>

enum { NOW_SLACK = 5 /* seconds */, CHANCE_MS = 30 };

struct judge {
	struct compare *c;
	const struct shared *shm;
	struct diff *d; /* op, row and results are filled in */
	int64_t now;
};

void compare_reset(struct compare *c)
{
	c->mapped.n = c->suid.n = 0;
	if (!c->begun)
		c->begun = time(NULL);
}

/* ---- one possible difference ---- */

static void show(char *out, size_t max, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void show(char *out, size_t max, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(out, max, fmt, ap);
	va_end(ap);
}

#define SHOW(j, fmt, x, y) \
	(show((j)->d->a, sizeof((j)->d->a), fmt, x), show((j)->d->b, sizeof((j)->d->b), fmt, y))

/* Called with the values shown: is this one to be reported? */
static bool verdict(struct judge *j, enum field field, const char *where)
{
	j->d->field = field;
	j->d->where = where;
	return !allow_check(j->d);
}

static bool differ_num(struct judge *j, enum field field, const char *where, int64_t a, int64_t b)
{
	if (a == b)
		return false;
	SHOW(j, "%lld", (long long)a, (long long)b);
	return verdict(j, field, where);
}

static const char *err_name(int err)
{
	const char *name = strerrorname_np(err);

	if (err == 0)
		return "success";
	if (err == ERR_SIGBUS)
		return "SIGBUS";
	if (err == ERR_SIGSEGV)
		return "SIGSEGV";
	return name ? name : "?";
}

static bool differ_err(struct judge *j, enum field field, const char *where, int a, int b)
{
	if (a == b)
		return false;
	SHOW(j, "%s", err_name(a), err_name(b));
	return verdict(j, field, where);
}

static bool is_now(const struct judge *j, const struct statx_timestamp *t)
{
	return t->tv_sec >= j->c->begun - NOW_SLACK && t->tv_sec <= j->now + NOW_SLACK;
}

/* Times that were set must be the same; times that mean "now" only have to mean it on both sides.
 */
static bool differ_time(struct judge *j, enum field field, const char *where,
			const struct statx_timestamp *a, const struct statx_timestamp *b)
{
	bool same;

	j->d->a_now = is_now(j, a);
	j->d->b_now = is_now(j, b);
	same = j->d->a_now && j->d->b_now;
	if (same || (a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec))
		return false;
	show(j->d->a, sizeof(j->d->a), "%lld.%09u%s", (long long)a->tv_sec, a->tv_nsec,
	     j->d->a_now ? " (now)" : "");
	show(j->d->b, sizeof(j->d->b), "%lld.%09u%s", (long long)b->tv_sec, b->tv_nsec,
	     j->d->b_now ? " (now)" : "");
	return verdict(j, field, where);
}

/* ---- stats ---- */

static void recall(struct judge *j, const struct statx *a)
{
	j->d->mapped = noted_has(&j->c->mapped, a);
	j->d->suid = noted_has(&j->c->suid, a);
}

static bool differ_stat(struct judge *j, const char *where, const struct statx *a,
			const struct statx *b)
{
	j->d->sa = a;
	j->d->sb = b;
	recall(j, a);
	if (a->stx_mode != b->stx_mode) {
		SHOW(j, "0%o", a->stx_mode, b->stx_mode);
		if (verdict(j, FIELD_MODE, where))
			return true;
	}
	return differ_num(j, FIELD_NLINK, where, a->stx_nlink, b->stx_nlink) ||
	       differ_num(j, FIELD_UID, where, a->stx_uid, b->stx_uid) ||
	       differ_num(j, FIELD_GID, where, a->stx_gid, b->stx_gid) ||
	       differ_num(j, FIELD_SIZE, where, (int64_t)a->stx_size, (int64_t)b->stx_size) ||
	       differ_num(j, FIELD_BLOCKS, where, (int64_t)a->stx_blocks, (int64_t)b->stx_blocks) ||
	       differ_num(j, FIELD_BLKSIZE, where, a->stx_blksize, b->stx_blksize) ||
	       differ_num(j, FIELD_RDEV, where,
			  (int64_t)makedev(a->stx_rdev_major, a->stx_rdev_minor),
			  (int64_t)makedev(b->stx_rdev_major, b->stx_rdev_minor)) ||
	       differ_time(j, FIELD_ATIME, where, &a->stx_atime, &b->stx_atime) ||
	       differ_time(j, FIELD_MTIME, where, &a->stx_mtime, &b->stx_mtime) ||
	       differ_time(j, FIELD_CTIME, where, &a->stx_ctime, &b->stx_ctime);
}

static bool moved(const struct statx_timestamp *before, const struct statx_timestamp *after)
{
	return before->tv_sec != after->tv_sec || before->tv_nsec != after->tv_nsec;
}

static void show_move(char *out, size_t max, const struct statx_timestamp *before,
		      const struct statx_timestamp *after)
{
	if (moved(before, after))
		snprintf(out, max, "moved, %lld.%09u to %lld.%09u", (long long)before->tv_sec,
			 before->tv_nsec, (long long)after->tv_sec, after->tv_nsec);
	else
		snprintf(out, max, "stays %lld.%09u", (long long)before->tv_sec, before->tv_nsec);
}

/*
 * before and after of one time on A and on B: moved on one side only?  Where both end at the same
 * time the difference was there before, and has been judged then.
 */
static bool differ_moved(struct judge *j, enum field field, const char *where,
			 const struct statx_timestamp *const t[4])
{
	if (moved(t[0], t[1]) == moved(t[2], t[3]) || !moved(t[1], t[3]))
		return false;
	j->d->a_moved = moved(t[0], t[1]);
	show_move(j->d->a, sizeof(j->d->a), t[0], t[1]);
	show_move(j->d->b, sizeof(j->d->b), t[2], t[3]);
	return verdict(j, field, where);
}

static bool close_by(const struct judge *j, const struct statx_timestamp *a,
		     const struct statx_timestamp *b)
{
	if (!is_now(j, a) || !is_now(j, b))
		return false;
	return llabs((a->tv_sec - b->tv_sec) * 1000 +
		     ((int64_t)a->tv_nsec - (int64_t)b->tv_nsec) / 1000000) < CHANCE_MS;
}

/*
 * relatime compares atime with the other times: where they were taken within a tick or two of each
 * other, whether a read moves atime is chance, on any file system.
 */
static bool atime_is_chance(const struct judge *j, const struct statx *st)
{
	return close_by(j, &st->stx_atime, &st->stx_mtime) ||
	       close_by(j, &st->stx_atime, &st->stx_ctime);
}

/* Whether the operation moved a time, on one side only. */
static bool differ_moves(struct judge *j, const char *where, int slot)
{
	const struct snap *a0 = &j->d->ra->before[slot], *a1 = &j->d->ra->after[slot];
	const struct snap *b0 = &j->d->rb->before[slot], *b1 = &j->d->rb->after[slot];

	if (a0->err || a1->err || b0->err || b1->err || a0->st.stx_ino != a1->st.stx_ino ||
	    b0->st.stx_ino != b1->st.stx_ino)
		return false;
	j->d->sa0 = &a0->st;
	j->d->sb0 = &b0->st;
#define FOUR(time) \
	((const struct statx_timestamp *const[]){&a0->st.time, &a1->st.time, &b0->st.time, \
						 &b1->st.time})
	return (!atime_is_chance(j, &a0->st) && !atime_is_chance(j, &b0->st) &&
		differ_moved(j, FIELD_ATIME_MOVED, where, FOUR(stx_atime))) ||
	       differ_moved(j, FIELD_MTIME_MOVED, where, FOUR(stx_mtime)) ||
	       differ_moved(j, FIELD_CTIME_MOVED, where, FOUR(stx_ctime));
#undef FOUR
}

static bool differ_snaps(struct judge *j)
{
	static const char *const names[SNAP_SLOTS] = {
		"the path",
		"what the path links to",
		"the path's directory",
		"the second path",
		"what the second path links to",
		"the second path's directory",
		"the handle",
		"the second handle",
	};

	for (int s = 0; s < SNAP_SLOTS; s++) {
		const struct snap *a = &j->d->ra->after[s], *b = &j->d->rb->after[s];

		if (differ_err(j, FIELD_STAT, names[s], a->err, b->err))
			return true;
		if (a->err || b->err)
			continue;
		if (differ_stat(j, names[s], &a->st, &b->st) ||
		    (j->d->op->flags & OP_TIMED && differ_moves(j, names[s], s)))
			return true;
	}
	j->d->sa = j->d->sb = NULL;
	return false;
}

/* ---- bytes ---- */

static bool printable(const unsigned char *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((p[i] < 0x20 || p[i] > 0x7e) && p[i] != '\n')
			return false;
	return true;
}

/* A text as it is; else the place of the first difference and some bytes from there. */
static void show_bytes(char *out, size_t max, const unsigned char *p, size_t len, size_t at)
{
	size_t n;

	if (len < max && printable(p, len)) {
		snprintf(out, max, "\"%.*s\"", (int)len, (const char *)p);
		return;
	}
	n = (size_t)snprintf(out, max, "%zu bytes, from byte %zu:", len, at);
	for (size_t i = at; i < len && i < at + 16 && n + 4 < max; i++)
		n += (size_t)snprintf(out + n, max - n, " %02x", p[i]);
}

static bool differ_data(struct judge *j)
{
	const unsigned char *a = j->shm->data[0], *b = j->shm->data[1];
	size_t na = j->d->ra->data_len, nb = j->d->rb->data_len, at = 0;

	if (na == nb && memcmp(a, b, na) == 0)
		return false;
	while (at < na && at < nb && a[at] == b[at])
		at++;
	show_bytes(j->d->a, sizeof(j->d->a), a, na, at);
	show_bytes(j->d->b, sizeof(j->d->b), b, nb, at);
	return verdict(j, FIELD_DATA, "what the call gave");
}

/* ---- walked trees ---- */

/* The first record with the same inode number, counted from the start: equal numbers must be equal
 * on both sides. */
static int64_t first_link(const unsigned char *data, size_t len, uint64_t ino)
{
	struct tree_view v;
	int64_t n = 0;

	for (size_t at = 0; tree_next(data, len, &at, &v); n++)
		if (v.rec.st.stx_ino == ino)
			break;
	return n;
}

static bool same_content(const struct tree_rec *a, const struct tree_rec *b)
{
	return a->edges == b->edges && (a->content == b->content || a->content == CONTENT_UNKNOWN ||
					b->content == CONTENT_UNKNOWN);
}

static bool differ_record(struct judge *j, const struct tree_view *a, const struct tree_view *b)
{
	if (differ_stat(j, "the entry", &a->rec.st, &b->rec.st) ||
	    differ_time(j, FIELD_BTIME, "the entry", &a->rec.st.stx_btime, &b->rec.st.stx_btime) ||
	    differ_num(j, FIELD_DIRENT, "d_type", a->rec.dtype, b->rec.dtype) ||
	    differ_num(j, FIELD_DIRENT, "d_ino and d_type agree with stat", a->rec.dirent_fits,
		       b->rec.dirent_fits))
		return true;
	if (!same_content(&a->rec, &b->rec)) {
		show(j->d->a, sizeof(j->d->a), "%016llx, edges %016llx",
		     (unsigned long long)a->rec.content, (unsigned long long)a->rec.edges);
		show(j->d->b, sizeof(j->d->b), "%016llx, edges %016llx",
		     (unsigned long long)b->rec.content, (unsigned long long)b->rec.edges);
		if (verdict(j, FIELD_CONTENT, "hash of the content"))
			return true;
	}
	if (a->text_len != b->text_len || memcmp(a->text, b->text, a->text_len) != 0) {
		show(j->d->a, sizeof(j->d->a), "%.*s", (int)a->text_len, a->text);
		show(j->d->b, sizeof(j->d->b), "%.*s", (int)b->text_len, b->text);
		if (verdict(j, FIELD_XATTRS, "name:length:hash"))
			return true;
	}
	return a->rec.st.stx_nlink > 1 && !S_ISDIR(a->rec.st.stx_mode) &&
	       differ_num(j, FIELD_LINKS, "first name of the same file",
			  first_link(j->shm->data[0], j->d->ra->data_len, a->rec.st.stx_ino),
			  first_link(j->shm->data[1], j->d->rb->data_len, b->rec.st.stx_ino));
}

static void show_name(char *out, size_t max, const struct tree_view *v, bool there)
{
	if (there)
		snprintf(out, max, "next is \"%.*s\"", (int)v->path_len, v->path);
	else
		snprintf(out, max, "nothing more");
}

static bool differ_trees(struct judge *j)
{
	struct tree_view a, b;
	size_t at_a = 0, at_b = 0;

	for (;;) {
		bool has_a = tree_next(j->shm->data[0], j->d->ra->data_len, &at_a, &a);
		bool has_b = tree_next(j->shm->data[1], j->d->rb->data_len, &at_b, &b);

		if (!has_a && !has_b)
			return false;
		if (has_a != has_b || a.path_len != b.path_len ||
		    memcmp(a.path, b.path, a.path_len) != 0) {
			show_name(j->d->a, sizeof(j->d->a), &a, has_a);
			show_name(j->d->b, sizeof(j->d->b), &b, has_b);
			return verdict(j, FIELD_TREE, "the tree's entries");
		}
		snprintf(j->d->name, sizeof(j->d->name), "%.*s", (int)a.path_len, a.path);
		if (differ_record(j, &a, &b))
			return true;
	}
}

/* ---- all of one operation ---- */

/* From here on the file's times and blocks are the page cache's affair. */
static void note_mapping(struct compare *c, const struct diff *d)
{
	const struct snap *s = &d->ra->after[SNAP_HANDLE0];

	if (d->row->flags & ROW_MAPS && d->ra->ret == 0 && s->err == 0)
		noted_add(&c->mapped, &s->st);
}

static void note_suid(struct compare *c, const struct result *r)
{
	for (const struct snap *s = r->after; s < r->after + SNAP_SLOTS; s++)
		if (s->err == 0 && S_ISREG(s->st.stx_mode) && s->st.stx_mode & (S_ISUID | S_ISGID))
			noted_add(&c->suid, &s->st);
}

bool compare_results(struct compare *c, const struct shared *shm, struct diff *d)
{
	struct judge j = {c, shm, d, time(NULL)};

	*d = (struct diff){.op = &shm->op,
			   .row = op_row(shm->op.kind),
			   .ra = &shm->res[0],
			   .rb = &shm->res[1]};
	note_mapping(c, d);
	note_suid(c, d->ra);
	if (d->ra->after[SNAP_HANDLE0].err == 0)
		recall(&j, &d->ra->after[SNAP_HANDLE0].st);
	if (differ_err(&j, FIELD_ERRNO, "the call", d->ra->err, d->rb->err) ||
	    differ_num(&j, FIELD_RET, "the call", d->ra->ret, d->rb->ret))
		return true;
	if (d->row->flags & ROW_WALK)
		return differ_trees(&j);
	return differ_data(&j) || differ_snaps(&j);
}

const char *diff_field_name(enum field field)
{
	static const char *const names[FIELDS] = {
		"nothing",
		"return value",
		"errno",
		"data",
		"existence",
		"mode",
		"nlink",
		"uid",
		"gid",
		"size",
		"blocks",
		"rdev",
		"blksize",
		"atime",
		"mtime",
		"ctime",
		"btime",
		"atime's move",
		"mtime's move",
		"ctime's move",
		"names",
		"content",
		"xattrs or link target",
		"directory entry",
		"hard links",
	};

	return names[field];
}
