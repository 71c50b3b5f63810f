/*
 * Steps on two file systems, compared.
 * It must not know what the steps are.
 */
#include "script.h"

#include <errno.h>
#include <grp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "harness.h"

#define TEXT_MAX (1 << 17)

__attribute__((format(printf, 2, 3))) static void note(struct script *s, const char *format, ...)
{
	size_t room = TEXT_MAX - s->len;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(s->text + s->len, room, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= room)
		_exit(1);
	s->len += (size_t)n;
}

long script_note(struct script *s, const char *what, long ret)
{
	note(s, "%s: %s\n", what, ret < 0 ? strerrorname_np(errno) : "ok");
	return ret;
}

static void note_xattr(struct script *s, const char *name, const char *xattr)
{
	unsigned char value[256];
	ssize_t n = lgetxattr(name, xattr, value, sizeof value);

	if (n < 0)
		return;
	note(s, " %s=", xattr);
	for (ssize_t i = 0; i < n; i++)
		note(s, "%02x", value[i]);
}

void script_look(struct script *s, const char *name)
{
	struct stat st;

	if (lstat(name, &st) < 0) {
		note(s, "%s: %s\n", name, strerrorname_np(errno));
		return;
	}
	note(s, "%s: mode=%o uid=%u gid=%u nlink=%u", name, (unsigned)st.st_mode,
	     (unsigned)st.st_uid, (unsigned)st.st_gid, (unsigned)st.st_nlink);
	if (S_ISREG(st.st_mode))
		note(s, " size=%lld", (long long)st.st_size);
	note_xattr(s, name, "system.posix_acl_access");
	note_xattr(s, name, "system.posix_acl_default");
	note_xattr(s, name, "security.capability");
	note(s, "\n");
}

struct job {
	struct script script;
	void (*steps)(struct script *);
};

static int run(void *arg)
{
	struct job *job = arg;
	const struct who *who = &job->script.who;
	size_t n = 0;

	while (n < 4 && who->groups[n] != 0)
		n++;
	if (chdir(job->script.dir) < 0 || setgroups(n, who->groups) < 0 ||
	    setresgid(who->gid, who->gid, who->gid) < 0 ||
	    setresuid(who->uid, who->uid, who->uid) < 0)
		return 2;
	job->steps(&job->script);
	return 0;
}

char *script_run(const char *dir, struct who who, void (*steps)(struct script *))
{
	char *shared =
		mmap(NULL, TEXT_MAX, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct job job = {{.dir = dir, .who = who, .text = shared}, steps};
	char *text;

	cr_assert_neq(shared, MAP_FAILED);
	cr_assert_eq(harness_reap(harness_fork(run, &job), 20000), 0, "the steps failed: %s",
		     shared);
	text = strdup(shared);
	munmap(shared, TEXT_MAX);
	return text;
}

void script_compare(const char *ours, const char *theirs)
{
	size_t line = 0;

	for (size_t i = 0; ours[i] || theirs[i]; i++) {
		if (ours[i] != theirs[i])
			cr_assert_fail("differs:\n  mount: %.*s\n  bare:  %.*s",
				       (int)strcspn(ours + line, "\n"), ours + line,
				       (int)strcspn(theirs + line, "\n"), theirs + line);
		if (ours[i] == '\n')
			line = i + 1;
	}
}
