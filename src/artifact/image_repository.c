/* SPDX-License-Identifier: Apache-2.0 */
/* Image repositories: made, described, changed, deleted. */
#include "artifact/image_internal.h"
#include "base/mem.h"
#include "store/resource_tags.h"

int image_read(struct artifact_engine *e, db_fn fn, void *arg, struct err *err)
{
	return db_read(durable_db(e->durable), fn, arg, err);
}

int image_write(struct artifact_engine *e, db_fn fn, void *arg, struct err *err)
{
	return durable_step(e->durable, fn, arg, err);
}

size_t image_page(struct wire_int asked, size_t dflt, size_t max)
{
	return asked.set ? MIN((size_t)MAX(asked.v, 1), max) : dflt;
}

/* ---- names ---- */

static const char *registry_of(
	const struct artifact_engine *e, const struct call *call, struct arena *a)
{
	if (!e->registry_host)
		return call->endpoint;
	return strstr(e->registry_host, "://") ? e->registry_host
					       : arena_printf(a, "http://%s", e->registry_host);
}

const char *image_registry_url(
	const struct artifact_engine *e, const struct call *call, struct arena *a)
{
	return registry_of(e, call, a);
}

const char *image_registry_host(
	const struct artifact_engine *e, const struct call *call, struct arena *a)
{
	return strstr(registry_of(e, call, a), "://") + 3;
}

static int no_repository(
	const struct artifact_engine *e, const char *registry, const char *name, struct err *err)
{
	return err_set_wire(err, "RepositoryNotFoundException",
		"The repository with name '%s' does not exist in the registry with id '%s'", name,
		registry ? registry : e->account);
}

int image_check_registry(
	struct artifact_engine *e, const char *registry_id, const char *name, struct err *err)
{
	if (!registry_id || streq(registry_id, e->account))
		return 0;
	return no_repository(e, registry_id, name, err);
}

int image_need_repository(struct artifact_engine *e, struct db_tx *tx, const char *name,
	struct arena *a, struct ecr_repository *ret, struct err *err)
{
	int r = store_document_get(tx, &STORE_IMAGE_REPOSITORY, name, a, ret, err);

	return r == 0 ? no_repository(e, NULL, name, err) : MIN(r, 0);
}

int image_check_repository(
	struct artifact_engine *e, struct db_tx *tx, const char *name, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct ecr_repository r;

	return image_need_repository(e, tx, name, &a, &r, err);
}

/* Finds the repository that a request names. */
static int need(struct image_op *o, struct db_tx *tx, const char *registry_id, const char *name,
	struct ecr_repository *ret, struct err *err)
{
	if (image_check_registry(o->e, registry_id, name, err) < 0)
		return -1;
	return image_need_repository(o->e, tx, name, o->call->arena, ret, err);
}

static int put(struct db_tx *tx, const struct ecr_repository *r, struct err *err)
{
	return store_document_put(tx, &STORE_IMAGE_REPOSITORY, r->repository_name, "", r, err);
}

/* As the client shall see it. */
static void show(const struct image_op *o, struct ecr_repository *r)
{
	r->repository_uri = arena_printf(o->call->arena, "%s/%s",
		image_registry_host(o->e, o->call, o->call->arena), r->repository_name);
}

/* ---- tags of resources ---- */

static int check_tag(const struct ecr_tag *t, struct err *err)
{
	if (!*t->key || strlen(t->key) > 128 || strlen(t->value) > 256 ||
		starts_with(t->key, "aws:"))
		return err_set_wire(err, "InvalidTagParameterException",
			"Invalid tag '%s': a key has 1 to 128 characters and does not begin with "
			"aws:, a value at most 256",
			t->key);
	return 0;
}

static int add_tags(struct image_op *o, struct db_tx *tx, const char *arn,
	const struct ecr_tag_list *list, struct err *err)
{
	struct towpath_string_map tags;

	wire_foreach (t, list) {
		if (check_tag(t, err) < 0)
			return -1;
	}
	TAG_MAP(o->call->arena, list, &tags);
	return store_tags_add(tx, arn, &tags, "TooManyTagsException", o->call->arena, err);
}

