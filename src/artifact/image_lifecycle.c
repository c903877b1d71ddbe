/* SPDX-License-Identifier: Apache-2.0 */
/* Lifecycle policies: the grammar, and which images go. Every rule looks at all images; an image
 * that a rule's selection fits is that rule's affair and no later one's. */
#include <stdlib.h>

#include "artifact/image_internal.h"
#include "base/mem.h"
#include "codec/glob.h"
#include "codec/json.h"

#define INVALID(err, ...)                                                       \
	err_set_wire(err, "InvalidParameterException",                          \
		"Invalid parameter at 'LifecyclePolicyText' failed to satisfy " \
		"constraint: " __VA_ARGS__)

/* ---- the grammar ---- */

static const char *const statuses[] = {
	[IMAGE_TAGGED] = "tagged", [IMAGE_UNTAGGED] = "untagged", [IMAGE_ANY] = "any"};
static const char *const counts[] = {
	[IMAGE_COUNT_MORE_THAN] = "imageCountMoreThan",
	[IMAGE_SINCE_PUSHED] = "sinceImagePushed",
	[IMAGE_SINCE_PULLED] = "sinceImagePulled",
};

static int one_of(const char *const *names, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++)
		if (streq(names[i], text))
			return (int)i;
	return -1;
}

static int read_list(const struct json_node *list, const char *suffix, const char *where,
	struct arena *a, struct image_lifecycle_rule *r, struct err *err)
{
	if (list->kind != JSON_KIND_ARRAY || !list->n)
		return INVALID(err, "%s must be a list of at least one text", where);
	r->patterns = arena_new_n(a, list->n, const char *);
	r->n_patterns = list->n;
	for (size_t i = 0; i < list->n; i++) {
		const struct json_node *item = &list->items[i];

		if (item->kind != JSON_KIND_STRING || !item->text.len)
			return INVALID(err, "%s must hold texts", where);
		r->patterns[i] = arena_printf(a, "%s%s", item->text.p, suffix);
	}
	return 0;
}

static int read_tags(const struct json_node *selection, struct arena *a,
	struct image_lifecycle_rule *r, struct err *err)
{
	const struct json_node *prefixes = json_member(selection, "tagPrefixList");
	const struct json_node *patterns = json_member(selection, "tagPatternList");

	if (r->status != IMAGE_TAGGED && (prefixes || patterns))
		return INVALID(err,
			"rule %d: tagPrefixList and tagPatternList need tagStatus tagged",
			r->priority);
	if (r->status != IMAGE_TAGGED)
		return 0;
	if (!prefixes == !patterns)
		return INVALID(err,
			"rule %d: tagStatus tagged needs either tagPrefixList or tagPatternList",
			r->priority);
	if (prefixes)
		return read_list(prefixes, "*", "tagPrefixList", a, r, err);
	return read_list(patterns, "", "tagPatternList", a, r, err);
}

static int read_count(
	const struct json_node *selection, struct image_lifecycle_rule *r, struct err *err)
{
	const char *type = json_member_text(selection, "countType");
	const char *unit = json_member_text(selection, "countUnit");
	const struct json_node *number = json_member(selection, "countNumber");
	int kind = one_of(counts, ARRAY_SIZE(counts), type);

	if (kind < 0)
		return INVALID(err,
			"rule %d: countType must be imageCountMoreThan, sinceImagePushed or "
			"sinceImagePulled, not '%s'",
			r->priority, type ? type : "");
	r->count = (enum image_count)kind;
	if (r->count == IMAGE_COUNT_MORE_THAN ? unit != NULL : !streq(unit, "days"))
		return INVALID(err, "rule %d: countUnit must be %s with countType %s", r->priority,
			r->count == IMAGE_COUNT_MORE_THAN ? "absent" : "'days'", type);
	if (!number || number->kind != JSON_KIND_INT || number->integer < 1)
		return INVALID(
			err, "rule %d: countNumber must be a whole number from 1 on", r->priority);
	r->number = MIN(number->integer, INT32_MAX);
	return 0;
}

static int read_rule(const struct json_node *node, struct arena *a, struct image_lifecycle_rule *r,
	struct err *err)
{
	const struct json_node *priority = json_member(node, "rulePriority");
	const struct json_node *selection = json_member(node, "selection");
	const char *action = json_member_text(json_member(node, "action"), "type");
	const char *status = json_member_text(selection, "tagStatus");
	int kind = one_of(statuses, ARRAY_SIZE(statuses), status);

	if (!priority || priority->kind != JSON_KIND_INT || priority->integer < 1 ||
		priority->integer > INT32_MAX)
		return INVALID(err, "every rule needs a rulePriority, a whole number from 1 on");
	r->priority = (int)priority->integer;
	if (kind < 0)
		return INVALID(err, "rule %d: tagStatus must be tagged, untagged or any, not '%s'",
			r->priority, status ? status : "");
	r->status = (enum image_status)kind;
	if (!streq(action, "expire"))
		return INVALID(err, "rule %d: the action's type must be 'expire', not '%s'",
			r->priority, action ? action : "");
	if (read_tags(selection, a, r, err) < 0)
		return -1;
	return read_count(selection, r, err);
}

