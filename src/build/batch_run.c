/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a batch: which builds start, and when it has ended. All of it happens in steps of
 * others: the one that asked for the batch, and those that end its builds. */
#include <inttypes.h>

#include "build/batch.h"

#define PHASE(name) CODEBUILD_BUILD_BATCH_PHASE_TYPE_##name
#define STATUS(name) CODEBUILD_STATUS_TYPE_##name

/* ---- groups ---- */

static bool has_ended(const struct codebuild_build_group *g)
{
	return g->current_build_summary && !batch_group_is(g, STATUS(IN_PROGRESS));
}

/* Ended in a way that lets those behind it go on. */
static bool is_through(const struct codebuild_build_group *g)
{
	return batch_group_is(g, STATUS(SUCCEEDED)) ||
	       (has_ended(g) && wire_or(g->ignore_failure, false));
}

static bool is_ready(struct codebuild_build_batch *b, const struct codebuild_build_group *g)
{
	wire_foreach (id, &g->depends_on) {
		const struct codebuild_build_group *d = batch_group(b, *id);

		if (!d || !is_through(d))
			return false;
	}
	return true;
}

static bool is_active(const struct codebuild_build_batch *b)
{
	wire_foreach (g, &b->build_groups)
		if (batch_group_is(g, STATUS(IN_PROGRESS)))
			return true;
	return false;
}

static bool has_failed(const struct codebuild_build_batch *b)
{
	wire_foreach (g, &b->build_groups)
		if (has_ended(g) && !is_through(g))
			return true;
	return false;
}

static void set_current(
	struct codebuild_build_group *g, const char *arn, int64_t usec, struct arena *a)
{
	struct codebuild_build_summary *s = arena_new(a, struct codebuild_build_summary);

	s->arn = arn;
	s->requested_on = WIRE_SET_TIME(usec);
	s->build_status = STATUS(IN_PROGRESS);
	g->current_build_summary = s;
}

/* ---- starting ---- */

static const struct towpath_build_batch_task *task_of(
	const struct store_build_batch *r, const char *identifier)
{
	wire_foreach (t, &r->extra.tasks)
		if (streq(t->identifier, identifier))
			return t;
	return NULL;
}

static void set_ending(struct batch_step *s, const struct batch_end *end)
{
	s->r.extra.ending = end->status;
	s->r.extra.ending_code = end->code;
	s->r.extra.ending_message = end->message;
}

/* A build that cannot be asked for any more ends the batch, once what runs has ended. */
static int cannot_start(
	struct batch_step *s, const struct codebuild_build_group *g, struct err *why)
{
	struct batch_end end = {STATUS(FAILED), "CLIENT_ERROR",
		arena_printf(&s->arena, "Build %s cannot be started: %s", g->identifier,
			err_message(why))};

	err_release(why);
	set_ending(s, &end);
	return 1;
}

/* 1 when the project has as many builds as it may have, 0, -1. */
static int is_full(struct batch_step *s, struct db_tx *tx, struct err *err)
{
	const struct codebuild_project *p = &s->r.spec;
	int64_t active = 0;

	if (!p->concurrent_build_limit.set)
		return 0;
	if (store_build_record_count_active(tx, p->name, &active, err) < 0)
		return -1;
	return active >= p->concurrent_build_limit.v;
}

static int start_group(
	struct batch_step *s, struct db_tx *tx, struct codebuild_build_group *g, struct err *err)
{
	const struct towpath_build_batch_task *task = task_of(&s->r, g->identifier);
	struct store_build_record *r = arena_new(&s->arena, struct store_build_record);
	CLEANUP_ERR struct err why = ERR_INIT;

