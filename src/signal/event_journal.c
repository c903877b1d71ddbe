/* SPDX-License-Identifier: Apache-2.0 */
/* Journal entries become events of the default bus, in the form that the services send them. */
#include <string.h>

#include "signal/event_detail.h"

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
	{"codecommit.rule-template", "aws.codecommit", "CodeCommit Approval Rule Template Change",
		{{"event", "event"}, {"approvalRuleTemplateId", "approvalRuleTemplateId"},
			{"approvalRuleTemplateName", "approvalRuleTemplateName"},
			{"approvalRuleTemplateContentSha256", "approvalRuleTemplateContentSha256"},
			{"callerUserArn", "callerUserArn"}, {"creationDate", "creationDate"},
			{"lastModifiedDate", "lastModifiedDate"}, {"repositories", "repositories"},
			{"notificationBody", "notificationBody"}}},
	{"codedeploy.hook", "aws.codedeploy", "CodeDeploy Lifecycle Event Hook Invocation",
		{{"deploymentId", "deploymentId"}, {"applicationName", "application"},
			{"deploymentGroupName", "deploymentGroup"},
			{"lifecycleEvent", "lifecycleEvent"},
			{"lifecycleEventHookExecutionId", "lifecycleEventHookExecutionId"},
			{"function", "function"}}},
	{"s3.object", "aws.s3", "Object Created", {{0}}},
	{"ecs.service", "aws.ecs", "ECS Service Action",
		{{"event", "eventName"}, {"clusterArn", "clusterArn"},
			{"deploymentId", "deploymentId"}, {"reason", "reason"}}},
	{"ecs.task", "aws.ecs", "ECS Task State Change",
		{{"taskArn", "taskArn"}, {"clusterArn", "clusterArn"}, {"lastStatus", "lastStatus"},
			{"desiredStatus", "desiredStatus"}, {"stopCode", "stopCode"},
			{"stoppedReason", "stoppedReason"}, {"taskSetId", "startedBy"}}},
	{"ecr.image", "aws.ecr", "ECR Image Action",
		{{"result", "result"}, {"repositoryName", "repository-name"},
			{"imageDigest", "image-digest"}, {"actionType", "action-type"},
			{"imageTag", "image-tag"}}},
	/* The engine keeps the event's detail in the entry: alarm_event.c. */
	{"cloudwatch.alarm", "aws.cloudwatch", "CloudWatch Alarm State Change", {{0}}},
	{"cloudwatch.configuration", "aws.cloudwatch", "CloudWatch Alarm Configuration Change",
		{{0}}},
	{"autoscaling.group", "aws.autoscaling", "EC2 Instance Change",
		{{"autoScalingGroupName", "AutoScalingGroupName"}, {"instanceId", "EC2InstanceId"},
			{"event", "Event"}}},
	{"autoscaling.lifecycle", "aws.autoscaling", "EC2 Instance-launch Lifecycle Action",
		{{"lifecycleActionToken", "LifecycleActionToken"},
			{"autoScalingGroupName", "AutoScalingGroupName"},
			{"lifecycleHookName", "LifecycleHookName"}, {"instanceId", "EC2InstanceId"},
			{"lifecycleTransition", "LifecycleTransition"},
			{"notificationMetadata", "NotificationMetadata"}, {"origin", "Origin"},
			{"destination", "Destination"}}},
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

/* ---- parts that some kinds have of their own ---- */

/* Where the detail type follows from what has happened. */
static const char *detail_type_of(const struct event_kind *k, const struct json_node *detail)
{
	static const struct {
		const char *kind, *event, *detail_type;
	} rows[] = {{"s3.object", "ObjectDeleted", "Object Deleted"},
		{"ecs.service", "SERVICE_DEPLOYMENT_", "ECS Deployment State Change"}};
	const char *event = json_member_text(detail, "event");

	for (size_t i = 0; event && i < ARRAY_SIZE(rows); i++)
		if (streq(k->kind, rows[i].kind) && starts_with(event, rows[i].event))
			return rows[i].detail_type;
	return k->detail_type;
}

