/* SPDX-License-Identifier: Apache-2.0 */
/* The phases of a buildspec: commands, finally, run-as, on-failure, runtime-versions. */
#include <ctype.h>
#include <strings.h>

#include "base/mem.h"
#include "build/buildspec_schema.h"
#include "wire/pattern.h"

#define PHASE(member) offsetof(struct towpath_leader_phase, member)
#define RETRIES_DEFAULT 3
#define RETRIES_MAX 100

static const struct {
	const char *key, *name;
} phase_names[] = {
	{"install", "INSTALL"},
	{"pre_build", "PRE_BUILD"},
	{"build", "BUILD"},
	{"post_build", "POST_BUILD"},
};

static const char *const runtimes[] = {
	"android", "docker", "dotnet", "golang", "java", "nodejs", "php", "python", "ruby"};

static int read_runtimes(struct buildspec_reader *r, const char *name, const struct yaml_node *v,
	void *field, struct err *err)
{
	struct towpath_leader_runtimes *ret = field;

	if (buildspec_want_map(r, name, v, err) < 0)
		return -1;
	wire_list_alloc(r->arena, ret, v->n);
	for (size_t i = 0; i < v->n; i++) {
		const struct yaml_node *key = v->pairs[i].key, *value = v->pairs[i].value;
		bool known = false;

		for (size_t j = 0; j < ARRAY_SIZE(runtimes); j++)
			known |= streq(runtimes[j], key->text);
		if (!known) {
			yaml_fail(
				r->doc, key, err, "unknown runtime '%s' in '%s'", key->text, name);
			return err_hint(err, "Runtimes: android, docker, dotnet, golang, java, "
					     "nodejs, php, python, ruby.");
		}
		if (value->kind != YAML_SCALAR || yaml_is_null(value))
			return yaml_fail(r->doc, value, err,
				"the version of runtime '%s' must be text, not %s", key->text,
				yaml_kind_text(value));
		ret->v[i].name = key->text;
		ret->v[i].version = value->text;
	}
	return 0;
}

static int check_pattern(
	struct buildspec_reader *r, const struct yaml_node *v, const char *pattern, struct err *err)
{
	CLEANUP_ERR struct err why = ERR_INIT;

	if (wire_pattern_search(pattern, "", &why) >= 0)
		return 0;
	return yaml_fail(r->doc, v, err, "on-failure: %s", err_message(&why));
}

/* What follows RETRY: "", "-n", "-regex", "-n-regex". */
static int read_retry(struct buildspec_reader *r, const struct yaml_node *v, const char *rest,
	struct towpath_leader_phase *phase, struct err *err)
{
	const char *digits = rest + 1, *end = digits;
	int64_t count = RETRIES_DEFAULT;

	phase->on_failure = "RETRY";
	phase->retry_count = WIRE_SET_INT(RETRIES_DEFAULT);
	phase->retry_pattern = ".*";
	if (!*rest)
		return 0;
	while (isdigit((unsigned char)*end))
		end++;
	if (end > digits && (*end == '-' || !*end)) {
		count = end - digits > 3 ? RETRIES_MAX + 1 : strtol(digits, NULL, 10);
		rest = end;
	}
	if (count > RETRIES_MAX)
		return yaml_fail(r->doc, v, err,
			"on-failure: RETRY takes 0 to %d retries, not '%s'", RETRIES_MAX, v->text);
	phase->retry_count = WIRE_SET_INT(count);
	if (!*rest)
		return 0;
	if (!rest[1])
		return yaml_fail(r->doc, v, err, "'%s' ends in '-': a pattern is missing", v->text);
	phase->retry_pattern = rest + 1;
	return check_pattern(r, v, rest + 1, err);
}

