/* SPDX-License-Identifier: Apache-2.0 */
/* The 'permissions' section of an AppSpec file: owners, modes, ACLs, SELinux contexts. */
#include <stdio.h>

#include "base/mem.h"
#include "deploy/appspec_schema.h"

#define MAX_CATEGORY 1023

/* YAML reads an unquoted 0644 as the octal number 420, which is another mode. */
static int read_mode(
	struct appspec *s, const struct yaml_node *n, const char **ret, struct err *err)
{
	size_t len;

	if (!n || yaml_is_null(n))
		return 0;
	len = n->kind == YAML_SCALAR ? strlen(n->text) : 0;
	if (!len || len > 4 || strspn(n->text, "01234567") != len)
		return yaml_fail(&s->document, n, err,
			"the mode '%s' is not valid: 1 to 4 digits of 0 to 7 are wanted",
			n->kind == YAML_SCALAR ? n->text : yaml_kind_text(n));
	if (n->plain && n->text[0] == '0' && len > 1)
		return yaml_fail(&s->document, n, err,
			"the mode %s is not quoted: YAML reads it as an octal number, %ld; write "
			"\"%s\" or %s",
			n->text, strtol(n->text, NULL, 8), n->text, n->text + 1);
	*ret = len < 3 ? arena_printf(s->document.arena, "%03ld", strtol(n->text, NULL, 10))
		       : n->text;
	return 0;
}

/* ---- ACLs ---- */

static bool acl_kind(struct view word, char *ret)
{
	static const struct {
		const char *name;
		char kind;
	} kinds[] = {{"u", 'u'}, {"user", 'u'}, {"g", 'g'}, {"group", 'g'}, {"m", 'm'},
		{"mask", 'm'}, {"o", 'o'}, {"other", 'o'}};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (view_eq_str(word, kinds[i].name)) {
			*ret = kinds[i].kind;
			return true;
		}
	return false;
}

static bool acl_permissions(const char *text)
{
	size_t n = strlen(text);

	if (n == 1 && *text >= '0' && *text <= '7')
		return true;
	return n >= 1 && n <= 3 && strspn(text, "rwx-") == n;
}

static int read_acl(
	struct appspec *s, const struct yaml_node *n, struct appspec_acl *acl, struct err *err)
{
	struct view rest = view_of(n->kind == YAML_SCALAR ? n->text : ""), word, part[3] = {0};
	struct arena *a = s->document.arena;
	size_t n_parts = 0;

	word = view_cut(&rest, ':');
	acl->is_default = view_eq_str(word, "d") || view_eq_str(word, "default");
	if (acl->is_default)
		word = view_cut(&rest, ':');
	part[n_parts++] = word;
	while (rest.p && n_parts < ARRAY_SIZE(part))
		part[n_parts++] = view_cut(&rest, ':');
	if (n_parts < 2 || rest.p || !acl_kind(part[0], &acl->kind))
		return yaml_fail(&s->document, n, err,
			"the ACL entry '%s' is not valid: [default:]user|group|mask|other:[name]:"
			"permissions is wanted",
			n->kind == YAML_SCALAR ? n->text : yaml_kind_text(n));
	acl->name = n_parts == 3 ? arena_view_dup(a, part[1]) : "";
	acl->permissions = arena_view_dup(a, part[n_parts - 1]);
	if (!acl_permissions(acl->permissions))
		return yaml_fail(&s->document, n, err,
			"the ACL entry '%s' has no valid permissions: r, w, x, - or a digit of 0 "
			"to 7",
			n->text);
	if (acl->kind != 'm' && !*acl->name && !acl->is_default)
		return yaml_fail(&s->document, n, err,
			"the ACL entry '%s' has no name: use mode to set the base ACL entries",
			n->text);
	return 0;
}

static int read_acls(
	struct appspec *s, const struct yaml_node *n, struct appspec_permission *p, struct err *err)
{
	struct appspec_acl *acls;

	if (!n || yaml_is_null(n))
		return 0;
	if (n->kind != YAML_SEQUENCE)
		return yaml_fail(
			&s->document, n, err, "'acls' must be a list, not %s", yaml_kind_text(n));
	acls = arena_new_n(s->document.arena, n->n + 1, struct appspec_acl);
	for (size_t i = 0; i < n->n; i++)
		if (read_acl(s, n->items[i], &acls[i], err) < 0)
			return -1;
	p->acls = acls;
	p->n_acls = n->n;
	return 0;
}

/* ---- SELinux ---- */

/* s0[-s1][:c0[.c3][,c5]]: categories ascend and end at 1023. */
static bool range_ok(const char *text)
{
	int level, last = -1, from, to, n = 0;

	if (sscanf(text, "s%d%n", &level, &n) != 1 || level < 0 || level > 15)
		return false;
	text += n;
	if (*text == '-') {
		int high;

		if (sscanf(text, "-s%d%n", &high, &n) != 1 || high < level || high > 15)
			return false;
		text += n;
	}
	if (*text == ':')
		do {
			if (sscanf(text + 1, "c%d%n", &from, &n) != 1 || from <= last)
				return false;
			text += 1 + n;
			to = from;
			if (*text == '.' && sscanf(text, ".c%d%n", &to, &n) == 1)
				text += n;
			if (to < from || to > MAX_CATEGORY)
				return false;
			last = to;
		} while (*text == ',');
	return !*text;
}

