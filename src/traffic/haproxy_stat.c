/* SPDX-License-Identifier: Apache-2.0 */
/* The CSV that HAProxy answers to `show stat`; columns are found by name. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/vec.h"
#include "traffic/haproxy_internal.h"

enum column {
	COL_PXNAME,
	COL_SVNAME,
	COL_SCUR,
	COL_STOT,
	COL_ECON,
	COL_ERESP,
	COL_STATUS,
	COL_CHECK_STATUS,
	COL_CHECK_CODE,
	COL_2XX,
	COL_3XX,
	COL_4XX,
	COL_5XX,
	COL_TYPE,
	N_COLUMNS,
};

static const char *const column_names[N_COLUMNS] = {
	"pxname",
	"svname",
	"scur",
	"stot",
	"econ",
	"eresp",
	"status",
	"check_status",
	"check_code",
	"hrsp_2xx",
	"hrsp_3xx",
	"hrsp_4xx",
	"hrsp_5xx",
	"type",
};

#define TYPE_SERVER "2"

/* Cuts the next field off line; quotes ("") are taken away in place of the copy. */
static char *next_field(struct view *line, struct arena *a)
{
	struct str field CLEANUP_STR = STR_INIT;
	bool quoted = false;

	while (line->len) {
		char c = *line->p++;

		line->len--;
		if (c == '"')
			quoted = !quoted;
		else if (c == ',' && !quoted)
			break;
		else
			str_add_c(&field, c);
	}
	return arena_strdup(a, str_text(&field));
}

static void read_header(struct view line, struct arena *a, int at[N_COLUMNS])
{
	if (view_starts_with(line, "# "))
		line.p += 2, line.len -= 2;
	for (int c = 0; c < N_COLUMNS; c++)
		at[c] = -1;
	for (int i = 0; line.len; i++) {
		const char *name = next_field(&line, a);

		for (int c = 0; c < N_COLUMNS; c++)
			if (streq(column_names[c], name))
				at[c] = i;
	}
}

static int64_t number(const char *text)
{
	return text ? strtoll(text, NULL, 10) : 0;
}

static bool read_row(
	struct view line, const int at[N_COLUMNS], struct arena *a, struct haproxy_row *ret)
{
	const char *f[N_COLUMNS] = {0};

	for (int i = 0; line.len; i++) {
		const char *text = next_field(&line, a);

		for (int c = 0; c < N_COLUMNS; c++)
			if (at[c] == i)
				f[c] = text;
	}
	if (!streq(f[COL_TYPE], TYPE_SERVER))
		return false;
	*ret = (struct haproxy_row){
		.pool = f[COL_PXNAME],
		.name = f[COL_SVNAME],
		.status = f[COL_STATUS],
		.check_status = f[COL_CHECK_STATUS],
		.check_code = (int)number(f[COL_CHECK_CODE]),
		.current = number(f[COL_SCUR]),
		.sessions = number(f[COL_STOT]),
		.answers = {[2] = number(f[COL_2XX]),
			[3] = number(f[COL_3XX]),
			[4] = number(f[COL_4XX]),
			[5] = number(f[COL_5XX])},
		.errors_connect = number(f[COL_ECON]),
		.errors_response = number(f[COL_ERESP]),
	};
	return true;
}

int haproxy_stat_parse(
	struct view csv, struct arena *a, struct haproxy_row **ret, size_t *ret_n, struct err *err)
{
	VEC(struct haproxy_row) rows = {0};
	int at[N_COLUMNS];

	read_header(view_cut(&csv, '\n'), a, at);
	for (int c = 0; c < N_COLUMNS; c++)
		if (at[c] < 0)
			return err_set(err, ERR_IO, "HAProxy's statistics lack the column %s",
				column_names[c]);
	while (csv.len) {
		struct haproxy_row row;

		if (read_row(view_cut(&csv, '\n'), at, a, &row))
			vec_push(&rows, row);
	}
	*ret_n = rows.n;
	*ret = arena_new_n(a, rows.n + 1, struct haproxy_row);
	if (rows.n)
		memcpy(*ret, rows.v, rows.n * sizeof(*rows.v));
	vec_release(&rows);
	return 0;
}
