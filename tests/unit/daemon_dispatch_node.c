/*
 * Dispatch of requests about names, inodes and attributes: what the backend is asked, and the bytes
 * of the reply.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "daemon_fake.h"
#include "daemon_fixture.h"

static struct fixture f;
static struct slot *const slot = &f.slots[0];

static void open_fake(void)
{
	fixture_open(&f, &fake_backend);
	fake.entry = (struct llfused_entry){
		.nodeid = 4242,
		.generation = 7,
		.entry_timeout = UINT64_C(2500000000),
		.attr_timeout = LLFUSED_FOREVER,
		.attr = {.ino = 99,
			 .size = UINT64_C(1) << 40,
			 .blocks = 11,
			 .atime = {-5, 999999999},
			 .mtime = {INT64_C(5000000000), 1},
			 .ctime = {3, 4},
			 .btime = {12, 13},
			 .has_btime = 1,
			 .mode = S_IFREG | 04755,
			 .nlink = 3,
			 .uid = 5,
			 .gid = 6,
			 .blksize = 512,
			 .rdev = makedev(0x123, 0xabcde)},
	};
	fake.attr = (struct llfused_attr_out){.attr = fake.entry.attr, .timeout = 1000000001};
}

static void close_fake(void)
{
	fixture_close(&f);
}

TestSuite(dispatch_node, .init = open_fake, .fini = close_fake, .timeout = 30);

static void expect_attr(const unsigned char *attr)
{
	cr_expect_eq(at64(attr, 0), 99);
	cr_expect_eq(at64(attr, 8), UINT64_C(1) << 40);
	cr_expect_eq(at64(attr, 16), 11);
	cr_expect_eq(at64(attr, 24), (uint64_t)-5);
	cr_expect_eq(at64(attr, 32), UINT64_C(5000000000));
	cr_expect_eq(at64(attr, 40), 3);
	cr_expect_eq(at32(attr, 48), 999999999);
	cr_expect_eq(at32(attr, 52), 1);
	cr_expect_eq(at32(attr, 56), 4);
	cr_expect_eq(at32(attr, 60), S_IFREG | 04755);
	cr_expect_eq(at32(attr, 64), 3);
	cr_expect_eq(at32(attr, 68), 5);
	cr_expect_eq(at32(attr, 72), 6);
	cr_expect_eq(at32(attr, 76), 0xabc123deu);
	cr_expect_eq(at32(attr, 80), 512);
}

static void expect_entry(size_t size)
{
	const unsigned char *body = reply_body(slot);

	cr_assert_eq(size, 16 + 128);
	cr_expect_eq(at32(slot->reply, 0), size);
	cr_expect_eq(reply_error(slot), 0);
	cr_expect_eq(reply_unique(slot), fixture_unique());
	cr_expect_eq(at64(body, 0), 4242);
	cr_expect_eq(at64(body, 8), 7);
	cr_expect_eq(at64(body, 16), 2);
	cr_expect_eq(at32(body, 32), 500000000);
	cr_expect_eq(at64(body, 24), UINT64_MAX);
	expect_attr(body + 40);
	cr_expect_eq(slot->counted, 4242);
}

static void expect_attr_reply(size_t size)
{
	const unsigned char *body = reply_body(slot);

	cr_assert_eq(size, 16 + 104);
	cr_expect_eq(reply_error(slot), 0);
	cr_expect_eq(at64(body, 0), 1);
	cr_expect_eq(at32(body, 8), 1);
	expect_attr(body + 16);
}

static void expect_op(const char *op, uint64_t node)
{
	cr_assert_not_null(fake.op);
	cr_expect_str_eq(fake.op, op);
	cr_expect_eq(fake.node, node);
	cr_expect_eq(fake.ctx.fs, f.s->fs);
	cr_expect_eq(fake.ctx.unique, fixture_unique());
	cr_expect_eq(fake.ctx.uid, 1000);
	cr_expect_eq(fake.ctx.gid, 1001);
	cr_expect_eq(fake.ctx.pid, 4321);
}

static void expect_empty(size_t size)
{
	cr_expect_eq(size, 16);
	cr_expect_eq(reply_error(slot), 0);
	cr_expect_eq(reply_unique(slot), fixture_unique());
}

Test(dispatch_node, lookup)
{
	expect_entry(fixture_ask(&f, FUSE_LOOKUP, NULL, 0, "a name", 7));
	expect_op("lookup", FIXTURE_NODE);
	cr_expect_str_eq(fake.name, "a name");
	cr_expect_eq(fake.ctx.flags, 0);
	cr_expect_eq(fake.ctx.umask, 0);
}

Test(dispatch_node, lookup_of_an_absent_name_counts_nothing)
{
	fake.entry = (struct llfused_entry){.entry_timeout = LLFUSED_FOREVER};
	cr_expect_eq(fixture_ask(&f, FUSE_LOOKUP, NULL, 0, "a", 2), 16 + 128);
	cr_expect_eq(at64(reply_body(slot), 0), 0);
	cr_expect_eq(at64(reply_body(slot), 16), UINT64_MAX);
	cr_expect_eq(slot->counted, 0);
}

Test(dispatch_node, getattr_with_and_without_a_handle)
{
	struct fuse_getattr_in in = {.fh = 31};

	expect_attr_reply(fixture_ask(&f, FUSE_GETATTR, &in, sizeof(in), NULL, 0));
	expect_op("getattr", FIXTURE_NODE);
	cr_expect_not(fake.has_fh);
	in.getattr_flags = FUSE_GETATTR_FH;
	fixture_ask(&f, FUSE_GETATTR, &in, sizeof(in), NULL, 0);
	cr_expect(fake.has_fh);
	cr_expect_eq(fake.fh, 31);
}

Test(dispatch_node, statx_is_getattr_with_the_time_of_birth)
{
	struct proto_statx_in in = {.getattr_flags = FUSE_GETATTR_FH, .fh = 32, .sx_mask = 0xfff};
	const unsigned char *body = reply_body(slot);
	size_t size = fixture_ask(&f, PROTO_OP_STATX, &in, sizeof(in), NULL, 0);

	expect_op("getattr", FIXTURE_NODE);
	cr_expect_eq(fake.fh, 32);
	cr_assert_eq(size, 16 + 288);
	cr_expect_eq(at64(body, 0), 1);
	cr_expect_eq(at32(body, 8), 1);
	cr_expect_eq(at32(body, 32), 0xfff);
	cr_expect_eq(at64(body, 32 + 40), UINT64_C(1) << 40);
	cr_expect_eq(at64(body, 32 + 80), 12);
	cr_expect_eq(at32(body, 32 + 88), 13);
	cr_expect_eq(at32(body, 32 + 128), 0x123);
	cr_expect_eq(at32(body, 32 + 132), 0xabcde);
}

Test(dispatch_node, setattr_hands_over_every_field_and_the_now_bits)
{
	struct fuse_setattr_in in = {
		.valid = FATTR_MODE | FATTR_ATIME | FATTR_ATIME_NOW | FATTR_MTIME_NOW |
			 FATTR_CTIME | FATTR_FH | FATTR_LOCKOWNER | FATTR_KILL_SUIDGID |
			 FATTR_SIZE | FATTR_UID | FATTR_GID | FATTR_MTIME,
		.fh = 33,
		.size = 1234,
		.lock_owner = 777,
		.atime = (uint64_t)-9,
		.atimensec = 999999999,
		.mtime = UINT64_C(1) << 33,
		.mtimensec = 5,
		.ctime = 8,
		.ctimensec = 6,
		.mode = 0640,
		.uid = 21,
		.gid = 22,
	};

	expect_attr_reply(fixture_ask(&f, FUSE_SETATTR, &in, sizeof(in), NULL, 0));
	expect_op("setattr", FIXTURE_NODE);
	cr_expect_eq(fake.set.valid, 0xfff);
	cr_expect_eq(fake.set.fh, 33);
	cr_expect_eq(fake.set.size, 1234);
	cr_expect_eq(fake.set.lock_owner, 777);
	cr_expect_eq(fake.set.atime.tv_sec, -9);
	cr_expect_eq(fake.set.atime.tv_nsec, 999999999);
	cr_expect_eq(fake.set.mtime.tv_sec, INT64_C(1) << 33);
	cr_expect_eq(fake.set.ctime.tv_nsec, 6);
	cr_expect_eq(fake.set.mode, 0640);
	cr_expect_eq(fake.set.uid, 21);
	cr_expect_eq(fake.set.gid, 22);
}

Test(dispatch_node, readlink)
{
	fake.bytes = "to/there";
	fake.nbytes = 8;
	cr_expect_eq(fixture_ask(&f, FUSE_READLINK, NULL, 0, NULL, 0), 16 + 8);
	expect_op("readlink", FIXTURE_NODE);
	cr_expect_eq(fake.cap, 4095);
	cr_expect_arr_eq(reply_body(slot), "to/there", 8);
}

Test(dispatch_node, readlink_longer_than_its_room_is_eio)
{
	fake.nbytes = 4096; /* says so, and writes nothing */
	cr_expect_eq(fixture_ask(&f, FUSE_READLINK, NULL, 0, NULL, 0), 16);
	cr_expect_eq(reply_error(slot), -EIO);
}

