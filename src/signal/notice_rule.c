/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of codestar-notifications on rules, their targets and tags. */
#include <string.h>

#include "crypto/digest.h"
#include "signal/notice.h"
#include "signal/topic.h"

#define PAGE 50
#define MAX_TARGETS 10
#define MAX_TAGS 50
#define CONFIGURATION(...) err_set_wire(err, "ConfigurationException", __VA_ARGS__)
#define INVALID(...) err_set_wire(err, "ValidationException", __VA_ARGS__)

int notice_rule_need(
	struct db_tx *tx, const char *arn, struct arena *a, notice_rule *ret, struct err *err)
{
	int r = store_document_get(tx, &STORE_NOTICE_RULE, arn, a, ret, err);

	if (r == 0)
		return err_set_wire(err, "ResourceNotFoundException",
			"The notification rule %s does not exist.", arn);
	return r < 0 ? -1 : 0;
}

int notice_rule_put(struct db_tx *tx, const notice_rule *rule, struct err *err)
{
	return store_document_put(tx, &STORE_NOTICE_RULE, rule->arn, rule->resource, rule, err);
}

/* ---- parts of a rule ---- */

int notice_target_check(const struct codestar_notifications_target *t, struct err *err)
{
	static const struct {
		const char *type, *service, *what;
	} kinds[] = {{NOTICE_SNS, "sns", "a topic's ARN"},
		{NOTICE_SLACK, "secretsmanager",
			"the ARN of a secret that holds the webhook's address"},
		{NOTICE_WEBHOOK, "secretsmanager",
			"the ARN of a secret that holds the webhook's address"}};

	if (!t->target_type || !t->target_address)
		return INVALID("A target needs its TargetType and its TargetAddress.");
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (streq(kinds[i].type, t->target_type))
			return event_arn_is(t->target_address, kinds[i].service, "")
				       ? 0
				       : CONFIGURATION(
						 "The address of a target of type %s must be %s.",
						 t->target_type, kinds[i].what);
	return err_set(err, ERR_UNSUPPORTED,
		"targets of type %s are not implemented; a target is of type SNS, Slack or Webhook",
		t->target_type);
}

static int set_targets(notice_rule *rule, const struct codestar_notifications_targets *targets,
	struct arena *a, struct err *err)
{
	wire_list_alloc(a, &rule->targets, targets->n);
	for (size_t i = 0; i < targets->n; i++) {
		if (notice_target_check(&targets->v[i], err) < 0)
			return -1;
		rule->targets.v[i] = (struct codestar_notifications_target_summary){
			.target_type = targets->v[i].target_type,
			.target_address = targets->v[i].target_address,
			.target_status = "ACTIVE",
		};
	}
	return 0;
}

static const char *resource_type(const char *arn)
{
	static const struct {
		const char *service, *prefix, *type;
	} rows[] = {{"codecommit", "", "repository"}, {"codebuild", "project/", "project"},
		{"codedeploy", "application:", "application"}, {"codepipeline", "", "pipeline"}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (event_arn_is(arn, rows[i].service, rows[i].prefix))
			return rows[i].type;
	return NULL;
}

static int set_types(notice_rule *rule, const struct codestar_notifications_event_type_ids *ids,
	struct arena *a, struct err *err)
{
	const char *type = resource_type(rule->resource);

	if (!type)
		return CONFIGURATION(
			"Notifications are not known for the resource %s.", rule->resource);
	wire_list_alloc(a, &rule->event_types, ids->n);
	for (size_t i = 0; i < ids->n; i++) {
		const struct notice_type *t = notice_type_find(ids->v[i]);

		if (!t)
			return INVALID("The event type %s is not known.", ids->v[i]);
		rule->event_types.v[i] = notice_type_summary(t, a);
		if (!streq(rule->event_types.v[i].resource_type, type))
			return CONFIGURATION(
				"The event type %s is not one of a %s.", ids->v[i], type);
	}
	return 0;
}

/* ---- rules ---- */

static int create_notification_rule_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(codestar_notifications, create_notification_rule);
	const char *seed = arena_printf(
		a, "%s %s", req->name, req->client_request_token ? req->client_request_token : "");
	struct digest_value digest = digest_of(DIGEST_SHA256, view_of(seed));
	int64_t now = durable_now(e->durable);
	struct store_documents all;
	notice_rule rule = {
		.arn = signal_arn(e, a, "codestar-notifications", "notificationrule/%.40s",
			digest_hex(&digest).text),
		.name = req->name,
		.resource = req->resource,
		.detail_type = req->detail_type,
		.status = req->status ? req->status : "ENABLED",
		.created_by = o_->call->principal_arn,
		.created_timestamp = {true, now},
		.last_modified_timestamp = {true, now},
	};

	memcpy(&rule.tags, &req->tags, sizeof(rule.tags));
	if (store_document_list(tx, &STORE_NOTICE_RULE, NULL, a, &all, err) < 0)
		return -1;
	resp->arn = rule.arn;
	for (size_t i = 0; i < all.n; i++) {
		/* The same request once more. */
		if (streq(all.ids[i], rule.arn) && req->client_request_token)
			return 0;
		if (streq(((notice_rule *)all.v[i])->name, req->name))
			return err_set_wire(err, "ResourceAlreadyExistsException",
				"A notification rule with the name %s already exists.", req->name);
	}
	if (set_types(&rule, &req->event_type_ids, a, err) < 0 ||
		set_targets(&rule, &req->targets, a, err) < 0)
		return -1;
	return notice_rule_put(tx, &rule, err);
}

