/*
 * Operations on the names and attributes of a client's own files: all is verified.
 * Knows nothing of the supervisor.
 */
#include "client.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static void op_unlink(struct me *m)
{
	struct slot *s = slot_any(m, PRESENT);
	int *held;
	char name[32];

	if (!s)
		return;
	held = &m->held[slot_index(m, s)];
	slot_name(s, name);
	slot_begin(m, s, 0, 0);
	must(m, unlinkat(m->dir[s->dir], name, 0), "unlink");
	if (*held >= 0)
		slot_check(m, s, *held); /* it lives on without a name */
	slot_let_go(m, s);
	slot_forget(s);
}

static void op_rename(struct me *m)
{
	struct slot *s = slot_any(m, PRESENT);
	char before[32], after[32];
	int dir;

	if (!s)
		return;
	slot_name(s, before);
	dir = s->dir;
	slot_begin(m, s, 0, 0);
	slot_name_new(m, s);
	slot_name(s, after);
	must(m,
	     renameat2(m->dir[dir], before, m->dir[s->dir], after,
		       rng_chance(&m->rng, 50) ? RENAME_NOREPLACE : 0),
	     "rename");
	slot_end(s);
	if (faccessat(m->dir[dir], before, F_OK, 0) == 0 || errno != ENOENT)
		fail(m, errno, "%s is there after its rename", before);
}

static void swap_names(struct slot *a, struct slot *b)
{
	unsigned serial = a->serial;
	int dir = a->dir;

	a->serial = b->serial;
	a->dir = b->dir;
	b->serial = serial;
	b->dir = dir;
}

/* Onto another file, or in exchange for it. */
static void op_replace(struct me *m)
{
	struct slot *a = slot_any(m, PRESENT), *b = slot_any(m, PRESENT);
	bool exchange = rng_chance(&m->rng, 50);
	char from[32], to[32];
	int *held;

	if (!a || a == b)
		return;
	slot_name(a, from);
	slot_name(b, to);
	slot_begin(m, a, 0, 0);
	slot_begin(m, b, 0, 0);
	must(m, renameat2(m->dir[a->dir], from, m->dir[b->dir], to, exchange ? RENAME_EXCHANGE : 0),
	     "rename onto a file");
	swap_names(a, b);
	slot_end(a);
	if (exchange) {
		slot_end(b);
		return;
	}
	held = &m->held[slot_index(m, b)];
	if (*held >= 0)
		slot_check(m, b, *held);
	slot_let_go(m, b);
	slot_forget(b);
}

static void check_links(struct me *m, const struct slot *s, nlink_t wanted)
{
	struct stat st;
	char name[32];

	slot_name(s, name);
	must(m, fstatat(m->dir[s->dir], name, &st, AT_SYMLINK_NOFOLLOW), "stat");
	if (st.st_nlink != wanted)
		fail(m, 0, "%s has %lu links, not %lu", name, (unsigned long)st.st_nlink,
		     (unsigned long)wanted);
}

/* A second name, and then that one alone. */
static void op_link(struct me *m)
{
	struct slot *s = slot_any(m, PRESENT);
	char before[32], after[32];
	int dir;

	if (!s)
		return;
	slot_name(s, before);
	dir = s->dir;
	check_links(m, s, 1);
	slot_begin(m, s, 0, 0);
	slot_name_new(m, s);
	slot_name(s, after);
	must(m, linkat(m->dir[dir], before, m->dir[s->dir], after, 0), "link");
	check_links(m, s, 2);
	must(m, unlinkat(m->dir[dir], before, 0), "unlink of one link");
	check_links(m, s, 1);
	slot_end(s);
}

static void op_symlink(struct me *m)
{
	int dir = m->dir[rng_below(&m->rng, DIRS)];
	char name[32], target[600], got[600];
	size_t len = 1 + rng_below(&m->rng, sizeof target - 2);
	long n;

	snprintf(name, sizeof name, "s%u", ++m->c->serial);
	memset(target, 'a' + (int)rng_below(&m->rng, 26), len);
	target[len] = '\0';
	must(m, symlinkat(target, dir, name), "symlink");
	n = must(m, readlinkat(dir, name, got, sizeof got), "readlink");
	if ((size_t)n != len || memcmp(got, target, len) != 0)
		fail(m, 0, "a link to %zu bytes reads as %ld others", len, n);
	must(m, unlinkat(dir, name, 0), "unlink of a link");
}

/* How many names begin so; each of them counts once. */
static int count_names(struct me *m, int dir, char first)
{
	int n = 0, fd = (int)must(m, openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), "open");
	DIR *d = fdopendir(fd);
	struct dirent *e;

	if (!d)
		fail(m, errno, "fdopendir");
	while (errno = 0, (e = readdir(d)))
		n += e->d_name[0] == first;
	if (errno)
		fail(m, errno, "readdir");
	closedir(d);
	return n;
}

