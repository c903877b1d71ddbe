/* SPDX-License-Identifier: Apache-2.0 */
/* Operations that make, read and change pull requests. */
#include "base/mem.h"
#include "base/utf8.h"
#include "source/pull.h"
#include "source/ref_locks.h"
#include "vcs/merge.h"

#define TITLE_MAX 150
#define DESCRIPTION_MAX 10240
#define OPEN_MAX 1000
#define LOCK_WAIT_USEC (10 * USEC_PER_SEC)

static int check_title(const char *title, struct err *err)
{
	if (!title || !*title)
		return err_set_wire(err, "TitleRequiredException", "A title is required.");
	if (utf8_count(view_of(title)) > TITLE_MAX)
		return err_set_wire(err, "InvalidTitleException",
			"A title has at most %d characters.", TITLE_MAX);
	return 0;
}

static int check_description(const char *description, struct err *err)
{
	if (description && utf8_count(view_of(description)) > DESCRIPTION_MAX)
		return err_set_wire(err, "InvalidDescriptionException",
			"A description has at most %d characters.", DESCRIPTION_MAX);
	return 0;
}

/* ---- CreatePullRequest ---- */

struct creation {
	struct source_engine *e;
	struct call *call;
	const struct codecommit_create_pull_request_request *req;
	struct store_source_repository r;
	const char *refs[2]; /* source, destination */
	struct vcs_id tips[2];
	const char *merge_base;
	struct pull p;
};

static int check_targets(const struct codecommit_target_list *targets, struct err *err)
{
	if (targets->n == 0)
		return err_set_wire(err, "TargetsRequiredException", "A target is required.");
	for (size_t i = 1; i < targets->n; i++)
		if (!streq(targets->v[i].repository_name, targets->v[0].repository_name))
			return err_set_wire(err, "MultipleRepositoriesInPullRequestException",
				"A pull request is about one repository.");
	if (targets->n > 1)
		return err_set_wire(
			err, "InvalidTargetsException", "A pull request has one target.");
	if (!targets->v[0].source_reference || !*targets->v[0].source_reference)
		return err_set_wire(
			err, "ReferenceNameRequiredException", "A source reference is required.");
	return 0;
}

/* A branch by its short or full name, and its tip. */
static int find_ref(struct vcs_repository *git, const char *name, struct arena *a,
	const char **ret_ref, struct vcs_id *ret_tip, struct err *err)
{
	struct vcs_id tag;
	int rc;

	*ret_ref = starts_with(name, "refs/") ? name : arena_printf(a, "refs/heads/%s", name);
	if (!vcs_ref_name_valid(*ret_ref))
		return err_set_wire(err, "InvalidReferenceNameException",
			"%s is not a valid name of a reference.", name);
	rc = vcs_ref_get(git, *ret_ref, ret_tip, err);
	if (rc == 0 && *ret_ref != name &&
		vcs_ref_get(git, arena_printf(a, "refs/tags/%s", name), &tag, NULL) > 0)
		rc = 1, *ret_ref = "refs/tags/";
	if (rc > 0 && !starts_with(*ret_ref, "refs/heads/"))
		return err_set_wire(err, "ReferenceTypeNotSupportedException",
			"%s is not a branch; pull requests are about branches.", name);
	if (rc == 0)
		return err_set_wire(err, "ReferenceDoesNotExistException",
			"The branch %s does not exist.", name);
	return rc < 0 ? -1 : 0;
}

static int find_refs(struct creation *c, struct vcs_repository *git, struct err *err)
{
	const struct codecommit_target *t = &c->req->targets.v[0];
	const char *destination = t->destination_reference && *t->destination_reference
					  ? t->destination_reference
					  : c->r.meta.default_branch;
	struct arena *a = c->call->arena;

	if (!destination)
		return err_set_wire(err, "ReferenceDoesNotExistException", "%s has no branch yet.",
			t->repository_name);
	if (find_ref(git, t->source_reference, a, &c->refs[0], &c->tips[0], err) < 0 ||
		find_ref(git, destination, a, &c->refs[1], &c->tips[1], err) < 0)
		return -1;
	if (streq(c->refs[0], c->refs[1]))
		return err_set_wire(err, "SourceAndDestinationAreSameException",
			"%s is both the source and the destination.", c->refs[0]);
	return 0;
}

static int next_number(struct db_tx *tx, struct arena *a, int64_t *ret, struct err *err)
{
	struct towpath_source_counter counter = {0};

	if (store_document_get(tx, &STORE_SOURCE_COUNTER, "pull", a, &counter, err) < 0)
		return -1;
	*ret = wire_or(counter.value, 0) + 1;
	counter.value = WIRE_SET_LONG(*ret);
	return store_document_put(tx, &STORE_SOURCE_COUNTER, "pull", "", &counter, err);
}

