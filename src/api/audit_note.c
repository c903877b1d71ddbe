/* SPDX-License-Identifier: Apache-2.0 */
/* The fields of a record, as CloudTrail documents them (event version 1.08). */
#include "api/audit_note.h"

#include <time.h>

#include "base/id.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "codec/json.h"

#define MOST_MESSAGE 1024

/* Operations that change nothing, by how their names begin. */
static bool is_read_only(const char *name)
{
	static const char *const starts[] = {"Get", "List", "Describe", "BatchGet", "BatchDescribe",
		"Head", "Lookup", "Simulate", "Filter", "BatchCheck", "Test", "Validate",
		"Evaluate", "GitPull"};

	for (size_t i = 0; name && i < ARRAY_SIZE(starts); i++) {
		if (starts_with(name, starts[i]))
			return true;
	}
	return false;
}

static void put_time(struct json_writer *w)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	json_put_member(w, "eventTime", timefmt_iso(ts.tv_sec * USEC_PER_SEC).text);
}

static void put_raw_or_null(struct json_writer *w, const char *key, const struct str *json)
{
	json_key(w, key);
	json_put_raw(w, json->len > 2 ? str_view(json) : VIEW("null"));
}

static void put_resources(struct json_writer *w, const struct audit_note *n)
{
	if (!n->n_resources)
		return;
	json_key(w, "resources");
	json_open(w, '[');
	for (size_t i = 0; i < n->n_resources; i++) {
		json_open(w, '{');
		json_put_member(w, "ARN", n->resources[i]);
		json_put_member(w, "accountId", n->call->account);
		json_close(w, '}');
	}
	json_close(w, ']');
}

static void put_error(struct json_writer *w, const struct audit_note *n, struct arena *a)
{
	const char *text = n->error_message ? n->error_message : "";

	if (!n->error_code)
		return;
	json_put_member(w, "errorCode", n->error_code);
	json_put_member(w, "errorMessage", arena_strndup(a, text, strnlen(text, MOST_MESSAGE)));
}

static void put_parameters(struct json_writer *w, const struct audit_note *n, bool read_only)
{
	struct str asked CLEANUP_STR = STR_INIT, answered CLEANUP_STR = STR_INIT;

	if (n->input)
		wire_encode_redacted(n->operation->input, n->input, &asked);
	if (n->output && !n->error_code && !read_only)
		wire_encode_redacted(n->operation->output, n->output, &answered);
	put_raw_or_null(w, "requestParameters", &asked);
	put_raw_or_null(w, "responseElements", &answered);
}

void audit_note(const struct audit_sink *sink, const struct audit_note *n)
{
	struct str out CLEANUP_STR = STR_INIT, who CLEANUP_STR = STR_INIT;
	struct json_writer w = {&out, false};
	bool read_only = is_read_only(n->name);
	struct arena *a = n->call->arena;

	if (!sink->add)
		return;
	if (n->auth->describe)
		n->auth->describe(n->auth->arg, n->who, &who);
	json_open(&w, '{');
	json_put_member(&w, "eventVersion", "1.08");
	put_raw_or_null(&w, "userIdentity", &who);
	put_time(&w);
	json_put_member(&w, "eventSource",
		arena_printf(a, "%s.amazonaws.com", n->source ? n->source : "unknown"));
	json_put_member(&w, "eventName", n->name ? n->name : "Unknown");
	json_put_member(&w, "awsRegion", n->call->region);
	json_put_member(&w, "sourceIPAddress", n->call->source_ip);
	json_put_member(&w, "userAgent", n->call->user_agent);
	put_error(&w, n, a);
	put_parameters(&w, n, read_only);
	if (n->more) {
		json_key(&w, "additionalEventData");
		json_put_raw(&w, view_of(n->more));
	}
	json_put_member(&w, "requestID", n->call->request_id);
	json_put_member(&w, "eventID", id_uuid().text);
	json_key(&w, "readOnly");
	json_put_bool(&w, read_only);
	put_resources(&w, n);
	json_put_member(&w, "eventType", "AwsApiCall");
	json_key(&w, "managementEvent");
	json_put_bool(&w, !n->data);
	json_put_member(&w, "recipientAccountId", n->call->account);
	json_put_member(&w, "eventCategory", n->data ? "Data" : "Management");
	json_close(&w, '}');
	sink->add(sink->arg, str_view(&out));
}
