/* SPDX-License-Identifier: Apache-2.0 */
/* The types of events that notification rules know, and how journal entries become messages. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/timefmt.h"
#include "signal/notice.h"

#define REPOSITORY "codecommit-repository-"
#define BUILD "codebuild-project-build-state-"
#define PHASE "codebuild-project-build-phase-"
#define APPLICATION "codedeploy-application-deployment-"
#define ACTION "codepipeline-pipeline-action-execution-"
#define APPROVAL "codepipeline-pipeline-manual-approval-"
#define STAGE "codepipeline-pipeline-stage-execution-"
#define EXECUTION "codepipeline-pipeline-pipeline-execution-"

const struct notice_type notice_types[] = {
	{REPOSITORY "comments-on-commits", "codecommit.comment-on-commit", NULL, NULL, NULL, NULL},
	{REPOSITORY "comments-on-pull-requests", "codecommit.comment-on-pull", NULL, NULL, NULL,
		NULL},
	{REPOSITORY "approvals-status-changed", "codecommit.pull", "event",
		"pullRequestApprovalStateChanged", NULL, NULL},
	{REPOSITORY "approvals-rule-override", "codecommit.pull", "event",
		"pullRequestApprovalRuleOverridden", NULL, NULL},
	{REPOSITORY "pull-request-created", "codecommit.pull", "event", "pullRequestCreated", NULL,
		NULL},
	{REPOSITORY "pull-request-source-updated", "codecommit.pull", "event",
		"pullRequestSourceBranchUpdated", NULL, NULL},
	{REPOSITORY "pull-request-status-changed", "codecommit.pull", "event",
		"pullRequestStatusChanged", NULL, NULL},
	{REPOSITORY "pull-request-merged", "codecommit.pull", "event",
		"pullRequestMergeStatusUpdated", NULL, NULL},
	{REPOSITORY "branches-and-tags-created", "codecommit.ref", "event", "referenceCreated",
		NULL, NULL},
	{REPOSITORY "branches-and-tags-deleted", "codecommit.ref", "event", "referenceDeleted",
		NULL, NULL},
	{REPOSITORY "branches-and-tags-updated", "codecommit.ref", "event", "referenceUpdated",
		NULL, NULL},
	{BUILD "failed", "codebuild.build", "buildStatus", "FAILED", NULL, NULL},
	{BUILD "succeeded", "codebuild.build", "buildStatus", "SUCCEEDED", NULL, NULL},
	{BUILD "in-progress", "codebuild.build", "buildStatus", "IN_PROGRESS", NULL, NULL},
	{BUILD "stopped", "codebuild.build", "buildStatus", "STOPPED", NULL, NULL},
	{PHASE "failure", EVENT_PHASE_FAILED, NULL, NULL, NULL, NULL},
	{PHASE "success", EVENT_PHASE_SUCCEEDED, NULL, NULL, NULL, NULL},
	{APPLICATION "failed", "codedeploy.deployment", "status", "Failed", NULL, NULL},
	{APPLICATION "succeeded", "codedeploy.deployment", "status", "Succeeded", NULL, NULL},
	{APPLICATION "started", "codedeploy.deployment", "status", "Created", NULL, NULL},
	{ACTION "succeeded", "codepipeline.action", "state", "SUCCEEDED", NULL, NULL},
	{ACTION "failed", "codepipeline.action", "state", "FAILED", NULL, NULL},
	{ACTION "canceled", "codepipeline.action", "state", "CANCELED", NULL, NULL},
	{ACTION "started", "codepipeline.action", "state", "STARTED", NULL, NULL},
	{STAGE "started", "codepipeline.stage", "state", "STARTED", NULL, NULL},
	{STAGE "succeeded", "codepipeline.stage", "state", "SUCCEEDED", NULL, NULL},
	{STAGE "resumed", "codepipeline.stage", "state", "RESUMED", NULL, NULL},
	{STAGE "canceled", "codepipeline.stage", "state", "CANCELED", NULL, NULL},
	{STAGE "failed", "codepipeline.stage", "state", "FAILED", NULL, NULL},
	{EXECUTION "failed", "codepipeline.pipeline", "state", "FAILED", NULL, NULL},
	{EXECUTION "canceled", "codepipeline.pipeline", "state", "CANCELED", NULL, NULL},
	{EXECUTION "started", "codepipeline.pipeline", "state", "STARTED", NULL, NULL},
	{EXECUTION "resumed", "codepipeline.pipeline", "state", "RESUMED", NULL, NULL},
	{EXECUTION "succeeded", "codepipeline.pipeline", "state", "SUCCEEDED", NULL, NULL},
	{EXECUTION "superseded", "codepipeline.pipeline", "state", "SUPERSEDED", NULL, NULL},
	{APPROVAL "failed", "codepipeline.action", "state", "FAILED", "category", "Approval"},
	{APPROVAL "needed", "codepipeline.action", "state", "STARTED", "category", "Approval"},
	{APPROVAL "succeeded", "codepipeline.action", "state", "SUCCEEDED", "category", "Approval"},
};
const size_t notice_types_n = ARRAY_SIZE(notice_types);

const struct notice_type *notice_type_find(const char *id)
{
	for (size_t i = 0; i < notice_types_n; i++)
		if (streq(notice_types[i].id, id))
			return &notice_types[i];
	return NULL;
}

struct codestar_notifications_event_type_summary notice_type_summary(
	const struct notice_type *t, struct arena *a)
{
	static const struct {
		const char *prefix, *service, *resource;
	} parts[] = {{REPOSITORY, "CodeCommit", "repository"}, {BUILD, "CodeBuild", "project"},
		{PHASE, "CodeBuild", "project"}, {APPLICATION, "CodeDeploy", "application"},
		{"codepipeline-pipeline-", "CodePipeline", "pipeline"}};
	struct codestar_notifications_event_type_summary s = {.event_type_id = t->id};

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		char *name;

		if (!starts_with(t->id, parts[i].prefix))
			continue;
		s.service_name = parts[i].service;
		s.resource_type = parts[i].resource;
		name = arena_strdup(a, t->id + strcspn(t->id, "-") + 1);
		for (char *c = name; *c; c++)
			*c = *c == '-' ? ' ' : *c;
		s.event_type_name = name;
	}
	return s;
}

/* ---- from the journal ---- */

