/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters: getting, listing, history, tags; what builds read. */
#include "secret/engine.h"

#include <inttypes.h>

#include "base/mem.h"
#include "store/string_map.h"

#define PATH_PAGE 10
#define DESCRIBE_PAGE 50

/* ---- one and several ---- */

static int answer_of(struct secret_step *s, const secret_parameter *p, const char *selector,
	bool decrypt, struct ssm_parameter *ret, struct err *err)
{
	const char *value;

	if (secret_parameter_value(s->e, p, decrypt, s->a, &value, err) < 0)
		return -1;
	*ret = (struct ssm_parameter){
		.arn = secret_parameter_arn(s->e, p->name, s->a),
		.data_type = p->data_type,
		.last_modified_date = p->modified,
		.name = p->name,
		.selector = selector ? arena_printf(s->a, ":%s", selector) : NULL,
		.type = p->type,
		.value = value,
		.version = p->version,
	};
	return 0;
}

/* 1 found, 0 no such parameter or version (*ret_head says which), -1. */
static int look_up(struct secret_step *s, struct db_tx *tx, const char *text, bool decrypt,
	bool *ret_head, struct ssm_parameter *ret, struct err *err)
{
	const char *selector;
	const char *name = secret_parameter_name(text, s->a, &selector);
	secret_parameter head, p;
	int found = store_document_get(tx, &STORE_SECRET_PARAMETER, name, s->a, &head, err);

	*ret_head = found > 0;
	if (found > 0)
		found = secret_parameter_select(tx, &head, selector, s->a, &p, err);
	if (found <= 0)
		return found;
	return answer_of(s, &p, selector, decrypt, ret, err) < 0 ? -1 : 1;
}

static int get_parameter(struct secret_step *s, struct db_tx *tx, struct err *err)
{
	const struct ssm_get_parameter_request *req = s->req;
	struct ssm_get_parameter_response *resp = s->resp;
	bool head;
	int found;

	resp->parameter = arena_new(s->a, struct ssm_parameter);
	found = look_up(s, tx, req->name, wire_or(req->with_decryption, false), &head,
		resp->parameter, err);
	if (found < 0)
		return -1;
	if (!found && head)
		return err_set_wire(err, "ParameterVersionNotFound",
			"Systems Manager could not find version %s. Verify the version and try "
			"again.",
			req->name);
	if (!found)
		return err_set_wire(
			err, "ParameterNotFound", "Parameter %s does not exist.", req->name);
	return 0;
}
SECRET_STEP(ssm, get_parameter, secret_read)

static int by_name(const void *x, const void *y)
{
	return strcmp(
		((const struct ssm_parameter *)x)->name, ((const struct ssm_parameter *)y)->name);
}

static int get_parameters(struct secret_step *s, struct db_tx *tx, struct err *err)
{
	const struct ssm_get_parameters_request *req = s->req;
	struct ssm_get_parameters_response *resp = s->resp;
	size_t found = 0, missing = 0;

	wire_list_alloc(s->a, &resp->parameters, req->names.n);
	wire_list_alloc(s->a, &resp->invalid_parameters, req->names.n);
	wire_foreach (name, &req->names) {
		bool head;
		int r = look_up(s, tx, *name, wire_or(req->with_decryption, false), &head,
			&resp->parameters.v[found], err);

		if (r < 0)
			return -1;
		if (r)
			found++;
		else
			resp->invalid_parameters.v[missing++] = *name;
	}
	resp->parameters.n = found;
	resp->invalid_parameters.n = missing;
	if (found)
		qsort(resp->parameters.v, found, sizeof(*resp->parameters.v), by_name);
	return 0;
}
SECRET_STEP(ssm, get_parameters, secret_read)

/* ---- filters ---- */

