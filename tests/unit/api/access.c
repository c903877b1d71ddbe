/* SPDX-License-Identifier: Apache-2.0 */
/* What requests need permission for: one row a form that the tables of model/access/ have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "api/access.h"
#include "base/mem.h"
#include "cloudwatch.gen.h"
#include "codebuild.gen.h"
#include "codec/json.h"
#include "codecommit.gen.h"
#include "codedeploy.gen.h"
#include "codepipeline.gen.h"
#include "events.gen.h"
#include "iam.gen.h"
#include "s3.gen.h"
#include "sts.gen.h"

/* "action resource... [key=value...]", needs joined by " + ". */
static const struct {
	const struct wire_service *service;
	const char *operation, *request, *wanted;
} rows[] = {
	{&codecommit_service, "GetRepository", "{\"repositoryName\":\"shop\"}",
		"codecommit:GetRepository arn:aws:codecommit:us-east-1:111122223333:shop"},
	{&codecommit_service, "ListRepositories", "{}", "codecommit:ListRepositories *"},
	/* a list makes a resource of each element, two targets are both needed */
	{&codecommit_service, "BatchGetRepositories", "{\"repositoryNames\":[\"a\",\"b\"]}",
		"codecommit:BatchGetRepositories arn:aws:codecommit:us-east-1:111122223333:a "
		"arn:aws:codecommit:us-east-1:111122223333:b"},
	{&codecommit_service, "UpdateRepositoryName", "{\"oldName\":\"a\",\"newName\":\"b\"}",
		"codecommit:UpdateRepositoryName arn:aws:codecommit:us-east-1:111122223333:a "
		"arn:aws:codecommit:us-east-1:111122223333:b"},
	/* a member that holds the ARN, tags */
	{&codecommit_service, "TagResource",
		"{\"resourceArn\":\"arn:aws:codecommit:us-east-1:1:a\",\"tags\":{\"team\":\"x\"}}",
		"codecommit:TagResource arn:aws:codecommit:us-east-1:1:a aws:TagKeys=team "
		"aws:RequestTag/team=x"},
	{&codecommit_service, "UntagResource",
		"{\"resourceArn\":\"arn:aws:codecommit:us-east-1:1:a\",\"tagKeys\":[\"x\",\"y\"]}",
		"codecommit:UntagResource arn:aws:codecommit:us-east-1:1:a aws:TagKeys=x "
		"aws:TagKeys=y"},
	{&codecommit_service, "DeleteBranch",
		"{\"repositoryName\":\"shop\",\"branchName\":\"main\"}",
		"codecommit:DeleteBranch arn:aws:codecommit:us-east-1:111122223333:shop "
		"codecommit:References=refs/heads/main"},
	/* names, ids and ARNs of runs all mean the project */
	{&codebuild_service, "BatchGetBuilds",
		"{\"ids\":[\"p:1\",\"arn:aws:codebuild:us-east-1:111122223333:build/q:2\"]}",
		"codebuild:BatchGetBuilds arn:aws:codebuild:us-east-1:111122223333:project/p "
		"arn:aws:codebuild:us-east-1:111122223333:project/q"},
	{&codebuild_service, "StartBuild",
		"{\"projectName\":\"p\",\"imageOverride\":\"i\",\"privilegedModeOverride\":true,"
		"\"buildspecOverride\":\"version: 0.2\"}",
		"codebuild:StartBuild arn:aws:codebuild:us-east-1:111122223333:project/p "
		"codebuild:source.buildspec=true codebuild:environment.image=i "
		"codebuild:environment.privilegedMode=true"},
	/* roles that are handed over */
	{&codebuild_service, "UpdateProject",
		"{\"name\":\"p\",\"serviceRole\":\"arn:aws:iam::1:role/r\"}",
		"codebuild:UpdateProject arn:aws:codebuild:us-east-1:111122223333:project/p "
		"codebuild:source.buildspec=false codebuild:serviceRole=arn:aws:iam::1:role/r + "
		"iam:PassRole arn:aws:iam::1:role/r "
		"iam:PassedToService=codebuild.amazonaws.com"},
	{&codepipeline_service, "UpdatePipeline",
		"{\"pipeline\":{\"name\":\"p\",\"roleArn\":\"arn:r1\",\"stages\":[{\"actions\":[{"
		"\"roleArn\":\"arn:r2\"},{}]},{\"actions\":[{\"roleArn\":\"arn:r3\"}]}]}}",
		"codepipeline:UpdatePipeline arn:aws:codepipeline:us-east-1:111122223333:p + "
		"iam:PassRole arn:r1 iam:PassedToService=codepipeline.amazonaws.com + "
		"iam:PassRole arn:r2 arn:r3 iam:PassedToService=codepipeline.amazonaws.com"},
	{&codepipeline_service, "PutApprovalResult",
		"{\"pipelineName\":\"p\",\"stageName\":\"s\",\"actionName\":\"a\"}",
		"codepipeline:PutApprovalResult "
		"arn:aws:codepipeline:us-east-1:111122223333:p/s/a"},
	/* the first of several forms whose members are all there */
	{&codedeploy_service, "CreateDeployment",
		"{\"applicationName\":\"a\",\"deploymentGroupName\":\"g\"}",
		"codedeploy:CreateDeployment "
		"arn:aws:codedeploy:us-east-1:111122223333:deploymentgroup:a/g"},
	{&codedeploy_service, "CreateDeployment", "{\"applicationName\":\"a\"}",
		"codedeploy:CreateDeployment "
		"arn:aws:codedeploy:us-east-1:111122223333:application:a"},
	{&codedeploy_service, "BatchGetDeploymentGroups",
		"{\"applicationName\":\"a\",\"deploymentGroupNames\":[\"g\",\"h\"]}",
		"codedeploy:BatchGetDeploymentGroups "
		"arn:aws:codedeploy:us-east-1:111122223333:deploymentgroup:a/g "
		"arn:aws:codedeploy:us-east-1:111122223333:deploymentgroup:a/h"},
	{&events_service, "DeleteRule", "{\"Name\":\"r\",\"EventBusName\":\"default\"}",
		"events:DeleteRule arn:aws:events:us-east-1:111122223333:rule/r "
		"events:creatorAccount=111122223333"},
	{&events_service, "DeleteRule", "{\"Name\":\"r\",\"EventBusName\":\"b\"}",
		"events:DeleteRule arn:aws:events:us-east-1:111122223333:rule/b/r "
		"events:creatorAccount=111122223333"},
	/* what a service looks up */
	{&iam_service, "GetUser", "{}", "iam:GetUser arn:found:user:self"},
	{&iam_service, "GetUser", "{\"UserName\":\"u\"}", "iam:GetUser arn:found:user:u"},
	{&iam_service, "CreateUser", "{\"UserName\":\"u\",\"Path\":\"/a/\"}",
		"iam:CreateUser arn:aws:iam::111122223333:user/a/u"},
	{&sts_service, "GetCallerIdentity", "{}", "open"},
	{&cloudwatch_service, "PutMetricData", "{\"Namespace\":\"n\"}",
		"cloudwatch:PutMetricData * cloudwatch:namespace=n"},
	/* another action for a version; the service completes the row */
	{&s3_service, "GetObject", "{\"Bucket\":\"b\",\"Key\":\"k/l\"}",
		"s3:GetObject arn:aws:s3:::b/k/l + completed"},
	{&s3_service, "GetObject", "{\"Bucket\":\"b\",\"Key\":\"k\",\"versionId\":\"7\"}",
		"s3:GetObjectVersion arn:aws:s3:::b/k s3:VersionId=7 + completed"},
	{&s3_service, "DeleteObject", "{\"Bucket\":\"b\",\"Key\":\"k\",\"versionId\":\"\"}",
		"s3:DeleteObject arn:aws:s3:::b/k s3:VersionId= + completed"},
	/* keys that look like ARNs are keys */
	{&s3_service, "PutObject", "{\"Bucket\":\"b\",\"Key\":\"arn:aws:s3:::mine/k\"}",
		"s3:PutObject arn:aws:s3:::b/arn:aws:s3:::mine/k + completed"},
	{&s3_service, "ListObjectsV2", "{\"Bucket\":\"b\",\"prefix\":\"p/\",\"max-keys\":5}",
		"s3:ListBucket arn:aws:s3:::b s3:prefix=p/ s3:max-keys=5 + completed"},
};

