/* SPDX-License-Identifier: Apache-2.0 */
/* JSON as a tree in an arena; the parsing is jansson's. */
#include <jansson.h>
#include <math.h>

#include "base/limits.h"
#include "codec/json.h"

static int convert(
	const json_t *from, int depth, struct arena *a, struct json_node *to, struct err *err);

static int convert_array(
	const json_t *from, int depth, struct arena *a, struct json_node *to, struct err *err)
{
	to->kind = JSON_KIND_ARRAY;
	to->n = json_array_size(from);
	to->items = arena_new_n(a, to->n, struct json_node);
	for (size_t i = 0; i < to->n; i++)
		if (convert(json_array_get(from, i), depth + 1, a, &to->items[i], err) < 0)
			return -1;
	return 0;
}

static int convert_object(
	const json_t *from, int depth, struct arena *a, struct json_node *to, struct err *err)
{
	json_t *object = (json_t *)from;
	struct json_node *item;

	to->kind = JSON_KIND_OBJECT;
	to->items = arena_new_n(a, json_object_size(from), struct json_node);
	for (void *it = json_object_iter(object); it; it = json_object_iter_next(object, it)) {
		item = &to->items[to->n++];
		if (convert(json_object_iter_value(it), depth + 1, a, item, err) < 0)
			return -1;
		item->key = view_of(arena_strdup(a, json_object_iter_key(it)));
	}
	return 0;
}

static int convert(
	const json_t *from, int depth, struct arena *a, struct json_node *to, struct err *err)
{
	if (depth > LIMIT_JSON_DEPTH)
		return err_set(err, ERR_MALFORMED, "JSON is nested deeper than %d levels",
			LIMIT_JSON_DEPTH);
	switch (json_typeof(from)) {
	case JSON_OBJECT:
		return convert_object(from, depth, a, to, err);
	case JSON_ARRAY:
		return convert_array(from, depth, a, to, err);
	case JSON_STRING:
		to->kind = JSON_KIND_STRING;
		to->text.len = json_string_length(from);
		to->text.p = arena_strndup(a, json_string_value(from), to->text.len);
		return 0;
	case JSON_INTEGER:
		to->kind = JSON_KIND_INT;
		to->integer = json_integer_value(from);
		to->real = (double)to->integer;
		return 0;
	case JSON_REAL:
		to->kind = JSON_KIND_REAL;
		to->real = json_real_value(from);
		return 0;
	case JSON_TRUE:
	case JSON_FALSE:
		to->kind = JSON_KIND_BOOL;
		to->boolean = json_is_true(from);
		return 0;
	case JSON_NULL:
		return 0;
	}
	BUG("jansson type %d", (int)json_typeof(from));
}

#define EXACT_MAX 9007199254740992.0 /* 2^53: whole numbers below are themselves */

/* A document with a whole number beyond 64 bits was read with all numbers as real ones. */
static void restore_integers(struct json_node *node)
{
	if (node->kind == JSON_KIND_REAL && fabs(node->real) < EXACT_MAX &&
		trunc(node->real) == node->real) {
		node->kind = JSON_KIND_INT;
		node->integer = (int64_t)node->real;
	}
	for (size_t i = 0; i < node->n; i++)
		restore_integers(&node->items[i]);
}

static json_t *load(struct view text, size_t flags, json_error_t *why)
{
	return json_loadb(text.p ? text.p : "", text.len,
		flags | JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, why);
}

int json_parse(struct view text, struct arena *a, const struct json_node **ret, struct err *err)
{
	struct json_node *node;
	json_error_t why;

	if (text.len > LIMIT_JSON_BODY)
		return err_set(err, ERR_TOO_LARGE, "JSON of %zu bytes is over the limit of %zu",
			text.len, (size_t)LIMIT_JSON_BODY);
	json_auto_t *root = load(text, 0, &why);
	bool large = !root && json_error_code(&why) == json_error_numeric_overflow;

	if (large)
		root = load(text, JSON_DECODE_INT_AS_REAL, &why);
	if (!root)
		return err_set(err, ERR_MALFORMED, "line %d, column %d: %s", why.line, why.column,
			why.text);
	node = arena_new(a, struct json_node);
	if (convert(root, 1, a, node, err) < 0)
		return -1;
	if (large)
		restore_integers(node);
	*ret = node;
	return 0;
}

const struct json_node *json_member(const struct json_node *node, const char *name)
{
	if (!node || node->kind != JSON_KIND_OBJECT)
		return NULL;
	for (size_t i = 0; i < node->n; i++)
		if (view_eq_str(node->items[i].key, name))
			return &node->items[i];
	return NULL;
}

const char *json_member_text(const struct json_node *node, const char *name)
{
	const struct json_node *member = json_member(node, name);

	return member && member->kind == JSON_KIND_STRING ? member->text.p : NULL;
}

const char *json_kind_name(enum json_kind kind)
{
	static const char *const names[] = {
		[JSON_KIND_NULL] = "null",
		[JSON_KIND_BOOL] = "a boolean",
		[JSON_KIND_INT] = "a number",
		[JSON_KIND_REAL] = "a number",
		[JSON_KIND_STRING] = "a string",
		[JSON_KIND_ARRAY] = "an array",
		[JSON_KIND_OBJECT] = "an object",
	};

	return names[kind];
}
