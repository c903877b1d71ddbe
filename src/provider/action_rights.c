/* SPDX-License-Identifier: Apache-2.0 */
/* What an action does, it does under its role: before it starts, the role is asked for all that the
 * action will need. One row a right; resources are ends of ARNs with the action's settings in
 * braces. Objects whose keys are only known later are asked for when they are. */
#include "provider/action_world.h"

#include "base/mem.h"
#include "provider/build_world.h"

#define PROJECT "codebuild:{region}:{account}:project/{ProjectName}"
#define REPOSITORY "codecommit:{region}:{account}:{RepositoryName}"
#define APPLICATION "codedeploy:{region}:{account}:application:{ApplicationName}"
#define SERVICE "ecs:{region}:{account}:service/{ClusterName}/{ServiceName}"
#define GROUP \
	"codedeploy:{region}:{account}:deploymentgroup:{ApplicationName}/{DeploymentGroupName}"

static const struct right {
	const char *provider, *category; /* category NULL: of every one */
	const char *action, *resource;	 /* resource NULL: "*" */
	const char *setting;		 /* asked only where this is "true" */
} rights[] = {
	{"CodeBuild", NULL, "codebuild:StartBuild", PROJECT},
	{"CodeBuild", NULL, "codebuild:BatchGetBuilds", PROJECT},
	{"CodeBuild", NULL, "codebuild:StartBuildBatch", PROJECT, "BatchEnabled"},
	{"CodeBuild", NULL, "codebuild:BatchGetBuildBatches", PROJECT, "BatchEnabled"},
	{"CodeCommit", "Source", "codecommit:GetBranch", REPOSITORY},
	{"CodeCommit", "Source", "codecommit:GetCommit", REPOSITORY},
	{"CodeCommit", "Source", "codecommit:UploadArchive", REPOSITORY},
	{"CodeDeploy", "Deploy", "codedeploy:CreateDeployment", GROUP},
	{"CodeDeploy", "Deploy", "codedeploy:GetDeployment", GROUP},
	{"CodeDeploy", "Deploy", "codedeploy:RegisterApplicationRevision", APPLICATION},
	{"CodeDeployToECS", "Deploy", "codedeploy:CreateDeployment", GROUP},
	{"CodeDeployToECS", "Deploy", "codedeploy:GetDeployment", GROUP},
	{"CodeDeployToECS", "Deploy", "codedeploy:RegisterApplicationRevision", APPLICATION},
	{"CodeDeployToECS", "Deploy", "ecs:RegisterTaskDefinition", NULL},
	{"ECR", "Source", "ecr:DescribeImages",
		"ecr:{region}:{account}:repository/{RepositoryName}"},
	{"ECS", "Deploy", "ecs:DescribeServices", SERVICE},
	{"ECS", "Deploy", "ecs:RegisterTaskDefinition", NULL},
	{"ECS", "Deploy", "ecs:UpdateService", SERVICE},
	{"S3", "Source", "s3:GetBucketVersioning", "s3:::{S3Bucket}"},
};

/* The ARN with region, account and settings filled in; a setting that is absent is "*". */
static const char *fill(const struct action_run *run, const char *resource)
{
	struct str out CLEANUP_STR = STR_INIT;
	struct view rest = view_of(resource);

	str_addf(&out, "arn:%s:", run->partition);
	while (rest.p) {
		const char *name, *value;

		str_add_view(&out, view_cut(&rest, '{'));
		if (!rest.p)
			break;
		name = arena_view_dup(run->arena, view_cut(&rest, '}'));
		if (streq(name, "region"))
			value = run->region;
		else if (streq(name, "account"))
			value = run->account;
		else
			value = action_run_setting(run, name);
		str_add(&out, value ? value : "*");
	}
	return arena_view_dup(run->arena, str_view(&out));
}

struct identity_actor action_actor(const struct action_run *run)
{
	return (struct identity_actor){
		.service = PIPELINE_SERVICE,
		.role_arn = run->role_arn,
		.session_name = run->execution_id,
		.source_arn = arena_printf(run->arena, "arn:%s:codepipeline:%s:%s:%s",
			run->partition, run->region, run->account, run->pipeline),
	};
}

static int ask(struct action_world *w, const struct action_run *run, const char *action,
	const char *resource, const char *encryption, struct err *err)
{
	const struct identity_actor who = action_actor(run);

	return bucket_role_may(w->artifact, w->identity, &who, action, resource, encryption, err);
}

int action_check_object(struct action_world *w, const struct action_run *run, const char *action,
	const char *bucket, const char *key, const char *encryption, struct err *err)
{
	if (!w->identity)
		return 0;
	return ask(w, run, action,
		arena_printf(run->arena, "arn:%s:s3:::%s/%s", run->partition, bucket, key),
		encryption, err);
}

static int ask_artifacts(struct action_world *w, const struct action_run *run, struct err *err)
{
	const struct {
		const struct action_artifact *v;
		size_t n;
		const char *action;
	} lists[] = {{run->inputs, run->n_inputs, "s3:GetObject"},
		{run->outputs, run->n_outputs, "s3:PutObject"}};

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		for (size_t k = 0; k < lists[i].n; k++)
			if (action_check_object(w, run, lists[i].action, lists[i].v[k].bucket,
				    lists[i].v[k].key, BUCKET_ENCRYPTION, err) < 0)
				return -1;
	}
	return 0;
}

/* Connections go by two names, in actions and in ARNs: policies may allow and deny by either. */
static int ask_connection(struct action_world *w, const struct action_run *run, struct err *err)
{
	static const char *const names[] = {"codeconnections", "codestar-connections"};
	const char *id = connection_id_of(action_run_setting(run, "ConnectionArn"));
	CLEANUP_ERR struct err first = ERR_INIT;
	bool allowed = !id; /* what is no ARN fails when it is used */

	for (size_t i = 0; id && i < ARRAY_SIZE(names) * ARRAY_SIZE(names); i++) {
		CLEANUP_ERR struct err denial = ERR_INIT;
		const char *action =
			arena_printf(run->arena, "%s:UseConnection", names[i / ARRAY_SIZE(names)]);
		const char *arn =
			arena_printf(run->arena, "arn:%s:%s:%s:%s:connection/%s", run->partition,
				names[i % ARRAY_SIZE(names)], run->region, run->account, id);

		if (ask(w, run, action, arn, NULL, &denial) == 0)
			allowed = true;
		else if (!err_is(&denial, ERR_DENIED) || identity_denied_explicitly(&denial))
			return err_move(err, &denial);
		else if (!err_is(&first, ERR_DENIED))
			err_move(&first, &denial);
	}
	return allowed ? 0 : err_move(err, &first);
}

int action_check_rights(struct action_world *w, const struct action_run *run,
	const struct action_provider *p, struct err *err)
{
	if (!w->identity)
		return 0;
	for (size_t i = 0; p && i < ARRAY_SIZE(rights); i++) {
		const struct right *r = &rights[i];

		if (!streq(r->provider, p->provider) ||
			(r->category && !streq(r->category, p->category)) ||
			(r->setting && !action_flag(action_run_setting(run, r->setting), false)))
			continue;
		if (ask(w, run, r->action, r->resource ? fill(run, r->resource) : "*", NULL, err) <
			0)
			return -1;
	}
	if (p && streq(p->provider, "CodeStarSourceConnection") && ask_connection(w, run, err) < 0)
		return -1;
	return ask_artifacts(w, run, err);
}
