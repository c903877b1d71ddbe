/* SPDX-License-Identifier: Apache-2.0 */
#include "provider/build_own.h"

#include "base/mem.h"

int build_own_ensure(
	struct build_engine *e, struct call *call, const struct build_own *own, struct err *err)
{
	struct codebuild_project_source source = {.type = "NO_SOURCE", .buildspec = own->buildspec};
	struct codebuild_project_artifacts artifacts = {.type = "NO_ARTIFACTS"};
	struct codebuild_project_environment environment = {.type = "LINUX_CONTAINER",
		.image = own->image,
		.compute_type = "BUILD_GENERAL1_SMALL"};
	struct codebuild_create_project_request req = {
		.name = own->name,
		.description = own->description,
		.source = &source,
		.artifacts = &artifacts,
		.environment = &environment,
		.service_role = own->role,
		.timeout_in_minutes = WIRE_SET_INT(own->minutes),
	};
	struct codebuild_create_project_response resp = {0};
	struct err why CLEANUP_ERR = ERR_INIT;

	if (build_create_project(e, call, &req, &resp, &why) == 0 ||
		(why.wire && streq(why.wire, "ResourceAlreadyExistsException")))
		return 0;
	return err_move(err, &why);
}
