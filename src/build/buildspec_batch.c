/* SPDX-License-Identifier: Apache-2.0 */
/* The batch block of a buildspec. Only StartBuildBatch acts on it; a single build checks that it
 * is well formed and goes on. */
#include "base/map.h"
#include "base/mem.h"
#include "build/buildspec_schema.h"

static int check_text(struct buildspec_reader *r, const char *name, const struct yaml_node *v,
	void *field UNUSED, struct err *err)
{
	const char *text;

	return buildspec_read_text(r, name, v, &text, err);
}

static int check_bool(struct buildspec_reader *r, const char *name, const struct yaml_node *v,
	void *field UNUSED, struct err *err)
{
	struct wire_bool b;

	return buildspec_read_bool(r, name, v, &b, err);
}

static int check_texts(struct buildspec_reader *r, const char *name, const struct yaml_node *v,
	void *field UNUSED, struct err *err)
{
	struct towpath_string_list list;

	return buildspec_read_texts(r, name, v, &list, err);
}

static int check_variables(struct buildspec_reader *r, const char *name, const struct yaml_node *v,
	void *field UNUSED, struct err *err)
{
	struct towpath_leader_variables list;

	return buildspec_read_variables(r, name, v, &list, err);
}

static int check_count(struct buildspec_reader *r, const char *name, const struct yaml_node *v,
	void *field UNUSED, struct err *err)
{
	int64_t n;

	if (!yaml_int(v, &n) || n < 1)
		return yaml_fail(r->doc, v, err, "'%s' must be a number from 1 up", name);
	return 0;
}

/* A mapping of names to lists: the variables of a matrix. */
static int check_axes(struct buildspec_reader *r, const char *name, const struct yaml_node *v,
	void *field, struct err *err)
{
	if (buildspec_want_map(r, name, v, err) < 0)
		return -1;
	for (size_t i = 0; i < v->n; i++)
		if (check_texts(r, v->pairs[i].key->text, v->pairs[i].value, field, err) < 0)
			return -1;
	return 0;
}

#define CHECK_KEYS(fn, table)                                                                  \
	static int fn(struct buildspec_reader *r, const char *name, const struct yaml_node *v, \
		void *field, struct err *err)                                                  \
	{                                                                                      \
		return buildspec_read_keys(r, name, v, table, ARRAY_SIZE(table), field, err);  \
	}

static const struct buildspec_key task_env_keys[] = {
	{"compute-type", check_text, 0, 0},
	{"fleet", check_text, 0, 0},
	{"image", check_text, 0, 0},
	{"privileged-mode", check_bool, 0, 0},
	{"type", check_text, 0, 0},
	{"variables", check_variables, 0, 0},
};
CHECK_KEYS(check_task_env, task_env_keys)

static const struct buildspec_key list_task_keys[] = {
	{"identifier", check_text, 0, KEY_REQUIRED},
	{"buildspec", check_text, 0, 0},
	{"debug-session", check_bool, 0, 0},
	{"env", check_task_env, 0, 0},
	{"ignore-failure", check_bool, 0, 0},
};

static const struct buildspec_key graph_task_keys[] = {
	{"identifier", check_text, 0, KEY_REQUIRED},
	{"buildspec", check_text, 0, 0},
	{"debug-session", check_bool, 0, 0},
	{"depend-on", check_texts, 0, 0},
	{"env", check_task_env, 0, 0},
	{"ignore-failure", check_bool, 0, 0},
};

static const struct buildspec_key matrix_static_env_keys[] = {
	{"privileged-mode", check_bool, 0, 0},
	{"type", check_text, 0, 0},
	{"variables", check_variables, 0, 0},
};
CHECK_KEYS(check_static_env, matrix_static_env_keys)

static const struct buildspec_key matrix_static_keys[] = {
	{"ignore-failure", check_bool, 0, 0},
	{"env", check_static_env, 0, 0},
};
CHECK_KEYS(check_static, matrix_static_keys)

static const struct buildspec_key matrix_dynamic_env_keys[] = {
	{"compute-type", check_texts, 0, 0},
	{"fleet", check_texts, 0, 0},
	{"image", check_texts, 0, 0},
	{"variables", check_axes, 0, 0},
};
CHECK_KEYS(check_dynamic_env, matrix_dynamic_env_keys)

static const struct buildspec_key matrix_dynamic_keys[] = {
	{"buildspec", check_texts, 0, 0},
	{"env", check_dynamic_env, 0, 0},
};
CHECK_KEYS(check_dynamic, matrix_dynamic_keys)

