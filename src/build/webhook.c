/* SPDX-License-Identifier: Apache-2.0 */
/* Webhooks of projects: an address for the git host to deliver to, with a secret that both know.
 * The secret is in the database only sealed, bound to its project. */
#include <string.h>

#include "base/hex.h"
#include "base/id.h"
#include "base/mem.h"
#include "build/engine.h"
#include "build/hook.h"
#include "build/webhook.h"
#include "store/build_credential.h"

#define RANDOM_BYTES 20
#define BY_HAND \
	"Register payloadUrl and secret at the host: application/json, pushes and pull requests"

static const char *random_text(struct arena *a)
{
	unsigned char bytes[RANDOM_BYTES];
	char text[2 * RANDOM_BYTES + 1];

	id_random_bytes(bytes, sizeof(bytes));
	*hex_write(text, bytes, sizeof(bytes)) = 0;
	return arena_strdup(a, text);
}

static const char *context_of(const char *project, struct arena *a)
{
	return arena_printf(a, "webhook %s", project);
}

static const char *seal(
	const struct build_engine *e, const char *project, const char *secret, struct arena *a)
{
	CLEANUP_STR struct str out = STR_INIT;

	seal_close(e->seal, view_of(secret), context_of(project, a), &out);
	return arena_strdup(a, str_text(&out));
}

/* As it is shown: the secret only to whom it is new. */
static struct codebuild_webhook *shown(
	const struct codebuild_webhook *w, const char *secret, struct arena *a)
{
	struct codebuild_webhook *copy = arena_new(a, struct codebuild_webhook);

	*copy = *w;
	copy->secret = secret;
	return copy;
}

/* ---- operations ---- */

struct webhook_step {
	struct build_engine *e;
	struct call *call;
	const void *req;
	struct store_build_project row;
	struct codebuild_webhook hook;
	struct codebuild_webhook *answer;
};

/* The project and its host; *ret_found: whether it has a webhook, which is then in s->hook. */
static int load(struct webhook_step *s, struct db_tx *tx, const char *name_or_arn,
	const struct build_host **ret_host, bool *ret_found, struct err *err)
{
	const char *name = build_project_name_of(name_or_arn);
	int r = name ? store_build_project_get(tx, name, s->call->arena, &s->row, err) : 0;

	if (r < 0)
		return -1;
	if (!r)
		return err_set_wire(err, "ResourceNotFoundException", "Project cannot be found: %s",
			build_project_arn(s->e, name ? name : name_or_arn, s->call->arena));
	*ret_host = build_host_of(s->row.project.source->type);
	r = store_document_get(tx, &STORE_BUILD_WEBHOOK, name, s->call->arena, &s->hook, err);
	*ret_found = r > 0;
	return r < 0 ? -1 : 0;
}

static int check(const struct build_host *host, const struct codebuild_webhook *w,
	const char *source_type, struct err *err)
{
	const struct codebuild_pull_request_build_policy *policy = w->pull_request_build_policy;

	if (!host)
		return build_invalid(err,
			"Webhooks are not supported for source type %s: it must "
			"be a git host",
			source_type);
	if (w->build_type && !streq(w->build_type, CODEBUILD_WEBHOOK_BUILD_TYPE_BUILD))
		return build_invalid(err,
			"Webhooks of buildType %s are not offered by this server: "
			"use BUILD",
			w->build_type);
	if (w->scope_configuration)
		return build_invalid(err, "Webhooks of organizations and groups are not offered by "
					  "this server: leave scopeConfiguration out");
	if (policy && !streq(policy->requires_comment_approval,
			      CODEBUILD_PULL_REQUEST_BUILD_COMMENT_APPROVAL_DISABLED))
		return build_invalid(err,
			"Approval by comments is not offered by this server: leave "
			"pullRequestBuildPolicy out, and pull requests of forks "
			"are not built, or set DISABLED, and all are");
	return build_hook_check(host, w, err);
}

/* By a task, soon. */
static void be_registered(struct codebuild_webhook *w)
{
	w->manual_creation = (struct wire_bool){0};
	w->status = CODEBUILD_WEBHOOK_STATUS_CREATING;
	w->status_message = NULL;
}

