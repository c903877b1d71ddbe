/* SPDX-License-Identifier: Apache-2.0 */
/* The head of a receive-pack request, the report that refuses it, and pkt-lines. */
#include <ctype.h>
#include <endian.h>

#include "base/vec.h"
#include "vcs/pkt.h"
#include "vcs/push_cert.h"
#include "vcs/transport.h"

#define SIDEBAND_MAX 65515
#define PUSH_HEAD_MAX (8 * MIB)
#define PACK_HEAD 12 /* "PACK", the version, how many objects */
#define CHUNK (16 * KIB)

int pkt_length(const char *digits)
{
	int n = 0;

	for (int i = 0; i < 4; i++) {
		int c = tolower((unsigned char)digits[i]);

		if (!isxdigit(c))
			return -1;
		n = n * 16 + (isdigit(c) ? c - '0' : c - 'a' + 10);
	}
	return n;
}

void pkt_add(struct str *out, struct view payload)
{
	str_addf(out, "%04zx", payload.len + 4);
	str_add_view(out, payload);
}

void pkt_addf(struct str *out, const char *fmt, ...)
{
	CLEANUP_STR struct str text = STR_INIT;
	va_list ap;

	va_start(ap, fmt);
	str_vaddf(&text, fmt, ap);
	va_end(ap);
	pkt_add(out, str_view(&text));
}

void pkt_add_band(struct str *out, int band, struct view bytes)
{
	while (bytes.len) {
		size_t n = MIN(bytes.len, (size_t)SIDEBAND_MAX);

		str_addf(out, "%04zx%c", n + 5, band);
		str_add_n(out, bytes.p, n);
		bytes.p += n;
		bytes.len -= n;
	}
}

/* Reads until the raw text holds n bytes; what comes along beyond them stays there for git.
 * 1, or 0 when the request ended before. */
static int fill(const struct vcs_stream *s, struct vcs_push *p, size_t n, struct err *err)
{
	while (p->raw.len < n) {
		ssize_t got;

		str_reserve(&p->raw, CHUNK);
		got = s->read(s->arg, p->raw.p + p->raw.len, CHUNK, err);
		if (got < 0)
			return -1;
		if (got == 0)
			return 0;
		p->raw.len += (size_t)got;
	}
	return 1;
}

static bool has_word(struct view list, const char *word)
{
	while (list.p) {
		struct view item = view_trim(view_cut(&list, ' '));

		if (view_eq_str(item, word))
			return true;
	}
	return false;
}

/* A request under way. */
struct reading {
	const struct vcs_stream *s;
	struct arena *a;
	struct vcs_push *p;
	size_t cap; /* of p->commands */
	struct push_cert cert;
};

static int parse_command(void *arg, struct view command, struct err *err)
{
	struct reading *r = arg;
	struct vcs_push *p = r->p;
	struct view rest = view_trim(command), before, after;
	struct vcs_command c = {0};

	before = view_cut(&rest, ' ');
	after = view_cut(&rest, ' ');
	if (!vcs_id_parse(before, &c.before) || !vcs_id_parse(after, &c.after) || !rest.len)
		return err_set(
			err, ERR_MALFORMED, "not a push command: " VIEW_FMT, VIEW_ARG(command));
	if (p->n >= VCS_PUSH_COMMANDS_MAX) {
		p->too_many = true;
		return 0;
	}
	c.ref = arena_view_dup(r->a, rest);
	if (p->n == r->cap) {
		struct vcs_command *more = arena_new_n(r->a, r->cap * 2 + 16, struct vcs_command);

		if (p->n)
			memcpy(more, p->commands, p->n * sizeof(*more));
		p->commands = more;
		r->cap = r->cap * 2 + 16;
	}
	p->commands[p->n++] = c;
	return 0;
}

static void take_capabilities(struct vcs_push *p, struct view capabilities)
{
	p->report_status = has_word(capabilities, "report-status") ||
			   has_word(capabilities, "report-status-v2");
	p->sideband = has_word(capabilities, "side-band-64k");
	p->atomic = has_word(capabilities, "atomic");
	p->quiet = has_word(capabilities, "quiet");
}

static int take_line(struct reading *r, struct view line, struct err *err)
{
	struct view capabilities = line, command = view_cut(&capabilities, '\0');

	if (push_cert_takes(&r->cert, line))
		return 0;
	if (view_starts_with(command, "shallow ")) {
		pkt_add(&r->cert.shallow, line);
		command = view_trim(command);
		str_addf(&r->p->shallow, VIEW_FMT "\n",
			VIEW_ARG(((struct view){command.p + 8, command.len - 8})));
		return 0;
	}
	if (view_eq_str(view_trim(command), "push-cert")) {
		take_capabilities(r->p, capabilities);
		return push_cert_begin(&r->cert, r->p, capabilities, err);
	}
	if (r->cert.begun)
		return err_set(err, ERR_MALFORMED,
			"a signed push names what it changes in its certificate alone");
	if (parse_command(r, command, err) < 0)
		return -1;
	if (r->p->n == 1 && capabilities.p)
		take_capabilities(r->p, capabilities);
	return 0;
}

