/*
 * The one table of operations put together, and the text form of an operation, derived from its
 * signature. Knows nothing of how operations are run.
 */
#include "op.h"

#include "ops.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

static const struct op_table *const tables[] = {
	&ops_open, &ops_names, &ops_dirs,  &ops_io,     &ops_splice, &ops_space, &ops_map,
	&ops_attr, &ops_xattr, &ops_locks, &ops_limits, &ops_full,   &ops_flags, &ops_walk,
};
enum { TABLES = sizeof(tables) / sizeof(tables[0]) };

const struct op_row *op_row(int kind)
{
	for (int t = 0; t < TABLES; t++) {
		if (kind < tables[t]->n)
			return &tables[t]->rows[kind];
		kind -= tables[t]->n;
	}
	return NULL;
}

int op_kinds(void)
{
	int n = 0;

	for (int t = 0; t < TABLES; t++)
		n += tables[t]->n;
	return n;
}

int op_find(const char *name)
{
	for (int kind = 0; kind < op_kinds(); kind++)
		if (strcmp(op_row(kind)->name, name) == 0)
			return kind;
	return -1;
}

void op_clear(struct op *op, int kind, int proc)
{
	memset(op, 0, sizeof(*op));
	op->base[0] = op->base[1] = -1;
	op->kind = (uint16_t)kind;
	op->proc = (uint8_t)proc;
}

bool op_group_known(const char *group)
{
	for (int kind = 0; kind < op_kinds(); kind++)
		if (strcmp(op_row(kind)->group, group) == 0)
			return true;
	return false;
}

static bool sig_is_string(char c)
{
	return c == 'p' || c == 's';
}

int op_arg_index(const char *sig, int i)
{
	int n = 0;

	for (int k = 0; k < i; k++)
		n += sig_is_string(sig[k]) == sig_is_string(sig[i]);
	return n;
}

/* ---- open flags by name; what includes another comes first ---- */

static const struct {
	const char *name;
	int bits;
} open_flags[] = {
	{"O_TMPFILE", O_TMPFILE},   {"O_DIRECTORY", O_DIRECTORY}, {"O_SYNC", O_SYNC},
	{"O_DSYNC", O_DSYNC},       {"O_CREAT", O_CREAT},         {"O_EXCL", O_EXCL},
	{"O_TRUNC", O_TRUNC},       {"O_APPEND", O_APPEND},       {"O_NOFOLLOW", O_NOFOLLOW},
	{"O_PATH", O_PATH},         {"O_DIRECT", O_DIRECT},       {"O_NOATIME", O_NOATIME},
	{"O_NONBLOCK", O_NONBLOCK},
};
enum { OPEN_FLAGS = sizeof(open_flags) / sizeof(open_flags[0]) };
static const char *const open_modes[] = {"O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"};

static int print_open_flags(int flags, char *out, size_t max)
{
	int n = snprintf(out, max, "%s", open_modes[flags & O_ACCMODE]);

	flags &= ~O_ACCMODE;
	for (int i = 0; i < OPEN_FLAGS && (size_t)n < max; i++) {
		if ((flags & open_flags[i].bits) != open_flags[i].bits)
			continue;
		flags &= ~open_flags[i].bits;
		n += snprintf(out + n, max - (size_t)n, "|%s", open_flags[i].name);
	}
	if (flags && (size_t)n < max)
		n += snprintf(out + n, max - (size_t)n, "|0x%x", (unsigned)flags);
	return n;
}

static int open_flag_bits(const char *word)
{
	for (int i = 0; i < 4; i++)
		if (strcmp(word, open_modes[i]) == 0)
			return i;
	for (int i = 0; i < OPEN_FLAGS; i++)
		if (strcmp(word, open_flags[i].name) == 0)
			return open_flags[i].bits;
	return (int)strtoul(word, NULL, 0);
}

static int parse_open_flags(char *text)
{
	char *save;
	int flags = 0;

	for (char *w = strtok_r(text, "|", &save); w; w = strtok_r(NULL, "|", &save))
		flags |= open_flag_bits(w);
	return flags;
}

/* ---- printing ---- */

