/* SPDX-License-Identifier: Apache-2.0 */
/* Locks of Git LFS (its "File Locking API"). */
#include "api/gitlfs_request.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/timefmt.h"
#include "codec/form.h"

#define PAGE 100
#define PATH_LENGTH_MAX 4096

static void put_lock(struct json_writer *w, const struct source_lock *l)
{
	json_open(w, '{');
	json_put_member(w, "id", l->id);
	json_put_member(w, "path", l->path);
	json_put_member(w, "locked_at", timefmt_iso(l->locked_usec).text);
	json_key(w, "owner");
	json_open(w, '{');
	json_put_member(w, "name", path_base(l->owner));
	json_close(w, '}');
	json_close(w, '}');
}

static void reply_lock(
	struct gitlfs_request *r, int status, const struct source_lock *l, const char *message)
{
	CLEANUP_STR struct str out = STR_INIT;
	struct json_writer w = {&out, false};

	json_open(&w, '{');
	json_key(&w, "lock");
	put_lock(&w, l);
	json_put_member(&w, "message", message);
	json_close(&w, '}');
	gitlfs_reply(r, status, &out);
}

/* The body's reference must be one that may be pushed to. */
static int check_ref(struct gitlfs_request *r, const struct json_node *doc, struct err *err)
{
	return git_access_may_push(r->git, json_member_text(json_member(doc, "ref"), "name"), err);
}

int gitlfs_lock(struct gitlfs_request *r, struct err *err)
{
	const struct json_node *doc;
	struct source_lock lock;
	const char *path;
	int rc;

	if (gitlfs_read_json(r, &doc, err) < 0 || check_ref(r, doc, err) < 0)
		return -1;
	path = json_member_text(doc, "path");
	if (!path || !*path || strlen(path) > PATH_LENGTH_MAX)
		return err_set(err, ERR_INVALID, "path must be the path of a file");
	rc = source_lock_create(r->git->config->source, r->git->repository.id, path,
		r->git->who->arn, r->a, &lock, err);
	if (rc < 0)
		return -1;
	if (rc)
		reply_lock(r, 201, &lock, NULL);
	else
		reply_lock(r, 409, &lock, "already created lock");
	return 0;
}

int gitlfs_unlock(struct gitlfs_request *r, struct err *err)
{
	const struct json_node *doc, *force;
	struct source_lock lock;
	int rc;

	if (gitlfs_read_json(r, &doc, err) < 0 || check_ref(r, doc, err) < 0)
		return -1;
	force = json_member(doc, "force");
	rc = source_lock_remove(r->git->config->source, r->git->repository.id, r->part,
		r->git->who->arn, force && force->kind == JSON_KIND_BOOL && force->boolean, r->a,
		&lock, err);
	if (rc < 0)
		return -1;
	if (!rc)
		return err_set(err, ERR_NOT_FOUND, "there is no lock %s", r->part);
	reply_lock(r, 200, &lock, NULL);
	return 0;
}

/* ---- lists ---- */

struct page {
	struct source_lock *v;
	size_t n;
	const char *next; /* or NULL */
};

static int read_page(
	struct gitlfs_request *r, const char *cursor, struct page *ret, struct err *err)
{
	if (source_locks_list(r->git->config->source, r->git->repository.id, cursor, PAGE + 1, r->a,
		    &ret->v, &ret->n, err) < 0)
		return -1;
	ret->next = NULL;
	if (ret->n > PAGE) {
		ret->n = PAGE;
		ret->next = ret->v[PAGE - 1].id;
	}
	return 0;
}

/* The locks for which mine is (when asked) what they are. */
enum whose { ALL, OURS, THEIRS };

static void put_locks(struct gitlfs_request *r, struct json_writer *w, const char *key,
	const struct page *p, enum whose whose)
{
	json_key(w, key);
	json_open(w, '[');
	for (size_t i = 0; i < p->n; i++) {
		bool ours = streq(p->v[i].owner, r->git->who->arn);

		if (whose == ALL || ours == (whose == OURS))
			put_lock(w, &p->v[i]);
	}
	json_close(w, ']');
}

/* By id or path there is one at most. */
static int find_one(struct gitlfs_request *r, const char *id, struct page *p, struct err *err)
{
	do {
		if (read_page(r, p->next, p, err) < 0)
			return -1;
		for (size_t i = 0; i < p->n; i++)
			if (streq(p->v[i].id, id)) {
				*p = (struct page){&p->v[i], 1, NULL};
				return 0;
			}
	} while (p->next);
	p->n = 0;
	return 0;
}

int gitlfs_locks(struct gitlfs_request *r, struct err *err)
{
	CLEANUP_STR struct str out = STR_INIT;
	struct json_writer w = {&out, false};
	struct page page = {0};
	struct form query;
	const char *id, *path;
	int rc;

	if (form_parse(view_of(http_raw_query(r->x)), r->a, &query, err) < 0)
		return -1;
	path = form_get(&query, "path");
	id = path ? source_lock_id(path, r->a) : form_get(&query, "id");
	rc = id ? find_one(r, id, &page, err)
		: read_page(r, form_get(&query, "cursor"), &page, err);
	if (rc < 0)
		return -1;
	json_open(&w, '{');
	put_locks(r, &w, "locks", &page, ALL);
	json_put_member(&w, "next_cursor", page.next);
	json_close(&w, '}');
	gitlfs_reply(r, 200, &out);
	return 0;
}

int gitlfs_verify_locks(struct gitlfs_request *r, struct err *err)
{
	CLEANUP_STR struct str out = STR_INIT;
	struct json_writer w = {&out, false};
	const struct json_node *doc;
	struct page page = {0};

	if (gitlfs_read_json(r, &doc, err) < 0 || check_ref(r, doc, err) < 0 ||
		read_page(r, json_member_text(doc, "cursor"), &page, err) < 0)
		return -1;
	json_open(&w, '{');
	put_locks(r, &w, "ours", &page, OURS);
	put_locks(r, &w, "theirs", &page, THEIRS);
	json_put_member(&w, "next_cursor", page.next);
	json_close(&w, '}');
	gitlfs_reply(r, 200, &out);
	return 0;
}
