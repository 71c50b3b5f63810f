/*
 * Operations on the bytes of a client's own files, which nobody else touches: all is verified.
 * Knows nothing of the supervisor.
 */
#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE = 4096 };

struct range {
	size_t at, len;
};

/* Within the longest file, not empty; mostly short. */
static struct range some_range(struct me *m)
{
	struct range r = {.at = rng_below(&m->rng, FILE_MAX)};
	size_t most = rng_chance(&m->rng, 70) ? 5000 : 70000;

	if (most > FILE_MAX - r.at)
		most = FILE_MAX - r.at;
	r.len = 1 + rng_below(&m->rng, most);
	return r;
}

static void new_bytes(struct me *m, struct slot *s, struct range r)
{
	uint64_t word = rng_next(&m->rng);

	for (size_t i = 0; i < r.len; i++)
		s->data[r.at + i] = (unsigned char)(word >> (i % 8 * 8)) ^ (unsigned char)(i >> 8);
	if (s->size < r.at + r.len)
		s->size = r.at + r.len;
}

static void write_range(struct me *m, const struct slot *s, int fd, struct range r)
{
	for (size_t done = 0; done < r.len;)
		done += (size_t)must(
			m, pwrite(fd, s->data + r.at + done, r.len - done, (off_t)(r.at + done)),
			"pwrite");
}

static void op_create(struct me *m)
{
	struct slot *s = slot_any(m, ABSENT);
	char name[32];
	int fd;

	if (!s)
		return;
	slot_begin(m, s, 0, 0);
	slot_name_new(m, s);
	slot_name(s, name);
	s->mode = 0644;
	fd = (int)must(m, openat(m->dir[s->dir], name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644),
		       "create");
	slot_fill(m, s, fd);
	slot_end(s);
	slot_done(m, s, fd);
}

static void op_write(struct me *m)
{
	struct slot *s = slot_any(m, PRESENT);
	struct range r = some_range(m);
	int fd;

	if (!s)
		return;
	fd = slot_open(m, s);
	slot_begin(m, s, r.at, r.len);
	new_bytes(m, s, r);
	write_range(m, s, fd, r);
	slot_end(s);
	if (rng_chance(&m->rng, 50))
		slot_check(m, s, fd);
	slot_done(m, s, fd);
}

static void op_append(struct me *m)
{
	struct slot *s = slot_any(m, PRESENT);
	struct range r;
	char name[32];
	int fd;

	if (!s || s->size == FILE_MAX)
		return;
	slot_name(s, name);
	fd = (int)must(m, openat(m->dir[s->dir], name, O_WRONLY | O_APPEND | O_CLOEXEC), "open");
	r.at = s->size;
	r.len = 1 + rng_below(&m->rng, FILE_MAX - s->size > 3000 ? 3000 : FILE_MAX - s->size);
	slot_begin(m, s, r.at, r.len);
	new_bytes(m, s, r);
	if (must(m, write(fd, s->data + r.at, r.len), "append") != (long)r.len)
		fail(m, 0, "a short append");
	slot_end(s);
	must(m, close(fd), "close");
}

static void op_check(struct me *m)
{
	struct slot *s = slot_any(m, PRESENT);
	int fd;

	if (!s)
		return;
	fd = slot_open(m, s);
	slot_check(m, s, fd);
	slot_done(m, s, fd);
}

static void map_file(struct me *m, const struct slot *s, int fd, int prot)
{
	m->map = mmap(NULL, s->size, prot, MAP_SHARED, fd, 0);
	if (m->map == MAP_FAILED) {
		m->map = NULL;
		fail(m, errno, "mmap");
	}
	m->map_len = s->size;
}

static void unmap_file(struct me *m)
{
	must(m, munmap(m->map, m->map_len), "munmap");
	m->map = NULL;
}

static void op_map_read(struct me *m)
{
	struct slot *s = slot_any(m, PRESENT);
	int fd;

	if (!s || s->size == 0)
		return;
	fd = slot_open(m, s);
	map_file(m, s, fd, PROT_READ);
	if (memcmp(m->map, s->data, s->size) != 0)
		fail(m, 0, "f%u is not what its mapping shows", s->serial);
	unmap_file(m);
	slot_done(m, s, fd);
}

static void op_map_store(struct me *m)
{
	static const int sync_flags[] = {MS_SYNC, MS_ASYNC};
	struct slot *s = slot_any(m, PRESENT);
	struct range r = some_range(m);
	int fd;

	if (!s || s->size == 0)
		return;
	r.at %= s->size;
	if (r.len > s->size - r.at)
		r.len = s->size - r.at;
	fd = slot_open(m, s);
	map_file(m, s, fd, PROT_READ | PROT_WRITE);
	slot_begin(m, s, r.at, r.len);
	new_bytes(m, s, r);
	memcpy((unsigned char *)m->map + r.at, s->data + r.at, r.len);
	if (rng_chance(&m->rng, 60))
		must(m, msync(m->map, m->map_len, sync_flags[rng_below(&m->rng, 2)]), "msync");
	unmap_file(m);
	slot_end(s);
	slot_check(m, s, fd);
	slot_done(m, s, fd);
}

