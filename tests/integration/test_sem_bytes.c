/*
 * The rule on bytes: names, link targets, names and values of extended attributes are no text.
 */
#include "sem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "files.h"

/* Sequences that no UTF-8 has: lone continuations, cut and overlong ones, surrogates. */
static const char *const not_utf8[] = {
	"\x80",         "\xbf\xbf\xbf", "\xc3",     "caf\xe9",          "\xc0\xaf",
	"\xed\xa0\x80", "\xff\xfe",     "\xf8\x88", "a\xe2\x82\n\x01b", "\xf4\x90\x80\x80",
};

#define SEQUENCES (sizeof not_utf8 / sizeof not_utf8[0])

static bool is_listed(const struct daemon *d, const char *dir_name, const char *name)
{
	DIR *dir = opendir(daemon_path(d, "%s", dir_name));
	unsigned n = 0;

	cr_assert_not_null(dir);
	for (const struct dirent *entry; (entry = readdir(dir));)
		n += strcmp(entry->d_name, name) == 0;
	closedir(dir);
	cr_assert_leq(n, 1);
	return n == 1;
}

/* A name is made, found again after the kernel forgot it, listed, moved and removed. */
static void check_name(const struct daemon *d, const char *name)
{
	char *path = daemon_path(d, "dir/%s", name), *moved = daemon_path(d, "%s", name);

	close(files_create(path));
	files_forget(d);
	cr_assert_eq(files_stat_errno(path), 0);
	cr_assert(is_listed(d, "dir", name));
	cr_assert_eq(rename(path, moved), 0);
	files_forget(d);
	cr_assert_eq(files_stat_errno(moved), 0);
	cr_assert(!is_listed(d, "dir", name));
	cr_assert_eq(unlink(moved), 0);
	cr_assert_eq(files_stat_errno(moved), ENOENT);
}

static void start(struct daemon *d, const char *backend)
{
	sem_start(d, backend, NULL);
	cr_assert_eq(mkdir(daemon_path(d, "dir"), 0755), 0);
}

SEM_FACT(bytes, names_hold_any_byte_but_nul_and_slash)
{
	char name[128 + 1];
	struct daemon d;

	start(&d, backend);
	for (unsigned byte = 1; byte < 256; byte++) {
		snprintf(name, sizeof name, "%cx", (int)byte);
		if (byte != '/')
			check_name(&d, name);
	}
	/* all of them, in two names */
	for (unsigned half = 0; half < 2; half++) {
		for (unsigned i = 0; i < 128; i++)
			name[i] = (char)(half * 128 + i);
		name[0] = 'x';
		name['/'] = half ? name['/'] : 'x';
		name[128] = '\0';
		check_name(&d, name);
	}
	sem_stop(&d);
}

SEM_FACT(bytes, names_need_not_be_utf8)
{
	struct daemon d;

	start(&d, backend);
	for (size_t i = 0; i < SEQUENCES; i++)
		check_name(&d, not_utf8[i]);
	sem_stop(&d);
}

static void check_target(const struct daemon *d, const char *target)
{
	char *path = daemon_path(d, "link"), back[512];
	ssize_t n;

	cr_assert_eq(symlink(target, path), 0, "%s", strerror(errno));
	files_forget(d);
	n = readlink(path, back, sizeof back);
	cr_assert_eq(n, (ssize_t)strlen(target));
	cr_assert_eq(memcmp(back, target, (size_t)n), 0);
	cr_assert_eq(unlink(path), 0);
}

SEM_FACT(bytes, link_targets_hold_any_byte_but_nul)
{
	char target[256];
	struct daemon d;

	start(&d, backend);
	for (unsigned i = 0; i < 255; i++)
		target[i] = (char)(i + 1);
	target[255] = '\0';
	check_target(&d, target);
	for (size_t i = 0; i < SEQUENCES; i++)
		check_target(&d, not_utf8[i]);
	sem_stop(&d);
}

static void check_xattr_name(const char *path, const char *bytes)
{
	char name[256], list[512], value[8];

	snprintf(name, sizeof name, "user.%s", bytes);
	cr_assert_eq(setxattr(path, name, "v", 1, XATTR_CREATE), 0, "%s", strerror(errno));
	cr_assert_eq(getxattr(path, name, value, sizeof value), 1);
	cr_assert_eq(listxattr(path, list, sizeof list), (ssize_t)strlen(name) + 1);
	cr_assert_str_eq(list, name);
	cr_assert_eq(removexattr(path, name), 0);
}

SEM_FACT(bytes, names_of_extended_attributes_hold_any_byte_but_nul)
{
	struct daemon d;
	char bytes[250];

	start(&d, backend);
	close(files_create(daemon_path(&d, "f")));
	for (unsigned byte = 1; byte < 256; byte++) {
		snprintf(bytes, sizeof bytes, "%c", (int)byte);
		check_xattr_name(daemon_path(&d, "f"), bytes);
	}
	for (unsigned i = 0; i < 249; i++)
		bytes[i] = (char)(i + 7);
	bytes[249] = '\0';
	check_xattr_name(daemon_path(&d, "f"), bytes);
	for (size_t i = 0; i < SEQUENCES; i++)
		check_xattr_name(daemon_path(&d, "f"), not_utf8[i]);
	sem_stop(&d);
}

SEM_FACT(bytes, values_of_extended_attributes_hold_any_byte)
{
	unsigned char value[1024], back[1024];
	struct daemon d;
	char *path;

	start(&d, backend);
	path = daemon_path(&d, "f");
	close(files_create(path));
	for (unsigned i = 0; i < sizeof value; i++)
		value[i] = (unsigned char)(i * 5);
	cr_assert_eq(setxattr(path, "user.v", value, sizeof value, 0), 0);
	cr_assert_eq(getxattr(path, "user.v", back, sizeof back), (ssize_t)sizeof value);
	cr_assert_eq(memcmp(value, back, sizeof value), 0);
	cr_assert_eq(setxattr(path, "user.v", "\0a\0", 3, 0), 0);
	cr_assert_eq(getxattr(path, "user.v", back, sizeof back), 3);
	cr_assert_eq(memcmp(back, "\0a\0", 3), 0);
	sem_stop(&d);
}
