/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and deleting builds. */
#include <stdlib.h>

#include "base/file.h"
#include "base/log.h"
#include "build/engine.h"

/* ---- BatchGetBuilds ---- */

struct get_step {
	struct build_engine *e;
	struct arena *a;
	const struct codebuild_batch_get_builds_request *req;
	struct codebuild_batch_get_builds_response *resp;
	enum build_state *states;
};

static int get_all(struct db_tx *tx, void *arg, struct err *err)
{
	struct get_step *s = arg;
	struct codebuild_batch_get_builds_response *resp = s->resp;

	wire_list_alloc(s->a, &resp->builds, s->req->ids.n);
	wire_list_alloc(s->a, &resp->builds_not_found, s->req->ids.n);
	s->states = arena_new_n(s->a, s->req->ids.n, enum build_state);
	resp->builds.n = resp->builds_not_found.n = 0;
	wire_foreach (id, &s->req->ids) {
		const char *uuid = build_uuid_of(*id);
		struct store_build_record r;
		int found = uuid ? store_build_record_get(tx, uuid, false, s->a, &r, err) : 0;

		if (found < 0)
			return -1;
		if (!found || !build_id_is_of(*id, r.build.project_name)) {
			resp->builds_not_found.v[resp->builds_not_found.n++] = *id;
			continue;
		}
		if (r.state == BUILD_QUEUED)
			build_queue_explain(s->e, tx, &r, s->a);
		s->states[resp->builds.n] = r.state;
		resp->builds.v[resp->builds.n++] = r.build;
	}
	return 0;
}

/* Phases of a running build are read where they happen. */
static void add_live_phases(struct build_engine *e, struct codebuild_build *b, struct arena *a)
{
	CLEANUP_ERR struct err err = ERR_INIT;
	const struct build_runner *runner = &e->ports->runner;
	struct build_run run = {0};

	if (runner->status(runner->arg, build_job_dir(e, build_uuid_of(b->id), a), a, &run, &err) <
		0)
		log_err("build", &err, "cannot read how build %s stands", b->id);
	else if (run.started)
		build_fold(b, &run, a);
}

int build_batch_get_builds(struct build_engine *e, struct call *call,
	const struct codebuild_batch_get_builds_request *req,
	struct codebuild_batch_get_builds_response *resp, struct err *err)
{
	struct get_step s = {.e = e, .a = call->arena, .req = req, .resp = resp};

	if (db_read(durable_db(e->durable), get_all, &s, err) < 0)
		return -1;
	for (size_t i = 0; i < resp->builds.n; i++)
		if (s.states[i] == BUILD_RUNNING)
			add_live_phases(e, &resp->builds.v[i], call->arena);
	return 0;
}

/* ---- BatchDeleteBuilds ---- */

struct delete_step {
	struct build_engine *e;
	struct arena *a;
	const struct codebuild_batch_delete_builds_request *req;
	struct codebuild_batch_delete_builds_response *resp;
	const char **uuids;
};

static void refuse(struct delete_step *s, const char *id, const char *code)
{
	struct codebuild_builds_not_deleted *list = &s->resp->builds_not_deleted;

	list->v[list->n].id = id;
	list->v[list->n++].status_code = code;
}

static int delete_all(struct db_tx *tx, void *arg, struct err *err)
{
	struct delete_step *s = arg;
	struct codebuild_build_ids *deleted = &s->resp->builds_deleted;

	wire_list_alloc(s->a, deleted, s->req->ids.n);
	wire_list_alloc(s->a, &s->resp->builds_not_deleted, s->req->ids.n);
	s->uuids = arena_new_n(s->a, s->req->ids.n, const char *);
	deleted->n = s->resp->builds_not_deleted.n = 0;
	wire_foreach (id, &s->req->ids) {
		const char *uuid = build_uuid_of(*id);
		struct store_build_record r;
		int found = uuid ? store_build_record_get(tx, uuid, false, s->a, &r, err) : 0;

		if (found < 0)
			return -1;
		if (!found || !build_id_is_of(*id, r.build.project_name)) {
			refuse(s, *id, "BUILD_NOT_FOUND");
		} else if (r.state != BUILD_DONE) {
			refuse(s, r.build.arn, "BUILD_IN_PROGRESS");
		} else {
			if (store_build_record_delete(tx, uuid, err) < 0)
				return -1;
			s->uuids[deleted->n] = uuid;
			deleted->v[deleted->n++] = r.build.arn;
		}
	}
	return 0;
}

