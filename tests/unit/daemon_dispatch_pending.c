/*
 * Requests that become pending: who answers them, and when INTERRUPT reaches whom.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>

#include "daemon_fake.h"
#include "daemon_fixture.h"

static struct fixture f;
static struct slot *const slot = &f.slots[0];
static llfused_pending id;

static void open_fake(void)
{
	fixture_open(&f, &fake_backend);
}

static void close_fake(void)
{
	fixture_close(&f);
}

TestSuite(dispatch_pending, .init = open_fake, .fini = close_fake, .timeout = 30);

static int pend(struct llfused_ctx *ctx)
{
	id = llfused_pend(ctx);
	cr_expect_neq(id, 0);
	return LLFUSED_PENDING;
}

static int pend_and_refuse(struct llfused_ctx *ctx)
{
	pend(ctx);
	return -EACCES;
}

static int pend_and_complete(struct llfused_ctx *ctx)
{
	pend(ctx);
	cr_expect_eq(llfused_complete(id, -EAGAIN), 0);
	return LLFUSED_PENDING;
}

static int pend_complete_and_refuse(struct llfused_ctx *ctx)
{
	pend_and_complete(ctx);
	return -EACCES;
}

static size_t set_lock(void)
{
	struct fuse_lk_in in = {.fh = 1, .owner = 2, .lk.type = F_WRLCK};

	return fixture_ask(&f, FUSE_SETLKW, &in, sizeof(in), NULL, 0);
}

static void interrupt_from(unsigned from, uint64_t unique)
{
	struct message_in m = {.opcode = FUSE_INTERRUPT,
			       .unique = unique | 1,
			       .fixed = &unique,
			       .fixed_size = sizeof(unique)};

	cr_expect_eq(fixture_send(&f, from, &m), 0, "INTERRUPT is never answered");
}

static void expect_committed(unsigned count, uint64_t unique, int error, size_t size)
{
	const struct committed *c = committed_wait(count);

	cr_assert_not_null(c);
	cr_expect_eq(committed_count(), count);
	cr_expect_eq(c->fd, slot->fd, "the descriptor that the request came in on");
	cr_expect_eq(at32(c->bytes, 0), c->size);
	cr_expect_eq(c->size, size);
	cr_expect_eq(committed_error(c), error);
	cr_expect_eq(committed_unique(c), unique);
}

/* ---- who answers ---- */

Test(dispatch_pending, a_pending_request_leaves_its_slot_free)
{
	fake.hook = pend;
	cr_expect_eq(set_lock(), 0);
	cr_expect_eq(slot->unique, 0);
	cr_expect_eq(f.s->pending.count, 1);
	fake.hook = NULL;
	cr_expect_eq(set_lock(), 16);
	cr_expect_eq(llfused_complete(id, 0), 0);
}

static void *complete_lock(void *arg)
{
	cr_expect_eq(llfused_complete(id, 0), 0);
	return arg;
}

Test(dispatch_pending, another_thread_completes_it)
{
	pthread_t thread;
	uint64_t unique;

	fake.hook = pend;
	set_lock();
	unique = fixture_unique();
	cr_assert_eq(pthread_create(&thread, NULL, complete_lock, NULL), 0);
	pthread_join(thread, NULL);
	expect_committed(1, unique, 0, 16);
	cr_expect_eq(f.s->pending.count, 0);
}

Test(dispatch_pending, completing_twice_sends_once)
{
	fake.hook = pend;
	set_lock();
	cr_expect_eq(llfused_complete(id, -EINTR), 0);
	cr_expect_eq(llfused_complete(id, 0), -ENOENT);
	cr_expect_eq(llfused_complete_write(id, 0), -ENOENT);
	expect_committed(1, fixture_unique(), -EINTR, 16);
}

Test(dispatch_pending, an_old_id_does_not_reach_the_next_request)
{
	llfused_pending old;

	fake.hook = pend;
	set_lock();
	old = id;
	llfused_complete(old, 0);
	set_lock();
	cr_expect_neq(id, old);
	cr_expect_eq(llfused_complete(old, 0), -ENOENT);
	cr_expect_eq(llfused_complete(0, 0), -ENOENT);
	cr_expect_eq(f.s->pending.count, 1);
}

Test(dispatch_pending, pended_and_then_answered_is_answered_once)
{
	fake.hook = pend_and_refuse;
	cr_expect_eq(set_lock(), 16);
	cr_expect_eq(reply_error(slot), -EACCES);
	cr_expect_eq(f.s->pending.count, 0);
	cr_expect_eq(llfused_complete(id, 0), -ENOENT);
	cr_expect_eq(committed_count(), 0);
}

Test(dispatch_pending, completed_before_the_handler_returns)
{
	fake.hook = pend_and_complete;
	cr_expect_eq(set_lock(), 0);
	expect_committed(1, fixture_unique(), -EAGAIN, 16);
	fake.hook = pend_complete_and_refuse;
	cr_expect_eq(set_lock(), 0, "the first answer counts");
	expect_committed(2, fixture_unique(), -EAGAIN, 16);
}

