/*
 * Replies byte by byte: sizes and offsets stand here as numbers, as the kernel reads them.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "proto/reply.h"
#include "proto/ring.h"
#include "proto_message.h"

#define MARK 0x5a

struct body {
	unsigned char bytes[PROTO_BODY_MAX + 8];
};

static struct body blank(void)
{
	struct body b;

	memset(b.bytes, MARK, sizeof(b.bytes));
	return b;
}

/* The encoder wrote up to `size` and not a byte further. */
static void expect_end(const struct body *b, size_t size)
{
	for (size_t i = size; i < sizeof(b->bytes); i++)
		cr_assert_eq(b->bytes[i], MARK, "byte %zu", i);
}

static struct proto_attr attr_sample(void)
{
	return (struct proto_attr){
		.ino = 0x1111111122222222,
		.size = 0x3333333344444444,
		.blocks = 0x5555555566666666,
		.atime = {.tv_sec = 1700000000, .tv_nsec = 999999999},
		.mtime = {.tv_sec = -1, .tv_nsec = 500000000},
		.ctime = {.tv_sec = -2208988800, .tv_nsec = 1},
		.btime = {.tv_sec = -5, .tv_nsec = 7},
		.has_btime = 1,
		.mode = S_IFCHR | 0640,
		.nlink = 3,
		.uid = 1000,
		.gid = 0xfffffffe,
		.blksize = 65536,
		.rdev = makedev(0xabc, 0x12345),
	};
}

static void expect_attr(const unsigned char *at)
{
	cr_expect_eq(get64(at, 0), 0x1111111122222222);
	cr_expect_eq(get64(at, 8), 0x3333333344444444);
	cr_expect_eq(get64(at, 16), 0x5555555566666666);
	cr_expect_eq(get64(at, 24), 1700000000);
	cr_expect_eq(get64(at, 32), 0xffffffffffffffff, "a second before 1970");
	cr_expect_eq(get64(at, 40), 0xffffffff7c558180, "the year 1900");
	cr_expect_eq(get32(at, 48), 999999999);
	cr_expect_eq(get32(at, 52), 500000000);
	cr_expect_eq(get32(at, 56), 1);
	cr_expect_eq(get32(at, 60), 020640);
	cr_expect_eq(get32(at, 64), 3);
	cr_expect_eq(get32(at, 68), 1000);
	cr_expect_eq(get32(at, 72), 0xfffffffe);
	cr_expect_eq(get32(at, 76), 0x123abc45);
}

static struct proto_conn conn_of(uint32_t minor)
{
	return (struct proto_conn){.minor = minor};
}

Test(proto_reply, header_counts_itself_and_the_body)
{
	unsigned char head[17] = {[16] = MARK};

	proto_put_header(head, 0xfedcba9876543210, 0, 128);
	cr_expect_eq(get32(head, 0), 144);
	cr_expect_eq(get32(head, 4), 0);
	cr_expect_eq(get64(head, 8), 0xfedcba9876543210);
	cr_expect_eq(head[16], MARK);
}

Test(proto_reply, an_error_carries_no_body)
{
	unsigned char head[16];

	proto_put_header(head, 2, -ENOENT, 128);
	cr_expect_eq(get32(head, 0), 16);
	cr_expect_eq((int32_t)get32(head, 4), -2);
}

Test(proto_reply, errors_that_the_kernel_would_refuse_become_eio)
{
	static const int refused[] = {1, EIO, INT_MAX, -512, -513, -4095, INT_MIN};
	unsigned char head[16];

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		proto_put_header(head, 2, refused[i], 8);
		cr_expect_eq((int32_t)get32(head, 4), -EIO, "%d", refused[i]);
		cr_expect_eq(get32(head, 0), 16);
	}
	proto_put_header(head, 2, -511, 8);
	cr_expect_eq((int32_t)get32(head, 4), -511);
}

