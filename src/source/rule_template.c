/* SPDX-License-Identifier: Apache-2.0 */
/* Approval rule templates, and the repositories whose new pull requests get rules of them; the
 * lists of both are in rule_list.c. */
#include "base/id.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "source/engine.h"
#include "source/rule_content.h"
#include "source/rule_template.h"
#include "store/source_review.h"
#include "towpath.gen.h"

#define TEMPLATES_MAX 1000
#define LINKS_MAX 25
#define DESCRIPTION_MAX 1000
#define NAMES_MAX 100

/* One step on one template. */
struct template_step {
	struct source_engine *e;
	struct call *call;
	const char *name, *repository_name;
	const void *req;
	const char *event; /* that tells of it; NULL: nothing does */
	bool unchanged;
	int (*change)(struct template_step *s, struct db_tx *tx, struct err *err);
	struct codecommit_approval_rule_template t;
	struct store_source_repository r; /* of associations */
	int64_t now;
};

int rule_template_check_name(const char *name, struct err *err)
{
	return rule_check_name(name, "ApprovalRuleTemplateNameRequiredException",
		"InvalidApprovalRuleTemplateNameException", err);
}

static int check_content(const char *text, struct arena *a, struct err *err)
{
	struct rule_content parsed;

	return rule_content_parse(text, true, "ApprovalRuleTemplateContentRequiredException",
		"InvalidApprovalRuleTemplateContentException", a, &parsed, err);
}

static int check_description(const char *text, struct err *err)
{
	if (text && utf8_count(view_of(text)) > DESCRIPTION_MAX)
		return err_set_wire(err, "InvalidApprovalRuleTemplateDescriptionException",
			"A description has at most %d characters.", DESCRIPTION_MAX);
	return 0;
}

/* 1 found, 0 not, -1 error. */
static int find(struct db_tx *tx, const char *name, struct arena *a,
	struct codecommit_approval_rule_template *ret, struct err *err)
{
	struct store_documents found;

	if (store_document_list(tx, &STORE_SOURCE_RULE_TEMPLATE,
		    &(struct store_document_filter){.owner = name}, a, &found, err) < 0)
		return -1;
	if (found.n)
		*ret = *(const struct codecommit_approval_rule_template *)found.v[0];
	return found.n > 0;
}

int rule_template_load(struct db_tx *tx, const char *name, struct arena *a,
	struct codecommit_approval_rule_template *ret, struct err *err)
{
	int rc = find(tx, name, a, ret, err);

	if (rc == 0)
		return err_set_wire(err, "ApprovalRuleTemplateDoesNotExistException",
			"There is no approval rule template %s.", name);
	return rc < 0 ? -1 : 0;
}

static int save(struct template_step *s, struct db_tx *tx, struct err *err)
{
	s->t.last_modified_date = WIRE_SET_TIME(s->now);
	s->t.last_modified_user = s->call->principal_arn;
	return store_document_put(tx, &STORE_SOURCE_RULE_TEMPLATE, s->t.approval_rule_template_id,
		s->t.approval_rule_template_name, &s->t, err);
}

static int taken(const char *name, struct err *err)
{
	return err_set_wire(err, "ApprovalRuleTemplateNameAlreadyExistsException",
		"There is an approval rule template %s already.", name);
}

static int tell(struct template_step *s, struct db_tx *tx, struct err *err)
{
	return rule_template_tell(
		s->e, tx, s->event, &s->t, s->repository_name ? &s->r : NULL, s->call, err);
}

/* ---- one template ---- */

static int change_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct template_step *s = arg;

	s->now = durable_now(s->e->durable);
	s->unchanged = false;
	if (rule_template_load(tx, s->name, s->call->arena, &s->t, err) < 0 ||
		s->change(s, tx, err) < 0)
		return -1;
	return s->event && !s->unchanged ? tell(s, tx, err) : 0;
}

static int change(
	struct template_step *s, struct codecommit_approval_rule_template **ret, struct err *err)
{
	if (rule_template_check_name(s->name, err) < 0 ||
		durable_step(s->e->durable, change_fn, s, err) < 0)
		return -1;
	*ret = arena_new(s->call->arena, struct codecommit_approval_rule_template);
	**ret = s->t;
	return 0;
}

