/* SPDX-License-Identifier: Apache-2.0 */
/* From the batch block of a buildspec to the builds that it asks for, and from one of these to the
 * project that it runs with ("Batch build buildspec reference"). */
#include <ctype.h>

#include "base/map.h"
#include "build/batch.h"

#define IDENTIFIER_MAX 100

/* ---- a matrix ---- */

struct axis {
	size_t member;	      /* of the task, where variable is NULL */
	const char *variable; /* or a variable's name */
	const struct towpath_string_list *values;
};

struct axes {
	VEC(struct axis) v;
	size_t builds; /* how many combinations */
};

static void axes_release(struct axes *x)
{
	vec_release(&x->v);
}

/* An empty list is no axis. */
static int add_axis(struct axes *x, size_t member, const char *variable,
	const struct towpath_string_list *values, size_t max, struct err *err)
{
	struct axis axis = {member, variable, values};

	if (!values->n)
		return 0;
	if (__builtin_mul_overflow(x->builds, values->n, &x->builds) || x->builds > max)
		return err_set(err, ERR_INVALID,
			"build-matrix asks for more builds than the %zu that the project's "
			"batch restrictions allow (maximumBuildsAllowed)",
			max);
	vec_push(&x->v, axis);
	return 0;
}

static int collect_axes(
	const struct towpath_buildspec_matrix *m, size_t max, struct axes *x, struct err *err)
{
	const struct {
		size_t member;
		const struct towpath_string_list *values;
	} fixed[] = {
		{offsetof(struct towpath_build_batch_task, buildspec), &m->buildspecs},
		{offsetof(struct towpath_build_batch_task, compute_type), &m->compute_types},
		{offsetof(struct towpath_build_batch_task, image), &m->images},
		{offsetof(struct towpath_build_batch_task, fleet), &m->fleets},
	};

	x->builds = 1;
	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		if (add_axis(x, fixed[i].member, NULL, fixed[i].values, max, err) < 0)
			return -1;
	wire_foreach (it, &m->axes)
		if (add_axis(x, 0, it->name, &it->values, max, err) < 0)
			return -1;
	return 0;
}

static void add_to_identifier(struct str *id, const char *value)
{
	if (id->len)
		str_add_c(id, '_');
	for (; *value && id->len < IDENTIFIER_MAX; value++)
		str_add_c(id, isalnum((unsigned char)*value) ? *value : '_');
}

/* Two combinations may look alike once made into identifiers. */
static const char *unique(struct map *seen, const char *id, struct arena *a)
{
	const char *text = id;

	for (int n = 2; map_has(seen, text); n++)
		text = arena_printf(a, "%s_%d", id, n);
	map_set(seen, text, (void *)(uintptr_t)text);
	return text;
}

/* The combination of this number; the last axis moves fastest. */
static void combine(const struct axes *x, size_t number, const struct towpath_buildspec_matrix *m,
	struct map *seen, struct arena *a, struct towpath_build_batch_task *ret)
{
	CLEANUP_STR struct str id = STR_INIT;
	struct towpath_leader_variables *vars = &ret->variables;
	size_t rest = x->builds;

	ret->ignore_failure = m->ignore_failure;
	ret->type = m->type;
	ret->privileged_mode = m->privileged_mode;
	wire_list_alloc(a, vars, m->variables.n + x->v.n);
	if (m->variables.n)
		memcpy(vars->v, m->variables.v, m->variables.n * sizeof(*vars->v));
	vars->n = m->variables.n;
	for (size_t i = 0; i < x->v.n; i++) {
		const struct axis *axis = &x->v.v[i];
		const char *value;

		rest /= axis->values->n;
		value = axis->values->v[number / rest % axis->values->n];
		add_to_identifier(&id, value);
		if (axis->variable) {
			vars->v[vars->n].name = axis->variable;
			vars->v[vars->n++].value = value;
		} else {
			memcpy((char *)ret + axis->member, &value, sizeof(value));
		}
	}
	ret->identifier = unique(seen, id.len ? arena_strdup(a, str_text(&id)) : "build", a);
}

static int plan_matrix(const struct towpath_buildspec_matrix *m, size_t max, struct arena *a,
	struct towpath_build_batch_tasks *ret, struct err *err)
{
	CLEANUP(axes_release) struct axes x = {0};
	CLEANUP_MAP struct map seen = MAP_INIT;

	if (collect_axes(m, max, &x, err) < 0)
		return -1;
	wire_list_alloc(a, ret, x.builds);
	for (size_t i = 0; i < x.builds; i++)
		combine(&x, i, m, &seen, a, &ret->v[i]);
	return 0;
}

/* ---- what is allowed ---- */

