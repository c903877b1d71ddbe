/* SPDX-License-Identifier: Apache-2.0 */
/* LookupEvents: management events of the last 90 days, the newest first. */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "audit/engine.h"
#include "base/file.h"
#include "base/path.h"
#include "base/timefmt.h"
#include "codec/json.h"

#define DAYS_USEC (90 * 24 * 3600 * USEC_PER_SEC)
#define MOST 50
#define MOST_BYTES (16 * 1024 * 1024) /* looked at in one call */

struct search {
	struct arena *a;
	const char *key, *value; /* of the lookup attribute, or NULL */
	int64_t from, until;
	size_t max, looked;
	struct cloudtrail_events_list *found;
	const char *file; /* where to go on, and the end of what is not looked at yet */
	size_t end;
	bool more;
};

static const char *text_at(const struct json_node *doc, const char *one, const char *two)
{
	const struct json_node *node = json_member(doc, one);

	return two					? json_member_text(node, two)
	       : node && node->kind == JSON_KIND_STRING ? node->text.p
							: NULL;
}

static const char *user_of(const struct json_node *doc)
{
	const char *name = text_at(doc, "userIdentity", "userName");
	const char *id = text_at(doc, "userIdentity", "principalId");
	const char *colon = id ? strchr(id, ':') : NULL;

	if (name)
		return name;
	if (streq(text_at(doc, "userIdentity", "type"), "Root"))
		return "root";
	return colon ? colon + 1 : id;
}

static void add_resources(
	const struct json_node *doc, struct arena *a, struct cloudtrail_event *ret)
{
	const struct json_node *list = json_member(doc, "resources");

	if (!list || list->kind != JSON_KIND_ARRAY)
		return;
	wire_list_alloc(a, &ret->resources, list->n);
	for (size_t i = 0; i < list->n; i++)
		ret->resources.v[i] = (struct cloudtrail_resource){
			.resource_name = json_member_text(&list->items[i], "ARN"),
			.resource_type = json_member_text(&list->items[i], "type")};
}

static bool has_resource(const struct cloudtrail_event *e, const char *value, bool type)
{
	for (size_t i = 0; i < e->resources.n; i++) {
		const char *name =
			type ? e->resources.v[i].resource_type : e->resources.v[i].resource_name;

		if (name && (streq(name, value) || (!type && ends_with(name, value))))
			return true;
	}
	return false;
}

static bool is_wanted(const struct search *s, const struct cloudtrail_event *e)
{
	const struct {
		const char *key, *value;
	} rows[] = {{"EventId", e->event_id}, {"EventName", e->event_name},
		{"ReadOnly", e->read_only}, {"Username", e->username},
		{"EventSource", e->event_source}, {"AccessKeyId", e->access_key_id}};

	if (!s->key)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (streq(rows[i].key, s->key))
			return streq(rows[i].value, s->value);
	}
	return has_resource(e, s->value, streq(s->key, "ResourceType"));
}

/* Reads one record; adds it when it is wanted. */
static void look_at(struct search *s, struct view json)
{
	const struct json_node *doc;
	struct cloudtrail_event e = {0};
	const char *when;
	const struct json_node *read_only;

	/* most lines are told apart without being read */
	if (s->value && !streq(s->key, "ReadOnly") && !streq(s->value, "root") &&
		!memmem(json.p, json.len, s->value, strlen(s->value)))
		return;
	if (json_parse(json, s->a, &doc, NULL) < 0)
		return;
	when = text_at(doc, "eventTime", NULL);
	read_only = json_member(doc, "readOnly");
	if (!when || !timefmt_parse(when, &e.event_time.usec) || e.event_time.usec < s->from ||
		e.event_time.usec > s->until ||
		!streq(text_at(doc, "eventCategory", NULL), "Management"))
		return;
	e.event_time.set = true;
	e.event_id = text_at(doc, "eventID", NULL);
	e.event_name = text_at(doc, "eventName", NULL);
	e.event_source = text_at(doc, "eventSource", NULL);
	e.read_only = read_only && read_only->boolean ? "true" : "false";
	e.access_key_id = text_at(doc, "userIdentity", "accessKeyId");
	e.username = user_of(doc);
	add_resources(doc, s->a, &e);
	e.cloud_trail_event = arena_view_dup(s->a, json);
	if (is_wanted(s, &e))
		s->found->v[s->found->n++] = e;
}

