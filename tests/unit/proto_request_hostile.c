/*
 * Decoding what no sane kernel sends: counts that overflow, names that are none, extensions that do
 * not add up, and random damage.
 */
#include <criterion/criterion.h>
#include <errno.h>

#include "proto/format.h"
#include "proto_message.h"

static struct message made(uint32_t opcode)
{
	struct message m;

	message_make(&m, proto_opcode_find(opcode), proto_opcode_find(opcode)->in_size);
	return m;
}

static int verdict(const struct message *m)
{
	struct proto_conn conn = conn_newest();

	return message_verdict(&conn, m);
}

Test(proto_request_hostile, announced_sizes_must_be_exact)
{
	static const uint32_t ops[] = {FUSE_WRITE, FUSE_SETXATTR, FUSE_IOCTL, FUSE_NOTIFY_REPLY,
				       FUSE_BATCH_FORGET};
	static const uint32_t sizes[] = {
		0, 1, 4, 6, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff, 0x10000003, 0x20000000};

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		for (size_t j = 0; j < sizeof(sizes) / sizeof(sizes[0]); j++) {
			struct message m = made(ops[i]);

			message_announce(&m, sizes[j]);
			cr_expect_eq(verdict(&m), -EINVAL, "opcode %u, %u", ops[i], sizes[j]);
		}
	}
}

Test(proto_request_hostile, nothing_announced_and_nothing_there_is_fine)
{
	static const uint32_t ops[] = {FUSE_WRITE, FUSE_IOCTL, FUSE_NOTIFY_REPLY,
				       FUSE_BATCH_FORGET};

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		struct message m = made(ops[i]);

		message_announce(&m, 0);
		m.tail_size = 0;
		cr_expect_eq(verdict(&m), 0, "opcode %u", ops[i]);
	}
}

static int verdict_tail(uint32_t opcode, const char *tail, size_t size)
{
	struct message m = made(opcode);

	m.tail_size = 0;
	message_tail(&m, tail, size);
	return verdict(&m);
}

Test(proto_request_hostile, names_of_entries_are_not_empty_and_hold_no_slash)
{
	static const uint32_t ops[] = {FUSE_LOOKUP, FUSE_MKNOD, FUSE_MKDIR, FUSE_UNLINK,
				       FUSE_RMDIR,  FUSE_LINK,  FUSE_CREATE};

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		cr_expect_eq(verdict_tail(ops[i], "", 1), -EINVAL);
		cr_expect_eq(verdict_tail(ops[i], "/", 2), -EINVAL);
		cr_expect_eq(verdict_tail(ops[i], "a/b", 4), -EINVAL);
		cr_expect_eq(verdict_tail(ops[i], "/a", 3), -EINVAL);
		cr_expect_eq(verdict_tail(ops[i], "a/", 3), -EINVAL);
		cr_expect_eq(verdict_tail(ops[i], "a\0b", 4), -EINVAL, "two names for one");
		cr_expect_eq(verdict_tail(ops[i], "a", 1), -EINVAL, "no NUL");
		cr_expect_eq(verdict_tail(ops[i], ".", 2), 0);
		cr_expect_eq(verdict_tail(ops[i], "..", 3), 0);
		cr_expect_eq(verdict_tail(ops[i], "\xff\x01 \n", 5), 0);
	}
}

Test(proto_request_hostile, pairs_of_names_are_checked_both)
{
	static const uint32_t ops[] = {FUSE_RENAME, FUSE_RENAME2};

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		cr_expect_eq(verdict_tail(ops[i], "a\0b", 4), 0);
		cr_expect_eq(verdict_tail(ops[i], "\0b", 3), -EINVAL);
		cr_expect_eq(verdict_tail(ops[i], "a\0", 3), -EINVAL);
		cr_expect_eq(verdict_tail(ops[i], "a\0b/c", 6), -EINVAL);
		cr_expect_eq(verdict_tail(ops[i], "a/c\0b", 6), -EINVAL);
		cr_expect_eq(verdict_tail(ops[i], "a\0b", 3), -EINVAL, "no NUL");
		cr_expect_eq(verdict_tail(ops[i], "a\0b\0c", 6), -EINVAL, "three names");
	}
}

