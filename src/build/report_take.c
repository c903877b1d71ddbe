/* SPDX-License-Identifier: Apache-2.0 */
/* A build's reports taken over from what its leader left: groups that are missing are made, the
 * reports stored, their raw files exported where the group says so. A report's id follows from
 * its build, so that doing this again after a crash stores nothing twice. */
#include <fcntl.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/log.h"
#include "build/engine.h"
#include "codec/archive.h"
#include "crypto/digest.h"
#include "report/outcome.h"

/* Outcomes of one report of a buildspec: its own, and one discovered for each format. */
#define OUTCOMES_MAX 16
#define KEEP_USEC (30 * INT64_C(86400) * USEC_PER_SEC)

struct taking {
	struct build_engine *e;
	const struct store_build_record *r;
	struct arena *a;
	struct codebuild_build_report_arns *arns;
	struct str notes;
	size_t index; /* of the record in hand */
	const struct towpath_leader_record *record;
	struct towpath_report_outcome outcome;
	struct towpath_report_item *items;
};

static void note(struct taking *t, const char *name, const char *text)
{
	str_addf(&t->notes, "%sReport %s: %s", t->notes.len ? "; " : "", name, text);
}

/* ---- names ---- */

static const char *report_id(const struct taking *t)
{
	CLEANUP_STR struct str seed = STR_INIT;
	struct digest_value value;
	const char *hex;

	str_addf(&seed, "report %s %zu %s %d", t->r->uuid, t->index, t->outcome.format,
		wire_or(t->outcome.discovered, false));
	value = digest_of(DIGEST_SHA256, str_view(&seed));
	hex = arena_strdup(t->a, digest_hex(&value).text);
	return arena_printf(
		t->a, "%.8s-%.4s-4%.3s-8%.3s-%.12s", hex, hex + 8, hex + 12, hex + 15, hex + 18);
}

/* The group's name, or NULL when what the buildspec says names none. */
static const char *group_name(const struct taking *t)
{
	const char *id = t->record->identifier ? t->record->identifier : "";

	if (wire_or(t->outcome.discovered, false))
		return arena_printf(
			t->a, "%s-%s-AutoDiscovered", t->r->spec.name, t->outcome.format);
	if (starts_with(id, "arn:"))
		return build_report_group_of(id);
	return arena_printf(t->a, "%s-%s", t->r->spec.name, id);
}

static const char *type_of(const struct towpath_report_outcome *o)
{
	return report_format_find(o->format)->kind == REPORT_TEST
		       ? CODEBUILD_REPORT_TYPE_TEST
		       : CODEBUILD_REPORT_TYPE_CODE_COVERAGE;
}

/* ---- summaries ---- */

static struct wire_int capped(struct wire_long v)
{
	return WIRE_SET_INT(MIN(wire_or(v, 0), INT32_MAX));
}

static double percentage(int64_t covered, int64_t missed)
{
	return covered + missed > 0 ? 100.0 * (double)covered / (double)(covered + missed) : 0;
}

static void summarize_tests(
	const struct taking *t, struct codebuild_report *report, struct arena *a)
{
	const struct towpath_report_outcome *o = &t->outcome;
	const struct {
		const char *status;
		struct wire_long n;
	} counts[] = {{"SUCCEEDED", o->succeeded}, {"FAILED", o->failed}, {"ERROR", o->errors},
		{"SKIPPED", o->skipped}, {"UNKNOWN", o->unknown}};
	struct codebuild_test_report_summary *s =
		arena_new(a, struct codebuild_test_report_summary);
	int64_t total = 0;

	wire_list_alloc(a, &s->status_counts, ARRAY_SIZE(counts));
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		s->status_counts.v[i].key = counts[i].status;
		s->status_counts.v[i].value = capped(counts[i].n);
		total += s->status_counts.v[i].value.v;
	}
	s->total = capped(WIRE_SET_LONG(total));
	s->duration_in_nano_seconds = WIRE_SET_LONG(wire_or(o->duration_in_nano_seconds, 0));
	report->test_summary = s;
}

