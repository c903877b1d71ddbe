/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of pull requests and of their events. A page reads its own rows: it starts behind the last
 * row of the page before, open ones are found by their rows of references (P1), and only a filter
 * that has no rows of its own makes it read further. */
#include "base/mem.h"
#include "source/pull.h"

#define PAGE_MAX 100

struct page {
	const struct store_document_kind *kind;
	const char *owner;
	bool open; /* only open pull requests, of the repository `owner` */
	bool (*wanted)(const void *doc, const void *req);
	const void *req;
	struct arena *arena;
	const char *after; /* id of the last row that was looked at */
	size_t place, limit;
	void **v; /* limit of the kind's struct */
	size_t n;
	bool more;
};

/* False when the page is full. */
static bool take(struct page *p, const char *id, void *doc)
{
	bool wanted = p->wanted(doc, p->req);

	p->more = wanted && p->n == p->limit;
	if (p->more)
		return false;
	if (wanted)
		p->v[p->n++] = doc;
	p->after = id;
	p->place++;
	return true;
}

static int list_all(struct db_tx *tx, struct page *p, struct err *err)
{
	struct store_document_filter rows = {.owner = p->owner, .max = p->limit + 1};
	struct store_documents found;

	do {
		rows.after = p->after;
		if (store_document_list(tx, p->kind, &rows, p->arena, &found, err) < 0)
			return -1;
		for (size_t i = 0; i < found.n; i++)
			if (!take(p, found.ids[i], found.v[i]))
				return 0;
	} while (found.n == rows.max);
	return 0;
}

/* Each open one has two rows, "<repository>/<key>/d" and ".../s". */
static int list_open(struct db_tx *tx, struct page *p, struct err *err)
{
	struct store_document_filter rows = {
		.max = 2 * (p->limit + 1), .prefix = arena_printf(p->arena, "%s/", p->owner)};
	struct store_documents found;

	do {
		rows.after =
			p->after ? arena_printf(p->arena, "%s%s/t", rows.prefix, p->after) : NULL;
		if (store_document_list(tx, &STORE_SOURCE_PULL_REF, &rows, p->arena, &found, err) <
			0)
			return -1;
		for (size_t i = 0; i < found.n; i++) {
			const struct towpath_source_token *row = found.v[i];
			void *doc = arena_alloc(p->arena, p->kind->shape->size);
			int rc;

			if (!ends_with(found.ids[i], "/s"))
				continue;
			rc = store_document_get(tx, p->kind, row->id, p->arena, doc, err);
			if (rc < 0)
				return -1;
			if (rc > 0 && !take(p, row->id, doc))
				return 0;
		}
	} while (found.n == rows.max);
	return 0;
}

static int page_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct page *p = arg;

	return p->open ? list_open(tx, p, err) : list_all(tx, p, err);
}

static int page_read(struct source_engine *e, struct page *p, const char *token,
	struct wire_int max, struct err *err)
{
	struct source_page from;

	if (source_page_open(token, &from, err) < 0 ||
		source_page_size(max, PAGE_MAX, PAGE_MAX, &p->limit, err) < 0)
		return -1;
	p->after = from.last;
	p->place = from.place;
	p->v = arena_new_n(p->arena, p->limit, void *);
	return db_read(durable_db(e->durable), page_fn, p, err);
}

static const char *page_token(const struct page *p)
{
	return p->more ? source_page_behind(p->arena, p->place, p->after) : NULL;
}

/* ---- ListPullRequests ---- */

static bool is_wanted_pull(const void *doc, const void *arg)
{
	const struct codecommit_list_pull_requests_request *req = arg;
	const struct codecommit_pull_request *pull = doc;

	return (!req->pull_request_status ||
		       streq(req->pull_request_status, pull->pull_request_status)) &&
	       (!req->author_arn || streq(req->author_arn, pull->author_arn));
}

int source_list_pull_requests(struct source_engine *e, struct call *call,
	const struct codecommit_list_pull_requests_request *req,
	struct codecommit_list_pull_requests_response *resp, struct err *err)
{
	struct page page = {.kind = &STORE_SOURCE_PULL,
		.wanted = is_wanted_pull,
		.req = req,
		.arena = call->arena};
	struct store_source_repository r;
	const char *status = req->pull_request_status;

