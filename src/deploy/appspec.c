/* SPDX-License-Identifier: Apache-2.0 */
/* The AppSpec file for servers: its top, files and hooks. */
#include "deploy/appspec.h"

#include "base/mem.h"
#include "deploy/appspec_schema.h"
#include "deploy/lifecycle.h"

#define TIMEOUT_DEFAULT 3600
#define EVENT_LIMIT 3600

const char *appspec_text(struct appspec *s, const struct yaml_node *map, const char *key,
	bool *ret_bad, struct err *err)
{
	const struct yaml_node *n = yaml_get(map, key);

	if (!n || yaml_is_null(n))
		return NULL;
	if (n->kind != YAML_SCALAR) {
		*ret_bad = true;
		yaml_fail(
			&s->document, n, err, "'%s' must be text, not %s", key, yaml_kind_text(n));
		return NULL;
	}
	return n->text;
}

void appspec_warn_unknown(
	struct appspec *s, const struct yaml_node *map, const char *const *known, const char *where)
{
	for (size_t i = 0; i < map->n; i++) {
		const char *const *k = known;

		while (*k && !streq(*k, map->pairs[i].key->text))
			k++;
		if (!*k)
			yaml_warn(&s->document, map->pairs[i].key,
				"'%s' is not a key of %s; it is ignored", map->pairs[i].key->text,
				where);
	}
}

static int read_version(struct appspec *s, struct err *err)
{
	const struct yaml_node *n = yaml_get(s->document.root, "version");

	if (!n || n->kind != YAML_SCALAR)
		return yaml_fail(&s->document, s->document.root, err,
			"'version' is missing; write 'version: 0.0'");
	if (n->plain && (streq(n->text, "0.0") || streq(n->text, "0")))
		return 0;
	if (streq(n->text, "0.2")) {
		yaml_warn(&s->document, n,
			"version 0.2 is that of a buildspec; it is taken as 0.0: write "
			"'version: 0.0'");
		return 0;
	}
	return yaml_fail(&s->document, n, err,
		"the deployment failed because an invalid version value (%s) was entered in the "
		"application specification file; write 'version: 0.0', without quotes",
		n->text);
}

static int read_os(struct appspec *s, struct err *err)
{
	const struct yaml_node *n = yaml_get(s->document.root, "os");

	if (!n || yaml_is_null(n))
		return yaml_fail(
			&s->document, s->document.root, err, "'os' is missing; write 'os: linux'");
	if (n->kind == YAML_SCALAR && streq(n->text, "linux"))
		return 0;
	return yaml_fail(&s->document, n, err,
		"specifies an unsupported operating system (%s); this host runs linux",
		n->kind == YAML_SCALAR ? n->text : yaml_kind_text(n));
}

static int read_behavior(struct appspec *s, struct err *err)
{
	static const char *const values[] = {"DISALLOW", "OVERWRITE", "RETAIN"};
	const struct yaml_node *n = yaml_get(s->document.root, "file_exists_behavior");

	if (!n || yaml_is_null(n))
		return 0;
	for (size_t i = 0; n->kind == YAML_SCALAR && i < ARRAY_SIZE(values); i++)
		if (streq(n->text, values[i])) {
			s->file_exists_behavior = values[i];
			return 0;
		}
	return yaml_fail(&s->document, n, err,
		"'file_exists_behavior' is one of DISALLOW, OVERWRITE, RETAIN (in capitals)");
}

/* ---- files ---- */

static int read_file(
	struct appspec *s, const struct yaml_node *n, struct appspec_file *f, struct err *err)
{
	static const char *const known[] = {"source", "destination", NULL};
	bool bad = false;

	if (n->kind != YAML_MAPPING)
		return yaml_fail(&s->document, n, err,
			"an entry of 'files' has a source and a destination, it is not %s",
			yaml_kind_text(n));
	f->source = appspec_text(s, n, "source", &bad, err);
	if (!bad)
		f->destination = appspec_text(s, n, "destination", &bad, err);
	if (bad)
		return -1;
	if (!f->source)
		return yaml_fail(&s->document, n, err,
			"specifies a destination file, but no source file (%s)",
			f->destination ? f->destination : "");
	if (!f->destination)
		return yaml_fail(
			&s->document, n, err, "specifies only a source file (%s)", f->source);
	appspec_warn_unknown(s, n, known, "'files'");
	return 0;
}