Test(proto_request_hostile, only_link_targets_hold_slashes)
{
	cr_expect_eq(verdict_tail(FUSE_SYMLINK, "a\0/x/y", 7), 0);
	cr_expect_eq(verdict_tail(FUSE_SYMLINK, "a/b\0x", 6), -EINVAL);
	cr_expect_eq(verdict_tail(FUSE_SYMLINK, "a\0", 3), -EINVAL, "empty target");
	cr_expect_eq(verdict_tail(FUSE_TMPFILE, "/", 2), 0);
	cr_expect_eq(verdict_tail(FUSE_TMPFILE, "//", 3), -EINVAL);
	cr_expect_eq(verdict_tail(FUSE_TMPFILE, "/a", 3), -EINVAL);
}

Test(proto_request_hostile, xattr_names_may_hold_anything_but_are_not_empty)
{
	struct message m = made(FUSE_SETXATTR);

	cr_expect_eq(verdict_tail(FUSE_GETXATTR, "user.a/b", 9), 0);
	cr_expect_eq(verdict_tail(FUSE_REMOVEXATTR, "user.a/b", 9), 0);
	cr_expect_eq(verdict_tail(FUSE_GETXATTR, "", 1), -EINVAL);
	cr_expect_eq(verdict_tail(FUSE_REMOVEXATTR, "", 1), -EINVAL);
	m.tail_size = 0;
	message_tail(&m, "user.a/b\0value", 14);
	cr_expect_eq(verdict(&m), 0);
	m.tail_size = 0;
	message_tail(&m, "\0value", 6);
	cr_expect_eq(verdict(&m), -EINVAL);
}

/* ---- extensions ---- */

struct block {
	unsigned char bytes[2048];
	size_t size;
};

static void block_words(struct block *b, uint32_t first, uint32_t second)
{
	put32(b->bytes, b->size, first);
	put32(b->bytes, b->size + 4, second);
	b->size += 8;
}

static void block_bytes(struct block *b, const void *data, size_t size)
{
	memcpy(b->bytes + b->size, data, size);
	b->size += size;
}

/* A MKDIR that carries the block, decoded with both kinds of extensions negotiated. */
static int decode_block(const struct block *b, uint64_t features, struct proto_request *out)
{
	struct proto_conn conn = conn_newest();
	struct message m = made(FUSE_MKDIR);
	void *message;
	int err;

	conn.features |= features;
	message_tail(&m, b->bytes, b->size);
	m.extwords = (uint16_t)(b->size / 8);
	err = message_decode(&conn, &m, out, &message);
	if (err == 0 && out->nsecctx > 0) {
		cr_expect_str_eq(out->secctx[0].name.data, "security.selinux");
		cr_expect(memcmp(out->secctx[0].value.data, "label_t", 8) == 0);
	}
	free(message);
	return err;
}

#define SECCTX FUSE_SECURITY_CTX
#define GROUPS FUSE_CREATE_SUPP_GROUP
#define BOTH   (SECCTX | GROUPS)

/* 8 for the head, 17 for the name, 8 for the value: 33, padded to 40. */
static void block_context(struct block *b)
{
	block_words(b, 8, 0);
	block_bytes(b, "security.selinux", 17);
	block_bytes(b, "label_t\0", 8);
	block_bytes(b, "\0\0\0\0\0\0\0", 7);
}

static struct block block_contexts(uint32_t count)
{
	struct block b = {.size = 0};

	block_words(&b, 8 + 40 * count, count);
	for (uint32_t i = 0; i < count; i++)
		block_context(&b);
	return b;
}

static void block_groups(struct block *b, uint32_t size, uint32_t count, uint32_t words)
{
	block_words(b, size, 32);
	put32(b->bytes, b->size, count);
	b->size += 4;
	for (uint32_t i = 0; i < words; i++) {
		put32(b->bytes, b->size, 500 + i);
		b->size += 4;
	}
}

Test(proto_request_hostile, no_context_at_all_is_a_valid_block)
{
	struct block b = block_contexts(0);
	struct proto_request out;

	cr_expect_eq(decode_block(&b, SECCTX, &out), 0);
	cr_expect_eq(out.nsecctx, 0);
}

