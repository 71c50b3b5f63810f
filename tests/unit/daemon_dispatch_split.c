/*
 * Ops that ask to be called again where they may sleep: who may, what the second call is told, and
 * what becomes of interrupts and pending requests in between.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <sys/stat.h>

#include "daemon/host.h"
#include "daemon_caught.h"
#include "daemon_fake.h"
#include "daemon_fixture.h"

#define LONG UINT64_C(20000000000) /* ns */

static struct fixture f;
static struct slot *const slot = &f.slots[0];
static llfused_pending id;

static void open_split(void)
{
	catch_stderr(0);
	fixture_open(&f, &fake_split_backend);
	fake.entry.nodeid = 5;
}

static void close_split(void)
{
	fixture_close(&f);
}

TestSuite(dispatch_split, .init = open_split, .fini = close_split, .timeout = 30);

static bool may_sleep(const struct llfused_ctx *ctx)
{
	return ctx->flags & LLFUSED_CTX_MAY_SLEEP;
}

static int again(struct llfused_ctx *ctx)
{
	(void)ctx;
	return LLFUSED_AGAIN;
}

static int again_once(struct llfused_ctx *ctx)
{
	return may_sleep(ctx) ? 0 : LLFUSED_AGAIN;
}

static size_t look_up(void)
{
	return fixture_ask(&f, FUSE_LOOKUP, NULL, 0, "name", 5);
}

/* As a thread of the pool does it. */
static size_t call_again(void)
{
	slot->may_sleep = true;
	slot->ctx.flags |= LLFUSED_CTX_MAY_SLEEP;
	return dispatch_run(slot);
}

static void interrupt(uint64_t unique)
{
	struct message_in m = {.opcode = FUSE_INTERRUPT,
			       .unique = unique | 1,
			       .fixed = &unique,
			       .fixed_size = sizeof(unique)};

	cr_expect_eq(fixture_send(&f, 1, &m), 0);
}

static unsigned warnings(const char *words)
{
	return caught_count(words);
}

/* ---- who may ask ---- */

Test(dispatch_split, ops_are_called_without_the_lock)
{
	cr_expect_not(f.s->serialized);
	cr_expect(f.s->split);
}

Test(dispatch_split, what_needs_no_sleep_is_answered_by_the_first_call)
{
	cr_expect_eq(look_up(), 16 + 128);
	cr_expect_not(slot->again);
	cr_expect_not(fake.ctx.flags & LLFUSED_CTX_MAY_SLEEP);
	cr_expect_eq(slot->unique, 0);
}

Test(dispatch_split, a_request_is_in_flight_until_the_second_call_has_ended)
{
	fake.hook = again_once;
	cr_expect_eq(look_up(), 0);
	cr_expect(slot->again);
	cr_expect_eq(slot->unique, fixture_unique());
	cr_expect_eq(call_again(), 16 + 128);
	cr_expect_eq(reply_error(slot), 0);
	cr_expect_eq(at64(reply_body(slot), 0), 5);
	cr_expect_not(slot->again);
	cr_expect_eq(slot->unique, 0);
	cr_expect(may_sleep(&fake.ctx));
	cr_expect_eq(fake.calls, 2);
	cr_expect_eq(warnings("fault"), 0);
}

Test(dispatch_split, the_next_request_in_the_slot_is_a_first_call)
{
	fake.hook = again_once;
	look_up();
	call_again();
	cr_expect_eq(look_up(), 0);
	cr_expect(slot->again);
	cr_expect_not(may_sleep(&fake.ctx));
}

Test(dispatch_split, a_third_call_is_refused_and_told_once)
{
	fake.hook = again;
	for (unsigned i = 0; i < 2; i++) {
		look_up();
		cr_expect_eq(call_again(), 16);
		cr_expect_eq(reply_error(slot), -EIO);
		cr_expect_not(slot->again);
		cr_expect_eq(slot->unique, 0);
	}
	cr_expect_eq(warnings("fault: LOOKUP returned LLFUSED_AGAIN"), 1);
}

static int hide_and_ask(struct llfused_ctx *ctx)
{
	ctx->flags = 0;
	return LLFUSED_AGAIN;
}