static void summarize_coverage(
	const struct taking *t, struct codebuild_report *report, struct arena *a)
{
	const struct towpath_report_outcome *o = &t->outcome;
	struct codebuild_code_coverage_report_summary *s =
		arena_new(a, struct codebuild_code_coverage_report_summary);

	s->lines_covered = capped(o->lines_covered);
	s->lines_missed = capped(o->lines_missed);
	s->branches_covered = capped(o->branches_covered);
	s->branches_missed = capped(o->branches_missed);
	s->line_coverage_percentage =
		WIRE_SET_DOUBLE(percentage(s->lines_covered.v, s->lines_missed.v));
	s->branch_coverage_percentage =
		WIRE_SET_DOUBLE(percentage(s->branches_covered.v, s->branches_missed.v));
	report->code_coverage_summary = s;
}

/* ---- the step that stores a report ---- */

struct store_step {
	struct taking *t;
	const char *id, *group_name;
	struct arena arena; /* emptied at each try of the step */
	struct codebuild_report_group group;
	struct store_build_report row;
	char *refused; /* why there is no report, or NULL */
};

static void step_release(struct store_step *s)
{
	arena_release(&s->arena);
	free(s->refused);
}

/* 1: there, 0: it cannot be (s->refused says why). */
static int find_group(struct store_step *s, struct db_tx *tx, struct err *err)
{
	CLEANUP_ERR struct err why = ERR_INIT;
	const struct codebuild_report_group wanted = {
		.name = s->group_name, .type = type_of(&s->t->outcome)};
	const char *id = s->t->record->identifier;
	int r = store_build_report_group_get(tx, s->group_name, &s->arena, &s->group, err);

	if (r)
		return r;
	if (id && starts_with(id, "arn:") && !wire_or(s->t->outcome.discovered, false)) {
		s->refused = xasprintf("report group %s does not exist", id);
		return 0;
	}
	if (build_report_group_make(s->t->e, tx, &wanted, &s->arena, &s->group, &why) == 0)
		return 1;
	if (!err_wire_name(&why))
		return err_move(err, &why);
	s->refused = xstrdup(err_message(&why));
	return 0;
}

static void describe(struct store_step *s)
{
	struct taking *t = s->t;
	int64_t now = durable_now(t->e->durable);
	struct codebuild_report *report = &s->row.report;

	s->row.id = s->id;
	s->row.group = s->group.name;
	s->row.build = t->r->build.arn;
	s->row.execution = t->r->extra.pipeline ? t->r->extra.pipeline->execution_id : "";
	s->row.message = t->outcome.message ? t->outcome.message : "";
	report->arn = build_report_arn(t->e, s->group.name, s->id, &s->arena);
	report->type = s->group.type;
	report->name = s->group.name;
	report->report_group_arn = s->group.arn;
	report->execution_id = t->r->build.arn;
	report->status = CODEBUILD_REPORT_STATUS_TYPE_GENERATING;
	report->created = WIRE_SET_TIME(now);
	report->expired = WIRE_SET_TIME(now + KEEP_USEC);
	report->export_config = s->group.export_config;
	report->truncated = WIRE_SET_BOOL(wire_or(t->outcome.truncated, false));
}

static int add_case(struct store_step *s, struct db_tx *tx, size_t n, struct err *err)
{
	const struct towpath_report_item *i = &s->t->items[n];
	const struct codebuild_test_case c = {
		.report_arn = s->row.report.arn,
		.name = i->name,
		.prefix = i->prefix,
		.test_suite_name = i->suite,
		.message = i->message,
		.status = i->status,
		.test_raw_data_path = i->file,
		.duration_in_nano_seconds = WIRE_SET_LONG(wire_or(i->duration_in_nano_seconds, 0)),
		.expired = s->row.report.expired,
	};

	return store_build_report_add_case(tx, s->id, (int64_t)n, &c, err);
}

static int add_coverage(struct store_step *s, struct db_tx *tx, size_t n, struct err *err)
{
	const struct towpath_report_item *i = &s->t->items[n];
	struct codebuild_code_coverage c = {
		.id = arena_printf(&s->arena, "%s-%zu", s->id, n),
		.report_arn = s->row.report.arn,
		.file_path = i->name,
		.lines_covered = capped(i->lines_covered),
		.lines_missed = capped(i->lines_missed),
		.branches_covered = capped(i->branches_covered),
		.branches_missed = capped(i->branches_missed),
		.expired = s->row.report.expired,
	};

	c.line_coverage_percentage =
		WIRE_SET_DOUBLE(percentage(c.lines_covered.v, c.lines_missed.v));
	c.branch_coverage_percentage =
		WIRE_SET_DOUBLE(percentage(c.branches_covered.v, c.branches_missed.v));
	return store_build_report_add_coverage(tx, s->id, (int64_t)n, &c, err);
}

