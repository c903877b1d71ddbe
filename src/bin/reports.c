/* SPDX-License-Identifier: Apache-2.0 */
/* `towpath reports [BUILD-ID | GROUP]`: cases, coverage and trend of reports. */
#include <stdio.h>

#include "base/timefmt.h"
#include "bin/client.h"
#include "bin/command.h"
#include "codebuild.gen.h"

#define TREND_REPORTS 10
#define ROWS_MAX 50 /* of one report, in the table */

struct view_of_reports {
	struct client *client;
	struct arena *a;
	bool json;
	struct str out;
};

static int call(
	struct view_of_reports *v, int operation, const void *req, void *resp, struct err *err)
{
	return client_call(v->client, &codebuild_service, operation, req, v->a, resp, err);
}

/* ---- what a report holds ---- */

/* Failed cases come first, so that the table shows them. */
static int add_cases(struct view_of_reports *v, const struct codebuild_report *r, struct err *err)
{
	const struct codebuild_describe_test_cases_request req = {
		.report_arn = r->arn, .max_results = WIRE_SET_INT(ROWS_MAX)};
	struct codebuild_describe_test_cases_response resp;

	if (call(v, CODEBUILD_OP_DESCRIBE_TEST_CASES, &req, &resp, err) < 0)
		return -1;
	wire_foreach (c, &resp.test_cases) {
		int64_t nsec = wire_or(c->duration_in_nano_seconds, 0);
		const char *message = c->message ? c->message : "";

		str_addf(&v->out, "  %-10s %8.3fs  %s%s%s  %.*s\n", c->status, (double)nsec / 1e9,
			c->prefix ? c->prefix : "", c->prefix ? ": " : "", c->name,
			(int)strcspn(message, "\n"), message);
	}
	if (resp.next_token)
		str_addf(&v->out, "  ... the first %d cases; all with --json\n", ROWS_MAX);
	return 0;
}

/* The files with the least coverage first. */
static int add_files(struct view_of_reports *v, const struct codebuild_report *r, struct err *err)
{
	const struct codebuild_describe_code_coverages_request req = {.report_arn = r->arn,
		.sort_by = CODEBUILD_REPORT_CODE_COVERAGE_SORT_BY_TYPE_LINE_COVERAGE_PERCENTAGE,
		.max_results = WIRE_SET_INT(ROWS_MAX)};
	struct codebuild_describe_code_coverages_response resp;

	if (call(v, CODEBUILD_OP_DESCRIBE_CODE_COVERAGES, &req, &resp, err) < 0)
		return -1;
	wire_foreach (c, &resp.code_coverages)
		str_addf(&v->out, "  %6.1f%% lines  %6.1f%% branches  %s\n",
			wire_or(c->line_coverage_percentage, 0),
			wire_or(c->branch_coverage_percentage, 0), c->file_path);
	if (resp.next_token)
		str_addf(&v->out, "  ... the %d files with the least; all with --json\n", ROWS_MAX);
	return 0;
}

static int add_trend(struct view_of_reports *v, const struct codebuild_report *r, struct err *err)
{
	struct codebuild_get_report_group_trend_request req = {
		.report_group_arn = r->report_group_arn,
		.num_of_reports = WIRE_SET_INT(TREND_REPORTS),
		.trend_field = r->code_coverage_summary ? "LINE_COVERAGE" : "PASS_RATE"};
	struct codebuild_get_report_group_trend_response resp;

	if (call(v, CODEBUILD_OP_GET_REPORT_GROUP_TREND, &req, &resp, err) < 0)
		return -1;
	str_addf(&v->out,
		"  %s, oldest first:", r->code_coverage_summary ? "line coverage" : "pass rate");
	for (size_t i = resp.raw_data.n; i-- > 0;)
		str_addf(&v->out, " %.5s%%", resp.raw_data.v[i].data);
	str_add_c(&v->out, '\n');
	return 0;
}

