/* SPDX-License-Identifier: Apache-2.0 */
/* The rules that projects must keep (CreateProject, UpdateProject, StartBuild's overrides) beyond
 * what the service's model says, in the words of the service; and the values that the service
 * fills in. */
#include <ctype.h>

#include "build/engine.h"
#include "build/host.h"

#define SECONDARIES_MAX 12
#define SECURITY_GROUPS_MAX 5
#define BATCH_MINUTES_MIN 5
#define BATCH_MINUTES_MAX 2160
#define BATCH_BUILDS_MAX 100
#define CLONE_DEPTH_FULL 25

static const struct source_rule {
	const char *type;
	bool location, reports_status, submodules;
	const char *label; /* in messages */
} source_rules[] = {
	{"CODECOMMIT", true, false, true, "CodeCommit"},
	{"CODEPIPELINE", false, false, false, "CodePipeline"},
	{"GITHUB", true, true, true, "GitHub"},
	{"GITHUB_ENTERPRISE", true, true, true, "GitHub Enterprise"},
	{"BITBUCKET", true, true, true, "Bitbucket"},
	{"GITLAB", true, true, true, "GitLab"},
	{"GITLAB_SELF_MANAGED", true, true, true, "GitLab"},
	{"S3", true, false, false, "S3"},
	{"NO_SOURCE", false, false, false, "no"},
};

static const struct source_rule *source_rule_of(const char *type)
{
	for (size_t i = 0; i < ARRAY_SIZE(source_rules); i++)
		if (streq(source_rules[i].type, type))
			return &source_rules[i];
	return NULL;
}

static bool is_empty(const char *s)
{
	return !s || !*s;
}

static bool is_identifier(const char *s)
{
	size_t n = strlen(s);

	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && s[i] != '_')
			return false;
	return n > 0 && n < 128;
}

static bool is_inline(const char *buildspec)
{
	return strchr(buildspec, '\n') || starts_with(buildspec, "version:") ||
	       starts_with(buildspec, "{") || starts_with(buildspec, "arn:");
}

/* A git host's location, and what it is to be asked with. */
static int check_host(const struct codebuild_project_source *s, struct err *err)
{
	const struct build_host *host = build_host_of(s->type);
	const char *auth = s->auth ? s->auth->type : NULL;
	CLEANUP_ERR struct err why = ERR_INIT;

	if (host && build_host_check(host, s->location, &why) < 0)
		return build_invalid(err, "Invalid input: %s", err_message(&why));
	if (streq(auth, CODEBUILD_SOURCE_AUTH_TYPE_CODECONNECTIONS))
		return build_invalid(err,
			"Invalid input: source auth of type CODECONNECTIONS is not "
			"offered by this server: use SECRETS_MANAGER, or import a "
			"token with ImportSourceCredentials");
	if (streq(auth, CODEBUILD_SOURCE_AUTH_TYPE_SECRETS_MANAGER) &&
		(!host || is_empty(s->auth->resource)))
		return build_invalid(err,
			"Invalid input: source auth of type SECRETS_MANAGER needs "
			"a git host as source and a secret's ARN as resource");
	return 0;
}

static int check_source(const struct codebuild_project_source *s, bool primary, struct err *err)
{
	const struct source_rule *rule = source_rule_of(s->type);

	if (!rule)
		return build_invalid(err, "Invalid input: unknown source type %s", s->type);
	if (rule->location && is_empty(s->location))
		return build_invalid(err,
			"Invalid input: source location is required for source type %s", s->type);
	if (check_host(s, err) < 0)
		return -1;
	if (streq(s->type, "NO_SOURCE") && !is_empty(s->location))
		return build_invalid(err, "Invalid input: source location must be empty for "
					  "source type NO_SOURCE");
	if (primary && streq(s->type, "NO_SOURCE") &&
		(is_empty(s->buildspec) || !is_inline(s->buildspec)))
		return build_invalid(err, "Invalid input: buildspec must be given inline (YAML "
					  "with a version) for source type NO_SOURCE");
	if (s->git_submodules_config && !rule->submodules &&
		wire_or(s->git_submodules_config->fetch_submodules, false))
		return build_invalid(
			err, "Git submodules config is not supported for %s source", rule->label);
	if (wire_or(s->report_build_status, false) && !rule->reports_status)
		return build_invalid(err,
			"Invalid input: reportBuildStatus is not supported for source type %s",
			s->type);
	return 0;
}