Test(proto_request_hostile, contexts_and_groups_come_out)
{
	struct block b = block_contexts(1);
	struct proto_request out;

	cr_expect_eq(decode_block(&b, SECCTX, &out), 0);
	cr_expect_eq(out.nsecctx, 1);
	cr_expect_eq(out.secctx[0].value.size, 8);
	block_groups(&b, 16, 1, 1);
	cr_expect_eq(decode_block(&b, BOTH, &out), 0);
	cr_expect_eq(out.nsecctx, 1);
	cr_expect_eq(out.ngroups, 1);
	cr_expect_eq(out.groups[0], 500);
	b = (struct block){.size = 0};
	block_groups(&b, 24, 2, 3);
	cr_expect_eq(decode_block(&b, BOTH, &out), 0);
	cr_expect_eq(out.nsecctx, 0);
	cr_expect_eq(out.ngroups, 2);
	cr_expect_eq(out.groups[1], 501);
}

Test(proto_request_hostile, contexts_up_to_the_limit_are_kept_and_more_is_e2big)
{
	struct proto_request out;

	for (uint32_t n = 0; n <= 31; n++) {
		struct block b = block_contexts(n);

		cr_expect_eq(decode_block(&b, SECCTX, &out), n <= PROTO_MAX_SECCTX ? 0 : -E2BIG);
	}
}

Test(proto_request_hostile, groups_up_to_the_limit_are_kept_and_more_is_e2big)
{
	struct proto_request out;

	for (uint32_t n = 0; n <= 64; n++) {
		struct block b = {.size = 0};
		uint32_t size = (8 + 4 + 4 * n + 7) / 8 * 8;

		block_groups(&b, size, n, (size - 12) / 4);
		cr_expect_eq(decode_block(&b, GROUPS, &out), n <= PROTO_MAX_GROUPS ? 0 : -E2BIG);
		if (n <= PROTO_MAX_GROUPS)
			cr_expect_eq(out.ngroups, n);
	}
}

Test(proto_request_hostile, extensions_that_were_not_negotiated_are_refused)
{
	struct block contexts = block_contexts(0);
	struct block groups = {.size = 0};
	struct proto_request out;

	block_groups(&groups, 16, 1, 1);
	cr_expect_eq(decode_block(&contexts, 0, &out), -EINVAL);
	cr_expect_eq(decode_block(&contexts, GROUPS, &out), -EINVAL);
	cr_expect_eq(decode_block(&groups, 0, &out), -EINVAL);
	cr_expect_eq(decode_block(&groups, SECCTX, &out), -EINVAL);
}

Test(proto_request_hostile, blocks_come_once_and_in_order)
{
	struct block twice = block_contexts(0);
	struct block turned = {.size = 0};
	struct block groups = {.size = 0};
	struct proto_request out;

	block_words(&twice, 8, 0);
	cr_expect_eq(decode_block(&twice, BOTH, &out), -EINVAL);
	block_groups(&turned, 16, 1, 1);
	block_groups(&groups, 16, 1, 1);
	block_groups(&groups, 16, 1, 1);
	cr_expect_eq(decode_block(&groups, BOTH, &out), -EINVAL);
	block_words(&turned, 8, 0);
	cr_expect_eq(decode_block(&turned, BOTH, &out), -EINVAL);
}

Test(proto_request_hostile, block_sizes_that_do_not_add_up_are_refused)
{
	static const uint32_t sizes[] = {0,  7,  9,          12,         16,
					 40, 56, 0x80000000, 0xfffffff8, UINT32_MAX};
	struct proto_request out;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct block contexts = block_contexts(1);
		struct block groups = {.size = 0};

		put32(contexts.bytes, 0, sizes[i]);
		cr_expect_eq(decode_block(&contexts, BOTH, &out), -EINVAL, "%u", sizes[i]);
		block_groups(&groups, sizes[i], 3, 5);
		cr_expect_eq(decode_block(&groups, BOTH, &out), -EINVAL, "%u", sizes[i]);
	}
}

