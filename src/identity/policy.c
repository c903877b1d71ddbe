/* SPDX-License-Identifier: Apache-2.0 */
/* Policy documents: the grammar, and which statement applies to a request. */
#include "identity/policy.h"

#include <ctype.h>
#include <strings.h>

#include "base/limits.h"
#include "base/mem.h"
#include "codec/json.h"
#include "identity/policy_match.h"

struct statement {
	bool deny;
	const struct json_node *action, *not_action, *resource, *not_resource;
	const struct json_node *principal, *not_principal, *condition;
};

struct policy {
	enum policy_use use;
	bool variables; /* Version 2012-10-17 */
	struct statement *statements;
	size_t n;
};

static int malformed(struct err *err, const char *text)
{
	return err_set_wire(err, "MalformedPolicyDocument", "%s", text);
}

/* ---- parsing ---- */

static bool is_texts(const struct json_node *node)
{
	if (!node || node->kind == JSON_KIND_STRING)
		return true;
	if (node->kind != JSON_KIND_ARRAY)
		return false;
	for (size_t i = 0; i < node->n; i++) {
		if (node->items[i].kind != JSON_KIND_STRING)
			return false;
	}
	return true;
}

static int check_actions(const struct json_node *node, struct err *err)
{
	size_t n = node->kind == JSON_KIND_ARRAY ? node->n : 1;

	for (size_t i = 0; i < n; i++) {
		struct view text = node->kind == JSON_KIND_ARRAY ? node->items[i].text : node->text;

		if (view_eq_str(text, "*"))
			continue;
		if (!memchr(text.p, ':', text.len))
			return err_set_wire(err, "MalformedPolicyDocument",
				"Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, "
				"ec2, etc. (got '" VIEW_FMT "')",
				VIEW_ARG(text));
	}
	return 0;
}

static int check_resources(const struct json_node *node, struct err *err)
{
	size_t n = node->kind == JSON_KIND_ARRAY ? node->n : 1;

	for (size_t i = 0; i < n; i++) {
		struct view text = node->kind == JSON_KIND_ARRAY ? node->items[i].text : node->text;
		struct view rest = text;
		int fields = 0;

		if (view_eq_str(text, "*"))
			continue;
		for (; rest.p && fields < 6; fields++)
			(void)view_cut(&rest, ':');
		if (fields < 6 || !view_starts_with(text, "arn:"))
			return err_set_wire(err, "MalformedPolicyDocument",
				"Resource " VIEW_FMT " must be in ARN format or \"*\".",
				VIEW_ARG(text));
	}
	return 0;
}

static int check_condition(const struct json_node *c, struct err *err)
{
	if (!c)
		return 0;
	if (c->kind != JSON_KIND_OBJECT)
		return malformed(err, "Condition must be an object.");
	for (size_t i = 0; i < c->n; i++) {
		if (!policy_operator_known(c->items[i].key))
			return err_set_wire(err, "MalformedPolicyDocument",
				"Invalid Condition type : " VIEW_FMT ".",
				VIEW_ARG(c->items[i].key));
		if (c->items[i].kind != JSON_KIND_OBJECT)
			return err_set_wire(err, "MalformedPolicyDocument",
				"Condition " VIEW_FMT " must hold keys with values.",
				VIEW_ARG(c->items[i].key));
		for (size_t k = 0; k < c->items[i].n; k++) {
			if (c->items[i].items[k].kind == JSON_KIND_OBJECT)
				return err_set_wire(err, "MalformedPolicyDocument",
					"The values of condition key " VIEW_FMT " must be texts.",
					VIEW_ARG(c->items[i].items[k].key));
		}
	}
	return 0;
}

static const char *const elements[] = {"Action", "Condition", "Effect", "NotAction", "NotPrincipal",
	"NotResource", "Principal", "Resource", "Sid"};

static int check_elements(const struct json_node *node, struct err *err)
{
	for (size_t i = 0; i < node->n; i++) {
		bool known = false;

		for (size_t k = 0; k < ARRAY_SIZE(elements); k++)
			known |= view_eq_str(node->items[i].key, elements[k]);
		if (!known)
			return err_set_wire(err, "MalformedPolicyDocument",
				"Syntax errors in policy: unknown element '" VIEW_FMT
				"' in a statement.",
				VIEW_ARG(node->items[i].key));
	}
	return 0;
}

