/* SPDX-License-Identifier: Apache-2.0 */
/* The grammar of policy documents, with the service's complaints, and their compiled form. */
#include <ctype.h>

#include "base/limits.h"
#include "base/mem.h"
#include "codec/json.h"
#include "identity/policy_match.h"

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

/* ---- principals ---- */

static struct view text_at(const struct json_node *node, size_t i)
{
	return node->kind == JSON_KIND_ARRAY ? node->items[i].text : node->text;
}

/* A text or a list of texts, compiled. */
static void compile_texts(const struct json_node *node, bool wildcards, bool variables,
	struct arena *a, struct policy_patterns *ret)
{
	size_t n = node->kind == JSON_KIND_ARRAY ? node->n : 1;

	ret->v = arena_new_n(a, n + 1, struct policy_pattern);
	ret->n = n;
	for (size_t i = 0; i < n; i++)
		policy_pattern_init(&ret->v[i], text_at(node, i), wildcards, variables, a);
}

static int bad_principal(struct view text, struct err *err)
{
	return err_set_wire(err, "MalformedPolicyDocument",
		"Invalid principal in policy: \"" VIEW_FMT "\"", VIEW_ARG(text));
}

/* "*", an account, or the ARN of somebody: never a part of one. */
static int check_person(struct view text, bool *ret_everybody, struct err *err)
{
	if (view_eq_str(text, "*")) {
		*ret_everybody = true;
		return 0;
	}
	if (memchr(text.p, '*', text.len) || memchr(text.p, '?', text.len))
		return bad_principal(text, err);
	if (text.len == 12 && strspn(text.p, "0123456789") >= text.len)
		return 0;
	if (view_starts_with(text, "arn:") || view_starts_with(text, "AIDA") ||
		view_starts_with(text, "AROA"))
		return 0;
	return bad_principal(text, err);
}

static int compile_kind(const struct json_node *node, struct arena *a,
	struct policy_principals *ret, struct err *err)
{
	const struct {
		const char *kind;
		struct policy_patterns *list; /* NULL: nobody here is one */
	} kinds[] = {{"AWS", &ret->people}, {"Service", &ret->services},
		{"Federated", &ret->federated}, {"CanonicalUser", NULL}};
	size_t k = 0;

	if (!is_texts(node))
		return malformed(err, "Invalid principal in policy.");
	while (k < ARRAY_SIZE(kinds) && !view_eq_str(node->key, kinds[k].kind))
		k++;
	if (k == ARRAY_SIZE(kinds))
		return bad_principal(node->key, err);
	for (size_t i = 0; k == 0 && i < (node->kind == JSON_KIND_ARRAY ? node->n : 1); i++) {
		if (check_person(text_at(node, i), &ret->everybody, err) < 0)
			return -1;
	}
	ret->canonical |= !kinds[k].list;
	if (kinds[k].list)
		compile_texts(node, false, false, a, kinds[k].list);
	return 0;
}

static int compile_principals(const struct json_node *node, const struct json_node *not_node,
	enum policy_use use, struct arena *a, struct policy_statement *s, struct err *err)
{
	const struct json_node *p = node ? node : not_node;

