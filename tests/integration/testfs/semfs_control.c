/*
 * Commands to the recording file system, one a write(2) to .control; its errno is the result.
 *   inval_inode NODE OFFSET LENGTH     notifications, sent by the daemon's queue; an OFFSET
 *   inval_entry PARENT NAME            below 0: attributes only
 *   expire_entry PARENT NAME
 *   delete PARENT NODE NAME
 *   delete_all PARENT                  drops every name in it, and has it told
 *   store NODE OFFSET TEXT             sent by a thread of ours; the write returns when it is done
 *   retrieve NODE OFFSET SIZE
 *   content NODE TEXT                  changes that the kernel is not told of, and no time moves
 *   mode NODE OCTAL
 *   btime NODE SECONDS NANOSECONDS
 *   drop PARENT NAME
 *   move PARENT NAME NEWNAME
 *   fail OP ERRNO                      from now on each such op fails; 0: works again
 *   direct NODE                        opened from now on, it bypasses the page cache
 *   read_at_most BYTES                 from now on reads and writes are short; 0: not
 *   write_at_most BYTES
 */
#include "semfs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define COMMAND_MAX 4096

struct command {
	struct semfs *fs;
	struct llfused_ctx *ctx;
	const char *args;
	size_t size; /* of the write */
};

/* ---- notifications ---- */

static int inval_inode(const struct command *c)
{
	unsigned long long node;
	long long offset, length;

	if (sscanf(c->args, "%llu %lld %lld", &node, &offset, &length) != 3)
		return -EINVAL;
	return llfused_notify_inval_inode(node, offset, length);
}

static int inval(const struct command *c, int expire_only)
{
	unsigned long long parent;
	char name[256];

	if (sscanf(c->args, "%llu %255s", &parent, name) != 2)
		return -EINVAL;
	return llfused_notify_inval_entry(parent, name, expire_only);
}

static int inval_entry(const struct command *c)
{
	return inval(c, 0);
}

static int expire_entry(const struct command *c)
{
	return inval(c, 1);
}

static int delete_entry(const struct command *c)
{
	unsigned long long parent, child;
	char name[256];

	if (sscanf(c->args, "%llu %llu %255s", &parent, &child, name) != 3)
		return -EINVAL;
	return llfused_notify_delete(parent, child, name);
}

static int delete_all(const struct command *c)
{
	struct sem_node *dir = sem_node(c->fs, strtoull(c->args, NULL, 10));
	int ret = 0;

	if (!dir)
		return -EINVAL;
	while (ret == 0 && dir->first) {
		ret = llfused_notify_delete(dir->id, dir->first->nodeid, dir->first->text);
		sem_name_remove(c->fs, dir, dir->first);
	}
	return ret;
}

static struct sem_job *job_new(const struct command *c, const char *text)
{
	struct sem_job *job = calloc(1, sizeof *job + strlen(text));

	if (!job)
		return NULL;
	job->written = c->size;
	job->size = (uint32_t)strlen(text);
	memcpy(job->data, text, job->size);
	return job;
}

static int store(const struct command *c)
{
	unsigned long long node, offset;
	struct sem_job *job;
	int at = 0;

	if (sscanf(c->args, "%llu %llu%n", &node, &offset, &at) != 2 || c->args[at] != ' ')
		return -EINVAL;
	job = job_new(c, c->args + at + 1);
	if (!job)
		return -ENOMEM;
	job->nodeid = node;
	job->offset = offset;
	return sem_jobs_add(c->fs, c->ctx, job);
}

static int retrieve(const struct command *c)
{
	unsigned long long node, offset;
	struct sem_job *job;
	unsigned size;

	if (sscanf(c->args, "%llu %llu %u", &node, &offset, &size) != 3)
		return -EINVAL;
	job = job_new(c, "");
	if (!job)
		return -ENOMEM;
	job->retrieve = true;
	job->cookie = ++c->fs->last_cookie;
	job->nodeid = node;
	job->offset = offset;
	job->size = size;
	return sem_jobs_add(c->fs, c->ctx, job);
}

/* ---- changes that nobody is told of ---- */

static struct sem_node *node_of(const struct command *c, int *rest)
{
	unsigned long long node;

