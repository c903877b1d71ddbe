/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters: names and versions, putting, deleting, labels. */
#include "secret/engine.h"

#include <ctype.h>
#include <inttypes.h>

#include "store/string_map.h"
#include "wire/pattern.h"

#define MAX_LEVELS 15
#define MAX_VERSIONS 100
#define MAX_LABELS 10
#define STANDARD_BYTES 4096
#define ADVANCED_BYTES 8192
#define DEFAULT_KEY "alias/aws/ssm"

/* ---- names ---- */

const char *secret_parameter_arn(struct secret_engine *e, const char *name, struct arena *a)
{
	const char *selector;
	const char *own = secret_parameter_name(name, a, &selector);

	return arena_printf(a, "arn:aws:ssm:%s:%s:parameter%s%s", e->region, e->account,
		*own == '/' ? "" : "/", own);
}

const char *secret_parameter_name(const char *text, struct arena *a, const char **ret_selector)
{
	const char *own = text, *colon;

	*ret_selector = NULL;
	if (starts_with(text, "arn:") && strstr(text, ":parameter/")) {
		own = strstr(text, ":parameter/") + strlen(":parameter");
		if (!strchr(own + 1, '/'))
			own++; /* a name without levels has no slash in front */
	}
	colon = strchr(own, ':');
	if (!colon)
		return own;
	*ret_selector = arena_strdup(a, colon + 1);
	return arena_strndup(a, own, (size_t)(colon - own));
}

static int check_name(const char *name, struct err *err)
{
	const char *bare = *name == '/' ? name + 1 : name;
	int levels = 0;

	for (const char *p = name; *p; p++) {
		levels += *p == '/';
		if (!isalnum((unsigned char)*p) && !strchr("_.-/", *p))
			return err_set_wire(err, "ValidationException",
				"Parameter name: can't contain '%c'. Use letters, digits and the "
				"characters . - _ with / between levels.",
				*p);
	}
	if (strncasecmp(bare, "aws", 3) == 0 || strncasecmp(bare, "ssm", 3) == 0)
		return err_set_wire(err, "ValidationException",
			"Parameter name: can't be prefixed with \"aws\" or \"ssm\" "
			"(case-insensitive).");
	if (strchr(bare, '/') && *name != '/')
		return err_set_wire(err, "ValidationException",
			"Parameter name must be a fully qualified name: %s has levels, so it "
			"starts with a slash.",
			name);
	if (levels > MAX_LEVELS)
		return err_set_wire(err, "HierarchyLevelLimitExceededException",
			"A parameter name can have a maximum of %d levels; %s has %d.", MAX_LEVELS,
			name, levels);
	return 0;
}

const char *secret_parameter_version_id(const char *name, int64_t version, struct arena *a)
{
	return arena_printf(a, "%s %010" PRId64, name, version);
}

bool secret_parameter_is_secure(const secret_parameter *p)
{
	return streq(p->type, "SecureString");
}

/* ---- reading ---- */

int secret_need_parameter(struct secret_step *s, struct db_tx *tx, const char *name,
	secret_parameter *ret, struct err *err)
{
	int found = store_document_get(tx, &STORE_SECRET_PARAMETER, name, s->a, ret, err);

	if (found == 0)
		return err_set_wire(err, "ParameterNotFound", "Parameter %s does not exist.", name);
	return found < 0 ? -1 : 0;
}

static bool is_number(const char *text)
{
	return *text && strspn(text, "0123456789") == strlen(text);
}

static int versions_of(struct db_tx *tx, const char *name, struct arena *a,
	struct store_documents *ret, struct err *err)
{
	struct store_document_filter all = {.owner = name};

	return store_document_list(tx, &STORE_SECRET_PARAMETER_VERSION, &all, a, ret, err);
}

int secret_parameter_select(struct db_tx *tx, const secret_parameter *head, const char *selector,
	struct arena *a, secret_parameter *ret, struct err *err)
{
	struct store_documents all;

	if (!selector) {
		*ret = *head;
		return 1;
	}
	if (is_number(selector))
		return store_document_get(tx, &STORE_SECRET_PARAMETER_VERSION,
			secret_parameter_version_id(head->name, strtoll(selector, NULL, 10), a), a,
			ret, err);
	if (versions_of(tx, head->name, a, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		const secret_parameter *p = all.v[i];

		if (!secret_has(&p->labels, selector))
			continue;
		*ret = *p;
		return 1;
	}
	return 0;
}

int secret_parameter_value(const struct secret_engine *e, const secret_parameter *p, bool decrypt,
	struct arena *a, const char **ret, struct err *err)
{
	struct view plain;