int build_batch_delete_builds(struct build_engine *e, struct call *call,
	const struct codebuild_batch_delete_builds_request *req,
	struct codebuild_batch_delete_builds_response *resp, struct err *err)
{
	struct delete_step s = {.e = e, .a = call->arena, .req = req, .resp = resp};

	if (durable_step(e->durable, delete_all, &s, err) < 0)
		return -1;
	for (size_t i = 0; i < resp->builds_deleted.n; i++) {
		CLEANUP_ERR struct err ignored = ERR_INIT;

		if (file_remove_tree(build_job_dir(e, s.uuids[i], call->arena), &ignored) < 0)
			log_err("build", &ignored, "leftovers of build %s", s.uuids[i]);
	}
	return 0;
}

/* ---- ListBuilds, ListBuildsForProject ---- */

struct list_step {
	struct build_engine *e;
	struct arena *a;
	const char *project; /* NULL: all */
	bool descending;
	int64_t after, last;
	const char **ids;
	size_t n;
};

static int list(struct db_tx *tx, void *arg, struct err *err)
{
	struct list_step *s = arg;
	struct store_build_project row;
	int r = s->project ? store_build_project_get(tx, s->project, s->a, &row, err) : 1;

	if (r < 0 || store_build_record_list(tx, s->project, s->descending, s->after, BUILD_PAGE,
			     s->a, &s->ids, &s->n, &s->last, err) < 0)
		return -1;
	/* Builds outlive their project. */
	if (!r && !s->n && !s->after)
		return err_set_wire(err, "ResourceNotFoundException", "Project cannot be found: %s",
			build_project_arn(s->e, s->project, s->a));
	return 0;
}

/* Fills ids and returns the next page's token, NULL at the end. */
static int list_page(struct build_engine *e, struct list_step *s, const char *token,
	const char *order, struct codebuild_build_ids *ret_ids, const char **ret_token,
	struct err *err)
{
	char *end = NULL;

	s->e = e;
	s->descending = !streq(order, CODEBUILD_SORT_ORDER_TYPE_ASCENDING);
	s->after = token ? strtoll(token, &end, 10) : 0;
	if (token && (*end || s->after <= 0))
		return build_invalid(err, "Invalid token: nextToken is not one of this list");
	if (db_read(durable_db(e->durable), list, s, err) < 0)
		return -1;
	ret_ids->v = s->ids;
	ret_ids->n = s->n;
	ret_ids->set = true;
	if (s->n == BUILD_PAGE)
		*ret_token = arena_printf(s->a, "%lld", (long long)s->last);
	return 0;
}

int build_list_builds(struct build_engine *e, struct call *call,
	const struct codebuild_list_builds_request *req,
	struct codebuild_list_builds_response *resp, struct err *err)
{
	struct list_step s = {.a = call->arena};

	return list_page(
		e, &s, req->next_token, req->sort_order, &resp->ids, &resp->next_token, err);
}

int build_list_builds_for_project(struct build_engine *e, struct call *call,
	const struct codebuild_list_builds_for_project_request *req,
	struct codebuild_list_builds_for_project_response *resp, struct err *err)
{
	struct list_step s = {.a = call->arena};

	s.project = build_project_name_of(req->project_name);
	if (!s.project)
		return build_invalid(err, "Invalid input: %s is not a project", req->project_name);
	return list_page(
		e, &s, req->next_token, req->sort_order, &resp->ids, &resp->next_token, err);
}
