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

/* What the lines of a view have in common. */
struct paper {
	bool colours;
	int64_t now_usec;
	struct str *out;
};

static void add_line(const struct paper *p, const char *name, const char *status,
	struct wire_time since, struct str *note)
{
	const struct look *look = look_of(status);
	char *newline = note->p ? strchr(note->p, '\n') : NULL;
	struct timefmt age = {""};

	if (newline)
		str_truncate(note, (size_t)(newline - note->p));
	if (since.set)
		age = timefmt_duration(MAX(p->now_usec - since.usec, 0));
	str_addf(p->out, "%s%s%s  %s %-24s %-12s %8s  %s%s\n", p->colours ? "\033[" : "",
		p->colours ? look->colour : "", p->colours ? "m" : "", look->mark, name,
		status ? status : "-", age.text, str_text(note), p->colours ? "\033[0m" : "");
}

static void add_action(const struct paper *p, const struct codepipeline_action_state *action)
{
	const struct codepipeline_action_execution *run = action->latest_execution;
	struct str note CLEANUP_STR = STR_INIT;

	if (run)
		add_note(run, &note);
	add_line(p, action->action_name, run ? run->status : NULL,
		run ? run->last_status_change : (struct wire_time){0}, &note);
}

static void add_rule(
	const struct paper *p, const char *when, const struct codepipeline_rule_state *rule)
{
	const struct codepipeline_rule_execution *run = rule->latest_execution;
	struct str name CLEANUP_STR = STR_INIT, note CLEANUP_STR = STR_INIT;

	if (!run)
		return;
	str_addf(&name, "%s: %s", when, rule->rule_name);
	if (run->error_details && run->error_details->message)
		str_add(&note, run->error_details->message);
	else if (run->summary)
		str_add(&note, run->summary);
	add_line(p, str_text(&name), run->status, run->last_status_change, &note);
}

static void add_condition(const struct paper *p, const char *when,
	const struct codepipeline_stage_condition_state *condition)
{
	if (!condition)
		return;
	wire_foreach (c, &condition->condition_states)
		wire_foreach (rule, &c->rule_states)
			add_rule(p, when, rule);
}

void pipeline_view(const struct codepipeline_get_pipeline_state_response *state, bool colours,
	int64_t now_usec, struct str *out)
{
	const struct paper paper = {colours, now_usec, out};

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
		add_condition(&paper, "before entry", stage->before_entry_condition_state);
		wire_foreach (action, &stage->action_states)
			add_action(&paper, action);
		add_condition(&paper, "on success", stage->on_success_condition_state);
		add_condition(&paper, "on failure", stage->on_failure_condition_state);
	}
}

bool pipeline_view_is_active(const struct codepipeline_get_pipeline_state_response *state)
{
	wire_foreach (stage, &state->stage_states)
		if (stage->latest_execution && streq(stage->latest_execution->status, "InProgress"))
			return true;
	return false;
}
