/* SPDX-License-Identifier: Apache-2.0 */
/* Packs of pushes, and the commits and trees in them. The input stands without its digest. */
#include "base/str.h"
#include "crypto/digest.h"
#include "vcs/pack.h"
#include "vcs/plain_object.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const struct pack_object *o)
{
	struct view rest = o->bytes;
	struct plain_commit commit;
	struct plain_entry e;

	plain_commit_parse(o->bytes, &commit);
	plain_tree_is_ordered(o->bytes);
	while (plain_tree_next(&rest, &e))
		plain_entry_ok(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP(git_odb_freep) git_odb *odb = NULL;
	CLEANUP_STR struct str bytes = STR_INIT;
	struct digest_value sum = digest_of(DIGEST_SHA1, (struct view){(const char *)data, size});
	struct pack pack;

	vcs_git2_init();
	if (git_odb_new(&odb) < 0)
		return 0;
	str_add_n(&bytes, (const char *)data, size);
	str_add_n(&bytes, (const char *)sum.bytes, sum.n);
	pack_open(str_view(&bytes), odb, &a, &pack);
	for (size_t i = 0; i < pack.n; i++)
		look(&pack.v[i]);
	return 0;
}
