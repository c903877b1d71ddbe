/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on projects. */
#include "build/engine.h"
#include "build/webhook.h"

#include <stdlib.h>

struct project_step {
	struct build_engine *e;
	struct call *call;
	const void *req;
	struct store_build_project row;
	struct codebuild_project *project; /* of the answer */
};

static int not_there(
	const struct build_engine *e, const char *name, struct arena *a, struct err *err)
{
	return err_set_wire(err, "ResourceNotFoundException", "Project cannot be found: %s",
		build_project_arn(e, name, a));
}

/* The members that CreateProject and UpdateProject share, those absent left as they are. */
#define TAKE_TEXT(member)                        \
	do {                                     \
		if (req->member)                 \
			p->member = req->member; \
	} while (0)
#define TAKE_SET(member)                         \
	do {                                     \
		if (req->member.set)             \
			p->member = req->member; \
	} while (0)
#define TAKE_MEMBERS                                 \
	do {                                         \
		TAKE_TEXT(description);              \
		TAKE_TEXT(source);                   \
		TAKE_SET(secondary_sources);         \
		TAKE_TEXT(source_version);           \
		TAKE_SET(secondary_source_versions); \
		TAKE_TEXT(artifacts);                \
		TAKE_SET(secondary_artifacts);       \
		TAKE_TEXT(cache);                    \
		TAKE_TEXT(environment);              \
		TAKE_TEXT(service_role);             \
		TAKE_SET(timeout_in_minutes);        \
		TAKE_SET(queued_timeout_in_minutes); \
		TAKE_TEXT(encryption_key);           \
		TAKE_SET(tags);                      \
		TAKE_TEXT(vpc_config);               \
		TAKE_TEXT(logs_config);              \
		TAKE_SET(file_system_locations);     \
		TAKE_TEXT(build_batch_config);       \
		TAKE_SET(concurrent_build_limit);    \
		TAKE_SET(auto_retry_limit);          \
	} while (0)

static void take_created(
	struct codebuild_project *p, const struct codebuild_create_project_request *req)
{
	TAKE_MEMBERS;
}

static void take_updated(
	struct codebuild_project *p, const struct codebuild_update_project_request *req)
{
	TAKE_MEMBERS;
}

static void take_badge(struct codebuild_project *p, struct wire_bool enabled, struct arena *a)
{
	if (!enabled.set)
		return;
	p->badge = arena_new(a, struct codebuild_project_badge);
	p->badge->badge_enabled = enabled;
}

static int take_limit(struct codebuild_project *p, struct err *err)
{
	if (!p->concurrent_build_limit.set)
		return 0;
	if (p->concurrent_build_limit.v == -1)
		p->concurrent_build_limit = (struct wire_int){0};
	else if (p->concurrent_build_limit.v < 1)
		return build_invalid(err, "Invalid input: concurrentBuildLimit must be greater "
					  "than 0 (or -1 in UpdateProject to remove it)");
	return 0;
}

static int create(struct db_tx *tx, void *arg, struct err *err)
{
	struct project_step *s = arg;
	struct arena *a = s->call->arena;
	const struct codebuild_create_project_request *req = s->req;
	struct codebuild_project *p = arena_new(a, struct codebuild_project);

	p->name = req->name;
	take_created(p, req);
	take_badge(p, req->badge_enabled, a);
	p->created = p->last_modified = WIRE_SET_TIME(durable_now(s->e->durable));
	build_project_defaults(s->e, p, a);
	if (take_limit(p, err) < 0 || build_project_check(p, err) < 0)
		return -1;
	if (store_build_project_insert(tx, p, err) < 0)
		return err_is(err, ERR_CONFLICT)
			       ? err_set_wire(err, "ResourceAlreadyExistsException",
					 "Project already exists: %s", p->arn)
			       : -1;
	s->project = p;
	return 0;
}

int build_create_project(struct build_engine *e, struct call *call,
	const struct codebuild_create_project_request *req,
	struct codebuild_create_project_response *resp, struct err *err)
{
	struct project_step s = {.e = e, .call = call, .req = req};

	if (durable_step(e->durable, create, &s, err) < 0)
		return -1;
	resp->project = s.project;
	return 0;
}

static int update(struct db_tx *tx, void *arg, struct err *err)
{
	struct project_step *s = arg;
	struct arena *a = s->call->arena;
	const struct codebuild_update_project_request *req = s->req;
	struct codebuild_project *p = &s->row.project;
	const char *name = build_project_name_of(req->name);
	int r = name ? store_build_project_get(tx, name, a, &s->row, err) : 0;

	if (r < 0)
		return -1;
	if (r == 0)
		return not_there(s->e, name ? name : req->name, a, err);
	take_updated(p, req);
	take_badge(p, req->badge_enabled, a);
	p->last_modified = WIRE_SET_TIME(durable_now(s->e->durable));
	build_project_defaults(s->e, p, a);
	if (take_limit(p, err) < 0 || build_project_check(p, err) < 0)
		return -1;
	s->project = p;
	if (store_build_project_update(tx, p, err) < 0)
		return -1;
	return build_webhook_show(tx, p, a, err);
}

int build_update_project(struct build_engine *e, struct call *call,
	const struct codebuild_update_project_request *req,
	struct codebuild_update_project_response *resp, struct err *err)
{
	struct project_step *s = arena_new(call->arena, struct project_step);