static const struct buildspec_key matrix_keys[] = {
	{"static", check_static, 0, 0},
	{"dynamic", check_dynamic, 0, 0},
};
CHECK_KEYS(check_matrix, matrix_keys)

static const struct buildspec_key fanout_keys[] = {
	{"parallelism", check_count, 0, KEY_REQUIRED},
	{"ignore-failure", check_bool, 0, 0},
};
CHECK_KEYS(check_fanout, fanout_keys)

static int check_tasks(struct buildspec_reader *r, const char *name, const struct yaml_node *v,
	const struct buildspec_key *keys, size_t n_keys, struct map *ids, struct err *err)
{
	if (v->kind != YAML_SEQUENCE)
		return yaml_fail(
			r->doc, v, err, "'%s' must be a list, not %s", name, yaml_kind_text(v));
	for (size_t i = 0; i < v->n; i++) {
		const struct yaml_node *id;

		if (buildspec_read_keys(r, name, v->items[i], keys, n_keys, NULL, err) < 0)
			return -1;
		id = yaml_get(v->items[i], "identifier");
		if (map_set(ids, id->text, v->items[i]))
			return yaml_fail(r->doc, id, err, "identifier '%s' is used twice in %s",
				id->text, name);
	}
	return 0;
}

static int check_list(struct buildspec_reader *r, const char *name, const struct yaml_node *v,
	void *field UNUSED, struct err *err)
{
	CLEANUP_MAP struct map ids = MAP_INIT;

	return check_tasks(r, name, v, list_task_keys, ARRAY_SIZE(list_task_keys), &ids, err);
}

/* Follows depend-on from a task; on the way back to where it began there is a cycle. Each round
 * takes out the tasks whose dependencies are all gone; what cannot be taken out is a cycle. */
static int check_acyclic(
	struct buildspec_reader *r, const struct yaml_node *v, struct map *ids, struct err *err)
{
	bool moved = true;

	while (moved && ids->count) {
		moved = false;
		for (size_t i = 0; i < v->n; i++) {
			const struct yaml_node *deps = yaml_get(v->items[i], "depend-on");
			const char *id = yaml_get(v->items[i], "identifier")->text;
			bool ready = map_has(ids, id);

			for (size_t j = 0; deps && j < deps->n; j++)
				ready = ready && !map_has(ids, deps->items[j]->text);
			if (ready)
				map_remove(ids, id);
			moved |= ready;
		}
	}
	if (ids->count)
		return yaml_fail(r->doc, map_next(ids, NULL)->value, err,
			"the depend-on of build-graph form a cycle through '%s'",
			map_next(ids, NULL)->key);
	return 0;
}

static int check_graph(struct buildspec_reader *r, const char *name, const struct yaml_node *v,
	void *field UNUSED, struct err *err)
{
	CLEANUP_MAP struct map ids = MAP_INIT;

	if (check_tasks(r, name, v, graph_task_keys, ARRAY_SIZE(graph_task_keys), &ids, err) < 0)
		return -1;
	for (size_t i = 0; i < v->n; i++) {
		const struct yaml_node *deps = yaml_get(v->items[i], "depend-on");

		for (size_t j = 0; deps && j < deps->n; j++)
			if (!map_has(&ids, deps->items[j]->text))
				return yaml_fail(r->doc, deps->items[j], err,
					"depend-on names '%s', which no task has as identifier",
					deps->items[j]->text);
	}
	return check_acyclic(r, v, &ids, err);
}

static const struct buildspec_key batch_keys[] = {
	{"fast-fail", check_bool, 0, 0},
	{"build-list", check_list, 0, 0},
	{"build-graph", check_graph, 0, 0},
	{"build-matrix", check_matrix, 0, 0},
	{"build-fanout", check_fanout, 0, 0},
};

int buildspec_check_batch(struct buildspec_reader *r, const char *name, const struct yaml_node *v,
	void *field UNUSED, struct err *err)
{
	size_t kinds;

	if (buildspec_read_keys(r, name, v, batch_keys, ARRAY_SIZE(batch_keys), NULL, err) < 0)
		return -1;
	kinds = v->n - (yaml_get(v, "fast-fail") ? 1 : 0);
	if (kinds != 1)
		return yaml_fail(r->doc, v, err,
			"'batch' needs one of build-list, build-graph, build-matrix, build-fanout; "
			"%zu are given",
			kinds);
	return 0;
}
