/*
 * One request being handled: the decoded request, the room for its reply, where the reply goes.
 * Slots are made at start; a request allocates nothing.
 */
#ifndef DAEMON_SLOT_H
#define DAEMON_SLOT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <llfused/backend.h>

#include "pool.h"
#include "proto/request.h"
#include "stats.h"

struct session;

struct slot {
	struct llfused_ctx ctx; /* what the handler sees; must stay the first member */
	struct pool_job job;    /* its place in the pool's queue, where there is a pool */
	struct session *session;
	struct stats *stats; /* of the thread that has the slot now */
	atomic_int fd;       /* the descriptor that the request was read from */

	unsigned char *message; /* room for one message */
	size_t message_cap;
	bool fat;   /* a large message was in it, whose memory it still has */
	bool holds; /* its data are not in `message`, but where the transport has them */

	struct proto_request request;
	struct llfused_secctx secctx[PROTO_MAX_SECCTX];

	/* Of the thread that has the slot: header and body in one piece; the body is page-aligned.
	 */
	unsigned char *reply;
	size_t body_cap; /* bytes of room behind the header */
	size_t body_len; /* set by the handler of an op */

	llfused_pending pending; /* made by llfused_pend() for this request, else 0 */
	llfused_pending tell;    /* of an INTERRUPT: whose backend is to be told */
	bool locked;             /* the global lock came with the slot, from the pool */
	bool may_sleep;          /* a thread of the pool has it */
	bool again;              /* the handler wants to be called again, where it may sleep */
	uint64_t counted;        /* nodeid whose lookup count the reply raises, else 0 */

	/* What other threads may look at: the in-flight list, and INTERRUPT. */
	_Atomic uint64_t unique; /* 0: idle */
	_Atomic uint64_t nodeid;
	_Atomic uint32_t opcode;
	_Atomic uint32_t pid;
	_Atomic uint64_t since;       /* CLOCK_MONOTONIC_COARSE, ns */
	_Atomic uint64_t interrupted; /* the unique whose caller got a signal */

	char apart[64]; /* no cache line in common with the next one, which is another thread's */
};

static inline struct slot *slot_of(const struct llfused_ctx *ctx)
{
	return (struct slot *)(uintptr_t)ctx;
}

static inline unsigned char *slot_body(struct slot *slot)
{
	return slot->reply + sizeof(struct fuse_out_header);
}

#endif
