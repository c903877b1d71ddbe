/* SPDX-License-Identifier: Apache-2.0 */
/* SARIF 2.1.0 (OASIS): findings of static analysis, a case each. Its level gives the status:
 * error ERROR, warning FAILED, note and none UNKNOWN; a finding that was suppressed is SKIPPED, a
 * result of kind "pass" SUCCEEDED. The case's name is the place, its prefix the rule, its suite
 * the tool. */
#include "base/map.h"
#include "base/str.h"
#include "report/formats.h"

static const struct {
	const char *level;
	enum report_case_status status;
} levels[] = {
	{"error", REPORT_CASE_ERROR},
	{"warning", REPORT_CASE_FAILED},
	{"note", REPORT_CASE_UNKNOWN},
	{"none", REPORT_CASE_UNKNOWN},
};

static const struct json_node *at(const struct json_node *list, int64_t i)
{
	if (!list || list->kind != JSON_KIND_ARRAY || i < 0 || (uint64_t)i >= list->n)
		return NULL;
	return &list->items[i];
}

struct run {
	const char *tool;
	const struct json_node *driver, *extensions;
	struct map by_id; /* rule id -> its json_node */
};

/* An id of several components means the driver's rule, then the first extension's. */
static void index_rules(struct run *run, const struct json_node *component)
{
	const struct json_node *rules = json_member(component, "rules");

	for (size_t i = 0; at(rules, (int64_t)i); i++) {
		const char *id = json_member_text(&rules->items[i], "id");

		if (id && !map_get(&run->by_id, id))
			map_set(&run->by_id, id, (void *)(uintptr_t)&rules->items[i]);
	}
}

static int64_t index_of(const struct json_node *object, const char *name)
{
	const struct json_node *index = json_member(object, name);

	return index && index->kind == JSON_KIND_INT ? index->integer : -1;
}

/* SARIF 3.27.5 to 3.27.7 and 3.52: by its place in the component that `rule` names (the driver, if
 * none), else by its id. */
static const struct json_node *rule_of(
	const struct run *run, const struct json_node *result, const char *id)
{
	const struct json_node *reference = json_member(result, "rule"), *rule;
	const struct json_node *component =
		at(run->extensions, index_of(json_member(reference, "toolComponent"), "index"));
	int64_t index = index_of(result, "ruleIndex");

	if (index < 0)
		index = index_of(reference, "index");
	rule = at(json_member(component ? component : run->driver, "rules"), index);
	return rule || !id ? rule : map_get(&run->by_id, id);
}

static bool is_suppressed(const struct json_node *result)
{
	const struct json_node *list = json_member(result, "suppressions");

	for (size_t i = 0; list && list->kind == JSON_KIND_ARRAY && i < list->n; i++) {
		const char *status = json_member_text(&list->items[i], "status");

		if (!status || streq(status, "accepted"))
			return true;
	}
	return false;
}

/* SARIF 3.27.9 and 3.27.10: a result that is no failure has no level; one that is has its own,
 * else its rule's, else "warning". */
static int status_of(const struct json_node *result, const struct json_node *rule,
	enum report_case_status *ret, struct err *err)
{
	const char *kind = json_member_text(result, "kind");
	const char *level = json_member_text(result, "level");

	if (!level)
		level = json_member_text(json_member(rule, "defaultConfiguration"), "level");
	if (!level)
		level = "warning";
	*ret = REPORT_CASE_UNKNOWN;
	if (is_suppressed(result)) {
		*ret = REPORT_CASE_SKIPPED;
		return 0;
	}
	if (kind && !streq(kind, "fail")) {
		if (streq(kind, "pass"))
			*ret = REPORT_CASE_SUCCEEDED;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
		if (!streq(levels[i].level, level))
			continue;
		*ret = levels[i].status;
		return 0;
	}
	return err_set(
		err, ERR_MALFORMED, "level '%.40s' is none of error, warning, note, none", level);
}

