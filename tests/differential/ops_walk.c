/*
 * The operation that looks at everything: walks a side's tree as root and records every attribute,
 * xattr, link target and a hash of every content.  Leaves no trace (O_NOATIME).  Knows nothing of
 * the other side.
 */
#include "dirlist.h"
#include "ops.h"
#include "rng.h"
#include "tree.h"
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

enum {
	PAGE = 4096,
	EDGE = 65536,
	CONTENT_MAX = 4 << 20, /* bytes hashed in one file, at most */
	SCANNED_MAX =
		64 << 20, /* bytes read for that, at most: what is said to be data may be zeros */
	TEXT_MAX = 8192,
	WALK_DEEP = 40,
};

struct walk {
	struct worker *w;
	size_t used;
	bool full;
	char path[PATH_BYTES];
	char text[TEXT_MAX];
};

static uint64_t hash_bytes(const unsigned char *p, size_t len)
{
	uint64_t h = len;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * UINT64_C(0x100000001b3);
	return rng_mix(h);
}

/* The hash of one page at off, 0 when it holds nothing but zeros: holes and zeros are the same
 * content. */
static uint64_t page_hash(const unsigned char *p, size_t len, uint64_t off)
{
	static const unsigned char zero[PAGE];

	return memcmp(p, zero, len) == 0 ? 0 : rng_mix(hash_bytes(p, len) ^ rng_mix(off));
}

/* Sum over the pages in [from, to); *held grows by the bytes of those that hold something.  Returns
 * false on a read error. */
static bool hash_range(int fd, off_t from, off_t to, uint64_t *sum, off_t *held)
{
	static unsigned char page[PAGE];

	for (off_t at = from - from % PAGE; at < to;) {
		size_t len = at > INT64_MAX - PAGE ? (size_t)(INT64_MAX - at) : PAGE;
		ssize_t got = pread(fd, page, len, at);
		uint64_t one;

		if (got <= 0)
			return got == 0;
		memset(page + got, 0, (size_t)(PAGE - got));
		one = page_hash(page, PAGE, (uint64_t)at);
		*sum += one;
		*held += one ? PAGE : 0;
		if (at > INT64_MAX - PAGE)
			return true;
		at += PAGE;
	}
	return true;
}

static uint64_t hash_all(int fd, off_t size)
{
	uint64_t sum = 0;
	off_t held = 0;

	return hash_range(fd, 0, size, &sum, &held) ? sum : (uint64_t)errno;
}

/*
 * The content behind SEEK_DATA: page by page, so that maps of different grain give the same sum.
 * Synced first: what a mapping has stored need not be known to a file system's SEEK_DATA before.
 */
static uint64_t hash_content(int fd, off_t size)
{
	uint64_t sum = 0;
	off_t done = 0, total = 0, scanned = 0;

	if (fsync(fd) < 0)
		return (uint64_t)errno;
	while (done < size && total < CONTENT_MAX) {
		off_t data = lseek(fd, done, SEEK_DATA), hole;

		if (data < 0)
			return errno == ENXIO ? sum : (uint64_t)errno;
		data -= data % PAGE;
		if (data < done)
			data = done;
		hole = lseek(fd, data, SEEK_HOLE);
		if (hole < 0)
			return (uint64_t)errno;
		scanned += hole - data;
		if (scanned > SCANNED_MAX)
			return CONTENT_UNKNOWN;
		/* one side may take more zeros for data than the other: only the rest counts */
		if (!hash_range(fd, data, hole, &sum, &total))
			return (uint64_t)errno;
		done = hole > INT64_MAX - PAGE ? size : (hole + PAGE - 1) / PAGE * PAGE;
	}
	return total < CONTENT_MAX ? sum : 0;
}

static void hash_file(struct tree_rec *rec, int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOATIME | O_CLOEXEC);
	off_t size = (off_t)rec->st.stx_size;
	off_t held = 0;

	if (fd < 0) {
		rec->content = (uint64_t)errno;
		return;
	}
	if (size <= CONTENT_MAX)
		rec->content = hash_all(fd, size);
	else if (size <= INT64_MAX - PAGE) /* over that, tmpfs finds no data: the edges must do */
		rec->content = hash_content(fd, size);
	if (!hash_range(fd, 0, size < EDGE ? size : EDGE, &rec->edges, &held) ||
	    (size > EDGE && !hash_range(fd, size - EDGE, size, &rec->edges, &held)))
		rec->edges = (uint64_t)errno;
	close(fd);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void text_add(struct walk *k, const char *what, const char *name, ssize_t len, uint64_t hash)
{
	size_t used = strlen(k->text);

	snprintf(k->text + used, TEXT_MAX - used, " %s%s:%zd:%08llx", what, name, len,
		 (unsigned long long)(hash & 0xffffffff));
}