static bool starts(const char *value, const char *want)
{
	return starts_with(value, want);
}
static bool equals(const char *value, const char *want)
{
	return streq(value, want);
}
static bool contains(const char *value, const char *want)
{
	return strstr(value, want) != NULL;
}
/* Of paths: below it at any depth, or just one level. */
static bool recursive(const char *name, const char *path)
{
	size_t n = strlen(path);

	while (n && path[n - 1] == '/')
		n--;
	return *name == '/' && strncmp(name, path, n) == 0 && name[n] == '/';
}
static bool one_level(const char *name, const char *path)
{
	size_t n = strlen(path);

	while (n && path[n - 1] == '/')
		n--;
	return recursive(name, path) && !strchr(name + n + 1, '/');
}

static const struct option {
	const char *name;
	bool (*holds)(const char *value, const char *want);
	bool of_path;
} options[] = {
	{"Equals", equals, false},
	{"BeginsWith", starts, false},
	{"Contains", contains, false},
	{"Recursive", recursive, true},
	{"OneLevel", one_level, true},
};

static const char *tag_of(const secret_parameter *p, const char *key)
{
	wire_foreach (it, &p->tags)
		if (streq(it->key, key))
			return it->value;
	return NULL;
}

#define LABEL "Label"

static const struct key {
	const char *name;
	size_t offset;
	bool by_path; /* GetParametersByPath has it too */
} keys[] = {
	{"Name", offsetof(secret_parameter, name), false},
	{"Path", offsetof(secret_parameter, name), false},
	{"Type", offsetof(secret_parameter, type), true},
	{"KeyId", offsetof(secret_parameter, key_id), true},
	{"Tier", offsetof(secret_parameter, tier), false},
	{"DataType", offsetof(secret_parameter, data_type), false},
};

static const struct option *option_of(const struct ssm_parameter_string_filter *f)
{
	bool path = streq(f->key, "Path");
	const char *name = f->option ? f->option : path ? "OneLevel" : "Equals";

	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (streq(options[i].name, name) && options[i].of_path == path)
			return &options[i];
	return NULL;
}

static bool key_known(const char *key, bool by_path)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (streq(keys[i].name, key))
			return keys[i].by_path || !by_path;
	return by_path ? streq(key, LABEL) : starts_with(key, "tag:");
}

static int check_filters(
	const struct ssm_parameter_string_filter_list *filters, bool by_path, struct err *err)
{
	wire_foreach (f, filters) {
		if (!key_known(f->key, by_path))
			return err_set_wire(err, "InvalidFilterKey",
				"The filter key %s is not valid. Valid filter keys: %s.", f->key,
				by_path ? "Type, KeyId, Label"
					: "Name, Path, Type, KeyId, Tier, DataType, tag:KEY");
		if (!option_of(f))
			return err_set_wire(err, "InvalidFilterOption",
				"The filter option %s is not valid for %s.", f->option, f->key);
		if (!f->values.n && !starts_with(f->key, "tag:"))
			return err_set_wire(
				err, "InvalidFilterValue", "The filter %s has no values.", f->key);
	}
	return 0;
}

static bool passes_one(const secret_parameter *p, const struct ssm_parameter_string_filter *f)
{
	const struct option *o = option_of(f);
	const char *value = NULL;

	if (starts_with(f->key, "tag:"))
		value = tag_of(p, f->key + strlen("tag:"));
	else
		for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
			if (streq(keys[i].name, f->key))
				value = *(const char *const *)((const char *)p + keys[i].offset);
	if (!value)
		return false;
	if (!f->values.n)
		return true;
	wire_foreach (want, &f->values)
		if (o->holds(value, *want))
			return true;
	return false;
}

static bool passes(
	const secret_parameter *p, const struct ssm_parameter_string_filter_list *filters)
{
	wire_foreach (f, filters)
		if (!streq(f->key, LABEL) && !passes_one(p, f))
			return false;
	return true;
}

static bool labels_pass(const secret_parameter *p, const struct ssm_parameter_string_filter *f)
{
	const struct option *o = option_of(f);

	for (size_t i = 0; i < p->labels.n; i++)
		wire_foreach (want, &f->values)
			if (o->holds(p->labels.v[i], *want))
				return true;
	return false;
}

