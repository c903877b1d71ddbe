/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns: wildcards, ARNs field by field, and the variables that each request fills in. */
#include "base/mem.h"
#include "identity/policy_match.h"

#define ARN_COLONS 5

/* ---- compiling ---- */

static bool has_variable(struct view text)
{
	for (size_t i = 0; i + 1 < text.len; i++) {
		if (text.p[i] == '$' && text.p[i + 1] == '{' &&
			memchr(text.p + i, '}', text.len - i))
			return true;
	}
	return false;
}

static char mark(char c)
{
	return c == '*' ? POLICY_ANY : c == '?' ? POLICY_ONE : c;
}

static bool is_wild(char c)
{
	return c == POLICY_ANY || c == POLICY_ONE;
}

/* Finds the first wildcard of a marked text. */
static void measure(struct policy_pattern *p)
{
	int colons = 0;

	for (p->fixed = 0; p->fixed < p->text.len && !is_wild(p->text.p[p->fixed]); p->fixed++)
		colons += p->text.p[p->fixed] == ':';
	p->tail_is_wild = colons >= ARN_COLONS;
}

/* Of a text that still holds its variables: what stands before them and before any wildcard. */
static size_t fixed_start(struct view text)
{
	size_t n = 0;

	while (n < text.len && !strchr("*?$", text.p[n]))
		n++;
	return n;
}

void policy_pattern_init(
	struct policy_pattern *p, struct view text, bool wildcards, bool variables, struct arena *a)
{
	char *copy = arena_view_dup(a, text);

	*p = (struct policy_pattern){
		.text = {copy, text.len},
		.wildcards = wildcards,
		.variables = variables && has_variable(text),
	};
	for (size_t i = 0; wildcards && !p->variables && i < text.len; i++)
		copy[i] = mark(copy[i]);
	if (p->variables)
		p->fixed = fixed_start(text);
	else if (wildcards)
		measure(p);
	else
		p->fixed = text.len;
}

/* ---- variables ---- */

/* "name" or "name, 'default'": appends the value. False: there is none, or it could pass for a
 * wildcard. */
static bool add_variable(struct view inside, const struct policy_request *r, struct str *out)
{
	struct view rest = inside;
	struct view name = view_trim(view_cut(&rest, ','));
	const char *value;

	if (inside.len == 1 && strchr("*?$", inside.p[0])) {
		str_add_c(out, inside.p[0]);
		return true;
	}
	if (policy_key_count(r, name, policy_hash_name(name), &value) == 1) {
		str_add(out, value);
		return !strpbrk(value, "\001\002");
	}
	rest = view_trim(rest);
	if (rest.len < 2 || rest.p[0] != '\'' || rest.p[rest.len - 1] != '\'')
		return false;
	str_add_n(out, rest.p + 1, rest.len - 2);
	return true;
}

bool policy_pattern_fill(const struct policy_pattern *p, const struct policy_request *r,
	struct str *buf, struct policy_pattern *ret)
{
	struct view text = p->text;

	*ret = *p;
	if (!p->variables)
		return true;
	str_clear(buf);
	for (size_t i = 0; i < text.len; i++) {
		const char *end = NULL;

		if (i + 1 < text.len && text.p[i] == '$' && text.p[i + 1] == '{')
			end = memchr(text.p + i, '}', text.len - i);
		if (!end) {
			str_add_c(buf, p->wildcards ? mark(text.p[i]) : text.p[i]);
			continue;
		}
		if (!add_variable(
			    (struct view){text.p + i + 2, (size_t)(end - text.p) - i - 2}, r, buf))
			return false;
		i = (size_t)(end - text.p);
	}
	ret->text = str_view(buf);
	if (p->wildcards)
		measure(ret);
	else
		ret->fixed = ret->text.len;
	return true;
}

/* ---- matching ---- */

static bool same_start(struct view pattern, struct view text, size_t n)
{
	return text.len >= n && (n == 0 || memcmp(pattern.p, text.p, n) == 0);
}

/* Where the character at t ends (UTF-8). */
static size_t next_character(struct view text, size_t t)
{
	do
		t++;
	while (t < text.len && ((unsigned char)text.p[t] & 0xc0) == 0x80);
	return t;
}

/* Backtracks only to the last star: linear in practice, never exponential. */
static bool glob(struct view pattern, struct view text)
{
	size_t p = 0, t = 0, star = SIZE_MAX, mark_at = 0;

	while (t < text.len) {
		if (p < pattern.len && pattern.p[p] == POLICY_ANY) {
			star = p++;
			mark_at = t;
		} else if (p < pattern.len && pattern.p[p] == POLICY_ONE) {
			p++;
			t = next_character(text, t);
		} else if (p < pattern.len && pattern.p[p] == text.p[t]) {
			p++, t++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			t = ++mark_at;
		} else {
			return false;
		}
	}
	while (p < pattern.len && pattern.p[p] == POLICY_ANY)
		p++;
	return p == pattern.len;
}

bool policy_pattern_may_match(const struct policy_pattern *p, struct view text)
{
	return same_start(p->text, text, p->fixed);
}

bool policy_glob(const struct policy_pattern *p, struct view text)
{
	if (!same_start(p->text, text, p->fixed))
		return false;
	if (p->fixed == p->text.len)
		return text.len == p->fixed;
	return glob((struct view){p->text.p + p->fixed, p->text.len - p->fixed},
		(struct view){text.p + p->fixed, text.len - p->fixed});
}

bool policy_arn_match(const struct policy_pattern *p, struct view arn)
{
	struct view pattern = p->text;

	if (pattern.len == 1 && pattern.p[0] == POLICY_ANY)
		return true;
	if (p->fixed == pattern.len || p->tail_is_wild)
		return policy_glob(p, arn);
	if (!same_start(pattern, arn, p->fixed))
		return false;
	for (int i = 0; i < ARN_COLONS; i++) {
		struct view a = view_cut(&pattern, ':'), b = view_cut(&arn, ':');

		if (!glob(a, b) || !pattern.p || !arn.p)
			return false;
	}
	return glob(pattern, arn);
}
