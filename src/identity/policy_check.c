/* SPDX-License-Identifier: Apache-2.0 */
/* What a document must be to be saved, beyond its grammar: rules whose breach would make a
 * statement mean nothing, which its author would hardly notice. Stored documents are not asked. */
#include <ctype.h>
#include <strings.h>

#include "identity/policy_match.h"

/* ---- the document ---- */

static int check_document(const struct json_node *doc, struct err *err)
{
	static const char *const known[] = {"Id", "Statement", "Version"};

	for (size_t i = 0; i < doc->n; i++) {
		bool found = false;

		for (size_t k = 0; k < ARRAY_SIZE(known); k++)
			found |= view_eq_str(doc->items[i].key, known[k]);
		if (!found)
			return err_set_wire(err, "MalformedPolicyDocument",
				"Syntax errors in policy: unknown element '" VIEW_FMT "'.",
				VIEW_ARG(doc->items[i].key));
	}
	return 0;
}

/* Policies of resources may name their statements freely. */
static int check_sid(const struct json_node *statement, enum policy_use use, struct err *err)
{
	const struct json_node *sid = json_member(statement, "Sid");
	size_t n = 0;

	if (!sid || (use != POLICY_IDENTITY && use != POLICY_TRUST))
		return 0;
	while (sid->kind == JSON_KIND_STRING && n < sid->text.len &&
		isalnum((unsigned char)sid->text.p[n]))
		n++;
	if (sid->kind != JSON_KIND_STRING || n < sid->text.len)
		return err_set_wire(err, "MalformedPolicyDocument",
			"Statement IDs (SID) must be alpha-numeric. Check that your input "
			"satisfies the regular expression [0-9A-Za-z]*");
	return 0;
}

/* ---- actions ---- */

static bool is_vendor(struct view name)
{
	for (size_t i = 0; i < name.len; i++) {
		if (!isalnum((unsigned char)name.p[i]) && name.p[i] != '-')
			return view_eq_str(name, "*");
	}
	return name.len > 0;
}

static int check_action(struct view text, enum policy_use use, struct err *err)
{
	struct view name = text, vendor = view_cut(&name, ':');

	if (use == POLICY_TRUST && (vendor.len != 3 || strncasecmp(vendor.p, "sts", 3) != 0))
		return err_set_wire(err, "MalformedPolicyDocument",
			"AssumeRole policy may only specify STS AssumeRole actions.");
	if (view_eq_str(text, "*"))
		return 0;
	if (!is_vendor(vendor))
		return err_set_wire(err, "MalformedPolicyDocument",
			"Vendor " VIEW_FMT " is not valid", VIEW_ARG(vendor));
	if (!name.len)
		return err_set_wire(err, "MalformedPolicyDocument",
			"Action " VIEW_FMT " names no action.", VIEW_ARG(text));
	if (memchr(name.p, ':', name.len))
		return err_set_wire(err, "MalformedPolicyDocument",
			"Actions/Condition can contain only one colon.");
	return 0;
}

static int check_actions(const struct json_node *statement, enum policy_use use, struct err *err)
{
	const struct json_node *list = json_member(statement, "Action");

	if (!list)
		list = json_member(statement, "NotAction");
	if (list->kind != JSON_KIND_ARRAY)
		return check_action(list->text, use, err);
	for (size_t i = 0; i < list->n; i++)
		if (check_action(list->items[i].text, use, err) < 0)
			return -1;
	return 0;
}

/* ---- principals ---- */

static int bad_principal(const char *kind, struct view text, struct err *err)
{
	return err_set_wire(err, "MalformedPolicyDocument",
		"Invalid principal in policy: \"%s\":\"" VIEW_FMT "\"", kind, VIEW_ARG(text));
}

/* "*", an account, an id, or the ARN of somebody who can ask: not of a group or a bucket. */
static bool is_somebody(struct view arn)
{
	static const char *const starts[] = {
		"root", "user/", "role/", "assumed-role/", "federated-user/"};
	struct view service = {0};

	if (!view_starts_with(arn, "arn:"))
		return true;
	for (int i = 0; i < 5; i++) {
		struct view field = view_cut(&arn, ':');

		if (i == 2)
			service = field;
	}
	if (!view_eq_str(service, "iam") && !view_eq_str(service, "sts"))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(starts); i++)
		if (view_starts_with(arn, starts[i]))
			return true;
	return false;
}

/* codebuild.amazonaws.com, or with a region in it. */
static bool is_service(struct view name)
{
	static const char *const ends[] = {
		".amazonaws.com", ".amazonaws.com.cn", ".amazon.com", ".aws.internal"};

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		size_t n = strlen(ends[i]);

		if (name.len > n && memcmp(name.p + name.len - n, ends[i], n) == 0)
			return true;
	}
	return false;
}

static int check_principals(const struct policy_statement *s, enum policy_use use, struct err *err)
{
	const struct policy_principals *p = &s->principals;

	if (!p->present)
		return 0;
	if (s->not_principal && (use == POLICY_TRUST || !s->deny))
		return err_set_wire(err, "MalformedPolicyDocument",
			use == POLICY_TRUST ? "Has prohibited field NotPrincipal"
					    : "NotPrincipal must be used with Effect Deny.");
	if (!p->everybody && !p->people.n && !p->services.n && !p->federated.n)
		return err_set_wire(err, "MalformedPolicyDocument",
			"Invalid principal in policy: it names nobody.");
	for (size_t i = 0; i < p->people.n; i++)
		if (!is_somebody(p->people.v[i].text))
			return bad_principal("AWS", p->people.v[i].text, err);
	for (size_t i = 0; i < p->services.n; i++)
		if (!is_service(p->services.v[i].text))
			return bad_principal("SERVICE", p->services.v[i].text, err);
	return 0;
}

/* ---- all of it ---- */

static int check_statement(const struct json_node *node, const struct policy_statement *s,
	enum policy_use use, struct err *err)
{
	if (check_sid(node, use, err) < 0 || check_actions(node, use, err) < 0 ||
		check_principals(s, use, err) < 0)
		return -1;
	return policy_conditions_check(&s->conditions, err);
}

int policy_check(struct view json, enum policy_use use, struct arena *a, struct policy **ret,
	struct err *err)
{
	const struct json_node *doc, *list;

	if (policy_parse(json, use, a, ret, err) < 0 || json_parse(json, a, &doc, err) < 0 ||
		check_document(doc, err) < 0)
		return -1;
	list = json_member(doc, "Statement");
	for (size_t i = 0; i < (*ret)->n; i++) {
		const struct json_node *one =
			list->kind == JSON_KIND_ARRAY ? &list->items[i] : list;

		if (check_statement(one, &(*ret)->statements[i], use, err) < 0)
			return -1;
	}
	return 0;
}

size_t policy_size(const char *json)
{
	size_t n = 0;

	for (; *json; json++)
		n += !isspace((unsigned char)*json);
	return n;
}