static int add_items(struct store_step *s, struct db_tx *tx, bool tests, struct err *err)
{
	for (size_t n = 0; n < (size_t)wire_or(s->t->outcome.items, 0); n++)
		if ((tests ? add_case(s, tx, n, err) : add_coverage(s, tx, n, err)) < 0)
			return -1;
	return 0;
}

static int expire_later(struct store_step *s, struct db_tx *tx, struct err *err)
{
	const struct task t = {.kind = BUILD_TASK_REPORT_EXPIRES,
		.subject = s->id,
		.due_usec = s->row.report.expired.usec};

	return task_enqueue(s->t->e->durable, tx, &t, err);
}

static int store(struct db_tx *tx, void *arg, struct err *err)
{
	struct store_step *s = arg;
	const char *type = type_of(&s->t->outcome);
	bool tests = streq(type, CODEBUILD_REPORT_TYPE_TEST);
	int r;

	arena_release(&s->arena);
	free(s->refused);
	s->refused = NULL;
	r = find_group(s, tx, err);
	if (r <= 0)
		return r;
	r = store_build_report_get(tx, s->id, &s->arena, &s->row, err);
	if (r)
		return MIN(r, 0);
	describe(s);
	if (streq(type, s->group.type)) {
		if (tests)
			summarize_tests(s->t, &s->row.report, &s->arena);
		else
			summarize_coverage(s->t, &s->row.report, &s->arena);
		r = add_items(s, tx, tests, err);
	} else {
		s->row.message = arena_printf(&s->arena,
			"report group %s is of type %s, format %s is of type %s", s->group.name,
			s->group.type, s->t->outcome.format, type);
	}
	if (r < 0 || store_build_report_insert(tx, &s->row, err) < 0)
		return -1;
	return expire_later(s, tx, err);
}

/* ---- export ---- */

static int export_zip(struct taking *t, const struct codebuild_s3_report_export_config *to,
	const char *prefix, const char *dir, struct err *err)
{
	const struct build_artifacts *port = &t->e->ports->artifacts;
	const char *path = arena_printf(t->a, "%s.zip", dir);
	const struct towpath_string_map none = {0};
	int fd CLEANUP_FD = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return err_set(err, ERR_IO, "cannot make %s", path);
	if (archive_pack_all(ARCHIVE_KIND_ZIP, dir, fd, NULL, err) < 0)
		return -1;
	return port->put_file(port->arg, to->bucket, arena_printf(t->a, "%sreport.zip", prefix),
		path, &none, err);
}

/* <path>/<report group>/<report id>/: the files as they were gathered, or report.zip of them. */
static int export_raw(struct taking *t, const struct store_step *s, struct err *err)
{
	const struct build_artifacts *port = &t->e->ports->artifacts;
	const struct codebuild_report_export_config *c = s->group.export_config;
	const struct codebuild_s3_report_export_config *to = c ? c->s3_destination : NULL;
	const char *path = to && to->path ? to->path : "";
	const char *dir =
		arena_printf(t->a, "%s/%s", build_job_dir(t->e, t->r->uuid, t->a), t->record->path);
	const struct towpath_string_map none = {0};
	struct build_role role = build_role(t->r);
	size_t n = strlen(path);
	const char *prefix;

	if (!c || !to || !streq(c->export_config_type, CODEBUILD_REPORT_EXPORT_CONFIG_TYPE_S3))
		return 0;
	while (n && path[n - 1] == '/')
		n--;
	prefix = arena_printf(
		t->a, "%.*s%s%s/%s/", (int)n, path, n ? "/" : "", s->group.name, s->id);
	if (build_may(t->e, t->r, "s3:PutObject",
		    arena_printf(t->a, "s3:::%s/%s", to->bucket, prefix), err) < 0)
		return -1;
	if ((streq(to->packaging, CODEBUILD_REPORT_PACKAGING_TYPE_ZIP)
			    ? export_zip(t, to, prefix, dir, err)
			    : port->put_tree(
				      port->arg, &role, to->bucket, prefix, dir, &none, err)) < 0)
		return err_wrap(err, "cannot export its files to s3://%s/%s", to->bucket, prefix);
	return 0;
}

