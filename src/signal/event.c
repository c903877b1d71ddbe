/* SPDX-License-Identifier: Apache-2.0 */
/* Events on their way: the envelope, the rules that match, PutEvents. */
#include <string.h>

#include "base/id.h"
#include "base/timefmt.h"
#include "signal/event.h"
#include "signal/event_archive.h"
#include "signal/event_pattern.h"
#include "signal/tally.h"

#define MAX_EVENT (256 * 1024)
#define TIME_SIZE 14

/* ---- the envelope ---- */

char *event_envelope_text(struct signal_engine *e, const struct event_envelope *v, struct arena *a)
{
	struct str text CLEANUP_STR = STR_INIT;
	struct json_writer w = {.out = &text};

	json_open(&w, '{');
	json_put_member(&w, "version", "0");
	json_put_member(&w, "id", v->id);
	json_put_member(&w, "detail-type", v->detail_type);
	json_put_member(&w, "source", v->source);
	json_put_member(&w, "account", e->cfg.account);
	json_put_member(&w, "time", timefmt_iso(v->usec).text);
	json_put_member(&w, "region", e->cfg.region);
	json_key(&w, "resources");
	json_open(&w, '[');
	for (size_t i = 0; i < v->n_resources; i++)
		json_put_text(&w, v->resources[i]);
	json_close(&w, ']');
	json_key(&w, "detail");
	json_put_raw(&w, view_of(v->detail));
	json_close(&w, '}');
	return arena_strdup(a, str_text(&text));
}

/* ---- matching ---- */

int event_bus_heard(struct db_tx *tx, const char *bus, struct arena *a, struct err *err)
{
	struct store_document_filter one = {.owner = event_bus_owner(bus), .max = 1};
	struct store_documents rules, archives;

	if (store_document_list(tx, &STORE_EVENT_RULE, &one, a, &rules, err) < 0 ||
		store_document_list(tx, &STORE_EVENT_ARCHIVE, &one, a, &archives, err) < 0)
		return -1;
	return rules.n || archives.n;
}

static int enqueue_delivery(struct signal_engine *e, struct db_tx *tx, const struct event *x,
	const struct events_describe_rule_response *rule, const char *target_key,
	const struct events_target *target, struct err *err)
{
	struct str payload CLEANUP_STR = STR_INIT;
	struct towpath_signal_delivery d = {
		.rule = rule->name,
		.rule_arn = rule->arn,
		.target_id = target->id,
		.event = x->text,
		.ingested = WIRE_SET_TIME(x->ingested_usec),
		.forwarded = WIRE_SET_BOOL(x->forwarded),
	};

	wire_encode_json(&towpath_signal_delivery_shape, &d, &payload);
	return task_enqueue(e->durable, tx,
		&(struct task){.kind = SIGNAL_TASK_DELIVER,
			.subject = target_key,
			.token = x->id,
			.payload = str_text(&payload)},
		err);
}

int event_publish_to_rule(struct signal_engine *e, struct db_tx *tx, const struct event *x,
	const struct events_describe_rule_response *rule, struct arena *a, struct err *err)
{
	struct store_documents targets;

	if (store_document_list(tx, &STORE_EVENT_TARGET,
		    &(struct store_document_filter){
			    .owner = event_rule_key(a, rule->event_bus_name, rule->name)},
		    a, &targets, err) < 0)
		return -1;
	for (size_t i = 0; i < targets.n; i++) {
		if (enqueue_delivery(e, tx, x, rule, targets.ids[i], targets.v[i], err) < 0)
			return -1;
		tally_note(e, tx, TALLY_INVOCATION_CREATED, NULL, 1);
	}
	return 0;
}

static int trigger(struct signal_engine *e, struct db_tx *tx, const struct event *x,
	const struct events_describe_rule_response *rule, struct arena *a, struct err *err)
{
	const char *bus = streq(x->bus, EVENT_DEFAULT_BUS) ? NULL : x->bus;

	tally_note(e, tx, TALLY_RULE_MATCHED, TALLY_OF(bus, rule->name), 1);
	tally_note(e, tx, TALLY_RULE_TRIGGERED, TALLY_OF(bus, rule->name), 1);
	return event_publish_to_rule(e, tx, x, rule, a, err);
}

static bool rule_wanted(const struct event *x, const struct events_describe_rule_response *rule)
{
	bool wanted = x->n_only == 0;

	for (size_t i = 0; i < x->n_only; i++)
		wanted |= streq(x->only[i], rule->arn);
	return wanted && rule->event_pattern && *rule->event_pattern &&
	       !streq(rule->state, "DISABLED");
}

int event_publish(struct signal_engine *e, struct db_tx *tx, const struct event *x, struct arena *a,
	struct err *err)
{
	const struct json_node *node, *pattern;
	struct store_documents rules;
	bool matched = false;

