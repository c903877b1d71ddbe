/* SPDX-License-Identifier: Apache-2.0 */
/* The events of builds. The journal tells what changed; all else is read from the build. */
#include <string.h>
#include <time.h>

#include "signal/event_detail.h"
#include "store/build_record.h"
#include "towpath.gen.h"

/* An entry with the build that it is about. */
struct told {
	struct towpath_event_build d;
	struct store_build_record r;
	bool found;
};

/* Sep 1, 2017 4:12:29 PM: how events of builds write times. */
static void put_time(struct json_writer *w, const char *key, struct wire_time t)
{
	time_t seconds = t.usec / USEC_PER_SEC;
	char text[40];
	struct tm tm;

	if (!t.set)
		return;
	gmtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%b %-d, %Y %-I:%M:%S %p", &tm);
	json_put_member(w, key, text);
}

static void put_bool(struct json_writer *w, const char *key, struct wire_bool v)
{
	if (!v.set)
		return;
	json_key(w, key);
	json_put_bool(w, v.v);
}

static void put_number(struct json_writer *w, const char *key, bool set, int64_t v)
{
	if (!set)
		return;
	json_key(w, key);
	json_put_int(w, v);
}

/* ---- parts of additional-information ---- */

static void put_artifact(struct json_writer *w, const struct codebuild_build_artifacts *b)
{
	json_key(w, "artifact");
	json_open(w, '{');
	json_put_member(w, "md5sum", b ? b->md5sum : NULL);
	json_put_member(w, "sha256sum", b ? b->sha256sum : NULL);
	json_put_member(w, "location", b ? b->location : NULL);
	json_close(w, '}');
}

static void put_environment(struct json_writer *w, const struct codebuild_project_environment *env)
{
	if (!env)
		return;
	json_key(w, "environment");
	json_open(w, '{');
	json_put_member(w, "image", env->image);
	put_bool(w, "privileged-mode", env->privileged_mode);
	json_put_member(w, "compute-type", env->compute_type);
	json_put_member(w, "type", env->type);
	json_key(w, "environment-variables");
	json_open(w, '[');
	wire_foreach (v, &env->environment_variables) {
		json_open(w, '{');
		json_put_member(w, "name", v->name);
		json_put_member(w, "value", v->value);
		json_put_member(w, "type", v->type ? v->type : "PLAINTEXT");
		json_close(w, '}');
	}
	json_close(w, ']');
	json_close(w, '}');
}

static void put_source(struct json_writer *w, const struct codebuild_project_source *source)
{
	if (!source)
		return;
	json_key(w, "source");
	json_open(w, '{');
	json_put_member(w, "location", source->location);
	json_put_member(w, "type", source->type);
	json_close(w, '}');
}

static void put_logs(struct json_writer *w, const struct codebuild_logs_location *logs)
{
	if (!logs || !logs->group_name)
		return;
	json_key(w, "logs");
	json_open(w, '{');
	json_put_member(w, "group-name", logs->group_name);
	json_put_member(w, "stream-name", logs->stream_name);
	json_put_member(w, "deep-link", logs->deep_link);
	json_close(w, '}');
}

static void put_contexts(struct json_writer *w, const struct codebuild_build_phase *p)
{
	json_key(w, "phase-context");
	json_open(w, '[');
	wire_foreach (c, &p->contexts) {
		struct str text CLEANUP_STR = STR_INIT;

		str_addf(&text, "%s: %s", c->status_code ? c->status_code : "",
			c->message ? c->message : "");
		json_put_text(w, str_text(&text));
	}
	json_close(w, ']');
}

/* The phases up to the entry's time: those that ended, and the one that was open. */
static void put_phases(struct json_writer *w, const struct told *x)
{
	json_key(w, "phases");
	json_open(w, '[');
	for (size_t i = 0; i < x->r.build.phases.n && i <= (size_t)x->d.phases_to.v; i++) {
		const struct codebuild_build_phase *p = &x->r.build.phases.v[i];
		bool ended = i < (size_t)x->d.phases_to.v;

		json_open(w, '{');
		if (ended)
			put_contexts(w, p);
		put_time(w, "start-time", p->start_time);
		if (ended) {
			put_time(w, "end-time", p->end_time);
			put_number(w, "duration-in-seconds", p->duration_in_seconds.set,
				p->duration_in_seconds.v);
		}
		json_put_member(w, "phase-type", p->phase_type);
		if (ended)
			json_put_member(w, "phase-status", p->phase_status);
		json_close(w, '}');
	}
	json_close(w, ']');
}

