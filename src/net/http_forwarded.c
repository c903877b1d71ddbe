/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that come through proxies: what a trusted one says of the client stands for the
 * connection's own; what anybody else says so is not looked at. */
#include <arpa/inet.h>
#include <strings.h>

#include "net/http_exchange.h"

int http_proxies_parse(const char *list, struct http_proxies *ret, struct err *err)
{
	struct view rest = view_of(list ? list : "");
	struct cidr range;

	while (rest.p) {
		struct view item = view_trim(view_cut(&rest, ','));

		if (!item.len)
			continue;
		if (!cidr_parse(item, &range)) {
			err_set(err, ERR_INVALID, "'" VIEW_FMT "' is no address of proxies",
				VIEW_ARG(item));
			return err_hint(err, "an address or a range, as 10.0.0.0/24");
		}
		vec_push(&ret->list, range);
	}
	return 0;
}

static bool is_trusted(const struct http_proxies *p, const struct cidr *address)
{
	vec_foreach (range, &p->list) {
		if (cidr_holds(range, address))
			return true;
	}
	return false;
}

/* Cuts off what stands behind the last ','; at the first one the list has no more. */
static struct view cut_last(struct view *list)
{
	size_t at = list->len;
	struct view item;

	while (at > 0 && list->p[at - 1] != ',')
		at--;
	item = (struct view){list->p + at, list->len - at};
	list->len = at ? at - 1 : 0;
	if (!at)
		list->p = NULL;
	return view_trim(item);
}

/* 192.0.2.1, 192.0.2.1:443, 2001:db8::1, [2001:db8::1]:443 */
static bool read_address(struct view text, struct cidr *ret)
{
	const char *colon = text.len ? memchr(text.p, ':', text.len) : NULL;
	const char *close = text.len ? memchr(text.p, ']', text.len) : NULL;

	if (close && text.p[0] == '[')
		text = (struct view){text.p + 1, (size_t)(close - text.p) - 1};
	else if (colon && colon == memrchr(text.p, ':', text.len))
		text.len = (size_t)(colon - text.p);
	return cidr_parse(text, ret) && !ret->ranged;
}

static char *write_address(struct arena *a, const struct cidr *address)
{
	char text[INET6_ADDRSTRLEN] = "";

	inet_ntop(address->n == 4 ? AF_INET : AF_INET6, address->address, text, sizeof(text));
	return arena_strdup(a, text);
}

/* From the nearest proxy outwards, across all headers of the name: the first address that is none
 * of a trusted proxy; up to one that cannot be read. */
static void find_client(struct http_exchange *x, const struct http_proxies *p)
{
	struct cidr address, client;
	bool found = false;

	for (size_t i = x->n_headers; i-- > 0;) {
		struct view list = view_of(x->headers[i].value);

		if (strcasecmp(x->headers[i].name, "X-Forwarded-For") != 0)
			continue;
		while (list.p) {
			if (!read_address(cut_last(&list), &address))
				goto out;
			client = address;
			found = true;
			if (!is_trusted(p, &client))
				goto out;
		}
	}
out:
	if (found)
		x->peer = write_address(&x->arena, &client);
}

/* The word of the nearest proxy. */
static void find_scheme(struct http_exchange *x)
{
	for (size_t i = x->n_headers; i-- > 0;) {
		struct view list = view_of(x->headers[i].value), scheme;

		if (strcasecmp(x->headers[i].name, "X-Forwarded-Proto") != 0)
			continue;
		scheme = cut_last(&list);
		if (view_eq_str(scheme, "https") || view_eq_str(scheme, "http"))
			x->secure = view_eq_str(scheme, "https");
		return;
	}
}

void http_forwarded_apply(struct http_exchange *x)
{
	const struct http_proxies *p = &x->server->proxies;
	struct cidr peer;

	if (!p->list.n || !cidr_parse(view_of(x->peer), &peer) || !is_trusted(p, &peer))
		return;
	find_scheme(x);
	find_client(x, p);
}
