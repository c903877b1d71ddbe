/* SPDX-License-Identifier: Apache-2.0 */
/* Tags of applications and deployment groups. */
#include "deploy/tags.h"

#include "base/mem.h"
#include "deploy/operation.h"
#include "store/deploy_group.h"

int deploy_tags_put(struct db_tx *tx, const char *resource, const struct codedeploy_tag_list *tags,
	struct err *err)
{
	wire_foreach (it, tags) {
		if (!it->key || !*it->key || strlen(it->key) > 128 ||
			(it->value && strlen(it->value) > 256))
			return err_set_wire(err, "InvalidTagsToAddException",
				"A tag needs a key of 1 to 128 characters and a value of up to "
				"256");
		if (store_deploy_tag_put(tx, resource, it->key, it->value ? it->value : "", err) <
			0)
			return -1;
	}
	return 0;
}

/* arn:aws:codedeploy:REGION:ACCOUNT:application:APP or ...:deploymentgroup:APP/GROUP. */
static int find_resource(
	struct db_tx *tx, struct arena *a, const char *arn, const char **ret_id, struct err *err)
{
	struct codedeploy_deployment_group_info group;
	struct codedeploy_application_info app;
	struct view rest = view_of(arn), part[6], name;

	if (!arn || !*arn)
		return err_set_wire(
			err, "ResourceArnRequiredException", "The ARN of a resource is required");
	for (size_t i = 0; i < ARRAY_SIZE(part); i++)
		part[i] = view_cut(&rest, ':');
	if (!view_eq_str(part[0], "arn") || !view_eq_str(part[2], "codedeploy") || !rest.len)
		return err_set_wire(
			err, "InvalidArnException", "\"%s\" is no ARN of CodeDeploy", arn);
	if (view_eq_str(part[5], "application")) {
		if (need_application(tx, arena_view_dup(a, rest), a, &app, err) < 0)
			return -1;
		*ret_id = app.application_id;
		return 0;
	}
	if (!view_eq_str(part[5], "deploymentgroup"))
		return err_set_wire(err, "ArnNotSupportedException",
			"Only applications and deployment groups have tags, not %s", arn);
	name = view_cut(&rest, '/');
	if (need_group(tx, arena_view_dup(a, name), rest.len ? arena_view_dup(a, rest) : "", a,
		    &app, &group, err) < 0)
		return -1;
	*ret_id = group.deployment_group_id;
	return 0;
}

static int tag(struct db_tx *tx, void *arg, struct err *err)
{
	struct operation *op = arg;
	const struct codedeploy_tag_resource_request *req = op->req;
	const char *id;

	if (find_resource(tx, op->a, req->resource_arn, &id, err) < 0)
		return -1;
	return deploy_tags_put(tx, id, &req->tags, err);
}

DEPLOY_OPERATION(tag_resource)
{
	if (!req->tags.n)
		return err_set_wire(err, "TagRequiredException", "At least one tag is required");
	return operation_write(e, call, req, resp, tag, err);
}

static int untag(struct db_tx *tx, void *arg, struct err *err)
{
	struct operation *op = arg;
	const struct codedeploy_untag_resource_request *req = op->req;
	const char *id;

	if (find_resource(tx, op->a, req->resource_arn, &id, err) < 0)
		return -1;
	for (size_t i = 0; i < req->tag_keys.n; i++)
		if (store_deploy_tag_remove(tx, id, req->tag_keys.v[i], err) < 0)
			return -1;
	return 0;
}

DEPLOY_OPERATION(untag_resource)
{
	return operation_write(e, call, req, resp, untag, err);
}

static int list(struct db_tx *tx, void *arg, struct err *err)
{
	struct operation *op = arg;
	const struct codedeploy_list_tags_for_resource_request *req = op->req;
	struct codedeploy_list_tags_for_resource_response *resp = op->resp;
	const char *id;

	if (find_resource(tx, op->a, req->resource_arn, &id, err) < 0)
		return -1;
	return store_deploy_tag_list(tx, id, op->a, &resp->tags, err);
}

DEPLOY_OPERATION(list_tags_for_resource)
{
	return operation_read(e, call, req, resp, list, err);
}
