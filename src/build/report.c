/* SPDX-License-Identifier: Apache-2.0 */
/* Reports: listing, reading, deleting, expiry. */
#include <stdlib.h>

#include "build/report_page.h"

int build_page_read(
	const char *token, struct wire_int max_results, struct build_page *ret, struct err *err)
{
	char *end = NULL;

	ret->max = (size_t)MIN(MAX(wire_or(max_results, BUILD_PAGE), 1), BUILD_PAGE);
	ret->number = token ? strtoll(token, &end, 10) : 0;
	if (token && (end == token || *end != ' '))
		return build_invalid(err, "Invalid token: nextToken is not one of this list");
	ret->name = token ? end + 1 : "";
	return 0;
}

const char *build_page_next(
	const struct build_page *page, size_t n, int64_t number, const char *name, struct arena *a)
{
	return n == page->max ? arena_printf(a, "%lld %s", (long long)number, name) : NULL;
}

/* ---- ListReports, ListReportsForReportGroup ---- */

struct list_step {
	struct arena *a;
	const char *arn; /* of the group, or NULL */
	struct store_build_report_filter filter;
	struct store_build_report *reports;
	size_t n;
};

static int list(struct db_tx *tx, void *arg, struct err *err)
{
	struct list_step *s = arg;
	struct codebuild_report_group group;
	int r = s->filter.group
			? store_build_report_group_get(tx, s->filter.group, s->a, &group, err)
			: 1;

	if (r < 0)
		return -1;
	if (!r)
		return err_set_wire(err, "ResourceNotFoundException",
			"Report group cannot be found: %s", s->arn);
	return store_build_report_list(tx, &s->filter, s->a, &s->reports, &s->n, err);
}

static int list_page(struct build_engine *e, struct list_step *s, const char *token,
	struct wire_int max, const char *order, const struct codebuild_report_filter *filter,
	struct codebuild_report_arns *ret, const char **ret_token, struct err *err)
{
	struct build_page page;

	if (build_page_read(token, max, &page, err) < 0)
		return -1;
	s->filter.after = page.number;
	s->filter.max = page.max;
	s->filter.descending = !streq(order, CODEBUILD_SORT_ORDER_TYPE_ASCENDING);
	s->filter.status = filter ? filter->status : NULL;
	if (db_read(durable_db(e->durable), list, s, err) < 0)
		return -1;
	wire_list_alloc(s->a, ret, s->n);
	for (size_t i = 0; i < s->n; i++)
		ret->v[i] = s->reports[i].report.arn;
	if (s->n)
		*ret_token = build_page_next(&page, s->n, s->reports[s->n - 1].seq, "", s->a);
	return 0;
}

int build_list_reports(struct build_engine *e, struct call *call,
	const struct codebuild_list_reports_request *req,
	struct codebuild_list_reports_response *resp, struct err *err)
{
	struct list_step s = {.a = call->arena};

	return list_page(e, &s, req->next_token, req->max_results, req->sort_order, req->filter,
		&resp->reports, &resp->next_token, err);
}

int build_list_reports_for_report_group(struct build_engine *e, struct call *call,
	const struct codebuild_list_reports_for_report_group_request *req,
	struct codebuild_list_reports_for_report_group_response *resp, struct err *err)
{
	struct list_step s = {.a = call->arena, .arn = req->report_group_arn};

	s.filter.group = build_report_group_of(req->report_group_arn);
	if (!s.filter.group)
		return build_invalid(err, "Invalid report group ARN: %s", req->report_group_arn);
	return list_page(e, &s, req->next_token, req->max_results, req->sort_order, req->filter,
		&resp->reports, &resp->next_token, err);
}

/* ---- BatchGetReports ---- */

struct get_step {
	struct arena *a;
	const struct codebuild_batch_get_reports_request *req;
	struct codebuild_batch_get_reports_response *resp;
};

static int get_all(struct db_tx *tx, void *arg, struct err *err)
{
	struct get_step *s = arg;
	struct codebuild_reports *found = &s->resp->reports;
	struct codebuild_report_arns *missing = &s->resp->reports_not_found;

	wire_list_alloc(s->a, found, s->req->report_arns.n);
	wire_list_alloc(s->a, missing, s->req->report_arns.n);
	found->n = missing->n = 0;
	wire_foreach (arn, &s->req->report_arns) {
		const char *id = build_report_id_of(*arn);
		struct store_build_report row;
		int r = id ? store_build_report_get(tx, id, s->a, &row, err) : 0;

		if (r < 0)
			return -1;
		if (r && build_id_is_of(*arn, row.group))
			found->v[found->n++] = row.report;
		else
			missing->v[missing->n++] = *arn;
	}
	return 0;
}

int build_batch_get_reports(struct build_engine *e, struct call *call,
	const struct codebuild_batch_get_reports_request *req,
	struct codebuild_batch_get_reports_response *resp, struct err *err)
{
	struct get_step s = {call->arena, req, resp};

	return db_read(durable_db(e->durable), get_all, &s, err);
}

/* ---- DeleteReport, expiry ---- */

struct delete_step {
	struct build_engine *e;
	const char *id, *arn;
	const struct task *task; /* of the expiry, which has no arn; or NULL */
};

static int delete_one(struct db_tx *tx, void *arg, struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct delete_step *s = arg;
	struct store_build_report row;
	int found = s->arn ? store_build_report_get(tx, s->id, &a, &row, err) : 1;

	if (found < 0)
		return -1;
	if (!found || (s->arn && !build_id_is_of(s->arn, row.group)))
		return 0;
	if (store_build_report_delete(tx, s->id, err) < 0)
		return -1;
	return s->task ? task_done(s->e->durable, tx, s->task, err)
		       : task_cancel(
				 s->e->durable, tx, BUILD_TASK_REPORT_EXPIRES, s->id, NULL, err);
}

int build_delete_report(struct build_engine *e, struct call *call UNUSED,
	const struct codebuild_delete_report_request *req,
	struct codebuild_delete_report_response *resp UNUSED, struct err *err)
{
	struct delete_step s = {.e = e, .id = build_report_id_of(req->arn), .arn = req->arn};

	if (!s.id)
		return build_invalid(err, "Invalid report ARN: %s", req->arn);
	return durable_step(e->durable, delete_one, &s, err);
}

int build_task_report_expires(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	struct delete_step s = {.e = arg, .id = t->subject, .task = t};

	return durable_step(d, delete_one, &s, err);
}
