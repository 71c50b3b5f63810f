/*
 * The life of a backend that exists only here: what is called, how often, with which lock, and how
 * its failures are told.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "daemon/instance.h"

static char calls[256]; /* each with a space behind it */
static int fs_object;
static struct lock lock;
static struct instance instance;
static struct err err;

/* How the fake backend behaves. */
static struct {
	int load, configure, ready, init;
	const char *words;
	bool keep_lock;    /* ready() takes the lock and keeps it */
	bool release_lock; /* init() and destroy() lose it */
	void (*wish)(struct llfused_wishes *wishes);
} fake;

static struct llfused_wishes wished; /* as wish() found them */

static void note(const char *what)
{
	size_t len = strlen(calls);

	snprintf(calls + len, sizeof calls - len, "%s%s ", what, lock_is_mine(&lock) ? "!" : "");
}

static int answer(int ret, struct llfused_error *error)
{
	if (ret && fake.words)
		memcpy(error->text, fake.words, strlen(fake.words));
	return ret;
}

static int load(void **fs, struct llfused_error *error)
{
	note("load");
	*fs = &fs_object;
	return answer(fake.load, error);
}

static int configure(void *fs, const char *key, const char *value, struct llfused_error *error)
{
	char what[64];

	cr_assert_eq(fs, &fs_object);
	snprintf(what, sizeof what, "%s=%s", key, value ? value : "-");
	note(what);
	return answer(fake.configure, error);
}

static int ready(void *fs, struct llfused_error *error)
{
	cr_assert_eq(fs, &fs_object);
	note("ready");
	if (fake.keep_lock)
		lock_acquire(&lock, LLFUSED_FOREVER);
	return answer(fake.ready, error);
}

static void wish(void *fs, struct llfused_wishes *wishes)
{
	cr_assert_eq(fs, &fs_object);
	note("wish");
	wished = *wishes;
	if (fake.wish)
		fake.wish(wishes);
}

static int init(void *fs, const struct llfused_conn *conn)
{
	cr_assert_eq(fs, &fs_object);
	cr_assert_eq(conn->max_write, 4096);
	note("init");
	if (fake.release_lock)
		lock_release(&lock);
	return fake.init;
}

static void destroy(void *fs)
{
	cr_assert_eq(fs, &fs_object);
	note("destroy");
	if (fake.release_lock)
		lock_release(&lock);
}

