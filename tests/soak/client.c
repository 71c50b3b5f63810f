/*
 * The life of a client: enters the mount of the epoch, does random operations there, leaves it for
 * the next one.  Knows nothing of single operations.
 */
#include "client.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static struct me *self; /* for the signal handler */

bool is_disturbed(const struct me *m)
{
	return atomic_load(&m->shm->disturbed) >= m->epoch;
}

void fail(struct me *m, int error, const char *format, ...)
{
	char text[256];
	va_list ap;

	if (is_disturbed(m))
		siglongjmp(m->out, 1);
	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	fprintf(stderr, "soak: client %d, epoch %u, %s: %s%s%s\n", m->index, m->epoch,
		atomic_load(&m->c->op), text, error ? ": " : "", error ? strerror(error) : "");
	atomic_fetch_add(&m->shm->failures, 1);
	_exit(1);
}

long must(struct me *m, long ret, const char *what)
{
	if (ret < 0)
		fail(m, errno, "%s", what);
	return ret;
}

/* A mapped page that cannot be had: right on a disturbed mount only. */
static void on_bus_error(int number)
{
	fail(self, 0, "signal %d", number);
}

static void nap(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
}

/* ---- to a mount and away from it ---- */

static void leave(struct me *m)
{
	if (m->map)
		munmap(m->map, m->map_len);
	m->map = NULL;
	close_range(3, ~0U, 0);
	for (int i = 0; i < SLOTS; i++)
		m->held[i] = -1;
	m->epoch = 0;
	atomic_store(&m->c->epoch, 0);
}

static int remove_entry(struct me *m, int dir, const char *name)
{
	char inner[64];
	int fd;

	if (unlinkat(dir, name, 0) == 0)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -1;
	if (unlinkat(dir, name, AT_REMOVEDIR) == 0)
		return 0;
	/* at most the directory of an interrupted operation, whose files are numbered */
	fd = (int)must(m, openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC), "open of a rest");
	for (int i = 0; i < 32; i++) {
		snprintf(inner, sizeof inner, "n%d", i);
		if (unlinkat(fd, inner, 0) < 0 && errno != ENOENT)
			fail(m, errno, "unlink in a rest");
	}
	close(fd);
	return unlinkat(dir, name, AT_REMOVEDIR);
}

static bool is_wanted(const struct me *m, int dir, const char *name)
{
	char wanted[32];

	for (int i = 0; i < SLOTS; i++) {
		const struct slot *s = &m->c->slot[i];

		if (s->state != PRESENT || s->dir != dir)
			continue;
		slot_name(s, wanted);
		if (strcmp(name, wanted) == 0)
			return true;
	}
	return false;
}

/* Removes what an earlier life has left half done. */
static void sweep(struct me *m, int dir)
{
	int fd = (int)must(m, openat(m->dir[dir], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), "open");
	DIR *d = fdopendir(fd);
	struct dirent *e;

	if (!d)
		fail(m, errno, "fdopendir");
	while (errno = 0, (e = readdir(d)))
		if (e->d_name[0] != '.' && !is_wanted(m, dir, e->d_name) &&
		    remove_entry(m, m->dir[dir], e->d_name) < 0)
			fail(m, errno, "removing %s, which was left", e->d_name);
	if (errno)
		fail(m, errno, "readdir");
	closedir(d);
}

static void recover(struct me *m)
{
	bool fresh = m->c->slots_epoch != m->epoch;

	for (int i = 0; i < SLOTS; i++)
		if (fresh || m->c->slot[i].state == UNSURE)
			slot_forget(&m->c->slot[i]);
	m->c->slots_epoch = m->epoch;
	for (int i = 0; i < DIRS; i++)
		sweep(m, i);
}

/* Makes the directories that an earlier life has not made. */
static int own_dir(struct me *m, int root, const char *name)
{
	if (mkdirat(root, name, 0755) < 0 && errno != EEXIST)
		fail(m, errno, "mkdir %s", name);
	return (int)must(m, openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC), "open");
}

/* False: not now. */
static bool enter(struct me *m)
{
	unsigned epoch = atomic_load(&m->shm->epoch);
	char path[4096], name[32];
	int root, own;

	if (epoch == 0 || epoch <= atomic_load(&m->shm->detached))
		return false;
	m->epoch = epoch;
	if (is_disturbed(m))
		return false;
	atomic_store(&m->c->op, "enter");
	atomic_store(&m->c->begun, now_ms());
	snprintf(path, sizeof path, "%s/e%u", m->shm->mount, epoch);
	root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0 && epoch <= atomic_load(&m->shm->detached))
		return false;
	must(m, root, "open of the epoch's directory");
	m->crowd = own_dir(m, root, "crowd");
	snprintf(name, sizeof name, "c%d", m->index);
	own = own_dir(m, root, name);
	for (int i = 0; i < DIRS; i++) {
		snprintf(name, sizeof name, "d%d", i);
		m->dir[i] = own_dir(m, own, name);
	}
	recover(m);
	atomic_store(&m->c->epoch, epoch);
	return true;
}

/* ---- operations ---- */

static const struct soak_op *const tables[] = {data_ops, name_ops, crowd_ops};
enum { TABLES = sizeof tables / sizeof tables[0] };

static const struct soak_op *choose(struct rng *rng)
{
	const struct soak_op *op;
	uint64_t sum = 0, drawn;

	for (int t = 0; t < TABLES; t++)
		for (op = tables[t]; op->name; op++)
			sum += op->weight;
	drawn = rng_below(rng, sum);
	for (int t = 0; t < TABLES; t++)
		for (op = tables[t]; op->name; op++) {
			if (drawn < op->weight)
				return op;
			drawn -= op->weight;
		}
	abort();
}

static void step(struct me *m)
{
	const struct soak_op *op = choose(&m->rng);

	atomic_store(&m->c->op, op->name);
	atomic_store(&m->c->begun, now_ms());
	op->run(m);
	atomic_store(&m->c->begun, 0);
	atomic_fetch_add(&m->c->ops, 1);
}

static bool shall_stay(const struct me *m)
{
	return m->epoch == atomic_load(&m->shm->epoch) && !is_disturbed(m) &&
	       !atomic_load(&m->shm->stop);
}

static struct me *me_new(struct shared *shm, int index)
{
	struct me *m = calloc(1, sizeof *m);
	void *buf = NULL;

	if (!m || posix_memalign(&buf, 4096, FILE_MAX) != 0)
		_exit(1);
	m->shm = shm;
	m->c = &shm->client[index];
	m->index = index;
	m->buf = buf;
	umask(0);
	leave(m);
	rng_seed(&m->rng, shm->seed * 1000 + (uint64_t)index * 100 + m->c->lives);
	return m;
}

void client_run(struct shared *shm, int index)
{
	self = me_new(shm, index);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGBUS, on_bus_error);
	for (;;) {
		if (sigsetjmp(self->out, 1) == 0 && enter(self))
			while (shall_stay(self))
				step(self);
		leave(self);
		atomic_store(&self->c->begun, 0);
		if (atomic_load(&shm->stop))
			_exit(0);
		nap();
	}
}
