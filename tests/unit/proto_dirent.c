/*
 * Directory records: their bytes, and their room to the last byte.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "proto/dirent.h"
#include "proto_message.h"

static struct proto_dirents packed(size_t cap)
{
	return (struct proto_dirents){.data = malloc(cap), .cap = cap};
}

Test(proto_dirent, a_record_is_padded_to_8_with_zeros)
{
	struct proto_dirents d = packed(64);

	memset(d.data, 0x5a, 64);
	cr_assert_eq(proto_dirent_add(&d, "abc", 3, 77, S_IFLNK | 0777, 0x7fffffffffffffff), 1);
	cr_assert_eq(d.len, 32);
	cr_expect_eq(get64(d.data, 0), 77);
	cr_expect_eq(get64(d.data, 8), 0x7fffffffffffffff);
	cr_expect_eq(get32(d.data, 16), 3);
	cr_expect_eq(get32(d.data, 20), DT_LNK);
	cr_expect(memcmp(d.data + 24, "abc\0\0\0\0\0", 8) == 0);
	cr_expect_eq(d.data[32], 0x5a);
	cr_assert_eq(proto_dirent_add(&d, "12345678", 8, 78, S_IFDIR, 2), 1);
	cr_expect_eq(d.len, 64);
	cr_expect_eq(get64(d.data, 32), 78);
	cr_expect_eq(get32(d.data, 52), DT_DIR);
	free(d.data);
}

Test(proto_dirent, a_record_fits_wholly_or_not_at_all)
{
	for (size_t namelen = 1; namelen <= 20; namelen++) {
		size_t need = (24 + namelen + 7) / 8 * 8;

		for (size_t cap = 0; cap <= need; cap++) {
			struct proto_dirents d = packed(cap);
			int ret = proto_dirent_add(&d, "abcdefghijklmnopqrst", namelen, 1, 0, 1);

			cr_expect_eq(ret, cap == need, "%zu bytes in %zu", namelen, cap);
			cr_expect_eq(d.len, cap == need ? need : 0);
			free(d.data);
		}
	}
}

Test(proto_dirent, the_last_record_fills_the_room_exactly)
{
	struct proto_dirents d = packed(96);

	for (int i = 0; i < 3; i++)
		cr_expect_eq(proto_dirent_add(&d, "x", 1, 1, 0, 1), 1);
	cr_expect_eq(d.len, 96);
	cr_expect_eq(proto_dirent_add(&d, "x", 1, 1, 0, 1), 0);
	cr_expect_eq(d.len, 96);
	free(d.data);
}

Test(proto_dirent, plus_records_begin_with_an_entry)
{
	struct proto_conn conn = conn_newest();
	struct proto_entry entry = {.nodeid = 9, .generation = 4, .attr = {.ino = 77, .nlink = 2}};
	struct proto_dirents d = packed(320);

	cr_assert_eq(proto_dirent_add_plus(&conn, &d, "ab", 2, 77, S_IFREG, 5, &entry), 1);
	cr_assert_eq(d.len, 160);
	cr_expect_eq(get64(d.data, 0), 9);
	cr_expect_eq(get64(d.data, 8), 4);
	cr_expect_eq(get64(d.data, 40), 77);
	cr_expect_eq(get32(d.data, 104), 2);
	cr_expect_eq(get64(d.data, 128), 77);
	cr_expect_eq(get64(d.data, 136), 5);
	cr_expect_eq(get32(d.data, 144), 2);
	cr_expect_eq(get32(d.data, 148), DT_REG);
	cr_expect(memcmp(d.data + 152, "ab\0\0\0\0\0\0", 8) == 0);
	memset(d.data + 160, 0x5a, 160);
	cr_assert_eq(proto_dirent_add_plus(&conn, &d, "..", 2, 78, S_IFDIR, 6, NULL), 1);
	for (size_t i = 160; i < 288; i++)
		cr_expect_eq(d.data[i], 0, "no attributes, byte %zu", i);
	cr_expect_eq(get64(d.data, 288), 78);
	free(d.data);
}

Test(proto_dirent, a_plus_record_fits_wholly_or_not_at_all)
{
	struct proto_conn conn = conn_newest();
	struct proto_entry entry = {.nodeid = 9};

	for (size_t namelen = 1; namelen <= 9; namelen++) {
		size_t need = (152 + namelen + 7) / 8 * 8;

		for (size_t cap = need - 9; cap <= need; cap++) {
			struct proto_dirents d = packed(cap);
			int ret = proto_dirent_add_plus(&conn, &d, "abcdefghi", namelen, 1, 0, 1,
							&entry);

			cr_expect_eq(ret, cap == need, "%zu bytes in %zu", namelen, cap);
			cr_expect_eq(d.len, cap == need ? need : 0);
			free(d.data);
		}
	}
}

Test(proto_dirent, names_that_would_spoil_the_whole_reply_are_refused)
{
	static char longest[4096];
	struct proto_conn conn = conn_newest();
	struct proto_dirents d = packed(8192);

	memset(longest, 'n', sizeof(longest));
	cr_expect_eq(proto_dirent_add(&d, "", 0, 1, 0, 1), -EINVAL);
	cr_expect_eq(proto_dirent_add(&d, "a/b", 3, 1, 0, 1), -EINVAL);
	cr_expect_eq(proto_dirent_add(&d, "a\0b", 3, 1, 0, 1), -EINVAL);
	cr_expect_eq(proto_dirent_add(&d, longest, 4096, 1, 0, 1), -EINVAL);
	cr_expect_eq(proto_dirent_add_plus(&conn, &d, "", 0, 1, 0, 1, NULL), -EINVAL);
	cr_expect_eq(proto_dirent_add_plus(&conn, &d, "/", 1, 1, 0, 1, NULL), -EINVAL);
	cr_expect_eq(d.len, 0);
	cr_expect_eq(proto_dirent_add(&d, longest, 4095, 1, 0, 1), 1);
	cr_expect_eq(d.len, 4120);
	free(d.data);
}

Test(proto_dirent, types_follow_the_mode)
{
	static const uint32_t modes[] = {S_IFIFO, S_IFCHR, S_IFDIR, S_IFBLK,
					 S_IFREG, S_IFLNK, S_IFSOCK};
	static const uint32_t types[] = {DT_FIFO, DT_CHR, DT_DIR, DT_BLK, DT_REG, DT_LNK, DT_SOCK};

	for (size_t i = 0; i < 7; i++) {
		struct proto_dirents d = packed(32);

		proto_dirent_add(&d, "n", 1, 1, modes[i] | 07777, 1);
		cr_expect_eq(get32(d.data, 20), types[i]);
		free(d.data);
	}
}
