/* SPDX-License-Identifier: Apache-2.0 */
/* Going through the chain from its start. */
#include <inttypes.h>
#include <stdio.h>

#include "audit/engine.h"
#include "base/file.h"
#include "base/path.h"

/* Where the head stands, it must fit what is there. */
static int check_head(const struct audit_chain *at, const struct audit_chain *head,
	const char *file, int64_t line, struct err *err)
{
	if (at->count != head->count || !head->count || streq(at->digest, head->digest))
		return 0;
	return err_set(err, ERR_INVALID,
		"%s:%" PRId64 ": the record is not the one that the head names", file, line);
}

static int verify_file(const char *dir, const char *name, struct audit_chain *at,
	const struct audit_chain *head, struct err *err)
{
	char *path CLEANUP(freep) = path_join(dir, name);
	struct str text CLEANUP_STR = STR_INIT;
	struct view rest;

	if (file_read(path, SIZE_MAX, &text, err) < 0)
		return -1;
	rest = str_view(&text);
	for (int64_t line = 1; rest.len; line++) {
		const char *end = memchr(rest.p, '\n', rest.len);
		struct view whole = {rest.p, end ? (size_t)(end - rest.p) : rest.len}, digest, json;
		struct digest_text d;

		if (!end && at->count >= head->count)
			return 0; /* is being written, or a crash left it */
		if (!end || !audit_line_parse(whole, &digest, &json))
			return err_set(
				err, ERR_INVALID, "%s:%" PRId64 ": this is no record", path, line);
		d = audit_digest(at, json);
		if (!view_eq_str(digest, d.text))
			return err_set(err, ERR_INVALID,
				"%s:%" PRId64 ": the record was changed, or one before it was "
				"taken away, put in or moved",
				path, line);
		audit_chain_add(at, &d, whole.len + 1);
		if (check_head(at, head, path, line, err) < 0)
			return -1;
		rest.p = end + 1;
		rest.len -= whole.len + 1;
	}
	return 0;
}

static int load(const char *data_dir, const char *dir, struct audit_chain *head, struct err *err)
{
	char *key CLEANUP(freep) = path_join(data_dir, "keys/audit.key");
	char *path CLEANUP(freep) = path_join(dir, "head");
	struct str text CLEANUP_STR = STR_INIT;

	if (!file_exists(key))
		return err_set(err, ERR_NOT_FOUND, "there is no %s", key);
	if (audit_chain_init(head, key, err) < 0)
		return -1;
	if (!file_exists(path))
		return err_set(err, ERR_INVALID, "%s is missing", path);
	if (file_read(path, 4096, &text, err) < 0)
		return -1;
	return audit_head_read(str_view(&text), head)
		       ? 0
		       : err_set(err, ERR_INVALID, "%s was changed", path);
}

static int verify(const char *data_dir, const char *dir, struct audit_chain *head,
	struct audit_report *ret, struct err *err)
{
	struct strv files CLEANUP_STRV = {0};
	struct audit_chain at = {0};

	if (load(data_dir, dir, head, err) < 0 || audit_files(dir, &files, err) < 0)
		return -1;
	at.mac = head->mac;
	for (size_t i = 0; i < files.n; i++) {
		if (verify_file(dir, files.v[i], &at, head, err) < 0)
			return -1;
	}
	if (at.count < head->count)
		return err_set(err, ERR_INVALID, "%" PRId64 " records are missing at the end of %s",
			head->count - at.count, dir);
	ret->records = at.count;
	ret->files = (int64_t)files.n;
	return 0;
}

int audit_verify(const char *data_dir, struct audit_report *ret, struct err *err)
{
	char *dir CLEANUP(freep) = path_join(data_dir, "audit");
	struct audit_chain head CLEANUP(audit_chain_release) = {0};

	*ret = (struct audit_report){0};
	return verify(data_dir, dir, &head, ret, err);
}
