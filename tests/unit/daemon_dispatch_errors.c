/*
 * Dispatch when things go wrong: errnos of handlers, messages that make no sense, replies that the
 * kernel refuses; and lists of FORGET.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

#include "daemon_fake.h"
#include "daemon_fixture.h"
#include "proto_message.h"

static struct fixture f;
static struct slot *const slot = &f.slots[0];

static void open_fake(void)
{
	fixture_open(&f, &fake_backend);
	fake.entry.nodeid = 4242;
}

static void close_fake(void)
{
	fixture_close(&f);
}

TestSuite(dispatch_errors, .init = open_fake, .fini = close_fake, .timeout = 30);

static int lookup_answer(int answer)
{
	fake.answer = answer;
	cr_expect_eq(fixture_ask(&f, FUSE_LOOKUP, NULL, 0, "name", 5), 16);
	cr_expect_eq(slot->counted, 0);
	return reply_error(slot);
}

Test(dispatch_errors, an_errno_is_handed_through)
{
	cr_expect_eq(lookup_answer(-ENOENT), -ENOENT);
	cr_expect_eq(lookup_answer(-511), -511);
}

Test(dispatch_errors, what_the_kernel_would_not_take_becomes_eio)
{
	cr_expect_eq(lookup_answer(-512), -EIO);
	cr_expect_eq(lookup_answer(-100000), -EIO);
	cr_expect_eq(lookup_answer(5), -EIO);
	cr_expect_eq(lookup_answer(INT32_MAX), -EIO);
}

Test(dispatch_errors, pending_without_having_pended_is_eio)
{
	cr_expect_eq(lookup_answer(LLFUSED_PENDING), -EIO);
}

/* The kernel would switch the request off for the whole mount. */
Test(dispatch_errors, enosys_of_any_handler_becomes_eopnotsupp)
{
	static struct message m;

	fake.answer = -ENOSYS;
	for (unsigned i = 0; i < proto_opcode_count; i++) {
		const struct proto_opcode *op = &proto_opcodes[i];
		unsigned calls = fake.calls;
		void *block;
		size_t size;

		message_make(&m, op, op->in_size);
		block = message_classic(&m, message_size(&m));
		size = fixture_dispatch(slot, block, message_size(&m));
		free(block);
		if (size > 0 && fake.calls > calls)
			cr_expect_eq(reply_error(slot), -EOPNOTSUPP, "%s", op->name);
	}
	cr_expect_geq(fake.calls, 40);
}

Test(dispatch_errors, errors_are_counted_by_opcode)
{
	unsigned row = proto_opcode_index(proto_opcode_find(FUSE_LOOKUP));

	lookup_answer(-ENOENT);
	fake.answer = 0;
	fixture_ask(&f, FUSE_LOOKUP, NULL, 0, "name", 5);
	lookup_answer(7);
	cr_expect_eq(f.stats[0].requests[row], 3);
	cr_expect_eq(f.stats[0].errors[row], 2);
}

/* ---- messages that make no sense ---- */

Test(dispatch_errors, unknown_opcodes_get_enosys)
{
	cr_expect_eq(fixture_ask(&f, 7, NULL, 0, NULL, 0), 16);
	cr_expect_eq(reply_error(slot), -ENOSYS);
	cr_expect_eq(reply_unique(slot), fixture_unique());
	fixture_ask(&f, 54, NULL, 0, NULL, 0);
	cr_expect_eq(reply_error(slot), -ENOSYS);
	fixture_ask(&f, UINT32_MAX, NULL, 0, NULL, 0);
	cr_expect_eq(reply_error(slot), -ENOSYS);
	cr_expect_eq(f.stats[0].malformed, 3);
	cr_expect_eq(fake.calls, 0);
}

Test(dispatch_errors, a_bent_request_is_counted_and_answered_einval)
{
	cr_expect_eq(fixture_ask(&f, FUSE_LOOKUP, NULL, 0, "no end", 6), 16);
	cr_expect_eq(reply_error(slot), -EINVAL);
	cr_expect_eq(reply_unique(slot), fixture_unique());
	fixture_ask(&f, FUSE_LOOKUP, NULL, 0, "a/b", 4);
	cr_expect_eq(reply_error(slot), -EINVAL);
	fixture_ask(&f, FUSE_GETATTR, NULL, 0, "short", 5);
	cr_expect_eq(reply_error(slot), -EINVAL);
	cr_expect_eq(f.stats[0].malformed, 3);
	cr_expect_eq(fake.calls, 0);
}

Test(dispatch_errors, a_bent_request_says_nothing_of_the_one_before)
{
	fixture_ask(&f, FUSE_LOOKUP, NULL, 0, "name", 5);
	cr_expect_eq(slot->counted, 4242);
	fixture_ask(&f, FUSE_LOOKUP, NULL, 0, "no end", 6);
	dispatch_sent(slot, -ENOENT);
	cr_expect_eq(fake.forget_calls, 0);
}

Test(dispatch_errors, without_a_whole_header_there_is_nobody_to_answer)
{
	uint64_t header[5] = {(uint64_t)FUSE_LOOKUP << 32 | 41, 2};

	cr_expect_eq(fixture_dispatch(slot, header, 0), 0);
	cr_expect_eq(fixture_dispatch(slot, header, 39), 0);
	cr_expect_eq(fixture_dispatch(slot, header, 40), 0, "its length says 41");
	cr_expect_eq(f.stats[0].malformed, 3);
}

