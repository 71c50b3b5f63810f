/*
 * The list of differences that are allowed, each with the kernel's reason.
 * The only place that excuses anything.
 */
#ifndef DIFF_ALLOW_H
#define DIFF_ALLOW_H

#include "diff.h"

#include <stdbool.h>
#include <stdio.h>

/* Switches rules on by a comma-separated list of their names and those of sets of them ("none"
 * switches all off); false on an unknown name.  None is on at first. */
bool allow_choose(const char *list);
void allow_list(FILE *out);
/* True if some rule excuses the difference; counts its use. */
bool allow_check(const struct diff *d);
/* How often each rule was used, in one line; nothing if none was. */
void allow_report(FILE *out);
/* Whether a rule is on: for the few that change how an operation is done, because the sides would
 * drift apart. */
bool allow_is_on(const char *name);

#endif
