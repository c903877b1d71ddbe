/* SPDX-License-Identifier: Apache-2.0 */
/* `towpath run [BUILDSPEC]`: a build of a local folder by the same engine as the server's, without
 * a server. The build works on a view of the folder: nothing in it changes. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/id.h"
#include "base/limits.h"
#include "base/path.h"
#include "base/spawn.h"
#include "bin/command.h"
#include "build/buildspec.h"
#include "build/ports.h"
#include "compute/compute.h"
#include "leader/leader.h"

#define SOURCE_TARGET BUILD_SOURCE_BASE "/src"

static const struct option_spec options[] = {
	{"source", 's', "DIR", NULL, "folder to build (default: the current one)"},
	{"artifacts", 'a', "DIR", NULL, "put the artifacts there (default: they are dropped)"},
	{"env", 'e', "A=1,B=2", NULL, "variables that go before the buildspec's"},
	{"env-file", 0, "FILE", NULL, "the same from a file, one NAME=VALUE a line"},
	{"privileged", 0, NULL, NULL, "privileged mode: the build has a docker engine of its own"},
	{"timeout", 't', "MINUTES", NULL, "end the build after so long (default: 60)"},
	{NULL, 0, NULL, NULL, NULL},
};

struct local_run {
	const struct options *o;
	struct arena arena;
	char *data_dir, *source, *job_dir, *file;
	struct buildspec_result buildspec;
	struct str text;
	struct towpath_leader_job job;
	VEC(struct towpath_leader_variable) variables;
};

static void local_run_release(struct local_run *r)
{
	if (r->job_dir)
		file_remove_tree(r->job_dir, NULL);
	free(r->data_dir);
	free(r->source);
	free(r->job_dir);
	free(r->file);
	str_release(&r->text);
	vec_release(&r->variables);
	arena_release(&r->arena);
}

static int read_buildspec(struct local_run *r, struct err *err)
{
	const char *name = r->o->words.n ? r->o->words.v[0] : "buildspec.yml";
	const char *source = option_text(r->o, "source");

	r->source = realpath(source ? source : ".", NULL);
	if (!r->source)
		return err_errno(err, errno, "cannot find the source folder %s", source);
	/* A word is a path of this shell's; the default stands in the source folder. */
	r->file = r->o->words.n ? xstrdup(name) : path_join(r->source, name);
	if (file_read(r->file, LIMIT_YAML_FILE, &r->text, err) < 0)
		return err_hint(err, "name the buildspec: towpath run FILE");
	if (buildspec_parse(r->file, str_view(&r->text), &r->arena, &r->buildspec, err) < 0)
		return -1;
	for (const struct yaml_warning *w = r->buildspec.warnings; w; w = w->next)
		fprintf(stderr, "%s:%d:%d: warning: %s\n", r->file, w->line, w->column, w->message);
	return 0;
}

/* ---- variables ---- */

static int add_variable(struct local_run *r, struct view assignment, struct err *err)
{
	struct view name = view_cut(&assignment, '=');

	if (!name.len || !assignment.p)
		return err_set(
			err, ERR_INVALID, "'" VIEW_FMT "' is not NAME=VALUE", VIEW_ARG(name));
	vec_push(&r->variables,
		(struct towpath_leader_variable){.name = arena_view_dup(&r->arena, name),
			.value = assignment.len ? arena_view_dup(&r->arena, assignment) : ""});
	return 0;
}

static int add_variables(struct local_run *r, struct view text, char sep, struct err *err)
{
	while (text.len) {
		struct view one = view_cut(&text, sep);

		if (sep == '\n' && (view_trim(one).len == 0 || one.p[0] == '#'))
			continue;
		if (add_variable(r, one, err) < 0)
			return -1;
	}
	return 0;
}

static int add_env_file(struct local_run *r, const char *path, struct err *err)
{
	struct str text CLEANUP_STR = STR_INIT;

	if (file_read(path, LIMIT_YAML_FILE, &text, err) < 0)
		return -1;
	return add_variables(r, str_view(&text), '\n', err);
}

static bool is_given(const struct local_run *r, const char *name)
{
	vec_foreach (v, &r->variables)
		if (streq(v->name, name))
			return true;
	return false;
}

