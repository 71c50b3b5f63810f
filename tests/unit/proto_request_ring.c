/*
 * Decoding from ring entries: the same rows, with the struct in one buffer and the rest in another,
 * and bytes of earlier requests lying around.
 */
#include <criterion/criterion.h>
#include <errno.h>

#include "proto_message.h"

static const uint32_t foreign[] = {FUSE_SETUPMAPPING, FUSE_REMOVEMAPPING, CUSE_INIT};

static bool is_foreign(uint32_t opcode)
{
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
		if (foreign[i] == opcode)
			return true;
	}
	return false;
}

/* Calls for each row that has a known layout. */
static void for_each_op(void (*check)(const struct proto_opcode *op, const struct message *m))
{
	static struct message m;

	for (unsigned i = 0; i < proto_opcode_count; i++) {
		if (is_foreign(proto_opcodes[i].number))
			continue;
		message_make(&m, &proto_opcodes[i], proto_opcodes[i].in_size);
		check(&proto_opcodes[i], &m);
	}
}

static int entry_decode(const struct entry *e, struct proto_request *out)
{
	struct proto_conn conn = conn_newest();
	uint64_t commit_id = 0;
	int err = proto_decode_ring(&conn, e->header, e->payload, e->payload_size, out, &commit_id);

	cr_expect_eq(commit_id, TEST_UNIQUE + 1, "the entry can always be committed");
	return err;
}

/* The ring's form decodes to what the device's form decodes to, which other tests examine. */
static void check_same(const struct proto_opcode *op, const struct message *m)
{
	struct proto_conn conn = conn_newest();
	struct proto_request plain, ring;
	struct entry e = message_ring(m, message_payload_size(m));
	void *block;

	memset(&plain, STALE, sizeof(plain));
	memset(&ring, STALE, sizeof(ring));
	cr_assert_eq(message_decode(&conn, m, &plain, &block), 0, "%s", op->name);
	cr_assert_eq(entry_decode(&e, &ring), 0, "%s", op->name);
	cr_expect_eq(ring.op, op);
	cr_expect(memcmp(&plain.head, &ring.head, sizeof(plain.head)) == 0, "%s", op->name);
	cr_expect(memcmp(&plain.in, &ring.in, sizeof(plain.in)) == 0, "%s: no stale byte in it",
		  op->name);
	cr_expect_eq(plain.name.size, ring.name.size, "%s", op->name);
	cr_expect_eq(plain.name2.size, ring.name2.size, "%s", op->name);
	cr_expect_eq(plain.data.size, ring.data.size, "%s", op->name);
	if (plain.name.data)
		cr_expect(memcmp(plain.name.data, ring.name.data, plain.name.size + 1) == 0);
	if (plain.name2.data)
		cr_expect(memcmp(plain.name2.data, ring.name2.data, plain.name2.size + 1) == 0);
	if (plain.data.data)
		cr_expect(memcmp(plain.data.data, ring.data.data, plain.data.size) == 0);
	free(block);
	entry_free(&e);
}

Test(proto_request_ring, every_opcode_decodes_as_on_the_device)
{
	for_each_op(check_same);
}

static int decode_sized(const struct message *m, size_t payload_size)
{
	struct proto_request out;
	struct entry e = message_ring(m, payload_size);
	int err = entry_decode(&e, &out);

	entry_free(&e);
	return err;
}

static void check_cut(const struct proto_opcode *op, const struct message *m)
{
	for (size_t size = 0; size < message_payload_size(m); size++)
		cr_expect_eq(decode_sized(m, size), -EINVAL, "%s cut to %zu", op->name, size);
}

Test(proto_request_ring, every_cut_payload_is_refused)
{
	for_each_op(check_cut);
}

static void check_longer(const struct proto_opcode *op, const struct message *m)
{
	for (size_t more = 1; more <= 16; more++)
		cr_expect_eq(decode_sized(m, message_payload_size(m) + more), -EINVAL, "%s and %zu",
			     op->name, more);
}

Test(proto_request_ring, every_stretched_payload_is_refused)
{
	for_each_op(check_longer);
}

