/*
 * Changes of files that the sides are spared (see spare.h).
 * Knows nothing of operations.
 */
#include "spare.h"

#include "allow.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { ALIGNED = 4096 };

#define EXT4_MAX ((INT64_C(1) << 44) - 4096) /* bytes of a file with blocks of 4 KiB */

/* ---- the rules direct-align and ext4-far ---- */

static bool is_direct(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && flags & O_DIRECT && allow_is_on("direct-align");
}

static bool is_askew(int fd, int64_t off, int64_t len)
{
	if (off == -1)
		off = lseek(fd, 0, SEEK_CUR);
	return (off | len) % ALIGNED != 0;
}

bool spare_far(int64_t off)
{
	return off > EXT4_MAX && allow_is_on("ext4-far");
}

bool spare_read(int fd, int64_t off, int64_t len)
{
	return is_direct(fd) && is_askew(fd, off, len);
}

/* ---- those about set-uid and set-gid bits ---- */

static bool has_bits(const struct stat *st)
{
	return st->st_mode & (S_ISUID | S_ISGID);
}

static bool has_capability(int fd)
{
	return fgetxattr(fd, "security.capability", NULL, 0) >= 0;
}

/* The rule setgid-member. */
static bool member_keeps_bit(const struct stat *st)
{
	return geteuid() != 0 && allow_is_on("setgid-member") &&
	       (st->st_mode & (S_ISGID | S_IXGRP)) == S_ISGID &&
	       (getegid() == st->st_gid || group_member(st->st_gid));
}

/* The rule suid-caps. */
static bool root_keeps_bits(int fd, const struct stat *st)
{
	return geteuid() == 0 && has_bits(st) && allow_is_on("suid-caps") && has_capability(fd);
}

static bool keeps_bits(int fd, const struct stat *st)
{
	return S_ISREG(st->st_mode) && (member_keeps_bit(st) || root_keeps_bits(fd, st));
}

/* The rule suid-backed: only root keeps them. */
static bool has_backed_bits(const struct stat *st)
{
	return has_bits(st) && S_ISREG(st->st_mode) && allow_is_on("suid-backed");
}

/* The rule suid-limit. */
static bool loses_under_limit(int fd, const struct stat *st)
{
	return S_ISREG(st->st_mode) && allow_is_on("suid-limit") &&
	       (has_bits(st) || has_capability(fd));
}

static bool root_loses_bits(const struct stat *st)
{
	return geteuid() == 0 && has_backed_bits(st);
}

/* ---- changes ---- */

bool spare_write(int fd, int64_t off, int64_t len)
{
	int flags = fcntl(fd, F_GETFL);
	struct stat st;

	if (fstat(fd, &st) < 0)
		return false;
	return root_loses_bits(&st) || keeps_bits(fd, &st) ||
	       (spare_far(off) && (has_bits(&st) || has_capability(fd))) ||
	       (is_direct(fd) && is_askew(fd, flags & O_APPEND ? st.st_size : off, len));
}

bool spare_space(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && keeps_bits(fd, &st);
}

bool spare_limited(int fd, int64_t off, int64_t len)
{
	struct stat st;

	return (fstat(fd, &st) == 0 && (loses_under_limit(fd, &st) || has_backed_bits(&st))) ||
	       spare_write(fd, off, len);
}

/* How these cut what they move is not in our hands. */
bool spare_copy(int in, int64_t from, int out, int64_t to)
{
	return spare_space(out) || spare_far(from) || spare_far(to) || is_direct(in) ||
	       is_direct(out);
}

bool spare_splice(int in, int64_t from, int out, int64_t to)
{
	struct stat st;

	return (fstat(out, &st) == 0 && root_loses_bits(&st)) || spare_copy(in, from, out, to);
}

bool spare_resize(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && member_keeps_bit(&st);
}

bool spare_resize_at(int base, const char *path)
{
	struct stat st;

	return fstatat(base, path, &st, 0) == 0 && S_ISREG(st.st_mode) && member_keeps_bit(&st);
}
