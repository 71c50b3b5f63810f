/*
 * Dispatch of requests about open files and directories, data and locks: what the backend is asked,
 * and the bytes of the reply.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "daemon_fake.h"
#include "daemon_fixture.h"

static struct fixture f;
static struct slot *const slot = &f.slots[0];

static void open_fake(void)
{
	fixture_open(&f, &fake_backend);
	fake.open = (struct llfused_open){
		.fh = 909, .flags = LLFUSED_OPEN_DIRECT_IO | LLFUSED_OPEN_PARALLEL_WRITES};
	fake.entry = (struct llfused_entry){.nodeid = 4242, .attr.mode = S_IFREG | 0600};
}

static void close_fake(void)
{
	fixture_close(&f);
}

TestSuite(dispatch_file, .init = open_fake, .fini = close_fake, .timeout = 30);

static void expect_op(const char *op)
{
	cr_assert_not_null(fake.op);
	cr_expect_str_eq(fake.op, op);
	cr_expect_eq(fake.node, FIXTURE_NODE);
	cr_expect_eq(fake.ctx.unique, fixture_unique());
}

static void expect_empty(size_t size)
{
	cr_expect_eq(size, 16);
	cr_expect_eq(reply_error(slot), 0);
}

static void expect_open(const unsigned char *body)
{
	cr_expect_eq(at64(body, 0), 909);
	cr_expect_eq(at32(body, 8), 0x41);
	cr_expect_eq(at32(body, 12), 0); /* backing_id */
}

Test(dispatch_file, open_and_opendir)
{
	struct fuse_open_in in = {.flags = O_RDWR | O_APPEND};

	cr_assert_eq(fixture_ask(&f, FUSE_OPEN, &in, sizeof(in), NULL, 0), 16 + 16);
	expect_op("open");
	cr_expect_eq(fake.flags, O_RDWR | O_APPEND);
	cr_expect_eq(fake.flags2, LLFUSED_OPEN_KEEP_CACHE, "preset for the handler");
	expect_open(reply_body(slot));
	cr_assert_eq(fixture_ask(&f, FUSE_OPENDIR, &in, sizeof(in), NULL, 0), 16 + 16);
	expect_op("opendir");
	cr_expect_eq(fake.flags2, LLFUSED_OPEN_KEEP_CACHE);
	expect_open(reply_body(slot));
	cr_expect_eq(slot->counted, 0);
}

Test(dispatch_file, create)
{
	struct fuse_create_in in = {
		.flags = O_CREAT | O_RDWR, .mode = S_IFREG | 0666, .umask = 027};

	cr_assert_eq(fixture_ask(&f, FUSE_CREATE, &in, sizeof(in), "new", 4), 16 + 128 + 16);
	expect_op("create");
	cr_expect_str_eq(fake.name, "new");
	cr_expect_eq(fake.mode, S_IFREG | 0666);
	cr_expect_eq(fake.flags, O_CREAT | O_RDWR);
	cr_expect_eq(fake.flags2, LLFUSED_OPEN_KEEP_CACHE);
	cr_expect_eq(fake.ctx.umask, 027);
	cr_expect_eq(at64(reply_body(slot), 0), 4242);
	expect_open(reply_body(slot) + 128);
	cr_expect_eq(slot->counted, 4242);
}

Test(dispatch_file, tmpfile)
{
	struct fuse_create_in in = {.flags = O_RDWR | O_EXCL, .mode = S_IFREG | 0600, .umask = 7};

	cr_assert_eq(fixture_ask(&f, FUSE_TMPFILE, &in, sizeof(in), "/", 2), 16 + 128 + 16);
	expect_op("tmpfile");
	cr_expect_eq(fake.mode, S_IFREG | 0600);
	cr_expect_eq(fake.flags, O_RDWR | O_EXCL);
	cr_expect_eq(fake.ctx.umask, 7);
	expect_open(reply_body(slot) + 128);
	cr_expect_eq(slot->counted, 4242);
}

