/* SPDX-License-Identifier: Apache-2.0 */
/* Publishing: a message becomes one durable delivery for each subscription that wants it, in the
 * step that publishes. */
#include "signal/event_pattern.h"
#include "signal/tally.h"
#include "signal/topic.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "codec/base64.h"
#include "store/string_map.h"

int topic_need(struct db_tx *tx, const char *arn, struct arena *a, struct towpath_signal_topic *ret,
	struct err *err)
{
	int r = store_document_get(tx, &STORE_TOPIC, arn ? arn : "", a, ret, err);

	if (r == 0)
		return err_set_wire(err, "NotFoundException", "Topic does not exist");
	return r < 0 ? -1 : 0;
}

int subscription_need(struct db_tx *tx, const char *arn, struct arena *a,
	struct towpath_signal_subscription *ret, struct err *err)
{
	int r = store_document_get(tx, &STORE_SUBSCRIPTION, arn, a, ret, err);

	if (r == 0)
		return err_set_wire(err, "NotFoundException", "Subscription does not exist");
	return r < 0 ? -1 : 0;
}

/* One that was kept before it was checked says nothing. */
const char *topic_policy(const struct signal_engine *e, const struct towpath_signal_topic *t)
{
	const char *policy = string_map_get(&t->attributes, "Policy");

	if (!policy || !*policy)
		return NULL;
	return !e->cfg.check_policy || e->cfg.check_policy(policy, NULL) == 0 ? policy : NULL;
}

/* ---- filter policies ---- */

/* Attributes as an event: {"name": ["value", ...]}, numbers as numbers. */
static void attributes_event(const struct sns_message_attribute_map *attributes, struct str *out)
{
	struct json_writer w = {.out = out};

	json_open(&w, '{');
	for (size_t i = 0; attributes && i < attributes->n; i++) {
		const struct sns_message_attribute_value *v = attributes->v[i].value;

		if (!v || !v->string_value)
			continue;
		json_key(&w, attributes->v[i].key);
		if (starts_with(v->data_type, "Number"))
			json_put_real(&w, strtod(v->string_value, NULL));
		else if (starts_with(v->data_type, "String.Array"))
			json_put_raw(&w, view_of(v->string_value));
		else
			json_put_text(&w, v->string_value);
	}
	json_close(&w, '}');
}

bool topic_filter_passes(const struct towpath_signal_subscription *s, const char *message,
	const struct sns_message_attribute_map *attributes, struct arena *a)
{
	const char *policy = string_map_get(&s->attributes, "FilterPolicy");
	const char *scope = string_map_get(&s->attributes, "FilterPolicyScope");
	struct str event CLEANUP_STR = STR_INIT;
	const struct json_node *pattern, *node;

	if (!policy || streq(policy, "{}"))
		return true;
	if (streq(scope, "MessageBody"))
		str_add(&event, message);
	else
		attributes_event(attributes, &event);
	return json_parse(view_of(policy), a, &pattern, NULL) == 0 &&
	       json_parse(view_of(arena_strdup(a, str_text(&event))), a, &node, NULL) == 0 &&
	       node->kind == JSON_KIND_OBJECT && event_pattern_matches(pattern, node);
}

/* ---- publishing ---- */

static bool is_number(const char *text)
{
	char *end;

	return text && *text && strspn(text, "0123456789+-.eE") == strlen(text) &&
	       isfinite(strtod(text, &end)) && !*end;
}

/* A list of texts, numbers, booleans and nulls. */
static bool is_array(const char *text)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	const struct json_node *node;

	if (!text || json_parse(view_of(text), &a, &node, NULL) < 0 ||
		node->kind != JSON_KIND_ARRAY)
		return false;
	for (size_t i = 0; i < node->n; i++)
		if (node->items[i].kind == JSON_KIND_ARRAY ||
			node->items[i].kind == JSON_KIND_OBJECT)
			return false;
	return true;
}

/* A type may have a label: Number.float. */
static bool type_is(const char *data_type, const char *type)
{
	size_t n = strlen(type);

	return strncmp(data_type, type, n) == 0 && (!data_type[n] || data_type[n] == '.');
}

