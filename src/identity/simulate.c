/* SPDX-License-Identifier: Apache-2.0 */
/* Simulation: what policies would answer, by the same evaluation that requests go through. */
#include <strings.h>

#include "base/vec.h"
#include "identity/engine.h"

typedef VEC(struct policy_key) key_vec;
typedef VEC(const char *) name_vec;

/* One simulation: the policies and what is asked. */
struct simulation {
	struct identity_step *s;
	struct identity_policies mine; /* the list that decides */
	const char *const *names;      /* of mine.v: what the answer calls them */
	const char *const *kinds;      /* of mine.v: PolicySourceType */
	struct policy *resource;
	const char *caller;
	key_vec keys;
	const struct iam_action_name_list_type *actions;
	const struct iam_resource_name_list_type *resources;
};

static int invalid(struct err *err, const char *text)
{
	return err_set_wire(err, "InvalidInput", "%s", text);
}

static int parse(struct identity_step *s, const char *text, enum policy_use use,
	struct policy **ret, struct err *err)
{
	struct err why CLEANUP_ERR = ERR_INIT;

	if (policy_parse(view_of(text), use, s->a, ret, &why) == 0)
		return 0;
	return invalid(err, arena_strdup(s->a, err_message(&why)));
}

/* ---- what is asked ---- */

static void add_context(struct simulation *m, const struct iam_context_entry_list_type *entries)
{
	for (size_t i = 0; i < entries->n; i++) {
		const struct iam_context_entry *e = &entries->v[i];

		for (size_t k = 0; e->context_key_name && k < e->context_key_values.n; k++)
			vec_push(&m->keys, (struct policy_key){.name = e->context_key_name,
						   .value = e->context_key_values.v[k]});
	}
}

static int add_inputs(struct simulation *m, const struct iam_simulation_policy_list_type *inputs,
	const char *name, const char **names, const char **kinds, struct err *err)
{
	for (size_t i = 0; i < inputs->n; i++) {
		kinds[m->mine.n] = "none";
		names[m->mine.n] = arena_printf(m->s->a, "%s.%zu", name, i + 1);
		if (parse(m->s, inputs->v[i], POLICY_IDENTITY, &m->mine.v[m->mine.n], err) < 0)
			return -1;
		m->mine.n++;
	}
	return 0;
}

/* Only one boundary can be given. */
static int set_boundary(
	struct simulation *m, const struct iam_simulation_policy_list_type *inputs, struct err *err)
{
	if (inputs->n > 1)
		return invalid(err, "At most one permissions boundary can be simulated.");
	return inputs->n ? parse(m->s, inputs->v[0], POLICY_IDENTITY, &m->mine.boundary, err) : 0;
}

/* ---- answers ---- */

struct missing {
	const struct simulation *m;
	name_vec names;
};

/* Keys that policies mention and nobody gave a value for. */
static void note_missing(struct view name, void *arg)
{
	struct missing *x = arg;
	struct arena *a = x->m->s->a;
	const struct policy_key *keys = x->m->keys.v;
	const char *text = arena_view_dup(a, name);

	for (size_t i = 0; i < x->m->keys.n; i++) {
		if (strcasecmp(keys[i].name, text) == 0)
			return;
	}
	for (size_t i = 0; i < x->names.n; i++) {
		if (strcasecmp(x->names.v[i], text) == 0)
			return;
	}
	vec_push(&x->names, text);
}

static void add_statement(struct iam_statement_list_type *list, const char *id, const char *kind)
{
	list->v[list->n++] =
		(struct iam_statement){.source_policy_id = id, .source_policy_type = kind};
}

/* The policies that had something to say; where one denies, only those that deny. */
static void add_matched(struct simulation *m, const struct policy_request *r, bool denied,
	struct iam_evaluation_result *ret)
{
	wire_list_alloc(m->s->a, &ret->matched_statements, m->mine.n + 1);
	ret->matched_statements.n = 0;
	for (size_t i = 0; i < m->mine.n; i++) {
		enum policy_answer one = policy_evaluate(m->mine.v[i], r);

		if (one == POLICY_DENIES || (!denied && one != POLICY_SILENT))
			add_statement(&ret->matched_statements, m->names[i], m->kinds[i]);
	}
	if (m->resource && policy_evaluate(m->resource, r) != POLICY_SILENT)
		add_statement(&ret->matched_statements, "ResourcePolicy", "resource");
}