static int create_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct template_step *s = arg;
	const struct codecommit_create_approval_rule_template_request *req = s->req;
	struct arena *a = s->call->arena;
	struct store_documents all;
	int rc = find(tx, s->name, a, &s->t, err);

	if (rc < 0 || store_document_list(tx, &STORE_SOURCE_RULE_TEMPLATE,
			      &(struct store_document_filter){0}, a, &all, err) < 0)
		return -1;
	if (rc > 0)
		return taken(s->name, err);
	if (all.n >= TEMPLATES_MAX)
		return err_set_wire(err, "NumberOfRuleTemplatesExceededException",
			"There are %d approval rule templates, which is the most.", TEMPLATES_MAX);
	s->now = durable_now(s->e->durable);
	s->t = (struct codecommit_approval_rule_template){
		.approval_rule_template_id = arena_strdup(a, id_uuid().text),
		.approval_rule_template_name = s->name,
		.approval_rule_template_content = req->approval_rule_template_content,
		.approval_rule_template_description = req->approval_rule_template_description,
		.rule_content_sha256 = rule_content_sha256(req->approval_rule_template_content, a),
		.creation_date = WIRE_SET_TIME(s->now)};
	return save(s, tx, err) < 0 ? -1 : tell(s, tx, err);
}

int source_create_approval_rule_template(struct source_engine *e, struct call *call,
	const struct codecommit_create_approval_rule_template_request *req,
	struct codecommit_create_approval_rule_template_response *resp, struct err *err)
{
	struct template_step s = {.e = e,
		.call = call,
		.name = req->approval_rule_template_name,
		.req = req,
		.event = "approvalRuleTemplateCreated"};

	if (rule_template_check_name(s.name, err) < 0 ||
		check_content(req->approval_rule_template_content, call->arena, err) < 0 ||
		check_description(req->approval_rule_template_description, err) < 0 ||
		durable_step(e->durable, create_fn, &s, err) < 0)
		return -1;
	resp->approval_rule_template =
		arena_new(call->arena, struct codecommit_approval_rule_template);
	*resp->approval_rule_template = s.t;
	return 0;
}

static int keep(struct template_step *s UNUSED, struct db_tx *tx UNUSED, struct err *err UNUSED)
{
	return 0;
}

int source_get_approval_rule_template(struct source_engine *e, struct call *call,
	const struct codecommit_get_approval_rule_template_request *req,
	struct codecommit_get_approval_rule_template_response *resp, struct err *err)
{
	struct template_step s = {
		.e = e, .call = call, .name = req->approval_rule_template_name, .change = keep};

	if (rule_template_check_name(s.name, err) < 0 ||
		db_read(durable_db(e->durable), change_fn, &s, err) < 0)
		return -1;
	resp->approval_rule_template =
		arena_new(call->arena, struct codecommit_approval_rule_template);
	*resp->approval_rule_template = s.t;
	return 0;
}

static int set_content(struct template_step *s, struct db_tx *tx, struct err *err)
{
	const struct codecommit_update_approval_rule_template_content_request *req = s->req;

	if (req->existing_rule_content_sha256 &&
		!streq(req->existing_rule_content_sha256, s->t.rule_content_sha256))
		return err_set_wire(err, "InvalidRuleContentSha256Exception",
			"The SHA-256 of the template's content is %s.", s->t.rule_content_sha256);
	s->t.approval_rule_template_content = req->new_rule_content;
	s->t.rule_content_sha256 = rule_content_sha256(req->new_rule_content, s->call->arena);
	return save(s, tx, err);
}

int source_update_approval_rule_template_content(struct source_engine *e, struct call *call,
	const struct codecommit_update_approval_rule_template_content_request *req,
	struct codecommit_update_approval_rule_template_content_response *resp, struct err *err)
{
	struct template_step s = {.e = e,
		.call = call,
		.name = req->approval_rule_template_name,
		.req = req,
		.change = set_content,
		.event = "approvalRuleTemplateUpdated"};

	if (rule_template_check_name(s.name, err) < 0 ||
		check_content(req->new_rule_content, call->arena, err) < 0)
		return -1;
	return change(&s, &resp->approval_rule_template, err);
}

static int set_description(struct template_step *s, struct db_tx *tx, struct err *err)
{
	s->t.approval_rule_template_description = s->req;
	return save(s, tx, err);
}

int source_update_approval_rule_template_description(struct source_engine *e, struct call *call,
	const struct codecommit_update_approval_rule_template_description_request *req,
	struct codecommit_update_approval_rule_template_description_response *resp, struct err *err)
{
	struct template_step s = {.e = e,
		.call = call,
		.name = req->approval_rule_template_name,
		.req = req->approval_rule_template_description,
		.change = set_description,
		.event = "approvalRuleTemplateUpdated"};

	if (check_description(req->approval_rule_template_description, err) < 0)
		return -1;
	return change(&s, &resp->approval_rule_template, err);
}

static int set_name(struct template_step *s, struct db_tx *tx, struct err *err)
{
	struct codecommit_approval_rule_template other;
	int rc = find(tx, s->req, s->call->arena, &other, err);

	if (rc < 0)
		return -1;
	if (rc > 0 && !streq(s->req, s->name))
		return taken(s->req, err);
	s->t.approval_rule_template_name = s->req;
	return save(s, tx, err);
}

