/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 (RFC 4648 section 4). */
#include "codec/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(struct view bytes, struct str *out)
{
	const unsigned char *p = (const unsigned char *)bytes.p;

	str_reserve(out, (bytes.len + 2) / 3 * 4);
	for (size_t i = 0; i < bytes.len; i += 3) {
		size_t left = bytes.len - i;
		uint32_t v = (uint32_t)p[i] << 16;
		char quad[4];

		v |= left > 1 ? (uint32_t)p[i + 1] << 8 : 0;
		v |= left > 2 ? (uint32_t)p[i + 2] : 0;
		quad[0] = alphabet[v >> 18];
		quad[1] = alphabet[v >> 12 & 63];
		quad[2] = left > 1 ? alphabet[v >> 6 & 63] : '=';
		quad[3] = left > 2 ? alphabet[v & 63] : '=';
		str_add_n(out, quad, 4);
	}
}

static int digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool base64_decode(struct view text, struct arena *a, struct view *ret)
{
	char *out = arena_alloc(a, text.len / 4 * 3 + 4);
	size_t n = 0, digits = 0, padding = 0;
	uint32_t bits = 0;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.p[i];
		int d;

		if (c == '\r' || c == '\n' || c == ' ')
			continue;
		if (c == '=') {
			padding++;
			continue;
		}
		d = digit(c);
		if (d < 0 || padding)
			return false;
		bits = bits << 6 | (uint32_t)d;
		if (++digits % 4 == 0) {
			out[n++] = (char)(bits >> 16);
			out[n++] = (char)(bits >> 8);
			out[n++] = (char)bits;
		}
	}
	if (digits % 4 == 1 || (padding && (digits + padding) % 4) || padding > 2)
		return false;
	if (digits % 4 == 2) {
		out[n++] = (char)(bits >> 4);
	} else if (digits % 4 == 3) {
		out[n++] = (char)(bits >> 10);
		out[n++] = (char)(bits >> 2);
	}
	*ret = (struct view){out, n};
	return true;
}