static void put_information(struct json_writer *w, const struct told *x)
{
	const struct codebuild_build *b = &x->r.build;
	bool complete = streq(x->d.current_phase, CODEBUILD_BUILD_PHASE_TYPE_COMPLETED);

	json_key(w, "additional-information");
	json_open(w, '{');
	json_put_member(w, "initiator", x->d.initiator);
	if (x->found) {
		put_artifact(w, complete ? b->artifacts : NULL);
		put_environment(w, b->environment);
		put_number(w, "timeout-in-minutes", b->timeout_in_minutes.set,
			b->timeout_in_minutes.v);
		put_number(w, "queued-timeout-in-minutes", b->queued_timeout_in_minutes.set,
			b->queued_timeout_in_minutes.v);
		put_bool(w, "build-complete", WIRE_SET_BOOL(complete));
		put_number(w, "build-number", b->build_number.set, b->build_number.v);
		put_time(w, "build-start-time", b->start_time);
		put_source(w, b->source);
		json_put_member(w, "source-version", b->source_version);
		put_logs(w, b->logs);
		put_phases(w, x);
	}
	json_close(w, '}');
}

/* ---- the events ---- */

static void context_text(const struct codebuild_build_phase *p, struct str *out)
{
	str_add(out, "[");
	wire_foreach (c, &p->contexts)
		str_addf(out, "%s%s: %s", c == p->contexts.v ? "" : ", ",
			c->status_code ? c->status_code : "", c->message ? c->message : "");
	str_add(out, "]");
}

static void add_state(const struct event_origin *o, const struct told *x, struct event_list *ret)
{
	struct str text CLEANUP_STR = STR_INIT;
	struct json_writer w = {.out = &text};

	json_open(&w, '{');
	json_put_member(&w, "build-status", x->d.build_status);
	json_put_member(&w, "project-name", x->d.project_name);
	json_put_member(&w, "build-id", o->entry->subject);
	json_put_member(&w, "current-phase", x->d.current_phase);
	json_put_member(&w, "current-phase-context", "[]");
	json_put_member(&w, "version", "1");
	put_information(&w, x);
	json_close(&w, '}');
	event_list_add(o, ret, "aws.codebuild", "CodeBuild Build State Change", str_text(&text),
		&o->entry->subject, 1);
}

static void add_phase(const struct event_origin *o, const struct told *x,
	const struct codebuild_build_phase *p, struct event_list *ret)
{
	struct str text CLEANUP_STR = STR_INIT;
	struct str context CLEANUP_STR = STR_INIT;
	struct json_writer w = {.out = &text};
	struct event_envelope *v;

	context_text(p, &context);
	json_open(&w, '{');
	json_put_member(&w, "completed-phase", p->phase_type);
	json_put_member(&w, "completed-phase-status", p->phase_status);
	json_put_member(&w, "completed-phase-context", str_text(&context));
	put_number(&w, "completed-phase-duration-seconds", p->duration_in_seconds.set,
		p->duration_in_seconds.v);
	put_time(&w, "completed-phase-start", p->start_time);
	put_time(&w, "completed-phase-end", p->end_time);
	json_put_member(&w, "project-name", x->d.project_name);
	json_put_member(&w, "build-id", o->entry->subject);
	json_put_member(&w, "version", "1");
	put_information(&w, x);
	json_close(&w, '}');
	v = event_list_add(o, ret, "aws.codebuild", "CodeBuild Build Phase Change", str_text(&text),
		&o->entry->subject, 1);
	v->kind = streq(p->phase_status, CODEBUILD_STATUS_TYPE_SUCCEEDED) ? EVENT_PHASE_SUCCEEDED
		  : streq(p->phase_status, CODEBUILD_STATUS_TYPE_STOPPED) ? EVENT_PHASE_STOPPED
									  : EVENT_PHASE_FAILED;
}

int event_make_build(const struct event_origin *o, struct event_list *ret, struct err *err)
{
	struct told x = {0};
	const char *uuid;
	int r;

	if (wire_decode_json(
		    &towpath_event_build_shape, view_of(o->entry->detail), o->a, &x.d, err) < 0)
		return -1;
	if (!wire_or(x.d.changed, false) && x.d.phases_from.v >= x.d.phases_to.v)
		return 0;
	uuid = strrchr(x.d.build_id, ':');
	r = uuid ? store_build_record_get(o->tx, uuid + 1, false, o->a, &x.r, err) : 0;
	if (r < 0)
		return -1;
	x.found = r > 0;
	for (size_t i = (size_t)x.d.phases_from.v;
		x.found && i < (size_t)x.d.phases_to.v && i < x.r.build.phases.n; i++)
		add_phase(o, &x, &x.r.build.phases.v[i], ret);
	if (wire_or(x.d.changed, false))
		add_state(o, &x, ret);
	return 0;
}