Test(dispatch_file, read)
{
	struct fuse_read_in in = {
		.fh = 9, .offset = UINT64_C(1) << 42, .size = 4096, .flags = O_RDWR};

	fake.bytes = "data";
	fake.nbytes = 4;
	cr_assert_eq(fixture_ask(&f, FUSE_READ, &in, sizeof(in), NULL, 0), 16 + 4);
	expect_op("read");
	cr_expect_eq(fake.fh, 9);
	cr_expect_eq(fake.offset, UINT64_C(1) << 42);
	cr_expect_eq(fake.flags, O_RDWR);
	cr_expect_eq(fake.cap, 4096);
	cr_expect_arr_eq(reply_body(slot), "data", 4);
}

Test(dispatch_file, read_longer_than_was_asked_for_or_fits_is_eio)
{
	struct fuse_read_in in = {.size = 8};

	fake.nbytes = 8;
	cr_expect_eq(fixture_ask(&f, FUSE_READ, &in, sizeof(in), NULL, 0), 16 + 8);
	fake.nbytes = 9;
	cr_expect_eq(fixture_ask(&f, FUSE_READ, &in, sizeof(in), NULL, 0), 16);
	cr_expect_eq(reply_error(slot), -EIO);
	in.size = UINT32_MAX;
	fake.nbytes = SIZE_MAX;
	cr_expect_eq(fixture_ask(&f, FUSE_READ, &in, sizeof(in), NULL, 0), 16);
	cr_expect_eq(reply_error(slot), -EIO);
	cr_expect_eq(fake.cap, FIXTURE_BODY);
	fake.nbytes = FIXTURE_BODY;
	cr_expect_eq(fixture_ask(&f, FUSE_READ, &in, sizeof(in), NULL, 0), 16 + FIXTURE_BODY);
}

Test(dispatch_file, write)
{
	struct fuse_write_in in = {.fh = 8, .offset = 70, .size = 5, .flags = O_WRONLY};

	fake.number = 5;
	cr_assert_eq(fixture_ask(&f, FUSE_WRITE, &in, sizeof(in), "bytes", 5), 16 + 8);
	expect_op("write");
	cr_expect_eq(fake.fh, 8);
	cr_expect_eq(fake.offset, 70);
	cr_expect_eq(fake.flags, O_WRONLY);
	cr_expect_eq(fake.data_size, 5);
	cr_expect_arr_eq(fake.data, "bytes", 5);
	cr_expect_eq(at32(reply_body(slot), 0), 5);
	cr_expect_eq(fake.ctx.flags, 0);
}

Test(dispatch_file, write_flags_come_above_those_of_open)
{
	struct fuse_write_in in = {.size = 1,
				   .flags = O_WRONLY | 1u << 30 | 1u << 31,
				   .write_flags = FUSE_WRITE_CACHE};

	fixture_ask(&f, FUSE_WRITE, &in, sizeof(in), "b", 1);
	cr_expect_eq(fake.flags, O_WRONLY | LLFUSED_WRITE_CACHE);
	cr_expect_eq(fake.ctx.flags, LLFUSED_CTX_NOCREDS, "writeback has no caller");
	in.write_flags = FUSE_WRITE_KILL_SUIDGID;
	fixture_ask(&f, FUSE_WRITE, &in, sizeof(in), "b", 1);
	cr_expect_eq(fake.flags, O_WRONLY | LLFUSED_WRITE_KILL_SUIDGID);
	cr_expect_eq(fake.ctx.flags, 0);
}

Test(dispatch_file, more_written_than_was_given_is_eio)
{
	struct fuse_write_in in = {.size = 5};

	fake.number = 6;
	cr_expect_eq(fixture_ask(&f, FUSE_WRITE, &in, sizeof(in), "bytes", 5), 16);
	cr_expect_eq(reply_error(slot), -EIO);
	fake.number = UINT64_C(1) << 32;
	cr_expect_eq(fixture_ask(&f, FUSE_WRITE, &in, sizeof(in), "bytes", 5), 16);
	cr_expect_eq(reply_error(slot), -EIO, "not 0 bytes");
}

Test(dispatch_file, flush)
{
	struct fuse_flush_in in = {.fh = 6, .lock_owner = 66};

	expect_empty(fixture_ask(&f, FUSE_FLUSH, &in, sizeof(in), NULL, 0));
	expect_op("flush");
	cr_expect_eq(fake.fh, 6);
	cr_expect_eq(fake.size, 66);
}

