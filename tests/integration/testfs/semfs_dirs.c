/*
 * The recording file system's ops on directories, and forget.
 */
#include "semfs.h"

#include <string.h>
#include <sys/stat.h>

static void forget_one(struct semfs *fs, const struct llfused_forget *one)
{
	struct sem_node *node = sem_node(fs, one->nodeid);

	if (!node || node->nlookup < one->nlookup) {
		fs->strays++;
		return;
	}
	node->nlookup -= one->nlookup;
	sem_node_settle(fs, node);
}

void sem_forget(struct llfused_ctx *ctx, const struct llfused_forget *list, size_t count)
{
	__attribute__((cleanup(sem_leave))) struct semfs *fs = sem_enter(ctx, SEM_op_forget, 0);

	fs->forgotten += count;
	if (count > fs->most_forgotten)
		fs->most_forgotten = count;
	for (size_t i = 0; i < count; i++)
		forget_one(fs, &list[i]);
}

int sem_opendir(struct llfused_ctx *ctx, uint64_t nodeid, uint32_t flags, struct llfused_open *out)
{
	SEM_BEGIN(ctx, opendir, nodeid);
	struct sem_node *dir;
	int ret = sem_dir(fs, nodeid, &dir);

	(void)flags;
	return ret != 0 ? ret : sem_open_new(fs, dir, out);
}

/*
 * An entry with its attributes, where these are asked for.  Names that begin with "bare" come
 * without: a file system may have them at hand or not.
 */
static int add_child(const struct semfs *fs, const struct sem_name *name,
		     struct llfused_dirents *dirents)
{
	struct sem_node *node = sem_node(fs, name->nodeid);
	bool bare = !dirents->plus || strncmp(name->text, "bare", 4) == 0;
	struct llfused_entry entry = {0};
	int taken;

	if (!bare)
		sem_node_enter(fs, node, &entry);
	taken = dirents->add(dirents, name->text, name->len, node->id, node->mode, name->cookie,
			     bare ? NULL : &entry);
	if (!bare && !taken)
		node->nlookup--;
	return taken;
}

int sem_readdir(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		struct llfused_dirents *dirents)
{
	SEM_BEGIN(ctx, readdir, nodeid);
	struct sem_node *dir;
	int ret = sem_dir(fs, nodeid, &dir);

	sem_open_check(fs, nodeid, fh);
	if (ret != 0)
		return ret;
	if (offset < 1 && !dirents->add(dirents, ".", 1, dir->id, S_IFDIR, 1, NULL))
		return 0;
	if (offset < 2 && !dirents->add(dirents, "..", 2, dir->parent, S_IFDIR, 2, NULL))
		return 0;
	for (const struct sem_name *name = dir->first; name; name = name->next)
		if (name->cookie > offset && !add_child(fs, name, dirents))
			break;
	return 0;
}

int sem_releasedir(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint32_t flags)
{
	SEM_BEGIN(ctx, releasedir, nodeid);

	(void)flags;
	sem_open_end(fs, nodeid, fh);
	return 0;
}

int sem_fsyncdir(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, int datasync)
{
	SEM_BEGIN(ctx, fsyncdir, nodeid);

	(void)datasync;
	sem_open_check(fs, nodeid, fh);
	return 0;
}