/* ---- one report ---- */

static int settle(struct db_tx *tx, void *arg, struct err *err)
{
	struct store_step *s = arg;

	return store_build_report_update(tx, &s->row, err);
}

static int take_one(struct taking *t, struct err *err)
{
	CLEANUP(step_release) struct store_step s = {.t = t, .group_name = group_name(t)};
	CLEANUP_ERR struct err why = ERR_INIT;
	const char *name = t->record->identifier ? t->record->identifier : "";
	struct codebuild_report *report = &s.row.report;

	if (!s.group_name) {
		note(t, name, "the ARN is not one of a report group");
		return 0;
	}
	s.id = report_id(t);
	if (durable_step(t->e->durable, store, &s, err) < 0)
		return -1;
	if (s.refused) {
		note(t, name, s.refused);
		return 0;
	}
	t->arns->v[t->arns->n++] = arena_strdup(t->a, report->arn);
	report->status = t->outcome.status;
	if (export_raw(t, &s, &why) < 0) {
		if (err_is(&why, ERR_UNAVAILABLE) || err_is(&why, ERR_TIMEOUT) ||
			err_is(&why, ERR_BUSY))
			return err_move(err, &why);
		s.row.message = err_message(&why);
	}
	if (*s.row.message) {
		report->status = CODEBUILD_REPORT_STATUS_TYPE_INCOMPLETE;
		note(t, s.group_name, s.row.message);
	}
	return durable_step(t->e->durable, settle, &s, err);
}

/* What there is to say of files whose reading died. */
static void lost_outcome(struct taking *t, const char *why)
{
	t->outcome = (struct towpath_report_outcome){
		.format = t->record->format, .status = "INCOMPLETE", .message = why};
	t->items = NULL;
}

static bool is_known_status(const char *status)
{
	return streq(status, "SUCCEEDED") || streq(status, "FAILED") || streq(status, "INCOMPLETE");
}

static int take_record(struct taking *t, struct err *err)
{
	CLEANUP_ERR struct err why = ERR_INIT;
	CLEANUP_STR struct str text = STR_INIT;
	const char *path = arena_printf(t->a, "%s/%s", build_job_dir(t->e, t->r->uuid, t->a),
		t->record->outcome ? t->record->outcome : "none");
	struct view rest;
	int r = file_read(path, LIMIT_REPORT_OUTCOME, &text, &why), n = 0;

	rest = str_view(&text);
	while (r == 0 && n < OUTCOMES_MAX &&
		report_outcome_read(&rest, t->a, &t->outcome, &t->items, &why) > 0) {
		r = is_known_status(t->outcome.status) ? take_one(t, err) : 0;
		if (r < 0)
			return -1;
		n++;
	}
	if (n)
		return 0;
	lost_outcome(t, "its files could not be read to their end (too large, or the reader was "
			"stopped)");
	return take_one(t, err);
}

int build_reports_take(struct build_engine *e, const struct store_build_record *r,
	const struct build_run *run, struct arena *a, struct codebuild_build_report_arns *ret_arns,
	const char **ret_note, struct err *err)
{
	struct taking t = {.e = e, .r = r, .a = a, .arns = ret_arns};
	int ret = 0;

	*ret_note = NULL;
	wire_list_alloc(a, ret_arns, run->n_records * OUTCOMES_MAX);
	ret_arns->n = 0;
	for (size_t i = 0; ret == 0 && i < run->n_records; i++) {
		t.record = &run->records[i];
		t.index = i;
		if (streq(t.record->kind, "report") && t.record->format &&
			report_format_find(t.record->format))
			ret = take_record(&t, err);
	}
	if (t.notes.len)
		*ret_note = arena_strdup(a, str_text(&t.notes));
	str_release(&t.notes);
	return ret;
}