Test(dispatch_file, release_and_releasedir_have_no_caller)
{
	struct fuse_release_in in = {.fh = 7, .flags = O_RDONLY | O_APPEND, .lock_owner = 77};

	expect_empty(fixture_ask(&f, FUSE_RELEASE, &in, sizeof(in), NULL, 0));
	expect_op("release");
	cr_expect_eq(fake.fh, 7);
	cr_expect_eq(fake.flags, O_RDONLY | O_APPEND);
	cr_expect_eq(fake.size, 77);
	cr_expect_eq(fake.ctx.flags, LLFUSED_CTX_NOCREDS);
	expect_empty(fixture_ask(&f, FUSE_RELEASEDIR, &in, sizeof(in), NULL, 0));
	expect_op("releasedir");
	cr_expect_eq(fake.fh, 7);
	cr_expect_eq(fake.ctx.flags, LLFUSED_CTX_NOCREDS);
}

Test(dispatch_file, fsync_and_fsyncdir)
{
	struct fuse_fsync_in in = {.fh = 5, .fsync_flags = FUSE_FSYNC_FDATASYNC};

	expect_empty(fixture_ask(&f, FUSE_FSYNC, &in, sizeof(in), NULL, 0));
	expect_op("fsync");
	cr_expect_eq(fake.fh, 5);
	cr_expect_eq(fake.flags, 1);
	in.fsync_flags = 0;
	expect_empty(fixture_ask(&f, FUSE_FSYNCDIR, &in, sizeof(in), NULL, 0));
	expect_op("fsyncdir");
	cr_expect_eq(fake.flags, 0);
}

/* ---- directories ---- */

static unsigned taken, refused;

/* As many entries "e" as there is room for, and one more. */
static int fill_up(struct llfused_dirents *dirents)
{
	static const struct llfused_entry entry = {.nodeid = 31, .attr.mode = S_IFDIR | 0755};

	taken = refused = 0;
	while (dirents->add(dirents, "e", 1, 51, S_IFDIR | 0755, taken + 1,
			    dirents->plus ? &entry : NULL))
		taken++;
	refused = 1;
	return 0;
}

Test(dispatch_file, readdir_stops_where_it_is_full)
{
	struct fuse_read_in in = {.fh = 4, .offset = 44, .size = 4096};
	const unsigned char *body = reply_body(slot);

	fake.fill = fill_up;
	cr_assert_eq(fixture_ask(&f, FUSE_READDIR, &in, sizeof(in), NULL, 0), 16 + 4096);
	expect_op("readdir");
	cr_expect_eq(fake.fh, 4);
	cr_expect_eq(fake.offset, 44);
	cr_expect_eq(fake.flags, 0, "not plus");
	cr_expect_eq(taken, 4096 / 32);
	cr_expect_eq(at64(body, 0), 51);
	cr_expect_eq(at64(body, 8), 1);
	cr_expect_eq(at32(body, 16), 1);
	cr_expect_eq(at32(body, 20), 4); /* DT_DIR */
	cr_expect_eq(body[24], 'e');
}

Test(dispatch_file, readdirplus_carries_entries)
{
	struct fuse_read_in in = {.size = 4096};

	fake.fill = fill_up;
	cr_assert_eq(fixture_ask(&f, FUSE_READDIRPLUS, &in, sizeof(in), NULL, 0),
		     16 + 4096 / 160 * 160);
	expect_op("readdir");
	cr_expect_eq(fake.flags, 1, "plus");
	cr_expect_eq(taken, 4096 / 160);
	cr_expect_eq(at64(reply_body(slot), 0), 31);
	cr_expect_eq(at64(reply_body(slot), 128), 51);
}

Test(dispatch_file, readdir_without_entries_is_the_end)
{
	struct fuse_read_in in = {.size = 4096};

	expect_empty(fixture_ask(&f, FUSE_READDIR, &in, sizeof(in), NULL, 0));
}

static int fill_bad(struct llfused_dirents *dirents)
{
	cr_expect_eq(dirents->add(dirents, "a/b", 3, 1, S_IFREG, 1, NULL), 0);
	return 0;
}

