/* SPDX-License-Identifier: Apache-2.0 */
/* Builds act under their service roles: what the role allows, and the short-lived credentials that
 * the build itself fetches from the container credentials address. */
#include "provider/build_world.h"
#include "provider/role_credentials.h"

#define PART "build/"

/* Where the resource begins in the ARN of a build or a batch of builds; NULL: it is none. */
static const char *resource_mark(const char *arn)
{
	const char *mark = arn ? strstr(arn, ":build/") : NULL;

	return mark || !arn ? mark : strstr(arn, ":build-batch/");
}

/* In the build's region and account, which end at the mark of its ARN. */
static const char *pipeline_arn(const struct build_role *role, const char *mark, struct arena *a)
{
	const char *place = strstr(role->build_arn, ":codebuild:") + strlen(":codebuild:");

	return arena_printf(
		a, "arn:aws:codepipeline:%.*s:%s", (int)(mark - place), place, role->pipeline);
}

struct identity_actor build_world_actor(const struct build_role *role, struct arena *a)
{
	const char **keys = arena_new_n(a, 5, const char *);
	const char *mark = resource_mark(role->build_arn);
	const char *project = mark ? strchr(mark, '/') + 1 : NULL;
	struct identity_actor who = {
		.service = role->pipeline ? PIPELINE_SERVICE : BUILD_SERVICE,
		.role_arn = role->arn,
		.session_name = arena_printf(a, "AWSCodeBuild-%s", role->build),
		.keys = keys,
	};

	if (!project)
		return who;
	keys[0] = "codebuild:buildArn";
	keys[1] = role->build_arn;
	keys[2] = "codebuild:projectArn";
	keys[3] = arena_printf(a, "%.*s:project/%.*s", (int)(mark - role->build_arn),
		role->build_arn, (int)strcspn(project, ":"), project);
	who.source_arn = role->pipeline ? pipeline_arn(role, mark, a) : keys[3];
	return who;
}

int build_world_may(struct build_world *w, const struct build_role *role, const char *action,
	const char *resource, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct identity_actor who = build_world_actor(role, &a);

	if (!w->identity)
		return 0;
	return bucket_role_may(
		w->artifact, w->identity, &who, action, resource, BUCKET_ENCRYPTION, err);
}

int build_world_may_object(struct build_world *w, const struct build_role *role, const char *action,
	const char *bucket, const char *key, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;

	return build_world_may(
		w, role, action, arena_printf(&a, "arn:aws:s3:::%s/%s", bucket, key), err);
}

static int may(void *arg, const struct build_role *role, const char *action, const char *resource,
	struct err *err)
{
	return build_world_may(arg, role, action, resource, err);
}

/* ---- the build's environment ---- */

static void add(struct towpath_leader_variables *list, const char *name, const char *value)
{
	list->v[list->n].name = name;
	list->v[list->n++].value = value;
}

/* Where the address is not on the loopback, clients do not take credentials over plain HTTP: the
 * build then has its credentials from the start, for as long as it may run. */
static int add_keys(struct build_world *w, const struct build_role *role, const char *part,
	struct arena *a, struct towpath_leader_variables *ret, struct towpath_string_list *secrets,
	struct err *err)
{
	struct identity_actor who = build_world_actor(role, a);
	struct identity_session s;

	if (identity_role_session(w->identity, &who, part, 8 * ROLE_CREDENTIALS_USEC, a, &s, err) <
		0)
		return -1;
	add(ret, "AWS_ACCESS_KEY_ID", s.access_key_id);
	add(ret, "AWS_SECRET_ACCESS_KEY", s.secret);
	add(ret, "AWS_SESSION_TOKEN", s.token);
	secrets->v[secrets->n++] = s.secret;
	secrets->v[secrets->n++] = s.token;
	return 0;
}

static int variables(void *arg, const struct build_role *role, struct arena *a,
	struct towpath_leader_variables *ret, struct towpath_string_list *ret_secrets,
	struct err *err)
{
	struct build_world *w = arg;
	const char *part = arena_printf(a, PART "%s", role->build);
	const char *ticket = identity_ticket(w->identity, part, a);

	wire_list_alloc(a, ret, 4);
	wire_list_alloc(a, ret_secrets, 2);
	ret->n = ret_secrets->n = 0;
	add(ret, "AWS_ENDPOINT_URL", w->endpoint);
	if (!w->endpoint_is_local)
		return add_keys(w, role, part, a, ret, ret_secrets, err);
	add(ret, "AWS_CONTAINER_CREDENTIALS_FULL_URI",
		arena_printf(a, "%s" ROLE_CREDENTIALS_PATH "%s", w->endpoint, part));
	add(ret, "AWS_CONTAINER_AUTHORIZATION_TOKEN", ticket);
	ret_secrets->v[ret_secrets->n++] = ticket;
	return 0;
}

/* ---- the address ---- */

int build_world_credentials(
	void *world, const char *part, const char *ticket, struct str *json, struct err *err)
{
	struct build_world *w = world;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct build_role role;
	struct identity_actor who;
	int running;

	if (!starts_with(part, PART) || !identity_ticket_fits(w->identity, part, ticket))
		return 0;
	running = build_role_of(w->build, part + strlen(PART), &a, &role, err);
	if (running <= 0)
		return running;
	who = build_world_actor(&role, &a);
	return role_credentials_answer(w->identity, &who, part, json, err) < 0 ? -1 : 1;
}

/* ---- the end ---- */

static int is_running(void *arg, const char *part, struct err *err)
{
	struct build_world *w = arg;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct build_role role;

	return build_role_of(w->build, part + strlen(PART), &a, &role, err);
}

void build_world_revoke_with_builds(struct build_world *w)
{
	identity_set_alive(w->identity, PART, is_running, NULL, w);
}

void build_world_roles_port(struct build_world *w, struct build_ports *ret)
{
	ret->roles = (struct build_roles){.arg = w, .may = may, .variables = variables};
}
