/*
 * The opcode table against the protocol's own table, written down here a second time by hand from
 * the description of the interface.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "proto/abi.h"
#include "proto/opcode.h"

static const struct {
	uint32_t number;
	const char *name;
	uint16_t in_size;
	uint8_t layout;
	uint8_t reply;
} known[] = {
	{1, "LOOKUP", 0, PROTO_NAME, PROTO_REPLY_ENTRY},
	{2, "FORGET", 8, PROTO_NOTHING, PROTO_REPLY_NEVER},
	{3, "GETATTR", 16, PROTO_NOTHING, PROTO_REPLY_ATTR},
	{4, "SETATTR", 88, PROTO_NOTHING, PROTO_REPLY_ATTR},
	{5, "READLINK", 0, PROTO_NOTHING, PROTO_REPLY_LINK},
	{6, "SYMLINK", 0, PROTO_NAME_NAME, PROTO_REPLY_ENTRY},
	{8, "MKNOD", 16, PROTO_NAME, PROTO_REPLY_ENTRY},
	{9, "MKDIR", 8, PROTO_NAME, PROTO_REPLY_ENTRY},
	{10, "UNLINK", 0, PROTO_NAME, PROTO_REPLY_EMPTY},
	{11, "RMDIR", 0, PROTO_NAME, PROTO_REPLY_EMPTY},
	{12, "RENAME", 8, PROTO_NAME_NAME, PROTO_REPLY_EMPTY},
	{13, "LINK", 8, PROTO_NAME, PROTO_REPLY_ENTRY},
	{14, "OPEN", 8, PROTO_NOTHING, PROTO_REPLY_OPEN},
	{15, "READ", 40, PROTO_NOTHING, PROTO_REPLY_DATA},
	{16, "WRITE", 40, PROTO_DATA, PROTO_REPLY_WRITE},
	{17, "STATFS", 0, PROTO_NOTHING, PROTO_REPLY_STATFS},
	{18, "RELEASE", 24, PROTO_NOTHING, PROTO_REPLY_EMPTY},
	{20, "FSYNC", 16, PROTO_NOTHING, PROTO_REPLY_EMPTY},
	{21, "SETXATTR", 16, PROTO_NAME_VALUE, PROTO_REPLY_EMPTY},
	{22, "GETXATTR", 8, PROTO_NAME, PROTO_REPLY_XATTR},
	{23, "LISTXATTR", 8, PROTO_NOTHING, PROTO_REPLY_XATTR},
	{24, "REMOVEXATTR", 0, PROTO_NAME, PROTO_REPLY_EMPTY},
	{25, "FLUSH", 24, PROTO_NOTHING, PROTO_REPLY_EMPTY},
	{26, "INIT", 64, PROTO_NOTHING, PROTO_REPLY_INIT},
	{27, "OPENDIR", 8, PROTO_NOTHING, PROTO_REPLY_OPEN},
	{28, "READDIR", 40, PROTO_NOTHING, PROTO_REPLY_DIRENTS},
	{29, "RELEASEDIR", 24, PROTO_NOTHING, PROTO_REPLY_EMPTY},
	{30, "FSYNCDIR", 16, PROTO_NOTHING, PROTO_REPLY_EMPTY},
	{31, "GETLK", 48, PROTO_NOTHING, PROTO_REPLY_LOCK},
	{32, "SETLK", 48, PROTO_NOTHING, PROTO_REPLY_EMPTY},
	{33, "SETLKW", 48, PROTO_NOTHING, PROTO_REPLY_EMPTY},
	{34, "ACCESS", 8, PROTO_NOTHING, PROTO_REPLY_EMPTY},
	{35, "CREATE", 16, PROTO_NAME, PROTO_REPLY_CREATE},
	{36, "INTERRUPT", 8, PROTO_NOTHING, PROTO_REPLY_EMPTY},
	{37, "BMAP", 16, PROTO_NOTHING, PROTO_REPLY_BMAP},
	{38, "DESTROY", 0, PROTO_NOTHING, PROTO_REPLY_EMPTY},
	{39, "IOCTL", 32, PROTO_IOCTL_DATA, PROTO_REPLY_IOCTL},
	{40, "POLL", 24, PROTO_NOTHING, PROTO_REPLY_POLL},
	{41, "NOTIFY_REPLY", 40, PROTO_DATA, PROTO_REPLY_NEVER},
	{42, "BATCH_FORGET", 8, PROTO_FORGETS, PROTO_REPLY_NEVER},
	{43, "FALLOCATE", 32, PROTO_NOTHING, PROTO_REPLY_EMPTY},
	{44, "READDIRPLUS", 40, PROTO_NOTHING, PROTO_REPLY_DIRENTS_PLUS},
	{45, "RENAME2", 16, PROTO_NAME_NAME, PROTO_REPLY_EMPTY},
	{46, "LSEEK", 24, PROTO_NOTHING, PROTO_REPLY_LSEEK},
	{47, "COPY_FILE_RANGE", 56, PROTO_NOTHING, PROTO_REPLY_WRITE},
	{48, "SETUPMAPPING", 0, PROTO_OPAQUE, PROTO_REPLY_EMPTY},
	{49, "REMOVEMAPPING", 0, PROTO_OPAQUE, PROTO_REPLY_EMPTY},
	{50, "SYNCFS", 8, PROTO_NOTHING, PROTO_REPLY_EMPTY},
	{51, "TMPFILE", 16, PROTO_NAME, PROTO_REPLY_CREATE},
	{52, "STATX", 24, PROTO_NOTHING, PROTO_REPLY_STATX},
	{53, "COPY_FILE_RANGE_64", 56, PROTO_NOTHING, PROTO_REPLY_COPY},
	{4096, "CUSE_INIT", 0, PROTO_OPAQUE, PROTO_REPLY_INIT},
};

#define KNOWN (sizeof(known) / sizeof(known[0]))

Test(proto_opcode, table_agrees_with_the_protocol)
{
	cr_assert_eq(proto_opcode_count, KNOWN);
	for (size_t i = 0; i < KNOWN; i++) {
		const struct proto_opcode *op = proto_opcode_find(known[i].number);

		cr_assert_not_null(op, "%s", known[i].name);
		cr_expect_eq(op->number, known[i].number);
		cr_expect_str_eq(op->name, known[i].name);
		cr_expect_eq(op->in_size, known[i].in_size, "%s", op->name);
		cr_expect_eq(op->layout, known[i].layout, "%s", op->name);
		cr_expect_eq(op->reply, known[i].reply, "%s", op->name);
	}
}

Test(proto_opcode, rows_are_found_at_their_own_index)
{
	for (unsigned i = 0; i < proto_opcode_count; i++) {
		const struct proto_opcode *op = &proto_opcodes[i];

		cr_expect_eq(proto_opcode_find(op->number), op, "%s", op->name);
		cr_expect_eq(proto_opcode_index(op), i);
	}
}

Test(proto_opcode, gaps_and_strangers_are_not_found)
{
	static const uint32_t strangers[] = {0,    7,    19,      54,        255,
					     4095, 4097, 1048576, 436207616, UINT32_MAX};

	for (size_t i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++)
		cr_expect_null(proto_opcode_find(strangers[i]), "%u", strangers[i]);
}

Test(proto_opcode, rows_make_sense_by_themselves)
{
	for (unsigned i = 0; i < proto_opcode_count; i++) {
		const struct proto_opcode *op = &proto_opcodes[i];

		cr_expect_leq(op->in_size_min, op->in_size, "%s", op->name);
		cr_expect_leq(op->in_size, 128, "%s fits into op_in", op->name);
		cr_expect_leq(op->since_minor, PROTO_MINOR, "%s", op->name);
		cr_expect_geq(op->since_minor, 1, "%s", op->name);
		if (op->full_minor)
			cr_expect_lt(op->in_size_min, op->in_size, "%s", op->name);
	}
}

Test(proto_opcode, only_requests_that_create_carry_extensions)
{
	static const uint32_t creating[] = {FUSE_SYMLINK, FUSE_MKNOD, FUSE_MKDIR, FUSE_CREATE,
					    FUSE_TMPFILE};
	unsigned found = 0;

	for (unsigned i = 0; i < proto_opcode_count; i++)
		found += (proto_opcodes[i].flags & PROTO_OP_EXT) != 0;
	cr_expect_eq(found, sizeof(creating) / sizeof(creating[0]));
	for (size_t i = 0; i < sizeof(creating) / sizeof(creating[0]); i++)
		cr_expect(proto_opcode_find(creating[i])->flags & PROTO_OP_EXT);
}
