/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/plain_object.h"

#include <ctype.h>

#include "base/map.h"

#define DIGITS_MAX 10
#define NAME_MAX_BYTES 1024

/* ---- commits ---- */

static bool take_id(struct view line, const char *word, git_oid *ret)
{
	size_t n = strlen(word);

	if (line.len != n + GIT_OID_HEXSZ || !view_starts_with(line, word))
		return false;
	for (size_t i = n; i < line.len; i++)
		if (!isdigit((unsigned char)line.p[i]) && (line.p[i] < 'a' || line.p[i] > 'f'))
			return false;
	return git_oid_fromstrn(ret, line.p + n, GIT_OID_HEXSZ) == 0;
}

static size_t count_digits(struct view text)
{
	size_t n = 0;

	while (n < text.len && isdigit((unsigned char)text.p[n]))
		n++;
	return n;
}

/* "1700000000 +0100" */
static bool is_time(struct view text)
{
	size_t n = count_digits(text);
	struct view zone = {text.p + n + 1, 0};

	if (!n || n > DIGITS_MAX || (n > 1 && text.p[0] == '0') || text.len != n + 6 ||
		text.p[n] != ' ' || (zone.p[0] != '+' && zone.p[0] != '-'))
		return false;
	return count_digits((struct view){zone.p + 1, 4}) == 4;
}

/* "author A U Thor <a@example.com> 1700000000 +0000" */
static bool is_person(struct view line, const char *word)
{
	struct view name, address;

	if (!line.p || !view_starts_with(line, word))
		return false;
	line.p += strlen(word);
	line.len -= strlen(word);
	name = view_cut(&line, '<');
	address = view_cut(&line, '>');
	return line.len > 1 && name.len > 1 && name.p[name.len - 1] == ' ' &&
	       !memchr(name.p, '>', name.len) && !memchr(address.p, '<', address.len) &&
	       line.p[0] == ' ' && is_time((struct view){line.p + 1, line.len - 1});
}

/* Up to the empty line: an encoding, a signature with its further lines. */
static bool are_extras(struct view rest)
{
	while (rest.p) {
		struct view line = view_cut(&rest, '\n');

		if (!line.len)
			return rest.p;
		if (!view_starts_with(line, "gpgsig ") && !view_starts_with(line, "encoding ") &&
			line.p[0] != ' ')
			return false;
	}
	return false;
}

bool plain_commit_parse(struct view bytes, struct plain_commit *ret)
{
	struct view rest = bytes, line;

	ret->n_parents = 0;
	if (memchr(bytes.p, '\0', bytes.len) ||
		!take_id(view_cut(&rest, '\n'), "tree ", &ret->tree))
		return false;
	line = view_cut(&rest, '\n');
	while (ret->n_parents < PLAIN_PARENTS_MAX &&
		take_id(line, "parent ", &ret->parents[ret->n_parents])) {
		ret->n_parents++;
		line = view_cut(&rest, '\n');
	}
	return is_person(line, "author ") && is_person(view_cut(&rest, '\n'), "committer ") &&
	       are_extras(rest);
}

/* ---- trees ---- */

bool plain_tree_next(struct view *tree, struct plain_entry *ret)
{
	struct view rest = *tree;

	if (!rest.len)
		return false;
	ret->mode = view_cut(&rest, ' ');
	if (!rest.p || ret->mode.len > 6)
		return false;
	ret->name = view_cut(&rest, '\0');
	if (!rest.p || rest.len < GIT_OID_RAWSZ || !ret->name.len)
		return false;
	git_oid_fromraw(&ret->id, (const unsigned char *)rest.p);
	*tree = (struct view){rest.p + GIT_OID_RAWSZ, rest.len - GIT_OID_RAWSZ};
	return true;
}

bool plain_entry_is_folder(const struct plain_entry *e)
{
	return view_eq_str(e->mode, "40000");
}

/* Folders stand as if their names ended with a slash. */
static bool stands_before(const struct plain_entry *a, const struct plain_entry *b)
{
	size_t n = MIN(a->name.len, b->name.len);
	int order = memcmp(a->name.p, b->name.p, n);
	unsigned char x, y;

	if (order)
		return order < 0;
	x = a->name.len > n ? (unsigned char)a->name.p[n] : plain_entry_is_folder(a) ? '/' : 0;
	y = b->name.len > n ? (unsigned char)b->name.p[n] : plain_entry_is_folder(b) ? '/' : 0;
	return x < y;
}

bool plain_tree_is_ordered(struct view tree)
{
	CLEANUP_MAP struct map names = MAP_INIT;
	struct plain_entry e, last = {0};

	while (plain_tree_next(&tree, &e)) {
		if (last.name.len && !stands_before(&last, &e))
			return false;
		if (map_set_view(&names, e.name, &names)) /* a file and a folder */
			return false;
		last = e;
	}
	return !tree.len;
}

bool plain_entry_ok(const struct plain_entry *e)
{
	static const char *const modes[] = {"100644", "100755", "120000", "40000"};
	bool known = false;

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		known = known || view_eq_str(e->mode, modes[i]);
	if (!known || e->name.len > NAME_MAX_BYTES)
		return false;
	for (size_t i = 0; i < e->name.len; i++)
		if (e->name.p[i] < ' ' || e->name.p[i] > '}' || strchr("/\\:", e->name.p[i]))
			return false;
	if (view_eq_str(e->name, ".gitignore"))
		return view_eq_str(e->mode, modes[0]);
	return !view_eq_str(e->name, ".") && !view_eq_str(e->name, "..") &&
	       !view_eq_str(e->name, ".mailmap") &&
	       (e->name.len < 4 || strncasecmp(e->name.p, ".git", 4) != 0);
}