static int check_open(struct db_tx *tx, const struct creation *c, struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct store_document_filter rows = {.max = 2 * (size_t)OPEN_MAX,
		.prefix = arena_printf(&a, "%s/", c->r.meta.repository_id)};
	struct store_documents found;

	if (store_document_list(tx, &STORE_SOURCE_PULL_REF, &rows, &a, &found, err) < 0)
		return -1;
	return found.n < rows.max ? 0
				  : err_set_wire(err, "MaximumOpenPullRequestsExceededException",
					    "%s has %d open pull requests, which is the most.",
					    c->r.meta.repository_name, OPEN_MAX);
}

static void fill(struct creation *c, int64_t number)
{
	struct arena *a = c->call->arena;
	struct codecommit_pull_request *doc = &c->p.doc;
	struct codecommit_pull_request_target *t;

	c->p.key = pull_key(number, a);
	c->p.more = (struct towpath_source_pull){.repository_id = c->r.meta.repository_id};
	*doc = (struct codecommit_pull_request){
		.pull_request_id = arena_printf(a, "%lld", (long long)number),
		.title = c->req->title,
		.description = c->req->description,
		.client_request_token = c->req->client_request_token,
		.author_arn = c->call->principal_arn,
		.creation_date = WIRE_SET_TIME(durable_now(c->e->durable)),
		.pull_request_status = CODECOMMIT_PULL_REQUEST_STATUS_ENUM_OPEN,
		.revision_id = pull_new_revision(a)};
	wire_list_alloc(a, &doc->approval_rules, 0);
	wire_list_alloc(a, &doc->pull_request_targets, 1);
	t = c->p.target = doc->pull_request_targets.v;
	*t = (struct codecommit_pull_request_target){.repository_name = c->r.meta.repository_name,
		.source_reference = c->refs[0],
		.source_commit = arena_strdup(a, c->tips[0].hex),
		.destination_reference = c->refs[1],
		.destination_commit = arena_strdup(a, c->tips[1].hex),
		.merge_base = c->merge_base,
		.merge_metadata = arena_new(a, struct codecommit_merge_metadata)};
	t->merge_metadata->is_merged = WIRE_SET_BOOL(false);
}

static int tell_created(struct creation *c, struct db_tx *tx, struct err *err)
{
	struct codecommit_pull_request_created_event_metadata created = {
		.repository_name = c->r.meta.repository_name,
		.source_commit_id = c->tips[0].hex,
		.destination_commit_id = c->tips[1].hex,
		.merge_base = c->merge_base};
	struct towpath_event_pull event = {.event = "pullRequestCreated"};
	struct pull_news news = {.actor = c->call->principal_arn, .journal = &event};

	news.event.pull_request_event_type =
		CODECOMMIT_PULL_REQUEST_EVENT_TYPE_PULL_REQUEST_CREATED;
	news.event.pull_request_created_event_metadata = &created;
	return pull_tell(c->e, tx, &c->p, c->call->arena, &news, err);
}

static int create_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct creation *c = arg;
	struct arena *a = c->call->arena;
	const char *token = c->req->client_request_token, *made;
	int64_t number;

	if (token_find(tx, "pull", token, c->req, &codecommit_create_pull_request_request_shape, a,
		    &made, err) < 0)
		return -1;
	if (made)
		return pull_load(tx, made, a, &c->p, err);
	if (check_open(tx, c, err) < 0 || next_number(tx, a, &number, err) < 0)
		return -1;
	fill(c, number);
	if (pull_insert_refs(tx, &c->p, a, err) < 0 || tell_created(c, tx, err) < 0 ||
		pull_add_template_rules(c->e, tx, &c->p, a, err) < 0 ||
		token_keep(tx, "pull", token, c->req, &codecommit_create_pull_request_request_shape,
			c->p.doc.pull_request_id, a, err) < 0)
		return -1;
	return pull_save(c->e, tx, &c->p, err);
}

/* The tips are read and stored while nobody can move them. */
static int create_locked(struct creation *c, struct vcs_repository *git, struct err *err)
{
	struct vcs_id base;
	int rc;

	if (find_refs(c, git, err) < 0)
		return -1;
	rc = vcs_merge_base(git, &c->tips[1], &c->tips[0], &base, err);
	if (rc < 0)
		return -1;
	c->merge_base = rc ? arena_strdup(c->call->arena, base.hex) : "";
	return durable_step(c->e->durable, create_step, c, err);
}

int source_create_pull_request(struct source_engine *e, struct call *call,
	const struct codecommit_create_pull_request_request *req,
	struct codecommit_create_pull_request_response *resp, struct err *err)
{
	CLEANUP_VCS struct vcs_repository *git = NULL;
	struct creation c = {.e = e, .call = call, .req = req};
	int rc;

	if (check_title(req->title, err) < 0 || check_description(req->description, err) < 0 ||
		check_targets(&req->targets, err) < 0 ||
		source_open(e, req->targets.v[0].repository_name, call->arena, &c.r, &git, err) <
			0 ||
		find_refs(&c, git, err) < 0 ||
		ref_locks_take(&e->locks, c.r.meta.repository_id, c.refs, 2, LOCK_WAIT_USEC, err) <
			0)
		return -1;
	rc = create_locked(&c, git, err);
	ref_locks_give(&e->locks, c.r.meta.repository_id, c.refs, 2);
	if (rc < 0)
		return -1;
	resp->pull_request = arena_new(call->arena, struct codecommit_pull_request);
	*resp->pull_request = c.p.doc;
	return 0;
}

