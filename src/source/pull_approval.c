/* SPDX-License-Identifier: Apache-2.0 */
/* Approvals of pull requests, whether they satisfy the rules, and overriding the rules. All belong
 * to one revision. */
#include "base/mem.h"
#include "source/pull.h"
#include "source/rule_content.h"

#define APPROVALS_MAX 200

int pull_check_revision(const struct pull *p, const char *revision, bool current, struct err *err)
{
	if (!revision || !*revision)
		return err_set_wire(
			err, "RevisionIdRequiredException", "A revision ID is required.");
	if (strlen(revision) != 64 || revision[strspn(revision, "0123456789abcdef")])
		return err_set_wire(err, "InvalidRevisionIdException",
			"%s is not the ID of a revision.", revision);
	if (current && !streq(revision, p->doc.revision_id))
		return err_set_wire(err, "RevisionNotCurrentException",
			"The current revision of pull request %s is %s.", p->doc.pull_request_id,
			p->doc.revision_id);
	return 0;
}

static const char *of_revision(const struct pull *p, const char *revision, struct arena *a)
{
	return arena_printf(a, "%s/%s", p->key, revision);
}

static int list_approvals(struct db_tx *tx, const char *owner, struct arena *a,
	struct store_documents *ret, struct err *err)
{
	return store_document_list(tx, &STORE_SOURCE_PULL_APPROVAL,
		&(struct store_document_filter){.owner = owner}, a, ret, err);
}

/* ---- evaluation ---- */

static int satisfied(const struct pull *p, const struct codecommit_approval_rule *rule,
	const struct store_documents *approvals, struct arena *a, bool *ret, struct err *err)
{
	struct rule_content content;
	int64_t counted = 0;

	if (rule_content_parse(rule->approval_rule_content, true,
		    "ApprovalRuleContentRequiredException", "InvalidApprovalRuleContentException",
		    a, &content, err) < 0)
		return -1;
	for (size_t i = 0; i < approvals->n; i++) {
		const struct codecommit_approval *by = approvals->v[i];

		counted += !streq(by->user_arn, p->doc.author_arn) &&
			   rule_content_admits(&content, by->user_arn);
	}
	*ret = counted >= content.needed;
	return 0;
}

int pull_evaluate(struct db_tx *tx, const struct pull *p, struct arena *a,
	struct codecommit_evaluation *ret, struct err *err)
{
	const char *owner = of_revision(p, p->doc.revision_id, a);
	const struct codecommit_approval_rules_list *rules = &p->doc.approval_rules;
	struct codecommit_get_pull_request_override_state_response override = {0};
	struct store_documents approvals;
	int overridden =
		store_document_get(tx, &STORE_SOURCE_PULL_OVERRIDE, owner, a, &override, err);

	if (overridden < 0 || list_approvals(tx, owner, a, &approvals, err) < 0)
		return -1;
	wire_list_alloc(a, &ret->approval_rules_satisfied, rules->n);
	wire_list_alloc(a, &ret->approval_rules_not_satisfied, rules->n);
	ret->approval_rules_satisfied.n = ret->approval_rules_not_satisfied.n = 0;
	for (size_t i = 0; i < rules->n; i++) {
		const char *name = rules->v[i].approval_rule_name;
		bool good;

		if (satisfied(p, &rules->v[i], &approvals, a, &good, err) < 0)
			return -1;
		if (good)
			ret->approval_rules_satisfied.v[ret->approval_rules_satisfied.n++] = name;
		else
			ret->approval_rules_not_satisfied.v[ret->approval_rules_not_satisfied.n++] =
				name;
	}
	ret->overridden = WIRE_SET_BOOL(overridden > 0);
	ret->approved = WIRE_SET_BOOL(overridden > 0 || ret->approval_rules_not_satisfied.n == 0);
	return 0;
}

/* ---- reading ---- */

struct looking {
	struct call *call;
	const char *id, *revision;
	int (*look)(struct looking *l, struct db_tx *tx, struct err *err);
	void *resp;
	struct pull p;
};

static int look_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct looking *l = arg;

	if (pull_load(tx, l->id, l->call->arena, &l->p, err) < 0)
		return -1;
	return l->look(l, tx, err);
}

static int look_evaluation(struct looking *l, struct db_tx *tx, struct err *err)
{
	struct codecommit_evaluate_pull_request_approval_rules_response *resp = l->resp;

	if (pull_check_revision(&l->p, l->revision, true, err) < 0)
		return -1;
	resp->evaluation = arena_new(l->call->arena, struct codecommit_evaluation);
	return pull_evaluate(tx, &l->p, l->call->arena, resp->evaluation, err);
}

