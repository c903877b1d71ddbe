/* SPDX-License-Identifier: Apache-2.0 */
/* Events: journal entries become events in the form that the services send them; rules match;
 * deliveries are durable tasks, one a target. */
#include <string.h>

#include "base/log.h"
#include "base/timefmt.h"
#include "signal/internal.h"

/* ---- from the journal ---- */

/* Members of the event's detail, from members of the journal entry's. */
struct renamed {
	const char *from, *to;
};
struct event_kind {
	const char *kind, *source, *detail_type;
	struct renamed members[24];
};
static const struct event_kind event_kinds[] = {
	{"codecommit.ref", "aws.codecommit", "CodeCommit Repository State Change",
		{{"event", "event"}, {"repositoryName", "repositoryName"},
			{"repositoryId", "repositoryId"}, {"referenceType", "referenceType"},
			{"referenceName", "referenceName"},
			{"referenceFullName", "referenceFullName"}, {"commitId", "commitId"},
			{"oldCommitId", "oldCommitId"}, {"callerUserArn", "callerUserArn"},
			{"baseCommitId", "baseCommitId"}, {"sourceCommitId", "sourceCommitId"},
			{"destinationCommitId", "destinationCommitId"},
			{"mergeOption", "mergeOption"},
			{"conflictDetailsLevel", "conflictDetailsLevel"},
			{"conflictResolutionStrategy", "conflictResolutionStrategy"}}},
	{"codecommit.merge", "aws.codecommit", "CodeCommit Repository State Change",
		{{"event", "event"}, {"repositoryName", "repositoryName"},
			{"repositoryId", "repositoryId"}, {"commitId", "commitId"},
			{"callerUserArn", "callerUserArn"}, {"baseCommitId", "baseCommitId"},
			{"sourceCommitId", "sourceCommitId"},
			{"destinationCommitId", "destinationCommitId"},
			{"mergeOption", "mergeOption"},
			{"conflictDetailsLevel", "conflictDetailsLevel"},
			{"conflictResolutionStrategy", "conflictResolutionStrategy"}}},
	{"codecommit.pull", "aws.codecommit", "CodeCommit Pull Request State Change",
		{{"event", "event"}, {"author", "author"}, {"callerUserArn", "callerUserArn"},
			{"creationDate", "creationDate"}, {"lastModifiedDate", "lastModifiedDate"},
			{"description", "description"}, {"destinationCommit", "destinationCommit"},
			{"destinationReference", "destinationReference"}, {"isMerged", "isMerged"},
			{"notificationBody", "notificationBody"},
			{"pullRequestId", "pullRequestId"},
			{"pullRequestStatus", "pullRequestStatus"},
			{"repositoryNames", "repositoryNames"}, {"revisionId", "revisionId"},
			{"sourceCommit", "sourceCommit"}, {"sourceReference", "sourceReference"},
			{"title", "title"}, {"mergeOption", "mergeOption"},
			{"approvalRuleContentSha256", "approvalRuleContentSha256"},
			{"approvalRuleId", "approvalRuleId"},
			{"approvalRuleName", "approvalRuleName"},
			{"overrideStatus", "overrideStatus"},
			{"approvalStatus", "approvalStatus"}}},
	{"codecommit.comment-on-commit", "aws.codecommit", "CodeCommit Comment on Commit",
		{{"event", "event"}, {"repositoryId", "repositoryId"},
			{"repositoryName", "repositoryName"}, {"commentId", "commentId"},
			{"inReplyTo", "inReplyTo"}, {"beforeCommitId", "beforeCommitId"},
			{"afterCommitId", "afterCommitId"}, {"callerUserArn", "callerUserArn"},
			{"notificationBody", "notificationBody"}}},
	{"codecommit.comment-on-pull", "aws.codecommit", "CodeCommit Comment on Pull Request",
		{{"event", "event"}, {"repositoryId", "repositoryId"},
			{"repositoryName", "repositoryName"}, {"commentId", "commentId"},
			{"inReplyTo", "inReplyTo"}, {"beforeCommitId", "beforeCommitId"},
			{"afterCommitId", "afterCommitId"}, {"callerUserArn", "callerUserArn"},
			{"notificationBody", "notificationBody"},
			{"pullRequestId", "pullRequestId"}}},
	{"codecommit.reaction", "aws.codecommit", "CodeCommit Comment Reaction Change",
		{{"event", "event"}, {"repositoryId", "repositoryId"},
			{"repositoryName", "repositoryName"}, {"commentId", "commentId"},
			{"callerUserArn", "callerUserArn"}, {"reactionEmojis", "reactionEmojis"},
			{"reactionShortcodes", "reactionShortcodes"},
			{"reactionUnicodes", "reactionUnicodes"},
			{"notificationBody", "notificationBody"}}},
	{"codebuild.build", "aws.codebuild", "CodeBuild Build State Change",
		{{"buildStatus", "build-status"}, {"projectName", "project-name"},
			{"buildId", "build-id"}, {"currentPhase", "current-phase"}}},
	{"codedeploy.deployment", "aws.codedeploy",
		"CodeDeploy Deployment State-change Notification",
		{{"deploymentId", "deploymentId"}, {"applicationName", "application"},
			{"deploymentGroupName", "deploymentGroup"}, {"status", "state"}}},
	{"codedeploy.hook", "aws.codedeploy", "CodeDeploy Lifecycle Event Hook Invocation",
		{{"deploymentId", "deploymentId"}, {"applicationName", "application"},
			{"deploymentGroupName", "deploymentGroup"},
			{"lifecycleEvent", "lifecycleEvent"},
			{"lifecycleEventHookExecutionId", "lifecycleEventHookExecutionId"},
			{"function", "function"}}},
	{"codedeploy.instance", "aws.codedeploy", "CodeDeploy Instance State-change Notification",
		{{"deploymentId", "deploymentId"}, {"instanceId", "instanceId"},
			{"lifecycleEvent", "lifecycleEvent"}, {"status", "state"}}},
	{"codepipeline.pipeline", "aws.codepipeline",
		"CodePipeline Pipeline Execution State Change",
		{{"pipeline", "pipeline"}, {"executionId", "execution-id"}, {"state", "state"},
			{"version", "version"}}},
	{"codepipeline.stage", "aws.codepipeline", "CodePipeline Stage Execution State Change",
		{{"pipeline", "pipeline"}, {"executionId", "execution-id"}, {"stage", "stage"},
			{"state", "state"}, {"version", "version"}}},
	{"codepipeline.action", "aws.codepipeline", "CodePipeline Action Execution State Change",
		{{"pipeline", "pipeline"}, {"executionId", "execution-id"}, {"stage", "stage"},
			{"action", "action"}, {"state", "state"}, {"version", "version"}}},
	{"s3.object", "aws.s3", "Object Event",
		{{"bucket", "bucket"}, {"key", "key"}, {"versionId", "version-id"},
			{"etag", "etag"}, {"size", "size"}, {"event", "reason"}}},
	{"ecr.image", "aws.ecr", "ECR Image Action",
		{{"result", "result"}, {"repositoryName", "repository-name"},
			{"imageDigest", "image-digest"}, {"actionType", "action-type"},
			{"imageTag", "image-tag"}}},
	/* The engine keeps the event's detail in the entry: alarm_event.c. */
	{"cloudwatch.alarm", "aws.cloudwatch", "CloudWatch Alarm State Change", {{0}}},
	{"autoscaling.group", "aws.autoscaling", "EC2 Instance Change",
		{{"autoScalingGroupName", "AutoScalingGroupName"}, {"instanceId", "EC2InstanceId"},
			{"event", "Event"}}},
	{"fleet.instance", "aws.ec2", "EC2 Instance State-change Notification",
		{{"instanceId", "instance-id"}, {"state", "state"}}},
};

