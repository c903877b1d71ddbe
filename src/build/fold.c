/* SPDX-License-Identifier: Apache-2.0 */
/* A leader's records put into the build. The server opened DOWNLOAD_SOURCE; everything behind it
 * is what the leader told, so folding again from the start gives the same. */
#include "build/engine.h"

static void fold_ended(
	struct codebuild_build *b, const struct towpath_leader_record *r, struct arena *a)
{
	struct codebuild_build_phase *last = build_phase_last(b);

	if (!build_phase_find(r->phase))
		return;
	if (!last || !streq(last->phase_type, r->phase))
		build_phase_open(b, r->phase, r->time.usec, a);
	build_phase_close(b, r->status, r->status_code, r->message, r->time.usec, a);
}

static void fold_started(
	struct codebuild_build *b, const struct towpath_leader_record *r, struct arena *a)
{
	struct codebuild_build_phase *last = build_phase_last(b);

	if (build_phase_find(r->phase) && !(last && streq(last->phase_type, r->phase)))
		build_phase_open(b, r->phase, r->time.usec, a);
}

static void fold_variables(
	struct codebuild_build *b, const struct towpath_leader_record *r, struct arena *a)
{
	struct codebuild_exported_environment_variables *list = &b->exported_environment_variables;

	wire_list_alloc(a, list, r->variables.n);
	for (size_t i = 0; i < list->n; i++) {
		list->v[i].name = r->variables.v[i].name;
		list->v[i].value = r->variables.v[i].value ? r->variables.v[i].value : "";
	}
}

static const struct {
	const char *kind;
	void (*fold)(
		struct codebuild_build *b, const struct towpath_leader_record *r, struct arena *a);
} folders[] = {
	{"phaseStarted", fold_started},
	{"phaseEnded", fold_ended},
	{"variables", fold_variables},
};

void build_fold(struct codebuild_build *b, const struct build_run *run, struct arena *a)
{
	build_phase_rewind(b, CODEBUILD_BUILD_PHASE_TYPE_DOWNLOAD_SOURCE);
	/* The step that opens it may still be on its way. */
	if (!streq(b->current_phase, CODEBUILD_BUILD_PHASE_TYPE_DOWNLOAD_SOURCE))
		return;
	for (size_t i = 0; i < run->n_records; i++)
		for (size_t j = 0; j < ARRAY_SIZE(folders); j++)
			if (streq(folders[j].kind, run->records[i].kind))
				folders[j].fold(b, &run->records[i], a);
}