Test(proto_reply, entry_has_128_bytes_and_120_before_7_9)
{
	struct proto_entry entry = {
		.nodeid = 42,
		.generation = 7,
		.entry_timeout = 1500000000,
		.attr_timeout = 3,
		.attr = attr_sample(),
	};
	struct proto_conn newest = conn_of(45), old = conn_of(8), first = conn_of(9);
	struct body b = blank();

	cr_assert_eq(proto_put_entry(&newest, b.bytes, &entry), 128);
	expect_end(&b, 128);
	cr_expect_eq(get64(b.bytes, 0), 42);
	cr_expect_eq(get64(b.bytes, 8), 7);
	cr_expect_eq(get64(b.bytes, 16), 1);
	cr_expect_eq(get64(b.bytes, 24), 0);
	cr_expect_eq(get32(b.bytes, 32), 500000000);
	cr_expect_eq(get32(b.bytes, 36), 3);
	expect_attr(b.bytes + 40);
	cr_expect_eq(get32(b.bytes, 120), 65536);
	cr_expect_eq(get32(b.bytes, 124), 0);
	b = blank();
	cr_assert_eq(proto_put_entry(&old, b.bytes, &entry), 120);
	expect_end(&b, 120);
	expect_attr(b.bytes + 40);
	cr_expect_eq(proto_put_entry(&first, b.bytes, &entry), 128);
}

Test(proto_reply, attr_has_104_bytes_and_96_before_7_9)
{
	struct proto_attr attr = attr_sample();
	struct proto_conn newest = conn_of(45), old = conn_of(8);
	struct body b = blank();

	cr_assert_eq(proto_put_attr(&newest, b.bytes, &attr, 2000000001), 104);
	expect_end(&b, 104);
	cr_expect_eq(get64(b.bytes, 0), 2);
	cr_expect_eq(get32(b.bytes, 8), 1);
	cr_expect_eq(get32(b.bytes, 12), 0);
	expect_attr(b.bytes + 16);
	b = blank();
	cr_assert_eq(proto_put_attr(&old, b.bytes, &attr, 2000000001), 96);
	expect_end(&b, 96);
	expect_attr(b.bytes + 16);
}

Test(proto_reply, forever_is_the_largest_number_of_seconds)
{
	struct proto_entry entry = {.entry_timeout = PROTO_FOREVER, .attr_timeout = UINT64_MAX - 1};
	struct proto_conn conn = conn_of(45);
	struct body b = blank();

	proto_put_entry(&conn, b.bytes, &entry);
	cr_expect_eq(get64(b.bytes, 16), UINT64_MAX);
	cr_expect_eq(get32(b.bytes, 32), 0);
	cr_expect_eq(get64(b.bytes, 24), 18446744073);
	cr_expect_eq(get32(b.bytes, 36), 709551614);
	proto_put_attr(&conn, b.bytes, &entry.attr, PROTO_FOREVER);
	cr_expect_eq(get64(b.bytes, 0), UINT64_MAX);
	proto_put_statx(b.bytes, &entry.attr, PROTO_FOREVER);
	cr_expect_eq(get64(b.bytes, 0), UINT64_MAX);
}

Test(proto_reply, no_blksize_means_4096)
{
	struct proto_attr attr = {.blksize = 0};
	struct proto_conn conn = conn_of(45);
	struct body b = blank();

	proto_put_attr(&conn, b.bytes, &attr, 0);
	cr_expect_eq(get32(b.bytes, 16 + 80), 4096);
	proto_put_statx(b.bytes, &attr, 0);
	cr_expect_eq(get32(b.bytes, 32 + 4), 4096);
}

Test(proto_reply, rdev_survives_the_way_through_the_kernels_encoding)
{
	static const unsigned majors[] = {0, 1, 8, 255, 256, 4095};
	static const unsigned minors[] = {0, 1, 255, 256, 65535, 1048575};
	struct proto_conn conn = conn_of(45);
	struct body b = blank();

	for (size_t i = 0; i < 6; i++) {
		for (size_t j = 0; j < 6; j++) {
			struct proto_attr attr = {.rdev = makedev(majors[i], minors[j])};
			uint32_t wire;

			proto_put_attr(&conn, b.bytes, &attr, 0);
			wire = get32(b.bytes, 16 + 76);
			cr_expect_eq(wire, (minors[j] & 0xff) | majors[i] << 8 |
						   (minors[j] & ~0xffu) << 12);
			cr_expect_eq(proto_rdev_decode(wire), attr.rdev);
		}
	}
}