static void op_list(struct me *m)
{
	int dir = (int)rng_below(&m->rng, DIRS), wanted = 0, got = count_names(m, m->dir[dir], 'f');

	for (int i = 0; i < SLOTS; i++)
		wanted += m->c->slot[i].state == PRESENT && m->c->slot[i].dir == dir;
	if (got != wanted)
		fail(m, 0, "%d files are listed, not %d", got, wanted);
}

static void op_tree(struct me *m)
{
	int fd, files = (int)rng_below(&m->rng, 32), dir = m->dir[rng_below(&m->rng, DIRS)];
	char name[32], inner[32];

	snprintf(name, sizeof name, "t%u", ++m->c->serial);
	must(m, mkdirat(dir, name, 0700), "mkdir");
	fd = (int)must(m, openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC), "open");
	for (int i = 0; i < files; i++) {
		snprintf(inner, sizeof inner, "n%d", i);
		must(m, mknodat(fd, inner, S_IFREG | 0600, 0), "mknod");
	}
	if (count_names(m, fd, 'n') != files)
		fail(m, 0, "not %d files are listed", files);
	for (int i = 0; i < files; i++) {
		if (unlinkat(dir, name, AT_REMOVEDIR) == 0 || errno != ENOTEMPTY)
			fail(m, errno, "rmdir of a full directory");
		snprintf(inner, sizeof inner, "n%d", i);
		must(m, unlinkat(fd, inner, 0), "unlink");
	}
	must(m, unlinkat(dir, name, AT_REMOVEDIR), "rmdir");
	must(m, close(fd), "close");
}

static void op_xattr(struct me *m)
{
	struct slot *s = slot_any(m, PRESENT);
	uint64_t got = 0;
	long n;
	int fd;

	if (!s)
		return;
	fd = slot_open(m, s);
	n = fgetxattr(fd, "user.soak", &got, sizeof got);
	if (n < 0 && errno != ENODATA)
		fail(m, errno, "getxattr");
	if (got != s->xattr)
		fail(m, 0, "an xattr is not what was set");
	slot_begin(m, s, 0, 0);
	if (s->xattr && rng_chance(&m->rng, 50)) {
		must(m, fremovexattr(fd, "user.soak"), "removexattr");
		s->xattr = 0;
	} else {
		s->xattr = rng_next(&m->rng) | 1;
		must(m, fsetxattr(fd, "user.soak", &s->xattr, sizeof s->xattr, 0), "setxattr");
	}
	slot_end(s);
	slot_done(m, s, fd);
}

static void op_attr(struct me *m)
{
	struct slot *s = slot_any(m, PRESENT);
	struct timespec times[2] = {{.tv_sec = 1}, {.tv_nsec = 7}};
	struct stat st;
	char name[32];

	if (!s)
		return;
	slot_name(s, name);
	slot_begin(m, s, 0, 0);
	s->mode = 0400 | (mode_t)rng_below(&m->rng, 0400);
	must(m, fchmodat(m->dir[s->dir], name, s->mode, 0), "chmod");
	times[1].tv_sec = (time_t)rng_below(&m->rng, 1u << 30);
	must(m, utimensat(m->dir[s->dir], name, times, 0), "utimensat");
	must(m, fstatat(m->dir[s->dir], name, &st, 0), "stat");
	if ((st.st_mode & 07777) != s->mode || st.st_mtim.tv_sec != times[1].tv_sec ||
	    st.st_mtim.tv_nsec != 7)
		fail(m, 0, "attributes are not what was set");
	slot_end(s);
}

static void op_tmpfile(struct me *m)
{
	struct slot *s = slot_any(m, ABSENT);
	char name[32], path[64];
	int fd;

	if (!s)
		return;
	slot_begin(m, s, 0, 0);
	slot_name_new(m, s);
	s->mode = 0600;
	fd = (int)must(m, openat(m->dir[s->dir], ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600),
		       "O_TMPFILE");
	slot_fill(m, s, fd);
	slot_check(m, s, fd);
	if (rng_chance(&m->rng, 50)) {
		must(m, close(fd), "close of a temporary file");
		slot_forget(s);
		return;
	}
	slot_name(s, name);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	must(m, linkat(AT_FDCWD, path, m->dir[s->dir], name, AT_SYMLINK_FOLLOW),
	     "link of a temporary file");
	slot_end(s);
	slot_done(m, s, fd);
}

const struct soak_op name_ops[] = {
	{"unlink", 11, op_unlink},
	{"rename", 8, op_rename},
	{"replace", 4, op_replace},
	{"link", 5, op_link},
	{"symlink", 4, op_symlink},
	{"list", 5, op_list},
	{"directory", 3, op_tree},
	{"xattr", 5, op_xattr},
	{"attributes", 5, op_attr},
	{"O_TMPFILE", 4, op_tmpfile},
	{0},
};