static int read_context(
	struct appspec *s, const struct yaml_node *n, struct appspec_permission *p, struct err *err)
{
	bool bad = false;

	if (!n || yaml_is_null(n))
		return 0;
	if (n->kind != YAML_MAPPING)
		return yaml_fail(&s->document, n, err, "'context' must be a mapping, not %s",
			yaml_kind_text(n));
	p->context_user = appspec_text(s, n, "user", &bad, err);
	if (!bad && !p->context_user)
		p->context_user = appspec_text(s, n, "name", &bad, err);
	if (!bad)
		p->context_type = appspec_text(s, n, "type", &bad, err);
	if (!bad)
		p->context_range = appspec_text(s, n, "range", &bad, err);
	if (bad)
		return -1;
	if (!p->context_type)
		return yaml_fail(&s->document, n, err, "'context' needs a type");
	if (p->context_range && !range_ok(p->context_range))
		return yaml_fail(&s->document, n, err, "the context's range '%s' is not valid",
			p->context_range);
	return 0;
}

/* ---- one entry ---- */

static int read_types(
	struct appspec *s, const struct yaml_node *n, struct appspec_permission *p, struct err *err)
{
	p->files = p->directories = true;
	if (!n || yaml_is_null(n))
		return 0;
	if (n->kind != YAML_SEQUENCE)
		return yaml_fail(&s->document, n, err,
			"'type' is a list of file and directory, not %s", yaml_kind_text(n));
	p->files = p->directories = false;
	for (size_t i = 0; i < n->n; i++) {
		const struct yaml_node *t = n->items[i];

		if (t->kind == YAML_SCALAR && streq(t->text, "file"))
			p->files = true;
		else if (t->kind == YAML_SCALAR && streq(t->text, "directory"))
			p->directories = true;
		else
			return yaml_fail(&s->document, t, err,
				"the type of a permission is file or directory");
	}
	return 0;
}

static int read_except(
	struct appspec *s, const struct yaml_node *n, struct appspec_permission *p, struct err *err)
{
	if (!n || yaml_is_null(n))
		return 0;
	if (n->kind != YAML_SEQUENCE)
		return yaml_fail(
			&s->document, n, err, "'except' must be a list, not %s", yaml_kind_text(n));
	p->except = arena_new_n(s->document.arena, n->n + 1, const char *);
	for (size_t i = 0; i < n->n; i++) {
		if (n->items[i]->kind != YAML_SCALAR)
			return yaml_fail(
				&s->document, n->items[i], err, "'except' is a list of patterns");
		p->except[p->n_except++] = n->items[i]->text;
	}
	return 0;
}

static int read_permission(
	struct appspec *s, const struct yaml_node *n, struct appspec_permission *p, struct err *err)
{
	static const char *const known[] = {"object", "pattern", "except", "type", "owner", "group",
		"mode", "acls", "context", NULL};
	bool bad = false;

	if (n->kind != YAML_MAPPING)
		return yaml_fail(&s->document, n, err,
			"an entry of 'permissions' is a mapping with an object, not %s",
			yaml_kind_text(n));
	p->object = appspec_text(s, n, "object", &bad, err);
	if (!bad)
		p->pattern = appspec_text(s, n, "pattern", &bad, err);
	if (!bad)
		p->owner = appspec_text(s, n, "owner", &bad, err);
	if (!bad)
		p->group = appspec_text(s, n, "group", &bad, err);
	if (bad)
		return -1;
	if (!p->object || !*p->object)
		return yaml_fail(&s->document, n, err, "specifies a permission with no object");
	if (!p->pattern)
		p->pattern = "**";
	appspec_warn_unknown(s, n, known, "'permissions'");
	return read_except(s, yaml_get(n, "except"), p, err) < 0 ||
			       read_types(s, yaml_get(n, "type"), p, err) < 0 ||
			       read_mode(s, yaml_get(n, "mode"), &p->mode, err) < 0 ||
			       read_acls(s, yaml_get(n, "acls"), p, err) < 0
		       ? -1
		       : read_context(s, yaml_get(n, "context"), p, err);
}

int appspec_read_permissions(struct appspec *s, struct err *err)
{
	const struct yaml_node *n = yaml_get(s->document.root, "permissions");
	struct appspec_permission *all;

	if (!n || yaml_is_null(n))
		return 0;
	if (n->kind != YAML_SEQUENCE)
		return yaml_fail(&s->document, n, err, "'permissions' must be a list, not %s",
			yaml_kind_text(n));
	all = arena_new_n(s->document.arena, n->n + 1, struct appspec_permission);
	for (size_t i = 0; i < n->n; i++)
		if (read_permission(s, n->items[i], &all[i], err) < 0)
			return -1;
	s->permissions = all;
	s->n_permissions = n->n;
	return 0;
}
