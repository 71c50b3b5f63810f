/*
 * The list of differences that are allowed, each with the kernel's reason.
 * The only place that excuses anything; knows nothing of how differences are found.
 */
#include "allow.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- always on: our mount (A) against a kernel tmpfs (B) ---- */

static bool older(const struct statx_timestamp *a, const struct statx_timestamp *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec <= b->tv_nsec;
}

/* relatime moves an atime that is not newer than the other times, or a day old. */
static bool relatime_moves(const struct statx *st)
{
	return older(&st->stx_atime, &st->stx_mtime) || older(&st->stx_atime, &st->stx_ctime) ||
	       st->stx_atime.tv_sec < time(NULL) - 86400;
}

/* Read-ahead is asked for without waiting: B has recorded the read already, A does it now. */
static bool catches_up(const struct diff *d)
{
	return S_ISREG(d->sa->stx_mode) && !older(&d->sb0->stx_atime, &d->sa0->stx_atime);
}

static bool atime_read(const struct diff *d)
{
	if (d->field == FIELD_ATIME)
		return d->b_now && !d->a_now;
	if (d->field != FIELD_ATIME_MOVED)
		return false;
	if (d->a_moved)
		return (d->row->flags & ROW_READS && relatime_moves(d->sa0)) || catches_up(d);
	return d->row->flags & ROW_READS || S_ISLNK(d->sa->stx_mode);
}

static bool mmap_times(const struct diff *d)
{
	return d->mapped && (d->field == FIELD_MTIME || d->field == FIELD_CTIME ||
			     d->field == FIELD_MTIME_MOVED || d->field == FIELD_CTIME_MOVED);
}

static bool mmap_atime(const struct diff *d)
{
	return d->mapped && (d->field == FIELD_ATIME ||
			     (d->field == FIELD_ATIME_MOVED && d->row->flags & ROW_READS));
}

/* Holes as the answer of lseek, and the number of blocks. */
static bool is_allocation(const struct diff *d)
{
	return d->field == FIELD_BLOCKS ||
	       (d->row->flags & ROW_SEEKS && (d->field == FIELD_RET || d->field == FIELD_ERRNO));
}

static bool mmap_blocks(const struct diff *d)
{
	return d->mapped && is_allocation(d);
}

/* Only ever more data than B has, never a hole where B has data. */
static bool seek_read(const struct diff *d)
{
	bool data = d->op->num[2] == SEEK_DATA;

	if (!(d->row->flags & ROW_SEEKS) || d->ra->ret < 0)
		return false;
	if (d->rb->ret < 0)
		return data && d->rb->err == ENXIO;
	return data ? d->ra->ret < d->rb->ret : d->ra->ret > d->rb->ret;
}

static bool tmpfs_end(const struct diff *d)
{
	const struct snap *s = &d->rb->after[SNAP_HANDLE0];

	return d->row->flags & ROW_SEEKS && s->err == 0 && s->st.stx_size > INT64_MAX - 4096 &&
	       is_allocation(d);
}

static bool tmpfs_stream(const struct diff *d)
{
	return d->field == FIELD_DATA && strcmp(d->row->name, "readdir") == 0 &&
	       d->ra->data_len == 0;
}

/* Only what a write can do, and never a time that was set. */
static bool fifo_times(const struct diff *d)
{
	if (!d->sa || !S_ISFIFO(d->sa->stx_mode))
		return false;
	if (d->field == FIELD_MTIME || d->field == FIELD_CTIME)
		return d->b_now && !d->a_now;
	return (d->field == FIELD_MTIME_MOVED || d->field == FIELD_CTIME_MOVED) && !d->a_moved &&
	       strcmp(d->row->group, "io") == 0;
}

static bool never(const struct diff *d)
{
	(void)d;
	return false;
}

/* ---- on request: comparing other file systems ---- */

static bool dir_size(const struct diff *d)
{
	return d->field == FIELD_SIZE && d->sa && S_ISDIR(d->sa->stx_mode);
}

static bool any_atime(const struct diff *d)
{
	return d->field == FIELD_ATIME || d->field == FIELD_ATIME_MOVED;
}