static int read_files(struct appspec *s, struct err *err)
{
	const struct yaml_node *n = yaml_get(s->document.root, "files");
	struct appspec_file *files;

	if (!n || yaml_is_null(n))
		return 0;
	if (n->kind != YAML_SEQUENCE)
		return yaml_fail(
			&s->document, n, err, "'files' must be a list, not %s", yaml_kind_text(n));
	files = arena_new_n(s->document.arena, n->n + 1, struct appspec_file);
	for (size_t i = 0; i < n->n; i++)
		if (read_file(s, n->items[i], &files[i], err) < 0)
			return -1;
	s->files = files;
	s->n_files = n->n;
	return 0;
}

/* ---- hooks ---- */

static int read_timeout(struct appspec *s, const struct yaml_node *n, int *ret, struct err *err)
{
	int64_t value;

	*ret = TIMEOUT_DEFAULT;
	if (!n || yaml_is_null(n))
		return 0;
	if (!yaml_int(n, &value) || value <= 0 || value > INT32_MAX)
		return yaml_fail(&s->document, n, err,
			"invalid timeout value (%s): a number of seconds above 0 is wanted",
			n->kind == YAML_SCALAR ? n->text : yaml_kind_text(n));
	*ret = (int)value;
	return 0;
}

static void warn_on_failure(struct appspec *s, const struct yaml_node *n)
{
	const struct yaml_node *f = yaml_get(n, "onFailure");

	if (f)
		yaml_warn(&s->document, f,
			"'onFailure' is not a key of AppSpec hooks; it is ignored. A failing "
			"script "
			"always fails the deployment to the host: remove the line, and set the "
			"deployment group's autoRollbackConfiguration for a rollback");
}

static int read_script(struct appspec *s, const struct yaml_node *n, struct appspec_script *script,
	struct err *err)
{
	static const char *const known[] = {
		"location", "timeout", "runas", "sudo", "onFailure", NULL};
	struct arena *a = s->document.arena;
	const struct yaml_node *sudo;
	bool bad = false;

	if (n->kind != YAML_MAPPING)
		return yaml_fail(&s->document, n, err,
			"a script of a hook is a mapping with a location, not %s",
			yaml_kind_text(n));
	script->location = appspec_text(s, n, "location", &bad, err);
	if (!bad)
		script->runas = appspec_text(s, n, "runas", &bad, err);
	if (bad)
		return -1;
	if (script->location)
		script->location = arena_view_dup(a, view_trim(view_of(script->location)));
	if (!script->location || !*script->location)
		return yaml_fail(&s->document, n, err, "specifies a script with no location value");
	if (script->runas)
		script->runas = arena_view_dup(a, view_trim(view_of(script->runas)));
	if (script->runas && !*script->runas)
		script->runas = NULL;
	sudo = yaml_get(n, "sudo");
	if (sudo && !yaml_is_null(sudo) && !yaml_bool(sudo, &script->sudo))
		return yaml_fail(&s->document, sudo, err, "'sudo' is true or false");
	warn_on_failure(s, n);
	appspec_warn_unknown(s, n, known, "a hook's script");
	return read_timeout(s, yaml_get(n, "timeout"), &script->timeout_sec, err);
}

static int read_hook(
	struct appspec *s, const struct yaml_pair *p, struct appspec_hook *hook, struct err *err)
{
	const struct deploy_event *event = deploy_event_find(p->key->text);
	struct appspec_script *scripts;
	int64_t total = 0;

