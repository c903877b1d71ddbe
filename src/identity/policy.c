/* SPDX-License-Identifier: Apache-2.0 */
/* Which statement of a document applies to a request, and what the document then says. */
#include "identity/policy.h"

#include <ctype.h>

#include "base/mem.h"
#include "identity/policy_match.h"

#define MAX_ACTION 256

static bool action_matches(const struct policy_statement *s, struct view action)
{
	for (size_t i = 0; i < s->actions.n; i++) {
		if (policy_glob(&s->actions.v[i], action))
			return true;
	}
	return false;
}

static bool resource_matches(const struct policy_statement *s, const struct policy_request *r)
{
	struct str buf CLEANUP_STR = STR_INIT;
	struct view resource = view_of(r->resource);
	bool any = view_eq_str(resource, "*");
	struct policy_pattern filled;

	for (size_t i = 0; i < s->resources.n; i++) {
		const struct policy_pattern *p = &s->resources.v[i];

		if (p->variables) {
			if (!policy_pattern_may_match(p, resource) ||
				!policy_pattern_fill(p, r, &buf, &filled))
				continue;
			p = &filled;
		}
		/* what has no resource is only meant by "*" */
		if (any ? p->text.len == 1 && p->text.p[0] == POLICY_ANY
			: policy_arn_match(p, resource))
			return true;
	}
	return false;
}

/* ---- principals ---- */

/* The account of an ARN, or the account itself. */
static struct view account_of(struct view arn)
{
	if (!view_starts_with(arn, "arn:"))
		return arn;
	for (int i = 0; i < 4; i++)
		(void)view_cut(&arn, ':');
	return view_cut(&arn, ':');
}

/* arn:aws:iam::<account>:root and the bare account stand for everybody of the account. */
static bool is_account(struct view text)
{
	return !view_starts_with(text, "arn:") ||
	       (text.len > 5 && memcmp(text.p + text.len - 5, ":root", 5) == 0);
}

static enum policy_answer person_named(
	const struct policy_principals *p, const struct policy_request *r)
{
	struct view who = view_of(r->principal), role = view_of(r->role);
	enum policy_answer best = POLICY_SILENT;

	for (size_t i = 0; i < p->people.n; i++) {
		struct view text = p->people.v[i].text;

		if (view_eq(text, who))
			return POLICY_ALLOWS_CALLER;
		if (r->role && view_eq(text, role))
			best = POLICY_ALLOWS_ROLE;
		else if (is_account(text) && view_eq(account_of(text), account_of(who)))
			best = MAX(best, POLICY_ALLOWS);
	}
	return best;
}

static bool is_listed(const struct policy_patterns *list, const char *name)
{
	for (size_t i = 0; i < list->n; i++) {
		if (view_eq_str(list->v[i].text, name))
			return true;
	}
	return false;
}

/* How the element names who asks: POLICY_SILENT when it does not. */
static enum policy_answer named(const struct policy_principals *p, const struct policy_request *r)
{
	enum policy_answer best = p->everybody ? POLICY_ALLOWS : POLICY_SILENT;

	if (r->service)
		return is_listed(&p->services, r->service) ? POLICY_ALLOWS_CALLER : best;
	if (r->federated)
		return is_listed(&p->federated, r->federated) ? POLICY_ALLOWS_CALLER : best;
	return r->principal ? MAX(best, person_named(p, r)) : best;
}

/* Whom a NotPrincipal leaves out. One that denies must name the caller, or the caller's role: the
 * account, which stands beside them there, leaves out its root alone. */
static bool left_out(const struct policy_statement *s, const struct policy_request *r)
{
	const struct policy_principals *p = &s->principals;
	enum policy_answer how = named(p, r);
	bool root = r->principal && ends_with(r->principal, ":root");

	return how > POLICY_ALLOWS || (how == POLICY_ALLOWS && (!s->deny || p->everybody || root));
}

/* ---- statements ---- */

/* What a statement that applies allows; POLICY_SILENT when it does not apply. */
static enum policy_answer applies(
	const struct policy_statement *s, struct view action, const struct policy_request *r)
{
	enum policy_answer how = POLICY_ALLOWS;

	if (action_matches(s, action) == s->not_action)
		return POLICY_SILENT;
	if (s->has_resources && resource_matches(s, r) == s->not_resource)
		return POLICY_SILENT;
	if (s->not_principal)
		how = left_out(s, r) ? POLICY_SILENT : POLICY_ALLOWS;
	else if (s->principals.present)
		how = named(&s->principals, r);
	return how != POLICY_SILENT && policy_conditions_hold(&s->conditions, r) ? how
										 : POLICY_SILENT;
}

enum policy_answer policy_evaluate(const struct policy *p, const struct policy_request *r)
{
	enum policy_answer answer = POLICY_SILENT;
	char small[MAX_ACTION];
	struct view action = {small, 0};

	for (; r->action[action.len]; action.len++) {
		if (action.len == sizeof(small))
			return POLICY_SILENT; /* no action has such a name */
		small[action.len] = (char)tolower((unsigned char)r->action[action.len]);
	}
	for (size_t i = 0; i < p->n; i++) {
		enum policy_answer one = applies(&p->statements[i], action, r);

		if (one != POLICY_SILENT && p->statements[i].deny)
			return POLICY_DENIES;
		answer = MAX(answer, one);
	}
	return answer;
}

bool policy_is_public(const struct policy *p)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct policy_statement *s = &p->statements[i];

		if (!s->deny && (s->principals.everybody || s->not_principal) &&
			!policy_conditions_narrow(&s->conditions))
			return true;
	}
	return false;
}

static void each_variable(
	const struct policy_patterns *list, void (*fn)(struct view name, void *arg), void *arg)
{
	for (size_t i = 0; i < list->n; i++) {
		struct view text = list->v[i].text;

		while (list->v[i].variables && text.p) {
			struct view inside;

			(void)view_cut(&text, '{');
			if (!text.p)
				break;
			inside = view_cut(&text, '}');
			if (inside.len > 1) /* not the text ${*}, ${?}, ${$} */
				fn(view_trim(view_cut(&inside, ',')), arg);
		}
	}
}

void policy_each_key(const struct policy *p, void (*fn)(struct view name, void *arg), void *arg)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct policy_statement *s = &p->statements[i];

		for (size_t k = 0; k < s->conditions.n; k++)
			fn(policy_condition_key(&s->conditions, k), arg);
		each_variable(&s->resources, fn, arg);
	}
}

void policy_each_person(const struct policy *p, void (*fn)(struct view arn, void *arg), void *arg)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct policy_patterns *people = &p->statements[i].principals.people;

		for (size_t k = 0; k < people->n; k++)
			fn(people->v[k].text, arg);
	}
}