static int check_principal(const struct statement *s, enum policy_use use, struct err *err)
{
	const struct json_node *p = s->principal ? s->principal : s->not_principal;

	if (use == POLICY_IDENTITY)
		return p ? malformed(err, "Policy document should not specify a principal.") : 0;
	if (!p)
		return malformed(err, "Missing required field Principal");
	if (p->kind == JSON_KIND_STRING)
		return view_eq_str(p->text, "*")
			       ? 0
			       : err_set_wire(err, "MalformedPolicyDocument",
					 "Invalid principal in policy: \"" VIEW_FMT "\"",
					 VIEW_ARG(p->text));
	if (p->kind != JSON_KIND_OBJECT)
		return malformed(err, "Invalid principal in policy.");
	for (size_t i = 0; i < p->n; i++) {
		if (!is_texts(&p->items[i]))
			return malformed(err, "Invalid principal in policy.");
	}
	return 0;
}

static int check_resource_elements(const struct statement *s, enum policy_use use, struct err *err)
{
	const struct json_node *node = s->resource ? s->resource : s->not_resource;

	if (use == POLICY_TRUST)
		return node ? malformed(err, "Has prohibited field Resource") : 0;
	if (s->resource && s->not_resource)
		return malformed(err, "A statement has both Resource and NotResource.");
	if (!node)
		return malformed(err, "Policy statement must contain resources.");
	if (!is_texts(node))
		return malformed(err, "Resource must be a text or a list of texts.");
	return check_resources(node, err);
}

static int parse_statement(
	const struct json_node *node, enum policy_use use, struct statement *s, struct err *err)
{
	const char *effect = json_member_text(node, "Effect");
	const struct json_node *actions;

	if (node->kind != JSON_KIND_OBJECT)
		return malformed(err, "Syntax errors in policy: a statement must be an object.");
	if (check_elements(node, err) < 0)
		return -1;
	*s = (struct statement){
		.action = json_member(node, "Action"),
		.not_action = json_member(node, "NotAction"),
		.resource = json_member(node, "Resource"),
		.not_resource = json_member(node, "NotResource"),
		.principal = json_member(node, "Principal"),
		.not_principal = json_member(node, "NotPrincipal"),
		.condition = json_member(node, "Condition"),
	};
	if (!effect)
		return malformed(err, "Missing required field Effect");
	s->deny = strcmp(effect, "Deny") == 0;
	if (!s->deny && strcmp(effect, "Allow") != 0)
		return err_set_wire(err, "MalformedPolicyDocument", "Invalid effect: %s", effect);
	actions = s->action ? s->action : s->not_action;
	if (!actions)
		return malformed(err, "Policy statement must contain actions.");
	if (s->action && s->not_action)
		return malformed(err, "A statement has both Action and NotAction.");
	if (!is_texts(actions))
		return malformed(err, "Action must be a text or a list of texts.");
	if (check_actions(actions, err) < 0 || check_resource_elements(s, use, err) < 0 ||
		check_principal(s, use, err) < 0)
		return -1;
	return check_condition(s->condition, err);
}

static int check_sids(const struct json_node *list, struct err *err)
{
	for (size_t i = 0; i < list->n; i++) {
		const char *sid = json_member_text(&list->items[i], "Sid");

		for (size_t k = 0; sid && *sid && k < i; k++) {
			if (streq(sid, json_member_text(&list->items[k], "Sid")))
				return err_set_wire(err, "MalformedPolicyDocument",
					"Statement IDs (SID) in a single policy must be unique: %s",
					sid);
		}
	}
	return 0;
}

static int parse_statements(
	const struct json_node *list, struct arena *a, struct policy *p, struct err *err)
{
	bool many = list->kind == JSON_KIND_ARRAY;

	p->n = many ? list->n : 1;
	if (p->n == 0)
		return malformed(err, "Syntax errors in policy: there is no statement.");
	p->statements = arena_new_n(a, p->n, struct statement);
	for (size_t i = 0; i < p->n; i++) {
		if (parse_statement(many ? &list->items[i] : list, p->use, &p->statements[i], err) <
			0)
			return -1;
	}
	return many ? check_sids(list, err) : 0;
}

int policy_parse(struct view json, enum policy_use use, struct arena *a, struct policy **ret,
	struct err *err)
{
	struct err why CLEANUP_ERR = ERR_INIT;
	const struct json_node *doc, *list;
	const char *version;
	struct policy *p = arena_new(a, struct policy);