Test(proto_request_hostile, counts_and_values_that_do_not_fill_their_block_are_refused)
{
	static const uint32_t counts[] = {0,          1,          4,          5,         0x40000000,
					  0x40000002, 0x40000003, 0x80000000, UINT32_MAX};
	static const uint32_t values[] = {16, 0x80000000, 0xfffffff8, UINT32_MAX};
	struct proto_request out;

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct block groups = {.size = 0};

		block_groups(&groups, 24, counts[i], 3);
		cr_expect_eq(decode_block(&groups, BOTH, &out), -EINVAL, "%u", counts[i]);
	}
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct block contexts = block_contexts(1);

		put32(contexts.bytes, 8, values[i]);
		cr_expect_eq(decode_block(&contexts, BOTH, &out), -EINVAL, "%u", values[i]);
	}
}

Test(proto_request_hostile, fewer_contexts_than_bytes_are_refused)
{
	struct block b = block_contexts(2);
	struct proto_request out;

	put32(b.bytes, 4, 1);
	cr_expect_eq(decode_block(&b, SECCTX, &out), -EINVAL);
	put32(b.bytes, 4, 3);
	cr_expect_eq(decode_block(&b, SECCTX, &out), -EINVAL);
}

Test(proto_request_hostile, a_context_without_a_name_is_refused)
{
	struct block b = {.size = 0};
	struct proto_request out;

	block_words(&b, 24, 1);
	block_words(&b, 0, 0);
	block_words(&b, 0, 0);
	cr_expect_eq(decode_block(&b, SECCTX, &out), -EINVAL);
}

Test(proto_request_hostile, an_extension_longer_than_the_message_is_refused)
{
	struct proto_conn conn = conn_newest();
	struct message m = made(FUSE_CREATE);

	conn.features |= BOTH;
	m.extwords = 1; /* 8 bytes: they would eat the name and bytes of the struct */
	cr_expect_eq(message_verdict(&conn, &m), -EINVAL);
	m.extwords = UINT16_MAX;
	cr_expect_eq(message_verdict(&conn, &m), -EINVAL);
}

/* ---- damage ---- */

static uint64_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return *state >> 33;
}

static void expect_inside(const struct proto_bytes *bytes, const char *block, size_t size)
{
	if (!bytes->data)
		return;
	cr_expect(bytes->data >= block && bytes->data + bytes->size <= block + size);
}

/* Whatever the verdict is, it points nowhere but into the message, and can be printed. */
static void expect_contained(const struct proto_request *r, const char *block, size_t size)
{
	char line[512];

	expect_inside(&r->name, block, size);
	expect_inside(&r->name2, block, size);
	expect_inside(&r->data, block, size);
	cr_expect_leq(r->nsecctx, PROTO_MAX_SECCTX);
	cr_expect_leq(r->ngroups, PROTO_MAX_GROUPS);
	for (uint32_t i = 0; i < r->nsecctx; i++) {
		expect_inside(&r->secctx[i].name, block, size);
		expect_inside(&r->secctx[i].value, block, size);
	}
	proto_format_request(line, sizeof(line), r);
}

static void damage(const struct proto_opcode *op, uint64_t *state)
{
	struct proto_conn conn = conn_newest();
	struct message m;
	struct proto_request out;
	size_t size;
	char *block;

	conn.minor = (uint32_t)(next_random(state) % 46);
	conn.features = next_random(state) % 2 ? BOTH | FUSE_SETXATTR_EXT : 0;
	message_make(&m, op, op->in_size);
	message_tail(&m, block_contexts(1).bytes, 48);
	m.extwords = (uint16_t)(next_random(state) % 8);
	size = HEAD_SIZE + next_random(state) % (message_size(&m) - HEAD_SIZE + 1);
	block = message_classic(&m, size);
	for (unsigned i = 0; i < 3 && size > HEAD_SIZE; i++)
		block[HEAD_SIZE + next_random(state) % (size - HEAD_SIZE)] =
			(char)next_random(state);
	if (proto_decode(&conn, block, size, &out) != -EBADMSG)
		expect_contained(&out, block, size);
	free(block);
}

Test(proto_request_hostile, random_damage_never_leads_outside_the_message)
{
	uint64_t state = 20240607;

	for (unsigned round = 0; round < 300; round++) {
		for (unsigned i = 0; i < proto_opcode_count; i++)
			damage(&proto_opcodes[i], &state);
	}
}
