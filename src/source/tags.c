/* SPDX-License-Identifier: Apache-2.0 */
/* Tags of repositories. */
#include "source/tags.h"

#include "base/mem.h"

#define TAGS_MAX 50
#define KEY_MAX 128
#define VALUE_MAX 256

static int check_key(const char *key, struct err *err)
{
	if (!key || !*key || strlen(key) > KEY_MAX * 4)
		return err_set_wire(err, "InvalidTagsMapException",
			"A tag's key has 1 to %d characters.", KEY_MAX);
	if (strncasecmp(key, "aws:", 4) == 0)
		return err_set_wire(err, "InvalidSystemTagUsageException",
			"Tags whose key begins with aws: cannot be set.");
	return 0;
}

static struct codecommit_tags_map_kv *find_tag(struct codecommit_tags_map *map, const char *key)
{
	wire_foreach (kv, map)
		if (streq(kv->key, key))
			return kv;
	return NULL;
}

int source_merge_tags(struct codecommit_tags_map *to, const struct codecommit_tags_map *from,
	struct arena *a, struct err *err)
{
	struct codecommit_tags_map all;

	wire_list_alloc(a, &all, to->n + from->n);
	all.n = to->n;
	for (size_t i = 0; i < to->n; i++)
		all.v[i] = to->v[i];
	for (size_t i = 0; i < from->n; i++) {
		struct codecommit_tags_map_kv *have;

		if (check_key(from->v[i].key, err) < 0)
			return -1;
		if (from->v[i].value && strlen(from->v[i].value) > VALUE_MAX * 4)
			return err_set_wire(err, "InvalidTagsMapException",
				"A tag's value has at most %d characters.", VALUE_MAX);
		have = find_tag(&all, from->v[i].key);
		if (have)
			*have = from->v[i];
		else
			all.v[all.n++] = from->v[i];
	}
	if (all.n > TAGS_MAX)
		return err_set_wire(
			err, "TooManyTagsException", "A repository has at most %d tags.", TAGS_MAX);
	*to = all;
	return 0;
}

/* The repository's name in an ARN of this account and region, or an exception. */
static int name_of_arn(const struct source_engine *e, const char *arn, struct arena *a,
	const char **ret, struct err *err)
{
	const char *prefix = source_arn(e, "", a);

	if (!arn || !*arn)
		return err_set_wire(err, "ResourceArnRequiredException",
			"The ARN of a repository is required.");
	if (!starts_with(arn, prefix))
		return err_set_wire(err, "InvalidResourceArnException",
			"%s is not the ARN of a repository here: those begin with %s.", arn,
			prefix);
	*ret = arn + strlen(prefix);
	return source_check_repository_name(*ret, err);
}

int source_list_tags_for_resource(struct source_engine *e, struct call *call,
	const struct codecommit_list_tags_for_resource_request *req,
	struct codecommit_list_tags_for_resource_response *resp, struct err *err)
{
	struct store_source_repository r;
	const char *name;

	if (name_of_arn(e, req->resource_arn, call->arena, &name, err) < 0 ||
		source_load(e, name, call->arena, &r, err) < 0)
		return -1;
	resp->tags = r.tags;
	resp->tags.set = true;
	return 0;
}

struct tagging {
	struct source_engine *e;
	const char *name;
	const struct codecommit_tags_map *add;
	const struct codecommit_tag_keys_list *remove;
};

static void remove_tags(
	struct codecommit_tags_map *tags, const struct codecommit_tag_keys_list *keys)
{
	for (size_t i = 0; i < keys->n; i++) {
		struct codecommit_tags_map_kv *kv = find_tag(tags, keys->v[i]);

		if (kv)
			*kv = tags->v[--tags->n];
	}
}

static int tag_step(struct db_tx *tx, void *arg, struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct tagging *t = arg;
	struct store_source_repository r;
	int found = store_source_repository_find(tx, t->name, &a, &r, err);

	if (found < 0)
		return -1;
	if (!found)
		return err_set_wire(
			err, "RepositoryDoesNotExistException", "%s does not exist", t->name);
	if (t->add && source_merge_tags(&r.tags, t->add, &a, err) < 0)
		return -1;
	if (t->remove)
		remove_tags(&r.tags, t->remove);
	r.meta.last_modified_date = WIRE_SET_TIME(durable_now(t->e->durable));
	return store_source_repository_update(tx, &r, err);
}

int source_tag_resource(struct source_engine *e, struct call *call,
	const struct codecommit_tag_resource_request *req,
	struct codecommit_tag_resource_response *resp, struct err *err)
{
	struct tagging t = {.e = e, .add = &req->tags};

	(void)resp;
	if (name_of_arn(e, req->resource_arn, call->arena, &t.name, err) < 0)
		return -1;
	if (!req->tags.set)
		return err_set_wire(err, "TagsMapRequiredException", "A map of tags is required.");
	return durable_step(e->durable, tag_step, &t, err);
}

int source_untag_resource(struct source_engine *e, struct call *call,
	const struct codecommit_untag_resource_request *req,
	struct codecommit_untag_resource_response *resp, struct err *err)
{
	struct tagging t = {.e = e, .remove = &req->tag_keys};

	(void)resp;
	if (name_of_arn(e, req->resource_arn, call->arena, &t.name, err) < 0)
		return -1;
	if (!req->tag_keys.n)
		return err_set_wire(
			err, "TagKeysListRequiredException", "A list of tag keys is required.");
	return durable_step(e->durable, tag_step, &t, err);
}
