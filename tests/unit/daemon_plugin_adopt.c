/*
 * Tables of backends that exist only here: what is refused and with which words, and what is made
 * of one that is shorter or longer than ours.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/plugin.h"

static struct plugin plugin;
static struct err err;

static int load(void **fs, struct llfused_error *error)
{
	(void)fs;
	(void)error;
	return 0;
}

static int ready(void *fs, struct llfused_error *error)
{
	(void)fs;
	(void)error;
	return 0;
}

static int lookup(struct llfused_ctx *ctx, uint64_t parent, const char *name,
		  struct llfused_entry *out)
{
	(void)ctx;
	(void)parent;
	(void)name;
	(void)out;
	return -ENOENT;
}

static int getattr(struct llfused_ctx *ctx, uint64_t nodeid, const uint64_t *fh,
		   struct llfused_attr_out *out)
{
	(void)ctx;
	(void)nodeid;
	(void)fh;
	(void)out;
	return -ENOENT;
}

static int statfs(struct llfused_ctx *ctx, uint64_t nodeid, struct llfused_statfs *out)
{
	(void)ctx;
	(void)nodeid;
	(void)out;
	return 0;
}

/* With room for tables that are longer than ours. */
static union {
	struct llfused_ops ops;
	unsigned char bytes[sizeof(struct llfused_ops) + 64];
} ops;

static union {
	struct llfused_backend backend;
	unsigned char bytes[sizeof(struct llfused_backend) + 64];
} theirs;

static void make_whole(void)
{
	ops.ops = (struct llfused_ops){
		.size = sizeof ops.ops,
		.lookup = lookup,
		.getattr = getattr,
		.statfs = statfs,
	};
	theirs.backend = (struct llfused_backend){
		LLFUSED_BACKEND_STAMP,
		.name = "whole",
		.summary = "of one piece",
		.declares = LLFUSED_CONCURRENT,
		.ops = &ops.ops,
		.load = load,
		.ready = ready,
	};
}

static int adopt(void)
{
	memset(&plugin, 0xa5, sizeof plugin);
	err.text[0] = '\0';
	return plugin_adopt(&plugin, &theirs.backend, "plugin x.so", &err);
}

static void refused(const char *words)
{
	cr_assert_eq(adopt(), -EINVAL, "adopted; '%s' was expected", words);
	cr_assert(strstr(err.text, words), "'%s' is not in '%s'", words, err.text);
	cr_assert_eq(strncmp(err.text, "plugin x.so", 11), 0, "%s", err.text);
	cr_assert_null(plugin.handle);
	cr_assert_null(plugin.path);
	cr_assert_null(plugin.backend.unload);
}

TestSuite(plugin_adopt, .init = make_whole);

Test(plugin_adopt, a_whole_table_is_copied)
{
	cr_assert_eq(adopt(), 0, "%s", err.text);
	cr_assert_str_eq(plugin.backend.name, "whole");
	cr_assert_eq(plugin.backend.declares, LLFUSED_CONCURRENT);
	cr_assert_eq(plugin.backend.load, load);
	cr_assert_eq(plugin.backend.ready, ready);
	cr_assert_eq(plugin.backend.ops, &plugin.ops);
	cr_assert_eq(plugin.ops.lookup, lookup);
	cr_assert_eq(plugin.ops.statfs, statfs);
	cr_assert_null(plugin.ops.forget);
	cr_assert_null(plugin.handle);
	cr_assert_null(plugin.path);
}

/* Every pointer of the table after `from` is NULL. */
static void all_null(const void *table, size_t from, size_t size)
{
	static const unsigned char zeros[sizeof(struct llfused_ops)];

	cr_assert_eq(memcmp((const char *)table + from, zeros, size - from), 0);
}

Test(plugin_adopt, behind_the_end_of_shorter_tables_nothing_is_read)
{
	size_t backend_end = offsetof(struct llfused_backend, configure);
	size_t ops_end = offsetof(struct llfused_ops, setxattr);

	memset(theirs.bytes + backend_end, 0xa5, sizeof theirs.bytes - backend_end);
	memset(ops.bytes + ops_end, 0xa5, sizeof ops.bytes - ops_end);
	theirs.backend.size = backend_end;
	ops.ops.size = ops_end;
	cr_assert_eq(adopt(), 0, "%s", err.text);
	cr_assert_eq(plugin.backend.load, load);
	cr_assert_eq(plugin.ops.statfs, statfs);
	all_null(&plugin.backend, backend_end, sizeof plugin.backend);
	all_null(&plugin.ops, ops_end, sizeof plugin.ops);
	cr_assert_eq(plugin.backend.size, sizeof plugin.backend);
	cr_assert_eq(plugin.ops.size, sizeof plugin.ops);
}

Test(plugin_adopt, the_shortest_tables_that_are_taken_end_with_load_and_getattr)
{
	theirs.backend.size = offsetof(struct llfused_backend, configure);
	ops.ops.size = offsetof(struct llfused_ops, setattr);
	cr_assert_eq(adopt(), 0, "%s", err.text);
	cr_assert_null(plugin.backend.ready);
	cr_assert_null(plugin.ops.statfs);
}