static bool attribute_fits(const struct sns_message_attribute_value *v)
{
	if (!v || !v->data_type)
		return false;
	if (type_is(v->data_type, "Binary"))
		return v->binary_value.len > 0;
	if (type_is(v->data_type, "Number"))
		return is_number(v->string_value);
	if (type_is(v->data_type, "String.Array"))
		return is_array(v->string_value);
	return type_is(v->data_type, "String") && v->string_value && *v->string_value;
}

static int check_message(const struct topic_message *m, size_t *ret_size, struct err *err)
{
	size_t size = m->message ? strlen(m->message) : 0;

	if (!size)
		return err_set_wire(
			err, "InvalidParameterException", "Invalid parameter: Empty message");
	for (size_t i = 0; m->attributes && i < m->attributes->n; i++) {
		const struct sns_message_attribute_value *v = m->attributes->v[i].value;

		if (!attribute_fits(v))
			return err_set_wire(err, "ParameterValueInvalid",
				"The message attribute '%s' must have the type String, "
				"String.Array, Number or Binary and a value of that type that is "
				"not empty",
				m->attributes->v[i].key);
		size += strlen(m->attributes->v[i].key) + strlen(v->data_type) +
			(v->string_value ? strlen(v->string_value) : v->binary_value.len);
	}
	*ret_size = size;
	if (size > TOPIC_MESSAGE_MAX)
		return err_set_wire(
			err, "InvalidParameterException", "Invalid parameter: Message too long");
	if (m->subject && (!*m->subject || strlen(m->subject) > 100 || strpbrk(m->subject, "\r\n")))
		return err_set_wire(err, "InvalidParameterException",
			"Invalid parameter: Subject must have 1 to 100 characters in one line");
	return 0;
}

/* The text for a protocol of a message with MessageStructure json. */
static const char *text_for(const struct json_node *texts, const char *protocol)
{
	const char *own = json_member_text(texts, protocol);

	return own ? own : json_member_text(texts, "default");
}

/* {"name":{"Type":"String","Value":"x"}}, as messages carry them. */
static const char *attributes_text(
	const struct sns_message_attribute_map *attributes, struct arena *a)
{
	struct str text CLEANUP_STR = STR_INIT;
	struct json_writer w = {.out = &text};

	if (!attributes || !attributes->n)
		return NULL;
	json_open(&w, '{');
	for (size_t i = 0; i < attributes->n; i++) {
		const struct sns_message_attribute_value *v = attributes->v[i].value;
		struct str binary CLEANUP_STR = STR_INIT;

		if (!v->string_value)
			base64_encode(v->binary_value, &binary);
		json_key(&w, attributes->v[i].key);
		json_open(&w, '{');
		json_put_member(&w, "Type", v->data_type);
		json_put_member(&w, "Value", v->string_value ? v->string_value : str_text(&binary));
		json_close(&w, '}');
	}
	json_close(&w, '}');
	return arena_strdup(a, str_text(&text));
}

int topic_send(struct signal_engine *e, struct db_tx *tx, const char *subscription_arn,
	const struct towpath_signal_notice *notice, int64_t due_usec, struct err *err)
{
	struct str payload CLEANUP_STR = STR_INIT;

	wire_encode_json(&towpath_signal_notice_shape, notice, &payload);
	return task_enqueue(e->durable, tx,
		&(struct task){.kind = SIGNAL_TASK_NOTIFY,
			.subject = subscription_arn,
			.token = notice->message_id,
			.payload = str_text(&payload),
			.due_usec = due_usec},
		err);
}

/* A topic without a policy of its own takes messages of all services of its account. */
static int check_agent(const struct signal_engine *e, const struct signal_agent *by,
	const struct towpath_signal_topic *topic, struct err *err)
{
	const char *policy = topic_policy(e, topic);

	if (!by || !policy || !e->cfg.service_may)
		return 0;
	return e->cfg.service_may(e->cfg.arg, by, "SNS:Publish", topic->topic_arn, policy, err);
}

