/* SPDX-License-Identifier: Apache-2.0 */
/* From slot to leader: fetch the sources, read the buildspec, start the leader. A task, so that a
 * crash at any point begins it again; a leader that was started is never started twice. */
#include "base/file.h"
#include "base/log.h"
#include "build/batch.h"
#include "build/buildspec.h"
#include "build/locate.h"
#include "build/note.h"

struct launch {
	struct build_engine *e;
	const struct task *task;
	struct arena arena;
	struct store_build_record r;
	const char *dir;
	struct build_sources_found found;
	struct str text; /* of the buildspec */
	const char *origin;
	struct buildspec_result buildspec;
	struct towpath_build_batch_tasks tasks; /* of a batch's first build */
	struct towpath_leader_job job;
	const char *artifact_error;
	int64_t begun_usec, provisioned_usec;
	int64_t deadline_usec;	   /* of monotonic_usec() */
	const char *status, *code; /* of a failure */
	bool stopped;		   /* StopBuild was called */
};

static void launch_release(struct launch *l)
{
	str_release(&l->text);
	arena_release(&l->arena);
}

static int load(struct db_tx *tx, void *arg, struct err *err)
{
	struct launch *l = arg;

	arena_release(&l->arena);
	l->r = (struct store_build_record){.state = BUILD_DONE};
	return store_build_record_get(tx, l->task->subject, true, &l->arena, &l->r, err) < 0 ? -1
											     : 0;
}

/* ---- steps ---- */

static void enter_download(struct launch *l, struct codebuild_build *b, struct arena *a)
{
	struct codebuild_build_phase *last = build_phase_last(b);

	if (!last || !streq(last->phase_type, CODEBUILD_BUILD_PHASE_TYPE_QUEUED))
		return; /* an earlier try did this */
	build_phase_close(b, CODEBUILD_STATUS_TYPE_SUCCEEDED, NULL, NULL, l->begun_usec, a);
	build_phase_open(b, CODEBUILD_BUILD_PHASE_TYPE_PROVISIONING, l->begun_usec, a);
	build_phase_close(b, CODEBUILD_STATUS_TYPE_SUCCEEDED, NULL, NULL, l->provisioned_usec, a);
	build_phase_open(b, CODEBUILD_BUILD_PHASE_TYPE_DOWNLOAD_SOURCE, l->provisioned_usec, a);
}

static int open_log(struct build_step *s, struct db_tx *tx, struct launch *l, struct err *err)
{
	const struct build_logs *logs = &s->e->ports->logs;
	const struct codebuild_logs_location *to = s->r.build.logs;

	if (!logs->open_stream || !to || !to->group_name)
		return 0;
	return logs->open_stream(logs->arg, tx, to->group_name, to->stream_name,
		arena_printf(&s->arena, "%s/log", l->dir), l->begun_usec, err);
}

static int decide_begun(struct build_step *s, struct db_tx *tx, struct err *err)
{
	struct launch *l = s->arg;

	if (s->r.state != BUILD_RUNNING)
		return 1;
	enter_download(l, &s->r.build, &s->arena);
	return open_log(s, tx, l, err);
}

static void remember(struct launch *l, struct build_step *s)
{
	const char *resolved = l->found.primary.resolved_version;
	const struct towpath_buildspec *spec = l->buildspec.spec;

	if (resolved)
		s->r.build.resolved_source_version = resolved;
	s->r.extra.artifact_error = l->artifact_error;
	if (!spec || !spec->artifacts || !spec->artifacts->s3_prefix)
		return;
	wire_list_alloc(&s->arena, &s->r.extra.s3_prefixes, 1);
	s->r.extra.s3_prefixes.v[0].key = "";
	s->r.extra.s3_prefixes.v[0].value = spec->artifacts->s3_prefix;
}

static int decide_prepared(struct build_step *s, struct db_tx *tx, struct err *err)
{
	if (decide_begun(s, tx, err) != 0)
		return s->r.state != BUILD_RUNNING ? 1 : -1;
	remember(s->arg, s);
	return 0;
}

static int step(struct launch *l, int (*decide)(struct build_step *, struct db_tx *, struct err *),
	bool last, struct err *err)
{
	CLEANUP_STEP struct build_step s = {
		.e = l->e, .uuid = l->task->subject, .decide = decide, .arg = l};

	s.task = last ? l->task : NULL;
	return build_step_run(&s, err);
}

/* ---- failing ---- */

