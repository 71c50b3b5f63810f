/*
 * Messages as text: one printable line, whatever the bytes, in whatever room.
 */
#include <criterion/criterion.h>
#include <errno.h>

#include "proto/format.h"
#include "proto/notify.h"
#include "proto/reply.h"
#include "proto_message.h"

#define LINE 16384

static char line[LINE];

/* Prints into every small room and the full one: the same text, cut, terminated and contained. */
static void expect_printable(const char *text)
{
	for (const char *c = text; *c; c++)
		cr_assert(*c >= 0x20 && *c <= 0x7e, "byte 0x%02x in \"%s\"", (unsigned char)*c,
			  text);
}

static void check_caps(const struct proto_request *r)
{
	size_t wanted = proto_format_request(line, sizeof(line), r);

	cr_assert_lt(wanted, sizeof(line));
	cr_expect_eq(strlen(line), wanted);
	expect_printable(line);
	cr_expect_eq(proto_format_request(NULL, 0, r), wanted);
	for (size_t cap = 1; cap <= wanted + 1; cap += cap < 48 ? 1 : 37) {
		char *small = malloc(cap);

		cr_expect_eq(proto_format_request(small, cap, r), wanted);
		cr_expect_eq(strlen(small), cap > wanted ? wanted : cap - 1);
		cr_expect(memcmp(small, line, strlen(small)) == 0, "a beginning of the line");
		free(small);
	}
}

static void format_op(const struct proto_opcode *op)
{
	struct proto_conn conn = conn_newest();
	struct proto_request out;
	struct message m;
	void *block;

	message_make(&m, op, op->in_size);
	cr_assert_eq(message_decode(&conn, &m, &out, &block), 0, "%s", op->name);
	check_caps(&out);
	cr_expect(strncmp(line, op->name, strlen(op->name)) == 0, "%s", line);
	cr_expect(strstr(line, " unique=1234605616436508552 node=77 uid=1000 gid=1001 pid=4321"),
		  "%s", line);
	if (op->in_size > 0 && op->number != FUSE_SYNCFS)
		cr_expect(strchr(strstr(line, "pid=4321") + 8, '='), "its fields: %s", line);
	free(block);
}

Test(proto_format, every_request_is_one_line_in_any_room)
{
	for (unsigned i = 0; i < proto_opcode_count; i++)
		format_op(&proto_opcodes[i]);
}

static const char *formatted(struct message *m)
{
	struct proto_conn conn = conn_newest();
	struct proto_request out;
	void *block;

	conn.features |= FUSE_SECURITY_CTX | FUSE_CREATE_SUPP_GROUP;
	cr_assert_eq(message_decode(&conn, m, &out, &block), 0);
	proto_format_request(line, sizeof(line), &out);
	free(block);
	return line;
}

#define HEAD " unique=1234605616436508552 node=77 uid=1000 gid=1001 pid=4321"

Test(proto_format, lookup_reads_as_documented)
{
	struct message m;

	message_make(&m, proto_opcode_find(FUSE_LOOKUP), 0);
	cr_expect_str_eq(formatted(&m), "LOOKUP" HEAD " name=\"name\"");
}

Test(proto_format, interesting_fields_are_shown)
{
	struct message m;

	message_make(&m, proto_opcode_find(FUSE_MKDIR), 8);
	put32(m.fixed, 0, 0755);
	put32(m.fixed, 4, 022);
	cr_expect_str_eq(formatted(&m), "MKDIR" HEAD " mode=0755 umask=022 name=\"name\"");
	message_make(&m, proto_opcode_find(FUSE_SYMLINK), 0);
	cr_expect_str_eq(formatted(&m), "SYMLINK" HEAD " name=\"first\" target=\"second\"");
	message_make(&m, proto_opcode_find(FUSE_RENAME), 8);
	put64(m.fixed, 0, 5);
	cr_expect_str_eq(formatted(&m),
			 "RENAME" HEAD " newdir=5 name=\"first\" newname=\"second\"");
	message_make(&m, proto_opcode_find(FUSE_BATCH_FORGET), 8);
	message_announce(&m, 3);
	cr_expect_str_eq(formatted(&m), "BATCH_FORGET" HEAD " count=3 101:1 102:2 103:3");
	message_make(&m, proto_opcode_find(PROTO_OP_STATX), 24);
	put32(m.fixed, 20, 0xfff);
	cr_expect(strstr(formatted(&m), " sx_mask=0xfff"), "%s", line);
}

