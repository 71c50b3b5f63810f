/*
 * Checks an open directory stream against what POSIX promises (see stream.h).
 * Knows nothing of operations; judges one side by itself.
 */
#include "stream.h"

#include "dirlist.h"
#include "worker.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

uint64_t stream_hash(const char *name, size_t len)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)name[i]) * UINT64_C(0x100000001b3);
	return h;
}

void stream_reset(struct stream *s, const struct churn *churn)
{
	s->n = 0;
	s->ended = 0;
	s->since = churn->count;
}

void stream_free(struct stream *s)
{
	free(s->seen);
	*s = (struct stream){0};
}

static int stream_add(struct stream *s, uint64_t name, int64_t next)
{
	if (s->n == s->room) {
		size_t room = s->room ? 2 * s->room : 64;
		void *p = realloc(s->seen, room * sizeof(*s->seen));

		if (!p)
			return -1;
		s->seen = p;
		s->room = room;
	}
	s->seen[s->n++] = (struct stream_entry){name, next};
	return 0;
}

static int churned(const struct stream *s, const struct churn *churn, uint64_t name)
{
	for (uint64_t i = s->since; i < churn->count; i++)
		if (churn->name[i % CHURN_MAX] == name)
			return 1;
	return 0;
}

static size_t times_seen(const struct stream *s, uint64_t name)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += s->seen[i].name == name;
	return n;
}

static int listed(const struct dirlist *l, uint64_t name)
{
	for (size_t i = 0; i < l->n; i++)
		if (stream_hash(l->entry[i].name, strlen(l->entry[i].name)) == name)
			return 1;
	return 0;
}

/* What has not changed since the stream began must have been seen exactly once, and nothing else at
 * all. */
static void stream_judge(const struct stream *s, int fd, const struct churn *churn, char *complaint,
			 size_t max)
{
	struct dirlist now;

	if (s->untracked || churn->count - s->since >= CHURN_MAX || dirlist_read(&now, fd, 0) < 0)
		return;
	for (size_t i = 0; i < now.n && !*complaint; i++) {
		const char *name = now.entry[i].name;
		uint64_t hash = stream_hash(name, strlen(name));
		size_t n = times_seen(s, hash);

		if (n != 1 && !churned(s, churn, hash))
			snprintf(complaint, max, "stream showed \"%.80s\" %zu times", name, n);
	}
	for (size_t i = 0; i < s->n && !*complaint; i++)
		if (!listed(&now, s->seen[i].name) && !churned(s, churn, s->seen[i].name))
			snprintf(complaint, max, "stream showed a name that never was (entry %zu)",
				 i);
	dirlist_free(&now);
}

int stream_read(struct stream *s, int fd, size_t size, const struct churn *churn, char *complaint,
		size_t max)
{
	static char buf[65536] __attribute__((aligned(8)));
	ssize_t got = getdents64(fd, buf, size < sizeof(buf) ? size : sizeof(buf));

	if (got < 0)
		return -1;
	for (ssize_t at = 0; at < got;) {
		const struct dirent64 *d = (const struct dirent64 *)(const void *)(buf + at);

		if (stream_add(s, stream_hash(d->d_name, strlen(d->d_name)), d->d_off) < 0)
			return -1;
		at += d->d_reclen;
	}
	if (got == 0 && !s->ended) {
		s->ended = 1;
		stream_judge(s, fd, churn, complaint, max);
	}
	return 0;
}

int stream_seek(struct stream *s, int fd, size_t k, const struct churn *churn)
{
	if (k > s->n)
		k = s->n;
	if (lseek(fd, k ? s->seen[k - 1].next : 0, SEEK_SET) < 0)
		return -1;
	if (k == 0)
		stream_reset(s, churn);
	s->n = k;
	s->ended = 0;
	return 0;
}
