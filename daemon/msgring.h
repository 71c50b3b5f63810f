/*
 * A bounded queue of messages, first in, first out, that knows which messages it holds.  All of its
 * memory is reserved once and touched as it fills.  Not locked: that is the caller's to do.
 */
#ifndef DAEMON_MSGRING_H
#define DAEMON_MSGRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define MSGRING_LENGTH 1024       /* messages */
#define MSGRING_BYTES  (1u << 20) /* of all messages together, each rounded up to 8 */

struct msgring_message {
	const void *bytes;
	size_t size;   /* not 0 */
	uint64_t hash; /* of the bytes */
};

struct msgring_store;

struct msgring {
	struct msgring_store *store;
	unsigned head; /* the oldest */
	unsigned count;
	uint32_t tail; /* where the next message may go */
};

/* A message of these bytes, which stay the caller's.  Needs no lock. */
struct msgring_message msgring_message(const void *bytes, size_t size);

int msgring_init(struct msgring *r, struct err *err);
void msgring_free(struct msgring *r);

/* Is an equal message in the ring, and not hidden? */
bool msgring_has(const struct msgring *r, const struct msgring_message *message);

/* Copies the message behind all others; `since` is kept with it.  False: no room. */
bool msgring_add(struct msgring *r, const struct msgring_message *message, uint64_t since);

/* The oldest message, in place: its bytes are valid until it is dropped.  There must be one. */
struct msgring_message msgring_first(const struct msgring *r, uint64_t *since);

/* From here on msgring_has() does not find the oldest one. */
void msgring_hide_first(struct msgring *r);
void msgring_drop_first(struct msgring *r);

/* Drops all but the first `keep` messages (0, or 1 when the first is hidden); returns how many. */
unsigned msgring_cut(struct msgring *r, unsigned keep);

#endif