Test(dispatch_file, readdir_does_not_take_an_untellable_entry_for_the_end)
{
	struct fuse_read_in in = {.size = 4096};

	fake.fill = fill_bad;
	fixture_ask(&f, FUSE_READDIR, &in, sizeof(in), NULL, 0);
	cr_expect_eq(reply_error(slot), -EIO);
	in.size = 31;
	fake.fill = fill_up;
	fixture_ask(&f, FUSE_READDIR, &in, sizeof(in), NULL, 0);
	cr_expect_eq(reply_error(slot), -EINVAL);
}

/* ---- locks and the rest ---- */

Test(dispatch_file, getlk)
{
	struct fuse_lk_in in = {.fh = 3,
				.owner = 33,
				.lk = {.start = 10, .end = INT64_MAX, .type = F_WRLCK, .pid = 12}};

	fake.lock_out = (struct llfused_lock){.start = 1, .end = 2, .type = F_RDLCK, .pid = 4};
	cr_assert_eq(fixture_ask(&f, FUSE_GETLK, &in, sizeof(in), NULL, 0), 16 + 24);
	expect_op("getlk");
	cr_expect_eq(fake.fh, 3);
	cr_expect_eq(fake.lock_in.owner, 33);
	cr_expect_eq(fake.lock_in.start, 10);
	cr_expect_eq(fake.lock_in.end, INT64_MAX);
	cr_expect_eq(fake.lock_in.type, F_WRLCK);
	cr_expect_eq(fake.lock_in.pid, 12);
	cr_expect_eq(at64(reply_body(slot), 0), 1);
	cr_expect_eq(at64(reply_body(slot), 8), 2);
	cr_expect_eq(at32(reply_body(slot), 16), F_RDLCK);
	cr_expect_eq(at32(reply_body(slot), 20), 4);
}

Test(dispatch_file, setlk_and_setlkw)
{
	struct fuse_lk_in in = {.fh = 3, .owner = 34, .lk_flags = FUSE_LK_FLOCK};

	expect_empty(fixture_ask(&f, FUSE_SETLK, &in, sizeof(in), NULL, 0));
	expect_op("setlk");
	cr_expect_eq(fake.lock_in.flock, 1);
	cr_expect_eq(fake.lock_in.wait, 0);
	in.lk_flags = 0;
	expect_empty(fixture_ask(&f, FUSE_SETLKW, &in, sizeof(in), NULL, 0));
	cr_expect_eq(fake.lock_in.flock, 0);
	cr_expect_eq(fake.lock_in.wait, 1);
}

Test(dispatch_file, bmap)
{
	struct fuse_bmap_in in = {.block = 17, .blocksize = 512};

	fake.number = 18;
	cr_assert_eq(fixture_ask(&f, FUSE_BMAP, &in, sizeof(in), NULL, 0), 16 + 8);
	expect_op("bmap");
	cr_expect_eq(fake.offset, 17);
	cr_expect_eq(fake.size, 512);
	cr_expect_eq(at64(reply_body(slot), 0), 18);
}

Test(dispatch_file, ioctl)
{
	struct fuse_ioctl_in in = {
		.fh = 2, .flags = 16, .cmd = 0x1234, .arg = 0xfeed, .in_size = 4, .out_size = 8};

	fake.number = 42;
	fake.bytes = "answer";
	fake.nbytes = 6;
	cr_assert_eq(fixture_ask(&f, FUSE_IOCTL, &in, sizeof(in), "args", 4), 16 + 16 + 6);
	expect_op("ioctl");
	cr_expect_eq(fake.fh, 2);
	cr_expect_eq(fake.ioctl.cmd, 0x1234);
	cr_expect_eq(fake.ioctl.flags, 16);
	cr_expect_eq(fake.ioctl.arg, 0xfeed);
	cr_expect_eq(fake.data_size, 4);
	cr_expect_arr_eq(fake.data, "args", 4);
	cr_expect_eq(fake.cap, 8);
	cr_expect_eq(at32(reply_body(slot), 0), 42);
	cr_expect_arr_eq(reply_body(slot) + 16, "answer", 6);
	fake.nbytes = 9;
	cr_expect_eq(fixture_ask(&f, FUSE_IOCTL, &in, sizeof(in), "args", 4), 16);
	cr_expect_eq(reply_error(slot), -EIO, "more than out_size");
}

