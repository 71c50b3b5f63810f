/*
 * A directory's entries, read through a fresh open of it and sorted by name.
 * Knows nothing of operations or streams.
 */
#include "dirlist.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int by_name(const void *a, const void *b)
{
	const struct dirlist_entry *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int dirlist_add(struct dirlist *l, const struct dirent64 *d)
{
	if (l->n == l->room) {
		size_t room = l->room ? 2 * l->room : 64;
		void *p = realloc(l->entry, room * sizeof(*l->entry));

		if (!p)
			return -1;
		l->entry = p;
		l->room = room;
	}
	char *name = strdup(d->d_name);

	if (!name)
		return -1;
	l->entry[l->n++] = (struct dirlist_entry){name, d->d_ino, d->d_type};
	return 0;
}

/* Reads all batches of the open directory d. */
static int dirlist_fill(struct dirlist *l, int d)
{
	static char buf[32768] __attribute__((aligned(8)));
	ssize_t got;

	while ((got = getdents64(d, buf, sizeof(buf))) > 0)
		for (ssize_t at = 0; at < got;) {
			const struct dirent64 *e =
				(const struct dirent64 *)(const void *)(buf + at);

			if (dirlist_add(l, e) < 0)
				return -1;
			at += e->d_reclen;
		}
	return (int)got;
}

int dirlist_read(struct dirlist *l, int fd, int how)
{
	int d = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC | how);
	int err;

	*l = (struct dirlist){0};
	if (d < 0)
		return -1;
	if (dirlist_fill(l, d) < 0) {
		err = errno;
		close(d);
		dirlist_free(l);
		errno = err;
		return -1;
	}
	close(d);
	if (l->n)
		qsort(l->entry, l->n, sizeof(*l->entry), by_name);
	return 0;
}

void dirlist_free(struct dirlist *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->entry[i].name);
	free(l->entry);
	*l = (struct dirlist){0};
}
