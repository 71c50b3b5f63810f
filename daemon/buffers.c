/*
 * Reserving address space.  It knows nothing of who uses it.
 */
#include "buffers.h"

#include <sys/mman.h>

#include "proto/abi.h"

#define PAGE 4096u

void *buffers_reserve(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

void buffers_trim(void *room, size_t size, size_t keep)
{
	if (size > keep)
		madvise((char *)room + keep, size - keep, MADV_DONTNEED);
}

void buffers_release(void *room, size_t size)
{
	if (room)
		munmap(room, size);
}

unsigned char *buffers_reply(size_t body)
{
	unsigned char *p = buffers_reserve(PAGE + body);

	return p ? p + PAGE - sizeof(struct fuse_out_header) : NULL;
}

void buffers_reply_free(unsigned char *reply, size_t body)
{
	if (reply)
		buffers_release(reply + sizeof(struct fuse_out_header) - PAGE, PAGE + body);
}