static int check_secondary_sources(const struct codebuild_project *p, struct err *err)
{
	CLEANUP_MAP struct map seen = MAP_INIT;

	if (p->secondary_sources.n > SECONDARIES_MAX)
		return build_invalid(err,
			"Invalid input: the maximum number of secondary sources is %d",
			SECONDARIES_MAX);
	wire_foreach (s, &p->secondary_sources) {
		if (is_empty(s->source_identifier))
			return build_invalid(err, "Invalid input: sourceIdentifier is required "
						  "for secondary sources");
		if (!is_identifier(s->source_identifier) && !streq(s->type, "CODEPIPELINE"))
			return build_invalid(err,
				"Invalid input: sourceIdentifier %s may hold letters, digits and "
				"underscores only",
				s->source_identifier);
		if (map_set(&seen, s->source_identifier, (void *)s))
			return build_invalid(
				err, "Invalid input: sourceIdentifier cannot be duplicated");
		if (check_source(s, false, err) < 0)
			return -1;
	}
	wire_foreach (v, &p->secondary_source_versions)
		if (!v->source_identifier || !map_has(&seen, v->source_identifier))
			return build_invalid(
				err, "Invalid input: secondary source identifier does not exist");
	return 0;
}

static int check_artifact(
	const struct codebuild_project_artifacts *a, bool primary, struct err *err)
{
	bool s3 = streq(a->type, "S3");

	if (s3 && is_empty(a->location))
		return build_invalid(err, "Invalid artifacts: location is required");
	if (!s3 && wire_or(a->encryption_disabled, false))
		return build_invalid(
			err, "Invalid artifacts: encryptionDisabled is only supported for type S3");
	if (!primary && streq(a->type, "CODEPIPELINE"))
		return build_invalid(err,
			"Invalid artifacts: type CODEPIPELINE is not supported for secondary "
			"artifacts");
	return 0;
}

static int check_artifacts(const struct codebuild_project *p, struct err *err)
{
	CLEANUP_MAP struct map seen = MAP_INIT;
	bool from = streq(p->source->type, "CODEPIPELINE");
	bool to = streq(p->artifacts->type, "CODEPIPELINE");

	if (from != to)
		return build_invalid(err,
			"Invalid project: source and artifacts must both be of type CODEPIPELINE, "
			"or neither");
	if (check_artifact(p->artifacts, true, err) < 0)
		return -1;
	if (p->secondary_artifacts.n > SECONDARIES_MAX)
		return build_invalid(err,
			"Invalid input: the maximum number of artifact definitions in "
			"secondaryArtifacts is %d",
			SECONDARIES_MAX);
	wire_foreach (a, &p->secondary_artifacts) {
		if (is_empty(a->artifact_identifier))
			return build_invalid(err, "Invalid artifacts: artifactIdentifier is "
						  "required for secondary artifacts");
		if (map_set(&seen, a->artifact_identifier, (void *)a))
			return build_invalid(
				err, "Invalid artifacts: artifactIdentifier cannot be duplicated");
		if (check_artifact(a, false, err) < 0)
			return -1;
	}
	return 0;
}

/* Builds run on this machine's processor: what is asked for another one must not come out wrong. */
static bool is_elsewhere(const char *type)
{
#ifndef __aarch64__
	if (starts_with(type, "ARM_"))
		return true;
#endif
	return starts_with(type, "WINDOWS_") || starts_with(type, "MAC_");
}

