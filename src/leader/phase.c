/* SPDX-License-Identifier: Apache-2.0 */
/* The four command phases of a build and what follows from their failures. */
#include <stdio.h>

#include "base/mem.h"
#include "leader/job.h"
#include "wire/pattern.h"

#define RETRIES_DEFAULT 3
#define RETRIES_MAX 100

/* What a failed phase leads to when on-failure says nothing. */
static const struct phase_rule {
	const char *name;
	bool goes_on; /* the next phase runs and artifacts are collected */
} rules[] = {
	{"INSTALL", false},
	{"PRE_BUILD", false},
	{"BUILD", true},
	{"POST_BUILD", true},
};

int phase_begin(struct job *j, const char *name, struct err *err)
{
	struct towpath_leader_record r = {.phase = name};

	if (output_line(&j->output, err, "Entering phase %s", name) < 0)
		return -1;
	return status_log_add(&j->status, "phaseStarted", &r, false, err);
}

const char *phase_message(struct job *j, const struct phase_result *r)
{
	struct str text CLEANUP_STR = STR_INIT;

	mask_text(&j->output.mask, view_of(r->message), &text);
	return arena_strdup(&j->arena, str_text(&text));
}

int phase_end(struct job *j, const char *name, const struct phase_result *r, struct err *err)
{
	struct towpath_leader_record record = {.phase = name,
		.status = r->status,
		.status_code = r->status_code,
		.message = phase_message(j, r)};

	if (output_line(&j->output, err, "Phase complete: %s State: %s", name, r->status) < 0 ||
		output_line(&j->output, err, "Phase context status code: %s Message: %s",
			r->status_code, r->message) < 0)
		return -1;
	/* Not synced: it outlives the leader as it is, and when the machine falls the build has
	 * failed, whatever its phases did. */
	return status_log_add(&j->status, "phaseEnded", &record, false, err);
}

void phase_note_end(const struct job *j, struct phase_result *r)
{
	if (j->ended == JOB_TIMED_OUT)
		*r = (struct phase_result){"TIMED_OUT", "BUILD_TIMED_OUT", "Build has timed out. "};
	else if (j->ended == JOB_STOPPED)
		*r = (struct phase_result){"STOPPED", "", ""};
}

/* A command as messages show it: a block of YAML ends in a line feed. */
static const char *shown_command(struct job *j, const char *command)
{
	size_t n = strlen(command);

	while (n && command[n - 1] == '\n')
		n--;
	return arena_strndup(&j->arena, command, n);
}

static void note_failure(
	struct job *j, const char *command, const char *reason, struct phase_result *r)
{
	if (streq(r->status, "SUCCEEDED"))
		*r = (struct phase_result){"FAILED", "COMMAND_EXECUTION_ERROR",
			arena_printf(&j->arena, "Error while executing command: %s. Reason: %s",
				command, reason)};
}

/* Runs a list up to its first failure; keeps an earlier failure in *r. */
static int run_list(struct job *j, const struct towpath_string_list *commands, const char *user,
	struct phase_result *r, struct err *err)
{
	const char *reason, *shown;

	for (size_t i = 0; i < commands->n && !job_check_end(j); i++) {
		shown = shown_command(j, commands->v[i]);
		if (output_line(&j->output, err, "Running command %s", shown) < 0 ||
			shell_run(j, commands->v[i], user, &reason, err) < 0)
			return -1;
		if (!reason || j->ended)
			continue;
		note_failure(j, shown, reason, r);
		return output_line(
			&j->output, err, "Command did not exit successfully %s %s", shown, reason);
	}
	return 0;
}

static int run_once(struct job *j, const struct towpath_leader_phase *p, struct phase_result *r,
	struct err *err)
{
	*r = PHASE_OK;
	j->output.tail_len = 0;
	if (run_list(j, &p->commands, p->run_as, r, err) < 0 ||
		run_list(j, &p->finally_commands, p->run_as, r, err) < 0)
		return -1;
	phase_note_end(j, r);
	return 0;
}

/* Whether the pattern is found in the phase's message or in the end of its log. */
static int pattern_matches(struct job *j, const char *pattern, const struct phase_result *r,
	bool *ret, struct err *err)
{
	char *tail CLEANUP(freep) = xstrndup(j->output.tail, j->output.tail_len);
	struct err why CLEANUP_ERR = ERR_INIT;
	int found;

	*ret = true;
	if (!pattern || !pattern[0])
		return 0;
	found = wire_pattern_search(pattern, r->message, &why);
	if (found == 0)
		found = wire_pattern_search(pattern, tail, &why);
	*ret = found > 0;
	if (found < 0)
		return output_line(&j->output, err, "on-failure: RETRY: %s", err_message(&why));
	return 0;
}

static int run_with_retries(struct job *j, const struct towpath_leader_phase *p,
	struct phase_result *r, struct err *err)
{
	int left = streq(p->on_failure, "RETRY")
			   ? MIN(wire_or(p->retry_count, RETRIES_DEFAULT), RETRIES_MAX)
			   : 0;
	bool again;

	while (true) {
		if (run_once(j, p, r, err) < 0)
			return -1;
		if (!streq(r->status, "FAILED") || left <= 0)
			return 0;
		if (pattern_matches(j, p->retry_pattern, r, &again, err) < 0)
			return -1;
		if (!again)
			return 0;
		if (output_line(&j->output, err, "%s failed (%s): trying again, %d more time%s",
			    p->name, r->message, left, left == 1 ? "" : "s") < 0)
			return -1;
		left--;
	}
}

static const struct towpath_leader_phase *find_phase(const struct job *j, const char *name)
{
	wire_foreach (p, &j->spec->phases) {
		if (streq(p->name, name))
			return p;
	}
	return NULL;
}

/* *ret_go_on: whether anything comes after this phase. */
static int run_phase(struct job *j, const struct phase_rule *rule, struct phase_result *build,
	bool *ret_go_on, struct err *err)
{
	static const struct towpath_leader_phase nothing = {0};
	const struct towpath_leader_phase *p = find_phase(j, rule->name);
	const char *on_failure = p ? p->on_failure : NULL;
	struct phase_result r;

	if (phase_begin(j, rule->name, err) < 0 ||
		run_with_retries(j, p ? p : &nothing, &r, err) < 0 ||
		phase_end(j, rule->name, &r, err) < 0)
		return -1;
	*ret_go_on = !j->ended;
	if (streq(r.status, "SUCCEEDED"))
		return 0;
	if (j->ended) {
		*build = r;
		return 0;
	}
	*ret_go_on =
		streq(on_failure, "CONTINUE") || (rule->goes_on && !streq(on_failure, "ABORT"));
	/* A failure that was told not to matter does not count against the build. */
	if (!streq(on_failure, "CONTINUE") && streq(build->status, "SUCCEEDED"))
		*build = r;
	return shell_mark_failing(j, err);
}

int phase_run_all(struct job *j, struct phase_result *ret, bool *ret_collect, struct err *err)
{
	*ret = PHASE_OK;
	*ret_collect = true;
	for (size_t i = 0; i < ARRAY_SIZE(rules) && *ret_collect; i++)
		if (run_phase(j, &rules[i], ret, ret_collect, err) < 0)
			return -1;
	return 0;
}