Test(dispatch_errors, what_is_never_answered_is_not_when_it_is_bent_either)
{
	cr_expect_eq(fixture_ask(&f, FUSE_FORGET, NULL, 0, "x", 1), 0);
	cr_expect_eq(fixture_ask(&f, FUSE_BATCH_FORGET, NULL, 0, "x", 1), 0);
	cr_expect_eq(fixture_ask(&f, FUSE_NOTIFY_REPLY, NULL, 0, "x", 1), 0);
	cr_expect_eq(fixture_ask(&f, FUSE_INTERRUPT, NULL, 0, "x", 1), 0);
	cr_expect_eq(f.stats[0].malformed, 4);
}

Test(dispatch_errors, traced_requests_are_answered_the_same)
{
	f.s->config.trace = true;
	cr_expect_eq(fixture_ask(&f, 7, NULL, 0, NULL, 0), 16);
	cr_expect_eq(fixture_ask(&f, FUSE_LOOKUP, NULL, 0, "name", 5), 16 + 128);
	cr_expect_eq(fixture_ask(&f, FUSE_LOOKUP, NULL, 0, "name", 4), 16);
}

/* ---- replies that the kernel refuses ---- */

Test(dispatch_errors, a_refused_entry_gives_its_count_back_once)
{
	fixture_ask(&f, FUSE_LOOKUP, NULL, 0, "name", 5);
	dispatch_sent(slot, -ENOENT);
	cr_assert_eq(fake.nforgot, 1);
	cr_expect_eq(fake.forgot[0].nodeid, 4242);
	cr_expect_eq(fake.forgot[0].nlookup, 1);
	dispatch_sent(slot, -ENOENT);
	cr_expect_eq(fake.nforgot, 1);
	cr_expect_eq(f.stats[0].refused, 2);
}

Test(dispatch_errors, a_refused_create_gives_its_count_back)
{
	struct fuse_create_in in = {.mode = 0100644};

	fixture_ask(&f, FUSE_CREATE, &in, sizeof(in), "name", 5);
	dispatch_sent(slot, -ENOENT);
	cr_assert_eq(fake.nforgot, 1);
	cr_expect_eq(fake.forgot[0].nodeid, 4242);
}

Test(dispatch_errors, a_sent_entry_keeps_its_count)
{
	fixture_ask(&f, FUSE_LOOKUP, NULL, 0, "name", 5);
	dispatch_sent(slot, 0);
	cr_expect_eq(fake.nforgot, 0);
	cr_expect_eq(f.stats[0].refused, 0);
}

Test(dispatch_errors, a_refused_error_forgets_nothing)
{
	lookup_answer(-EPERM);
	dispatch_sent(slot, -ENOENT);
	cr_expect_eq(fake.nforgot, 0);
	cr_expect_eq(f.stats[0].refused, 1);
}

/* ---- forgets ---- */

Test(dispatch_errors, forget_takes_the_node_of_the_header)
{
	uint64_t nlookup = 12;

	cr_expect_eq(fixture_ask(&f, FUSE_FORGET, &nlookup, 8, NULL, 0), 0);
	cr_assert_eq(fake.nforgot, 1);
	cr_expect_eq(fake.forgot[0].nodeid, FIXTURE_NODE);
	cr_expect_eq(fake.forgot[0].nlookup, 12);
	cr_expect_eq(fake.ctx.flags, LLFUSED_CTX_NOCREDS);
}

static void forget_many(uint32_t count)
{
	struct fuse_batch_forget_in in = {.count = count};
	struct fuse_forget_one *records = calloc(count + 1, sizeof(*records));

	for (uint32_t i = 0; i < count; i++)
		records[i] = (struct fuse_forget_one){.nodeid = 1000 + i, .nlookup = i};
	cr_expect_eq(fixture_ask(&f, FUSE_BATCH_FORGET, &in, sizeof(in), records,
				 count * sizeof(*records)),
		     0);
	free(records);
	cr_assert_eq(fake.nforgot, count);
	for (uint32_t i = 0; i < count; i++) {
		cr_assert_eq(fake.forgot[i].nodeid, 1000 + i);
		cr_assert_eq(fake.forgot[i].nlookup, i);
	}
}

Test(dispatch_errors, long_lists_of_forgets_come_whole_and_in_order)
{
	forget_many(200);
	cr_expect_leq(fake.forget_calls, 4);
}

Test(dispatch_errors, a_list_of_exactly_one_piece_is_one_call)
{
	forget_many(64);
	cr_expect_eq(fake.forget_calls, 1);
}

Test(dispatch_errors, an_empty_list_of_forgets_calls_nobody)
{
	forget_many(0);
	cr_expect_eq(fake.forget_calls, 0);
}

Test(dispatch_errors, more_forgets_announced_than_sent_are_none)
{
	struct fuse_batch_forget_in in = {.count = UINT32_MAX};
	struct fuse_forget_one one = {.nodeid = 5, .nlookup = 1};

	cr_expect_eq(fixture_ask(&f, FUSE_BATCH_FORGET, &in, sizeof(in), &one, sizeof(one)), 0);
	cr_expect_eq(fake.nforgot, 0);
	cr_expect_eq(f.stats[0].malformed, 1);
}
