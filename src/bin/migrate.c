/* SPDX-License-Identifier: Apache-2.0 */
/* `towpath migrate URL`: brings a repository from another git host, and keeps it up to date. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/path.h"
#include "base/spawn.h"
#include "bin/client.h"
#include "bin/command.h"
#include "codecommit.gen.h"
#include "codec/json.h"
#include "migrate/migrate.h"
#include "vcs/remote.h"

#define INTERVAL_SECONDS 60

static const struct option_spec options[] = {
	{"name", 'n', "NAME", NULL, "the repository's name here (default: the last part of URL)"},
	{"follow", 'f', NULL, NULL, "go on: carry what changes at the source until interrupted"},
	{"interval", 'i', "SECONDS", NULL, "with --follow: look so often (default: 60)"},
	{"limit", 0, "SIZE", "TOWPATH_MIGRATE_LIMIT",
		"disk that the folder of --state may take: 500M, 64G (64G)"},
	{"no-pull-requests", 0, NULL, NULL, "leave the heads of pull requests where they are"},
	{"state", 0, "DIR", NULL, "folder of what was fetched (default: DATA/migrate/NAME)"},
	{NULL, 0, NULL, NULL, NULL},
};

struct job {
	const struct options *o;
	struct client *client;
	struct arena arena;
	const char *name, *clone_url;
	struct migrate_config config;
	struct migrate *migrate;
	struct interrupt signals; /* raised while one of them waits to be taken */
};

static void job_release(struct job *j)
{
	migrate_free(j->migrate);
	interrupt_release(&j->signals);
	client_free(j->client);
	arena_release(&j->arena);
}

/* ---- the two ends ---- */

/* "https://host/group/name.git/" -> "name"; also of "git@host:group/name" and of a path. */
static const char *name_of(const char *url, struct arena *a)
{
	struct view v = view_of(url);
	size_t start;

	while (v.len && v.p[v.len - 1] == '/')
		v.len--;
	for (start = v.len; start && !strchr("/:", v.p[start - 1]); start--)
		;
	v = (struct view){v.p + start, v.len - start};
	if (v.len > 4 && memcmp(v.p + v.len - 4, ".git", 4) == 0)
		v.len -= 4;
	return v.len ? arena_view_dup(a, v) : NULL;
}

/* git is run in another folder than this one. */
static const char *absolute(const char *url, struct arena *a)
{
	char path[PATH_MAX];

	return realpath(url, path) ? arena_strdup(a, path) : url;
}

static int check_url(const char *url, struct err *err)
{
	if (vcs_remote_url_has_secret(url)) {
		err_set(err, ERR_INVALID,
			"the address holds a password, which others can see in the list of "
			"processes");
		return err_hint(err, "leave it out, and give it to git's credential helper or as "
				     "TOWPATH_MIGRATE_USER and TOWPATH_MIGRATE_PASSWORD in the "
				     "environment");
	}
	if (!*url || url[0] == '-')
		return err_set(err, ERR_INVALID, "'%s' is not the address of a repository", url);
	return 0;
}

static int make_target(struct job *j, struct err *err)
{
	struct codecommit_get_repository_request get = {.repository_name = j->name};
	struct codecommit_get_repository_response got;
	struct codecommit_create_repository_request create = {.repository_name = j->name};
	struct codecommit_create_repository_response made;
	struct err missing CLEANUP_ERR = ERR_INIT;

	if (client_call(j->client, &codecommit_service, CODECOMMIT_OP_GET_REPOSITORY, &get,
		    &j->arena, &got, &missing) == 0)
		return 0;
	if (!streq(err_wire_name(&missing), "RepositoryDoesNotExistException"))
		return err_move(err, &missing);
	return client_call(j->client, &codecommit_service, CODECOMMIT_OP_CREATE_REPOSITORY, &create,
		&j->arena, &made, err);
}

static int set_default(void *arg, const char *branch, struct err *err)
{
	struct job *j = arg;
	struct codecommit_update_default_branch_request req = {
		.repository_name = j->name, .default_branch_name = branch};
	struct codecommit_update_default_branch_response resp;

	return client_call(j->client, &codecommit_service, CODECOMMIT_OP_UPDATE_DEFAULT_BRANCH,
		&req, &j->arena, &resp, err);
}

