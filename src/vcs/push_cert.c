/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/push_cert.h"

#include "vcs/pkt.h"

#define SIGNATURE_BEGINS "-----BEGIN "
#define NONCE "nonce "

int push_cert_begin(
	struct push_cert *c, const struct vcs_push *p, struct view capabilities, struct err *err)
{
	if (c->begun || p->n)
		return err_set(err, ERR_MALFORMED,
			"a signed push names what it changes in its certificate alone");
	c->begun = true;
	str_add_view(&c->capabilities, capabilities);
	return 0;
}

bool push_cert_takes(struct push_cert *c, struct view line)
{
	if (!c->begun || c->ended)
		return false;
	if (view_eq_str(view_trim(line), "push-cert-end"))
		c->ended = true;
	else
		str_add_view(&c->text, line);
	return true;
}

/* Up to the empty line; *rest is what follows. */
static void read_headers(struct vcs_push_cert *cert, struct view *rest, struct arena *a)
{
	while (rest->p) {
		struct view line = view_cut(rest, '\n');

		if (!line.len)
			return;
		if (view_starts_with(line, NONCE))
			cert->nonce =
				arena_strndup(a, line.p + strlen(NONCE), line.len - strlen(NONCE));
	}
}

/* The request as it would have been without a signature. */
static void put_commands(const struct push_cert *c, struct vcs_push *p)
{
	CLEANUP_STR struct str raw = STR_INIT, line = STR_INIT;

	str_add_view(&raw, str_view(&c->shallow));
	for (size_t i = 0; i < p->n; i++) {
		const struct vcs_command *command = &p->commands[i];

		str_clear(&line);
		str_addf(&line, "%s %s %s", command->before.hex, command->after.hex, command->ref);
		if (i == 0) {
			str_add_c(&line, '\0');
			str_add_view(&line, str_view(&c->capabilities));
		}
		pkt_add(&raw, str_view(&line));
	}
	str_add(&raw, PKT_FLUSH);
	str_add_n(&raw, p->raw.p + p->head, p->raw.len - p->head);
	p->head = raw.len - (p->raw.len - p->head);
	str_release(&p->raw);
	p->raw = raw;
	raw = STR_INIT;
}

int push_cert_finish(struct push_cert *c, struct vcs_push *p, struct arena *a,
	int (*command)(void *arg, struct view line, struct err *err), void *arg, struct err *err)
{
	struct vcs_push_cert *cert = arena_new(a, struct vcs_push_cert);
	struct view rest;

	if (!c->ended)
		return err_set(err, ERR_MALFORMED, "the push ends within its certificate");
	cert->text = rest = (struct view){arena_view_dup(a, str_view(&c->text)), c->text.len};
	read_headers(cert, &rest, a);
	while (rest.len && !view_starts_with(rest, SIGNATURE_BEGINS))
		if (command(arg, view_cut(&rest, '\n'), err) < 0)
			return -1;
	if (!rest.len || !p->n)
		return err_set(err, ERR_MALFORMED,
			"the push certificate has no signature or names no reference");
	cert->payload = (struct view){cert->text.p, (size_t)(rest.p - cert->text.p)};
	cert->signature = rest;
	p->cert = cert;
	put_commands(c, p);
	return 0;
}

void push_cert_release(struct push_cert *c)
{
	str_release(&c->text);
	str_release(&c->capabilities);
	str_release(&c->shallow);
}