	return sscanf(c->args, "%llu %n", &node, rest) == 1 ? sem_node(c->fs, node) : NULL;
}

static int content(const struct command *c)
{
	int at = 0, ret;
	struct sem_node *node = node_of(c, &at);

	if (!node)
		return -EINVAL;
	ret = sem_node_resize(node, strlen(c->args + at));
	if (ret == 0)
		memcpy(node->data, c->args + at, node->size);
	return ret;
}

static int mode(const struct command *c)
{
	int at = 0;
	struct sem_node *node = node_of(c, &at);

	if (!node)
		return -EINVAL;
	node->mode = (node->mode & S_IFMT) | (uint32_t)strtoul(c->args + at, NULL, 8);
	return 0;
}

static int btime(const struct command *c)
{
	int at = 0;
	struct sem_node *node = node_of(c, &at);
	long long seconds, nanoseconds;

	if (!node || sscanf(c->args + at, "%lld %lld", &seconds, &nanoseconds) != 2)
		return -EINVAL;
	node->btime = (struct timespec){.tv_sec = seconds, .tv_nsec = nanoseconds};
	return 0;
}

static int drop(const struct command *c)
{
	int at = 0;
	struct sem_node *dir = node_of(c, &at);
	struct sem_name *name = dir ? sem_name_find(dir, c->args + at) : NULL;

	if (!name)
		return -EINVAL;
	sem_name_remove(c->fs, dir, name);
	return 0;
}

static int move(const struct command *c)
{
	char old_name[256], new_name[256];
	int at = 0, ret;
	struct sem_node *dir = node_of(c, &at);
	struct sem_name *name;

	if (!dir || sscanf(c->args + at, "%255s %255s", old_name, new_name) != 2)
		return -EINVAL;
	name = sem_name_find(dir, old_name);
	if (!name)
		return -EINVAL;
	ret = sem_name_add(dir, new_name, sem_node(c->fs, name->nodeid));
	if (ret == 0)
		sem_name_remove(c->fs, dir, name);
	return ret;
}

/* ---- how it behaves from now on ---- */

static int fail(const struct command *c)
{
	char name[32];
	int number, op;

	if (sscanf(c->args, "%31s %d", name, &number) != 2)
		return -EINVAL;
	op = sem_op_named(name);
	if (op < 0)
		return -EINVAL;
	c->fs->fail[op] = number;
	return 0;
}

static int direct(const struct command *c)
{
	int at = 0;
	struct sem_node *node = node_of(c, &at);

	if (!node)
		return -EINVAL;
	node->direct = true;
	return 0;
}

static int read_at_most(const struct command *c)
{
	c->fs->read_at_most = strtoull(c->args, NULL, 10);
	return 0;
}

static int write_at_most(const struct command *c)
{
	c->fs->write_at_most = strtoull(c->args, NULL, 10);
	return 0;
}

/* ---- */

static const struct {
	const char *name;
	int (*run)(const struct command *c);
} commands[] = {
	{"inval_inode", inval_inode},
	{"inval_entry", inval_entry},
	{"expire_entry", expire_entry},
	{"delete", delete_entry},
	{"delete_all", delete_all},
	{"store", store},
	{"retrieve", retrieve},
	{"content", content},
	{"mode", mode},
	{"btime", btime},
	{"drop", drop},
	{"move", move},
	{"fail", fail},
	{"direct", direct},
	{"read_at_most", read_at_most},
	{"write_at_most", write_at_most},
};

int sem_control(struct semfs *fs, struct llfused_ctx *ctx, const char *command, size_t size,
		size_t *written)
{
	struct command c = {.fs = fs, .ctx = ctx, .size = size};
	char text[COMMAND_MAX];
	size_t len;

	if (size >= sizeof text)
		return -EMSGSIZE;
	memcpy(text, command, size);
	text[size] = '\0';
	len = strcspn(text, " ");
	c.args = text + len + (text[len] == ' ');
	text[len] = '\0';
	*written = size;
	for (unsigned i = 0; i < sizeof commands / sizeof commands[0]; i++)
		if (strcmp(commands[i].name, text) == 0)
			return commands[i].run(&c);
	return -EINVAL;
}