/* The repository that an ARN names. */
static int by_arn(struct image_op *o, struct db_tx *tx, const char *arn, struct err *err)
{
	const char *prefix = call_arn(o->call, "ecr", "%s", "repository/");
	struct ecr_repository r;

	if (!starts_with(arn, prefix))
		return err_set_wire(err, "InvalidParameterException",
			"Invalid parameter at 'resourceArn' failed to satisfy constraint: 'Invalid "
			"ARN': %s",
			arn);
	return need(o, tx, NULL, arn + strlen(prefix), &r, err);
}

static int tag_resource_step(struct db_tx *tx, void *arg, struct err *err)
{
	IMAGE_OP_ARGS(tag_resource);

	if (by_arn(o_, tx, req->resource_arn, err) < 0)
		return -1;
	return add_tags(o_, tx, req->resource_arn, &req->tags, err);
}

static int untag_resource_step(struct db_tx *tx, void *arg, struct err *err)
{
	IMAGE_OP_ARGS(untag_resource);

	return by_arn(o_, tx, req->resource_arn, err) < 0
		       ? -1
		       : store_tags_remove(
				 tx, req->resource_arn, req->tag_keys.v, req->tag_keys.n, a, err);
}

static int list_tags_for_resource_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct towpath_string_map tags;
	IMAGE_OP_ARGS(list_tags_for_resource);

	if (by_arn(o_, tx, req->resource_arn, err) < 0 ||
		store_tags_read(tx, req->resource_arn, a, &tags, err) < 0)
		return -1;
	TAG_LIST(a, &tags, &resp->tags);
	return 0;
}

IMAGE_DEFINE(tag_resource, image_write)
IMAGE_DEFINE(untag_resource, image_write)
IMAGE_DEFINE(list_tags_for_resource, image_read)

/* ---- CreateRepository, DeleteRepository ---- */

/* Exclusions belong to the two settings that speak of them. */
static int check_mutability(const char *setting,
	const struct ecr_image_tag_mutability_exclusion_filters *filters, struct err *err)
{
	bool wants = ends_with(setting, "_WITH_EXCLUSION");

	if (wants == (filters->n > 0))
		return 0;
	return err_set_wire(err, "InvalidParameterException",
		wants ? "imageTagMutabilityExclusionFilters must be given with %s"
		      : "imageTagMutabilityExclusionFilters cannot be given with %s",
		setting);
}

static struct ecr_repository new_repository(
	struct image_op *o, const struct ecr_create_repository_request *req)
{
	struct ecr_encryption_configuration *encryption =
		arena_new(o->call->arena, struct ecr_encryption_configuration);
	struct ecr_image_scanning_configuration *scanning =
		arena_new(o->call->arena, struct ecr_image_scanning_configuration);

	encryption->encryption_type = "AES256";
	scanning->scan_on_push =
		WIRE_SET_BOOL(req->image_scanning_configuration &&
			      wire_or(req->image_scanning_configuration->scan_on_push, false));
	return (struct ecr_repository){
		.created_at = WIRE_SET_TIME(durable_now(o->e->durable)),
		.encryption_configuration = encryption,
		.image_scanning_configuration = scanning,
		.image_tag_mutability =
			req->image_tag_mutability ? req->image_tag_mutability : "MUTABLE",
		.image_tag_mutability_exclusion_filters =
			req->image_tag_mutability_exclusion_filters,
		.registry_id = o->call->account,
		.repository_arn = call_arn(o->call, "ecr", "repository/%s", req->repository_name),
		.repository_name = req->repository_name,
	};
}

static int create_repository_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct ecr_repository present;
	int r;
	IMAGE_OP_ARGS(create_repository);

	if (image_check_registry(e, req->registry_id, req->repository_name, err) < 0)
		return -1;
	if (req->encryption_configuration &&
		!streq(req->encryption_configuration->encryption_type, "AES256"))
		return err_set(err, ERR_UNSUPPORTED,
			"Encryption type %s is not implemented: images lie as plain files in the "
			"data folder, which is shown as AES256",
			req->encryption_configuration->encryption_type);
	r = store_document_get(tx, &STORE_IMAGE_REPOSITORY, req->repository_name, a, &present, err);
	if (r > 0)
		return err_set_wire(err, "RepositoryAlreadyExistsException",
			"The repository with name '%s' already exists in the registry with id '%s'",
			req->repository_name, e->account);
	resp->repository = arena_new(a, struct ecr_repository);
	*resp->repository = new_repository(o_, req);
	if (r < 0 ||
		check_mutability(resp->repository->image_tag_mutability,
			&req->image_tag_mutability_exclusion_filters, err) < 0 ||
		put(tx, resp->repository, err) < 0 ||
		(req->tags.n &&
			add_tags(o_, tx, resp->repository->repository_arn, &req->tags, err) < 0))
		return -1;
	show(o_, resp->repository);
	return 0;
}

