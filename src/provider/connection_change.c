/* SPDX-License-Identifier: Apache-2.0 */
/* Changes at git hosts elsewhere as pipelines read them from the journal. */
#include "base/mem.h"
#include "codec/json.h"
#include "provider/connection_watch.h"
#include "towpath.gen.h"

const char *connection_watch_key(const char *arn, const char *repository, struct arena *a)
{
	const char *id = arn && repository ? connection_id_of(arn) : NULL;

	return id ? arena_printf(a, "connection %s %s", id, repository) : NULL;
}

bool connection_watch_change(
	void *arg UNUSED, const struct journal_entry *e, struct arena *a, struct action_change *ret)
{
	struct towpath_event_connection *c = arena_new(a, struct towpath_event_connection);

	if (wire_decode_json(&towpath_event_connection_shape, view_of(e->detail), a, c, NULL) < 0 ||
		streq(c->event, "referenceDeleted"))
		return false;
	ret->watch = connection_watch_key(c->connection_arn, c->repository_name, a);
	if (streq(c->reference_type, "tag"))
		ret->tag = c->reference_name;
	else
		ret->branch = c->reference_name;
	ret->revision_type = CODEPIPELINE_SOURCE_REVISION_TYPE_COMMIT_ID;
	ret->revision = c->commit_id;
	ret->old_revision = c->old_commit_id;
	ret->repository = c->repository_name;
	ret->created = streq(c->event, "referenceCreated");
	ret->detail = c;
	return ret->watch != NULL;
}

int connection_watch_paths(void *arg UNUSED, const struct action_change *c, struct arena *a UNUSED,
	const char *const **ret_paths, size_t *ret_n, struct err *err)
{
	const struct towpath_event_connection *e = c->detail;

	if (!wire_or(e->paths_known, false))
		return err_set(err, ERR_NOT_FOUND, "the files that %s changes in %s are not known",
			c->revision, c->repository);
	*ret_paths = e->changed_paths.v;
	*ret_n = e->changed_paths.n;
	return 0;
}

const char *connection_watch_detail(void *arg UNUSED,
	const struct codepipeline_action_declaration *action, const struct action_change *c,
	struct arena *a)
{
	const struct towpath_event_connection *e = c->detail;
	struct str text CLEANUP_STR = STR_INIT;
	struct json_writer w = {.out = &text};

	json_open(&w, '{');
	json_put_member(&w, "sourceActionName", action->name);
	json_put_member(&w, c->tag ? "tagName" : "branchName", c->tag ? c->tag : c->branch);
	json_put_member(&w, "commitId", c->revision);
	json_put_member(&w, "connectionArn", e->connection_arn);
	json_put_member(&w, "fullRepositoryName", c->repository);
	json_put_member(&w, "providerType", e->provider_type);
	json_close(&w, '}');
	return arena_view_dup(a, str_view(&text));
}