/* The version that filters by label mean, the newest of several; without such filters *p stays. 1,
 * 0: none, -1. */
static int pass_labels(struct secret_step *s, struct db_tx *tx,
	const struct ssm_parameter_string_filter_list *filters, secret_parameter **p,
	struct err *err)
{
	struct store_document_filter f = {.owner = (*p)->name};
	struct store_documents all = {0};
	bool asked = false;

	wire_foreach (filter, filters)
		asked |= streq(filter->key, LABEL);
	if (!asked)
		return 1;
	if (store_document_list(tx, &STORE_SECRET_PARAMETER_VERSION, &f, s->a, &all, err) < 0)
		return -1;
	for (size_t i = all.n; i-- > 0;) {
		bool pass = true;

		wire_foreach (filter, filters)
			pass &= !streq(filter->key, LABEL) || labels_pass(all.v[i], filter);
		if (!pass)
			continue;
		*p = all.v[i];
		return 1;
	}
	return 0;
}

/* ---- pages ---- */

struct page {
	const char *prefix, *token;
	const struct ssm_parameter_string_filter_list *filters;
	const char *path; /* or NULL */
	bool deep;
	size_t max;
};

#define CHUNK 64

/* The parameters that pass, in the order of their names, and where to go on. */
static int page_of(struct secret_step *s, struct db_tx *tx, const struct page *p,
	secret_parameter ***ret, size_t *ret_n, const char **ret_token, struct err *err)
{
	secret_parameter **v = arena_new_n(s->a, p->max, secret_parameter *);
	const char *after = p->token;
	struct store_documents some;

	*ret = v;
	*ret_n = 0;
	do {
		struct store_document_filter f = {
			.after = after, .prefix = p->prefix, .max = CHUNK};

		if (store_document_list(tx, &STORE_SECRET_PARAMETER, &f, s->a, &some, err) < 0)
			return -1;
		for (size_t i = 0; i < some.n; i++) {
			secret_parameter *one = some.v[i];
			int r;

			if (!passes(one, p->filters) ||
				(p->path && !(p->deep ? recursive : one_level)(one->name, p->path)))
				continue;
			r = pass_labels(s, tx, p->filters, &one, err);
			if (r < 0)
				return -1;
			if (!r)
				continue;
			if (*ret_n == p->max) {
				*ret_token = v[*ret_n - 1]->name;
				return 0;
			}
			v[(*ret_n)++] = one;
		}
		after = some.n ? some.ids[some.n - 1] : NULL;
	} while (some.n == CHUNK);
	return 0;
}

static int get_parameters_by_path(struct secret_step *s, struct db_tx *tx, struct err *err)
{
	const struct ssm_get_parameters_by_path_request *req = s->req;
	struct ssm_get_parameters_by_path_response *resp = s->resp;
	struct page p = {
		.prefix = req->path,
		.token = req->next_token,
		.filters = &req->parameter_filters,
		.path = req->path,
		.deep = wire_or(req->recursive, false),
		.max = (size_t)wire_or(req->max_results, PATH_PAGE),
	};
	secret_parameter **v;
	size_t n;

	if (*req->path != '/')
		return err_set_wire(err, "ValidationException",
			"The parameter path '%s' must start with a slash.", req->path);
	if (check_filters(&req->parameter_filters, true, err) < 0 ||
		page_of(s, tx, &p, &v, &n, &resp->next_token, err) < 0)
		return -1;
	wire_list_alloc(s->a, &resp->parameters, n);
	for (size_t i = 0; i < n; i++)
		if (answer_of(s, v[i], NULL, wire_or(req->with_decryption, false),
			    &resp->parameters.v[i], err) < 0)
			return -1;
	return 0;
}
SECRET_STEP(ssm, get_parameters_by_path, secret_read)

