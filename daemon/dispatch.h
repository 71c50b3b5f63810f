/*
 * From one message to the backend's op and to the encoded reply.
 */
#ifndef DAEMON_DISPATCH_H
#define DAEMON_DISPATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "slot.h"

/*
 * Handles the message in the slot's worker's thread.  Returns the length of the reply that now
 * stands in slot->reply, or 0 when there is none to send (now).  `message` must live until then.
 */
size_t dispatch_message(struct slot *slot, const void *message, size_t size);

/* Is a request of this sort answered? */
bool dispatch_wants_reply(const struct proto_opcode *op);

/* The reply was sent (error 0) or refused by the kernel with a negative errno: a refused entry
 * gives its lookup count back. */
void dispatch_sent(struct slot *slot, int error);

#endif