/* From the end of a file (or where the last page stopped) backwards. */
static int look_through(struct search *s, const char *dir, const char *name, struct err *err)
{
	char *path CLEANUP(freep) = path_join(dir, name);
	struct str text CLEANUP_STR = STR_INIT;
	size_t end;

	if (file_read(path, SIZE_MAX, &text, err) < 0)
		return -1;
	end = s->file && streq(s->file, name) ? MIN(s->end, text.len) : text.len;
	while (end > 0) {
		size_t start = end - 1;
		struct view digest, json;

		if (s->found->n == s->max || s->looked > MOST_BYTES) {
			s->more = true;
			s->file = arena_strdup(s->a, name);
			s->end = end;
			return 0;
		}
		while (start > 0 && text.p[start - 1] != '\n')
			start--;
		if (audit_line_parse(
			    (struct view){text.p + start, end - 1 - start}, &digest, &json))
			look_at(s, json);
		s->looked += end - start;
		end = start;
	}
	return 0;
}

static int read_token(struct search *s, const char *token, struct err *err)
{
	char name[32];

	if (!token)
		return 0;
	if (sscanf(token, "%31[0-9-].log:%zu", name, &s->end) != 2)
		return err_set_wire(err, "InvalidNextTokenException",
			"The token %s is not one of ours.", token);
	s->file = arena_printf(s->a, "%s.log", name);
	return 0;
}

static int read_attribute(
	struct search *s, const struct cloudtrail_lookup_events_request *req, struct err *err)
{
	if (req->lookup_attributes.n > 1)
		return err_set_wire(err, "InvalidLookupAttributesException",
			"You can only specify one lookup attribute.");
	if (req->lookup_attributes.n) {
		s->key = req->lookup_attributes.v[0].attribute_key;
		s->value = req->lookup_attributes.v[0].attribute_value;
	}
	if (s->from > s->until)
		return err_set_wire(err, "InvalidTimeRangeException",
			"The start time stands behind the end time.");
	return 0;
}

int audit_lookup_events(struct audit_engine *e, struct call *call,
	const struct cloudtrail_lookup_events_request *req,
	struct cloudtrail_lookup_events_response *resp, struct err *err)
{
	int64_t now = (int64_t)time(NULL) * USEC_PER_SEC;
	struct strv files CLEANUP_STRV = {0};
	struct search s = {.a = call->arena,
		.from = req->start_time.set ? req->start_time.usec : now - DAYS_USEC,
		.until = req->end_time.set ? req->end_time.usec : INT64_MAX,
		.max = (size_t)wire_or(req->max_results, MOST),
		.found = &resp->events};

	if (read_attribute(&s, req, err) < 0 || read_token(&s, req->next_token, err) < 0)
		return -1;
	if (!req->next_token)
		audit_flush(e); /* what was answered before is found */
	if (audit_files(e->dir, &files, err) < 0)
		return -1;
	wire_list_alloc(call->arena, &resp->events, s.max);
	resp->events.n = 0;
	for (size_t i = files.n; i > 0 && !s.more; i--) {
		if (s.file && strcmp(files.v[i - 1], s.file) > 0)
			continue;
		if (look_through(&s, e->dir, files.v[i - 1], err) < 0)
			return -1;
	}
	if (s.more)
		resp->next_token = arena_printf(call->arena, "%s:%zu", s.file, s.end);
	return 0;
}
