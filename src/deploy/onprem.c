/* SPDX-License-Identifier: Apache-2.0 */
/* On-premises instances: hosts outside of the fleet, known by the ARN of their user or session. */
#include "base/id.h"
#include "base/mem.h"
#include "deploy/operation.h"
#include "store/deploy_command.h"

#define MAX_NAMES 100
#define MAX_TAGS 10

static int check_instance_name(const char *name, struct err *err)
{
	return check_name(name, "InstanceNameRequiredException", "InvalidInstanceNameException",
		"The instance name", err);
}

static int check_arns(
	const struct codedeploy_register_on_premises_instance_request *req, struct err *err)
{
	if (!req->iam_user_arn && !req->iam_session_arn)
		return err_set_wire(err, "IamArnRequiredException",
			"The ARN of an IAM user or of a session is required");
	if (req->iam_user_arn && req->iam_session_arn)
		return err_set_wire(err, "MultipleIamArnsProvidedException",
			"Either an IAM user's ARN or a session's, not both");
	if (req->iam_user_arn &&
		(!starts_with(req->iam_user_arn, "arn:") || !strstr(req->iam_user_arn, ":user/")))
		return err_set_wire(err, "InvalidIamUserArnException",
			"\"%s\" is not the ARN of an IAM user", req->iam_user_arn);
	if (req->iam_session_arn && (!starts_with(req->iam_session_arn, "arn:") ||
					    !strstr(req->iam_session_arn, ":assumed-role/")))
		return err_set_wire(err, "InvalidIamSessionArnException",
			"\"%s\" is not the ARN of a session", req->iam_session_arn);
	return 0;
}

static int register_it(struct db_tx *tx, void *arg, struct err *err)
{
	struct operation *op = arg;
	const struct codedeploy_register_on_premises_instance_request *req = op->req;
	const char *arn = req->iam_user_arn ? req->iam_user_arn : req->iam_session_arn;
	struct store_onprem old = {0}, other;
	struct store_onprem fresh = {.registered = true,
		.info = {.instance_name = req->instance_name,
			.iam_user_arn = req->iam_user_arn,
			.iam_session_arn = req->iam_session_arn,
			.register_time = WIRE_SET_TIME(durable_now(op->e->durable))}};
	char suffix[11];
	int found = store_onprem_get(tx, req->instance_name, op->a, &old, err);

	if (found < 0)
		return -1;
	if (found && old.registered)
		return err_set_wire(err, "InstanceNameAlreadyRegisteredException",
			"The on-premises instance name %s is already registered",
			req->instance_name);
	found = store_onprem_by_arn(tx, arn, op->a, &other, err);
	if (found < 0)
		return -1;
	if (found)
		return err_set_wire(err,
			req->iam_user_arn ? "IamUserArnAlreadyRegisteredException"
					  : "IamSessionArnAlreadyRegisteredException",
			"%s is already registered, with instance %s", arn,
			other.info.instance_name);
	id_random_text(suffix, 10, ID_ALPHABET_BASE62);
	fresh.info.instance_arn = deploy_arn(
		op->e, op->a, "instance", arena_printf(op->a, "%s_%s", req->instance_name, suffix));
	fresh.info.tags = old.info.tags; /* tags outlive a registration */
	return store_onprem_put(tx, &fresh, err);
}

DEPLOY_OPERATION(register_on_premises_instance)
{
	if (check_instance_name(req->instance_name, err) < 0 || check_arns(req, err) < 0)
		return -1;
	return operation_write(e, call, req, resp, register_it, err);
}

static int deregister(struct db_tx *tx, void *arg, struct err *err)
{
	struct operation *op = arg;
	const struct codedeploy_deregister_on_premises_instance_request *req = op->req;
	struct store_onprem o;
	int found = store_onprem_get(tx, req->instance_name, op->a, &o, err);

	if (found <= 0 || !o.registered)
		return MIN(found, 0);
	o.registered = false;
	o.info.deregister_time = WIRE_SET_TIME(durable_now(op->e->durable));
	return store_onprem_put(tx, &o, err);
}