static const struct event_kind *kind_of(const char *kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(event_kinds); i++)
		if (streq(event_kinds[i].kind, kind))
			return &event_kinds[i];
	return NULL;
}

/* Three kinds have parts of their own: nested objects. */
static void put_extra(
	struct json_writer *w, const struct event_kind *k, const struct json_node *detail)
{
	if (streq(k->kind, "codepipeline.action")) {
		json_key(w, "type");
		json_open(w, '{');
		json_put_member(w, "owner", json_member_text(detail, "owner"));
		json_put_member(w, "category", json_member_text(detail, "category"));
		json_put_member(w, "provider", json_member_text(detail, "provider"));
		json_put_member(w, "version", "1");
		json_close(w, '}');
	} else if (streq(k->kind, "codebuild.build")) {
		json_key(w, "additional-information");
		json_open(w, '{');
		json_put_member(w, "initiator", json_member_text(detail, "initiator"));
		json_close(w, '}');
	}
}

static void put_detail(
	struct json_writer *w, const struct event_kind *k, const struct json_node *detail)
{
	const char *whole = json_member_text(detail, "event");

	if (whole && !k->members->from) {
		json_put_raw(w, view_of(whole));
		return;
	}
	json_open(w, '{');
	for (const struct renamed *m = k->members; m->from; m++) {
		const struct json_node *value = json_member(detail, m->from);
		struct str text CLEANUP_STR = STR_INIT;

		if (!value || value->kind == JSON_KIND_NULL)
			continue;
		json_write(value, &text);
		json_key(w, m->to);
		json_put_raw(w, str_view(&text));
	}
	put_extra(w, k, detail);
	json_close(w, '}');
}

