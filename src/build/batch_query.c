/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and deleting batches. */
#include <stdlib.h>

#include "base/file.h"
#include "base/log.h"
#include "build/batch.h"

int batch_not_there(const char *id, struct err *err)
{
	return err_set_wire(
		err, "ResourceNotFoundException", "Build batch cannot be found: %s", id);
}

struct load_one {
	const char *uuid;
	struct arena *a;
	struct store_build_batch *ret;
	int found;
};

static int load_one(struct db_tx *tx, void *arg, struct err *err)
{
	struct load_one *l = arg;

	l->found = store_build_batch_get(tx, l->uuid, l->a, l->ret, err);
	return l->found < 0 ? -1 : 0;
}

int batch_load(struct build_engine *e, const char *uuid, struct arena *a,
	struct store_build_batch *ret, struct err *err)
{
	struct load_one l = {.uuid = uuid, .a = a, .ret = ret};

	return db_read(durable_db(e->durable), load_one, &l, err) < 0 ? -1 : l.found;
}

/* ---- BatchGetBuildBatches ---- */

struct get_step {
	struct arena *a;
	const struct codebuild_batch_get_build_batches_request *req;
	struct codebuild_batch_get_build_batches_response *resp;
};

static int get_all(struct db_tx *tx, void *arg, struct err *err)
{
	struct get_step *s = arg;
	struct codebuild_batch_get_build_batches_response *resp = s->resp;

	wire_list_alloc(s->a, &resp->build_batches, s->req->ids.n);
	wire_list_alloc(s->a, &resp->build_batches_not_found, s->req->ids.n);
	resp->build_batches.n = resp->build_batches_not_found.n = 0;
	wire_foreach (id, &s->req->ids) {
		const char *uuid = batch_uuid_of(*id);
		struct store_build_batch r;
		int found = uuid ? store_build_batch_get(tx, uuid, s->a, &r, err) : 0;

		if (found < 0)
			return -1;
		if (found && build_id_is_of(*id, r.batch.project_name))
			resp->build_batches.v[resp->build_batches.n++] = r.batch;
		else
			resp->build_batches_not_found.v[resp->build_batches_not_found.n++] = *id;
	}
	return 0;
}

int build_batch_get_build_batches(struct build_engine *e, struct call *call,
	const struct codebuild_batch_get_build_batches_request *req,
	struct codebuild_batch_get_build_batches_response *resp, struct err *err)
{
	struct get_step s = {.a = call->arena, .req = req, .resp = resp};

	return db_read(durable_db(e->durable), get_all, &s, err);
}

/* ---- DeleteBuildBatch ---- */

struct delete_arg {
	struct arena *a;
	struct codebuild_delete_build_batch_response *resp;
	const char **uuids; /* as resp->buildsDeleted */
};

/* What is still under way belongs to no batch that has ended; a build deleted by itself is gone. */
static int delete_build(struct delete_arg *d, struct db_tx *tx, const char *arn, struct err *err)
{
	struct codebuild_build_ids *deleted = &d->resp->builds_deleted;
	struct codebuild_builds_not_deleted *kept = &d->resp->builds_not_deleted;
	const char *uuid = build_uuid_of(arn);
	struct store_build_record r;
	int found = uuid ? store_build_record_get(tx, uuid, false, d->a, &r, err) : 0;

	if (found <= 0)
		return found;
	if (r.state != BUILD_DONE) {
		kept->v[kept->n].id = arena_strdup(d->a, arn);
		kept->v[kept->n++].status_code = "BUILD_IN_PROGRESS";
		return 0;
	}
	d->uuids[deleted->n] = r.uuid;
	deleted->v[deleted->n++] = r.build.arn;
	return store_build_record_delete(tx, uuid, err);
}

static size_t count_builds(const struct codebuild_build_batch *b)
{
	size_t n = 0;

	wire_foreach (g, &b->build_groups)
		n += g->prior_build_summary_list.n + 1;
	return n;
}

static int decide_delete(struct batch_step *s, struct db_tx *tx, struct err *err)
{
	struct delete_arg *d = s->arg;
	const struct codebuild_build_batch *b = &s->r.batch;
	size_t n = count_builds(b);

	if (!wire_or(b->complete, false))
		return build_invalid(err,
			"Cannot delete batch %s: it is still in progress; stop it first", b->id);
	wire_list_alloc(d->a, &d->resp->builds_deleted, n);
	wire_list_alloc(d->a, &d->resp->builds_not_deleted, n);
	d->resp->builds_deleted.n = d->resp->builds_not_deleted.n = 0;
	d->uuids = arena_new_n(d->a, n, const char *);
	wire_foreach (g, &b->build_groups) {
		wire_foreach (p, &g->prior_build_summary_list)
			if (delete_build(d, tx, p->arn, err) < 0)
				return -1;
		if (g->current_build_summary &&
			delete_build(d, tx, g->current_build_summary->arn, err) < 0)
			return -1;
	}
	return store_build_batch_delete(tx, s->uuid, err) < 0 ? -1 : 1;
}

