/* SPDX-License-Identifier: Apache-2.0 */
/* The top of a buildspec: version, env, proxy, and who reads the other blocks. */
#include "build/buildspec.h"

#include <ctype.h>

#include "base/mem.h"
#include "build/buildspec_schema.h"

#define SPEC(member) offsetof(struct towpath_buildspec, member)

static const char *const shells[] = {"bash", "/bin/bash", "sh", "/bin/sh"};
static const char *const windows_shells[] = {"powershell.exe", "cmd.exe", "pwsh", "powershell"};

static int read_shell(struct buildspec_reader *r, const char *name, const struct yaml_node *v,
	void *field, struct err *err)
{
	if (buildspec_read_text(r, name, v, field, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(shells); i++)
		if (streq(shells[i], v->text))
			return 0;
	for (size_t i = 0; i < ARRAY_SIZE(windows_shells); i++)
		if (streq(windows_shells[i], v->text))
			return yaml_fail(r->doc, v, err,
				"shell '%s' needs a Windows build environment, which is not "
				"offered; use bash or /bin/sh",
				v->text);
	return yaml_fail(r->doc, v, err, "unknown shell '%s'; use bash or /bin/sh", v->text);
}

static bool is_variable_name(const char *s)
{
	if (!isalpha((unsigned char)*s) && *s != '_')
		return false;
	while (isalnum((unsigned char)*s) || *s == '_')
		s++;
	return !*s;
}

static int read_exported(struct buildspec_reader *r, const char *name, const struct yaml_node *v,
	void *field, struct err *err)
{
	struct towpath_string_list *list = field;
	size_t n = 0;

	if (buildspec_read_texts(r, name, v, field, err) < 0)
		return -1;
	for (size_t i = 0; i < list->n; i++) {
		if (!is_variable_name(list->v[i]))
			return yaml_fail(r->doc, v, err,
				"'%s' in '%s' is not a name that a shell variable can have",
				list->v[i], name);
		if (starts_with(list->v[i], "AWS_"))
			yaml_warn(r->doc, v,
				"'%s' is not exported: names that begin with AWS_ cannot be",
				list->v[i]);
		else
			list->v[n++] = list->v[i];
	}
	list->n = n;
	return 0;
}

static const struct buildspec_key env_keys[] = {
	{"shell", read_shell, SPEC(shell), KEY_ONLY_NEW},
	{"variables", buildspec_read_variables, SPEC(variables), 0},
	{"parameter-store", buildspec_read_variables, SPEC(parameter_store), KEY_ONLY_NEW},
	{"secrets-manager", buildspec_read_variables, SPEC(secrets_manager), KEY_ONLY_NEW},
	{"exported-variables", read_exported, SPEC(exported_variables), KEY_ONLY_NEW},
	{"git-credential-helper", buildspec_read_bool, SPEC(git_credential_helper), KEY_ONLY_NEW},
};

static const struct buildspec_key old_env_keys[] = {
	{"plaintext", buildspec_read_variables, SPEC(variables), 0},
	{"parameter-store", buildspec_read_variables, SPEC(parameter_store), 0},
};

static const struct buildspec_key proxy_keys[] = {
	{"upload-artifacts", buildspec_read_bool, SPEC(upload_artifacts_by_proxy), 0},
	{"logs", buildspec_read_bool, SPEC(logs_by_proxy), 0},
};

static int read_env(struct buildspec_reader *r, const char *name, const struct yaml_node *v,
	void *spec, struct err *err)
{
	if (yaml_is_null(v))
		return 0;
	return buildspec_read_keys(r, name, v, env_keys, ARRAY_SIZE(env_keys), spec, err);
}

static int read_old_env(struct buildspec_reader *r, const char *name, const struct yaml_node *v,
	void *spec, struct err *err)
{
	if (yaml_is_null(v))
		return 0;
	return buildspec_read_keys(r, name, v, old_env_keys, ARRAY_SIZE(old_env_keys), spec, err);
}

static int read_proxy(struct buildspec_reader *r, const char *name, const struct yaml_node *v,
	void *spec, struct err *err)
{
	yaml_warn(r->doc, v, "'proxy' is accepted; builds here reach the network without one");
	return buildspec_read_keys(r, name, v, proxy_keys, ARRAY_SIZE(proxy_keys), spec, err);
}

/* The order of the reference. The blocks without a field of their own get the whole structure. */
static const struct buildspec_key top_keys[] = {
	{"version", NULL, 0, KEY_REQUIRED},
	{"run-as", buildspec_read_text, SPEC(run_as), KEY_ONLY_NEW},
	{"env", read_env, 0, KEY_ONLY_NEW},
	{"environment_variables", read_old_env, 0, KEY_ONLY_OLD},
	{"proxy", read_proxy, 0, KEY_ONLY_NEW},
	{"batch", buildspec_read_batch, SPEC(batch), KEY_ONLY_NEW},
	{"phases", buildspec_read_phases, SPEC(phases), KEY_REQUIRED},
	{"reports", buildspec_read_reports, SPEC(reports), KEY_ONLY_NEW},
	{"artifacts", buildspec_read_files, 0, 0},
	{"secondary-artifacts", buildspec_read_secondary, 0, KEY_ONLY_NEW},
	{"cache", buildspec_read_cache, SPEC(cache), 0},
};

static int read_version(struct buildspec_reader *r, struct towpath_buildspec *spec, struct err *err)
{
	const struct yaml_node *v = yaml_get(r->doc->root, "version");

	if (!v)
		return yaml_fail(r->doc, r->doc->root, err,
			"'version' is missing: begin the file with 'version: 0.2'");
	if (v->kind != YAML_SCALAR || (!streq(v->text, "0.2") && !streq(v->text, "0.1")))
		return yaml_fail(r->doc, v, err,
			"unsupported version %s%s%s: 0.2 (or the old 0.1) is wanted",
			v->kind == YAML_SCALAR ? "'" : "",
			v->kind == YAML_SCALAR ? v->text : yaml_kind_text(v),
			v->kind == YAML_SCALAR ? "'" : "");
	spec->version = v->text;
	r->old = streq(v->text, "0.1");
	return 0;
}

/* The user of the whole file is the user of every phase that names none. */
static void spread_run_as(struct towpath_buildspec *spec)
{
	wire_foreach (phase, &spec->phases)
		if (!phase->run_as)
			phase->run_as = spec->run_as;
}

int buildspec_read(struct yaml_document *doc, struct towpath_buildspec **ret, struct err *err)
{
	struct buildspec_reader r = {.doc = doc, .arena = doc->arena};
	struct towpath_buildspec *spec = arena_new(doc->arena, struct towpath_buildspec);

	if (!doc->root)
		return yaml_fail(doc, NULL, err, "the buildspec is empty");
	if (buildspec_want_map(&r, "buildspec", doc->root, err) < 0 ||
		read_version(&r, spec, err) < 0 ||
		buildspec_read_keys(&r, "the buildspec", doc->root, top_keys, ARRAY_SIZE(top_keys),
			spec, err) < 0)
		return -1;
	spread_run_as(spec);
	*ret = spec;
	return 0;
}

int buildspec_parse(const char *file, struct view text, struct arena *a,
	struct buildspec_result *ret, struct err *err)
{
	struct yaml_document doc;
	int r = yaml_parse(file, text, a, &doc, err);

	*ret = (struct buildspec_result){0};
	if (r == 0)
		r = buildspec_read(&doc, &ret->spec, err);
	ret->warnings = doc.warnings;
	return r;
}

bool buildspec_is(const struct yaml_document *doc)
{
	return yaml_get(doc->root, "phases") ||
	       (yaml_get(doc->root, "version") &&
		       (yaml_get(doc->root, "env") || yaml_get(doc->root, "artifacts") ||
			       yaml_get(doc->root, "batch")));
}