static void place_of(const struct json_node *result, struct str *out)
{
	const struct json_node *physical =
		json_member(at(json_member(result, "locations"), 0), "physicalLocation");
	const char *uri = json_member_text(json_member(physical, "artifactLocation"), "uri");
	const struct json_node *region = json_member(physical, "region");
	const struct json_node *line = json_member(region, "startLine");
	const struct json_node *column = json_member(region, "startColumn");

	str_add(out, uri ? uri : "(no place)");
	if (line && line->kind == JSON_KIND_INT)
		str_addf(out, ":%lld", (long long)line->integer);
	if (line && column && column->kind == JSON_KIND_INT)
		str_addf(out, ":%lld", (long long)column->integer);
}

static int read_result(
	struct report *r, const struct run *run, const struct json_node *result, struct err *err)
{
	CLEANUP_STR struct str name = STR_INIT;
	const struct json_node *message = json_member(result, "message"), *rule;
	const char *id = json_member_text(result, "ruleId");
	struct report_case c = {.suite = run->tool};

	if (!id)
		id = json_member_text(json_member(result, "rule"), "id");
	rule = rule_of(run, result, id);
	if (!id)
		id = json_member_text(rule, "id");
	if (status_of(result, rule, &c.status, err) < 0)
		return -1;
	place_of(result, &name);
	c.name = str_text(&name);
	c.prefix = id;
	c.message = json_member_text(message, "text");
	if (!c.message)
		c.message = json_member_text(json_member(rule, "shortDescription"), "text");
	report_add_case(r, &c);
	return 0;
}

/* SARIF 3.20.14: findings of a tool that broke down are not all that there are. */
static int check_invocations(const struct run *run, const struct json_node *list, struct err *err)
{
	for (size_t i = 0; at(list, (int64_t)i); i++) {
		const struct json_node *one = &list->items[i];
		const struct json_node *good = json_member(one, "executionSuccessful");
		const struct json_node *note =
			at(json_member(one, "toolExecutionNotifications"), 0);
		const char *why = json_member_text(json_member(note, "message"), "text");

		if (good && good->kind == JSON_KIND_BOOL && !good->boolean)
			return err_set(err, ERR_MALFORMED, "%s says that its run failed%s%.500s",
				run->tool ? run->tool : "the tool", why ? ": " : "",
				why ? why : "");
	}
	return 0;
}

static int read_run(struct report *r, const struct json_node *node, struct err *err)
{
	const struct json_node *tool = json_member(node, "tool");
	const struct json_node *results = json_member(node, "results");
	struct run run = {.driver = json_member(tool, "driver"),
		.extensions = json_member(tool, "extensions")};
	int ret = 0;

	run.tool = json_member_text(run.driver, "name");
	index_rules(&run, run.driver);
	for (size_t i = 0; at(run.extensions, (int64_t)i); i++)
		index_rules(&run, &run.extensions->items[i]);
	for (size_t i = 0; ret == 0 && results && i < results->n; i++) {
		ret = read_result(r, &run, &results->items[i], err);
		if (ret < 0)
			err_wrap(err, "result %zu", i + 1);
	}
	map_release(&run.by_id);
	return ret < 0 ? -1 : check_invocations(&run, json_member(node, "invocations"), err);
}

int report_read_sarif(struct report *r, int fd, struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const struct json_node *root, *runs;
	const char *version;

	if (report_json_read(fd, &a, &root, err) < 0)
		return -1;
	runs = json_member(root, "runs");
	version = json_member_text(root, "version");
	if (!runs || runs->kind != JSON_KIND_ARRAY || !version)
		return err_set(err, ERR_UNSUPPORTED, "the document is no SARIF log");
	if (!streq(version, "2.1.0"))
		return err_set(err, ERR_MALFORMED, "SARIF version %.20s, not 2.1.0", version);
	for (size_t i = 0; i < runs->n; i++)
		if (read_run(r, &runs->items[i], err) < 0)
			return err_wrap(err, "run %zu", i + 1);
	return 0;
}
