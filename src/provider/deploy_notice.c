/* SPDX-License-Identifier: Apache-2.0 */
/* Triggers of deployment groups: a change of a deployment's status, or of one of its instances', is
 * published in the step that takes its journal entry, so once. */
#include "provider/deploy_notice.h"

#include <ctype.h>

#include "base/log.h"
#include "base/mem.h"
#include "codec/json.h"
#include "store/deploy_application.h"
#include "store/deploy_deployment.h"
#include "store/deploy_group.h"
#include "towpath.gen.h"

struct event_row {
	const char *status, *event;
};
static const struct event_row deployment_events[] = {
	{"Created", "DeploymentStart"},
	{"Succeeded", "DeploymentSuccess"},
	{"Failed", "DeploymentFailure"},
	{"Stopped", "DeploymentStop"},
	{"Ready", "DeploymentReady"},
	{0},
};
static const struct event_row instance_events[] = {
	{"InProgress", "InstanceStart"},
	{"Succeeded", "InstanceSuccess"},
	{"Failed", "InstanceFailure"},
	{"Ready", "InstanceReady"},
	{0},
};

static const char *event_of(const struct event_row *rows, const char *status)
{
	for (; rows->status; rows++)
		if (streq(rows->status, status))
			return rows->event;
	return NULL;
}

/* ---- one change, and who is told ---- */

struct change {
	const struct deploy_notice *n;
	struct db_tx *tx;
	struct arena *a;
	int64_t usec;
	const char *application, *group, *deployment_id, *status;
	const char *event, *also; /* of triggers; also: NULL but for rollbacks */
	/* The members of the message that the kind of change has of its own. */
	void (*put)(const struct change *c, struct json_writer *w);
	const struct store_deployment *deployment;
	const struct store_target *target; /* of an instance */
};

static bool has_event(const struct codedeploy_trigger_config *t, const char *event)
{
	wire_foreach (x, &t->trigger_events) {
		if (streq(*x, event))
			return true;
	}
	return false;
}

static const char *message(const struct change *c, const char *trigger)
{
	struct str text CLEANUP_STR = STR_INIT;
	struct json_writer w = {.out = &text};

	json_open(&w, '{');
	json_put_member(&w, "region", c->n->region);
	json_put_member(&w, "accountId", c->n->account);
	json_put_member(&w, "eventTriggerName", trigger);
	json_put_member(&w, "deploymentId", c->deployment_id);
	c->put(c, &w);
	json_close(&w, '}');
	return arena_strdup(c->a, str_text(&text));
}

/* 1, 0 (the group is gone) or -1. */
static int find_group(
	const struct change *c, struct codedeploy_deployment_group_info *ret, struct err *err)
{
	struct codedeploy_application_info application;
	int r = store_deploy_application_find(c->tx, c->application, c->a, &application, err);

	return r <= 0 ? r
		      : store_deploy_group_find(
				c->tx, application.application_id, c->group, c->a, ret, err);
}

