/* SPDX-License-Identifier: Apache-2.0 */
/* Revisions: their locations, and the operations that register and list them. */
#include <strings.h>

#include "base/mem.h"
#include "crypto/digest.h"
#include "deploy/appspec_service.h"
#include "deploy/operation.h"
#include "store/deploy_group.h"
#include "store/deploy_revision.h"

#define DESCRIPTION_MAX 256

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

char *deploy_revision_key(const struct codedeploy_revision_location *r, struct arena *a)
{
	const struct codedeploy_s3_location *s3 = r->s3_location;
	const struct codedeploy_git_hub_location *hub = r->git_hub_location;
	const char *etag;
	size_t n;

	if (s3) {
		etag = or_empty(s3->e_tag);
		n = strlen(etag);
		if (n >= 2 && etag[0] == '"' && etag[n - 1] == '"')
			etag = arena_strndup(a, etag + 1, n - 2);
		return arena_printf(a, "s3|%s|%s|%s|%s|%s", or_empty(s3->bucket), or_empty(s3->key),
			or_empty(s3->bundle_type), or_empty(s3->version), etag);
	}
	if (hub)
		return arena_printf(
			a, "github|%s|%s", or_empty(hub->repository), or_empty(hub->commit_id));
	if (r->app_spec_content)
		return arena_printf(a, "appspec|%s", or_empty(r->app_spec_content->sha256));
	return arena_printf(a, "string|%s", r->string ? or_empty(r->string->sha256) : "");
}

static int bad(struct err *err, const char *why)
{
	return err_set_wire(err, "InvalidRevisionException", "%s", why);
}

static int check_s3(const struct codedeploy_s3_location *s3, bool server, struct err *err)
{
	if (!s3 || !s3->bucket || !*s3->bucket || !s3->key || !*s3->key)
		return bad(err, "A revision in S3 needs a bucket and a key");
	if (!s3->bundle_type)
		return bad(err, server ? "A revision in S3 needs a bundleType: tar, tgz or zip"
				       : "A revision in S3 needs a bundleType: YAML, JSON, tar, "
					 "tgz or zip");
	if (!server && (streq(s3->bundle_type, CODEDEPLOY_BUNDLE_TYPE_YAML) ||
			       streq(s3->bundle_type, CODEDEPLOY_BUNDLE_TYPE_JSON)))
		return 0;
	if (!streq(s3->bundle_type, CODEDEPLOY_BUNDLE_TYPE_TAR) &&
		!streq(s3->bundle_type, CODEDEPLOY_BUNDLE_TYPE_TGZ) &&
		!streq(s3->bundle_type, CODEDEPLOY_BUNDLE_TYPE_ZIP))
		return bad(err, server ? "The bundleType of a revision for servers is tar, tgz or "
					 "zip"
				       : "The bundleType of a revision for ECS is YAML, JSON, tar, "
					 "tgz or zip");
	return 0;
}

static int check_service(const struct codedeploy_revision_location *r, struct err *err)
{
	const struct codedeploy_app_spec_content *text = r->app_spec_content;

	if (r->s3_location)
		return check_s3(r->s3_location, false, err);
	if (!text)
		return bad(err, "A revision for ECS is an AppSpec: appSpecContent, or one in S3");
	if ((!text->content || !*text->content) && (!text->sha256 || !*text->sha256))
		return bad(err, "appSpecContent needs a content");
	return 0;
}

static int find_content(struct db_tx *tx, const char *application_id,
	struct codedeploy_revision_location *r, struct arena *a, struct err *err)
{
	struct codedeploy_revision_info info;
	int found = store_deploy_revision_find(
		tx, application_id, deploy_revision_key(r, a), a, &info, err);

	if (found < 0)
		return -1;
	if (!found || !info.revision_location->app_spec_content)
		return err_set_wire(err, "RevisionDoesNotExistException",
			"No AppSpec with the SHA-256 %s is registered with the application: give "
			"its content",
			r->app_spec_content->sha256);
	r->app_spec_content->content = info.revision_location->app_spec_content->content;
	return 0;
}