static int check_environment(const struct codebuild_project_environment *env, struct err *err)
{
	if (is_empty(env->image))
		return build_invalid(err, "Invalid environment: image is required");
	if (is_elsewhere(env->type))
		return build_invalid(err,
			"Invalid environment: type %s is not offered here; use LINUX_CONTAINER",
			env->type);
	wire_foreach (v, &env->environment_variables)
		if (is_empty(v->name) || strchr(v->name, '='))
			return build_invalid(err,
				"Invalid environment: '%s' is not a name for an "
				"environment variable",
				v->name ? v->name : "");
	if (env->registry_credential && !streq(env->image_pull_credentials_type, "SERVICE_ROLE"))
		return build_invalid(err, "Invalid environment: registryCredential needs "
					  "imagePullCredentialsType SERVICE_ROLE");
	if (env->registry_credential && starts_with(env->image, "aws/codebuild/"))
		return build_invalid(err, "Invalid environment: registryCredential cannot be "
					  "used with a curated image");
	return 0;
}

static int check_surroundings(const struct codebuild_project *p, struct err *err)
{
	const struct codebuild_project_cache *c = p->cache;

	if (c && streq(c->type, "S3") && is_empty(c->location))
		return build_invalid(err, "Invalid cache: location must be a valid S3 bucket, "
					  "followed by slash and the prefix");
	if (c && streq(c->type, "LOCAL") && !c->modes.n)
		return build_invalid(
			err, "Invalid cache: at least one mode is required for type LOCAL");
	if (p->vpc_config && p->vpc_config->security_group_ids.n > SECURITY_GROUPS_MAX)
		return build_invalid(err,
			"Invalid vpc config: the maximum number of security groups is %d",
			SECURITY_GROUPS_MAX);
	if (p->file_system_locations.n && !wire_or(p->environment->privileged_mode, false))
		return build_invalid(err, "Privileged Mode has to be set for projects with File "
					  "System Locations");
	wire_foreach (f, &p->file_system_locations)
		if (is_empty(f->location) || !strchr(f->location, ':'))
			return build_invalid(err,
				"File System Location is invalid, should be in the form "
				"'FileSystemDNS':'FileSystemDirectory'");
	if (p->badge && wire_or(p->badge->badge_enabled, false) &&
		(streq(p->source->type, "S3") || streq(p->source->type, "CODEPIPELINE")))
		return build_invalid(
			err, "Build badges are not supported for source type %s", p->source->type);
	return 0;
}

/* What would be accepted and not done is refused. */
static int check_offered(const struct codebuild_project *p, struct err *err)
{
	const struct codebuild_logs_config *logs = p->logs_config;

	if (p->file_system_locations.n)
		return build_invalid(err, "File systems are not offered by this server: leave "
					  "fileSystemLocations out");
	if (p->badge && wire_or(p->badge->badge_enabled, false))
		return build_invalid(
			err, "Build badges are not offered by this server: leave badgeEnabled out");
	if (logs && logs->s3_logs &&
		streq(logs->s3_logs->status, CODEBUILD_LOGS_CONFIG_STATUS_TYPE_ENABLED))
		return build_invalid(err, "Logs in S3 are not offered by this server: use "
					  "cloudWatchLogs");
	if (p->environment->fleet || p->environment->docker_server)
		return build_invalid(err, "Invalid environment: fleets and docker servers are not "
					  "offered by this server");
	if (p->environment->certificate)
		return build_invalid(err, "Invalid environment: certificate is not offered by this "
					  "server: builds trust what this machine trusts");
	return 0;
}

