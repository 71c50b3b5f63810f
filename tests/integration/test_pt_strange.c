/*
 * Passthrough: strange things on the source: our own mount, links that are none, names of any
 * bytes.
 */
#include "pt.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"

static void start(struct pt *p, const char *options)
{
	p->kind = PT_DIR;
	pt_make_source(p);
	pt_put(pt_src(p, "f"), "inside");
	pt_start(p, options, NULL);
}

FACT(pt_strange, our_own_mount_beneath_the_source_is_not_entered)
{
	struct pt p = {0};
	struct stat st;

	start(&p, NULL);
	PT_OK(mkdir(pt_src(&p, "loop"), 0755));
	PT_OK(mkdir(pt_src(&p, "dir"), 0755));
	pt_put(pt_src(&p, "bound"), "");
	PT_OK(mount(p.d.mnt, pt_src(&p, "loop"), NULL, MS_BIND, NULL));
	PT_OK(mount(pt_mnt(&p, "f"), pt_src(&p, "bound"), NULL, MS_BIND, NULL));
	files_forget(&p.d);
	PT_FAILS(lstat(pt_mnt(&p, "loop"), &st), ELOOP);
	PT_FAILS(lstat(pt_mnt(&p, "bound"), &st), ELOOP);
	PT_FAILS(open(pt_mnt(&p, "loop/f"), O_RDONLY), ELOOP);
	PT_FAILS(open(pt_mnt(&p, "loop/new"), O_WRONLY | O_CREAT, 0644), ELOOP);
	cr_assert_str_eq(pt_list(p.d.mnt), "bound dir f loop");
	cr_assert_str_eq(pt_get(pt_mnt(&p, "f")), "inside");
	PT_OK(umount2(pt_src(&p, "loop"), 0));
	PT_OK(umount2(pt_src(&p, "bound"), 0));
	cr_assert(eventually(pt_exists(pt_mnt(&p, "loop"))));
	pt_stop(&p);
}

FACT(pt_strange, magic_links_are_links_like_others)
{
	char text[256] = "", name[64];
	struct pt p = {0};
	struct stat st;
	int dir;

	start(&p, NULL);
	PT_OK(mkdir(pt_src(&p, "proc"), 0755));
	PT_OK(mount("proc", pt_src(&p, "proc"), "proc", 0, NULL));
	dir = pt_open(p.d.mnt, O_RDONLY | O_DIRECTORY);
	snprintf(name, sizeof name, "proc/%d/root", (int)getpid());
	PT_OK(fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW));
	cr_assert(S_ISLNK(st.st_mode));
	PT_FAILS(openat(dir, name, O_RDONLY | O_NOFOLLOW), ELOOP);
	PT_FAILS(openat(dir, name, O_RDONLY | O_NOFOLLOW | O_DIRECTORY), ENOTDIR);
	/* read, it is text: the client looks for that in its own world */
	PT_OK(readlinkat(dir, name, text, sizeof text - 1));
	cr_assert_str_eq(text, "/");
	close(dir);
	pt_stop(&p);
}

static char *name_of_bytes(unsigned from, unsigned n)
{
	char *name = calloc(1, n + 1), *at = name;

	for (unsigned i = 0; i < n; i++) {
		unsigned char c = (unsigned char)(from + i);

		*at++ = (char)(c == 0 || c == '/' ? 'x' : c);
	}
	return name;
}

FACT(pt_strange, hostile_names_are_names_like_others)
{
	const char *const names[] = {
		name_of_bytes(1, 255),
		name_of_bytes(255, 1),
		name_of_bytes(128, 100),
		"\n",
		"a\nb",
		"...",
		"..x",
		". ",
		" ",
		"-rf",
		"%s%n%d",
		"\\057etc",
		"\xc0\xaf",
		"\xff\xfe",
		"..\xc0\xaf..",
		"\x1b[2J",
		"~",
		"$(reboot)",
	};
	struct pt p = {0};

	start(&p, "-oentry_timeout=0,attr_timeout=0");
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		const char *here = pt_mnt(&p, "%s", names[i]), *there = pt_src(&p, "%s", names[i]);

		pt_put(here, "one");
		cr_assert_str_eq(pt_get(there), "one");
		PT_OK(unlink(there));
		PT_OK(mkdir(there, 0755));
		cr_assert(S_ISDIR(pt_stat(here).st_mode));
		PT_OK(rename(pt_mnt(&p, "f"), pt_mnt(&p, "%s/f", names[i])));
		cr_assert_str_eq(pt_list(p.d.mnt), names[i]);
		PT_OK(rename(pt_mnt(&p, "%s/f", names[i]), pt_mnt(&p, "f")));
		PT_OK(symlink(names[i], pt_mnt(&p, "l")));
		cr_assert_str_eq(pt_list(pt_mnt(&p, "l")), "");
		PT_OK(unlink(pt_mnt(&p, "l")));
		PT_OK(rmdir(here));
	}
	pt_stop(&p);
}
