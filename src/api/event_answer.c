/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of event streams as the JSON protocols have them: the event's name in a header, its
 * members as JSON. */
#include "api/event_answer.h"

#include "base/log.h"
#include "base/mem.h"
#include "codec/event_stream.h"

#define CONTENT_TYPE "application/vnd.amazon.eventstream"

static enum call_emitted push(struct api_request *r, const char *kind, const char *name,
	const char *content_type, struct view payload)
{
	bool failed = streq(kind, "exception");
	const struct event_stream_header headers[] = {
		{failed ? ":exception-type" : ":event-type", name},
		{":content-type", content_type},
		{":message-type", kind},
	};
	static const enum call_emitted answers[] = {
		[HTTP_PUSHED] = CALL_EMITTED,
		[HTTP_FULL] = CALL_BUSY,
		[HTTP_GONE] = CALL_GONE,
	};
	CLEANUP_STR struct str message = STR_INIT;

	event_stream_add(&message, headers, ARRAY_SIZE(headers), payload);
	return answers[http_push(r->x, str_view(&message))];
}

void api_event_answer_open(struct api_request *r)
{
	http_set_header(r->x, r->protocol->request_id_header, r->call.request_id);
	http_set_header(r->x, "Content-Type", CONTENT_TYPE);
	http_open(r->x, 200);
	push(r, "event", "initial-response",
		arena_concat(r->call.arena, "application/x-amz-json-", r->json_version),
		VIEW("{}"));
}

/* The one member of the union that is set, and its value. */
static const struct wire_member *member_of(
	const struct wire_shape *events, const void *event, const void **ret)
{
	for (size_t i = 0; i < events->n_members; i++) {
		*ret = *(const void *const *)((const char *)event + events->members[i].offset);
		if (*ret)
			return &events->members[i];
	}
	BUG("an event without a member");
}

enum call_emitted api_event_answer_send(struct api_request *r, const void *event)
{
	const struct wire_shape *output = r->operation->output;
	const struct wire_member *m;
	const void *value;
	CLEANUP_STR struct str payload = STR_INIT;

	BUG_ON(output->n_members != 1);
	m = member_of(output->members[0].shape, event, &value);
	wire_encode_json(m->shape, value, &payload);
	return push(r, m->shape->is_error ? "exception" : "event", m->wire_name, "application/json",
		str_view(&payload));
}
