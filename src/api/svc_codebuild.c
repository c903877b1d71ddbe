/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of codebuild, served by the build engine. Policies speak of projects: what is
 * done to a build needs permission on its project. */
#include "api/svc_codebuild.h"

#include "base/mem.h"

CALL_ADAPTER(build_batch_delete_builds)
CALL_ADAPTER(build_batch_get_builds)
CALL_ADAPTER(build_batch_get_projects)
CALL_ADAPTER(build_create_project)
CALL_ADAPTER(build_delete_project)
CALL_ADAPTER(build_invalidate_project_cache)
CALL_ADAPTER(build_list_builds)
CALL_ADAPTER(build_list_builds_for_project)
CALL_ADAPTER(build_list_curated_environment_images)
CALL_ADAPTER(build_list_projects)
CALL_ADAPTER(build_retry_build)
CALL_ADAPTER(build_start_build)
CALL_ADAPTER(build_stop_build)
CALL_ADAPTER(build_update_project)

static const call_handler handlers[CODEBUILD_OP_COUNT] = {
	[CODEBUILD_OP_BATCH_DELETE_BUILDS] = build_batch_delete_builds_call,
	[CODEBUILD_OP_BATCH_GET_BUILDS] = build_batch_get_builds_call,
	[CODEBUILD_OP_BATCH_GET_PROJECTS] = build_batch_get_projects_call,
	[CODEBUILD_OP_CREATE_PROJECT] = build_create_project_call,
	[CODEBUILD_OP_DELETE_PROJECT] = build_delete_project_call,
	[CODEBUILD_OP_INVALIDATE_PROJECT_CACHE] = build_invalidate_project_cache_call,
	[CODEBUILD_OP_LIST_BUILDS] = build_list_builds_call,
	[CODEBUILD_OP_LIST_BUILDS_FOR_PROJECT] = build_list_builds_for_project_call,
	[CODEBUILD_OP_LIST_CURATED_ENVIRONMENT_IMAGES] = build_list_curated_environment_images_call,
	[CODEBUILD_OP_LIST_PROJECTS] = build_list_projects_call,
	[CODEBUILD_OP_RETRY_BUILD] = build_retry_build_call,
	[CODEBUILD_OP_START_BUILD] = build_start_build_call,
	[CODEBUILD_OP_STOP_BUILD] = build_stop_build_call,
	[CODEBUILD_OP_UPDATE_PROJECT] = build_update_project_call,
};

#define ONE(request, member)                                                        \
	{                                                                           \
		offsetof(struct codebuild_##request##_request, member), false, true \
	}
#define MANY(request, member)                                                      \
	{                                                                          \
		offsetof(struct codebuild_##request##_request, member), true, true \
	}

/* Where each request names its projects: a project's name or ARN, or a build's id or ARN. */
static const struct subject {
	size_t offset;
	bool list, set;
} subjects[CODEBUILD_OP_COUNT] = {
	[CODEBUILD_OP_BATCH_DELETE_BUILDS] = MANY(batch_delete_builds, ids),
	[CODEBUILD_OP_BATCH_GET_BUILDS] = MANY(batch_get_builds, ids),
	[CODEBUILD_OP_BATCH_GET_PROJECTS] = MANY(batch_get_projects, names),
	[CODEBUILD_OP_CREATE_PROJECT] = ONE(create_project, name),
	[CODEBUILD_OP_DELETE_PROJECT] = ONE(delete_project, name),
	[CODEBUILD_OP_INVALIDATE_PROJECT_CACHE] = ONE(invalidate_project_cache, project_name),
	[CODEBUILD_OP_LIST_BUILDS_FOR_PROJECT] = ONE(list_builds_for_project, project_name),
	[CODEBUILD_OP_RETRY_BUILD] = ONE(retry_build, id),
	[CODEBUILD_OP_START_BUILD] = ONE(start_build, project_name),
	[CODEBUILD_OP_STOP_BUILD] = ONE(stop_build, id),
	[CODEBUILD_OP_UPDATE_PROJECT] = ONE(update_project, name),
};

static const char *project_arn(struct call *call, const char *name)
{
	const char *start = name ? name : "", *end;

	if (starts_with(start, "arn:") && strrchr(start, '/'))
		start = strrchr(start, '/') + 1;
	end = strchrnul(start, ':');
	return call_arn(call, "codebuild", "project/%.*s", (int)(end - start), start);
}

static int access(void *engine UNUSED, struct call *call, const void *req, struct call_access *ret,
	struct err *err UNUSED)
{
	const struct subject *s = &subjects[call->operation - codebuild_service.operations];
	const char *field = (const char *)req + s->offset;
	const struct wire_list *list = (const void *)field;
	const char *const *names = s->list ? list->v : (const void *)field;
	size_t n = s->list ? list->n : 1;
	const char **arns;

	if (!s->set)
		return 0;
	arns = arena_new_n(call->arena, n, const char *);
	for (size_t i = 0; i < n; i++)
		arns[i] = project_arn(call, names[i]);
	ret->resources = arns;
	ret->n_resources = n;
	return 0;
}

struct call_service svc_codebuild(struct build_engine *e)
{
	return (struct call_service){
		.wire = &codebuild_service,
		.engine = e,
		.handlers = handlers,
		.access = access,
	};
}
