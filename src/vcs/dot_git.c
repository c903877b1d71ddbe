/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/dot_git.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/macros.h"

static bool is_ntfs_dot_git(struct view name)
{
	static const char *const forms[] = {".git", "git~1"};

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		size_t n = strlen(forms[i]);

		if (name.len < n || strncasecmp(name.p, forms[i], n) != 0)
			continue;
		while (n < name.len && strchr(" .", name.p[n]))
			n++;
		if (n == name.len || name.p[n] == ':')
			return true;
	}
	return false;
}

/* U+200C..F, U+202A..E, U+206A..F, U+FEFF: three bytes each. */
static bool is_unseen(const char *p, size_t n)
{
	static const struct {
		const char first[3], last[3];
	} ranges[] = {
		{"\xe2\x80\x8c", "\xe2\x80\x8f"},
		{"\xe2\x80\xaa", "\xe2\x80\xae"},
		{"\xe2\x81\xaa", "\xe2\x81\xaf"},
		{"\xef\xbb\xbf", "\xef\xbb\xbf"},
	};

	for (size_t i = 0; n >= 3 && i < ARRAY_SIZE(ranges); i++)
		if (memcmp(p, ranges[i].first, 3) >= 0 && memcmp(p, ranges[i].last, 3) <= 0)
			return true;
	return false;
}

static bool is_hfs_dot_git(struct view name)
{
	static const char dot_git[] = ".git";
	size_t at = 0;

	for (size_t i = 0; i < name.len; i++) {
		if (is_unseen(name.p + i, name.len - i))
			i += 2;
		else if (at == strlen(dot_git) ||
			 tolower((unsigned char)name.p[i]) != dot_git[at++])
			return false;
	}
	return at == strlen(dot_git);
}

bool vcs_name_is_dot_git(struct view name)
{
	if (is_hfs_dot_git(name))
		return true;
	while (name.p)
		if (is_ntfs_dot_git(view_cut(&name, '\\')))
			return true;
	return false;
}
