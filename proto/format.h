/*
 * Any message as one line of text: for traces and for failing tests.  Bytes that are not printable
 * ASCII come as \xNN; long names and data are cut with their length said.
 */
#ifndef PROTO_FORMAT_H
#define PROTO_FORMAT_H

#include <stddef.h>

#include "request.h"

/* Like snprintf: always NUL-terminated, returns the length that was wanted. */
size_t proto_format_request(char *buf, size_t cap, const struct proto_request *request);
/* `op` is that of the request; `reply` is a whole message with its header. */
size_t proto_format_reply(char *buf, size_t cap, const struct proto_opcode *op, const void *reply,
			  size_t size);
/* A notification, header included. */
size_t proto_format_notify(char *buf, size_t cap, const void *message, size_t size);

#endif
