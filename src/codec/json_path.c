/* SPDX-License-Identifier: Apache-2.0 */
/* Paths into a JSON document. */
#include "codec/json_path.h"

#define MAX_DIGITS 6

/* A step of a path: a member's name, or an element's index. */
struct step {
	struct view name; /* p NULL: an index */
	size_t index;
};

static bool read_index(struct view text, size_t *ret)
{
	*ret = 0;
	if (!text.len || text.len > MAX_DIGITS)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
		*ret = *ret * 10 + (size_t)(text.p[i] - '0');
	}
	return true;
}

/* [0], ['name'], ["name"]: from behind the bracket. */
static bool read_bracket(struct view *rest, struct step *ret)
{
	char quote = rest->len ? rest->p[0] : '\0';

	*ret = (struct step){0};
	if (quote != '\'' && quote != '"')
		return memchr(rest->p, ']', rest->len) &&
		       read_index(view_cut(rest, ']'), &ret->index);
	rest->p++, rest->len--;
	if (!memchr(rest->p, quote, rest->len))
		return false;
	ret->name = view_cut(rest, quote);
	if (!rest->len || rest->p[0] != ']')
		return false;
	rest->p++, rest->len--;
	return true;
}

/* .name: from behind the dot, up to the next dot or bracket. */
static bool read_name(struct view *rest, struct step *ret)
{
	size_t n = 0;

	while (n < rest->len && rest->p[n] != '.' && rest->p[n] != '[')
		n++;
	*ret = (struct step){.name = {rest->p, n}};
	rest->p += n, rest->len -= n;
	return n > 0;
}

/* 1: a step was read; 0: the path is at its end; -1: it is no path. */
static int next_step(struct view *rest, struct step *ret)
{
	char first;

	if (!rest->len)
		return 0;
	first = rest->p[0];
	rest->p++, rest->len--;
	if (first == '.')
		return read_name(rest, ret) ? 1 : -1;
	return first == '[' && read_bracket(rest, ret) ? 1 : -1;
}

static const struct json_node *take(const struct json_node *node, const struct step *s)
{
	if (!s->name.p)
		return node->kind == JSON_KIND_ARRAY && s->index < node->n ? &node->items[s->index]
									   : NULL;
	if (node->kind != JSON_KIND_OBJECT)
		return NULL;
	for (size_t i = 0; i < node->n; i++)
		if (view_eq(node->items[i].key, s->name))
			return &node->items[i];
	return NULL;
}

bool json_path_valid(struct view path)
{
	struct step s;
	int r;

	if (!path.len || path.p[0] != '$')
		return false;
	path.p++, path.len--;
	while ((r = next_step(&path, &s)) > 0)
		;
	return r == 0;
}

const struct json_node *json_path_find(const struct json_node *root, struct view path)
{
	struct step s;

	if (!json_path_valid(path))
		return NULL;
	path.p++, path.len--;
	while (root && next_step(&path, &s) > 0)
		root = take(root, &s);
	return root;
}
