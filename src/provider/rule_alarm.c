/* SPDX-License-Identifier: Apache-2.0 */
/* Rule / CloudWatchAlarm. Before entry it succeeds as soon as the alarm is in none of the states,
 * and fails when that has not come within WaitTime; on success it fails as soon as the alarm is in
 * one of them, and succeeds when that has not come within WaitTime; on failure it succeeds (the
 * condition is met) as soon as the alarm is in one of them. */
#include <stdlib.h>

#include "base/mem.h"
#include "provider/action_world.h"

#define MINUTE (INT64_C(60) * USEC_PER_SEC)

static const struct action_key keys[] = {
	{"AlarmName", true, false, "The alarm"},
	{"AlarmStates", false, false, "Comma list of ALARM, OK, INSUFFICIENT_DATA; default ALARM"},
	{"WaitTime", false, false, "Minutes; default 0"},
};

static bool is_number(const char *text)
{
	return *text && strlen(text) < 6 && strspn(text, "0123456789") == strlen(text);
}

static int validate(void *arg UNUSED, const struct codepipeline_action_declaration *action,
	struct arena *a UNUSED, struct err *err)
{
	const char *wait = action_setting(action, "WaitTime");

	if (wait && !action_value_is_variable(wait) && !is_number(wait))
		return err_set_wire(err, "InvalidStageDeclarationException",
			"Rule '%s': WaitTime '%s' is not a number of minutes", action->name, wait);
	return 0;
}

static bool is_listed(const char *states, const char *state)
{
	struct view rest = view_of(states ? states : "ALARM");

	while (rest.len)
		if (view_eq_str(view_trim(view_cut(&rest, ',')), state))
			return true;
	return false;
}

/* *ret_state NULL: there is no such alarm. */
static int read_state(struct action_world *w, const struct action_run *run, const char *name,
	const char **ret_state, struct err *err)
{
	struct call call = action_call(run);
	struct cloudwatch_describe_alarms_request req = {0};
	struct cloudwatch_describe_alarms_response resp = {0};

	wire_list_alloc(run->arena, &req.alarm_names, 1);
	req.alarm_names.v[0] = name;
	wire_list_alloc(run->arena, &req.alarm_types, 2);
	req.alarm_types.v[0] = CLOUDWATCH_ALARM_TYPE_METRICALARM;
	req.alarm_types.v[1] = CLOUDWATCH_ALARM_TYPE_COMPOSITEALARM;
	if (signal_cloudwatch_describe_alarms(w->signal, &call, &req, &resp, err) < 0)
		return -1;
	*ret_state = resp.metric_alarms.n      ? resp.metric_alarms.v[0].state_value
		     : resp.composite_alarms.n ? resp.composite_alarms.v[0].state_value
					       : NULL;
	return 0;
}

/* Before entry and on success the listed states are bad, on failure they are what is asked for. */
static void decide(const struct action_run *run, struct action_result *ret, const char *name,
	const char *state, int64_t left)
{
	bool listed = is_listed(action_run_setting(run, "AlarmStates"), state);
	bool on_success = streq(run->condition, CODEPIPELINE_CONDITION_TYPE_ON_SUCCESS);
	bool good = streq(run->condition, "ON_FAILURE") ? listed : !listed;

	ret->external_id = name;
	ret->summary = arena_printf(run->arena, "Alarm %s is in state %s", name, state);
	/* On success the bad is watched for, elsewhere the good is waited for. */
	if (good == on_success && left > 0)
		ret->check_after_usec = left;
	else if (good)
		ret->outcome = ACTION_SUCCEEDED;
	else
		action_fail(run, ret, "RuleFailed", "%s", ret->summary);
}

static int look(void *arg, const struct action_run *run, struct action_result *ret, struct err *err)
{
	const char *name = action_run_setting(run, "AlarmName"), *state;
	const char *wait = action_run_setting(run, "WaitTime");
	int64_t minutes = wait && is_number(wait) ? strtoll(wait, NULL, 10) : 0;

	if (read_state(arg, run, name, &state, err) < 0)
		return -1;
	if (!state)
		return action_fail(run, ret, "ConfigurationError", "Alarm %s does not exist", name);
	decide(run, ret, name, state, run->started_usec + minutes * MINUTE - run->now_usec);
	return 0;
}

static const char *correlate(void *arg UNUSED, const struct journal_entry *e, struct arena *a)
{
	struct towpath_event_alarm alarm;

	return wire_decode_json(&towpath_event_alarm_shape, view_of(e->detail), a, &alarm, NULL) < 0
		       ? NULL
		       : alarm.alarm_name;
}

static const char *const kinds[] = {"cloudwatch.alarm", NULL};

const struct action_provider rule_alarm = {
	.category = CODEPIPELINE_RULE_CATEGORY_RULE,
	.provider = "CloudWatchAlarm",
	ACTION_KEYS(keys),
	.timeout_usec = 86400 * MINUTE,
	.journal_kinds = kinds,
	.validate = validate,
	.start = look,
	.check = look,
	.correlate = correlate,
};