Test(proto_format, extensions_are_shown)
{
	static const unsigned char ext[] = {
		32,  0,   0,   0, 1,   0, 0,   0, /* one context in 32 bytes */
		3,   0,   0,   0, 0,   0, 0,   0, /* a value of 3 */
		's', '.', 'l', 0, 'a', 1, '"', 0, 0, 0, 0, 0, 0, 0, 0, 0,
		16,  0,   0,   0, 32,  0, 0,   0, 1, 0, 0, 0, 9, 0, 0, 0,
	};
	struct message m;

	message_make(&m, proto_opcode_find(FUSE_MKDIR), 8);
	message_tail(&m, ext, 24);
	m.tail[5] = 24;
	message_tail(&m, ext + 32, 16);
	m.extwords = 5;
	formatted(&m);
	cr_expect(strstr(line, " secctx=\"s.l\" label=\"a\\x01\\x22\" group=9"), "%s", line);
}

Test(proto_format, hostile_names_are_escaped_and_cut)
{
	struct proto_request r = {.op = proto_opcode_find(FUSE_LOOKUP)};
	static char name[4096];

	memset(name, 0xff, sizeof(name) - 1);
	memcpy(name, "\n\x1b[31m\"\\\x7f%s%n", 13);
	r.name = (struct proto_bytes){.data = name, .size = 4095};
	check_caps(&r);
	cr_expect(strstr(line, "name=\"\\x0a\\x1b[31m\\x22\\x5c\\x7f%s%n\\xff"), "%s", line);
	cr_expect(strstr(line, "\"...(4095 bytes)"), "%s", line);
}

Test(proto_format, unknown_requests_are_shown_by_number)
{
	struct proto_request r = {.head = {.opcode = 999, .unique = 8}};

	check_caps(&r);
	cr_expect_str_eq(line, "opcode=999 unique=8 node=0 uid=0 gid=0 pid=0");
}

/* ---- replies ---- */

static const char *reply_line(uint32_t opcode, const void *message, size_t size)
{
	proto_format_reply(line, sizeof(line), proto_opcode_find(opcode), message, size);
	return line;
}

Test(proto_format, replies_read_as_documented)
{
	struct proto_conn conn = conn_newest();
	struct proto_entry entry = {.nodeid = 2, .attr = {.ino = 2, .mode = 0100644, .size = 5}};
	struct proto_open open = {.fh = 6, .flags = 2, .backing_id = -3};
	char reply[512];
	size_t size;

	proto_put_header(reply, 8, -ENOENT, 0);
	cr_expect_str_eq(reply_line(FUSE_LOOKUP, reply, 16),
			 "LOOKUP reply unique=8 error=-2 ENOENT");
	size = proto_put_entry(&conn, reply + 16, &entry);
	proto_put_header(reply, 8, 0, size);
	cr_expect_str_eq(reply_line(FUSE_LOOKUP, reply, 16 + size),
			 "LOOKUP reply unique=8 nodeid=2 generation=0 entry_valid=0 attr_valid=0 "
			 "ino=2 mode=0100644 nlink=0 uid=0 gid=0 size=5");
	size = proto_put_create(&conn, reply + 16, &entry, &open);
	proto_put_header(reply, 8, 0, size);
	reply_line(FUSE_CREATE, reply, 16 + size);
	cr_expect(strstr(line, " nodeid=2 "), "%s", line);
	cr_expect(strstr(line, " fh=6 open_flags=0x2 backing_id=-3"), "%s", line);
	memcpy(reply + 16, "a/b", 3);
	proto_put_header(reply, 8, 0, 3);
	cr_expect_str_eq(reply_line(FUSE_READLINK, reply, 19),
			 "READLINK reply unique=8 bytes=3 target=\"a/b\"");
	proto_put_header(reply, 8, 0, 0);
	cr_expect_str_eq(reply_line(FUSE_READ, reply, 16), "READ reply unique=8 bytes=0");
	cr_expect_str_eq(reply_line(54, reply, 16), "unknown reply unique=8");
}

Test(proto_format, directory_replies_list_their_first_names)
{
	char reply[1024];
	struct fuse_out_header head = {.len = 16 + 6 * 32 + 5, .unique = 8};

	memcpy(reply, &head, 16);
	memset(reply + 16, 0, sizeof(reply) - 16);
	for (size_t i = 0; i < 6; i++) {
		put32(reply, 16 + i * 32 + 16, 1);
		reply[16 + i * 32 + 24] = (char)('a' + i);
	}
	cr_expect_str_eq(reply_line(FUSE_READDIR, reply, head.len),
			 "READDIR reply unique=8 bytes=197 entry=\"a\" entry=\"b\" entry=\"c\" "
			 "entry=\"d\" entries=6 cut=5");
}

