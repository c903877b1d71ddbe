/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/pipeline_view.h"

#include "base/mem.h"
#include "base/timefmt.h"

static const struct look {
	const char *status, *mark, *colour;
} looks[] = {
	{"Abandoned", "■", "31"},
	{"Failed", "✘", "31"},
	{"InProgress", "▸", "33"},
	{"Succeeded", "✔", "32"},
	{NULL, "·", "90"},
};

static const struct look *look_of(const char *status)
{
	size_t i;

	for (i = 0; looks[i].status; i++)
		if (streq(looks[i].status, status))
			break;
	return &looks[i];
}

/* What an action in progress waits for, or how it ended. */
static void add_note(const struct codepipeline_action_execution *run, struct str *out)
{
	bool active = streq(run->status, CODEPIPELINE_ACTION_EXECUTION_STATUS_INPROGRESS);

	if (active && run->token)
		str_add(out, "waits for an approval: towpath approve | reject");
	else if (run->error_details && run->error_details->message)
		str_add(out, run->error_details->message);
	else if (active && run->external_execution_id)
		str_addf(out, "waits for %s", run->external_execution_id);
	else if (run->summary)
		str_add(out, run->summary);
}

static void add_action(const struct codepipeline_action_state *action,
	const struct codepipeline_action_execution *run, bool colours, int64_t now_usec,
	struct str *out)
{
	const char *status = run ? run->status : NULL;
	const struct look *look = look_of(status);
	struct timefmt since = {""};
	struct str note CLEANUP_STR = STR_INIT;
	char *newline;

	if (run) {
		add_note(run, &note);
		if (run->last_status_change.set)
			since = timefmt_duration(MAX(now_usec - run->last_status_change.usec, 0));
	}
	newline = note.p ? strchr(note.p, '\n') : NULL;
	if (newline)
		str_truncate(&note, (size_t)(newline - note.p));
	str_addf(out, "%s%s%s  %s %-24s %-12s %8s  %s%s\n", colours ? "\033[" : "",
		colours ? look->colour : "", colours ? "m" : "", look->mark, action->action_name,
		status ? status : "-", since.text, str_text(&note), colours ? "\033[0m" : "");
}

void pipeline_view(const struct codepipeline_get_pipeline_state_response *state, bool colours,
	int64_t now_usec, struct str *out)
{
	str_addf(out, "%s\n", state->pipeline_name);
	wire_foreach (stage, &state->stage_states) {
		const struct codepipeline_stage_execution *latest = stage->latest_execution;

		str_addf(out, "%s", stage->stage_name);
		if (latest && latest->pipeline_execution_id)
			str_addf(out, "  %.8s %s", latest->pipeline_execution_id, latest->status);
		if (stage->inbound_transition_state &&
			!wire_or(stage->inbound_transition_state->enabled, true))
			str_addf(out, "  transition disabled: %s",
				stage->inbound_transition_state->disabled_reason);
		str_add_c(out, '\n');
		wire_foreach (action, &stage->action_states)
			add_action(action, action->latest_execution, colours, now_usec, out);
	}
}

bool pipeline_view_is_active(const struct codepipeline_get_pipeline_state_response *state)
{
	wire_foreach (stage, &state->stage_states)
		if (stage->latest_execution && streq(stage->latest_execution->status, "InProgress"))
			return true;
	return false;
}
