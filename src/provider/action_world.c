/* SPDX-License-Identifier: Apache-2.0 */
/* The table of action providers, and what they share. */
#include "provider/action_world.h"

#include <errno.h>
#include <fcntl.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/path.h"

static const struct action_provider *const rows[] = {
	&action_codecommit,
	&action_connection,
	&action_s3_source,
	&action_ecr_source,
	&action_codebuild_build,
	&action_codebuild_test,
	&action_manual,
	&action_codedeploy,
	&action_codedeploy_ecs,
	&action_commands,
	&action_ecs,
	&action_s3_deploy,
	&rule_alarm,
	&rule_codebuild,
	&rule_commands,
	&rule_report,
	&rule_window,
};

/* Which row runs: of the type that the action's declaration names. */
static size_t row_of(const struct action_world *w, const struct action_run *run)
{
	const struct action_registry all = action_world_registry(w);
	const struct action_provider *p =
		action_registry_find(&all, run->declaration->action_type_id);

	return p ? (size_t)(p - w->providers) : ARRAY_SIZE(rows);
}

/* The role's rights first, then the row's own start. */
static int start_with_rights(
	void *arg, const struct action_run *run, struct action_result *ret, struct err *err)
{
	struct action_world *w = arg;
	size_t i = row_of(w, run);

	if (i == ARRAY_SIZE(rows))
		return err_set(err, ERR_INTERNAL, "action %s has no provider", run->action);
	if (action_check_rights(w, run, rows[i], err) < 0)
		return action_sibling_failed(run, ret, "PermissionError", "", err);
	return rows[i]->start(arg, run, ret, err);
}

void action_world_list(struct action_world *w)
{
	w->n = ARRAY_SIZE(rows);
	for (size_t i = 0; i < w->n; i++) {
		w->providers[i] = *rows[i];
		w->providers[i].owner = "AWS";
		w->providers[i].version = "1";
		w->providers[i].arg = w;
		w->providers[i].start = start_with_rights;
		w->table[i] = &w->providers[i];
	}
}

int action_world_init(struct action_world *w, const char *data_dir, struct err *err)
{
	char *dir CLEANUP(freep) = path_join(data_dir, "actions");

	w->data_dir = xstrdup(data_dir);
	action_world_list(w);
	/* What a crash left in the making is made again. */
	if (file_remove_tree(dir, err) < 0)
		return -1;
	return file_make_dirs(dir, 0700, err);
}

void action_world_release(struct action_world *w)
{
	free((char *)w->data_dir);
	w->data_dir = NULL;
}

struct action_registry action_world_registry(const struct action_world *w)
{
	return (struct action_registry){w->table, w->n};
}

struct call action_call(const struct action_run *run)
{
	return (struct call){
		.arena = run->arena,
		.account = run->account,
		.region = run->region,
		.partition = run->partition,
		.principal_arn = run->role_arn,
		.principal_id = "codepipeline",
		.request_id = run->id,
		.source_ip = "127.0.0.1",
		.user_agent = "codepipeline.amazonaws.com",
	};
}

int action_temp_file(const struct action_world *w, int *ret_fd, struct err *err)
{
	char *dir CLEANUP(freep) = path_join(w->data_dir, "actions");

	*ret_fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	return *ret_fd < 0 ? err_errno(err, errno, "a temporary file in %s", dir) : 0;
}

int action_sibling_failed(const struct action_run *run, struct action_result *ret, const char *code,
	const char *what, struct err *err)
{
	static const enum err_kind of_user[] = {ERR_CONFLICT, ERR_NOT_FOUND, ERR_DENIED,
		ERR_INVALID, ERR_TOO_LARGE, ERR_MALFORMED, ERR_UNSUPPORTED, ERR_SERVICE};

	for (size_t i = 0; i < ARRAY_SIZE(of_user); i++)
		if (err_is(err, of_user[i])) {
			action_fail(run, ret, code, "%s%s%s%s%s", what, err_message(err),
				err->hint ? " (" : "", err->hint ? err->hint : "",
				err->hint ? ")" : "");
			err_release(err);
			return 0;
		}
	return -1;
}

bool action_value_is_variable(const char *value)
{
	return value && strstr(value, "#{");
}