static int print_number(char letter, int64_t v, char *out, size_t max)
{
	switch (letter) {
	case 'h':
	case 'H':
		return snprintf(out, max, " h%lld", (long long)v);
	case 'o':
		return snprintf(out, max, " 0%llo", (unsigned long long)v);
	case 'x':
		return snprintf(out, max, " 0x%llx", (unsigned long long)v);
	case 'f':
		out[0] = ' ';
		return 1 + print_open_flags((int)v, out + 1, max - 1);
	default:
		return snprintf(out, max, " %lld", (long long)v);
	}
}

static int print_string(const struct op *op, char letter, int i, char *out, size_t max)
{
	if (letter == 'p' && op->base[i] >= 0)
		return snprintf(out, max, " h%d:\"%s\"", op->base[i], op->str[i]);
	return snprintf(out, max, " \"%s\"", op->str[i]);
}

void op_print(const struct op *op, char *out, size_t max)
{
	const struct op_row *row = op_row(op->kind);
	size_t n = (size_t)snprintf(out, max, "p%d %s", op->proc, row->name);

	for (int i = 0; row->sig[i] && n + 64 < max; i++) {
		int at = op_arg_index(row->sig, i);

		if (sig_is_string(row->sig[i]))
			n += (size_t)print_string(op, row->sig[i], at, out + n, max - n);
		else
			n += (size_t)print_number(row->sig[i], op->num[at], out + n, max - n);
	}
	if (n + 64 < max)
		snprintf(out + n, max - n, "%s%s", op->flags & OP_TIMED ? " !timed" : "",
			 op->flags & OP_UNSEEN ? " !unseen" : "");
}

/* ---- parsing ---- */

/* Cuts the next word off *p: up to a blank, or a string in quotes.  NULL at the end. */
static char *next_word(char **p)
{
	char *s = *p + strspn(*p, " \t\r\n");
	bool quoted = false;
	char *e = s;

	if (!*s)
		return NULL;
	for (; *e && (quoted || !strchr(" \t\r\n", *e)); e++)
		if (*e == '"')
			quoted = !quoted;
	*p = *e ? e + 1 : e;
	*e = '\0';
	return s;
}

static int parse_string(char *word, struct op *op, int i)
{
	char *start = strchr(word, '"');
	char *end = start ? strrchr(start + 1, '"') : NULL;

	if (!end || (size_t)(end - start) > OP_STR_MAX)
		return -1;
	op->base[i] = word[0] == 'h' ? (int8_t)atoi(word + 1) : -1;
	if (op->base[i] >= HANDLES)
		return -1;
	memcpy(op->str[i], start + 1, (size_t)(end - start - 1));
	op->str[i][end - start - 1] = '\0';
	return 0;
}

static int parse_number(char letter, char *word, int64_t *v)
{
	char *end;

	if (letter == 'f') {
		*v = parse_open_flags(word);
		return 0;
	}
	if (letter == 'h' || letter == 'H') {
		*v = word[0] == 'h' ? strtol(word + 1, &end, 10) : -1;
		return *v >= 0 && *v < HANDLES ? 0 : -1;
	}
	*v = letter == 'd' ? strtoll(word, &end, 0) : (int64_t)strtoull(word, &end, 0);
	return *end ? -1 : 0;
}

int op_parse(const char *line, struct op *op)
{
	char copy[4 * OP_STR_MAX], *p = copy, *word;
	const struct op_row *row;
	int kind, proc;

	snprintf(copy, sizeof(copy), "%s", line);
	word = next_word(&p);
	if (!word || word[0] != 'p' || word[1] < '0' || word[1] > '0' + JANITOR || word[2])
		return -1;
	proc = word[1] - '0';
	word = next_word(&p);
	kind = word ? op_find(word) : -1;
	if (kind < 0)
		return -1;
	op_clear(op, kind, proc);
	row = op_row(kind);
	for (int i = 0; row->sig[i]; i++) {
		int at = op_arg_index(row->sig, i);

		word = next_word(&p);
		if (!word)
			return -1;
		if (sig_is_string(row->sig[i]) ? parse_string(word, op, at)
					       : parse_number(row->sig[i], word, &op->num[at]))
			return -1;
	}
	while ((word = next_word(&p)))
		op->flags |= strcmp(word, "!timed") == 0    ? OP_TIMED
			     : strcmp(word, "!unseen") == 0 ? OP_UNSEEN
							    : 0;
	return 0;
}
