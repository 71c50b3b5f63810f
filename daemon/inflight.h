/*
 * Which requests are being handled, and what INTERRUPT means for them.  INTERRUPT races with its
 * request: it may be read by another worker before the request is known here, or after it was
 * answered; so interrupts without a request are remembered for a while.
 */
#ifndef DAEMON_INFLIGHT_H
#define DAEMON_INFLIGHT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "slot.h"

#define INFLIGHT_ORPHANS 256

struct inflight {
	pthread_mutex_t lock;
	struct slot *slots; /* all of them; not owned */
	unsigned nslots;
	_Atomic unsigned norphans; /* lets a request skip the table when it is empty */
	struct {
		uint64_t unique; /* 0: free */
		uint64_t since;  /* ns */
	} orphan[INFLIGHT_ORPHANS];
};

void inflight_init(struct inflight *in, struct slot *slots, unsigned nslots);
void inflight_free(struct inflight *in);

/* The slot's request is known from here on; finds out whether it is interrupted already. */
void inflight_enter(struct inflight *in, struct slot *slot);
/* It is answered, or has become a pending request. */
void inflight_leave(struct slot *slot);

/*
 * An INTERRUPT for `unique` came.  The slot that has the request, and was told; or NULL: none has
 * it and the interrupt is remembered as an orphan.  In both cases the request may have become a
 * pending one meanwhile: the caller looks there.
 */
struct slot *inflight_interrupt(struct inflight *in, uint64_t unique);

/* The request was found elsewhere: its interrupt is no orphan. */
void inflight_forget_orphan(struct inflight *in, uint64_t unique);

/* CLOCK_MONOTONIC_COARSE in ns. */
uint64_t inflight_now(void);

#endif