/* The filters of old clients, in the new form. */
static void take_old_filters(const struct ssm_parameters_filter_list *from, struct arena *a,
	struct ssm_parameter_string_filter_list *to)
{
	wire_list_alloc(a, to, from->n);
	for (size_t i = 0; i < from->n; i++) {
		to->v[i].key = from->v[i].key;
		to->v[i].option = streq(from->v[i].key, "Name") ? "BeginsWith" : "Equals";
		wire_list_alloc(a, &to->v[i].values, from->v[i].values.n);
		for (size_t j = 0; j < from->v[i].values.n; j++)
			to->v[i].values.v[j] = from->v[i].values.v[j];
	}
}

static int describe_parameters(struct secret_step *s, struct db_tx *tx, struct err *err)
{
	const struct ssm_describe_parameters_request *req = s->req;
	struct ssm_describe_parameters_response *resp = s->resp;
	struct ssm_parameter_string_filter_list filters = req->parameter_filters;
	struct page p = {
		.token = req->next_token,
		.filters = &filters,
		.max = (size_t)wire_or(req->max_results, DESCRIBE_PAGE),
	};
	secret_parameter **v;
	size_t n;

	if (req->filters.n && filters.n)
		return err_set_wire(err, "ValidationException",
			"You can use either Filters or ParameterFilters in a single request.");
	if (req->filters.n)
		take_old_filters(&req->filters, s->a, &filters);
	if (check_filters(&filters, false, err) < 0 ||
		page_of(s, tx, &p, &v, &n, &resp->next_token, err) < 0)
		return -1;
	wire_list_alloc(s->a, &resp->parameters, n);
	for (size_t i = 0; i < n; i++)
		resp->parameters.v[i] = (struct ssm_parameter_metadata){
			.arn = secret_parameter_arn(s->e, v[i]->name, s->a),
			.allowed_pattern = v[i]->allowed_pattern,
			.data_type = v[i]->data_type,
			.description = v[i]->description,
			.key_id = v[i]->key_id,
			.last_modified_date = v[i]->modified,
			.last_modified_user = v[i]->user,
			.name = v[i]->name,
			.tier = v[i]->tier,
			.type = v[i]->type,
			.version = v[i]->version,
		};
	return 0;
}
SECRET_STEP(ssm, describe_parameters, secret_read)

static int get_parameter_history(struct secret_step *s, struct db_tx *tx, struct err *err)
{
	const struct ssm_get_parameter_history_request *req = s->req;
	struct ssm_get_parameter_history_response *resp = s->resp;
	size_t max = (size_t)wire_or(req->max_results, DESCRIBE_PAGE);
	struct store_document_filter f = {
		.owner = req->name, .after = req->next_token, .max = max + 1};
	struct store_documents all;
	secret_parameter head;

	if (secret_need_parameter(s, tx, req->name, &head, err) < 0 ||
		store_document_list(tx, &STORE_SECRET_PARAMETER_VERSION, &f, s->a, &all, err) < 0)
		return -1;
	if (all.n > max) {
		all.n = max;
		resp->next_token = all.ids[max - 1];
	}
	wire_list_alloc(s->a, &resp->parameters, all.n);
	for (size_t i = 0; i < all.n; i++) {
		const secret_parameter *p = all.v[i];
		struct ssm_parameter_history *h = &resp->parameters.v[i];

		*h = (struct ssm_parameter_history){
			.allowed_pattern = p->allowed_pattern,
			.data_type = p->data_type,
			.description = p->description,
			.key_id = p->key_id,
			.last_modified_date = p->modified,
			.last_modified_user = p->user,
			.name = p->name,
			.tier = p->tier,
			.type = p->type,
			.version = p->version,
		};
		wire_list_alloc(s->a, &h->labels, p->labels.n);
		if (p->labels.n)
			memcpy(h->labels.v, p->labels.v, p->labels.n * sizeof(*p->labels.v));
		if (secret_parameter_value(s->e, p, wire_or(req->with_decryption, false), s->a,
			    &h->value, err) < 0)
			return -1;
	}
	return 0;
}
SECRET_STEP(ssm, get_parameter_history, secret_read)

/* ---- tags ---- */

