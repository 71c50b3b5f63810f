/*
 * Operations in the directory that all clients share: what each of them finds there is up to the
 * others, but records are whole, errors are the right ones, and locks exclude.
 * Knows nothing of the supervisor.
 */
#include "client.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAMES = 12, RECORDS_MAX = 400 };

/* 64 bytes, so that none crosses a page. */
struct record {
	uint64_t seed;
	uint64_t words[7];
};

static struct record record_of(uint64_t seed)
{
	struct record r = {.seed = seed};
	struct rng rng;

	rng_seed(&rng, seed);
	for (int i = 0; i < 7; i++)
		r.words[i] = rng_next(&rng);
	return r;
}

static const char *some_name(struct me *m, char name[32])
{
	snprintf(name, 32, "x%u", (unsigned)rng_below(&m->rng, NAMES));
	return name;
}

/* What others did may be the reason. */
static void expect(struct me *m, long ret, const char *what)
{
	static const int allowed[] = {ENOENT, EEXIST, ENOTDIR, EISDIR, ENOTEMPTY, EINVAL};

	if (ret >= 0)
		return;
	for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++)
		if (errno == allowed[i])
			return;
	fail(m, errno, "%s in the crowd", what);
}

static void op_record(struct me *m)
{
	struct record r = record_of(rng_next(&m->rng));
	char name[32];
	struct stat st;
	int fd = openat(m->crowd, some_name(m, name), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC,
			0644);

	expect(m, fd, "open to append");
	if (fd < 0)
		return;
	if (must(m, write(fd, &r, sizeof r), "append") != sizeof r)
		fail(m, 0, "a short append");
	must(m, fstat(fd, &st), "fstat");
	if (st.st_size > (off_t)(RECORDS_MAX * sizeof r))
		must(m, ftruncate(fd, (off_t)(rng_below(&m->rng, 10) * sizeof r)), "ftruncate");
	must(m, close(fd), "close");
}

static void op_read_records(struct me *m)
{
	struct record *all = (void *)m->buf, wanted;
	char name[32];
	int fd = openat(m->crowd, some_name(m, name), O_RDONLY | O_CLOEXEC);
	ssize_t n;

	expect(m, fd, "open");
	if (fd < 0)
		return;
	n = read(fd, all, (RECORDS_MAX + CLIENTS) * sizeof *all);
	if (n < 0 && errno != EISDIR)
		fail(m, errno, "read");
	if (n > 0 && n % (ssize_t)sizeof *all != 0)
		fail(m, 0, "%zd bytes are no records", n);
	for (ssize_t i = 0; i < n / (ssize_t)sizeof *all; i++) {
		wanted = record_of(all[i].seed);
		if (memcmp(&wanted, &all[i], sizeof wanted) != 0)
			fail(m, 0, "record %zd of %s is broken: seed %llx", i, name,
			     (unsigned long long)all[i].seed);
	}
	must(m, close(fd), "close");
}

static void op_unlink(struct me *m)
{
	char name[32];

	expect(m, unlinkat(m->crowd, some_name(m, name), 0), "unlink");
}

static void op_rename(struct me *m)
{
	static const unsigned flags[] = {0, 0, RENAME_NOREPLACE, RENAME_EXCHANGE};
	char from[32], to[32];

	expect(m,
	       renameat2(m->crowd, some_name(m, from), m->crowd, some_name(m, to),
			 flags[rng_below(&m->rng, 4)]),
	       "rename");
}

/* Into a directory and out of it. */
static void op_move(struct me *m)
{
	char from[32], dir[32], to[96];

	snprintf(to, sizeof to, "%s/%s", some_name(m, dir), some_name(m, from));
	if (rng_chance(&m->rng, 40))
		expect(m, renameat2(m->crowd, from, m->crowd, to, 0), "rename into a directory");
	else
		expect(m, renameat2(m->crowd, to, m->crowd, from, 0), "rename out of a directory");
}

static void op_link(struct me *m)
{
	char from[32], to[32];
	int ret = linkat(m->crowd, some_name(m, from), m->crowd, some_name(m, to), 0);

	if (ret < 0 && errno == EPERM)
		return; /* a directory */
	expect(m, ret, "link");
}

static void op_mkdir(struct me *m)
{
	char name[32];

	expect(m, mkdirat(m->crowd, some_name(m, name), 0755), "mkdir");
}

static void op_rmdir(struct me *m)
{
	char name[32];

	expect(m, unlinkat(m->crowd, some_name(m, name), AT_REMOVEDIR), "rmdir");
}

static void op_list(struct me *m)
{
	int fd = (int)must(m, openat(m->crowd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), "open");
	DIR *d = fdopendir(fd);
	struct dirent *e;
	struct stat st;

	if (!d)
		fail(m, errno, "fdopendir");
	while (errno = 0, (e = readdir(d)))
		expect(m, fstatat(m->crowd, e->d_name, &st, AT_SYMLINK_NOFOLLOW), "stat");
	if (errno)
		fail(m, errno, "readdir");
	closedir(d);
}

/* ---- locks: who has one is alone ---- */

static void take_posix(struct me *m, int fd, int command, short type)
{
	struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_len = 1};

	must(m, fcntl(fd, command, &lock), "fcntl lock");
}

static void take(struct me *m, int fd, int kind, bool on)
{
	switch (kind) {
	case 0:
		must(m, flock(fd, on ? LOCK_EX : LOCK_UN), "flock");
		break;
	case 1:
		take_posix(m, fd, F_SETLKW, on ? F_WRLCK : F_UNLCK);
		break;
	default:
		take_posix(m, fd, F_OFD_SETLKW, on ? F_WRLCK : F_UNLCK);
	}
}

static void be_alone(struct me *m, int kind)
{
	_Atomic int *owner = &m->shm->lock_owner[m->epoch % EPOCHS][kind];
	int before = atomic_exchange(owner, m->index + 1);

	if (before != 0 && !atomic_load(&m->shm->client[before - 1].doomed))
		fail(m, 0, "client %d has the lock of kind %d, too", before - 1, kind);
	for (unsigned n = (unsigned)rng_below(&m->rng, 200); n > 0; n--)
		if (atomic_load(owner) != m->index + 1)
			fail(m, 0, "a lock of kind %d has been taken away", kind);
	atomic_store(owner, 0);
}

static void op_lock(struct me *m)
{
	int fd, kind = (int)rng_below(&m->rng, LOCKS);
	char name[32];

	snprintf(name, sizeof name, "lock%d", kind);
	fd = (int)must(m, openat(m->crowd, name, O_RDWR | O_CREAT | O_CLOEXEC, 0644), "open");
	take(m, fd, kind, true);
	be_alone(m, kind);
	if (rng_chance(&m->rng, 70)) /* else closing it does */
		take(m, fd, kind, false);
	must(m, close(fd), "close");
}

const struct soak_op crowd_ops[] = {
	{"record", 10, op_record},
	{"read records", 10, op_read_records},
	{"unlink in the crowd", 3, op_unlink},
	{"rename in the crowd", 4, op_rename},
	{"move in the crowd", 3, op_move},
	{"link in the crowd", 3, op_link},
	{"mkdir in the crowd", 2, op_mkdir},
	{"rmdir in the crowd", 2, op_rmdir},
	{"list the crowd", 3, op_list},
	{"lock", 6, op_lock},
	{0},
};
