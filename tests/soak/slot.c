/*
 * The files of a client, and what is expected of them.
 * Knows nothing of operations but opening and reading.
 */
#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct slot *slot_any(struct me *m, enum slot_state state)
{
	size_t first = rng_below(&m->rng, SLOTS);

	for (size_t i = 0; i < SLOTS; i++) {
		struct slot *s = &m->c->slot[(first + i) % SLOTS];

		if (s->state == state)
			return s;
	}
	return NULL;
}

int slot_index(const struct me *m, const struct slot *s)
{
	return (int)(s - m->c->slot);
}

void slot_name(const struct slot *s, char name[32])
{
	snprintf(name, 32, "f%u", s->serial);
}

void slot_name_new(struct me *m, struct slot *s)
{
	s->dir = (int)rng_below(&m->rng, DIRS);
	s->serial = ++m->c->serial;
}

void slot_begin(struct me *m, struct slot *s, size_t at, size_t len)
{
	s->deed[s->deeds++ % DEEDS] =
		(struct deed){.op = atomic_load(&m->c->op), .at = at, .len = len, .size = s->size};
	s->state = UNSURE;
}

void slot_end(struct slot *s)
{
	s->state = PRESENT;
}

void slot_forget(struct slot *s)
{
	s->state = UNSURE;
	atomic_signal_fence(memory_order_seq_cst); /* a SIGKILL may come between */
	memset((char *)s + sizeof s->state, 0, sizeof *s - sizeof s->state);
	atomic_signal_fence(memory_order_seq_cst);
	s->state = ABSENT;
}

int slot_open(struct me *m, struct slot *s)
{
	int *held = &m->held[slot_index(m, s)], fd = *held;
	char name[32];

	if (fd >= 0 && rng_below(&m->rng, 2)) {
		*held = -1;
		return fd;
	}
	slot_name(s, name);
	return (int)must(m, openat(m->dir[s->dir], name, O_RDWR | O_CLOEXEC), "open");
}

void slot_let_go(struct me *m, struct slot *s)
{
	int *held = &m->held[slot_index(m, s)];

	if (*held >= 0)
		must(m, close(*held), "close of a held file");
	*held = -1;
}

void slot_done(struct me *m, struct slot *s, int fd)
{
	int *held = &m->held[slot_index(m, s)];

	if (*held < 0 && rng_below(&m->rng, 4) == 0)
		*held = fd;
	else
		must(m, close(fd), "close");
}

/* Where they differ, whether they do when read again, and what was done to the file. */
static void tell(struct me *m, const struct slot *s, int fd, size_t got)
{
	unsigned first = s->deeds > DEEDS ? s->deeds - DEEDS : 0;
	size_t from = 0, to = got;

	while (m->buf[from] == s->data[from])
		from++;
	while (m->buf[to - 1] == s->data[to - 1])
		to--;
	fprintf(stderr, "soak: bytes %zu to %zu; read again: %zd, %s\n", from, to - 1,
		pread(fd, m->buf, got, 0), memcmp(m->buf, s->data, got) ? "wrong" : "right");
	for (unsigned i = first; i < s->deeds; i++) {
		const struct deed *d = &s->deed[i % DEEDS];

		fprintf(stderr, "soak:   size %zu: %s %zu %zu\n", d->size, d->op, d->at, d->len);
	}
}

static void check_bytes(struct me *m, const struct slot *s, int fd, size_t got)
{
	if (memcmp(m->buf, s->data, got) == 0)
		return;
	if (!is_disturbed(m))
		tell(m, s, fd, got);
	fail(m, 0, "f%u of %zu bytes is not what was written", s->serial, s->size);
}

void slot_check(struct me *m, const struct slot *s, int fd)
{
	struct stat st;
	size_t got = 0;
	ssize_t n;

	must(m, fstat(fd, &st), "fstat");
	if (st.st_size != (off_t)s->size)
		fail(m, 0, "f%u has %lld bytes, not %zu", s->serial, (long long)st.st_size,
		     s->size);
	if ((st.st_mode & 07777) != s->mode)
		fail(m, 0, "f%u has mode %o, not %o", s->serial, st.st_mode & 07777, s->mode);
	do {
		n = must(m, pread(fd, m->buf + got, FILE_MAX - got, (off_t)got), "read");
		got += (size_t)n;
	} while (n > 0 && got < FILE_MAX);
	if (got != s->size)
		fail(m, 0, "%zu bytes of f%u were read, not %zu", got, s->serial, s->size);
	check_bytes(m, s, fd, got);
}

void slot_fill(struct me *m, struct slot *s, int fd)
{
	size_t size = rng_below(&m->rng, rng_chance(&m->rng, 75) ? 6000 : FILE_MAX);
	uint64_t word = rng_next(&m->rng);

	for (size_t i = 0; i < size; i++)
		s->data[i] = (unsigned char)(word >> (i % 8 * 8)) ^ (unsigned char)(i >> 8);
	for (size_t at = 0; at < size;) {
		size_t part = size - at > 40000 ? 40000 : size - at;

		at += (size_t)must(m, write(fd, s->data + at, part), "write");
	}
	s->size = size;
}
