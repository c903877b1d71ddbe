/* SPDX-License-Identifier: Apache-2.0 */
/* Storing a build's reports and artifacts once its leader has ended: a task, tried again while the
 * fault may pass; what may not pass fails UPLOAD_ARTIFACTS and with it the build. */
#include "build/engine.h"

struct upload {
	struct build_engine *e;
	const struct task *task;
	struct arena arena;
	struct store_build_record r;
	struct build_run run;
	const char *error, *note; /* the note is of reports, which fail nothing */
	struct codebuild_build_report_arns reports;
	struct codebuild_build_artifacts *primary; /* as stored */
	struct codebuild_build_artifacts_list secondary;
};

static void upload_release(struct upload *u)
{
	arena_release(&u->arena);
}

static const struct codebuild_project_artifacts *spec_of(
	const struct upload *u, const char *identifier)
{
	if (streq(u->r.spec.artifacts->type, CODEBUILD_ARTIFACTS_TYPE_CODEPIPELINE) || !*identifier)
		return u->r.spec.artifacts;
	wire_foreach (it, &u->r.spec.secondary_artifacts)
		if (streq(it->artifact_identifier, identifier))
			return it;
	return NULL;
}

static void metadata_of(struct upload *u, const struct towpath_leader_record *record,
	struct towpath_string_map *ret)
{
	wire_list_alloc(&u->arena, ret, 3);
	ret->v[0].key = "codebuild-buildarn";
	ret->v[0].value = u->r.build.arn;
	ret->n = 1;
	if (record->md5) {
		ret->v[ret->n].key = "codebuild-content-md5";
		ret->v[ret->n++].value = record->md5;
	}
	if (record->sha256) {
		ret->v[ret->n].key = "codebuild-content-sha256";
		ret->v[ret->n++].value = record->sha256;
	}
}

static struct codebuild_build_artifacts *stored_artifact(struct upload *u,
	const struct codebuild_project_artifacts *spec, const struct build_destination *to,
	const struct towpath_leader_record *record, const char *identifier)
{
	struct codebuild_build_artifacts *b =
		arena_new(&u->arena, struct codebuild_build_artifacts);

	b->location = arena_printf(&u->arena, "arn:aws:s3:::%s/%s", to->bucket, to->key);
	b->artifact_identifier = *identifier ? identifier : spec->artifact_identifier;
	b->override_artifact_name = spec->override_artifact_name;
	b->encryption_disabled = spec->encryption_disabled;
	b->bucket_owner_access = spec->bucket_owner_access;
	if (to->zip) {
		b->md5sum = record->md5;
		b->sha256sum = record->sha256;
	}
	return b;
}

static const char *prefix_of(const struct upload *u, const char *identifier)
{
	wire_foreach (it, &u->r.extra.s3_prefixes)
		if (streq(it->key, identifier))
			return it->value;
	return NULL;
}

/* Of a name that the buildspec makes, the part of a batch is the last one, as in batch_spec.c. */
static const char *name_of(struct upload *u, const struct towpath_leader_record *record)
{
	if (!u->r.extra.batch_identifier || !record->name || !*record->name)
		return record->name;
	return arena_printf(&u->arena, "%s/%s", record->name, u->r.extra.batch_identifier);
}

static int store_one(struct upload *u, const struct towpath_leader_record *record, struct err *err)
{
	const struct build_artifacts *port = &u->e->ports->artifacts;
	const char *id = record->identifier ? record->identifier : "";
	const struct codebuild_project_artifacts *spec = spec_of(u, id);
	const char *path = arena_printf(
		&u->arena, "%s/%s", build_job_dir(u->e, u->task->subject, &u->arena), record->path);
	struct build_role role = build_role(&u->r);
	struct towpath_string_map metadata;
	struct build_destination to;
	struct codebuild_build_artifacts *stored;

	if (!spec ||
		!build_destination(spec, u->r.extra.pipeline, id, u->r.spec.name, u->task->subject,
			name_of(u, record), prefix_of(u, id), &u->arena, &to))
		return 0;
	metadata_of(u, record, &metadata);
	if (build_may(u->e, &u->r, "s3:PutObject",
		    arena_printf(&u->arena, "s3:::%s/%s", to.bucket, to.key), err) < 0)
		return -1;
	if ((to.zip ? port->put_file(port->arg, to.bucket, to.key, path, &metadata, err)
		    : port->put_tree(port->arg, &role, to.bucket, to.key, path, &metadata, err)) <
		0)
		return err_wrap(err, "cannot store artifact %s in s3://%s/%s",
			*id ? id : "(primary)", to.bucket, to.key);
	stored = stored_artifact(u, spec, &to, record, id);
	if (*id)
		u->secondary.v[u->secondary.n++] = *stored;
	else
		u->primary = stored;
	return 0;
}

