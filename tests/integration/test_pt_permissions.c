/*
 * Passthrough: who may do what, and what becomes of rights: step by step as on a bare tmpfs.
 */
#include "pt.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "script.h"

#define GROUP 500 /* a supplementary one of some */

static const struct who root = {0};
static const struct who owner = {2, 2, {GROUP}};
static const struct who other = {3, 3, {0}};

/* Runs the steps of each in turn on a mount, started with these options, and on a bare tmpfs. */
static void compare(const char *options, void (*prepare)(struct script *),
		    void (*steps)(struct script *), const struct who *const *whos)
{
	const char *bare = pt_make_fs(PT_TMPFS, "bare", 0);
	struct pt p = {0};

	pt_start(&p, options, NULL);
	for (; *whos; whos++) {
		char *place = pt_mnt(&p, "dir"), *beside = harness_path("bare/dir");
		struct run run;

		PT_OK(mkdir(place, 0777));
		PT_OK(mkdir(beside, 0777));
		PT_OK(chmod(place, 0777));
		PT_OK(chmod(beside, 0777));
		free(script_run(place, root, prepare));
		free(script_run(beside, root, prepare));
		script_compare(script_run(place, **whos, steps), script_run(beside, **whos, steps));
		run_command(&run, 0,
			    (char *[]){(char[]){"rm"}, (char[]){"-rf"}, place, beside, NULL});
		cr_assert_eq(run.status, 0, "%s", run.err);
	}
	cr_assert_str_eq(pt_list(bare), "");
	pt_stop(&p);
}

static const struct who *const all[] = {&root, &owner, &other, NULL};

/* ---- setuid, setgid, capabilities of files ---- */

/* security.capability of version 2: cap_net_raw, permitted and effective. */
static const unsigned char capability[20] = {1, 0, 0, 2, 0, 0x20};

static void make_privileged(const char *name, mode_t mode)
{
	int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	(void)!write(fd, "0123456789", 10);
	(void)!fchown(fd, 2, 2);
	(void)!fchmod(fd, mode);
	close(fd);
	setxattr(name, "security.capability", capability, sizeof capability, 0);
}

static const mode_t modes[] = {06777, 02776, 04666, 0777};
static const char *const ways[] = {"write",  "pwrite",    "append", "truncate", "ftruncate",
				   "otrunc", "fallocate", "copy",   "sendfile", "touch",
				   "chown",  "chgrp",     "chmod",  "read",     "same-size"};

static void prepare_privileged(struct script *s)
{
	char name[64];

	(void)s;
	make_privileged("from", 0644);
	for (size_t m = 0; m < sizeof modes / sizeof modes[0]; m++)
		for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
			snprintf(name, sizeof name, "%s-%o", ways[i], (unsigned)modes[m]);
			make_privileged(name, modes[m]);
		}
}

static void change_data(struct script *s, const char *way, const char *name, int from)
{
	int fd = open(name, O_RDWR | O_CLOEXEC | (strcmp(way, "append") == 0 ? O_APPEND : 0));

	if (strcmp(way, "write") == 0 || strcmp(way, "append") == 0)
		STEP(s, write(fd, "xx", 2));
	if (strcmp(way, "pwrite") == 0)
		STEP(s, pwrite(fd, "xx", 2, 5000));
	if (strcmp(way, "ftruncate") == 0)
		STEP(s, ftruncate(fd, 3));
	if (strcmp(way, "same-size") == 0)
		STEP(s, ftruncate(fd, 10));
	if (strcmp(way, "fallocate") == 0)
		STEP(s, fallocate(fd, 0, 0, 5000));
	if (strcmp(way, "copy") == 0)
		STEP(s, copy_file_range(from, NULL, fd, NULL, 5, 0));
	if (strcmp(way, "sendfile") == 0)
		STEP(s, sendfile(fd, from, NULL, 2));
	if (strcmp(way, "read") == 0)
		STEP(s, read(fd, (char[4]){0}, 4));
	close(fd);
}

static void change(struct script *s, const char *way, const char *name, int from)
{
	if (strcmp(way, "truncate") == 0)
		STEP(s, truncate(name, 3));
	else if (strcmp(way, "otrunc") == 0)
		STEP(s, close(open(name, O_WRONLY | O_TRUNC | O_CLOEXEC)));
	else if (strcmp(way, "touch") == 0)
		STEP(s, utimensat(AT_FDCWD, name, NULL, 0));
	else if (strcmp(way, "chown") == 0)
		STEP(s, chown(name, 2, 2));
	else if (strcmp(way, "chgrp") == 0)
		STEP(s, chown(name, (uid_t)-1, GROUP));
	else if (strcmp(way, "chmod") == 0)
		STEP(s, chmod(name, 06711));
	else
		change_data(s, way, name, from);
}

