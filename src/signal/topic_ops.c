/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of sns on topics, and publishing. */
#include <ctype.h>
#include <string.h>

#include "signal/delivery_policy.h"
#include "signal/topic.h"
#include "store/resource_tags.h"
#include "store/string_map.h"

#define NAME_MAX_LENGTH 256
#define BATCH_MAX 10
#define PAGE 100

/* ---- attributes ---- */

static int check_policy(struct signal_engine *e, const char *policy, struct err *err)
{
	struct err why CLEANUP_ERR = ERR_INIT;

	if (!e->cfg.check_policy || !policy || !*policy || e->cfg.check_policy(policy, &why) == 0)
		return 0;
	return err_set_wire(err, "InvalidParameterException", "Invalid parameter: Policy Error: %s",
		err_message(&why));
}

static int check_attribute(
	struct signal_engine *e, const char *name, const char *value, struct err *err)
{
	static const char *const kept[] = {
		"DisplayName", "Policy", "SignatureVersion", "DeliveryPolicy", "TracingConfig"};
	bool known = false;

	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		known |= streq(kept[i], name);
	if (!known)
		return err_set(err, ERR_UNSUPPORTED, "topic attribute %s is not implemented", name);
	if (streq(name, "SignatureVersion") && !streq(value, "1") && !streq(value, "2"))
		return err_set_wire(err, "InvalidParameterException",
			"Invalid parameter: SignatureVersion must be 1 or 2");
	if (streq(name, "DeliveryPolicy") && value && *value)
		return delivery_policy_check(value, true, err);
	return streq(name, "Policy") ? check_policy(e, value, err) : 0;
}

static bool name_ok(const char *name)
{
	size_t n = strlen(name);

	if (!n || n > NAME_MAX_LENGTH)
		return false;
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && *name != '_' && *name != '-')
			return false;
	return true;
}

static int put_topic(struct db_tx *tx, const struct towpath_signal_topic *t, struct err *err)
{
	return store_document_put(tx, &STORE_TOPIC, t->topic_arn, NULL, t, err);
}

static int add_tags(struct db_tx *tx, const char *arn, const struct sns_tag_list *list,
	struct arena *a, struct err *err)
{
	struct towpath_string_map tags;

	TAG_MAP(a, list, &tags);
	return store_tags_add(tx, arn, &tags, "TagLimitExceededException", a, err);
}

/* ---- topics ---- */

static int create_topic_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(sns, create_topic);
	struct towpath_signal_topic t = {
		.topic_arn = signal_arn(e, a, "sns", "%s", req->name), .name = req->name};
	struct towpath_signal_topic old;
	int r = store_document_get(tx, &STORE_TOPIC, t.topic_arn, a, &old, err);

	if (r < 0)
		return -1;
	if (!name_ok(req->name))
		return err_set_wire(err, "InvalidParameterException",
			"Invalid parameter: Topic Name (FIFO topics are not implemented)");
	resp->topic_arn = t.topic_arn;
	wire_foreach (kv, &req->attributes) {
		if (check_attribute(e, kv->key, kv->value, err) < 0)
			return -1;
		if (r > 0 && !streq(string_map_get(&old.attributes, kv->key), kv->value))
			return err_set_wire(err, "InvalidParameterException",
				"Invalid parameter: Attributes Reason: Topic already exists with "
				"different attributes");
		string_map_put(&t.attributes, kv->key, kv->value, a);
	}
	if (r > 0)
		return 0;
	return put_topic(tx, &t, err) < 0 ? -1 : add_tags(tx, t.topic_arn, &req->tags, a, err);
}

static int delete_topic_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(sns, delete_topic);

	if (store_document_delete_owned(tx, &STORE_SUBSCRIPTION, req->topic_arn, err) < 0 ||
		store_document_delete_owned(tx, &STORE_SUBSCRIPTION_ENDED, req->topic_arn, err) <
			0 ||
		store_tags_forget(tx, req->topic_arn, err) < 0)
		return -1;
	return store_document_delete(tx, &STORE_TOPIC, req->topic_arn, err);
}

static int list_topics_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(sns, list_topics);
	struct store_documents all;

	if (store_document_list(tx, &STORE_TOPIC,
		    &(struct store_document_filter){.after = req->next_token, .max = PAGE + 1}, a,
		    &all, err) < 0)
		return -1;
	wire_list_alloc(a, &resp->topics, MIN(all.n, PAGE));
	for (size_t i = 0; i < resp->topics.n; i++)
		resp->topics.v[i].topic_arn = all.ids[i];
	if (all.n > PAGE)
		resp->next_token = all.ids[PAGE - 1];
	return 0;
}