static const char *subject_of(const struct change *c)
{
	char *status = arena_strdup(c->a, c->status);

	for (char *p = status; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	return arena_printf(c->a, "%s: AWS CodeDeploy %.16s in %.20s to %.40s", status,
		c->deployment_id, c->n->region, c->application);
}

static int tell(const struct change *c, struct err *err)
{
	const char *subject = subject_of(c);
	struct codedeploy_deployment_group_info group;
	/* The group's role publishes, and is not asked. */
	const struct signal_agent by = {
		.service = "codedeploy.amazonaws.com",
		.source_arn = arena_printf(c->a, "arn:aws:codedeploy:%s:%s:deploymentgroup:%s/%s",
			c->n->region, c->n->account, c->application, c->group),
		.under_role = true,
	};
	int r = find_group(c, &group, err);

	if (r <= 0)
		return r;
	wire_foreach (t, &group.trigger_configurations) {
		struct err why CLEANUP_ERR = ERR_INIT;

		if (!has_event(t, c->event) && (!c->also || !has_event(t, c->also)))
			continue;
		if (signal_publish_step(c->n->signal, c->tx, &by, t->trigger_target_arn, subject,
			    message(c, t->trigger_name), &why) < 0)
			log_warn("deploy", "trigger %s of group %s: %s", t->trigger_name, c->group,
				err_message(&why));
	}
	return 0;
}

/* In messages of triggers times are texts of seconds, counts are texts. */
static void put_time(struct json_writer *w, const char *key, struct wire_time at, struct arena *a)
{
	if (at.set)
		json_put_member(w, key,
			arena_printf(a, "%lld.%03lld", (long long)(at.usec / USEC_PER_SEC),
				(long long)(at.usec % USEC_PER_SEC / USEC_PER_MSEC)));
}

/* ---- deployments ---- */

static void put_overview(
	const struct codedeploy_deployment_overview *o, struct json_writer *w, struct arena *a)
{
	const struct {
		const char *name;
		struct wire_long n;
	} counts[] = {{"Failed", o->failed}, {"InProgress", o->in_progress},
		{"Pending", o->pending}, {"Ready", o->ready}, {"Skipped", o->skipped},
		{"Succeeded", o->succeeded}};

	json_key(w, "deploymentOverview");
	json_open(w, '{');
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		json_put_member(w, counts[i].name,
			arena_printf(a, "%lld", (long long)wire_or(counts[i].n, 0)));
	json_close(w, '}');
}

static void put_error(const struct codedeploy_error_information *e, struct json_writer *w)
{
	if (!e)
		return;
	json_key(w, "errorInformation");
	json_open(w, '{');
	json_put_member(w, "ErrorCode", e->code);
	json_put_member(w, "ErrorMessage", e->message);
	json_close(w, '}');
}

static void put_rollback(const struct codedeploy_rollback_info *r, struct json_writer *w)
{
	struct str text CLEANUP_STR = STR_INIT;

	if (!r)
		return;
	wire_encode_json(&codedeploy_rollback_info_shape, r, &text);
	json_key(w, "rollbackInformation");
	json_put_raw(w, str_view(&text));
}

static void put_deployment(const struct change *c, struct json_writer *w)
{
	const struct codedeploy_deployment_info *d = &c->deployment->info;

	json_put_member(w, "applicationName", c->application);
	json_put_member(w, "deploymentGroupName", c->group);
	put_time(w, "createTime", d->create_time, c->a);
	put_time(w, "completeTime", d->complete_time, c->a);
	if (d->deployment_overview)
		put_overview(d->deployment_overview, w, c->a);
	json_put_member(w, "status", c->status);
	put_error(d->error_information, w);
	put_rollback(d->rollback_info, w);
}

static int on_deployment(struct durable *d, struct db_tx *tx, const struct journal_entry *entry,
	void *arg, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct change c = {
		.n = arg, .tx = tx, .a = &a, .usec = entry->time_usec, .put = put_deployment};
	struct towpath_event_deployment event;
	struct store_deployment deployment = {0};

	(void)d;
	if (wire_decode_json(
		    &towpath_event_deployment_shape, view_of(entry->detail), &a, &event, err) < 0)
		return -1;
	c.event = event_of(deployment_events, event.status);
	if (!c.event || !event.application_name || !event.deployment_group_name)
		return 0;
	if (store_deployment_get(tx, event.deployment_id, &a, &deployment, err) < 0)
		return -1;
	c.application = event.application_name;
	c.group = event.deployment_group_name;
	c.deployment_id = event.deployment_id;
	c.status = event.status;
	c.deployment = &deployment;
	if (streq(event.status, "Created") &&
		streq(deployment.info.creator, CODEDEPLOY_DEPLOYMENT_CREATOR_CODEDEPLOYROLLBACK))
		c.also = "DeploymentRollback";
	return tell(&c, err);
}

/* ---- instances ---- */

static void put_instance(const struct change *c, struct json_writer *w)
{
	const struct codedeploy_instance_target *t = &c->target->info;

	json_put_member(w, "instanceId", t->target_arn);
	put_time(w, "lastUpdatedAt", (struct wire_time)WIRE_SET_TIME(c->usec), c->a);
	json_put_member(w, "instanceStatus", c->status);
	json_key(w, "lifecycleEvents");
	json_open(w, '[');
	wire_foreach (e, &t->lifecycle_events) {
		json_open(w, '{');
		json_put_member(w, "LifecycleEvent", e->lifecycle_event_name);
		json_put_member(w, "LifecycleEventStatus", e->status);
		put_time(w, "StartTime", e->start_time, c->a);
		put_time(w, "EndTime", e->end_time, c->a);
		json_close(w, '}');
	}
	json_close(w, ']');
}

static int on_instance(struct durable *d, struct db_tx *tx, const struct journal_entry *entry,
	void *arg, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct change c = {
		.n = arg, .tx = tx, .a = &a, .usec = entry->time_usec, .put = put_instance};
	struct towpath_event_deployment_target event;
	struct store_target target;
	int r;

	(void)d;
	if (wire_decode_json(&towpath_event_deployment_target_shape, view_of(entry->detail), &a,
		    &event, err) < 0)
		return -1;
	c.event = event_of(instance_events, event.status);
	if (!c.event || !event.application_name || !event.deployment_group_name)
		return 0;
	r = store_target_get(tx, event.deployment_id, event.instance_id, &a, &target, err);
	if (r <= 0)
		return r;
	c.application = event.application_name;
	c.group = event.deployment_group_name;
	c.deployment_id = event.deployment_id;
	c.status = event.status;
	c.target = &target;
	return tell(&c, err);
}

void deploy_notice_watch(struct deploy_notice *n)
{
	journal_subscribe(n->durable, &(struct journal_consumer){.name = "deploy.notice",
					      .kind_prefix = "codedeploy.deployment",
					      .fn = on_deployment,
					      .arg = n});
	journal_subscribe(n->durable, &(struct journal_consumer){.name = "deploy.notice.instance",
					      .kind_prefix = "codedeploy.target",
					      .fn = on_instance,
					      .arg = n});
}
