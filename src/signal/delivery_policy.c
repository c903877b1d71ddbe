/* SPDX-License-Identifier: Apache-2.0 */
#include "signal/delivery_policy.h"

#include "base/mem.h"

#include <string.h>

#define MOST_DELAY_SEC 3600
#define MOST_TOTAL_SEC 3600
#define MOST_RETRIES 100
#define WRONG(...)                                     \
	err_set_wire(err, "InvalidParameterException", \
		"Invalid parameter: DeliveryPolicy: " __VA_ARGS__)

static const struct delivery_policy usual = {.retries = 3, .least_sec = 20, .most_sec = 20};

static const struct number {
	const char *name;
	size_t offset;
	int least, most;
} numbers[] = {
	{"maxDelayTarget", offsetof(struct delivery_policy, most_sec), 1, MOST_DELAY_SEC},
	{"minDelayTarget", offsetof(struct delivery_policy, least_sec), 1, MOST_DELAY_SEC},
	{"numMaxDelayRetries", offsetof(struct delivery_policy, at_most), 0, MOST_RETRIES},
	{"numMinDelayRetries", offsetof(struct delivery_policy, at_least), 0, MOST_RETRIES},
	{"numNoDelayRetries", offsetof(struct delivery_policy, at_once), 0, MOST_RETRIES},
	{"numRetries", offsetof(struct delivery_policy, retries), 0, MOST_RETRIES},
};

/* The names of the parts, which are others in a topic's policy. */
static const struct names {
	const char *retry, *throttle, *request;
} names_of[] = {
	{"healthyRetryPolicy", "throttlePolicy", "requestPolicy"},
	{"defaultHealthyRetryPolicy", "defaultThrottlePolicy", "defaultRequestPolicy"},
};

static const struct json_node *part(const struct json_node *node, const char *name)
{
	const struct json_node *member = json_member(node, name);

	return member && member->kind != JSON_KIND_NULL ? member : NULL;
}

/* ---- the parts ---- */

static int *number_in(struct delivery_policy *p, const struct number *number)
{
	return (int *)((char *)p + number->offset);
}

static int read_retry(const struct json_node *node, struct delivery_policy *p, struct err *err)
{
	static const char *const functions[] = {"arithmetic", "exponential", "geometric", "linear"};
	const char *function = json_member_text(node, "backoffFunction");
	bool known = !function;

	if (node->kind != JSON_KIND_OBJECT)
		return WRONG("the policy of tries is not an object");

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		const struct json_node *v = part(node, numbers[i].name);

		if (!v)
			continue;
		if (v->kind != JSON_KIND_INT || v->integer < numbers[i].least ||
			v->integer > numbers[i].most)
			return WRONG("%s must be a number from %d to %d", numbers[i].name,
				numbers[i].least, numbers[i].most);
		*number_in(p, &numbers[i]) = (int)v->integer;
	}
	if (!part(node, "maxDelayTarget"))
		p->most_sec = MAX(p->most_sec, p->least_sec);
	if (!part(node, "minDelayTarget"))
		p->least_sec = MIN(p->most_sec, p->least_sec);
	for (size_t i = 0; i < ARRAY_SIZE(functions); i++)
		known |= streq(functions[i], function);
	return known ? 0 : WRONG("backoffFunction %s is not known", function);
}

static int total_sec(const struct delivery_policy *p)
{
	int sum = 0;

	for (int i = 0; i < p->retries; i++)
		sum += delivery_policy_delay(p, i);
	return sum;
}

static int check_retry(const struct delivery_policy *p, struct err *err)
{
	if (p->least_sec > p->most_sec)
		return WRONG("minDelayTarget must be at most maxDelayTarget");
	if (p->at_once + p->at_least + p->at_most > p->retries)
		return WRONG("numRetries must be at least the sum of numNoDelayRetries, "
			     "numMinDelayRetries and numMaxDelayRetries");
	if (total_sec(p) > MOST_TOTAL_SEC)
		return WRONG("the delays of all tries must be at most %d seconds together",
			MOST_TOTAL_SEC);
	return 0;
}

static int read_request(const struct json_node *node, struct delivery_policy *p, struct err *err)
{
	static const char *const types[] = {"application/atom+xml", "application/json",
		"application/octet-stream", "application/soap+xml",
		"application/x-www-form-urlencoded", "application/xhtml+xml", "application/xml",
		"text/css", "text/csv", "text/html", "text/plain", "text/xml"};
	const char *text = json_member_text(node, "headerContentType");
	struct view type = view_of(text);

	if (!text)
		return 0;
	type = view_cut(&type, ';');
	for (const char *c = text; *c; c++)
		if (*c < ' ' || *c > '~')
			return WRONG("headerContentType has characters that no header has");
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (view_eq_str(type, types[i])) {
			p->content_type = text;
			return 0;
		}
	return WRONG("headerContentType %s is not supported", text);
}

/* ---- the whole ---- */

/* What the policy says goes over what *p has. */
static int read(
	const struct json_node *node, bool of_topic, struct delivery_policy *p, struct err *err)
{
	const struct names *names = &names_of[of_topic];
	const struct json_node *own = of_topic ? part(node, "http") : node;

	if (own && own->kind != JSON_KIND_OBJECT)
		return WRONG("it is not an object");
	if (part(own, names->retry)) {
		*p = (struct delivery_policy){.retries = usual.retries,
			.least_sec = usual.least_sec,
			.most_sec = usual.most_sec,
			.content_type = p->content_type};
		if (read_retry(part(own, names->retry), p, err) < 0)
			return -1;
	}
	return read_request(part(own, names->request), p, err);
}

int delivery_policy_check(const char *text, bool of_topic, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct err why CLEANUP_ERR = ERR_INIT;
	struct delivery_policy p = usual;
	const struct json_node *node;

	if (json_parse(view_of(text), &a, &node, &why) < 0)
		return WRONG("%s", err_message(&why));
	if (node->kind != JSON_KIND_OBJECT)
		return WRONG("it is not an object");
	if (read(node, of_topic, &p, err) < 0 || check_retry(&p, err) < 0)
		return -1;
	if (part(of_topic ? part(node, "http") : node, names_of[of_topic].throttle))
		return err_set(err, ERR_UNSUPPORTED, "%s of delivery policies is not implemented",
			names_of[of_topic].throttle);
	return 0;
}

static bool overrides_disabled(const struct json_node *of_topic)
{
	const struct json_node *v = part(part(of_topic, "http"), "disableSubscriptionOverrides");

	return v && v->kind == JSON_KIND_BOOL && v->boolean;
}

void delivery_policy_read(const char *of_subscription, const char *of_topic, struct arena *a,
	struct delivery_policy *ret)
{
	const struct json_node *node;
	bool own = of_subscription && *of_subscription;

	*ret = usual;
	if (of_topic && *of_topic && json_parse(view_of(of_topic), a, &node, NULL) == 0) {
		read(node, true, ret, NULL);
		own = own && !overrides_disabled(node);
	}
	if (own && json_parse(view_of(of_subscription), a, &node, NULL) == 0)
		read(node, false, ret, NULL);
}

int delivery_policy_delay(const struct delivery_policy *p, int tried)
{
	int first = p->at_once + p->at_least, last = p->retries - p->at_most;

	if (tried >= p->retries)
		return -1;
	if (tried < p->at_once)
		return 0;
	if (tried >= last)
		return p->most_sec;
	if (tried < first || last - first < 2)
		return p->least_sec;
	return p->least_sec + (p->most_sec - p->least_sec) * (tried - first) / (last - first - 1);
}
