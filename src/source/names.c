/* SPDX-License-Identifier: Apache-2.0 */
/* Names as CodeCommit has them, commit specifiers, and page tokens. */
#include <ctype.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/utf8.h"
#include "source/engine.h"
#include "vcs/dot_git.h"

#define REPOSITORY_NAME_MAX 100
#define BRANCH_NAME_MAX 256
#define BRANCH_PART_MAX 250 /* with git's ".lock" a file's name on the disk */
#define PATH_TEXT_MAX 4096
#define PATH_FOLDERS_MAX 20
#define MESSAGE_MAX ((size_t)256 * KIB)
#define AUTHOR_MAX 1024 /* characters */
#define EMAIL_MAX 256	/* characters */

int source_check_repository_name(const char *name, struct err *err)
{
	if (!name || !*name)
		return err_set_wire(
			err, "RepositoryNameRequiredException", "A repository name is required.");
	/* Clients take "." and ".." out of an address. */
	if (strlen(name) > REPOSITORY_NAME_MAX || ends_with(name, ".git") || streq(name, ".") ||
		streq(name, ".."))
		goto invalid;
	for (const char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("._-", *p))
			goto invalid;
	return 0;
invalid:
	return err_set_wire(err, "InvalidRepositoryNameException",
		"The repository name %s is not valid. Names have 1 to %d letters, digits, periods, "
		"underscores and dashes, are not . or .., and do not end in .git.",
		name, REPOSITORY_NAME_MAX);
}

static bool has_long_part(const char *name)
{
	struct view rest = view_of(name);

	while (rest.p)
		if (view_cut(&rest, '/').len > BRANCH_PART_MAX)
			return true;
	return false;
}

/* Names that git understands as something else than a branch. */
static bool is_other_name(const char *name)
{
	return streq(name, "@") || name[0] == '-' || vcs_id_parse(view_of(name), NULL);
}

int source_check_branch_name(const char *name, struct err *err)
{
	CLEANUP(freep) char *full = NULL;

	if (!name || !*name)
		return err_set_wire(
			err, "BranchNameRequiredException", "A branch name is required.");
	full = xasprintf("refs/heads/%s", name);
	if (strlen(name) > BRANCH_NAME_MAX || is_other_name(name) || !vcs_ref_name_valid(full))
		return err_set_wire(err, "InvalidBranchNameException",
			"The branch name %s is not a valid name of a git branch.", name);
	if (has_long_part(name))
		return err_set_wire(err, "InvalidBranchNameException",
			"The branch name %s has a part of more than %d bytes between slashes.",
			name, BRANCH_PART_MAX);
	return 0;
}

int source_check_id(const char *text, const char *required, const char *invalid, struct vcs_id *ret,
	struct err *err)
{
	if (!text || !*text)
		return err_set_wire(err, required, "A full object ID is required.");
	if (!vcs_id_parse(view_of(text), ret))
		return err_set_wire(
			err, invalid, "%s is not a full object ID of 40 hexadecimal digits.", text);
	return 0;
}

int source_check_author(const char *name, const char *email, const char *message, struct err *err)
{
	if (message && strlen(message) > MESSAGE_MAX)
		return err_set_wire(err, "CommitMessageLengthExceededException",
			"The commit message has more than %zu bytes.", MESSAGE_MAX);
	if (name && utf8_count(view_of(name)) > AUTHOR_MAX)
		return err_set_wire(err, "NameLengthExceededException",
			"The author's name has more than %d characters.", AUTHOR_MAX);
	if (email && utf8_count(view_of(email)) > EMAIL_MAX)
		return err_set_wire(err, "InvalidEmailException",
			"The e-mail address has more than %d characters.", EMAIL_MAX);
	return 0;
}

static bool is_bad_segment(struct view s)
{
	return s.len == 0 || view_eq_str(s, ".") || view_eq_str(s, "..") || vcs_name_is_dot_git(s);
}

int source_check_path(const char *path, struct err *err)
{
	struct view rest = view_of(path);

	if (!path || !*path)
		return err_set_wire(err, "PathRequiredException", "A path is required.");
	if (rest.len > PATH_TEXT_MAX)
		goto invalid;
	while (rest.p)
		if (is_bad_segment(view_cut(&rest, '/')))
			goto invalid;
	return 0;
invalid:
	return err_set_wire(err, "InvalidPathException",
		"The path %s is not valid. A path is relative to the root of the repository, has "
		"no empty, '.', '..' or '.git' part (nor one that a file system takes for it), no "
		"slash at its ends and at most %d characters.",
		path, PATH_TEXT_MAX);
}

int source_check_depth(const char *path, struct err *err)
{
	size_t folders = 0;

	for (const char *p = path; p && *p; p++)
		folders += *p == '/';
	if (folders <= PATH_FOLDERS_MAX)
		return 0;
	return err_set_wire(err, "InvalidPathException",
		"The path %s is not valid: it is %zu folders deep, and %d are the most.", path,
		folders, PATH_FOLDERS_MAX);
}

