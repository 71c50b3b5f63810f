/*
 * What a mount may use at most, and what it uses: data pages and inode space, as tmpfs counts them.
 * Knows nothing of what is stored.
 */
#include "limits.h"

#include <errno.h>
#include <sys/sysinfo.h>

void limits_defaults(struct limits *limits)
{
	struct sysinfo info = {.mem_unit = 1};
	uint64_t pages;

	sysinfo(&info);
	pages = info.totalram * (uint64_t)info.mem_unit / 4096;
	limits->max_pages = pages / 2 ? pages / 2 : 1;
	limits->max_inodes = limits->max_pages;
}

uint64_t limits_take_pages(struct limits *limits, uint64_t want)
{
	uint64_t used = atomic_load_explicit(&limits->pages, memory_order_relaxed);
	uint64_t grant;

	do {
		grant = want;
		if (limits->max_pages && grant > limits->max_pages - used)
			grant = limits->max_pages - used;
	} while (!atomic_compare_exchange_weak_explicit(
		&limits->pages, &used, used + grant, memory_order_relaxed, memory_order_relaxed));
	return grant;
}

void limits_give_pages(struct limits *limits, uint64_t count)
{
	atomic_fetch_sub_explicit(&limits->pages, count, memory_order_relaxed);
}

/* Takes `space` bytes of inode space if `need` bytes are there. */
static int take_space(struct limits *limits, uint64_t need, uint64_t space)
{
	uint64_t all = limits->max_inodes * LIMITS_INODE_SPACE;
	uint64_t used = atomic_load_explicit(&limits->space, memory_order_relaxed);

	do {
		if (limits->max_inodes && all - used < need)
			return -ENOSPC;
	} while (!atomic_compare_exchange_weak_explicit(
		&limits->space, &used, used + space, memory_order_relaxed, memory_order_relaxed));
	return 0;
}

int limits_take_inode(struct limits *limits)
{
	return take_space(limits, LIMITS_INODE_SPACE, LIMITS_INODE_SPACE);
}

void limits_give_inode(struct limits *limits)
{
	atomic_fetch_sub_explicit(&limits->space, LIMITS_INODE_SPACE, memory_order_relaxed);
}

int limits_take_xattr(struct limits *limits, size_t space)
{
	/* tmpfs wants one byte to be left over here. */
	return take_space(limits, space + 1, space);
}

void limits_give_xattr(struct limits *limits, size_t space)
{
	atomic_fetch_sub_explicit(&limits->space, space, memory_order_relaxed);
}

void limits_statfs(struct limits *limits, struct llfused_statfs *out)
{
	*out = (struct llfused_statfs){.bsize = 4096, .frsize = 4096, .namelen = 255};
	if (limits->max_pages) {
		out->blocks = limits->max_pages;
		out->bfree = limits->max_pages - atomic_load(&limits->pages);
		out->bavail = out->bfree;
	}
	if (limits->max_inodes) {
		out->files = limits->max_inodes;
		out->ffree =
			(limits->max_inodes * LIMITS_INODE_SPACE - atomic_load(&limits->space)) /
			LIMITS_INODE_SPACE;
	}
}
