/* SPDX-License-Identifier: Apache-2.0 */
/* The blocks of a buildspec that name files: artifacts, reports, cache. */
#include <strings.h>

#include "base/mem.h"
#include "build/buildspec_schema.h"
#include "report/report.h"

#define FILES(member) offsetof(struct towpath_leader_files, member)
#define CACHE(member) offsetof(struct towpath_buildspec_cache, member)
#define REPORTS_MAX 5
#define FALLBACK_KEYS_MAX 5

static int read_old_type(struct buildspec_reader *r, const char *name, const struct yaml_node *v,
	void *field, struct err *err)
{
	if (buildspec_read_text(r, name, v, field, err) < 0)
		return -1;
	if (strcasecmp(v->text, "zip") != 0)
		return yaml_fail(r->doc, v, err, "artifacts.type must be zip, not '%s'", v->text);
	return 0;
}

static const struct buildspec_key artifact_keys[] = {
	{"files", buildspec_read_texts, FILES(files), 0},
	{"name", buildspec_read_text, FILES(name), 0},
	{"discard-paths", buildspec_read_bool, FILES(discard_paths), 0},
	{"base-directory", buildspec_read_text, FILES(base_directory), 0},
	{"exclude-paths", buildspec_read_texts, FILES(exclude_paths), KEY_ONLY_NEW},
	{"enable-symlinks", buildspec_read_bool, FILES(enable_symlinks), KEY_ONLY_NEW},
	{"s3-prefix", buildspec_read_text, FILES(s3_prefix), KEY_ONLY_NEW},
	{"type", read_old_type, FILES(kind), 0},
	{"secondary-artifacts", NULL, 0, KEY_ONLY_NEW},
};

static int read_one(struct buildspec_reader *r, const char *what, const struct yaml_node *v,
	bool files_required, struct towpath_leader_files *ret, struct err *err)
{
	if (buildspec_read_keys(r, what, v, artifact_keys, ARRAY_SIZE(artifact_keys), ret, err) < 0)
		return -1;
	ret->kind = NULL;
	if (files_required && !ret->files.n)
		return yaml_fail(r->doc, v, err, "'files' is missing in %s", what);
	return 0;
}

static int read_secondaries(struct buildspec_reader *r, const struct yaml_node *v,
	struct towpath_leader_files_list *ret, struct err *err)
{
	if (buildspec_want_map(r, "secondary-artifacts", v, err) < 0)
		return -1;
	wire_list_alloc(r->arena, ret, v->n);
	for (size_t i = 0; i < v->n; i++) {
		const char *id = v->pairs[i].key->text;

		ret->v[i].identifier = id;
		if (read_one(r, arena_printf(r->arena, "secondary-artifacts.%s", id),
			    v->pairs[i].value, true, &ret->v[i], err) < 0)
			return -1;
		if (yaml_get(v->pairs[i].value, "secondary-artifacts"))
			return yaml_fail(r->doc, v->pairs[i].value, err,
				"secondary-artifacts cannot hold secondary-artifacts");
	}
	return 0;
}

int buildspec_read_files(struct buildspec_reader *r, const char *name, const struct yaml_node *v,
	void *base, struct err *err)
{
	struct towpath_buildspec *spec = base;
	const struct yaml_node *secondary = yaml_get(v, "secondary-artifacts");

	spec->artifacts = arena_new(r->arena, struct towpath_leader_files);
	if (read_one(r, name, v, !secondary, spec->artifacts, err) < 0)
		return -1;
	if (!secondary)
		return 0;
	if (yaml_get(r->doc->root, "secondary-artifacts"))
		return yaml_fail(r->doc, secondary, err,
			"secondary-artifacts is given both here and at the top of the file");
	return read_secondaries(r, secondary, &spec->secondary_artifacts, err);
}

int buildspec_read_secondary(struct buildspec_reader *r, const char *name,
	const struct yaml_node *v, void *base, struct err *err)
{
	struct towpath_buildspec *spec = base;

	yaml_warn(r->doc, v,
		"'%s' belongs below 'artifacts'; accepted here, indent it under artifacts", name);
	return read_secondaries(r, v, &spec->secondary_artifacts, err);
}

