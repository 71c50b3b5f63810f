/*
 * The four-byte reader-writer lock: a count of readers, a writer's bit and a waiters' bit.
 * Knows nothing of what it protects.
 */
#include "rwlock.h"

#include <limits.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WRITER  (UINT32_C(1) << 31)
#define WAITERS (UINT32_C(1) << 30)
#define SPINS   64

static void wait_while(rwlock *lock, uint32_t value)
{
	syscall(SYS_futex, lock, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void wake_all(rwlock *lock)
{
	syscall(SYS_futex, lock, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

/*
 * Takes the lock by adding `add`, as long as no bit of `busy` is set.  The waiters' bit is busy for
 * readers, so that a stream of them cannot keep a writer waiting for ever.
 */
static void take(rwlock *lock, uint32_t busy, uint32_t add)
{
	uint32_t state = atomic_load_explicit(lock, memory_order_relaxed);

	for (unsigned tries = 0;; tries++) {
		if (!(state & busy)) {
			if (atomic_compare_exchange_weak_explicit(lock, &state, state + add,
								  memory_order_acquire,
								  memory_order_relaxed))
				return;
			continue;
		}
		if (tries < SPINS) {
			state = atomic_load_explicit(lock, memory_order_relaxed);
			continue;
		}
		if (!(state & WAITERS) && !atomic_compare_exchange_weak_explicit(
						  lock, &state, state | WAITERS,
						  memory_order_relaxed, memory_order_relaxed))
			continue;
		wait_while(lock, state | WAITERS);
		state = atomic_load_explicit(lock, memory_order_relaxed);
	}
}

void rwlock_shared(rwlock *lock)
{
	take(lock, WRITER | WAITERS, 1);
}

void rwlock_exclusive(rwlock *lock)
{
	take(lock, ~WAITERS, WRITER);
}

void rwlock_unshared(rwlock *lock)
{
	uint32_t left = atomic_fetch_sub_explicit(lock, 1, memory_order_release) - 1;

	/* If the exchange fails, somebody got the lock meanwhile and will wake the others. */
	if (left == WAITERS && atomic_compare_exchange_strong_explicit(
				       lock, &left, 0, memory_order_relaxed, memory_order_relaxed))
		wake_all(lock);
}

void rwlock_unexclusive(rwlock *lock)
{
	if (atomic_exchange_explicit(lock, 0, memory_order_release) & WAITERS)
		wake_all(lock);
}
