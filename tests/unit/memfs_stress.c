/*
 * The stress of names: random ops by some threads.
 * Knows the ops of memfs only.
 */
#include "memfs_stress.h"
#include "memfs_stress_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define THREADS 4
#define ROUNDS  20000u

#define NOREPLACE 1u
#define EXCHANGE  2u
#define WHITEOUT  4u

static void *fs;
static uint64_t dirs[DIRS];
static atomic_int surprise; /* an errno that no op may give */

static unsigned draw(struct player *player, unsigned below)
{
	player->random ^= player->random << 13;
	player->random ^= player->random >> 7;
	player->random ^= player->random << 17;
	return (unsigned)(player->random >> 16) % below;
}

static uint64_t draw_dir(struct player *player)
{
	return dirs[draw(player, DIRS)];
}

static struct label draw_name(struct player *player)
{
	return label("fs"[draw(player, 2)], draw(player, NAMES));
}

/* What others may have left behind a name, or done to it meanwhile. */
static void expect(int error)
{
	static const int possible[] = {0,      ENOENT, EEXIST, ENOTEMPTY, EINVAL,
				       ESTALE, EISDIR, EPERM,  ENOTDIR};

	for (size_t i = 0; i < sizeof(possible) / sizeof(possible[0]); i++)
		if (error == -possible[i])
			return;
	atomic_store(&surprise, -error);
}

/* A nodeid that is held until forget(); 0 when there is no such name. */
static uint64_t look(struct player *player, uint64_t dir, const char *name)
{
	struct llfused_entry entry = {0};
	int error = ops->lookup(&player->ctx, dir, name, &entry);

	expect(error);
	return error ? 0 : entry.nodeid;
}

static void make(struct player *player, uint64_t dir, const struct label *name)
{
	struct llfused_entry entry = {0};
	int error;

	if (name->text[0] == 's')
		error = ops->mkdir(&player->ctx, dir, name->text, 0755, &entry);
	else
		error = ops->mknod(&player->ctx, dir, name->text, S_IFREG | 0644, 0, &entry);
	expect(error);
	if (!error)
		forget(player, entry.nodeid);
}

static void play_make(struct player *player)
{
	struct label name = draw_name(player);

	make(player, draw_dir(player), &name);
}

static void play_remove(struct player *player)
{
	struct label name = draw_name(player);
	int (*remove)(struct llfused_ctx *, uint64_t, const char *) =
		draw(player, 2) ? ops->unlink : ops->rmdir;

	expect(remove(&player->ctx, draw_dir(player), name.text));
}

/* In a directory that others remove. */
static void play_make_below(struct player *player)
{
	struct label above = label('s', draw(player, NAMES));
	struct label name = label('f', 0);
	uint64_t dir = look(player, draw_dir(player), above.text);

	if (!dir)
		return;
	sched_yield();
	make(player, dir, &name);
	if (draw(player, 4))
		expect(ops->unlink(&player->ctx, dir, name.text));
	forget(player, dir);
}

static void play_rename(struct player *player)
{
	static const uint32_t flags[] = {0, 0, 0, NOREPLACE, EXCHANGE, WHITEOUT};
	struct label from = draw_name(player);
	struct label to = draw_name(player);

	expect(ops->rename(&player->ctx, draw_dir(player), from.text, draw_dir(player), to.text,
			   flags[draw(player, 6)]));
}

/* One of the directories that stay, to below another one, or below one that moves itself. */
static void play_move_dir(struct player *player)
{
	unsigned which = draw(player, DIRS);
	struct label name = label('d', which);
	struct label moving = label('s', draw(player, NAMES));
	uint64_t from = look(player, dirs[which], "..");
	uint64_t to = draw(player, 4) ? draw_dir(player) : LLFUSED_ROOT_ID;
	uint64_t held = draw(player, 3) ? 0 : look(player, to, moving.text);

	if (!from)
		atomic_store(&surprise, ENOTCONN);
	else
		expect(ops->rename(&player->ctx, from, name.text, held ? held : to, name.text, 0));
	if (from)
		forget(player, from);
	if (held)
		forget(player, held);
}

static void play_link(struct player *player)
{
	struct label from = label('f', draw(player, NAMES));
	struct label to = label('f', draw(player, NAMES));
	uint64_t file = look(player, draw_dir(player), from.text);
	struct llfused_entry entry = {0};
	int error;

	if (!file)
		return;
	error = ops->link(&player->ctx, file, draw_dir(player), to.text, &entry);
	expect(error);
	if (!error)
		forget(player, file);
	forget(player, file);
}

