/*
 * The calls of a database that keeps a rollback journal: what will change is written to a journal
 * file first, then the pages are changed, each step is synced, and removing the journal is the
 * commit.  Queries before it read scattered pages and a range.
 */
#include "bodies.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define DB_PAGES       2048 /* 8 MiB */
#define COMMITS        16   /* for each call */
#define CHANGED_PAGES  3
#define SEARCHES       8  /* single pages read */
#define RANGE_PAGES    32 /* read in a row */
#define JOURNAL_HEADER 512

#define LOCK_BYTE 0x40000000 /* beyond the data */

int sqlite_make(struct client *client)
{
	return mix_make(client, "database", (size_t)DB_PAGES * BLOCK_SIZE);
}

static int page_move(struct client *client, int fd, bool writing, uint64_t page)
{
	off_t at = (off_t)(page * BLOCK_SIZE);
	ssize_t moved = writing ? pwrite(fd, client->buffer, BLOCK_SIZE, at)
				: pread(fd, client->buffer, BLOCK_SIZE, at);

	if (moved < 0)
		return -errno;
	return moved == BLOCK_SIZE ? 0 : -EIO;
}

static int database_lock(int fd, short type)
{
	struct flock lock = {
		.l_type = type, .l_whence = SEEK_SET, .l_start = LOCK_BYTE, .l_len = 512};

	return fcntl(fd, F_SETLK, &lock) == 0 ? 0 : -errno;
}

/* Nobody else's unfinished journal may be there. */
static int journal_none(struct client *client)
{
	static const char *const names[] = {"database-journal", "database-wal"};

	for (unsigned i = 0; i < 2; i++)
		if (faccessat(client->dirfd, names[i], F_OK, 0) == 0)
			return -EEXIST;
		else if (errno != ENOENT)
			return -errno;
	return 0;
}

static int pages_query(struct client *client, int fd)
{
	uint64_t first = client_random(client) % (DB_PAGES - RANGE_PAGES);
	int error = 0;

	for (unsigned i = 0; i < SEARCHES && error == 0; i++)
		error = page_move(client, fd, false, client_random(client) % DB_PAGES);
	for (unsigned i = 0; i < RANGE_PAGES && error == 0; i++)
		error = page_move(client, fd, false, first + i);
	return error;
}

/* Append; the parts are a header, and for each page its number, itself and a sum. */
static int journal_append(struct client *client, int fd, size_t size)
{
	ssize_t moved = write(fd, client->buffer, size);

	if (moved < 0)
		return -errno;
	return (size_t)moved == size ? 0 : -EIO;
}

/* A journal that holds the old pages and is on the disk: its descriptor or a negative errno. */
static int journal_make(struct client *client)
{
	int error,
		fd = openat(client->dirfd, "database-journal", O_RDWR | O_CREAT | O_CLOEXEC, 0644);

	if (fd < 0)
		return -errno;
	error = journal_append(client, fd, JOURNAL_HEADER);
	for (unsigned i = 0; i < CHANGED_PAGES && error == 0; i++) {
		error = journal_append(client, fd, 4);
		if (error == 0)
			error = journal_append(client, fd, BLOCK_SIZE);
		if (error == 0)
			error = journal_append(client, fd, 4);
	}
	/* First the pages, then a header that says how many there are. */
	if (error == 0 && fdatasync(fd) != 0)
		error = -errno;
	if (error == 0 && pwrite(fd, client->buffer, 12, 0) != 12)
		error = -EIO;
	if (error == 0 && fdatasync(fd) != 0)
		error = -errno;
	return error == 0 ? fd : data_close(fd, error);
}

static int commit(struct client *client, int fd)
{
	int error = 0, journal = journal_make(client);

	if (journal < 0)
		return journal;
	for (unsigned i = 0; i < CHANGED_PAGES && error == 0; i++)
		error = page_move(client, fd, true, client_random(client) % DB_PAGES);
	if (error == 0 && fdatasync(fd) != 0)
		error = -errno;
	error = data_close(journal, error);
	if (error == 0 && unlinkat(client->dirfd, "database-journal", 0) != 0)
		error = -errno;
	return error;
}

static int transaction(struct client *client, int fd)
{
	struct stat st;
	int error = database_lock(fd, F_RDLCK);

	if (error == 0)
		error = journal_none(client);
	if (error == 0 && fstat(fd, &st) != 0)
		error = -errno;
	if (error == 0)
		error = pages_query(client, fd);
	if (error == 0)
		error = database_lock(fd, F_WRLCK);
	if (error == 0)
		error = commit(client, fd);
	return error == 0 ? database_lock(fd, F_UNLCK) : error;
}

int sqlite_run(struct client *client, uint64_t *done)
{
	int error = 0, fd = openat(client->dirfd, "database", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	for (unsigned i = 0; i < COMMITS && error == 0; i++, *done += 1)
		error = transaction(client, fd);
	return data_close(fd, error);
}
