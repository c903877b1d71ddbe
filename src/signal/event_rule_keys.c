/* SPDX-License-Identifier: Apache-2.0 */
/* The condition keys of PutRule, read from the rule's pattern: who may make rules for certain
 * events only is asked about what the rule would hear. */
#include "base/vec.h"
#include "signal/event_pattern.h"
#include "signal/signal.h"

typedef VEC(const char *) text_vec;

static const struct {
	const char *key;
	const char *path[3];
} keys[] = {
	{"events:source", {"source"}},
	{"events:detail-type", {"detail-type"}},
	{"events:detail.service", {"detail", "service"}},
	{"events:detail.eventTypeCode", {"detail", "eventTypeCode"}},
	{"events:detail.userIdentity.principalId", {"detail", "userIdentity", "principalId"}},
};

/* A matcher that is no text ({"prefix": ...}) stands as its JSON: it equals no name of a source. */
static void add_leaf(const char *key, const struct json_node *leaf, struct arena *a, text_vec *out)
{
	struct str text CLEANUP_STR = STR_INIT;

	for (size_t i = 0; leaf->kind == JSON_KIND_ARRAY && i < leaf->n; i++) {
		const struct json_node *item = &leaf->items[i];

		str_clear(&text);
		if (item->kind == JSON_KIND_STRING)
			str_add_view(&text, item->text);
		else
			json_write(item, &text);
		vec_push(out, key);
		vec_push(out, arena_view_dup(a, str_view(&text)));
	}
}

/* Also in every choice of "$or", at any depth of the path. */
static void add_key(const char *key, const char *const *path, size_t n,
	const struct json_node *pattern, struct arena *a, text_vec *out)
{
	const struct json_node *member = json_member(pattern, path[0]);
	const struct json_node *choices = json_member(pattern, "$or");

	if (member && n > 1 && path[1])
		add_key(key, path + 1, n - 1, member, a, out);
	else if (member)
		add_leaf(key, member, a, out);
	for (size_t i = 0; choices && choices->kind == JSON_KIND_ARRAY && i < choices->n; i++)
		add_key(key, path, n, &choices->items[i], a, out);
}

void signal_event_rule_keys(const char *text, struct arena *a, const char *const **conditions)
{
	struct err ignored CLEANUP_ERR = ERR_INIT;
	const struct json_node *pattern = NULL;
	text_vec all = {0};
	const char **v;

	if (!text || json_parse(view_of(text), a, &pattern, &ignored) < 0)
		return;
	for (const char *const *c = *conditions; c && *c; c++)
		vec_push(&all, *c);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		add_key(keys[i].key, keys[i].path, ARRAY_SIZE(keys[i].path), pattern, a, &all);
	if (all.n) {
		v = arena_new_n(a, all.n + 1, const char *);
		memcpy(v, all.v, all.n * sizeof(*v));
		v[all.n] = NULL;
		*conditions = v;
	}
	vec_release(&all);
}
