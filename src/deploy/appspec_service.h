/* SPDX-License-Identifier: Apache-2.0 */
/* The AppSpec file for container services, in YAML or JSON: "AppSpec file structure for Amazon ECS
 * deployments" of the CodeDeploy user guide. Keys are taken in any letter case. Every complaint
 * names file, line and column. */
#ifndef TOWPATH_DEPLOY_APPSPEC_SERVICE_H
#define TOWPATH_DEPLOY_APPSPEC_SERVICE_H

#include "codec/yaml.h"
#include "deploy/ports.h"
#include "towpath.gen.h"

struct appspec_service {
	struct yaml_document document; /* holds the warnings */
	const char *task_definition;
	const char *container;
	int port;
	const char *platform_version;	   /* or NULL */
	const char *network_configuration; /* JSON of ecs' AwsVpcConfiguration, or NULL */
	const char *capacity_providers;	   /* JSON of ecs' CapacityProviderStrategy, or NULL */
	struct towpath_deploy_hook_list hooks;
	/* where they stand, for appspec_service_fits() */
	const struct yaml_node *container_node, *port_node;
};

/* Who answers a hook: by the form of its name. */
enum appspec_hook_form {
	APPSPEC_HOOK_FUNCTION, /* whoever calls PutLifecycleEventHookExecutionStatus */
	APPSPEC_HOOK_BUILD,    /* build:PROJECT or a project's ARN: a build of it */
	APPSPEC_HOOK_SCRIPT,   /* script:PATH: a script in the revision */
};
/* *ret_what (may be NULL): the project or path, borrowed. */
enum appspec_hook_form appspec_hook_form(const char *function, const char **ret_what);

/* Parses; file is only used in messages. All in the arena. ERR_INVALID or ERR_MALFORMED. */
int appspec_service_parse(const char *file, struct view text, struct arena *a,
	struct appspec_service *ret, struct err *err);
/* Whether the container and port that it names are in the task definition; the error names those
 * that are. */
int appspec_service_fits(
	const struct appspec_service *s, const struct deploy_task_definition *t, struct err *err);

#endif
