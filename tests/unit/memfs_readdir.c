/*
 * memfs: directory streams that stay right while entries come and go, and directories of any size.
 */
#include "memfs_fixture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static struct fx fx;

static void start(void)
{
	fx_start(&fx, NULL);
}

static void stop(void)
{
	fx_stop(&fx);
}

TestSuite(memfs_readdir, .init = start, .fini = stop, .timeout = 120);

/* A generator of its own, so that a failure comes again. */
static uint64_t seed = 1;

static unsigned draw(unsigned below)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (unsigned)((seed >> 33) % below);
}

Test(memfs_readdir, lists_dots_types_and_inodes)
{
	struct fx_dirent entries[8];
	int64_t dir = fx_mkdir(&fx, ROOT, "d", 0755);

	fx_file(&fx, (uint64_t)dir, "f");
	fx_symlink(&fx, (uint64_t)dir, "l", "t");
	cr_assert_eq(fx_readdir(&fx, (uint64_t)dir, 0, 0, entries, 8), 4);
	cr_expect_str_eq(entries[0].name, ".");
	cr_expect_eq(entries[0].ino, fx_stat(&fx, (uint64_t)dir).ino);
	cr_expect_str_eq(entries[1].name, "..");
	cr_expect_eq(entries[1].ino, 1);
	cr_expect_str_eq(entries[2].name, "f");
	cr_expect_eq(entries[2].mode, S_IFREG);
	cr_expect_str_eq(entries[3].name, "l");
	cr_expect_eq(entries[3].mode, S_IFLNK);
	cr_expect_eq(fx_readdir(&fx, (uint64_t)dir, entries[3].next, 0, entries, 8), 0);
}

Test(memfs_readdir, goes_on_where_a_small_buffer_ended)
{
	struct fx_dirent entry;
	uint64_t offset = 0;
	char name[16];
	int seen = 0;

	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		fx_file(&fx, ROOT, name);
	}
	while (fx_readdir(&fx, ROOT, offset, 0, &entry, 1)) {
		if (seen >= 2) {
			snprintf(name, sizeof(name), "f%d", seen - 2);
			cr_expect_str_eq(entry.name, name);
		}
		cr_assert_gt(entry.next, offset);
		offset = entry.next;
		seen++;
	}
	cr_expect_eq(seen, 102);
}

/* The offset behind the third entry (the first after the dots). */
static uint64_t offset_now(void)
{
	struct fx_dirent entries[3];

	cr_assert_eq(fx_readdir(&fx, ROOT, 0, 0, entries, 3), 3);
	return entries[2].next;
}

/* So that the kernel's cache never joins what it read before such a change with what it reads
 * after. */
Test(memfs_readdir, offsets_change_when_entries_go_or_get_other_names)
{
	struct fx_dirent entry;
	uint64_t first;
	uint64_t before;
	uint64_t now;

	fx_file(&fx, ROOT, "a");
	fx_file(&fx, ROOT, "b");
	first = before = offset_now();
	fx_file(&fx, ROOT, "c");
	cr_expect_eq(offset_now(), before);
	fx_rename(&fx, ROOT, "b", ROOT, "d", 0);
	now = offset_now();
	cr_expect_neq(now, before);
	before = now;
	fx_rename(&fx, ROOT, "a", ROOT, "c", 2 /* exchange */);
	now = offset_now();
	cr_expect_neq(now, before);
	before = now;
	fx_unlink(&fx, ROOT, "c");
	now = offset_now();
	cr_expect_neq(now, before);
	cr_expect_leq(now, INT64_MAX);
	/* An old one still leads on. */
	cr_assert_eq(fx_readdir(&fx, ROOT, first, 0, &entry, 1), 1);
	cr_expect_str_eq(entry.name, "d");
}