static bool holds(const struct json_node *detail, const char *member, const char *value)
{
	return !member || streq(json_member_text(detail, member), value);
}

/* The ARN that rules name for what the entry is about, or NULL. */
static const char *resource_of(struct signal_engine *e, const struct journal_entry *entry,
	const struct json_node *detail, struct arena *a)
{
	const char *name;

	if (streq(entry->kind, "codebuild.build")) {
		name = json_member_text(detail, "projectName");
		return name ? signal_arn(e, a, "codebuild", "project/%s", name) : NULL;
	}
	if (streq(entry->kind, "codedeploy.deployment")) {
		name = json_member_text(detail, "applicationName");
		return name ? signal_arn(e, a, "codedeploy", "application:%s", name) : NULL;
	}
	return entry->subject;
}

static const char *message(struct signal_engine *e, const notice_rule *rule,
	const struct event_envelope *v, struct arena *a)
{
	bool full = streq(rule->detail_type, CODESTAR_NOTIFICATIONS_DETAIL_TYPE_FULL);
	struct str text CLEANUP_STR = STR_INIT;
	struct json_writer w = {.out = &text};

	json_open(&w, '{');
	json_put_member(&w, "account", e->cfg.account);
	json_put_member(&w, "detailType", v->detail_type);
	json_put_member(&w, "region", e->cfg.region);
	json_put_member(&w, "source", v->source);
	json_put_member(&w, "time", timefmt_iso(v->usec).text);
	json_put_member(&w, "notificationRuleArn", rule->arn);
	json_key(&w, "detail");
	json_put_raw(&w, view_of(v->detail));
	json_key(&w, "resources");
	json_open(&w, '[');
	for (size_t i = 0; i < v->n_resources; i++)
		json_put_text(&w, v->resources[i]);
	json_close(&w, ']');
	json_key(&w, "additionalAttributes");
	json_put_raw(&w, view_of(full && v->additional ? v->additional : "{}"));
	json_close(&w, '}');
	return arena_strdup(a, str_text(&text));
}

