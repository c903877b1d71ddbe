/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http_tls.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <pthread.h>

#include "base/mem.h"

#define CHAIN_MAX 16

/* One chain and its key. */
struct shown {
	struct shown *before;
	gnutls_pcert_st chain[CHAIN_MAX];
	unsigned int n;
	gnutls_privkey_t key;
};

struct http_tls {
	pthread_mutex_t lock;
	struct shown *now; /* NULL: none yet; under lock */
};

static int fail(int code, const char *what, struct err *err)
{
	return err_set(err, ERR_INVALID, "%s: %s", what, gnutls_strerror(code));
}

static struct shown *shown_free(struct shown *s)
{
	if (!s)
		return NULL;
	for (unsigned int i = 0; i < s->n; i++)
		gnutls_pcert_deinit(&s->chain[i]);
	if (s->key)
		gnutls_privkey_deinit(s->key);
	free(s);
	return NULL;
}
DEFINE_FREEP(struct shown, shown_free)

struct http_tls *http_tls_new(void)
{
	struct http_tls *t = xcalloc(1, sizeof(*t));

	pthread_mutex_init(&t->lock, NULL);
	return t;
}

struct http_tls *http_tls_free(struct http_tls *t)
{
	if (!t)
		return NULL;
	while (t->now) {
		struct shown *s = t->now;

		t->now = s->before;
		shown_free(s);
	}
	pthread_mutex_destroy(&t->lock);
	free(t);
	return NULL;
}

static gnutls_datum_t datum_of(struct view v)
{
	return (gnutls_datum_t){(unsigned char *)(uintptr_t)v.p, (unsigned int)v.len};
}

int http_tls_show(struct http_tls *t, struct view chain_pem, struct view key_pem, struct err *err)
{
	struct shown *s CLEANUP(shown_freep) = xcalloc(1, sizeof(*s));
	gnutls_datum_t chain = datum_of(chain_pem), key = datum_of(key_pem);
	unsigned int n = CHAIN_MAX;
	int code = gnutls_pcert_list_import_x509_raw(
		s->chain, &n, &chain, GNUTLS_X509_FMT_PEM, GNUTLS_X509_CRT_LIST_SORT);

	if (code < 0)
		return fail(code, "the chain of certificates cannot be used", err);
	s->n = n;
	code = gnutls_privkey_init(&s->key);
	if (code == 0)
		code = gnutls_privkey_import_x509_raw(s->key, &key, GNUTLS_X509_FMT_PEM, NULL, 0);
	if (code < 0)
		return fail(code, "the private key cannot be used", err);
	pthread_mutex_lock(&t->lock);
	s->before = t->now;
	t->now = TAKE_PTR(s);
	pthread_mutex_unlock(&t->lock);
	return 0;
}

void http_tls_on_connection(void *arg, struct MHD_Connection *c, void **socket_context,
	enum MHD_ConnectionNotificationCode code)
{
	(void)c;
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		*socket_context = arg;
}

/* The library keeps a session's connection as the session's pointer. */
static struct http_tls *tls_of(gnutls_session_t session)
{
	struct MHD_Connection *c = gnutls_session_get_ptr(session);
	const union MHD_ConnectionInfo *info =
		c ? MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT) : NULL;

	return info ? info->socket_context : NULL;
}

static int certificate_for(gnutls_session_t session, const struct gnutls_cert_retr_st *info,
	gnutls_pcert_st **ret_chain, unsigned int *ret_n, gnutls_ocsp_data_st **ret_ocsp,
	unsigned int *ret_n_ocsp, gnutls_privkey_t *ret_key, unsigned int *flags)
{
	struct http_tls *t = tls_of(session);
	struct shown *s;

	(void)info;
	*ret_ocsp = NULL;
	*ret_n_ocsp = 0;
	*flags = 0; /* what is shown stays ours */
	if (!t)
		return -1;
	pthread_mutex_lock(&t->lock);
	s = t->now;
	pthread_mutex_unlock(&t->lock);
	if (!s)
		return -1;
	*ret_chain = s->chain;
	*ret_n = s->n;
	*ret_key = s->key;
	return 0;
}

void *const http_tls_certificate_callback = (void *)certificate_for;
