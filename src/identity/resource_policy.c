/* SPDX-License-Identifier: Apache-2.0 */
/* Policies that belong to resources: whether one is good, whom it names, and whether what it speaks
 * of is what it belongs to. */
#include <ctype.h>
#include <strings.h>

#include "identity/engine.h"
#include "identity/policy_match.h"

#define MAX_ACTION 128

static int check(const char *text, enum policy_use use, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct policy *p;

	return policy_check(view_of(text), use, &a, &p, err);
}

int identity_repository_policy_check(const char *text, struct err *err)
{
	return check(text, POLICY_REPOSITORY, err);
}

int identity_resource_policy_check(const char *text, struct err *err)
{
	return check(text, POLICY_RESOURCE, err);
}

int identity_secret_policy_check(const char *text, bool *ret_public, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct policy *p;

	if (policy_check(view_of(text), POLICY_RESOURCE, &a, &p, err) < 0)
		return -1;
	*ret_public = policy_is_public(p);
	return 0;
}

static int malformed(struct err *err, const char *text)
{
	return err_set_wire(err, "MalformedPolicyDocument", "%s", text);
}

/* ---- principals ---- */

static int user_is(
	struct db_tx *tx, const char *owner, const char *arn, struct arena *a, struct err *err)
{
	struct iam_user user;
	int r = store_document_get(tx, &STORE_IAM_USER, owner, a, &user, err);

	return r > 0 ? streq(user.arn, arn) : r;
}

static int role_is(
	struct db_tx *tx, const char *owner, const char *arn, struct arena *a, struct err *err)
{
	struct iam_role role;
	int r = store_document_get(tx, &STORE_IAM_ROLE, owner, a, &role, err);

	return r > 0 ? (!arn || streq(role.arn, arn)) : r;
}

/* Whether the name of somebody of this account is that of somebody who is there; kind is what
 * follows the account: user/path/name. 1, 0, -1. */
static int is_there(struct db_tx *tx, const char *kind, const char *arn, bool strict,
	struct arena *a, struct err *err)
{
	const char *name = identity_arn_name(arn);

	if (starts_with(kind, "user/"))
		return user_is(tx, identity_owner(a, "user", name), arn, a, err);
	if (starts_with(kind, "role/"))
		return role_is(tx, identity_owner(a, "role", name), arn, a, err);
	if (!strict)
		return 1;
	if (starts_with(kind, "assumed-role/")) {
		kind += strlen("assumed-role/");
		name = arena_strndup(a, kind, strcspn(kind, "/"));
		return kind[strlen(name)] == '/'
			       ? role_is(tx, identity_owner(a, "role", name), NULL, a, err)
			       : 0;
	}
	return streq(kind, "root");
}

struct people {
	struct identity_engine *e;
	struct db_tx *tx;
	bool strict;
	struct arena *a;
	struct err *err;
	int result;
};

static void check_person(struct view text, void *arg)
{
	struct people *c = arg;
	const char *arn = arena_view_dup(c->a, text), *rest = NULL;
	const char *const starts[] = {arena_printf(c->a, "arn:aws:iam::%s:", c->e->account),
		arena_printf(c->a, "arn:aws:sts::%s:", c->e->account)};
	int there = !c->strict || streq(arn, "*") || streq(arn, c->e->account);

	if (c->result < 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(starts); i++)
		if (starts_with(arn, starts[i]))
			rest = arn + strlen(starts[i]);
	if (rest)
		there = is_there(c->tx, rest, arn, c->strict, c->a, c->err);
	if (there == 0)
		err_set_wire(c->err, "MalformedPolicyDocument",
			"Invalid principal in policy: \"AWS\":\"%s\"", arn);
	c->result = there > 0 ? 0 : -1;
}

int identity_check_people(struct identity_engine *e, struct db_tx *tx, const struct policy *p,
	bool strict, struct arena *a, struct err *err)
{
	struct people c = {e, tx, strict, a, err, 0};

	policy_each_person(p, check_person, &c);
	return c.result;
}

/* Nobody acts as one of these when a request is asked for. */
static int check_others(const struct policy *p, struct err *err)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct policy_principals *who = &p->statements[i].principals;

		if (who->canonical || who->federated.n)
			return malformed(err, "Invalid principal in policy: a bucket's policy "
					      "names users, roles, accounts (AWS) and services");
	}
	return 0;
}

