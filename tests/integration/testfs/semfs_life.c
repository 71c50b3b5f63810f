/*
 * The recording file system's life: options, the moments from load to unload, the table of ops.
 * It must not know how any op works.
 */
#include "semfs.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The file that is told each moment; outlives the instance, for unload. */
static char life_path[256];

static void tell(const char *moment)
{
	int fd;

	if (!life_path[0])
		return;
	fd = open(life_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, moment, strlen(moment)) < 0 || write(fd, "\n", 1) < 0)
		llfused_log(LLFUSED_LOG_ERROR, "semfs: %s: %s", life_path, strerror(errno));
	close(fd);
}

/* ---- before and after each handler ---- */

static void note_thread(struct semfs *fs)
{
	uint64_t self = (uint64_t)gettid();

	for (unsigned i = 0; i < fs->nthreads; i++)
		if (fs->threads[i] == self)
			return;
	if (fs->nthreads < sizeof fs->threads / sizeof fs->threads[0])
		fs->threads[fs->nthreads++] = self;
}

struct semfs *sem_enter(struct llfused_ctx *ctx, enum sem_op op, uint64_t nodeid)
{
	struct semfs *fs = ctx->fs;
	unsigned inside = atomic_fetch_add(&fs->inside, 1);

	if (fs->concurrent)
		pthread_mutex_lock(&fs->mutex);
	fs->overlaps += inside > 0;
	note_thread(fs);
	if (!fs->called)
		tell("request");
	fs->called = true;
	fs->calls[op] += !sem_is_special(nodeid);
	return fs;
}

void sem_leave(struct semfs **fs)
{
	if ((*fs)->concurrent)
		pthread_mutex_unlock(&(*fs)->mutex);
	atomic_fetch_sub(&(*fs)->inside, 1);
}

bool sem_is_special(uint64_t nodeid)
{
	return nodeid >= SEM_REPORT && nodeid < SEM_FIRST;
}

int sem_failure(const struct semfs *fs, enum sem_op op, uint64_t nodeid)
{
	return sem_is_special(nodeid) ? 0 : -fs->fail[op];
}

/* ---- options ---- */

const struct llfused_option sem_options[] = {
	{.key = "entry_timeout", .arg = "NS", .help = "how long names are good"},
	{.key = "attr_timeout", .arg = "NS", .help = "how long attributes are good"},
	{.key = "negative_timeout", .arg = "NS", .help = "how long absent names are; 0: ENOENT"},
	{.key = "life", .arg = "FILE", .help = "is told the moments of the backend's life"},
	{.key = NULL},
};

int sem_configure(void *instance, const char *key, const char *value, struct llfused_error *error)
{
	struct semfs *fs = instance;
	uint64_t number = strtoull(value, NULL, 10);

	if (strcmp(key, "life") == 0) {
		if (snprintf(life_path, sizeof life_path, "%s", value) >= (int)sizeof life_path) {
			snprintf(error->text, sizeof error->text, "life: the path is too long");
			return -ENAMETOOLONG;
		}
		tell("load");
	} else if (strcmp(key, "entry_timeout") == 0) {
		fs->entry_timeout = number;
	} else if (strcmp(key, "attr_timeout") == 0) {
		fs->attr_timeout = number;
	} else {
		fs->negative_timeout = number;
	}
	return 0;
}

/* ---- moments ---- */

int sem_load(void **out, bool concurrent)
{
	struct semfs *fs = calloc(1, sizeof *fs);

	if (!fs)
		return -ENOMEM;
	pthread_mutex_init(&fs->mutex, NULL);
	pthread_mutex_init(&fs->jobs_mutex, NULL);
	pthread_cond_init(&fs->jobs_wake, NULL);
	fs->concurrent = concurrent;
	fs->entry_timeout = LLFUSED_FOREVER;
	fs->attr_timeout = LLFUSED_FOREVER;
	fs->last_fh = SEM_FIRST_FH;
	*out = fs;
	return 0;
}

int sem_ready(void *instance, struct llfused_error *error)
{
	int ret = sem_tree_open(instance);

	tell("ready");
	if (ret != 0)
		snprintf(error->text, sizeof error->text, "no memory");
	return ret;
}

int sem_init(void *instance, const struct llfused_conn *conn)
{
	(void)conn;
	tell(llfused_lock_acquire(0) == -EDEADLK ? "init with the lock" : "init");
	return sem_jobs_start(instance);
}

void sem_destroy(void *instance)
{
	struct semfs *fs = instance;

	tell(llfused_lock_acquire(0) == -EDEADLK ? "destroy with the lock" : "destroy");
	if (atomic_load(&fs->inside) != 0)
		tell("while a request was handled");
	sem_jobs_stop(fs);
	sem_tree_close(fs);
	free(fs->retrieved.data);
	pthread_cond_destroy(&fs->jobs_wake);
	pthread_mutex_destroy(&fs->jobs_mutex);
	pthread_mutex_destroy(&fs->mutex);
	free(fs);
}

void sem_unload(void)
{
	tell("unload");
}

/* ---- the table ---- */

#define SEM_OP(op) .op = sem_##op,

const struct llfused_ops sem_ops = {.size = sizeof sem_ops, SEM_OPS(SEM_OP)};
