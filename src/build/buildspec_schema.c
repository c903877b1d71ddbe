/* SPDX-License-Identifier: Apache-2.0 */
/* The walker over key tables and the readers of plain values. */
#include "build/buildspec_schema.h"

#include <ctype.h>

#include "base/mem.h"
#include "base/str.h"

static const struct buildspec_key *find_key(
	const struct buildspec_key *keys, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (streq(keys[i].name, name))
			return &keys[i];
	return NULL;
}

static bool allowed(const struct buildspec_reader *r, const struct buildspec_key *k)
{
	return !(k->flags & (r->old ? KEY_ONLY_NEW : KEY_ONLY_OLD));
}

static int unknown_key(struct buildspec_reader *r, const char *what, const struct yaml_node *key,
	const struct buildspec_key *keys, size_t n, struct err *err)
{
	CLEANUP_STR struct str known = STR_INIT;
	const struct buildspec_key *other = find_key(keys, n, key->text);

	for (size_t i = 0; i < n; i++)
		if (allowed(r, &keys[i]))
			str_addf(&known, "%s%s", known.len ? ", " : "", keys[i].name);
	yaml_fail(r->doc, key, err, "%s '%s' in %s%s", other ? "key" : "unknown key", key->text,
		what,
		!other	 ? ""
		: r->old ? " needs version: 0.2"
			 : " is of version 0.1 only");
	return err_hint(err, "Keys of %s: %s.", what, str_text(&known));
}

int buildspec_want_map(
	struct buildspec_reader *r, const char *name, const struct yaml_node *v, struct err *err)
{
	if (v->kind == YAML_MAPPING)
		return 0;
	return yaml_fail(r->doc, v, err, "'%s' must be a mapping, not %s", name, yaml_kind_text(v));
}

int buildspec_read_keys(struct buildspec_reader *r, const char *what, const struct yaml_node *map,
	const struct buildspec_key *keys, size_t n_keys, void *base, struct err *err)
{
	if (buildspec_want_map(r, what, map, err) < 0)
		return -1;
	for (size_t i = 0; i < map->n; i++) {
		const struct yaml_node *key = map->pairs[i].key;
		const struct buildspec_key *k = find_key(keys, n_keys, key->text);

		if (!k && starts_with(key->text, "x-"))
			continue;
		if (!k || !allowed(r, k))
			return unknown_key(r, what, key, keys, n_keys, err);
		if (k->read &&
			k->read(r, k->name, map->pairs[i].value, (char *)base + k->offset, err) < 0)
			return -1;
	}
	for (size_t i = 0; i < n_keys; i++)
		if (keys[i].flags & KEY_REQUIRED && allowed(r, &keys[i]) &&
			!yaml_get(map, keys[i].name))
			return yaml_fail(
				r->doc, map, err, "'%s' is missing in %s", keys[i].name, what);
	return 0;
}

int buildspec_read_text(struct buildspec_reader *r, const char *name, const struct yaml_node *v,
	void *field, struct err *err)
{
	const char **ret = field;

	if (v->kind != YAML_SCALAR || yaml_is_null(v))
		return yaml_fail(
			r->doc, v, err, "'%s' must be text, not %s", name, yaml_kind_text(v));
	*ret = v->text;
	return 0;
}

int buildspec_read_bool(struct buildspec_reader *r, const char *name, const struct yaml_node *v,
	void *field, struct err *err)
{
	struct wire_bool *ret = field;

	if (!yaml_bool(v, &ret->v))
		return yaml_fail(r->doc, v, err, "'%s' must be yes or no, not %s%s%s", name,
			v->kind == YAML_SCALAR ? "'" : "",
			v->kind == YAML_SCALAR ? v->text : yaml_kind_text(v),
			v->kind == YAML_SCALAR ? "'" : "");
	ret->set = true;
	return 0;
}

/* The words that users of the service know, with our place in front. */
static int not_text(struct buildspec_reader *r, const char *name, size_t i,
	const struct yaml_node *list, const struct yaml_node *item, struct err *err)
{
	yaml_fail(r->doc, item, err,
		"Expected %c%s[%zu] to be of string type: found %s instead at line %d, value of "
		"the key tag on line %d might be empty",
		toupper((unsigned char)name[0]), name + 1, i,
		item->kind == YAML_MAPPING ? "subkeys" : "a list", item->line,
		list->line > 1 ? item->line - 1 : list->line);
	if (item->kind == YAML_MAPPING)
		err_hint(err, "Text that holds ': ' must be quoted or written as a block (- |).");
	return -1;
}

int buildspec_read_texts(struct buildspec_reader *r, const char *name, const struct yaml_node *v,
	void *field, struct err *err)
{
	struct towpath_string_list *ret = field;
	size_t n = 0;

	if (v->kind != YAML_SEQUENCE) {
		yaml_fail(r->doc, v, err, "'%s' must be a list, not %s", name, yaml_kind_text(v));
		return err_hint(err, "Write each entry on a line of its own behind '- '.");
	}
	wire_list_alloc(r->arena, ret, v->n);
	for (size_t i = 0; i < v->n; i++) {
		const struct yaml_node *item = v->items[i];

		if (item->kind != YAML_SCALAR)
			return not_text(r, name, i, v, item, err);
		if (yaml_is_null(item)) {
			yaml_warn(
				r->doc, item, "entry %zu of '%s' is empty; left out", i + 1, name);
			continue;
		}
		ret->v[n++] = item->text;
	}
	ret->n = n;
	return 0;
}

int buildspec_read_variables(struct buildspec_reader *r, const char *name,
	const struct yaml_node *v, void *field, struct err *err)
{
	struct towpath_leader_variables *ret = field;

	if (yaml_is_null(v))
		return 0;
	if (buildspec_want_map(r, name, v, err) < 0)
		return -1;
	wire_list_alloc(r->arena, ret, v->n);
	for (size_t i = 0; i < v->n; i++) {
		const struct yaml_node *key = v->pairs[i].key, *value = v->pairs[i].value;

		if (!*key->text || strchr(key->text, '='))
			return yaml_fail(r->doc, key, err,
				"'%s' is not a name for an environment variable", key->text);
		if (value->kind != YAML_SCALAR)
			return yaml_fail(r->doc, value, err,
				"the value of '%s' in '%s' must be text, not %s", key->text, name,
				yaml_kind_text(value));
		if (starts_with(key->text, "CODEBUILD_") &&
			!starts_with(key->text, "CODEBUILD_CONFIG_"))
			yaml_warn(r->doc, key, "names that begin with CODEBUILD_ are reserved: %s",
				key->text);
		ret->v[i].name = key->text;
		ret->v[i].value = yaml_is_null(value) ? "" : value->text;
	}
	return 0;
}
