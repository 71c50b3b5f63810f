/*
 * The phases on one big file: sequential and random, through the page cache and around it.
 * A slow system is cut off after CUTOFF_NS: the rate counts what was done until then.
 */
#include "fsbench.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* One random pass, and how often it looks at the clock. */
#define RANDOM_PASS 4096
#define RANDOM_LOOK 64

static int big_open(struct client *client, int flags, uint64_t *size)
{
	struct stat st;
	int fd = openat(client->bigdir, client->big, flags | O_CLOEXEC, 0644);

	if (fd < 0)
		return errno == EINVAL && (flags & O_DIRECT) ? -EOPNOTSUPP : -errno;
	if (fstat(fd, &st) != 0) {
		int error = -errno;
		close(fd);
		return error;
	}
	*size = (uint64_t)st.st_size;
	return fd;
}

static int big_close(int fd, int error)
{
	if (close(fd) != 0 && error == 0)
		error = -errno;
	return error;
}

/* Move `wanted` bytes chunk by chunk from the file's begin, or what CUTOFF_NS allows. */
static int sequential(struct client *client, int fd, bool writing, uint64_t wanted, uint64_t *done)
{
	uint64_t end = clock_now() + CUTOFF_NS;

	for (uint64_t at = 0; at < wanted && clock_now() < end;) {
		size_t length = wanted - at < CHUNK_SIZE ? (size_t)(wanted - at) : CHUNK_SIZE;
		ssize_t moved = writing ? pwrite(fd, client->buffer, length, (off_t)at)
					: pread(fd, client->buffer, length, (off_t)at);
		if (moved <= 0)
			return moved < 0 ? -errno : -EIO;
		at += (uint64_t)moved;
		*done += (uint64_t)moved;
	}
	return 0;
}

/* Open, move the whole file, close: the close counts, since some systems do the work there. */
static int big_pass(struct client *client, int flags, uint64_t *done)
{
	uint64_t size = 0;
	bool writing = (flags & O_ACCMODE) != O_RDONLY;
	int fd = big_open(client, flags, &size);

	if (fd < 0)
		return fd;
	return big_close(fd, sequential(client, fd, writing, size, done));
}

int data_fill(struct client *client)
{
	uint64_t size = 0, done = 0;
	int error = 0;
	int fd = big_open(client, O_WRONLY | O_CREAT, &size);

	if (fd < 0)
		return fd;
	if (size == 0)
		error = sequential(client, fd, true, client->size, &done);
	return big_close(fd, error);
}

int data_write_cached(struct client *client, uint64_t *done)
{
	return big_pass(client, O_WRONLY, done);
}

int data_read_cached(struct client *client, uint64_t *done)
{
	return big_pass(client, O_RDONLY, done);
}

int data_write_direct(struct client *client, uint64_t *done)
{
	return big_pass(client, O_WRONLY | O_DIRECT, done);
}

int data_read_direct(struct client *client, uint64_t *done)
{
	return big_pass(client, O_RDONLY | O_DIRECT, done);
}

static uint64_t random_next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static int random_pass(struct client *client, int flags, uint64_t *done)
{
	uint64_t size = 0, end = clock_now() + CUTOFF_NS;
	bool writing = (flags & O_ACCMODE) != O_RDONLY;
	int error = 0, fd = big_open(client, flags | O_DIRECT, &size);

	if (fd < 0)
		return fd;
	if (size < BLOCK_SIZE)
		return big_close(fd, -EIO);
	for (unsigned i = 0; i < RANDOM_PASS && error == 0; i++) {
		off_t at = (off_t)(random_next(&client->seed) % (size / BLOCK_SIZE) * BLOCK_SIZE);
		ssize_t moved = writing ? pwrite(fd, client->buffer, BLOCK_SIZE, at)
					: pread(fd, client->buffer, BLOCK_SIZE, at);
		if (moved != BLOCK_SIZE)
			error = moved < 0 ? -errno : -EIO;
		else
			*done += 1;
		if (i % RANDOM_LOOK == RANDOM_LOOK - 1 && clock_now() >= end)
			break;
	}
	return big_close(fd, error);
}

int data_random_write(struct client *client, uint64_t *done)
{
	return random_pass(client, O_WRONLY, done);
}

int data_random_read(struct client *client, uint64_t *done)
{
	return random_pass(client, O_RDONLY, done);
}
