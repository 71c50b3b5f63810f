/*
 * From one message to the backend's op and to the encoded reply, in two steps: what the reading
 * thread does, and what may block.
 */
#ifndef DAEMON_DISPATCH_H
#define DAEMON_DISPATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "slot.h"

enum dispatch_step {
	DISPATCH_DONE, /* answered, or there is nothing to answer (now) */
	DISPATCH_RUN   /* dispatch_run() is to be called, in this thread or another */
};

/*
 * Reads a message, and answers at once what needs no code of the backend.  *len is the length of
 * the reply that now stands in slot->reply, or 0.  `message` must live until the request is done.
 */
enum dispatch_step dispatch_receive(struct slot *slot, const void *message, size_t size,
				    size_t *len);

/* The same for a request that was decoded into slot->request already, with this result. */
enum dispatch_step dispatch_decoded(struct slot *slot, int error, size_t *len);

/*
 * Calls the backend.  Returns the length of the reply in slot->reply, or 0: none, or not now.  With
 * slot->again the request is not done: it is to be called once more by a thread of the pool.
 */
size_t dispatch_run(struct slot *slot);

/* Is a request of this sort answered? */
bool dispatch_wants_reply(const struct proto_opcode *op);

/* The reply of dispatch_run() was sent (error 0) or refused by the kernel with a negative errno:
 * refused entries give their lookup counts back. */
void dispatch_sent(struct slot *slot, int error);

#endif