static int load(struct db_tx *tx, void *arg, struct err *err)
{
	struct upload *u = arg;

	arena_release(&u->arena);
	u->r = (struct store_build_record){.state = BUILD_DONE};
	return store_build_record_get(tx, u->task->subject, true, &u->arena, &u->r, err) < 0 ? -1
											     : 0;
}

static void show_stored(struct codebuild_build *b, const struct upload *u)
{
	if (u->primary)
		b->artifacts = u->primary;
	wire_foreach (s, &u->secondary) {
		bool known = false;

		wire_foreach (old, &b->secondary_artifacts) {
			if (!streq(old->artifact_identifier, s->artifact_identifier))
				continue;
			*old = *s;
			known = true;
		}
		if (!known && !b->secondary_artifacts.n)
			b->secondary_artifacts = u->secondary;
	}
}

static int decide_stored(struct build_step *s, struct db_tx *tx, struct err *err)
{
	struct upload *u = s->arg;
	const char *status = u->error ? CODEBUILD_STATUS_TYPE_FAILED : u->run.build_status;

	if (s->r.state != BUILD_FINISHING)
		return 1;
	show_stored(&s->r.build, u);
	if (u->reports.n)
		s->r.build.report_arns = u->reports;
	build_phase_close(&s->r.build,
		u->error ? CODEBUILD_STATUS_TYPE_FAILED : CODEBUILD_STATUS_TYPE_SUCCEEDED,
		u->error ? "CLIENT_ERROR" : NULL, u->error ? u->error : u->note,
		durable_now(s->e->durable), &s->arena);
	return build_finish(s, tx, status, err);
}

static int finish_upload(struct upload *u, struct err *err)
{
	CLEANUP_STEP struct build_step s = {.e = u->e,
		.uuid = u->task->subject,
		.task = u->task,
		.decide = decide_stored,
		.arg = u};

	if (build_step_run(&s, err) < 0)
		return -1;
	build_clean_job(u->e, u->task->subject);
	return 0;
}

bool build_fault_may_pass(const struct err *why)
{
	return err_is(why, ERR_UNAVAILABLE) || err_is(why, ERR_TIMEOUT) || err_is(why, ERR_BUSY);
}

int build_task_upload(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	CLEANUP_ERR struct err why = ERR_INIT;
	CLEANUP(upload_release) struct upload u = {.e = arg, .task = t};
	const struct build_runner *runner = &u.e->ports->runner;
	const char *dir;

	if (db_read(durable_db(d), load, &u, err) < 0)
		return -1;
	if (u.r.state != BUILD_FINISHING)
		return 0;
	dir = build_job_dir(u.e, t->subject, &u.arena);
	if (runner->status(runner->arg, dir, &u.arena, &u.run, err) < 0)
		return -1;
	if (build_reports_take(u.e, &u.r, &u.run, &u.arena, &u.reports, &u.note, err) < 0)
		return -1;
	u.error = u.r.extra.artifact_error;
	wire_list_alloc(&u.arena, &u.secondary, u.run.n_records);
	u.secondary.n = 0;
	for (size_t i = 0; i < u.run.n_records && !u.error; i++) {
		if (!streq(u.run.records[i].kind, "artifact") ||
			store_one(&u, &u.run.records[i], &why) == 0)
			continue;
		if (build_fault_may_pass(&why))
			return err_move(err, &why);
		u.error = arena_printf(
			&u.arena, "Error in UPLOAD_ARTIFACTS phase: %s", err_message(&why));
	}
	return finish_upload(&u, err);
}

static int decide_upload_failed(struct build_step *s, struct db_tx *tx, struct err *err)
{
	if (s->r.state != BUILD_FINISHING)
		return 1;
	build_phase_close(&s->r.build, CODEBUILD_STATUS_TYPE_FAILED, "CLIENT_ERROR",
		arena_printf(&s->arena, "Error in UPLOAD_ARTIFACTS phase: %s", err_message(s->arg)),
		durable_now(s->e->durable), &s->arena);
	return build_finish(s, tx, CODEBUILD_STATUS_TYPE_FAILED, err);
}

int build_task_upload_gave_up(struct durable *d UNUSED, struct db_tx *tx, const struct task *t,
	const struct err *why, void *arg, struct err *err)
{
	CLEANUP_STEP struct build_step s = {
		.e = arg, .uuid = t->subject, .task = t, .decide = decide_upload_failed};

	s.arg = (void *)(uintptr_t)why;
	return build_step_within(&s, tx, err);
}
