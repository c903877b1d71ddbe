/* SPDX-License-Identifier: Apache-2.0 */
#include "audit/chain.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static struct digest_text keyed(const struct audit_chain *c, struct view text)
{
	struct view key = {(const char *)c->key.bytes, sizeof(c->key.bytes)};
	struct digest_value v = digest_hmac_sha256(key, text);

	return digest_hex(&v);
}

struct digest_text audit_digest(const struct audit_chain *c, struct view json)
{
	struct str text CLEANUP_STR = STR_INIT;

	str_addf(&text, "%s %" PRId64 " ", c->digest, c->count);
	str_add_view(&text, json);
	return keyed(c, str_view(&text));
}

void audit_chain_add(struct audit_chain *c, const struct digest_text *d, size_t size)
{
	snprintf(c->digest, sizeof(c->digest), "%s", d->text);
	c->count++;
	c->end += (int64_t)size;
}

bool audit_line_parse(struct view line, struct view *ret_digest, struct view *ret_json)
{
	if (line.len < AUDIT_DIGEST + 3 || line.p[AUDIT_DIGEST] != ' ' ||
		line.p[AUDIT_DIGEST + 1] != '{')
		return false;
	*ret_digest = (struct view){line.p, AUDIT_DIGEST};
	*ret_json = (struct view){line.p + AUDIT_DIGEST + 1, line.len - AUDIT_DIGEST - 1};
	return true;
}

/* ---- the head ---- */

static void head_text(const struct audit_chain *c, struct str *out)
{
	str_addf(out, "towpath-audit-1 %" PRId64 " %s %s %" PRId64, c->count,
		c->count ? c->digest : "-", c->file[0] ? c->file : "-", c->end);
}

void audit_head_write(const struct audit_chain *c, struct str *out)
{
	struct str text CLEANUP_STR = STR_INIT;

	head_text(c, &text);
	str_addf(out, "%s %s\n", str_text(&text), keyed(c, str_view(&text)).text);
}

int audit_head_read(struct view text, struct audit_chain *c)
{
	struct audit_chain head = {.key = c->key};
	struct str again CLEANUP_STR = STR_INIT;
	char digest[AUDIT_DIGEST + 1], file[32];
	char *copy CLEANUP(freep) = xstrndup(text.p, text.len);

	if (sscanf(copy, "towpath-audit-1 %" SCNd64 " %64s %31s %" SCNd64, &head.count, digest,
		    file, &head.end) != 4)
		return 0;
	if (!streq(digest, "-"))
		snprintf(head.digest, sizeof(head.digest), "%s", digest);
	if (!streq(file, "-"))
		snprintf(head.file, sizeof(head.file), "%s", file);
	audit_head_write(&head, &again);
	if (!digest_equal(str_view(&again), text))
		return 0;
	*c = head;
	return 1;
}

/* ---- files ---- */

static int is_file(const struct dirent *e)
{
	return ends_with(e->d_name, ".log");
}

int audit_files(const char *dir, struct strv *ret, struct err *err)
{
	struct dirent **names;
	int n = scandir(dir, &names, is_file, alphasort);

	if (n < 0)
		return err_errno(err, errno, "%s", dir);
	for (int i = 0; i < n; i++) {
		strv_add(ret, names[i]->d_name);
		free(names[i]);
	}
	free(names);
	return 0;
}
