/* SPDX-License-Identifier: Apache-2.0 */
/* Lifecycle policies of repositories: kept, tried out, and carried out once a day by a timer. */
#include <stdlib.h>

#include "artifact/image_internal.h"
#include "base/log.h"
#include "base/mem.h"

#define BATCH 200

/* ---- the images of a repository as a policy sees them ---- */

static int by_digest(const void *key, const void *row)
{
	return strcmp(key, ((const struct image_candidate *)row)->digest);
}

static struct image_candidate *find(struct image_candidate *images, size_t n, const char *digest)
{
	return n ? bsearch(digest, images, n, sizeof(*images), by_digest) : NULL;
}

static int add_indexes(struct db_tx *tx, const char *repository, struct arena *a,
	struct image_candidate *images, size_t n, struct err *err)
{
	struct store_image_pair *pairs;
	size_t n_pairs, *at;

	if (store_image_pairs(tx, repository, a, &pairs, &n_pairs, err) < 0)
		return -1;
	at = arena_new_n(a, n_pairs, size_t);
	for (size_t i = 0; i < n_pairs; i++) {
		struct image_candidate *member = find(images, n, pairs[i].member);
		struct image_candidate *index = find(images, n, pairs[i].manifest);

		at[i] = index ? (size_t)(index - images) : 0;
		if (!member || !index)
			continue;
		/* pairs come in the order of members: those of one stand together */
		if (!member->n_indexes)
			member->indexes = &at[i];
		member->n_indexes++;
	}
	return 0;
}

static int load(struct db_tx *tx, const char *repository, struct arena *a,
	struct image_candidate **ret, size_t *ret_n, struct err *err)
{
	struct store_image *images;
	struct image_candidate *c;
	size_t n;

	if (store_image_list(tx, repository, "", 0, a, &images, &n, err) < 0)
		return -1;
	c = arena_new_n(a, n, struct image_candidate);
	for (size_t i = 0; i < n; i++) {
		struct ecr_image_tag_list tags = {0};

		if (image_tags_of(tx, repository, images[i].digest, a, &tags, err) < 0)
			return -1;
		c[i] = (struct image_candidate){
			.digest = images[i].digest,
			.tags = tags.v,
			.n_tags = tags.n,
			.pushed_usec = images[i].pushed_usec,
			.pulled_usec = images[i].pulled_usec,
		};
	}
	for (size_t i = 0; i < n; i++)
		c[i].kept = *images[i].subject && find(c, n, images[i].subject);
	*ret = c;
	*ret_n = n;
	return add_indexes(tx, repository, a, c, n, err);
}

/* ---- the timer ---- */

struct expire {
	struct artifact_engine *e;
	const struct task *task;
	struct arena *a;
	size_t removed;
	bool more;
};

/* Indexes before what they name: a member goes only once nothing names it. */
static int remove_some(struct expire *x, struct db_tx *tx, struct image_candidate *images, size_t n,
	struct err *err)
{
	x->removed = 0;
	x->more = false;
	for (int members = 0; members < 2; members++)
		for (size_t i = 0; i < n; i++) {
			if (!images[i].priority || (images[i].n_indexes > 0) != members)
				continue;
			if (x->removed == BATCH) {
				x->more = true;
				return 0;
			}
			if (image_remove(x->e, tx, x->task->subject, images[i].digest, NULL, x->a,
				    err) < 0)
				return -1;
			x->removed++;
		}
	return 0;
}

static int end_run(struct expire *x, struct db_tx *tx,
	struct ecr_get_lifecycle_policy_response *policy, struct err *err)
{
	int64_t now = durable_now(x->e->durable);
	struct task next = {.kind = IMAGE_TASK_LIFECYCLE,
		.subject = x->task->subject,
		.token = "",
		.due_usec = now + IMAGE_DAY_USEC};

	policy->last_evaluated_at = WIRE_SET_TIME(now);
	if (store_document_put(tx, &STORE_IMAGE_LIFECYCLE, x->task->subject, "", policy, err) < 0 ||
		task_done(x->e->durable, tx, x->task, err) < 0)
		return -1;
	return task_enqueue(x->e->durable, tx, &next, err);
}

static int expire_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct expire *x = arg;
	struct ecr_get_lifecycle_policy_response policy;
	struct image_lifecycle rules;
	struct image_candidate *images;
	size_t n;
	int r = store_document_get(
		tx, &STORE_IMAGE_LIFECYCLE, x->task->subject, x->a, &policy, err);

	x->more = false;
	if (r <= 0)
		return r < 0 ? -1 : task_done(x->e->durable, tx, x->task, err);
	if (image_lifecycle_parse(policy.lifecycle_policy_text, x->a, &rules, err) < 0 ||
		load(tx, x->task->subject, x->a, &images, &n, err) < 0)
		return -1;
	image_lifecycle_decide(&rules, images, n, durable_now(x->e->durable), x->a);
	if (remove_some(x, tx, images, n, err) < 0)
		return -1;
	return x->more ? 0 : end_run(x, tx, &policy, err);
}

