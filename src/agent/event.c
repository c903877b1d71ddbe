/* SPDX-License-Identifier: Apache-2.0 */
/* What a lifecycle event does on this host: fetch, install, or run the scripts of the revision
 * that the event belongs to. */
#include "agent/event.h"

#include <fcntl.h>
#include <unistd.h>

#include "agent/hook.h"
#include "agent/install.h"
#include "agent/revision.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"

extern char **environ;

enum source { SOURCE_CURRENT, SOURCE_LAST_SUCCESSFUL, SOURCE_MOST_RECENT };

/* Which revision's scripts: of a normal deployment, and of a blue/green rollback. */
static const struct {
	const char *event;
	enum source normal, rollback;
} hooks[] = {
	{"BeforeBlockTraffic", SOURCE_LAST_SUCCESSFUL, SOURCE_MOST_RECENT},
	{"AfterBlockTraffic", SOURCE_LAST_SUCCESSFUL, SOURCE_MOST_RECENT},
	{"ApplicationStop", SOURCE_LAST_SUCCESSFUL, SOURCE_LAST_SUCCESSFUL},
	{"BeforeInstall", SOURCE_CURRENT, SOURCE_CURRENT},
	{"AfterInstall", SOURCE_CURRENT, SOURCE_CURRENT},
	{"ApplicationStart", SOURCE_CURRENT, SOURCE_CURRENT},
	{"ValidateService", SOURCE_CURRENT, SOURCE_CURRENT},
	{"BeforeAllowTraffic", SOURCE_CURRENT, SOURCE_LAST_SUCCESSFUL},
	{"AfterAllowTraffic", SOURCE_CURRENT, SOURCE_LAST_SUCCESSFUL},
};

void agent_event_init(struct agent_event *e, struct agent_client *c,
	const struct towpath_deploy_specification *spec, const char *name, struct arena *a)
{
	*e = (struct agent_event){.client = c,
		.spec = spec,
		.name = name,
		.layout = {.a = a,
			.root = c->config->root_dir,
			.group_id = spec->deployment_group_id,
			.deployment_id = spec->deployment_id}};
}

static const char *spec_file(const struct agent_event *e)
{
	return e->spec->app_spec_filename && path_is_inside(e->spec->app_spec_filename)
		       ? e->spec->app_spec_filename
		       : "appspec.yml";
}

static bool is_rollback(const struct agent_event *e)
{
	return streq(e->spec->deployment_creator, "codeDeployRollback") &&
	       streq(e->spec->deployment_type, "BLUE_GREEN");
}

/* The folder of the revision whose scripts run, NULL when there was none; false: no such event. */
static bool find_archive(const struct agent_event *e, const char **ret)
{
	const struct agent_layout *l = &e->layout;
	const char *current = layout_archive(l), *dir;

	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++) {
		enum source source = is_rollback(e) ? hooks[i].rollback : hooks[i].normal;

		if (!streq(hooks[i].event, e->name))
			continue;
		*ret = current;
		/* An earlier revision only counts until this one has been unpacked. */
		if (source == SOURCE_CURRENT || file_exists(current))
			return true;
		dir = layout_read_marker(l, source == SOURCE_LAST_SUCCESSFUL
						    ? layout_last_successful(l)
						    : layout_most_recent(l));
		*ret = dir ? arena_printf(l->a, "%s/deployment-archive", dir) : NULL;
		return true;
	}
	return false;
}

static int missing_spec(const char *archive, const char *name, const char *path, struct err *err)
{
	return err_set(err, ERR_NOT_FOUND,
		"The CodeDeploy agent did not find an AppSpec file within the unpacked revision "
		"directory at revision-relative path \"%s\". The revision was unpacked to "
		"directory \"%s\", and the AppSpec file was expected but not found at path "
		"\"%s\".",
		name, archive, path);
}

/* name NULL: any of the names that Install accepts. */
static int load_spec(const struct agent_event *e, const char *archive, bool any_name,
	struct appspec *ret, struct err *err)
{
	const char *names[] = {
		spec_file(e), any_name ? "appspec.yaml" : NULL, any_name ? "appspec.yml" : NULL};
	struct str text CLEANUP_STR = STR_INIT;
	const char *path = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(names) && !path; i++) {
		char *try CLEANUP(freep) = names[i] ? path_join(archive, names[i]) : NULL;

		if (try && file_exists(try))
			path = arena_strdup(e->layout.a, try);
	}
	if (!path)
		return missing_spec(archive, names[0],
			arena_printf(e->layout.a, "%s/%s", archive, names[0]), err);
	if (file_read(path, LIMIT_YAML_FILE, &text, err) < 0)
		return -1;
	return appspec_parse(path_base(path), str_view(&text), e->layout.a, ret, err);
}

