/* SPDX-License-Identifier: Apache-2.0 */
/* Message: total length, length of the headers, CRC-32 of these two; the headers; the payload;
 * CRC-32 of all before. Header: length and text of the name, type, length and text of the value.
 * All numbers are big-endian. */
#include "codec/event_stream.h"

#include <zlib.h>

#include "base/macros.h"

#define PRELUDE_BYTES 12
#define CHECKSUM_BYTES 4
#define TYPE_STRING 7

static void add_number(struct str *out, uint32_t v, int bytes)
{
	while (bytes-- > 0)
		str_add_c(out, (char)(v >> (8 * bytes)));
}

/* Of what was appended since start. */
static void add_checksum(struct str *out, size_t start)
{
	uLong sum =
		crc32(crc32(0, NULL, 0), (const Bytef *)out->p + start, (uInt)(out->len - start));

	add_number(out, (uint32_t)sum, CHECKSUM_BYTES);
}

static size_t header_bytes(const struct event_stream_header *h)
{
	size_t name = strlen(h->name), value = strlen(h->value);

	BUG_ON(name > UINT8_MAX || value > UINT16_MAX);
	return 1 + name + 1 + 2 + value;
}

static void add_header(struct str *out, const struct event_stream_header *h)
{
	str_add_c(out, (char)strlen(h->name));
	str_add(out, h->name);
	str_add_c(out, TYPE_STRING);
	add_number(out, (uint32_t)strlen(h->value), 2);
	str_add(out, h->value);
}

void event_stream_add(
	struct str *out, const struct event_stream_header *headers, size_t n, struct view payload)
{
	size_t start = out->len, of_headers = 0, total;

	for (size_t i = 0; i < n; i++)
		of_headers += header_bytes(&headers[i]);
	total = PRELUDE_BYTES + of_headers + payload.len + CHECKSUM_BYTES;
	BUG_ON(total > UINT32_MAX);
	add_number(out, (uint32_t)total, 4);
	add_number(out, (uint32_t)of_headers, 4);
	add_checksum(out, start);
	for (size_t i = 0; i < n; i++)
		add_header(out, &headers[i]);
	str_add_view(out, payload);
	add_checksum(out, start);
}