static int expire_run(struct durable *d, const struct task *task, void *arg, struct err *err)
{
	struct expire x = {.e = arg, .task = task};

	do {
		struct arena a CLEANUP_ARENA = ARENA_INIT;

		x.a = &a;
		x.removed = 0;
		if (durable_step(d, expire_step, &x, err) < 0)
			return -1;
		if (x.removed)
			log_info("artifact", "the lifecycle policy of %s took %zu images away",
				task->subject, x.removed);
	} while (x.more);
	return 0;
}

void image_expire_register(struct artifact_engine *e)
{
	struct task_kind kind = {
		.name = IMAGE_TASK_LIFECYCLE, .run = expire_run, .arg = e, .max_running = 1};

	task_register(e->durable, &kind);
}

/* ---- the policy ---- */

static int need_policy(struct image_op *o, struct db_tx *tx, const char *registry, const char *name,
	struct ecr_get_lifecycle_policy_response *ret, struct err *err)
{
	int r;

	if (image_check_registry(o->e, registry, name, err) < 0 ||
		image_check_repository(o->e, tx, name, err) < 0)
		return -1;
	r = store_document_get(tx, &STORE_IMAGE_LIFECYCLE, name, o->call->arena, ret, err);
	if (r > 0)
		return 0;
	return r < 0 ? -1
		     : err_set_wire(err, "LifecyclePolicyNotFoundException",
			       "Lifecycle policy does not exist for the repository with name '%s' "
			       "in the registry with id '%s'",
			       name, o->e->account);
}

/* Now, whatever time the next run had. */
static int run_now(struct artifact_engine *e, struct db_tx *tx, const char *name, struct err *err)
{
	struct task task = {.kind = IMAGE_TASK_LIFECYCLE, .subject = name, .token = ""};
	int r = task_reschedule(e->durable, tx, task.kind, name, "", durable_now(e->durable), err);

	return r == 0 ? task_enqueue(e->durable, tx, &task, err) : MIN(r, 0);
}

static int put_lifecycle_policy_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct ecr_get_lifecycle_policy_response doc;
	struct image_lifecycle rules;
	IMAGE_OP_ARGS(put_lifecycle_policy);

	if (image_check_registry(e, req->registry_id, req->repository_name, err) < 0 ||
		image_check_repository(e, tx, req->repository_name, err) < 0 ||
		image_lifecycle_parse(req->lifecycle_policy_text, a, &rules, err) < 0)
		return -1;
	doc = (struct ecr_get_lifecycle_policy_response){
		.registry_id = e->account,
		.repository_name = req->repository_name,
		.lifecycle_policy_text = req->lifecycle_policy_text,
	};
	resp->registry_id = doc.registry_id;
	resp->repository_name = doc.repository_name;
	resp->lifecycle_policy_text = doc.lifecycle_policy_text;
	if (store_document_put(tx, &STORE_IMAGE_LIFECYCLE, doc.repository_name, "", &doc, err) < 0)
		return -1;
	return run_now(e, tx, req->repository_name, err);
}

static int get_lifecycle_policy_step(struct db_tx *tx, void *arg, struct err *err)
{
	IMAGE_OP_ARGS(get_lifecycle_policy);

	return need_policy(o_, tx, req->registry_id, req->repository_name, resp, err);
}

static int delete_lifecycle_policy_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct ecr_get_lifecycle_policy_response present;
	IMAGE_OP_ARGS(delete_lifecycle_policy);

	if (need_policy(o_, tx, req->registry_id, req->repository_name, &present, err) < 0)
		return -1;
	resp->registry_id = present.registry_id;
	resp->repository_name = present.repository_name;
	resp->lifecycle_policy_text = present.lifecycle_policy_text;
	resp->last_evaluated_at = present.last_evaluated_at;
	if (task_cancel(e->durable, tx, IMAGE_TASK_LIFECYCLE, req->repository_name, NULL, err) < 0)
		return -1;
	return store_document_delete(tx, &STORE_IMAGE_LIFECYCLE, req->repository_name, err);
}

IMAGE_DEFINE(put_lifecycle_policy, image_write)
IMAGE_DEFINE(get_lifecycle_policy, image_read)
IMAGE_DEFINE(delete_lifecycle_policy, image_write)

/* ---- trying a policy out ---- */

static void add_result(struct arena *a, const struct image_candidate *c,
	struct ecr_get_lifecycle_policy_preview_response *doc)
{
	struct ecr_lifecycle_policy_preview_result *r =
		&doc->preview_results.v[doc->preview_results.n++];