static int create(struct db_tx *tx, void *arg, struct err *err)
{
	struct webhook_step *s = arg;
	struct arena *a = s->call->arena;
	const struct codebuild_create_webhook_request *req = s->req;
	const struct build_host *host;
	const char *name, *secret = random_text(a);
	bool found;
	int known;

	if (load(s, tx, req->project_name, &host, &found, err) < 0)
		return -1;
	name = s->row.project.name;
	if (found)
		return err_set_wire(err, "ResourceAlreadyExistsException",
			"Webhook already exists for project %s", name);
	s->hook = (struct codebuild_webhook){
		.payload_url = arena_printf(a, "%s" BUILD_WEBHOOK_PATH "%s/%s", s->e->console_url,
			name, random_text(a)),
		.branch_filter = req->branch_filter,
		.filter_groups = req->filter_groups,
		.build_type =
			req->build_type ? req->build_type : CODEBUILD_WEBHOOK_BUILD_TYPE_BUILD,
		.scope_configuration = req->scope_configuration,
		.pull_request_build_policy = req->pull_request_build_policy,
		.manual_creation = WIRE_SET_BOOL(true),
		.status = CODEBUILD_WEBHOOK_STATUS_ACTIVE,
		.status_message = BY_HAND,
		.last_modified_secret = WIRE_SET_TIME(durable_now(s->e->durable)),
	};
	if (check(host, &s->hook, s->row.project.source->type, err) < 0)
		return -1;
	known = wire_or(req->manual_creation, false)
			? 0
			: build_credential_exists(tx, s->row.project.source, err);
	if (known < 0)
		return -1;
	s->hook.secret = seal(s->e, name, secret, a);
	if (known)
		be_registered(&s->hook);
	s->answer = shown(&s->hook, secret, a);
	if (known && build_webhook_register(s->e, tx, name, err) < 0)
		return -1;
	return store_document_put(tx, &STORE_BUILD_WEBHOOK, name, NULL, &s->hook, err);
}

static int step(struct webhook_step *s, db_fn run, struct err *err)
{
	if (!s->e->seal)
		return err_set(
			err, ERR_UNSUPPORTED, "this server has no key to keep secrets under");
	return durable_step(s->e->durable, run, s, err);
}

int build_create_webhook(struct build_engine *e, struct call *call,
	const struct codebuild_create_webhook_request *req,
	struct codebuild_create_webhook_response *resp, struct err *err)
{
	struct webhook_step s = {.e = e, .call = call, .req = req};

	if (step(&s, create, err) < 0)
		return -1;
	resp->webhook = s.answer;
	return 0;
}

static int need(struct webhook_step *s, struct db_tx *tx, const char *project,
	const struct build_host **ret_host, struct err *err)
{
	bool found;

	if (load(s, tx, project, ret_host, &found, err) < 0)
		return -1;
	return found ? 0
		     : err_set_wire(err, "ResourceNotFoundException",
			       "Webhook cannot be found for project %s", s->row.project.name);
}

static int update(struct db_tx *tx, void *arg, struct err *err)
{
	struct webhook_step *s = arg;
	struct arena *a = s->call->arena;
	const struct codebuild_update_webhook_request *req = s->req;
	const struct build_host *host;
	const char *secret = NULL;

	if (need(s, tx, req->project_name, &host, err) < 0)
		return -1;
	/* The one way to say which branches replaces the other. */
	if (req->branch_filter || req->filter_groups.set) {
		s->hook.branch_filter = req->branch_filter;
		s->hook.filter_groups = req->filter_groups;
	}
	if (req->build_type)
		s->hook.build_type = req->build_type;
	if (req->pull_request_build_policy)
		s->hook.pull_request_build_policy = req->pull_request_build_policy;
	if (check(host, &s->hook, s->row.project.source->type, err) < 0)
		return -1;
	if (wire_or(req->rotate_secret, false)) {
		secret = random_text(a);
		s->hook.secret = seal(s->e, s->row.project.name, secret, a);
		s->hook.last_modified_secret = WIRE_SET_TIME(durable_now(s->e->durable));
		if (!wire_or(s->hook.manual_creation, false)) {
			be_registered(&s->hook);
			if (build_webhook_register(s->e, tx, s->row.project.name, err) < 0)
				return -1;
		}
	}
	s->answer = shown(&s->hook, secret, a);
	return store_document_put(
		tx, &STORE_BUILD_WEBHOOK, s->row.project.name, NULL, &s->hook, err);
}