/* Every image with its event, then all that is left. */
static int empty(struct image_op *o, struct db_tx *tx, const char *name, struct err *err)
{
	struct arena *a = o->call->arena;
	struct store_image *images;
	struct store_image_blob *links;
	size_t n, n_links;

	if (store_image_list(tx, name, "", 0, a, &images, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (image_remove(o->e, tx, name, images[i].digest, o->call->principal_arn, a, err) <
			0)
			return -1;
	if (image_uploads_drop(o->e, tx, name, a, err) < 0 ||
		store_image_link_list(tx, name, "", SIZE_MAX / 2, a, &links, &n_links, err) < 0)
		return -1;
	for (size_t i = 0; i < n_links; i++)
		if (image_unlink(o->e, tx, name, links[i].digest, a, err) < 0)
			return -1;
	return store_image_delete_all(tx, name, err);
}

static int delete_repository_step(struct db_tx *tx, void *arg, struct err *err)
{
	static const struct store_document_kind *const kinds[] = {&STORE_IMAGE_REPOSITORY,
		&STORE_IMAGE_POLICY, &STORE_IMAGE_LIFECYCLE, &STORE_IMAGE_PREVIEW};
	int r;
	IMAGE_OP_ARGS(delete_repository);

	resp->repository = arena_new(a, struct ecr_repository);
	if (need(o_, tx, req->registry_id, req->repository_name, resp->repository, err) < 0)
		return -1;
	r = store_image_any(tx, req->repository_name, err);
	if (r > 0 && !wire_or(req->force, false))
		return err_set_wire(err, "RepositoryNotEmptyException",
			"The repository with name '%s' in registry with id '%s' cannot be deleted "
			"because it still contains images",
			req->repository_name, e->account);
	if (r < 0 || empty(o_, tx, req->repository_name, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (store_document_delete(tx, kinds[i], req->repository_name, err) < 0)
			return -1;
	show(o_, resp->repository);
	if (task_cancel(e->durable, tx, IMAGE_TASK_LIFECYCLE, req->repository_name, NULL, err) < 0)
		return -1;
	return store_tags_forget(tx, resp->repository->repository_arn, err);
}

IMAGE_DEFINE(create_repository, image_write)
IMAGE_DEFINE(delete_repository, image_write)

/* ---- DescribeRepositories ---- */

static int describe_named(struct image_op *o, struct db_tx *tx, const char *registry,
	const struct ecr_repository_name_list *names, struct ecr_repository_list *ret,
	struct err *err)
{
	wire_list_alloc(o->call->arena, ret, names->n);
	for (size_t i = 0; i < names->n; i++) {
		if (need(o, tx, registry, names->v[i], &ret->v[i], err) < 0)
			return -1;
		show(o, &ret->v[i]);
	}
	return 0;
}

static int describe_repositories_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct store_document_filter filter;
	struct store_documents found;
	size_t max;
	IMAGE_OP_ARGS(describe_repositories);

	if (req->repository_names.n)
		return describe_named(
			o_, tx, req->registry_id, &req->repository_names, &resp->repositories, err);
	max = image_page(req->max_results, 100, 1000);
	filter = (struct store_document_filter){
		.after = req->next_token ? req->next_token : "", .max = max + 1};
	if (store_document_list(tx, &STORE_IMAGE_REPOSITORY, &filter, a, &found, err) < 0)
		return -1;
	if (req->registry_id && !streq(req->registry_id, e->account))
		found.n = 0;
	wire_list_alloc(a, &resp->repositories, MIN(found.n, max));
	for (size_t i = 0; i < resp->repositories.n; i++) {
		resp->repositories.v[i] = *(struct ecr_repository *)found.v[i];
		show(o_, &resp->repositories.v[i]);
	}
	if (found.n > max)
		resp->next_token = found.ids[max - 1];
	return 0;
}

IMAGE_DEFINE(describe_repositories, image_read)

struct name_repositories {
	const char *after;
	size_t max;
	struct arena *a;
	struct artifact_names *ret;
};

static int name_repositories(struct db_tx *tx, void *arg, struct err *err)
{
	struct name_repositories *n = arg;
	struct store_document_filter filter = {.after = n->after, .max = n->max + 1};
	struct store_documents found;

	if (store_document_list(tx, &STORE_IMAGE_REPOSITORY, &filter, n->a, &found, err) < 0)
		return -1;
	*n->ret = (struct artifact_names){found.ids, MIN(found.n, n->max), found.n > n->max};
	return 0;
}

int artifact_image_repositories(struct artifact_engine *e, const char *after, size_t max,
	struct arena *a, struct artifact_names *ret, struct err *err)
{
	struct name_repositories n = {after, max, a, ret};

	return image_read(e, name_repositories, &n, err);
}

/* ---- settings ---- */

static int put_image_tag_mutability_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct ecr_repository r;
	IMAGE_OP_ARGS(put_image_tag_mutability);

	if (check_mutability(req->image_tag_mutability,
		    &req->image_tag_mutability_exclusion_filters, err) < 0 ||
		need(o_, tx, req->registry_id, req->repository_name, &r, err) < 0)
		return -1;
	r.image_tag_mutability = req->image_tag_mutability;
	r.image_tag_mutability_exclusion_filters = req->image_tag_mutability_exclusion_filters;
	resp->registry_id = e->account;
	resp->repository_name = req->repository_name;
	resp->image_tag_mutability = r.image_tag_mutability;
	resp->image_tag_mutability_exclusion_filters = r.image_tag_mutability_exclusion_filters;
	return put(tx, &r, err);
}

static int put_image_scanning_configuration_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct ecr_repository r;
	struct ecr_image_scanning_configuration scanning;
	IMAGE_OP_ARGS(put_image_scanning_configuration);

	if (need(o_, tx, req->registry_id, req->repository_name, &r, err) < 0)
		return -1;
	scanning.scan_on_push =
		WIRE_SET_BOOL(wire_or(req->image_scanning_configuration->scan_on_push, false));
	r.image_scanning_configuration = &scanning;
	resp->registry_id = e->account;
	resp->repository_name = req->repository_name;
	resp->image_scanning_configuration = req->image_scanning_configuration;
	return put(tx, &r, err);
}

static int batch_get_repository_scanning_configuration_step(
	struct db_tx *tx, void *arg, struct err *err)
{
	size_t n = 0, n_failed = 0;
	IMAGE_OP_ARGS(batch_get_repository_scanning_configuration);

	wire_list_alloc(a, &resp->scanning_configurations, req->repository_names.n);
	wire_list_alloc(a, &resp->failures, req->repository_names.n);
	for (size_t i = 0; i < req->repository_names.n; i++) {
		const char *name = req->repository_names.v[i];
		struct ecr_repository r;
		int found = store_document_get(tx, &STORE_IMAGE_REPOSITORY, name, a, &r, err);
		bool on_push;

		if (found < 0)
			return -1;
		if (!found) {
			resp->failures.v[n_failed++] =
				(struct ecr_repository_scanning_configuration_failure){
					.repository_name = name,
					.failure_code = "REPOSITORY_NOT_FOUND",
					.failure_reason = arena_printf(a,
						"The repository with name '%s' does not exist",
						name),
				};
			continue;
		}
		on_push = wire_or(r.image_scanning_configuration->scan_on_push, false);
		resp->scanning_configurations.v[n++] =
			(struct ecr_repository_scanning_configuration){
				.repository_arn = r.repository_arn,
				.repository_name = name,
				.scan_on_push = WIRE_SET_BOOL(on_push),
				.scan_frequency = on_push ? "SCAN_ON_PUSH" : "MANUAL",
			};
	}
	resp->scanning_configurations.n = n;
	resp->failures.n = n_failed;
	return 0;
}

IMAGE_DEFINE(put_image_tag_mutability, image_write)
IMAGE_DEFINE(put_image_scanning_configuration, image_write)
IMAGE_DEFINE(batch_get_repository_scanning_configuration, image_read)
