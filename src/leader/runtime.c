/* SPDX-License-Identifier: Apache-2.0 */
/* runtime-versions: each runtime asked for comes from the host when its version fits, Node.js of
 * other versions from the runtime store, into which it is brought once. */
#include "leader/runtime.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/spawn.h"

#define INSIDE "/codebuild/runtimes"

static const struct runtime_kind {
	const char *name, *program, *argument;
	const char *strip; /* what a version may start with: "corretto17" */
	bool store;	   /* other versions can be brought */
} kinds[] = {
	{"dotnet", "dotnet", "--version", NULL, false},
	{"golang", "go", "version", NULL, false},
	{"java", "java", "-version", "corretto", false},
	{"nodejs", "node", "--version", NULL, true},
	{"php", "php", "--version", NULL, false},
	{"python", "python3", "--version", NULL, false},
	{"ruby", "ruby", "--version", NULL, false},
};

static const struct runtime_kind *find_kind(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (streq(kinds[i].name, name))
			return &kinds[i];
	return NULL;
}

/* The first number with dots in a text. */
static char *first_version(const char *text)
{
	size_t n;

	while (*text && !isdigit((unsigned char)*text))
		text++;
	n = strspn(text, "0123456789.");
	while (n && text[n - 1] == '.')
		n--;
	return xstrndup(text, n);
}

/* Where builds find the program on the host; NULL when they do not. */
static char *host_program(const struct job *j, const char *program)
{
	struct view rest = view_of(job_variable(j, "PATH")), dir;

	while (rest.len) {
		char *path;

		dir = view_cut(&rest, ':');
		path = xasprintf(VIEW_FMT "/%s", VIEW_ARG(dir), program);
		if (dir.len && access(path, X_OK) == 0)
			return path;
		free(path);
	}
	return NULL;
}

/* Asks the program for its version; NULL when it does not say. */
static char *ask_version(const char *path, const struct runtime_kind *k)
{
	struct spawn s = SPAWN_INIT;
	const char *argv[] = {path, k->argument, NULL};
	struct spawn_result out CLEANUP_SPAWN_RESULT = {0};
	char *version;

	s.argv = argv;
	if (spawn_run(&s, VIEW(""), LIMIT_COMMAND_OUTPUT, 20 * USEC_PER_SEC, &out, NULL) < 0)
		return NULL;
	version = first_version(str_text(&out.out));
	if (!version[0]) {
		free(version);
		version = first_version(str_text(&out.errout));
	}
	if (!version[0])
		freep(&version);
	return version;
}

/* The host's version of a runtime, or NULL. Asking takes tens of milliseconds: the answer is kept
 * beside the store for as long as the program is the same file. */
static char *host_version(const struct job *j, const struct runtime_kind *k)
{
	char *path CLEANUP(freep) = host_program(j, k->program), *kept CLEANUP(freep) = NULL;
	char *key CLEANUP(freep) = NULL, *version;
	struct str text CLEANUP_STR = STR_INIT;
	struct stat st;

	if (!path || stat(path, &st) < 0)
		return NULL;
	key = xasprintf("%llu %lld %lld ", (unsigned long long)st.st_ino, (long long)st.st_size,
		(long long)st.st_mtime);
	if (!j->spec->runtimes_dir)
		return ask_version(path, k);
	kept = xasprintf("%s/host-%s", j->spec->runtimes_dir, k->name);
	if (file_read(kept, KIB, &text, NULL) == 0 && starts_with(str_text(&text), key))
		return xstrdup(str_text(&text) + strlen(key));
	version = ask_version(path, k);
	if (version) {
		str_clear(&text);
		str_addf(&text, "%s%s", key, version);
		file_write_atomic(kept, str_view(&text), 0644, NULL);
	}
	return version;
}

/* "18.x" is "18", "corretto17" is "17". Caller frees. */
static char *plain_version(const struct runtime_kind *k, const char *version)
{
	char *v;

	if (k->strip && starts_with(version, k->strip))
		version += strlen(k->strip);
	v = xstrdup(version);
	while (ends_with(v, ".x"))
		v[strlen(v) - 2] = '\0';
	return v;
}

static bool version_fits(const char *wanted, const char *have)
{
	size_t n = strlen(wanted);

	if (streq(wanted, "latest"))
		return true;
	return strncmp(have, wanted, n) == 0 && (have[n] == '\0' || have[n] == '.');
}

static void refuse(struct job *j, struct phase_result *r, const char *message)
{
	*r = (struct phase_result){"FAILED", "YAML_FILE_ERROR", arena_strdup(&j->arena, message)};
}

/* Mounts a runtime of the store and puts it in front of PATH. */
static int use_stored(struct job *j, const char *dir, const char *label, struct err *err)
{
	char *path CLEANUP(freep) = NULL;
	const char *target = arena_printf(&j->arena, INSIDE "/%s", label);

	vec_push(&j->mounts, (struct compute_mount){.kind = COMPUTE_BIND,
				     .source = arena_strdup(&j->arena, dir),
				     .target = target,
				     .read_only = true});
	path = xasprintf("%s/bin:%s", target, job_variable(j, "PATH"));
	strv_setenv(&j->variables, "PATH", path);
	(void)err;
	return 0;
}

