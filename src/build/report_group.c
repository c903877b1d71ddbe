/* SPDX-License-Identifier: Apache-2.0 */
/* Report groups. */
#include <stdlib.h>

#include "build/engine.h"
#include "build/report_page.h"

#define GROUPS_MAX 5000
#define NAME_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

static int check_export(const struct codebuild_report_export_config *c, struct err *err)
{
	const struct codebuild_s3_report_export_config *s3 = c->s3_destination;

	if (!streq(c->export_config_type, CODEBUILD_REPORT_EXPORT_CONFIG_TYPE_S3))
		return 0;
	if (!s3 || !s3->bucket)
		return build_invalid(
			err, "Invalid exportConfig: type S3 needs s3Destination with a bucket");
	if (s3->path && strstr(s3->path, ".."))
		return build_invalid(err, "Invalid exportConfig: path must not contain '..'");
	return 0;
}

static int check_name(const char *name, struct err *err)
{
	size_t n = strlen(name);

	if (n < 2 || n > 128 || strspn(name, NAME_CHARS) != n || strchr("-_", *name))
		return build_invalid(err,
			"Invalid report group name: '%s' must be 2 to 128 letters, digits, - and "
			"_, and begin with a letter or digit",
			name);
	return 0;
}

static struct codebuild_report_export_config *export_of(
	const struct codebuild_report_export_config *wanted, struct arena *a)
{
	struct codebuild_report_export_config *c =
		arena_new(a, struct codebuild_report_export_config);

	if (wanted)
		*c = *wanted;
	if (!c->export_config_type)
		c->export_config_type = CODEBUILD_REPORT_EXPORT_CONFIG_TYPE_NO_EXPORT;
	if (c->s3_destination && !c->s3_destination->packaging) {
		c->s3_destination =
			wire_copy(&codebuild_s3_report_export_config_shape, c->s3_destination, a);
		c->s3_destination->packaging = CODEBUILD_REPORT_PACKAGING_TYPE_NONE;
	}
	return c;
}

int build_report_group_make(struct build_engine *e, struct db_tx *tx,
	const struct codebuild_report_group *wanted, struct arena *a,
	struct codebuild_report_group *ret, struct err *err)
{
	int64_t n;

	if (check_name(wanted->name, err) < 0 ||
		(wanted->export_config && check_export(wanted->export_config, err) < 0) ||
		store_build_report_group_count(tx, &n, err) < 0)
		return -1;
	if (n >= GROUPS_MAX)
		return err_set_wire(err, "AccountLimitExceededException",
			"There are %d report groups already; delete some first", GROUPS_MAX);
	*ret = *wanted;
	ret->arn = build_report_group_arn(e, wanted->name, a);
	ret->status = CODEBUILD_REPORT_GROUP_STATUS_TYPE_ACTIVE;
	ret->export_config = export_of(wanted->export_config, a);
	ret->created = ret->last_modified = WIRE_SET_TIME(durable_now(e->durable));
	if (store_build_report_group_insert(tx, ret, err) == 0)
		return 0;
	return err_is(err, ERR_CONFLICT) ? err_set_wire(err, "ResourceAlreadyExistsException",
						   "Report group already exists: %s", ret->arn)
					 : -1;
}

/* ---- one group a step ---- */

struct group_step {
	struct build_engine *e;
	struct arena *a;
	const void *req;
	struct codebuild_report_group *group; /* of the answer */
};

static int create(struct db_tx *tx, void *arg, struct err *err)
{
	struct group_step *s = arg;
	const struct codebuild_create_report_group_request *req = s->req;
	const struct codebuild_report_group wanted = {.name = req->name,
		.type = req->type,
		.export_config = req->export_config,
		.tags = req->tags};

	s->group = arena_new(s->a, struct codebuild_report_group);
	return build_report_group_make(s->e, tx, &wanted, s->a, s->group, err);
}

int build_create_report_group(struct build_engine *e, struct call *call,
	const struct codebuild_create_report_group_request *req,
	struct codebuild_create_report_group_response *resp, struct err *err)
{
	struct group_step s = {.e = e, .a = call->arena, .req = req};

	if (durable_step(e->durable, create, &s, err) < 0)
		return -1;
	resp->report_group = s.group;
	return 0;
}

static int update(struct db_tx *tx, void *arg, struct err *err)
{
	struct group_step *s = arg;
	const struct codebuild_update_report_group_request *req = s->req;
	const char *name = build_report_group_of(req->arn);
	struct codebuild_report_group *g = arena_new(s->a, struct codebuild_report_group);
	int r = name ? store_build_report_group_get(tx, name, s->a, g, err) : 0;

	if (r < 0)
		return -1;
	if (!r)
		return err_set_wire(err, "ResourceNotFoundException",
			"Report group cannot be found: %s", req->arn);
	if (req->export_config && check_export(req->export_config, err) < 0)
		return -1;
	if (req->export_config)
		g->export_config = export_of(req->export_config, s->a);
	if (req->tags.set)
		g->tags = req->tags;
	g->last_modified = WIRE_SET_TIME(durable_now(s->e->durable));
	s->group = g;
	return store_build_report_group_update(tx, g, err);
}