static const char *default_policy(struct signal_engine *e, const char *arn, struct arena *a)
{
	return arena_printf(a,
		"{\"Version\":\"2008-10-17\",\"Id\":\"__default_policy_ID\",\"Statement\":[{"
		"\"Sid\":\"__default_statement_ID\",\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"*"
		"\"},"
		"\"Action\":[\"SNS:GetTopicAttributes\",\"SNS:SetTopicAttributes\","
		"\"SNS:AddPermission\",\"SNS:RemovePermission\",\"SNS:DeleteTopic\","
		"\"SNS:Subscribe\",\"SNS:ListSubscriptionsByTopic\",\"SNS:Publish\"],"
		"\"Resource\":\"%s\",\"Condition\":{\"StringEquals\":{\"AWS:SourceOwner\":\"%s\"}}}"
		"]}",
		arn, e->cfg.account);
}

#define EFFECTIVE_POLICY                                                                         \
	"{\"http\":{\"defaultHealthyRetryPolicy\":{\"minDelayTarget\":20,\"maxDelayTarget\":20," \
	"\"numRetries\":3,\"numMaxDelayRetries\":0,\"numNoDelayRetries\":0,"                     \
	"\"numMinDelayRetries\":0,\"backoffFunction\":\"linear\"},"                              \
	"\"disableSubscriptionOverrides\":false}}"

static int get_topic_attributes_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(sns, get_topic_attributes);
	struct towpath_signal_topic t;
	struct towpath_string_map m = {0};
	struct store_documents all;
	size_t confirmed = 0;
	const char *policy;

	if (topic_need(tx, req->topic_arn, a, &t, err) < 0 ||
		store_document_list(tx, &STORE_SUBSCRIPTION,
			&(struct store_document_filter){.owner = t.topic_arn}, a, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		confirmed +=
			wire_or(((struct towpath_signal_subscription *)all.v[i])->confirmed, false);
	policy = string_map_get(&t.attributes, "DeliveryPolicy");
	string_map_put(&m, "TopicArn", t.topic_arn, a);
	string_map_put(&m, "Owner", e->cfg.account, a);
	string_map_put(&m, "DisplayName", "", a);
	string_map_put(&m, "Policy", default_policy(e, t.topic_arn, a), a);
	string_map_put(
		&m, "EffectiveDeliveryPolicy", policy && *policy ? policy : EFFECTIVE_POLICY, a);
	string_map_put(&m, "SubscriptionsConfirmed", arena_printf(a, "%zu", confirmed), a);
	string_map_put(&m, "SubscriptionsPending", arena_printf(a, "%zu", all.n - confirmed), a);
	string_map_put(&m, "SubscriptionsDeleted", arena_printf(a, "%d", wire_or(t.deleted, 0)), a);
	wire_foreach (kv, &t.attributes)
		string_map_put(&m, kv->key, kv->value, a);
	wire_list_alloc(a, &resp->attributes, m.n);
	for (size_t i = 0; i < m.n; i++)
		resp->attributes.v[i] =
			(struct sns_topic_attributes_map_kv){m.v[i].key, m.v[i].value};
	return 0;
}

static int set_topic_attributes_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(sns, set_topic_attributes);
	struct towpath_signal_topic t;

	if (topic_need(tx, req->topic_arn, a, &t, err) < 0 ||
		check_attribute(e, req->attribute_name, req->attribute_value, err) < 0)
		return -1;
	string_map_put(&t.attributes, req->attribute_name,
		req->attribute_value ? req->attribute_value : "", a);
	return put_topic(tx, &t, err);
}

struct policy_query {
	struct signal_engine *e;
	const char *arn;
	struct arena *a;
	const char *found;
};

static int policy_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct policy_query *q = arg;
	struct towpath_signal_topic t;
	int r = store_document_get(tx, &STORE_TOPIC, q->arn, q->a, &t, err);

	q->found = r > 0 ? topic_policy(q->e, &t) : NULL;
	return MIN(r, 0);
}

int signal_topic_policy(struct signal_engine *e, const char *arn, struct arena *a, const char **ret,
	struct err *err)
{
	struct policy_query q = {.e = e, .arn = arn, .a = a};

	if (signal_read(e, policy_step, &q, err) < 0)
		return -1;
	*ret = q.found;
	return 0;
}

/* ---- tags ---- */

static int need_resource(struct db_tx *tx, const char *arn, struct arena *a, struct err *err)
{
	struct towpath_signal_topic t;
	int r = store_document_get(tx, &STORE_TOPIC, arn, a, &t, err);

	if (r == 0)
		return err_set_wire(err, "ResourceNotFoundException", "Resource does not exist");
	return r < 0 ? -1 : 0;
}