struct envelope {
	const char *id, *source, *detail_type, *detail; /* detail: JSON */
	int64_t usec;
	const char *const *resources;
	size_t n_resources;
};

static char *envelope_text(struct signal_engine *e, const struct envelope *v, struct arena *a)
{
	struct str text CLEANUP_STR = STR_INIT;
	struct json_writer w = {.out = &text};

	json_open(&w, '{');
	json_put_member(&w, "version", "0");
	json_put_member(&w, "id", v->id);
	json_put_member(&w, "detail-type", v->detail_type);
	json_put_member(&w, "source", v->source);
	json_put_member(&w, "account", e->cfg.account);
	json_put_member(&w, "time", timefmt_iso(v->usec).text);
	json_put_member(&w, "region", e->cfg.region);
	json_key(&w, "resources");
	json_open(&w, '[');
	for (size_t i = 0; i < v->n_resources; i++)
		json_put_text(&w, v->resources[i]);
	json_close(&w, ']');
	json_key(&w, "detail");
	json_put_raw(&w, view_of(v->detail));
	json_close(&w, '}');
	return arena_strdup(a, str_text(&text));
}

/* ---- matching ---- */

static int enqueue_delivery(struct signal_engine *e, struct db_tx *tx,
	const struct events_describe_rule_response *rule, const struct events_target *target,
	const char *event_id, const char *event, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct str payload CLEANUP_STR = STR_INIT;
	struct towpath_signal_delivery d = {
		.rule = rule->name,
		.rule_arn = rule->arn,
		.target_id = target->id,
		.event = event,
	};

	wire_encode_json(&towpath_signal_delivery_shape, &d, &payload);
	return task_enqueue(e->durable, tx,
		&(struct task){.kind = SIGNAL_TASK_DELIVER,
			.subject = arena_printf(&a, "%s|%s", rule->name, target->id),
			.token = event_id,
			.payload = str_text(&payload)},
		err);
}

static int deliver_to_rule(struct signal_engine *e, struct db_tx *tx,
	const struct events_describe_rule_response *rule, const char *event_id, const char *event,
	struct arena *a, struct err *err)
{
	struct store_documents targets;

