/*
 * The public header's structs and proto's: each field arrives as itself.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "daemon/convert.h"
#include "proto/abi.h"

static const struct llfused_attr attr = {
	.ino = 1,
	.size = 2,
	.blocks = 3,
	.atime = {4, 5},
	.mtime = {6, 7},
	.ctime = {8, 9},
	.btime = {10, 11},
	.has_btime = 12,
	.mode = 13,
	.nlink = 14,
	.uid = 15,
	.gid = 16,
	.blksize = 17,
	.rdev = 18,
};

static void expect_attr(const struct proto_attr *to)
{
	cr_expect_eq(to->ino, 1);
	cr_expect_eq(to->size, 2);
	cr_expect_eq(to->blocks, 3);
	cr_expect(to->atime.tv_sec == 4 && to->atime.tv_nsec == 5);
	cr_expect(to->mtime.tv_sec == 6 && to->mtime.tv_nsec == 7);
	cr_expect(to->ctime.tv_sec == 8 && to->ctime.tv_nsec == 9);
	cr_expect(to->btime.tv_sec == 10 && to->btime.tv_nsec == 11);
	cr_expect_eq(to->has_btime, 12);
	cr_expect_eq(to->mode, 13);
	cr_expect_eq(to->nlink, 14);
	cr_expect_eq(to->uid, 15);
	cr_expect_eq(to->gid, 16);
	cr_expect_eq(to->blksize, 17);
	cr_expect_eq(to->rdev, 18);
}

Test(convert, attributes)
{
	struct proto_attr to;

	convert_attr(&attr, &to);
	expect_attr(&to);
}

static bool possible(uint32_t mode, uint64_t size)
{
	return convert_attr_possible(&(struct llfused_attr){.mode = mode, .size = size});
}

Test(convert, inodes_have_a_type_and_no_negative_size)
{
	static const uint32_t types[] = {S_IFREG, S_IFDIR, S_IFLNK, S_IFCHR,
					 S_IFBLK, S_IFIFO, S_IFSOCK};
	unsigned known = 0;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		cr_expect(possible(types[i], 0), "%o", types[i]);
		cr_expect(possible(types[i] | 07777, INT64_MAX), "%o", types[i]);
		cr_expect_not(possible(types[i], (uint64_t)INT64_MAX + 1), "%o", types[i]);
		cr_expect_not(possible(types[i], UINT64_MAX), "%o", types[i]);
	}
	for (uint32_t type = 0; type <= S_IFMT; type += 010000)
		known += possible(type | 0644, 0);
	cr_expect_eq(known, sizeof(types) / sizeof(types[0]), "the other types are none");
	cr_expect_not(possible(0644, 0));
}

Test(convert, entries)
{
	struct llfused_entry from = {.nodeid = 21,
				     .generation = 22,
				     .entry_timeout = 23,
				     .attr_timeout = LLFUSED_FOREVER,
				     .attr = attr};
	struct proto_entry to;

	convert_entry(&from, &to);
	cr_expect_eq(to.nodeid, 21);
	cr_expect_eq(to.generation, 22);
	cr_expect_eq(to.entry_timeout, 23);
	cr_expect_eq(to.attr_timeout, PROTO_FOREVER);
	expect_attr(&to.attr);
}

Test(convert, times_before_1970)
{
	struct fuse_setattr_in from = {.atime = (uint64_t)-1, .atimensec = 999999999};
	struct llfused_setattr to;

	convert_setattr(&from, &to);
	cr_expect_eq(to.atime.tv_sec, -1);
	cr_expect_eq(to.atime.tv_nsec, 999999999);
}

Test(convert, bits_have_the_values_of_the_kernel)
{
	cr_expect_eq(LLFUSED_OPEN_DIRECT_IO, FOPEN_DIRECT_IO);
	cr_expect_eq(LLFUSED_OPEN_KEEP_CACHE, FOPEN_KEEP_CACHE);
	cr_expect_eq(LLFUSED_OPEN_NONSEEKABLE, FOPEN_NONSEEKABLE);
	cr_expect_eq(LLFUSED_OPEN_CACHE_DIR, FOPEN_CACHE_DIR);
	cr_expect_eq(LLFUSED_OPEN_STREAM, FOPEN_STREAM);
	cr_expect_eq(LLFUSED_OPEN_NOFLUSH, FOPEN_NOFLUSH);
	cr_expect_eq(LLFUSED_OPEN_PARALLEL_WRITES, FOPEN_PARALLEL_DIRECT_WRITES);
	cr_expect_eq(LLFUSED_SET_MODE, FATTR_MODE);
	cr_expect_eq(LLFUSED_SET_UID, FATTR_UID);
	cr_expect_eq(LLFUSED_SET_GID, FATTR_GID);
	cr_expect_eq(LLFUSED_SET_SIZE, FATTR_SIZE);
	cr_expect_eq(LLFUSED_SET_ATIME, FATTR_ATIME);
	cr_expect_eq(LLFUSED_SET_MTIME, FATTR_MTIME);
	cr_expect_eq(LLFUSED_SET_FH, FATTR_FH);
	cr_expect_eq(LLFUSED_SET_ATIME_NOW, FATTR_ATIME_NOW);
	cr_expect_eq(LLFUSED_SET_MTIME_NOW, FATTR_MTIME_NOW);
	cr_expect_eq(LLFUSED_SET_LOCKOWNER, FATTR_LOCKOWNER);
	cr_expect_eq(LLFUSED_SET_CTIME, FATTR_CTIME);
	cr_expect_eq(LLFUSED_SET_KILL_SUIDGID, FATTR_KILL_SUIDGID);
}

Test(convert, open_and_statfs)
{
	struct llfused_statfs from = {1, 2, 3, 4, 5, 6, 7, 8, 0, {0}};
	struct proto_statfs to = convert_statfs(&from);
	struct proto_open file = convert_open(&(struct llfused_open){.fh = 31, .flags = 32});

	cr_expect_eq(to.blocks, 1);
	cr_expect_eq(to.bfree, 2);
	cr_expect_eq(to.bavail, 3);
	cr_expect_eq(to.files, 4);
	cr_expect_eq(to.ffree, 5);
	cr_expect_eq(to.bsize, 6);
	cr_expect_eq(to.frsize, 7);
	cr_expect_eq(to.namelen, 8);
	cr_expect_eq(file.fh, 31);
	cr_expect_eq(file.flags, 32);
	cr_expect_eq(file.backing_id, 0);
}

Test(convert, locks)
{
	struct fuse_lk_in from = {
		.fh = 1, .owner = 2, .lk = {.start = 3, .end = 4, .type = F_RDLCK, .pid = 5}};
	struct llfused_lock lock = convert_lock_in(&from, 1);
	struct proto_lock back = convert_lock_out(&lock);

	cr_expect_eq(lock.owner, 2);
	cr_expect_eq(lock.start, 3);
	cr_expect_eq(lock.end, 4);
	cr_expect_eq(lock.type, F_RDLCK);
	cr_expect_eq(lock.pid, 5);
	cr_expect_eq(lock.flock, 0);
	cr_expect_eq(lock.wait, 1);
	from.lk_flags = FUSE_LK_FLOCK;
	cr_expect_eq(convert_lock_in(&from, 0).flock, 1);
	cr_expect_eq(convert_lock_in(&from, 0).wait, 0);
	cr_expect_eq(back.start, 3);
	cr_expect_eq(back.end, 4);
	cr_expect_eq(back.type, F_RDLCK);
	cr_expect_eq(back.pid, 5);
}

Test(convert, the_backing_id_goes_with_its_flag_only)
{
	struct llfused_open open = {.fh = 1, .flags = LLFUSED_OPEN_PASSTHROUGH, .backing_id = 7};
	struct proto_open file = convert_open(&open);

	cr_expect_eq(file.flags, FOPEN_PASSTHROUGH);
	cr_expect_eq(file.backing_id, 7);
	open.flags = 0;
	cr_expect_eq(convert_open(&open).backing_id, 0);
}

static bool can_open(uint64_t features, uint32_t opcode, uint32_t flags, uint32_t id)
{
	struct proto_conn conn = {.features = features};

	return convert_open_possible(&conn, opcode,
				     &(struct llfused_open){.flags = flags, .backing_id = id});
}

Test(convert, any_flags_open_a_file_that_is_not_backed)
{
	cr_expect(can_open(0, FUSE_OPEN, 0x7f, 0));
	cr_expect(can_open(0, FUSE_OPEN, 0, 12));
	cr_expect(can_open(FUSE_PASSTHROUGH, FUSE_OPENDIR, LLFUSED_OPEN_CACHE_DIR, 0));
}

Test(convert, a_backed_file_has_an_id_and_few_flags)
{
	static const struct {
		uint32_t flag;
		bool possible;
	} with[] = {
		{0, true},
		{LLFUSED_OPEN_DIRECT_IO, true},
		{LLFUSED_OPEN_NOFLUSH, true},
		{LLFUSED_OPEN_PARALLEL_WRITES, true},
		{LLFUSED_OPEN_KEEP_CACHE, false},
		{LLFUSED_OPEN_NONSEEKABLE, false},
		{LLFUSED_OPEN_CACHE_DIR, false},
		{LLFUSED_OPEN_STREAM, false},
		{1u << 8, false},
	};
	const uint32_t backed = LLFUSED_OPEN_PASSTHROUGH;

	for (size_t i = 0; i < sizeof(with) / sizeof(with[0]); i++)
		cr_expect_eq(can_open(FUSE_PASSTHROUGH, FUSE_OPEN, backed | with[i].flag, 1),
			     with[i].possible, "flag %#x", with[i].flag);
	cr_expect(can_open(FUSE_PASSTHROUGH, FUSE_CREATE, backed, INT32_MAX));
	cr_expect_not(can_open(FUSE_PASSTHROUGH, FUSE_OPEN, backed, 0));
	cr_expect_not(can_open(FUSE_PASSTHROUGH, FUSE_OPEN, backed, (uint32_t)INT32_MAX + 1));
	cr_expect_not(can_open(FUSE_PASSTHROUGH, FUSE_OPENDIR, backed, 1));
	cr_expect_not(can_open(~FUSE_PASSTHROUGH, FUSE_OPEN, backed, 1), "not in force");
}
