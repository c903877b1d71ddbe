/* SPDX-License-Identifier: Apache-2.0 */
/* Tags of pipelines and custom action types. */
#include "pipeline/custom_type.h"
#include "pipeline/engine.h"
#include "store/pipeline_type.h"

enum { MAX_TAGS = 50 };

int pipeline_check_tags(const struct codepipeline_tag_list *tags, struct err *err)
{
	if (tags->n > MAX_TAGS)
		return err_set_wire(err, "TooManyTagsException",
			"A resource can have at most %d tags", MAX_TAGS);
	wire_foreach (t, tags) {
		if (starts_with(t->key, "aws:"))
			return err_set_wire(err, "InvalidTagsException",
				"Tag key '%s' begins with aws:, which is reserved", t->key);
		for (const struct codepipeline_tag *u = tags->v; u < t; u++)
			if (streq(t->key, u->key))
				return err_set_wire(err, "InvalidTagsException",
					"Tag key '%s' is given twice", t->key);
	}
	return 0;
}

struct tagging {
	struct pipeline_engine *e;
	struct call *call;
	const char *arn;
	const struct codepipeline_tag_list *add;
	const struct codepipeline_tag_key_list *remove;
	struct codepipeline_tag_list *list;
};

/* What the ARN names: a pipeline, or a custom action type. */
struct tagged {
	struct store_pipeline pipeline;
	const char *type_name; /* or NULL */
	custom_type type;
	struct codepipeline_tag_list *tags; /* of either */
};

#define TYPES "actiontype:" CODEPIPELINE_ACTION_OWNER_CUSTOM "/"

static int find_named(
	const char *name, struct db_tx *tx, struct arena *a, struct tagged *ret, struct err *err)
{
	if (!starts_with(name, TYPES)) {
		ret->type_name = NULL;
		ret->tags = &ret->pipeline.tags;
		return store_pipeline_find(tx, name, a, &ret->pipeline, err);
	}
	ret->type_name = name + strlen(TYPES);
	ret->tags = &ret->type.tags;
	return custom_type_get(tx, ret->type_name, a, &ret->type, err);
}

static int find_tagged(
	struct tagging *t, struct db_tx *tx, struct arena *a, struct tagged *ret, struct err *err)
{
	char *prefix = pipeline_arn(&t->e->site, "", a);
	int found = 0;

	if (!starts_with(t->arn, "arn:"))
		return err_set_wire(err, "InvalidArnException", "'%s' is not an ARN", t->arn);
	if (starts_with(t->arn, prefix))
		found = find_named(t->arn + strlen(prefix), tx, a, ret, err);
	if (found == 0)
		return err_set_wire(err, "ResourceNotFoundException",
			"The resource with the ARN '%s' does not exist", t->arn);
	return found < 0 ? -1 : 0;
}

static bool is_removed(const struct tagging *t, const char *key)
{
	for (size_t i = 0; t->remove && i < t->remove->n; i++)
		if (streq(t->remove->v[i], key))
			return true;
	for (size_t i = 0; t->add && i < t->add->n; i++)
		if (streq(t->add->v[i].key, key))
			return true;
	return false;
}

static int change_tags(struct db_tx *tx, void *arg, struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct codepipeline_tag_list tags = {.set = true};
	struct tagging *t = arg;
	struct tagged x;

	if (find_tagged(t, tx, &a, &x, err) < 0)
		return -1;
	wire_foreach (old, x.tags)
		if (!is_removed(t, old->key))
			flow_list_add(&a, &tags, *old);
	for (size_t i = 0; t->add && i < t->add->n; i++)
		flow_list_add(&a, &tags, t->add->v[i]);
	if (pipeline_check_tags(&tags, err) < 0)
		return -1;
	*x.tags = tags;
	if (x.type_name)
		return store_document_rewrite(tx, &STORE_PIPELINE_TYPE, x.type_name, &x.type, err);
	return store_pipeline_save_tags(tx, &x.pipeline, err);
}

int pipeline_tag_resource(struct pipeline_engine *e, struct call *call,
	const struct codepipeline_tag_resource_request *req,
	struct codepipeline_tag_resource_response *resp, struct err *err)
{
	struct tagging t = {.e = e, .call = call, .arn = req->resource_arn, .add = &req->tags};

	(void)resp;
	return durable_step(e->durable, change_tags, &t, err);
}

int pipeline_untag_resource(struct pipeline_engine *e, struct call *call,
	const struct codepipeline_untag_resource_request *req,
	struct codepipeline_untag_resource_response *resp, struct err *err)
{
	struct tagging t = {
		.e = e, .call = call, .arn = req->resource_arn, .remove = &req->tag_keys};

	(void)resp;
	return durable_step(e->durable, change_tags, &t, err);
}

static int read_tags(struct db_tx *tx, void *arg, struct err *err)
{
	struct tagging *t = arg;
	struct tagged x;

	if (find_tagged(t, tx, t->call->arena, &x, err) < 0)
		return -1;
	*t->list = *x.tags;
	t->list->set = true;
	return 0;
}

int pipeline_list_tags_for_resource(struct pipeline_engine *e, struct call *call,
	const struct codepipeline_list_tags_for_resource_request *req,
	struct codepipeline_list_tags_for_resource_response *resp, struct err *err)
{
	struct tagging t = {.e = e, .call = call, .arn = req->resource_arn, .list = &resp->tags};

	return db_read(durable_db(e->durable), read_tags, &t, err);
}