static int update_notification_rule_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(codestar_notifications, update_notification_rule);
	notice_rule rule;

	if (notice_rule_need(tx, req->arn, a, &rule, err) < 0)
		return -1;
	rule.name = req->name ? req->name : rule.name;
	rule.status = req->status ? req->status : rule.status;
	rule.detail_type = req->detail_type ? req->detail_type : rule.detail_type;
	rule.last_modified_timestamp = WIRE_SET_TIME(durable_now(e->durable));
	if ((req->event_type_ids.set && set_types(&rule, &req->event_type_ids, a, err) < 0) ||
		(req->targets.set && set_targets(&rule, &req->targets, a, err) < 0))
		return -1;
	return notice_rule_put(tx, &rule, err);
}

/* What becomes of messages to the target now: a topic may be gone, or close its policy. */
static int find_status(struct signal_engine *e, struct db_tx *tx, const char *rule_arn,
	struct codestar_notifications_target_summary *t, struct arena *a, struct err *err)
{
	const struct signal_agent by = {.service = NOTICE_SERVICE, .source_arn = rule_arn};
	struct err why CLEANUP_ERR = ERR_INIT;

	t->target_status = "ACTIVE";
	if (!streq(t->target_type, NOTICE_SNS) ||
		topic_takes(e, tx, t->target_address, &by, a, &why) == 0)
		return 0;
	if (!topic_refused(&why))
		return err_move(err, &why);
	t->target_status = "UNREACHABLE";
	return 0;
}

static int describe_notification_rule_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(codestar_notifications, describe_notification_rule);

	if (notice_rule_need(tx, req->arn, a, resp, err) < 0)
		return -1;
	wire_foreach (t, &resp->targets)
		if (find_status(e, tx, req->arn, t, a, err) < 0)
			return -1;
	return 0;
}

static int delete_notification_rule_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(codestar_notifications, delete_notification_rule);

	resp->arn = req->arn;
	return store_document_delete(tx, &STORE_NOTICE_RULE, req->arn, err);
}

/* Whether the rule has this value for a filter's name. */
static bool rule_has(const notice_rule *rule, const char *name, const char *value)
{
	if (streq(name, "CREATED_BY"))
		return streq(rule->created_by, value);
	if (streq(name, "RESOURCE"))
		return streq(rule->resource, value);
	if (streq(name, "EVENT_TYPE_ID")) {
		wire_foreach (t, &rule->event_types) {
			if (streq(t->event_type_id, value))
				return true;
		}
		return false;
	}
	wire_foreach (t, &rule->targets) {
		if (streq(t->target_address, value))
			return true;
	}
	return false;
}

/* Filters of one name are alternatives, those of different names must all hold. */
static bool rule_passes(const notice_rule *rule,
	const struct codestar_notifications_list_notification_rules_filters *filters)
{
	wire_foreach (f, filters) {
		bool any = false;

		wire_foreach (g, filters) {
			any |= streq(f->name, g->name) && rule_has(rule, g->name, g->value);
		}
		if (!any)
			return false;
	}
	return true;
}

