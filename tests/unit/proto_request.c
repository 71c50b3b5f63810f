/*
 * Decoding, row by row of the opcode table: what is valid comes out as it was put in, and nothing
 * that is cut, stretched or bent is let through or read past.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <sys/sysmacros.h>

#include "proto_message.h"

typedef void (*check_fn)(const struct proto_opcode *op, const struct message *m);

static void for_each_op(check_fn check)
{
	static struct message m;

	for (unsigned i = 0; i < proto_opcode_count; i++) {
		message_make(&m, &proto_opcodes[i], proto_opcodes[i].in_size);
		check(&proto_opcodes[i], &m);
	}
}

static void expect_bytes(const struct proto_bytes *bytes, const char *expected, const char *op)
{
	size_t size = strlen(expected);

	cr_assert_eq(bytes->size, size, "%s: %zu bytes for \"%s\"", op, bytes->size, expected);
	cr_expect(memcmp(bytes->data, expected, size) == 0, "%s", op);
}

static void expect_tail(const struct proto_request *r)
{
	const char *op = r->op->name;

	switch (r->op->layout) {
	case PROTO_NAME:
		expect_bytes(&r->name, r->op->number == FUSE_TMPFILE ? "/" : "name", op);
		cr_expect_eq(r->name.data[r->name.size], '\0');
		break;
	case PROTO_NAME_NAME:
		expect_bytes(&r->name, "first", op);
		expect_bytes(&r->name2, "second", op);
		break;
	case PROTO_NAME_VALUE:
		expect_bytes(&r->name, "user.key", op);
		expect_bytes(&r->data, "value", op);
		break;
	case PROTO_DATA:
	case PROTO_IOCTL_DATA:
		expect_bytes(&r->data, "bytes", op);
		break;
	case PROTO_FORGETS:
		cr_expect_eq(proto_forget_count(r), 3);
		cr_expect_eq(proto_forget_get(r, 2).nodeid, 103);
		cr_expect_eq(proto_forget_get(r, 2).nlookup, 3);
		break;
	case PROTO_OPAQUE:
		expect_bytes(&r->data, "anything", op);
		break;
	default:
		cr_expect_null(r->name.data, "%s", op);
		cr_expect_null(r->data.data, "%s", op);
		break;
	}
}

static void expect_decoded(const struct proto_request *r, const struct message *m)
{
	static const unsigned char zeros[sizeof(union proto_in)];
	const char *op = r->op->name;
	const char *in = (const char *)&r->in;

	cr_expect_eq(r->op->number, m->opcode);
	cr_expect_eq(r->head.len, message_size(m), "%s", op);
	cr_expect_eq(r->head.unique, TEST_UNIQUE);
	cr_expect_eq(r->head.nodeid, 77);
	cr_expect_eq(r->head.uid, 1000);
	cr_expect_eq(r->head.gid, 1001);
	cr_expect_eq(r->head.pid, 4321);
	cr_expect(memcmp(in, m->fixed, m->fixed_size) == 0, "%s", op);
	cr_expect(memcmp(in + m->fixed_size, zeros, sizeof(r->in) - m->fixed_size) == 0,
		  "%s: what was not sent is zero", op);
	cr_expect_eq(r->nsecctx, 0);
	cr_expect_eq(r->ngroups, 0);
	expect_tail(r);
}

static void check_classic(const struct proto_opcode *op, const struct message *m)
{
	struct proto_conn conn = conn_newest();
	struct proto_request out;
	void *block;

	memset(&out, STALE, sizeof(out));
	cr_assert_eq(message_decode(&conn, m, &out, &block), 0, "%s", op->name);
	expect_decoded(&out, m);
	free(block);
}

Test(proto_request, every_opcode_decodes_to_what_was_put_in)
{
	for_each_op(check_classic);
}

static void check_unaligned(const struct proto_opcode *op, const struct message *m)
{
	struct proto_conn conn = conn_newest();
	size_t size = message_size(m);
	char *block = message_classic(m, size);

	for (size_t shift = 1; shift < 8; shift++) {
		char *moved = malloc(size + shift);
		struct proto_request out;

		memcpy(moved + shift, block, size);
		cr_assert_eq(proto_decode(&conn, moved + shift, size, &out), 0, "%s", op->name);
		expect_decoded(&out, m);
		free(moved);
	}
	free(block);
}

Test(proto_request, messages_may_lie_at_any_address)
{
	for_each_op(check_unaligned);
}

static int decode_cut(const struct message *m, size_t size)
{
	struct proto_conn conn = conn_newest();
	struct proto_request out;
	void *block = message_classic(m, size);
	int err = proto_decode(&conn, block, size, &out);

	if (err == -EINVAL)
		cr_expect(out.op && out.head.unique == TEST_UNIQUE, "it can be answered");
	free(block);
	return err;
}

/* Whether a shorter form of the message is a valid one as well. */
static bool cut_is_valid(const struct proto_opcode *op, size_t size)
{
	if (op->layout == PROTO_OPAQUE)
		return true;
	return op->number == FUSE_INIT && (size == HEAD_SIZE + 8 || size == HEAD_SIZE + 16);
}

