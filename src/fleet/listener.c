/* SPDX-License-Identifier: Apache-2.0 */
/* Shares of traffic among target groups, moved by deployments: the weights of forward actions. */
#include <stdio.h>

#include "fleet/internal.h"

struct shift {
	struct fleet_engine *e;
	const char *where;
	const struct fleet_weight *w;
	size_t n;
	struct arena *a;
	const char **arns; /* of w */
	bool done;
	struct elbv2_actions found;
};

static int name_groups(struct db_tx *tx, struct shift *s, struct err *err)
{
	s->arns = arena_new_n(s->a, s->n + 1, const char *);
	for (size_t i = 0; i < s->n; i++) {
		struct elbv2_target_group tg;
		int r = fleet_target_group_by_name(tx, s->w[i].target_group, s->a, &tg, err);

		if (r == 0)
			return err_set(err, ERR_NOT_FOUND, "there is no target group %s",
				s->w[i].target_group);
		if (r < 0)
			return -1;
		if (s->w[i].weight < 0 || s->w[i].weight > 999)
			return err_set(err, ERR_INVALID, "a weight of %d is not from 0 to 999",
				s->w[i].weight);
		s->arns[i] = tg.target_group_arn;
	}
	return 0;
}

static bool among(const struct shift *s, const char *arn)
{
	for (size_t i = 0; i < s->n; i++)
		if (streq(s->arns[i], arn))
			return true;
	return false;
}

/* Sets the weights where the action forwards to one of the groups; others of it stay. */
static bool shift_actions(struct shift *s, struct elbv2_actions *actions)
{
	struct elbv2_action *action = actions->n ? &actions->v[actions->n - 1] : NULL;
	struct elbv2_target_group_list old;
	bool concerned = false;
	size_t n = 0;

	if (!action || !streq(action->type, "forward") || !action->forward_config)
		return false;
	old = action->forward_config->target_groups;
	wire_foreach (t, &old)
		concerned |= among(s, t->target_group_arn);
	if (!concerned)
		return false;
	wire_list_alloc(s->a, &action->forward_config->target_groups, old.n + s->n);
	wire_foreach (t, &old) {
		if (!among(s, t->target_group_arn))
			action->forward_config->target_groups.v[n++] = *t;
	}
	for (size_t i = 0; i < s->n; i++)
		action->forward_config->target_groups.v[n++] = (struct elbv2_target_group_tuple){
			.target_group_arn = s->arns[i], .weight = WIRE_SET_INT(s->w[i].weight)};
	action->forward_config->target_groups.n = n;
	action->target_group_arn =
		n == 1 ? action->forward_config->target_groups.v[0].target_group_arn : NULL;
	s->done = true;
	return true;
}

static int shift_rule(struct db_tx *tx, struct shift *s, struct elbv2_rule *rule, const char *owner,
	struct err *err)
{
	if (!shift_actions(s, &rule->actions))
		return 0;
	return store_document_put(tx, &STORE_RULE, rule->rule_arn, owner, rule, err);
}

/* ".../listener-rule/app/name/id/lid/rid" lies in ".../listener/app/name/id/lid". */
static char *listener_of(struct arena *a, const char *rule_arn)
{
	const char *mark = strstr(rule_arn, ":listener-rule/"), *end = strrchr(rule_arn, '/');

	if (!mark)
		return NULL;
	return arena_printf(a, "%.*s:listener/%.*s", (int)(mark - rule_arn), rule_arn,
		(int)(end - mark - (ptrdiff_t)strlen(":listener-rule/")),
		mark + strlen(":listener-rule/"));
}

static int shift_listener(struct db_tx *tx, struct shift *s, struct err *err)
{
	struct elbv2_listener l;
	struct store_documents rules;
	int r = store_document_get(tx, &STORE_LISTENER, s->where, s->a, &l, err);

	if (r == 0)
		return err_set(err, ERR_NOT_FOUND, "there is no listener %s", s->where);
	if (r < 0 || (shift_actions(s, &l.default_actions) &&
			     store_document_put(tx, &STORE_LISTENER, l.listener_arn,
				     l.load_balancer_arn, &l, err) < 0))
		return -1;
	if (store_document_list(tx, &STORE_RULE, &(struct store_document_filter){.owner = s->where},
		    s->a, &rules, err) < 0)
		return -1;
	for (size_t i = 0; i < rules.n; i++)
		if (shift_rule(tx, s, rules.v[i], s->where, err) < 0)
			return -1;
	return 0;
}

static int shift_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct shift *s = arg;
	const char *listener = listener_of(s->a, s->where);
	struct elbv2_rule rule;
	int r;

	if (name_groups(tx, s, err) < 0)
		return -1;
	if (listener) {
		r = store_document_get(tx, &STORE_RULE, s->where, s->a, &rule, err);
		if (r == 0)
			return err_set(err, ERR_NOT_FOUND, "there is no rule %s", s->where);
		if (r < 0 || shift_rule(tx, s, &rule, listener, err) < 0)
			return -1;
	} else if (shift_listener(tx, s, err) < 0) {
		return -1;
	}
	if (!s->done)
		return err_set(err, ERR_CONFLICT,
			"nothing of %s forwards to the target groups of the deployment", s->where);
	return fleet_wake(s->e, tx, FLEET_TASK_TRAFFIC, "", 0, err);
}

int fleet_listener_shift(struct fleet_engine *e, const char *where, const struct fleet_weight *w,
	size_t n, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct shift s = {.e = e, .where = where, .w = w, .n = n, .a = &a};

	if (fleet_write(e, shift_step, &s, err) < 0)
		return -1;
	return fleet_traffic_apply(e, err);
}

static int weights_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct shift *s = arg;
	struct elbv2_listener l;
	struct elbv2_rule rule;
	bool is_rule = listener_of(s->a, s->where) != NULL;
	int r = is_rule ? store_document_get(tx, &STORE_RULE, s->where, s->a, &rule, err)
			: store_document_get(tx, &STORE_LISTENER, s->where, s->a, &l, err);

	if (r == 0)
		return err_set(err, ERR_NOT_FOUND, "there is no %s %s",
			is_rule ? "rule" : "listener", s->where);
	if (r < 0)
		return -1;
	s->found = is_rule ? rule.actions : l.default_actions;
	return 0;
}

int fleet_listener_weights(struct fleet_engine *e, const char *where, struct arena *a,
	struct fleet_weight **ret, size_t *ret_n, struct err *err)
{
	struct shift s = {.e = e, .where = where, .a = a};
	const struct elbv2_action *action;
	size_t n;

	*ret_n = 0;
	*ret = NULL;
	if (fleet_read(e, weights_step, &s, err) < 0)
		return -1;
	action = s.found.n ? &s.found.v[s.found.n - 1] : NULL;
	if (!action || !action->forward_config)
		return 0;
	n = action->forward_config->target_groups.n;
	*ret = arena_new_n(a, n + 1, struct fleet_weight);
	for (size_t i = 0; i < n; i++) {
		const struct elbv2_target_group_tuple *t =
			&action->forward_config->target_groups.v[i];

		(*ret)[i] = (struct fleet_weight){t->target_group_arn, (int)wire_or(t->weight, 1)};
	}
	*ret_n = n;
	return 0;
}