static struct rule {
	const char *name;
	bool on;
	bool (*ok)(const struct diff *d);
	const char *reason;
	unsigned long used;
} rules[] = {
	{"atime-read", true, atime_read,
	 "the kernel marks FUSE inodes S_NOATIME, and reads, listings and links served from "
	 "its caches send no message: the daemon cannot see them, so A's atime may stay "
	 "where B's moves to now, and move later, when a read does reach it (never to a "
	 "wrong explicit time)",
	 0},
	{"mmap-times", true, mmap_times,
	 "tmpfs has no page_mkwrite and does not move mtime and ctime at a store to a shared "
	 "mapping; FUSE, as ext4, moves them",
	 0},
	{"mmap-atime", true, mmap_atime,
	 "tmpfs moves atime when a file is mapped; through FUSE the daemon first hears of it "
	 "when a page fault sends a READ, and not at all when the page is cached",
	 0},
	{"mmap-blocks", true, mmap_blocks,
	 "tmpfs allocates a page when a mapping of a hole is only read, and at once when it "
	 "is stored to; FUSE fills holes in the page cache alone and allocates at "
	 "write-back. So st_blocks and SEEK_DATA/SEEK_HOLE differ on files that were mapped",
	 0},
	{"seek-read", true, seek_read,
	 "a page of a hole that was read may have been stored to through a mapping, in the page "
	 "cache alone, and LSEEK does not write it back first; so that no copy loses it, the "
	 "daemon takes pages that were read for data",
	 0},
	{"tmpfs-stream", true, tmpfs_stream,
	 "the kernel's tmpfs walks its list of children from the last position; "
	 "RENAME_EXCHANGE swaps positions but not places in that list, so an open stream on "
	 "B may show a name twice or not at all (A is never excused)",
	 0},
	{"tmpfs-end", true, tmpfs_end,
	 "the kernel's tmpfs finds no data in files that reach into the last page before "
	 "2^63: its arithmetic for SEEK_DATA and SEEK_HOLE overflows there",
	 0},
	{"zero-range", true, never,
	 "tmpfs answers EOPNOTSUPP to FALLOC_FL_ZERO_RANGE, which can be served: where a "
	 "side lacks it the tester does it by PUNCH_HOLE and allocation, and compares the "
	 "outcome",
	 0},
	{"chown-nothing", true, never,
	 "chown(-1, -1) of somebody else's set-uid or set-gid file is EPERM on tmpfs, "
	 "because it would clear the bits; with HANDLE_KILLPRIV_V2 the kernel takes the bits "
	 "out before it checks, and the daemon sees the same empty SETATTR that an allowed "
	 "fallocate sends. Root's chown(-1, -1) of such a file with capabilities looks as its "
	 "write, which must not clear the bits. The tester leaves such calls out on both "
	 "sides",
	 0},
	{"truncate-same", true, never,
	 "truncate(2) of an empty file to nothing leaves its times alone on tmpfs, but open "
	 "with O_TRUNC moves them; both reach the daemon as the same SETATTR (the kernel "
	 "takes the times and the handle out of O_TRUNC's), and it serves O_TRUNC. The "
	 "tester leaves such a truncate out on both sides",
	 0},
	{"fallocate-full", true, never,
	 "fallocate clears set-uid, set-gid and file capabilities: tmpfs after it worked, "
	 "FUSE by a SETATTR of its own before it asks. The tester leaves a huge fallocate, "
	 "which finds no space, of such a file out on both sides",
	 0},
	{"copy-noatime", true, never,
	 "copy_file_range from a handle with O_NOATIME leaves atime alone on tmpfs; the request "
	 "carries no flags of the handles (and no open was asked for), so the daemon moves it. "
	 "The tester leaves such a copy out on both sides",
	 0},
	{"fifo-times", true, fifo_times,
	 "a write to a fifo moves its mtime and ctime; the pipe is the kernel's own, and "
	 "FUSE marks all but regular files S_NOCMTIME, so it neither moves them nor asks",
	 0},
	{"dir-size", false, dir_size,
	 "a directory's st_size has no meaning in POSIX; tmpfs counts 20 bytes an entry", 0},
	{"blocks", false, is_allocation,
	 "for other file systems: they allocate in other units, for metadata and delayed", 0},
	{"atime", false, any_atime,
	 "for other mount options: relatime against strictatime or noatime", 0},
};
enum { RULES = sizeof(rules) / sizeof(rules[0]) };

static struct rule *rule_find(const char *name, size_t len)
{
	for (int i = 0; i < RULES; i++)
		if (strlen(rules[i].name) == len && strncmp(rules[i].name, name, len) == 0)
			return &rules[i];
	return NULL;
}

bool allow_choose(const char *list)
{
	while (*list) {
		size_t len = strcspn(list, ",");
		struct rule *r = rule_find(list, len);

		if (r)
			r->on = true;
		else if (len == 4 && strncmp(list, "none", 4) == 0)
			for (int i = 0; i < RULES; i++)
				rules[i].on = false;
		else
			return false;
		list += len + (list[len] == ',');
	}
	return true;
}

void allow_list(FILE *out)
{
	for (int i = 0; i < RULES; i++)
		fprintf(out, "%-12s %-8s %s\n", rules[i].name, rules[i].on ? "default" : "extra",
			rules[i].reason);
}

bool allow_check(const struct diff *d)
{
	for (int i = 0; i < RULES; i++)
		if (rules[i].on && rules[i].ok(d)) {
			rules[i].used++;
			return true;
		}
	return false;
}

void allow_report(FILE *out)
{
	const char *sep = "allowed: ";

	for (int i = 0; i < RULES; i++)
		if (rules[i].used) {
			fprintf(out, "%s%s %lu", sep, rules[i].name, rules[i].used);
			sep = ", ";
		}
	if (sep[0] == ',')
		fputc('\n', out);
}

bool allow_is_on(const char *name)
{
	const struct rule *r = rule_find(name, strlen(name));

	return r && r->on;
}
