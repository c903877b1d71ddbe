/* SPDX-License-Identifier: Apache-2.0 */
/* Policies of topics and buses that are put together statement by statement. */
#include "signal/internal.h"

int signal_policy_change(const char *policy, const char *without, struct view with, struct arena *a,
	char **ret, bool *ret_had, struct err *err)
{
	struct str text CLEANUP_STR = STR_INIT;
	struct json_writer w = {.out = &text};
	const struct json_node *node = NULL, *list = NULL;
	size_t n = 0;

	*ret_had = false;
	if (policy && json_parse(view_of(policy), a, &node, err) < 0)
		return -1;
	list = json_member(node, "Statement");
	json_open(&w, '{');
	json_put_member(&w, "Version", "2012-10-17");
	json_key(&w, "Statement");
	json_open(&w, '[');
	for (size_t i = 0; list && i < (list->kind == JSON_KIND_ARRAY ? list->n : 1); i++) {
		const struct json_node *s = list->kind == JSON_KIND_ARRAY ? &list->items[i] : list;
		struct str one CLEANUP_STR = STR_INIT;

		if (streq(json_member_text(s, "Sid"), without)) {
			*ret_had = true;
			continue;
		}
		json_write(s, &one);
		json_put_raw(&w, str_view(&one));
		n++;
	}
	if (with.len)
		json_put_raw(&w, with);
	json_close(&w, ']');
	json_close(&w, '}');
	*ret = n || with.len ? arena_strdup(a, str_text(&text)) : NULL;
	return 0;
}