/* The kernel does not tell the daemon, of a file that has both capabilities and the bits, that only
 * the former are to go.  The bits are cleared then. */
static bool is_told(const struct script *s, const char *name)
{
	if (s->who.uid != 0)
		return true;
	return removexattr(name, "security.capability") == 0;
}

static void change_privileged(struct script *s)
{
	int from = open("from", O_RDONLY | O_CLOEXEC);
	char name[64];

	for (size_t m = 0; m < sizeof modes / sizeof modes[0]; m++)
		for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
			snprintf(name, sizeof name, "%s-%o", ways[i], (unsigned)modes[m]);
			if (!is_told(s, name))
				continue;
			change(s, ways[i], name, from);
			script_look(s, name);
		}
	close(from);
}

FACT(pt_permissions, setuid_setgid_and_capabilities_are_cleared_as_natively)
{
	compare("-opassthrough=auto", prepare_privileged, change_privileged, all);
}

FACT(pt_permissions, they_are_cleared_without_kernel_passthrough)
{
	compare("-opassthrough=off", prepare_privileged, change_privileged, all);
}

FACT(pt_permissions, they_are_cleared_without_a_cache)
{
	compare("-opassthrough=off,cache=none", prepare_privileged, change_privileged, all);
}

static void prepare_nothing(struct script *s)
{
	(void)s;
}

/* A file that gets its bits while it is open, and was an ordinary one at its open. */
static void write_to_what_becomes_setuid(struct script *s)
{
	int fd = open("plain", O_RDWR | O_CREAT | O_CLOEXEC, 0755), reader;

	STEP(s, write(fd, "one", 3));
	STEP(s, fchmod(fd, 06755));
	script_look(s, "plain");
	STEP(s, write(fd, "two", 3));
	script_look(s, "plain");
	STEP(s, fchmod(fd, 04711));
	reader = open("plain", O_RDONLY | O_CLOEXEC);
	STEP(s, reader);
	STEP(s, ftruncate(fd, 1));
	script_look(s, "plain");
	STEP(s, fchmod(fd, 02755));
	STEP(s, pwrite(fd, "three", 5, 4096));
	script_look(s, "plain");
	close(reader);
	close(fd);
	script_look(s, "plain");
}

FACT(pt_permissions, a_file_that_becomes_setuid_while_it_is_open_loses_that_when_written)
{
	static const struct who *const whos[] = {&owner, NULL};

	compare("-opassthrough=auto", prepare_nothing, write_to_what_becomes_setuid, whos);
}

/* ---- who new files belong to ---- */

/* ACLs as the kernel takes them. */
struct acl {
	unsigned version;
	struct {
		unsigned short tag, perm;
		unsigned id;
	} entry[5];
};

/* user::rwx user:3:rwx group::r-x mask::rwx other::--- */
static const struct acl shared_acl = {
	2, {{1, 7, ~0u}, {2, 7, 3}, {4, 5, ~0u}, {0x10, 7, ~0u}, {0x20, 0, ~0u}}};

static void prepare_places(struct script *s)
{
	static const char *const names[] = {"plain", "setgid", "foreign", "acl", "group"};

	(void)s;
	umask(0);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		mkdir(names[i], 0777);
	(void)!chown("setgid", 0, GROUP);
	chmod("setgid", 02777);
	(void)!chown("foreign", 0, 600);
	chmod("foreign", 02777);
	(void)!chown("group", 4, GROUP);
	chmod("group", 0070);
	setxattr("acl", "system.posix_acl_default", &shared_acl, sizeof shared_acl, 0);
}

static void name_tmpfile(struct script *s, const char *dir, const char *name)
{
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 02666);
	char path[64];

	STEP(s, fd);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	STEP(s, linkat(AT_FDCWD, path, AT_FDCWD, name, AT_SYMLINK_FOLLOW));
	script_look(s, name);
	close(fd);
}

#define IN(name) (snprintf(path, sizeof path, "%s/" name "-%o", dir, (unsigned)mask), path)

static void make_in(struct script *s, const char *dir, mode_t mask)
{
	char path[64];

	umask(mask);
	STEP(s, close(open(IN("file"), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666)));
	script_look(s, path);
	STEP(s, close(open(IN("bits"), O_WRONLY | O_CREAT | O_CLOEXEC, 06777)));
	script_look(s, path);
	STEP(s, mkdir(IN("dir"), 0777));
	script_look(s, path);
	STEP(s, mkdir(IN("dirbits"), 03777));
	script_look(s, path);
	STEP(s, mknod(IN("fifo"), S_IFIFO | 0666, 0));
	script_look(s, path);
	STEP(s, mknod(IN("node"), S_IFREG | 02777, 0));
	script_look(s, path);
	STEP(s, mknod(IN("device"), S_IFCHR | 0666, 0x103));
	script_look(s, path);
	STEP(s, symlink("x", IN("link")));
	script_look(s, path);
	name_tmpfile(s, dir, IN("tmp"));
}