DEPLOY_OPERATION(deregister_on_premises_instance)
{
	if (check_instance_name(req->instance_name, err) < 0)
		return -1;
	return operation_write(e, call, req, resp, deregister, err);
}

static int need_instance(struct db_tx *tx, const char *name, struct arena *a,
	struct store_onprem *ret, struct err *err)
{
	int found;

	if (check_instance_name(name, err) < 0)
		return -1;
	found = store_onprem_get(tx, name, a, ret, err);
	if (found == 0)
		return err_set_wire(err, "InstanceNotRegisteredException",
			"The on-premises instance %s is not registered", name);
	return MIN(found, 0);
}

static int get(struct db_tx *tx, void *arg, struct err *err)
{
	struct operation *op = arg;
	const struct codedeploy_get_on_premises_instance_request *req = op->req;
	struct codedeploy_get_on_premises_instance_response *resp = op->resp;
	struct store_onprem *o = arena_new(op->a, struct store_onprem);

	resp->instance_info = &o->info;
	return need_instance(tx, req->instance_name, op->a, o, err);
}

DEPLOY_OPERATION(get_on_premises_instance)
{
	return operation_read(e, call, req, resp, get, err);
}

static int batch_get(struct db_tx *tx, void *arg, struct err *err)
{
	struct operation *op = arg;
	const struct codedeploy_batch_get_on_premises_instances_request *req = op->req;
	struct codedeploy_batch_get_on_premises_instances_response *resp = op->resp;
	size_t n = 0;

	wire_list_alloc(op->a, &resp->instance_infos, req->instance_names.n);
	for (size_t i = 0; i < req->instance_names.n; i++) {
		struct store_onprem o;
		int found = store_onprem_get(tx, req->instance_names.v[i], op->a, &o, err);

		if (found < 0)
			return -1;
		if (found)
			resp->instance_infos.v[n++] = o.info;
	}
	resp->instance_infos.n = n;
	return 0;
}

DEPLOY_OPERATION(batch_get_on_premises_instances)
{
	if (check_batch(req->instance_names.n, 25, "InstanceNameRequiredException", err) < 0)
		return -1;
	return operation_read(e, call, req, resp, batch_get, err);
}

/* ---- listing ---- */

static bool matches_tags(
	const struct codedeploy_tag_filter_list *filters, const struct codedeploy_tag_list *tags)
{
	wire_foreach (it, filters) {
		bool any = false;

		wire_foreach (tag, tags) {
			bool key = streq(it->type, CODEDEPLOY_TAG_FILTER_TYPE_VALUE_ONLY) ||
				   streq(it->key, tag->key);
			bool value = streq(it->type, CODEDEPLOY_TAG_FILTER_TYPE_KEY_ONLY) ||
				     streq(it->value, tag->value);

			any = any || (key && value);
		}
		if (!any)
			return false;
	}
	return true;
}

static int list(struct db_tx *tx, void *arg, struct err *err)
{
	struct operation *op = arg;
	const struct codedeploy_list_on_premises_instances_request *req = op->req;
	struct codedeploy_list_on_premises_instances_response *resp = op->resp;
	struct store_deploy_names names;
	size_t n = 0;

	if (store_onprem_names(tx, op->a, &names, err) < 0)
		return -1;
	wire_list_alloc(op->a, &resp->instance_names, names.n);
	for (size_t i = 0; i < names.n; i++) {
		struct store_onprem o;
		int found = store_onprem_get(tx, names.v[i], op->a, &o, err);

		if (found < 0)
			return -1;
		if (!found || !matches_tags(&req->tag_filters, &o.info.tags))
			continue;
		if (req->registration_status &&
			o.registered != streq(req->registration_status,
						CODEDEPLOY_REGISTRATION_STATUS_REGISTERED))
			continue;
		resp->instance_names.v[n++] = names.v[i];
	}
	resp->instance_names.n = n;
	return 0;
}