/* ---- what it speaks of ---- */

enum { ITSELF = 1, BELOW = 2 };

/* What of the subject a resource can mean: 0 for another's. */
static unsigned reach(const struct policy_pattern *p, const char *arn)
{
	size_t n = strlen(arn);

	if (p->text.len < n || memcmp(p->text.p, arn, n) != 0)
		return 0;
	if (p->text.len == n)
		return ITSELF;
	switch (p->text.p[n]) {
	case '*': /* as written, where there are variables */
	case POLICY_ANY:
		return ITSELF | BELOW;
	case '/':
		return BELOW;
	default:
		return 0;
	}
}

/* What actions of this pattern are done to; 0: there are none. */
static unsigned done_to(
	const struct policy_pattern *p, const struct identity_policy_subject *subject)
{
	unsigned found = 0;

	for (size_t i = 0; i < subject->n_actions; i++) {
		const struct identity_policy_action *action = &subject->actions[i];
		char small[MAX_ACTION];
		size_t n = strlen(action->name);

		for (size_t k = 0; k < n; k++)
			small[k] = (char)tolower((unsigned char)action->name[k]);
		if (policy_glob(p, (struct view){small, n}))
			found |= action->below ? BELOW : ITSELF;
	}
	return found;
}

static int check_statement(const struct policy_statement *s,
	const struct identity_policy_subject *subject, struct err *err)
{
	unsigned resources = 0;

	for (size_t i = 0; i < s->resources.n; i++) {
		unsigned one = reach(&s->resources.v[i], subject->resource);

		if (!one)
			return malformed(err, "Policy has invalid resource");
		resources |= one;
	}
	for (size_t i = 0; i < s->actions.n; i++) {
		unsigned actions = done_to(&s->actions.v[i], subject);

		if (!actions)
			return malformed(err, "Policy has invalid action");
		if (!s->not_action && !s->not_resource && !(actions & resources))
			return malformed(
				err, "Action does not apply to any resource(s) in statement");
	}
	return 0;
}

struct keys {
	const struct identity_policy_subject *subject;
	struct err *err;
	int result;
};

static bool is_known(const struct identity_policy_subject *subject, struct view name)
{
	for (size_t i = 0; i < subject->n_keys; i++) {
		const char *key = subject->keys[i];
		size_t n = strlen(key);
		bool open = key[n - 1] == '/';

		if (name.len >= n && (open || name.len == n) && strncasecmp(name.p, key, n) == 0)
			return true;
	}
	return false;
}

/* Keys of other services may come with the session of whoever asks. */
static void check_key(struct view name, void *arg)
{
	struct keys *k = arg;
	const char *first = k->subject->keys[0];
	size_t prefix = strcspn(first, ":") + 1;

	if (k->result < 0 || name.len < prefix || strncasecmp(name.p, first, prefix) != 0 ||
		is_known(k->subject, name))
		return;
	k->result = err_set_wire(k->err, "MalformedPolicyDocument",
		"Policy has an invalid condition key: " VIEW_FMT, VIEW_ARG(name));
}

struct people_step {
	struct identity_engine *e;
	const struct policy *p;
	struct arena *a;
};

static int check_people_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct people_step *s = arg;

	return identity_check_people(s->e, tx, s->p, true, s->a, err);
}

int identity_subject_policy_check(struct identity_engine *e, const char *text,
	const struct identity_policy_subject *subject, bool *ret_public, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct keys keys = {subject, err, 0};
	struct policy *p;
	struct people_step people = {e, NULL, &a};

	if (policy_check(view_of(text), POLICY_RESOURCE, &a, &p, err) < 0)
		return -1;
	people.p = p;
	if (check_others(p, err) < 0 ||
		db_read(durable_db(e->durable), check_people_step, &people, err) < 0)
		return -1;
	for (size_t i = 0; i < p->n; i++)
		if (check_statement(&p->statements[i], subject, err) < 0)
			return -1;
	policy_each_key(p, check_key, &keys);
	*ret_public = policy_is_public(p);
	return keys.result;
}
