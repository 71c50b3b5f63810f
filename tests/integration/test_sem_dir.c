/*
 * The rules on listing directories: where it goes on, and what shows while names come and go.
 */
#include "sem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "files.h"

#define STAY 700
#define GO   200

/* As getdents64(2) tells it. */
struct record {
	uint64_t ino;
	int64_t offset;
	unsigned short size;
	unsigned char type;
	char name[];
};

struct seen {
	unsigned stay[STAY];
	unsigned go[GO];
	unsigned dots, fresh;
};

static void note(struct seen *seen, const char *name)
{
	unsigned i;

	if (sscanf(name, "stay%u", &i) == 1)
		seen->stay[i]++;
	else if (sscanf(name, "go%u", &i) == 1)
		seen->go[i]++;
	else if (strncmp(name, "fresh", 5) == 0)
		seen->fresh++;
	else
		seen->dots += strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* 0 at the end. */
static int list_some(int fd, size_t size, struct seen *seen)
{
	char buf[65536];
	long n = syscall(SYS_getdents64, fd, buf, size);

	cr_assert(n >= 0, "%s", strerror(errno));
	for (long at = 0; at < n;) {
		const struct record *one = (const struct record *)(buf + at);

		note(seen, one->name);
		at += one->size;
	}
	return n > 0;
}

/* Short names and long ones: where one does not fit, another one would. */
static void make_many(const struct daemon *d)
{
	for (int i = 0; i < STAY; i++) {
		close(files_create(daemon_path(d, "dir/stay%d-%0*d", i, i * 29 % 97, 0)));
		if (i < GO)
			close(files_create(daemon_path(d, "dir/go%d", i)));
	}
}

/* Between any two pieces of the listing a name goes and another one comes. */
static void check_listing(const struct daemon *d, size_t size)
{
	struct seen seen = {.dots = 0};
	int fd, round = 0;

	cr_assert_eq(mkdir(daemon_path(d, "dir"), 0755), 0);
	make_many(d);
	files_forget(d);
	fd = open(daemon_path(d, "dir"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	while (list_some(fd, size, &seen)) {
		if (round < GO)
			cr_assert_eq(unlink(daemon_path(d, "dir/go%d", (round * 37) % GO)), 0);
		if (round < 300)
			close(files_create(daemon_path(d, "dir/fresh%d", round)));
		round++;
	}
	close(fd);
	cr_assert_gt(round, 1);
	for (int i = 0; i < STAY; i++)
		cr_assert_eq(seen.stay[i], 1, "stay%d was seen %u times", i, seen.stay[i]);
	for (int i = 0; i < GO; i++)
		cr_assert_leq(seen.go[i], 1);
	cr_assert_eq(seen.dots, 2);
	cr_assert_leq(seen.fresh, 300);
}

SEM_FACT(readdir, what_stays_shows_exactly_once_while_other_names_come_and_go)
{
	static const size_t sizes[] = {200, 1000, 4096, 30000};
	struct daemon d;

	sem_start(&d, backend, NULL);
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		char to[32];

		check_listing(&d, sizes[i]);
		snprintf(to, sizeof to, "done%zu", i);
		cr_assert_eq(rename(daemon_path(&d, "dir"), daemon_path(&d, "%s", to)), 0);
	}
	sem_stop(&d);
}

/* ---- telldir ---- */

#define PLACES 400

struct place {
	long offset; /* from here on a listing begins with... */
	char name[32];
};

static unsigned record_places(DIR *dir, struct place *places)
{
	unsigned n = 0;

	for (;; n++) {
		const struct dirent *entry;

		cr_assert_lt(n, PLACES);
		places[n].offset = telldir(dir);
		entry = readdir(dir);
		if (!entry)
			return n;
		snprintf(places[n].name, sizeof places[n].name, "%.31s", entry->d_name);
	}
}

SEM_FACT(readdir, each_entry_carries_the_offset_where_the_next_call_goes_on)
{
	struct place places[PLACES];
	const struct dirent *entry;
	struct daemon d;
	unsigned n;
	DIR *dir;

	sem_start(&d, backend, NULL);
	cr_assert_eq(mkdir(daemon_path(&d, "dir"), 0755), 0);
	for (int i = 0; i < 300; i++)
		close(files_create(daemon_path(&d, "dir/name-%d", i)));
	dir = opendir(daemon_path(&d, "dir"));
	n = record_places(dir, places);
	cr_assert_eq(n, 302);
	for (unsigned i = 0; i < n; i++) {
		unsigned at = (i * 131) % n;

		seekdir(dir, places[at].offset);
		entry = readdir(dir);
		cr_assert_not_null(entry);
		cr_assert_str_eq(entry->d_name, places[at].name, "at place %u", at);
	}
	/* what lies before an offset may go: it stays good */
	for (int i = 0; i < 200; i += 2)
		cr_assert_eq(unlink(daemon_path(&d, "dir/name-%d", i)), 0);
	for (unsigned at = 203; at < n; at += 7) {
		seekdir(dir, places[at].offset);
		entry = readdir(dir);
		cr_assert_not_null(entry);
		cr_assert_str_eq(entry->d_name, places[at].name, "at place %u", at);
	}
	rewinddir(dir);
	entry = readdir(dir);
	cr_assert_str_eq(entry->d_name, ".");
	closedir(dir);
	sem_stop(&d);
}

FACT(readdir, dot_and_dot_dot_may_be_left_out)
{
	struct daemon d = {.testfs = true, .backend = "nullfs"};
	const struct dirent *entry;
	DIR *dir;

	daemon_start(&d, NULL);
	dir = opendir(d.mnt);
	cr_assert_not_null(dir);
	entry = readdir(dir);
	cr_assert_not_null(entry);
	cr_assert_str_eq(entry->d_name, "f");
	cr_assert_null(readdir(dir));
	closedir(dir);
	cr_assert_eq(daemon_unmount(&d), 0);
}
