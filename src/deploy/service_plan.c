/* SPDX-License-Identifier: Apache-2.0 */
/* The beginning of a deployment to a container service: its AppSpec is read, the service, its
 * target groups, listeners and task definition are looked at, outside of any transaction. */
#include "base/mem.h"
#include "deploy/appspec_service.h"
#include "deploy/service.h"

#define CODE(name) CODEDEPLOY_ERROR_CODE_##name

static int refuse(struct service_plan *p, const char *code, const char *message)
{
	if (!p->code) {
		p->code = code;
		p->message = message;
	}
	return 0;
}

/* What the user has to mend is noted, what may pass is -1. */
static int refuse_why(struct service_plan *p, const char *code, struct err *why, struct err *err)
{
	if (err_is(why, ERR_UNAVAILABLE))
		return err_move(err, why);
	return refuse(p, code, arena_strdup(p->a, err_message(why)));
}

/* ---- the AppSpec ---- */

static bool is_archive(const struct codedeploy_s3_location *s3)
{
	return s3 && !streq(s3->bundle_type, CODEDEPLOY_BUNDLE_TYPE_YAML) &&
	       !streq(s3->bundle_type, CODEDEPLOY_BUNDLE_TYPE_JSON);
}

static int read_text(
	struct service_plan *p, const char **ret_name, struct str *ret, struct err *err)
{
	const struct codedeploy_revision_location *r = p->d->info.revision;
	const struct codedeploy_s3_location *s3 = r->s3_location;
	const struct deploy_ports *ports = p->e->ports;
	struct err why CLEANUP_ERR = ERR_INIT;

	if (!s3) {
		*ret_name = "appspec";
		str_add(ret, r->app_spec_content->content);
		return 0;
	}
	if (ports->appspec_read(ports->arg, &p->reader, s3->bucket, s3->key, s3->version,
		    s3->bundle_type, p->a, ret_name, ret, &why) == 0)
		return 0;
	return refuse_why(p,
		err_is(&why, ERR_NOT_FOUND) ? CODE(REVISION_MISSING)
		: err_is(&why, ERR_DENIED)  ? CODE(IAM_ROLE_PERMISSIONS)
					    : CODE(INVALID_REVISION),
		&why, err);
}

/* A script is in the revision: there has to be more than the AppSpec. */
static void check_hooks(struct service_plan *p, const struct appspec_service *spec)
{
	wire_foreach (it, &spec->hooks)
		if (appspec_hook_form(it->function, NULL) == APPSPEC_HOOK_SCRIPT &&
			!is_archive(p->d->info.revision->s3_location))
			refuse(p, CODE(INVALID_REVISION),
				arena_printf(p->a,
					"The hook %s is a script in the revision (%s), but the "
					"revision is the AppSpec alone: deploy an archive (zip, "
					"tgz "
					"or tar) from S3 that holds both.",
					it->event, it->function));
}

static int read_appspec(struct service_plan *p, struct appspec_service *spec, struct err *err)
{
	struct str text CLEANUP_STR = STR_INIT;
	struct err why CLEANUP_ERR = ERR_INIT;
	const char *name = NULL;

	if (read_text(p, &name, &text, err) < 0)
		return -1;
	if (p->code)
		return 0;
	if (appspec_service_parse(name, str_view(&text), p->a, spec, &why) < 0)
		return refuse_why(p, CODE(INVALID_REVISION), &why, err);
	check_hooks(p, spec);
	p->state.task_definition = spec->task_definition;
	p->state.container_name = spec->container;
	p->state.container_port = WIRE_SET_LONG(spec->port);
	p->state.platform_version = spec->platform_version;
	p->state.network_configuration = spec->network_configuration;
	p->state.capacity_providers = spec->capacity_providers;
	p->state.hooks = spec->hooks;
	return 0;
}

static int check_definition(
	struct service_plan *p, const struct appspec_service *spec, struct err *err)
{
	const struct deploy_ports *ports = p->e->ports;
	struct deploy_task_definition t;
	struct err why CLEANUP_ERR = ERR_INIT;

	if (ports->task_definition_get(ports->arg, spec->task_definition, p->a, &t, &why) < 0)
		return refuse_why(p, CODE(INVALID_REVISION), &why, err);
	if (!t.active)
		return refuse(p, CODE(INVALID_REVISION),
			arena_printf(p->a, "The task definition %s is not active.", t.arn));
	p->state.task_definition = t.arn;
	if (appspec_service_fits(spec, &t, &why) < 0)
		return refuse_why(p, CODE(INVALID_REVISION), &why, err);
	return 0;
}

