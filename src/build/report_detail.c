/* SPDX-License-Identifier: Apache-2.0 */
/* What a report holds: DescribeTestCases, DescribeCodeCoverages; the report that a gate looks at.
 */
#include "base/limits.h"
#include "build/report_page.h"
#include "report/report.h"

static int get_report(struct db_tx *tx, const char *arn, struct arena *a,
	struct store_build_report *ret, struct err *err)
{
	const char *id = build_report_id_of(arn);
	int r;

	if (!id)
		return build_invalid(err, "Invalid report ARN: %s", arn);
	r = store_build_report_get(tx, id, a, ret, err);
	if (r < 0)
		return -1;
	return r && build_id_is_of(arn, ret->group) ? 0
						    : err_set_wire(err, "ResourceNotFoundException",
							      "Report cannot be found: %s", arn);
}

/* ---- DescribeTestCases ---- */

struct cases_step {
	struct arena *a;
	const char *arn;
	struct codebuild_test_cases cases;
};

static int read_cases(struct db_tx *tx, void *arg, struct err *err)
{
	struct cases_step *s = arg;
	struct store_build_report row = {0};

	if (get_report(tx, s->arn, s->a, &row, err) < 0)
		return -1;
	if (!streq(row.report.type, CODEBUILD_REPORT_TYPE_TEST))
		return build_invalid(err, "%s is no report of test cases", s->arn);
	return store_build_report_cases(tx, row.id, s->a, &s->cases, err);
}

static bool is_wanted(
	const struct codebuild_test_case *c, const struct codebuild_test_case_filter *filter)
{
	const char *word = filter ? filter->keyword : NULL;

	if (filter && filter->status && !streq(filter->status, c->status))
		return false;
	return !word || strstr(c->name, word) || (c->prefix && strstr(c->prefix, word));
}

int build_describe_test_cases(struct build_engine *e, struct call *call,
	const struct codebuild_describe_test_cases_request *req,
	struct codebuild_describe_test_cases_response *resp, struct err *err)
{
	struct cases_step s = {.a = call->arena, .arn = req->report_arn};
	struct codebuild_test_cases *ret = &resp->test_cases;
	struct build_page page;
	int64_t place = 0;

	if (req->filter && req->filter->status && !report_case_status_known(req->filter->status))
		return build_invalid(err,
			"filter.status '%s' is none of SUCCEEDED, FAILED, ERROR, SKIPPED, UNKNOWN",
			req->filter->status);
	if (build_page_read(req->next_token, req->max_results, &page, err) < 0 ||
		db_read(durable_db(e->durable), read_cases, &s, err) < 0)
		return -1;
	wire_list_alloc(s.a, ret, page.max);
	ret->n = 0;
	wire_foreach (c, &s.cases) {
		if (place++ < page.number || !is_wanted(c, req->filter))
			continue;
		if (ret->n == page.max) {
			resp->next_token = build_page_next(&page, ret->n, place - 1, "", s.a);
			break;
		}
		ret->v[ret->n++] = *c;
	}
	return 0;
}

/* ---- DescribeCodeCoverages ---- */

struct coverages_step {
	struct arena *a;
	const char *arn;
	struct store_build_coverage_filter filter;
	struct codebuild_code_coverages *ret;
};

static int read_coverages(struct db_tx *tx, void *arg, struct err *err)
{
	struct coverages_step *s = arg;
	struct store_build_report row = {0};

	if (get_report(tx, s->arn, s->a, &row, err) < 0)
		return -1;
	if (!streq(row.report.type, CODEBUILD_REPORT_TYPE_CODE_COVERAGE))
		return build_invalid(err, "%s is no report of code coverage", s->arn);
	return store_build_report_coverages(tx, row.id, &s->filter, s->a, s->ret, err);
}

/* The service has no ResourceNotFoundException for this operation. */
int build_describe_code_coverages(struct build_engine *e, struct call *call,
	const struct codebuild_describe_code_coverages_request *req,
	struct codebuild_describe_code_coverages_response *resp, struct err *err)
{
	struct coverages_step s = {
		.a = call->arena, .arn = req->report_arn, .ret = &resp->code_coverages};
	CLEANUP_ERR struct err why = ERR_INIT;
	struct build_page page;

	if (build_page_read(req->next_token, req->max_results, &page, err) < 0)
		return -1;
	s.filter = (struct store_build_coverage_filter){
		.by_line =
			req->sort_by &&
			streq(req->sort_by,
				CODEBUILD_REPORT_CODE_COVERAGE_SORT_BY_TYPE_LINE_COVERAGE_PERCENTAGE),
		.descending = streq(req->sort_order, CODEBUILD_SORT_ORDER_TYPE_DESCENDING),
		.min = wire_or(req->min_line_coverage_percentage, 0),
		.max = wire_or(req->max_line_coverage_percentage, 100),
		.behind_ppm = page.number,
		.behind = page.name,
		.limit = page.max,
	};
	if (db_read(durable_db(e->durable), read_coverages, &s, &why) < 0)
		return err_wire_name(&why) &&
				       streq(err_wire_name(&why), "ResourceNotFoundException")
			       ? build_invalid(err, "%s", err_message(&why))
			       : err_move(err, &why);
	if (s.ret->n) {
		const struct codebuild_code_coverage *last = &s.ret->v[s.ret->n - 1];

		resp->next_token = build_page_next(&page, s.ret->n,
			store_build_coverage_ppm(last->line_coverage_percentage.v), last->file_path,
			s.a);
	}
	return 0;
}

/* ---- gates ---- */

struct gate_read {
	struct arena *a;
	const char *group, *execution_id;
	struct store_build_report row;
	int found;
};

static int read_gate(struct db_tx *tx, void *arg, struct err *err)
{
	struct gate_read *g = arg;

	g->found =
		store_build_report_of_execution(tx, g->group, g->execution_id, g->a, &g->row, err);
	return MIN(g->found, 0);
}

int build_report_of_execution(struct build_engine *e, const char *group, const char *execution_id,
	struct arena *a, struct codebuild_report *ret, const char **ret_message, struct err *err)
{
	struct gate_read g = {
		.a = a, .group = build_report_group_of(group), .execution_id = execution_id};

	if (!g.group)
		return 0;
	if (db_read(durable_db(e->durable), read_gate, &g, err) < 0)
		return -1;
	*ret = g.row.report;
	*ret_message = g.row.message;
	return g.found;
}
