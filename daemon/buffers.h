/*
 * Address space that becomes memory as it is touched: for messages, replies and tables.
 */
#ifndef DAEMON_BUFFERS_H
#define DAEMON_BUFFERS_H

#include <stddef.h>

/* `size` bytes of zeros, page-aligned; NULL with errno set when there is no address space. */
void *buffers_reserve(size_t size);
/* Gives the memory behind the first `keep` bytes back, and their contents up. */
void buffers_trim(void *room, size_t size, size_t keep);
/* NULL is harmless. */
void buffers_release(void *room, size_t size);

/* A reply whose body of `body` bytes starts on a page, the header just before it; or NULL. */
unsigned char *buffers_reply(size_t body);
void buffers_reply_free(unsigned char *reply, size_t body);

#endif