int source_evaluate_pull_request_approval_rules(struct source_engine *e, struct call *call,
	const struct codecommit_evaluate_pull_request_approval_rules_request *req,
	struct codecommit_evaluate_pull_request_approval_rules_response *resp, struct err *err)
{
	struct looking l = {
		call, req->pull_request_id, req->revision_id, look_evaluation, resp, {0}};

	return db_read(durable_db(e->durable), look_fn, &l, err);
}

static int look_states(struct looking *l, struct db_tx *tx, struct err *err)
{
	struct codecommit_get_pull_request_approval_states_response *resp = l->resp;
	struct arena *a = l->call->arena;
	struct store_documents found;

	if (pull_check_revision(&l->p, l->revision, false, err) < 0 ||
		list_approvals(tx, of_revision(&l->p, l->revision, a), a, &found, err) < 0)
		return -1;
	wire_list_alloc(a, &resp->approvals, found.n);
	for (size_t i = 0; i < found.n; i++)
		resp->approvals.v[i] = *(const struct codecommit_approval *)found.v[i];
	return 0;
}

int source_get_pull_request_approval_states(struct source_engine *e, struct call *call,
	const struct codecommit_get_pull_request_approval_states_request *req,
	struct codecommit_get_pull_request_approval_states_response *resp, struct err *err)
{
	struct looking l = {call, req->pull_request_id, req->revision_id, look_states, resp, {0}};

	return db_read(durable_db(e->durable), look_fn, &l, err);
}

static int look_override(struct looking *l, struct db_tx *tx, struct err *err)
{
	struct codecommit_get_pull_request_override_state_response *resp = l->resp;
	struct arena *a = l->call->arena;
	int found;

	if (pull_check_revision(&l->p, l->revision, false, err) < 0)
		return -1;
	found = store_document_get(
		tx, &STORE_SOURCE_PULL_OVERRIDE, of_revision(&l->p, l->revision, a), a, resp, err);
	resp->overridden = WIRE_SET_BOOL(found > 0);
	return found < 0 ? -1 : 0;
}

int source_get_pull_request_override_state(struct source_engine *e, struct call *call,
	const struct codecommit_get_pull_request_override_state_request *req,
	struct codecommit_get_pull_request_override_state_response *resp, struct err *err)
{
	struct looking l = {call, req->pull_request_id, req->revision_id, look_override, resp, {0}};

	return db_read(durable_db(e->durable), look_fn, &l, err);
}

/* ---- approving ---- */

static int tell_approval(struct pull_step *s, struct db_tx *tx, const char *revision,
	const char *state, struct err *err)
{
	struct codecommit_approval_state_changed_event_metadata changed = {
		.revision_id = revision, .approval_status = state};
	struct towpath_event_pull event = {
		.event = "pullRequestApprovalStateChanged", .approval_status = state};
	struct pull_news news = {.actor = s->call->principal_arn, .journal = &event};

	news.event.pull_request_event_type =
		CODECOMMIT_PULL_REQUEST_EVENT_TYPE_PULL_REQUEST_APPROVAL_STATE_CHANGED;
	news.event.approval_state_changed_event_metadata = &changed;
	return pull_tell(s->e, tx, &s->p, s->call->arena, &news, err);
}

static int set_approval(struct pull_step *s, struct db_tx *tx, struct err *err)
{
	const struct codecommit_update_pull_request_approval_state_request *req = s->req;
	struct arena *a = s->call->arena;
	struct codecommit_approval doc = {
		.user_arn = s->call->principal_arn, .approval_state = req->approval_state};
	const char *owner, *id;
	struct store_documents found;

	if (pull_check_revision(&s->p, req->revision_id, true, err) < 0)
		return -1;
	if (streq(doc.user_arn, s->p.doc.author_arn))
		return err_set_wire(err, "PullRequestCannotBeApprovedByAuthorException",
			"%s is the author of pull request %s and cannot approve it.", doc.user_arn,
			s->id);
	owner = of_revision(&s->p, req->revision_id, a);
	id = arena_printf(a, "%s/%s", owner, doc.user_arn);
	if (streq(req->approval_state, CODECOMMIT_APPROVAL_STATE_REVOKE)) {
		if (store_document_delete(tx, &STORE_SOURCE_PULL_APPROVAL, id, err) < 0)
			return -1;
	} else {
		if (list_approvals(tx, owner, a, &found, err) < 0)
			return -1;
		if (found.n >= APPROVALS_MAX)
			return err_set_wire(err, "MaximumNumberOfApprovalsExceededException",
				"Pull request %s has %d approvals, which is the most.", s->id,
				APPROVALS_MAX);
		if (store_document_put(tx, &STORE_SOURCE_PULL_APPROVAL, id, owner, &doc, err) < 0)
			return -1;
	}
	return tell_approval(s, tx, req->revision_id, req->approval_state, err);
}