	if (store_document_list(tx, &STORE_EVENT_TARGET,
		    &(struct store_document_filter){.owner = rule->name}, a, &targets, err) < 0)
		return -1;
	for (size_t i = 0; i < targets.n; i++)
		if (enqueue_delivery(e, tx, rule, targets.v[i], event_id, event, err) < 0)
			return -1;
	return 0;
}

static int match_rules(struct signal_engine *e, struct db_tx *tx, const char *event_id,
	const char *event, struct arena *a, struct err *err)
{
	struct store_documents rules;
	const struct json_node *node = NULL;

	if (store_document_list(tx, &STORE_EVENT_RULE, NULL, a, &rules, err) < 0)
		return -1;
	for (size_t i = 0; i < rules.n; i++) {
		const struct events_describe_rule_response *rule = rules.v[i];
		const struct json_node *pattern;

		if (!rule->event_pattern || !streq(rule->state, "ENABLED"))
			continue;
		if ((!node && json_parse(view_of(event), a, &node, err) < 0) ||
			json_parse(view_of(rule->event_pattern), a, &pattern, err) < 0)
			return -1;
		if (event_pattern_matches(pattern, node) &&
			deliver_to_rule(e, tx, rule, event_id, event, a, err) < 0)
			return -1;
	}
	return 0;
}

int signal_event_journal(struct durable *d, struct db_tx *tx, const struct journal_entry *entry,
	void *arg, struct err *err)
{
	struct signal_engine *e = arg;
	const struct event_kind *k = kind_of(entry->kind);
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct str detail CLEANUP_STR = STR_INIT;
	struct json_writer w = {.out = &detail};
	const struct json_node *node;
	struct store_documents rules;
	struct envelope v;

	(void)d;
	if (!k)
		return 0;
	if (store_document_list(tx, &STORE_EVENT_RULE, &(struct store_document_filter){.max = 1},
		    &a, &rules, err) < 0)
		return -1;
	if (!rules.n)
		return 0;
	if (json_parse(view_of(entry->detail), &a, &node, err) < 0)
		return -1;
	put_detail(&w, k, node);
	v = (struct envelope){
		.id = arena_printf(
			&a, "00000000-0000-4000-8000-%012llx", (unsigned long long)entry->seq),
		.source = k->source,
		.detail_type = k->detail_type,
		.detail = str_text(&detail),
		.usec = entry->time_usec,
		.resources = &entry->subject,
		.n_resources = starts_with(entry->subject, "arn:") ? 1 : 0,
	};
	return match_rules(e, tx, v.id, envelope_text(e, &v, &a), &a, err);
}

/* ---- PutEvents ---- */

static int put_one_event(struct signal_engine *e, struct db_tx *tx,
	const struct events_put_events_request_entry *x, struct arena *a,
	struct events_put_events_result_entry *ret, struct err *err)
{
	const struct json_node *detail;
	struct envelope v = {
		.id = arena_strdup(a, id_uuid().text),
		.source = x->source,
		.detail_type = x->detail_type,
		.detail = x->detail,
		.usec = x->time.set ? x->time.usec : durable_now(e->durable),
		.resources = x->resources.v,
		.n_resources = x->resources.n,
	};

	if (!x->source || !x->detail_type || !x->detail) {
		ret->error_code = "InvalidArgument";
		ret->error_message = "Parameter Source, DetailType or Detail is not set.";
	} else if (starts_with(x->source, "aws.")) {
		ret->error_code = "NotAuthorizedForSourceException";
		ret->error_message = "Not authorized for the source.";
	} else if (json_parse(view_of(x->detail), a, &detail, NULL) < 0 ||
		   detail->kind != JSON_KIND_OBJECT) {
		ret->error_code = "MalformedDetail";
		ret->error_message = "Detail is malformed.";
	} else {
		ret->event_id = v.id;
		return match_rules(e, tx, v.id, envelope_text(e, &v, a), a, err);
	}
	return 0;
}

