/*
 * The phases on the big file through a shared mapping.  Each pass maps anew, so that what a fault
 * costs is part of it, and so is what munmap and close do with the changed pages.
 */
#include "bodies.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

/* One pass: copy `step` bytes at a time, from the begin to the end or at random places until
 * HOLD_NS have passed, between the mapping and the buffer. */
static void map_copy(struct client *client, char *map, uint64_t size, bool writing, bool random,
		     uint64_t *done)
{
	size_t step = random ? BLOCK_SIZE : CHUNK_SIZE;
	uint64_t steps = size / step, end = clock_now() + (random ? HOLD_NS : CUTOFF_NS);

	for (uint64_t i = 0; random || i < steps; i++) {
		if ((!random || i % 64 == 0) && clock_now() >= end)
			return;
		char *at = map + (random ? client_random(client) % steps : i) * step;
		memcpy(writing ? at : client->buffer, writing ? client->buffer : at, step);
		/* Or the compiler might leave out what nobody looks at. */
		__asm__ volatile("" : : "r"(client->buffer) : "memory");
		*done += random ? 1 : step;
	}
}

static int map_pass(struct client *client, bool writing, bool random, uint64_t *done)
{
	uint64_t size = 0;
	int fd = data_open(client, writing ? O_RDWR : O_RDONLY, &size);

	if (fd < 0)
		return fd;
	if (size < CHUNK_SIZE)
		return data_close(fd, -EOPNOTSUPP);
	char *map =
		mmap(NULL, size, writing ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return data_close(fd, errno == ENODEV ? -EOPNOTSUPP : -errno);
	map_copy(client, map, size, writing, random, done);
	int error = munmap(map, size) == 0 ? 0 : -errno;
	return data_close(fd, error);
}

static int map_passes(struct client *client, bool writing, uint64_t *done)
{
	uint64_t end = clock_now() + HOLD_NS;
	int error;

	do
		error = map_pass(client, writing, false, done);
	while (error == 0 && clock_now() < end);
	return error;
}

int mapped_write(struct client *client, uint64_t *done)
{
	return map_passes(client, true, done);
}

int mapped_read(struct client *client, uint64_t *done)
{
	return map_passes(client, false, done);
}

int mapped_random_write(struct client *client, uint64_t *done)
{
	return map_pass(client, true, true, done);
}

int mapped_random_read(struct client *client, uint64_t *done)
{
	return map_pass(client, false, true, done);
}
