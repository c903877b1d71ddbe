/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a build: the leader has ended (or died), artifacts are stored, the slot goes on. */
#include "base/log.h"
#include "base/path.h"
#include "build/engine.h"

/* Phases of builds that take longer than this are told as they change. */
#define TELL_AFTER_USEC USEC_PER_SEC

#define LOST_CODE "BUILD_CONTAINER_FOUND_DEAD"
#define LOST_MESSAGE                                                                             \
	"Build container found dead before completing the build: the process that ran it ended " \
	"without a result (killed, out of memory, or the machine went down)."

struct change {
	struct build_run run;
	struct arena arena;
	bool ended;   /* this change ended the run */
	bool cleaned; /* nothing more will be read from the job's folder */
};

static const struct towpath_leader_record *finished_record(const struct build_run *run)
{
	for (size_t i = run->n_records; i-- > 0;)
		if (streq(run->records[i].kind, "finished"))
			return &run->records[i];
	return NULL;
}

/* Artifacts and reports. */
static size_t count_collected(const struct build_run *run)
{
	size_t n = 0;

	for (size_t i = 0; i < run->n_records; i++)
		n += streq(run->records[i].kind, "artifact") ||
		     streq(run->records[i].kind, "report");
	return n;
}

static bool has_download(const struct codebuild_build *b)
{
	for (size_t i = 0; i < b->phases.n; i++)
		if (streq(b->phases.v[i].phase_type, CODEBUILD_BUILD_PHASE_TYPE_DOWNLOAD_SOURCE))
			return true;
	return false;
}

static bool reached_upload(const struct codebuild_build *b)
{
	const struct codebuild_build_phase *last = build_phase_last(b);

	return streq(last->phase_type, CODEBUILD_BUILD_PHASE_TYPE_UPLOAD_ARTIFACTS) &&
	       streq(last->phase_status, CODEBUILD_STATUS_TYPE_SUCCEEDED);
}

/* The phase that was open when the run ended shares its fate. */
static void close_open_phase(
	struct codebuild_build *b, const struct change *c, int64_t now, struct arena *a)
{
	const struct towpath_leader_record *f = finished_record(&c->run);

	if (c->run.lost)
		build_phase_close(b, CODEBUILD_STATUS_TYPE_FAULT, LOST_CODE, LOST_MESSAGE, now, a);
	else
		build_phase_close(b, c->run.build_status, f ? f->status_code : NULL,
			f ? f->message : NULL, f ? f->time.usec : now, a);
}

/* A retry is a build of its own, asked for in the step that ends the failed one. It works for the
 * same action of a pipeline. */
static int retry_if_wanted(struct build_step *s, struct db_tx *tx, struct err *err)
{
	const struct store_build_record *r = &s->r;
	struct store_build_record next = {.spec = r->spec};
	int number = wire_or(r->extra.auto_retry_number, 0);

	if (number >= wire_or(r->extra.auto_retry_limit, 0) ||
		wire_or(r->extra.stop_requested, false) ||
		streq(r->build.build_status, CODEBUILD_STATUS_TYPE_SUCCEEDED) ||
		streq(r->build.build_status, CODEBUILD_STATUS_TYPE_STOPPED))
		return 0;
	next.build.build_batch_arn = r->build.build_batch_arn;
	next.extra.pipeline = r->extra.pipeline;
	next.extra.webhook = r->extra.webhook;
	next.extra.batch_identifier = r->extra.batch_identifier;
	next.extra.retry_of = r->build.id;
	next.extra.previous_auto_retry = r->build.arn;
	next.extra.auto_retry_limit = r->extra.auto_retry_limit;
	next.extra.auto_retry_number = WIRE_SET_INT(number + 1);
	next.extra.cache_generation = r->extra.cache_generation;
	if (build_ask(s->e, tx, &next, r->build.initiator, NULL, &s->arena, err) < 0) {
		if (!err_is(err, ERR_NOT_FOUND))
			return -1;
		err_release(err); /* the project is gone: no retry */
		return 0;
	}
	if (s->r.build.auto_retry_config)
		s->r.build.auto_retry_config->next_auto_retry = next.build.arn;
	return 0;
}

int build_finish(struct build_step *s, struct db_tx *tx, const char *status, struct err *err)
{
	bool held_slot = s->r.state == BUILD_RUNNING;

	build_phase_complete(&s->r.build, status, true, durable_now(s->e->durable), &s->arena);
	s->r.state = BUILD_DONE;
	if (retry_if_wanted(s, tx, err) < 0)
		return -1;
	if (!held_slot)
		return 0;
	if (store_build_record_update(tx, &s->r, err) < 0)
		return -1;
	return build_queue_advance(s->e, tx, &s->arena, err);
}

/* ---- the leader's end ---- */

static int begin_upload(struct build_step *s, struct db_tx *tx, struct err *err)
{
	struct task t = {.kind = BUILD_TASK_UPLOAD, .subject = s->uuid};

	build_phase_rewind(&s->r.build, CODEBUILD_BUILD_PHASE_TYPE_UPLOAD_ARTIFACTS);
	s->r.state = BUILD_FINISHING;
	if (task_enqueue(s->e->durable, tx, &t, err) < 0 ||
		store_build_record_update(tx, &s->r, err) < 0)
		return -1;
	return build_queue_advance(s->e, tx, &s->arena, err);
}

static int decide_change(struct build_step *s, struct db_tx *tx, struct err *err)
{
	struct change *c = s->arg;
	struct codebuild_build *b = &s->r.build;
	int64_t now = durable_now(s->e->durable);
	const char *status = c->run.lost ? CODEBUILD_STATUS_TYPE_FAULT : c->run.build_status;

	c->ended = c->cleaned = false;
	if (s->r.state != BUILD_RUNNING || !has_download(b))
		return 1;
	build_fold(b, &c->run, &s->arena);
	if (!c->run.finished && !c->run.lost)
		return 0;
	c->ended = true;
	close_open_phase(b, c, now, &s->arena);
	if (reached_upload(b) && (count_collected(&c->run) || s->r.extra.artifact_error))
		return begin_upload(s, tx, err);
	c->cleaned = true;
	return build_finish(s, tx, status, err);
}

static bool worth_telling(const struct build_run *run)
{
	const struct towpath_leader_record *first = run->records;

	if (run->finished || run->lost)
		return true;
	return run->n_records > 1 &&
	       run->records[run->n_records - 1].time.usec - first->time.usec > TELL_AFTER_USEC;
}

int build_changed(void *engine, const char *job_dir)
{
	CLEANUP_ERR struct err err = ERR_INIT;
	struct build_engine *e = engine;
	const struct build_runner *runner = &e->ports->runner;
	struct change c = {0};
	CLEANUP_STEP struct build_step s = {.e = e, .decide = decide_change, .arg = &c};

	int r = 0;

	s.uuid = path_base(job_dir);
	if (runner->status(runner->arg, job_dir, &c.arena, &c.run, &err) < 0) {
		log_err("build", &err, "cannot read how build %s stands", s.uuid);
	} else if (c.run.started && worth_telling(&c.run)) {
		r = build_step_run(&s, &err);
		if (r < 0)
			log_err("build", &err, "cannot store how build %s stands", s.uuid);
		/* Not stored either: what it left may be what takes the room for that, and its end
		 * is in the leader's records. */
		if (c.cleaned)
			build_clean_job(e, s.uuid);
	}
	arena_release(&c.arena);
	return r;
}