/* What comes before the end of a build that has no leader. */
static int enter_end(struct build_step *s, struct db_tx *tx, struct err *err)
{
	struct launch *l = s->arg;

	enter_download(l, &s->r.build, &s->arena);
	remember(l, s);
	return open_log(s, tx, l, err);
}

static int decide_failed(struct build_step *s, struct db_tx *tx, struct err *err)
{
	struct launch *l = s->arg;

	if (s->r.state != BUILD_RUNNING)
		return 1;
	if (enter_end(s, tx, err) < 0)
		return -1;
	return build_end_early(s, tx, l->status, l->code, str_text(&l->text), err);
}

/* The build ends here: code and why become the context of DOWNLOAD_SOURCE. */
static int fail(struct launch *l, const char *status, const char *code, const struct err *why,
	struct err *err)
{
	l->status = status;
	l->code = code;
	str_clear(&l->text);
	if (why)
		str_addf(&l->text, "%s%s%s", err_message(why), why->hint ? ". " : "",
			why->hint ? why->hint : "");
	build_note_end(l->dir, durable_now(l->e->durable),
		CODEBUILD_BUILD_PHASE_TYPE_DOWNLOAD_SOURCE, status, code, str_text(&l->text));
	if (step(l, decide_failed, true, err) < 0)
		return -1;
	build_clean_job(l->e, l->task->subject);
	return 0;
}

/* ---- preparing ---- */

/* The pipeline's artifact of this name; name NULL: its primary one. */
static const struct towpath_build_input *input_of(const struct launch *l, const char *name)
{
	const struct towpath_build_pipeline *p = l->r.extra.pipeline;

	name = name ? name : p ? p->primary_input : NULL;
	if (!p)
		return NULL;
	wire_foreach (in, &p->inputs)
		if (!name || streq(in->name, name))
			return in;
	return NULL;
}

static const char *secondary_version(const struct launch *l, const char *identifier)
{
	wire_foreach (v, &l->r.spec.secondary_source_versions)
		if (streq(v->source_identifier, identifier))
			return v->source_version;
	return NULL;
}

static const char *source_cache(struct launch *l)
{
	return build_cache_dir(l->e, &l->r, CODEBUILD_CACHE_MODE_LOCAL_SOURCE_CACHE, &l->arena);
}

/* An empty folder, whatever an earlier try left there. */
static int fresh_dir(struct launch *l, const char *dir, struct err *err)
{
	if (l->task->attempt > 1 && file_remove_tree(dir, err) < 0)
		return -1;
	return file_make_dirs(dir, 0755, err);
}

static int fetch(struct launch *l, struct build_source_request *req,
	struct build_source_result *ret, struct err *err)
{
	const struct build_sources *sources = &l->e->ports->sources;
	struct build_role role = build_role(&l->r);
	struct build_credential credential;
	int has;

	req->account = l->e->account;
	req->region = l->e->region;
	req->project = l->r.spec.name;
	req->role = role;
	if (fresh_dir(l, req->dir, err) < 0)
		return -1;
	if (streq(req->source->type, CODEBUILD_SOURCE_TYPE_NO_SOURCE))
		return 0;
	if (build_may_fetch(l->e, &l->r, req, err) < 0)
		return -1;
	has = build_credential_of(l->e, &role, req->source, &l->arena, &credential, err);
	if (has < 0)
		return -1;
	req->credential = has ? &credential : NULL;
	req->deadline_usec = l->deadline_usec;
	req->interrupt = task_interrupt_of(l->e->durable, l->task);
	return sources->fetch(sources->arg, req, &l->arena, ret, err);
}

static int fetch_sources(struct launch *l, struct err *err)
{
	const struct codebuild_project *p = &l->r.spec;
	struct build_source_request primary = {
		.identifier = "",
		.source = p->source,
		.version = p->source_version,
		.input = input_of(l, NULL),
		.dir = arena_printf(&l->arena, "%s/src", l->dir),
		.cache_dir = source_cache(l),
	};

	if (fetch(l, &primary, &l->found.primary, err) < 0)
		return -1;
	l->found.secondary =
		arena_new_n(&l->arena, p->secondary_sources.n, struct build_source_result);
	for (size_t i = 0; i < p->secondary_sources.n; i++) {
		const struct codebuild_project_source *s = &p->secondary_sources.v[i];
		struct build_source_request req = {
			.identifier = s->source_identifier,
			.source = s,
			.version = secondary_version(l, s->source_identifier),
			.input = input_of(l, s->source_identifier),
			.dir = arena_printf(&l->arena, "%s/src-%s", l->dir, s->source_identifier),
		};

		if (fetch(l, &req, &l->found.secondary[i], err) < 0)
			return err_wrap(err, "secondary source %s", s->source_identifier);
	}
	return 0;
}