static void check_prefixes(const struct proto_opcode *op, const struct message *m)
{
	for (size_t size = 0; size < message_size(m); size++) {
		int err = decode_cut(m, size);

		if (size < HEAD_SIZE)
			cr_expect_eq(err, -EBADMSG, "%s cut to %zu: %d", op->name, size, err);
		else if (!cut_is_valid(op, size))
			cr_expect_eq(err, -EINVAL, "%s cut to %zu: %d", op->name, size, err);
	}
}

Test(proto_request, every_cut_message_is_refused)
{
	for_each_op(check_prefixes);
}

static void check_longer(const struct proto_opcode *op, const struct message *m)
{
	size_t size = message_size(m);

	if (op->layout == PROTO_OPAQUE)
		return;
	for (size_t more = 1; more <= 16; more++)
		cr_expect_eq(decode_cut(m, size + more), -EINVAL, "%s and %zu", op->name, more);
}

Test(proto_request, every_stretched_message_is_refused)
{
	for_each_op(check_longer);
}

static void check_wrong_len(const struct proto_opcode *op, const struct message *m)
{
	static const uint32_t wrong[] = {0, 1, 39, UINT32_MAX, 0x80000000};
	struct proto_conn conn = conn_newest();
	size_t size = message_size(m);
	char *block = message_classic(m, size);
	struct proto_request out;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		put32(block, 0, wrong[i]);
		cr_expect_eq(proto_decode(&conn, block, size, &out), -EBADMSG, "%s", op->name);
	}
	put32(block, 0, (uint32_t)size + 1);
	cr_expect_eq(proto_decode(&conn, block, size, &out), -EBADMSG, "%s", op->name);
	free(block);
}

Test(proto_request, a_length_that_is_not_the_messages_is_refused)
{
	for_each_op(check_wrong_len);
}

static void check_foreign_extension(const struct proto_opcode *op, const struct message *m)
{
	struct message more = *m;
	struct proto_conn conn = conn_newest();

	conn.features |= FUSE_SECURITY_CTX | FUSE_CREATE_SUPP_GROUP;
	more.extwords = 1;
	message_tail(&more, "\x08\0\0\0\0\0\0\0", 8);
	cr_expect_eq(message_verdict(&conn, &more), op->flags & PROTO_OP_EXT ? 0 : -EINVAL, "%s",
		     op->name);
}

Test(proto_request, extensions_are_taken_only_where_they_belong)
{
	for_each_op(check_foreign_extension);
}

Test(proto_request, unknown_opcode_is_enosys_with_its_header)
{
	struct message m = {.opcode = 54};
	struct proto_conn conn = conn_newest();
	struct proto_request out;
	void *block;

	cr_expect_eq(message_decode(&conn, &m, &out, &block), -ENOSYS);
	cr_expect_null(out.op);
	cr_expect_eq(out.head.unique, TEST_UNIQUE);
	cr_expect_eq(proto_forget_count(&out), 0);
	free(block);
}

Test(proto_request, forget_yields_its_node_once)
{
	struct message m;
	struct proto_conn conn = conn_newest();
	struct proto_request out;
	void *block;

	message_make(&m, proto_opcode_find(FUSE_FORGET), 8);
	put64(m.fixed, 0, 9);
	cr_assert_eq(message_decode(&conn, &m, &out, &block), 0);
	cr_expect_eq(proto_forget_count(&out), 1);
	cr_expect_eq(proto_forget_get(&out, 0).nodeid, 77);
	cr_expect_eq(proto_forget_get(&out, 0).nlookup, 9);
	free(block);
}

/* ---- older minors ---- */

