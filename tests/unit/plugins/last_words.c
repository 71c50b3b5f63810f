/*
 * A plugin that writes one byte for each moment of its end, to the descriptor that LAST_WORDS
 * names: 'u' in unload(), 'x' when its code is unmapped.
 */
#define CONTENT "last\n"
#include "onefile.h"

#include <stdlib.h>
#include <unistd.h>

static void say(const char *byte)
{
	const char *fd = getenv("LAST_WORDS");

	if (fd && write(atoi(fd), byte, 1) < 0)
		abort();
}

static void unload(void)
{
	say("u");
}

__attribute__((destructor)) static void unmapped(void)
{
	say("x");
}

static const struct llfused_ops ops = {
	.size = sizeof ops,
	.lookup = onefile_lookup,
	.getattr = onefile_getattr,
	.read = onefile_read,
	.readdir = onefile_readdir,
	.statfs = onefile_statfs,
};

static const struct llfused_backend last_words = {
	LLFUSED_BACKEND_STAMP, .name = "last_words", .ops = &ops,
	.load = onefile_load,  .unload = unload,
};

LLFUSED_PLUGIN(last_words)