static void evaluate(struct simulation *m, const char *action, const char *resource,
	struct iam_evaluation_result *ret)
{
	struct identity_evaluation v = {
		.own = &m->mine, .resource = &m->resource, .n_resource = m->resource != NULL};
	struct policy_request r = {
		.action = action,
		.resource = resource,
		.principal = m->caller,
		.keys = m->keys.v,
		.n_keys = m->keys.n,
	};
	struct identity_verdict verdict = identity_decide(&v, &r);
	struct missing missing = {.m = m};

	*ret = (struct iam_evaluation_result){
		.eval_action_name = action,
		.eval_resource_name = resource,
		.eval_decision = verdict.allowed      ? "allowed"
				 : verdict.explicitly ? "explicitDeny"
						      : "implicitDeny",
	};
	add_matched(m, &r, verdict.explicitly, ret);
	for (size_t i = 0; i < m->mine.n; i++)
		policy_each_key(m->mine.v[i], note_missing, &missing);
	wire_list_alloc(m->s->a, &ret->missing_context_values, missing.names.n);
	for (size_t i = 0; i < missing.names.n; i++)
		ret->missing_context_values.v[i] = missing.names.v[i];
	vec_release(&missing.names);
	if (!m->mine.boundary)
		return;
	ret->permissions_boundary_decision_detail =
		arena_new(m->s->a, struct iam_permissions_boundary_decision_detail);
	ret->permissions_boundary_decision_detail->allowed_by_permissions_boundary =
		WIRE_SET_BOOL(policy_allows(policy_evaluate(m->mine.boundary, &r)));
}

/* Every action on every resource. */
static void answer(struct simulation *m, struct iam_evaluation_results_list_type *ret,
	struct wire_bool *ret_truncated)
{
	size_t n = MAX(m->resources->n, (size_t)1);

	wire_list_alloc(m->s->a, ret, m->actions->n * n);
	for (size_t i = 0; i < m->actions->n; i++) {
		for (size_t k = 0; k < n; k++)
			evaluate(m, m->actions->v[i], m->resources->n ? m->resources->v[k] : "*",
				&ret->v[i * n + k]);
	}
	*ret_truncated = WIRE_SET_BOOL(false);
}

/* ---- the operations ---- */

/* What both operations ask for in the same words. */
struct question {
	const struct iam_simulation_policy_list_type *inputs, *boundaries;
	const struct iam_context_entry_list_type *context;
	const char *resource_policy;
	struct iam_evaluation_results_list_type *results;
	struct wire_bool *truncated;
};
#define QUESTION_OF(req, resp)                                                           \
	((struct question){&(req)->policy_input_list,                                    \
		&(req)->permissions_boundary_policy_input_list, &(req)->context_entries, \
		(req)->resource_policy, &(resp)->evaluation_results, &(resp)->is_truncated})

/* own: the principal's policies, or NULL. */
static int simulate(struct simulation *m, const struct identity_policies *own,
	const struct question *q, struct err *err)
{
	struct arena *a = m->s->a;
	size_t most = (own ? own->n : 0) + q->inputs->n + 1;
	const char **names = arena_new_n(a, most, const char *);
	const char **kinds = arena_new_n(a, most, const char *);
	struct policy *resource = NULL;

	m->names = names;
	m->kinds = kinds;
	m->mine = (struct identity_policies){
		.v = arena_new_n(a, most, struct policy *), .boundary = own ? own->boundary : NULL};
	for (; own && m->mine.n < own->n; m->mine.n++) {
		m->mine.v[m->mine.n] = own->v[m->mine.n];
		names[m->mine.n] = arena_strdup(a, own->names[m->mine.n]);
		kinds[m->mine.n] = own->kinds[m->mine.n];
	}
	if (add_inputs(m, q->inputs, "PolicyInputList", names, kinds, err) < 0 ||
		set_boundary(m, q->boundaries, err) < 0 ||
		(q->resource_policy &&
			parse(m->s, q->resource_policy, POLICY_RESOURCE, &resource, err) < 0))
		return -1;
	m->resource = resource;
	add_context(m, q->context);
	answer(m, q->results, q->truncated);
	vec_release(&m->keys);
	return 0;
}

static int simulate_custom_policy(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_simulate_custom_policy_request *req = s->req;
	struct iam_simulate_custom_policy_response *resp = s->resp;
	struct question q = QUESTION_OF(req, resp);
	struct simulation m = {.s = s,
		.caller = req->caller_arn,
		.actions = &req->action_names,
		.resources = &req->resource_arns};

	(void)tx;
	return simulate(&m, NULL, &q, err);
}