Test(dispatch_split, a_backend_cannot_hide_where_it_is)
{
	fake.hook = hide_and_ask;
	look_up();
	cr_expect_eq(call_again(), 16);
	cr_expect_eq(reply_error(slot), -EIO);
}

static void expect_refused(const struct llfused_backend *backend)
{
	struct fixture other;

	fixture_open(&other, backend);
	fake.hook = again;
	cr_expect_eq(fixture_ask(&other, FUSE_LOOKUP, NULL, 0, "name", 5), 16);
	cr_expect_eq(reply_error(&other.slots[0]), -EIO);
	cr_expect_not(other.slots[0].again);
	cr_expect_eq(other.slots[0].unique, 0);
	fixture_close(&other);
	host_bind(f.s);
	host_bind_lock(&f.lock);
}

Test(dispatch_split, backends_that_do_not_split_may_not_ask)
{
	expect_refused(&fake_backend);
	expect_refused(&fake_concurrent_backend);
	cr_expect_eq(warnings("fault: LOOKUP returned LLFUSED_AGAIN"), 2);
}

static void read_what_was_counted(struct stats *sum)
{
	memset(sum, 0, sizeof(*sum));
	stats_add(sum, &f.stats[0]);
}

Test(dispatch_split, both_calls_are_one_request_in_the_counters)
{
	unsigned row = proto_opcode_index(proto_opcode_find(FUSE_LOOKUP));
	struct stats sum;

	fake.hook = again_once;
	look_up();
	call_again();
	read_what_was_counted(&sum);
	cr_expect_eq(sum.requests[row], 1);
	cr_expect_eq(sum.errors[row], 0);
}

/* ---- what the second call is told ---- */

static unsigned used; /* out-parameters that were not empty */

static int fill_lookup(struct llfused_ctx *ctx, uint64_t parent, const char *name,
		       struct llfused_entry *out)
{
	static const struct llfused_entry empty;

	cr_expect_eq(parent, FIXTURE_NODE);
	cr_expect_str_eq(name, "name");
	used += memcmp(out, &empty, sizeof(empty)) != 0;
	memset(out, 0xa5, sizeof(*out));
	if (!may_sleep(ctx))
		return LLFUSED_AGAIN;
	return -ENOENT;
}

static int fill_readdir(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
			struct llfused_dirents *dirents)
{
	(void)nodeid;
	(void)fh;
	(void)offset;
	dirents->add(dirents, may_sleep(ctx) ? "b" : "a", 1, 7, S_IFREG, 1, NULL);
	return may_sleep(ctx) ? 0 : LLFUSED_AGAIN;
}

static int fill_create(struct llfused_ctx *ctx, uint64_t parent, const char *name, uint32_t mode,
		       uint32_t flags, struct llfused_entry *entry, struct llfused_open *out)
{
	(void)parent;
	(void)name;
	(void)mode;
	(void)flags;
	used += out->fh != 0 || out->flags != LLFUSED_OPEN_KEEP_CACHE || entry->nodeid != 0;
	used += ctx->umask != 022;
	out->fh = 9;
	out->flags = 0;
	entry->nodeid = 5;
	entry->attr.mode = S_IFREG;
	return again_once(ctx);
}

Test(dispatch_split, arguments_are_the_same_and_results_are_empty_again)
{
	struct llfused_ops ops = *f.s->ops;
	struct fuse_create_in create = {.mode = 0600, .umask = 022};
	struct fuse_read_in in = {.size = 4096};

	ops.lookup = fill_lookup;
	ops.readdir = fill_readdir;
	ops.create = fill_create;
	f.s->ops = &ops;
	look_up();
	cr_expect_eq(call_again(), 16);
	fixture_ask(&f, FUSE_READDIR, &in, sizeof(in), NULL, 0);
	cr_expect_eq(call_again(), 16 + 32);
	cr_expect_eq(reply_body(slot)[24], 'b');
	fixture_ask(&f, FUSE_CREATE, &create, sizeof(create), "name", 5);
	cr_expect_eq(call_again(), 16 + 128 + 16);
	cr_expect_eq(used, 0);
}

/* ---- interrupts and pending requests ---- */

static int interrupted;

