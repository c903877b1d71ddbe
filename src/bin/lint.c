/* SPDX-License-Identifier: Apache-2.0 */
/* `towpath lint FILE...`: checks buildspecs, appspecs and pipeline definitions, told apart by
 * their content, as the server would when it gets them. */
#include <stdio.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "bin/command.h"
#include "build/buildspec.h"
#include "codebuild.gen.h"
#include "codec/json.h"
#include "codepipeline.gen.h"
#include "deploy/appspec.h"
#include "pipeline/definition.h"
#include "provider/action_world.h"

struct lint {
	struct arena arena;
	const char *file;
	struct view text;
	struct yaml_document doc;
};

static void lint_release(struct lint *l)
{
	arena_release(&l->arena);
}

static int lint_buildspec(struct lint *l, struct err *err)
{
	struct towpath_buildspec *spec;

	return buildspec_read(&l->doc, &spec, err);
}

static int lint_appspec(struct lint *l, struct err *err)
{
	struct appspec spec;

	if (appspec_parse(l->file, l->text, &l->arena, &spec, err) < 0)
		return -1;
	l->doc.warnings = spec.document.warnings;
	return 0;
}

/* A document in the form of the aws CLI's --cli-input-json. */
static int lint_request(struct lint *l, const struct wire_shape *shape, void **ret, struct err *err)
{
	void *value = *ret = arena_alloc(&l->arena, shape->size);

	if (wire_decode_json(shape, l->text, &l->arena, value, err) < 0 ||
		wire_validate(shape, value, err) < 0)
		return err_wrap(err, "%s", l->file);
	return 0;
}

static int lint_pipeline(struct lint *l, struct err *err)
{
	static const struct action_provider custom = {.owner = CODEPIPELINE_ACTION_OWNER_CUSTOM};
	struct action_world world = {0};
	struct flow_site site = {
		.account = "000000000000", .region = "us-east-1", .partition = "aws"};
	struct codepipeline_create_pipeline_request *req;
	void *value;

	if (lint_request(l, &codepipeline_create_pipeline_request_shape, &value, err) < 0)
		return -1;
	req = value;
	action_world_list(&world);
	site.registry = action_world_registry(&world);
	site.registry.custom = &custom; /* the server knows them */
	if (definition_validate(&site, req->pipeline, &l->arena, err) < 0)
		return err_wrap(err, "%s", l->file);
	return 0;
}

static int lint_project(struct lint *l, struct err *err)
{
	void *value;

	return lint_request(l, &codebuild_create_project_request_shape, &value, err);
}

static bool is_appspec(const struct yaml_document *doc)
{
	return yaml_get(doc->root, "hooks") || yaml_get(doc->root, "os") ||
	       yaml_get(doc->root, "Resources");
}

static bool is_pipeline(const struct yaml_document *doc)
{
	return yaml_get(yaml_get(doc->root, "pipeline"), "stages");
}

static bool is_project(const struct yaml_document *doc)
{
	return yaml_get(doc->root, "serviceRole") && yaml_get(doc->root, "environment");
}

static const struct lint_kind {
	const char *name;
	bool (*is)(const struct yaml_document *doc);
	int (*check)(struct lint *l, struct err *err);
} kinds[] = {
	{"pipeline", is_pipeline, lint_pipeline},
	{"build project", is_project, lint_project},
	{"buildspec", buildspec_is, lint_buildspec},
	{"appspec", is_appspec, lint_appspec},
};

static const struct lint_kind *kind_of(const struct yaml_document *doc)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].is(doc))
			return &kinds[i];
	return NULL;
}

static int check(struct lint *l, const char **ret_kind, struct err *err)
{
	const struct lint_kind *kind;

	if (yaml_parse(l->file, l->text, &l->arena, &l->doc, err) < 0)
		return -1;
	kind = kind_of(&l->doc);
	if (!kind) {
		err_set(err, ERR_INVALID,
			"%s:1:1: neither a buildspec nor an appspec nor a pipeline nor a "
			"build project",
			l->file);
		return err_hint(err, "A buildspec has 'phases', a pipeline document 'pipeline'.");
	}
	*ret_kind = kind->name;
	return kind->check(l, err);
}

static void print_text(const struct lint *l, const char *kind, const struct err *err)
{
	for (const struct yaml_warning *w = l->doc.warnings; w; w = w->next)
		printf("%s:%d:%d: warning: %s\n", l->file, w->line, w->column, w->message);
	if (err->kind != ERR_NONE)
		printf("%s%s%s\n", err_message(err), err->hint ? "\n  " : "",
			err->hint ? err->hint : "");
	else
		printf("%s: %s%s\n", l->file, kind, l->doc.warnings ? ", with warnings" : ", fine");
}

static void print_json(const struct lint *l, const char *kind, const struct err *err)
{
	CLEANUP_STR struct str out = STR_INIT;
	struct json_writer w = {.out = &out};

	json_open(&w, '{');
	json_put_member(&w, "file", l->file);
	json_put_member(&w, "kind", kind);
	json_key(&w, "fine");
	json_put_bool(&w, err->kind == ERR_NONE);
	json_put_member(&w, "error", err->kind == ERR_NONE ? NULL : err_message(err));
	json_put_member(&w, "hint", err->hint);
	json_key(&w, "warnings");
	json_open(&w, '[');
	for (const struct yaml_warning *y = l->doc.warnings; y; y = y->next) {
		json_open(&w, '{');
		json_key(&w, "line");
		json_put_int(&w, y->line);
		json_key(&w, "column");
		json_put_int(&w, y->column);
		json_put_member(&w, "message", y->message);
		json_close(&w, '}');
	}
	json_close(&w, ']');
	json_close(&w, '}');
	puts(str_text(&out));
}

/* 0 the file is fine, 1 it is not. */
static int lint_one(const char *file, bool json)
{
	CLEANUP(lint_release) struct lint l = {.file = file};
	CLEANUP_STR struct str text = STR_INIT;
	CLEANUP_ERR struct err err = ERR_INIT;
	const char *kind = NULL;
	int r = file_read(file, LIMIT_YAML_FILE, &text, &err);

	l.text = str_view(&text);
	if (r == 0)
		r = check(&l, &kind, &err);
	(json ? print_json : print_text)(&l, kind, &err);
	return r < 0;
}

static int run(const struct options *o, struct err *err UNUSED)
{
	int failed = 0;

	for (size_t i = 0; i < o->words.n; i++)
		failed |= lint_one(o->words.v[i], option_flag(o, "json"));
	return failed ? EXIT_FAILED : EXIT_OK;
}

const struct command command_lint = {
	.name = "lint",
	.arguments = "FILE...",
	.summary = "check buildspecs, appspecs and pipeline definitions",
	.details = "What each file is, is told by its content. Complaints name file, line and "
		   "column. The status is 1 when a file would be refused; warnings alone leave "
		   "it at 0. With --json each file is an object on a line of its own.",
	.min_words = 1,
	.max_words = -1,
	.run = run,
};
