/* SPDX-License-Identifier: Apache-2.0 */
/* The batch block of a buildspec. Only batches act on it (batch_spec.c); a single build checks that
 * it is well formed and goes on. */
#include "base/map.h"
#include "base/mem.h"
#include "build/buildspec_schema.h"

#define TASK(member) offsetof(struct towpath_build_batch_task, member)
#define MATRIX(member) offsetof(struct towpath_buildspec_matrix, member)
#define BATCH(member) offsetof(struct towpath_buildspec_batch, member)

static int read_count(struct buildspec_reader *r, const char *name, const struct yaml_node *v,
	void *field, struct err *err)
{
	struct wire_long *ret = field;

	if (!yaml_int(v, &ret->v) || ret->v < 1)
		return yaml_fail(r->doc, v, err, "'%s' must be a number from 1 up", name);
	ret->set = true;
	return 0;
}

/* A mapping of names to lists: the variables of a matrix. */
static int read_axes(struct buildspec_reader *r, const char *name, const struct yaml_node *v,
	void *field, struct err *err)
{
	struct towpath_buildspec_axes *axes = field;

	if (buildspec_want_map(r, name, v, err) < 0)
		return -1;
	wire_list_alloc(r->arena, axes, v->n);
	for (size_t i = 0; i < v->n; i++) {
		axes->v[i].name = v->pairs[i].key->text;
		if (buildspec_read_texts(
			    r, axes->v[i].name, v->pairs[i].value, &axes->v[i].values, err) < 0)
			return -1;
	}
	return 0;
}

/* A block whose members are those of the structure around it. */
#define READ_KEYS(fn, table)                                                                   \
	static int fn(struct buildspec_reader *r, const char *name, const struct yaml_node *v, \
		void *field, struct err *err)                                                  \
	{                                                                                      \
		return buildspec_read_keys(r, name, v, table, ARRAY_SIZE(table), field, err);  \
	}

static const struct buildspec_key task_env_keys[] = {
	{"compute-type", buildspec_read_text, TASK(compute_type), 0},
	{"fleet", buildspec_read_text, TASK(fleet), 0},
	{"image", buildspec_read_text, TASK(image), 0},
	{"privileged-mode", buildspec_read_bool, TASK(privileged_mode), 0},
	{"type", buildspec_read_text, TASK(type), 0},
	{"variables", buildspec_read_variables, TASK(variables), 0},
};
READ_KEYS(read_task_env, task_env_keys)

static const struct buildspec_key list_task_keys[] = {
	{"identifier", buildspec_read_text, TASK(identifier), KEY_REQUIRED},
	{"buildspec", buildspec_read_text, TASK(buildspec), 0},
	{"debug-session", buildspec_read_bool, TASK(debug_session), 0},
	{"env", read_task_env, 0, 0},
	{"ignore-failure", buildspec_read_bool, TASK(ignore_failure), 0},
};

static const struct buildspec_key graph_task_keys[] = {
	{"identifier", buildspec_read_text, TASK(identifier), KEY_REQUIRED},
	{"buildspec", buildspec_read_text, TASK(buildspec), 0},
	{"debug-session", buildspec_read_bool, TASK(debug_session), 0},
	{"depend-on", buildspec_read_texts, TASK(depends_on), 0},
	{"env", read_task_env, 0, 0},
	{"ignore-failure", buildspec_read_bool, TASK(ignore_failure), 0},
};

static const struct buildspec_key matrix_static_env_keys[] = {
	{"privileged-mode", buildspec_read_bool, MATRIX(privileged_mode), 0},
	{"type", buildspec_read_text, MATRIX(type), 0},
	{"variables", buildspec_read_variables, MATRIX(variables), 0},
};
READ_KEYS(read_static_env, matrix_static_env_keys)

static const struct buildspec_key matrix_static_keys[] = {
	{"ignore-failure", buildspec_read_bool, MATRIX(ignore_failure), 0},
	{"env", read_static_env, 0, 0},
};
READ_KEYS(read_static, matrix_static_keys)