/* ---- the service ---- */

static int check_service(struct service_plan *p, const struct deploy_service *service)
{
	const struct deploy_set *blue = service_primary(service);
	const struct towpath_string_list *groups = &p->state.groups;

	p->arn = service->arn;
	if (!service->active)
		return refuse(p, CODE(INVALID_ECS_SERVICE),
			arena_printf(p->a, "The ECS service %s is not active.", service->arn));
	if (!service->code_deploy)
		return refuse(p, CODE(INVALID_ECS_SERVICE),
			arena_printf(p->a,
				"The deployment controller of the ECS service %s is not "
				"CODE_DEPLOY: create the service with "
				"deploymentController type CODE_DEPLOY.",
				service->arn));
	if (!blue)
		return refuse(p, CODE(INVALID_ECS_SERVICE),
			arena_printf(
				p->a, "The ECS service %s has no primary task set.", service->arn));
	p->state.blue_set = blue->id;
	for (size_t i = 0; i < groups->n; i++)
		if (streq(groups->v[i], blue->target_group)) {
			p->state.blue_group = groups->v[i];
			p->state.green_group = groups->v[1 - i];
		}
	if (!p->state.blue_group)
		return refuse(p, CODE(ELASTIC_LOAD_BALANCING_INVALID),
			arena_printf(p->a,
				"The primary task set %s of the ECS service %s is behind the "
				"target "
				"group %s, which is not one of the deployment group's (%s, %s).",
				blue->id, service->arn,
				blue->target_group ? blue->target_group : "(none)", groups->v[0],
				groups->v[1]));
	return 0;
}

static int find_service(struct service_plan *p, struct err *err)
{
	const struct deploy_ports *ports = p->e->ports;
	struct err why CLEANUP_ERR = ERR_INIT;
	struct deploy_service service;

	if (ports->service_get(
		    ports->arg, p->state.cluster, p->state.service, p->a, &service, &why) < 0)
		return refuse_why(p, CODE(INVALID_ECS_SERVICE), &why, err);
	return check_service(p, &service);
}

static int check_listener(struct service_plan *p, const char *listener, const char *what,
	const char *const *groups, size_t n, struct err *err)
{
	const struct deploy_ports *ports = p->e->ports;
	struct err why CLEANUP_ERR = ERR_INIT;
	bool forwards = false;

	if (!listener)
		return 0;
	for (size_t i = 0; i < n && !forwards; i++)
		if (ports->listener_forwards(ports->arg, listener, groups[i], &forwards, &why) < 0)
			return refuse_why(p, CODE(ELASTIC_LOAD_BALANCING_INVALID), &why, err);
	if (!forwards)
		return refuse(p, CODE(ELASTIC_LOAD_BALANCING_INVALID),
			arena_printf(p->a,
				"The %s listener %s does not forward to the target group %s%s%s.",
				what, listener, groups[0], n > 1 ? " or " : "",
				n > 1 ? groups[1] : ""));
	return 0;
}

static int check_listeners(struct service_plan *p, struct err *err)
{
	const char *const groups[] = {p->state.blue_group, p->state.green_group};

	if (check_listener(p, p->state.listener, "production", groups, 1, err) < 0)
		return -1;
	return check_listener(p, p->state.test_listener, "test", groups, 2, err);
}

int service_plan(struct service_plan *p, struct err *err)
{
	struct appspec_service spec;

	p->state = *p->d->state.service;
	if (read_appspec(p, &spec, err) < 0)
		return -1;
	if (!p->code && find_service(p, err) < 0)
		return -1;
	if (!p->code && check_listeners(p, err) < 0)
		return -1;
	return p->code ? 0 : check_definition(p, &spec, err);
}

int service_begin(struct step *s, const struct service_plan *p, struct err *err)
{
	struct towpath_deploy_service *service =
		wire_copy(&towpath_deploy_service_shape, &p->state, s->a);
	struct store_target target;

	service->arn = arena_strdup(s->a, p->arn);
	s->d.state.service = service;
	step_init_target(s, &target,
		arena_printf(s->a, "%s:%s", service->cluster, service->service),
		CODEDEPLOY_TARGET_LABEL_GREEN,
		service->test_listener ? DEPLOY_TRACK_SERVICE_TESTED : DEPLOY_TRACK_SERVICE);
	target.info.target_arn = service->arn;
	if (step_add_targets(s, &target, 1, err) < 0)
		return -1;
	step_set_phase(s, DEPLOY_PHASE_INSTALLING);
	return deploy_advance(s, err);
}
