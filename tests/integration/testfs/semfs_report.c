/*
 * What the recording file system has seen, as "key=value" lines.
 */
#include "semfs.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SEM_NAME(op) #op,

const char *const sem_op_names[] = {SEM_OPS(SEM_NAME)};

int sem_op_named(const char *name)
{
	for (int op = 0; op < SEM_OP_COUNT; op++)
		if (strcmp(sem_op_names[op], name) == 0)
			return op;
	return -1;
}

#define GROUPS_MAX 64

/* The caller's supplementary groups, with commas. */
static void format_groups(const struct llfused_ctx *ctx, char *to, size_t size)
{
	uint32_t groups[GROUPS_MAX];
	int count = llfused_groups(ctx, groups, GROUPS_MAX);
	size_t len = 0;

	to[0] = '\0';
	if (count < 0)
		snprintf(to, size, "%s", strerror(-count));
	for (int i = 0; i < count && i < GROUPS_MAX && len < size; i++)
		len += (size_t)snprintf(to + len, size - len, "%s%u", len ? "," : "", groups[i]);
}

void sem_note(struct semfs *fs, const struct llfused_ctx *ctx, enum sem_op op, const char *format,
	      ...)
{
	char groups[256] = "", *line = fs->last[op];
	va_list args;
	int len;

	/* it is slow: for one op only */
	if (op == SEM_op_mkdir)
		format_groups(ctx, groups, sizeof groups);
	len = snprintf(line, SEM_LAST_MAX, " uid=%u gid=%u pid=%u umask=%o groups=%s ", ctx->uid,
		       ctx->gid, ctx->pid, ctx->umask, groups);
	va_start(args, format);
	vsnprintf(line + len, SEM_LAST_MAX - (size_t)len, format, args);
	va_end(args);
}

struct text {
	char *to;
	size_t size, len;
};

__attribute__((format(printf, 2, 3))) static void put(struct text *text, const char *format, ...)
{
	size_t left = text->size - text->len;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text->to + text->len, left, format, args);
	va_end(args);
	if (n > 0)
		text->len += (size_t)n < left ? (size_t)n : left - 1;
}

/* Without the root and the special files: what a test has made. */
static void put_nodes(struct text *text, const struct semfs *fs)
{
	uint64_t nodes = 0, known = 0, lookups = 0;

	for (size_t i = SEM_FIRST; i < fs->nnodes; i++) {
		const struct sem_node *node = fs->nodes[i];

		if (!node)
			continue;
		nodes++;
		known += node->nlookup > 0;
		lookups += node->nlookup;
	}
	put(text, "nodes=%" PRIu64 "\nknown=%" PRIu64 "\nlookups=%" PRIu64 "\n", nodes, known,
	    lookups);
}

static uint64_t count_opens(const struct semfs *fs)
{
	uint64_t n = 0;

	for (const struct sem_open *open = fs->opens; open; open = open->next)
		n += !sem_is_special(open->nodeid);
	return n;
}

size_t sem_report(const struct semfs *fs, char *to, size_t size)
{
	struct text text = {.to = to, .size = size};

	put_nodes(&text, fs);
	put(&text, "open=%" PRIu64 "\n", count_opens(fs));
	put(&text, "forgotten=%" PRIu64 "\nmost_forgotten=%" PRIu64 "\nstrays=%" PRIu64 "\n",
	    fs->forgotten, fs->most_forgotten, fs->strays);
	put(&text, "threads=%u\noverlaps=%" PRIu64 "\nbad_handles=%" PRIu64 "\n", fs->nthreads,
	    fs->overlaps, fs->bad_handles);
	put(&text, "retrieved.count=%" PRIu64 "\nretrieved.cookie=%" PRIu64 "\n",
	    fs->retrieved.count, fs->retrieved.cookie);
	put(&text, "retrieved.node=%" PRIu64 "\nretrieved.offset=%" PRIu64 "\n",
	    fs->retrieved.nodeid, fs->retrieved.offset);
	put(&text, "retrieved.size=%zu\n", fs->retrieved.size);
	for (int op = 0; op < SEM_OP_COUNT; op++) {
		put(&text, "calls.%s=%" PRIu64 "\n", sem_op_names[op], fs->calls[op]);
		if (fs->last[op][0])
			put(&text, "last.%s=%s\n", sem_op_names[op], fs->last[op]);
	}
	return text.len;
}