	if (json.len > LIMIT_POLICY_DOCUMENT)
		return malformed(err, "The policy is too long.");
	if (json_parse(json, a, &doc, &why) < 0)
		return err_set_wire(err, "MalformedPolicyDocument", "Syntax errors in policy: %s",
			err_message(&why));
	if (doc->kind != JSON_KIND_OBJECT)
		return malformed(err, "Syntax errors in policy: it must be a JSON object.");
	p->use = use;
	version = json_member_text(doc, "Version");
	if (json_member(doc, "Version") && !streq(version, "2012-10-17") &&
		!streq(version, "2008-10-17"))
		return malformed(err, "The policy must contain a valid version string");
	p->variables = streq(version, "2012-10-17");
	list = json_member(doc, "Statement");
	if (!list)
		return malformed(err, "Missing required field Statement");
	if (parse_statements(list, a, p, err) < 0)
		return -1;
	*ret = p;
	return 0;
}

/* ---- evaluation ---- */

typedef bool (*text_match)(
	const struct policy *p, struct view text, const struct policy_request *r);

static bool any_text(const struct policy *p, const struct json_node *node, text_match match,
	const struct policy_request *r)
{
	if (node->kind == JSON_KIND_STRING)
		return match(p, node->text, r);
	for (size_t i = 0; i < node->n; i++) {
		if (match(p, node->items[i].text, r))
			return true;
	}
	return false;
}

static bool action_matches(const struct policy *p, struct view text, const struct policy_request *r)
{
	struct str pattern CLEANUP_STR = STR_INIT;

	(void)p;
	policy_expand(text, true, false, r, &pattern);
	return policy_glob(str_view(&pattern), view_of(r->action), true);
}

static bool resource_matches(
	const struct policy *p, struct view text, const struct policy_request *r)
{
	struct str pattern CLEANUP_STR = STR_INIT;

	if (!policy_expand(text, true, p->variables, r, &pattern))
		return false;
	if (strcmp(r->resource, "*") == 0)
		return pattern.len == 1 && pattern.p[0] == POLICY_ANY;
	return policy_arn_match(str_view(&pattern), view_of(r->resource));
}

/* The account of an ARN. */
static struct view arn_account(struct view arn)
{
	for (int i = 0; i < 4; i++)
		(void)view_cut(&arn, ':');
	return view_cut(&arn, ':');
}

static bool principal_matches(
	const struct policy *p, struct view text, const struct policy_request *r)
{
	struct view who = view_of(r->principal);
	struct view account = arn_account(who);

	(void)p;
	if (view_eq_str(text, "*") || view_eq(text, who) || view_eq(text, account))
		return true;
	/* arn:aws:iam::<account>:root stands for everybody of the account */
	return text.len > 5 && memcmp(text.p + text.len - 5, ":root", 5) == 0 &&
	       view_eq(arn_account(text), account);
}

static bool service_matches(
	const struct policy *p, struct view text, const struct policy_request *r)
{
	(void)p;
	return r->service && view_eq_str(text, r->service);
}

static bool names_principal(
	const struct policy *p, const struct json_node *node, const struct policy_request *r)
{
	const struct json_node *people = json_member(node, "AWS");
	const struct json_node *services = json_member(node, "Service");

	if (node->kind == JSON_KIND_STRING)
		return true; /* "*": the parser let nothing else pass */
	if (r->service)
		return services && any_text(p, services, service_matches, r);
	return people && r->principal && any_text(p, people, principal_matches, r);
}

static bool applies(
	const struct policy *p, const struct statement *s, const struct policy_request *r)
{
	if (s->action ? !any_text(p, s->action, action_matches, r)
		      : any_text(p, s->not_action, action_matches, r))
		return false;
	if (s->resource && !any_text(p, s->resource, resource_matches, r))
		return false;
	if (s->not_resource && any_text(p, s->not_resource, resource_matches, r))
		return false;
	if (s->principal && !names_principal(p, s->principal, r))
		return false;
	if (s->not_principal && names_principal(p, s->not_principal, r))
		return false;
	return policy_conditions_hold(s->condition, p->variables, r);
}

enum policy_answer policy_evaluate(const struct policy *p, const struct policy_request *r)
{
	enum policy_answer answer = POLICY_SILENT;

	for (size_t i = 0; i < p->n; i++) {
		if (!applies(p, &p->statements[i], r))
			continue;
		if (p->statements[i].deny)
			return POLICY_DENIES;
		answer = POLICY_ALLOWS;
	}
	return answer;
}