/* Two inodes at once, whatever they are. */
static void play_copy(struct player *player)
{
	struct label a = draw_name(player);
	struct label b = draw_name(player);
	uint64_t dir = draw_dir(player);
	uint64_t in = look(player, dir, a.text);
	uint64_t out = draw(player, 8) ? look(player, draw_dir(player), b.text) : dir;
	uint64_t copied;
	size_t wrote;

	if (in && out) {
		expect(ops->write(&player->ctx, in, 0, 0, "some", 4, 0, &wrote));
		expect(ops->copy_file_range(&player->ctx, in, 0, 0, out, 0, 4, 4, 0, &copied));
	}
	if (in)
		forget(player, in);
	if (out && out != dir)
		forget(player, out);
}

static int count(struct llfused_dirents *dirents, const char *name, size_t namelen, uint64_t ino,
		 uint32_t mode, uint64_t next, const struct llfused_entry *entry)
{
	(void)dirents;
	(void)namelen;
	(void)ino;
	(void)mode;
	(void)next;
	return !entry || name[0] == '.'; /* nothing whose lookup would count */
}

static void play_read(struct player *player)
{
	struct llfused_dirents dirents = {.plus = draw(player, 2) != 0, .add = count};
	struct llfused_setattr set = {.valid = LLFUSED_SET_MODE, .mode = 0700 + draw(player, 64)};
	struct llfused_attr_out out = {0};
	struct label below = label('d', draw(player, DIRS));
	uint64_t dir = draw_dir(player);
	uint64_t found = look(player, dir, below.text);

	if (found)
		forget(player, found);
	expect(ops->readdir(&player->ctx, dir, 0, 0, &dirents));
	expect(ops->setattr(&player->ctx, dir, &set, &out));
}

static void play_tmpfile(struct player *player)
{
	struct label name = label('f', draw(player, NAMES));
	struct llfused_entry entry = {0};
	struct llfused_entry linked = {0};
	struct llfused_open open = {0};
	int error = ops->tmpfile(&player->ctx, draw_dir(player), 0600, 0, &entry, &open);

	expect(error);
	if (error)
		return;
	error = ops->link(&player->ctx, entry.nodeid, draw_dir(player), name.text, &linked);
	expect(error);
	if (!error)
		forget(player, entry.nodeid);
	forget(player, entry.nodeid);
}

static void *play(void *arg)
{
	static void (*const plays[])(struct player *) = {
		play_make,     play_make, play_remove, play_make_below, play_rename, play_rename,
		play_move_dir, play_link, play_copy,   play_read,       play_tmpfile};
	struct player *player = arg;

	for (unsigned round = 0; round < player->rounds; round++)
		plays[draw(player, sizeof(plays) / sizeof(plays[0]))](player);
	return NULL;
}

static const char *make_dirs(struct player *player)
{
	for (unsigned i = 0; i < DIRS; i++) {
		struct label name = label('d', i);
		struct llfused_entry entry = {0};

		if (ops->mkdir(&player->ctx, LLFUSED_ROOT_ID, name.text, 0755, &entry))
			return "no directory can be made";
		dirs[i] = entry.nodeid;
	}
	return NULL;
}

static const char *run(unsigned scale)
{
	struct player players[THREADS];
	pthread_t threads[THREADS];
	const char *wrong;

	for (unsigned i = 0; i < THREADS; i++)
		players[i] = (struct player){
			.ctx = {.fs = fs}, .random = i + 1, .rounds = scale * ROUNDS};
	wrong = make_dirs(&players[0]);
	if (wrong)
		return wrong;
	for (unsigned i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, play, &players[i]))
			return "no thread";
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	if (atomic_load(&surprise)) {
		static char text[80];

		snprintf(text, sizeof(text), "an op said: %s", strerror(atomic_load(&surprise)));
		return text;
	}
	return memfs_stress_end(&players[0], dirs);
}

const char *memfs_stress(unsigned scale)
{
	const struct llfused_conn conn = {.mount = 0};
	struct llfused_error error;
	const char *wrong;

	atomic_store(&surprise, 0);
	if (memfs_backend.load(&fs, &error) || memfs_backend.ready(fs, &error))
		return "memfs does not start";
	memfs_backend.init(fs, &conn);
	wrong = run(scale);
	memfs_backend.destroy(fs);
	return wrong;
}
