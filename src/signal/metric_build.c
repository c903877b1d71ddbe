/* SPDX-License-Identifier: Apache-2.0 */
/* The metrics of AWS/CodeBuild, of each project and of all together.
 *
 * The step that hears of a build's start or end keeps one row; a task shortly after the second's
 * end puts all rows of that second into the metrics and deletes them, in one step. So a build
 * counts once, also through a crash, and many builds cost no more than a few. */
#include <string.h>

#include "signal/internal.h"
#include "store/build_record.h"

#define NAMESPACE "AWS/CodeBuild"

/* ---- hearing ---- */

static bool is_end(const char *status)
{
	return !streq(status, CODEBUILD_STATUS_TYPE_IN_PROGRESS);
}

int metric_build_heard(struct signal_engine *e, struct db_tx *tx, const struct journal_entry *entry,
	struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct towpath_event_build d;
	struct towpath_signal_build_count count;
	int64_t now = durable_now(e->durable);

	if (wire_decode_json(&towpath_event_build_shape, view_of(entry->detail), &a, &d, err) < 0)
		return -1;
	if (!wire_or(d.changed, false))
		return 0;
	count = (struct towpath_signal_build_count){.build_id = d.build_id,
		.build_status = d.build_status,
		.project_name = d.project_name,
		.time = WIRE_SET_TIME(entry->time_usec)};
	if (store_document_put(tx, &STORE_BUILD_COUNT,
		    arena_printf(&a, "%020lld", (long long)entry->seq), NULL, &count, err) < 0)
		return -1;
	return task_enqueue(e->durable, tx,
		&(struct task){.kind = SIGNAL_TASK_BUILDS,
			.subject = "",
			.token = "",
			.due_usec = now - now % USEC_PER_SEC + USEC_PER_SEC},
		err);
}

/* ---- folding ---- */

/* The values of one metric of one project (NULL: of all) at one second. */
struct series {
	const char *project, *name, *unit;
	int64_t usec;
	VEC(double) values;
	struct signal_dimension dimension;
};

struct fold {
	struct signal_engine *e;
	struct db_tx *tx;
	struct arena *a;
	struct map series;
};

static void series_free(void *series)
{
	struct series *s = series;

	vec_release(&s->values);
	free(s);
}

static void add_to(struct fold *f, const struct series *which, double value)
{
	char *key = arena_printf(f->a, "%lld|%s|%s", (long long)which->usec, which->name,
		which->project ? which->project : "");
	struct series *s = map_get(&f->series, key);

	if (!s) {
		s = xcalloc(1, sizeof(*s));
		*s = *which;
		s->dimension = (struct signal_dimension){"ProjectName", s->project};
		map_set(&f->series, key, s);
	}
	vec_push(&s->values, value);
}

static void add(struct fold *f, const struct towpath_signal_build_count *c, const char *name,
	const char *unit, double value)
{
	struct series s = {
		.name = name, .unit = unit, .usec = c->time.usec - c->time.usec % USEC_PER_SEC};

	add_to(f, &s, value);
	s.project = c->project_name;
	add_to(f, &s, value);
}

static const struct {
	const char *phase, *metric;
} phase_metrics[] = {
	{CODEBUILD_BUILD_PHASE_TYPE_SUBMITTED, "SubmittedDuration"},
	{CODEBUILD_BUILD_PHASE_TYPE_QUEUED, "QueuedDuration"},
	{CODEBUILD_BUILD_PHASE_TYPE_PROVISIONING, "ProvisioningDuration"},
	{CODEBUILD_BUILD_PHASE_TYPE_DOWNLOAD_SOURCE, "DownloadSourceDuration"},
	{CODEBUILD_BUILD_PHASE_TYPE_INSTALL, "InstallDuration"},
	{CODEBUILD_BUILD_PHASE_TYPE_PRE_BUILD, "PreBuildDuration"},
	{CODEBUILD_BUILD_PHASE_TYPE_BUILD, "BuildDuration"},
	{CODEBUILD_BUILD_PHASE_TYPE_POST_BUILD, "PostBuildDuration"},
	{CODEBUILD_BUILD_PHASE_TYPE_UPLOAD_ARTIFACTS, "UploadArtifactsDuration"},
	{CODEBUILD_BUILD_PHASE_TYPE_FINALIZING, "FinalizingDuration"},
};

static const char *phase_metric(const char *phase)
{
	for (size_t i = 0; i < ARRAY_SIZE(phase_metrics); i++)
		if (streq(phase_metrics[i].phase, phase))
			return phase_metrics[i].metric;
	return NULL;
}

static double seconds(struct wire_time from, struct wire_time to)
{
	return (double)(to.usec - from.usec) / USEC_PER_SEC;
}

/* A build that was deleted meanwhile counts, but its durations are gone. */
static int fold_durations(
	struct fold *f, const struct towpath_signal_build_count *c, struct err *err)
{
	const char *uuid = strrchr(c->build_id, ':');
	struct store_build_record r;
	int found = uuid ? store_build_record_get(f->tx, uuid + 1, false, f->a, &r, err) : 0;

	if (found <= 0)
		return found;
	if (r.build.start_time.set && r.build.end_time.set)
		add(f, c, "Duration", "Seconds", seconds(r.build.start_time, r.build.end_time));
	wire_foreach (p, &r.build.phases) {
		const char *metric = phase_metric(p->phase_type);

		if (metric && p->start_time.set && p->end_time.set)
			add(f, c, metric, "Seconds", seconds(p->start_time, p->end_time));
	}
	return 0;
}

static int fold_count(struct fold *f, const struct towpath_signal_build_count *c, struct err *err)
{
	if (!is_end(c->build_status)) {
		add(f, c, "Builds", "Count", 1);
		return 0;
	}
	if (streq(c->build_status, CODEBUILD_STATUS_TYPE_SUCCEEDED))
		add(f, c, "SucceededBuilds", "Count", 1);
	else if (!streq(c->build_status, CODEBUILD_STATUS_TYPE_STOPPED))
		add(f, c, "FailedBuilds", "Count", 1);
	return fold_durations(f, c, err);
}

static int put_series(struct fold *f, struct err *err)
{
	map_foreach (it, &f->series) {
		const struct series *s = it->value;
		struct signal_datum d = {
			.name_space = NAMESPACE,
			.name = s->name,
			.unit = s->unit,
			.dimensions = &s->dimension,
			.n_dimensions = s->project ? 1 : 0,
			.usec = s->usec,
			.values = s->values.v,
			.n = s->values.n,
		};

		if (signal_metric_put_step(f->e, f->tx, &d, 1, err) < 0)
			return -1;
	}
	return 0;
}

static int fold_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct signal_op *o = arg;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct fold f = {.e = o->e, .tx = tx, .a = &a};
	struct store_documents all;
	int r = store_document_list(tx, &STORE_BUILD_COUNT, NULL, &a, &all, err);

	for (size_t i = 0; r == 0 && i < all.n; i++) {
		r = fold_count(&f, all.v[i], err);
		if (r == 0)
			r = store_document_delete(tx, &STORE_BUILD_COUNT, all.ids[i], err);
	}
	if (r == 0)
		r = put_series(&f, err);
	map_release_with(&f.series, series_free);
	return r < 0 ? -1 : task_done(o->e->durable, tx, o->req, err);
}

int metric_build_run(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	struct signal_op o = {.e = arg, .req = t};

	return durable_step(d, fold_step, &o, err);
}