	*r = (struct ecr_lifecycle_policy_preview_result){
		.image_digest = c->digest,
		.image_pushed_at = WIRE_SET_TIME(c->pushed_usec),
		.applied_rule_priority = WIRE_SET_INT(c->priority),
		.action = arena_new(a, struct ecr_lifecycle_policy_rule_action),
		.storage_class = "STANDARD",
	};
	r->action->type = "EXPIRE";
	r->image_tags.v = c->tags;
	r->image_tags.n = c->n_tags;
	r->image_tags.set = c->n_tags > 0;
}

static int preview(
	struct image_op *o, struct db_tx *tx, const char *name, const char *text, struct err *err)
{
	struct arena *a = o->call->arena;
	struct ecr_get_lifecycle_policy_preview_response doc = {
		.registry_id = o->e->account,
		.repository_name = name,
		.lifecycle_policy_text = text,
		.status = "COMPLETE",
		.summary = arena_new(a, struct ecr_lifecycle_policy_preview_summary),
	};
	struct image_lifecycle rules;
	struct image_candidate *images;
	size_t n;

	if (image_lifecycle_parse(text, a, &rules, err) < 0 ||
		load(tx, name, a, &images, &n, err) < 0)
		return -1;
	image_lifecycle_decide(&rules, images, n, durable_now(o->e->durable), a);
	wire_list_alloc(a, &doc.preview_results, n);
	doc.preview_results.n = 0;
	for (size_t i = 0; i < n; i++)
		if (images[i].priority)
			add_result(a, &images[i], &doc);
	doc.summary->expiring_image_total_count = WIRE_SET_INT(doc.preview_results.n);
	return store_document_put(tx, &STORE_IMAGE_PREVIEW, name, "", &doc, err);
}

static int start_lifecycle_policy_preview_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct ecr_get_lifecycle_policy_response policy;
	const char *text;
	IMAGE_OP_ARGS(start_lifecycle_policy_preview);

	if (image_check_registry(e, req->registry_id, req->repository_name, err) < 0 ||
		image_check_repository(e, tx, req->repository_name, err) < 0)
		return -1;
	text = req->lifecycle_policy_text;
	if (!text && need_policy(o_, tx, NULL, req->repository_name, &policy, err) < 0)
		return -1;
	if (!text)
		text = policy.lifecycle_policy_text;
	resp->registry_id = e->account;
	resp->repository_name = req->repository_name;
	resp->lifecycle_policy_text = text;
	resp->status = "IN_PROGRESS"; /* as of the request; the answer stands ready */
	return preview(o_, tx, req->repository_name, text, err);
}

static bool is_asked(const struct ecr_get_lifecycle_policy_preview_request *req,
	const struct ecr_lifecycle_policy_preview_result *r)
{
	const char *status = req->filter ? req->filter->tag_status : NULL;

	if (status && !streq(status, "ANY") && streq(status, "TAGGED") != (r->image_tags.n > 0))
		return false;
	if (!req->image_ids.n)
		return true;
	wire_foreach (id, &req->image_ids) {
		if (streq(id->image_digest, r->image_digest))
			return true;
		for (size_t i = 0; id->image_tag && i < r->image_tags.n; i++)
			if (streq(id->image_tag, r->image_tags.v[i]))
				return true;
	}
	return false;
}

static int get_lifecycle_policy_preview_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct ecr_lifecycle_policy_preview_result *all;
	const char *after;
	size_t n, max, kept = 0;
	int r;
	IMAGE_OP_ARGS(get_lifecycle_policy_preview);

	if (image_check_registry(e, req->registry_id, req->repository_name, err) < 0 ||
		image_check_repository(e, tx, req->repository_name, err) < 0)
		return -1;
	r = store_document_get(tx, &STORE_IMAGE_PREVIEW, req->repository_name, a, resp, err);
	if (r <= 0)
		return r < 0 ? -1
			     : err_set_wire(err, "LifecyclePolicyPreviewNotFoundException",
				       "There is no dry run for the repository with name '%s' in "
				       "the registry with id '%s'",
				       req->repository_name, e->account);
	all = resp->preview_results.v;
	n = resp->preview_results.n;
	max = image_page(req->max_results, 100, 100);
	after = req->next_token ? req->next_token : "";
	for (size_t i = 0; i < n; i++) {
		if (strcmp(all[i].image_digest, after) <= 0 || !is_asked(req, &all[i]))
			continue;
		if (kept == max) {
			resp->next_token = all[kept - 1].image_digest;
			break;
		}
		all[kept++] = all[i];
	}
	resp->preview_results.n = kept;
	return 0;
}

IMAGE_DEFINE(start_lifecycle_policy_preview, image_write)
IMAGE_DEFINE(get_lifecycle_policy_preview, image_read)
