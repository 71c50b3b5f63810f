/*
 * A session without a kernel: slots, a transport that keeps what is committed, and messages made by
 * hand.  It knows dispatch's interface and the wire's layout; what is tested is not known here.
 */
#ifndef TESTS_DAEMON_FIXTURE_H
#define TESTS_DAEMON_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "daemon/dispatch.h"
#include "daemon/session_impl.h"

#define FIXTURE_SLOTS   4
#define FIXTURE_BODY    131072
#define FIXTURE_NODE    77
#define FIXTURE_PENDING 65536
#define FIXTURE_OWNER   1234 /* uid */

struct fixture {
	struct session *s;
	struct lock lock;
	struct instance instance;
	struct slot slots[FIXTURE_SLOTS];
	struct stats stats[FIXTURE_SLOTS];
	unsigned char *messages[FIXTURE_SLOTS];
};

/* An instance of the backend that was never loaded: its table, and `fs`. */
void fixture_adopt(struct instance *in, const struct llfused_backend *backend, void *fs,
		   struct lock *lock);

/* Both steps of dispatch. */
size_t fixture_dispatch(struct slot *slot, const void *message, size_t size);

/* A session of protocol 7.45 with all request extensions, and FIXTURE_SLOTS idle slots. */
void fixture_open(struct fixture *f, const struct llfused_backend *backend);
void fixture_close(struct fixture *f);

struct message_in {
	uint32_t opcode;
	uint64_t unique; /* 0: the next one */
	uint64_t nodeid; /* 0: FIXTURE_NODE */
	const void *fixed;
	size_t fixed_size;
	const void *tail;
	size_t tail_size;
	uint16_t extwords; /* 8-byte units at the end of the tail */
};

/* Encodes the message to `buf`; returns its size. */
size_t message_encode(const struct message_in *m, void *buf);

/* Lets a slot handle the message; returns the length of the reply or 0. */
size_t fixture_send(struct fixture *f, unsigned slot, const struct message_in *m);
/* Slot 0, a struct and a tail. */
size_t fixture_ask(struct fixture *f, uint32_t opcode, const void *fixed, size_t fixed_size,
		   const void *tail, size_t tail_size);

/* The unique that the last message of fixture_send() had. */
uint64_t fixture_unique(void);

/* The reply that stands in a slot. */
int reply_error(const struct slot *slot);
uint64_t reply_unique(const struct slot *slot);
const unsigned char *reply_body(const struct slot *slot);

static inline uint32_t at32(const void *bytes, size_t offset)
{
	uint32_t value;

	memcpy(&value, (const char *)bytes + offset, sizeof(value));
	return value;
}

static inline uint64_t at64(const void *bytes, size_t offset)
{
	uint64_t value;

	memcpy(&value, (const char *)bytes + offset, sizeof(value));
	return value;
}

/* What was committed outside of the slots: completions and notifications that are sent at once. */
struct committed {
	int fd;
	size_t size;
	unsigned char bytes[4096 + 64];
};

unsigned committed_count(void);
/* Waits until there are `count`, a few seconds at most; the last one.  NULL: they did not come. */
const struct committed *committed_wait(unsigned count);
/* What commits return from now on. */
void committed_answer(int error);

static inline int committed_error(const struct committed *c)
{
	return (int)at32(c->bytes, 4);
}

static inline uint64_t committed_unique(const struct committed *c)
{
	return at64(c->bytes, 8);
}

#endif