Test(proto_format, reply_that_lies_about_its_length_is_told)
{
	char reply[24] = {0};

	proto_put_header(reply, 8, 0, 100);
	cr_expect_str_eq(reply_line(FUSE_WRITE, reply, 24),
			 "WRITE reply len=116 size=24 unique=8 size=0");
	cr_expect_str_eq(reply_line(FUSE_WRITE, reply, 5), "WRITE reply cut=5");
	cr_expect_str_eq(reply_line(FUSE_WRITE, NULL, 0), "WRITE reply cut=0");
}

/* Any bytes of any length as the reply to anything: one line, and ASan silent. */
Test(proto_format, any_bytes_are_accepted_as_a_reply)
{
	uint64_t state = 4711;

	for (unsigned i = 0; i < proto_opcode_count; i++) {
		for (size_t size = 0; size < 330; size += 1 + size / 24) {
			char *bytes = malloc(size);
			char *room = malloc(1 + size % 100);
			size_t wanted;

			for (size_t j = 0; j < size; j++) {
				state = state * 6364136223846793005ull + 1442695040888963407ull;
				bytes[j] = j >= 4 && j < 8 ? 0 : (char)(state >> 56);
			}
			wanted = proto_format_reply(line, sizeof(line), &proto_opcodes[i], bytes,
						    size);
			cr_expect_eq(strlen(line), wanted);
			expect_printable(line);
			proto_format_reply(room, 1 + size % 100, &proto_opcodes[i], bytes, size);
			cr_expect(memcmp(room, line, strlen(room)) == 0);
			free(room);
			free(bytes);
		}
	}
}

/* ---- notifications ---- */

static const char *notify_line(const void *message, ssize_t size)
{
	cr_assert_gt(size, 0);
	proto_format_notify(line, sizeof(line), message, (size_t)size);
	return line;
}

Test(proto_format, notifications_read_as_documented)
{
	static const uint64_t nodes[] = {1, 2};
	char buf[256];

	cr_expect_str_eq(notify_line(buf, proto_notify_poll(buf, 256, 9)), "notify poll kh=9");
	cr_expect_str_eq(notify_line(buf, proto_notify_inval_inode(buf, 256, 9, -1, 0)),
			 "notify inval_inode node=9 off=-1 len=0");
	cr_expect_str_eq(notify_line(buf, proto_notify_inval_entry(buf, 256, 9, "a\n", 2, 1)),
			 "notify inval_entry parent=9 flags=0x1 name=\"a\\x0a\"");
	cr_expect_str_eq(notify_line(buf, proto_notify_delete(buf, 256, 9, 8, "a", 1)),
			 "notify delete parent=9 child=8 name=\"a\"");
	cr_expect_str_eq(notify_line(buf, proto_notify_retrieve(buf, 256, 7, 9, 0, 4096)),
			 "notify retrieve notify_unique=7 nodeid=9 offset=0 size=4096");
	cr_expect_str_eq(notify_line(buf, proto_notify_store(buf, 256, 9, 1, 0)),
			 "notify store nodeid=9 offset=1 size=0");
	cr_expect_str_eq(notify_line(buf, proto_notify_resend(buf, 256)), "notify resend");
	cr_expect_str_eq(notify_line(buf, proto_notify_inc_epoch(buf, 256)), "notify inc_epoch");
	cr_expect_str_eq(notify_line(buf, proto_notify_prune(buf, 256, nodes, 2)),
			 "notify prune count=2");
}

Test(proto_format, cut_notifications_are_told)
{
	char buf[256];
	ssize_t size = proto_notify_delete(buf, 256, 9, 8, "name", 4);

	for (ssize_t cut = 0; cut < size; cut++) {
		char *exact = malloc((size_t)cut);

		memcpy(exact, buf, (size_t)cut);
		proto_format_notify(line, sizeof(line), exact, (size_t)cut);
		cr_expect(strstr(line, cut < 16 ? "cut=" : "len=45 size="), "%s", line);
		expect_printable(line);
		free(exact);
	}
	memset(buf, 0, 16);
	put32(buf, 0, 16);
	put32(buf, 4, 77);
	cr_expect_str_eq(notify_line(buf, 16), "notify code=77");
}