/* 1: *ret are the scripts to run; 0: there are none. */
static int find_scripts(const struct agent_event *e, const char **ret_archive,
	const struct appspec_hook **ret, struct err *err)
{
	struct appspec *spec = arena_new(e->layout.a, struct appspec);

	if (!find_archive(e, ret_archive))
		return err_set(err, ERR_INVALID, "Unsupported command type: %s.", e->name);
	if (!*ret_archive || !file_exists(*ret_archive))
		return 0;
	if (load_spec(e, *ret_archive, false, spec, err) < 0)
		return -1;
	*ret = appspec_hook(spec, e->name);
	return *ret != NULL;
}

bool agent_event_is_noop(struct agent_event *e)
{
	const struct appspec_hook *hook;
	const char *archive;

	if (streq(e->name, "DownloadBundle") || streq(e->name, "Install"))
		return false;
	return find_scripts(e, &archive, &hook, NULL) == 0;
}

/* ---- scripts ---- */

static void set_or_unset(struct strv *env, const char *name, const char *value)
{
	if (value && *value)
		strv_setenv(env, name, value);
}

static void make_environment(const struct agent_event *e, struct strv *env)
{
	const struct towpath_deploy_specification *s = e->spec;

	for (char **p = environ; *p; p++)
		if (!starts_with(*p, "BUNDLE_"))
			strv_add(env, *p);
	strv_setenv(env, "LIFECYCLE_EVENT", e->name);
	strv_setenv(env, "DEPLOYMENT_ID", s->deployment_id);
	strv_setenv(env, "APPLICATION_NAME", s->application_name);
	strv_setenv(env, "DEPLOYMENT_GROUP_NAME", s->deployment_group_name);
	strv_setenv(env, "DEPLOYMENT_GROUP_ID", s->deployment_group_id);
	if (s->revision->s3_revision) {
		set_or_unset(env, "BUNDLE_BUCKET", s->revision->s3_revision->bucket);
		set_or_unset(env, "BUNDLE_KEY", s->revision->s3_revision->key);
		set_or_unset(env, "BUNDLE_VERSION", s->revision->s3_revision->version);
		set_or_unset(env, "BUNDLE_ETAG", s->revision->s3_revision->e_tag);
	}
	if (s->revision->git_hub_revision)
		set_or_unset(env, "BUNDLE_COMMIT", s->revision->git_hub_revision->commit_id);
}

static void run_scripts(struct agent_event *e, struct agent_result *ret)
{
	struct strv env CLEANUP_STRV = {0};
	struct err why CLEANUP_ERR = ERR_INIT;
	struct hook_run run = {
		.log_path = layout_log(&e->layout), .logged = e->logged, .arg = e->arg};
	int found = find_scripts(e, &run.archive, &run.hook, &why);

	if (found < 0)
		agent_fail_err(ret, &why);
	if (found <= 0)
		return;
	make_environment(e, &env);
	run.envp = env.v;
	hook_run(&run, ret);
}

/* ---- installing ---- */

/* Warnings about the AppSpec file go to where its writer looks. */
static void log_warnings(const struct agent_event *e, const struct appspec *spec)
{
	const char *path = layout_log(&e->layout);
	char *dir CLEANUP(freep) = xstrdup(path);
	struct str text CLEANUP_STR = STR_INIT;
	int fd CLEANUP_FD = -1;

	for (const struct yaml_warning *w = spec->document.warnings; w; w = w->next)
		str_addf(&text, "[warning]%s:%d:%d: %s\n", spec->document.file, w->line, w->column,
			w->message);
	if (!text.len)
		return;
	log_warn("agent", "%s", str_text(&text));
	*strrchr(dir, '/') = '\0';
	if (file_make_dirs(dir, 0755, NULL) < 0)
		return;
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (fd >= 0)
		fd_write_all(fd, text.p, text.len, NULL);
}

static int install(struct agent_event *e, struct err *err)
{
	const struct towpath_deploy_specification_overrides *o = e->spec->agent_action_overrides;
	const char *behavior = o && o->agent_overrides && o->agent_overrides->file_exists_behavior
				       ? o->agent_overrides->file_exists_behavior
				       : "DISALLOW";
	struct appspec spec;

	if (load_spec(e, layout_archive(&e->layout), true, &spec, err) < 0)
		return -1;
	log_warnings(e, &spec);
	return agent_install(&e->layout, &spec, behavior, err);
}

void agent_event_run(struct agent_event *e, struct agent_result *ret)
{
	struct err why CLEANUP_ERR = ERR_INIT;
	int failed = 0;

	if (streq(e->name, "DownloadBundle"))
		failed = agent_download(e->client, &e->layout, e->spec, &why);
	else if (streq(e->name, "Install"))
		failed = install(e, &why);
	else
		run_scripts(e, ret);
	if (failed < 0)
		agent_fail_err(ret, &why);
}