static void make_everywhere(struct script *s)
{
	static const char *const dirs[] = {"plain", "setgid", "foreign", "acl", "group"};
	static const mode_t masks[] = {0, 022, 077, 0777};

	for (size_t d = 0; d < sizeof dirs / sizeof dirs[0]; d++)
		for (size_t m = 0; m < sizeof masks / sizeof masks[0]; m++)
			make_in(s, dirs[d], masks[m]);
}

FACT(pt_permissions, new_files_belong_to_the_caller_and_get_the_mode_that_they_get_natively)
{
	compare("-ocache=auto", prepare_places, make_everywhere, all);
}

/* ---- who may ---- */

static void prepare_doors(struct script *s)
{
	static const mode_t doors[] = {0700, 0711, 0744, 0755, 01777, 0070, 0007};
	char name[64];

	(void)s;
	umask(0);
	for (size_t i = 0; i < sizeof doors / sizeof doors[0]; i++) {
		snprintf(name, sizeof name, "door-%o", (unsigned)doors[i]);
		mkdir(name, 0700);
		for (unsigned f = 0; f < 3; f++) {
			snprintf(name, sizeof name, "door-%o/f%u", (unsigned)doors[i], f);
			close(open(name, O_WRONLY | O_CREAT | O_CLOEXEC, f ? 0666 : 0640));
			(void)!chown(name, f == 1 ? 2 : 0, f == 1 ? 2 : GROUP);
		}
		snprintf(name, sizeof name, "door-%o", (unsigned)doors[i]);
		(void)!chown(name, 0, GROUP);
		chmod(name, doors[i]);
	}
	close(open("acl", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	setxattr("acl", "system.posix_acl_access", &shared_acl, sizeof shared_acl, 0);
}

static void try_file(struct script *s, const char *name)
{
	static const struct timespec some[2] = {{1000, 0}, {1000, 0}};
	char other_name[80];

	snprintf(other_name, sizeof other_name, "%s.new", name);
	STEP(s, access(name, R_OK));
	STEP(s, access(name, R_OK | W_OK));
	STEP(s, close(open(name, O_RDONLY | O_CLOEXEC)));
	STEP(s, close(open(name, O_WRONLY | O_CLOEXEC)));
	STEP(s, truncate(name, 1));
	STEP(s, utimensat(AT_FDCWD, name, NULL, 0));
	STEP(s, utimensat(AT_FDCWD, name, some, 0));
	STEP(s, chmod(name, 0666));
	STEP(s, chown(name, 2, (gid_t)-1));
	STEP(s, chown(name, (uid_t)-1, GROUP));
	STEP(s, chown(name, (uid_t)-1, 600));
	STEP(s, setxattr(name, "user.x", "1", 1, 0));
	STEP(s, setxattr(name, "trusted.x", "1", 1, 0));
	STEP(s, setxattr(name, "security.x", "1", 1, 0));
	STEP(s, getxattr(name, "trusted.x", other_name, 0));
	STEP(s, getxattr(name, "user.x", other_name, 0));
	STEP(s, link(name, other_name));
	STEP(s, unlink(other_name));
	STEP(s, rename(name, other_name));
	STEP(s, rename(other_name, name));
	script_look(s, name);
	STEP(s, unlink(name));
}

static void try_doors(struct script *s)
{
	static const char *const doors[] = {"700", "711", "744", "755", "1777", "70", "7"};
	char name[64];

	for (size_t i = 0; i < sizeof doors / sizeof doors[0]; i++) {
		snprintf(name, sizeof name, "door-%s", doors[i]);
		STEP(s, close(open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
		STEP(s, chdir(name));
		(void)!chdir(s->dir);
		for (unsigned f = 0; f < 3; f++) {
			snprintf(name, sizeof name, "door-%s/f%u", doors[i], f);
			try_file(s, name);
		}
	}
	STEP(s, close(open("acl", O_RDWR | O_CLOEXEC)));
	STEP(s, access("acl", X_OK));
	STEP(s, removexattr("acl", "system.posix_acl_access"));
	STEP(s, chmod("acl", 0640));
	script_look(s, "acl");
}

FACT(pt_permissions, everybody_may_what_he_may_natively)
{
	compare("-ocache=auto", prepare_doors, try_doors, all);
}

/* Everything about the doors is in the kernel's caches: root has just been everywhere. */
FACT(pt_permissions, everybody_may_what_he_may_natively_with_caches_that_never_end)
{
	compare("-ocache=always", prepare_doors, try_doors, all);
}