static int find_stop(struct db_tx *tx, void *arg, struct err *err)
{
	struct launch *l = arg;
	struct store_build_record now;
	int r = store_build_record_get(tx, l->task->subject, true, &l->arena, &now, err);

	l->stopped = r > 0 && wire_or(now.extra.stop_requested, false);
	return r < 0 ? -1 : 0;
}

/* Told to end: the build was stopped, or the server ends and fetches again when it is back. Other
 * failures are the build's, and what they have to do with its time is told as leaders tell it. */
static int not_fetched(struct launch *l, struct err *why, struct err *err)
{
	CLEANUP_ERR struct err late = ERR_INIT;

	if (err_is(why, ERR_CANCELLED)) {
		if (db_read(durable_db(l->e->durable), find_stop, l, err) < 0)
			return -1;
		return l->stopped ? fail(l, CODEBUILD_STATUS_TYPE_STOPPED, "", NULL, err)
				  : err_move(err, why);
	}
	if (err_is(why, ERR_TIMEOUT)) {
		err_set(&late, ERR_TIMEOUT, "Build has timed out. ");
		return fail(l, CODEBUILD_STATUS_TYPE_TIMED_OUT, "BUILD_TIMED_OUT", &late, err);
	}
	return fail(l, CODEBUILD_STATUS_TYPE_FAILED, "CLIENT_ERROR", why, err);
}

static int read_buildspec(struct launch *l, struct err *err)
{
	const char *dir = arena_printf(&l->arena, "%s/src", l->dir);
	const char *target = build_target_dir(&l->found.primary, &l->arena);

	const char *buildspec = l->r.spec.source->buildspec;

	if (build_may_locate(l->e, &l->r, buildspec, err) < 0 ||
		build_locate(&l->e->ports->sources, buildspec, dir, target, &l->arena, &l->text,
			&l->origin, err) < 0)
		return -1;
	return buildspec_parse(l->origin, str_view(&l->text), &l->arena, &l->buildspec, err);
}

static int make_job(struct launch *l, struct err *err)
{
	struct build_job_input in = {
		.spec = l->buildspec.spec,
		.warnings = l->buildspec.warnings,
		.text = arena_strdup(&l->arena, str_text(&l->text)),
		.origin = l->origin,
		.sources = &l->found,
	};

	build_cache_sweep(l->e, &l->r);
	return build_job(l->e, &l->r, &in, &l->arena, &l->job, &l->artifact_error, err);
}

/* ---- the first build of a batch, which has no leader ---- */

static bool reads_batch(const struct launch *l)
{
	return streq(l->r.extra.batch_identifier, BATCH_SOURCE_GROUP);
}

static int decide_planned(struct build_step *s, struct db_tx *tx, struct err *err)
{
	struct launch *l = s->arg;
	struct batch_found found = {
		.block = l->buildspec.spec->batch, .tasks = l->tasks, .sources = &l->found};

	if (s->r.state != BUILD_RUNNING)
		return 1;
	if (enter_end(s, tx, err) < 0)
		return -1;
	if (wire_or(s->r.extra.stop_requested, false))
		return build_end_early(s, tx, CODEBUILD_STATUS_TYPE_STOPPED, NULL, NULL, err);
	if (batch_take_plan(s->e, tx, s->r.build.build_batch_arn, &found, err) < 0)
		return -1;
	return build_end_early(s, tx, CODEBUILD_STATUS_TYPE_SUCCEEDED, NULL, NULL, err);
}

static int plan_batch(struct launch *l, struct err *err)
{
	CLEANUP_ERR struct err why = ERR_INIT;

	if (batch_plan(l->buildspec.spec, &l->r.spec, &l->arena, &l->tasks, &why) < 0)
		return fail(l, CODEBUILD_STATUS_TYPE_FAILED, "YAML_FILE_ERROR", &why, err);
	build_note_end(l->dir, durable_now(l->e->durable),
		CODEBUILD_BUILD_PHASE_TYPE_DOWNLOAD_SOURCE, CODEBUILD_STATUS_TYPE_SUCCEEDED, NULL,
		NULL);
	if (step(l, decide_planned, true, err) < 0)
		return -1;
	build_clean_job(l->e, l->task->subject);
	return 0;
}