	if (json_parse(view_of(x->text), a, &node, err) < 0 ||
		(!x->replayed && event_archive_add(tx, x, node, a, err) < 0) ||
		store_document_list(tx, &STORE_EVENT_RULE,
			&(struct store_document_filter){.owner = event_bus_owner(x->bus)}, a,
			&rules, err) < 0)
		return -1;
	for (size_t i = 0; i < rules.n; i++) {
		const struct events_describe_rule_response *rule = rules.v[i];

		if (!rule_wanted(x, rule))
			continue;
		if (json_parse(view_of(rule->event_pattern), a, &pattern, err) < 0)
			return -1;
		if (!event_pattern_matches(pattern, node))
			continue;
		matched = true;
		if (trigger(e, tx, x, rule, a, err) < 0)
			return -1;
	}
	if (matched)
		tally_note(e, tx, TALLY_EVENT_MATCHED, NULL, 1);
	return 0;
}

/* ---- PutEvents ---- */

static size_t entry_size(const struct events_put_events_request_entry *x)
{
	size_t n = x->time.set ? TIME_SIZE : 0;

	n += strlen(x->source) + strlen(x->detail_type) + strlen(x->detail);
	wire_foreach (resource, &x->resources)
		n += strlen(*resource);
	return n;
}

/* What is wrong with an entry: the code, and the text; NULL: nothing. */
static const char *check_entry(
	const struct events_put_events_request_entry *x, struct arena *a, const char **ret_text)
{
	const struct json_node *detail;

	*ret_text = NULL;
	if (!x->source || !*x->source)
		*ret_text = "Parameter Source is not valid. Reason: Source is a required argument.";
	else if (!x->detail_type || !*x->detail_type)
		*ret_text = "Parameter DetailType is not valid. Reason: DetailType is a required "
			    "argument.";
	else if (strlen(x->detail_type) > 128)
		*ret_text = "Parameter DetailType is not valid. Reason: it has more than 128 "
			    "characters.";
	else if (!x->detail || !*x->detail)
		*ret_text = "Parameter Detail is not valid. Reason: Detail is a required argument.";
	else if (entry_size(x) >= MAX_EVENT)
		*ret_text = "Total size of the entry is over the limit of 256 KB.";
	if (*ret_text)
		return "InvalidArgument";
	if (starts_with(x->source, "aws.")) {
		*ret_text = "Not authorized for the source.";
		return "NotAuthorizedForSourceException";
	}
	if (json_parse(view_of(x->detail), a, &detail, NULL) < 0 ||
		detail->kind != JSON_KIND_OBJECT) {
		*ret_text = "Detail is malformed.";
		return "MalformedDetail";
	}
	return NULL;
}

static int put_one_event(struct signal_engine *e, struct db_tx *tx,
	const struct events_put_events_request_entry *x, struct arena *a,
	struct events_put_events_result_entry *ret, struct err *err)
{
	struct event_envelope v = {
		.id = arena_strdup(a, id_uuid().text),
		.source = x->source,
		.detail_type = x->detail_type,
		.detail = x->detail,
		.usec = x->time.set ? x->time.usec : durable_now(e->durable),
		.resources = x->resources.v,
		.n_resources = x->resources.n,
	};
	struct event event = {.id = v.id,
		.bus = event_bus_name(x->event_bus_name),
		.ingested_usec = durable_now(e->durable)};

	*ret = (struct events_put_events_result_entry){0};
	ret->error_code = check_entry(x, a, &ret->error_message);
	if (ret->error_code)
		return 0;
	ret->event_id = v.id;
	event.text = event_envelope_text(e, &v, a);
	return event_publish(e, tx, &event, a, err);
}

static bool all_lack(const struct events_put_events_request *req)
{
	wire_foreach (x, &req->entries) {
		if (x->source && x->detail_type && x->detail)
			return false;
	}
	return true;
}

static int put_events_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(events, put_events);
	int failed = 0;

	if (req->endpoint_id)
		return err_set(err, ERR_UNSUPPORTED, "Global endpoints are not implemented");
	if (all_lack(req))
		return err_set_wire(err, "ValidationException",
			"No entry has all of Source, DetailType and Detail.");
	wire_list_alloc(a, &resp->entries, req->entries.n);
	for (size_t i = 0; i < req->entries.n; i++) {
		if (put_one_event(e, tx, &req->entries.v[i], a, &resp->entries.v[i], err) < 0)
			return -1;
		failed += resp->entries.v[i].error_code != NULL;
	}
	tally_note(e, tx, TALLY_EVENTS_PUT, NULL, (double)req->entries.n);
	if (failed)
		tally_note(e, tx, TALLY_EVENTS_PUT_FAILED, NULL, failed);
	resp->failed_entry_count = WIRE_SET_INT(failed);
	return 0;
}

SIGNAL_DEFINE(events, put_events, signal_write)