int build_delete_build_batch(struct build_engine *e, struct call *call,
	const struct codebuild_delete_build_batch_request *req,
	struct codebuild_delete_build_batch_response *resp, struct err *err)
{
	struct delete_arg d = {.a = call->arena, .resp = resp};
	CLEANUP_BATCH_STEP struct batch_step s = {.e = e, .decide = decide_delete, .arg = &d};

	s.id = req->id;
	s.uuid = batch_uuid_of(req->id);
	if (s.uuid && batch_step_run(&s, err) < 0)
		return -1;
	if (!s.uuid || !s.found)
		return build_invalid(err, "Build batch cannot be found: %s", req->id);
	resp->status_code = "BATCH_DELETED";
	for (size_t i = 0; i < resp->builds_deleted.n; i++) {
		CLEANUP_ERR struct err ignored = ERR_INIT;

		if (file_remove_tree(build_job_dir(e, d.uuids[i], call->arena), &ignored) < 0)
			log_err("build", &ignored, "leftovers of build %s", d.uuids[i]);
	}
	return 0;
}

/* ---- ListBuildBatches, ListBuildBatchesForProject ---- */

struct list_step {
	struct build_engine *e;
	struct arena *a;
	struct store_build_batch_page page;
	const char **ids;
	size_t n;
	int64_t last;
};

static int list(struct db_tx *tx, void *arg, struct err *err)
{
	struct list_step *s = arg;
	const char *project = s->page.project;
	struct store_build_project row;
	int r = project ? store_build_project_get(tx, project, s->a, &row, err) : 1;

	if (r < 0 || store_build_batch_list(tx, &s->page, s->a, &s->ids, &s->n, &s->last, err) < 0)
		return -1;
	/* Batches outlive their project. */
	if (!r && !s->n && !s->page.after)
		return build_no_project(s->e, project, s->a, err);
	return 0;
}

struct list_wish {
	const char *project;
	const struct codebuild_build_batch_filter *filter;
	struct wire_int max;
	const char *order, *token;
};

/* Fills ids and returns the next page's token, NULL at the end. */
static int list_page(struct build_engine *e, struct arena *a, const struct list_wish *w,
	struct codebuild_build_batch_ids *ret_ids, const char **ret_token, struct err *err)
{
	char *end = NULL;
	struct list_step s = {.e = e, .a = a};

	s.page = (struct store_build_batch_page){
		.project = w->project,
		.status = w->filter ? w->filter->status : NULL,
		.descending = !streq(w->order, CODEBUILD_SORT_ORDER_TYPE_ASCENDING),
		.after = w->token ? strtoll(w->token, &end, 10) : 0,
		.max = (size_t)wire_or(w->max, BUILD_PAGE),
	};
	if (w->token && (*end || s.page.after <= 0))
		return build_invalid(err, "Invalid token: nextToken is not one of this list");
	if (db_read(durable_db(e->durable), list, &s, err) < 0)
		return -1;
	ret_ids->v = s.ids;
	ret_ids->n = s.n;
	ret_ids->set = true;
	if (s.n == s.page.max)
		*ret_token = arena_printf(a, "%lld", (long long)s.last);
	return 0;
}

int build_list_build_batches(struct build_engine *e, struct call *call,
	const struct codebuild_list_build_batches_request *req,
	struct codebuild_list_build_batches_response *resp, struct err *err)
{
	const struct list_wish w = {.filter = req->filter,
		.max = req->max_results,
		.order = req->sort_order,
		.token = req->next_token};

	return list_page(e, call->arena, &w, &resp->ids, &resp->next_token, err);
}

int build_list_build_batches_for_project(struct build_engine *e, struct call *call,
	const struct codebuild_list_build_batches_for_project_request *req,
	struct codebuild_list_build_batches_for_project_response *resp, struct err *err)
{
	struct list_wish w = {.filter = req->filter,
		.max = req->max_results,
		.order = req->sort_order,
		.token = req->next_token};

	w.project = req->project_name ? build_project_name_of(req->project_name) : NULL;
	if (!w.project)
		return build_invalid(err, "Invalid input: projectName names no project");
	return list_page(e, call->arena, &w, &resp->ids, &resp->next_token, err);
}
