/* SPDX-License-Identifier: Apache-2.0 */
/* GetReportGroupTrend: one number of each of a group's newest reports. Percentages are from 0 to
 * 100, durations in seconds; every number is a text. Reports without a result do not count. */
#include "build/report_page.h"

static double pass_rate(const struct codebuild_report *r)
{
	double total = wire_or(r->test_summary->total, 0);
	double passed = 0;

	wire_foreach (it, &r->test_summary->status_counts)
		if (streq(it->key, "SUCCEEDED"))
			passed = wire_or(it->value, 0);
	return total > 0 ? 100 * passed / total : 0;
}

static double duration(const struct codebuild_report *r)
{
	return (double)wire_or(r->test_summary->duration_in_nano_seconds, 0) / 1e9;
}

static double total(const struct codebuild_report *r)
{
	return wire_or(r->test_summary->total, 0);
}

#define COVERAGE(member)                                                     \
	static double member(const struct codebuild_report *r)               \
	{                                                                    \
		return (double)wire_or(r->code_coverage_summary->member, 0); \
	}

COVERAGE(line_coverage_percentage)
COVERAGE(lines_covered)
COVERAGE(lines_missed)
COVERAGE(branch_coverage_percentage)
COVERAGE(branches_covered)
COVERAGE(branches_missed)

static const struct trend_field {
	const char *name, *type;
	double (*value)(const struct codebuild_report *r);
} fields[] = {
	{"PASS_RATE", CODEBUILD_REPORT_TYPE_TEST, pass_rate},
	{"DURATION", CODEBUILD_REPORT_TYPE_TEST, duration},
	{"TOTAL", CODEBUILD_REPORT_TYPE_TEST, total},
	{"LINE_COVERAGE", CODEBUILD_REPORT_TYPE_CODE_COVERAGE, line_coverage_percentage},
	{"LINES_COVERED", CODEBUILD_REPORT_TYPE_CODE_COVERAGE, lines_covered},
	{"LINES_MISSED", CODEBUILD_REPORT_TYPE_CODE_COVERAGE, lines_missed},
	{"BRANCH_COVERAGE", CODEBUILD_REPORT_TYPE_CODE_COVERAGE, branch_coverage_percentage},
	{"BRANCHES_COVERED", CODEBUILD_REPORT_TYPE_CODE_COVERAGE, branches_covered},
	{"BRANCHES_MISSED", CODEBUILD_REPORT_TYPE_CODE_COVERAGE, branches_missed},
};

struct trend_step {
	struct arena *a;
	const char *arn;
	const struct trend_field *field;
	struct store_build_report_filter filter;
	struct store_build_report *reports;
	size_t n;
};

static int load(struct db_tx *tx, void *arg, struct err *err)
{
	struct trend_step *s = arg;
	struct codebuild_report_group group;
	int r = store_build_report_group_get(tx, s->filter.group, s->a, &group, err);

	if (r < 0)
		return -1;
	if (!r)
		return err_set_wire(err, "ResourceNotFoundException",
			"Report group cannot be found: %s", s->arn);
	if (!streq(group.type, s->field->type))
		return build_invalid(err, "trendField %s is not one of a %s report group",
			s->field->name, group.type);
	return store_build_report_list(tx, &s->filter, s->a, &s->reports, &s->n, err);
}

static const char *number(double v, struct arena *a)
{
	return arena_printf(a, "%.15g", v);
}

static void fill(const struct trend_step *s, struct codebuild_get_report_group_trend_response *resp)
{
	struct codebuild_report_group_trend_raw_data_list *raw = &resp->raw_data;
	double sum = 0, max = 0, min = 0;

	wire_list_alloc(s->a, raw, s->n);
	raw->n = 0;
	for (size_t i = 0; i < s->n; i++) {
		const struct codebuild_report *r = &s->reports[i].report;
		double v;

		if (!r->test_summary && !r->code_coverage_summary)
			continue;
		v = s->field->value(r);
		sum += v;
		max = raw->n ? MAX(max, v) : v;
		min = raw->n ? MIN(min, v) : v;
		raw->v[raw->n].report_arn = r->arn;
		raw->v[raw->n++].data = number(v, s->a);
	}
	if (!raw->n)
		return;
	resp->stats = arena_new(s->a, struct codebuild_report_group_trend_stats);
	resp->stats->average = number(sum / (double)raw->n, s->a);
	resp->stats->max = number(max, s->a);
	resp->stats->min = number(min, s->a);
}

int build_get_report_group_trend(struct build_engine *e, struct call *call,
	const struct codebuild_get_report_group_trend_request *req,
	struct codebuild_get_report_group_trend_response *resp, struct err *err)
{
	struct trend_step s = {.a = call->arena, .arn = req->report_group_arn};

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (streq(fields[i].name, req->trend_field))
			s.field = &fields[i];
	s.filter.group = build_report_group_of(req->report_group_arn);
	s.filter.descending = true;
	s.filter.max = (size_t)wire_or(req->num_of_reports, BUILD_PAGE);
	if (!s.field || !s.filter.group)
		return build_invalid(err, "Invalid report group ARN: %s", req->report_group_arn);
	if (db_read(durable_db(e->durable), load, &s, err) < 0)
		return -1;
	fill(&s, resp);
	return 0;
}
