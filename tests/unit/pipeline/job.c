/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs of custom actions on the simulated clock: workers that die, secrets under another key. */
#include "unit/pipeline/harness.h"

#define JOBS                                                                               \
	HARNESS_SOURCE ",{\"name\":\"Work\",\"actions\":[{\"name\":\"Run\","               \
		       "\"actionTypeId\":{\"category\":\"Deploy\",\"owner\":\"Custom\","   \
		       "\"provider\":\"Mainframe\",\"version\":\"1\"},\"configuration\":{" \
		       "\"Key\":\"hush\"},\"inputArtifacts\":[{\"name\":\"App\"}]%s}]}]}"

static const struct seal_key first_key = {{1}}, second_key = {{2}};
static const struct sim_pipeline_config plain = {0};

static int setup(void **state)
{
	struct harness *h = xcalloc(1, sizeof(*h));

	harness_init(h, &plain);
	harness_close(h);
	h->seal = &first_key;
	harness_open(h, &plain);
	*state = h;
	return 0;
}

static int teardown(void **state)
{
	harness_release(*state);
	free(*state);
	return 0;
}

static void make_type(struct harness *h)
{
	struct codepipeline_action_configuration_property key = {.name = "Key",
		.required = WIRE_SET_BOOL(true),
		.key = WIRE_SET_BOOL(false),
		.secret = WIRE_SET_BOOL(true)};
	struct codepipeline_artifact_details counts = {
		.minimum_count = WIRE_SET_INT(0), .maximum_count = WIRE_SET_INT(1)};
	struct codepipeline_create_custom_action_type_request req = {
		.category = "Deploy",
		.provider = "Mainframe",
		.version = "1",
		.configuration_properties = {&key, 1, true},
		.input_artifact_details = &counts,
		.output_artifact_details = &counts,
	};
	struct codepipeline_create_custom_action_type_response resp = {0};

	OK(h, pipeline_create_custom_action_type(h->e, &h->call, &req, &resp, &h->err));
}

static void create(struct harness *h, const char *more)
{
	struct str s CLEANUP_STR = STR_INIT;

	make_type(h);
	str_addf(&s, HARNESS_HEAD, "QUEUED");
	str_addf(&s, JOBS, more);
	harness_create(h, str_text(&s));
	harness_run(h, HOUR);
}

static const struct codepipeline_job *poll(struct harness *h)
{
	struct codepipeline_action_type_id id = {"Deploy", "Custom", "Mainframe", "1"};
	struct codepipeline_poll_for_jobs_request req = {.action_type_id = &id};
	struct codepipeline_poll_for_jobs_response resp = {0};

	OK(h, pipeline_poll_for_jobs(h->e, &h->call, &req, &resp, &h->err));
	return resp.jobs.n ? &resp.jobs.v[0] : NULL;
}

static const struct codepipeline_job *take(struct harness *h)
{
	const struct codepipeline_job *job = poll(h);
	struct codepipeline_acknowledge_job_request req = {0};
	struct codepipeline_acknowledge_job_response resp = {0};

	assert_non_null(job);
	req.job_id = job->id;
	req.nonce = job->nonce;
	OK(h, pipeline_acknowledge_job(h->e, &h->call, &req, &resp, &h->err));
	return job;
}

static int succeed(struct harness *h, const char *job)
{
	struct codepipeline_put_job_success_result_request req = {.job_id = job};
	struct codepipeline_put_job_success_result_response resp = {0};

	return pipeline_put_job_success_result(h->e, &h->call, &req, &resp, &h->err);
}

static const char *secret_of(struct harness *h, const char *job)
{
	struct codepipeline_get_job_details_request req = {.job_id = job};
	struct codepipeline_get_job_details_response resp = {0};

	OK(h, pipeline_get_job_details(h->e, &h->call, &req, &resp, &h->err));
	return resp.job_details->data->action_configuration->configuration.v[0].value;
}

static const char *error_code(struct harness *h)
{
	const struct codepipeline_action_execution *x =
		harness_action(h, "p", "Work", "Run")->latest_execution;

	return x->error_details ? x->error_details->code : x->status;
}

static void silent_workers_time_out(void **state)
{
	struct harness *h = *state;
	const struct codepipeline_job *job;

	create(h, "");
	job = take(h);
	harness_run(h, 22 * HOUR);
	assert_string_equal(error_code(h), "InProgress");
	harness_run(h, 2 * HOUR);
	assert_string_equal(error_code(h), "ActionTimedOut");
	FAILS(h, succeed(h, job->id), "InvalidJobStateException", "TimedOut");
}

static void unwanted_jobs_time_out(void **state)
{
	struct harness *h = *state;
	const struct codepipeline_job *job;

	create(h, ",\"timeoutInMinutes\":120");
	job = poll(h);
	assert_string_equal(poll(h)->id, job->id);
	harness_run(h, 2 * HOUR);
	assert_string_equal(error_code(h), "ActionTimedOut");
	assert_null(poll(h));
	/* The next execution has the next job. */
	harness_start(h, "p");
	harness_run(h, HOUR);
	OK(h, succeed(h, take(h)->id));
	assert_string_equal(harness_executions(h, "p").v[0].status, "Succeeded");
}

static int reseal(struct db_tx *tx, void *arg, struct err *err)
{
	size_t *n = arg;

	*n = 0;
	return pipeline_reseal(tx, &first_key, &second_key, n, err);
}

static void secrets_go_to_another_key(void **state)
{
	struct harness *h = *state;
	const char *job;
	size_t n = 0;

	create(h, "");
	job = take(h)->id;
	assert_string_equal(secret_of(h, job), "hush");
	OK(h, db_write(h->db, reseal, &n, &h->err));
	assert_int_equal(n, 1);
	harness_close(h);
	h->seal = &second_key;
	harness_open(h, &plain);
	assert_string_equal(secret_of(h, job), "hush");
	OK(h, db_write(h->db, reseal, &n, &h->err) < 0 ? 0 : -1);
	err_release(&h->err);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(silent_workers_time_out),
		T(unwanted_jobs_time_out),
		T(secrets_go_to_another_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