Test(proto_reply, statx_has_288_bytes)
{
	struct proto_attr attr = attr_sample();
	struct body b = blank();
	const unsigned char *st = b.bytes + 32;

	cr_assert_eq(proto_put_statx(b.bytes, &attr, 4000000005), 288);
	expect_end(&b, 288);
	cr_expect_eq(get64(b.bytes, 0), 4);
	cr_expect_eq(get32(b.bytes, 8), 5);
	cr_expect_eq(get32(b.bytes, 12), 0);
	cr_expect_eq(get64(b.bytes, 16), 0);
	cr_expect_eq(get32(st, 0), 0xfff);
	cr_expect_eq(get32(st, 4), 65536);
	cr_expect_eq(get64(st, 8), 0);
	cr_expect_eq(get32(st, 16), 3);
	cr_expect_eq(get32(st, 20), 1000);
	cr_expect_eq(get32(st, 24), 0xfffffffe);
	cr_expect_eq(get16(st, 28), 020640);
	cr_expect_eq(get64(st, 32), 0x1111111122222222);
	cr_expect_eq(get64(st, 40), 0x3333333344444444);
	cr_expect_eq(get64(st, 48), 0x5555555566666666);
	cr_expect_eq((int64_t)get64(st, 64), 1700000000);
	cr_expect_eq(get32(st, 72), 999999999);
	cr_expect_eq((int64_t)get64(st, 80), -5);
	cr_expect_eq(get32(st, 88), 7);
	cr_expect_eq((int64_t)get64(st, 96), -2208988800);
	cr_expect_eq((int64_t)get64(st, 112), -1);
	cr_expect_eq(get32(st, 120), 500000000);
	cr_expect_eq(get32(st, 128), 0xabc);
	cr_expect_eq(get32(st, 132), 0x12345);
}

Test(proto_reply, statx_without_btime_does_not_claim_it)
{
	struct proto_attr attr = attr_sample();
	struct body b = blank();

	attr.has_btime = 0;
	proto_put_statx(b.bytes, &attr, 0);
	cr_expect_eq(get32(b.bytes, 32), 0x7ff);
	cr_expect_eq(get64(b.bytes, 32 + 80), 0);
}

Test(proto_reply, open_has_16_bytes)
{
	struct proto_open open = {.fh = 0x123456789abcdef0, .flags = 0x82, .backing_id = -3};
	struct body b = blank();

	cr_assert_eq(proto_put_open(b.bytes, &open), 16);
	expect_end(&b, 16);
	cr_expect_eq(get64(b.bytes, 0), 0x123456789abcdef0);
	cr_expect_eq(get32(b.bytes, 8), 0x82);
	cr_expect_eq((int32_t)get32(b.bytes, 12), -3);
}

Test(proto_reply, create_is_entry_then_open)
{
	struct proto_entry entry = {.nodeid = 5, .attr = attr_sample()};
	struct proto_open open = {.fh = 6, .flags = 1};
	struct proto_conn newest = conn_of(45), old = conn_of(8);
	struct body b = blank();

	cr_assert_eq(proto_put_create(&newest, b.bytes, &entry, &open), 144);
	expect_end(&b, 144);
	cr_expect_eq(get64(b.bytes, 0), 5);
	cr_expect_eq(get64(b.bytes, 128), 6);
	cr_expect_eq(get32(b.bytes, 136), 1);
	b = blank();
	cr_assert_eq(proto_put_create(&old, b.bytes, &entry, &open), 136);
	expect_end(&b, 136);
	cr_expect_eq(get64(b.bytes, 120), 6);
}

Test(proto_reply, statfs_has_80_bytes_and_48_before_7_4)
{
	struct proto_statfs st = {.blocks = 1,
				  .bfree = 2,
				  .bavail = 3,
				  .files = 4,
				  .ffree = 5,
				  .bsize = 6,
				  .frsize = 7,
				  .namelen = 8};
	struct proto_conn newest = conn_of(45), old = conn_of(3), first = conn_of(4);
	struct body b = blank();

	cr_assert_eq(proto_put_statfs(&newest, b.bytes, &st), 80);
	expect_end(&b, 80);
	for (uint64_t i = 0; i < 5; i++)
		cr_expect_eq(get64(b.bytes, i * 8), i + 1);
	cr_expect_eq(get32(b.bytes, 40), 6);
	cr_expect_eq(get32(b.bytes, 44), 8);
	cr_expect_eq(get32(b.bytes, 48), 7);
	cr_expect_eq(get32(b.bytes, 52), 0);
	b = blank();
	cr_assert_eq(proto_put_statfs(&old, b.bytes, &st), 48);
	expect_end(&b, 48);
	cr_expect_eq(get32(b.bytes, 44), 8);
	cr_expect_eq(proto_put_statfs(&first, b.bytes, &st), 80);
}

