/* SPDX-License-Identifier: Apache-2.0 */
/* Policies of the account about its log groups, and what they deny services that write into one. */
#include "signal/log_policy.h"

#include "base/mem.h"

#define MAX_POLICIES 10
#define MAX_POLICY 5120 /* bytes */
#define PAGE 50

/* ---- the operations ---- */

static int need_name(
	const char *name, const char *resource_arn, const char *revision, struct err *err)
{
	if (resource_arn || revision)
		return err_set(err, ERR_UNSUPPORTED,
			"Policies of single log groups (resourceArn, expectedRevisionId) are not "
			"implemented; a policy without them is the account's.");
	return name && *name
		       ? 0
		       : err_set_wire(err, "InvalidParameterException", "A policyName is needed.");
}

static int check_document(const struct signal_engine *e, const char *document, struct err *err)
{
	CLEANUP_ERR struct err why = ERR_INIT;

	if (!document)
		return err_set_wire(
			err, "InvalidParameterException", "A policyDocument is needed.");
	if (strlen(document) > MAX_POLICY)
		return err_set_wire(err, "InvalidParameterException",
			"The policy document is longer than %d bytes.", MAX_POLICY);
	if (!e->cfg.check_policy || e->cfg.check_policy(document, &why) == 0)
		return 0;
	return err_set_wire(err, "InvalidParameterException", "The policy document is invalid: %s",
		err_message(&why));
}

static int check_room(struct db_tx *tx, const char *name, struct arena *a, struct err *err)
{
	struct store_documents all;
	bool there = false;

	if (store_document_list(
		    tx, &STORE_LOG_POLICY, &(struct store_document_filter){0}, a, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		there |= streq(all.ids[i], name);
	if (there || all.n < MAX_POLICIES)
		return 0;
	return err_set_wire(err, "LimitExceededException",
		"Resource limit exceeded: an account has at most %d resource policies.",
		MAX_POLICIES);
}

static int put_resource_policy_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(logs, put_resource_policy);
	struct logs_resource_policy *p = arena_new(a, struct logs_resource_policy);

	if (need_name(req->policy_name, req->resource_arn, req->expected_revision_id, err) < 0 ||
		check_document(e, req->policy_document, err) < 0 ||
		check_room(tx, req->policy_name, a, err) < 0)
		return -1;
	*p = (struct logs_resource_policy){
		.policy_name = req->policy_name,
		.policy_document = req->policy_document,
		.policy_scope = LOGS_POLICY_SCOPE_ACCOUNT,
		.last_updated_time = WIRE_SET_LONG(durable_now(e->durable) / 1000),
	};
	resp->resource_policy = p;
	return store_document_put(tx, &STORE_LOG_POLICY, req->policy_name, "", p, err);
}

static int delete_resource_policy_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(logs, delete_resource_policy);
	struct logs_resource_policy old;
	int r;

	if (need_name(req->policy_name, req->resource_arn, req->expected_revision_id, err) < 0)
		return -1;
	r = store_document_get(tx, &STORE_LOG_POLICY, req->policy_name, a, &old, err);
	if (r < 0)
		return -1;
	if (r == 0)
		return err_set_wire(err, "ResourceNotFoundException",
			"Policy with name [%s] does not exist.", req->policy_name);
	return store_document_delete(tx, &STORE_LOG_POLICY, req->policy_name, err);
}

static int describe_resource_policies_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(logs, describe_resource_policies);
	size_t max = (size_t)wire_or(req->limit, PAGE);
	struct store_documents all;

	/* no policy is one of a single group */
	if (req->resource_arn || streq(req->policy_scope, LOGS_POLICY_SCOPE_RESOURCE)) {
		wire_list_alloc(a, &resp->resource_policies, 0);
		return 0;
	}
	if (store_document_list(tx, &STORE_LOG_POLICY,
		    &(struct store_document_filter){.after = req->next_token, .max = max + 1}, a,
		    &all, err) < 0)
		return -1;
	wire_list_alloc(a, &resp->resource_policies, MIN(all.n, max));
	for (size_t i = 0; i < resp->resource_policies.n; i++)
		resp->resource_policies.v[i] = *(struct logs_resource_policy *)all.v[i];
	if (all.n > max)
		resp->next_token = all.ids[max - 1];
	return 0;
}

SIGNAL_DEFINE(logs, delete_resource_policy, signal_write)
SIGNAL_DEFINE(logs, describe_resource_policies, signal_read)
SIGNAL_DEFINE(logs, put_resource_policy, signal_write)

/* ---- what they deny ---- */

struct load {
	struct arena *a;
	struct store_documents all;
};

static int load_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct load *l = arg;

	return store_document_list(
		tx, &STORE_LOG_POLICY, &(struct store_document_filter){0}, l->a, &l->all, err);
}

int log_policy_may(struct signal_engine *e, const struct signal_agent *by, const char *stream_arn,
	struct arena *a, struct err *err)
{
	static const char *const actions[] = {"logs:CreateLogStream", "logs:PutLogEvents"};
	struct signal_agent agent = *by;
	struct load l = {.a = a};

	if (!e->cfg.service_may)
		return 0;
	if (signal_read(e, load_step, &l, err) < 0)
		return -1;
	agent.under_role = true; /* only a denial counts */
	for (size_t i = 0; i < l.all.n; i++) {
		const struct logs_resource_policy *p = l.all.v[i];

		for (size_t k = 0; k < ARRAY_SIZE(actions); k++)
			if (e->cfg.service_may(e->cfg.arg, &agent, actions[k], stream_arn,
				    p->policy_document, err) < 0)
				return -1;
	}
	return 0;
}
