/* SPDX-License-Identifier: Apache-2.0 */
/* The list of phases of a build, as BatchGetBuilds shows it: only phases that began, in order of
 * time; the open one without status and end; COMPLETED with its start alone. */
#include "build/engine.h"

static const struct build_phase_rule rules[] = {
	{CODEBUILD_BUILD_PHASE_TYPE_SUBMITTED, false},
	{CODEBUILD_BUILD_PHASE_TYPE_QUEUED, false},
	{CODEBUILD_BUILD_PHASE_TYPE_PROVISIONING, true},
	{CODEBUILD_BUILD_PHASE_TYPE_DOWNLOAD_SOURCE, true},
	{CODEBUILD_BUILD_PHASE_TYPE_INSTALL, true},
	{CODEBUILD_BUILD_PHASE_TYPE_PRE_BUILD, true},
	{CODEBUILD_BUILD_PHASE_TYPE_BUILD, true},
	{CODEBUILD_BUILD_PHASE_TYPE_POST_BUILD, true},
	{CODEBUILD_BUILD_PHASE_TYPE_UPLOAD_ARTIFACTS, true},
	{CODEBUILD_BUILD_PHASE_TYPE_FINALIZING, true},
	{CODEBUILD_BUILD_PHASE_TYPE_COMPLETED, false},
};

const struct build_phase_rule *build_phase_find(const char *type)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (streq(rules[i].type, type))
			return &rules[i];
	return NULL;
}

struct codebuild_build_phase *build_phase_last(const struct codebuild_build *b)
{
	return b->phases.n ? &b->phases.v[b->phases.n - 1] : NULL;
}

void build_phase_open(struct codebuild_build *b, const char *type, int64_t usec, struct arena *a)
{
	struct codebuild_build_phases old = b->phases;

	BUG_ON(!build_phase_find(type));
	wire_list_alloc(a, &b->phases, old.n + 1);
	if (old.n)
		memcpy(b->phases.v, old.v, old.n * sizeof(*old.v));
	b->phases.v[old.n].phase_type = build_phase_find(type)->type;
	b->phases.v[old.n].start_time = WIRE_SET_TIME(usec);
	b->current_phase = b->phases.v[old.n].phase_type;
}

void build_phase_close(struct codebuild_build *b, const char *status, const char *code,
	const char *message, int64_t usec, struct arena *a)
{
	struct codebuild_build_phase *p = build_phase_last(b);
	bool failed = !streq(status, CODEBUILD_STATUS_TYPE_SUCCEEDED);

	if (!p || p->phase_status || streq(p->phase_type, CODEBUILD_BUILD_PHASE_TYPE_COMPLETED))
		return;
	usec = MAX(usec, p->start_time.usec);
	p->phase_status = status;
	p->end_time = WIRE_SET_TIME(usec);
	p->duration_in_seconds = WIRE_SET_LONG((usec - p->start_time.usec) / USEC_PER_SEC);
	p->contexts = (struct codebuild_phase_contexts){0};
	if (!build_phase_find(p->phase_type)->has_context && !(failed && (code || message)))
		return;
	wire_list_alloc(a, &p->contexts, 1);
	p->contexts.v[0].status_code = code ? arena_strdup(a, code) : "";
	p->contexts.v[0].message = message ? arena_strdup(a, message) : "";
}

void build_phase_rewind(struct codebuild_build *b, const char *type)
{
	for (size_t i = 0; i < b->phases.n; i++) {
		struct codebuild_build_phase *p = &b->phases.v[i];

		if (!streq(p->phase_type, type))
			continue;
		b->phases.n = i + 1;
		*p = (struct codebuild_build_phase){
			.phase_type = build_phase_find(type)->type, .start_time = p->start_time};
		b->current_phase = p->phase_type;
		return;
	}
}

void build_phase_complete(struct codebuild_build *b, const char *status, bool finalizing,
	int64_t usec, struct arena *a)
{
	if (finalizing) {
		build_phase_open(b, CODEBUILD_BUILD_PHASE_TYPE_FINALIZING, usec, a);
		build_phase_close(b, CODEBUILD_STATUS_TYPE_SUCCEEDED, NULL, NULL, usec, a);
	}
	build_phase_open(b, CODEBUILD_BUILD_PHASE_TYPE_COMPLETED, usec, a);
	b->build_status = status;
	b->build_complete = WIRE_SET_BOOL(true);
	b->end_time = WIRE_SET_TIME(usec);
}
