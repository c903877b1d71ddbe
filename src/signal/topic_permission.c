/* SPDX-License-Identifier: Apache-2.0 */
/* AddPermission, RemovePermission: statements of a topic's policy, by their labels. */
#include <string.h>

#include "signal/topic.h"
#include "store/string_map.h"

static int put_policy(struct signal_engine *e, struct db_tx *tx, struct towpath_signal_topic *t,
	const char *policy, struct arena *a, struct err *err)
{
	struct err why CLEANUP_ERR = ERR_INIT;

	if (policy && e->cfg.check_policy && e->cfg.check_policy(policy, &why) < 0)
		return err_set_wire(err, "InvalidParameterException",
			"Invalid parameter: Policy Error: %s", err_message(&why));
	string_map_put(&t->attributes, "Policy", policy ? policy : "", a);
	return store_document_put(tx, &STORE_TOPIC, t->topic_arn, NULL, t, err);
}

static int check_accounts(const struct sns_delegates_list *accounts, struct err *err)
{
	for (size_t i = 0; i < accounts->n; i++)
		if (strlen(accounts->v[i]) != 12 || strspn(accounts->v[i], "0123456789") != 12)
			return err_set_wire(err, "InvalidParameterException",
				"Invalid parameter: AWSAccountId: %s is not an account's number",
				accounts->v[i]);
	return accounts->n ? 0
			   : err_set_wire(err, "InvalidParameterException",
				     "Invalid parameter: AWSAccountId: at least one is needed");
}

static int check_actions(const struct sns_actions_list *actions, struct err *err)
{
	static const char *const known[] = {"*", "AddPermission", "DeleteTopic",
		"GetTopicAttributes", "ListSubscriptionsByTopic", "Publish", "RemovePermission",
		"SetTopicAttributes", "Subscribe"};

	for (size_t i = 0; i < actions->n; i++) {
		bool found = false;

		for (size_t k = 0; k < ARRAY_SIZE(known); k++)
			found |= streq(known[k], actions->v[i]);
		if (!found)
			return err_set_wire(err, "InvalidParameterException",
				"Invalid parameter: Policy statement action out of service scope: "
				"%s",
				actions->v[i]);
	}
	return actions->n ? 0
			  : err_set_wire(err, "InvalidParameterException",
				    "Invalid parameter: ActionName: at least one is needed");
}

/* ["prefixTEXTsuffix", ...] */
static void put_list(struct json_writer *w, const char *key, const char *prefix,
	const char *const *texts, size_t n, const char *suffix)
{
	json_key(w, key);
	json_open(w, '[');
	for (size_t i = 0; i < n; i++) {
		struct str one CLEANUP_STR = STR_INIT;

		str_addf(&one, "%s%s%s", prefix, texts[i], suffix);
		json_put_text(w, str_text(&one));
	}
	json_close(w, ']');
}

static void make_statement(const struct sns_add_permission_request *req, struct str *out)
{
	struct json_writer w = {.out = out};

	json_open(&w, '{');
	json_put_member(&w, "Sid", req->label);
	json_put_member(&w, "Effect", "Allow");
	json_key(&w, "Principal");
	json_open(&w, '{');
	put_list(&w, "AWS", "arn:aws:iam::", req->aws_account_id.v, req->aws_account_id.n, ":root");
	json_close(&w, '}');
	put_list(&w, "Action", "SNS:", req->action_name.v, req->action_name.n, "");
	json_put_member(&w, "Resource", req->topic_arn);
	json_close(&w, '}');
}

static const char *policy_of(const struct towpath_signal_topic *t)
{
	const char *policy = string_map_get(&t->attributes, "Policy");

	return policy && *policy ? policy : NULL;
}

static int add_permission_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(sns, add_permission);
	struct str statement CLEANUP_STR = STR_INIT;
	struct towpath_signal_topic t;
	char *policy;
	bool had;

	if (check_accounts(&req->aws_account_id, err) < 0 ||
		check_actions(&req->action_name, err) < 0 ||
		topic_need(tx, req->topic_arn, a, &t, err) < 0)
		return -1;
	make_statement(req, &statement);
	if (signal_policy_change(
		    policy_of(&t), req->label, str_view(&statement), a, &policy, &had, err) < 0)
		return -1;
	if (had)
		return err_set_wire(err, "InvalidParameterException",
			"Invalid parameter: Statement already exists: %s", req->label);
	return put_policy(e, tx, &t, policy, a, err);
}

static int remove_permission_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(sns, remove_permission);
	struct towpath_signal_topic t;
	char *policy;
	bool had;

	if (topic_need(tx, req->topic_arn, a, &t, err) < 0 ||
		signal_policy_change(
			policy_of(&t), req->label, (struct view){0}, a, &policy, &had, err) < 0)
		return -1;
	if (!had)
		return err_set_wire(err, "NotFoundException",
			"The policy of the topic has no statement %s", req->label);
	return put_policy(e, tx, &t, policy, a, err);
}

SIGNAL_DEFINE(sns, add_permission, signal_write)
SIGNAL_DEFINE(sns, remove_permission, signal_write)
