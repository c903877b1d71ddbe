/* SPDX-License-Identifier: Apache-2.0 */
/* The phases of a batch: which may follow which. */
#include "build/batch.h"

#define PHASE(name) CODEBUILD_BUILD_BATCH_PHASE_TYPE_##name

static const struct phase_rule {
	const char *type;
	const char *next[4]; /* none: the last one */
} rules[] = {
	{PHASE(SUBMITTED), {PHASE(DOWNLOAD_BATCHSPEC)}},
	{PHASE(DOWNLOAD_BATCHSPEC), {PHASE(IN_PROGRESS), PHASE(FAILED), PHASE(STOPPED)}},
	{PHASE(IN_PROGRESS),
		{PHASE(COMBINE_ARTIFACTS), PHASE(SUCCEEDED), PHASE(FAILED), PHASE(STOPPED)}},
	{PHASE(COMBINE_ARTIFACTS), {PHASE(SUCCEEDED), PHASE(FAILED), PHASE(STOPPED)}},
	{PHASE(SUCCEEDED), {0}},
	{PHASE(FAILED), {0}},
	{PHASE(STOPPED), {0}},
};

static const struct phase_rule *find(const char *type)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (streq(rules[i].type, type))
			return &rules[i];
	BUG("a batch has no phase %s", type);
}

static bool may_follow(const char *type, const char *next)
{
	const struct phase_rule *r = find(type);

	for (size_t i = 0; i < ARRAY_SIZE(r->next); i++)
		if (r->next[i] && streq(r->next[i], next))
			return true;
	return false;
}

static void close_last(
	struct codebuild_build_batch *b, const struct batch_end *end, int64_t usec, struct arena *a)
{
	struct codebuild_build_batch_phase *p = &b->phases.v[b->phases.n - 1];

	p->phase_status = end && end->status ? end->status : CODEBUILD_STATUS_TYPE_SUCCEEDED;
	p->end_time = WIRE_SET_TIME(MAX(usec, p->start_time.usec));
	p->duration_in_seconds =
		WIRE_SET_LONG((p->end_time.usec - p->start_time.usec) / USEC_PER_SEC);
	if (!end || (!end->code && !end->message))
		return;
	wire_list_alloc(a, &p->contexts, 1);
	p->contexts.v[0].status_code = end->code ? end->code : "";
	p->contexts.v[0].message = end->message ? end->message : "";
}

static void open_next(
	struct codebuild_build_batch *b, const char *phase, int64_t usec, struct arena *a)
{
	struct codebuild_build_batch_phases old = b->phases;

	wire_list_alloc(a, &b->phases, old.n + 1);
	if (old.n)
		memcpy(b->phases.v, old.v, old.n * sizeof(*old.v));
	b->phases.v[old.n].phase_type = find(phase)->type;
	b->phases.v[old.n].start_time = WIRE_SET_TIME(usec);
	b->current_phase = find(phase)->type;
}

void batch_enter(struct codebuild_build_batch *b, const char *phase, const struct batch_end *end,
	int64_t usec, struct arena *a)
{
	BUG_ON(!may_follow(b->current_phase, phase));
	close_last(b, end, usec, a);
	open_next(b, phase, usec, a);
	if (find(phase)->next[0])
		return;
	b->complete = WIRE_SET_BOOL(true);
	b->end_time = WIRE_SET_TIME(usec);
}

void batch_submit(struct codebuild_build_batch *b, int64_t usec, struct arena *a)
{
	b->phases = (struct codebuild_build_batch_phases){0};
	b->build_batch_status = CODEBUILD_STATUS_TYPE_IN_PROGRESS;
	b->complete = WIRE_SET_BOOL(false);
	b->end_time = (struct wire_time){0};
	open_next(b, PHASE(SUBMITTED), usec, a);
	batch_enter(b, PHASE(DOWNLOAD_BATCHSPEC), NULL, usec, a);
}
