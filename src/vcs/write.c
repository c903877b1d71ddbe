/* SPDX-License-Identifier: Apache-2.0 */
/* New objects: blobs, trees made by edits, commits. */
#include "base/str.h"
#include "base/vec.h"
#include "vcs/git2.h"
#include "vcs/object.h"

int vcs_blob_write(
	struct vcs_repository *r, struct view content, struct vcs_id *ret, struct err *err)
{
	git_oid oid;
	int rc = git_blob_create_from_buffer(&oid, r->git, content.p, content.len);

	if (rc < 0)
		return vcs_git2_err(err, rc, "cannot write a blob");
	*ret = vcs_id_of(&oid);
	return 0;
}

int vcs_blob_write_once(
	struct vcs_repository *r, struct view content, struct vcs_id *ret, struct err *err)
{
	git_oid oid;
	uint64_t size;
	int rc = git_odb_hash(&oid, content.p, content.len, GIT_OBJECT_BLOB);

	if (rc < 0)
		return vcs_git2_err(err, rc, "cannot name a blob");
	*ret = vcs_id_of(&oid);
	rc = vcs_blob_size(r, ret, &size, err);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	return vcs_blob_write(r, content, ret, err) < 0 ? -1 : 1;
}

static int write_object(struct vcs_repository *r, struct view bytes, git_object_t type,
	struct vcs_id *ret, struct err *err)
{
	CLEANUP(git_odb_freep) git_odb *odb = NULL;
	git_oid oid;
	int rc = git_repository_odb(&odb, r->git);

	if (rc == 0)
		rc = git_odb_write(&oid, odb, bytes.len ? bytes.p : "", bytes.len, type);
	if (rc < 0)
		return vcs_git2_err(err, rc, "cannot write an object");
	*ret = vcs_id_of(&oid);
	return 0;
}

int vcs_tree_edit(struct vcs_repository *r, const struct vcs_id *base, const struct vcs_edit *edits,
	size_t n, struct vcs_id *ret, struct err *err)
{
	CLEANUP(git_tree_freep) git_tree *tree = NULL;
	CLEANUP(freep) git_tree_update *updates = xcalloc(n ? n : 1, sizeof(*updates));
	struct vcs_id base_id = *base;
	git_oid oid;
	int rc;

	if (vcs_id_is_zero(base) && write_object(r, VIEW(""), GIT_OBJECT_TREE, &base_id, err) < 0)
		return -1;
	oid = vcs_oid_of(&base_id);
	rc = git_tree_lookup(&tree, r->git, &oid);
	if (rc < 0)
		return vcs_git2_err(err, rc, "cannot read tree %s", base_id.hex);
	for (size_t i = 0; i < n; i++) {
		updates[i].action = edits[i].mode ? GIT_TREE_UPDATE_UPSERT : GIT_TREE_UPDATE_REMOVE;
		updates[i].path = edits[i].path;
		updates[i].filemode = (git_filemode_t)edits[i].mode;
		updates[i].id = vcs_oid_of(&edits[i].blob);
	}
	rc = git_tree_create_updated(&oid, r->git, tree, n, updates);
	if (rc < 0)
		return vcs_git2_err(err, rc, "cannot make a tree");
	*ret = vcs_id_of(&oid);
	return 0;
}

/* A name or address without what would break the line that it stands in. */
static void add_clean(struct str *out, const char *text)
{
	for (; text && *text; text++)
		if (!strchr("<>\n\r", *text))
			str_add_c(out, *text);
}

static void add_person(struct str *out, const char *header, const struct vcs_signature *who)
{
	int off = who->offset_minutes < 0 ? -who->offset_minutes : who->offset_minutes;

	str_addf(out, "%s ", header);
	add_clean(out, who->name && *who->name ? who->name : "unknown");
	str_add(out, " <");
	add_clean(out, who->email);
	str_addf(out, "> %lld %c%02d%02d\n", (long long)who->when,
		who->offset_minutes < 0 ? '-' : '+', off / 60, off % 60);
}

int vcs_commit_write(struct vcs_repository *r, const struct vcs_id *tree,
	const struct vcs_id *parents, size_t n_parents, const struct vcs_signature *who,
	const char *message, struct vcs_id *ret, struct err *err)
{
	CLEANUP_STR struct str text = STR_INIT;

	str_addf(&text, "tree %s\n", tree->hex);
	for (size_t i = 0; i < n_parents; i++)
		str_addf(&text, "parent %s\n", parents[i].hex);
	add_person(&text, "author", who);
	add_person(&text, "committer", who);
	str_addf(&text, "\n%s", message);
	return write_object(r, str_view(&text), GIT_OBJECT_COMMIT, ret, err);
}