Test(dispatch_file, poll_gives_the_wakeup_only_when_it_is_wanted)
{
	struct fuse_poll_in in = {.fh = 1, .kh = 111, .events = 5};

	fake.number = 4;
	cr_assert_eq(fixture_ask(&f, FUSE_POLL, &in, sizeof(in), NULL, 0), 16 + 8);
	expect_op("poll");
	cr_expect_eq(fake.events, 5);
	cr_expect_eq(fake.wakeup, 0);
	cr_expect_eq(at32(reply_body(slot), 0), 4);
	in.flags = FUSE_POLL_SCHEDULE_NOTIFY;
	fixture_ask(&f, FUSE_POLL, &in, sizeof(in), NULL, 0);
	cr_expect_eq(fake.wakeup, 111);
}

Test(dispatch_file, fallocate)
{
	struct fuse_fallocate_in in = {.fh = 1, .offset = 2, .length = 3, .mode = 0x10};

	expect_empty(fixture_ask(&f, FUSE_FALLOCATE, &in, sizeof(in), NULL, 0));
	expect_op("fallocate");
	cr_expect_eq(fake.fh, 1);
	cr_expect_eq(fake.offset, 2);
	cr_expect_eq(fake.size, 3);
	cr_expect_eq(fake.mode, 0x10);
}

Test(dispatch_file, lseek)
{
	struct fuse_lseek_in in = {.fh = 1, .offset = 2, .whence = SEEK_HOLE};

	fake.number = INT64_MAX;
	cr_assert_eq(fixture_ask(&f, FUSE_LSEEK, &in, sizeof(in), NULL, 0), 16 + 8);
	expect_op("lseek");
	cr_expect_eq(fake.offset, 2);
	cr_expect_eq(fake.flags, SEEK_HOLE);
	cr_expect_eq(at64(reply_body(slot), 0), INT64_MAX);
}

Test(dispatch_file, copy_file_range_with_both_sorts_of_reply)
{
	struct fuse_copy_file_range_in in = {.fh_in = 1,
					     .off_in = 2,
					     .nodeid_out = 3,
					     .fh_out = 4,
					     .off_out = 5,
					     .len = UINT64_C(1) << 33,
					     .flags = 0};

	fake.number = UINT64_C(0xfffff000);
	cr_assert_eq(fixture_ask(&f, FUSE_COPY_FILE_RANGE, &in, sizeof(in), NULL, 0), 16 + 8);
	expect_op("copy_file_range");
	cr_expect_eq(fake.fh, 1);
	cr_expect_eq(fake.offset, 2);
	cr_expect_eq(fake.node2, 3);
	cr_expect_eq(fake.fh2, 4);
	cr_expect_eq(fake.offset2, 5);
	cr_expect_lt(fake.size, UINT64_C(1) << 32, "a count of 32 bits must be able to tell it");
	cr_expect_eq(at64(reply_body(slot), 0), 0xfffff000);
	fake.number = UINT64_C(1) << 33;
	cr_assert_eq(fixture_ask(&f, PROTO_OP_COPY_FILE_RANGE_64, &in, sizeof(in), NULL, 0),
		     16 + 8);
	cr_expect_eq(fake.size, UINT64_C(1) << 33);
	cr_expect_eq(at64(reply_body(slot), 0), UINT64_C(1) << 33);
}

Test(dispatch_file, retrieved_data_reaches_the_backend_and_is_not_answered)
{
	struct fuse_notify_retrieve_in in = {.offset = 4096, .size = 4};
	struct message_in m = {.opcode = FUSE_NOTIFY_REPLY,
			       .unique = 21 << 1 | 1,
			       .fixed = &in,
			       .fixed_size = sizeof(in),
			       .tail = "page",
			       .tail_size = 4};

	cr_expect_eq(fixture_send(&f, 0, &m), 0);
	cr_expect_str_eq(fake.op, "retrieved");
	cr_expect_eq(fake.number, 21, "the cookie");
	cr_expect_eq(fake.node, FIXTURE_NODE);
	cr_expect_eq(fake.offset, 4096);
	cr_expect_arr_eq(fake.data, "page", 4);
}
