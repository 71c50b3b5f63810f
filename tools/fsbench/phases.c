/*
 * The table of phases, and the bodies of those that work on small files and directories.
 * Knows one client's directory; must not know of systems, rounds or threads.
 */
#include "fsbench.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The n-th name: a letter and seven digits.  By hand, since printf would show in the fast phases.
 */
static void name_put(char name[static 9], char letter, unsigned n)
{
	name[0] = letter;
	for (int i = 7; i > 0; i--, n /= 10)
		name[i] = (char)('0' + n % 10);
	name[8] = '\0';
}

/* Open the n-th file and do one 4 KiB transfer (none, read or write), as `access` says. */
static int file_touch(struct client *client, unsigned n, int flags, bool transfer)
{
	char name[9];
	ssize_t moved = BLOCK_SIZE;
	int error = 0;

	name_put(name, 'f', n);
	int fd = openat(client->dirfd, name, flags | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	if (transfer && (flags & O_ACCMODE) == O_RDONLY)
		moved = read(fd, client->buffer, BLOCK_SIZE);
	else if (transfer)
		moved = write(fd, client->buffer, BLOCK_SIZE);
	if (moved != BLOCK_SIZE)
		error = moved < 0 ? -errno : -EIO;
	if (close(fd) != 0 && error == 0)
		error = -errno;
	return error;
}

static int files_touch(struct client *client, int flags, bool transfer, uint64_t *done)
{
	for (unsigned n = 0; n < client->files; n++) {
		int error = file_touch(client, n, flags, transfer);
		if (error != 0)
			return error;
	}
	*done += client->files;
	return 0;
}

static int small_create(struct client *client, uint64_t *done)
{
	return files_touch(client, O_WRONLY | O_CREAT | O_EXCL, false, done);
}

static int small_open(struct client *client, uint64_t *done)
{
	return files_touch(client, O_RDONLY, false, done);
}

static int small_write(struct client *client, uint64_t *done)
{
	return files_touch(client, O_WRONLY, true, done);
}

static int small_read(struct client *client, uint64_t *done)
{
	return files_touch(client, O_RDONLY, true, done);
}

static int small_stat(struct client *client, uint64_t *done)
{
	struct stat st;
	char name[9];

	for (unsigned n = 0; n < client->files; n++) {
		name_put(name, 'f', n);
		if (fstatat(client->dirfd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
			return -errno;
	}
	*done += client->files;
	return 0;
}

static int small_readdir(struct client *client, uint64_t *done)
{
	uint64_t entries = 0;
	int fd = openat(client->dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (dir == NULL) {
		int error = -errno;
		if (fd >= 0)
			close(fd);
		return error;
	}
	errno = 0;
	while ((entry = readdir(dir)) != NULL)
		entries += entry->d_name[0] != '.';
	int error = -errno;
	closedir(dir);
	if (error == 0 && entries != client->files)
		error = -EIO; /* an entry was skipped or shown twice */
	*done += entries;
	return error;
}

static int small_rename(struct client *client, uint64_t *done)
{
	char here[9], there[9];

	for (unsigned n = 0; n < client->files; n++) {
		name_put(here, 'f', n);
		name_put(there, 'g', n);
		if (renameat(client->dirfd, here, client->dirfd, there) != 0 ||
		    renameat(client->dirfd, there, client->dirfd, here) != 0)
			return -errno;
	}
	*done += client->files;
	return 0;
}

static int names_remove(struct client *client, char letter, int flags, uint64_t *done)
{
	char name[9];

	for (unsigned n = 0; n < client->files; n++) {
		name_put(name, letter, n);
		if (unlinkat(client->dirfd, name, flags) != 0)
			return -errno;
	}
	*done += client->files;
	return 0;
}

static int small_unlink(struct client *client, uint64_t *done)
{
	return names_remove(client, 'f', 0, done);
}

static int small_mkdir(struct client *client, uint64_t *done)
{
	char name[9];

	for (unsigned n = 0; n < client->files; n++) {
		name_put(name, 'd', n);
		if (mkdirat(client->dirfd, name, 0755) != 0)
			return -errno;
	}
	*done += client->files;
	return 0;
}

static int small_rmdir(struct client *client, uint64_t *done)
{
	return names_remove(client, 'd', AT_REMOVEDIR, done);
}

/* In the order in which they run: each finds what it wants mostly done by the one before. */
const struct phase phase_table[] = {
	{"create", "/s", small_create, STATE_EMPTY, STATE_FILES, 0},
	{"stat", "/s", small_stat, STATE_FILES, STATE_FILES, PHASE_WARM | PHASE_REPEATS},
	{"open", "/s", small_open, STATE_FILES, STATE_FILES, PHASE_WARM | PHASE_REPEATS},
	{"open-write", "/s", small_write, STATE_FILES, STATE_FILLED, 0},
	{"open-read", "/s", small_read, STATE_FILLED, STATE_FILLED, PHASE_WARM | PHASE_REPEATS},
	{"readdir", "entries/s", small_readdir, STATE_FILES, STATE_FILES, PHASE_REPEATS},
	{"rename", "/s", small_rename, STATE_FILES, STATE_FILES, 0},
	{"unlink", "/s", small_unlink, STATE_FILES, STATE_EMPTY, 0},
	{"mkdir", "/s", small_mkdir, STATE_EMPTY, STATE_DIRS, 0},
	{"rmdir", "/s", small_rmdir, STATE_DIRS, STATE_EMPTY, 0},
	{"seq-write", "MiB/s", data_write_cached, STATE_ANY, STATE_ANY, PHASE_BIG_BYTES},
	{"seq-read", "MiB/s", data_read_cached, STATE_ANY, STATE_ANY, PHASE_BIG_BYTES | PHASE_WARM},
	{"direct-write", "MiB/s", data_write_direct, STATE_ANY, STATE_ANY, PHASE_BIG_BYTES},
	{"direct-read", "MiB/s", data_read_direct, STATE_ANY, STATE_ANY, PHASE_BIG_BYTES},
	{"rand-write", "/s", data_random_write, STATE_ANY, STATE_ANY, PHASE_BIG},
	{"rand-read", "/s", data_random_read, STATE_ANY, STATE_ANY, PHASE_BIG},
	{"rand-cwrite", "/s", data_random_write_cached, STATE_ANY, STATE_ANY, PHASE_BIG},
	{"rand-cread", "/s", data_random_read_cached, STATE_ANY, STATE_ANY, PHASE_BIG | PHASE_WARM},
};

const unsigned phase_count = sizeof(phase_table) / sizeof(phase_table[0]);

const struct phase *phase_find(const char *name, size_t length)
{
	for (unsigned i = 0; i < phase_count; i++)
		if (strlen(phase_table[i].name) == length &&
		    memcmp(phase_table[i].name, name, length) == 0)
			return &phase_table[i];
	return NULL;
}

static int state_empty(struct client *client)
{
	uint64_t done = 0;
	int error = 0;

	if (client->state == STATE_FILES || client->state == STATE_FILLED)
		error = small_unlink(client, &done);
	else if (client->state == STATE_DIRS)
		error = small_rmdir(client, &done);
	if (error == 0)
		client->state = STATE_EMPTY;
	return error;
}

/* Filled files serve where files are wanted. */
static bool state_serves(enum state have, enum state wanted)
{
	return wanted == STATE_ANY || have == wanted ||
	       (wanted == STATE_FILES && have == STATE_FILLED);
}

static int state_reach(struct client *client, enum state wanted)
{
	uint64_t done = 0;
	int error = 0;

	if (state_serves(client->state, wanted))
		return 0;
	if (!(wanted == STATE_FILLED && client->state == STATE_FILES))
		error = state_empty(client);
	if (error == 0 && wanted != STATE_EMPTY && client->state == STATE_EMPTY)
		error = wanted == STATE_DIRS ? small_mkdir(client, &done)
					     : small_create(client, &done);
	if (error == 0 && wanted == STATE_FILLED)
		error = small_write(client, &done);
	if (error == 0)
		client->state = wanted;
	return error;
}

int phase_prepare(struct client *client, const struct phase *phase)
{
	uint64_t done = 0;
	int error = 0;

	if (phase->flags & PHASE_BIG)
		error = data_fill(client);
	if (error == 0)
		error = state_reach(client, phase->wants);
	if (error == 0 && (phase->flags & PHASE_WARM))
		error = phase->body(client, &done);
	return error;
}

void phase_finish(struct client *client, const struct phase *phase)
{
	if (phase->leaves != STATE_ANY && !state_serves(client->state, phase->leaves))
		client->state = phase->leaves;
}

int phase_clear(struct client *client)
{
	int error = state_empty(client);

	if (unlinkat(client->bigdir, client->big, 0) != 0 && errno != ENOENT && error == 0)
		error = -errno;
	return error;
}