Test(memfs_readdir, plus_counts_lookups_of_taken_entries_only)
{
	struct fx_dirent entries[3];
	int64_t a = fx_file(&fx, ROOT, "a");
	int64_t b = fx_file(&fx, ROOT, "b");
	struct llfused_attr_out out;

	cr_assert_eq(fx_readdir(&fx, ROOT, 0, 1, entries, 3), 3);
	cr_expect_eq(entries[2].nodeid, (uint64_t)a);
	fx_unlink(&fx, ROOT, "a");
	fx_unlink(&fx, ROOT, "b");
	cr_expect_eq(fx.ops->getattr(&fx.ctx, (uint64_t)a, NULL, &out), 0);
	cr_expect_eq(fx.ops->getattr(&fx.ctx, (uint64_t)b, NULL, &out), -ESTALE);
	fx_forget(&fx, (uint64_t)a, 1);
	fx_expect_empty(&fx);
}

Test(memfs_readdir, moves_atime_by_relatime_and_not_ctime)
{
	struct fx_dirent entries[3];
	struct llfused_attr before;
	struct llfused_attr after;

	fx_file(&fx, ROOT, "a");
	before = fx_stat(&fx, ROOT);
	fx_readdir(&fx, ROOT, 0, 0, entries, 3);
	after = fx_stat(&fx, ROOT);
	cr_expect_neq(memcmp(&before.atime, &after.atime, sizeof(after.atime)), 0);
	cr_expect_eq(memcmp(&before.ctime, &after.ctime, sizeof(after.ctime)), 0);
	before = after;
	fx_readdir(&fx, ROOT, 0, 0, entries, 3);
	after = fx_stat(&fx, ROOT);
	cr_expect_eq(memcmp(&before.atime, &after.atime, sizeof(after.atime)), 0);
}

Test(memfs_readdir, replaced_name_is_not_shown_twice)
{
	struct fx_dirent entries[4];
	struct fx_dirent rest[4];

	fx_file(&fx, ROOT, "target");
	fx_file(&fx, ROOT, "source");
	cr_assert_eq(fx_readdir(&fx, ROOT, 0, 0, entries, 3), 3);
	cr_expect_str_eq(entries[2].name, "target");
	fx_rename(&fx, ROOT, "source", ROOT, "target", 0);
	cr_expect_eq(fx_readdir(&fx, ROOT, entries[2].next, 0, rest, 4), 0);
}

Test(memfs_readdir, renaming_what_was_read_never_goes_on_for_ever)
{
	struct fx_dirent entry;
	uint64_t offset = 2;
	int rounds = 0;

	for (char c = 'a'; c <= 'z'; c++)
		fx_file(&fx, ROOT, (char[]){c, '\0'});
	while (fx_readdir(&fx, ROOT, offset, 0, &entry, 1) && rounds++ < 100) {
		char name[300];

		snprintf(name, sizeof(name), "%s.new", entry.name);
		cr_assert_eq(fx_rename(&fx, ROOT, entry.name, ROOT, name, 0), 0);
		offset = entry.next;
	}
	cr_expect_eq(rounds, 26);
}

/* ---- random changes against a model: which names exist, and which a reader must see ---------- */

#define NAMES 300

enum { EXISTS = 1, STAYED = 2, SEEN = 4 };

static unsigned char model[NAMES];

static const char *name_of(unsigned i)
{
	static char names[4][16];
	static unsigned turn;
	char *name = names[turn++ % 4];

	snprintf(name, sizeof(names[0]), "name-%u", i);
	return name;
}

static void change(uint64_t dir)
{
	unsigned a = draw(NAMES);
	unsigned b = draw(NAMES);
	int flags = draw(8) == 0 ? 2 : 0;
	int error;

	switch (draw(3)) {
	case 0:
		error = fx_file(&fx, dir, name_of(a)) < 0 ? -EEXIST : 0;
		cr_assert_eq(error, model[a] ? -EEXIST : 0);
		model[a] |= EXISTS;
		break;
	case 1:
		cr_assert_eq(fx_unlink(&fx, dir, name_of(a)), model[a] ? 0 : -ENOENT);
		model[a] = 0;
		break;
	default:
		error = fx_rename(&fx, dir, name_of(a), dir, name_of(b), (uint32_t)flags);
		if (!model[a] || (flags && !model[b])) {
			cr_assert_eq(error, -ENOENT);
			break;
		}
		cr_assert_eq(error, 0);
		if (a == b || flags)
			break;
		/* A name that was replaced goes on as the same name. */
		model[b] |= EXISTS;
		model[a] = 0;
	}
}