	if (use == POLICY_IDENTITY)
		return p ? malformed(err, "Policy document should not specify a principal.") : 0;
	if (!p)
		return malformed(err, "Missing required field Principal");
	if (node && not_node)
		return malformed(err, "A statement has both Principal and NotPrincipal.");
	s->not_principal = not_node != NULL;
	s->principals.present = true;
	if (p->kind == JSON_KIND_STRING) {
		s->principals.everybody = view_eq_str(p->text, "*");
		return s->principals.everybody ? 0 : bad_principal(p->text, err);
	}
	if (p->kind != JSON_KIND_OBJECT)
		return malformed(err, "Invalid principal in policy.");
	for (size_t i = 0; i < p->n; i++) {
		if (compile_kind(&p->items[i], a, &s->principals, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- statements ---- */

static int compile_resources(const struct json_node *node, const struct json_node *not_node,
	const struct policy *p, struct arena *a, struct policy_statement *s, struct err *err)
{
	const struct json_node *list = node ? node : not_node;

	if (p->use == POLICY_TRUST || p->use == POLICY_REPOSITORY)
		return list ? malformed(err, "Has prohibited field Resource") : 0;
	if (node && not_node)
		return malformed(err, "A statement has both Resource and NotResource.");
	if (!list)
		return malformed(err, "Policy statement must contain resources.");
	if (!is_texts(list))
		return malformed(err, "Resource must be a text or a list of texts.");
	s->has_resources = true;
	s->not_resource = not_node != NULL;
	compile_texts(list, true, p->variables, a, &s->resources);
	return check_resources(list, err);
}

/* Letter case does not matter in actions. */
static void lower(struct policy_patterns *list)
{
	for (size_t i = 0; i < list->n; i++) {
		char *p = (char *)(uintptr_t)list->v[i].text.p;

		for (size_t k = 0; k < list->v[i].text.len; k++)
			p[k] = (char)tolower((unsigned char)p[k]);
	}
}

static int compile_actions(const struct json_node *node, const struct json_node *not_node,
	struct arena *a, struct policy_statement *s, struct err *err)
{
	const struct json_node *list = node ? node : not_node;

	if (!list)
		return malformed(err, "Policy statement must contain actions.");
	if (node && not_node)
		return malformed(err, "A statement has both Action and NotAction.");
	if (!is_texts(list))
		return malformed(err, "Action must be a text or a list of texts.");
	s->not_action = not_node != NULL;
	compile_texts(list, true, false, a, &s->actions);
	lower(&s->actions);
	return check_actions(list, err);
}

static int parse_statement(const struct json_node *node, const struct policy *p, struct arena *a,
	struct policy_statement *s, struct err *err)
{
	const char *effect = json_member_text(node, "Effect");

	if (node->kind != JSON_KIND_OBJECT)
		return malformed(err, "Syntax errors in policy: a statement must be an object.");
	if (check_elements(node, err) < 0)
		return -1;
	if (!effect)
		return malformed(err, "Missing required field Effect");
	s->deny = strcmp(effect, "Deny") == 0;
	if (!s->deny && strcmp(effect, "Allow") != 0)
		return err_set_wire(err, "MalformedPolicyDocument", "Invalid effect: %s", effect);
	if (compile_actions(
		    json_member(node, "Action"), json_member(node, "NotAction"), a, s, err) < 0 ||
		compile_resources(json_member(node, "Resource"), json_member(node, "NotResource"),
			p, a, s, err) < 0 ||
		compile_principals(json_member(node, "Principal"),
			json_member(node, "NotPrincipal"), p->use, a, s, err) < 0)
		return -1;
	return policy_conditions_parse(
		json_member(node, "Condition"), p->variables, a, &s->conditions, err);
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
	p->statements = arena_new_n(a, p->n, struct policy_statement);
	for (size_t i = 0; i < p->n; i++) {
		if (parse_statement(many ? &list->items[i] : list, p, a, &p->statements[i], err) <
			0)
			return -1;
	}
	return many ? check_sids(list, err) : 0;
}

/* As a condition key or in a variable; services have names of their own for it (iam:ResourceTag/).
 */
static bool mentions_tags(struct view json)
{
	static const char key[] = ":ResourceTag/";
	size_t n = sizeof(key) - 1;

	for (size_t i = 0; i + n <= json.len; i++)
		if (strncasecmp(json.p + i, key, n) == 0)
			return true;
	return false;
}

bool policy_asks_tags(const struct policy *p)
{
	return p && p->asks_tags;
}

int policy_parse(struct view json, enum policy_use use, struct arena *a, struct policy **ret,
	struct err *err)
{
	struct err why CLEANUP_ERR = ERR_INIT;
	struct arena scratch CLEANUP_ARENA = ARENA_INIT;
	const struct json_node *doc, *list;
	const char *version;
	struct policy *p = arena_new(a, struct policy);

	if (json.len > LIMIT_POLICY_DOCUMENT)
		return malformed(err, "The policy is too long.");
	if (json_parse(json, &scratch, &doc, &why) < 0)
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
	p->asks_tags = mentions_tags(json);
	list = json_member(doc, "Statement");
	if (!list)
		return malformed(err, "Missing required field Statement");
	if (parse_statements(list, a, p, err) < 0)
		return -1;
	*ret = p;
	return 0;
}

struct policy *policy_nothing(struct arena *a)
{
	return arena_new(a, struct policy);
}
