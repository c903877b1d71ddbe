/* SPDX-License-Identifier: Apache-2.0 */
/* What the attributes of a subscription may be, each by itself and together. */
#include "signal/delivery_policy.h"
#include "signal/event_pattern.h"
#include "signal/topic.h"
#include "store/string_map.h"

#include <string.h>

#define FILTER_NAMES_MAX 5
#define WRONG(...) err_set_wire(err, "InvalidParameterException", "Invalid parameter: " __VA_ARGS__)

static int check_delivery(const char *value, struct err *err)
{
	return *value ? delivery_policy_check(value, false, err) : 0;
}

static int check_filter(const char *value, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct err why CLEANUP_ERR = ERR_INIT;
	const struct json_node *node;

	if (*value && (json_parse(view_of(value), &a, &node, &why) < 0 ||
			      (node->n && event_pattern_check(node, &why) < 0)))
		return WRONG("FilterPolicy: %s", err_message(&why));
	return 0;
}

static int check_scope(const char *value, struct err *err)
{
	if (streq(value, "MessageAttributes") || streq(value, "MessageBody"))
		return 0;
	return WRONG("FilterPolicyScope must be MessageAttributes or MessageBody");
}

static int check_raw(const char *value, struct err *err)
{
	if (streq(value, "true") || streq(value, "false"))
		return 0;
	return WRONG("Attributes Reason: RawMessageDelivery must be true or false");
}

static int check_one(const char *name, const char *value, struct err *err)
{
	static const struct {
		const char *name;
		int (*check)(const char *value, struct err *err);
	} kept[] = {
		{"DeliveryPolicy", check_delivery},
		{"FilterPolicy", check_filter},
		{"FilterPolicyScope", check_scope},
		{"RawMessageDelivery", check_raw},
	};

	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		if (streq(kept[i].name, name))
			return kept[i].check(value ? value : "", err);
	return err_set(err, ERR_UNSUPPORTED, "subscription attribute %s is not implemented", name);
}

/* Counts the names that a filter policy looks at; false: one lies within another. */
static bool count_names(const struct json_node *policy, size_t *n)
{
	bool flat = true;

	for (size_t i = 0; i < policy->n; i++) {
		const struct json_node *field = &policy->items[i];

		if (event_pattern_is_or(field)) {
			for (size_t j = 0; j < field->n; j++)
				flat &= count_names(&field->items[j], n);
		} else if (field->kind == JSON_KIND_OBJECT) {
			count_names(field, n);
			flat = false;
		} else {
			(*n)++;
		}
	}
	return flat;
}

/* The policy in its scope. */
static int check_filter_scope(const struct towpath_string_map *attributes, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	const char *policy = string_map_get(attributes, "FilterPolicy");
	bool body = streq(string_map_get(attributes, "FilterPolicyScope"), "MessageBody");
	const struct json_node *node;
	size_t n = 0;

	if (!policy || !*policy || json_parse(view_of(policy), &a, &node, err) < 0)
		return 0;
	if (!count_names(node, &n) && !body)
		return WRONG("FilterPolicy: Filter policy scope MessageAttributes does not support "
			     "nested filter policy");
	if (n > FILTER_NAMES_MAX)
		return WRONG("FilterPolicy: Filter policy can not have more than %d keys",
			FILTER_NAMES_MAX);
	return 0;
}

int subscription_attribute_set(struct towpath_string_map *attributes, const char *name,
	const char *value, struct arena *a, struct err *err)
{
	if (check_one(name, value, err) < 0)
		return -1;
	string_map_put(attributes, name, value, a);
	return 0;
}

int subscription_attributes_check(const struct towpath_string_map *attributes, struct err *err)
{
	return check_filter_scope(attributes, err);
}

/* What an attribute is that was never set. */
static const char *usual(const char *name)
{
	if (streq(name, "RawMessageDelivery"))
		return "false";
	return streq(name, "FilterPolicyScope") ? "MessageAttributes" : "";
}

bool subscription_attributes_differ(
	const struct towpath_string_map *from, const struct towpath_string_map *to)
{
	wire_foreach (kv, from) {
		const char *value = string_map_get(to, kv->key);

		if (!streq(kv->value, value ? value : usual(kv->key)))
			return true;
	}
	return false;
}