Test(dispatch_node, symlink)
{
	expect_entry(fixture_ask(&f, FUSE_SYMLINK, NULL, 0, "link\0../target", 15));
	expect_op("symlink", FIXTURE_NODE);
	cr_expect_str_eq(fake.name, "link");
	cr_expect_str_eq(fake.name2, "../target");
}

Test(dispatch_node, mknod_with_a_large_device_number)
{
	struct fuse_mknod_in in = {.mode = S_IFBLK | 0600, .rdev = 0xabc123deu, .umask = 022};

	expect_entry(fixture_ask(&f, FUSE_MKNOD, &in, sizeof(in), "node", 5));
	expect_op("mknod", FIXTURE_NODE);
	cr_expect_str_eq(fake.name, "node");
	cr_expect_eq(fake.mode, S_IFBLK | 0600);
	cr_expect_eq(fake.number, makedev(0x123, 0xabcde));
	cr_expect_eq(fake.ctx.umask, 022);
}

Test(dispatch_node, mkdir_with_label_and_group)
{
	struct fuse_mkdir_in in = {.mode = 0755, .umask = 077};
	static const struct {
		char name[4];
		uint32_t size, count, value_size, padding;
		char label[16 + 8];
		uint32_t group_size, type, ngroups, group;
	} __attribute__((packed)) tail = {
		.name = "dir",
		.size = 8 + 8 + 24,
		.count = 1,
		.value_size = 5,
		.label = "security.selinux\0label",
		.group_size = 16,
		.type = 32,
		.ngroups = 1,
		.group = 2002,
	};
	struct message_in m = {
		.opcode = FUSE_MKDIR,
		.fixed = &in,
		.fixed_size = sizeof(in),
		.tail = &tail,
		.tail_size = sizeof(tail),
		.extwords = (40 + 16) / 8,
	};

	expect_entry(fixture_send(&f, 0, &m));
	expect_op("mkdir", FIXTURE_NODE);
	cr_expect_str_eq(fake.name, "dir");
	cr_expect_eq(fake.mode, 0755);
	cr_expect_eq(fake.ctx.umask, 077);
	cr_assert_eq(fake.ctx.nsecctx, 1);
	cr_expect_str_eq(fake.ctx.secctx[0].name, "security.selinux");
	cr_expect_eq(fake.ctx.secctx[0].size, 5);
	cr_expect_arr_eq(fake.ctx.secctx[0].value, "label", 5);
	cr_assert_eq(fake.ctx.ngroups, 1);
	cr_expect_eq(fake.ctx.groups[0], 2002);
}