static size_t maximum_of(const struct codebuild_project *p)
{
	const struct codebuild_batch_restrictions *r = p->build_batch_config->restrictions;

	return r ? (size_t)MAX(wire_or(r->maximum_builds_allowed, BATCH_BUILDS_DEFAULT), 0)
		 : BATCH_BUILDS_DEFAULT;
}

static int check_compute(const struct codebuild_project *p,
	const struct towpath_build_batch_task *t, struct err *err)
{
	const struct codebuild_batch_restrictions *r = p->build_batch_config->restrictions;
	const char *type = t->compute_type ? t->compute_type : p->environment->compute_type;

	if (!r || !r->compute_types_allowed.n)
		return 0;
	wire_foreach (it, &r->compute_types_allowed)
		if (streq(*it, type))
			return 0;
	return err_set(err, ERR_INVALID,
		"build %s: compute type %s is not among the computeTypesAllowed of the project's "
		"batch restrictions",
		t->identifier, type);
}

static bool is_identifier(const char *s)
{
	size_t n = strlen(s);

	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && s[i] != '_')
			return false;
	return n > 0 && n <= 2 * IDENTIFIER_MAX && !streq(s, BATCH_SOURCE_GROUP);
}

static int check_task(const struct codebuild_project *p, const struct towpath_build_batch_task *t,
	struct arena *a, struct err *err)
{
	struct store_build_batch r = {.spec = *p};
	struct codebuild_project spec;

	if (!is_identifier(t->identifier))
		return err_set(err, ERR_INVALID,
			"build identifier '%s' is not letters, digits and underscores, or it is "
			"the reserved " BATCH_SOURCE_GROUP,
			t->identifier);
	if (wire_or(t->debug_session, false))
		return err_set(err, ERR_INVALID,
			"build %s: debug-session is not offered: there is no Session Manager to "
			"connect with",
			t->identifier);
	if (t->fleet)
		return err_set(err, ERR_INVALID, "build %s: fleets are not offered by this server",
			t->identifier);
	if (check_compute(p, t, err) < 0)
		return -1;
	if (batch_project_of(&r, t, a, &spec, err) < 0)
		return err_wrap(err, "build %s", t->identifier);
	return 0;
}

static void depend_on_source(struct towpath_build_batch_task *t, struct arena *a)
{
	struct towpath_string_list old = t->depends_on;

	wire_list_alloc(a, &t->depends_on, old.n + 1);
	t->depends_on.v[0] = BATCH_SOURCE_GROUP;
	if (old.n)
		memcpy(t->depends_on.v + 1, old.v, old.n * sizeof(*old.v));
}

int batch_plan(const struct towpath_buildspec *spec, const struct codebuild_project *p,
	struct arena *a, struct towpath_build_batch_tasks *ret, struct err *err)
{
	const struct towpath_buildspec_batch *block = spec->batch;
	size_t max = maximum_of(p);

	if (!block)
		return err_set(err, ERR_INVALID,
			"the buildspec has no batch block, which says what a batch builds");
	if (block->parallelism.set)
		return err_set(err, ERR_INVALID,
			"build-fanout is not offered by this server; use build-list, build-graph "
			"or build-matrix");
	if (!block->matrix)
		*ret = block->tasks;
	else if (plan_matrix(block->matrix, max, a, ret, err) < 0)
		return -1;
	if (!ret->n)
		return err_set(err, ERR_INVALID, "the batch block names no builds");
	if (ret->n > max)
		return err_set(err, ERR_INVALID,
			"the batch block asks for %zu builds, the project's batch restrictions "
			"allow %zu (maximumBuildsAllowed)",
			ret->n, max);
	wire_foreach (t, ret) {
		if (check_task(p, t, a, err) < 0)
			return -1;
		depend_on_source(t, a);
	}
	return 0;
}

/* ---- the project of one build ---- */

static void set_variables(struct codebuild_project_environment *env,
	const struct towpath_leader_variables *with, struct arena *a)
{
	struct codebuild_environment_variables old = env->environment_variables;
	struct codebuild_environment_variables *list = &env->environment_variables;

	wire_list_alloc(a, list, old.n + with->n);
	if (old.n)
		memcpy(list->v, old.v, old.n * sizeof(*old.v));
	list->n = old.n;
	wire_foreach (v, with) {
		size_t i = 0;

		while (i < list->n && !streq(list->v[i].name, v->name))
			i++;
		list->v[i] = (struct codebuild_environment_variable){
			.name = v->name, .value = v->value, .type = "PLAINTEXT"};
		list->n = MAX(list->n, i + 1);
	}
}

