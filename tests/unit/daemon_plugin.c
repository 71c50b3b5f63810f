/*
 * Plugins from files: where they are looked for, what is refused and with which words, and the
 * moment when their code goes.
 */
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/plugin.h"
#include "daemon/plugin_dirs.h"

static char top[64]; /* a directory of the test's own */
static struct plugin plugin;
static struct err err;

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void setup(void)
{
	snprintf(top, sizeof top, "/tmp/llfused-plugin-XXXXXX");
	cr_assert_not_null(mkdtemp(top));
	cr_assert_eq(chmod(top, 0755), 0);
	unsetenv("LLFUSED_PLUGIN_PATH");
}

static void teardown(void)
{
	plugin_close(&plugin);
	nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

TestSuite(plugin, .init = setup, .fini = teardown, .timeout = 30);

/* The path of one of the plugins in tests/unit/plugins/. */
static const char *built(const char *name)
{
	static char path[PATH_MAX];
	const char *build = getenv("BUILD");

	cr_assert(build, "BUILD is not set: these tests are run by make check-unit");
	snprintf(path, sizeof path, "%s/tests/unit-plugins/%s.so", build, name);
	return path;
}

/* "TOP/name". */
static const char *at(const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof path, "%s/%s", top, name);
	return path;
}

static void make_dir(const char *name)
{
	cr_assert_eq(mkdir(at(name), 0755), 0, "%s", at(name));
}