	if (source_load(e, req->repository_name, call->arena, &r, err) < 0)
		return -1;
	page.owner = r.meta.repository_id;
	page.open = streq(status, CODECOMMIT_PULL_REQUEST_STATUS_ENUM_OPEN);
	if (status && !page.open && !streq(status, CODECOMMIT_PULL_REQUEST_STATUS_ENUM_CLOSED))
		return err_set_wire(err, "InvalidPullRequestStatusException",
			"%s is not a status; give OPEN or CLOSED.", status);
	if (req->author_arn && !starts_with(req->author_arn, "arn:"))
		return err_set_wire(
			err, "InvalidAuthorArnException", "%s is not an ARN.", req->author_arn);
	if (page_read(e, &page, req->next_token, req->max_results, err) < 0)
		return -1;
	wire_list_alloc(call->arena, &resp->pull_request_ids, page.n);
	for (size_t i = 0; i < page.n; i++)
		resp->pull_request_ids.v[i] =
			((const struct codecommit_pull_request *)page.v[i])->pull_request_id;
	resp->next_token = page_token(&page);
	return 0;
}

/* ---- DescribePullRequestEvents ---- */

static bool is_event_type(const char *type)
{
	static const char *const types[] = {CODECOMMIT_PULL_REQUEST_EVENT_TYPE_PULL_REQUEST_CREATED,
		CODECOMMIT_PULL_REQUEST_EVENT_TYPE_PULL_REQUEST_STATUS_CHANGED,
		CODECOMMIT_PULL_REQUEST_EVENT_TYPE_PULL_REQUEST_SOURCE_REFERENCE_UPDATED,
		CODECOMMIT_PULL_REQUEST_EVENT_TYPE_PULL_REQUEST_MERGE_STATE_CHANGED,
		CODECOMMIT_PULL_REQUEST_EVENT_TYPE_PULL_REQUEST_APPROVAL_RULE_CREATED,
		CODECOMMIT_PULL_REQUEST_EVENT_TYPE_PULL_REQUEST_APPROVAL_RULE_UPDATED,
		CODECOMMIT_PULL_REQUEST_EVENT_TYPE_PULL_REQUEST_APPROVAL_RULE_DELETED,
		CODECOMMIT_PULL_REQUEST_EVENT_TYPE_PULL_REQUEST_APPROVAL_RULE_OVERRIDDEN,
		CODECOMMIT_PULL_REQUEST_EVENT_TYPE_PULL_REQUEST_APPROVAL_STATE_CHANGED};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (streq(types[i], type))
			return true;
	return false;
}

static bool is_wanted_event(const void *doc, const void *arg)
{
	const struct codecommit_describe_pull_request_events_request *req = arg;
	const struct codecommit_pull_request_event *event = doc;

	return (!req->pull_request_event_type ||
		       streq(req->pull_request_event_type, event->pull_request_event_type)) &&
	       (!req->actor_arn || streq(req->actor_arn, event->actor_arn));
}

int source_describe_pull_request_events(struct source_engine *e, struct call *call,
	const struct codecommit_describe_pull_request_events_request *req,
	struct codecommit_describe_pull_request_events_response *resp, struct err *err)
{
	struct page page = {.kind = &STORE_SOURCE_PULL_EVENT,
		.wanted = is_wanted_event,
		.req = req,
		.arena = call->arena};
	const char *type = req->pull_request_event_type;
	struct pull p;

	if (type && !is_event_type(type))
		return err_set_wire(err, "InvalidPullRequestEventTypeException",
			"%s is not a type of event.", type);
	if (req->actor_arn && !starts_with(req->actor_arn, "arn:"))
		return err_set_wire(
			err, "InvalidActorArnException", "%s is not an ARN.", req->actor_arn);
	if (pull_read(e, req->pull_request_id, call->arena, &p, err) < 0)
		return -1;
	page.owner = p.key;
	if (page_read(e, &page, req->next_token, req->max_results, err) < 0)
		return -1;
	wire_list_alloc(call->arena, &resp->pull_request_events, page.n);
	for (size_t i = 0; i < page.n; i++)
		resp->pull_request_events.v[i] =
			*(const struct codecommit_pull_request_event *)page.v[i];
	resp->next_token = page_token(&page);
	return 0;
}