	*ret = p->value;
	if (!secret_parameter_is_secure(p) || !decrypt)
		return 0;
	if (secret_unseal(e, p->value, p->name, arena_printf(a, "%" PRId64, wire_or(p->version, 0)),
		    a, &plain, err) < 0)
		return -1;
	*ret = plain.p;
	return 0;
}

/* ---- PutParameter ---- */

static int check_value(
	const struct ssm_put_parameter_request *req, const secret_parameter *p, struct err *err)
{
	size_t length = strlen(req->value);
	bool advanced = streq(p->tier, "Advanced");

	if (length > (advanced ? ADVANCED_BYTES : STANDARD_BYTES))
		return err_set_wire(err, "ValidationException",
			"%s tier parameters support a maximum parameter value of %d characters; "
			"this one has %zu.%s",
			p->tier, advanced ? ADVANCED_BYTES : STANDARD_BYTES, length,
			advanced ? "" : " Use the tier Advanced for up to 8192.");
	if (p->allowed_pattern) {
		int r = wire_pattern_search(p->allowed_pattern, req->value, err);

		if (r < 0)
			return err_set_wire(err, "InvalidAllowedPatternException",
				"AllowedPattern %s is not a regular expression.",
				p->allowed_pattern);
		if (r == 0)
			return err_set_wire(err, "ParameterPatternMismatchException",
				"Parameter value, cannot be validated against allowedPattern: %s",
				p->allowed_pattern);
	}
	return 0;
}

/* The hundred newest are kept; one with a label is never dropped silently. */
static int drop_oldest(
	struct secret_step *s, struct db_tx *tx, const secret_parameter *p, struct err *err)
{
	struct store_documents all;

