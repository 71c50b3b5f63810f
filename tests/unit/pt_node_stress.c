/*
 * Threads that enter, use and forget nodes at random.
 */
#include "pt_node_stress.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "passthrough/node.h"
#include "passthrough/passthrough.h"
#include "passthrough/system.h"

#define FILES 300

static struct pt *fs;
static int dir;
static uint64_t inos[FILES];
static atomic_uint wrong;

struct worker {
	pthread_t thread;
	unsigned rounds;
	uint64_t seed;
	uint64_t ids[FILES]; /* of the lookups that it has to take back */
	bool known[FILES];
};

static unsigned draw(struct worker *w, unsigned below)
{
	w->seed = w->seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (unsigned)((w->seed >> 33) % below);
}

static void expect(bool truth)
{
	if (!truth)
		atomic_fetch_add(&wrong, 1);
}

static void name_of(unsigned file, char name[16])
{
	snprintf(name, 16, "f%u", file);
}

static bool look_up(unsigned file, struct llfused_entry *out)
{
	struct statx stx;
	char name[16];
	int fd;

	name_of(file, name);
	if (pt_sys_peek(dir, name, &stx))
		return false;
	if (pt_node_revisit(fs, 0, &stx, out))
		return true;
	fd = pt_sys_open(dir, name, O_PATH, 0);
	return fd >= 0 && pt_sys_stat(fd, "", &stx) == 0 &&
	       pt_node_enter(fs, fd, 0, &stx, out) == 0;
}

static void use(unsigned file, uint64_t id)
{
	struct pt_ref ref;
	struct statx stx;
	int result = pt_node_get(fs, id, &ref);

	expect(result == 0);
	if (result)
		return;
	expect(pt_sys_stat(ref.fd, "", &stx) == 0 && stx.stx_ino == inos[file]);
	pt_node_put(fs, &ref);
}

static void open_and_close(uint64_t id)
{
	struct pt_node *node = pt_node_at(fs, id);

	expect(node != NULL);
	if (!node)
		return;
	pt_node_hold(fs, node);
	expect(pt_node_fd_take(fs) == 0);
	pt_node_fd_free(fs);
	pt_node_drop(fs, node);
}

static void step(struct worker *w)
{
	unsigned file = draw(w, FILES);
	struct llfused_entry out;

	if (!w->known[file]) {
		w->known[file] = look_up(file, &out);
		expect(w->known[file]);
		w->ids[file] = out.nodeid;
	} else if (draw(w, 4) == 0) {
		pt_node_unlook(fs, w->ids[file]);
		w->known[file] = false;
	} else if (draw(w, 4) == 0) {
		open_and_close(w->ids[file]);
	} else {
		use(file, w->ids[file]);
	}
}

static void *run(void *arg)
{
	struct worker *w = arg;

	for (unsigned i = 0; i < w->rounds; i++)
		step(w);
	for (unsigned i = 0; i < FILES; i++)
		if (w->known[i])
			pt_node_unlook(fs, w->ids[i]);
	return NULL;
}

static void make_files(void)
{
	struct statx stx;
	char name[16];
	int fd;

	for (unsigned i = 0; i < FILES; i++) {
		name_of(i, name);
		fd = openat(dir, name, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
		expect(fd >= 0 && pt_sys_stat(fd, "", &stx) == 0);
		inos[i] = stx.stx_ino;
		close(fd);
	}
}

unsigned pt_node_stress(struct pt *instance, int dir_fd, unsigned threads, unsigned rounds)
{
	struct worker *workers = calloc(threads, sizeof(*workers));

	fs = instance;
	dir = dir_fd;
	atomic_store(&wrong, 0);
	make_files();
	for (unsigned i = 0; i < threads; i++) {
		workers[i].seed = i + 1;
		workers[i].rounds = rounds;
		if (pthread_create(&workers[i].thread, NULL, run, &workers[i]))
			abort();
	}
	for (unsigned i = 0; i < threads; i++)
		pthread_join(workers[i].thread, NULL);
	free(workers);
	return atomic_load(&wrong);
}
