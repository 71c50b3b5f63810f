/*
 * The address range in which the whole file system lives: one sparse memfd, mapped once.
 * Knows only ranges of bytes.
 */
#include "arena.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

static int map_file(struct arena *arena, int fd, size_t size)
{
	struct rlimit limit;
	void *base;

	/* Beyond RLIMIT_FSIZE ftruncate() does not only fail, it kills by SIGXFSZ. */
	if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < size)
		return -EFBIG;
	if (ftruncate(fd, (off_t)size) < 0)
		return -errno;
	base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (base == MAP_FAILED)
		return -errno;
	madvise(base, size, MADV_DONTDUMP);
	madvise(base, size, MADV_DONTFORK);
	arena->base = base;
	arena->size = size;
	arena->fd = fd;
	return 0;
}

int arena_open(struct arena *arena, size_t size)
{
	int fd = memfd_create("llfused-memfs", MFD_CLOEXEC);
	int error;

	arena->base = NULL;
	if (fd < 0)
		return -errno;
	error = map_file(arena, fd, size);
	if (error)
		close(fd);
	return error;
}

void arena_close(struct arena *arena)
{
	if (!arena->base)
		return;
	munmap(arena->base, arena->size);
	close(arena->fd);
	arena->base = NULL;
}

void arena_release(const struct arena *arena, void *start, size_t size)
{
	(void)arena;
	madvise(start, size, MADV_REMOVE);
}

void arena_populate(const struct arena *arena, void *start, size_t size)
{
	(void)arena;
	/* Only for speed: without it the pages come one by one as they are touched. */
	madvise(start, size, MADV_POPULATE_WRITE);
}