static int prepare(struct job *j, struct err *err)
{
	const char *url = j->o->words.v[0], *state = option_text(j->o, "state");
	char *data CLEANUP(freep) = option_data_dir(j->o);
	char *self CLEANUP(freep) = NULL;
	uint64_t limit;

	if (option_size(j->o, "limit", LIMIT_CLONE_BYTES, &limit, err) < 0)
		return -1;
	j->name = option_text(j->o, "name");
	if (!j->name)
		j->name = name_of(url, &j->arena);
	if (!j->name)
		return err_set(err, ERR_INVALID, "no name can be read from %s; give --name", url);
	if (check_url(url, err) < 0 || client_open(j->o, &j->client, err) < 0)
		return -1;
	self = spawn_own_program(NULL, err);
	if (!self)
		return -1;
	j->clone_url =
		arena_printf(&j->arena, "%s/v1/repos/%s", client_endpoint(j->client), j->name);
	j->config = (struct migrate_config){
		.ends = {.source = absolute(url, &j->arena),
			.target = arena_printf(
				&j->arena, "%s/v1/repos/%s", client_url(j->client), j->name),
			.target_ca = getenv("AWS_CA_BUNDLE"),
			.program = arena_strdup(&j->arena, self),
			.data_dir = option_text(j->o, "data"),
			.bounds = {.disk_max = limit}},
		.state_dir =
			state ? state : arena_printf(&j->arena, "%s/migrate/%s", data, j->name),
		.pulls = !option_flag(j->o, "no-pull-requests"),
		.set_default = set_default,
		.arg = j,
	};
	j->config.ends.filled = j->config.state_dir;
	return migrate_open(&j->config, &j->migrate, err);
}

/* ---- the summary ---- */

static void print_json(const struct job *j)
{
	static const char *const names[MIGRATE_KINDS] = {
		"tags", "branches", "notes", "pullRequests"};
	const struct migrate_report *r = migrate_report(j->migrate);
	struct str text CLEANUP_STR = STR_INIT;
	struct json_writer w = {&text, false};

	json_open(&w, '{');
	json_put_member(&w, "repositoryName", j->name);
	json_put_member(&w, "cloneUrl", j->clone_url);
	for (int kind = 0; kind < MIGRATE_KINDS; kind++) {
		json_key(&w, names[kind]);
		json_put_int(&w, (int64_t)r->carried[kind]);
	}
	json_key(&w, "objects");
	json_put_int(&w, (int64_t)r->objects);
	json_key(&w, "lfsObjects");
	json_put_int(&w, (int64_t)r->lfs_objects);
	json_key(&w, "conflicts");
	json_open(&w, '[');
	for (size_t i = 0; i < r->conflicts.n; i++)
		json_put_text(&w, r->conflicts.v[i]);
	json_close(&w, ']');
	json_close(&w, '}');
	puts(str_text(&text));
}

static void print_text(const struct job *j)
{
	const struct migrate_report *r = migrate_report(j->migrate);

	printf("%s: %zu branches, %zu tags, %zu notes, %zu pull requests, %zu objects, %zu LFS "
	       "objects\n",
		j->name, r->carried[MIGRATE_BRANCH], r->carried[MIGRATE_TAG],
		r->carried[MIGRATE_NOTE], r->carried[MIGRATE_PULL], r->objects, r->lfs_objects);
	printf("Fetched back from here and compared with the source: every reference equal, the "
	       "same objects.\n");
	if (r->kept)
		printf("%s is gone at the source and kept here, since it is the default branch.\n",
			r->kept);
	if (r->conflicts.n)
		return;
	printf("To switch: stop pushing to the source, run this once more, then in each clone\n"
	       "  git remote set-url origin %s\n",
		j->clone_url);
}

static void print_conflicts(const struct job *j)
{
	const struct migrate_report *r = migrate_report(j->migrate);

	for (size_t i = 0; i < r->conflicts.n; i++)
		fprintf(stderr,
			"towpath: %s has commits here that the source has not: left as it is. "
			"Merge them at the source, or push here only from now on.\n",
			r->conflicts.v[i]);
}