int build_update_report_group(struct build_engine *e, struct call *call,
	const struct codebuild_update_report_group_request *req,
	struct codebuild_update_report_group_response *resp, struct err *err)
{
	struct group_step s = {.e = e, .a = call->arena, .req = req};

	if (durable_step(e->durable, update, &s, err) < 0)
		return -1;
	resp->report_group = s.group;
	return 0;
}

/* A group that is gone already is fine, as with the real service. */
static int delete (struct db_tx *tx, void *arg, struct err *err)
{
	struct group_step *s = arg;
	const struct codebuild_delete_report_group_request *req = s->req;
	const char *name = build_report_group_of(req->arn);
	const struct store_build_report_filter filter = {.group = name, .max = 1};
	struct store_build_report *reports;
	size_t n;

	if (!name)
		return build_invalid(err, "Invalid report group ARN: %s", req->arn);
	if (store_build_report_list(tx, &filter, s->a, &reports, &n, err) < 0)
		return -1;
	if (n && !wire_or(req->delete_reports, false))
		return build_invalid(err,
			"Report group %s has reports: delete them first, or with deleteReports",
			name);
	if (store_build_report_delete_of_group(tx, name, err) < 0)
		return -1;
	return store_build_report_group_delete(tx, name, err);
}

int build_delete_report_group(struct build_engine *e, struct call *call,
	const struct codebuild_delete_report_group_request *req,
	struct codebuild_delete_report_group_response *resp UNUSED, struct err *err)
{
	struct group_step s = {.e = e, .a = call->arena, .req = req};

	return durable_step(e->durable, delete, &s, err);
}

/* ---- BatchGetReportGroups ---- */

struct get_step {
	struct arena *a;
	const struct codebuild_batch_get_report_groups_request *req;
	struct codebuild_batch_get_report_groups_response *resp;
};

static int get_all(struct db_tx *tx, void *arg, struct err *err)
{
	struct get_step *s = arg;
	struct codebuild_report_groups *found = &s->resp->report_groups;
	struct codebuild_report_group_arns *missing = &s->resp->report_groups_not_found;

	wire_list_alloc(s->a, found, s->req->report_group_arns.n);
	wire_list_alloc(s->a, missing, s->req->report_group_arns.n);
	found->n = missing->n = 0;
	wire_foreach (arn, &s->req->report_group_arns) {
		const char *name = build_report_group_of(*arn);
		int r = name ? store_build_report_group_get(
				       tx, name, s->a, &found->v[found->n], err)
			     : 0;

		if (r < 0)
			return -1;
		if (r)
			found->n++;
		else
			missing->v[missing->n++] = *arn;
	}
	return 0;
}

int build_batch_get_report_groups(struct build_engine *e, struct call *call,
	const struct codebuild_batch_get_report_groups_request *req,
	struct codebuild_batch_get_report_groups_response *resp, struct err *err)
{
	struct get_step s = {call->arena, req, resp};

	return db_read(durable_db(e->durable), get_all, &s, err);
}

/* ---- ListReportGroups ---- */

static const struct {
	const char *sort_by;
	enum store_build_report_group_order order;
} orders[] = {
	{CODEBUILD_REPORT_GROUP_SORT_BY_TYPE_NAME, REPORT_GROUP_BY_NAME},
	{CODEBUILD_REPORT_GROUP_SORT_BY_TYPE_CREATED_TIME, REPORT_GROUP_BY_CREATED},
	{CODEBUILD_REPORT_GROUP_SORT_BY_TYPE_LAST_MODIFIED_TIME, REPORT_GROUP_BY_MODIFIED},
};

struct list_step {
	struct arena *a;
	enum store_build_report_group_order order;
	bool descending;
	struct build_page page;
	struct store_build_report_group_mark *found;
	size_t n;
};

static int list(struct db_tx *tx, void *arg, struct err *err)
{
	struct list_step *s = arg;

	const struct store_build_report_group_mark behind = {s->page.number, s->page.name};

	return store_build_report_group_list(
		tx, s->order, s->descending, &behind, s->page.max, s->a, &s->found, &s->n, err);
}

int build_list_report_groups(struct build_engine *e, struct call *call,
	const struct codebuild_list_report_groups_request *req,
	struct codebuild_list_report_groups_response *resp, struct err *err)
{
	struct list_step s = {.a = call->arena};

	for (size_t i = 0; req->sort_by && i < ARRAY_SIZE(orders); i++)
		if (streq(orders[i].sort_by, req->sort_by))
			s.order = orders[i].order;
	s.descending = streq(req->sort_order, CODEBUILD_SORT_ORDER_TYPE_DESCENDING);
	if (build_page_read(req->next_token, req->max_results, &s.page, err) < 0 ||
		db_read(durable_db(e->durable), list, &s, err) < 0)
		return -1;
	wire_list_alloc(s.a, &resp->report_groups, s.n);
	for (size_t i = 0; i < s.n; i++)
		resp->report_groups.v[i] = build_report_group_arn(e, s.found[i].name, s.a);
	if (s.n)
		resp->next_token = build_page_next(
			&s.page, s.n, s.found[s.n - 1].usec, s.found[s.n - 1].name, s.a);
	return 0;
}