static int by_priority(const void *x, const void *y)
{
	const struct image_lifecycle_rule *a = x, *b = y;

	return (a->priority > b->priority) - (a->priority < b->priority);
}

static int check_together(const struct image_lifecycle *p, struct err *err)
{
	int untagged = 0;

	for (size_t i = 0; i < p->n; i++) {
		const struct image_lifecycle_rule *r = &p->rules[i];

		if (i && r->priority == p->rules[i - 1].priority)
			return INVALID(err, "two rules have rulePriority %d", r->priority);
		if (r->status == IMAGE_ANY && i + 1 < p->n)
			return INVALID(err,
				"rule %d: a rule for tagStatus any must have the highest "
				"rulePriority",
				r->priority);
		untagged += r->status == IMAGE_UNTAGGED;
	}
	if (untagged > 1)
		return INVALID(err, "only one rule may be for tagStatus untagged");
	return 0;
}

int image_lifecycle_parse(
	const char *text, struct arena *a, struct image_lifecycle *ret, struct err *err)
{
	CLEANUP_ERR struct err why = ERR_INIT;
	const struct json_node *doc, *rules;

	if (json_parse(view_of(text), a, &doc, &why) < 0)
		return INVALID(err, "'Lifecycle policy validation failure: %s'", err_message(&why));
	rules = json_member(doc, "rules");
	if (!rules || rules->kind != JSON_KIND_ARRAY || !rules->n)
		return INVALID(err, "rules must be a list of at least one rule");
	ret->rules = arena_new_n(a, rules->n, struct image_lifecycle_rule);
	ret->n = rules->n;
	for (size_t i = 0; i < rules->n; i++)
		if (read_rule(&rules->items[i], a, &ret->rules[i], err) < 0)
			return -1;
	qsort(ret->rules, ret->n, sizeof(*ret->rules), by_priority);
	return check_together(ret, err);
}

/* ---- the decision ---- */

static bool has_tag_like(const struct image_candidate *image, const char *pattern)
{
	for (size_t i = 0; i < image->n_tags; i++)
		if (glob_match(pattern, image->tags[i]))
			return true;
	return false;
}

static bool fits(const struct image_lifecycle_rule *r, const struct image_candidate *image)
{
	if (image->kept ||
		(r->status != IMAGE_ANY && (r->status == IMAGE_TAGGED) != (image->n_tags > 0)))
		return false;
	for (size_t i = 0; i < r->n_patterns; i++)
		if (!has_tag_like(image, r->patterns[i]))
			return false;
	return true;
}

static bool is_due(const struct image_lifecycle_rule *r, const struct image_candidate *image,
	int64_t rank, int64_t now)
{
	int64_t since = image->pushed_usec;

	if (r->count == IMAGE_COUNT_MORE_THAN)
		return rank >= r->number;
	if (r->count == IMAGE_SINCE_PULLED && image->pulled_usec)
		since = image->pulled_usec;
	return since < now - r->number * IMAGE_DAY_USEC;
}

static int youngest_first(const void *x, const void *y)
{
	const struct image_candidate *a = *(struct image_candidate *const *)x;
	const struct image_candidate *b = *(struct image_candidate *const *)y;

	if (a->pushed_usec != b->pushed_usec)
		return a->pushed_usec < b->pushed_usec ? 1 : -1;
	return strcmp(a->digest, b->digest);
}

/* What an image that stays names, stays. */
static void keep_members(struct image_candidate *images, size_t n)
{
	bool changed = true;

	while (changed) {
		changed = false;
		for (size_t i = 0; i < n; i++)
			for (size_t k = 0; images[i].priority && k < images[i].n_indexes; k++)
				if (!images[images[i].indexes[k]].priority) {
					images[i].priority = 0;
					changed = true;
				}
	}
}

void image_lifecycle_decide(const struct image_lifecycle *policy, struct image_candidate *images,
	size_t n, int64_t now_usec, struct arena *a)
{
	struct image_candidate **order = arena_new_n(a, n, struct image_candidate *);
	bool *claimed = arena_new_n(a, n, bool);

	for (size_t i = 0; i < n; i++) {
		images[i].priority = 0;
		order[i] = &images[i];
	}
	if (n)
		qsort(order, n, sizeof(*order), youngest_first);
	for (size_t k = 0; k < policy->n; k++) {
		const struct image_lifecycle_rule *r = &policy->rules[k];
		int64_t rank = 0;

		for (size_t i = 0; i < n; i++) {
			bool *mine = &claimed[order[i] - images];

			if (!fits(r, order[i]))
				continue;
			if (is_due(r, order[i], rank++, now_usec) && !*mine)
				order[i]->priority = r->priority;
			*mine = true;
		}
	}
	keep_members(images, n);
}
