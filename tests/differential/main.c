/*
 * The differential tester: the same random operations on two directories, every answer compared.
 * Checks the directories and starts a run; knows nothing of operations.
 */
#include "options.h"
#include "replay.h"
#include "soak.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int check_dir(const struct options *o, int side, char *real)
{
	DIR *d = realpath(o->dir[side], real) ? opendir(real) : NULL;
	int entries = 0;

	if (!d)
		return usage_error("%s: %s", o->dir[side], strerror(errno));
	for (struct dirent *e; (e = readdir(d));)
		entries += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
			   strcmp(e->d_name, "lost+found") != 0;
	closedir(d);
	return entries ? usage_error("%s: not empty", o->dir[side]) : 0;
}

int main(int argc, char **argv)
{
	static struct options o;
	static struct run run;
	struct op *ops = NULL;
	size_t n_ops = 0;
	int ret;

	ret = options_parse(&o, argc, argv);
	if (ret)
		return ret < 0 ? 0 : ret;
	if (geteuid() != 0)
		return usage_error("must be root: it runs operations as several users");
	alarm((unsigned)o.timeout); /* a mount that is dead already ends us here */
	if (check_dir(&o, 0, o.real[0]) || check_dir(&o, 1, o.real[1]))
		return 2;
	if (strcmp(o.real[0], o.real[1]) == 0)
		return usage_error("the directories are the same");
	if (o.replay && !(ops = replay_read(o.replay, &n_ops)))
		return 2;
	for (size_t i = 0; i < n_ops; i++)
		if (ops[i].proc < PROCS_MAX && ops[i].proc >= o.procs)
			o.procs = ops[i].proc + 1ul;
	printf("differential: seed %llu, A %s, B %s\n", (unsigned long long)o.seed, o.real[0],
	       o.real[1]);
	run.verbose = o.verbose;
	if (team_start(&run.team, (const char *const[]){o.real[0], o.real[1]}, o.behind,
		       (int)o.procs, (int)o.timeout) < 0)
		return usage_error("%s", run.team.failure);
	alarm(0);
	ret = ops ? replay_run(&run, &o, ops, n_ops) : soak_run(&run, &o);
	free(ops);
	return ret;
}
