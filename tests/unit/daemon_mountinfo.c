/*
 * Lines of /proc/self/mountinfo, and which mount is on top.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "daemon/mountinfo.h"

static int parse(const char *text, struct mountinfo *out)
{
	static char line[512];

	snprintf(line, sizeof line, "%s", text);
	return mountinfo_parse(line, out);
}

static int search(const char *lines, const char *path, struct mountinfo_entry *out)
{
	char text[1024];
	FILE *from;
	int ret;

	snprintf(text, sizeof text, "%s", lines);
	from = fmemopen(text, strlen(text), "r");
	cr_assert_not_null(from);
	ret = mountinfo_search(from, path, out);
	fclose(from);
	return ret;
}

Test(mountinfo, every_field_is_found)
{
	struct mountinfo info;

	cr_assert_eq(parse("36 35 98:300 /sub /mnt/x rw,noatime master:1 shared:2 - fuse.llfused "
			   "tmpfs rw,user_id=1000,group_id=100\n",
			   &info),
		     0);
	cr_assert_eq(info.id, 36);
	cr_assert_eq(info.parent, 35);
	cr_assert_eq(info.dev, makedev(98, 300));
	cr_assert_str_eq(info.point, "/mnt/x");
	cr_assert_str_eq(info.flags, "rw,noatime");
	cr_assert_str_eq(info.type, "fuse.llfused");
	cr_assert_str_eq(info.source, "tmpfs");
	cr_assert_str_eq(info.options, "rw,user_id=1000,group_id=100");
}

Test(mountinfo, lines_without_optional_fields_are_read)
{
	struct mountinfo info;

	cr_assert_eq(parse("1 0 0:2 / / rw - tmpfs none rw", &info), 0);
	cr_assert_str_eq(info.point, "/");
	cr_assert_str_eq(info.type, "tmpfs");
}

Test(mountinfo, octal_escapes_become_bytes)
{
	struct mountinfo info;

	cr_assert_eq(parse("1 0 0:2 / /a\\040b\\011c\\012d\\134e\\054 rw - fuse s\\040t rw", &info),
		     0);
	cr_assert_str_eq(info.point, "/a b\tc\nd\\e,");
	cr_assert_str_eq(info.source, "s t");
}

Test(mountinfo, what_is_no_escape_stays)
{
	struct mountinfo info;

	cr_assert_eq(parse("1 0 0:2 / /a\\04 rw - fuse \\8 rw", &info), 0);
	cr_assert_str_eq(info.point, "/a\\04");
	cr_assert_str_eq(info.source, "\\8");
}

Test(mountinfo, broken_lines_are_refused)
{
	static const char *const lines[] = {
		"",
		"1",
		"1 0 0:2 / /mnt rw",
		"1 0 0:2 / /mnt rw -",
		"1 0 0:2 / /mnt rw - fuse",
		"1 0 0:2 / /mnt rw - fuse src",
		"1 0 0:2 / /mnt rw shared:1 fuse src rw",
		"x 0 0:2 / /mnt rw - fuse src rw",
		"1 x 0:2 / /mnt rw - fuse src rw",
		"1 0 02 / /mnt rw - fuse src rw",
	};
	struct mountinfo info;

	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
		cr_assert_eq(parse(lines[i], &info), -EINVAL, "accepted: %s", lines[i]);
}

Test(mountinfo, options_are_found_by_their_whole_name)
{
	struct mountinfo info;
	unsigned long value = 0;

	cr_assert_eq(
		parse("1 0 0:2 / / rw - fuse s rw,xuser_id=5,user_id=1000,group_id_3=9,group_id=7",
		      &info),
		0);
	cr_assert_eq(mountinfo_option(&info, "user_id", &value), 0);
	cr_assert_eq(value, 1000);
	cr_assert_eq(mountinfo_option(&info, "group_id", &value), 0);
	cr_assert_eq(value, 7);
	cr_assert_eq(mountinfo_option(&info, "user", &value), -ENOENT);
	cr_assert_eq(mountinfo_option(&info, "rw", &value), -ENOENT);
}

Test(mountinfo, only_the_very_path_matches)
{
	struct mountinfo_entry entry;
	const char *lines = "1 0 0:1 / / rw - ext4 /dev/a rw\n"
			    "2 1 0:2 / /mnt rw - fuse b rw\n"
			    "3 1 0:3 / /mnt/sub rw - fuse c rw\n";

	cr_assert_eq(search(lines, "/mnt", &entry), 0);
	cr_assert_str_eq(entry.info.source, "b");
	free(entry.buffer);
	cr_assert_eq(search(lines, "/mn", &entry), -ENOENT);
	cr_assert_eq(search(lines, "/mnt/su", &entry), -ENOENT);
}

Test(mountinfo, of_a_stack_the_top_is_found_in_any_order)
{
	static const char *const orders[] = {
		"2 1 0:2 / /mnt rw - fuse low rw\n5 2 0:5 / /mnt rw - fuse high rw\n",
		"5 2 0:5 / /mnt rw - fuse high rw\n2 1 0:2 / /mnt rw - fuse low rw\n",
	};
	struct mountinfo_entry entry;

	for (int i = 0; i < 2; i++) {
		cr_assert_eq(search(orders[i], "/mnt", &entry), 0);
		cr_assert_str_eq(entry.info.source, "high");
		free(entry.buffer);
	}
}

Test(mountinfo, the_real_list_is_read)
{
	struct mountinfo_entry entry;

	cr_assert_eq(mountinfo_find("/proc", &entry), 0);
	cr_assert_str_eq(entry.info.type, "proc");
	free(entry.buffer);
}
