/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a YAML tree: lookup, scalars as booleans and numbers, errors and warnings at a node. */
#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "codec/yaml.h"

static const struct {
	const char *text;
	bool value;
} bool_words[] = {
	{"true", true},
	{"false", false},
	{"yes", true},
	{"no", false},
	{"on", true},
	{"off", false},
	{"y", true},
	{"n", false},
};

struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
	if (!map || map->kind != YAML_MAPPING)
		return NULL;
	for (size_t i = 0; i < map->n; i++)
		if (streq(map->pairs[i].key->text, key))
			return map->pairs[i].value;
	return NULL;
}

bool yaml_is_null(const struct yaml_node *n)
{
	return n->kind == YAML_SCALAR && n->plain &&
	       (!*n->text || streq(n->text, "~") || strcasecmp(n->text, "null") == 0);
}

bool yaml_bool(const struct yaml_node *n, bool *ret)
{
	if (n->kind != YAML_SCALAR)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(bool_words); i++) {
		if (strcasecmp(n->text, bool_words[i].text) != 0)
			continue;
		*ret = bool_words[i].value;
		return true;
	}
	return false;
}

bool yaml_int(const struct yaml_node *n, int64_t *ret)
{
	char *end;
	long long v;

	if (n->kind != YAML_SCALAR || !*n->text || strchr(" \t\n", *n->text))
		return false;
	errno = 0;
	v = strtoll(n->text, &end, 10);
	if (errno || *end)
		return false;
	*ret = v;
	return true;
}

const char *yaml_kind_text(const struct yaml_node *n)
{
	static const char *const text[] = {
		[YAML_SCALAR] = "text",
		[YAML_SEQUENCE] = "a list",
		[YAML_MAPPING] = "a mapping",
	};

	return yaml_is_null(n) ? "empty" : text[n->kind];
}

int yaml_fail(const struct yaml_document *d, const struct yaml_node *at, struct err *err,
	const char *fmt, ...)
{
	CLEANUP_STR struct str text = STR_INIT;
	va_list ap;

	va_start(ap, fmt);
	str_vaddf(&text, fmt, ap);
	va_end(ap);
	return err_set(err, ERR_INVALID, "%s:%d:%d: %s", d->file, at ? at->line : 1,
		at ? at->column : 1, str_text(&text));
}

void yaml_warn(struct yaml_document *d, const struct yaml_node *at, const char *fmt, ...)
{
	struct yaml_warning *w = arena_new(d->arena, struct yaml_warning), **tail = &d->warnings;
	va_list ap;

	w->line = at ? at->line : 1;
	w->column = at ? at->column : 1;
	va_start(ap, fmt);
	w->message = arena_vprintf(d->arena, fmt, ap);
	va_end(ap);
	while (*tail)
		tail = &(*tail)->next;
	*tail = w;
}