static int need_tagged(struct secret_step *s, struct db_tx *tx, const char *type, const char *id,
	secret_parameter *ret, struct err *err)
{
	int found;

	if (!streq(type, "Parameter"))
		return err_set_wire(err, "InvalidResourceType",
			"%s is not a resource type of this server; tags are kept for Parameter.",
			type);
	found = store_document_get(tx, &STORE_SECRET_PARAMETER, id, s->a, ret, err);
	if (found == 0)
		return err_set_wire(
			err, "InvalidResourceId", "There is no parameter named %s.", id);
	return found < 0 ? -1 : 0;
}

static int add_tags_to_resource(struct secret_step *s, struct db_tx *tx, struct err *err)
{
	const struct ssm_add_tags_to_resource_request *req = s->req;
	secret_parameter p;

	if (need_tagged(s, tx, req->resource_type, req->resource_id, &p, err) < 0)
		return -1;
	wire_foreach (t, &req->tags)
		string_map_put(&p.tags, t->key, t->value, s->a);
	return store_document_put(tx, &STORE_SECRET_PARAMETER, p.name, NULL, &p, err);
}
SECRET_STEP(ssm, add_tags_to_resource, secret_write)

static int remove_tags_from_resource(struct secret_step *s, struct db_tx *tx, struct err *err)
{
	const struct ssm_remove_tags_from_resource_request *req = s->req;
	secret_parameter p;

	if (need_tagged(s, tx, req->resource_type, req->resource_id, &p, err) < 0)
		return -1;
	wire_foreach (key, &req->tag_keys)
		string_map_drop(&p.tags, *key);
	return store_document_put(tx, &STORE_SECRET_PARAMETER, p.name, NULL, &p, err);
}
SECRET_STEP(ssm, remove_tags_from_resource, secret_write)

static int list_tags_for_resource(struct secret_step *s, struct db_tx *tx, struct err *err)
{
	const struct ssm_list_tags_for_resource_request *req = s->req;
	struct ssm_list_tags_for_resource_response *resp = s->resp;
	secret_parameter p;

	if (need_tagged(s, tx, req->resource_type, req->resource_id, &p, err) < 0)
		return -1;
	wire_list_alloc(s->a, &resp->tag_list, p.tags.n);
	for (size_t i = 0; i < p.tags.n; i++) {
		resp->tag_list.v[i].key = p.tags.v[i].key;
		resp->tag_list.v[i].value = p.tags.v[i].value;
	}
	return 0;
}
SECRET_STEP(ssm, list_tags_for_resource, secret_read)

/* ---- for builds ---- */

void secret_parameter_reference(
	struct secret_engine *e, const char *text, struct arena *a, struct secret_reference *ret)
{
	*ret = (struct secret_reference){.arn = secret_parameter_arn(e, text, a)};
	ret->id = secret_parameter_name(text, a, &ret->version);
}

struct text_read {
	const struct secret_reference *reference;
	const char *text;
};

static int read_text(struct secret_step *s, struct db_tx *tx, struct err *err)
{
	struct text_read *read = s->resp;
	const struct secret_reference *r = read->reference;
	secret_parameter head, p;
	int found = store_document_get(tx, &STORE_SECRET_PARAMETER, r->id, s->a, &head, err);

	if (found > 0)
		found = secret_parameter_select(tx, &head, r->version, s->a, &p, err);
	if (found < 0)
		return -1;
	if (!found)
		return err_set(err, ERR_NOT_FOUND, "Parameter does not exist: %s%s%s", r->id,
			r->version ? ":" : "", r->version ? r->version : "");
	return secret_parameter_value(s->e, &p, true, s->a, &read->text, err);
}

int secret_parameter_text(struct secret_engine *e, const struct secret_reference *r,
	struct arena *a, const char **ret, struct err *err)
{
	struct text_read read = {.reference = r};
	struct secret_step s = {.e = e, .resp = &read, .run = read_text, .a = a};

	if (secret_read(&s, err) < 0)
		return -1;
	*ret = read.text;
	return 0;
}
