/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/managed_aws.h"

#include "base/mem.h"

#define PREFIX "arn:aws:iam::aws:policy/"
#define ALLOW(actions)                                                                          \
	"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":[" actions \
	"],\"Resource\":\"*\"}]}"
#define PIPELINE_READ                                                                           \
	"\"codepipeline:Get*\",\"codepipeline:List*\",\"s3:GetBucketPolicy\",\"s3:GetObject\"," \
	"\"s3:ListAllMyBuckets\",\"s3:ListBucket\""
#define COMMIT_READ                                                                        \
	"\"codecommit:BatchGet*\",\"codecommit:BatchDescribe*\",\"codecommit:Describe*\"," \
	"\"codecommit:EvaluatePullRequestApprovalRules\",\"codecommit:Get*\","             \
	"\"codecommit:List*\",\"codecommit:GitPull\""
#define BUILD_READ                                                                                 \
	"\"codebuild:BatchGet*\",\"codebuild:Get*\",\"codebuild:List*\",\"codebuild:Describe*\","  \
	"\"codecommit:GetBranch\",\"codecommit:GetCommit\",\"codecommit:GetRepository\","          \
	"\"cloudwatch:GetMetricStatistics\",\"events:DescribeRule\",\"events:ListTargetsByRule\"," \
	"\"events:ListRuleNamesByTarget\",\"logs:GetLogEvents\""
#define DEPLOY_READ "\"codedeploy:Batch*\",\"codedeploy:Get*\",\"codedeploy:List*\""

static const struct managed_aws policies[] = {
	{"AWSCodeBuildAdminAccess",
		ALLOW(BUILD_READ ",\"codebuild:*\",\"codecommit:ListBranches\","
				 "\"codecommit:ListRepositories\",\"s3:GetBucketLocation\","
				 "\"s3:ListAllMyBuckets\",\"logs:DeleteLogGroup\"")},
	{"AWSCodeBuildDeveloperAccess",
		ALLOW(BUILD_READ ",\"codebuild:StartBuild\",\"codebuild:StopBuild\",\"codebuild:"
				 "RetryBuild\","
				 "\"codebuild:StartBuildBatch\",\"codebuild:StopBuildBatch\","
				 "\"codebuild:RetryBuildBatch\"")},
	{"AWSCodeBuildReadOnlyAccess", ALLOW(BUILD_READ)},
	{"AWSCodeCommitFullAccess", ALLOW("\"codecommit:*\"")},
	{"AWSCodeCommitPowerUser",
		ALLOW(COMMIT_READ
			",\"codecommit:AssociateApprovalRuleTemplateWithRepository\","
			"\"codecommit:Create*\",\"codecommit:DeleteBranch\","
			"\"codecommit:DeleteFile\",\"codecommit:Merge*\",\"codecommit:Post*\","
			"\"codecommit:Put*\",\"codecommit:TagResource\",\"codecommit:Test*\","
			"\"codecommit:UntagResource\",\"codecommit:Update*\","
			"\"codecommit:GitPush\"")},
	{"AWSCodeCommitReadOnly", ALLOW(COMMIT_READ)},
	{"AWSCodeDeployDeployerAccess",
		ALLOW(DEPLOY_READ ",\"codedeploy:CreateDeployment\",\"codedeploy:"
				  "RegisterApplicationRevision\"")},
	{"AWSCodeDeployFullAccess", ALLOW("\"codedeploy:*\"")},
	{"AWSCodeDeployReadOnlyAccess", ALLOW(DEPLOY_READ)},
	{"AWSCodePipelineApproverAccess",
		ALLOW("\"codepipeline:GetPipeline\",\"codepipeline:GetPipelineState\","
		      "\"codepipeline:GetPipelineExecution\","
		      "\"codepipeline:ListPipelineExecutions\",\"codepipeline:ListPipelines\","
		      "\"codepipeline:PutApprovalResult\"")},
	{"AWSCodePipeline_FullAccess",
		ALLOW("\"codepipeline:*\",\"codebuild:BatchGetProjects\",\"codebuild:"
		      "CreateProject\","
		      "\"codebuild:ListCuratedEnvironmentImages\",\"codebuild:ListProjects\","
		      "\"codecommit:ListBranches\",\"codecommit:GetReferences\","
		      "\"codecommit:ListRepositories\",\"codedeploy:BatchGetDeploymentGroups\","
		      "\"codedeploy:ListApplications\",\"codedeploy:ListDeploymentGroups\","
		      "\"iam:ListRoles\",\"iam:PassRole\",\"s3:CreateBucket\","
		      "\"s3:GetBucketPolicy\",\"s3:GetBucketVersioning\",\"s3:GetObjectVersion\","
		      "\"s3:ListAllMyBuckets\",\"s3:ListBucket\",\"s3:PutBucketPolicy\","
		      "\"sns:ListTopics\"")},
	{"AWSCodePipeline_ReadOnlyAccess", ALLOW(PIPELINE_READ)},
	{"AdministratorAccess", ALLOW("\"*\"")},
	{"AmazonS3FullAccess", ALLOW("\"s3:*\"")},
	{"AmazonS3ReadOnlyAccess", ALLOW("\"s3:Get*\",\"s3:List*\",\"s3:Describe*\"")},
	{"PowerUserAccess",
		"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"NotAction\":["
		"\"iam:*\",\"organizations:*\",\"account:*\"],\"Resource\":\"*\"},{\"Effect\":"
		"\"Allow\",\"Action\":[\"iam:ListRoles\"],\"Resource\":\"*\"}]}"},
	{"ReadOnlyAccess",
		ALLOW(COMMIT_READ "," BUILD_READ "," PIPELINE_READ "," DEPLOY_READ
				  ",\"autoscaling:Describe*\",\"cloudwatch:Describe*\","
				  "\"cloudwatch:Get*\",\"cloudwatch:List*\",\"ec2:Describe*\","
				  "\"elasticloadbalancing:Describe*\",\"events:Describe*\","
				  "\"events:List*\",\"iam:Get*\",\"iam:List*\",\"logs:Describe*\","
				  "\"logs:FilterLogEvents\",\"logs:Get*\",\"s3:Get*\","
				  "\"s3:List*\",\"sns:Get*\",\"sns:List*\"")},
	{"service-role/AWSCodeDeployRole",
		ALLOW("\"autoscaling:*\",\"ec2:Describe*\",\"ec2:TerminateInstances\","
		      "\"sns:Publish\",\"cloudwatch:DescribeAlarms\","
		      "\"cloudwatch:PutMetricAlarm\",\"elasticloadbalancing:Describe*\","
		      "\"elasticloadbalancing:RegisterTargets\","
		      "\"elasticloadbalancing:DeregisterTargets\"")},
	{"service-role/AmazonEC2RoleforAWSCodeDeploy",
		ALLOW("\"s3:GetObject\",\"s3:GetObjectVersion\",\"s3:ListBucket\"")},
};

const struct managed_aws *managed_aws_find(const char *arn)
{
	if (!starts_with(arn, PREFIX))
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		if (strcmp(policies[i].path, arn + strlen(PREFIX)) == 0)
			return &policies[i];
	}
	return NULL;
}

size_t managed_aws_count(void)
{
	return ARRAY_SIZE(policies);
}

const char *managed_aws_arn(size_t i, struct arena *a)
{
	return arena_printf(a, PREFIX "%s", policies[i].path);
}
