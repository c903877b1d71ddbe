/* SPDX-License-Identifier: Apache-2.0 */
/* Approval rules of pull requests: their own, and those that templates give them. */
#include "base/id.h"
#include "base/mem.h"
#include "source/pull.h"
#include "source/rule_content.h"

#define RULES_MAX 30

static int check_name(const char *name, struct err *err)
{
	return rule_check_name(
		name, "ApprovalRuleNameRequiredException", "InvalidApprovalRuleNameException", err);
}

static int check_content(const char *content, struct arena *a, struct err *err)
{
	struct rule_content parsed;

	return rule_content_parse(content, false, "ApprovalRuleContentRequiredException",
		"InvalidApprovalRuleContentException", a, &parsed, err);
}

static struct codecommit_approval_rule *find_rule(struct pull *p, const char *name)
{
	for (size_t i = 0; i < p->doc.approval_rules.n; i++)
		if (streq(p->doc.approval_rules.v[i].approval_rule_name, name))
			return &p->doc.approval_rules.v[i];
	return NULL;
}

static struct codecommit_approval_rule *add_rule(
	struct pull *p, const struct codecommit_approval_rule *rule, struct arena *a)
{
	struct codecommit_approval_rules_list old = p->doc.approval_rules;

	wire_list_alloc(a, &p->doc.approval_rules, old.n + 1);
	if (old.n)
		memcpy(p->doc.approval_rules.v, old.v, old.n * sizeof(*old.v));
	p->doc.approval_rules.v[old.n] = *rule;
	return &p->doc.approval_rules.v[old.n];
}

static struct codecommit_approval_rule new_rule(struct source_engine *e, const char *name,
	const char *content, const char *by, struct arena *a)
{
	int64_t now = durable_now(e->durable);

	return (struct codecommit_approval_rule){
		.approval_rule_id = arena_strdup(a, id_uuid().text),
		.approval_rule_name = name,
		.approval_rule_content = content,
		.rule_content_sha256 = rule_content_sha256(content, a),
		.creation_date = WIRE_SET_TIME(now),
		.last_modified_date = WIRE_SET_TIME(now),
		.last_modified_user = by};
}

static int tell_rule(struct source_engine *e, struct db_tx *tx, struct pull *p,
	const struct codecommit_approval_rule *rule, const char *type, const char *event_name,
	const char *actor, struct arena *a, struct err *err)
{
	struct codecommit_approval_rule_event_metadata about = {
		.approval_rule_id = rule->approval_rule_id,
		.approval_rule_name = rule->approval_rule_name,
		.approval_rule_content = rule->approval_rule_content};
	struct towpath_event_pull event = {.event = event_name,
		.approval_rule_id = rule->approval_rule_id,
		.approval_rule_name = rule->approval_rule_name,
		.approval_rule_content_sha256 = rule->rule_content_sha256};
	struct pull_news news = {.actor = actor, .journal = &event};

	news.event.pull_request_event_type = type;
	news.event.approval_rule_event_metadata = &about;
	return pull_tell(e, tx, p, a, &news, err);
}

#define RULE_CREATED CODECOMMIT_PULL_REQUEST_EVENT_TYPE_PULL_REQUEST_APPROVAL_RULE_CREATED
#define RULE_UPDATED CODECOMMIT_PULL_REQUEST_EVENT_TYPE_PULL_REQUEST_APPROVAL_RULE_UPDATED
#define RULE_DELETED CODECOMMIT_PULL_REQUEST_EVENT_TYPE_PULL_REQUEST_APPROVAL_RULE_DELETED

/* ---- of templates ---- */

static int add_from(struct source_engine *e, struct db_tx *tx, struct pull *p,
	const struct codecommit_approval_rule_template *t, struct arena *a, struct err *err)
{
	struct codecommit_approval_rule rule = new_rule(e, t->approval_rule_template_name,
		t->approval_rule_template_content, p->doc.author_arn, a);
	struct rule_content content;

	if (rule_content_parse(t->approval_rule_template_content, true,
		    "ApprovalRuleTemplateContentRequiredException",
		    "InvalidApprovalRuleTemplateContentException", a, &content, err) < 0)
		return -1;
	if (!rule_content_fits(&content, p->target->destination_reference))
		return 0;
	rule.origin_approval_rule_template =
		arena_new(a, struct codecommit_origin_approval_rule_template);
	rule.origin_approval_rule_template->approval_rule_template_id =
		t->approval_rule_template_id;
	rule.origin_approval_rule_template->approval_rule_template_name =
		t->approval_rule_template_name;
	return tell_rule(e, tx, p, add_rule(p, &rule, a), RULE_CREATED,
		"pullRequestApprovalRuleCreated", p->doc.author_arn, a, err);
}

int pull_add_template_rules(
	struct source_engine *e, struct db_tx *tx, struct pull *p, struct arena *a, struct err *err)
{
	struct store_document_filter of_repository = {.owner = p->more.repository_id};
	struct store_documents links;

	if (store_document_list(tx, &STORE_SOURCE_RULE_LINK, &of_repository, a, &links, err) < 0)
		return -1;
	for (size_t i = 0; i < links.n; i++) {
		const struct towpath_source_link *link = links.v[i];
		struct codecommit_approval_rule_template t;
		int rc = store_document_get(
			tx, &STORE_SOURCE_RULE_TEMPLATE, link->template_id, a, &t, err);

		if (rc < 0 || (rc > 0 && add_from(e, tx, p, &t, a, err) < 0))
			return -1;
	}
	return 0;
}

/* ---- of a pull request ---- */

