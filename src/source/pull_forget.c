/* SPDX-License-Identifier: Apache-2.0 */
/* What a repository takes with it when it is deleted. */
#include "base/mem.h"
#include "source/pull.h"

/* Rows whose ids begin with prefix. */
static int drop_prefixed(struct db_tx *tx, const struct store_document_kind *kind,
	const char *prefix, struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct store_documents found;

	if (store_document_list(tx, kind, &(struct store_document_filter){.prefix = prefix}, &a,
		    &found, err) < 0)
		return -1;
	for (size_t i = 0; i < found.n; i++)
		if (store_document_delete(tx, kind, found.ids[i], err) < 0)
			return -1;
	return 0;
}

static int forget_pull(struct db_tx *tx, const char *key, struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const char *prefix = arena_printf(&a, "%s/", key);

	if (drop_prefixed(tx, &STORE_SOURCE_PULL_APPROVAL, prefix, err) < 0 ||
		drop_prefixed(tx, &STORE_SOURCE_PULL_OVERRIDE, prefix, err) < 0 ||
		store_document_delete_owned(tx, &STORE_SOURCE_PULL_EVENT, key, err) < 0)
		return -1;
	return store_document_delete(tx, &STORE_SOURCE_PULL_MORE, key, err);
}

static int forget_comments(struct db_tx *tx, const char *repository_id, struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct store_documents found;

	if (store_document_list(tx, &STORE_SOURCE_COMMENT_MORE,
		    &(struct store_document_filter){.owner = repository_id}, &a, &found, err) < 0)
		return -1;
	for (size_t i = 0; i < found.n; i++)
		if (store_document_delete(tx, &STORE_SOURCE_COMMENT, found.ids[i], err) < 0 ||
			store_document_delete(tx, &STORE_SOURCE_THREAD, found.ids[i], err) < 0 ||
			store_document_delete_owned(tx, &STORE_SOURCE_REACTION, found.ids[i], err) <
				0)
			return -1;
	return store_document_delete_owned(tx, &STORE_SOURCE_COMMENT_MORE, repository_id, err);
}

int source_forget_reviews(struct db_tx *tx, const char *repository_id, struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct store_documents pulls;

	if (store_document_list(tx, &STORE_SOURCE_PULL,
		    &(struct store_document_filter){.owner = repository_id}, &a, &pulls, err) < 0)
		return -1;
	for (size_t i = 0; i < pulls.n; i++)
		if (forget_pull(tx, pulls.ids[i], err) < 0)
			return -1;
	if (forget_comments(tx, repository_id, err) < 0 ||
		store_document_delete(tx, &STORE_SOURCE_TRIGGERS, repository_id, err) < 0 ||
		drop_prefixed(tx, &STORE_SOURCE_PULL_REF, arena_printf(&a, "%s/", repository_id),
			err) < 0 ||
		store_document_delete_owned(tx, &STORE_SOURCE_PULL, repository_id, err) < 0 ||
		store_document_delete_owned(tx, &STORE_SOURCE_LOCK, repository_id, err) < 0 ||
		store_document_delete_owned(tx, &STORE_SOURCE_RULE_LINK, repository_id, err) < 0)
		return -1;
	return store_document_delete_owned(tx, &STORE_SOURCE_MERGE, repository_id, err);
}