static void op_truncate(struct me *m)
{
	struct slot *s = slot_any(m, PRESENT);
	size_t size = rng_below(&m->rng, FILE_MAX + 1);
	int fd;

	if (!s)
		return;
	fd = slot_open(m, s);
	slot_begin(m, s, size, 0);
	must(m, ftruncate(fd, (off_t)size), "ftruncate");
	if (size < s->size)
		memset(s->data + size, 0, s->size - size);
	s->size = size;
	slot_end(s);
	slot_check(m, s, fd);
	slot_done(m, s, fd);
}

static void op_open_truncate(struct me *m)
{
	struct slot *s = slot_any(m, PRESENT);
	char name[32];
	int fd;

	if (!s)
		return;
	slot_name(s, name);
	slot_begin(m, s, 0, 0);
	fd = (int)must(m, openat(m->dir[s->dir], name, O_RDWR | O_TRUNC | O_CLOEXEC), "open");
	memset(s->data, 0, s->size);
	slot_fill(m, s, fd);
	slot_end(s);
	slot_done(m, s, fd);
}

static void op_fallocate(struct me *m)
{
	static const int modes[] = {0, FALLOC_FL_KEEP_SIZE,
				    FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE};
	struct slot *s = slot_any(m, PRESENT);
	int fd, mode = modes[rng_below(&m->rng, 3)];
	struct range r = some_range(m);

	if (!s)
		return;
	fd = slot_open(m, s);
	if (mode & FALLOC_FL_PUNCH_HOLE)
		atomic_store(&m->c->op, "punch hole");
	slot_begin(m, s, r.at, r.len);
	must(m, fallocate(fd, mode, (off_t)r.at, (off_t)r.len), "fallocate");
	if (mode & FALLOC_FL_PUNCH_HOLE)
		memset(s->data + r.at, 0, r.len);
	if (mode == 0 && s->size < r.at + r.len)
		s->size = r.at + r.len;
	slot_end(s);
	slot_check(m, s, fd);
	slot_done(m, s, fd);
}

static void op_direct(struct me *m)
{
	struct slot *s = slot_any(m, PRESENT);
	struct range r = {.at = rng_below(&m->rng, FILE_MAX / PAGE) * PAGE, .len = PAGE};
	char name[32];
	int fd;

	if (!s)
		return;
	slot_name(s, name);
	fd = (int)must(m, openat(m->dir[s->dir], name, O_RDWR | O_DIRECT | O_CLOEXEC), "open");
	slot_begin(m, s, r.at, r.len);
	new_bytes(m, s, r);
	memcpy(m->buf, s->data + r.at, r.len);
	if (must(m, pwrite(fd, m->buf, r.len, (off_t)r.at), "direct write") != PAGE)
		fail(m, 0, "a short direct write");
	slot_end(s);
	slot_check(m, s, fd);
	must(m, close(fd), "close");
}

static void op_copy(struct me *m)
{
	struct slot *from = slot_any(m, PRESENT), *to = slot_any(m, PRESENT);
	struct range r = some_range(m);
	int in, out;

	if (!from || from == to || r.at >= from->size)
		return;
	if (r.len > from->size - r.at)
		r.len = from->size - r.at;
	in = slot_open(m, from);
	out = slot_open(m, to);
	slot_begin(m, to, r.at, r.len);
	for (size_t done = 0; done < r.len;) {
		loff_t at = (loff_t)(r.at + done), there = at;
		long n = must(m, copy_file_range(in, &at, out, &there, r.len - done, 0), "copy");

		if (n == 0)
			fail(m, 0, "a copy ends after %zu bytes of %zu", done, r.len);
		done += (size_t)n;
	}
	memcpy(to->data + r.at, from->data + r.at, r.len);
	if (to->size < r.at + r.len)
		to->size = r.at + r.len;
	slot_end(to);
	slot_check(m, to, out);
	slot_done(m, from, in);
	slot_done(m, to, out);
}

static void op_sync(struct me *m)
{
	struct slot *s = slot_any(m, PRESENT);
	int fd;

	if (!s)
		return;
	fd = slot_open(m, s);
	must(m, rng_chance(&m->rng, 50) ? fsync(fd) : fdatasync(fd), "sync");
	slot_done(m, s, fd);
}

const struct soak_op data_ops[] = {
	{"create", 14, op_create},
	{"write", 12, op_write},
	{"append", 6, op_append},
	{"read", 12, op_check},
	{"map and read", 6, op_map_read},
	{"map and store", 8, op_map_store},
	{"truncate", 5, op_truncate},
	{"open to truncate", 3, op_open_truncate},
	{"fallocate", 5, op_fallocate},
	{"direct write", 4, op_direct},
	{"copy", 4, op_copy},
	{"sync", 3, op_sync},
	{0},
};