static int read_on_failure(struct buildspec_reader *r, const char *name, const struct yaml_node *v,
	void *field, struct err *err)
{
	struct towpath_leader_phase *phase = field;
	const char *text = NULL;

	if (buildspec_read_text(r, name, v, &text, err) < 0)
		return -1;
	if (strcasecmp(text, "ABORT") == 0)
		phase->on_failure = "ABORT";
	else if (strcasecmp(text, "CONTINUE") == 0)
		phase->on_failure = "CONTINUE";
	else if (strncasecmp(text, "RETRY", 5) == 0 && (!text[5] || text[5] == '-'))
		return read_retry(r, v, text + 5, phase, err);
	else
		return yaml_fail(r->doc, v, err,
			"on-failure is ABORT, CONTINUE, RETRY, RETRY-<n>, RETRY-<regex> or "
			"RETRY-<n>-<regex>, not '%s'",
			text);
	return 0;
}

static const struct buildspec_key phase_keys[] = {
	{"run-as", buildspec_read_text, PHASE(run_as), KEY_ONLY_NEW},
	{"on-failure", read_on_failure, 0, KEY_ONLY_NEW},
	{"commands", buildspec_read_texts, PHASE(commands), 0},
	{"finally", buildspec_read_texts, PHASE(finally_commands), KEY_ONLY_NEW},
	{"runtime-versions", read_runtimes, PHASE(runtimes), KEY_ONLY_NEW},
};

static int read_phase(struct buildspec_reader *r, const struct yaml_node *key,
	const struct yaml_node *v, struct towpath_leader_phase *phase, struct err *err)
{
	const char *what = arena_printf(r->arena, "phases.%s", key->text);

	if (buildspec_read_keys(r, what, v, phase_keys, ARRAY_SIZE(phase_keys), phase, err) < 0)
		return -1;
	if (phase->runtimes.set && !streq(phase->name, "INSTALL")) {
		yaml_fail(r->doc, yaml_get(v, "runtime-versions"), err,
			"runtime-versions belongs into the install phase, not into %s", key->text);
		return err_hint(err, "Move it to phases.install.");
	}
	if (!phase->commands.set && !phase->runtimes.set)
		return yaml_fail(r->doc, key, err, "'commands' is missing in %s", what);
	return 0;
}

static struct towpath_leader_phase *place_of(
	struct towpath_leader_phase *by_order, const char *key, const char **ret_name)
{
	for (size_t i = 0; i < ARRAY_SIZE(phase_names); i++) {
		if (!streq(phase_names[i].key, key))
			continue;
		*ret_name = phase_names[i].name;
		return &by_order[i];
	}
	return NULL;
}

/* Phases come out in the order in which they run, however the file has them. */
int buildspec_read_phases(struct buildspec_reader *r, const char *name, const struct yaml_node *v,
	void *field, struct err *err)
{
	struct towpath_leader_phase by_order[ARRAY_SIZE(phase_names)] = {0};
	struct towpath_leader_phases *ret = field;

	if (buildspec_want_map(r, name, v, err) < 0)
		return -1;
	for (size_t i = 0; i < v->n; i++) {
		const struct yaml_node *key = v->pairs[i].key;
		const char *wire_name = NULL;
		struct towpath_leader_phase *phase = place_of(by_order, key->text, &wire_name);

		if (!phase && starts_with(key->text, "x-"))
			continue;
		if (!phase) {
			yaml_fail(r->doc, key, err, "unknown phase '%s'", key->text);
			return err_hint(err, "Phases: install, pre_build, build, post_build.");
		}
		phase->name = wire_name;
		if (yaml_is_null(v->pairs[i].value)) {
			yaml_warn(r->doc, key, "phase '%s' is empty", key->text);
			phase->commands.set = true;
		} else if (read_phase(r, key, v->pairs[i].value, phase, err) < 0) {
			return -1;
		}
	}
	wire_list_alloc(r->arena, ret, ARRAY_SIZE(phase_names));
	ret->n = 0;
	for (size_t i = 0; i < ARRAY_SIZE(phase_names); i++)
		if (by_order[i].name)
			ret->v[ret->n++] = by_order[i];
	if (!ret->n)
		return yaml_fail(r->doc, v, err, "'phases' names no phase");
	return 0;
}