static int put_events_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(events, put_events);
	int failed = 0;

	wire_list_alloc(a, &resp->entries, req->entries.n);
	for (size_t i = 0; i < req->entries.n; i++) {
		if (put_one_event(e, tx, &req->entries.v[i], a, &resp->entries.v[i], err) < 0)
			return -1;
		failed += resp->entries.v[i].error_code != NULL;
	}
	resp->failed_entry_count = WIRE_SET_INT(failed);
	return 0;
}

SIGNAL_DEFINE(events, put_events, signal_write)

/* ---- delivering ---- */

struct delivery {
	struct signal_engine *e;
	const struct task *t;
	struct arena *a;
	struct towpath_signal_delivery d;
	struct events_target target;
	bool wanted;
};

static int delivery_look(struct db_tx *tx, void *arg, struct err *err)
{
	struct delivery *x = arg;
	int r = store_document_get(tx, &STORE_EVENT_TARGET, x->t->subject, x->a, &x->target, err);

	x->wanted = r > 0;
	return r < 0 ? -1 : 0;
}

static int deliver_log(struct db_tx *tx, void *arg, struct err *err)
{
	struct delivery *x = arg;
	const char *group = strstr(x->target.arn, ":log-group:") + strlen(":log-group:");
	char *name = arena_strdup(x->a, group);

	if (ends_with(name, ":*"))
		name[strlen(name) - 2] = '\0';
	if (signal_log_append(x->e, tx, name, x->t->token, durable_now(x->e->durable) / 1000,
		    x->target.input ? x->target.input : x->d.event, err) < 0)
		return -1;
	return task_done(x->e->durable, tx, x->t, err);
}

static int deliver_topic(struct db_tx *tx, void *arg, struct err *err)
{
	struct delivery *x = arg;

	if (signal_publish_step(x->e, tx, x->target.arn, NULL,
		    x->target.input ? x->target.input : x->d.event, err) < 0)
		return -1;
	return task_done(x->e->durable, tx, x->t, err);
}

static int deliver(struct delivery *x, struct err *err)
{
	const struct signal_config *cfg = &x->e->cfg;
	const char *name = strrchr(x->target.arn, ':') + 1;

	if (strstr(x->target.arn, ":codepipeline:") && cfg->start_pipeline)
		return cfg->start_pipeline(
			cfg->arg, name, x->d.rule_arn, x->target.role_arn, x->t->token, err);
	if (strstr(x->target.arn, ":codebuild:") && cfg->start_build && strchr(name, '/'))
		return cfg->start_build(cfg->arg, strchr(name, '/') + 1, x->d.rule_arn,
			x->target.input, x->t->token, err);
	if (strstr(x->target.arn, ":log-group:"))
		return signal_write(x->e, deliver_log, x, err);
	if (strstr(x->target.arn, ":sns:"))
		return signal_write(x->e, deliver_topic, x, err);
	return err_set(err, ERR_UNSUPPORTED, "events cannot be delivered to %s", x->target.arn);
}

int signal_deliver_run(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct delivery x = {.e = arg, .t = t, .a = &a};

	(void)d;
	if (wire_decode_json(&towpath_signal_delivery_shape, view_of(t->payload), &a, &x.d, err) <
			0 ||
		signal_read(x.e, delivery_look, &x, err) < 0)
		return -1;
	if (!x.wanted)
		return 0;
	if (deliver(&x, err) == 0)
		return 0;
	/* What is missing or forbidden stays so: no second try, as with the real service. */
	if (err_is(err, ERR_NOT_FOUND) || err_is(err, ERR_DENIED) || err_is(err, ERR_UNSUPPORTED)) {
		log_warn("signal", "rule %s, target %s: %s", x.d.rule, x.d.target_id,
			err_message(err));
		err_release(err);
		return 0;
	}
	return -1;
}

int signal_deliver_gave_up(struct durable *d, struct db_tx *tx, const struct task *t,
	const struct err *why, void *arg, struct err *err)
{
	(void)arg;
	log_warn("signal", "delivery %s failed for good: %s", t->subject, err_message(why));
	return task_done(d, tx, t, err);
}
