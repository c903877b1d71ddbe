/* SPDX-License-Identifier: Apache-2.0 */
/* Cucumber's JSON: a case a scenario, with its steps and hooks. A background stands before the
 * scenario that it belongs to, as an element of its own. */
#include "base/str.h"
#include "report/formats.h"
#include "report/number.h"

struct scenario {
	enum report_case_status status;
	double nsec;
	struct str message;
};

static const struct {
	const char *result;
	enum report_case_status status;
} results[] = {
	{"passed", REPORT_CASE_SUCCEEDED},
	{"failed", REPORT_CASE_FAILED},
	{"ambiguous", REPORT_CASE_FAILED},
	{"skipped", REPORT_CASE_SKIPPED},
	{"pending", REPORT_CASE_SKIPPED},
	{"undefined", REPORT_CASE_SKIPPED},
};

static enum report_case_status status_of(const char *text)
{
	for (size_t i = 0; text && i < ARRAY_SIZE(results); i++)
		if (streq(results[i].result, text))
			return results[i].status;
	return REPORT_CASE_UNKNOWN;
}

/* What failed counts more than what was left out, and that more than what passed. */
static enum report_case_status worse(enum report_case_status a, enum report_case_status b)
{
	static const int rank[REPORT_CASE_STATUSES] = {[REPORT_CASE_UNKNOWN] = 1,
		[REPORT_CASE_SKIPPED] = 2,
		[REPORT_CASE_FAILED] = 3,
		[REPORT_CASE_ERROR] = 3};

	return rank[b] > rank[a] ? b : a;
}

static int add_steps(struct scenario *s, const struct json_node *list, struct err *err)
{
	for (size_t i = 0; list && list->kind == JSON_KIND_ARRAY && i < list->n; i++) {
		const struct json_node *result = json_member(&list->items[i], "result");
		const struct json_node *duration = json_member(result, "duration");
		const char *message = json_member_text(result, "error_message");

		if (!result)
			continue;
		if (duration && duration->kind != JSON_KIND_INT && duration->kind != JSON_KIND_REAL)
			return err_set(err, ERR_MALFORMED,
				"step %zu: its duration is %s, not a "
				"number of nanoseconds",
				i + 1, json_kind_name(duration->kind));
		s->status = worse(s->status, status_of(json_member_text(result, "status")));
		s->nsec += duration ? duration->real : 0;
		if (message)
			str_addf(&s->message, "%s%s", s->message.len ? "\n" : "", message);
	}
	return 0;
}

static int add_element(struct scenario *s, const struct json_node *element, struct err *err)
{
	static const char *const lists[] = {"before", "steps", "after"};

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		if (add_steps(s, json_member(element, lists[i]), err) < 0)
			return -1;
	return 0;
}

static int read_feature(struct report *r, const struct json_node *feature, struct err *err)
{
	const struct json_node *elements = json_member(feature, "elements");
	const char *name = json_member_text(feature, "name");
	struct scenario s = {0};
	int ret = 0;

	for (size_t i = 0; ret == 0 && elements && i < elements->n; i++) {
		const struct json_node *element = &elements->items[i];
		const char *type = json_member_text(element, "type");
		struct report_case c;

		ret = add_element(&s, element, err);
		if (ret < 0 || (type && streq(type, "background")))
			continue;
		c = (struct report_case){.name = json_member_text(element, "name"),
			.prefix = name,
			.suite = name,
			.message = str_text(&s.message),
			.status = s.status,
			.duration_nsec = report_nsec(s.nsec)};
		report_add_case(r, &c);
		str_clear(&s.message);
		s.status = REPORT_CASE_SUCCEEDED;
		s.nsec = 0;
	}
	str_release(&s.message);
	return ret < 0 ? err_wrap(err, "feature %.200s", name ? name : "(unnamed)") : 0;
}

int report_read_cucumber(struct report *r, int fd, struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const struct json_node *root;

	if (report_json_read(fd, &a, &root, err) < 0)
		return -1;
	if (root->kind != JSON_KIND_ARRAY || (root->n && !json_member(root->items, "elements") &&
						     !json_member(root->items, "keyword")))
		return err_set(err, ERR_UNSUPPORTED, "the document is no list of features");
	for (size_t i = 0; i < root->n; i++)
		if (read_feature(r, &root->items[i], err) < 0)
			return -1;
	return 0;
}
