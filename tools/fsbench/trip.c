/*
 * Single operations on the big file that no cache answers, each timed: the way to a server and
 * back.  A kernel file system shows here what the call itself costs.
 */
#include "bodies.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* One operation at an offset: 0 or a negative errno. */
typedef int (*trip_operation)(struct client *client, int fd, off_t at);

static int trip_pass(struct client *client, int flags, trip_operation operation, uint64_t *done)
{
	uint64_t size = 0;
	int error = 0, fd = data_open(client, flags, &size);

	if (fd < 0)
		return fd;
	if (size < BLOCK_SIZE)
		return data_close(fd, -EIO);
	uint64_t begin = clock_now(), end = begin + HOLD_NS;
	while (error == 0 && begin < end) {
		off_t at = (off_t)(client_random(client) % (size / BLOCK_SIZE) * BLOCK_SIZE);
		error = operation(client, fd, at);
		uint64_t now = clock_now();
		histogram_add(&client->latency, now - begin);
		begin = now;
		*done += 1;
	}
	return data_close(fd, error);
}

static int getattr_once(struct client *client, int fd, off_t at)
{
	struct statx stx;

	(void)client;
	(void)at;
	return statx(fd, "", AT_EMPTY_PATH | AT_STATX_FORCE_SYNC, STATX_BASIC_STATS, &stx) == 0
		       ? 0
		       : -errno;
}

static int moved_error(ssize_t moved)
{
	if (moved < 0)
		return -errno;
	return moved == BLOCK_SIZE ? 0 : -EIO;
}

static int read_once(struct client *client, int fd, off_t at)
{
	return moved_error(pread(fd, client->buffer, BLOCK_SIZE, at));
}

static int write_once(struct client *client, int fd, off_t at)
{
	return moved_error(pwrite(fd, client->buffer, BLOCK_SIZE, at));
}

int trip_getattr(struct client *client, uint64_t *done)
{
	return trip_pass(client, O_RDONLY, getattr_once, done);
}

int trip_read(struct client *client, uint64_t *done)
{
	return trip_pass(client, O_RDONLY | O_DIRECT, read_once, done);
}

int trip_write(struct client *client, uint64_t *done)
{
	return trip_pass(client, O_WRONLY | O_DIRECT, write_once, done);
}
