/* SPDX-License-Identifier: Apache-2.0 */
/* The fields of a record, as CloudTrail documents them (event version 1.08). */
#include "api/audit_note.h"

#include <time.h>

#include "base/id.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/timefmt.h"
#include "codec/json.h"

#define MOST_MESSAGE 1024
#define MOST_RECORDS 1500 /* are not longer: a size to begin with */

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

/* A finished part of a record. */
static void add(struct str *out, struct view text)
{
	str_add_view(out, text);
}

/* key: with what stands around it, ",\"name\":"; nothing at all when text is NULL. */
static void add_member(struct str *out, struct view key, const char *text)
{
	if (!text)
		return;
	add(out, key);
	json_write_string(out, view_of(text));
}

/* The second, written out once for all requests that a thread answers in it. */
static void add_time(struct str *out)
{
	static _Thread_local struct timefmt text;
	static _Thread_local time_t written;
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME_COARSE, &ts);
	if (ts.tv_sec != written) {
		text = timefmt_iso(ts.tv_sec * USEC_PER_SEC);
		written = ts.tv_sec;
	}
	str_add(out, text.text);
}

static void add_resources(struct str *out, const struct audit_note *n)
{
	for (size_t i = 0; i < n->n_resources; i++) {
		add(out, i ? VIEW(",{\"ARN\":") : VIEW(",\"resources\":[{\"ARN\":"));
		json_write_string(out, view_of(n->resources[i]));
		add_member(out, VIEW(",\"accountId\":"), n->call->account);
		str_add_c(out, '}');
	}
	if (n->n_resources)
		str_add_c(out, ']');
}

static void add_error(struct str *out, const struct audit_note *n)
{
	const char *text = n->error_message ? n->error_message : "";

	if (!n->error_code)
		return;
	add_member(out, VIEW(",\"errorCode\":"), n->error_code);
	add(out, VIEW(",\"errorMessage\":"));
	json_write_string(out, (struct view){text, strnlen(text, MOST_MESSAGE)});
}

/* What was asked or answered; null when there is nothing in it. */
static void add_value(
	struct str *out, struct view key, const struct wire_shape *shape, const void *value)
{
	size_t start;

	add(out, key);
	start = out->len;
	if (value)
		wire_encode_redacted(shape, value, out);
	if (out->len - start <= 2) {
		str_truncate(out, start);
		add(out, VIEW("null"));
	}
}

static void add_who(struct str *out, const struct audit_note *n)
{
	size_t start = out->len;

	if (n->auth->describe)
		n->auth->describe(n->auth->arg, n->who, out);
	if (out->len == start)
		add(out, VIEW("null"));
}

static void add_request(struct str *out, const struct audit_note *n)
{
	add(out, VIEW(",\"eventTime\":\""));
	add_time(out);
	add(out, VIEW("\",\"eventSource\":\""));
	str_add(out, n->source ? n->source : "unknown");
	add(out, VIEW(".amazonaws.com\""));
	add_member(out, VIEW(",\"eventName\":"), n->name ? n->name : "Unknown");
	add_member(out, VIEW(",\"awsRegion\":"), n->call->region);
	add_member(out, VIEW(",\"sourceIPAddress\":"), n->call->source_ip);
	add_member(out, VIEW(",\"userAgent\":"), n->call->user_agent);
}

static void add_event(struct str *out, const struct audit_note *n, bool read_only)
{
	add_member(out, VIEW(",\"requestID\":"), n->call->request_id);
	add(out, VIEW(",\"eventID\":\""));
	str_add(out, id_uuid().text);
	add(out, read_only ? VIEW("\",\"readOnly\":true") : VIEW("\",\"readOnly\":false"));
	add_resources(out, n);
	add(out, VIEW(",\"eventType\":\"AwsApiCall\""));
	add(out, n->data ? VIEW(",\"managementEvent\":false") : VIEW(",\"managementEvent\":true"));
	add_member(out, VIEW(",\"recipientAccountId\":"), n->call->account);
	add(out, n->data ? VIEW(",\"eventCategory\":\"Data\"}")
			 : VIEW(",\"eventCategory\":\"Management\"}"));
}

void audit_note(const struct audit_sink *sink, const struct audit_note *n)
{
	struct str out CLEANUP_STR = STR_INIT;
	bool read_only = is_read_only(n->name);
	bool changed = n->output && !n->error_code && !read_only;

	if (!sink->add)
		return;
	str_reserve(&out, MOST_RECORDS);
	add(&out, VIEW("{\"eventVersion\":\"1.08\",\"userIdentity\":"));
	add_who(&out, n);
	add_request(&out, n);
	add_error(&out, n);
	add_value(&out, VIEW(",\"requestParameters\":"), n->input ? n->operation->input : NULL,
		n->input);
	add_value(&out, VIEW(",\"responseElements\":"), changed ? n->operation->output : NULL,
		changed ? n->output : NULL);
	if (n->more) {
		add(&out, VIEW(",\"additionalEventData\":"));
		str_add(&out, n->more);
	}
	add_event(&out, n, read_only);
	sink->add(sink->arg, str_view(&out));
}
