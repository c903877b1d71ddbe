/* SPDX-License-Identifier: Apache-2.0 */
/* Git triggers: glob patterns and filters. */
#include "pipeline/git_pattern.h"

#include <string.h>

#define MAX_PATHS 100 /* changed files that are looked at */

static bool match(const char *p, const char *end, const char *name);

/* [abc], [a-z], [!a]: *p stands behind the bracket; moves it behind the closing one. */
static bool match_set(const char **p, const char *end, char c)
{
	bool negated = *p < end && (**p == '!' || **p == '^'), found = false, first = true;

	if (negated)
		(*p)++;
	for (; *p < end && (**p != ']' || first); first = false) {
		char low = *(*p)++, high = low;

		if (*p + 1 < end && **p == '-' && (*p)[1] != ']') {
			high = (*p)[1];
			*p += 2;
		}
		found |= c >= low && c <= high;
	}
	if (*p < end)
		(*p)++;
	return c && c != '/' && found != negated;
}

/* {a,b}rest: p stands behind the brace. */
static bool match_choice(const char *p, const char *end, const char *name)
{
	const char *close = memchr(p, '}', (size_t)(end - p));

	if (!close)
		return false;
	while (p <= close) {
		const char *comma = memchr(p, ',', (size_t)(close - p));
		const char *stop = comma ? comma : close;
		size_t name_len = strlen(name);

		/* Every split of the name between this alternative and what follows. */
		for (size_t i = 0; i <= name_len; i++) {
			char head[1024];

			if (i >= sizeof(head))
				break;
			memcpy(head, name, i);
			head[i] = 0;
			if (match(p, stop, head) && match(close + 1, end, name + i))
				return true;
		}
		p = stop + 1;
	}
	return false;
}

static bool match_star(const char *p, const char *end, const char *name)
{
	bool deep = p < end && *p == '*';

	p += deep;
	for (;; name++) {
		if (match(p, end, name))
			return true;
		if (!*name || (*name == '/' && !deep))
			return false;
	}
}

static bool match(const char *p, const char *end, const char *name)
{
	while (p < end) {
		char c = *p++;

		switch (c) {
		case '*':
			return match_star(p, end, name);
		case '{':
			return match_choice(p, end, name);
		case '?':
			if (!*name || *name == '/')
				return false;
			break;
		case '[':
			if (!match_set(&p, end, *name))
				return false;
			break;
		case '\\':
			if (p < end)
				c = *p++;
			/* fall through */
		default:
			if (*name != c)
				return false;
		}
		name++;
	}
	return !*name;
}

bool git_pattern_matches(const char *pattern, const char *name)
{
	return match(pattern, pattern + strlen(pattern), name);
}

bool git_pattern_passes(const char *const *includes, size_t n_includes, const char *const *excludes,
	size_t n_excludes, const char *name)
{
	bool in = n_includes == 0;

	for (size_t i = 0; i < n_includes && !in; i++)
		in = git_pattern_matches(includes[i], name);
	for (size_t i = 0; i < n_excludes && in; i++)
		in = !git_pattern_matches(excludes[i], name);
	return in;
}

#define PASSES(criteria, name)                                                                     \
	git_pattern_passes((criteria)->includes.v, (criteria)->includes.n, (criteria)->excludes.v, \
		(criteria)->excludes.n, (name))

static bool paths_pass(
	const struct codepipeline_git_file_path_filter_criteria *c, const struct git_push *push)
{
	if (push->created)
		return false;
	for (size_t i = 0; i < push->n_paths && i < MAX_PATHS; i++)
		if (PASSES(c, push->paths[i]))
			return true;
	return false;
}

static bool filter_passes(
	const struct codepipeline_git_push_filter *filter, const struct git_push *push)
{
	if (push->tag)
		return filter->tags && PASSES(filter->tags, push->tag);
	if (filter->tags || !push->branch)
		return false;
	if (filter->branches && !PASSES(filter->branches, push->branch))
		return false;
	return !filter->file_paths || paths_pass(filter->file_paths, push);
}

bool git_push_passes(const struct codepipeline_git_configuration *c, const struct git_push *push)
{
	wire_foreach (filter, &c->push)
		if (filter_passes(filter, push))
			return true;
	return false;
}

bool git_push_wants_paths(const struct codepipeline_git_configuration *c)
{
	wire_foreach (filter, &c->push)
		if (filter->file_paths)
			return true;
	return false;
}