int topic_takes(struct signal_engine *e, struct db_tx *tx, const char *topic_arn,
	const struct signal_agent *by, struct arena *a, struct err *err)
{
	struct towpath_signal_topic topic;

	return topic_need(tx, topic_arn, a, &topic, err) < 0 ? -1 : check_agent(e, by, &topic, err);
}

const char *topic_name(const char *arn)
{
	const char *colon = strrchr(arn, ':');

	return colon ? colon + 1 : arn;
}

static void count_filtered_out(
	struct signal_engine *e, struct db_tx *tx, const struct topic_message *m)
{
	const struct tally_subject *topic = TALLY_OF(topic_name(m->topic_arn));

	tally_note(e, tx, TALLY_FILTERED_OUT, topic, 1);
	if (!m->attributes || !m->attributes->n)
		tally_note(e, tx, TALLY_FILTERED_OUT_NO_ATTRIBUTES, topic, 1);
}

int topic_publish(struct signal_engine *e, struct db_tx *tx, const struct topic_message *m,
	struct arena *a, const char **ret_id, struct err *err)
{
	size_t size;
	struct towpath_signal_topic topic;
	struct store_documents all;
	const struct json_node *texts = NULL;
	struct towpath_signal_notice notice = {
		.type = TOPIC_NOTIFICATION,
		.message_id = arena_strdup(a, id_uuid().text),
		.subject = m->subject,
		.attributes = NULL,
		.time = WIRE_SET_TIME(durable_now(e->durable)),
	};

	if (topic_need(tx, m->topic_arn, a, &topic, err) < 0 ||
		check_agent(e, m->by, &topic, err) < 0 || check_message(m, &size, err) < 0 ||
		store_document_list(tx, &STORE_SUBSCRIPTION,
			&(struct store_document_filter){.owner = m->topic_arn}, a, &all, err) < 0)
		return -1;
	if (m->by_protocol && (json_parse(view_of(m->message), a, &texts, NULL) < 0 ||
				      !json_member_text(texts, "default")))
		return err_set_wire(err, "InvalidParameterException",
			"Invalid parameter: Message Structure - JSON message body failed to parse, "
			"or has no default entry");
	notice.attributes = attributes_text(m->attributes, a);
	for (size_t i = 0; i < all.n; i++) {
		const struct towpath_signal_subscription *s = all.v[i];

		if (!wire_or(s->confirmed, false))
			continue;
		notice.message = texts ? text_for(texts, s->protocol) : m->message;
		if (!topic_filter_passes(s, notice.message, m->attributes, a))
			count_filtered_out(e, tx, m);
		else if (topic_send(e, tx, s->subscription_arn, &notice, 0, err) < 0)
			return -1;
	}
	tally_note(e, tx, TALLY_PUBLISHED, TALLY_OF(topic_name(m->topic_arn)), 1);
	tally_note(e, tx, TALLY_PUBLISHED_BYTES, TALLY_OF(topic_name(m->topic_arn)), (double)size);
	*ret_id = notice.message_id;
	return 0;
}

struct publish {
	struct signal_engine *e;
	struct topic_message m;
};

static int publish_one(struct db_tx *tx, void *arg, struct err *err)
{
	struct publish *p = arg;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	const char *id;

	return topic_publish(p->e, tx, &p->m, &a, &id, err);
}

int signal_publish(struct signal_engine *e, const struct signal_agent *by, const char *topic_arn,
	const char *subject, const char *message, struct err *err)
{
	struct publish p = {
		e, {.topic_arn = topic_arn, .subject = subject, .message = message, .by = by}};

	return signal_write(e, publish_one, &p, err);
}

int signal_publish_step(struct signal_engine *e, struct db_tx *tx, const struct signal_agent *by,
	const char *topic_arn, const char *subject, const char *message, struct err *err)
{
	struct publish p = {
		e, {.topic_arn = topic_arn, .subject = subject, .message = message, .by = by}};

	return publish_one(tx, &p, err);
}
