/* SPDX-License-Identifier: Apache-2.0 */
/* Validation of definitions: every rule with the exception and the text that users see. */
#include "unit/pipeline/harness.h"

static const struct sim_pipeline_config plain = {0};

static int setup(void **state)
{
	struct harness *h = xcalloc(1, sizeof(*h));

	harness_init(h, &plain);
	*state = h;
	return 0;
}

static int teardown(void **state)
{
	harness_release(*state);
	free(*state);
	return 0;
}

/* Each row replaces a text of the good definition by another one. */
static const struct {
	const char *find, *replace, *wire, *text;
} rows[] = {
	{HARNESS_SOURCE ",", "", "InvalidStructureException",
		"Pipeline should start with a stage that only contains source actions"},
	{"\"Deploy\",\"owner\"", "\"Source\",\"owner\"", "InvalidStructureException",
		"Source actions can only be included in the first stage of the pipeline"},
	{"\"name\":\"Deploy\",", "\"name\":\"Build\",", "InvalidStageDeclarationException",
		"Stage name 'Build' is used more than once"},
	{"\"provider\":\"CodeDeploy\"", "\"provider\":\"Teleport\"",
		"InvalidActionDeclarationException",
		"ActionType (Category: 'Deploy', Provider: 'Teleport', Owner: 'AWS', Version: '1') "
		"in "
		"action 'Ship' is not available in region 'US_EAST_1'"},
	{"\"ProjectName\":\"shop\"", "", "InvalidActionDeclarationException",
		"Action configuration for action 'Make' is missing required configuration "
		"'ProjectName'"},
	{"\"ProjectName\":\"shop\"", "\"ProjectName\":\"shop\",\"Nope\":\"1\"",
		"InvalidActionDeclarationException",
		"Action configuration for action 'Make' contains unknown configuration 'Nope'"},
	{"\"inputArtifacts\":[{\"name\":\"App\"}],", "", "InvalidActionDeclarationException",
		"Action Make declares 0 input artifacts which is less than the minimum count (1)"},
	{"\"outputArtifacts\":[{\"name\":\"App\"}]",
		"\"outputArtifacts\":[{\"name\":\"App\"},{\"name\":\"B\"}]",
		"InvalidActionDeclarationException", "more than the maximum count (1)"},
	{"[{\"name\":\"App\"}],\"outputArtifacts\":[{\"name\":\"Out\"}]",
		"[{\"name\":\"Gone\"}],\"outputArtifacts\":[{\"name\":\"Out\"}]",
		"InvalidActionDeclarationException",
		"Input Artifact Bundle Gone in action Make is not declared as Output Artifact "
		"Bundle "
		"in any of the preceding actions"},
	{"\"outputArtifacts\":[{\"name\":\"Out\"}]", "\"outputArtifacts\":[{\"name\":\"App\"}]",
		"InvalidActionDeclarationException",
		"Output Artifact Bundle name must be unique within the pipeline. App has been used "
		"more than once."},
	{"\"artifactStore\":{\"type\":\"S3\",\"location\":\"artifacts\"},", "",
		"InvalidStructureException", "exactly one of artifactStore and artifactStores"},
	{"\"version\":\"1\"},\"configuration\":{\"ProjectName\"",
		"\"version\":\"1\"},\"region\":\"eu-west-1\",\"configuration\":{\"ProjectName\"",
		"InvalidStructureException", "pipeline.artifactStores"},
	{"\"pipelineType\":\"V2\",\"executionMode\":\"SUPERSEDED\"",
		"\"pipelineType\":\"V1\",\"executionMode\":\"QUEUED\"", "InvalidStructureException",
		"QUEUED or PARALLEL mode can only be used with V2 pipelines"},
	{"\"pipelineType\":\"V2\",", "\"pipelineType\":\"V1\",\"variables\":[{\"name\":\"a\"}],",
		"InvalidStructureException",
		"Pipeline variable can only be used with V2 pipelines"},
	{"\"pipelineType\":\"V2\",", "\"variables\":[{\"name\":\"a\"},{\"name\":\"a\"}],",
		"InvalidStructureException",
		"Variable names must be unique. The following variable name is already in use: a"},
	{"\"ProjectName\":\"shop\"", "\"ProjectName\":\"#{variables.x}\"",
		"InvalidStructureException", "The referenced variables haven't been declared."},
	{"\"ProjectName\":\"shop\"", "\"ProjectName\":\"#{Nowhere.x}\"",
		"InvalidActionDeclarationException",
		"StageName=[Build], ActionName=[Make], ActionConfigurationKey=[ProjectName], "
		"VariableReferenceText=[#{Nowhere.x}]"},
	{"\"ProjectName\":\"shop\"", "\"ProjectName\":\"#{broken\"",
		"InvalidActionDeclarationException",
		"Valid format for a pipeline execution variable"},
	{"\"namespace\":\"SourceVariables\"", "\"namespace\":\"codepipeline\"",
		"InvalidActionDeclarationException", "reserved"},
	{"\"namespace\":\"SourceVariables\"", "\"namespace\":\"Out\"", "InvalidStructureException",
		"already the name of an artifact"},
	{"\"pipelineType\":\"V2\",",
		"\"triggers\":[{\"providerType\":\"CodeStarSourceConnection\",\"gitConfiguration\":"
		"{"
		"\"sourceActionName\":\"Make\"}}],",
		"InvalidStructureException",
		"Triggers for connections must reference a CodeStarSourceConnection action."},
	{"\"pipelineType\":\"V2\",",
		"\"triggers\":[{\"providerType\":\"CodeStarSourceConnection\",\"gitConfiguration\":"
		"{"
		"\"sourceActionName\":\"Src\",\"push\":[{\"tags\":{\"includes\":[\"v*\"]},"
		"\"branches\":{\"includes\":[\"main\"]}}]}}],",
		"InvalidStructureException", "tags cannot be combined"},
};