/* The payload's size as the entry says it is one thing, the room that there is another. */
static void check_absurd(const struct proto_opcode *op, const struct message *m)
{
	static const uint32_t absurd[] = {UINT32_MAX, 0x80000000, 0xfffffff8};
	struct entry e = message_ring(m, message_payload_size(m));
	struct proto_request out;

	if (e.payload_size > 0) {
		e.payload_size--;
		cr_expect_eq(entry_decode(&e, &out), -EINVAL, "%s: a byte beyond", op->name);
	}
	for (size_t i = 0; i < sizeof(absurd) / sizeof(absurd[0]); i++) {
		put32(e.header, 272, absurd[i]);
		cr_expect_eq(entry_decode(&e, &out), -EINVAL, "%s", op->name);
		cr_expect_eq(out.head.unique, TEST_UNIQUE);
	}
	entry_free(&e);
}

Test(proto_request_ring, a_payload_beyond_its_buffer_is_refused)
{
	for_each_op(check_absurd);
}

static void check_total(const struct proto_opcode *op, const struct message *m)
{
	struct entry e = message_ring(m, message_payload_size(m));
	struct proto_request out;

	put32(e.header, 0, get32(e.header, 0) + 8);
	cr_expect_eq(entry_decode(&e, &out), -EINVAL, "%s", op->name);
	entry_free(&e);
}

/* Only the total tells that a struct in op_in is longer or shorter than we think. */
Test(proto_request_ring, a_struct_of_another_size_is_refused)
{
	for_each_op(check_total);
}

Test(proto_request_ring, unknown_opcode_is_enosys_and_can_be_committed)
{
	struct message m = {.opcode = 99};
	struct entry e = message_ring(&m, 0);
	struct proto_request out;

	cr_expect_eq(entry_decode(&e, &out), -ENOSYS);
	cr_expect_null(out.op);
	cr_expect_eq(out.head.unique, TEST_UNIQUE);
	entry_free(&e);
}

Test(proto_request_ring, notify_reply_has_its_struct_in_the_payload)
{
	struct message m;
	struct proto_request out;
	struct entry e;

	message_make(&m, proto_opcode_find(FUSE_NOTIFY_REPLY), 40);
	put64(m.fixed, 8, 8192);
	e = message_ring(&m, message_payload_size(&m));
	cr_assert_eq(entry_decode(&e, &out), 0);
	cr_expect_eq(out.in.retrieve.offset, 8192);
	cr_expect_eq(out.data.size, 5);
	cr_expect_eq(out.data.data, e.payload + 40);
	entry_free(&e);
}

Test(proto_request_ring, extensions_end_the_payload)
{
	static const unsigned char groups[] = {16, 0, 0, 0, 32, 0, 0, 0, 1, 0, 0, 0, 100, 0, 0, 0};
	struct proto_conn conn = conn_newest();
	struct proto_request out;
	struct message m;
	struct entry e;
	uint64_t id;

	conn.features |= FUSE_CREATE_SUPP_GROUP;
	message_make(&m, proto_opcode_find(FUSE_MKDIR), 8);
	message_tail(&m, groups, sizeof(groups));
	m.extwords = 2;
	e = message_ring(&m, message_payload_size(&m));
	cr_assert_eq(proto_decode_ring(&conn, e.header, e.payload, e.payload_size, &out, &id), 0);
	cr_expect_eq(out.name.size, 4);
	cr_expect_eq(out.ngroups, 1);
	cr_expect_eq(out.groups[0], 100);
	entry_free(&e);
}

/* An entry that nobody answers would keep its caller for ever. */
Test(proto_request_ring, whatever_an_entry_holds_it_can_be_answered)
{
	struct proto_conn conn = conn_newest();
	uint32_t seed = 1;

	for (unsigned round = 0; round < 200000; round++) {
		struct proto_uring_req_header header;
		unsigned char *at = (unsigned char *)&header;
		struct proto_request request;
		unsigned char payload[64];
		uint64_t commit_id;
		int ret;

		for (size_t i = 0; i < sizeof(header); i++) {
			seed = seed * 1664525u + 1013904223u;
			at[i] = (unsigned char)(seed >> 24);
		}
		memset(payload, 'x', sizeof(payload));
		header.in_out[4] = (char)(round % 64);
		header.in_out[5] = header.in_out[6] = header.in_out[7] = 0;
		header.ring_ent_in_out.payload_sz %= 2 * sizeof(payload);
		ret = proto_decode_ring(&conn, &header, payload, sizeof(payload), &request,
					&commit_id);
		cr_assert(ret == 0 || ret == -ENOSYS || ret == -EINVAL || ret == -E2BIG, "%d", ret);
	}
}