	hook->event = p->key->text;
	if (p->value->kind != YAML_SEQUENCE)
		return yaml_fail(&s->document, p->value, err,
			"the hook %s must be a list of scripts, not %s", hook->event,
			yaml_kind_text(p->value));
	scripts = arena_new_n(s->document.arena, p->value->n + 1, struct appspec_script);
	for (size_t i = 0; i < p->value->n; i++) {
		if (read_script(s, p->value->items[i], &scripts[i], err) < 0)
			return -1;
		total += scripts[i].timeout_sec;
	}
	hook->scripts = scripts;
	hook->n = p->value->n;
	if (!event)
		yaml_warn(&s->document, p->key, "'%s' is no lifecycle event; its scripts never run",
			hook->event);
	else if (event->actor != DEPLOY_BY_AGENT || streq(event->name, "DownloadBundle") ||
		 streq(event->name, "Install"))
		yaml_warn(&s->document, p->key,
			"the lifecycle event %s takes no scripts; they never run", hook->event);
	if (total > EVENT_LIMIT && hook->n > 1)
		yaml_warn(&s->document, p->key,
			"the timeouts of %s come to %lld seconds; a lifecycle event has 3600",
			hook->event, (long long)total);
	return 0;
}

static int read_hooks(struct appspec *s, struct err *err)
{
	const struct yaml_node *n = yaml_get(s->document.root, "hooks");
	struct appspec_hook *hooks;

	if (!n || yaml_is_null(n))
		return 0;
	if (n->kind != YAML_MAPPING)
		return yaml_fail(&s->document, n, err,
			"'hooks' must be a mapping of lifecycle events, not %s", yaml_kind_text(n));
	hooks = arena_new_n(s->document.arena, n->n + 1, struct appspec_hook);
	for (size_t i = 0; i < n->n; i++) {
		if (yaml_is_null(n->pairs[i].value))
			continue;
		if (read_hook(s, &n->pairs[i], &hooks[s->n_hooks], err) < 0)
			return -1;
		s->n_hooks++;
	}
	s->hooks = hooks;
	return 0;
}

/* ---- the whole ---- */

static int refuse_other_platforms(struct appspec *s, struct err *err)
{
	static const char *const keys[] = {"Resources", "resources"};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const struct yaml_node *n = yaml_get(s->document.root, keys[i]);

		if (n)
			return yaml_fail(&s->document, n, err,
				"'%s' belongs to AppSpec files for ECS and Lambda, which are not "
				"built; a server's has os, files, permissions and hooks",
				keys[i]);
	}
	return 0;
}

int appspec_parse(
	const char *file, struct view text, struct arena *a, struct appspec *ret, struct err *err)
{
	static const char *const known[] = {
		"version", "os", "files", "file_exists_behavior", "permissions", "hooks", NULL};

	*ret = (struct appspec){0};
	if (yaml_parse(file, text, a, &ret->document, err) < 0)
		return -1;
	if (!ret->document.root || yaml_is_null(ret->document.root))
		return yaml_fail(&ret->document, NULL, err,
			"the application specification file was empty. Make sure your AppSpec file "
			"defines at minimum the 'version' and 'os' properties.");
	if (ret->document.root->kind != YAML_MAPPING)
		return yaml_fail(&ret->document, ret->document.root, err,
			"an AppSpec file is a mapping with version, os, files and hooks, not %s",
			yaml_kind_text(ret->document.root));
	if (refuse_other_platforms(ret, err) < 0 || read_version(ret, err) < 0 ||
		read_os(ret, err) < 0 || read_behavior(ret, err) < 0 || read_files(ret, err) < 0 ||
		appspec_read_permissions(ret, err) < 0 || read_hooks(ret, err) < 0)
		return -1;
	appspec_warn_unknown(ret, ret->document.root, known, "an AppSpec file");
	return 0;
}

const struct appspec_hook *appspec_hook(const struct appspec *s, const char *event)
{
	for (size_t i = 0; i < s->n_hooks; i++)
		if (streq(s->hooks[i].event, event) && s->hooks[i].n)
			return &s->hooks[i];
	return NULL;
}

bool appspec_glob(const char *pattern, const char *name)
{
	const char *star = NULL, *mark = NULL;

	while (*name) {
		if (*pattern == '*') {
			star = ++pattern;
			mark = name;
		} else if (*pattern == *name) {
			pattern++;
			name++;
		} else if (star && *mark != '/') {
			pattern = star;
			name = ++mark;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}
