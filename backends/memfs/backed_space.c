/*
 * The space of the private tmpfs.  Files that nobody can reach any more hold some until the kernel
 * forgets them, a moment later; but whoever writes meanwhile gets ENOSPC from the kernel at once.
 * So for that moment the tmpfs gets room for them.  Knows nothing of what is in a file.
 */
#include "backed_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <unistd.h>

#define PER_PAGE (PAGE_BYTES / 512)

/*
 * Most pages of extra room: what can be written in the moment that it takes to forget a file.  Who
 * keeps such files from being forgotten (by O_PATH) must not get past the limit by much.
 */
static uint64_t most_lent(uint64_t limit)
{
	uint64_t least = (UINT64_C(16) << 20) / PAGE_BYTES;

	return limit / 8 > least ? limit / 8 : least;
}

int backed_space_start(struct backed *backed, uint64_t limit)
{
	backed->limit = limit;
	backed->context = fspick(backed->root, "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH);
	return backed->context < 0 ? -errno : 0;
}

void backed_space_stop(struct backed *backed)
{
	if (backed->context >= 0)
		close(backed->context);
}

/* 1 when nobody can run out of it within a moment. */
static int has_plenty(const struct backed *backed)
{
	struct statfs st;

	return fstatfs(backed->root, &st) == 0 &&
	       (uint64_t)st.f_bfree >= 2 * most_lent(backed->limit);
}

static int resize(const struct backed *backed, uint64_t pages)
{
	char blocks[24];

	snprintf(blocks, sizeof(blocks), "%ju", (uintmax_t)pages);
	if (fsconfig(backed->context, FSCONFIG_SET_STRING, "nr_blocks", blocks, 0) < 0)
		return -1;
	return fsconfig(backed->context, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0);
}

/*
 * Gives as much extra room as there are pages of dying files, or takes it back: what is used now,
 * is taken back when a later file goes.  `lazily`: not while there is room anyway.  The lock is
 * held.
 */
static void adjust(struct backed *backed, int lazily)
{
	uint64_t want = backed->dying / PER_PAGE;

	if (!backed->limit)
		return;
	if (want > most_lent(backed->limit))
		want = most_lent(backed->limit);
	if (want == backed->lent || (lazily && want > backed->lent && has_plenty(backed)))
		return;
	if (resize(backed, backed->limit + want) == 0)
		backed->lent = want;
}

void backed_space_dying(struct backed *backed, int64_t blocks)
{
	if (!blocks)
		return;
	pthread_mutex_lock(&backed->lock);
	backed->dying += (uint64_t)blocks;
	adjust(backed, 1);
	pthread_mutex_unlock(&backed->lock);
}

int backed_space(const struct memfs *fs, struct llfused_statfs *out)
{
	struct backed *backed = fs->backed;
	struct statfs st;
	int result;

	pthread_mutex_lock(&backed->lock);
	adjust(backed, 0);
	result = fstatfs(backed->root, &st);
	pthread_mutex_unlock(&backed->lock);
	if (result < 0)
		return -errno;
	out->blocks = backed->limit;
	out->bfree = (uint64_t)st.f_bfree < backed->limit ? (uint64_t)st.f_bfree : backed->limit;
	out->bavail = out->bfree;
	return 0;
}