static int finish(struct job *j, struct err *err)
{
	if (migrate_verify(j->migrate, err) < 0)
		return -1;
	migrate_progress_note(migrate_progress(j->migrate), "done");
	if (option_flag(j->o, "json"))
		print_json(j);
	else
		print_text(j);
	print_conflicts(j);
	return migrate_report(j->migrate)->conflicts.n ? EXIT_FAILED : EXIT_OK;
}

/* ---- following ---- */

static void tell_round(struct job *j, const struct migrate_report *before)
{
	const struct migrate_report *r = migrate_report(j->migrate);

	migrate_progress_note(migrate_progress(j->migrate),
		"in step with the source: %zu references created, %zu updated, %zu removed",
		r->created - before->created, r->updated - before->updated,
		r->deleted - before->deleted);
}

/* Until a signal: what fails now is tried again in the next round. One that comes within a round
 * ends that at once, and all with it. */
static int follow_rounds(struct job *j, int64_t interval, const sigset_t *signals, struct err *err)
{
	size_t conflicts = 0;
	struct timespec wait = {.tv_sec = (time_t)interval};

	for (;;) {
		struct migrate_report before = *migrate_report(j->migrate);
		struct err failed CLEANUP_ERR = ERR_INIT;

		if (migrate_run(j->migrate, &failed) < 0 && interrupt_raised(&j->signals))
			return err_move(err, &failed);
		if (failed.kind)
			migrate_progress_note(migrate_progress(j->migrate),
				"%s; tried again in %lld s", err_message(&failed),
				(long long)interval);
		else
			tell_round(j, &before);
		if (migrate_report(j->migrate)->conflicts.n != conflicts)
			print_conflicts(j);
		conflicts = migrate_report(j->migrate)->conflicts.n;
		if (sigtimedwait(signals, NULL, &wait) >= 0)
			return 0;
	}
}

static int follow(struct job *j, int64_t interval, struct err *err)
{
	sigset_t signals;
	int r;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	j->signals.fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (j->signals.fd < 0)
		return err_errno(err, errno, "cannot wait for signals");
	j->config.ends.bounds.interrupt = &j->signals;
	r = follow_rounds(j, interval, &signals, err);
	j->config.ends.bounds.interrupt = NULL;
	if (r < 0)
		return err_hint(err, "started again, it goes on");
	pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
	return 0;
}

static int run(const struct options *o, struct err *err)
{
	struct job j CLEANUP(job_release) = {.o = o, .signals = INTERRUPT_INIT};
	int64_t interval;

	if (option_int(o, "interval", 1, 86400, INTERVAL_SECONDS, &interval, err) < 0 ||
		prepare(&j, err) < 0 || make_target(&j, err) < 0)
		return -1;
	if (option_flag(o, "follow") && follow(&j, interval, err) < 0)
		return -1;
	/* After following as well: what is told of the switch has just been seen. */
	if (migrate_run(j.migrate, err) < 0)
		return -1;
	return finish(&j, err);
}

const struct command command_migrate = {
	.name = "migrate",
	.arguments = "[--follow] [--name NAME] URL",
	.summary = "bring a repository from another git host, and keep it up to date",
	.details =
		"Brings all branches, tags, notes, heads of pull requests and LFS objects of the\n"
		"repository at URL (anything that git can fetch from) into a repository of the\n"
		"server, which is made when it is missing, and proves it: everything is fetched\n"
		"back, references and objects are compared. May be killed at any moment; started\n"
		"again, it goes on. --follow goes on carrying what changes until Ctrl-C, and then\n"
		"proves it; what it carries just then is cut off at once, and it ends. Commits "
		"that\n"
		"only the server has are never overwritten: they are told, and the exit status is\n"
		"1.\n"
		"\n"
		"Credentials for URL come from git (credential helpers, SSH keys, netrc) or from\n"
		"TOWPATH_MIGRATE_USER and TOWPATH_MIGRATE_PASSWORD (a token) in the environment.",
	.options = options,
	.min_words = 1,
	.max_words = 1,
	.run = run,
};