static void mark(const struct fx_dirent *entry)
{
	unsigned i;

	if (entry->name[0] == '.')
		return;
	cr_assert_eq(sscanf(entry->name, "name-%u", &i), 1);
	cr_assert(model[i] & EXISTS, "%s is listed but does not exist", entry->name);
	cr_assert(!(model[i] & SEEN) || !(model[i] & STAYED), "%s is listed twice", entry->name);
	model[i] |= SEEN;
}

/* Reads the directory through, with changes between the pieces. */
static void walk(uint64_t dir)
{
	struct fx_dirent entries[20];
	uint64_t offset = 0;
	size_t count;

	for (unsigned i = 0; i < NAMES; i++)
		model[i] = model[i] ? EXISTS | STAYED : 0;
	while ((count = fx_readdir(&fx, dir, offset, (int)draw(2), entries, 1 + draw(20)))) {
		for (size_t i = 0; i < count; i++) {
			mark(&entries[i]);
			if (entries[i].nodeid)
				fx_forget(&fx, entries[i].nodeid, 1);
		}
		offset = entries[count - 1].next;
		for (unsigned i = draw(20); i > 0; i--)
			change(dir);
	}
	for (unsigned i = 0; i < NAMES; i++)
		if (model[i] & STAYED)
			cr_assert(model[i] & SEEN, "name-%u was skipped", i);
}

Test(memfs_readdir, random_changes_skip_and_repeat_nothing)
{
	int64_t dir = fx_mkdir(&fx, ROOT, "d", 0755);
	unsigned count = 0;

	for (int round = 0; round < 400; round++)
		walk((uint64_t)dir);
	for (unsigned i = 0; i < NAMES; i++) {
		int64_t found = fx_lookup(&fx, (uint64_t)dir, name_of(i));

		cr_expect_eq(found > 0, model[i] != 0);
		count += model[i] != 0;
	}
	cr_expect_eq(fx_stat(&fx, (uint64_t)dir).size, 40 + 20 * (uint64_t)count);
	for (unsigned i = 0; i < NAMES; i++)
		fx_unlink(&fx, (uint64_t)dir, name_of(i));
	fx_rmdir(&fx, ROOT, "d");
	fx_expect_empty(&fx);
}

Test(memfs_readdir, large_directory_finds_and_frees_everything)
{
	enum { COUNT = 20000 };
	struct fx_dirent *entries = calloc(COUNT + 2, sizeof(*entries));
	char name[16];

	for (int i = 0; i < COUNT; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		cr_assert_gt(fx_file(&fx, ROOT, name), 0);
	}
	cr_expect_eq(fx_readdir(&fx, ROOT, 0, 0, entries, COUNT + 2), COUNT + 2);
	for (int i = 0; i < COUNT; i += 2) {
		snprintf(name, sizeof(name), "f%d", i);
		cr_assert_eq(fx_unlink(&fx, ROOT, name), 0);
	}
	for (int i = 0; i < COUNT; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		cr_assert_eq(fx_lookup(&fx, ROOT, name) > 0, i % 2);
	}
	cr_expect_eq(fx_readdir(&fx, ROOT, 0, 0, entries, COUNT + 2), COUNT / 2 + 2);
	for (int i = 1; i < COUNT; i += 2) {
		snprintf(name, sizeof(name), "f%d", i);
		cr_assert_eq(fx_unlink(&fx, ROOT, name), 0);
	}
	fx_expect_empty(&fx);
	free(entries);
}