static int list_notification_rules_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(codestar_notifications, list_notification_rules);
	size_t max = (size_t)wire_or(req->max_results, PAGE), n = 0;
	struct store_documents all;

	if (store_document_list(tx, &STORE_NOTICE_RULE,
		    &(struct store_document_filter){
			    .after = req->next_token
					     ? signal_arn(e, a, "codestar-notifications",
						       "notificationrule/%s", req->next_token)
					     : NULL},
		    a, &all, err) < 0)
		return -1;
	wire_list_alloc(a, &resp->notification_rules, MIN(all.n, max));
	for (size_t i = 0; i < all.n; i++) {
		if (!rule_passes(all.v[i], &req->filters))
			continue;
		if (n == max) {
			resp->next_token = resp->notification_rules.v[n - 1].id;
			break;
		}
		resp->notification_rules.v[n].arn = all.ids[i];
		resp->notification_rules.v[n++].id = strrchr(all.ids[i], '/') + 1;
	}
	resp->notification_rules.n = n;
	return 0;
}

/* ---- targets ---- */

static int subscribe_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(codestar_notifications, subscribe);
	struct codestar_notifications_targets targets;
	notice_rule rule;
	size_t n = 0;

	if (notice_rule_need(tx, req->arn, a, &rule, err) < 0)
		return -1;
	wire_list_alloc(a, &targets, rule.targets.n + 1);
	wire_foreach (t, &rule.targets) {
		if (!streq(t->target_address, req->target->target_address))
			targets.v[n++] = (struct codestar_notifications_target){
				.target_type = t->target_type, .target_address = t->target_address};
	}
	if (n == MAX_TARGETS)
		return CONFIGURATION("A notification rule has at most %d targets.", MAX_TARGETS);
	targets.v[n++] = *req->target;
	targets.n = n;
	resp->arn = rule.arn;
	return set_targets(&rule, &targets, a, err) < 0 ? -1 : notice_rule_put(tx, &rule, err);
}

static int unsubscribe_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(codestar_notifications, unsubscribe);
	notice_rule rule;
	size_t n = 0;
	int r = store_document_get(tx, &STORE_NOTICE_RULE, req->arn, a, &rule, err);

	resp->arn = req->arn;
	if (r <= 0)
		return r;
	wire_foreach (t, &rule.targets) {
		if (!streq(t->target_address, req->target_address))
			rule.targets.v[n++] = *t;
	}
	rule.targets.n = n;
	return notice_rule_put(tx, &rule, err);
}

static int delete_target_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(codestar_notifications, delete_target);
	struct store_documents all;

	if (store_document_list(tx, &STORE_NOTICE_RULE, NULL, a, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		notice_rule *rule = all.v[i];
		size_t n = 0;

		if (!rule_has(rule, "TARGET_ADDRESS", req->target_address))
			continue;
		if (!wire_or(req->force_unsubscribe_all, false))
			return INVALID("The target is used by notification rules; set "
				       "ForceUnsubscribeAll to take it from all of them.");
		wire_foreach (t, &rule->targets) {
			if (!streq(t->target_address, req->target_address))
				rule->targets.v[n++] = *t;
		}
		rule->targets.n = n;
		if (notice_rule_put(tx, rule, err) < 0)
			return -1;
	}
	(void)resp;
	return 0;
}

static bool target_has(
	const struct codestar_notifications_target_summary *t, const char *name, const char *value)
{
	if (streq(name, "TARGET_TYPE"))
		return streq(t->target_type, value);
	return streq(streq(name, "TARGET_ADDRESS") ? t->target_address : t->target_status, value);
}

static bool target_passes(const struct codestar_notifications_target_summary *t,
	const struct codestar_notifications_list_targets_filters *filters)
{
	wire_foreach (f, filters) {
		bool any = false;

		wire_foreach (g, filters)
			any |= streq(f->name, g->name) && target_has(t, g->name, g->value);
		if (!any)
			return false;
	}
	return true;
}

/* An address as a page's token: tokens have letters and digits only. */
static const char *token_of(const char *address, struct arena *a)
{
	struct digest_value digest = digest_of(DIGEST_SHA256, view_of(address));

	return arena_strdup(a, digest_hex(&digest).text);
}

