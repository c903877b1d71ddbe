/* SPDX-License-Identifier: Apache-2.0 */
/* Finds and quotes unquoted globs on the line where parsing failed. */
#include "codec/yaml_glob.h"

#include <stdlib.h>

#define MAX_FIXES 100

void yaml_glob_fixes_release(struct yaml_glob_fixes *f)
{
	vec_release(&f->list);
}

/* The line number in "file:LINE:column: ..."; 0 if there is none. */
static int error_line(const struct err *why, const char *file)
{
	size_t n = strlen(file);
	const char *m = err_message(why);

	return strncmp(m, file, n) == 0 && m[n] == ':' ? atoi(m + n + 1) : 0;
}

/* A token begins at line[i]: only indicators and blanks stand before it. */
static bool begins_token(const char *line, size_t i, bool *in_flow)
{
	size_t j = i;

	while (j > 0 && (line[j - 1] == ' ' || line[j - 1] == '\t'))
		j--;
	*in_flow = memchr(line, '[', i) != NULL;
	if (j == 0)
		return true;
	if (strchr("[,", line[j - 1]))
		return *in_flow;
	return j < i && strchr("-:", line[j - 1]);
}

/* Length of the glob that begins at p: to a comment, a separator of the flow list, or the end. */
static size_t glob_length(const char *p, const char *end, bool in_flow)
{
	const char *q = p;
	int braces = 0;

	for (; q < end; q++) {
		if (*q == '{')
			braces++;
		if (*q == '}')
			braces--;
		if (in_flow && (*q == ']' || (*q == ',' && braces <= 0)))
			break;
		if (*q == '#' && q > p && q[-1] == ' ')
			break;
		if (*q == '\'' || *q == '"')
			return 0;
	}
	while (q > p && strchr(" \t\r", q[-1]))
		q--;
	return (size_t)(q - p);
}

static void quote(struct str *text, size_t at, size_t len)
{
	CLEANUP_STR struct str out = STR_INIT;

	str_add_n(&out, text->p, at);
	str_add_c(&out, '\'');
	str_add_n(&out, text->p + at, len);
	str_add_c(&out, '\'');
	str_add_n(&out, text->p + at + len, text->len - at - len);
	str_release(text);
	*text = TAKE(out, STR_INIT);
}

bool yaml_glob_fix(
	struct str *text, const struct err *why, const char *file, struct yaml_glob_fixes *fixes)
{
	int number = error_line(why, file);
	const char *line = text->p, *end;

	if (number <= 0 || fixes->list.n >= MAX_FIXES)
		return false;
	for (int i = 1; i < number && line; i++) {
		line = memchr(line, '\n', (size_t)(text->p + text->len - line));
		line = line ? line + 1 : NULL;
	}
	if (!line)
		return false;
	end = memchr(line, '\n', (size_t)(text->p + text->len - line));
	end = end ? end : text->p + text->len;
	for (const char *p = line; p < end; p++) {
		bool in_flow;
		size_t len;
		int column = (int)(p - line);

		if (*p != '*' || !begins_token(line, (size_t)(p - line), &in_flow))
			continue;
		len = glob_length(p, end, in_flow);
		if (!len)
			continue;
		column -= yaml_glob_shift(fixes, number, column);
		vec_push(&fixes->list, (struct yaml_glob_fixed){number, column + 1, len});
		quote(text, (size_t)(p - text->p), len);
		return true;
	}
	return false;
}

int yaml_glob_shift(const struct yaml_glob_fixes *f, int line, int column)
{
	int shift = 0;

	/* Fixes of one line are found from left to right. */
	for (const struct yaml_glob_fixed *it = f->list.v; it < f->list.v + f->list.n; it++) {
		int start = it->column - 1 + shift; /* of the first quote, in the repaired text */

		if (it->line != line)
			continue;
		if (column > start)
			shift++;
		if (column > start + (int)it->length)
			shift++;
	}
	return shift;
}

bool yaml_glob_was_fixed(const struct yaml_glob_fixes *f, int line, int column)
{
	for (const struct yaml_glob_fixed *it = f->list.v; it < f->list.v + f->list.n; it++)
		if (it->line == line && it->column == column)
			return true;
	return false;
}

void yaml_glob_warn(struct yaml_document *d, const struct yaml_node *n)
{
	yaml_warn(d, n,
		"%s is not quoted: YAML reads a leading '*' as an alias; taken as text, write '%s'",
		n->text, n->text);
}