/* A digest that is given has to be that of the content. */
static int add_digest(struct codedeploy_app_spec_content *text, struct arena *a, struct err *err)
{
	struct digest_value value = digest_of(DIGEST_SHA256, view_of(text->content));
	struct digest_text hex = digest_hex(&value);

	if (text->sha256 && *text->sha256 && strcasecmp(text->sha256, hex.text) != 0)
		return bad(err, "The sha256 is not that of the content of appSpecContent");
	text->sha256 = arena_strdup(a, hex.text);
	return 0;
}

int deploy_revision_complete(struct db_tx *tx, const char *application_id,
	const struct codedeploy_revision_location **r, struct arena *a, struct err *err)
{
	struct codedeploy_revision_location *copy;
	struct err why CLEANUP_ERR = ERR_INIT;
	struct appspec_service spec;

	if (!(*r)->app_spec_content)
		return 0;
	*r = copy = wire_copy(&codedeploy_revision_location_shape, *r, a);
	copy->revision_type = CODEDEPLOY_REVISION_LOCATION_TYPE_APPSPECCONTENT;
	if (!copy->app_spec_content->content || !*copy->app_spec_content->content)
		return find_content(tx, application_id, copy, a, err);
	if (add_digest(copy->app_spec_content, a, err) < 0)
		return -1;
	if (appspec_service_parse(
		    "appspec", view_of(copy->app_spec_content->content), a, &spec, &why) < 0)
		return bad(err, err_message(&why));
	return 0;
}

int deploy_revision_check(
	const struct codedeploy_revision_location *r, const char *platform, struct err *err)
{
	const struct codedeploy_git_hub_location *hub;

	if (!r)
		return err_set_wire(err, "RevisionRequiredException", "A revision is required");
	hub = r->git_hub_location;
	if ((r->s3_location != NULL) + (hub != NULL) + (r->string != NULL) +
			(r->app_spec_content != NULL) !=
		1)
		return bad(err, "A revision has exactly one location");
	if (streq(platform, CODEDEPLOY_COMPUTE_PLATFORM_LAMBDA))
		return bad(err, "Revisions for Lambda are not built: use Server or ECS");
	if (streq(platform, CODEDEPLOY_COMPUTE_PLATFORM_ECS))
		return check_service(r, err);
	if (streq(r->revision_type, CODEDEPLOY_REVISION_LOCATION_TYPE_S3) || r->s3_location)
		return check_s3(r->s3_location, true, err);
	if (hub && hub->repository && strchr(hub->repository, '/') && hub->commit_id &&
		strlen(hub->commit_id) == 40)
		return 0;
	if (hub)
		return bad(err, "A revision on GitHub needs owner/name and a whole commit id");
	return bad(err, "Revisions for servers come from S3 or GitHub, not as text");
}

static int register_it(struct db_tx *tx, void *arg, struct err *err)
{
	struct operation *op = arg;
	const struct codedeploy_register_application_revision_request *req = op->req;
	struct codedeploy_generic_revision_info generic = {
		.description = req->description,
		.register_time = WIRE_SET_TIME(durable_now(op->e->durable)),
	};
	const struct codedeploy_revision_location *revision = req->revision;
	struct codedeploy_revision_info info, fresh = {.generic_revision_info = &generic};
	struct codedeploy_application_info app;
	const char *key;
	int found;

	if (need_application(tx, req->application_name, op->a, &app, err) < 0 ||
		deploy_revision_check(req->revision, app.compute_platform, err) < 0 ||
		deploy_revision_complete(tx, app.application_id, &revision, op->a, err) < 0)
		return -1;
	fresh.revision_location = (void *)revision;
	key = deploy_revision_key(revision, op->a);
	found = store_deploy_revision_find(tx, app.application_id, key, op->a, &info, err);
	if (found < 0)
		return -1;
	if (!found)
		return store_deploy_revision_put(tx, app.application_id, key, &fresh, err);
	if (req->description)
		info.generic_revision_info->description = req->description;
	return store_deploy_revision_put(tx, app.application_id, key, &info, err);
}

