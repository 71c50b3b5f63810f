/*
 * What the command line asks for.
 */
#ifndef FSBENCH_OPTIONS_H
#define FSBENCH_OPTIONS_H

#include "fsbench.h"

#define EXIT_RUN    1
#define EXIT_USAGE  2
#define MAX_THREADS 1024

enum command_verb {
	COMMAND_NONE, /* run the plan */
	COMMAND_MAKE,
	COMMAND_UNLINK,
	COMMAND_LIST,
	COMMAND_HELP,
};

/* What is asked for besides a plan. */
struct command {
	enum command_verb verb;
	char *dir;
	uint64_t count;
	uint64_t bytes; /* in each file that is made */
};

/* Fill in the plan, which has its defaults, and the command, which is zeroed; both point into argv.
 * 0, or EXIT_USAGE after one line on stderr. */
int options_parse(int argc, char **argv, struct plan *plan, struct command *command);

void options_usage(void);

#endif
