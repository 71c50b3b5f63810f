/*
 * The stress of names, afterwards: whether the tree is whole, and nothing of it leaked.
 * One thread is left.
 */
#include "memfs_stress_parts.h"

#include <sys/stat.h>

#define MOST (2 * NAMES + DIRS)

/* Which of the directories that stay were seen. */
struct found {
	const uint64_t *dirs;
	unsigned seen;
};

struct listing {
	struct llfused_dirents dirents;
	unsigned entries;
	unsigned subdirs;
	struct label name[MOST + 1];
	uint32_t mode[MOST + 1];
};

static int list(struct llfused_dirents *dirents, const char *name, size_t namelen, uint64_t ino,
		uint32_t mode, uint64_t next, const struct llfused_entry *entry)
{
	struct listing *listing = (struct listing *)dirents;

	(void)ino;
	(void)next;
	(void)entry;
	if (name[0] == '.')
		return 1;
	if (listing->entries > MOST)
		return 0;
	snprintf(listing->name[listing->entries].text, sizeof(listing->name[0].text), "%.*s",
		 (int)namelen, name);
	listing->mode[listing->entries++] = mode;
	listing->subdirs += S_ISDIR(mode);
	return 1;
}

/* The counts that a directory keeps of its entries. */
static const char *check_counts(struct player *player, uint64_t dir, const struct listing *listing)
{
	struct llfused_attr_out out = {0};

	if (ops->getattr(&player->ctx, dir, NULL, &out))
		return "a directory has no attributes";
	if (listing->entries > MOST)
		return "a directory lists more names than there are";
	if (out.attr.nlink != 2 + listing->subdirs)
		return "the link count is not that of the subdirectories";
	if (out.attr.size != 40 + 20 * (uint64_t)listing->entries)
		return "the size is not that of the entries";
	return NULL;
}

static uint64_t look(struct player *player, uint64_t dir, const char *name)
{
	struct llfused_entry entry = {0};
	int error = ops->lookup(&player->ctx, dir, name, &entry);

	return error ? 0 : entry.nodeid;
}

static const char *clear(struct player *player, uint64_t dir, struct found *found);

static const char *clear_subdir(struct player *player, uint64_t dir, const char *name,
				struct found *found)
{
	uint64_t sub = look(player, dir, name);
	uint64_t above = sub ? look(player, sub, "..") : 0;
	const char *wrong = NULL;

	if (above != dir)
		wrong = "what is above a directory is not where its name is";
	for (unsigned i = 0; i < DIRS && !wrong; i++)
		found->seen |= (unsigned)(found->dirs[i] == sub) << i;
	if (!wrong)
		wrong = clear(player, sub, found);
	if (!wrong && ops->rmdir(&player->ctx, dir, name))
		wrong = "an empty directory cannot be removed";
	if (sub)
		forget(player, sub);
	if (above)
		forget(player, above);
	return wrong;
}

/* Checks and removes all that is in a directory; found gets a bit for each directory of ours. */
static const char *clear(struct player *player, uint64_t dir, struct found *found)
{
	struct listing listing = {.dirents = {.add = list}};
	const char *wrong;

	if (ops->readdir(&player->ctx, dir, 0, 0, &listing.dirents))
		return "a directory cannot be listed";
	wrong = check_counts(player, dir, &listing);
	for (unsigned i = 0; i < listing.entries && !wrong; i++) {
		const char *name = listing.name[i].text;

		if (S_ISDIR(listing.mode[i]))
			wrong = clear_subdir(player, dir, name, found);
		else if (ops->unlink(&player->ctx, dir, name))
			wrong = "a file that is listed cannot be removed";
	}
	return wrong;
}

const char *memfs_stress_end(struct player *player, const uint64_t dirs[DIRS])
{
	struct llfused_statfs statfs = {0};
	struct found found = {.dirs = dirs};
	const char *wrong = clear(player, LLFUSED_ROOT_ID, &found);

	if (wrong)
		return wrong;
	if (found.seen != (1u << DIRS) - 1)
		return "a directory is lost";
	for (unsigned i = 0; i < DIRS; i++)
		forget(player, dirs[i]);
	ops->statfs(&player->ctx, LLFUSED_ROOT_ID, &statfs);
	if (statfs.ffree != statfs.files - 1)
		return "inodes are left that nobody knows";
	return statfs.bfree == statfs.blocks ? NULL : "data is left that nobody knows";
}
