/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/server_tls.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"

#define DAY_USEC (24 * 3600 * USEC_PER_SEC)
#define LIFE_USEC (825 * DAY_USEC)
#define RENEW_USEC (30 * DAY_USEC)

void server_tls_release(struct server_tls *t)
{
	if (t->key.p)
		explicit_bzero(t->key.p, t->key.len);
	str_release(&t->chain);
	str_release(&t->key);
	free(t->ca_file);
	*t = (struct server_tls){0};
}

/* ---- the operator's ---- */

static int read_own(const struct server_tls_config *c, struct server_tls *t, struct err *err)
{
	if (!c->cert || !c->key) {
		err_set(err, ERR_INVALID, "%s is given without %s",
			c->cert ? "--tls-cert" : "--tls-key", c->cert ? "--tls-key" : "--tls-cert");
		return err_hint(err, "a certificate and its key are named together");
	}
	if (file_read(c->cert, LIMIT_TLS_FILE, &t->chain, err) < 0 ||
		file_read(c->key, LIMIT_TLS_FILE, &t->key, err) < 0)
		return -1;
	if (certificate_check(
		    str_view(&t->chain), str_view(&t->key), clock_true_now(), &t->info, err) < 0)
		return err_wrap(err, "--tls-cert %s, --tls-key %s", c->cert, c->key);
	return 0;
}

/* ---- the server's ---- */

static bool is_address(const char *name)
{
	unsigned char bytes[16];

	return inet_pton(AF_INET, name, bytes) == 1 || inet_pton(AF_INET6, name, bytes) == 1;
}

/* localhost, the loopback's addresses, this machine, the address listened at, what was asked for.
 */
static void wanted_names(const struct server_tls_config *c, struct strv *names)
{
	struct view rest = view_of(c->names ? c->names : "");
	char host[256] = "";

	if (gethostname(host, sizeof(host) - 1) == 0 && *host)
		strv_add(names, host);
	strv_add(names, "localhost");
	strv_add(names, "127.0.0.1");
	strv_add(names, "::1");
	if (!streq(c->address, "0.0.0.0") && !streq(c->address, "::") &&
		!streq(c->address, "127.0.0.1") && !streq(c->address, "::1"))
		strv_add(names, c->address);
	if (c->host) {
		strv_add(names, c->host);
		if (strchr(c->host, '.') && !is_address(c->host)) /* no pattern has one label */
			strv_addf(names, "*.%s", c->host);
	}
	while (rest.p) {
		struct view name = view_trim(view_cut(&rest, ','));

		if (name.len)
			strv_addf(names, VIEW_FMT, VIEW_ARG(name));
	}
}

static int check_names(const struct strv *names, struct err *err)
{
	for (size_t i = 0; i < names->n; i++) {
		const char *name = names->v[i];

		if (name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-_.:*")])
			return err_set(err, ERR_INVALID,
				"--tls-name: '%s' is no host name or IP address", name);
	}
	return 0;
}

static bool covers_all(const struct server_tls *t, const struct strv *names)
{
	for (size_t i = 0; i < names->n; i++) {
		char *name CLEANUP(freep) = xstrdup(names->v[i]);

		if (name[0] == '*')
			name[0] = 'w'; /* a name that the pattern stands for */
		if (!certificate_covers(str_view(&t->chain), name))
			return false;
	}
	return true;
}

static int read_or_make_key(const char *path, struct server_tls *t, struct err *err)
{
	if (file_exists(path))
		return file_read(path, LIMIT_TLS_FILE, &t->key, err);
	if (certificate_make_key(&t->key, err) < 0)
		return -1;
	return file_write_atomic(path, str_view(&t->key), 0600, err);
}

static bool is_good(const char *path, const struct strv *names, struct server_tls *t)
{
	return file_exists(path) && file_read(path, LIMIT_TLS_FILE, &t->chain, NULL) == 0 &&
	       certificate_check(str_view(&t->chain), str_view(&t->key), clock_true_now(), &t->info,
		       NULL) == 0 &&
	       t->info.not_after_usec - clock_true_now() > RENEW_USEC && covers_all(t, names);
}

static int read_or_make(const struct server_tls_config *c, struct server_tls *t, struct err *err)
{
	char *dir CLEANUP(freep) = xasprintf("%s/tls", c->data_dir);
	char *key CLEANUP(freep) = xasprintf("%s/server.key", dir);
	struct strv names CLEANUP_STRV = {0};
	int64_t now = clock_true_now();

	t->ca_file = xasprintf("%s/server.pem", dir);
	wanted_names(c, &names);
	if (check_names(&names, err) < 0 || file_make_dirs(dir, 0700, err) < 0 ||
		read_or_make_key(key, t, err) < 0)
		return -1;
	if (is_good(t->ca_file, &names, t))
		return 0;
	str_clear(&t->chain);
	if (certificate_make(str_view(&t->key), &names, now, LIFE_USEC, &t->chain, err) < 0 ||
		certificate_check(str_view(&t->chain), str_view(&t->key), now, &t->info, err) < 0)
		return err_wrap(err, "%s", key);
	return file_write_atomic(t->ca_file, str_view(&t->chain), 0644, err);
}

int server_tls_load(const struct server_tls_config *c, struct server_tls *ret, struct err *err)
{
	*ret = (struct server_tls){0};
	if (c->cert || c->key)
		return read_own(c, ret, err);
	return read_or_make(c, ret, err);
}