/* ---- reading ---- */

int source_pull_place(struct source_engine *e, const char *id, struct arena *a,
	const char **ret_arn, const char **ret_destination, struct err *err)
{
	CLEANUP_ERR struct err failed = ERR_INIT;
	struct pull p;

	if (pull_read(e, id, a, &p, &failed) < 0)
		return err_wire_name(&failed) ? 0 : err_move(err, &failed);
	*ret_arn = source_arn(e, p.target->repository_name, a);
	*ret_destination = p.target->destination_reference;
	return 1;
}

int source_get_pull_request(struct source_engine *e, struct call *call,
	const struct codecommit_get_pull_request_request *req,
	struct codecommit_get_pull_request_response *resp, struct err *err)
{
	struct pull p;

	if (pull_read(e, req->pull_request_id, call->arena, &p, err) < 0)
		return -1;
	resp->pull_request = arena_new(call->arena, struct codecommit_pull_request);
	*resp->pull_request = p.doc;
	return 0;
}

/* ---- title, description, status ---- */

/* Runs the step and answers with the pull request. */
static int change_and_tell(
	struct pull_step *s, struct codecommit_pull_request **ret, struct err *err)
{
	if (pull_step(s, err) < 0)
		return -1;
	*ret = arena_new(s->call->arena, struct codecommit_pull_request);
	**ret = s->p.doc;
	return 0;
}

static int set_title(struct pull_step *s, struct db_tx *tx UNUSED, struct err *err UNUSED)
{
	s->p.doc.title = s->req;
	return 0;
}

int source_update_pull_request_title(struct source_engine *e, struct call *call,
	const struct codecommit_update_pull_request_title_request *req,
	struct codecommit_update_pull_request_title_response *resp, struct err *err)
{
	struct pull_step s = {.e = e,
		.call = call,
		.id = req->pull_request_id,
		.change = set_title,
		.req = req->title};

	if (check_title(req->title, err) < 0)
		return -1;
	return change_and_tell(&s, &resp->pull_request, err);
}

static int set_description(struct pull_step *s, struct db_tx *tx UNUSED, struct err *err UNUSED)
{
	s->p.doc.description = s->req;
	return 0;
}

int source_update_pull_request_description(struct source_engine *e, struct call *call,
	const struct codecommit_update_pull_request_description_request *req,
	struct codecommit_update_pull_request_description_response *resp, struct err *err)
{
	struct pull_step s = {.e = e,
		.call = call,
		.id = req->pull_request_id,
		.change = set_description,
		.req = req->description};

	if (check_description(req->description, err) < 0)
		return -1;
	return change_and_tell(&s, &resp->pull_request, err);
}

/* An open one may be closed; a closed one stays so. */
static int set_status(struct pull_step *s, struct db_tx *tx, struct err *err)
{
	struct codecommit_pull_request_status_changed_event_metadata status = {
		.pull_request_status = s->req};
	struct towpath_event_pull event = {.event = "pullRequestStatusChanged"};
	struct pull_news news = {.actor = s->call->principal_arn, .journal = &event};

	if (streq(s->req, s->p.doc.pull_request_status))
		return 0;
	if (!pull_is_open(&s->p))
		return err_set_wire(err, "InvalidPullRequestStatusUpdateException",
			"Pull request %s is closed and cannot be opened again.", s->id);
	news.event.pull_request_event_type =
		CODECOMMIT_PULL_REQUEST_EVENT_TYPE_PULL_REQUEST_STATUS_CHANGED;
	news.event.pull_request_status_changed_event_metadata = &status;
	if (pull_close(tx, &s->p, s->call->arena, err) < 0)
		return -1;
	return pull_tell(s->e, tx, &s->p, s->call->arena, &news, err);
}

int source_update_pull_request_status(struct source_engine *e, struct call *call,
	const struct codecommit_update_pull_request_status_request *req,
	struct codecommit_update_pull_request_status_response *resp, struct err *err)
{
	struct pull_step s = {.e = e,
		.call = call,
		.id = req->pull_request_id,
		.closed_too = true,
		.change = set_status,
		.req = req->pull_request_status};

	if (!req->pull_request_status || !*req->pull_request_status)
		return err_set_wire(
			err, "PullRequestStatusRequiredException", "A status is required.");
	if (!streq(req->pull_request_status, CODECOMMIT_PULL_REQUEST_STATUS_ENUM_OPEN) &&
		!streq(req->pull_request_status, CODECOMMIT_PULL_REQUEST_STATUS_ENUM_CLOSED))
		return err_set_wire(err, "InvalidPullRequestStatusException",
			"%s is not a status; give OPEN or CLOSED.", req->pull_request_status);
	return change_and_tell(&s, &resp->pull_request, err);
}