static int create_rule(struct pull_step *s, struct db_tx *tx, struct err *err)
{
	const struct codecommit_create_pull_request_approval_rule_request *req = s->req;
	struct codecommit_create_pull_request_approval_rule_response *resp = s->resp;
	struct arena *a = s->call->arena;
	struct codecommit_approval_rule rule = new_rule(s->e, req->approval_rule_name,
		req->approval_rule_content, s->call->principal_arn, a);

	if (find_rule(&s->p, req->approval_rule_name))
		return err_set_wire(err, "ApprovalRuleNameAlreadyExistsException",
			"Pull request %s has a rule %s already.", s->id, req->approval_rule_name);
	if (s->p.doc.approval_rules.n >= RULES_MAX)
		return err_set_wire(err, "NumberOfRulesExceededException",
			"Pull request %s has %d rules, which is the most.", s->id, RULES_MAX);
	resp->approval_rule = add_rule(&s->p, &rule, a);
	return tell_rule(s->e, tx, &s->p, &rule, RULE_CREATED, "pullRequestApprovalRuleCreated",
		s->call->principal_arn, a, err);
}

int source_create_pull_request_approval_rule(struct source_engine *e, struct call *call,
	const struct codecommit_create_pull_request_approval_rule_request *req,
	struct codecommit_create_pull_request_approval_rule_response *resp, struct err *err)
{
	struct pull_step s = {.e = e,
		.call = call,
		.id = req->pull_request_id,
		.change = create_rule,
		.req = req,
		.resp = resp};

	if (check_name(req->approval_rule_name, err) < 0 ||
		check_content(req->approval_rule_content, call->arena, err) < 0)
		return -1;
	return pull_step(&s, err);
}

static int update_rule(struct pull_step *s, struct db_tx *tx, struct err *err)
{
	const struct codecommit_update_pull_request_approval_rule_content_request *req = s->req;
	struct codecommit_update_pull_request_approval_rule_content_response *resp = s->resp;
	struct arena *a = s->call->arena;
	struct codecommit_approval_rule *rule = find_rule(&s->p, req->approval_rule_name);

	if (!rule)
		return err_set_wire(err, "ApprovalRuleDoesNotExistException",
			"Pull request %s has no rule %s.", s->id, req->approval_rule_name);
	if (rule->origin_approval_rule_template)
		return err_set_wire(err, "CannotModifyApprovalRuleFromTemplateException",
			"The rule %s comes from a template and cannot be changed.",
			req->approval_rule_name);
	if (req->existing_rule_content_sha256 &&
		!streq(req->existing_rule_content_sha256, rule->rule_content_sha256))
		return err_set_wire(err, "InvalidRuleContentSha256Exception",
			"The SHA-256 of the rule's content is %s.", rule->rule_content_sha256);
	rule->approval_rule_content = req->new_rule_content;
	rule->rule_content_sha256 = rule_content_sha256(req->new_rule_content, a);
	rule->last_modified_date = WIRE_SET_TIME(durable_now(s->e->durable));
	rule->last_modified_user = s->call->principal_arn;
	resp->approval_rule = rule;
	return tell_rule(s->e, tx, &s->p, rule, RULE_UPDATED, "pullRequestApprovalRuleUpdated",
		s->call->principal_arn, a, err);
}

int source_update_pull_request_approval_rule_content(struct source_engine *e, struct call *call,
	const struct codecommit_update_pull_request_approval_rule_content_request *req,
	struct codecommit_update_pull_request_approval_rule_content_response *resp, struct err *err)
{
	struct pull_step s = {.e = e,
		.call = call,
		.id = req->pull_request_id,
		.change = update_rule,
		.req = req,
		.resp = resp};

	if (check_name(req->approval_rule_name, err) < 0 ||
		check_content(req->new_rule_content, call->arena, err) < 0)
		return -1;
	return pull_step(&s, err);
}

/* One that is not there is deleted already. */
static int delete_rule(struct pull_step *s, struct db_tx *tx, struct err *err)
{
	const struct codecommit_delete_pull_request_approval_rule_request *req = s->req;
	struct codecommit_delete_pull_request_approval_rule_response *resp = s->resp;
	struct codecommit_approval_rules_list *rules = &s->p.doc.approval_rules;
	struct codecommit_approval_rule *rule = find_rule(&s->p, req->approval_rule_name), gone;
	size_t at;

	resp->approval_rule_id = "";
	if (!rule)
		return 0;
	if (rule->origin_approval_rule_template)
		return err_set_wire(err, "CannotDeleteApprovalRuleFromTemplateException",
			"The rule %s comes from a template and cannot be deleted.",
			req->approval_rule_name);
	gone = *rule;
	at = (size_t)(rule - rules->v);
	memmove(rule, rule + 1, (rules->n - at - 1) * sizeof(*rule));
	rules->n--;
	resp->approval_rule_id = gone.approval_rule_id;
	return tell_rule(s->e, tx, &s->p, &gone, RULE_DELETED, "pullRequestApprovalRuleDeleted",
		s->call->principal_arn, s->call->arena, err);
}

int source_delete_pull_request_approval_rule(struct source_engine *e, struct call *call,
	const struct codecommit_delete_pull_request_approval_rule_request *req,
	struct codecommit_delete_pull_request_approval_rule_response *resp, struct err *err)
{
	struct pull_step s = {.e = e,
		.call = call,
		.id = req->pull_request_id,
		.change = delete_rule,
		.req = req,
		.resp = resp};

	if (check_name(req->approval_rule_name, err) < 0)
		return -1;
	return pull_step(&s, err);
}
