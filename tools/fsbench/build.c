/*
 * The calls of a compiler for each unit of a program, and of the linker at the end: headers are
 * searched in several directories, sources are read, objects are written piece by piece under a
 * name that is not the final one.  Nothing is compiled.
 */
#include "bodies.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define INCLUDE_DIRS  4
#define HEADERS       64
#define UNITS         24
#define UNIT_HEADERS  40
#define SOURCE_PIECE  65536
#define OBJECT_PIECES 6
#define LINK_PIECE    65536

static void header_name(char name[static 32], unsigned dir, unsigned n)
{
	snprintf(name, 32, "inc%u/header%02u.h", dir, n);
}

static void unit_name(char name[static 32], unsigned n, const char *suffix)
{
	snprintf(name, 32, "unit%02u.%s", n, suffix);
}

int build_sources(struct client *client)
{
	char name[32];
	int error = 0;

	for (unsigned n = 0; n < INCLUDE_DIRS; n++) {
		snprintf(name, sizeof(name), "inc%u", n);
		if (mkdirat(client->dirfd, name, 0755) != 0)
			return -errno;
	}
	for (unsigned n = 0; n < HEADERS && error == 0; n++) {
		header_name(name, n % INCLUDE_DIRS, n);
		error = mix_make(client, name, mix_size(n));
	}
	for (unsigned n = 0; n < UNITS && error == 0; n++) {
		unit_name(name, n, "c");
		error = mix_make(client, name, 2000 + mix_size(n + HEADERS));
	}
	return error;
}

/* Look for a header in one directory after the other, and read it. */
static int header_include(struct client *client, unsigned n)
{
	uint64_t bytes = 0;
	struct stat st;
	char name[32];

	for (unsigned dir = 0; dir < INCLUDE_DIRS; dir++) {
		header_name(name, dir, n);
		if (fstatat(client->dirfd, name, &st, 0) == 0)
			return mix_read(client, name, SOURCE_PIECE, &bytes);
		if (errno != ENOENT)
			return -errno;
	}
	return -EIO;
}

/* Pieces of 4 to 64 KiB under a temporary name, which then becomes the final one. */
static int object_write(struct client *client, unsigned n)
{
	char temporary[32], name[32];
	int error = 0;

	unit_name(temporary, n, "o.tmp");
	unit_name(name, n, "o");
	int fd = openat(client->dirfd, temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	for (unsigned i = 0; i < OBJECT_PIECES && error == 0; i++)
		error = mix_write(client, fd, 4096U << (n + i) % 5, CHUNK_SIZE);
	error = data_close(fd, error);
	if (error == 0 && renameat(client->dirfd, temporary, client->dirfd, name) != 0)
		error = -errno;
	return error;
}

static int unit_compile(struct client *client, unsigned n)
{
	uint64_t bytes = 0;
	char name[32];

	unit_name(name, n, "c");
	int error = mix_read(client, name, SOURCE_PIECE, &bytes);
	for (unsigned i = 0; i < UNIT_HEADERS && error == 0; i++)
		error = header_include(client, (n * 7 + i) % HEADERS);
	return error == 0 ? object_write(client, n) : error;
}

static int program_link(struct client *client)
{
	uint64_t bytes = 0;
	char name[32];
	int error = 0;

	for (unsigned n = 0; n < UNITS && error == 0; n++) {
		unit_name(name, n, "o");
		error = mix_read(client, name, LINK_PIECE, &bytes);
	}
	int fd = openat(client->dirfd, "program", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	if (fd < 0)
		return -errno;
	if (error == 0)
		error = mix_write(client, fd, bytes / 2, LINK_PIECE);
	if (error == 0 && fchmod(fd, 0755) != 0)
		error = -errno;
	return data_close(fd, error);
}

/* So that each build writes new files; this does not count. */
static int objects_clean(struct client *client)
{
	uint64_t pause = clock_now();
	char name[32];

	for (unsigned n = 0; n < UNITS; n++) {
		unit_name(name, n, "o");
		if (unlinkat(client->dirfd, name, 0) != 0)
			return -errno;
	}
	if (unlinkat(client->dirfd, "program", 0) != 0)
		return -errno;
	client->paused += clock_now() - pause;
	return 0;
}

int build_run(struct client *client, uint64_t *done)
{
	int error = 0;

	for (unsigned n = 0; n < UNITS && error == 0; n++)
		error = unit_compile(client, n);
	if (error == 0)
		error = program_link(client);
	if (error == 0)
		error = objects_clean(client);
	*done += UNITS;
	return error;
}