	*s = (struct project_step){.e = e, .call = call, .req = req};
	if (durable_step(e->durable, update, s, err) < 0)
		return -1;
	resp->project = s->project;
	return 0;
}

static int delete_one(struct db_tx *tx, void *arg, struct err *err)
{
	struct project_step *s = arg;
	const struct codebuild_delete_project_request *req = s->req;
	const char *name = build_project_name_of(req->name);

	if (!name)
		return 0;
	return build_webhook_forget(s->e, tx, name, err) < 0
		       ? -1
		       : store_build_project_delete(tx, name, err);
}

int build_delete_project(struct build_engine *e, struct call *call,
	const struct codebuild_delete_project_request *req,
	struct codebuild_delete_project_response *resp UNUSED, struct err *err)
{
	struct project_step s = {.e = e, .call = call, .req = req};

	return durable_step(e->durable, delete_one, &s, err);
}

static int invalidate(struct db_tx *tx, void *arg, struct err *err)
{
	struct project_step *s = arg;
	const struct codebuild_invalidate_project_cache_request *req = s->req;
	const char *name = build_project_name_of(req->project_name);
	int r = name ? store_build_project_invalidate_cache(tx, name, err) : 0;

	if (r < 0)
		return -1;
	return r ? 0 : not_there(s->e, name ? name : req->project_name, s->call->arena, err);
}

int build_invalidate_project_cache(struct build_engine *e, struct call *call,
	const struct codebuild_invalidate_project_cache_request *req,
	struct codebuild_invalidate_project_cache_response *resp UNUSED, struct err *err)
{
	struct project_step s = {.e = e, .call = call, .req = req};

	return durable_step(e->durable, invalidate, &s, err);
}

struct get_step {
	struct build_engine *e;
	struct arena *a;
	const struct codebuild_batch_get_projects_request *req;
	struct codebuild_batch_get_projects_response *resp;
};

static int get_all(struct db_tx *tx, void *arg, struct err *err)
{
	struct get_step *s = arg;
	struct codebuild_batch_get_projects_response *resp = s->resp;

	wire_list_alloc(s->a, &resp->projects, s->req->names.n);
	wire_list_alloc(s->a, &resp->projects_not_found, s->req->names.n);
	resp->projects.n = resp->projects_not_found.n = 0;
	wire_foreach (name, &s->req->names) {
		const char *plain = build_project_name_of(*name);
		struct store_build_project row;
		int r = plain ? store_build_project_get(tx, plain, s->a, &row, err) : 0;

		if (r > 0)
			r = build_webhook_show(tx, &row.project, s->a, err) < 0 ? -1 : 1;
		if (r < 0)
			return -1;
		if (r > 0)
			resp->projects.v[resp->projects.n++] = row.project;
		else
			resp->projects_not_found.v[resp->projects_not_found.n++] = *name;
	}
	return 0;
}

int build_batch_get_projects(struct build_engine *e, struct call *call,
	const struct codebuild_batch_get_projects_request *req,
	struct codebuild_batch_get_projects_response *resp, struct err *err)
{
	struct get_step s = {e, call->arena, req, resp};

	return db_read(durable_db(e->durable), get_all, &s, err);
}

struct list_step {
	struct arena *a;
	enum store_build_project_order order;
	bool descending;
	struct store_build_project_place after, last;
	const char **names;
	size_t n;
};

static int list(struct db_tx *tx, void *arg, struct err *err)
{
	struct list_step *s = arg;

	return store_build_project_list(tx, s->order, s->descending, &s->after, BUILD_PAGE, s->a,
		&s->names, &s->n, &s->last, err);
}

static enum store_build_project_order order_of(const char *sort_by)
{
	if (streq(sort_by, CODEBUILD_PROJECT_SORT_BY_TYPE_CREATED_TIME))
		return PROJECT_BY_CREATED;
	return streq(sort_by, CODEBUILD_PROJECT_SORT_BY_TYPE_LAST_MODIFIED_TIME)
		       ? PROJECT_BY_MODIFIED
		       : PROJECT_BY_NAME;
}

/* Tokens are "<time>/<name>" of the page's last project. */
static int read_place(const char *token, struct store_build_project_place *ret, struct err *err)
{
	char *end;

	if (!token)
		return 0;
	ret->usec = strtoll(token, &end, 10);
	if (end == token || *end != '/' || !end[1])
		return build_invalid(err, "Invalid token: nextToken is not one of ListProjects");
	ret->name = end + 1;
	return 0;
}

int build_list_projects(struct build_engine *e, struct call *call,
	const struct codebuild_list_projects_request *req,
	struct codebuild_list_projects_response *resp, struct err *err)
{
	struct list_step s = {.a = call->arena};

	s.order = order_of(req->sort_by);
	s.descending = streq(req->sort_order, CODEBUILD_SORT_ORDER_TYPE_DESCENDING);
	if (read_place(req->next_token, &s.after, err) < 0 ||
		db_read(durable_db(e->durable), list, &s, err) < 0)
		return -1;
	resp->projects.v = s.names;
	resp->projects.n = s.n;
	resp->projects.set = true;
	if (s.n == BUILD_PAGE)
		resp->next_token =
			arena_printf(call->arena, "%lld/%s", (long long)s.last.usec, s.last.name);
	return 0;
}