/* The packet at an offset: its length with the four digits, 0 for a flush, -1. */
static int packet_at(const struct vcs_stream *s, struct vcs_push *p, size_t at, struct err *err)
{
	int rc = fill(s, p, at + 4, err), length;

	if (rc == 0 && p->raw.len == 0)
		return 0;
	length = rc > 0 ? pkt_length(p->raw.p + at) : -1;
	if (rc > 0 && length == 0)
		return 0;
	if (rc > 0 && (length < 4 || length > PKT_MAX || at > PUSH_HEAD_MAX))
		return err_set(err, ERR_MALFORMED, "the push is not in git's format");
	if (rc > 0)
		rc = fill(s, p, at + (size_t)length, err);
	if (rc == 0)
		return err_set(err, ERR_MALFORMED, "the push ends before its time");
	return rc < 0 ? -1 : length;
}

/* Up to the flush packet. */
static int read_lines(struct reading *r, struct err *err)
{
	struct vcs_push *p = r->p;
	size_t at = 0;

	for (;;) {
		int length = packet_at(r->s, p, at, err);
		struct view line;

		p->head = MIN(at + 4, p->raw.len);
		if (length == 0 && r->cert.begun &&
			push_cert_finish(&r->cert, p, r->a, parse_command, r, err) < 0)
			return -1;
		if (length == 0 && p->too_many)
			return err_set(err, ERR_TOO_LARGE,
				"Too many reference update commands: more than %d in one push",
				VCS_PUSH_COMMANDS_MAX);
		if (length <= 0)
			return length;
		line = (struct view){p->raw.p + at + 4, (size_t)length - 4};
		if (take_line(r, line, err) < 0)
			return -1;
		at += (size_t)length;
	}
}

int vcs_push_read(
	const struct vcs_stream *s, struct arena *a, struct vcs_push *ret, struct err *err)
{
	struct reading r = {.s = s, .a = a, .p = ret};
	int rc;

	*ret = (struct vcs_push){0};
	rc = read_lines(&r, err);
	push_cert_release(&r.cert);
	return rc;
}

void vcs_push_release(struct vcs_push *p)
{
	str_release(&p->raw);
	str_release(&p->shallow);
}

bool vcs_push_has_pack(const struct vcs_push *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (!vcs_id_is_zero(&p->commands[i].after))
			return true;
	return false;
}

int vcs_push_objects(const struct vcs_stream *s, struct vcs_push *p, uint32_t *ret, struct err *err)
{
	uint32_t n;
	int rc = fill(s, p, p->head + PACK_HEAD, err);

	if (rc < 0)
		return -1;
	if (rc == 0 || memcmp(p->raw.p + p->head, "PACK", 4) != 0)
		return err_set(err, ERR_MALFORMED, "no pack follows the commands of the push");
	memcpy(&n, p->raw.p + p->head + 8, sizeof(n));
	*ret = be32toh(n);
	return 0;
}

int vcs_push_read_pack(const struct vcs_stream *s, struct vcs_push *p, size_t max, struct err *err)
{
	int rc = fill(s, p, p->head + max + 1, err);

	return rc < 0 ? -1 : !rc;
}

int vcs_push_drain(const struct vcs_stream *s, struct err *err)
{
	CLEANUP(freep) char *buf = xmalloc(64 * KIB);
	ssize_t got;

	while ((got = s->read(s->arg, buf, 64 * KIB, err)) > 0)
		;
	return got < 0 ? -1 : 0;
}

int vcs_push_report(const struct vcs_push *p, const char *const *reasons, const char *message,
	const struct vcs_stream *s, struct err *err)
{
	CLEANUP_STR struct str report = STR_INIT;
	CLEANUP_STR struct str out = STR_INIT;

	if (p->report_status) {
		pkt_addf(&report, "unpack ok\n");
		for (size_t i = 0; i < p->n; i++) {
			if (reasons[i])
				pkt_addf(&report, "ng %s %s\n", p->commands[i].ref, reasons[i]);
			else
				pkt_addf(&report, "ok %s\n", p->commands[i].ref);
		}
		str_add(&report, PKT_FLUSH);
	}
	if (p->sideband) {
		if (message) {
			CLEANUP_STR struct str line = STR_INIT;

			str_addf(&line, "%s\n", message);
			pkt_add_band(&out, 2, str_view(&line));
		}
		pkt_add_band(&out, 1, str_view(&report));
		str_add(&out, PKT_FLUSH);
	} else {
		str_add_view(&out, str_view(&report));
	}
	return s->write(s->arg, out.p, out.len, err);
}
