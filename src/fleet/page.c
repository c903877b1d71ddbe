/* SPDX-License-Identifier: Apache-2.0 */
/* Pages of describe calls. A token names the item that comes next and where it stood: when the
 * item is gone meanwhile, its place counts. */
#include <stdlib.h>

#include "codec/base64.h"
#include "fleet/internal.h"

const struct fleet_pages FLEET_PAGES_AUTOSCALING = {
	"MaxRecords", "ValidationError", "InvalidNextToken", 1, 100, 50};
const struct fleet_pages FLEET_PAGES_EC2 = {
	"MaxResults", "InvalidParameterValue", "InvalidNextToken", 5, 1000, 0};
const struct fleet_pages FLEET_PAGES_ELBV2 = {
	"PageSize", "ValidationError", "ValidationError", 1, 400, 400};

static const char *id_at(const struct fleet_list *l, size_t i)
{
	const char *item = (const char *)l->v + i * l->item_size;

	return *(const char *const *)(item + l->id_offset);
}

static char *make_token(const struct fleet_list *l, size_t next, struct arena *a)
{
	struct str text CLEANUP_STR = STR_INIT;
	char *plain = arena_printf(a, "%zu %s", next, id_at(l, next));

	base64_encode(view_of(plain), &text);
	return arena_view_dup(a, str_view(&text));
}

static int bad_token(const struct fleet_pages *p, const char *token, struct err *err)
{
	return err_set_wire(err, p->bad_token, "The token '%s' is not valid", token);
}

static int open_token(const struct fleet_pages *p, const struct fleet_list *l, const char *token,
	struct arena *a, size_t *ret, struct err *err)
{
	struct view bytes;
	const char *plain;
	char *end;

	if (!base64_decode(view_of(token), a, &bytes))
		return bad_token(p, token, err);
	plain = arena_view_dup(a, bytes);
	*ret = strtoull(plain, &end, 10);
	if (end == plain || *end != ' ')
		return bad_token(p, token, err);
	if (*ret < *l->n && streq(id_at(l, *ret), end + 1))
		return 0;
	for (size_t i = 0; i < *l->n; i++)
		if (streq(id_at(l, i), end + 1)) {
			*ret = i;
			return 0;
		}
	*ret = MIN(*ret, *l->n);
	return 0;
}

int fleet_page_cut(const struct fleet_pages *p, const struct fleet_list *l, const char *token,
	struct wire_int size, struct arena *a, const char **ret_next, struct err *err)
{
	int64_t max = wire_or(size, p->dflt);
	size_t first = 0, left;

	if (size.set && (max < p->low || max > p->high))
		return err_set_wire(err, p->bad_size, "%s must be %lld to %lld, not %lld",
			p->size_name, (long long)p->low, (long long)p->high, (long long)max);
	if (token && open_token(p, l, token, a, &first, err) < 0)
		return -1;
	left = *l->n - first;
	if (max && left > (size_t)max) {
		left = (size_t)max;
		*ret_next = make_token(l, first + left, a);
	}
	if (first && left)
		memmove(l->v, (char *)l->v + first * l->item_size, left * l->item_size);
	*l->n = left;
	return 0;
}
