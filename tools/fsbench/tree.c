/*
 * A tree of sources, made as an archiver makes it, walked and read as a search does it, and
 * removed.  What is made depends on the client's number of small files alone.
 */
#include "bodies.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES_IN_DIR 12
#define LINK_EVERY   25    /* one symbolic link for so many files */
#define TAR_PIECE    10240 /* what tar writes at a time */
#define READ_PIECE   32768

/* A tree has a fifth of the small files, since each costs five times as much. */
static unsigned tree_files(const struct client *client)
{
	return client->files / 5 + 1;
}

static void dir_name(char name[static 32], unsigned n)
{
	snprintf(name, 32, "s%02u/d%03u", n / 8, n);
}

/* The times of an archive are old ones. */
static const struct timespec *tree_times(unsigned n)
{
	static _Thread_local struct timespec times[2];

	for (unsigned i = 0; i < 2; i++)
		times[i] = (struct timespec){.tv_sec = 1500000000 + n, .tv_nsec = 123456789};
	return times;
}

static int untar_dir(struct client *client, unsigned n)
{
	char name[32];

	dir_name(name, n);
	if (n % 8 == 0) {
		char *slash = strchr(name, '/');
		*slash = '\0';
		if (mkdirat(client->dirfd, name, 0755) != 0)
			return -errno;
		*slash = '/';
	}
	return mkdirat(client->dirfd, name, 0755) == 0 ? 0 : -errno;
}

static int untar_file(struct client *client, unsigned n)
{
	char dir[32], name[64];
	int error;

	dir_name(dir, n / FILES_IN_DIR);
	snprintf(name, sizeof(name), "%s/source%u.c", dir, n);
	if (n % LINK_EVERY == LINK_EVERY - 1)
		return symlinkat("source0.c", client->dirfd, name) == 0 ? 0 : -errno;
	int fd = openat(client->dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	error = mix_write(client, fd, mix_size(n), TAR_PIECE);
	if (error == 0 && (futimens(fd, tree_times(n)) != 0 || fchmod(fd, 0644) != 0))
		error = -errno;
	return data_close(fd, error);
}

/* Files and their directories in the archive's order; at last the directories' times. */
int tree_untar(struct client *client, uint64_t *done)
{
	unsigned count = tree_files(client), n = 0;
	char name[32];
	int error = 0;

	for (n = 0; n < count && error == 0; n++) {
		if (n % FILES_IN_DIR == 0)
			error = untar_dir(client, n / FILES_IN_DIR);
		if (error == 0)
			error = untar_file(client, n);
	}
	for (n = 0; n * FILES_IN_DIR < count && error == 0; n++) {
		dir_name(name, n);
		if (utimensat(client->dirfd, name, tree_times(n), 0) != 0)
			error = -errno;
	}
	*done += count;
	return error;
}

/* What is done with each entry: 0 or a negative errno, with the directory that holds it. */
typedef int (*entry_visit)(struct client *client, int dirfd, const char *name, bool isdir,
			   uint64_t *done);

/* Visit all entries of a directory, which is opened anew. */
static int dir_each(struct client *client, int at, const char *name, entry_visit visit,
		    uint64_t *done)
{
	int error = 0, fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (dir == NULL) {
		error = -errno;
		if (fd >= 0)
			close(fd);
		return error;
	}
	while (error == 0 && (errno = 0, entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		struct stat st = {.st_mode = DTTOIF(entry->d_type)};
		if (entry->d_type == DT_UNKNOWN &&
		    fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
			error = -errno;
		else
			error = visit(client, fd, entry->d_name, S_ISDIR(st.st_mode), done);
	}
	if (error == 0)
		error = -errno;
	closedir(dir);
	return error;
}

static int walk_visit(struct client *client, int dirfd, const char *name, bool isdir,
		      uint64_t *done)
{
	struct stat st;
	ssize_t moved;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return -errno;
	if (isdir)
		return dir_each(client, dirfd, name, walk_visit, done);
	*done += 1;
	if (!S_ISREG(st.st_mode))
		return readlinkat(dirfd, name, client->buffer, CHUNK_SIZE) < 0 ? -errno : 0;
	int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while ((moved = read(fd, client->buffer, READ_PIECE)) > 0)
		continue;
	return data_close(fd, moved < 0 ? -errno : 0);
}

int tree_walk(struct client *client, uint64_t *done)
{
	return dir_each(client, client->dirfd, ".", walk_visit, done);
}

static int remove_visit(struct client *client, int dirfd, const char *name, bool isdir,
			uint64_t *done)
{
	int error = isdir ? dir_each(client, dirfd, name, remove_visit, done) : 0;

	if (error != 0)
		return error;
	/* A directory that is changed while it is read may show a name twice. */
	if (unlinkat(dirfd, name, isdir ? AT_REMOVEDIR : 0) == 0)
		*done += 1;
	else if (errno != ENOENT)
		return -errno;
	return 0;
}

/* Or may leave one out: then a directory above is not empty, and it takes another pass. */
int tree_remove(struct client *client, uint64_t *done)
{
	uint64_t before;
	int error;

	do {
		before = *done;
		error = dir_each(client, client->dirfd, ".", remove_visit, done);
	} while ((error == 0 || error == -ENOTEMPTY) && *done > before);
	return error;
}