/* There is no parameter store here: what would come from one must be given. */
static int check_references(struct local_run *r, const struct towpath_leader_variables *list,
	const char *kind, struct err *err)
{
	wire_foreach (v, list) {
		if (is_given(r, v->name))
			continue;
		err_set(err, ERR_INVALID,
			"variable %s comes from %s, which a local run has not got", v->name, kind);
		return err_hint(err, "give it: --env %s=VALUE", v->name);
	}
	return 0;
}

static void add_default(struct local_run *r, const char *name, const char *value)
{
	if (!is_given(r, name))
		vec_push(&r->variables,
			(struct towpath_leader_variable){.name = name, .value = value});
}

static int set_variables(struct local_run *r, struct err *err)
{
	const struct towpath_buildspec *spec = r->buildspec.spec;
	const char *given = option_text(r->o, "env"), *file = option_text(r->o, "env-file");
	struct clock clock;

	if ((given && add_variables(r, view_of(given), ',', err) < 0) ||
		(file && add_env_file(r, file, err) < 0))
		return -1;
	if (check_references(r, &spec->parameter_store, "parameter-store", err) < 0 ||
		check_references(r, &spec->secrets_manager, "secrets-manager", err) < 0)
		return -1;
	wire_foreach (v, &spec->variables)
		add_default(r, v->name, v->value);
	clock_init_real(&clock, 1.0);
	add_default(r, "CODEBUILD_BUILD_ID", arena_printf(&r->arena, "local:%s", r->job.build_id));
	add_default(r, "CODEBUILD_BUILD_NUMBER", "1");
	add_default(r, "CODEBUILD_INITIATOR", "towpath-run");
	add_default(r, "CODEBUILD_START_TIME",
		arena_printf(&r->arena, "%lld", (long long)(clock_now(&clock) / USEC_PER_MSEC)));
	clock_release(&clock);
	add_default(r, "AWS_REGION", "us-east-1");
	add_default(r, "AWS_DEFAULT_REGION", "us-east-1");
	r->job.variables.v = r->variables.v;
	r->job.variables.n = r->variables.n;
	r->job.variables.set = true;
	/* What would be secret on the server is secret here. */
	wire_list_alloc(
		&r->arena, &r->job.secrets, spec->parameter_store.n + spec->secrets_manager.n);
	r->job.secrets.n = 0;
	vec_foreach (v, &r->variables) {
		wire_foreach (p, &spec->parameter_store)
			if (streq(p->name, v->name))
				r->job.secrets.v[r->job.secrets.n++] = v->value;
		wire_foreach (p, &spec->secrets_manager)
			if (streq(p->name, v->name))
				r->job.secrets.v[r->job.secrets.n++] = v->value;
	}
	return 0;
}

/* ---- the job ---- */

static void set_artifacts(struct local_run *r)
{
	const struct towpath_buildspec *spec = r->buildspec.spec;
	struct towpath_leader_files_list *list = &r->job.artifacts;

	wire_list_alloc(&r->arena, list, spec->secondary_artifacts.n + 1);
	list->n = 0;
	if (spec->artifacts)
		list->v[list->n++] = *spec->artifacts;
	wire_foreach (s, &spec->secondary_artifacts)
		list->v[list->n++] = *s;
	wire_foreach (a, list)
		a->packaging = "NONE";
}

static int make_job(struct local_run *r, struct err *err)
{
	const struct towpath_buildspec *spec = r->buildspec.spec;
	int64_t minutes;

	if (option_int(r->o, "timeout", 1, 2160, 60, &minutes, err) < 0)
		return -1;
	r->job = (struct towpath_leader_job){
		.build_id = arena_strdup(&r->arena, id_uuid().text),
		.version = spec->version,
		.buildspec = str_text(&r->text),
		.buildspec_origin = r->file,
		.shell = spec->shell,
		.exported_variables = spec->exported_variables,
		.phases = spec->phases,
		.timeout_seconds = WIRE_SET_LONG(minutes * 60),
		.source = arena_new(&r->arena, struct towpath_leader_source),
		.source_overlay = WIRE_SET_BOOL(true),
		.runtimes_dir = arena_printf(&r->arena, "%s/runtimes", r->data_dir),
	};
	if (option_flag(r->o, "privileged"))
		r->job.engine = arena_new(&r->arena, struct towpath_leader_engine);
	r->job.source->path = r->source;
	r->job.source->target = SOURCE_TARGET;
	wire_list_alloc(&r->arena, &r->job.hidden_paths, 1);
	r->job.hidden_paths.v[0] = r->data_dir;
	set_artifacts(r);
	return set_variables(r, err);
}