/* An aws CLI that is too old to know AWS_ENDPOINT_URL is told by a script in front of it. */
static const char cli_script[] =
	"#!/bin/sh\n"
	"PATH=$(printf %s \"$PATH\" | sed \"s|$(dirname \"$0\"):||\")\n"
	"exec aws ${AWS_ENDPOINT_URL:+--endpoint-url \"$AWS_ENDPOINT_URL\"} \"$@\"\n";

/* docker's credential helper for Towpath's own registry (engine_inside.c names it to docker): the
 * password of the build's role, unless the build has logged in with another. */
static const char docker_script[] =
	"#!/bin/sh\n"
	"login=$HOME/.docker/towpath-login\n"
	"case $1 in\n"
	"store) umask 077; exec cat > \"$login\" ;;\n"
	"erase) exec rm -f \"$login\" ;;\n"
	"list) echo '{}'; exit ;;\n"
	"get) ;;\n"
	"*) exit 1 ;;\n"
	"esac\n"
	"registry=$(cat)\n"
	"[ ! -f \"$login\" ] || exec cat \"$login\"\n"
	"password=$(aws ecr get-login-password) || exit 1\n"
	"printf '{\"ServerURL\":\"%s\",\"Username\":\"AWS\",\"Secret\":\"%s\"}\\n' \"$registry\" "
	"\"$password\"\n";

static const struct {
	const char *name;
	struct view text;
} scripts[] = {
	{"aws", {cli_script, sizeof(cli_script) - 1}},
	{JOB_DOCKER_HELPER, {docker_script, sizeof(docker_script) - 1}},
};

static int put_scripts(const char *bin, struct err *err)
{
	if (file_make_dirs(bin, 0755, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
		char *path CLEANUP(freep) = path_join(bin, scripts[i].name);

		if (!file_exists(path) && file_write_atomic(path, scripts[i].text, 0755, err) < 0)
			return -1;
	}
	return 0;
}

int runtime_point_cli(struct job *j, struct err *err)
{
	char *dir CLEANUP(freep) = NULL, *bin CLEANUP(freep) = NULL;

	if (!j->spec->runtimes_dir || !job_variable(j, "AWS_ENDPOINT_URL") ||
		(!file_exists("/usr/bin/aws") && !file_exists("/usr/local/bin/aws")))
		return 0;
	dir = path_join(j->spec->runtimes_dir, "aws-cli");
	bin = path_join(dir, "bin");
	if (put_scripts(bin, err) < 0)
		return -1;
	return use_stored(j, dir, "aws-cli", err);
}

/* Node.js that the host has not got. 1: in use; 0: cannot be had, *ret_have says what can. */
static int use_nodejs(struct job *j, const char *version, const char **ret_have, struct err *err)
{
	char *label CLEANUP(freep) = xasprintf("nodejs-%s", version), *dir CLEANUP(freep) = NULL;
	int got;

	*ret_have = "";
	if (!j->spec->runtimes_dir ||
		(!streq(version, "latest") && strspn(version, "0123456789.") != strlen(version)))
		return 0;
	dir = path_join(j->spec->runtimes_dir, label);
	if (!file_exists(dir)) {
		got = runtime_install_nodejs(j, version, dir, ret_have, err);
		if (got <= 0)
			return got;
	}
	return use_stored(j, dir, label, err) < 0 ? -1 : 1;
}

static int select_one(struct job *j, const struct towpath_leader_runtime *want,
	struct phase_result *r, struct err *err)
{
	const struct runtime_kind *k = find_kind(want->name);
	char *version CLEANUP(freep) = NULL, *host CLEANUP(freep) = NULL;
	char *message CLEANUP(freep) = NULL;
	const char *have = "";
	int got;

	if (output_line(&j->output, err,
		    "Selecting '%s' runtime version '%s' based on manual selections...", want->name,
		    want->version) < 0)
		return -1;
	if (streq(want->name, "docker"))
		return 0; /* known and without effect */
	if (!k) {
		message =
			xasprintf("Unknown runtime named '%s'. This build image has the following "
				  "runtimes: dotnet, golang, java, nodejs, php, python, ruby",
				want->name);
		refuse(j, r, message);
		return 0;
	}
	version = plain_version(k, want->version);
	host = host_version(j, k);
	if (host && version_fits(version, host))
		return output_line(&j->output, err, "Using %s %s of the host", want->name, host);
	if (k->store) {
		got = use_nodejs(j, version, &have, err);
		if (got != 0 || j->ended)
			return got < 0 ? -1 : 0;
	}
	message = xasprintf("Unknown runtime version named '%s' of %s. This build image has the "
			    "following versions: %s%s%s",
		want->version, want->name,
		host	  ? host
		: have[0] ? ""
			  : "none",
		host && have[0] ? ", and from the npm registry: " : "", have);
	refuse(j, r, message);
	return 0;
}

int runtime_select(struct job *j, struct phase_result *ret, struct err *err)
{
	bool any = false;

	wire_foreach (p, &j->spec->phases) {
		wire_foreach (want, &p->runtimes) {
			any = true;
			if (!streq(ret->status, "SUCCEEDED") || job_check_end(j))
				return 0;
			if (select_one(j, want, ret, err) < 0)
				return -1;
		}
	}
	return any ? 0 : output_line(&j->output, err, "No runtime version selected in buildspec.");
}