static const char *replaced(
	struct harness *h, const char *text, const char *find, const char *replace)
{
	const char *at = strstr(text, find);

	return at ? arena_printf(&h->arena, "%.*s%s%s", (int)(at - text), text, replace,
			    at + strlen(find))
		  : NULL;
}

static void every_rule(void **state)
{
	struct harness *h = *state;
	const char *good = harness_json(h, "SUPERSEDED", false, "", "");

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *bad = replaced(h, good, rows[i].find, rows[i].replace);

		if (!bad)
			fail_msg("row %zu: '%s' is not in the definition", i, rows[i].find);
		if (harness_try_create(h, bad) == 0)
			fail_msg("row %zu was accepted: %s", i, rows[i].text);
		if (!streq(err_wire_name(&h->err), rows[i].wire) ||
			!strstr(err_message(&h->err), rows[i].text))
			fail_msg(
				"row %zu: %s: %s", i, err_wire_name(&h->err), err_message(&h->err));
		err_release(&h->err);
	}
	harness_create(h, good);
	FAILS(h, harness_try_create(h, good), "PipelineNameInUseException",
		"A pipeline with the name 'p' already exists in account '123456789012'");
}

/* Further members of the deploy stage, and what is wrong with them. */
static const struct {
	const char *mode, *stage, *text;
} stage_rows[] = {
	{"PARALLEL", ",\"onFailure\":{\"result\":\"ROLLBACK\"}",
		"Failure conditions with rollback result type cannot be added to a PARALLEL "
		"pipeline."},
	{"SUPERSEDED",
		",\"onFailure\":{\"result\":\"ROLLBACK\",\"conditions\":[{\"result\":\"ROLLBACK\","
		"\"rules\":[]}]}",
		"cannot have both a top level result and conditions"},
	{"SUPERSEDED",
		",\"beforeEntry\":{\"conditions\":[{\"result\":\"FAIL\",\"rules\":[{\"name\":\"w\","
		"\"ruleTypeId\":{\"category\":\"Rule\",\"owner\":\"AWS\",\"provider\":"
		"\"LambdaInvoke\",\"version\":\"1\"}}]}]}",
		"rules of type LambdaInvoke are not available here"},
	{"SUPERSEDED", ",\"beforeEntry\":{\"conditions\":[{\"result\":\"ROLLBACK\",\"rules\":[]}]}",
		"Result ROLLBACK cannot be used for the entry condition"},
};

