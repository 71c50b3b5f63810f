/*
 * The phases on one big file, which stays open while it is read or written again and again for
 * HOLD_NS: sequential and random, through the page cache and around it.  A slow system is cut off
 * after CUTOFF_NS: the rate counts what was done until then.
 */
#include "bodies.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* How often random transfers look at the clock. */
#define RANDOM_LOOK 64

int data_open(struct client *client, int flags, uint64_t *size)
{
	struct stat st;
	int fd = openat(client->bigdir, client->big, flags | O_CLOEXEC, 0644);

	if (fd < 0)
		return errno == EINVAL && (flags & O_DIRECT) ? -EOPNOTSUPP : -errno;
	if (fstat(fd, &st) != 0)
		return data_close(fd, -errno);
	*size = (uint64_t)st.st_size;
	return fd;
}

int data_close(int fd, int error)
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

/* Open, move the whole file again and again, close: the close counts, since some systems do the
 * work there. */
static int big_pass(struct client *client, int flags, uint64_t *done)
{
	uint64_t size = 0, end = clock_now() + HOLD_NS;
	bool writing = (flags & O_ACCMODE) != O_RDONLY;
	int error, fd = data_open(client, flags, &size);

	if (fd < 0)
		return fd;
	do
		error = sequential(client, fd, writing, size, done);
	while (error == 0 && clock_now() < end);
	return data_close(fd, error);
}

int data_fill(struct client *client)
{
	uint64_t size = 0, done = 0;
	int error = 0;
	int fd = data_open(client, O_WRONLY | O_CREAT, &size);

	if (fd < 0)
		return fd;
	if (size == 0)
		error = sequential(client, fd, true, client->size, &done);
	return data_close(fd, error);
}

/* Make the file anew again and again; that the old one goes does not count. */
int data_new(struct client *client, uint64_t *done)
{
	uint64_t size, end = clock_now() + HOLD_NS;
	int error;

	do {
		uint64_t pause = clock_now();
		if (unlinkat(client->bigdir, client->big, 0) != 0 && errno != ENOENT)
			return -errno;
		client->paused += clock_now() - pause;
		int fd = data_open(client, O_WRONLY | O_CREAT | O_EXCL, &size);
		if (fd < 0)
			return fd;
		error = data_close(fd, sequential(client, fd, true, client->size, done));
	} while (error == 0 && clock_now() < end);
	return error;
}

int data_over(struct client *client, uint64_t *done)
{
	return big_pass(client, O_WRONLY, done);
}

int data_read(struct client *client, uint64_t *done)
{
	return big_pass(client, O_RDONLY, done);
}

int data_direct_write(struct client *client, uint64_t *done)
{
	return big_pass(client, O_WRONLY | O_DIRECT, done);
}

int data_direct_read(struct client *client, uint64_t *done)
{
	return big_pass(client, O_RDONLY | O_DIRECT, done);
}

static int random_pass(struct client *client, int flags, uint64_t *done)
{
	uint64_t size = 0, end = clock_now() + HOLD_NS;
	bool writing = (flags & O_ACCMODE) != O_RDONLY;
	int error = 0, fd = data_open(client, flags, &size);

	if (fd < 0)
		return fd;
	if (size < BLOCK_SIZE)
		return data_close(fd, -EIO);
	for (unsigned i = 0; error == 0 && (i % RANDOM_LOOK != 0 || clock_now() < end); i++) {
		off_t at = (off_t)(client_random(client) % (size / BLOCK_SIZE) * BLOCK_SIZE);
		ssize_t moved = writing ? pwrite(fd, client->buffer, BLOCK_SIZE, at)
					: pread(fd, client->buffer, BLOCK_SIZE, at);
		if (moved != BLOCK_SIZE)
			error = moved < 0 ? -errno : -EIO;
		else
			*done += 1;
	}
	return data_close(fd, error);
}

int data_random_direct_write(struct client *client, uint64_t *done)
{
	return random_pass(client, O_WRONLY | O_DIRECT, done);
}

int data_random_direct_read(struct client *client, uint64_t *done)
{
	return random_pass(client, O_RDONLY | O_DIRECT, done);
}

int data_random_write(struct client *client, uint64_t *done)
{
	return random_pass(client, O_WRONLY, done);
}

int data_random_read(struct client *client, uint64_t *done)
{
	return random_pass(client, O_RDONLY, done);
}
