/*
 * Reserving room for messages and replies.  It knows nothing of who uses it.
 */
#include "buffers.h"

#include <sys/mman.h>

#include "proto/abi.h"

#define PAGE 4096u

static unsigned char *reserve(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

unsigned char *buffers_message(size_t size)
{
	return reserve(size);
}

void buffers_message_trim(unsigned char *message, size_t size, size_t keep)
{
	if (size > keep)
		madvise(message + keep, size - keep, MADV_DONTNEED);
}

void buffers_message_free(unsigned char *message, size_t size)
{
	if (message)
		munmap(message, size);
}

unsigned char *buffers_reply(size_t body)
{
	unsigned char *p = reserve(PAGE + body);

	return p ? p + PAGE - sizeof(struct fuse_out_header) : NULL;
}

void buffers_reply_free(unsigned char *reply, size_t body)
{
	if (reply)
		munmap(reply + sizeof(struct fuse_out_header) - PAGE, PAGE + body);
}
