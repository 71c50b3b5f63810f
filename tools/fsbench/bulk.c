/*
 * Makes, lists and removes very many files, empty or small, in one directory, timed: what a shell
 * loop is too slow for. The three share one scheme of names, so that a later process removes what
 * an earlier one made.
 */
#include "fsbench.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int bulk_fail(const char *what, const char *path)
{
	fprintf(stderr, "fsbench: cannot %s %s: %s\n", what, path, strerror(errno));
	return -1;
}

static void bulk_print(const char *verb, uint64_t files, uint64_t begin)
{
	printf("%s files=%" PRIu64 " seconds=%.3f\n", verb, files,
	       (double)(clock_now() - begin) / 1e9);
}

static int bulk_open(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		bulk_fail("open", dir);
	return fd;
}

static void bulk_name(char name[static 32], uint64_t n)
{
	snprintf(name, 32, "file-%09" PRIu64, n);
}

int bulk_make(const char *dir, uint64_t count, uint64_t bytes)
{
	static const char content[BULK_BYTES];
	char name[32];
	uint64_t begin = clock_now();
	int error = 0, top = bulk_open(dir);

	if (top < 0)
		return -1;
	for (uint64_t n = 0; n < count && error == 0; n++) {
		bulk_name(name, n);
		int fd = openat(top, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
		if (fd < 0 || (bytes != 0 && write(fd, content, bytes) != (ssize_t)bytes) ||
		    close(fd) != 0)
			error = bulk_fail("make", name);
	}
	close(top);
	if (error == 0)
		bulk_print("make", count, begin);
	return error;
}

int bulk_unlink(const char *dir, uint64_t count)
{
	char name[32];
	uint64_t begin = clock_now();
	int error = 0, top = bulk_open(dir);

	if (top < 0)
		return -1;
	for (uint64_t n = 0; n < count && error == 0; n++) {
		bulk_name(name, n);
		if (unlinkat(top, name, 0) != 0)
			error = bulk_fail("remove", name);
	}
	close(top);
	if (error == 0)
		bulk_print("unlink", count, begin);
	return error;
}

int bulk_list(const char *dir)
{
	uint64_t files = 0, begin = clock_now();
	DIR *stream = opendir(dir);
	const struct dirent *entry;

	if (stream == NULL)
		return bulk_fail("open", dir);
	errno = 0;
	while ((entry = readdir(stream)) != NULL)
		files += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	int error = errno == 0 ? 0 : bulk_fail("list", dir);
	closedir(stream);
	if (error == 0)
		bulk_print("list", files, begin);
	return error;
}