static const struct buildspec_key matrix_dynamic_env_keys[] = {
	{"compute-type", buildspec_read_texts, MATRIX(compute_types), 0},
	{"fleet", buildspec_read_texts, MATRIX(fleets), 0},
	{"image", buildspec_read_texts, MATRIX(images), 0},
	{"variables", read_axes, MATRIX(axes), 0},
};
READ_KEYS(read_dynamic_env, matrix_dynamic_env_keys)

static const struct buildspec_key matrix_dynamic_keys[] = {
	{"buildspec", buildspec_read_texts, MATRIX(buildspecs), 0},
	{"env", read_dynamic_env, 0, 0},
};
READ_KEYS(read_dynamic, matrix_dynamic_keys)

static const struct buildspec_key matrix_keys[] = {
	{"static", read_static, 0, 0},
	{"dynamic", read_dynamic, 0, 0},
};

static int read_matrix(struct buildspec_reader *r, const char *name, const struct yaml_node *v,
	void *field, struct err *err)
{
	struct towpath_buildspec_matrix **ret = field;

	*ret = arena_new(r->arena, struct towpath_buildspec_matrix);
	return buildspec_read_keys(r, name, v, matrix_keys, ARRAY_SIZE(matrix_keys), *ret, err);
}

static const struct buildspec_key fanout_keys[] = {
	{"parallelism", read_count, BATCH(parallelism), KEY_REQUIRED},
	{"ignore-failure", buildspec_read_bool, BATCH(ignore_failure), 0},
};
READ_KEYS(read_fanout, fanout_keys)

static int read_tasks(struct buildspec_reader *r, const char *name, const struct yaml_node *v,
	const struct buildspec_key *keys, size_t n_keys, struct map *ids,
	struct towpath_build_batch_tasks *ret, struct err *err)
{
	if (v->kind != YAML_SEQUENCE)
		return yaml_fail(
			r->doc, v, err, "'%s' must be a list, not %s", name, yaml_kind_text(v));
	wire_list_alloc(r->arena, ret, v->n);
	for (size_t i = 0; i < v->n; i++) {
		const struct yaml_node *id;

		if (buildspec_read_keys(r, name, v->items[i], keys, n_keys, &ret->v[i], err) < 0)
			return -1;
		id = yaml_get(v->items[i], "identifier");
		if (map_set(ids, id->text, v->items[i]))
			return yaml_fail(r->doc, id, err, "identifier '%s' is used twice in %s",
				id->text, name);
	}
	return 0;
}

static int read_list(struct buildspec_reader *r, const char *name, const struct yaml_node *v,
	void *field, struct err *err)
{
	CLEANUP_MAP struct map ids = MAP_INIT;

	return read_tasks(r, name, v, list_task_keys, ARRAY_SIZE(list_task_keys), &ids, field, err);
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

static int read_graph(struct buildspec_reader *r, const char *name, const struct yaml_node *v,
	void *field, struct err *err)
{
	CLEANUP_MAP struct map ids = MAP_INIT;

	if (read_tasks(r, name, v, graph_task_keys, ARRAY_SIZE(graph_task_keys), &ids, field, err) <
		0)
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
	{"fast-fail", buildspec_read_bool, BATCH(fast_fail), 0},
	{"build-list", read_list, BATCH(tasks), 0},
	{"build-graph", read_graph, BATCH(tasks), 0},
	{"build-matrix", read_matrix, BATCH(matrix), 0},
	{"build-fanout", read_fanout, 0, 0},
};

int buildspec_read_batch(struct buildspec_reader *r, const char *name, const struct yaml_node *v,
	void *field, struct err *err)
{
	struct towpath_buildspec_batch **ret = field;
	size_t kinds;

	*ret = arena_new(r->arena, struct towpath_buildspec_batch);
	if (buildspec_read_keys(r, name, v, batch_keys, ARRAY_SIZE(batch_keys), *ret, err) < 0)
		return -1;
	kinds = v->n - (yaml_get(v, "fast-fail") ? 1 : 0);
	if (kinds != 1)
		return yaml_fail(r->doc, v, err,
			"'batch' needs one of build-list, build-graph, build-matrix, build-fanout; "
			"%zu are given",
			kinds);
	return 0;
}