DEPLOY_OPERATION(list_on_premises_instances)
{
	if (req->next_token && *req->next_token)
		return err_set_wire(err, "InvalidNextTokenException",
			"The next token is not one that this service gave out");
	return operation_read(e, call, req, resp, list, err);
}

/* ---- tags ---- */

static int check_tags(const struct codedeploy_tag_list *tags,
	const struct codedeploy_instance_name_list *names, struct err *err)
{
	if (!tags->n)
		return err_set_wire(err, "TagRequiredException", "At least one tag is required");
	if (tags->n > MAX_TAGS)
		return err_set_wire(err, "TagLimitExceededException", "At most %d tags", MAX_TAGS);
	if (!names->n)
		return err_set_wire(err, "InstanceNameRequiredException",
			"At least one instance name is required");
	if (names->n > MAX_NAMES)
		return err_set_wire(
			err, "InstanceLimitExceededException", "At most %d instances", MAX_NAMES);
	wire_foreach (it, tags)
		if (!it->key || !*it->key || !it->value)
			return err_set_wire(
				err, "InvalidTagException", "A tag needs a key and a value");
	return 0;
}

static void merge_tags(
	struct codedeploy_tag_list *have, const struct codedeploy_tag_list *more, struct arena *a)
{
	struct codedeploy_tag_list out;

	wire_list_alloc(a, &out, have->n + more->n);
	out.n = 0;
	wire_foreach (it, have)
		out.v[out.n++] = *it;
	wire_foreach (it, more) {
		size_t i = 0;

		while (i < out.n && !streq(out.v[i].key, it->key))
			i++;
		out.v[i] = *it;
		out.n = MAX(out.n, i + 1);
	}
	*have = out;
}

static void drop_tags(struct codedeploy_tag_list *have, const struct codedeploy_tag_list *less)
{
	size_t n = 0;

	for (size_t i = 0; i < have->n; i++) {
		bool drop = false;

		wire_foreach (it, less)
			drop = drop || (streq(it->key, have->v[i].key) &&
					       streq(it->value, have->v[i].value));
		if (!drop)
			have->v[n++] = have->v[i];
	}
	have->n = n;
}

static int add_tags(struct db_tx *tx, void *arg, struct err *err)
{
	struct operation *op = arg;
	const struct codedeploy_add_tags_to_on_premises_instances_request *req = op->req;

	for (size_t i = 0; i < req->instance_names.n; i++) {
		struct store_onprem o;

		if (need_instance(tx, req->instance_names.v[i], op->a, &o, err) < 0)
			return -1;
		merge_tags(&o.info.tags, &req->tags, op->a);
		if (o.info.tags.n > MAX_TAGS)
			return err_set_wire(
				err, "TagLimitExceededException", "At most %d tags", MAX_TAGS);
		if (store_onprem_put(tx, &o, err) < 0)
			return -1;
	}
	return 0;
}

DEPLOY_OPERATION(add_tags_to_on_premises_instances)
{
	if (check_tags(&req->tags, &req->instance_names, err) < 0)
		return -1;
	return operation_write(e, call, req, resp, add_tags, err);
}

static int remove_tags(struct db_tx *tx, void *arg, struct err *err)
{
	struct operation *op = arg;
	const struct codedeploy_remove_tags_from_on_premises_instances_request *req = op->req;

	for (size_t i = 0; i < req->instance_names.n; i++) {
		struct store_onprem o;

		if (need_instance(tx, req->instance_names.v[i], op->a, &o, err) < 0)
			return -1;
		drop_tags(&o.info.tags, &req->tags);
		if (store_onprem_put(tx, &o, err) < 0)
			return -1;
	}
	return 0;
}

DEPLOY_OPERATION(remove_tags_from_on_premises_instances)
{
	if (check_tags(&req->tags, &req->instance_names, err) < 0)
		return -1;
	return operation_write(e, call, req, resp, remove_tags, err);
}