static void set_environment(
	struct codebuild_project *p, const struct towpath_build_batch_task *t, struct arena *a)
{
	struct codebuild_project_environment *env =
		arena_new(a, struct codebuild_project_environment);

	*env = *p->environment;
	env->compute_type = t->compute_type ? t->compute_type : env->compute_type;
	env->image = t->image ? t->image : env->image;
	env->type = t->type ? t->type : env->type;
	if (t->privileged_mode.set)
		env->privileged_mode = t->privileged_mode;
	set_variables(env, &t->variables, a);
	p->environment = env;
}

/* Builds of a batch store beside one another: the identifier is the last part of the name. A ZIP is
 * never without a name of its own (artifact.c). */
static void set_artifact_name(struct codebuild_project_artifacts *to, const char *project,
	const char *identifier, struct arena *a)
{
	const char *name = to->name ? to->name : "";

	if (!streq(to->type, CODEBUILD_ARTIFACTS_TYPE_S3))
		return;
	if (streq(to->packaging, CODEBUILD_ARTIFACT_PACKAGING_ZIP) && !name[strspn(name, "/")])
		name = project;
	to->name = arena_printf(a, "%s/%s", name, identifier);
}

static void set_artifacts(struct codebuild_project *p, const char *identifier, struct arena *a)
{
	struct codebuild_project_artifacts *copy = arena_new(a, struct codebuild_project_artifacts);
	struct codebuild_project_artifacts_list old = p->secondary_artifacts;

	*copy = *p->artifacts;
	set_artifact_name(copy, p->name, identifier, a);
	p->artifacts = copy;
	if (!old.n)
		return;
	wire_list_alloc(a, &p->secondary_artifacts, old.n);
	memcpy(p->secondary_artifacts.v, old.v, old.n * sizeof(*old.v));
	wire_foreach (it, &p->secondary_artifacts)
		set_artifact_name(it, p->name, identifier, a);
}

/* All builds work on what the first one found. */
static void set_versions(
	struct codebuild_project *p, const struct towpath_build_batch_extra *extra, struct arena *a)
{
	if (extra->source_version)
		p->source_version = extra->source_version;
	if (!extra->secondary_versions.n)
		return;
	wire_list_alloc(a, &p->secondary_source_versions, extra->secondary_versions.n);
	for (size_t i = 0; i < extra->secondary_versions.n; i++) {
		p->secondary_source_versions.v[i].source_identifier =
			extra->secondary_versions.v[i].key;
		p->secondary_source_versions.v[i].source_version =
			extra->secondary_versions.v[i].value;
	}
}

static void set_buildspec(struct codebuild_project *p, const char *buildspec, struct arena *a)
{
	struct codebuild_project_source *source = arena_new(a, struct codebuild_project_source);

	*source = *p->source;
	source->buildspec = buildspec;
	p->source = source;
}

/* The build that reads the batch block stores nothing; a pipeline's has no outputs then. */
static int drop_artifacts(struct codebuild_project *p, struct arena *a)
{
	p->secondary_artifacts = (struct codebuild_project_artifacts_list){0};
	if (streq(p->artifacts->type, CODEBUILD_ARTIFACTS_TYPE_CODEPIPELINE))
		return 0;
	p->artifacts = arena_new(a, struct codebuild_project_artifacts);
	p->artifacts->type = CODEBUILD_ARTIFACTS_TYPE_NO_ARTIFACTS;
	return 0;
}

int batch_project_of(const struct store_build_batch *r, const struct towpath_build_batch_task *task,
	struct arena *a, struct codebuild_project *ret, struct err *err)
{
	*ret = r->spec;
	set_versions(ret, &r->extra, a);
	if (!task)
		return drop_artifacts(ret, a);
	set_environment(ret, task, a);
	set_artifacts(ret, task->identifier, a);
	if (task->buildspec)
		set_buildspec(ret, task->buildspec, a);
	return build_project_check(ret, err);
}

struct towpath_build_pipeline *batch_pipeline_of(const struct store_build_batch *r,
	const struct towpath_build_batch_task *task, struct arena *a)
{
	const struct towpath_build_pipeline *all = r->extra.pipeline;
	struct towpath_build_pipeline *p;

	if (!all)
		return NULL;
	p = arena_new(a, struct towpath_build_pipeline);
	*p = *all;
	p->outputs = (struct towpath_build_outputs){0};
	if (!task || !all->outputs.n)
		return p;
	wire_list_alloc(a, &p->outputs, all->outputs.n);
	for (size_t i = 0; i < all->outputs.n; i++) {
		p->outputs.v[i] = all->outputs.v[i];
		p->outputs.v[i].key =
			arena_printf(a, "%s/%s", all->outputs.v[i].key, task->identifier);
	}
	return p;
}