static void expect_fixed(uint32_t opcode, uint32_t minor, uint64_t features, size_t size)
{
	const struct proto_opcode *op = proto_opcode_find(opcode);
	struct proto_conn conn = {.minor = minor, .features = features};
	struct proto_request out;
	struct message m;
	void *block;

	message_make(&m, op, size);
	cr_assert_eq(message_decode(&conn, &m, &out, &block), 0, "%s of %zu at 7.%u", op->name,
		     size, minor);
	expect_decoded(&out, &m);
	free(block);
	for (size_t other = 0; other <= 64; other += 8) {
		if (other == size || op->number == FUSE_INIT)
			continue;
		message_make(&m, op, other);
		cr_expect_eq(message_verdict(&conn, &m), -EINVAL, "%s of %zu at 7.%u", op->name,
			     other, minor);
	}
}

Test(proto_request, structs_have_the_size_of_their_minor)
{
	expect_fixed(FUSE_GETATTR, 8, 0, 0);
	expect_fixed(FUSE_GETATTR, 9, 0, 16);
	expect_fixed(FUSE_READ, 8, 0, 24);
	expect_fixed(FUSE_READ, 9, 0, 40);
	expect_fixed(FUSE_READDIR, 8, 0, 24);
	expect_fixed(FUSE_READDIR, 9, 0, 40);
	expect_fixed(FUSE_GETLK, 8, 0, 40);
	expect_fixed(FUSE_SETLK, 8, 0, 40);
	expect_fixed(FUSE_SETLKW, 8, 0, 40);
	expect_fixed(FUSE_SETLKW, 9, 0, 48);
	expect_fixed(FUSE_RELEASE, 7, 0, 16);
	expect_fixed(FUSE_RELEASE, 8, 0, 24);
	expect_fixed(FUSE_RELEASEDIR, 7, 0, 16);
	expect_fixed(FUSE_FLUSH, 6, 0, 16);
	expect_fixed(FUSE_FLUSH, 7, 0, 24);
	expect_fixed(FUSE_INIT, 0, 0, 8);
	expect_fixed(FUSE_INIT, 0, 0, 16);
	expect_fixed(FUSE_INIT, 0, 0, 64);
}

Test(proto_request, old_writes_have_24_bytes_before_their_data)
{
	struct message m;
	struct proto_conn conn = {.minor = 8};

	message_make(&m, proto_opcode_find(FUSE_WRITE), 24);
	cr_expect_eq(message_verdict(&conn, &m), 0);
	conn.minor = 9;
	cr_expect_eq(message_verdict(&conn, &m), -EINVAL);
	message_make(&m, proto_opcode_find(FUSE_WRITE), 40);
	cr_expect_eq(message_verdict(&conn, &m), 0);
	conn.minor = 8;
	cr_expect_eq(message_verdict(&conn, &m), -EINVAL);
}

/* A struct that is 8 bytes longer than the decoder believes would begin the name. */
static void expect_named(uint32_t opcode, uint32_t minor, uint64_t features, size_t size)
{
	struct proto_conn conn = {.minor = minor, .features = features};
	struct proto_request out;
	struct message m;
	void *block;

	message_make(&m, proto_opcode_find(opcode), size);
	cr_assert_eq(message_decode(&conn, &m, &out, &block), 0, "%s at 7.%u", out.op->name, minor);
	expect_decoded(&out, &m);
	free(block);
}

Test(proto_request, creating_structs_grew_a_umask_in_7_12)
{
	expect_named(FUSE_MKNOD, 11, 0, 8);
	expect_named(FUSE_MKNOD, 12, 0, 16);
	expect_named(FUSE_CREATE, 11, 0, 8);
	expect_named(FUSE_CREATE, 12, 0, 16);
}

Test(proto_request, setxattr_grows_by_its_feature_not_by_minor)
{
	expect_named(FUSE_SETXATTR, 45, 0, 8);
	expect_named(FUSE_SETXATTR, 33, FUSE_SETXATTR_EXT, 16);
}

Test(proto_request, rdev_comes_back_as_makedev)
{
	cr_expect_eq(proto_rdev_decode(0x0103), makedev(1, 3));
	cr_expect_eq(proto_rdev_decode(0xfffabcff), makedev(0xabc, 0xfffff));
	cr_expect_eq(proto_rdev_decode(0x00100000), makedev(0, 0x100));
}
