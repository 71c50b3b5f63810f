/*
 * inotify watches and directories.
 * It knows neither.
 */
#include "watch_map.h"

#include <stdlib.h>

#define LEAST 64u

static uint32_t bucket_of(const struct pt_watch_map *m, uint64_t key)
{
	return (uint32_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (m->cap - 1);
}

static void enter(struct pt_watch_map *m, uint32_t i)
{
	struct pt_watch_pair *pair = &m->pairs[i];
	uint32_t *wd = &m->wds[bucket_of(m, (uint64_t)pair->wd)];
	uint32_t *node = &m->nodes[bucket_of(m, pair->nodeid)];

	pair->next_wd = *wd;
	*wd = i + 1;
	pair->next_node = *node;
	*node = i + 1;
}

/* Twice the room; all are in use. */
static bool grow(struct pt_watch_map *m)
{
	uint32_t cap = m->cap > 0 ? m->cap * 2 : LEAST;
	struct pt_watch_pair *pairs = reallocarray(m->pairs, cap, sizeof(*pairs));
	uint32_t *wds = calloc(cap, sizeof(*wds));
	uint32_t *nodes = calloc(cap, sizeof(*nodes));

	if (pairs)
		m->pairs = pairs;
	if (!pairs || !wds || !nodes) {
		free(wds);
		free(nodes);
		return false;
	}
	free(m->wds);
	free(m->nodes);
	m->wds = wds;
	m->nodes = nodes;
	m->cap = cap;
	for (uint32_t i = 0; i < m->high; i++)
		enter(m, i);
	return true;
}

static bool has(const struct pt_watch_map *m, int wd, uint64_t nodeid)
{
	uint32_t i = m->cap > 0 ? m->nodes[bucket_of(m, nodeid)] : 0;

	while (i > 0 && (m->pairs[i - 1].nodeid != nodeid || m->pairs[i - 1].wd != wd))
		i = m->pairs[i - 1].next_node;
	return i > 0;
}

bool pt_watch_map_add(struct pt_watch_map *m, int wd, uint64_t nodeid)
{
	uint32_t i;

	if (has(m, wd, nodeid))
		return true;
	if (m->count == m->cap && !grow(m))
		return false;
	if (m->free > 0) {
		i = m->free - 1;
		m->free = m->pairs[i].next_wd;
	} else {
		i = m->high++;
	}
	m->pairs[i] = (struct pt_watch_pair){.nodeid = nodeid, .wd = wd};
	enter(m, i);
	m->count++;
	return true;
}

int pt_watch_map_remove(struct pt_watch_map *m, uint64_t nodeid)
{
	uint32_t *at = m->cap > 0 ? &m->nodes[bucket_of(m, nodeid)] : NULL;
	uint32_t i;
	int wd;

	while (at && *at > 0 && m->pairs[*at - 1].nodeid != nodeid)
		at = &m->pairs[*at - 1].next_node;
	if (!at || *at == 0)
		return -1;
	i = *at;
	*at = m->pairs[i - 1].next_node;
	at = &m->wds[bucket_of(m, (uint64_t)m->pairs[i - 1].wd)];
	while (*at != i)
		at = &m->pairs[*at - 1].next_wd;
	*at = m->pairs[i - 1].next_wd;
	m->pairs[i - 1].next_wd = m->free;
	m->free = i;
	wd = m->pairs[i - 1].wd;
	if (--m->count == 0)
		pt_watch_map_free(m);
	return wd;
}

uint64_t pt_watch_map_find(const struct pt_watch_map *m, int wd, unsigned n)
{
	uint32_t i = m->cap > 0 ? m->wds[bucket_of(m, (uint64_t)wd)] : 0;

	for (; i > 0; i = m->pairs[i - 1].next_wd)
		if (m->pairs[i - 1].wd == wd && n-- == 0)
			return m->pairs[i - 1].nodeid;
	return 0;
}

void pt_watch_map_free(struct pt_watch_map *m)
{
	free(m->pairs);
	free(m->wds);
	free(m->nodes);
	*m = (struct pt_watch_map){.cap = 0};
}