DEPLOY_OPERATION(register_application_revision)
{
	if (req->description && strlen(req->description) > DESCRIPTION_MAX)
		return err_set_wire(err, "DescriptionTooLongException",
			"The description has more than %d characters", DESCRIPTION_MAX);
	return operation_write(e, call, req, resp, register_it, err);
}

/* Names of the groups whose target revision this is. */
static int add_groups(struct db_tx *tx, struct arena *a, const char *application_id,
	const char *key, struct codedeploy_generic_revision_info *generic, struct err *err)
{
	struct store_deploy_page all = {.limit = STORE_DEPLOY_PAGE_ALL};
	struct store_deploy_names names;
	size_t n = 0;

	if (store_deploy_group_list(tx, application_id, &all, a, &names, err) < 0)
		return -1;
	wire_list_alloc(a, &generic->deployment_groups, names.n);
	for (size_t i = 0; i < names.n; i++) {
		struct codedeploy_deployment_group_info g;
		int found = store_deploy_group_find(tx, application_id, names.v[i], a, &g, err);

		if (found < 0)
			return -1;
		if (found && g.target_revision &&
			streq(deploy_revision_key(g.target_revision, a), key))
			generic->deployment_groups.v[n++] = names.v[i];
	}
	generic->deployment_groups.n = n;
	return 0;
}

static int find(struct db_tx *tx, struct arena *a, const char *application_id,
	const struct codedeploy_revision_location *location, struct codedeploy_revision_info *ret,
	struct err *err)
{
	const char *key = deploy_revision_key(location, a);
	int found = store_deploy_revision_find(tx, application_id, key, a, ret, err);

	if (found > 0 &&
		add_groups(tx, a, application_id, key, ret->generic_revision_info, err) < 0)
		return -1;
	return found;
}

static int get(struct db_tx *tx, void *arg, struct err *err)
{
	struct operation *op = arg;
	const struct codedeploy_get_application_revision_request *req = op->req;
	struct codedeploy_get_application_revision_response *resp = op->resp;
	struct codedeploy_application_info app;
	struct codedeploy_revision_info info;
	int found;

	if (need_application(tx, req->application_name, op->a, &app, err) < 0 ||
		deploy_revision_check(req->revision, app.compute_platform, err) < 0)
		return -1;
	found = find(tx, op->a, app.application_id, req->revision, &info, err);
	if (found < 0)
		return -1;
	if (!found)
		return err_set_wire(err, "RevisionDoesNotExistException",
			"The revision is not registered with application %s", app.application_name);
	resp->application_name = app.application_name;
	resp->revision = info.revision_location;
	resp->revision_info = info.generic_revision_info;
	return 0;
}

DEPLOY_OPERATION(get_application_revision)
{
	return operation_read(e, call, req, resp, get, err);
}

static int batch_get(struct db_tx *tx, void *arg, struct err *err)
{
	struct operation *op = arg;
	const struct codedeploy_batch_get_application_revisions_request *req = op->req;
	struct codedeploy_batch_get_application_revisions_response *resp = op->resp;
	struct codedeploy_application_info app;
	size_t n = 0;

	if (need_application(tx, req->application_name, op->a, &app, err) < 0)
		return -1;
	resp->application_name = app.application_name;
	wire_list_alloc(op->a, &resp->revisions, req->revisions.n);
	for (size_t i = 0; i < req->revisions.n; i++) {
		int found;

		if (deploy_revision_check(&req->revisions.v[i], app.compute_platform, err) < 0)
			return -1;
		found = find(tx, op->a, app.application_id, &req->revisions.v[i],
			&resp->revisions.v[n], err);
		if (found < 0)
			return -1;
		n += (size_t)found;
		if (!found)
			resp->error_message = "At least one of the revisions is not registered";
	}
	resp->revisions.n = n;
	return 0;
}