/* "user/x" of arn:aws:iam::<account>:user/path/x. */
static const char *owner_of(struct identity_step *s, const char *arn, struct err *err)
{
	const char *kind = NULL;

	if (strstr(arn, ":user/"))
		kind = "user";
	else if (strstr(arn, ":role/"))
		kind = "role";
	else if (strstr(arn, ":group/"))
		kind = "group";
	if (kind)
		return identity_owner(s->a, kind, identity_arn_name(arn));
	invalid(err, "Invalid Entity Arn: a user, group or role must be named.");
	return NULL;
}

static int need_principal(struct identity_step *s, struct db_tx *tx, const char *arn,
	struct identity_policies **ret, struct err *err)
{
	const char *owner = owner_of(s, arn, err);

	if (!owner || identity_need_owner(s, tx, arena_strndup(s->a, owner, strcspn(owner, "/")),
			      strchr(owner, '/') + 1, &owner, err) < 0)
		return -1;
	*ret = arena_new(s->a, struct identity_policies);
	return identity_policies_read(tx, owner, *ret, err);
}

static int simulate_principal_policy(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_simulate_principal_policy_request *req = s->req;
	struct iam_simulate_principal_policy_response *resp = s->resp;
	struct question q = QUESTION_OF(req, resp);
	struct simulation m = {.s = s,
		.caller = req->caller_arn ? req->caller_arn : req->policy_source_arn,
		.actions = &req->action_names,
		.resources = &req->resource_arns};
	struct identity_policies *own;
	int r;

	if (need_principal(s, tx, req->policy_source_arn, &own, err) < 0)
		return -1;
	r = simulate(&m, own, &q, err);
	arena_release(&own->arena);
	return r;
}

/* ---- the keys that policies mention ---- */

static void answer_keys(struct identity_step *s, struct policy *const *v, size_t n,
	struct iam_context_key_names_result_list_type *ret)
{
	struct simulation none = {.s = s};
	struct missing all = {.m = &none};

	for (size_t i = 0; i < n; i++)
		policy_each_key(v[i], note_missing, &all);
	wire_list_alloc(s->a, ret, all.names.n);
	for (size_t i = 0; i < all.names.n; i++)
		ret->v[i] = all.names.v[i];
	vec_release(&all.names);
}

static int parse_all(struct identity_step *s, const struct iam_simulation_policy_list_type *inputs,
	struct policy **v, struct err *err)
{
	for (size_t i = 0; i < inputs->n; i++) {
		if (parse(s, inputs->v[i], POLICY_IDENTITY, &v[i], err) < 0)
			return -1;
	}
	return 0;
}

static int get_context_keys_for_custom_policy(
	struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_get_context_keys_for_custom_policy_request *req = s->req;
	struct iam_get_context_keys_for_custom_policy_response *resp = s->resp;
	size_t n = req->policy_input_list.n;
	struct policy **v = arena_new_n(s->a, n + 1, struct policy *);

	(void)tx;
	if (parse_all(s, &req->policy_input_list, v, err) < 0)
		return -1;
	answer_keys(s, v, n, &resp->context_key_names);
	return 0;
}

static int get_context_keys_for_principal_policy(
	struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_get_context_keys_for_principal_policy_request *req = s->req;
	struct iam_get_context_keys_for_principal_policy_response *resp = s->resp;
	size_t n = req->policy_input_list.n;
	struct identity_policies *own;
	struct policy **v;
	int r;

	if (need_principal(s, tx, req->policy_source_arn, &own, err) < 0)
		return -1;
	v = arena_new_n(s->a, n + own->n + 1, struct policy *);
	r = parse_all(s, &req->policy_input_list, v, err);
	for (size_t i = 0; i < own->n; i++)
		v[n + i] = own->v[i];
	if (r == 0)
		answer_keys(s, v, n + own->n, &resp->context_key_names);
	arena_release(&own->arena);
	return r;
}

IDENTITY_STEP(iam, get_context_keys_for_custom_policy, identity_read)
IDENTITY_STEP(iam, get_context_keys_for_principal_policy, identity_read)
IDENTITY_STEP(iam, simulate_custom_policy, identity_read)
IDENTITY_STEP(iam, simulate_principal_policy, identity_read)
