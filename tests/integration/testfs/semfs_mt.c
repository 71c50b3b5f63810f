/*
 * The recording file system as a plugin that declares itself concurrent: its lock is its own.
 */
#include "semfs.h"

static int load(void **fs, struct llfused_error *error)
{
	(void)error;
	return sem_load(fs, true);
}

static const struct llfused_backend semfs_mt_backend = {
	LLFUSED_BACKEND_STAMP,
	.name = "semfs_mt",
	.summary = "semfs with a lock of its own",
	.declares = LLFUSED_CONCURRENT,
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

LLFUSED_PLUGIN(semfs_mt_backend)
