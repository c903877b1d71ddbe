/* SPDX-License-Identifier: Apache-2.0 */
#include "migrate/ref.h"

#include <ctype.h>

#define ID_LENGTH 40

void migrate_refs_release(struct migrate_refs *r)
{
	vec_release(&r->list);
	map_release(&r->by_name);
	arena_release(&r->arena);
}

const char *migrate_refs_find(const struct migrate_refs *r, const char *name)
{
	uintptr_t at = (uintptr_t)map_get(&r->by_name, name);

	return at ? r->list.v[at - 1].id : NULL;
}

/* "N" with a tail: "17/head". */
static bool is_numbered(struct view rest, const char *tail)
{
	struct view number = view_cut(&rest, '/');

	for (size_t i = 0; i < number.len; i++)
		if (!isdigit((unsigned char)number.p[i]))
			return false;
	return number.len && view_eq_str(rest, tail);
}

bool migrate_ref_carried(struct view name, bool pulls, enum migrate_kind *ret)
{
	static const struct {
		const char *prefix, *tail;
		enum migrate_kind kind;
	} carried[] = {
		{"refs/tags/", NULL, MIGRATE_TAG},
		{"refs/heads/", NULL, MIGRATE_BRANCH},
		{"refs/notes/", NULL, MIGRATE_NOTE},
		{"refs/pull/", "head", MIGRATE_PULL},
		{"refs/merge-requests/", "head", MIGRATE_PULL},
		{"refs/pull-requests/", "from", MIGRATE_PULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(carried); i++) {
		size_t n = strlen(carried[i].prefix);

		if (!view_starts_with(name, carried[i].prefix))
			continue;
		*ret = carried[i].kind;
		return !carried[i].tail ||
		       (pulls && is_numbered(
					 (struct view){name.p + n, name.len - n}, carried[i].tail));
	}
	return false;
}

struct listing {
	struct migrate_refs *refs;
	bool pulls;
	char separator;
};

static int add_line(void *arg, struct view line, struct err *err)
{
	struct listing *l = arg;
	struct migrate_ref ref;
	struct view name = line, id = view_cut(&name, l->separator);

	if (view_starts_with(id, "ref: ")) { /* "ref: refs/heads/main\tHEAD" */
		if (view_eq_str(name, "HEAD"))
			l->refs->head = arena_view_dup(
				&l->refs->arena, (struct view){id.p + 5, id.len - 5});
		return 0;
	}
	if (name.len > 3 && memcmp(name.p + name.len - 3, "^{}", 3) == 0)
		return 0;
	if (!migrate_ref_carried(name, l->pulls, &ref.kind))
		return 0;
	if (id.len != ID_LENGTH)
		return err_set(err, ERR_INVALID,
			"the repository names its objects by other digests than SHA-1, which is "
			"not supported");
	ref.name = arena_view_dup(&l->refs->arena, name);
	ref.id = arena_view_dup(&l->refs->arena, id);
	vec_push(&l->refs->list, ref);
	map_set(&l->refs->by_name, ref.name, (void *)(uintptr_t)l->refs->list.n);
	return 0;
}

int migrate_refs_remote(const struct migrate_git *g, const char *url, bool pulls,
	struct migrate_refs *ret, struct err *err)
{
	const char *const args[] = {"ls-remote", "--symref", "--sort=version:refname", url, NULL};
	struct listing l = {ret, pulls, '\t'};

	return migrate_git_run(g, args, (struct view){NULL, 0}, add_line, &l, err);
}

int migrate_refs_local(
	const struct migrate_git *g, bool pulls, struct migrate_refs *ret, struct err *err)
{
	const char *const args[] = {
		"for-each-ref", "--sort=creatordate", "--format=%(objectname) %(refname)", NULL};
	struct listing l = {ret, pulls, ' '};

	return migrate_git_run(g, args, (struct view){NULL, 0}, add_line, &l, err);
}