Test(dispatch_node, unlink_and_rmdir)
{
	expect_empty(fixture_ask(&f, FUSE_UNLINK, NULL, 0, "file", 5));
	expect_op("unlink", FIXTURE_NODE);
	cr_expect_str_eq(fake.name, "file");
	expect_empty(fixture_ask(&f, FUSE_RMDIR, NULL, 0, "dir", 4));
	expect_op("rmdir", FIXTURE_NODE);
	cr_expect_str_eq(fake.name, "dir");
}

Test(dispatch_node, rename_and_rename2)
{
	struct fuse_rename_in plain = {.newdir = 88};
	struct fuse_rename2_in flagged = {.newdir = 89, .flags = 5};

	fake.flags = 1;
	expect_empty(fixture_ask(&f, FUSE_RENAME, &plain, sizeof(plain), "old\0new", 8));
	expect_op("rename", FIXTURE_NODE);
	cr_expect_str_eq(fake.name, "old");
	cr_expect_str_eq(fake.name2, "new");
	cr_expect_eq(fake.node2, 88);
	cr_expect_eq(fake.flags, 0);
	expect_empty(fixture_ask(&f, FUSE_RENAME2, &flagged, sizeof(flagged), "x\0y", 4));
	cr_expect_eq(fake.node2, 89);
	cr_expect_eq(fake.flags, 5);
}

Test(dispatch_node, link_takes_the_header_for_the_new_parent)
{
	struct fuse_link_in in = {.oldnodeid = 55};

	expect_entry(fixture_ask(&f, FUSE_LINK, &in, sizeof(in), "also", 5));
	expect_op("link", 55);
	cr_expect_eq(fake.node2, FIXTURE_NODE);
	cr_expect_str_eq(fake.name, "also");
}

Test(dispatch_node, statfs)
{
	const unsigned char *body = reply_body(slot);

	fake.statfs = (struct llfused_statfs){1, 2, 3, 4, 5, 6, 7, 8, 0, {0}};
	cr_assert_eq(fixture_ask(&f, FUSE_STATFS, NULL, 0, NULL, 0), 16 + 80);
	expect_op("statfs", FIXTURE_NODE);
	for (unsigned i = 0; i < 5; i++)
		cr_expect_eq(at64(body, 8 * i), i + 1);
	cr_expect_eq(at32(body, 40), 6); /* bsize */
	cr_expect_eq(at32(body, 44), 8); /* namelen */
	cr_expect_eq(at32(body, 48), 7); /* frsize */
}

