/*
 * Mistakes of a backend in its answers: the caller gets an errno that makes sense, the log says
 * once what was wrong, and nothing is the worse for it afterwards.  See testfs/misfs.c.
 */
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#define TIMES 5

/* What the log says of each sort. */
#define NO_RESULT  "returned neither 0 nor a negative errno"
#define NO_PEND    "returned LLFUSED_PENDING without llfused_pend()"
#define NO_ENOSYS  "returned ENOSYS"
#define OTHER_KIND "was completed as another sort of request"
#define TOO_LONG   "more bytes than there is room for"
#define NO_INODE   "an inode that cannot be"
#define NO_DIRENT  "a directory entry that cannot be told"
#define SAID       NULL /* it was said already */

/* ---- one call each; with a path, they return an errno value ---- */

static int close_or_errno(int fd)
{
	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int do_chmod(const char *path)
{
	return chmod(path, 0600) < 0 ? errno : 0;
}

static int do_stat(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 ? errno : 0;
}

static int do_readlink(const char *path)
{
	char target[8];

	return readlink(path, target, sizeof target) < 0 ? errno : 0;
}

static int do_mknod(const char *path)
{
	return mknod(path, S_IFREG | 0600, 0) < 0 ? errno : 0;
}

static int do_mkdir(const char *path)
{
	return mkdir(path, 0700) < 0 ? errno : 0;
}

static int do_create(const char *path)
{
	return close_or_errno(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
}

static int do_open(const char *path)
{
	return close_or_errno(open(path, O_RDWR | O_CLOEXEC));
}

/* And not a byte of the buffer may have been written to. */
static int do_read(const char *path)
{
	char buf[8192];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;
	int ret;

	cr_assert(fd >= 0, "%s: %s", path, strerror(errno));
	memset(buf, '-', sizeof buf);
	n = read(fd, buf, 100);
	ret = n < 0 ? errno : 0;
	close(fd);
	for (size_t i = n < 0 ? 0 : 4; i < sizeof buf; i++)
		cr_assert_eq(buf[i], '-', "%s: byte %zu was written", path, i);
	return ret;
}

static int do_write(const char *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret;

	cr_assert(fd >= 0, "%s: %s", path, strerror(errno));
	ret = write(fd, "text", 4) < 0 ? errno : 0;
	close(fd);
	return ret;
}

static int do_list(const char *path)
{
	DIR *dir = opendir(path);
	unsigned n = 0;
	int ret;

	cr_assert_not_null(dir, "%s: %s", path, strerror(errno));
	errno = 0;
	while (readdir(dir))
		cr_assert(++n < 1000, "%s: it goes round", path);
	ret = errno;
	closedir(dir);
	return ret;
}

static int do_getxattr(const char *path)
{
	char value[64];

	return getxattr(path, "user.x", value, sizeof value) < 0 ? errno : 0;
}

static int do_listxattr(const char *path)
{
	char names[64];

	return listxattr(path, names, sizeof names) < 0 ? errno : 0;
}

struct op {
	const char *name;    /* the backend's */
	const char *message; /* the kernel's */
	int (*call)(const char *path);
};

static const struct op ops[] = {
	{"lookup", "LOOKUP", do_stat},
	{"getattr", "GETATTR", do_stat},
	{"setattr", "SETATTR", do_chmod},
	{"readlink", "READLINK", do_readlink},
	{"mknod", "MKNOD", do_mknod},
	{"mkdir", "MKDIR", do_mkdir},
	{"create", "CREATE", do_create},
	{"open", "OPEN", do_open},
	{"read", "READ", do_read},
	{"write", "WRITE", do_write},
	{"readdir", "READDIRPLUS", do_list},
	{"getxattr", "GETXATTR", do_getxattr},
	{"listxattr", "LISTXATTR", do_listxattr},
	{NULL, NULL, NULL},
};

static const struct op *op_named(const char *name)
{
	const struct op *op = ops;

	while (strcmp(op->name, name) != 0)
		op++;
	return op;
}

/* ---- the daemon ---- */

static void start(struct daemon *d)
{
	*d = (struct daemon){.testfs = true, .backend = "misfs"};
	daemon_start(d, NULL);
}

static void order(int fd, const char *word)
{
	cr_assert_eq(write(fd, word, strlen(word)), (ssize_t)strlen(word), "%s", strerror(errno));
}

static void control(const struct daemon *d, const char *word)
{
	int fd = open(daemon_path(d, "control"), O_WRONLY | O_CLOEXEC);

	cr_assert(fd >= 0, "nothing can be opened any more: %s", strerror(errno));
	order(fd, word);
	close(fd);
}

/* Warnings about the backend from `from` on, that have both words in them. */
static unsigned count_warnings(const struct daemon *d, size_t from, const char *one,
			       const char *two)
{
	char *log = daemon_log(d, from), *save = NULL;
	unsigned n = 0;

	for (char *at = strtok_r(log, "\n", &save); at; at = strtok_r(NULL, "\n", &save))
		n += strncmp(at, "llfused: backend misfs: ", 24) == 0 && strstr(at, one) &&
		     strstr(at, two);
	free(log);
	return n;
}

/* ---- mistakes ---- */

struct mistake {
	const char *name;
	int error;        /* what the caller gets */
	const char *said; /* of this op, when it is made the first time */
	bool completed;   /* by a function that must say that it was wrong */
};

static void check_log(const struct daemon *d, size_t from, const struct op *op,
		      const struct mistake *m)
{
	char word[32];

	snprintf(word, sizeof word, " %s ", op->message);
	cr_assert_eq(count_warnings(d, from, "", ""), m->said != NULL, "%s.%s: %u warnings: %s",
		     op->name, m->name, count_warnings(d, from, "", ""), daemon_log(d, from));
	if (m->said)
		cr_assert_eq(count_warnings(d, from, word, m->said), 1, "%s.%s: %s", op->name,
			     m->name, daemon_log(d, from));
	if (!m->completed)
		return;
	cr_assert(!daemon_log_has(d, from, "completed=0."), "%s.%s", op->name, m->name);
	cr_assert(daemon_log_has(d, from, "completed=-22."), "%s.%s", op->name, m->name);
}

/* Neither the mount nor the inode has suffered. */
static void check_well(const struct daemon *d, const struct op *op, const struct mistake *m)
{
	int error;

	control(d, "right");
	error = op->call(daemon_path(d, "%s.%s", op->name, m->name));
	cr_assert_eq(error, 0, "%s.%s does not work afterwards: %s", op->name, m->name,
		     strerror(error));
	cr_assert_eq(do_stat(d->mnt), 0, "%s", strerror(errno));
	cr_assert_eq(do_list(d->mnt), 0);
	cr_assert_eq(do_read(daemon_path(d, "good")), 0);
	control(d, "wrong");
}

static void check(const struct daemon *d, const struct op *op, const struct mistake *m)
{
	const char *path = daemon_path(d, "%s.%s", op->name, m->name);
	size_t from = daemon_log_size(d);

	for (int i = 0; i < TIMES; i++) {
		int error = op->call(path);

		cr_assert_eq(error, m->error, "%s.%s: %s instead of %s", op->name, m->name,
			     strerror(error), strerror(m->error));
	}
	check_log(d, from, op, m);
	check_well(d, op, m);
}

static void check_all(const struct daemon *d, const struct op *op, const struct mistake *list)
{
	for (; list->name; list++)
		check(d, op, list);
}

static void check_each_op(const struct mistake *list)
{
	struct daemon d;

	start(&d);
	for (const struct op *op = ops; op->name; op++)
		check_all(&d, op, list);
	cr_assert_eq(daemon_stop(&d), 0);
}

/* Of some ops; the list of their names ends with NULL. */
static void check_ops(const char *const *names, const struct mistake *list)
{
	struct daemon d;

	start(&d);
	for (; *names; names++)
		check_all(&d, op_named(*names), list);
	cr_assert_eq(daemon_stop(&d), 0);
}

/* ---- of any op ---- */

FACT(mistakes, a_result_that_means_nothing_is_eio)
{
	static const struct mistake list[] = {
		{"positive", EIO, NO_RESULT, false},
		{"far", EIO, SAID, false},
		{"late_positive", EIO, SAID, true},
		{"late_far", EIO, SAID, true},
		{.name = NULL},
	};

	check_each_op(list);
}

FACT(mistakes, pending_without_having_pended_is_eio)
{
	static const struct mistake list[] = {
		{"unpended", EIO, NO_PEND, false},
		{.name = NULL},
	};

	check_each_op(list);
}

FACT(mistakes, enosys_is_eopnotsupp_and_switches_nothing_off)
{
	static const struct mistake list[] = {
		{"enosys", EOPNOTSUPP, NO_ENOSYS, false},
		{"late_enosys", EOPNOTSUPP, SAID, false},
		{.name = NULL},
	};

	check_each_op(list);
}

FACT(mistakes, a_completion_of_another_sort_is_eio)
{
	static const struct mistake list[] = {
		{"other_kind", EIO, OTHER_KIND, true},
		{"late_nothing", EIO, SAID, true},
		{.name = NULL},
	};

	check_each_op(list);
}

/* ---- of those that answer bytes ---- */

static const char *const ops_with_bytes[] = {"read", "write", "readlink", NULL};
static const char *const ops_with_xattrs[] = {"getxattr", "listxattr", NULL};

FACT(mistakes, more_bytes_than_there_is_room_for_are_eio)
{
	static const struct mistake list[] = {
		{"long", EIO, TOO_LONG, false},
		{"late_long", EIO, SAID, true},
		{.name = NULL},
	};

	check_ops(ops_with_bytes, list);
}

FACT(mistakes, an_attribute_that_is_too_long_is_an_error)
{
	static const struct mistake list[] = {
		{"long", EIO, TOO_LONG, false},
		{"late_long", ERANGE, SAID, true},
		{.name = NULL},
	};

	check_ops(ops_with_xattrs, list);
}

/* ---- of those that answer inodes ---- */

static const char *const ops_with_entries[] = {"lookup", "mknod", "mkdir", "create", NULL};
static const char *const ops_with_new_entries[] = {"mknod", "mkdir", "create", NULL};
static const char *const ops_with_attributes[] = {"getattr", "setattr", NULL};

FACT(mistakes, attributes_that_cannot_be_are_eio_and_the_inode_is_not_bad_for_it)
{
	static const struct mistake list[] = {
		{"typeless", EIO, NO_INODE, false},
		{"huge", EIO, SAID, false},
		{"late_typeless", EIO, SAID, true},
		{"late_huge", EIO, SAID, true},
		{.name = NULL},
	};

	check_ops(ops_with_attributes, list);
	check_ops(ops_with_entries, list);
}

FACT(mistakes, the_roots_nodeid_under_a_name_is_eio_and_the_root_works_on)
{
	static const struct mistake list[] = {
		{"root", EIO, NO_INODE, false},
		{"late_root", EIO, SAID, true},
		{.name = NULL},
	};

	check_ops(ops_with_entries, list);
}

FACT(mistakes, no_nodeid_for_what_was_made_is_eio)
{
	static const struct mistake list[] = {
		{"zero", EIO, NO_INODE, false},
		{.name = NULL},
	};

	check_ops(ops_with_new_entries, list);
}

FACT(mistakes, a_root_that_is_no_directory_is_eio_and_the_root_works_on)
{
	static const char *const words[] = {"file", "late_file", NULL};
	struct daemon d;
	size_t from;
	int fd;

	start(&d);
	from = daemon_log_size(&d);
	fd = open(daemon_path(&d, "control"), O_WRONLY | O_CLOEXEC);
	cr_assert(fd >= 0, "%s", strerror(errno));
	for (int i = 0; words[i]; i++) {
		order(fd, words[i]);
		for (int n = 0; n < TIMES; n++)
			cr_assert_eq(do_stat(d.mnt), EIO, "%s", words[i]);
		order(fd, "right");
		cr_assert_eq(do_stat(d.mnt), 0, "%s: the root is bad for ever", words[i]);
		cr_assert_eq(do_list(d.mnt), 0);
	}
	close(fd);
	cr_assert_eq(count_warnings(&d, from, " GETATTR ", NO_INODE), 1);
	cr_assert_eq(count_warnings(&d, from, "", ""), 1);
	cr_assert_eq(daemon_stop(&d), 0);
}

/* ---- of readdir ---- */

static const char *const ops_with_names[] = {"readdir", NULL};

FACT(mistakes, a_directory_entry_that_cannot_be_ends_the_listing_with_eio)
{
	static const struct mistake list[] = {
		{"start", EIO, NO_DIRENT, false}, {"negative", EIO, SAID, false},
		{"slash", EIO, SAID, false},      {"typeless", EIO, SAID, false},
		{"huge", EIO, SAID, false},       {"root", EIO, SAID, false},
		{"late_start", EIO, SAID, true},  {.name = NULL},
	};

	check_ops(ops_with_names, list);
}

/* The next request goes on behind the entry that is right: it is one without attributes. */
FACT(mistakes, a_listing_that_begins_well_ends_with_eio_and_does_not_go_round)
{
	struct daemon d;
	size_t from;

	start(&d);
	from = daemon_log_size(&d);
	for (int i = 0; i < TIMES; i++)
		cr_assert_eq(do_list(daemon_path(&d, "readdir.second")), EIO);
	cr_assert_eq(count_warnings(&d, from, " READDIRPLUS ", NO_DIRENT), 1);
	cr_assert_eq(count_warnings(&d, from, " READDIR ", NO_DIRENT), 1);
	cr_assert_eq(count_warnings(&d, from, "", ""), 2);
	cr_assert_eq(daemon_stop(&d), 0);
}
