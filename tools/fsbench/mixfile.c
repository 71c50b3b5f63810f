/*
 * What the mixes share: how large the files of a tree are, and whole files made and read.
 */
#include "bodies.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* Sixteenths of all files, in bytes. */
static const unsigned size_table[16] = {0,    140,  410,  820,   1300,  1900,  2600,  3500,
					4700, 6200, 8400, 11500, 16000, 24000, 46000, 130000};

size_t mix_size(unsigned n)
{
	unsigned mixed = n * 2654435761U;

	/* One in sixteen, but not in order; and not all of one kind are of the same length. */
	return size_table[mixed >> 28] + (mixed >> 20) % 97;
}

int mix_write(struct client *client, int fd, size_t size, size_t piece)
{
	for (size_t at = 0; at < size;) {
		ssize_t moved = write(fd, client->buffer, size - at < piece ? size - at : piece);
		if (moved <= 0)
			return moved < 0 ? -errno : -EIO;
		at += (size_t)moved;
	}
	return 0;
}

int mix_make(struct client *client, const char *name, size_t size)
{
	int fd = openat(client->dirfd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0)
		return -errno;
	return data_close(fd, mix_write(client, fd, size, CHUNK_SIZE));
}

int mix_read(struct client *client, const char *name, size_t piece, uint64_t *bytes)
{
	int fd = openat(client->dirfd, name, O_RDONLY | O_CLOEXEC);
	ssize_t moved;

	if (fd < 0)
		return -errno;
	while ((moved = read(fd, client->buffer, piece)) > 0)
		*bytes += (uint64_t)moved;
	return data_close(fd, moved < 0 ? -errno : 0);
}
