/*
 * The address range in which the whole file system lives: one sparse mapping.
 * Knows only ranges of bytes.
 */
#include "arena.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

static int map(struct arena *arena, int flags, int fd, size_t size)
{
	void *base = mmap(NULL, size, PROT_READ | PROT_WRITE, flags | MAP_NORESERVE, fd, 0);

	if (base == MAP_FAILED)
		return -errno;
	/* In tables that are used here and there huge pages would be mostly waste. */
	madvise(base, size, MADV_NOHUGEPAGE);
	madvise(base, size, MADV_DONTDUMP);
	madvise(base, size, MADV_DONTFORK);
	arena->base = base;
	arena->size = size;
	arena->fd = fd;
	return 0;
}

static int map_file(struct arena *arena, int fd, size_t size)
{
	struct rlimit limit;

	/* Beyond RLIMIT_FSIZE ftruncate() does not only fail, it kills by SIGXFSZ. */
	if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < size)
		return -EFBIG;
	if (ftruncate(fd, (off_t)size) < 0)
		return -errno;
	return map(arena, MAP_SHARED, fd, size);
}

/* Does the system count private memory before it is used?  Then a large arena would leave nothing
 * to others, even where there is as much. */
static int is_counted(void)
{
	int fd = open("/proc/sys/vm/overcommit_memory", O_RDONLY | O_CLOEXEC);
	char mode = 0;

	if (fd < 0)
		return 0;
	if (read(fd, &mode, 1) != 1)
		mode = 0;
	close(fd);
	return mode == '2';
}

int arena_open(struct arena *arena, size_t size)
{
	int error;
	int fd;

	arena->base = NULL;
	/* Anonymous memory comes and goes fastest; where it is counted, a file is not. */
	if (!is_counted() && map(arena, MAP_PRIVATE | MAP_ANONYMOUS, -1, size) == 0)
		return 0;
	fd = memfd_create("llfused-memfs", MFD_CLOEXEC);
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
	if (arena->fd >= 0)
		close(arena->fd);
	arena->base = NULL;
}

void arena_release(const struct arena *arena, void *start, size_t size)
{
	madvise(start, size, arena->fd >= 0 ? MADV_REMOVE : MADV_DONTNEED);
}

void arena_populate(const struct arena *arena, void *start, size_t size)
{
	(void)arena;
	/* Only for speed: without it the pages come one by one as they are touched. */
	madvise(start, size, MADV_POPULATE_WRITE);
}
