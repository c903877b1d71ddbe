/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of codestar-notifications, served by the signal engine. */
#include "api/svc_codestar_notifications.h"

#include <string.h>

#include "base/mem.h"

CALL_ADAPTER(signal_codestar_notifications_create_notification_rule)
CALL_ADAPTER(signal_codestar_notifications_delete_notification_rule)
CALL_ADAPTER(signal_codestar_notifications_delete_target)
CALL_ADAPTER(signal_codestar_notifications_describe_notification_rule)
CALL_ADAPTER(signal_codestar_notifications_list_event_types)
CALL_ADAPTER(signal_codestar_notifications_list_notification_rules)
CALL_ADAPTER(signal_codestar_notifications_list_tags_for_resource)
CALL_ADAPTER(signal_codestar_notifications_list_targets)
CALL_ADAPTER(signal_codestar_notifications_subscribe)
CALL_ADAPTER(signal_codestar_notifications_tag_resource)
CALL_ADAPTER(signal_codestar_notifications_unsubscribe)
CALL_ADAPTER(signal_codestar_notifications_untag_resource)
CALL_ADAPTER(signal_codestar_notifications_update_notification_rule)

static const call_handler handlers[CODESTAR_NOTIFICATIONS_OP_COUNT] = {
	[CODESTAR_NOTIFICATIONS_OP_CREATE_NOTIFICATION_RULE] =
		signal_codestar_notifications_create_notification_rule_call,
	[CODESTAR_NOTIFICATIONS_OP_DELETE_NOTIFICATION_RULE] =
		signal_codestar_notifications_delete_notification_rule_call,
	[CODESTAR_NOTIFICATIONS_OP_DELETE_TARGET] =
		signal_codestar_notifications_delete_target_call,
	[CODESTAR_NOTIFICATIONS_OP_DESCRIBE_NOTIFICATION_RULE] =
		signal_codestar_notifications_describe_notification_rule_call,
	[CODESTAR_NOTIFICATIONS_OP_LIST_EVENT_TYPES] =
		signal_codestar_notifications_list_event_types_call,
	[CODESTAR_NOTIFICATIONS_OP_LIST_NOTIFICATION_RULES] =
		signal_codestar_notifications_list_notification_rules_call,
	[CODESTAR_NOTIFICATIONS_OP_LIST_TAGS_FOR_RESOURCE] =
		signal_codestar_notifications_list_tags_for_resource_call,
	[CODESTAR_NOTIFICATIONS_OP_LIST_TARGETS] = signal_codestar_notifications_list_targets_call,
	[CODESTAR_NOTIFICATIONS_OP_SUBSCRIBE] = signal_codestar_notifications_subscribe_call,
	[CODESTAR_NOTIFICATIONS_OP_TAG_RESOURCE] = signal_codestar_notifications_tag_resource_call,
	[CODESTAR_NOTIFICATIONS_OP_UNSUBSCRIBE] = signal_codestar_notifications_unsubscribe_call,
	[CODESTAR_NOTIFICATIONS_OP_UNTAG_RESOURCE] =
		signal_codestar_notifications_untag_resource_call,
	[CODESTAR_NOTIFICATIONS_OP_UPDATE_NOTIFICATION_RULE] =
		signal_codestar_notifications_update_notification_rule_call,
};

/* A target that is a secret: whoever names it must be allowed to read it. */
static void need_secret(
	struct call *call, const struct codestar_notifications_target *t, struct call_access *ret)
{
	struct call_access *need;
	const char **resource;

	if (!t || !t->target_address || !strstr(t->target_address, ":secretsmanager:"))
		return;
	need = arena_new(call->arena, struct call_access);
	resource = arena_new(call->arena, const char *);
	*resource = t->target_address;
	*need = (struct call_access){.action = "secretsmanager:GetSecretValue",
		.resources = resource,
		.n_resources = 1,
		.next = ret->next};
	ret->next = need;
}

static void need_secrets(struct call *call, const struct codestar_notifications_targets *targets,
	struct call_access *ret)
{
	wire_foreach (t, targets) {
		need_secret(call, t, ret);
	}
}

static int add_secrets(void *engine UNUSED, struct call *call, const void *req,
	struct call_access *ret, struct err *err UNUSED)
{
	const struct codestar_notifications_create_notification_rule_request *create = req;
	const struct codestar_notifications_update_notification_rule_request *update = req;
	const struct codestar_notifications_subscribe_request *subscribe = req;
	const char *name = call->operation->name;

	if (streq(name, "CreateNotificationRule"))
		need_secrets(call, &create->targets, ret);
	else if (streq(name, "UpdateNotificationRule"))
		need_secrets(call, &update->targets, ret);
	else if (streq(name, "Subscribe"))
		need_secret(call, subscribe->target, ret);
	return 0;
}

struct call_service svc_codestar_notifications(struct signal_engine *e)
{
	return (struct call_service){
		.wire = &codestar_notifications_service,
		.engine = e,
		.handlers = handlers,
		.access = add_secrets,
	};
}