static int list_targets_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(codestar_notifications, list_targets);
	size_t max = (size_t)wire_or(req->max_results, PAGE), n = 0, total = 0;
	bool after = !req->next_token;
	struct store_documents all;
	const char **seen;

	if (store_document_list(tx, &STORE_NOTICE_RULE, NULL, a, &all, err) < 0)
		return -1;
	seen = arena_new_n(a, all.n * MAX_TARGETS + 1, const char *);
	wire_list_alloc(a, &resp->targets, max);
	for (size_t i = 0; i < all.n; i++) {
		const notice_rule *rule = all.v[i];

		wire_foreach (t, &rule->targets) {
			bool again = false;

			for (size_t k = 0; k < total; k++)
				again |= streq(seen[k], t->target_address);
			if (again)
				continue;
			seen[total++] = t->target_address;
			if (find_status(e, tx, rule->arn, t, a, err) < 0)
				return -1;
			if (after && n < max && target_passes(t, &req->filters))
				resp->targets.v[n++] = *t;
			else if (after && n == max && target_passes(t, &req->filters))
				resp->next_token =
					token_of(resp->targets.v[n - 1].target_address, a);
			after |= req->next_token &&
				 streq(req->next_token, token_of(t->target_address, a));
		}
	}
	resp->targets.n = n;
	return 0;
}

/* ---- tags ---- */

static int tag_resource_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(codestar_notifications, tag_resource);
	struct codestar_notifications_tags tags;
	notice_rule rule;
	size_t n = 0;

	if (notice_rule_need(tx, req->arn, a, &rule, err) < 0)
		return -1;
	wire_list_alloc(a, &tags, rule.tags.n + req->tags.n);
	wire_foreach (old, &rule.tags) {
		bool replaced = false;

		wire_foreach (kv, &req->tags) {
			replaced |= streq(kv->key, old->key);
		}
		if (!replaced)
			tags.v[n++] = *old;
	}
	wire_foreach (kv, &req->tags) {
		tags.v[n++] = *kv;
	}
	tags.n = n;
	if (n > MAX_TAGS)
		return err_set_wire(err, "LimitExceededException",
			"A notification rule has at most %d tags.", MAX_TAGS);
	rule.tags = resp->tags = tags;
	return notice_rule_put(tx, &rule, err);
}

static int untag_resource_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(codestar_notifications, untag_resource);
	notice_rule rule;
	size_t n = 0;

	if (notice_rule_need(tx, req->arn, a, &rule, err) < 0)
		return -1;
	wire_foreach (kv, &rule.tags) {
		bool gone = false;

		wire_foreach (key, &req->tag_keys) {
			gone |= streq(*key, kv->key);
		}
		if (!gone)
			rule.tags.v[n++] = *kv;
	}
	rule.tags.n = n;
	return notice_rule_put(tx, &rule, err);
}

static int list_tags_for_resource_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(codestar_notifications, list_tags_for_resource);
	notice_rule rule;

	if (notice_rule_need(tx, req->arn, a, &rule, err) < 0)
		return -1;
	resp->tags = rule.tags;
	resp->tags.set = true;
	return 0;
}

SIGNAL_DEFINE(codestar_notifications, create_notification_rule, signal_write)
SIGNAL_DEFINE(codestar_notifications, delete_notification_rule, signal_write)
SIGNAL_DEFINE(codestar_notifications, delete_target, signal_write)
SIGNAL_DEFINE(codestar_notifications, describe_notification_rule, signal_read)
SIGNAL_DEFINE(codestar_notifications, list_notification_rules, signal_read)
SIGNAL_DEFINE(codestar_notifications, list_tags_for_resource, signal_read)
SIGNAL_DEFINE(codestar_notifications, list_targets, signal_read)
SIGNAL_DEFINE(codestar_notifications, subscribe, signal_write)
SIGNAL_DEFINE(codestar_notifications, tag_resource, signal_write)
SIGNAL_DEFINE(codestar_notifications, unsubscribe, signal_write)
SIGNAL_DEFINE(codestar_notifications, untag_resource, signal_write)
SIGNAL_DEFINE(codestar_notifications, update_notification_rule, signal_write)
