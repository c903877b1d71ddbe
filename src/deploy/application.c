/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on applications. */
#include "base/id.h"
#include "base/mem.h"
#include "deploy/operation.h"
#include "deploy/tags.h"
#include "store/deploy_application.h"
#include "store/deploy_group.h"
#include "store/deploy_revision.h"

static int check_platform(const char *platform, struct err *err)
{
	if (platform && !streq(platform, CODEDEPLOY_COMPUTE_PLATFORM_SERVER) &&
		!streq(platform, CODEDEPLOY_COMPUTE_PLATFORM_LAMBDA) &&
		!streq(platform, CODEDEPLOY_COMPUTE_PLATFORM_ECS))
		return err_set_wire(err, "InvalidComputePlatformException",
			"The compute platform \"%s\" is not one of Server, Lambda, ECS", platform);
	return 0;
}

static int create(struct db_tx *tx, void *arg, struct err *err)
{
	struct operation *op = arg;
	const struct codedeploy_create_application_request *req = op->req;
	struct codedeploy_create_application_response *resp = op->resp;
	struct codedeploy_application_info
		info =
			{
				.application_name = req->application_name,
				.application_id = arena_strdup(op->a, id_uuid().text),
				.compute_platform = req->compute_platform
							    ? req->compute_platform
							    : CODEDEPLOY_COMPUTE_PLATFORM_SERVER,
				.create_time = WIRE_SET_TIME(durable_now(op->e->durable)),
				.linked_to_git_hub = WIRE_SET_BOOL(false),
			},
		other;
	int found = store_deploy_application_find(tx, req->application_name, op->a, &other, err);

	if (found < 0)
		return -1;
	if (found)
		return err_set_wire(err, "ApplicationAlreadyExistsException",
			"Application already exists: %s", req->application_name);
	if (store_deploy_application_insert(tx, &info, err) < 0)
		return -1;
	resp->application_id = info.application_id;
	return deploy_tags_put(tx, info.application_id, &req->tags, err);
}

DEPLOY_OPERATION(create_application)
{
	if (check_application_name(req->application_name, err) < 0 ||
		check_platform(req->compute_platform, err) < 0)
		return -1;
	return operation_write(e, call, req, resp, create, err);
}

static int get(struct db_tx *tx, void *arg, struct err *err)
{
	struct operation *op = arg;
	const struct codedeploy_get_application_request *req = op->req;
	struct codedeploy_get_application_response *resp = op->resp;

	resp->application = arena_new(op->a, struct codedeploy_application_info);
	return need_application(tx, req->application_name, op->a, resp->application, err);
}

DEPLOY_OPERATION(get_application)
{
	return operation_read(e, call, req, resp, get, err);
}

static int batch_get(struct db_tx *tx, void *arg, struct err *err)
{
	struct operation *op = arg;
	const struct codedeploy_batch_get_applications_request *req = op->req;
	struct codedeploy_batch_get_applications_response *resp = op->resp;

	wire_list_alloc(op->a, &resp->applications_info, req->application_names.n);
	for (size_t i = 0; i < req->application_names.n; i++)
		if (need_application(tx, req->application_names.v[i], op->a,
			    &resp->applications_info.v[i], err) < 0)
			return -1;
	return 0;
}

DEPLOY_OPERATION(batch_get_applications)
{
	if (check_batch(req->application_names.n, 100, "ApplicationNameRequiredException", err) < 0)
		return -1;
	return operation_read(e, call, req, resp, batch_get, err);
}

static int list(struct db_tx *tx, void *arg, struct err *err)
{
	struct operation *op = arg;
	const struct codedeploy_list_applications_request *req = op->req;
	struct codedeploy_list_applications_response *resp = op->resp;
	struct store_deploy_page page;
	struct store_deploy_names names;

	if (page_open(req->next_token, op->a, &page, err) < 0 ||
		store_deploy_application_list(tx, &page, op->a, &names, err) < 0)
		return -1;
	operation_names(op->a, &names, &resp->applications);
	resp->next_token = page_token(&names, op->a);
	return 0;
}

DEPLOY_OPERATION(list_applications)
{
	return operation_read(e, call, req, resp, list, err);
}

/* Groups carry the application's name in their documents. */
static int rename_in_groups(struct db_tx *tx, struct operation *op,
	const struct codedeploy_application_info *info, struct err *err)
{
	struct store_deploy_page all = {.limit = STORE_DEPLOY_PAGE_ALL};
	struct store_deploy_names names;

	if (store_deploy_group_list(tx, info->application_id, &all, op->a, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		struct codedeploy_deployment_group_info group;
		int found = store_deploy_group_find(
			tx, info->application_id, names.v[i], op->a, &group, err);

		group.application_name = info->application_name;
		if (found < 0 || (found && store_deploy_group_update(tx, &group, err) < 0))
			return -1;
	}
	return 0;
}

static int update(struct db_tx *tx, void *arg, struct err *err)
{
	struct operation *op = arg;
	const struct codedeploy_update_application_request *req = op->req;
	struct codedeploy_application_info info, other;
	int found;

	if (need_application(tx, req->application_name, op->a, &info, err) < 0)
		return -1;
	if (!req->new_application_name || streq(req->new_application_name, req->application_name))
		return 0;
	if (check_application_name(req->new_application_name, err) < 0)
		return -1;
	found = store_deploy_application_find(tx, req->new_application_name, op->a, &other, err);
	if (found < 0)
		return -1;
	if (found)
		return err_set_wire(err, "ApplicationAlreadyExistsException",
			"Application already exists: %s", req->new_application_name);
	info.application_name = req->new_application_name;
	if (store_deploy_application_update(tx, &info, err) < 0)
		return -1;
	return rename_in_groups(tx, op, &info, err);
}

DEPLOY_OPERATION(update_application)
{
	return operation_write(e, call, req, resp, update, err);
}

static int delete (struct db_tx *tx, void *arg, struct err *err)
{
	struct operation *op = arg;
	const struct codedeploy_delete_application_request *req = op->req;
	struct store_deploy_page all = {.limit = STORE_DEPLOY_PAGE_ALL};
	struct codedeploy_application_info info;
	struct store_deploy_names names;
	int found = store_deploy_application_find(tx, req->application_name, op->a, &info, err);

	if (found <= 0)
		return found; /* an unknown one is deleted already */
	if (store_deploy_group_list(tx, info.application_id, &all, op->a, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		struct codedeploy_deployment_group_info group;

		found = store_deploy_group_find(
			tx, info.application_id, names.v[i], op->a, &group, err);
		if (found < 0 || (found && store_deploy_group_delete(
						   tx, group.deployment_group_id, err) < 0))
			return -1;
	}
	if (store_deploy_revision_delete_all(tx, info.application_id, err) < 0)
		return -1;
	return store_deploy_application_delete(tx, info.application_id, err);
}

DEPLOY_OPERATION(delete_application)
{
	if (check_application_name(req->application_name, err) < 0)
		return -1;
	return operation_write(e, call, req, resp, delete, err);
}
