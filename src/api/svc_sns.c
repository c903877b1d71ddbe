/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of sns, served by the signal engine. */
#include "api/svc_sns.h"

#include <string.h>

CALL_ADAPTER(signal_sns_add_permission)
CALL_ADAPTER(signal_sns_confirm_subscription)
CALL_ADAPTER(signal_sns_create_topic)
CALL_ADAPTER(signal_sns_delete_topic)
CALL_ADAPTER(signal_sns_get_subscription_attributes)
CALL_ADAPTER(signal_sns_get_topic_attributes)
CALL_ADAPTER(signal_sns_list_subscriptions)
CALL_ADAPTER(signal_sns_list_subscriptions_by_topic)
CALL_ADAPTER(signal_sns_list_tags_for_resource)
CALL_ADAPTER(signal_sns_list_topics)
CALL_ADAPTER(signal_sns_publish)
CALL_ADAPTER(signal_sns_publish_batch)
CALL_ADAPTER(signal_sns_remove_permission)
CALL_ADAPTER(signal_sns_set_subscription_attributes)
CALL_ADAPTER(signal_sns_set_topic_attributes)
CALL_ADAPTER(signal_sns_subscribe)
CALL_ADAPTER(signal_sns_tag_resource)
CALL_ADAPTER(signal_sns_unsubscribe)
CALL_ADAPTER(signal_sns_untag_resource)

static const call_handler handlers[SNS_OP_COUNT] = {
	[SNS_OP_ADD_PERMISSION] = signal_sns_add_permission_call,
	[SNS_OP_CONFIRM_SUBSCRIPTION] = signal_sns_confirm_subscription_call,
	[SNS_OP_CREATE_TOPIC] = signal_sns_create_topic_call,
	[SNS_OP_DELETE_TOPIC] = signal_sns_delete_topic_call,
	[SNS_OP_GET_SUBSCRIPTION_ATTRIBUTES] = signal_sns_get_subscription_attributes_call,
	[SNS_OP_GET_TOPIC_ATTRIBUTES] = signal_sns_get_topic_attributes_call,
	[SNS_OP_LIST_SUBSCRIPTIONS] = signal_sns_list_subscriptions_call,
	[SNS_OP_LIST_SUBSCRIPTIONS_BY_TOPIC] = signal_sns_list_subscriptions_by_topic_call,
	[SNS_OP_LIST_TAGS_FOR_RESOURCE] = signal_sns_list_tags_for_resource_call,
	[SNS_OP_LIST_TOPICS] = signal_sns_list_topics_call,
	[SNS_OP_PUBLISH] = signal_sns_publish_call,
	[SNS_OP_PUBLISH_BATCH] = signal_sns_publish_batch_call,
	[SNS_OP_REMOVE_PERMISSION] = signal_sns_remove_permission_call,
	[SNS_OP_SET_SUBSCRIPTION_ATTRIBUTES] = signal_sns_set_subscription_attributes_call,
	[SNS_OP_SET_TOPIC_ATTRIBUTES] = signal_sns_set_topic_attributes_call,
	[SNS_OP_SUBSCRIBE] = signal_sns_subscribe_call,
	[SNS_OP_TAG_RESOURCE] = signal_sns_tag_resource_call,
	[SNS_OP_UNSUBSCRIBE] = signal_sns_unsubscribe_call,
	[SNS_OP_UNTAG_RESOURCE] = signal_sns_untag_resource_call,
};

/* "topic-of": the topic's ARN, which a subscription's begins with. */
static const char *lookup(
	void *engine UNUSED, struct call *call, const char *kind UNUSED, const char *subscription)
{
	const char *end = subscription ? strrchr(subscription, ':') : NULL;

	return end ? arena_strndup(call->arena, subscription, (size_t)(end - subscription)) : NULL;
}

/* The policy that the topic has of its own. */
static int add_policy(void *engine, struct call *call, const void *req UNUSED,
	struct call_access *ret, struct err *err)
{
	if (ret->n_resources != 1)
		return 0;
	return signal_topic_policy(
		engine, ret->resources[0], call->arena, &ret->resource_policy, err);
}

struct call_service svc_sns(struct signal_engine *e)
{
	return (struct call_service){
		.wire = &sns_service,
		.engine = e,
		.handlers = handlers,
		.access = add_policy,
		.lookup = lookup,
	};
}