static int look_for_interrupt(struct llfused_ctx *ctx)
{
	if (!may_sleep(ctx))
		return LLFUSED_AGAIN;
	interrupted = llfused_interrupted(ctx);
	return -EINTR;
}

Test(dispatch_split, an_interrupt_between_the_calls_is_seen_by_the_second)
{
	fake.hook = look_for_interrupt;
	look_up();
	interrupt(fixture_unique());
	cr_expect_eq(call_again(), 16);
	cr_expect_eq(interrupted, 1);
	look_up();
	call_again();
	cr_expect_eq(interrupted, 0);
}

static int pend(struct llfused_ctx *ctx)
{
	id = llfused_pend(ctx);
	cr_expect_neq(id, 0);
	return LLFUSED_PENDING;
}

static int pend_where_it_may_sleep(struct llfused_ctx *ctx)
{
	return may_sleep(ctx) ? pend(ctx) : LLFUSED_AGAIN;
}

Test(dispatch_split, either_call_may_make_it_a_pending_request)
{
	fake.hook = pend;
	cr_expect_eq(look_up(), 0);
	cr_expect_not(slot->again);
	cr_expect_eq(slot->unique, 0);
	cr_expect_eq(llfused_complete(id, -ENOENT), 0);
	fake.hook = pend_where_it_may_sleep;
	look_up();
	cr_expect(slot->again);
	cr_expect_eq(call_again(), 0);
	cr_expect_not(slot->again);
	cr_expect_eq(slot->unique, 0);
	cr_expect_eq(llfused_complete(id, -ENOENT), 0);
	cr_expect_eq(committed_count(), 2);
	cr_expect_eq(warnings("fault"), 0);
}

static int pend_and_ask(struct llfused_ctx *ctx)
{
	if (may_sleep(ctx)) {
		interrupted = llfused_interrupted(ctx);
		return -ENOENT;
	}
	pend(ctx);
	interrupt(ctx->unique);
	return LLFUSED_AGAIN;
}

Test(dispatch_split, asking_makes_the_id_void_and_keeps_the_interrupt)
{
	fake.hook = pend_and_ask;
	look_up();
	cr_expect(slot->again);
	cr_expect_eq(f.s->pending.count, 0);
	cr_expect_eq(llfused_complete(id, 0), -ENOENT);
	cr_expect_eq(call_again(), 16);
	cr_expect_eq(reply_error(slot), -ENOENT);
	cr_expect_eq(interrupted, 1);
	cr_expect_eq(fake.interrupts, 0, "nothing is pending that could be told");
}

static int complete_and_ask(struct llfused_ctx *ctx)
{
	pend(ctx);
	cr_expect_eq(llfused_complete(id, -EACCES), 0);
	return LLFUSED_AGAIN;
}

Test(dispatch_split, what_was_completed_is_not_called_again)
{
	fake.hook = complete_and_ask;
	cr_expect_eq(look_up(), 0);
	cr_expect_not(slot->again);
	cr_expect_eq(slot->unique, 0);
	cr_expect_eq(committed_count(), 1);
}

/* ---- through the pool ---- */

static void submit(struct slot *s)
{
	struct message_in m = {.opcode = FUSE_LOOKUP,
			       .unique = fixture_unique() + 2,
			       .tail = "name",
			       .tail_size = 5};
	static unsigned char reply[16 + FIXTURE_BODY];
	size_t size = message_encode(&m, s->message), len;

	s->reply = reply;
	s->stats = &f.stats[0];
	s->fd = 100;
	cr_assert_eq(dispatch_receive(s, s->message, size, &len), DISPATCH_RUN);
	cr_assert_eq(dispatch_run(s), 0);
	cr_assert(s->again);
	handlers_submit(s, size);
}

Test(dispatch_split, the_pool_is_where_one_may_sleep)
{
	struct err err;

	f.s->pooled = true;
	cr_assert_eq(handlers_start(f.s, 1, 0, &err), 0, "%s", err.text);
	fake.hook = again_once;
	submit(handlers_slot(f.s));
	cr_assert_not_null(committed_wait(1));
	cr_expect_eq(committed_error(committed_wait(1)), 0);
	cr_expect_eq(fake.calls, 2);
	cr_expect(may_sleep(&fake.ctx));
	cr_expect_eq(handlers_stop(f.s, LONG), 0);
}