int source_update_approval_rule_template_name(struct source_engine *e, struct call *call,
	const struct codecommit_update_approval_rule_template_name_request *req,
	struct codecommit_update_approval_rule_template_name_response *resp, struct err *err)
{
	struct template_step s = {.e = e,
		.call = call,
		.name = req->old_approval_rule_template_name,
		.req = req->new_approval_rule_template_name,
		.change = set_name,
		.event = "approvalRuleTemplateUpdated"};

	if (rule_template_check_name(req->new_approval_rule_template_name, err) < 0)
		return -1;
	return change(&s, &resp->approval_rule_template, err);
}

/* One that is not there is deleted already. */
static int delete_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct template_step *s = arg;
	struct arena *a = s->call->arena;
	struct store_document_filter links = {.max = 1};
	struct store_documents found;
	int rc = find(tx, s->name, a, &s->t, err);

	if (rc <= 0)
		return rc;
	links.prefix = arena_printf(a, "%s/", s->t.approval_rule_template_id);
	if (store_document_list(tx, &STORE_SOURCE_RULE_LINK, &links, a, &found, err) < 0)
		return -1;
	if (found.n)
		return err_set_wire(err, "ApprovalRuleTemplateInUseException",
			"The template %s is associated with repositories; disassociate it first.",
			s->name);
	return store_document_delete(
		       tx, &STORE_SOURCE_RULE_TEMPLATE, s->t.approval_rule_template_id, err) < 0
		       ? -1
		       : tell(s, tx, err);
}

int source_delete_approval_rule_template(struct source_engine *e, struct call *call,
	const struct codecommit_delete_approval_rule_template_request *req,
	struct codecommit_delete_approval_rule_template_response *resp, struct err *err)
{
	struct template_step s = {.e = e,
		.call = call,
		.name = req->approval_rule_template_name,
		.event = "approvalRuleTemplateDeleted"};

	if (rule_template_check_name(s.name, err) < 0 ||
		durable_step(e->durable, delete_fn, &s, err) < 0)
		return -1;
	resp->approval_rule_template_id =
		s.t.approval_rule_template_id ? s.t.approval_rule_template_id : "";
	return 0;
}

/* ---- associations ---- */

static const char *link_id(const struct template_step *s)
{
	return arena_printf(
		s->call->arena, "%s/%s", s->t.approval_rule_template_id, s->r.meta.repository_id);
}

static int associate(struct template_step *s, struct db_tx *tx, struct err *err)
{
	struct towpath_source_link link = {.template_id = s->t.approval_rule_template_id,
		.repository_id = s->r.meta.repository_id};
	struct store_documents found;

	if (store_document_list(tx, &STORE_SOURCE_RULE_LINK,
		    &(struct store_document_filter){.owner = link.repository_id}, s->call->arena,
		    &found, err) < 0)
		return -1;
	for (size_t i = 0; i < found.n; i++)
		if (streq(found.ids[i], link_id(s))) {
			s->unchanged = true;
			return 0;
		}
	if (found.n >= LINKS_MAX)
		return err_set_wire(err, "MaximumRuleTemplatesAssociatedWithRepositoryException",
			"%s has %d templates, which is the most.", s->repository_name, LINKS_MAX);
	return store_document_put(
		tx, &STORE_SOURCE_RULE_LINK, link_id(s), link.repository_id, &link, err);
}

static int disassociate(struct template_step *s, struct db_tx *tx, struct err *err)
{
	struct towpath_source_link link;
	int rc = store_document_get(
		tx, &STORE_SOURCE_RULE_LINK, link_id(s), s->call->arena, &link, err);

	s->unchanged = rc == 0;
	return rc <= 0 ? rc : store_document_delete(tx, &STORE_SOURCE_RULE_LINK, link_id(s), err);
}

static int link_one(struct template_step *s, struct err *err)
{
	if (source_load(s->e, s->repository_name, s->call->arena, &s->r, err) < 0)
		return -1;
	return durable_step(s->e->durable, change_fn, s, err);
}

int source_associate_approval_rule_template_with_repository(struct source_engine *e,
	struct call *call,
	const struct codecommit_associate_approval_rule_template_with_repository_request *req,
	struct codecommit_associate_approval_rule_template_with_repository_response *resp UNUSED,
	struct err *err)
{
	struct template_step s = {.e = e,
		.call = call,
		.name = req->approval_rule_template_name,
		.repository_name = req->repository_name,
		.change = associate,
		.event = "approvalRuleTemplateAssociatedWithRepository"};

