/*
 * The operation that fills a file system until it refuses, looks whether all that it took is there,
 * gives everything back and looks whether that is all.  Each side is judged by itself, and only the
 * verdicts are compared.  Not together with mappings: what was stored to them takes its
 * space at any later time.  Knows nothing of the other side.
 */
#include "allow.h"
#include "fill.h"
#include "gen.h"
#include "ops.h"
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

enum { FILL_WRITE, FILL_FALLOCATE, FILL_COPY, FILL_INODES, FILL_XATTRS, FILL_KINDS };
enum {
	PAGE = 4096,
	CHUNK = 65536,
	XATTR = 4000,
	NAPS = 2000 /* of 1 ms, until all is given back */
};

static void gen_fill(struct gen *g, struct op *op)
{
	op->num[0] = (int64_t)rng_below(&g->rng, FILL_KINDS);
	gen_path(g, op, 0, WANT_NEW);
}

/* ---- data: the bytes that were got; errno says why no more ---- */

static int64_t fill_write(struct worker *w, int fd)
{
	int64_t total = 0;
	ssize_t put = CHUNK;

	for (; put == CHUNK; total += put) {
		fill_bytes(worker_data(w), CHUNK, 1 + total / CHUNK);
		put = write(fd, worker_data(w), CHUNK);
		if (put < 0)
			return total;
	}
	/* A short one says nothing: ask again. */
	return write(fd, worker_data(w), 1) < 0 ? total : -1;
}

static int64_t fill_fallocate(int fd)
{
	int64_t total = 0;

	for (int64_t step = CHUNK; step >= PAGE; step /= CHUNK / PAGE)
		while (fallocate(fd, 0, total, step) == 0)
			total += step;
	return total;
}

/* From the first chunk of the same file. */
static int64_t fill_copy(struct worker *w, int fd)
{
	int64_t total = CHUNK;
	ssize_t put;

	fill_bytes(worker_data(w), CHUNK, 1);
	if (write(fd, worker_data(w), CHUNK) != CHUNK)
		return 0;
	for (;; total += put) {
		off64_t in = total % CHUNK, out = total;

		put = copy_file_range(fd, &in, fd, &out, (size_t)(CHUNK - in), 0);
		if (put <= 0)
			return total;
	}
}

static int64_t fill_data(struct worker *w, int64_t kind, int fd)
{
	if (kind == FILL_WRITE)
		return fill_write(w, fd);
	return kind == FILL_COPY ? fill_copy(w, fd) : fill_fallocate(fd);
}

/* Is every byte what was put there? */
static bool is_intact(struct worker *w, int64_t kind, int fd, int64_t size)
{
	unsigned char *got = worker_data(w), *want = got + CHUNK;
	struct stat st;

	if (fstat(fd, &st) < 0 || st.st_size != size)
		return false;
	for (int64_t at = 0; at < size; at += CHUNK) {
		size_t len = size - at < CHUNK ? (size_t)(size - at) : CHUNK;

		fill_bytes(want, CHUNK,
			   kind == FILL_WRITE  ? 1 + at / CHUNK
			   : kind == FILL_COPY ? 1
					       : 0);
		if (pread(fd, got, len, at) != (ssize_t)len || memcmp(got, want, len) != 0)
			return false;
	}
	return true;
}

/* What a full file system must still do: overwrite what is there, and go on after a truncate. */
static bool goes_on(struct worker *w, int fd, int64_t size)
{
	fill_bytes(worker_data(w), PAGE, 7);
	return pwrite(fd, worker_data(w), PAGE, 0) == PAGE && ftruncate(fd, size / 2) == 0 &&
	       pwrite(fd, worker_data(w), PAGE, size / 2) == PAGE;
}

static void exec_data(struct worker *w, int64_t kind, int fd, struct result *r,
		      const struct statvfs *before)
{
	int64_t size = fill_data(w, kind, fd);
	int err = errno;
	bool intact = is_intact(w, kind, fd, size), on = goes_on(w, fd, size);

	worker_say(w, r, "errno=%s intact=%d all=%d goes_on=%d", strerrorname_np(err), intact,
		   (uint64_t)size / PAGE >= before->f_bfree, on);
}

/* ---- inodes and what counts as such ---- */

static int64_t make_files(int dir)
{
	char name[24];
	int64_t n = 0;

	for (;; n++) {
		snprintf(name, sizeof(name), "%lld", (long long)n);
		int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

		if (fd < 0)
			return n;
		close(fd);
	}
}

static bool remove_files(int dir, int64_t n)
{
	char name[24];

	while (n-- > 0) {
		snprintf(name, sizeof(name), "%lld", (long long)n);
		if (unlinkat(dir, name, 0) < 0)
			return false;
	}
	return true;
}

static void exec_inodes(struct worker *w, int dir, struct result *r, const struct statvfs *before)
{
	int64_t n = make_files(dir);
	int err = errno;

	worker_say(w, r, "errno=%s all=%d removed=%d", strerrorname_np(err),
		   (uint64_t)n >= before->f_ffree, remove_files(dir, n));
}

static void exec_xattrs(struct worker *w, int fd, struct result *r)
{
	char name[32];
	int n = 0, err;

	memset(w->value, 'x', XATTR);
	do
		snprintf(name, sizeof(name), "user.%d", n++);
	while (fsetxattr(fd, name, w->value, XATTR, 0) == 0);
	err = errno;
	snprintf(name, sizeof(name), "user.%d", n - 2);
	worker_say(w, r, "errno=%s some=%d last=%zd", strerrorname_np(err), n > 10,
		   fgetxattr(fd, name, NULL, 0));
}

/* ---- around them ---- */

static int make(const char *path, bool dir)
{
	if (!dir)
		return open(path, O_RDWR | O_CREAT | O_EXCL | O_NOCTTY | O_CLOEXEC, 0600);
	return mkdir(path, 0700) < 0 ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/*
 * Space may be given back a little later than it is freed: also that of earlier operations, so
 * there may be more in the end than there was.
 */
static bool is_given_back(const struct statvfs *before)
{
	struct timespec nap = {0, 1000000};
	struct statvfs now;

	for (int i = 0; i < NAPS; i++) {
		if (statvfs("/", &now) == 0 && now.f_bfree >= before->f_bfree &&
		    now.f_ffree >= before->f_ffree)
			return true;
		nanosleep(&nap, NULL);
	}
	return false;
}

static void exec_fill(struct worker *w, const struct op *op, struct result *r)
{
	bool dir = op->num[0] == FILL_INODES;
	struct statvfs start, made;
	int fd;

	statvfs("/", &start);
	fd = make(w->path[0], dir);
	worker_done(r, fd < 0 ? -1 : 0);
	if (fd < 0)
		return;
	statvfs("/", &made);
	if (dir)
		exec_inodes(w, fd, r, &made);
	else if (op->num[0] == FILL_XATTRS)
		exec_xattrs(w, fd, r);
	else
		exec_data(w, op->num[0], fd, r, &made);
	worker_say(w, r, " gone=%d", (dir ? rmdir(w->path[0]) : unlink(w->path[0])) == 0);
	close(fd);
	if (!allow_is_on("ext4-late"))
		worker_say(w, r, " back=%d", is_given_back(&start));
}

static const struct op_row rows[] = {
	{"fill", "full", 30, ROW_NAMES | ROW_ASKED, "pd", gen_fill, exec_fill},
};

const struct op_table ops_full = OP_TABLE(rows);