static bool wanted(const notice_rule *rule, const char *kind, const struct json_node *detail)
{
	wire_foreach (x, &rule->event_types) {
		const struct notice_type *t = notice_type_find(x->event_type_id);

		if (t && streq(t->kind, kind) && holds(detail, t->member, t->value) &&
			holds(detail, t->member2, t->value2))
			return streq(rule->status, "ENABLED");
	}
	return false;
}

static int tell_targets(struct signal_engine *e, struct db_tx *tx, const notice_rule *rule,
	const struct event_envelope *v, struct arena *a, struct err *err)
{
	wire_foreach (t, &rule->targets) {
		if (notice_send(e, tx, rule, t, v->id, message(e, rule, v, a), err) < 0)
			return -1;
	}
	return 0;
}

int notice_journal(struct durable *d, struct db_tx *tx, const struct journal_entry *entry,
	void *arg, struct err *err)
{
	struct signal_engine *e = arg;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	const struct json_node *detail;
	struct event_list list;
	struct store_documents rules;
	const char *resource;

	(void)d;
	if (!event_journal_kind(entry->kind))
		return 0;
	if (store_document_list(tx, &STORE_NOTICE_RULE, NULL, &a, &rules, err) < 0)
		return -1;
	if (!rules.n)
		return 0;
	if (event_of_journal(e, tx, entry, &a, &list, err) < 0 ||
		json_parse(view_of(entry->detail), &a, &detail, err) < 0)
		return -1;
	resource = resource_of(e, entry, detail, &a);
	for (size_t i = 0; i < rules.n; i++) {
		const notice_rule *rule = rules.v[i];

		if (!streq(rule->resource, resource))
			continue;
		for (size_t k = 0; k < list.n; k++)
			if (wanted(rule, list.v[k].kind, detail) &&
				tell_targets(e, tx, rule, &list.v[k], &a, err) < 0)
				return -1;
	}
	return 0;
}

/* ---- ListEventTypes ---- */

static bool passes(const struct codestar_notifications_list_event_types_filters *filters,
	const struct codestar_notifications_event_type_summary *s)
{
	wire_foreach (f, filters) {
		const char *value =
			streq(f->name, "SERVICE_NAME") ? s->service_name : s->resource_type;

		if (strcasecmp(value, f->value) != 0)
			return false;
	}
	return true;
}

static int list_event_types_step(struct db_tx *tx UNUSED, void *arg, struct err *err UNUSED)
{
	SIGNAL_OP_ARGS(codestar_notifications, list_event_types);
	size_t max = (size_t)wire_or(req->max_results, 50), n = 0;
	size_t start = req->next_token ? strtoul(req->next_token, NULL, 10) : 0;

	wire_list_alloc(a, &resp->event_types, max);
	for (size_t i = start; i < notice_types_n; i++) {
		struct codestar_notifications_event_type_summary s =
			notice_type_summary(&notice_types[i], a);

		if (!passes(&req->filters, &s))
			continue;
		if (n == max) {
			resp->next_token = arena_printf(a, "%zu", i);
			break;
		}
		resp->event_types.v[n++] = s;
	}
	resp->event_types.n = n;
	return 0;
}

SIGNAL_DEFINE(codestar_notifications, list_event_types, signal_read)
