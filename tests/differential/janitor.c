/*
 * Makes and removes the directory of an epoch, in the process of root on one side.
 * Knows nothing of operations.
 */
#include "janitor.h"

#include "dirlist.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int complain(struct worker *w, const char *what, const char *name)
{
	snprintf(w->shm->note[w->side], sizeof(w->shm->note[0]), "clean up: %s \"%.300s\": %s",
		 what, name, strerror(errno));
	return -1;
}

/* The janitor's current directory wanders while it walks: start comes from its own open. */
static int home(struct worker *w)
{
	static int fd = -1;

	if (fd < 0)
		fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fchdir(fd) < 0 ? complain(w, "fchdir", "the start") : 0;
}

int janitor_make(struct worker *w, unsigned epoch)
{
	char name[16];

	snprintf(name, sizeof(name), "e%u", epoch);
	if (home(w) < 0)
		return -1;
	if (mkdir(name, 0777) < 0)
		return complain(w, "mkdir", name);
	w->root = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return w->root < 0 ? complain(w, "open", name) : 0;
}

static int empty_dir(struct worker *w, int dir);

static int remove_entry(struct worker *w, int dir, const struct dirlist_entry *e)
{
	int sub, ret;

	if (unlinkat(dir, e->name, 0) == 0)
		return 0;
	if (errno != EISDIR)
		return complain(w, "unlink", e->name);
	sub = openat(dir, e->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (sub < 0)
		return complain(w, "open", e->name);
	ret = empty_dir(w, sub);
	close(sub);
	if (ret == 0 && unlinkat(dir, e->name, AT_REMOVEDIR) < 0)
		return complain(w, "rmdir", e->name);
	return ret;
}

static int empty_dir(struct worker *w, int dir)
{
	struct dirlist l;
	int ret = 0;

	if (dirlist_read(&l, dir, 0) < 0)
		return complain(w, "list", "a directory");
	for (size_t i = 0; i < l.n && ret == 0; i++)
		if (strcmp(l.entry[i].name, ".") != 0 && strcmp(l.entry[i].name, "..") != 0)
			ret = remove_entry(w, dir, &l.entry[i]);
	dirlist_free(&l);
	return ret;
}

int janitor_remove(struct worker *w, unsigned epoch)
{
	char name[16];
	int ret = empty_dir(w, w->root);

	snprintf(name, sizeof(name), "e%u", epoch);
	close(w->root);
	if (home(w) < 0 || ret < 0)
		return -1;
	return rmdir(name) < 0 ? complain(w, "rmdir", name) : 0;
}