static void unload(void)
{
	note("unload");
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

static const struct llfused_ops ops = {.size = sizeof ops, .lookup = lookup, .getattr = getattr};

static const struct llfused_backend full = {
	LLFUSED_BACKEND_STAMP, .name = "full",         .ops = &ops,
	.load = load,          .configure = configure, .ready = ready,
	.init = init,          .destroy = destroy,     .unload = unload,
};

static const struct llfused_backend wishing = {
	LLFUSED_BACKEND_STAMP, .name = "wishing",  .wants = LLFUSED_WANT_ACL,
	.ops = &ops,           .load = load,       .ready = ready,
	.wish = wish,          .destroy = destroy,
};

static const struct llfused_backend bare = {
	LLFUSED_BACKEND_STAMP,
	.name = "bare",
	.ops = &ops,
	.load = load,
};

static struct options_pair pairs[] = {
	{.key = (char[]){"size"}, .value = (char[]){"1g"}},
	{.key = (char[]){"fast"}, .value = NULL},
};

static const struct llfused_conn conn = {.max_write = 4096};

static void open_with(const struct llfused_backend *backend)
{
	struct plugin plugin;

	cr_assert_eq(plugin_adopt(&plugin, backend, "fake", &err), 0, "%s", err.text);
	instance_open(&instance, &plugin, &lock);
	memset(&plugin, 0xa5, sizeof plugin);
}

static int start(void)
{
	return instance_start(&instance, pairs, 2, &err);
}

static void setup(void)
{
	lock_init(&lock);
	open_with(&full);
}

static void teardown(void)
{
	lock_destroy(&lock);
}

TestSuite(instance, .init = setup, .fini = teardown, .timeout = 30);

Test(instance, a_whole_life_in_its_order)
{
	cr_assert_eq(instance.plugin.backend.ops, &instance.plugin.ops);
	cr_assert_eq(start(), 0, "%s", err.text);
	cr_assert(instance.loaded);
	cr_assert_eq(instance.fs, &fs_object);
	cr_assert_eq(instance_init(&instance, &conn, &err), 0, "%s", err.text);
	cr_assert_eq(instance_destroy(&instance, LLFUSED_FOREVER), 0);
	instance_close(&instance);
	cr_assert_str_eq(calls, "load size=1g fast=- ready init! destroy! unload ");
	cr_assert_not(lock.held);
}

Test(instance, nothing_but_load_is_needed)
{
	open_with(&bare);
	cr_assert_eq(start(), 0, "%s", err.text);
	cr_assert_eq(instance_init(&instance, &conn, &err), 0);
	cr_assert_eq(instance_destroy(&instance, 0), 0);
	instance_close(&instance);
	cr_assert_str_eq(calls, "load ");
}

Test(instance, destroy_and_unload_come_once)
{
	cr_assert_eq(start(), 0);
	for (int i = 0; i < 2; i++)
		cr_assert_eq(instance_destroy(&instance, 0), 0);
	for (int i = 0; i < 2; i++)
		instance_close(&instance);
	cr_assert_str_eq(calls, "load size=1g fast=- ready destroy! unload ");
}

Test(instance, without_a_start_only_unload_comes)
{
	cr_assert_eq(instance_destroy(&instance, 0), 0);
	instance_close(&instance);
	cr_assert_str_eq(calls, "unload ");
}

static void fails(int error, const char *text, const char *expected_calls)
{
	calls[0] = '\0';
	open_with(&full);
	cr_assert_eq(start(), error, "%s", err.text);
	cr_assert_str_eq(err.text, text);
	cr_assert_eq(instance_destroy(&instance, 0), 0);
	instance_close(&instance);
	cr_assert_str_eq(calls, expected_calls);
}

Test(instance, a_failed_load_is_not_destroyed_but_unloaded)
{
	fake.load = -ENOMEM;
	fails(-ENOMEM, "backend full: Cannot allocate memory", "load unload ");
	fake.words = "no room for the cache";
	fails(-ENOMEM, "backend full: no room for the cache", "load unload ");
}

Test(instance, a_failed_option_ends_the_start_and_is_named)
{
	fake.configure = -EINVAL;
	fails(-EINVAL, "backend full: option size=1g: Invalid argument",
	      "load size=1g destroy! unload ");
	fake.words = "size must be prime";
	fails(-EINVAL, "backend full: size must be prime", "load size=1g destroy! unload ");
}

Test(instance, an_option_without_a_value_is_named_alone)
{
	fake.configure = -EINVAL;
	cr_assert_eq(instance_start(&instance, pairs + 1, 1, &err), -EINVAL);
	cr_assert_str_eq(err.text, "backend full: option fast: Invalid argument");
}

Test(instance, a_failed_ready_is_told_and_destroyed)
{
	fake.ready = -ENODEV;
	fails(-ENODEV, "backend full: No such device",
	      "load size=1g fast=- ready destroy! unload ");
	fake.words = "the other side is gone";
	fails(-ENODEV, "backend full: the other side is gone",
	      "load size=1g fast=- ready destroy! unload ");
}

Test(instance, words_that_fill_the_room_need_no_end)
{
	char words[sizeof(struct llfused_error) + 1];

	memset(words, 'w', sizeof words - 1);
	words[sizeof words - 1] = '\0';
	fake.words = words;
	fake.ready = -EIO;
	cr_assert_eq(start(), -EIO);
	cr_assert_eq(strspn(err.text + strlen("backend full: "), "w"), 255, "%s", err.text);
}

Test(instance, an_answer_that_is_no_errno_is_a_failure)
{
	fake.ready = EINVAL;
	fails(-EIO, "backend full: Input/output error",
	      "load size=1g fast=- ready destroy! unload ");
}

Test(instance, words_without_a_failure_are_not_an_error)
{
	fake.words = "unheard";
	cr_assert_eq(start(), 0, "%s", err.text);
}

Test(instance, a_failed_init_is_told_and_leaves_the_lock_free)
{
	fake.init = -EPERM;
	cr_assert_eq(start(), 0);
	cr_assert_eq(instance_init(&instance, &conn, &err), -EPERM);
	cr_assert_str_eq(err.text, "backend full: init failed: Operation not permitted");
	cr_assert_not(lock.held);
	cr_assert(instance.loaded);
}

Test(instance, a_lock_that_the_backend_kept_or_lost_stops_nothing)
{
	fake.keep_lock = true;
	fake.release_lock = true;
	cr_assert_eq(start(), 0);
	cr_assert(lock_is_mine(&lock));
	cr_assert_eq(instance_init(&instance, &conn, &err), 0);
	cr_assert_not(lock.held);
	cr_assert_eq(instance_destroy(&instance, LLFUSED_FOREVER), 0);
	cr_assert_not(lock.held);
}

static pthread_barrier_t barrier;

static void *hog(void *arg)
{
	lock_acquire(&lock, LLFUSED_FOREVER);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	lock_release(&lock);
	return arg;
}

Test(instance, destroy_waits_for_the_lock_no_longer_than_told)
{
	pthread_t thread;

	pthread_barrier_init(&barrier, NULL, 2);
	cr_assert_eq(start(), 0);
	cr_assert_eq(pthread_create(&thread, NULL, hog, NULL), 0);
	pthread_barrier_wait(&barrier);
	calls[0] = '\0';
	cr_assert_eq(instance_destroy(&instance, 20000000), -ETIMEDOUT);
	cr_assert_eq(instance_destroy(&instance, 0), -ETIMEDOUT);
	cr_assert_str_eq(calls, "");
	cr_assert(instance.loaded);
	pthread_barrier_wait(&barrier);
	cr_assert_eq(instance_destroy(&instance, LLFUSED_FOREVER), 0);
	cr_assert_str_eq(calls, "destroy! ");
	pthread_join(thread, NULL);
}

/* ---- wishes ---- */

static const struct llfused_ops *table;

static void want_more(struct llfused_wishes *wishes)
{
	wishes->wants = LLFUSED_WANT_PASSTHROUGH | LLFUSED_WANT_IDMAP;
	wishes->stack_depth = 2;
	wishes->ops = table;
}

static void want_depth_3(struct llfused_wishes *wishes)
{
	wishes->stack_depth = 3;
}

static void want_no_depth(struct llfused_wishes *wishes)
{
	wishes->stack_depth = 0;
}

static void open_wishing(void (*hook)(struct llfused_wishes *))
{
	calls[0] = '\0';
	fake.wish = hook;
	open_with(&wishing);
}

Test(instance, wishes_come_after_ready_and_begin_as_the_tables_say)
{
	open_wishing(NULL);
	cr_assert_eq(start(), 0, "%s", err.text);
	cr_assert_str_eq(calls, "load ready wish ");
	cr_expect_eq(wished.wants, LLFUSED_WANT_ACL);
	cr_expect_eq(wished.stack_depth, 1);
	cr_expect_eq(wished.ops, &ops, "the backend's own table");
	cr_expect_eq(instance.plugin.backend.wants, LLFUSED_WANT_ACL);
	cr_expect_eq(instance.plugin.ops.lookup, lookup);
	cr_expect_eq(instance.stack_depth, 1);
}

Test(instance, without_wish_the_tables_are_what_they_were)
{
	cr_assert_eq(start(), 0);
	cr_expect_eq(instance.stack_depth, 1);
	cr_expect_eq(instance.plugin.backend.wants, 0);
}

Test(instance, wishes_replace_what_the_tables_say)
{
	struct llfused_ops other = {
		.size = offsetof(struct llfused_ops, statfs), .lookup = lookup, .getattr = getattr};

	memset((char *)&other + other.size, 0xa5, sizeof other - other.size);
	table = &other;
	open_wishing(want_more);
	cr_assert_eq(start(), 0, "%s", err.text);
	cr_expect_eq(instance.plugin.backend.wants, LLFUSED_WANT_PASSTHROUGH | LLFUSED_WANT_IDMAP);
	cr_expect_eq(instance.stack_depth, 2);
	cr_expect_eq(instance.plugin.backend.ops, &instance.plugin.ops);
	cr_expect_eq(instance.plugin.ops.size, sizeof(struct llfused_ops));
	cr_expect_null(instance.plugin.ops.statfs);
}

static void wish_fails(void (*hook)(struct llfused_wishes *), const char *text)
{
	open_wishing(hook);
	cr_assert_eq(start(), -EINVAL);
	cr_expect(strstr(err.text, text), "'%s' is not in '%s'", text, err.text);
	cr_assert_eq(instance_destroy(&instance, 0), 0);
	cr_expect_str_eq(calls, "load ready wish destroy! ");
}

Test(instance, wishes_that_cannot_be_end_the_start)
{
	struct llfused_ops other = {.size = sizeof other, .lookup = lookup};

	wish_fails(want_depth_3, "backend wishing: wish() set stack_depth to 3");
	wish_fails(want_no_depth, "backend wishing: wish() set stack_depth to 0");
	wish_fails(want_more, "backend wishing after wish() has no ops");
	table = &other;
	wish_fails(want_more, "backend wishing after wish() has no getattr()");
}

Test(instance, wishes_are_not_asked_for_after_a_failure)
{
	open_wishing(want_more);
	fake.ready = -EIO;
	cr_assert_eq(start(), -EIO);
	cr_expect_str_eq(calls, "load ready ");
}
