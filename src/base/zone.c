/* SPDX-License-Identifier: Apache-2.0 */
/* Zone files are TZif (RFC 8536), of which the second, 64-bit block counts. Its table reaches to
 * 2037 where the zone still has rules; files that leave the future to the rules in their footer are
 * refused. */
#include "base/zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/path.h"

#define ZONES "/usr/share/zoneinfo"
#define ZONE_FILE_MAX (1 * MIB)
#define HEADER_SIZE 44
#define TYPE_SIZE 6
/* 2036-01-01: a table that ends before and yet has rules is not complete. */
#define TABLE_END INT64_C(2082758400)

enum count { UTC_INDICATORS, STANDARD_INDICATORS, LEAPS, TIMES, TYPES, LETTERS, N_COUNTS };

static uint32_t be32(const char *p)
{
	const unsigned char *b = (const unsigned char *)p;

	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static int64_t be64(const char *p)
{
	return (int64_t)((uint64_t)be32(p) << 32 | be32(p + 4));
}

/* Takes a header off; false when it is none. */
static bool read_header(struct view *rest, size_t counts[N_COUNTS])
{
	if (rest->len < HEADER_SIZE || memcmp(rest->p, "TZif", 4) != 0 || rest->p[4] < '2')
		return false;
	for (int i = 0; i < N_COUNTS; i++)
		counts[i] = be32(rest->p + 20 + 4 * i);
	rest->p += HEADER_SIZE;
	rest->len -= HEADER_SIZE;
	return true;
}

static size_t block_size(const size_t counts[N_COUNTS], size_t time_size)
{
	return counts[TIMES] * (time_size + 1) + counts[TYPES] * TYPE_SIZE + counts[LETTERS] +
	       counts[LEAPS] * (time_size + 4) + counts[STANDARD_INDICATORS] +
	       counts[UTC_INDICATORS];
}

/* The 64-bit block and what follows it. */
static bool read_block(struct zone *z, struct view block, const size_t counts[N_COUNTS])
{
	const char *kinds = block.p + counts[TIMES] * 8, *types = kinds + counts[TIMES];
	struct view footer = {block.p + block_size(counts, 8), 0};

	footer.len = block.len - block_size(counts, 8);
	z->changes = xcalloc(counts[TIMES] + 1, sizeof(*z->changes));
	z->n = counts[TIMES];
	z->offset = (int32_t)be32(types);
	for (size_t i = 0; i < z->n; i++) {
		size_t kind = (unsigned char)kinds[i];

		if (kind >= counts[TYPES])
			return false;
		z->changes[i].at = be64(block.p + 8 * i);
		z->changes[i].offset = (int32_t)be32(types + kind * TYPE_SIZE);
		if (i && z->changes[i].at <= z->changes[i - 1].at)
			return false;
	}
	/* A rule has commas. */
	return !memchr(footer.p, ',', footer.len) || (z->n && z->changes[z->n - 1].at >= TABLE_END);
}

static bool read_file(struct zone *z, struct view rest)
{
	size_t counts[N_COUNTS], size;

	if (!read_header(&rest, counts) || (size = block_size(counts, 4)) > rest.len)
		return false;
	rest.p += size;
	rest.len -= size;
	return read_header(&rest, counts) && counts[TYPES] && block_size(counts, 8) <= rest.len &&
	       read_block(z, rest, counts);
}

/* Letters and digits with single slashes between: nothing that leaves the folder. */
static bool is_name(const char *name)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-/";

	return *name && *name != '/' && strlen(name) < 100 &&
	       strspn(name, allowed) == strlen(name) && !strstr(name, "//");
}

static int load(struct zone *z, const char *name, struct err *err)
{
	struct str text CLEANUP_STR = STR_INIT;
	char *path CLEANUP(freep) = path_join(ZONES, name);

	if (!is_name(name) || file_read(path, ZONE_FILE_MAX, &text, NULL) < 0)
		return err_set(err, ERR_NOT_FOUND, "there is no time zone '%s'", name);
	if (read_file(z, str_view(&text)))
		return 0;
	zone_release(z);
	return err_set(err, ERR_MALFORMED, "%s is not the complete table of a time zone", path);
}

/* "+HH:MM" */
static bool fixed(const char *text, int32_t *ret)
{
	unsigned hours, minutes;
	char sign;
	int end = 0;

	if (sscanf(text, "%c%2u:%2u%n", &sign, &hours, &minutes, &end) != 3 || text[end] ||
		(sign != '+' && sign != '-') || hours > 14 || minutes > 59)
		return false;
	*ret = (sign == '-' ? -1 : 1) * (int32_t)(hours * 3600 + minutes * 60);
	return true;
}

int zone_init(struct zone *z, const char *name, struct err *err)
{
	*z = (struct zone){0};
	if (!name || strcmp(name, "UTC") == 0 ||
		(strncmp(name, "UTC", 3) == 0 && fixed(name + 3, &z->offset)))
		return 0;
	return load(z, name, err);
}

void zone_release(struct zone *z)
{
	if (!z)
		return;
	free(z->changes);
	*z = (struct zone){0};
}

int64_t zone_offset_usec(const struct zone *z, int64_t usec)
{
	size_t from = 0, to = z->n;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (z->changes[middle].at * USEC_PER_SEC <= usec)
			from = middle + 1;
		else
			to = middle;
	}
	return (from ? z->changes[from - 1].offset : z->offset) * USEC_PER_SEC;
}