int build_update_webhook(struct build_engine *e, struct call *call,
	const struct codebuild_update_webhook_request *req,
	struct codebuild_update_webhook_response *resp, struct err *err)
{
	struct webhook_step s = {.e = e, .call = call, .req = req};

	if (step(&s, update, err) < 0)
		return -1;
	resp->webhook = s.answer;
	return 0;
}

static int delete_one(struct db_tx *tx, void *arg, struct err *err)
{
	struct webhook_step *s = arg;
	const struct codebuild_delete_webhook_request *req = s->req;
	const struct build_host *host;

	if (need(s, tx, req->project_name, &host, err) < 0 ||
		build_webhook_unregister(s->e, tx, &s->row.project, &s->hook, err) < 0)
		return -1;
	return store_document_delete(tx, &STORE_BUILD_WEBHOOK, s->row.project.name, err);
}

int build_delete_webhook(struct build_engine *e, struct call *call,
	const struct codebuild_delete_webhook_request *req,
	struct codebuild_delete_webhook_response *resp UNUSED, struct err *err)
{
	struct webhook_step s = {.e = e, .call = call, .req = req};

	return step(&s, delete_one, err);
}

int build_webhook_show(
	struct db_tx *tx, struct codebuild_project *p, struct arena *a, struct err *err)
{
	struct codebuild_webhook hook;
	int r = store_document_get(tx, &STORE_BUILD_WEBHOOK, p->name, a, &hook, err);

	p->webhook = r > 0 ? shown(&hook, NULL, a) : NULL;
	return r < 0 ? -1 : 0;
}

int build_webhook_forget(
	struct build_engine *e, struct db_tx *tx, const char *project, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct store_build_project row;
	struct codebuild_webhook hook;
	int r = store_document_get(tx, &STORE_BUILD_WEBHOOK, project, &a, &hook, err);

	if (r > 0)
		r = store_build_project_get(tx, project, &a, &row, err);
	if (r > 0)
		r = build_webhook_unregister(e, tx, &row.project, &hook, err);
	return r < 0 ? -1 : store_document_delete(tx, &STORE_BUILD_WEBHOOK, project, err);
}

int build_webhook_reseal(struct db_tx *tx, const struct seal_key *from, const struct seal_key *to,
	size_t *n, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct store_documents all;

	if (store_document_list(tx, &STORE_BUILD_WEBHOOK, &(struct store_document_filter){0}, &a,
		    &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		struct str out CLEANUP_STR = STR_INIT;
		struct codebuild_webhook *w = all.v[i];

		if (seal_again(from, to, view_of(w->secret), context_of(all.ids[i], &a), &out,
			    err) < 0)
			return err_wrap(err, "the secret of the webhook of %s", all.ids[i]);
		w->secret = str_text(&out);
		if (store_document_rewrite(tx, &STORE_BUILD_WEBHOOK, all.ids[i], w, err) < 0)
			return -1;
		(*n)++;
	}
	return 0;
}

/* ---- for deliveries ---- */

struct lookup {
	const char *project;
	struct arena *a;
	struct build_webhook_found *ret;
	int r;
};

static int look_up(struct db_tx *tx, void *arg, struct err *err)
{
	struct lookup *l = arg;
	struct store_build_project row;

	l->r = store_document_get(tx, &STORE_BUILD_WEBHOOK, l->project, l->a, &l->ret->hook, err);
	if (l->r > 0)
		l->r = store_build_project_get(tx, l->project, l->a, &row, err);
	if (l->r > 0)
		l->ret->host = build_host_of(row.project.source->type);
	return l->r < 0 ? -1 : 0;
}

int build_webhook_find(const struct build_engine *e, const char *project, struct arena *a,
	struct build_webhook_found *ret, struct err *err)
{
	CLEANUP_STR struct str plain = STR_INIT;
	struct lookup l = {project, a, ret, 0};

	*ret = (struct build_webhook_found){0};
	if (db_read(durable_db(e->durable), look_up, &l, err) < 0)
		return -1;
	if (!l.r || !ret->host || !e->seal)
		return 0;
	if (seal_open(e->seal, view_of(ret->hook.secret), context_of(project, a), &plain, err) < 0)
		return err_wrap(err, "the secret of the webhook of %s", project);
	ret->secret = arena_strdup(a, str_text(&plain));
	explicit_bzero(plain.p, plain.len);
	return 1;
}
