/*
 * Passthrough daemons with -o watch.
 * It must not know what is tested.
 */
#include "pt_watch.h"

#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

static const struct deny no_fanotify[] = {{SYS_fanotify_init, 0, EPERM}};

void pt_watch_choose(struct pt *p, enum pt_way way)
{
	if (way == PT_BY_INOTIFY) {
		p->d.deny = no_fanotify;
		p->d.ndeny = 1;
	}
}

void pt_watch_fill(struct pt *p)
{
	pt_make_source(p);
	pt_put(pt_src(p, "f"), "one");
	PT_OK(mkdir(pt_src(p, "dir"), 0755));
	pt_put(pt_src(p, "dir/g"), "g");
	PT_OK(symlink("one", pt_src(p, "l")));
}

void pt_watch_warm(const struct pt *p)
{
	struct stat st;

	(void)!stat(pt_mnt(p, "f"), &st);
	if (pt_exists(pt_mnt(p, "f")) && S_ISREG(pt_stat(pt_mnt(p, "f")).st_mode))
		pt_get(pt_mnt(p, "f"));
	pt_list(p->d.mnt);
	pt_list(pt_mnt(p, "dir"));
	pt_list(pt_mnt(p, "dir"));
	(void)!lstat(pt_mnt(p, "dir/g"), &st);
	(void)!lstat(pt_mnt(p, "dir/absent"), &st);
	(void)!lstat(pt_mnt(p, "l"), &st);
	(void)!getxattr(pt_mnt(p, "f"), "user.x", &st, 1);
}
