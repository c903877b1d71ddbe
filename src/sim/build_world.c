/* SPDX-License-Identifier: Apache-2.0 */
/* A run is written down whole when it starts, with the times at which things will happen; who
 * reads its status sees what lies before now. */
#include "sim/build_world.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/vec.h"

#define TASK "sim.build"
#define FILE_NAME "sim.json"
#define LIMIT_FILE MIB

struct sim_build_world {
	struct durable *durable;
	struct build_ports ports;
	VEC(const struct sim_build_script *) scripts;
	int (*changed)(void *engine, const char *job_dir);
	void *engine;
	int started, running, most;
};

static const struct sim_build_script success = {0};

static const struct sim_build_script *script_of(struct sim_build_world *w, const char *project)
{
	const struct sim_build_script *found = &success;

	vec_foreach (s, &w->scripts)
		if (!(*s)->project || streq((*s)->project, project))
			found = *s;
	return found;
}

static const char *project_of(const struct towpath_leader_job *job, struct arena *a)
{
	wire_foreach (v, &job->variables)
		if (streq(v->name, "CODEBUILD_BUILD_ID"))
			return arena_strndup(a, v->value, strcspn(v->value, ":"));
	return "";
}

/* ---- the written run: LeaderJob's sibling, one LeaderRecord a line ---- */

static void add_record(struct str *out, const struct towpath_leader_record *r)
{
	wire_encode_json(&towpath_leader_record_shape, r, out);
	str_add_c(out, '\n');
}

static int save(const char *job_dir, struct str *text, struct err *err)
{
	CLEANUP(freep) char *path = path_join(job_dir, FILE_NAME);

	return file_write_atomic(path, str_view(text), 0600, err);
}

static int load(const char *job_dir, struct arena *a, struct towpath_leader_record **ret,
	size_t *ret_n, struct err *err)
{
	CLEANUP(freep) char *path = path_join(job_dir, FILE_NAME);
	CLEANUP_STR struct str text = STR_INIT;
	VEC(struct towpath_leader_record) list = {0};
	struct view rest;
	int r = 0;

	*ret_n = 0;
	if (!file_exists(path))
		return 0;
	if (file_read(path, LIMIT_FILE, &text, err) < 0)
		return -1;
	rest = str_view(&text);
	while (r == 0 && rest.len) {
		struct towpath_leader_record record;

		r = wire_decode_json(
			&towpath_leader_record_shape, view_cut(&rest, '\n'), a, &record, err);
		vec_push(&list, record);
	}
	*ret = arena_new_n(a, list.n, struct towpath_leader_record);
	if (list.n)
		memcpy(*ret, list.v, list.n * sizeof(*list.v));
	*ret_n = list.n;
	vec_release(&list);
	return r;
}

/* ---- runner ---- */

struct wake {
	struct sim_build_world *w;
	const char *job_dir;
	int64_t due_usec;
	const char *token;
};

static int enqueue_wake(struct db_tx *tx, void *arg, struct err *err)
{
	struct wake *k = arg;
	struct task t = {
		.kind = TASK, .subject = k->job_dir, .token = k->token, .due_usec = k->due_usec};

	return task_enqueue(k->w->durable, tx, &t, err);
}

static int wake_at(struct sim_build_world *w, const char *job_dir, const char *token,
	int64_t due_usec, struct err *err)
{
	struct wake k = {w, job_dir, due_usec, token};

	return durable_step(w->durable, enqueue_wake, &k, err);
}

static const char *const phases[] = {
	"DOWNLOAD_SOURCE", "INSTALL", "PRE_BUILD", "BUILD", "POST_BUILD", "UPLOAD_ARTIFACTS"};

/* Phases as "Build phase transitions" has them: BUILD's failure goes on with POST_BUILD. */
static int64_t write_run(const struct sim_build_script *s, int64_t now, struct str *out)
{
	int64_t step = s->phase_usec ? s->phase_usec : USEC_PER_SEC;
	const char *status = "SUCCEEDED";

	add_record(out,
		&(struct towpath_leader_record){.kind = "started", .time = WIRE_SET_TIME(now)});
	for (size_t i = 0; i < ARRAY_SIZE(phases); i++) {
		struct towpath_leader_record r = {.kind = "phaseStarted", .phase = phases[i]};
		bool failed = streq(s->fail_phase, phases[i]);
		bool quick = i == 0 || i == ARRAY_SIZE(phases) - 1;

		r.time = WIRE_SET_TIME(now);
		add_record(out, &r);
		now += quick ? 0 : step;
		if (streq(s->lost_phase, phases[i]))
			return now;
		r.kind = "phaseEnded";
		r.time = WIRE_SET_TIME(now);
		r.status = failed ? "FAILED" : "SUCCEEDED";
		r.status_code = failed ? "COMMAND_EXECUTION_ERROR" : "";
		r.message = failed ? (s->message ? s->message : "failed by script") : "";
		add_record(out, &r);
		if (failed)
			status = "FAILED";
		if (failed && i < 3)
			break;
	}
	add_record(out, &(struct towpath_leader_record){
				.kind = "finished", .status = status, .time = WIRE_SET_TIME(now)});
	return now;
}

static int sim_attach(void *arg, const char *job_dir, struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct sim_build_world *w = arg;
	struct towpath_leader_record *records;
	size_t n;

	if (load(job_dir, &a, &records, &n, err) < 0)
		return -1;
	return n ? wake_at(w, job_dir, "end", records[n - 1].time.usec, err) : 0;
}