static int list_tags_for_resource_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(sns, list_tags_for_resource);
	struct towpath_string_map tags;

	if (need_resource(tx, req->resource_arn, a, err) < 0 ||
		store_tags_read(tx, req->resource_arn, a, &tags, err) < 0)
		return -1;
	TAG_LIST(a, &tags, &resp->tags);
	return 0;
}

static int tag_resource_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(sns, tag_resource);

	return need_resource(tx, req->resource_arn, a, err) < 0
		       ? -1
		       : add_tags(tx, req->resource_arn, &req->tags, a, err);
}

static int untag_resource_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(sns, untag_resource);

	return need_resource(tx, req->resource_arn, a, err) < 0
		       ? -1
		       : store_tags_remove(
				 tx, req->resource_arn, req->tag_keys.v, req->tag_keys.n, a, err);
}

/* ---- publishing ---- */

static int publish_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(sns, publish);
	struct topic_message m = {
		.topic_arn = req->topic_arn ? req->topic_arn : req->target_arn,
		.subject = req->subject,
		.message = req->message,
		.by_protocol = streq(req->message_structure, "json"),
		.attributes = &req->message_attributes,
	};

	if (req->phone_number)
		return err_set(err, ERR_UNSUPPORTED, "text messages to phones are not implemented");
	if (!m.topic_arn)
		return err_set_wire(err, "InvalidParameterException",
			"Invalid parameter: TopicArn or TargetArn Reason: no value for required "
			"parameter");
	return topic_publish(e, tx, &m, a, &resp->message_id, err);
}

static int publish_entry(struct signal_engine *e, struct db_tx *tx, const char *topic_arn,
	const struct sns_publish_batch_request_entry *x, struct arena *a,
	struct sns_publish_batch_response *resp, struct err *err)
{
	struct err why CLEANUP_ERR = ERR_INIT;
	struct topic_message m = {
		.topic_arn = topic_arn,
		.subject = x->subject,
		.message = x->message,
		.by_protocol = streq(x->message_structure, "json"),
		.attributes = &x->message_attributes,
	};
	const char *id;

	(void)err;
	if (topic_publish(e, tx, &m, a, &id, &why) == 0) {
		resp->successful.v[resp->successful.n++] =
			(struct sns_publish_batch_result_entry){.id = x->id, .message_id = id};
		return 0;
	}
	resp->failed.v[resp->failed.n++] = (struct sns_batch_result_error_entry){
		.id = x->id,
		.code = "InvalidParameter",
		.message = arena_strdup(a, err_message(&why)),
		.sender_fault = WIRE_SET_BOOL(true),
	};
	return 0;
}

static int publish_batch_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(sns, publish_batch);
	const struct sns_publish_batch_request_entry_list *entries =
		&req->publish_batch_request_entries;
	struct towpath_signal_topic t;

	if (topic_need(tx, req->topic_arn, a, &t, err) < 0)
		return -1;
	if (!entries->n || entries->n > BATCH_MAX)
		return err_set_wire(err,
			entries->n ? "TooManyEntriesInBatchRequestException"
				   : "EmptyBatchRequestException",
			"A batch has 1 to %d messages", BATCH_MAX);
	for (size_t i = 0; i < entries->n; i++)
		for (size_t k = 0; k < i; k++)
			if (streq(entries->v[i].id, entries->v[k].id))
				return err_set_wire(err, "BatchEntryIdsNotDistinctException",
					"Two entries have the id %s", entries->v[i].id);
	wire_list_alloc(a, &resp->successful, entries->n);
	wire_list_alloc(a, &resp->failed, entries->n);
	resp->successful.n = resp->failed.n = 0;
	wire_foreach (x, entries) {
		if (publish_entry(e, tx, req->topic_arn, x, a, resp, err) < 0)
			return -1;
	}
	return 0;
}

SIGNAL_DEFINE(sns, create_topic, signal_write)
SIGNAL_DEFINE(sns, delete_topic, signal_write)
SIGNAL_DEFINE(sns, get_topic_attributes, signal_read)
SIGNAL_DEFINE(sns, list_tags_for_resource, signal_read)
SIGNAL_DEFINE(sns, list_topics, signal_read)
SIGNAL_DEFINE(sns, publish, signal_write)
SIGNAL_DEFINE(sns, publish_batch, signal_write)
SIGNAL_DEFINE(sns, set_topic_attributes, signal_write)
SIGNAL_DEFINE(sns, tag_resource, signal_write)
SIGNAL_DEFINE(sns, untag_resource, signal_write)