DEPLOY_OPERATION(batch_get_application_revisions)
{
	if (check_batch(req->revisions.n, 25, "RevisionRequiredException", err) < 0)
		return -1;
	return operation_read(e, call, req, resp, batch_get, err);
}

/* ---- listing ---- */

struct sort_key {
	int64_t usec;
	const struct codedeploy_revision_info *info;
};

static int compare(const void *a, const void *b)
{
	const struct sort_key *x = a, *y = b;

	return (x->usec > y->usec) - (x->usec < y->usec);
}

static bool is_wanted(const struct codedeploy_list_application_revisions_request *req,
	const struct codedeploy_revision_info *r)
{
	const struct codedeploy_s3_location *s3 = r->revision_location->s3_location;
	bool deployed = r->generic_revision_info->deployment_groups.n > 0;

	if (req->s3_bucket && (!s3 || !streq(s3->bucket, req->s3_bucket)))
		return false;
	if (req->s3_key_prefix && (!s3 || !starts_with(s3->key, req->s3_key_prefix)))
		return false;
	if (streq(req->deployed, CODEDEPLOY_LIST_STATE_FILTER_ACTION_INCLUDE))
		return deployed;
	if (streq(req->deployed, CODEDEPLOY_LIST_STATE_FILTER_ACTION_EXCLUDE))
		return !deployed;
	return true;
}

static int64_t sort_time(const char *by, const struct codedeploy_generic_revision_info *g)
{
	if (streq(by, CODEDEPLOY_APPLICATION_REVISION_SORT_BY_FIRSTUSEDTIME))
		return g->first_used_time.usec;
	if (streq(by, CODEDEPLOY_APPLICATION_REVISION_SORT_BY_LASTUSEDTIME))
		return g->last_used_time.usec;
	return g->register_time.usec;
}

static int list(struct db_tx *tx, void *arg, struct err *err)
{
	struct operation *op = arg;
	const struct codedeploy_list_application_revisions_request *req = op->req;
	struct codedeploy_list_application_revisions_response *resp = op->resp;
	bool descending = streq(req->sort_order, CODEDEPLOY_SORT_ORDER_DESCENDING);
	struct codedeploy_revision_info_list all;
	struct codedeploy_application_info app;
	struct sort_key *keys;
	size_t n = 0;

	if (need_application(tx, req->application_name, op->a, &app, err) < 0 ||
		store_deploy_revision_list(tx, app.application_id, op->a, &all, err) < 0)
		return -1;
	keys = arena_new_n(op->a, all.n + 1, struct sort_key);
	wire_foreach (it, &all) {
		struct codedeploy_generic_revision_info *g = it->generic_revision_info;
		const char *key = deploy_revision_key(it->revision_location, op->a);

		if (add_groups(tx, op->a, app.application_id, key, g, err) < 0)
			return -1;
		if (is_wanted(req, it))
			keys[n++] = (struct sort_key){sort_time(req->sort_by, g), it};
	}
	qsort(keys, n, sizeof(*keys), compare);
	wire_list_alloc(op->a, &resp->revisions, n);
	for (size_t i = 0; i < n; i++)
		resp->revisions.v[i] = *keys[descending ? n - 1 - i : i].info->revision_location;
	return 0;
}

DEPLOY_OPERATION(list_application_revisions)
{
	if (req->s3_key_prefix && !req->s3_bucket)
		return err_set_wire(
			err, "BucketNameFilterRequiredException", "s3KeyPrefix needs s3Bucket");
	if (req->next_token && *req->next_token)
		return err_set_wire(err, "InvalidNextTokenException",
			"The next token is not one that this service gave out");
	return operation_read(e, call, req, resp, list, err);
}