/* ---- starting ---- */

static bool has_source(const struct launch *l)
{
	return !streq(l->r.spec.source->type, CODEBUILD_SOURCE_TYPE_NO_SOURCE) ||
	       l->r.spec.secondary_sources.n;
}

/* What cannot be stored at this moment the runner tells again. */
static int fold_now(struct launch *l, struct err *err)
{
	const struct build_runner *runner = &l->e->ports->runner;

	return build_changed(l->e, l->dir) < 0 ? runner->attach(runner->arg, l->dir, err) : 0;
}

/* The leader works; the row follows. What it told before the row was ready is folded now. */
static int started(struct launch *l, struct err *err)
{
	if (step(l, decide_prepared, true, err) < 0)
		return -1;
	return fold_now(l, err);
}

static int take_over(struct launch *l, struct err *err)
{
	const struct build_runner *runner = &l->e->ports->runner;

	l->artifact_error = l->r.extra.artifact_error;
	if (runner->attach(runner->arg, l->dir, err) < 0 || step(l, decide_begun, true, err) < 0)
		return -1;
	return fold_now(l, err);
}

static int start_leader(struct launch *l, struct err *err)
{
	CLEANUP_ERR struct err why = ERR_INIT;
	const struct build_runner *runner = &l->e->ports->runner;

	if (runner->start(runner->arg, l->dir, &l->job, &why) == 0 || err_is(&why, ERR_CONFLICT))
		return started(l, err);
	return fail(l, CODEBUILD_STATUS_TYPE_FAULT, "INTERNAL_SERVICE_ERROR", &why, err);
}

static int prepare_and_start(struct launch *l, struct err *err)
{
	CLEANUP_ERR struct err why = ERR_INIT;

	if (has_source(l) && step(l, decide_begun, false, err) < 0)
		return -1;
	if (fetch_sources(l, &why) < 0)
		return not_fetched(l, &why, err);
	if (read_buildspec(l, &why) < 0)
		return fail(l, CODEBUILD_STATUS_TYPE_FAILED, "YAML_FILE_ERROR", &why, err);
	if (reads_batch(l))
		return plan_batch(l, err);
	if (make_job(l, &why) < 0)
		return fail(l, CODEBUILD_STATUS_TYPE_FAILED, "CLIENT_ERROR", &why, err);
	/* What a server that takes over could not know from the leader. */
	if ((has_source(l) || l->artifact_error) && step(l, decide_prepared, false, err) < 0)
		return -1;
	return start_leader(l, err);
}

int build_task_start(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	CLEANUP(launch_release) struct launch l = {.e = arg, .task = t};
	const struct build_runner *runner = &l.e->ports->runner;
	struct build_run run = {0};

	if (db_read(durable_db(d), load, &l, err) < 0)
		return -1;
	if (l.r.state != BUILD_RUNNING)
		return 0;
	l.begun_usec = durable_now(d);
	l.deadline_usec =
		monotonic_usec() + wire_or(l.r.spec.timeout_in_minutes, 60) * 60 * USEC_PER_SEC;
	l.dir = build_job_dir(l.e, t->subject, &l.arena);
	if (file_make_dirs(l.dir, 0700, err) < 0)
		return -1;
	l.provisioned_usec = durable_now(d);
	if (t->attempt > 1 && runner->status(runner->arg, l.dir, &l.arena, &run, err) < 0)
		return -1;
	if (run.started)
		return take_over(&l, err);
	if (wire_or(l.r.extra.stop_requested, false))
		return fail(&l, CODEBUILD_STATUS_TYPE_STOPPED, NULL, NULL, err);
	return prepare_and_start(&l, err);
}

static int decide_gave_up(struct build_step *s, struct db_tx *tx, struct err *err)
{
	if (s->r.state != BUILD_RUNNING)
		return 1;
	return build_end_early(s, tx, CODEBUILD_STATUS_TYPE_FAULT, "INTERNAL_SERVICE_ERROR",
		err_message(s->arg), err);
}

int build_task_start_gave_up(struct durable *d UNUSED, struct db_tx *tx, const struct task *t,
	const struct err *why, void *arg, struct err *err)
{
	CLEANUP_STEP struct build_step s = {.e = arg, .uuid = t->subject, .task = t};

	s.decide = decide_gave_up;
	s.arg = (void *)(uintptr_t)why;
	return build_step_within(&s, tx, err);
}
