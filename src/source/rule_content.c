/* SPDX-License-Identifier: Apache-2.0 */
#include "source/rule_content.h"

#include <ctype.h>

#include "base/mem.h"
#include "codec/json.h"
#include "crypto/digest.h"

#define CONTENT_MAX 3000
#define POOL_MAX 50
#define REFERENCES_MAX 100
#define NAME_MAX_BYTES 100
#define VERSION "2018-11-08"
#define SHORT_FORM "CodeCommitApprovers:"

int rule_check_name(const char *name, const char *required, const char *invalid, struct err *err)
{
	if (!name || !*name)
		return err_set_wire(err, required, "A name is required.");
	if (strlen(name) > NAME_MAX_BYTES)
		goto bad;
	for (const char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("._- ", *p))
			goto bad;
	return 0;
bad:
	return err_set_wire(err, invalid,
		"The name %s is not valid. Names have 1 to %d letters, digits, periods, "
		"underscores, dashes and spaces.",
		name, NAME_MAX_BYTES);
}

const char *rule_content_sha256(const char *text, struct arena *a)
{
	struct digest_value value = digest_of(DIGEST_SHA256, view_of(text));

	return arena_strdup(a, digest_hex(&value).text);
}

/* ---- reading ---- */

struct reader {
	const char *invalid;
	struct arena *arena;
	struct err *err;
};

static int bad(struct reader *r, const char *why)
{
	return err_set_wire(r->err, r->invalid, "The content is not that of a rule: %s.", why);
}

/* A list of texts, each below `max` of them. */
static int texts_of(struct reader *r, const struct json_node *list, const char *name, size_t max,
	const char ***ret, size_t *ret_n)
{
	*ret_n = 0;
	if (!list)
		return 0;
	if (list->kind != JSON_KIND_ARRAY || list->n == 0 || list->n > max)
		return bad(r, arena_printf(r->arena, "%s is a list of 1 to %zu texts", name, max));
	*ret = arena_new_n(r->arena, list->n, const char *);
	for (size_t i = 0; i < list->n; i++) {
		if (list->items[i].kind != JSON_KIND_STRING || list->items[i].text.len == 0)
			return bad(r, arena_printf(r->arena, "%s is a list of texts", name));
		(*ret)[(*ret_n)++] = list->items[i].text.p;
	}
	return 0;
}

static int check_pool(struct reader *r, const struct rule_content *c)
{
	for (size_t i = 0; i < c->n_pool; i++)
		if (!starts_with(c->pool[i], SHORT_FORM) && !starts_with(c->pool[i], "arn:"))
			return bad(r,
				arena_printf(r->arena,
					"%s is neither an ARN nor CodeCommitApprovers:account:name",
					c->pool[i]));
	return 0;
}

static int read_statement(struct reader *r, const struct json_node *s, struct rule_content *ret)
{
	const struct json_node *needed = json_member(s, "NumberOfApprovalsNeeded");

	if (!streq(json_member_text(s, "Type"), "Approvers"))
		return bad(r, "the Type of its statement is not Approvers");
	if (!needed || needed->kind != JSON_KIND_INT || needed->integer < 1)
		return bad(r, "NumberOfApprovalsNeeded is not a number from 1 on");
	ret->needed = needed->integer;
	if (texts_of(r, json_member(s, "ApprovalPoolMembers"), "ApprovalPoolMembers", POOL_MAX,
		    &ret->pool, &ret->n_pool) < 0)
		return -1;
	return check_pool(r, ret);
}

static int check_references(struct reader *r, const struct rule_content *c)
{
	for (size_t i = 0; i < c->n_references; i++)
		if (c->references[i][0] == '*')
			return bad(r, "a destination reference begins with *");
	return 0;
}

int rule_content_parse(const char *text, bool of_template, const char *required,
	const char *invalid, struct arena *a, struct rule_content *ret, struct err *err)
{
	struct reader r = {invalid, a, err};
	const struct json_node *root, *statements, *references;
	CLEANUP_ERR struct err malformed = ERR_INIT;

	*ret = (struct rule_content){0};
	if (!text || !*text)
		return err_set_wire(err, required, "The content of the rule is required.");
	if (strlen(text) > CONTENT_MAX)
		return bad(&r, arena_printf(a, "it has more than %d characters", CONTENT_MAX));
	if (json_parse(view_of(text), a, &root, &malformed) < 0)
		return bad(&r, arena_strdup(a, err_message(&malformed)));
	if (!streq(json_member_text(root, "Version"), VERSION))
		return bad(&r, "its Version is not " VERSION);
	statements = json_member(root, "Statements");
	if (!statements || statements->kind != JSON_KIND_ARRAY || statements->n != 1)
		return bad(&r, "Statements is not a list of one statement");
	references = json_member(root, "DestinationReferences");
	if (references && !of_template)
		return bad(&r, "DestinationReferences belong to templates");
	if (texts_of(&r, references, "DestinationReferences", REFERENCES_MAX, &ret->references,
		    &ret->n_references) < 0 ||
		check_references(&r, ret) < 0)
		return -1;
	return read_statement(&r, &statements->items[0], ret);
}

/* ---- matching ---- */

/* '*' stands for any text, also none. */
static bool matches(const char *pattern, const char *text)
{
	const char *star = NULL, *resume = NULL;

	while (*text) {
		if (*pattern == '*') {
			star = pattern++;
			resume = text;
		} else if (*pattern == *text) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star + 1;
			text = ++resume;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

/* CodeCommitApprovers:account:name against arn:aws:iam::account:user/name and the like. */
static bool short_form_admits(const char *member, const char *arn)
{
	static const char *const kinds[] = {"user/", "federated-user/", "assumed-role/"};
	struct view wanted = view_of(member + strlen(SHORT_FORM)), rest = view_of(arn);
	struct view wanted_account = view_cut(&wanted, ':'), account;

	if (!wanted.p)
		return false;
	for (int i = 0; i < 4; i++)
		view_cut(&rest, ':');
	if (!rest.p)
		return false;
	account = view_cut(&rest, ':');
	if (!rest.p || !view_eq(account, wanted_account))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const char *name;

		if (!starts_with(rest.p, kinds[i]))
			continue;
		name = rest.p + strlen(kinds[i]);
		/* A user's path is no part of the name. */
		return matches(wanted.p, name) ||
		       (i == 0 && strrchr(name, '/') && matches(wanted.p, strrchr(name, '/') + 1));
	}
	return false;
}

/* A role without a session stands for all of its sessions. */
static bool arn_admits(const char *member, const char *arn)
{
	const char *session;
	size_t n;

	if (matches(member, arn))
		return true;
	session = strstr(arn, ":assumed-role/") ? strrchr(arn, '/') : NULL;
	n = session ? (size_t)(session - arn) : 0;
	return n && strlen(member) == n && strncmp(member, arn, n) == 0;
}

bool rule_content_admits(const struct rule_content *r, const char *user_arn)
{
	for (size_t i = 0; i < r->n_pool; i++)
		if (starts_with(r->pool[i], SHORT_FORM) ? short_form_admits(r->pool[i], user_arn)
							: arn_admits(r->pool[i], user_arn))
			return true;
	return r->n_pool == 0;
}

bool rule_content_fits(const struct rule_content *r, const char *reference)
{
	for (size_t i = 0; i < r->n_references; i++)
		if (matches(r->references[i], reference))
			return true;
	return r->n_references == 0;
}