	if (batch_project_of(&s->r, task, &s->arena, &r->spec, &why) < 0)
		return cannot_start(s, g, &why);
	r->build.build_batch_arn = s->r.batch.arn;
	r->extra.batch_identifier = g->identifier;
	r->extra.pipeline = batch_pipeline_of(&s->r, task, &s->arena);
	r->extra.cache_generation = s->r.extra.cache_generation;
	r->extra.auto_retry_limit = s->r.spec.auto_retry_limit;
	if (build_ask(s->e, tx, r, s->r.batch.initiator, s->actor, &s->arena, &why) < 0)
		return err_is(&why, ERR_NOT_FOUND) ? cannot_start(s, g, &why) : err_move(err, &why);
	set_current(g, r->build.arn, durable_now(s->e->durable), &s->arena);
	return 1;
}

/* Starts what may start; the batch waits where the project's concurrentBuildLimit allows no more.
 * Adds to ret_started. */
static int start_ready(struct batch_step *s, struct db_tx *tx, size_t *ret_started, struct err *err)
{
	s->r.waiting = false;
	wire_foreach (g, &s->r.batch.build_groups) {
		int full;

		if (s->r.extra.ending || g->current_build_summary || !is_ready(&s->r.batch, g))
			continue;
		full = is_full(s, tx, err);
		if (full < 0 || (!full && start_group(s, tx, g, err) < 0))
			return -1;
		if (full)
			s->r.waiting = true;
		else
			++*ret_started;
	}
	return 0;
}

/* ---- ending ---- */

bool batch_wants_combining(const struct store_build_batch *r)
{
	if (r->extra.pipeline)
		return r->extra.pipeline->outputs.n > 0;
	return wire_or(r->spec.build_batch_config->combine_artifacts, false) &&
	       streq(r->spec.artifacts->type, CODEBUILD_ARTIFACTS_TYPE_S3);
}

static const char *last_phase_of(const char *status)
{
	return streq(status, STATUS(SUCCEEDED)) ? PHASE(SUCCEEDED)
	       : streq(status, STATUS(STOPPED)) ? PHASE(STOPPED)
						: PHASE(FAILED);
}

int batch_report(struct batch_step *s, struct db_tx *tx, struct err *err)
{
	const struct codebuild_build_group *g = batch_group(&s->r.batch, BATCH_SOURCE_GROUP);
	struct store_build_record r;
	int found;

	if (!g->current_build_summary)
		return 0;
	found = store_build_record_get(
		tx, build_uuid_of(g->current_build_summary->arn), true, &s->arena, &r, err);
	return found <= 0 ? found : build_report_status(s->e, tx, &r, err);
}

int batch_finish(
	struct batch_step *s, struct db_tx *tx, const struct batch_end *end, struct err *err)
{
	struct codebuild_build_batch *b = &s->r.batch;

	batch_enter(b, last_phase_of(end->status), end, durable_now(s->e->durable), &s->arena);
	b->build_batch_status = end->status;
	if (batch_report(s, tx, err) < 0)
		return -1;
	if (s->task && streq(s->task->kind, BATCH_TASK_TIMEOUT))
		return 0;
	return task_cancel(s->e->durable, tx, BATCH_TASK_TIMEOUT, s->uuid, "", err);
}

static void add_name(struct str *list, const char *head, const char *name)
{
	str_addf(list, "%s%s", list->len ? ", " : head, name);
}

static const char *failure_text(const struct codebuild_build_batch *b, struct arena *a)
{
	CLEANUP_STR struct str failed = STR_INIT, unstarted = STR_INIT;

	wire_foreach (g, &b->build_groups)
		if (!g->current_build_summary)
			add_name(&unstarted, ". Not started: ", g->identifier);
		else if (!is_through(g))
			add_name(&failed, "Failed builds: ", g->identifier);
	return arena_printf(a, "%s%s", str_text(&failed), str_text(&unstarted));
}

static int begin_combining(struct batch_step *s, struct db_tx *tx, struct err *err)
{
	struct task t = {.kind = BATCH_TASK_COMBINE, .subject = s->uuid};

	batch_enter(
		&s->r.batch, PHASE(COMBINE_ARTIFACTS), NULL, durable_now(s->e->durable), &s->arena);
	return task_enqueue(s->e->durable, tx, &t, err);
}