static const char *lookup(void *engine, struct call *call, const char *kind, const char *name)
{
	(void)engine;
	return arena_printf(call->arena, "arn:found:%s:%s", kind, name ? name : "self");
}

static int complete(
	void *engine, struct call *call, const void *req, struct call_access *ret, struct err *err)
{
	struct call_access *more = arena_new(call->arena, struct call_access);

	(void)engine, (void)req, (void)err;
	more->action = "completed";
	ret->next = more;
	return 0;
}

static void write_needs(const struct call_access *need, struct str *out)
{
	if (need->unrestricted) {
		str_add(out, "open");
		return;
	}
	for (; need; need = need->next) {
		str_add(out, need->action);
		if (!need->n_resources && !streq(need->action, "completed"))
			str_add(out, " *");
		for (size_t i = 0; i < need->n_resources; i++)
			str_addf(out, " %s", need->resources[i]);
		for (size_t i = 0; need->conditions && need->conditions[i]; i += 2)
			str_addf(out, " %s=%s", need->conditions[i], need->conditions[i + 1]);
		if (need->next)
			str_add(out, " + ");
	}
}

/* Members that stand outside of a body: by their names there. */
static void fill_in(const struct wire_shape *shape, const char *json, struct arena *a, char *req)
{
	const struct json_node *doc;

	assert_int_equal(json_parse(view_of(json), a, &doc, NULL), 0);
	for (size_t i = 0; i < doc->n; i++) {
		const struct wire_member *m = wire_member_find(shape, doc->items[i].key);

		assert_non_null(m);
		if (m->shape->type == WIRE_INT)
			*(struct wire_int *)(req + m->offset) = WIRE_SET_INT(doc->items[i].integer);
		else
			*(const char **)(req + m->offset) = doc->items[i].text.p;
	}
}

static void requests_need_what_their_rows_say(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct arena a CLEANUP_ARENA = ARENA_INIT;
		struct err err CLEANUP_ERR = ERR_INIT;
		struct str text CLEANUP_STR = STR_INIT;
		struct call_service s = {
			.wire = rows[i].service, .access = complete, .lookup = lookup};
		struct call call = {.arena = &a,
			.account = "111122223333",
			.region = "us-east-1",
			.partition = "aws"};
		struct call_access needs = {0};
		void *req;

		call.operation = wire_operation_find(s.wire, view_of(rows[i].operation));
		assert_non_null(call.operation);
		req = arena_alloc(&a, call.operation->input->size);
		if (s.wire == &s3_service)
			fill_in(call.operation->input, rows[i].request, &a, req);
		else if (wire_decode_json(call.operation->input, view_of(rows[i].request), &a, req,
				 &err) < 0)
			fail_msg("%s: %s", rows[i].operation, err_message(&err));
		if (api_access(api_access_find(s.wire), &s, &call, req, &needs, &err) < 0)
			fail_msg("%s: %s", rows[i].operation, err_message(&err));
		write_needs(&needs, &text);
		assert_string_equal(str_text(&text), rows[i].wanted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_need_what_their_rows_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