static void set_format(struct towpath_leader_files *files, const struct report_format *format)
{
	files->format = format->name;
	files->kind = format->kind == REPORT_TEST ? "TEST" : "CODE_COVERAGE";
}

static int read_format(struct buildspec_reader *r, const char *name, const struct yaml_node *v,
	void *field, struct err *err)
{
	struct towpath_leader_files *files = field;
	const struct report_format *format;
	const char *text = NULL;

	if (buildspec_read_text(r, name, v, &text, err) < 0)
		return -1;
	format = report_format_find(text);
	if (format) {
		set_format(files, format);
		files->format_given = WIRE_SET_BOOL(true);
		return 0;
	}
	yaml_fail(r->doc, v, err, "unknown file-format '%s'", text);
	return err_hint(err,
		"Formats: CUCUMBERJSON, JUNITXML, NUNITXML, NUNIT3XML, TESTNGXML, VISUALSTUDIOTRX, "
		"CLOVERXML, COBERTURAXML, JACOCOXML, SIMPLECOV; beyond the service's own: LCOV, "
		"SARIF.");
}

static const struct buildspec_key report_keys[] = {
	{"files", buildspec_read_texts, FILES(files), KEY_REQUIRED},
	{"base-directory", buildspec_read_text, FILES(base_directory), 0},
	{"discard-paths", buildspec_read_bool, FILES(discard_paths), 0},
	{"file-format", read_format, 0, 0},
};

int buildspec_read_reports(struct buildspec_reader *r, const char *name, const struct yaml_node *v,
	void *field, struct err *err)
{
	struct towpath_leader_files_list *ret = field;

	if (buildspec_want_map(r, name, v, err) < 0)
		return -1;
	if (v->n > REPORTS_MAX)
		return yaml_fail(r->doc, v, err, "%zu report groups, more than the limit of %d",
			v->n, REPORTS_MAX);
	wire_list_alloc(r->arena, ret, v->n);
	for (size_t i = 0; i < v->n; i++) {
		struct towpath_leader_files *files = &ret->v[i];
		const char *id = v->pairs[i].key->text;

		files->identifier = id;
		set_format(files, report_format_find("JUNITXML"));
		if (buildspec_read_keys(r, arena_printf(r->arena, "reports.%s", id),
			    v->pairs[i].value, report_keys, ARRAY_SIZE(report_keys), files,
			    err) < 0)
			return -1;
	}
	return 0;
}

static int read_action(struct buildspec_reader *r, const char *name, const struct yaml_node *v,
	void *field, struct err *err)
{
	if (buildspec_read_text(r, name, v, field, err) < 0)
		return -1;
	if (streq(v->text, "restore") || streq(v->text, "save"))
		return 0;
	return yaml_fail(r->doc, v, err, "cache.action is restore or save, not '%s'", v->text);
}

static const struct buildspec_key cache_keys[] = {
	{"key", buildspec_read_text, CACHE(key), KEY_ONLY_NEW},
	{"fallback-keys", buildspec_read_texts, CACHE(fallback_keys), KEY_ONLY_NEW},
	{"action", read_action, CACHE(action), KEY_ONLY_NEW},
	{"paths", buildspec_read_texts, CACHE(paths), 0},
};

int buildspec_read_cache(struct buildspec_reader *r, const char *name, const struct yaml_node *v,
	void *field, struct err *err)
{
	struct towpath_buildspec_cache **ret = field;

	if (yaml_is_null(v))
		return 0;
	*ret = arena_new(r->arena, struct towpath_buildspec_cache);
	if (buildspec_read_keys(r, name, v, cache_keys, ARRAY_SIZE(cache_keys), *ret, err) < 0)
		return -1;
	if ((*ret)->fallback_keys.n > FALLBACK_KEYS_MAX)
		return yaml_fail(r->doc, yaml_get(v, "fallback-keys"), err,
			"%zu fallback-keys, more than the limit of %d", (*ret)->fallback_keys.n,
			FALLBACK_KEYS_MAX);
	if (!(*ret)->key && (*ret)->fallback_keys.n)
		yaml_warn(r->doc, v, "fallback-keys do nothing without key");
	return 0;
}
