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

static bool mmap_unbacked(const struct diff *d)
{
	return d->suid && (mmap_times(d) || mmap_atime(d) || mmap_blocks(d));
}

static bool mmap_stale(const struct diff *d)
{
	return d->mapped && d->field == FIELD_BLOCKS && d->sa->stx_blocks < d->sb->stx_blocks;
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

/*
 * The sets say for which sides a rule is:
 *   memfs        our memfs against tmpfs
 *   store        our memfs with data=passthrough against tmpfs
 *   passthrough  our passthrough against the bare file system; then also its kind, tmpfs or ext4
 *   backed       with kernel passthrough: files have backing files
 *   cached       without it: their data are in the page cache
 *   mapped       files are mapped, too
 *   timeouts     the kernel may keep attributes
 *   behind       one process works on the source
 */
static const struct rule {
	const char *name;
	const char *sets;
	bool (*ok)(const struct diff *d);
	const char *reason;
} rules[] = {
	{"atime-read", "memfs passthrough store", atime_read,
	 "the kernel marks FUSE inodes S_NOATIME, and reads, listings and links served from "
	 "its caches send no message: the daemon cannot see them, so A's atime may stay "
	 "where B's moves to now, and move later, when a read does reach it (never to a "
	 "wrong explicit time)"},
	{"mmap-times", "memfs cached", mmap_times,
	 "tmpfs has no page_mkwrite and does not move mtime and ctime at a store to a shared "
	 "mapping; FUSE, as ext4, moves them"},
	{"mmap-atime", "memfs cached", mmap_atime,
	 "tmpfs moves atime when a file is mapped; through FUSE the daemon first hears of it "
	 "when a page fault sends a READ, and not at all when the page is cached"},
	{"mmap-blocks", "memfs cached", mmap_blocks,
	 "tmpfs allocates a page when a mapping of a hole is only read, and at once when it "
	 "is stored to; FUSE fills holes in the page cache alone and allocates at "
	 "write-back. So st_blocks and SEEK_DATA/SEEK_HOLE differ on files that were mapped"},
	{"seek-read", "memfs", seek_read,
	 "a page of a hole that was read may have been stored to through a mapping, in the page "
	 "cache alone, and LSEEK does not write it back first; so that no copy loses it, the "
	 "daemon takes pages that were read for data"},
	{"tmpfs-stream", "memfs tmpfs store", tmpfs_stream,
	 "the kernel's tmpfs walks its list of children from the last position; "
	 "RENAME_EXCHANGE swaps positions but not places in that list, so an open stream on "
	 "B may show a name twice or not at all (A is never excused)"},
	{"tmpfs-end", "memfs", tmpfs_end,
	 "the kernel's tmpfs finds no data in files that reach into the last page before "
	 "2^63: its arithmetic for SEEK_DATA and SEEK_HOLE overflows there"},
	{"zero-range", "memfs store", never,
	 "tmpfs answers EOPNOTSUPP to FALLOC_FL_ZERO_RANGE, which can be served: where a "
	 "side lacks it the tester does it by PUNCH_HOLE and allocation, and compares the "
	 "outcome"},
	{"chown-nothing", "memfs passthrough store", never,
	 "chown(-1, -1) of somebody else's set-uid or set-gid file is EPERM on tmpfs, "
	 "because it would clear the bits; with HANDLE_KILLPRIV_V2 the kernel takes the bits "
	 "out before it checks, and the daemon sees the same empty SETATTR that an allowed "
	 "fallocate sends. Root's chown(-1, -1) of such a file with capabilities looks as its "
	 "write, which must not clear the bits. The tester leaves such calls out on both "
	 "sides"},
	{"truncate-same", "memfs passthrough store", never,
	 "truncate(2) of an empty file to nothing leaves its times alone on tmpfs, but open "
	 "with O_TRUNC moves them; both reach the daemon as the same SETATTR (the kernel "
	 "takes the times and the handle out of O_TRUNC's), and it serves O_TRUNC. The "
	 "tester leaves such a truncate out on both sides"},
	{"fallocate-full", "memfs passthrough store", never,
	 "fallocate clears set-uid, set-gid and file capabilities: tmpfs after it worked, "
	 "FUSE by a SETATTR of its own before it asks. The tester leaves out, on both sides, one "
	 "of such a file that the file system refuses"},
	{"copy-noatime", "memfs store", never,
	 "copy_file_range from a handle with O_NOATIME leaves atime alone on tmpfs; the request "
	 "carries no flags of the handles (and no open was asked for), so the daemon moves it. "
	 "The tester leaves such a copy out on both sides"},
	{"fifo-times", "memfs passthrough store", fifo_times,
	 "a write to a fifo moves its mtime and ctime; the pipe is the kernel's own, and "
	 "FUSE marks all but regular files S_NOCMTIME, so it neither moves them nor asks"},
	{"mmap-unbacked", "backed", mmap_unbacked,
	 "a backing file is written to with one set of credentials, whoever writes, so files with "
	 "set-uid and set-gid bits, which are cleared or not by the writer's rights, have none: "
	 "their mappings are of the page cache, as in mmap-times, mmap-atime and mmap-blocks"},
	{"mmap-caps", "mapped", never,
	 "what was stored to a mapping of the page cache reaches the daemon at any later time, as "
	 "a "
	 "write, which takes file capabilities away; natively they stay. The tester gives none in "
	 "runs with mappings"},
	{"mmap-stale", "timeouts store", mmap_stale,
	 "tmpfs allocates a page when a mapping of a hole is only read: of that the kernel knows "
	 "nothing, and shows the st_blocks that it has cached until attr_timeout"},
	{"ioctl-stale", "timeouts", never,
	 "the kernel does not ask for attributes anew when an ioctl has changed file flags, and "
	 "with them ctime. The tester asks by AT_STATX_FORCE_SYNC, on both sides"},
	{"suid-backed", "backed", never,
	 "for the same reason root's write clears such bits that a file got while it was open, as "
	 "if it were another user's; and for all users FUSE does so before it looks at "
	 "RLIMIT_FSIZE. "
	 "The tester leaves root's writes to such files out, and all under that limit"},
	{"suid-limit", "store", never,
	 "of a file that the kernel passes through, FUSE clears set-uid and set-gid bits and file "
	 "capabilities before the backing file looks at RLIMIT_FSIZE. The tester leaves writes to "
	 "such files under that limit out, on both sides"},
	{"setgid-member", "passthrough", never,
	 "a set-gid bit without group-execute stays when root or a member of the file's group "
	 "writes, truncates or changes owners. Requests do not name the caller's groups (nor, "
	 "where mounts may be idmapped, the caller), so the daemon can not tell. The tester leaves "
	 "out, on both sides, members' changes of such files, and every chown"},
	{"acl-remove", "passthrough", never,
	 "set-gid goes, natively, when somebody outside of the file's group removes its access "
	 "ACL; "
	 "the request to remove an xattr does not say who does it. The tester leaves it out on "
	 "both "
	 "sides"},
	{"behind-fifo", "behind", never,
	 "who opens a fifo on the mount and who opens it on the source do not meet: the pipe "
	 "belongs "
	 "to the inode of either. The tester makes none, on both sides"},
	{"behind-size", "behind", never,
	 "copy_file_range(2) goes by the size that the kernel has cached, however old. The tester "
	 "has it refreshed by fstat(2), on both sides"},
	{"setfl-late", "passthrough store", never,
	 "O_APPEND and O_NOATIME of a backing file are those of open(2): what fcntl(2) changes "
	 "later "
	 "does not reach it. The tester only ever adds O_APPEND"},
	{"direct-align", "ext4", never,
	 "ext4 refuses direct I/O that is not aligned; FUSE sends it to the daemon as any other, "
	 "and a daemon's descriptors serve others too, so they are not O_DIRECT. Where the kernel "
	 "does not pass the file through, it works. The tester leaves it out on both sides"},
	{"falloc-modes", "ext4", never,
	 "FUSE lets no fallocate(2) through that collapses, inserts or unshares a range: "
	 "EOPNOTSUPP "
	 "before any other check. The tester leaves them out on both sides"},
	{"suid-caps", "passthrough", never,
	 "before a write to a file with capabilities the kernel takes them away by a request which "
	 "says nothing else than the one that takes set-uid and set-gid bits: so they go too, "
	 "though "
	 "root's write leaves them. The tester leaves it out on both sides"},
	{"statx-attributes", "passthrough", never,
	 "the kernel leaves stx_attributes out of what a FUSE server answers (lsattr(1), by ioctl, "
	 "is right). The tester does not compare them"},
	{"ext4-far", "ext4", never,
	 "a file of ext4 ends at 16 TiB, and FUSE has no way to say that its own do before 2^63: "
	 "lseek(2) goes there, and what the daemon refuses for that has cleared set-uid bits "
	 "already. The tester does not go there"},
	{"ext4-limit", "ext4", never,
	 "ext4 moves times and clears set-uid bits before it finds that fallocate(2) passes "
	 "RLIMIT_FSIZE; the kernel's FUSE does not ask at all. The tester leaves it out"},
	{"ext4-whiteout", "ext4", never,
	 "ext4 makes the whiteout of a rename before it finds that the directory in its place is "
	 "not "
	 "empty, and so moves the times of the one that it leaves; the kernel expects no change of "
	 "a "
	 "request that failed. The tester leaves such renames onto directories out"},
	{"ext4-removed", "ext4", never,
	 "in a directory that was removed ext4 finds none of the positions that it gave before; "
	 "FUSE "
	 "does not ask where lseek(2) may lead. The tester does not seek there"},
	{"ext4-late", "ext4", is_allocation,
	 "ext4 allocates late, when it writes back, and blocks for its own maps when they are "
	 "needed: st_blocks, free space and the holes that fallocate(2) makes hang on when that "
	 "was; two ext4 without FUSE differ too"},
	{"dir-size", "", dir_size,
	 "a directory's st_size has no meaning in POSIX; tmpfs counts 20 bytes an entry"},
	{"blocks", "", is_allocation,
	 "for other file systems: they allocate in other units, for metadata and delayed"},
	{"atime", "", any_atime,
	 "for other mount options: relatime against strictatime or noatime"},
};
enum { RULES = sizeof(rules) / sizeof(rules[0]) };

static bool on[RULES];
static unsigned long used[RULES];

static bool is_word(const char *word, size_t len, const char *text)
{
	return strlen(text) == len && strncmp(word, text, len) == 0;
}

static bool in_set(const struct rule *r, const char *set, size_t len)
{
	for (const char *p = r->sets; *p; p += strcspn(p, " "), p += strspn(p, " "))
		if (strcspn(p, " ") == len && strncmp(p, set, len) == 0)
			return true;
	return false;
}

/* A rule's name, a set's, or "none"; false if it is nothing of these. */
static bool choose(const char *word, size_t len)
{
	bool none = is_word(word, len, "none"), known = none;

	for (int i = 0; i < RULES; i++)
		if (none) {
			on[i] = false;
		} else if (is_word(word, len, rules[i].name) || in_set(&rules[i], word, len)) {
			on[i] = true;
			known = true;
		}
	return known;
}

bool allow_choose(const char *list)
{
	for (; *list; list += strcspn(list, ","), list += *list == ',')
		if (!choose(list, strcspn(list, ",")))
			return false;
	return true;
}

void allow_list(FILE *out)
{
	for (int i = 0; i < RULES; i++)
		fprintf(out, "%-16s [%s] %s\n", rules[i].name, rules[i].sets, rules[i].reason);
}

bool allow_check(const struct diff *d)
{
	for (int i = 0; i < RULES; i++)
		if (on[i] && rules[i].ok(d)) {
			used[i]++;
			return true;
		}
	return false;
}

void allow_report(FILE *out)
{
	const char *sep = "allowed: ";

	for (int i = 0; i < RULES; i++)
		if (used[i]) {
			fprintf(out, "%s%s %lu", sep, rules[i].name, used[i]);
			sep = ", ";
		}
	if (sep[0] == ',')
		fputc('\n', out);
}

bool allow_is_on(const char *name)
{
	for (int i = 0; i < RULES; i++)
		if (on[i] && is_word(name, strlen(name), rules[i].name))
			return true;
	return false;
}