static int check_batches(const struct codebuild_project_build_batch_config *c, struct err *err)
{
	const struct codebuild_batch_restrictions *r = c ? c->restrictions : NULL;

	if (c && c->timeout_in_mins.set &&
		(c->timeout_in_mins.v < BATCH_MINUTES_MIN ||
			c->timeout_in_mins.v > BATCH_MINUTES_MAX))
		return build_invalid(err,
			"Invalid batch configuration: timeoutInMins must be from %d to %d",
			BATCH_MINUTES_MIN, BATCH_MINUTES_MAX);
	if (r && r->maximum_builds_allowed.set &&
		(r->maximum_builds_allowed.v < 1 || r->maximum_builds_allowed.v > BATCH_BUILDS_MAX))
		return build_invalid(err,
			"Invalid batch configuration: maximumBuildsAllowed must be from 1 to %d",
			BATCH_BUILDS_MAX);
	return 0;
}

static int check_tags(const struct codebuild_project *p, struct err *err)
{
	CLEANUP_MAP struct map seen = MAP_INIT;

	wire_foreach (t, &p->tags) {
		if (is_empty(t->key) || starts_with(t->key, "aws:"))
			return build_invalid(err,
				"Invalid tags: key '%s' must not be empty or begin with aws:",
				t->key ? t->key : "");
		if (map_set(&seen, t->key, (void *)t))
			return build_invalid(err, "Invalid tags: key '%s' is given twice", t->key);
	}
	return 0;
}

int build_project_check(struct codebuild_project *p, struct err *err)
{
	if (check_source(p->source, true, err) < 0 || check_secondary_sources(p, err) < 0 ||
		check_artifacts(p, err) < 0 || check_environment(p->environment, err) < 0 ||
		check_surroundings(p, err) < 0 || check_offered(p, err) < 0 ||
		check_batches(p->build_batch_config, err) < 0)
		return -1;
	return check_tags(p, err);
}

static void default_text(const char **field, const char *value)
{
	if (is_empty(*field))
		*field = value;
}

static void default_bool(struct wire_bool *field, bool value)
{
	if (!field->set)
		*field = WIRE_SET_BOOL(value);
}

static void default_depth(struct codebuild_project_source *s)
{
	if (s->git_clone_depth.set && s->git_clone_depth.v > CLONE_DEPTH_FULL)
		s->git_clone_depth.v = 0;
}

static void artifact_defaults(struct codebuild_project_artifacts *a, const char *project)
{
	if (!streq(a->type, "S3"))
		return;
	default_text(&a->packaging, "NONE");
	default_text(&a->namespace_type, "NONE");
	default_text(&a->name, project);
	default_bool(&a->encryption_disabled, false);
}

void build_project_defaults(
	const struct build_engine *e, struct codebuild_project *p, struct arena *a)
{
	p->arn = build_project_arn(e, p->name, a);
	if (!p->timeout_in_minutes.set)
		p->timeout_in_minutes = WIRE_SET_INT(60);
	if (!p->queued_timeout_in_minutes.set)
		p->queued_timeout_in_minutes = WIRE_SET_INT(480);
	if (is_empty(p->encryption_key))
		p->encryption_key =
			arena_printf(a, "arn:aws:kms:%s:%s:alias/aws/s3", e->region, e->account);
	if (!p->cache)
		p->cache = arena_new(a, struct codebuild_project_cache);
	default_text(&p->cache->type, "NO_CACHE");
	if (!p->badge)
		p->badge = arena_new(a, struct codebuild_project_badge);
	default_bool(&p->badge->badge_enabled, false);
	default_text(&p->project_visibility, "PRIVATE");
	default_bool(&p->environment->privileged_mode, false);
	default_text(&p->environment->image_pull_credentials_type, "CODEBUILD");
	p->environment->environment_variables.set = true;
	wire_foreach (v, &p->environment->environment_variables)
		default_text(&v->type, "PLAINTEXT");
	default_bool(&p->source->insecure_ssl, false);
	default_depth(p->source);
	wire_foreach (s, &p->secondary_sources)
		default_depth(s);
	p->tags.set = true;
	artifact_defaults(p->artifacts, p->name);
	wire_foreach (s, &p->secondary_artifacts)
		artifact_defaults(s, p->name);
}
