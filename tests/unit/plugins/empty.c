/*
 * A plugin that has no table to give.
 */
#include <llfused/backend.h>

const struct llfused_backend *llfused_plugin(void)
{
	return NULL;
}
