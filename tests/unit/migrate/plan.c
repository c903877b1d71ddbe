/* SPDX-License-Identifier: Apache-2.0 */
/* Rules M1 and M3 of plan.h, case by case. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "migrate/plan.h"

#define OLD "1111111111111111111111111111111111111111"
#define NEW "2222222222222222222222222222222222222222"
#define OWN "3333333333333333333333333333333333333333"

static void add(struct migrate_refs *r, const char *name, const char *id)
{
	vec_push(&r->list, (struct migrate_ref){name, id, MIGRATE_BRANCH});
	map_set(&r->by_name, name, (void *)(uintptr_t)r->list.n);
}

/* OLD was sent; OLD is an ancestor of NEW. */
static bool was_sent(void *arg, const char *name, const char *id)
{
	(void)arg;
	(void)name;
	return streq(id, OLD);
}

static bool nothing_sent(void *arg, const char *name, const char *id)
{
	(void)arg;
	(void)name;
	(void)id;
	return false;
}

static int is_ancestor(void *arg, const char *old, const char *new, struct err *err)
{
	(void)arg;
	(void)err;
	return streq(old, OLD) && streq(new, NEW);
}

static enum migrate_action action(
	const char *source, const char *target, bool (*sent)(void *, const char *, const char *))
{
	CLEANUP_MIGRATE_REFS struct migrate_refs s = {0}, t = {0};
	CLEANUP_MIGRATE_PLAN struct migrate_plan plan = {0};
	struct migrate_oracle o = {sent, is_ancestor, NULL};

	if (source)
		add(&s, "refs/heads/x", source);
	if (target)
		add(&t, "refs/heads/x", target);
	assert_int_equal(migrate_plan_make(&s, &t, &o, &plan, NULL), 0);
	assert_true(plan.changes.n <= 1);
	return plan.changes.n ? plan.changes.v[0].action : MIGRATE_SAME;
}

static void test_decisions(void **state)
{
	static const struct {
		const char *source, *target;
		bool (*sent)(void *, const char *, const char *);
		enum migrate_action want;
	} cases[] = {
		{NEW, NULL, was_sent, MIGRATE_CREATE},
		{NEW, NEW, nothing_sent, MIGRATE_SAME},
		{NEW, OLD, was_sent, MIGRATE_UPDATE},
		/* forced at the source: what stands here was sent, so nobody's commit is lost */
		{OWN, OLD, was_sent, MIGRATE_UPDATE},
		/* without a record only a step forward is safe */
		{NEW, OLD, nothing_sent, MIGRATE_UPDATE},
		{OWN, OLD, nothing_sent, MIGRATE_CONFLICT},
		{NEW, OWN, was_sent, MIGRATE_CONFLICT},
		/* gone at the source */
		{NULL, OLD, was_sent, MIGRATE_DELETE},
		{NULL, OLD, nothing_sent, MIGRATE_SAME},
		{NULL, OWN, was_sent, MIGRATE_SAME},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(
			action(cases[i].source, cases[i].target, cases[i].sent), cases[i].want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_decisions)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
