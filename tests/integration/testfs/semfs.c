/*
 * The recording file system as a plugin that declares nothing: the daemon serializes its handlers.
 */
#include "semfs.h"

static int load(void **fs, struct llfused_error *error)
{
	(void)error;
	return sem_load(fs, false);
}

static const struct llfused_backend semfs_backend = {
	LLFUSED_BACKEND_STAMP,
	.name = "semfs",
	.summary = "files in memory, and a record of what was asked",
	.wants = LLFUSED_WANT_EXPORT,
	.options = sem_options,
	.ops = &sem_ops,
	.load = load,
	.configure = sem_configure,
	.ready = sem_ready,
	.init = sem_init,
	.destroy = sem_destroy,
	.unload = sem_unload,
};

LLFUSED_PLUGIN(semfs_backend)