/* Link target and xattrs of name in the current directory. */
static void describe(struct walk *k, const char *name, bool link)
{
	static char list[65536], value[65536];
	char *names[128];
	size_t n = 0;
	ssize_t len;

	k->text[0] = '\0';
	if (link) {
		len = readlink(name, value, sizeof(value));
		text_add(k, "target", "", len,
			 len < 0 ? (uint64_t)errno
				 : hash_bytes((unsigned char *)value, (size_t)len));
	}
	len = llistxattr(name, list, sizeof(list));
	if (len < 0)
		text_add(k, "xattrs", "", len, (uint64_t)errno);
	for (char *p = list; p < list + len && n < 128; p += strlen(p) + 1)
		names[n++] = p;
	qsort(names, n, sizeof(*names), by_text);
	for (size_t i = 0; i < n; i++) {
		len = lgetxattr(name, names[i], value, sizeof(value));
		text_add(k, "", names[i], len,
			 len < 0 ? (uint64_t)errno
				 : hash_bytes((unsigned char *)value, (size_t)len));
	}
}

/* Records one entry; e is NULL for the root.  The current directory is the entry's. */
static bool record(struct walk *k, const char *name, const struct dirlist_entry *e,
		   struct statx *st)
{
	struct tree_rec rec = {0};

	if (statx(AT_FDCWD, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME, &rec.st) <
	    0) {
		rec.content = (uint64_t)errno;
	} else {
		if (S_ISREG(rec.st.stx_mode))
			hash_file(&rec, AT_FDCWD, name);
		describe(k, name, S_ISLNK(rec.st.stx_mode));
	}
	rec.dtype = e ? e->type : 0;
	rec.dirent_fits = !e || (e->ino == rec.st.stx_ino &&
				 (unsigned)e->type << 12 == (rec.st.stx_mode & S_IFMT));
	rec.path_len = (uint32_t)strlen(k->path);
	rec.text_len = (uint32_t)strlen(k->text);
	*st = rec.st;
	return tree_put(worker_data(k->w), DATA_MAX, &k->used, &rec, k->path, k->text);
}

static void walk_dir(struct walk *k, int dir, int deep);

static void walk_entry(struct walk *k, int dir, const struct dirlist_entry *e, int deep)
{
	size_t len = strlen(k->path);
	struct statx st;
	int sub;

	if (len + strlen(e->name) + 2 > sizeof(k->path))
		return;
	sprintf(k->path + len, "%s%s", len ? "/" : "", e->name);
	if (!record(k, e->name, e, &st)) {
		k->full = true;
	} else if (S_ISDIR(st.stx_mode) && deep < WALK_DEEP) {
		sub = openat(dir, e->name,
			     O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC);
		if (sub >= 0) {
			walk_dir(k, sub, deep + 1);
			close(sub);
			if (fchdir(dir) < 0)
				k->full = true;
		}
	}
	k->path[len] = '\0';
}

static void walk_dir(struct walk *k, int dir, int deep)
{
	struct dirlist l;

	if (fchdir(dir) < 0 || dirlist_read(&l, dir, O_NOATIME) < 0)
		return;
	for (size_t i = 0; i < l.n && !k->full; i++)
		if (strcmp(l.entry[i].name, ".") != 0 && strcmp(l.entry[i].name, "..") != 0)
			walk_entry(k, dir, &l.entry[i], deep);
	dirlist_free(&l);
}

static void exec_walk(struct worker *w, const struct op *op, struct result *r)
{
	static struct walk k;
	struct statx st;

	(void)op;
	k = (struct walk){.w = w};
	worker_done(r, fchdir(w->root));
	if (r->err)
		return;
	record(&k, ".", NULL, &st);
	walk_dir(&k, w->root, 0);
	r->ret = k.full;
	r->data_len = (uint32_t)k.used;
}

static const struct op_row rows[] = {
	{"walk", "walk", 0, ROW_WALK, "", NULL, exec_walk},
};

const struct op_table ops_walk = OP_TABLE(rows);
