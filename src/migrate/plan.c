/* SPDX-License-Identifier: Apache-2.0 */
#include "migrate/plan.h"

void migrate_plan_release(struct migrate_plan *p)
{
	vec_release(&p->changes);
}

/* M1 */
static int decide(const struct migrate_oracle *o, struct migrate_change *c, struct err *err)
{
	int rc;

	c->action = !c->before ? MIGRATE_CREATE : !c->after ? MIGRATE_DELETE : MIGRATE_UPDATE;
	if (streq(c->before, c->after)) {
		c->action = MIGRATE_SAME;
		return 0;
	}
	if (!c->before || o->was_sent(o->arg, c->name, c->before))
		return 0;
	rc = c->after ? o->is_ancestor(o->arg, c->before, c->after, err) : 0;
	if (rc == 0)
		c->action = MIGRATE_CONFLICT;
	return rc < 0 ? -1 : 0;
}

static int add(struct migrate_plan *p, const struct migrate_oracle *o, struct migrate_change c,
	struct err *err)
{
	if (decide(o, &c, err) < 0)
		return -1;
	p->n_conflicts += c.action == MIGRATE_CONFLICT;
	if (c.action != MIGRATE_SAME)
		vec_push(&p->changes, c);
	return 0;
}

int migrate_plan_make(const struct migrate_refs *source, const struct migrate_refs *target,
	const struct migrate_oracle *o, struct migrate_plan *ret, struct err *err)
{
	vec_foreach (s, &source->list) {
		struct migrate_change c = {.name = s->name,
			.after = s->id,
			.before = migrate_refs_find(target, s->name)};

		if (add(ret, o, c, err) < 0)
			return -1;
	}
	vec_foreach (t, &target->list) {
		struct migrate_change c = {.name = t->name, .before = t->id};

		/* M3 */
		if (migrate_refs_find(source, t->name) || !o->was_sent(o->arg, t->name, t->id))
			continue;
		if (add(ret, o, c, err) < 0)
			return -1;
	}
	return 0;
}
