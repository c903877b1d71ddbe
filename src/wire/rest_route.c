/* SPDX-License-Identifier: Apache-2.0 */
/* Which operation a method, a path and a query mean. */
#include "base/mem.h"
#include "wire/rest_path.h"

/* One template part against the path from p on; returns what was used, or -1. */
static int match_label(struct view label, const char *p, struct rest_label *ret)
{
	bool greedy = label.len && label.p[label.len - 1] == '+';
	size_t n = greedy ? strlen(p) : strcspn(p, "/");

	if (!n)
		return -1;
	ret->name = (struct view){label.p, label.len - greedy};
	ret->value = (struct view){p, n};
	return (int)n;
}

bool rest_match_path(const char *uri, const char *path, struct rest_labels *ret)
{
	ret->n = 0;
	while (*uri && *uri != '?') {
		const char *end;
		int n;

		if (*uri != '{') {
			if (*uri++ != *path++)
				return false;
			continue;
		}
		end = strchr(uri, '}');
		if (!end || ret->n == REST_MAX_LABELS)
			return false;
		n = match_label(
			(struct view){uri + 1, (size_t)(end - uri - 1)}, path, &ret->v[ret->n++]);
		if (n < 0)
			return false;
		path += n;
		uri = end + 1;
	}
	return !*path || streq(path, "/");
}

static const struct form_field *field(const struct form *f, struct view name)
{
	for (size_t i = 0; i < f->n; i++)
		if (view_eq_str(name, f->fields[i].name))
			return &f->fields[i];
	return NULL;
}

/* Literals of the template's query that the request has; -1 when it lacks one. */
static int match_literals(const char *uri, const struct form *query)
{
	const char *mark = strchr(uri, '?');
	struct view rest = view_of(mark ? mark + 1 : "");
	int n = 0;

	while (rest.len) {
		struct view value = view_cut(&rest, '&'), name = view_cut(&value, '=');
		const struct form_field *f = field(query, name);

		if (!f || (value.p && !view_eq(value, f->value)))
			return -1;
		n++;
	}
	return n;
}

/* Required members in query and headers that the request has; -1 when it lacks one. */
static int match_required(const struct wire_shape *input, const struct wire_rest_request *req)
{
	int n = 0;

	for (size_t i = 0; input && i < input->n_members; i++) {
		const struct wire_member *m = &input->members[i];
		bool there;

		if (!m->required || (m->location != WIRE_IN_QUERY && m->location != WIRE_IN_HEADER))
			continue;
		there = m->location == WIRE_IN_QUERY ? form_get(&req->query, m->wire_name)
						     : wire_rest_header(req, m->wire_name);
		if (!there)
			return -1;
		n++;
	}
	return n;
}

/* How well the operation fits: -1 not at all; what names more of the request fits better. Only S3
 * tells operations apart by what they require. */
static int fit(const struct wire_operation *op, const struct wire_rest_request *req, bool s3)
{
	struct rest_labels labels;
	int literals, required;

	if (!streq(op->http_method, req->method) || !rest_match_path(op->uri, req->path, &labels))
		return -1;
	literals = match_literals(op->uri, &req->query);
	required = s3 ? match_required(op->input, req) : 0;
	if (literals < 0 || required < 0)
		return -1;
	return 4 * (literals + required) + 2 * (labels.n == 0) + (op->input != NULL);
}

const struct wire_operation *wire_rest_route(
	const struct wire_service *s, const struct wire_rest_request *req)
{
	const struct wire_operation *best = NULL;
	int best_fit = -1;

	for (size_t i = 0; i < s->n_operations; i++) {
		int f = fit(&s->operations[i], req, s->protocol == WIRE_REST_XML);

		if (f > best_fit) {
			best = &s->operations[i];
			best_fit = f;
		}
	}
	return best;
}