static int add_report(struct view_of_reports *v, const struct codebuild_report *r, struct err *err)
{
	const struct codebuild_code_coverage_report_summary *c = r->code_coverage_summary;
	const struct codebuild_test_report_summary *t = r->test_summary;

	str_addf(&v->out, "%s  %s  %s\n", r->name, r->status, timefmt_iso(r->created.usec).text);
	if (t) {
		str_addf(&v->out, "  %d cases:", wire_or(t->total, 0));
		wire_foreach (n, &t->status_counts)
			if (wire_or(n->value, 0))
				str_addf(&v->out, " %d %s", n->value.v, n->key);
		str_add_c(&v->out, '\n');
		return add_cases(v, r, err) < 0 ? -1 : add_trend(v, r, err);
	}
	if (!c)
		return 0;
	str_addf(&v->out, "  %.1f%% of %d lines, %.1f%% of %d branches\n",
		wire_or(c->line_coverage_percentage, 0),
		wire_or(c->lines_covered, 0) + wire_or(c->lines_missed, 0),
		wire_or(c->branch_coverage_percentage, 0),
		wire_or(c->branches_covered, 0) + wire_or(c->branches_missed, 0));
	return add_files(v, r, err) < 0 ? -1 : add_trend(v, r, err);
}

/* ---- as JSON ---- */

static int add_items_json(
	struct view_of_reports *v, const struct codebuild_report *r, struct err *err)
{
	struct codebuild_describe_test_cases_request cases = {.report_arn = r->arn};
	struct codebuild_describe_code_coverages_request files = {.report_arn = r->arn};
	const char *separator = "",
		   **next = r->test_summary ? &cases.next_token : &files.next_token;

	do {
		struct codebuild_describe_test_cases_response some_cases = {0};
		struct codebuild_describe_code_coverages_response some_files = {0};

		if ((r->test_summary ? call(v, CODEBUILD_OP_DESCRIBE_TEST_CASES, &cases,
					       &some_cases, err)
				     : call(v, CODEBUILD_OP_DESCRIBE_CODE_COVERAGES, &files,
					       &some_files, err)) < 0)
			return -1;
		wire_foreach (c, &some_cases.test_cases) {
			str_add(&v->out, separator);
			wire_encode_json(&codebuild_test_case_shape, c, &v->out);
			separator = ",";
		}
		wire_foreach (c, &some_files.code_coverages) {
			str_add(&v->out, separator);
			wire_encode_json(&codebuild_code_coverage_shape, c, &v->out);
			separator = ",";
		}
		*next = r->test_summary ? some_cases.next_token : some_files.next_token;
	} while (*next);
	return 0;
}

static int add_report_json(
	struct view_of_reports *v, const struct codebuild_report *r, struct err *err)
{
	str_add(&v->out, "{\"report\":");
	wire_encode_json(&codebuild_report_shape, r, &v->out);
	str_addf(&v->out, ",\"%s\":[", r->test_summary ? "testCases" : "codeCoverages");
	if ((r->test_summary || r->code_coverage_summary) && add_items_json(v, r, err) < 0)
		return -1;
	str_add(&v->out, "]}");
	return 0;
}

/* ---- which reports ---- */

static int show(
	struct view_of_reports *v, const struct codebuild_report_arns *arns, struct err *err)
{
	const struct codebuild_batch_get_reports_request req = {.report_arns = *arns};
	struct codebuild_batch_get_reports_response resp = {0};
	const char *separator = "";

	if (arns->n && call(v, CODEBUILD_OP_BATCH_GET_REPORTS, &req, &resp, err) < 0)
		return -1;
	if (v->json)
		str_add(&v->out, "{\"reports\":[");
	wire_foreach (r, &resp.reports) {
		if (v->json)
			str_add(&v->out, separator);
		separator = ",";
		if ((v->json ? add_report_json(v, r, err) : add_report(v, r, err)) < 0)
			return -1;
	}
	if (v->json)
		str_add(&v->out, "]}\n");
	else if (!resp.reports.n)
		str_add(&v->out, "no reports\n");
	return 0;
}

