/* SPDX-License-Identifier: Apache-2.0 */
/* Rule / DeploymentWindow: succeeds when now lies in the window that a cron expression describes,
 * otherwise waits for the window to open until the rule's timeout. */
#include "base/mem.h"
#include "base/zone.h"
#include "codec/cron.h"
#include "provider/action_world.h"

#define MINUTE (INT64_C(60) * USEC_PER_SEC)
#define AHEAD_MINUTES 86400 /* as long as a rule may take */

static const struct action_key keys[] = {
	{"Cron", true, false, "The window, e.g. 0 0 9-17 ? * MON-FRI *"},
	{"TimeZone", false, false, "UTC (default), UTC+HH:MM or a zone such as Europe/Berlin"},
};

static int validate(void *arg UNUSED, const struct codepipeline_action_declaration *action,
	struct arena *a UNUSED, struct err *err)
{
	const char *text = action_setting(action, "Cron"),
		   *zone = action_setting(action, "TimeZone");
	CLEANUP_ERR struct err why = ERR_INIT;
	CLEANUP_ZONE struct zone z = {0};
	struct cron cron;

	if (!action_value_is_variable(text) && cron_parse(text, &cron, &why) < 0)
		return err_set_wire(err, "InvalidStageDeclarationException", "Rule '%s': Cron: %s",
			action->name, err_message(&why));
	if (!action_value_is_variable(zone) && zone_init(&z, zone, &why) < 0)
		return err_set_wire(err, "InvalidStageDeclarationException",
			"Rule '%s': TimeZone: %s; use UTC, UTC+HH:MM or a zone such as "
			"Europe/Berlin",
			action->name, err_message(&why));
	return 0;
}

/* Minutes from now until the window is open; -1: not within the time that a rule may take. */
static int64_t minutes_until(const struct cron *c, const struct zone *z, int64_t now_usec)
{
	for (int64_t i = 0; i <= AHEAD_MINUTES; i++) {
		int64_t then = now_usec + i * MINUTE;

		if (cron_matches(c, then + zone_offset_usec(z, then)))
			return i;
	}
	return -1;
}

static int look(
	void *arg UNUSED, const struct action_run *run, struct action_result *ret, struct err *err)
{
	CLEANUP_ERR struct err why = ERR_INIT;
	CLEANUP_ZONE struct zone zone = {0};
	struct cron cron;
	int64_t wait;

	(void)err;
	if (cron_parse(action_run_setting(run, "Cron"), &cron, &why) < 0)
		return action_fail(run, ret, "ConfigurationError", "Cron: %s", err_message(&why));
	if (zone_init(&zone, action_run_setting(run, "TimeZone"), &why) < 0)
		return action_fail(
			run, ret, "ConfigurationError", "TimeZone: %s", err_message(&why));
	wait = minutes_until(&cron, &zone, run->now_usec);
	ret->external_id = run->id;
	if (wait == 0) {
		ret->outcome = ACTION_SUCCEEDED;
		ret->summary = "The deployment window is open";
		return 0;
	}
	ret->summary = "Waits for the deployment window to open";
	if (wait > 0)
		ret->check_after_usec = wait * MINUTE - run->now_usec % MINUTE;
	return 0;
}

const struct action_provider rule_window = {
	.category = CODEPIPELINE_RULE_CATEGORY_RULE,
	.provider = "DeploymentWindow",
	ACTION_KEYS(keys),
	.timeout_usec = 1440 * MINUTE,
	.validate = validate,
	.start = look,
	.check = look,
};