Test(dispatch_node, access_no_is_handed_through)
{
	struct fuse_access_in in = {.mask = 6};

	fake.answer = -EACCES;
	cr_expect_eq(fixture_ask(&f, FUSE_ACCESS, &in, sizeof(in), NULL, 0), 16);
	cr_expect_eq(reply_error(slot), -EACCES);
	expect_op("access", FIXTURE_NODE);
	cr_expect_eq(fake.flags, 6);
}

Test(dispatch_node, setxattr_and_removexattr)
{
	struct fuse_setxattr_in in = {
		.size = 5, .flags = 2, .setxattr_flags = FUSE_SETXATTR_ACL_KILL_SGID};

	expect_empty(fixture_ask(&f, FUSE_SETXATTR, &in, sizeof(in), "user.k\0va\0ue", 12));
	expect_op("setxattr", FIXTURE_NODE);
	cr_expect_str_eq(fake.name, "user.k");
	cr_expect_eq(fake.data_size, 5);
	cr_expect_arr_eq(fake.data, "va\0ue", 5);
	cr_expect_eq(fake.flags, 2);
	cr_expect_eq(fake.flags2, LLFUSED_XATTR_ACL_KILL_SGID);
	expect_empty(fixture_ask(&f, FUSE_REMOVEXATTR, NULL, 0, "user.k", 7));
	expect_op("removexattr", FIXTURE_NODE);
	cr_expect_str_eq(fake.name, "user.k");
}

Test(dispatch_node, getxattr_and_listxattr_tell_the_length_or_the_bytes)
{
	struct fuse_getxattr_in in = {.size = 0};

	fake.bytes = "value";
	fake.nbytes = 5;
	cr_expect_eq(fixture_ask(&f, FUSE_GETXATTR, &in, sizeof(in), "user.k", 7), 16 + 8);
	expect_op("getxattr", FIXTURE_NODE);
	cr_expect_str_eq(fake.name, "user.k");
	cr_expect_eq(fake.cap, 0);
	cr_expect_eq(at32(reply_body(slot), 0), 5);
	in.size = 100;
	cr_expect_eq(fixture_ask(&f, FUSE_GETXATTR, &in, sizeof(in), "user.k", 7), 16 + 5);
	cr_expect_eq(fake.cap, 100);
	cr_expect_arr_eq(reply_body(slot), "value", 5);
	cr_expect_eq(fixture_ask(&f, FUSE_LISTXATTR, &in, sizeof(in), NULL, 0), 16 + 5);
	expect_op("listxattr", FIXTURE_NODE);
	in.size = 0;
	cr_expect_eq(fixture_ask(&f, FUSE_LISTXATTR, &in, sizeof(in), NULL, 0), 16 + 8);
}

Test(dispatch_node, xattr_longer_than_asked_for_is_erange_only_if_the_backend_says_so)
{
	struct fuse_getxattr_in in = {.size = 4};

	fake.nbytes = 5;
	cr_expect_eq(fixture_ask(&f, FUSE_GETXATTR, &in, sizeof(in), "user.k", 7), 16);
	cr_expect_eq(reply_error(slot), -EIO);
	cr_expect_eq(fixture_ask(&f, FUSE_LISTXATTR, &in, sizeof(in), NULL, 0), 16);
	cr_expect_eq(reply_error(slot), -EIO);
	fake.answer = -ERANGE;
	cr_expect_eq(fixture_ask(&f, FUSE_GETXATTR, &in, sizeof(in), "user.k", 7), 16);
	cr_expect_eq(reply_error(slot), -ERANGE);
	cr_expect_eq(fixture_ask(&f, FUSE_LISTXATTR, &in, sizeof(in), NULL, 0), 16);
	cr_expect_eq(reply_error(slot), -ERANGE);
	fake.answer = 0;
	in.size = UINT32_MAX; /* more than there is room for */
	fixture_ask(&f, FUSE_LISTXATTR, &in, sizeof(in), NULL, 0);
	cr_expect_eq(fake.cap, FIXTURE_BODY);
}

Test(dispatch_node, a_user_id_that_is_hidden_is_no_caller)
{
	unsigned char message[128];
	struct message_in m = {.opcode = FUSE_LOOKUP, .unique = 6, .tail = "name", .tail_size = 5};
	size_t size = message_encode(&m, message);

	fixture_dispatch(slot, message, size);
	cr_expect_eq(fake.ctx.flags, 0);
	memset(message + offsetof(struct fuse_in_header, uid), 0xff, 8);
	fixture_dispatch(slot, message, size);
	cr_expect_eq(fake.ctx.flags, LLFUSED_CTX_NOCREDS);
	cr_expect_eq(fake.ctx.pid, 4321);
}
