/*
 * The phases on small files and directories.  Knows one client's directory; must not know of
 * systems, rounds or threads.
 */
#include "bodies.h"

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

int small_create(struct client *client, uint64_t *done)
{
	return files_touch(client, O_WRONLY | O_CREAT | O_EXCL, false, done);
}

int small_open(struct client *client, uint64_t *done)
{
	return files_touch(client, O_RDONLY, false, done);
}

int small_write(struct client *client, uint64_t *done)
{
	return files_touch(client, O_WRONLY, true, done);
}

int small_read(struct client *client, uint64_t *done)
{
	return files_touch(client, O_RDONLY, true, done);
}

int small_stat(struct client *client, uint64_t *done)
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

int small_readdir(struct client *client, uint64_t *done)
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

int small_rename(struct client *client, uint64_t *done)
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

int small_unlink(struct client *client, uint64_t *done)
{
	return names_remove(client, 'f', 0, done);
}

int small_mkdir(struct client *client, uint64_t *done)
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

int small_rmdir(struct client *client, uint64_t *done)
{
	return names_remove(client, 'd', AT_REMOVEDIR, done);
}
