/*
 * Loaded before libc: counts the process's heap calls into a file that a test maps, too.
 * $LLFUSED_ALLOC_COUNTER names it: one 64-bit number.
 * It must not allocate by itself.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static _Atomic uint64_t nowhere;
static _Atomic uint64_t *counter = &nowhere;

static void *(*next_malloc)(size_t);
static void *(*next_calloc)(size_t, size_t);
static void *(*next_realloc)(void *, size_t);
static void (*next_free)(void *);
static int (*next_posix_memalign)(void **, size_t, size_t);
static void *(*next_aligned_alloc)(size_t, size_t);

/* What dlsym() itself asks for before the real functions are known. */
static _Alignas(16) char early[4096];
static size_t early_used;

static void *take_early(size_t size)
{
	void *p = early + early_used;

	size = (size + 15) & ~(size_t)15;
	if (size > sizeof early - early_used)
		return NULL;
	early_used += size;
	return p;
}

static int is_early(const void *p)
{
	return (const char *)p >= early && (const char *)p < early + sizeof early;
}

static void find(const char *name, void *to)
{
	void *symbol = dlsym(RTLD_NEXT, name);

	memcpy(to, &symbol, sizeof symbol);
}

__attribute__((constructor)) static void start(void)
{
	const char *path = getenv("LLFUSED_ALLOC_COUNTER");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *p;

	find("malloc", &next_malloc);
	find("calloc", &next_calloc);
	find("realloc", &next_realloc);
	find("free", &next_free);
	find("posix_memalign", &next_posix_memalign);
	find("aligned_alloc", &next_aligned_alloc);
	if (fd < 0)
		return;
	p = mmap(NULL, sizeof *counter, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p != MAP_FAILED)
		counter = p;
	close(fd);
}

static void count(void)
{
	atomic_fetch_add(counter, 1);
}

EXPORT void *malloc(size_t size)
{
	count();
	return next_malloc ? next_malloc(size) : take_early(size);
}

EXPORT void *calloc(size_t n, size_t size)
{
	count();
	return next_calloc ? next_calloc(n, size) : take_early(n * size);
}

EXPORT void *realloc(void *p, size_t size)
{
	void *copy;

	count();
	if (next_realloc && !is_early(p))
		return next_realloc(p, size);
	copy = malloc(size);
	if (copy && p)
		memcpy(copy, p,
		       size < (size_t)(early + sizeof early - (char *)p)
			       ? size
			       : (size_t)(early + sizeof early - (char *)p));
	return copy;
}

EXPORT void free(void *p)
{
	if (!p)
		return;
	count();
	if (next_free && !is_early(p))
		next_free(p);
}

EXPORT int posix_memalign(void **out, size_t alignment, size_t size)
{
	count();
	return next_posix_memalign ? next_posix_memalign(out, alignment, size) : ENOMEM;
}

EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
	count();
	return next_aligned_alloc ? next_aligned_alloc(alignment, size) : NULL;
}