const char *source_file_mode_name(uint32_t mode)
{
	if (mode == VCS_MODE_EXECUTABLE)
		return CODECOMMIT_FILE_MODE_TYPE_ENUM_EXECUTABLE;
	if (mode == VCS_MODE_SYMLINK)
		return CODECOMMIT_FILE_MODE_TYPE_ENUM_SYMLINK;
	return CODECOMMIT_FILE_MODE_TYPE_ENUM_NORMAL;
}

/* ---- commit specifiers ---- */

static int no_commit(const char *specifier, struct err *err)
{
	return err_set_wire(err, "CommitDoesNotExistException",
		"%s is neither a commit ID, a branch nor a tag of this repository.", specifier);
}

/* The id behind a specifier: 1, 0 or -1. */
static int find_id(const struct store_source_repository *r, struct vcs_repository *git,
	const char *specifier, struct arena *a, struct vcs_id *ret, const char **ret_branch,
	struct err *err)
{
	static const char *const prefixes[] = {"refs/heads/", "refs/tags/"};

	if (streq(specifier, "HEAD")) {
		if (!r->meta.default_branch)
			return 0;
		specifier = r->meta.default_branch;
	}
	if (vcs_id_parse(view_of(specifier), ret))
		return 1;
	for (size_t i = 0; i < ARRAY_SIZE(prefixes) + 1; i++) {
		const char *full = i < ARRAY_SIZE(prefixes)
					   ? arena_printf(a, "%s%s", prefixes[i], specifier)
					   : specifier;
		int rc = 0;

		if (vcs_ref_name_valid(full))
			rc = vcs_ref_get(git, full, ret, err);
		if (rc > 0 && starts_with(full, prefixes[0]))
			*ret_branch = full + strlen(prefixes[0]);
		if (rc != 0)
			return rc;
	}
	return 0;
}

int source_find_commit(const struct store_source_repository *r, struct vcs_repository *git,
	const char *specifier, struct arena *a, struct vcs_commit *ret, const char **ret_branch,
	struct err *err)
{
	const char *branch = NULL;
	struct vcs_id id, commit;
	int rc;

	if (!specifier)
		specifier = "HEAD";
	if (!*specifier || strlen(specifier) > PATH_TEXT_MAX || strpbrk(specifier, " ~^:?*[\\"))
		return err_set_wire(err, "InvalidCommitException",
			"%s is not a valid commit specifier: give a full commit ID, a branch, a "
			"tag "
			"or HEAD.",
			specifier);
	rc = find_id(r, git, specifier, a, &id, &branch, err);
	if (rc > 0)
		rc = vcs_peel_to_commit(git, &id, &commit, err);
	if (rc > 0)
		rc = vcs_commit_read(git, &commit, a, ret, err);
	if (rc == 0)
		return no_commit(specifier, err);
	if (ret_branch)
		*ret_branch = branch;
	return rc < 0 ? -1 : 0;
}

/* ---- pages ---- */

int source_bad_token(struct err *err)
{
	return err_set_wire(err, "InvalidContinuationTokenException",
		"The continuation token is not one of this operation's.");
}

int source_pin_open(const char *token, struct arena *a, struct source_pin *ret, struct err *err)
{
	struct view rest = token ? view_of(token) : VIEW("");
	struct view one, two;
	struct vcs_id id;

	*ret = (struct source_pin){0};
	if (!token)
		return 0;
	one = view_cut(&rest, ' ');
	two = view_cut(&rest, ' ');
	if (!vcs_id_parse(one, &id) || !(vcs_id_parse(two, &id) || view_eq(two, VIEW("-"))))
		return source_bad_token(err);
	ret->one = arena_view_dup(a, one);
	ret->two = view_eq(two, VIEW("-")) ? NULL : arena_view_dup(a, two);
	ret->last = arena_view_dup(a, rest);
	return 0;
}

const char *source_pin_behind(
	struct arena *a, const struct vcs_id *one, const struct vcs_id *two, const char *last)
{
	return arena_printf(a, "%s %s %s", one->hex, two ? two->hex : "-", last);
}

int source_page_open(const char *token, struct source_page *ret, struct err *err)
{
	unsigned long long n;
	int used = 0;

	*ret = (struct source_page){0};
	if (!token)
		return 0;
	if (sscanf(token, "towpath-page-%llu behind %n", &n, &used) != 1 || !used || !n)
		return source_bad_token(err);
	ret->place = (size_t)n;
	ret->last = token + used;
	return 0;
}

size_t source_page_begin(const struct source_page *p, const void *keys, size_t n, size_t stride)
{
	if (!p->last)
		return 0;
	for (size_t i = 0; i < n; i++)
		if (streq(*(const char *const *)((const char *)keys + i * stride), p->last))
			return i + 1;
	return MIN(p->place - 1, n); /* it is gone: what stood behind it stands in its place */
}

const char *source_page_behind(struct arena *a, size_t next, const char *last)
{
	return arena_printf(a, "towpath-page-%zu behind %s", next, last);
}

int source_page_size(struct wire_int asked, size_t dflt, size_t max, size_t *ret, struct err *err)
{
	*ret = dflt;
	if (!asked.set)
		return 0;
	if (asked.v < 1 || (size_t)asked.v > max)
		return err_set_wire(err, "InvalidMaxResultsException",
			"The number of results must be between 1 and %zu.", max);
	*ret = (size_t)asked.v;
	return 0;
}
