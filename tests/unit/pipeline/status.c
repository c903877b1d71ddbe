/* SPDX-License-Identifier: Apache-2.0 */
/* The transition tables: names that the API knows, final states that nothing leaves by itself;
 * references to variables. */
#include "pipeline/status.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/mem.h"
#include "codepipeline.gen.h"
#include "pipeline/variable.h"

static bool known(const struct wire_shape *shape, const char *name)
{
	for (size_t i = 0; i < shape->n_enum_values; i++)
		if (streq(shape->enum_values[i], name))
			return true;
	return false;
}

static void check_row(void *arg, const char *from, const char *to, const char *event)
{
	const struct wire_shape *shape = arg;

	if (shape->n_enum_values) {
		assert_true(!from || known(shape, from));
		assert_true(known(shape, to));
	}
	assert_true(!from || strcmp(from, to) != 0);
	if (from && status_final(from))
		assert_string_equal(event, "RESUMED");
}

static void check_job_row(void *arg, const char *from, const char *to, const char *event)
{
	(void)arg;
	assert_true(!from || known(&codepipeline_job_status_shape, from));
	assert_true(known(&codepipeline_job_status_shape, to));
	assert_null(event);
	/* What has ended stays so. */
	assert_true(!from || status_may_follow(STATUS_OF_JOB, from, "Failed"));
}

static void tables(void **state)
{
	(void)state;
	status_each(
		STATUS_OF_RUN, check_row, (void *)&codepipeline_pipeline_execution_status_shape);
	status_each(STATUS_OF_STAGE, check_row, (void *)&codepipeline_stage_execution_status_shape);
	status_each(
		STATUS_OF_ACTION, check_row, (void *)&codepipeline_action_execution_status_shape);
	status_each(STATUS_OF_JOB, check_job_row, NULL);
	assert_false(status_may_follow(STATUS_OF_JOB, "Queued", "InProgress"));
	assert_false(status_may_follow(STATUS_OF_RUN, "Superseded", "InProgress"));
	assert_false(status_may_follow(STATUS_OF_ACTION, "Succeeded", "Failed"));
}

static const char *lookup(void *arg, const struct variable_ref *ref)
{
	(void)arg;
	if (view_eq_str(ref->space, "a") && view_eq_str(ref->key, "b"))
		return "#{a.b}";
	return view_eq_str(ref->space, "e") ? "" : NULL;
}

static void references(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct err err = ERR_INIT;
	const char *out;

	(void)state;
	assert_int_equal(variable_resolve("x #{a.b}#{e.mpty}-y", lookup, NULL, &a, &out, &err), 0);
	assert_string_equal(out, "x #{a.b}-y"); /* values are not looked into */
	assert_int_equal(variable_resolve("#{a.c}", lookup, NULL, &a, &out, &err), -1);
	assert_non_null(strstr(err_message(&err), "#{a.c}"));
	assert_int_equal(variable_resolve("#{a", lookup, NULL, &a, &out, &err), -1);
	assert_int_equal(variable_resolve("# {a} $", lookup, NULL, &a, &out, &err), 0);
	assert_string_equal(out, "# {a} $");
	err_release(&err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables),
		cmocka_unit_test(references),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