static int write_job(struct local_run *r, struct err *err)
{
	struct str json CLEANUP_STR = STR_INIT;
	char *path CLEANUP(freep) = NULL;

	r->job_dir = xasprintf("%s/local/%s", r->data_dir, r->job.build_id);
	path = path_join(r->job_dir, LEADER_SPEC);
	wire_encode_json(&towpath_leader_job_shape, &r->job, &json);
	if (file_make_dirs(r->job_dir, 0700, err) < 0)
		return -1;
	return file_write_atomic(path, str_view(&json), 0600, err);
}

/* ---- results ---- */

static int keep_artifacts(struct local_run *r, const struct leader_status *s, struct err *err)
{
	const char *to = option_text(r->o, "artifacts");

	for (size_t i = 0; i < s->n_records; i++) {
		const struct towpath_leader_record *a = &s->records[i];
		char *from CLEANUP(freep) = NULL, *target CLEANUP(freep) = NULL;

		if (!streq(a->kind, "artifact"))
			continue;
		if (!to) {
			fprintf(stderr,
				"Artifact %s: %lld files dropped; --artifacts DIR keeps them\n",
				a->identifier[0] ? a->identifier : "(primary)",
				(long long)wire_or(a->files, 0));
			continue;
		}
		from = xasprintf("%s/%s/.", r->job_dir, a->path);
		target = a->identifier[0] ? path_join(to, a->identifier) : xstrdup(to);
		const char *argv[] = {"cp", "-a", from, target, NULL};

		if (file_make_dirs(target, 0755, err) < 0 || spawn_check(argv, NULL, err) < 0)
			return err_wrap(err, "cannot keep artifacts in %s", to);
	}
	return 0;
}

static void print_records(const struct leader_status *s)
{
	for (size_t i = 0; i < s->n_records; i++) {
		struct str line CLEANUP_STR = STR_INIT;

		wire_encode_json(&towpath_leader_record_shape, &s->records[i], &line);
		puts(str_text(&line));
	}
}

static int run_local(const struct options *o, struct err *err)
{
	struct local_run r CLEANUP(local_run_release) = {.o = o, .data_dir = option_data_dir(o)};
	bool json = option_flag(o, "json");
	struct leader_status s;
	const char *status;

	if (compute_sandbox.probe(&compute_sandbox, err) < 0)
		return err_wrap(err, "cannot run a build here");
	if (read_buildspec(&r, err) < 0 || make_job(&r, err) < 0 || write_job(&r, err) < 0)
		return -1;
	if (leader_run(r.job_dir, json ? STDERR_FILENO : STDOUT_FILENO, &status, err) < 0 ||
		leader_status_read(r.job_dir, &r.arena, &s, err) < 0 ||
		keep_artifacts(&r, &s, err) < 0)
		return -1;
	if (json)
		print_records(&s);
	else
		printf("Build %s\n", status);
	return streq(status, "SUCCEEDED") ? EXIT_OK : EXIT_FAILED;
}

const struct command command_run = {
	.name = "run",
	.arguments = "[BUILDSPEC]",
	.summary = "build a local folder as the server would, without a server",
	.details =
		"Runs the phases of BUILDSPEC (default: buildspec.yml of the source folder) in an "
		"isolated root, with the log on standard output. The build sees a view of the "
		"source folder; what it changes there is dropped. With --json the log goes to "
		"standard error and the build's records, one JSON document a line, to standard "
		"output. Exit status: 0 when the build succeeded, 1 when not.",
	.options = options,
	.max_words = 1,
	.run = run_local,
};
