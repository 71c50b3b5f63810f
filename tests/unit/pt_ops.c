/*
 * The passthrough backend without a kernel; see pt_ops.h.
 */
#include "pt_ops.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

struct pt *pt_ops_fs;
const struct llfused_ops *pt_ops;
struct llfused_ctx pt_ops_pool = {.flags = LLFUSED_CTX_MAY_SLEEP};
struct llfused_ctx pt_ops_worker;

static char place[64];

static void configure(void *fs, const char *options)
{
	char copy[256];
	struct llfused_error error = {""};

	snprintf(copy, sizeof copy, "%s", options);
	for (char *key = strtok(copy, ","); key; key = strtok(NULL, ",")) {
		char *value = strchr(key, '=');

		if (value)
			*value++ = '\0';
		cr_assert_eq(pt_backend.configure(fs, key, value, &error), 0, "%s", error.text);
	}
}

void pt_ops_serve(const char *source, const char *options)
{
	struct llfused_wishes wishes = {.wants = pt_backend.wants, .ops = pt_backend.ops};
	struct llfused_conn conn = {.max_write = 1 << 20, .max_read = 1 << 20};
	struct llfused_error error = {""};
	void *fs;

	cr_assert_eq(pt_backend.load(&fs, &error), 0);
	cr_assert_eq(pt_backend.configure(fs, "source", source, &error), 0);
	configure(fs, options);
	cr_assert_eq(pt_backend.ready(fs, &error), 0, "%s", error.text);
	pt_backend.wish(fs, &wishes);
	cr_assert_eq(pt_backend.init(fs, &conn), 0);
	pt_ops = wishes.ops;
	pt_ops_fs = pt_ops_pool.fs = pt_ops_worker.fs = fs;
}

void pt_ops_begin(const char *options)
{
	cr_assert_eq(unshare(CLONE_NEWNS), 0);
	cr_assert_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	snprintf(place, sizeof place, "/tmp/pt-ops-XXXXXX");
	cr_assert_not_null(mkdtemp(place));
	cr_assert_eq(mount("pt-ops", place, "tmpfs", 0, NULL), 0);
	cr_assert_eq(chdir(place), 0);
	umask(0);
	pt_ops_serve(".", options);
}

void pt_ops_end(void)
{
	if (pt_ops_fs)
		pt_backend.destroy(pt_ops_fs);
	pt_ops_fs = NULL;
	if (!*place)
		return;
	if (chdir("/") < 0 || umount2(place, MNT_DETACH) < 0 || rmdir(place) < 0)
		cr_log_warn("%s is left behind", place);
	*place = '\0';
}

void pt_ops_come_back(void)
{
	cr_assert_eq(chdir(place), 0);
}

uint64_t pt_ops_find(const char *path)
{
	uint64_t nodeid = LLFUSED_ROOT_ID;
	char copy[256];

	snprintf(copy, sizeof copy, "%s", path);
	for (char *name = strtok(copy, "/"); name; name = strtok(NULL, "/")) {
		struct llfused_entry entry = {.nodeid = 0};

		cr_assert_eq(pt_ops->lookup(&pt_ops_pool, nodeid, name, &entry), 0, "%s", path);
		nodeid = entry.nodeid;
	}
	return nodeid;
}

struct llfused_attr pt_ops_attr(uint64_t nodeid)
{
	struct llfused_attr_out out = {.timeout = 0};

	cr_assert_eq(pt_ops->getattr(&pt_ops_pool, nodeid, NULL, &out), 0);
	return out.attr;
}

void pt_ops_write(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	cr_assert_not_null(file);
	cr_assert_geq(fputs(text, file), 0);
	cr_assert_eq(fclose(file), 0);
}

struct stat pt_ops_stat(const char *path)
{
	struct stat st;

	cr_assert_eq(lstat(path, &st), 0, "%s", path);
	return st;
}

unsigned pt_ops_open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned count = 0;

	cr_assert_not_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}