	return rule_template_check_name(s.name, err) < 0 ? -1 : link_one(&s, err);
}

int source_disassociate_approval_rule_template_from_repository(struct source_engine *e,
	struct call *call,
	const struct codecommit_disassociate_approval_rule_template_from_repository_request *req,
	struct codecommit_disassociate_approval_rule_template_from_repository_response *resp UNUSED,
	struct err *err)
{
	struct template_step s = {.e = e,
		.call = call,
		.name = req->approval_rule_template_name,
		.repository_name = req->repository_name,
		.change = disassociate,
		.event = "approvalRuleTemplateDisassociatedFromRepository"};

	return rule_template_check_name(s.name, err) < 0 ? -1 : link_one(&s, err);
}

/* ---- many at once ---- */

static int check_batch(struct template_step *s, const struct codecommit_repository_name_list *names,
	struct err *err)
{
	if (rule_template_check_name(s->name, err) < 0)
		return -1;
	if (names->n == 0)
		return err_set_wire(err, "RepositoryNamesRequiredException",
			"Names of repositories are required.");
	if (names->n > NAMES_MAX)
		return err_set_wire(err, "MaximumRepositoryNamesExceededException",
			"At most %d repositories may be named.", NAMES_MAX);
	return 0;
}

struct refusal {
	const char *code, *message;
};

/* 1 done, 0 refused (with what the answer says of it), -1 error: the template is not there. */
static int link_next(
	struct template_step *s, const char *name, struct refusal *ret, struct err *err)
{
	CLEANUP_ERR struct err failed = ERR_INIT;

	s->repository_name = name;
	if (link_one(s, &failed) == 0)
		return 1;
	if (!err_wire_name(&failed) ||
		streq(err_wire_name(&failed), "ApprovalRuleTemplateDoesNotExistException"))
		return err_move(err, &failed);
	ret->code = arena_strdup(s->call->arena, err_wire_name(&failed));
	ret->message = arena_strdup(s->call->arena, err_message(&failed));
	return 0;
}

int source_batch_associate_approval_rule_template_with_repositories(struct source_engine *e,
	struct call *call,
	const struct codecommit_batch_associate_approval_rule_template_with_repositories_request
		*req,
	struct codecommit_batch_associate_approval_rule_template_with_repositories_response *resp,
	struct err *err)
{
	struct template_step s = {.e = e,
		.call = call,
		.name = req->approval_rule_template_name,
		.change = associate,
		.event = "batchAssociateApprovalRuleTemplateWithRepositories"};
	size_t n = req->repository_names.n;

	if (check_batch(&s, &req->repository_names, err) < 0)
		return -1;
	wire_list_alloc(call->arena, &resp->associated_repository_names, n);
	wire_list_alloc(call->arena, &resp->errors, n);
	resp->associated_repository_names.n = resp->errors.n = 0;
	for (size_t i = 0; i < n; i++) {
		const char *name = req->repository_names.v[i];
		struct refusal why;
		int rc = link_next(&s, name, &why, err);

		if (rc < 0)
			return -1;
		if (rc)
			resp->associated_repository_names.v[resp->associated_repository_names.n++] =
				name;
		else
			resp->errors.v[resp->errors.n++] = (struct
				codecommit_batch_associate_approval_rule_template_with_repositories_error){
				why.code, why.message, name};
	}
	return 0;
}

int source_batch_disassociate_approval_rule_template_from_repositories(struct source_engine *e,
	struct call *call,
	const struct codecommit_batch_disassociate_approval_rule_template_from_repositories_request
		*req,
	struct codecommit_batch_disassociate_approval_rule_template_from_repositories_response
		*resp,
	struct err *err)
{
	struct template_step s = {.e = e,
		.call = call,
		.name = req->approval_rule_template_name,
		.change = disassociate,
		.event = "batchDisassociateApprovalRuleTemplateFromRepositories"};
	size_t n = req->repository_names.n;

	if (check_batch(&s, &req->repository_names, err) < 0)
		return -1;
	wire_list_alloc(call->arena, &resp->disassociated_repository_names, n);
	wire_list_alloc(call->arena, &resp->errors, n);
	resp->disassociated_repository_names.n = resp->errors.n = 0;
	for (size_t i = 0; i < n; i++) {
		const char *name = req->repository_names.v[i];
		struct refusal why;
		int rc = link_next(&s, name, &why, err);

		if (rc < 0)
			return -1;
		if (rc)
			resp->disassociated_repository_names
				.v[resp->disassociated_repository_names.n++] = name;
		else
			resp->errors.v[resp->errors.n++] = (struct
				codecommit_batch_disassociate_approval_rule_template_from_repositories_error){
				why.code, why.message, name};
	}
	return 0;
}
