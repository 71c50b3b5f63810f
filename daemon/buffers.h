/*
 * Room for messages and replies: address space that becomes memory as it is touched.
 */
#ifndef DAEMON_BUFFERS_H
#define DAEMON_BUFFERS_H

#include <stddef.h>

/* `size` bytes, page-aligned; NULL when there is no address space. */
unsigned char *buffers_message(size_t size);
/* Gives the memory behind the first `keep` bytes back, and their contents up. */
void buffers_message_trim(unsigned char *message, size_t size, size_t keep);
void buffers_message_free(unsigned char *message, size_t size);

/* A reply whose body of `body` bytes starts on a page, the header just before it; or NULL. */
unsigned char *buffers_reply(size_t body);
void buffers_reply_free(unsigned char *reply, size_t body);

#endif
