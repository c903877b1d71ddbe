/* SPDX-License-Identifier: Apache-2.0 */
/* What the API operations of deploy/ share. */
#include "deploy/operation.h"

#include "base/id.h"
#include "base/mem.h"
#include "codec/base64.h"
#include "store/deploy_application.h"
#include "store/deploy_group.h"

int operation_write(struct deploy_engine *e, struct call *call, const void *req, void *resp,
	db_fn fn, struct err *err)
{
	struct operation op = {e, call, call->arena, req, resp};

	return deploy_write(e, fn, &op, err);
}

int operation_read(struct deploy_engine *e, struct call *call, const void *req, void *resp,
	db_fn fn, struct err *err)
{
	struct operation op = {e, call, call->arena, req, resp};

	return deploy_read(e, fn, &op, err);
}

/* ---- names ---- */

int check_name(const char *name, const char *required_error, const char *invalid_error,
	const char *what, struct err *err)
{
	static const char allowed[] = ID_ALPHABET_BASE62 "._+=,@-";

	if (!name || !*name)
		return err_set_wire(err, required_error, "%s is required", what);
	if (strlen(name) > 100 || strspn(name, allowed) != strlen(name))
		return err_set_wire(err, invalid_error,
			"%s \"%s\" is not valid: up to 100 letters, digits and . _ + = , @ -", what,
			name);
	return 0;
}

int check_application_name(const char *name, struct err *err)
{
	return check_name(name, "ApplicationNameRequiredException",
		"InvalidApplicationNameException", "The application name", err);
}

int check_group_name(const char *name, struct err *err)
{
	return check_name(name, "DeploymentGroupNameRequiredException",
		"InvalidDeploymentGroupNameException", "The deployment group name", err);
}

int check_deployment_id(const char *id, struct err *err)
{
	if (!id || !*id)
		return err_set_wire(
			err, "DeploymentIdRequiredException", "A deployment ID is required");
	if (strlen(id) != 11 || !starts_with(id, "d-") || strspn(id + 2, ID_ALPHABET_UPPER) != 9)
		return err_set_wire(err, "InvalidDeploymentIdException",
			"\"%s\" is not a deployment ID: d- and nine letters and digits", id);
	return 0;
}

/* ---- finding ---- */

int need_application(struct db_tx *tx, const char *name, struct arena *a,
	struct codedeploy_application_info *ret, struct err *err)
{
	int found;

	if (check_application_name(name, err) < 0)
		return -1;
	found = store_deploy_application_find(tx, name, a, ret, err);
	if (found == 0)
		return err_set_wire(err, "ApplicationDoesNotExistException",
			"No application found for name: %s", name);
	return MIN(found, 0);
}

int need_group(struct db_tx *tx, const char *application, const char *name, struct arena *a,
	struct codedeploy_application_info *ret_application,
	struct codedeploy_deployment_group_info *ret, struct err *err)
{
	int found;

	if (need_application(tx, application, a, ret_application, err) < 0 ||
		check_group_name(name, err) < 0)
		return -1;
	found = store_deploy_group_find(tx, ret_application->application_id, name, a, ret, err);
	if (found == 0)
		return err_set_wire(err, "DeploymentGroupDoesNotExistException",
			"No Deployment Group found for name: %s", name);
	ret->application_name = ret_application->application_name;
	return MIN(found, 0);
}

int need_config(struct db_tx *tx, const char *name, const char *platform, struct arena *a,
	struct codedeploy_deployment_config_info *ret, struct err *err)
{
	int found;

	if (check_name(name, "DeploymentConfigNameRequiredException",
		    "InvalidDeploymentConfigNameException", "The deployment configuration name",
		    err) < 0)
		return -1;
	found = deploy_config_find(tx, name, a, ret, err);
	if (found == 0)
		return err_set_wire(err, "DeploymentConfigDoesNotExistException",
			"No deployment configuration found for name: %s", name);
	if (found > 0 && platform && !streq(platform, ret->compute_platform))
		return err_set_wire(err, "InvalidDeploymentConfigNameException",
			"The deployment configuration %s is for the compute platform %s, not %s",
			name, ret->compute_platform, platform);
	return MIN(found, 0);
}

int need_deployment(struct db_tx *tx, const char *id, struct arena *a, struct store_deployment *ret,
	struct err *err)
{
	int found;

	if (check_deployment_id(id, err) < 0)
		return -1;
	found = store_deployment_get(tx, id, a, ret, err);
	if (found == 0)
		return err_set_wire(err, "DeploymentDoesNotExistException",
			"The deployment %s could not be found", id);
	return MIN(found, 0);
}

/* ---- pages ---- */

const char *page_token(const struct store_deploy_names *names, struct arena *a)
{
	struct str token CLEANUP_STR = STR_INIT;

	if (!names->more)
		return NULL;
	base64_encode(view_of(names->v[names->n - 1]), &token);
	return arena_strdup(a, str_text(&token));
}

int page_open(const char *token, struct arena *a, struct store_deploy_page *ret, struct err *err)
{
	struct view name;

	*ret = (struct store_deploy_page){.limit = PAGE_SIZE};
	if (!token || !*token)
		return 0;
	if (!base64_decode(view_of(token), a, &name) || memchr(name.p, 0, name.len))
		return err_set_wire(err, "InvalidNextTokenException",
			"The next token is not one that this service gave out");
	ret->after = arena_view_dup(a, name);
	return 0;
}

int check_batch(size_t n, size_t max, const char *empty_error, struct err *err)
{
	if (n == 0)
		return err_set_wire(err, empty_error, "At least one is required");
	if (n > max)
		return err_set_wire(err, "BatchLimitExceededException",
			"The maximum number of names or IDs allowed for this request (%zu) was "
			"exceeded",
			max);
	return 0;
}