static int leave(struct batch_step *s, struct db_tx *tx, struct err *err)
{
	const struct towpath_build_batch_extra *x = &s->r.extra;
	struct batch_end end = {x->ending, x->ending_code, x->ending_message};

	if (!x->ending && has_failed(&s->r.batch))
		end = (struct batch_end){
			STATUS(FAILED), "BUILD_FAILED", failure_text(&s->r.batch, &s->arena)};
	else if (!x->ending && batch_wants_combining(&s->r))
		return begin_combining(s, tx, err);
	else if (!x->ending)
		end.status = STATUS(SUCCEEDED);
	return batch_finish(s, tx, &end, err);
}

int batch_advance(struct batch_step *s, struct db_tx *tx, struct err *err)
{
	struct codebuild_build_batch *b = &s->r.batch;
	struct codebuild_build_group *source = batch_group(b, BATCH_SOURCE_GROUP);
	size_t started = 0;

	if (streq(b->current_phase, PHASE(DOWNLOAD_BATCHSPEC)) &&
		batch_group_is(source, STATUS(SUCCEEDED)))
		batch_enter(b, PHASE(IN_PROGRESS), NULL, durable_now(s->e->durable), &s->arena);
	if (!s->r.extra.ending && wire_or(s->r.extra.fast_fail, false) && has_failed(b))
		return batch_cut(s, tx,
			&(struct batch_end){
				STATUS(FAILED), "BUILD_FAILED", failure_text(b, &s->arena)},
			err);
	if (start_ready(s, tx, &started, err) < 0)
		return -1;
	if (is_active(b) || s->r.waiting ||
		(streq(b->current_phase, PHASE(COMBINE_ARTIFACTS)) && !s->r.extra.ending))
		return 0;
	return leave(s, tx, err);
}

static int stop_group(struct batch_step *s, struct db_tx *tx, const struct codebuild_build_group *g,
	struct err *err)
{
	struct task t = {.kind = BATCH_TASK_STOP_BUILD};

	if (!batch_group_is(g, STATUS(IN_PROGRESS)))
		return 0;
	t.subject = build_uuid_of(g->current_build_summary->arn);
	return task_enqueue(s->e->durable, tx, &t, err);
}

int batch_cut(struct batch_step *s, struct db_tx *tx, const struct batch_end *end, struct err *err)
{
	if (s->r.extra.ending || wire_or(s->r.batch.complete, false))
		return 1;
	set_ending(s, end);
	wire_foreach (g, &s->r.batch.build_groups)
		if (stop_group(s, tx, g, err) < 0)
			return -1;
	return batch_advance(s, tx, err);
}

/* ---- a build has ended ---- */

static struct codebuild_resolved_artifact artifact_of(
	const struct codebuild_build_artifacts *b, const struct codebuild_project_artifacts *spec)
{
	return (struct codebuild_resolved_artifact){
		.type = spec->type,
		.location = b->location,
		.identifier = b->artifact_identifier,
	};
}

static void show_artifacts(
	struct codebuild_build_summary *s, const struct store_build_record *r, struct arena *a)
{
	const struct codebuild_build *b = &r->build;

	s->primary_artifact = arena_new(a, struct codebuild_resolved_artifact);
	if (b->artifacts)
		*s->primary_artifact = artifact_of(b->artifacts, r->spec.artifacts);
	if (!b->secondary_artifacts.n)
		return;
	wire_list_alloc(a, &s->secondary_artifacts, b->secondary_artifacts.n);
	for (size_t i = 0; i < b->secondary_artifacts.n; i++)
		s->secondary_artifacts.v[i] =
			artifact_of(&b->secondary_artifacts.v[i], r->spec.artifacts);
}

