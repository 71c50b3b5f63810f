/*
 * One large file's life: written, patched and read at random places in pieces of 4 to 64 KiB, read
 * as a whole, looked at through a mapping, cut, and removed.
 */
#include "bodies.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define PATCHES 256 /* random writes and as many random reads */

/* Sequentially from the begin to the end. */
static int whole(struct client *client, int fd, bool writing, uint64_t *done)
{
	for (uint64_t at = 0; at < client->size;) {
		size_t length =
			client->size - at < CHUNK_SIZE ? (size_t)(client->size - at) : CHUNK_SIZE;
		ssize_t moved = writing ? pwrite(fd, client->buffer, length, (off_t)at)
					: pread(fd, client->buffer, length, (off_t)at);
		if (moved <= 0)
			return moved < 0 ? -errno : -EIO;
		at += (uint64_t)moved;
		*done += (uint64_t)moved;
	}
	return 0;
}

static int patches(struct client *client, int fd, uint64_t *done)
{
	for (unsigned i = 0; i < 2 * PATCHES; i++) {
		size_t length = (size_t)BLOCK_SIZE << i / 2 % 5;
		if (length > client->size)
			length = BLOCK_SIZE;
		uint64_t places = (client->size - length) / BLOCK_SIZE + 1;
		off_t at = (off_t)(client_random(client) % places * BLOCK_SIZE);
		ssize_t moved = i % 2 == 0 ? pwrite(fd, client->buffer, length, at)
					   : pread(fd, client->buffer, length, at);
		if (moved != (ssize_t)length)
			return moved < 0 ? -errno : -EIO;
		*done += length;
	}
	return 0;
}

/* A byte of every page, as a program that searches an index looks at it. */
static int glance(struct client *client, int fd)
{
	volatile const char *map = mmap(NULL, client->size, PROT_READ, MAP_SHARED, fd, 0);

	if (map == MAP_FAILED)
		return -errno;
	for (uint64_t at = 0; at < client->size; at += BLOCK_SIZE)
		(void)map[at];
	return munmap((void *)(uintptr_t)map, client->size) == 0 ? 0 : -errno;
}

int large_run(struct client *client, uint64_t *done)
{
	int fd = openat(client->dirfd, "large", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0)
		return -errno;
	int error = whole(client, fd, true, done);
	if (error == 0)
		error = patches(client, fd, done);
	if (error == 0)
		error = whole(client, fd, false, done);
	if (error == 0)
		error = glance(client, fd);
	if (error == 0 && ftruncate(fd, (off_t)(client->size / 2)) != 0)
		error = -errno;
	error = data_close(fd, error);
	if (unlinkat(client->dirfd, "large", 0) != 0 && error == 0)
		error = -errno;
	return error;
}