static void make_file(const char *name, const char *text, mode_t mode)
{
	int fd = open(at(name), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	cr_assert_eq(fchmod(fd, mode), 0);
	close(fd);
}

/* Puts a built plugin into TOP, as `name`. */
static void put(const char *name, const char *which)
{
	cr_assert_eq(symlink(built(which), at(name)), 0, "%s", at(name));
}

/* Sets the path; each '@' in it stands for TOP. */
static void search(const char *path)
{
	char value[1024];
	size_t len = 0;

	for (; *path; path++)
		if (*path == '@')
			len += (size_t)snprintf(value + len, sizeof value - len, "%s", top);
		else
			value[len++] = *path;
	value[len] = '\0';
	setenv("LLFUSED_PLUGIN_PATH", value, 1);
}

static void opens(const char *name, const char *as)
{
	cr_assert_eq(plugin_open(&plugin, name, &err), 0, "%s", err.text);
	cr_assert_str_eq(plugin.backend.name, as);
	cr_assert_eq(plugin.backend.ops, &plugin.ops);
}

static void refused(const char *name, int error, const char *words)
{
	cr_assert_eq(plugin_open(&plugin, name, &err), error, "%s: %s", name, err.text);
	cr_assert(strstr(err.text, words), "'%s' is not in '%s'", words, err.text);
	cr_assert_null(strchr(err.text, '\n'));
	cr_assert_null(plugin.handle);
	cr_assert_null(plugin.path);
}

/* ---- where ---- */

Test(plugin, a_name_with_a_slash_is_a_path)
{
	char path[PATH_MAX];

	cr_assert_not_null(realpath(built("newer"), path));
	opens(path, "newer");
	cr_assert_str_eq(plugin.path, path);
	cr_assert_not_null(plugin.handle);
}

Test(plugin, a_relative_path_becomes_an_absolute_one)
{
	put("x.so", "newer");
	cr_assert_eq(chdir(top), 0);
	opens("./x.so", "newer");
	cr_assert_eq(plugin.path[0], '/', "%s", plugin.path);
	refused("x.so", -ENOENT, "a path needs a '/'");
}

Test(plugin, a_built_in_one_has_no_file)
{
	opens("memfs", "tmpfs");
	cr_assert_null(plugin.handle);
	cr_assert_null(plugin.path);
	opens("null", "null");
}

Test(plugin, a_built_in_one_goes_before_a_file_of_its_name)
{
	put("tmpfs.so", "newer");
	search("@");
	opens("memfs", "tmpfs");
}

Test(plugin, directories_are_searched_in_their_order)
{
	make_dir("a");
	make_dir("b");
	put("b/x.so", "newer");
	search("@/nowhere:@/a:@/b");
	opens("x", "newer");
	plugin_close(&plugin);
	put("a/x.so", "older");
	opens("x", "older");
	plugin_close(&plugin);
	search("@/b:@/a");
	opens("x", "newer");
}

static void dirs_are(const struct plugin_places *places, const char *expected)
{
	struct plugin_dirs dirs;
	char text[1024] = "";
	size_t len = 0;

	cr_assert_eq(plugin_dirs_make(&dirs, places), 0);
	for (size_t i = 0; i < dirs.n; i++) {
		const char *dir = dirs.list[i];

		if (strncmp(dir, top, strlen(top)) == 0)
			dir += strlen(top);
		len += (size_t)snprintf(text + len, sizeof text - len, "%s%s", i ? " " : "", dir);
	}
	cr_assert_str_eq(text, expected);
	plugin_dirs_free(&dirs);
}

Test(plugin, empty_parts_of_the_path_are_skipped)
{
	struct plugin_places places = {.path = "::/p:::/q:"};

	dirs_are(&places, "/p /q");
	places.path = ":";
	dirs_are(&places, "");
	places.path = "";
	dirs_are(&places, "");
}

Test(plugin, beside_the_program_only_a_build_tree_is_searched)
{
	char program[PATH_MAX];
	struct plugin_places places = {.path = "/p:/q", .program = program, .installed = "/i"};

	snprintf(program, sizeof program, "%s/llfused", top);
	dirs_are(&places, "/p /q /i");
	make_dir("plugins");
	dirs_are(&places, "/p /q /i");
	make_file("plugins/.llfused-build", "", 0644);
	dirs_are(&places, "/p /q /plugins /i");
	places.path = NULL;
	places.installed = NULL;
	dirs_are(&places, "/plugins");
}

Test(plugin, an_unknown_name_tells_what_there_is_and_where_was_looked)
{
	char first[256];

	search("@/a:@");
	refused("nope", -ENOENT, "'nope': built in are tmpfs, memfs, passthrough, null");
	snprintf(first, sizeof first, "no nope.so in %s/a, %s, ", top, top);
	refused("nope", -ENOENT, first);
	refused("nope", -ENOENT, LLFUSED_PLUGINDIR);
}

/* ---- what is refused ---- */

Test(plugin, a_path_to_nothing_is_told)
{
	refused("/nowhere/x.so", -ENOENT, "plugin /nowhere/x.so: No such file or directory");
}

Test(plugin, an_unreadable_file_is_told)
{
	make_file("x.so", "", 0);
	if (geteuid() == 0)
		cr_assert_eq(seteuid(65534), 0);
	refused(at("x.so"), -ELIBBAD, "x.so cannot be loaded: cannot open");
	refused(at("x.so"), -ELIBBAD, "Permission denied");
	if (getuid() == 0)
		cr_assert_eq(seteuid(0), 0);
}

Test(plugin, a_found_file_that_is_bad_ends_the_search)
{
	make_dir("a");
	make_dir("b");
	make_file("a/x.so", "text", 0644);
	put("b/x.so", "newer");
	search("@/a:@/b");
	refused("x", -ELIBBAD, "/a/x.so cannot be loaded");
}

Test(plugin, a_file_of_another_kind_is_told_by_the_loader)
{
	make_file("text.so", "This is not a shared object, but it is long enough for a header.\n",
		  0755);
	refused(at("text.so"), -ELIBBAD, "text.so cannot be loaded: invalid ELF header");
	make_file("empty.so", "", 0755);
	refused(at("empty.so"), -ELIBBAD, "empty.so cannot be loaded: file too short");
}

Test(plugin, what_is_no_file_is_not_opened)
{
	make_dir("d.so");
	refused(at("d.so"), -EINVAL, "d.so is not a file");
	cr_assert_eq(mkfifo(at("fifo.so"), 0644), 0);
	refused(at("fifo.so"), -EINVAL, "fifo.so is not a file");
}

Test(plugin, a_shared_object_without_the_symbol_is_no_plugin)
{
	refused(built("alien"), -EINVAL,
		"alien.so is not an llfused plugin: it has no symbol llfused_plugin; "
		"see llfused-backend(3)");
}

Test(plugin, a_plugin_without_a_table_is_told)
{
	refused(built("empty"), -EINVAL, "empty.so: llfused_plugin() returned NULL");
}

Test(plugin, another_major_version_is_told_before_anything_else_is_read)
{
	refused(built("major2"), -EINVAL,
		"major2.so was made for API 2.3, this daemon has 1.1: rebuild it");
}

Test(plugin, a_function_that_this_daemon_has_not_is_named)
{
	refused(built("unresolved"), -ELIBBAD, "undefined symbol: llfused_of_the_future");
	refused(built("unresolved"), -ELIBBAD, "needs a newer llfused");
}

Test(plugin, a_refused_file_does_not_stay_mapped)
{
	refused(built("empty"), -EINVAL, "NULL");
	cr_assert_null(dlopen(built("empty"), RTLD_NOW | RTLD_NOLOAD));
}

/* ---- what is made of it ---- */

Test(plugin, an_older_plugin_has_no_more_than_its_tables_hold)
{
	opens(built("older"), "older");
	cr_assert_not_null(plugin.backend.load);
	cr_assert_null(plugin.backend.configure);
	cr_assert_null(plugin.backend.unload);
	cr_assert_not_null(plugin.ops.statfs);
	cr_assert_null(plugin.ops.setxattr);
	cr_assert_null(plugin.ops.retrieved);
}

Test(plugin, a_plugin_of_the_first_minor_has_all_but_what_came_later)
{
	opens(built("minor0"), "minor0");
	cr_assert_eq(plugin.backend.api_minor, 0);
	cr_assert_not_null(plugin.backend.unload);
	cr_assert_null(plugin.backend.wish);
	cr_assert_not_null(plugin.ops.retrieved);
}

Test(plugin, a_newer_plugin_has_no_more_than_we_know)
{
	opens(built("newer"), "newer");
	cr_assert_eq(plugin.backend.api_minor, LLFUSED_API_MINOR + 7);
	cr_assert_eq(plugin.backend.size, sizeof(struct llfused_backend));
	cr_assert_eq(plugin.ops.size, sizeof(struct llfused_ops));
	cr_assert_not_null(plugin.ops.statfs);
	cr_assert_null(plugin.ops.retrieved);
}

Test(plugin, unload_comes_once_and_before_the_code_goes)
{
	char fd[16], words[8] = "";
	int pipefd[2];

	cr_assert_eq(pipe2(pipefd, O_CLOEXEC | O_NONBLOCK), 0);
	snprintf(fd, sizeof fd, "%d", pipefd[1]);
	setenv("LAST_WORDS", fd, 1);
	opens(built("last_words"), "last_words");
	cr_assert_lt(read(pipefd[0], words, sizeof words), 0);
	plugin_close(&plugin);
	cr_assert_eq(read(pipefd[0], words, sizeof words), 2);
	cr_assert_str_eq(words, "ux");
	plugin_close(&plugin);
	cr_assert_lt(read(pipefd[0], words, sizeof words), 0);
}

/* ---- the list ---- */

static void note(void *arg, const char *name, const char *path)
{
	char *text = arg;
	size_t len = strlen(text), skip = strlen(top);

	cr_assert_eq(strncmp(path, top, skip), 0, "%s", path);
	snprintf(text + len, 512 - len, "%s%s=%s", len ? " " : "", name, path + skip);
}

Test(plugin, the_list_is_sorted_and_of_two_files_the_first_one_counts)
{
	struct plugin_dirs dirs;
	struct plugin_places places = {.installed = at("i")};
	char path[512], text[512] = "";

	make_dir("a");
	make_dir("b");
	make_dir("i");
	make_dir("a/dir.so");
	make_file("a/zoo.so", "", 0644);
	make_file("a/both.so", "", 0644);
	make_file("a/readme.txt", "", 0644);
	make_file("a/.so", "", 0644);
	make_file("b/both.so", "", 0644);
	make_file("b/ant.so", "", 0644);
	snprintf(path, sizeof path, "%s/none:%s/a:%s/b", top, top, top);
	places.path = path;
	cr_assert_eq(plugin_dirs_make(&dirs, &places), 0);
	cr_assert_eq(plugin_dirs_list(&dirs, note, text), 0);
	plugin_dirs_free(&dirs);
	cr_assert_str_eq(text, "ant=/b/ant.so both=/a/both.so zoo=/a/zoo.so");
}

static void note_name(void *arg, const char *name, const char *path)
{
	char *text = arg;
	size_t len = strlen(text);

	(void)path;
	snprintf(text + len, 512 - len, " %s ", name);
}

Test(plugin, files_that_a_built_in_name_hides_are_not_listed)
{
	char text[512] = "";

	make_file("tmpfs.so", "", 0644);
	make_file("other.so", "", 0644);
	search("@");
	plugin_list(note_name, text);
	cr_assert(strstr(text, " other "), "%s", text);
	cr_assert_null(strstr(text, " tmpfs "), "%s", text);
}