static void expect_words(const struct body *b, size_t size, uint64_t first)
{
	expect_end(b, size);
	cr_expect_eq(get64(b->bytes, 0), first);
}

Test(proto_reply, numbers_have_8_bytes)
{
	struct body b = blank();

	cr_expect_eq(proto_put_write(b.bytes, 0xfffffffe), 8);
	expect_words(&b, 8, 0xfffffffe);
	cr_expect_eq(proto_put_copy(b.bytes, 0x123456789abcdef0), 8);
	expect_words(&b, 8, 0x123456789abcdef0);
	cr_expect_eq(proto_put_xattr_size(b.bytes, 65536), 8);
	expect_words(&b, 8, 65536);
	cr_expect_eq(proto_put_bmap(b.bytes, 0x123456789abcdef0), 8);
	expect_words(&b, 8, 0x123456789abcdef0);
	cr_expect_eq(proto_put_poll(b.bytes, 0x145), 8);
	expect_words(&b, 8, 0x145);
	cr_expect_eq(proto_put_lseek(b.bytes, 0x7fffffffffffffff), 8);
	expect_words(&b, 8, 0x7fffffffffffffff);
}

Test(proto_reply, ioctl_has_16_bytes_and_asks_for_no_retry)
{
	struct body b = blank();

	cr_assert_eq(proto_put_ioctl(b.bytes, -25), 16);
	expect_end(&b, 16);
	cr_expect_eq((int32_t)get32(b.bytes, 0), -25);
	cr_expect_eq(get32(b.bytes, 4), 0);
	cr_expect_eq(get64(b.bytes, 8), 0);
}

Test(proto_reply, lock_has_24_bytes)
{
	struct proto_lock lock = {.start = 1, .end = INT64_MAX, .type = 2, .pid = 99};
	struct body b = blank();

	cr_assert_eq(proto_put_lock(b.bytes, &lock), 24);
	expect_end(&b, 24);
	cr_expect_eq(get64(b.bytes, 0), 1);
	cr_expect_eq(get64(b.bytes, 8), INT64_MAX);
	cr_expect_eq(get32(b.bytes, 16), 2);
	cr_expect_eq(get32(b.bytes, 20), 99);
}

Test(proto_reply, bodies_may_lie_at_any_address)
{
	struct proto_entry entry = {.nodeid = 5, .attr = attr_sample()};
	struct proto_open open = {.fh = 6};
	struct proto_conn conn = conn_of(45);
	struct body b = blank();

	cr_expect_eq(proto_put_create(&conn, b.bytes + 1, &entry, &open), 144);
	cr_expect_eq(proto_put_statx(b.bytes + 3, &entry.attr, 0), 288);
	proto_put_header(b.bytes + 5, 1, 0, 0);
	cr_expect_eq(get32(b.bytes, 5), 16);
}

/* ---- ring ---- */

Test(proto_ring, a_reply_fills_the_entrys_header)
{
	unsigned char header[289];

	memset(header, MARK, sizeof(header));
	proto_ring_reply(header, 0x1122334455667788, 0, 4096);
	cr_expect_eq(get32(header, 4), 0);
	cr_expect_eq(get64(header, 8), 0x1122334455667788);
	cr_expect_eq(get32(header, 272), 4096);
	cr_expect_eq(header[16], MARK);
	cr_expect_eq(header[288], MARK);
}

Test(proto_ring, an_error_has_no_payload)
{
	unsigned char header[288];

	memset(header, MARK, sizeof(header));
	proto_ring_reply(header, 4, -ENOENT, 4096);
	cr_expect_eq((int32_t)get32(header, 4), -ENOENT);
	cr_expect_eq(get32(header, 272), 0);
	proto_ring_reply(header, 4, -1000, 4096);
	cr_expect_eq((int32_t)get32(header, 4), -EIO);
	cr_expect_eq(get32(header, 272), 0);
}

Test(proto_ring, payloads_hold_the_largest_of_their_limits)
{
	cr_expect_eq(proto_ring_payload_min(4096, 1, 4096), 8192);
	cr_expect_eq(proto_ring_payload_min(131072, 1, 4096), 131072);
	cr_expect_eq(proto_ring_payload_min(4096, 256, 4096), 1048576);
	cr_expect_eq(proto_ring_payload_min(4096, 65535, 65536), 4294901760);
}