static int of_build(struct view_of_reports *v, const char *id, struct err *err)
{
	struct codebuild_batch_get_builds_request req = {0};
	struct codebuild_batch_get_builds_response resp;
	struct codebuild_report_arns arns = {0};
	const struct codebuild_build *b;

	wire_list_alloc(v->a, &req.ids, 1);
	req.ids.v[0] = id;
	if (call(v, CODEBUILD_OP_BATCH_GET_BUILDS, &req, &resp, err) < 0)
		return -1;
	if (!resp.builds.n)
		return err_set(err, ERR_NOT_FOUND, "there is no build %s", id);
	b = &resp.builds.v[0];
	wire_list_alloc(v->a, &arns, b->report_arns.n);
	for (size_t i = 0; i < arns.n; i++)
		arns.v[i] = b->report_arns.v[i];
	if (show(v, &arns, err) < 0)
		return -1;
	wire_foreach (phase, &b->phases)
		if (!v->json &&
			streq(phase->phase_type, CODEBUILD_BUILD_PHASE_TYPE_UPLOAD_ARTIFACTS))
			wire_foreach (c, &phase->contexts)
				if (c->message && *c->message)
					str_addf(&v->out, "%s\n", c->message);
	return 0;
}

/* The group of this name or ARN, or NULL. */
static int find_group(
	struct view_of_reports *v, const char *name, const char **ret, struct err *err)
{
	struct codebuild_list_report_groups_request req = {0};
	struct codebuild_list_report_groups_response resp;

	*ret = NULL;
	do {
		if (call(v, CODEBUILD_OP_LIST_REPORT_GROUPS, &req, &resp, err) < 0)
			return -1;
		wire_foreach (arn, &resp.report_groups) {
			const char *slash = strrchr(*arn, '/');

			if (streq(*arn, name) || (slash && streq(slash + 1, name)))
				*ret = *arn;
		}
		req.next_token = resp.next_token;
	} while (req.next_token && !*ret);
	return 0;
}

/* A group's newest report. */
static int of_group(struct view_of_reports *v, const char *name, struct err *err)
{
	struct codebuild_list_reports_for_report_group_request req = {
		.max_results = WIRE_SET_INT(1)};
	struct codebuild_list_reports_for_report_group_response resp;

	if (find_group(v, name, &req.report_group_arn, err) < 0)
		return -1;
	if (!req.report_group_arn)
		return err_set(err, ERR_NOT_FOUND, "there is no report group %s", name);
	if (call(v, CODEBUILD_OP_LIST_REPORTS_FOR_REPORT_GROUP, &req, &resp, err) < 0)
		return -1;
	return show(v, &resp.reports, err);
}

static int of_all(struct view_of_reports *v, struct err *err)
{
	const struct codebuild_list_reports_request req = {.max_results = WIRE_SET_INT(10)};
	struct codebuild_list_reports_response resp;

	if (call(v, CODEBUILD_OP_LIST_REPORTS, &req, &resp, err) < 0)
		return -1;
	return show(v, &resp.reports, err);
}

static bool is_build(const char *word)
{
	return strstr(word, ":build/") || (strchr(word, ':') && strncmp(word, "arn:", 4) != 0);
}

static int run(const struct options *o, struct err *err)
{
	struct client *client CLEANUP(client_freep) = NULL;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct view_of_reports v = {.a = &a, .json = option_flag(o, "json")};
	const char *word = o->words.n ? o->words.v[0] : NULL;
	int ret;

	if (client_open(o, &client, err) < 0)
		return -1;
	v.client = client;
	ret = !word	       ? of_all(&v, err)
	      : is_build(word) ? of_build(&v, word, err)
			       : of_group(&v, word, err);
	if (ret == 0)
		printf("%s", str_text(&v.out));
	str_release(&v.out);
	return ret < 0 ? -1 : EXIT_OK;
}

const struct command command_reports = {
	.name = "reports",
	.arguments = "[BUILD-ID | GROUP]",
	.summary = "cases, coverage and trend of a build's or a group's reports",
	.details = "Without an argument: the ten newest reports. Of a group: its newest report.\n",
	.max_words = 1,
	.run = run,
};
