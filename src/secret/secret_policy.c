/* SPDX-License-Identifier: Apache-2.0 */
/* Policies of secrets: whether they are policies, and whether they let everybody in. */
#include "secret/engine.h"

#include <strings.h>

#include "base/mem.h"
#include "codec/json.h"

int secret_policy_check(
	const struct secret_engine *e, const char *text, struct arena *a, struct err *err)
{
	struct err why CLEANUP_ERR = ERR_INIT;
	const struct json_node *doc = NULL;

	if ((e->check_policy && e->check_policy(text, &why) < 0) ||
		json_parse(view_of(text), a, &doc, &why) < 0 || !json_member(doc, "Statement"))
		return err_set_wire(err, "MalformedPolicyDocumentException",
			"This resource policy contains a syntax error%s%s.",
			why.message ? ": " : "", why.message ? why.message : ": no Statement");
	return 0;
}

/* Whether one of the node's texts, or it itself, is "*". */
static bool has_star(const struct json_node *node)
{
	bool star = node && node->kind == JSON_KIND_STRING && view_eq_str(node->text, "*");

	for (size_t i = 0; node && !star && i < node->n; i++)
		star = has_star(&node->items[i]);
	return star;
}

/* Conditions on who asks or where from; others (TLS, time) leave it open to everybody. */
static bool is_narrowed(const struct json_node *condition)
{
	static const char *const keys[] = {"aws:PrincipalAccount", "aws:PrincipalArn",
		"aws:PrincipalOrgID", "aws:SourceAccount", "aws:SourceArn", "aws:SourceIp",
		"aws:SourceVpc", "aws:SourceVpce", "aws:userid"};

	for (size_t i = 0; condition && i < condition->n; i++)
		for (size_t j = 0; j < condition->items[i].n; j++)
			for (size_t k = 0; k < ARRAY_SIZE(keys); k++)
				if (strcasecmp(condition->items[i].items[j].key.p, keys[k]) == 0)
					return true;
	return false;
}

static bool is_public(const struct json_node *statement)
{
	if (!streq(json_member_text(statement, "Effect"), "Allow"))
		return false;
	return (json_member(statement, "NotPrincipal") ||
		       has_star(json_member(statement, "Principal"))) &&
	       !is_narrowed(json_member(statement, "Condition"));
}

bool secret_policy_is_public(const char *text, struct arena *a)
{
	const struct json_node *doc, *statements;

	if (json_parse(view_of(text), a, &doc, NULL) < 0)
		return false;
	statements = json_member(doc, "Statement");
	if (!statements)
		return false;
	if (statements->kind == JSON_KIND_OBJECT)
		return is_public(statements);
	for (size_t i = 0; i < statements->n; i++)
		if (is_public(&statements->items[i]))
			return true;
	return false;
}
