/* SPDX-License-Identifier: Apache-2.0 */
/* Triggers of deployment groups: a change of a deployment's status is published in the step that
 * takes its journal entry, so once. */
#include "provider/deploy_notice.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "codec/json.h"
#include "store/deploy_application.h"
#include "store/deploy_group.h"
#include "towpath.gen.h"

static const struct {
	const char *status, *event;
} events[] = {
	{"Created", "DeploymentStart"},
	{"Succeeded", "DeploymentSuccess"},
	{"Failed", "DeploymentFailure"},
	{"Stopped", "DeploymentStop"},
	{"Ready", "DeploymentReady"},
};

static const char *event_of(const char *status)
{
	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		if (streq(events[i].status, status))
			return events[i].event;
	return NULL;
}

static const char *message(const struct deploy_notice *n, const struct towpath_event_deployment *d,
	const char *trigger, int64_t usec, struct arena *a)
{
	struct str text CLEANUP_STR = STR_INIT;
	struct json_writer w = {.out = &text};

	json_open(&w, '{');
	json_put_member(&w, "region", n->region);
	json_put_member(&w, "accountId", n->account);
	json_put_member(&w, "eventTriggerName", trigger);
	json_put_member(&w, "applicationName", d->application_name);
	json_put_member(&w, "deploymentId", d->deployment_id);
	json_put_member(&w, "deploymentGroupName", d->deployment_group_name);
	json_put_member(&w, "status", d->status);
	json_put_member(&w, "time", timefmt_iso(usec).text);
	json_close(&w, '}');
	return arena_strdup(a, str_text(&text));
}

static bool has_event(const struct codedeploy_trigger_config *t, const char *event)
{
	wire_foreach (x, &t->trigger_events) {
		if (streq(*x, event))
			return true;
	}
	return false;
}

static int on_deployment(struct durable *d, struct db_tx *tx, const struct journal_entry *entry,
	void *arg, struct err *err)
{
	const struct deploy_notice *n = arg;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct towpath_event_deployment event;
	struct codedeploy_application_info application;
	struct codedeploy_deployment_group_info group;
	const char *name;
	int r;

	(void)d;
	if (wire_decode_json(
		    &towpath_event_deployment_shape, view_of(entry->detail), &a, &event, err) < 0)
		return -1;
	name = event_of(event.status);
	if (!name || !event.application_name || !event.deployment_group_name)
		return 0;
	r = store_deploy_application_find(tx, event.application_name, &a, &application, err);
	if (r > 0)
		r = store_deploy_group_find(tx, application.application_id,
			event.deployment_group_name, &a, &group, err);
	if (r <= 0)
		return r;
	wire_foreach (t, &group.trigger_configurations) {
		struct err why CLEANUP_ERR = ERR_INIT;
		const char *subject = arena_printf(&a, "%s: AWS CodeDeploy %.16s in %.40s",
			event.status, event.deployment_id, event.application_name);

		if (has_event(t, name) &&
			signal_publish_step(n->signal, tx, t->trigger_target_arn, subject,
				message(n, &event, t->trigger_name, entry->time_usec, &a),
				&why) < 0)
			log_warn("deploy", "trigger %s of group %s: %s", t->trigger_name,
				event.deployment_group_name, err_message(&why));
	}
	return 0;
}

void deploy_notice_watch(struct deploy_notice *n)
{
	journal_subscribe(n->durable, &(struct journal_consumer){.name = "deploy.notice",
					      .kind_prefix = "codedeploy.deployment",
					      .fn = on_deployment,
					      .arg = n});
}