static void stage_rules(void **state)
{
	struct harness *h = *state;

	for (size_t i = 0; i < ARRAY_SIZE(stage_rows); i++)
		FAILS(h,
			harness_try_create(h, harness_json(h, stage_rows[i].mode, false, "",
						      stage_rows[i].stage)),
			"InvalidStageDeclarationException", stage_rows[i].text);
}

static void one_stage_is_too_few(void **state)
{
	struct harness *h = *state;
	struct str s CLEANUP_STR = STR_INIT;

	str_addf(&s, HARNESS_HEAD, "SUPERSEDED");
	str_add(&s, HARNESS_SOURCE "]}");
	FAILS(h, harness_try_create(h, str_text(&s)), "InvalidStructureException",
		"Pipeline has only 1 stage(s). There should be a minimum of 2 stages in a "
		"pipeline");
}

static void answers_have_defaults(void **state)
{
	struct harness *h = *state;
	struct codepipeline_get_pipeline_request req = {.name = "p"};
	struct codepipeline_get_pipeline_response resp = {0};
	const struct codepipeline_action_declaration *src;

	harness_create(h, replaced(h, harness_json(h, "SUPERSEDED", false, "", ""),
				  "\"pipelineType\":\"V2\",\"executionMode\":\"SUPERSEDED\",", ""));
	OK(h, pipeline_get_pipeline(h->e, &h->call, &req, &resp, &h->err));
	src = &resp.pipeline->stages.v[0].actions.v[0];
	assert_string_equal(resp.pipeline->pipeline_type, "V1");
	assert_string_equal(resp.pipeline->execution_mode, "SUPERSEDED");
	assert_int_equal(resp.pipeline->version.v, 1);
	assert_int_equal(src->run_order.v, 1);
	assert_true(src->input_artifacts.set);
	assert_string_equal(
		resp.metadata->pipeline_arn, "arn:aws:codepipeline:us-east-1:123456789012:p");
	req.version = WIRE_SET_INT(7);
	FAILS(h, pipeline_get_pipeline(h->e, &h->call, &req, &resp, &h->err),
		"PipelineVersionNotFoundException", "7");
}

static void missing_variables_fail_the_execution(void **state)
{
	struct harness *h = *state;
	struct codepipeline_start_pipeline_execution_request req = {.name = "p"};
	struct codepipeline_start_pipeline_execution_response resp = {0};

	harness_create(
		h, replaced(h, harness_json(h, "QUEUED", false, "", ""), "\"pipelineType\":\"V2\",",
			   "\"variables\":[{\"name\":\"a\"},{\"name\":\"b\",\"defaultValue\":"
			   "\"x\"}],"));
	assert_string_equal(harness_executions(h, "p").v[0].status, "Failed");
	assert_string_equal(harness_executions(h, "p").v[0].status_summary,
		"Values for required variables haven't been provided: a");
	wire_list_alloc(&h->arena, &req.variables, 1);
	req.variables.v[0].name = "a";
	req.variables.v[0].value = "1";
	OK(h, pipeline_start_pipeline_execution(h->e, &h->call, &req, &resp, &h->err));
	harness_run(h, HOUR);
	assert_string_equal(harness_executions(h, "p").v[0].status, "Succeeded");
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(every_rule),
		T(stage_rules),
		T(one_stage_is_too_few),
		T(answers_have_defaults),
		T(missing_variables_fail_the_execution),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
