/* SPDX-License-Identifier: Apache-2.0 */
/* The groups of a batch, and how they come out of its batch block. */
#include "build/batch.h"

struct codebuild_build_group *batch_group(struct codebuild_build_batch *b, const char *identifier)
{
	wire_foreach (g, &b->build_groups)
		if (streq(g->identifier, identifier))
			return g;
	return NULL;
}

void batch_group_reset(struct codebuild_build_group *g, struct arena *a)
{
	struct codebuild_build_summaries old = g->prior_build_summary_list;

	if (!g->current_build_summary)
		return;
	wire_list_alloc(a, &g->prior_build_summary_list, old.n + 1);
	if (old.n)
		memcpy(g->prior_build_summary_list.v, old.v, old.n * sizeof(*old.v));
	g->prior_build_summary_list.v[old.n] = *g->current_build_summary;
	g->current_build_summary = NULL;
}

void batch_groups_begin(struct codebuild_build_batch *b, struct arena *a)
{
	wire_list_alloc(a, &b->build_groups, 1);
	b->build_groups.v[0].identifier = BATCH_SOURCE_GROUP;
	b->build_groups.v[0].depends_on.set = true;
	b->build_groups.v[0].ignore_failure = WIRE_SET_BOOL(false);
}

/* ---- the batch block ---- */

/* Groups of an earlier try keep their builds. */
static void set_groups(struct codebuild_build_batch *b,
	const struct towpath_build_batch_tasks *tasks, struct arena *a)
{
	struct codebuild_build_batch old = {.build_groups = b->build_groups};

	wire_list_alloc(a, &b->build_groups, tasks->n + 1);
	b->build_groups.v[0] = *batch_group(&old, BATCH_SOURCE_GROUP);
	for (size_t i = 0; i < tasks->n; i++) {
		const struct towpath_build_batch_task *t = &tasks->v[i];
		struct codebuild_build_group *g = &b->build_groups.v[i + 1];
		const struct codebuild_build_group *was = batch_group(&old, t->identifier);

		if (was)
			*g = *was;
		g->identifier = t->identifier;
		g->ignore_failure = WIRE_SET_BOOL(wire_or(t->ignore_failure, false));
		wire_list_alloc(a, &g->depends_on, t->depends_on.n);
		memcpy(g->depends_on.v, t->depends_on.v,
			t->depends_on.n * sizeof(*t->depends_on.v));
	}
}

/* Versions of objects and of a pipeline's artifacts are settled already. */
static bool has_commits(const struct codebuild_project_source *s)
{
	static const char *const without[] = {CODEBUILD_SOURCE_TYPE_S3,
		CODEBUILD_SOURCE_TYPE_CODEPIPELINE, CODEBUILD_SOURCE_TYPE_NO_SOURCE};

	for (size_t i = 0; i < ARRAY_SIZE(without); i++)
		if (streq(without[i], s->type))
			return false;
	return true;
}

static const char *version_of(const struct codebuild_project *p, const char *identifier)
{
	wire_foreach (v, &p->secondary_source_versions)
		if (streq(v->source_identifier, identifier))
			return v->source_version;
	return NULL;
}

static void set_versions(
	struct store_build_batch *r, const struct build_sources_found *found, struct arena *a)
{
	const struct codebuild_project *p = &r->spec;
	struct towpath_string_map *list = &r->extra.secondary_versions;

	if (found->primary.resolved_version)
		r->batch.resolved_source_version = found->primary.resolved_version;
	if (has_commits(p->source))
		r->extra.source_version = found->primary.resolved_version;
	wire_list_alloc(a, list, p->secondary_sources.n);
	list->n = 0;
	for (size_t i = 0; i < p->secondary_sources.n; i++) {
		const struct codebuild_project_source *s = &p->secondary_sources.v[i];
		const char *version = version_of(p, s->source_identifier);

		if (has_commits(s) && found->secondary[i].resolved_version)
			version = found->secondary[i].resolved_version;
		if (!version)
			continue;
		list->v[list->n].key = s->source_identifier;
		list->v[list->n++].value = version;
	}
}

static int decide_planned(struct batch_step *s, struct db_tx *tx UNUSED, struct err *err UNUSED)
{
	const struct batch_found *found = s->arg;

	if (wire_or(s->r.batch.complete, false) || s->r.extra.ending)
		return 1;
	s->r.extra.tasks = found->tasks;
	s->r.extra.fast_fail = found->block->fast_fail;
	set_groups(&s->r.batch, &found->tasks, &s->arena);
	set_versions(&s->r, found->sources, &s->arena);
	return 0;
}

int batch_take_plan(struct build_engine *e, struct db_tx *tx, const char *arn,
	const struct batch_found *found, struct err *err)
{
	CLEANUP_BATCH_STEP struct batch_step s = {
		.e = e, .uuid = batch_uuid_of(arn), .decide = decide_planned};

	s.arg = (void *)(uintptr_t)found;
	return batch_step_within(&s, tx, err);
}