static int sim_start(
	void *arg, const char *job_dir, const struct towpath_leader_job *job, struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STR struct str text = STR_INIT;
	CLEANUP(freep) char *path = path_join(job_dir, FILE_NAME);
	struct sim_build_world *w = arg;
	const struct sim_build_script *s = script_of(w, project_of(job, &a));
	int64_t end;

	if (file_exists(path))
		return err_set(err, ERR_CONFLICT, "%s was started already", job_dir);
	end = write_run(s, durable_now(w->durable), &text);
	if (s->lost_phase)
		end += 1; /* found dead just after */
	if (save(job_dir, &text, err) < 0)
		return -1;
	w->started++;
	w->running++;
	w->most = MAX(w->most, w->running);
	return wake_at(w, job_dir, "end", end, err);
}

static int sim_status(
	void *arg, const char *job_dir, struct arena *a, struct build_run *ret, struct err *err)
{
	struct sim_build_world *w = arg;
	int64_t now = durable_now(w->durable);
	struct towpath_leader_record *records = NULL;
	size_t n = 0;

	*ret = (struct build_run){0};
	if (load(job_dir, a, &records, &n, err) < 0)
		return -1;
	ret->records = records;
	ret->started = n > 0;
	while (ret->n_records < n && records[ret->n_records].time.usec <= now)
		ret->n_records++;
	if (!ret->n_records || ret->n_records < n)
		return 0;
	ret->finished = streq(records[n - 1].kind, "finished");
	ret->build_status = records[n - 1].status;
	ret->lost = !ret->finished;
	return 0;
}

static int sim_stop(void *arg, const char *job_dir, struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STR struct str text = STR_INIT;
	struct sim_build_world *w = arg;
	struct build_run run;

	if (sim_status(w, job_dir, &a, &run, err) < 0)
		return -1;
	if (!run.started || run.finished || run.lost)
		return 0;
	for (size_t i = 0; i < run.n_records; i++)
		add_record(&text, &run.records[i]);
	add_record(&text, &(struct towpath_leader_record){.kind = "finished",
				  .status = "STOPPED",
				  .time = WIRE_SET_TIME(durable_now(w->durable))});
	if (save(job_dir, &text, err) < 0)
		return -1;
	return wake_at(w, job_dir, "stop", 0, err);
}

static void sim_watch(void *arg, int (*changed)(void *engine, const char *job_dir), void *engine)
{
	struct sim_build_world *w = arg;

	w->changed = changed;
	w->engine = engine;
}

static void sim_unwatch(void *arg)
{
	((struct sim_build_world *)arg)->changed = NULL;
}

static int run_wake(struct durable *d UNUSED, const struct task *t, void *arg, struct err *err)
{
	struct sim_build_world *w = arg;

	if (w->changed && w->changed(w->engine, t->subject) < 0)
		return err_set(err, ERR_BUSY, "the engine could not store what was told");
	w->running--;
	return 0;
}

/* ---- the rest of the world ---- */

static const char buildspec[] = "version: 0.2\n"
				"phases:\n"
				"  build:\n"
				"    commands:\n"
				"      - 'true'\n";

static int sim_fetch(void *arg, const struct build_source_request *req, struct arena *a,
	struct build_source_result *ret, struct err *err)
{
	struct sim_build_world *w = arg;
	const struct sim_build_script *s = script_of(w, req->project);
	const char *path = arena_printf(a, "%s/buildspec.yml", req->dir);

	if (s->fetch_hangs)
		return err_set(err, ERR_TIMEOUT, "git did not end in time");
	if (s->fetch_error)
		return err_set(err, ERR_NOT_FOUND, "%s", s->fetch_error);
	ret->resolved_version = s->revision  ? s->revision
				: req->input ? req->input->revision_id
					     : req->version;
	return file_write_atomic(path, view_of(buildspec), 0600, err);
}

static int sim_read_object(void *arg UNUSED, const char *bucket, const char *key,
	size_t limit UNUSED, struct str *ret UNUSED, struct err *err)
{
	return err_set(err, ERR_NOT_FOUND, "there is no s3://%s/%s", bucket, key);
}

static int sim_put(void *arg UNUSED, const char *bucket UNUSED, const char *key UNUSED,
	const char *path UNUSED, const struct towpath_string_map *metadata UNUSED,
	struct err *err UNUSED)
{
	return 0;
}

static int sim_put_tree(void *arg UNUSED, const struct build_role *role UNUSED,
	const char *bucket UNUSED, const char *prefix UNUSED, const char *dir UNUSED,
	const struct towpath_string_map *metadata UNUSED, struct err *err UNUSED)
{
	return 0;
}

int sim_build_world_new(struct durable *d, struct sim_build_world **ret, struct err *err UNUSED)
{
	struct sim_build_world *w = xcalloc(1, sizeof(*w));
	struct task_kind kind = {.name = TASK, .run = run_wake, .arg = w};

	w->durable = d;
	w->ports = (struct build_ports){
		.sources = {w, sim_fetch, sim_read_object},
		.artifacts = {w, sim_put, sim_put_tree},
		.runner = {w, sim_start, sim_attach, sim_stop, sim_status, sim_watch, sim_unwatch},
	};
	task_register(d, &kind);
	*ret = w;
	return 0;
}

struct sim_build_world *sim_build_world_free(struct sim_build_world *w)
{
	if (!w)
		return NULL;
	vec_release(&w->scripts);
	free(w);
	return NULL;
}

void sim_build_world_script(struct sim_build_world *w, const struct sim_build_script *s)
{
	vec_push(&w->scripts, s);
}

const struct build_ports *sim_build_world_ports(struct sim_build_world *w)
{
	return &w->ports;
}

void sim_build_world_count(const struct sim_build_world *w, int *ret_started, int *ret_most)
{
	*ret_started = w->started;
	*ret_most = w->most;
}