static void add_reports(
	struct codebuild_build_batch *b, const struct codebuild_build *from, struct arena *a)
{
	struct codebuild_build_report_arns old = b->report_arns;

	if (!from->report_arns.n)
		return;
	wire_list_alloc(a, &b->report_arns, old.n + from->report_arns.n);
	if (old.n)
		memcpy(b->report_arns.v, old.v, old.n * sizeof(*old.v));
	memcpy(b->report_arns.v + old.n, from->report_arns.v, from->report_arns.n * sizeof(*old.v));
}

/* The batch cannot go on without its source; why is what the phase that failed says. */
static int end_without_source(
	struct batch_step *s, struct db_tx *tx, const struct codebuild_build *b, struct err *err)
{
	struct batch_end end = {.status = b->build_status};

	wire_foreach (p, &b->phases)
		if (p->phase_status && !streq(p->phase_status, STATUS(SUCCEEDED)) &&
			p->contexts.n) {
			end.code = p->contexts.v[0].status_code;
			end.message = p->contexts.v[0].message;
		}
	return batch_cut(s, tx, &end, err) < 0 ? -1 : 0;
}

/* A build that was retried goes on as the next one. */
static int follow_retry(struct batch_step *s, struct db_tx *tx, struct codebuild_build_group *g,
	const char *next, struct err *err)
{
	batch_group_reset(g, &s->arena);
	set_current(g, next, durable_now(s->e->durable), &s->arena);
	return s->r.extra.ending ? stop_group(s, tx, g, err) : 0;
}

static int decide_ended(struct batch_step *s, struct db_tx *tx, struct err *err)
{
	const struct store_build_record *r = s->arg;
	const struct codebuild_build *b = &r->build;
	const char *next = b->auto_retry_config ? b->auto_retry_config->next_auto_retry : NULL;
	struct codebuild_build_group *g = batch_group(&s->r.batch, r->extra.batch_identifier);

	if (!g || !g->current_build_summary || !streq(g->current_build_summary->arn, b->arn))
		return 1;
	g->current_build_summary->build_status = b->build_status;
	show_artifacts(g->current_build_summary, r, &s->arena);
	add_reports(&s->r.batch, b, &s->arena);
	if (next)
		return follow_retry(s, tx, g, next, err);
	if (streq(g->identifier, BATCH_SOURCE_GROUP) && !is_through(g) && !s->r.extra.ending)
		return end_without_source(s, tx, b, err);
	return batch_advance(s, tx, err);
}

static int decide_wake(struct batch_step *s, struct db_tx *tx, struct err *err)
{
	size_t started = 0;

	if (start_ready(s, tx, &started, err) < 0)
		return -1;
	return !started && s->r.waiting ? 1 : batch_advance(s, tx, err);
}

/* Batches of the project that wait for its concurrentBuildLimit, the one named left out: the first
 * that still waits has taken what there was. */
static int wake_others(struct build_engine *e, struct db_tx *tx, const char *project,
	const char *but, struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const char **uuids;
	size_t n;

	if (store_build_batch_waiting(tx, project, &a, &uuids, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		CLEANUP_BATCH_STEP struct batch_step s = {
			.e = e, .uuid = uuids[i], .decide = decide_wake};

		if (streq(uuids[i], but))
			continue;
		if (batch_step_within(&s, tx, err) < 0)
			return -1;
		if (s.r.waiting)
			break;
	}
	return 0;
}

int batch_build_ended(struct build_engine *e, struct db_tx *tx, const struct store_build_record *r,
	struct err *err)
{
	CLEANUP_BATCH_STEP struct batch_step s = {.e = e, .decide = decide_ended};

	s.uuid = r->build.build_batch_arn ? batch_uuid_of(r->build.build_batch_arn) : NULL;
	s.arg = (void *)(uintptr_t)r;
	if (s.uuid && batch_step_within(&s, tx, err) < 0)
		return -1;
	return wake_others(e, tx, r->build.project_name, s.uuid, err);
}
