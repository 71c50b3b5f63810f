/*
 * A plugin that was made for the next major version: nothing else of its table may be read.
 */
#include <llfused/backend.h>

static const struct llfused_backend major2 = {
	.size = sizeof major2,
	.api_major = LLFUSED_API_MAJOR + 1,
	.api_minor = 3,
	.name = (const char *)1,
	.ops = (const struct llfused_ops *)1,
};

LLFUSED_PLUGIN(major2)