static int pend_twice(struct llfused_ctx *ctx)
{
	pend(ctx);
	cr_expect_eq(llfused_pend(ctx), id);
	return LLFUSED_PENDING;
}

Test(dispatch_pending, pending_twice_is_one_record)
{
	fake.hook = pend_twice;
	set_lock();
	cr_expect_eq(f.s->pending.count, 1);
}

static int pend_if_there_is_room(struct llfused_ctx *ctx)
{
	id = llfused_pend(ctx);
	return id ? LLFUSED_PENDING : -ENOLCK;
}

Test(dispatch_pending, too_many_are_refused)
{
	fake.hook = pend_if_there_is_room;
	f.s->pending.cap = 3;
	for (unsigned i = 0; i < 3; i++)
		cr_expect_eq(set_lock(), 0);
	cr_expect_eq(set_lock(), 16);
	cr_expect_eq(reply_error(slot), -ENOLCK);
	llfused_complete(id == 0 ? f.s->pending.records[1].id : 0, 0);
	cr_expect_eq(set_lock(), 0, "one was answered, so one may come");
}

/* ---- what cannot pend ---- */

static unsigned pended_in_forget;

static void pend_in_forget(struct llfused_ctx *ctx)
{
	cr_expect_eq(llfused_pend(ctx), 0);
	cr_expect_eq(llfused_interrupted(ctx), 0);
	pended_in_forget++;
}

Test(dispatch_pending, what_is_never_answered_cannot_pend)
{
	uint64_t nlookup = 1;

	fake.forget_hook = pend_in_forget;
	fixture_ask(&f, FUSE_FORGET, &nlookup, 8, NULL, 0);
	cr_expect_eq(pended_in_forget, 1);
	cr_expect_eq(f.s->pending.count, 0);
}

/* ---- interrupts ---- */

static int seen;

static int look_whether_interrupted(struct llfused_ctx *ctx)
{
	seen = llfused_interrupted(ctx);
	return 0;
}

static int interrupt_and_look(struct llfused_ctx *ctx)
{
	cr_expect_eq(llfused_interrupted(ctx), 0);
	interrupt_from(1, ctx->unique);
	return look_whether_interrupted(ctx);
}

Test(dispatch_pending, an_interrupt_that_comes_before_its_request_is_kept)
{
	interrupt_from(1, fixture_unique() + 4); /* INTERRUPT has an id of its own here */
	fake.hook = look_whether_interrupted;
	set_lock();
	cr_expect_not(seen, "the one before is not meant");
	set_lock();
	cr_expect(seen);
	set_lock();
	cr_expect_not(seen);
}

Test(dispatch_pending, an_interrupt_reaches_a_running_handler)
{
	fake.hook = interrupt_and_look;
	set_lock();
	cr_expect(seen);
	fake.hook = look_whether_interrupted;
	set_lock();
	cr_expect_not(seen, "the next request in the slot is another one");
	cr_expect_eq(fake.interrupts, 0);
}

Test(dispatch_pending, an_interrupt_of_an_answered_request_hurts_nobody)
{
	set_lock();
	interrupt_from(1, fixture_unique());
	fake.hook = look_whether_interrupted;
	set_lock();
	cr_expect_not(seen);
	cr_expect_eq(fake.interrupts, 0);
}

Test(dispatch_pending, an_interrupt_reaches_a_pending_request_once)
{
	fake.hook = pend;
	set_lock();
	interrupt_from(0, fixture_unique());
	cr_expect_eq(fake.told, id);
	interrupt_from(0, fixture_unique());
	cr_expect_eq(fake.interrupts, 1);
	cr_expect_eq(f.s->inflight.norphans, 0);
	cr_expect_eq(llfused_complete(id, -EINTR), 0);
}

static int interrupt_and_pend(struct llfused_ctx *ctx)
{
	interrupt_from(1, ctx->unique);
	return pend(ctx);
}

static int pend_and_interrupt(struct llfused_ctx *ctx)
{
	pend(ctx);
	interrupt_from(1, ctx->unique);
	cr_expect_neq(fake.told, id, "not while the handler runs");
	return LLFUSED_PENDING;
}

Test(dispatch_pending, an_interrupt_before_or_after_pending_is_told_after_the_handler)
{
	fake.hook = interrupt_and_pend;
	set_lock();
	cr_expect_eq(fake.told, id);
	cr_expect_eq(fake.interrupts, 1);
	fake.hook = pend_and_interrupt;
	set_lock();
	cr_expect_eq(fake.told, id);
	cr_expect_eq(fake.interrupts, 2);
	cr_expect_eq(f.s->inflight.norphans, 0);
}

Test(dispatch_pending, an_early_interrupt_is_told_to_a_request_that_pends)
{
	fake.hook = pend;
	interrupt_from(1, fixture_unique() + 2);
	set_lock();
	cr_expect_eq(fake.told, id);
	cr_expect_eq(fake.interrupts, 1);
}

Test(dispatch_pending, an_interrupt_of_nothing_leaves_no_trace)
{
	interrupt_from(1, 0);
	cr_expect_eq(f.s->inflight.norphans, 0);
}
