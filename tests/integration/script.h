/*
 * The same steps on two file systems, and what came of each as text: whatever differs shows.  Steps
 * run in a process of their own, as somebody.
 */
#ifndef INTEGRATION_SCRIPT_H
#define INTEGRATION_SCRIPT_H

#include <sys/types.h>

struct who {
	uid_t uid;
	gid_t gid;
	gid_t groups[4]; /* supplementary; ends with 0 */
};

struct script {
	const char *dir; /* where it runs: the steps' working directory */
	struct who who;
	char *text;
	size_t len;
};

/* Runs the steps in `dir`; what they noted: a new string. */
char *script_run(const char *dir, struct who who, void (*steps)(struct script *));

/* One step: its result is an errno name, or "ok".  Returns `ret`. */
long script_note(struct script *s, const char *what, long ret);
#define STEP(s, call) script_note((s), #call, (long)(call))

/* What a name is now: type, mode, owner, and which xattrs that matter for rights it has. */
void script_look(struct script *s, const char *name);

/* Fails with the first line that differs. */
void script_compare(const char *ours, const char *theirs);

#endif