	if (versions_of(tx, p->name, s->a, &all, err) < 0)
		return -1;
	if (all.n < MAX_VERSIONS)
		return 0;
	if (((const secret_parameter *)all.v[0])->labels.n)
		return err_set_wire(err, "ParameterMaxVersionLimitExceeded",
			"You attempted to create a new version of %s by calling the PutParameter "
			"API with the overwrite flag. Version %" PRId64
			", the oldest version, can't be deleted because it has a label associated "
			"with it. Move the label to another version of the parameter, and try "
			"again.",
			p->name, wire_or(((const secret_parameter *)all.v[0])->version, 0));
	return store_document_delete(tx, &STORE_SECRET_PARAMETER_VERSION, all.ids[0], err);
}

static void describe(const struct secret_step *s, const secret_parameter *old, secret_parameter *p)
{
	const struct ssm_put_parameter_request *req = s->req;

	p->name = req->name;
	p->type = req->type ? req->type : old ? old->type : NULL;
	p->tier = req->tier ? req->tier : old ? old->tier : "Standard";
	if (streq(p->tier, "Intelligent-Tiering"))
		p->tier = strlen(req->value) > STANDARD_BYTES ? "Advanced"
			  : old				      ? old->tier
							      : "Standard";
	p->data_type = req->data_type ? req->data_type : old ? old->data_type : "text";
	p->description = req->description ? req->description : old ? old->description : NULL;
	p->allowed_pattern = req->allowed_pattern ? req->allowed_pattern
			     : old		  ? old->allowed_pattern
						  : NULL;
	p->key_id = req->key_id ? req->key_id : old ? old->key_id : NULL;
	p->version = WIRE_SET_LONG(old ? wire_or(old->version, 0) + 1 : 1);
	p->modified = WIRE_SET_TIME(durable_now(s->e->durable));
	p->user = s->call->principal_arn;
	if (old)
		p->tags = old->tags;
	wire_foreach (t, &req->tags)
		string_map_put(&p->tags, t->key, t->value, s->a);
}

static int check_put(const struct ssm_put_parameter_request *req, const secret_parameter *old,
	const secret_parameter *p, struct err *err)
{
	if (old && !wire_or(req->overwrite, false))
		return err_set_wire(err, "ParameterAlreadyExists",
			"The parameter already exists. To overwrite this value, set the overwrite "
			"option in the request to true.");
	if (!p->type)
		return err_set_wire(err, "ValidationException",
			"A parameter type is required when you create a parameter.");
	if (old && !streq(old->type, p->type))
		return err_set_wire(err, "HierarchyTypeMismatchException",
			"Parameter %s is of type %s; its type can't be changed.", p->name,
			old->type);
	if (old && streq(old->tier, "Advanced") && !streq(p->tier, "Advanced"))
		return err_set_wire(err, "ValidationException",
			"This parameter uses the advanced-parameter tier. You can't downgrade a "
			"parameter from the advanced-parameter tier to the standard-parameter "
			"tier.");
	if (old && req->tags.n)
		return err_set_wire(err, "ValidationException",
			"Invalid request: tags and overwrite can't be used together. To add tags "
			"to an existing parameter, use AddTagsToResource.");
	if (!streq(p->data_type, "text"))
		return err_set(err, ERR_UNSUPPORTED,
			"parameters of data type %s are not offered; use text", p->data_type);
	if (req->policies && *req->policies)
		return err_set(err, ERR_UNSUPPORTED, "policies of parameters are not offered");
	return check_value(req, p, err);
}

static int put_parameter(struct secret_step *s, struct db_tx *tx, struct err *err)
{
	const struct ssm_put_parameter_request *req = s->req;
	struct ssm_put_parameter_response *resp = s->resp;
	secret_parameter old, p = {0};
	int found;

	if (check_name(req->name, err) < 0)
		return -1;
	found = store_document_get(tx, &STORE_SECRET_PARAMETER, req->name, s->a, &old, err);
	if (found < 0)
		return -1;
	describe(s, found ? &old : NULL, &p);
	if (check_put(req, found ? &old : NULL, &p, err) < 0 || drop_oldest(s, tx, &p, err) < 0)
		return -1;
	p.value = req->value;
	if (secret_parameter_is_secure(&p)) {
		p.key_id = p.key_id ? p.key_id : DEFAULT_KEY;
		p.value = secret_seal(s->e, view_of(req->value), p.name,
			arena_printf(s->a, "%" PRId64, p.version.v), s->a);
	}
	resp->version = p.version;
	resp->tier = p.tier;
	if (store_document_put(tx, &STORE_SECRET_PARAMETER, p.name, NULL, &p, err) < 0)
		return -1;
	p.tags = (struct towpath_string_map){0};
	return store_document_put(tx, &STORE_SECRET_PARAMETER_VERSION,
		secret_parameter_version_id(p.name, p.version.v, s->a), p.name, &p, err);
}
SECRET_STEP(ssm, put_parameter, secret_write)

/* ---- deleting ---- */

static int drop(struct db_tx *tx, const char *name, struct err *err)
{
	if (store_document_delete(tx, &STORE_SECRET_PARAMETER, name, err) < 0)
		return -1;
	return store_document_delete_owned(tx, &STORE_SECRET_PARAMETER_VERSION, name, err);
}

static int delete_parameter(struct secret_step *s, struct db_tx *tx, struct err *err)
{
	const struct ssm_delete_parameter_request *req = s->req;
	secret_parameter p;

	if (secret_need_parameter(s, tx, req->name, &p, err) < 0)
		return -1;
	return drop(tx, req->name, err);
}
SECRET_STEP(ssm, delete_parameter, secret_write)

static int delete_parameters(struct secret_step *s, struct db_tx *tx, struct err *err)
{
	const struct ssm_delete_parameters_request *req = s->req;
	struct ssm_delete_parameters_response *resp = s->resp;
	size_t gone = 0, missing = 0;

	wire_list_alloc(s->a, &resp->deleted_parameters, req->names.n);
	wire_list_alloc(s->a, &resp->invalid_parameters, req->names.n);
	wire_foreach (name, &req->names) {
		secret_parameter p;
		int found = store_document_get(tx, &STORE_SECRET_PARAMETER, *name, s->a, &p, err);

		if (found < 0 || (found && drop(tx, *name, err) < 0))
			return -1;
		if (found)
			resp->deleted_parameters.v[gone++] = *name;
		else
			resp->invalid_parameters.v[missing++] = *name;
	}
	resp->deleted_parameters.n = gone;
	resp->invalid_parameters.n = missing;
	return 0;
}
SECRET_STEP(ssm, delete_parameters, secret_write)

/* ---- labels ---- */

static bool is_label(const char *label)
{
	if (isdigit((unsigned char)*label) || strncasecmp(label, "aws", 3) == 0 ||
		strncasecmp(label, "ssm", 3) == 0)
		return false;
	for (const char *p = label; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("_.-", *p))
			return false;
	return true;
}

static int put_version(
	struct secret_step *s, struct db_tx *tx, const secret_parameter *p, struct err *err)
{
	return store_document_put(tx, &STORE_SECRET_PARAMETER_VERSION,
		secret_parameter_version_id(p->name, p->version.v, s->a), p->name, p, err);
}

/* Takes a label away from whichever version has it, but for one. */
static int unlabel_others(struct secret_step *s, struct db_tx *tx,
	const struct store_documents *all, int64_t version, const char *label, struct err *err)
{
	for (size_t i = 0; i < all->n; i++) {
		secret_parameter *p = all->v[i];

		if (p->version.v == version || !secret_has(&p->labels, label))
			continue;
		secret_drop(&p->labels, label);
		if (put_version(s, tx, p, err) < 0)
			return -1;
	}
	return 0;
}

static int need_version(const struct store_documents *all, const char *name, int64_t version,
	secret_parameter **ret, struct err *err)
{
	for (size_t i = 0; i < all->n; i++) {
		*ret = all->v[i];
		if ((*ret)->version.v == version)
			return 0;
	}
	return err_set_wire(err, "ParameterVersionNotFound",
		"Systems Manager could not find version %" PRId64
		" of %s. Verify the version and try again.",
		version, name);
}

static int label_parameter_version(struct secret_step *s, struct db_tx *tx, struct err *err)
{
	const struct ssm_label_parameter_version_request *req = s->req;
	struct ssm_label_parameter_version_response *resp = s->resp;
	struct store_documents all;
	secret_parameter head, *p;
	size_t refused = 0;
	int64_t version;

	if (secret_need_parameter(s, tx, req->name, &head, err) < 0 ||
		versions_of(tx, req->name, s->a, &all, err) < 0)
		return -1;
	version = wire_or(req->parameter_version, head.version.v);
	if (need_version(&all, req->name, version, &p, err) < 0)
		return -1;
	wire_list_alloc(s->a, &resp->invalid_labels, req->labels.n);
	wire_foreach (label, &req->labels) {
		if (!is_label(*label)) {
			resp->invalid_labels.v[refused++] = *label;
			continue;
		}
		if (unlabel_others(s, tx, &all, version, *label, err) < 0)
			return -1;
		secret_add(&p->labels, *label, s->a);
	}
	resp->invalid_labels.n = refused;
	resp->parameter_version = WIRE_SET_LONG(version);
	if (p->labels.n > MAX_LABELS)
		return err_set_wire(err, "ParameterVersionLabelLimitExceeded",
			"A parameter version can have maximum %d labels. Move one or more labels "
			"to another version and try again.",
			MAX_LABELS);
	return put_version(s, tx, p, err);
}
SECRET_STEP(ssm, label_parameter_version, secret_write)

static int unlabel_parameter_version(struct secret_step *s, struct db_tx *tx, struct err *err)
{
	const struct ssm_unlabel_parameter_version_request *req = s->req;
	struct ssm_unlabel_parameter_version_response *resp = s->resp;
	struct store_documents all;
	secret_parameter head, *p;
	size_t removed = 0, unknown = 0;

	if (secret_need_parameter(s, tx, req->name, &head, err) < 0 ||
		versions_of(tx, req->name, s->a, &all, err) < 0 ||
		need_version(&all, req->name, wire_or(req->parameter_version, 0), &p, err) < 0)
		return -1;
	wire_list_alloc(s->a, &resp->removed_labels, req->labels.n);
	wire_list_alloc(s->a, &resp->invalid_labels, req->labels.n);
	wire_foreach (label, &req->labels) {
		if (secret_has(&p->labels, *label))
			resp->removed_labels.v[removed++] = *label;
		else
			resp->invalid_labels.v[unknown++] = *label;
		secret_drop(&p->labels, *label);
	}
	resp->removed_labels.n = removed;
	resp->invalid_labels.n = unknown;
	return put_version(s, tx, p, err);
}
SECRET_STEP(ssm, unlabel_parameter_version, secret_write)