Test(plugin_adopt, what_longer_tables_have_more_is_left_out)
{
	struct {
		struct plugin plugin;
		unsigned char guard[64];
	} room;
	unsigned char guard[sizeof room.guard];

	memset(theirs.bytes + sizeof theirs.backend, 0xa5, 64);
	memset(ops.bytes + sizeof ops.ops, 0xa5, 64);
	theirs.backend.size = sizeof theirs.bytes;
	theirs.backend.api_minor = LLFUSED_API_MINOR + 7;
	ops.ops.size = sizeof ops.bytes;
	memset(&room, 0x3c, sizeof room);
	memset(guard, 0x3c, sizeof guard);
	cr_assert_eq(plugin_adopt(&room.plugin, &theirs.backend, "x", &err), 0, "%s", err.text);
	cr_assert_eq(memcmp(room.guard, guard, sizeof guard), 0);
	cr_assert_eq(room.plugin.backend.size, sizeof(struct llfused_backend));
	cr_assert_eq(room.plugin.ops.size, sizeof(struct llfused_ops));
	cr_assert_eq(room.plugin.backend.ops, &room.plugin.ops);
	cr_assert_null(room.plugin.handle);
	cr_assert_null(room.plugin.path);
	cr_assert_eq(room.plugin.ops.lookup, lookup);
	cr_assert_null(room.plugin.ops.retrieved);
}

Test(plugin_adopt, a_longer_table_does_not_run_into_shorter_ops)
{
	memset(theirs.bytes + sizeof theirs.backend, 0xa5, 64);
	theirs.backend.size = sizeof theirs.bytes;
	ops.ops.size = offsetof(struct llfused_ops, setattr);
	cr_assert_eq(adopt(), 0, "%s", err.text);
	all_null(&plugin.ops, ops.ops.size, sizeof plugin.ops);
}

Test(plugin_adopt, another_major_version_is_refused_with_both_numbers)
{
	theirs.backend.api_major = 2;
	theirs.backend.api_minor = 5;
	refused("was made for API 2.5, this daemon has 1.1: rebuild it");
	theirs.backend.api_major = 0;
	refused("was made for API 0.5");
}

Test(plugin_adopt, a_table_that_cannot_hold_load_is_refused_with_its_size)
{
	static const size_t sizes[] = {0, 8, offsetof(struct llfused_backend, load)};
	char words[64];

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		theirs.backend.size = sizes[i];
		snprintf(words, sizeof words, "%zu bytes long, too short to hold load()", sizes[i]);
		refused(words);
		refused("LLFUSED_BACKEND_STAMP");
	}
}

Test(plugin_adopt, a_table_of_ops_that_cannot_hold_getattr_is_refused_with_its_size)
{
	static const size_t sizes[] = {0, 8, offsetof(struct llfused_ops, getattr)};
	char words[64];

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		ops.ops.size = sizes[i];
		snprintf(words, sizeof words, "table of ops is %zu bytes long", sizes[i]);
		refused(words);
		refused("set .size = sizeof(struct llfused_ops)");
	}
}

Test(plugin_adopt, a_missing_name_is_told)
{
	theirs.backend.name = NULL;
	refused("has no name");
	theirs.backend.name = "";
	refused("has no name");
}

Test(plugin_adopt, missing_ops_are_told)
{
	theirs.backend.ops = NULL;
	refused("has no ops");
}

Test(plugin_adopt, a_missing_mandatory_function_is_named)
{
	theirs.backend.load = NULL;
	refused("has no load()");
	make_whole();
	ops.ops.lookup = NULL;
	refused("has no lookup()");
	make_whole();
	ops.ops.getattr = NULL;
	refused("has no getattr()");
}

Test(plugin_adopt, declarations_that_exclude_each_other_are_refused)
{
	theirs.backend.declares = LLFUSED_SPLIT | LLFUSED_NONBLOCKING;
	refused("declares LLFUSED_SPLIT and LLFUSED_NONBLOCKING");
	theirs.backend.declares |= LLFUSED_CONCURRENT;
	refused("declares LLFUSED_SPLIT and LLFUSED_NONBLOCKING");
	theirs.backend.declares = LLFUSED_SPLIT | LLFUSED_CONCURRENT;
	cr_assert_eq(adopt(), 0, "%s", err.text);
}

/* ---- another table of ops ---- */

static union {
	struct llfused_ops ops;
	unsigned char bytes[sizeof(struct llfused_ops) + 64];
} others;

static int adopt_others(void)
{
	err.text[0] = '\0';
	return plugin_adopt_ops(&plugin, &others.ops, "x", &err);
}

Test(plugin_adopt, another_table_of_ops_takes_the_place_of_the_first)
{
	size_t end = offsetof(struct llfused_ops, statfs);

	cr_assert_eq(adopt(), 0);
	cr_assert_eq(plugin.given, &ops.ops);
	memset(&others, 0xa5, sizeof others);
	others.ops.size = end;
	cr_assert_eq(adopt_others(), 0, "%s", err.text);
	cr_assert_eq(plugin.given, &others.ops);
	cr_assert_eq(plugin.ops.size, sizeof plugin.ops);
	all_null(&plugin.ops, end, sizeof plugin.ops);
	others.ops = (struct llfused_ops){
		.size = sizeof others.bytes, .lookup = lookup, .getattr = getattr};
	cr_assert_eq(adopt_others(), 0, "%s", err.text);
	cr_assert_eq(plugin.ops.size, sizeof plugin.ops);
	cr_assert_eq(plugin.ops.lookup, lookup);
	cr_assert_null(plugin.ops.statfs);
}

Test(plugin_adopt, another_table_that_is_none_changes_nothing)
{
	struct plugin before;

	cr_assert_eq(adopt(), 0);
	before = plugin;
	others.ops = (struct llfused_ops){.size = sizeof others.ops, .lookup = lookup};
	cr_assert_eq(adopt_others(), -EINVAL);
	cr_assert_str_eq(err.text, "x has no getattr(): every backend must have it");
	others.ops.size = 8;
	cr_assert_eq(adopt_others(), -EINVAL);
	cr_assert(strstr(err.text, "8 bytes long"), "%s", err.text);
	cr_assert_eq(plugin_adopt_ops(&plugin, NULL, "x", &err), -EINVAL);
	cr_assert_eq(memcmp(&before, &plugin, sizeof plugin), 0);
}
