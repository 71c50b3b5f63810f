/*
 * The mode in which an inode is open.  The kernel wants one for all opens of an inode at a time,
 * the same backing file in kernel passthrough too, so the first open chooses and it stays until
 * the last release.  Knows nothing of handles.
 */
#include "file_impl.h"

#include <errno.h>
#include <stdlib.h>

#include "backing.h"
#include "passthrough.h"

static pthread_mutex_t *lock_of(struct pt *fs, const struct pt_node *node)
{
	return &fs->files->node[node->index % PT_FILE_LOCKS];
}

/* `files` is looked at without the lock, to see quickly that the inode is not open. */
static void set_state(struct pt_node *node, struct pt_file_state *state)
{
	__atomic_store_n(&node->files, state, __ATOMIC_RELEASE);
}

static struct pt_file_state *state_of(const struct pt_node *node)
{
	return __atomic_load_n(&node->files, __ATOMIC_ACQUIRE);
}

static void choose_mode(struct pt *fs, const struct pt_file *file, uint32_t mode,
			struct pt_file_state *state)
{
	struct pt_node *node = file->node;

	if (pt_mount_at(&fs->source, node->mount)->sizeless)
		state->mode = PT_FILE_DIRECT;
	else if (fs->backing && !pt_backing_get(fs, node, file->fd, pt_file_writes(file->flags),
						mode, &state->backing_id))
		state->mode = PT_FILE_BACKING;
	else if (fs->options.cache == PT_CACHE_NONE)
		state->mode = PT_FILE_DIRECT;
	else
		state->mode = PT_FILE_CACHED;
}

/* The lock is held.  0 or -ENOMEM. */
static int enter(struct pt *fs, const struct pt_file *file, uint32_t mode)
{
	struct pt_file_state *state = file->node->files;

	if (!state) {
		state = calloc(1, sizeof(*state));
		if (!state)
			return -ENOMEM;
		choose_mode(fs, file, mode, state);
		set_state(file->node, state);
	}
	state->opens++;
	state->mappers += pt_file_maps(file->flags);
	return 0;
}

/* Where errors of writing may come late, or locks are ours, each close is to be told. */
static bool flushes(const struct pt *fs, const struct pt_node *node)
{
	return fs->options.locks_source ||
	       pt_mount_at(&fs->source, node->mount)->pace == PT_PACE_SLOW;
}

/* May pages stay from earlier opens?  Not if there was one that wrote past them. */
static bool keeps_cache(const struct pt *fs, const struct pt_node *node)
{
	return !fs->backing || pt_mount_at(&fs->source, node->mount)->no_backing;
}

static void describe(const struct pt *fs, const struct pt_node *node,
		     const struct pt_file_state *state, struct llfused_open *out)
{
	out->flags = flushes(fs, node) ? 0 : LLFUSED_OPEN_NOFLUSH;
	switch (state->mode) {
	case PT_FILE_BACKING:
		out->flags |= LLFUSED_OPEN_PASSTHROUGH;
		out->backing_id = state->backing_id;
		break;
	case PT_FILE_DIRECT:
		out->flags |= LLFUSED_OPEN_DIRECT_IO | LLFUSED_OPEN_PARALLEL_WRITES;
		break;
	case PT_FILE_CACHED:
		if (keeps_cache(fs, node))
			out->flags |= LLFUSED_OPEN_KEEP_CACHE;
		break;
	}
}

/* From now on attributes are told for no time.  Those told before are outdated by the first store
 * to mapped memory, so the kernel is to forget them.  When the last mapper goes it has none that
 * would be outdated. */
static void forget_attributes(const struct pt *fs, const struct pt_node *node)
{
	if (fs->options.attr_timeout > 0)
		llfused_notify_inval_inode(pt_node_id(node), -1, 0);
}

int pt_file_join(struct pt *fs, struct pt_file *file, uint32_t mode, struct llfused_open *out)
{
	struct pt_node *node = file->node;
	bool unseen = false;
	int ret;

	pthread_mutex_lock(lock_of(fs, node));
	ret = enter(fs, file, mode);
	if (!ret) {
		const struct pt_file_state *state = node->files;

		file->mode = state->mode;
		describe(fs, node, state, out);
		unseen = state->mode == PT_FILE_BACKING && pt_file_maps(file->flags) &&
			 state->mappers == 1;
	}
	pthread_mutex_unlock(lock_of(fs, node));
	if (unseen && mode == 0)
		forget_attributes(fs, node);
	return ret;
}

void pt_file_leave(struct pt *fs, const struct pt_file *file, bool nameless)
{
	struct pt_node *node = file->node;
	struct pt_file_state *state;

	pthread_mutex_lock(lock_of(fs, node));
	state = node->files;
	state->mappers -= pt_file_maps(file->flags);
	if (--state->opens == 0) {
		set_state(node, NULL);
		if (state->mode == PT_FILE_BACKING)
			pt_backing_put(fs, node, nameless);
		free(state);
	}
	pthread_mutex_unlock(lock_of(fs, node));
}

bool pt_file_changes_unseen(struct pt *fs, const struct pt_node *node)
{
	const struct pt_file_state *state;
	bool unseen;

	if (!state_of(node))
		return false;
	pthread_mutex_lock(lock_of(fs, node));
	state = node->files;
	unseen = state && state->mode == PT_FILE_BACKING && state->mappers > 0;
	pthread_mutex_unlock(lock_of(fs, node));
	return unseen;
}
