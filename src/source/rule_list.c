/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of approval rule templates, and of the repositories that they are associated with. */
#include "base/mem.h"
#include "source/rule_template.h"
#include "store/source_review.h"
#include "towpath.gen.h"

#define PAGE_MAX 1000

struct listing {
	struct source_engine *e;
	struct arena *arena;
	const char *template_name, *repository_id; /* of which; both NULL: all templates */
	const char **names;
	size_t n;
};

static int list_all(struct listing *l, struct db_tx *tx, struct err *err)
{
	struct store_documents found;

	if (store_document_list(tx, &STORE_SOURCE_RULE_TEMPLATE, &(struct store_document_filter){0},
		    l->arena, &found, err) < 0)
		return -1;
	l->names = arena_new_n(l->arena, found.n, const char *);
	for (size_t i = 0; i < found.n; i++)
		l->names[l->n++] = ((const struct codecommit_approval_rule_template *)found.v[i])
					   ->approval_rule_template_name;
	return 0;
}

static int list_links(struct listing *l, struct db_tx *tx, struct err *err)
{
	struct store_document_filter filter = {.owner = l->repository_id};
	struct codecommit_approval_rule_template t;
	struct store_source_repository r;
	struct store_documents found;

	if (l->template_name) {
		if (rule_template_load(tx, l->template_name, l->arena, &t, err) < 0)
			return -1;
		filter.prefix = arena_printf(l->arena, "%s/", t.approval_rule_template_id);
	}
	if (store_document_list(tx, &STORE_SOURCE_RULE_LINK, &filter, l->arena, &found, err) < 0)
		return -1;
	l->names = arena_new_n(l->arena, found.n, const char *);
	for (size_t i = 0; i < found.n; i++) {
		const struct towpath_source_link *link = found.v[i];
		int rc = l->template_name ? store_source_repository_get(
						    tx, link->repository_id, l->arena, &r, err)
					  : store_document_get(tx, &STORE_SOURCE_RULE_TEMPLATE,
						    link->template_id, l->arena, &t, err);

		if (rc < 0)
			return -1;
		if (rc > 0)
			l->names[l->n++] = l->template_name ? r.meta.repository_name
							    : t.approval_rule_template_name;
	}
	return 0;
}

static int list_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct listing *l = arg;

	return l->template_name || l->repository_id ? list_links(l, tx, err) : list_all(l, tx, err);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* One page of the names, in their order. `list` is the response's list of texts. */
static int list_page(struct listing *l, struct wire_int max_results, const char *token,
	struct wire_list *list, const char **ret_token, struct err *err)
{
	struct source_page page;
	size_t start, limit, n;

	if (source_page_open(token, &page, err) < 0 ||
		source_page_size(max_results, PAGE_MAX, PAGE_MAX, &limit, err) < 0 ||
		db_read(durable_db(l->e->durable), list_fn, l, err) < 0)
		return -1;
	if (l->n)
		qsort(l->names, l->n, sizeof(*l->names), by_name);
	start = source_page_begin(&page, l->names, l->n, sizeof(*l->names));
	n = start < l->n ? MIN(limit, l->n - start) : 0;
	*list = (struct wire_list){.v = n ? l->names + start : NULL, .n = n, .set = true};
	if (start + n < l->n)
		*ret_token = source_page_behind(l->arena, start + n, l->names[start + n - 1]);
	return 0;
}

int source_list_approval_rule_templates(struct source_engine *e, struct call *call,
	const struct codecommit_list_approval_rule_templates_request *req,
	struct codecommit_list_approval_rule_templates_response *resp, struct err *err)
{
	struct listing l = {.e = e, .arena = call->arena};

	return list_page(&l, req->max_results, req->next_token,
		(struct wire_list *)&resp->approval_rule_template_names, &resp->next_token, err);
}

int source_list_associated_approval_rule_templates_for_repository(struct source_engine *e,
	struct call *call,
	const struct codecommit_list_associated_approval_rule_templates_for_repository_request *req,
	struct codecommit_list_associated_approval_rule_templates_for_repository_response *resp,
	struct err *err)
{
	struct listing l = {.e = e, .arena = call->arena};
	struct store_source_repository r;

	if (source_load(e, req->repository_name, call->arena, &r, err) < 0)
		return -1;
	l.repository_id = r.meta.repository_id;
	return list_page(&l, req->max_results, req->next_token,
		(struct wire_list *)&resp->approval_rule_template_names, &resp->next_token, err);
}

int source_list_repositories_for_approval_rule_template(struct source_engine *e, struct call *call,
	const struct codecommit_list_repositories_for_approval_rule_template_request *req,
	struct codecommit_list_repositories_for_approval_rule_template_response *resp,
	struct err *err)
{
	struct listing l = {
		.e = e, .arena = call->arena, .template_name = req->approval_rule_template_name};

	if (rule_template_check_name(l.template_name, err) < 0)
		return -1;
	return list_page(&l, req->max_results, req->next_token,
		(struct wire_list *)&resp->repository_names, &resp->next_token, err);
}