static void put_object(struct json_writer *w, const struct json_node *detail)
{
	const struct json_node *size = json_member(detail, "size");

	json_put_member(w, "version", "0");
	json_key(w, "bucket");
	json_open(w, '{');
	json_put_member(w, "name", json_member_text(detail, "bucket"));
	json_close(w, '}');
	json_key(w, "object");
	json_open(w, '{');
	json_put_member(w, "key", json_member_text(detail, "key"));
	if (size && size->kind == JSON_KIND_INT) {
		json_key(w, "size");
		json_put_int(w, size->integer);
	}
	json_put_member(w, "etag", json_member_text(detail, "etag"));
	json_put_member(w, "version-id", json_member_text(detail, "versionId"));
	json_close(w, '}');
	json_put_member(w, "reason",
		streq(json_member_text(detail, "event"), "ObjectDeleted") ? "DeleteObject"
									  : "PutObject");
}

static void put_service(struct json_writer *w, const struct json_node *detail)
{
	static const struct {
		const char *event, *type;
	} rows[] = {
		{"SERVICE_DEPLOYMENT_FAILED", "ERROR"}, {"SERVICE_TASK_START_IMPAIRED", "WARN"}};
	const char *event = json_member_text(detail, "event"), *type = "INFO";

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (streq(event, rows[i].event))
			type = rows[i].type;
	json_put_member(w, "eventType", type);
}

static void put_task(struct json_writer *w, const struct json_node *detail)
{
	const char *service = json_member_text(detail, "serviceName");
	struct str group CLEANUP_STR = STR_INIT;

	if (!service)
		return;
	str_addf(&group, "service:%s", service);
	json_put_member(w, "group", str_text(&group));
}

static void put_extra(
	struct json_writer *w, const struct event_kind *k, const struct json_node *detail)
{
	static const struct {
		const char *kind;
		void (*put)(struct json_writer *w, const struct json_node *detail);
	} rows[] = {
		{"s3.object", put_object}, {"ecs.service", put_service}, {"ecs.task", put_task}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (streq(k->kind, rows[i].kind))
			rows[i].put(w, detail);
}

/* The ARN of what the entry is about, or NULL. */
static const char *resource_of(const struct journal_entry *entry, struct arena *a)
{
	if (starts_with(entry->subject, "arn:"))
		return entry->subject;
	return streq(entry->kind, "s3.object") ? arena_printf(a, "arn:aws:s3:::%s", entry->subject)
					       : NULL;
}

static void put_detail(
	struct json_writer *w, const struct event_kind *k, const struct json_node *detail)
{
	const char *whole = json_member_text(detail, "event");

	if (whole && starts_with(k->kind, "cloudwatch.")) {
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

bool event_journal_kind(const char *kind)
{
	return event_maker_of(kind) || kind_of(kind);
}

int event_of_journal(struct signal_engine *e, struct db_tx *tx, const struct journal_entry *entry,
	struct arena *a, struct event_list *ret, struct err *err)
{
	struct event_origin o = {e, tx, entry, a};
	event_maker make = event_maker_of(entry->kind);
	const struct event_kind *k = kind_of(entry->kind);
	struct str detail CLEANUP_STR = STR_INIT;
	struct json_writer w = {.out = &detail};
	const char *resource;
	const struct json_node *node;

	*ret = (struct event_list){0};
	if (make)
		return make(&o, ret, err);
	if (!k)
		return 0;
	if (json_parse(view_of(entry->detail), a, &node, err) < 0)
		return -1;
	put_detail(&w, k, node);
	resource = resource_of(entry, a);
	event_list_add(&o, ret, k->source, detail_type_of(k, node), str_text(&detail), &resource,
		resource ? 1 : 0);
	return 0;
}

int signal_event_journal(struct durable *d, struct db_tx *tx, const struct journal_entry *entry,
	void *arg, struct err *err)
{
	struct signal_engine *e = arg;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct event event = {.bus = EVENT_DEFAULT_BUS, .ingested_usec = durable_now(d)};
	struct event_list list;
	int r;

	if (!event_journal_kind(entry->kind))
		return 0;
	if (streq(entry->kind, "codebuild.build") && metric_build_heard(e, tx, entry, err) < 0)
		return -1;
	r = event_bus_heard(tx, EVENT_DEFAULT_BUS, &a, err);
	if (r <= 0)
		return r;
	r = event_of_journal(e, tx, entry, &a, &list, err);
	for (size_t i = 0; r == 0 && i < list.n; i++) {
		event.id = list.v[i].id;
		event.text = event_envelope_text(e, &list.v[i], &a);
		r = event_publish(e, tx, &event, &a, err);
	}
	return r;
}