int source_update_pull_request_approval_state(struct source_engine *e, struct call *call,
	const struct codecommit_update_pull_request_approval_state_request *req,
	struct codecommit_update_pull_request_approval_state_response *resp UNUSED, struct err *err)
{
	struct pull_step s = {.e = e,
		.call = call,
		.id = req->pull_request_id,
		.change = set_approval,
		.req = req};

	if (!req->approval_state || !*req->approval_state)
		return err_set_wire(
			err, "ApprovalStateRequiredException", "An approval state is required.");
	if (!streq(req->approval_state, CODECOMMIT_APPROVAL_STATE_APPROVE) &&
		!streq(req->approval_state, CODECOMMIT_APPROVAL_STATE_REVOKE))
		return err_set_wire(err, "InvalidApprovalStateException",
			"%s is not an approval state; give APPROVE or REVOKE.",
			req->approval_state);
	return pull_step(&s, err);
}

/* ---- overriding ---- */

static int set_override(struct pull_step *s, struct db_tx *tx, struct err *err)
{
	const struct codecommit_override_pull_request_approval_rules_request *req = s->req;
	struct arena *a = s->call->arena;
	struct codecommit_approval_rule_overridden_event_metadata overridden = {
		.revision_id = req->revision_id, .override_status = req->override_status};
	struct towpath_event_pull event = {.event = "pullRequestApprovalRuleOverridden",
		.override_status = req->override_status};
	struct pull_news news = {.actor = s->call->principal_arn, .journal = &event};
	struct codecommit_get_pull_request_override_state_response doc = {
		.overridden = WIRE_SET_BOOL(true), .overrider = s->call->principal_arn};
	struct codecommit_get_pull_request_override_state_response known;
	const char *id;
	int rc;

	if (pull_check_revision(&s->p, req->revision_id, true, err) < 0)
		return -1;
	id = of_revision(&s->p, req->revision_id, a);
	if (streq(req->override_status, CODECOMMIT_OVERRIDE_STATUS_REVOKE)) {
		rc = store_document_delete(tx, &STORE_SOURCE_PULL_OVERRIDE, id, err);
	} else {
		rc = store_document_get(tx, &STORE_SOURCE_PULL_OVERRIDE, id, a, &known, err);
		if (rc > 0)
			return err_set_wire(err, "OverrideAlreadySetException",
				"%s has overridden the rules of pull request %s already.",
				known.overrider, s->id);
		if (rc == 0)
			rc = store_document_put(tx, &STORE_SOURCE_PULL_OVERRIDE, id, "", &doc, err);
	}
	if (rc < 0)
		return -1;
	news.event.pull_request_event_type =
		CODECOMMIT_PULL_REQUEST_EVENT_TYPE_PULL_REQUEST_APPROVAL_RULE_OVERRIDDEN;
	news.event.approval_rule_overridden_event_metadata = &overridden;
	return pull_tell(s->e, tx, &s->p, a, &news, err);
}

int source_override_pull_request_approval_rules(struct source_engine *e, struct call *call,
	const struct codecommit_override_pull_request_approval_rules_request *req,
	struct codecommit_override_pull_request_approval_rules_response *resp UNUSED,
	struct err *err)
{
	struct pull_step s = {.e = e,
		.call = call,
		.id = req->pull_request_id,
		.change = set_override,
		.req = req};

	if (!req->override_status || !*req->override_status)
		return err_set_wire(
			err, "OverrideStatusRequiredException", "An override status is required.");
	if (!streq(req->override_status, CODECOMMIT_OVERRIDE_STATUS_OVERRIDE) &&
		!streq(req->override_status, CODECOMMIT_OVERRIDE_STATUS_REVOKE))
		return err_set_wire(err, "InvalidOverrideStatusException",
			"%s is not an override status; give OVERRIDE or REVOKE.",
			req->override_status);
	return pull_step(&s, err);
}
